/* SPDX-License-Identifier: MIT */
/* HTTP messages between libmicrohttpd and core: a request as core sees it, an answer as the library sends it. */
#ifndef IO_MHD_MESSAGE_H
#define IO_MHD_MESSAGE_H

#include <microhttpd.h>

#include "base/addr.h"
#include "core/http_message.h"

#define MHD_AUTHORITY_SIZE (IP_TEXT_SIZE + sizeof("[]:65535"))

/* A request and what of it had to be put together. Everything else is borrowed from the connection. */
struct mhd_request {
	struct http_request request;
	char *forwarded_for; /* owned; only when the header was repeated */
	char local_authority[MHD_AUTHORITY_SIZE];
};

/* Fills in all but the target and the body. */
void mhd_request_read(struct MHD_Connection *connection, const char *method, struct mhd_request *out);
void mhd_request_clean(struct mhd_request *request);

/* Queues the answer and consumes *response. MHD_NO (which ends the connection) when memory is short. */
enum MHD_Result mhd_response_send(struct MHD_Connection *connection, struct http_response *response);

#endif
