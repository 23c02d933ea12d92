/* SPDX-License-Identifier: MIT */
/* An HTTP request and its answer as plain data: what core/api.h works on and io/http_server.h carries. */
#ifndef CORE_HTTP_MESSAGE_H
#define CORE_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

/* Borrowed for the call; a header that the client did not send is NULL. */
struct http_request {
	const char *method;
	const char *target; /* the raw request target: path and query, still percent-encoded */
	const char *host;
	const char *authorization;
	const char *content_type;
	const char *forwarded_for;
	const char *forwarded_proto;
	const char *forwarded_host;
	const char *last_event_id;
	const char *body; /* NULL without one */
	size_t body_length;
	bool is_tls;
	bool is_local_socket; /* came by the root-only Unix socket: trusted, unlimited */
	struct ip_addr peer;  /* unspecified for the Unix socket */
	/* the address and port it arrived at, for base URLs when there is no Host; NULL if unknown */
	const char *local_authority;
};

#define HTTP_HEADERS_MAX 8

struct http_header {
	const char *name; /* static */
	char *value;      /* owned */
};

struct http_response {
	int status;
	char *body; /* owned; JSON text */
	size_t body_length;
	const char *content_type; /* static */
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t n_headers;
};

void http_response_clean(struct http_response *response);
/* Adds a header with a formatted value; a failed allocation or a full table leaves it out. */
void http_response_header(struct http_response *response, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
