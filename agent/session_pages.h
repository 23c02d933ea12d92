/* SPDX-License-Identifier: MIT */
/* Lists of the API, page after page, for the subcommands that show them. */
#ifndef SESSION_PAGES_H
#define SESSION_PAGES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Appends "&key=value", percent-encoded. */
void query_append(struct strbuf *query, const char *key, const char *value);

struct page_source {
	const char *socket_path;
	const char *mount;
	const char *query;  /* "&online=true", or "" */
	size_t n_max;       /* sessions; 0: all */
	int64_t timeout_ms; /* for each page */
};

/*
 * GET /sessions with raw and detailed numbers. Calls visit for each page's array, which is borrowed; what visit returns
 * other than 0 ends it. 0; what visit returned; or -errno, logged unless it is one that passes
 * (local_client_is_passing). *has_more: n_max ended it, and another page follows; as it was after an error.
 */
int session_pages_each(const struct page_source *source, int (*visit)(void *context, const json_t *sessions),
		       void *context, bool *has_more);

/* One GET; *document is the caller's. As above, and -EPROTO, logged, when the answer is none or not 200. */
int page_get(const struct page_source *source, const char *target, json_t **document);

#endif
