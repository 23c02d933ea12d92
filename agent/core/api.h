/* SPDX-License-Identifier: MIT */
/*
 * The guest-sessions API: request in, answer out, no I/O. On-line state comes from the session engine, in
 * the call; what only the store knows takes two steps:
 *
 *   api_begin()   -> API_ANSWERED, *response is the answer
 *                 -> API_NEEDS_HISTORY, have call->query answered, then
 *   api_finish()  -> *response is the answer
 *
 * or has no end:    -> API_STREAMS_EVENTS, *response is its head, and call->last_event_id says where it goes on
 *
 * The caller makes sure that the engine is fresh (config max_staleness_ms) before both. Between them the
 * world may change: api_finish looks at the engine as it is then for live values, and merges the sessions
 * whose rows were left out of the query (they were copied into the call by api_begin).
 */
#ifndef CORE_API_H
#define CORE_API_H

#include "base/instant.h"
#include "core/event_ring.h"
#include "core/history.h"
#include "core/http_message.h"
#include "core/ports.h"
#include "core/public_id.h"
#include "core/session.h"

struct rate_limiter;

/* Borrowed for the API's life. */
struct api_settings {
	const char *mount;    /* "/api/v1", no trailing slash */
	const char *base_url; /* NULL: from the request */
	const struct ip_prefix *trusted_proxies;
	size_t n_trusted_proxies;
};

struct api {
	struct api_settings settings;
	const struct session_engine *engine;
	struct zone_port zone;
	struct token_port tokens;
	struct health_port health;
	struct public_id_key id_key;
	struct rate_limiter *limiter; /* NULL: no limits */
};

enum api_step { API_ANSWERED, API_NEEDS_HISTORY, API_STREAMS_EVENTS };

/* A call that waits for the store. Owned by the caller, opaque but for query. */
struct api_call {
	struct history_query query;
	struct api_pending *pending;       /* what api_finish needs of the request */
	char last_event_id[EVENT_ID_SIZE]; /* "": none */
};

/* *call is filled only for API_NEEDS_HISTORY and API_STREAMS_EVENTS. *response is filled but for API_NEEDS_HISTORY. */
enum api_step api_begin(const struct api *api, struct instant now, const struct http_request *request,
			struct api_call *call, struct http_response *response);

/* result->error gives a 500. Call and result stay the caller's to clean. */
void api_finish(const struct api *api, struct instant now, struct api_call *call, struct history_result *result,
		struct http_response *response);

void api_call_clean(struct api_call *call);

#endif
