/* SPDX-License-Identifier: MIT */
/*
 * libmicrohttpd on the loop, without threads: its epoll descriptor in a uv_poll, and a uv_prepare that arms
 * a timer from MHD_get_timeout (with the descriptor alone, idle connections would never be closed).
 *
 * A handler may answer at once or later; while it has not, the connection is suspended.
 *
 * Refused before any handler is asked, as JSON like every other error: 414 for a target beyond 16 KiB, 431 for
 * headers beyond 16 KiB in sum, 400 for a Host that is missing (but in HTTP/1.0) or repeated, 413 for the body.
 * What the library cannot read it refuses itself, in words of its own (HTML) and before we learn of it: a line
 * that is no HTTP or another version's (400, 505), a bad length or chunk, and targets and headers of some 60 kB or
 * of hundreds of parts (414, 431). The connection ends after each of these.
 */
#ifndef IO_HTTP_SERVER_H
#define IO_HTTP_SERVER_H

#include <stdint.h>
#include <uv.h>

#include "core/http_message.h"

struct http_server;
struct http_exchange; /* one request that waits for its answer */

/* request is borrowed for the call. The handler answers each exchange exactly once. */
typedef void (*http_handler)(void *context, struct http_exchange *exchange, const struct http_request *request);
typedef void (*http_server_closed)(void *context);

struct http_server_options {
	const char *listen_address; /* IPv4 or IPv6 text; NULL for the Unix socket alone */
	uint16_t port;              /* 0: any free one */
	const char *socket_path;    /* Unix socket, mode 0600; NULL for none */
	uint32_t max_connections;
	uint32_t idle_timeout_s;
	size_t max_body_bytes; /* beyond it: 413 */
};

/*
 * Listens. Says in one logged line what is wrong and what to do (a busy port, an address that is not here,
 * a socket in use). 0 or -errno; after a failure handles may be closing, so the loop must run once more.
 */
int http_server_new(uv_loop_t *loop, const struct http_server_options *options, http_handler handler, void *context,
		    struct http_server **out);

/* Sends the answer and consumes *response (also when the client has gone). */
void http_exchange_answer(struct http_exchange *exchange, struct http_response *response);

/* The port it listens on, in host byte order. */
uint16_t http_server_port(const struct http_server *server);

/*
 * Stops: unanswered exchanges are dropped (a later answer is still allowed and does nothing), connections are
 * closed, the server is freed, then closed runs on the loop.
 */
void http_server_close(struct http_server *server, http_server_closed closed, void *context);

#endif
