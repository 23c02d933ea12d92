/* SPDX-License-Identifier: MIT */
/*
 * The guest-sessions API: request in, answer out, no I/O. On-line state comes from the session engine, in
 * the call, and writes change it there; what the store has to do or to say takes more steps:
 *
 *   api_begin()         -> API_ANSWERED, *response is the answer
 *                       -> API_CHANGED, likewise; it is to be sent when the store has what has changed
 *                       -> API_NEEDS_HISTORY, have call->query answered, then
 *   api_finish()        -> one of the others
 *                       -> API_NEEDS_FORGET, have the store write what has changed, and then forget whose the session
 *                          call->forget_seq was (store_forget_person), then
 *   api_finish_forget() -> *response is the answer
 *
 * or has no end:          -> API_STREAMS_EVENTS, *response is its head, and call->last_event_id says where it goes on
 *
 * The caller makes sure that the engine is fresh (config max_staleness_ms) before all of them, and before a write
 * (api_is_write) that all counters are folded: octets are booked to who is there. Between the steps the
 * world may change: api_finish looks at the engine as it is then for live values, and merges the sessions
 * whose rows were left out of the query (they were copied into the call by api_begin).
 */
#ifndef CORE_API_H
#define CORE_API_H

#include "base/instant.h"
#include "core/event_ring.h"
#include "core/guest.h"
#include "core/history.h"
#include "core/http_message.h"
#include "core/ports.h"
#include "core/profile.h"
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
	struct session_engine *engine;
	struct guest_register *guests;
	struct event_list *events; /* what writes do is appended */
	const struct profile *profiles;
	size_t n_profiles;
	const char *location_id;   /* of a login that names none; may be NULL */
	const char *location_name; /* likewise */
	struct zone_port zone;
	struct token_port tokens;
	struct interface_port interfaces;
	struct health_port health;
	struct public_id_key id_key;
	struct rate_limiter *limiter; /* NULL: no limits */
};

enum api_step { API_ANSWERED, API_CHANGED, API_NEEDS_HISTORY, API_NEEDS_FORGET, API_STREAMS_EVENTS };

/* A call that waits for the store. Owned by the caller, opaque but for query and forget_seq. */
struct api_call {
	struct history_query query;
	uint64_t forget_seq;
	struct api_pending *pending;       /* what the next step needs of the request */
	char last_event_id[EVENT_ID_SIZE]; /* "": none */
};

/*
 * Whether the request may change something: it is no GET, and who asks may write. So that a stranger cannot have the
 * counters folded.
 */
bool api_is_write(const struct api *api, const struct http_request *request);

/* *call is filled but for API_ANSWERED and _CHANGED, *response but for API_NEEDS_HISTORY and _FORGET. */
enum api_step api_begin(const struct api *api, struct instant now, const struct http_request *request,
			struct api_call *call, struct http_response *response);

/* result->error gives a 500. Call and result stay the caller's to clean. */
enum api_step api_finish(const struct api *api, struct instant now, struct api_call *call,
			 struct history_result *result, struct http_response *response);

/* error is that of store_forget_person. */
void api_finish_forget(struct api_call *call, int error, struct http_response *response);

void api_call_clean(struct api_call *call);

#endif
