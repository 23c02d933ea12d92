/* SPDX-License-Identifier: MIT */
/*
 * One request and its answer, between libmicrohttpd and the handler: the part of http_server.h that the
 * library calls. An exchange is held by two: by the library until it reports the request as completed, and by
 * the handler until it has answered. It goes when both have let go.
 */
#ifndef IO_HTTP_EXCHANGE_H
#define IO_HTTP_EXCHANGE_H

#include <microhttpd.h>

#include "io/http_server.h"

/* All exchanges of a server; the context of the callbacks below. */
struct http_exchanges {
	http_handler handler;
	void *context;
	size_t max_body_bytes;
	uv_loop_t *loop;
	struct http_exchange *suspended; /* those without an answer; utlist */
	struct http_stream *streams;     /* answers without an end; utlist */
	bool is_due;                     /* the library has to run: an answer came */
	bool is_closing;                 /* no request is handled any more */
};

/* The library's first call for a request, with the target as it came: later it is unescaped and cut at '?'. */
void *http_exchange_on_target(void *context, const char *target, struct MHD_Connection *connection);

/* Called once with the headers, for each piece of the body, at its end, and after a resume. */
enum MHD_Result http_exchange_on_request(void *context, struct MHD_Connection *connection, const char *url,
					 const char *method, const char *version, const char *upload,
					 size_t *upload_length, void **request_context);

void http_exchange_on_completed(void *context, struct MHD_Connection *connection, void **request_context,
				enum MHD_RequestTerminationCode code);

/* Resumes all that wait, so that the library may be stopped; their answers will go nowhere. */
void http_exchanges_drop(struct http_exchanges *all);

#endif
