/* SPDX-License-Identifier: MIT */
/* Between http_exchange.c, which has the library's callbacks, and http_stream.c. */
#ifndef IO_HTTP_STREAM_PRIVATE_H
#define IO_HTTP_STREAM_PRIVATE_H

#include "io/http_exchange.h"
#include "io/http_stream.h"

/* 0 or -errno. */
int http_stream_new(struct http_exchanges *all, struct MHD_Connection *connection, const struct http_stream_ops *ops,
		    void *context, struct http_stream **out);

/* Queues the answer; consumes *head. */
enum MHD_Result http_stream_send(struct http_stream *stream, struct http_response *head);

/* The library is done with the request: calls gone(), frees. */
void http_stream_completed(struct http_stream *stream);

/* The server closes: all end once they have nothing more to say. */
void http_streams_end(struct http_exchanges *all);

#endif
