/* SPDX-License-Identifier: MIT */
/*
 * A guest-sessions API with everything around it, for tests: a real session engine, a store that is an array,
 * one token for reading and one without rights, a zone by arithmetic.
 */
#ifndef TESTS_UNIT_API_FIXTURE_H
#define TESTS_UNIT_API_FIXTURE_H

#include <jansson.h>

#include "core/api.h"
#include "core/rate_limit.h"

#define BASE "http://hotspot.example:8087/api/v1"

#define STORED_MAX 256

/* Local time is offset_s ahead of UTC, from change_s (seconds since 1970) on later_offset_s. */
struct api_fixture_zone {
	int64_t offset_s;
	int64_t change_s;
	int64_t later_offset_s;
};

struct api_fixture {
	struct api api;
	struct session_engine *engine;
	struct guest_register *guests;
	struct rate_limiter *limiter;
	struct event_list events;
	struct session_record stored[STORED_MAX];
	size_t n_stored;
	int store_error; /* what the store says instead of an answer */
	/* what happens while the store is being asked */
	void (*meanwhile)(struct api_fixture *fixture);
	struct api_fixture_zone zone;
	struct health health;
	struct http_request request;     /* of the next call, but for its target */
	struct history_query last_query; /* only numbers */
	uint64_t forgotten_seq;          /* whose person the store was told to forget */
	bool has_changed;                /* the latest answer was to wait for the store */
	struct instant now;
};

/* limit_per_minute 0: no limits. The clock stands at 2017-01-05T07:30:00Z; zone +03:00. */
void api_fixture_init(struct api_fixture *fixture, uint32_t limit_per_minute);
void api_fixture_clean(struct api_fixture *fixture);

/* Asks and answers, the store's part included. The caller cleans. */
struct http_response api_fixture_get(struct api_fixture *fixture, const char *target);

/* The same for a request with a body (NULL: none), by a token that may write. */
struct http_response api_fixture_send(struct api_fixture *fixture, const char *method, const char *target,
				      const char *body);

/* ... and checks the status. The answer, which the caller frees; NULL for 204. */
json_t *api_fixture_ask(struct api_fixture *fixture, const char *method, const char *target, const char *body,
			int status);

/* The value of a header, NULL when it is not there. */
const char *api_fixture_header(const struct http_response *response, const char *name);

/* Asks, checks status and body, and cleans. */
void api_fixture_expect(struct api_fixture *fixture, const char *target, int status, const char *body);
/* ... that the answer is 422 with this error on this field alone. */
void api_fixture_expect_invalid(struct api_fixture *fixture, const char *target, const char *field);
/* ... that the listing has these session numbers in this order, 0 at the end. */
void api_fixture_expect_seqs(struct api_fixture *fixture, const char *target, const uint64_t *seqs);

/* tests/golden/<name> without the white space between its tokens, keys in its order. The caller frees. */
char *api_fixture_golden(const char *name);
/* The text of body is that of the golden. */
void api_fixture_expect_golden(const char *body, const char *name);
void api_fixture_expect_golden_json(const json_t *value, const char *name);

/* That second on both clocks. */
struct instant api_fixture_at(int64_t wall_s);

/* A session in the store, ended after 60 s by an idle timeout; the result is to be adorned. */
struct session_record *api_fixture_store(struct api_fixture *fixture, uint64_t seq, int64_t start_s);
/* One on line since start_s, with that address unless it is NULL; the caller cleans. */
struct session_record api_fixture_record(uint64_t seq, int64_t start_s, const char *ip);
void api_fixture_add_address(struct session_record *record, const char *ip, int64_t since_s, int64_t last_s);
/* Makes the session known to the engine, and saved. */
void api_fixture_resume(struct api_fixture *fixture, const struct session_record *record);

/* A packet of 100 octets from a guest: begins a session or goes on with one, unsaved. */
void api_fixture_packet(struct api_fixture *fixture, const char *mac, const char *ip, int64_t at_s);

#define NOW_S INT64_C(1483601400)   /* 2017-01-05T07:30:00Z */
#define START_S INT64_C(1483599055) /* 2017-01-05T06:50:55Z */

#endif
