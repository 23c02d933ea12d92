/* SPDX-License-Identifier: MIT */
/* HTTP messages between libmicrohttpd and core: a request as core sees it, an answer as the library sends it. */
#ifndef IO_MHD_MESSAGE_H
#define IO_MHD_MESSAGE_H

#include <microhttpd.h>

#include "base/addr.h"
#include "core/http_message.h"

#define MHD_AUTHORITY_SIZE (IP_TEXT_SIZE + sizeof("[]:65535"))

#define MHD_N_HEADERS 7 /* that core reads */

/* A request and what of it had to be put together. The method is borrowed from the connection. */
struct mhd_request {
	struct http_request request;
	char *headers[MHD_N_HEADERS]; /* owned values, without the white space around them */
	char local_authority[MHD_AUTHORITY_SIZE];
};

/* Fills in all but the target and the body. 0 or -ENOMEM, and then there is nothing to clean. */
int mhd_request_read(struct MHD_Connection *connection, const char *method, struct mhd_request *out);
void mhd_request_clean(struct mhd_request *request);

/* Queues the answer and consumes *response. MHD_NO (which ends the connection) when memory is short. */
enum MHD_Result mhd_response_send(struct MHD_Connection *connection, struct http_response *response);

/* The same for an answer whose octets the reader hands out, and which has no end that is known. */
enum MHD_Result mhd_response_send_stream(struct MHD_Connection *connection, struct http_response *response,
					 MHD_ContentReaderCallback reader, void *context);

#endif
