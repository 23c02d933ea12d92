/* SPDX-License-Identifier: MIT */
/*
 * An answer without an end, for as long as its client listens: octets are asked for when the client can take them, so
 * a slow one costs no memory here. Between octets the connection is suspended in the library, where the server's idle
 * timeout does not run; a client that takes nothing of what is under way for that long is cut off.
 *
 * A client that ends its own side is taken for gone. In HTTP it might still read on, but those who do are rare, and one
 * that has left without a word would keep its place until something is sent to it.
 */
#ifndef IO_HTTP_STREAM_H
#define IO_HTTP_STREAM_H

#include "io/http_server.h"

struct http_stream; /* the server's; valid until gone() */

struct http_stream_ops {
	/* Puts up to max octets into buffer, and returns how many; 0: none now, ask again after http_stream_wake(). */
	size_t (*read)(void *context, char *buffer, size_t max);
	/* Once, whoever has ended it. Not before http_exchange_stream() has returned. */
	void (*gone)(void *context);
};

/*
 * Answers with head, whose body must be NULL and which is consumed, and with what read() gives. For a HEAD request
 * nothing is read, and gone() follows soon. 0; or -ENOMEM, -ECONNRESET (the client or the server is gone already) or
 * what the loop says, and the exchange still waits for its answer then.
 */
int http_exchange_stream(struct http_exchange *exchange, struct http_response *head, const struct http_stream_ops *ops,
			 void *context, struct http_stream **out);

/* There are octets to be read. */
void http_stream_wake(struct http_stream *stream);

/* Ends the answer when read() next says that there is nothing. */
void http_stream_end(struct http_stream *stream);

/* Cuts the connection, whatever is under way. */
void http_stream_drop(struct http_stream *stream);

#endif
