/* SPDX-License-Identifier: MIT */
/* GET /events up to the point where the stream begins, and what one event says. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/json.h"
#include "unit/api_fixture.h"

#define EVENTS "/api/v1/events"

static struct api_fixture fixture;

/* The id from which the stream would go on; NULL when there is none to begin, and *status says why. */
static const char *begin(const char *target, int *status)
{
	static struct api_call call;
	struct http_response response;

	call = (struct api_call){.last_event_id = "untouched"};
	fixture.request.target = target;
	const enum api_step step = api_begin(&fixture.api, fixture.now, &fixture.request, &call, &response);
	*status = response.status;
	if (step == API_STREAMS_EVENTS) {
		cr_assert_null(response.body);
		cr_assert_str_eq(response.content_type, "text/event-stream");
		cr_assert_str_eq(api_fixture_header(&response, "Cache-Control"), "no-cache");
		cr_assert_null(api_fixture_header(&response, "X-RateLimit-Limit"), "there is no limit");
	}
	http_response_clean(&response);
	return step == API_STREAMS_EVENTS ? call.last_event_id : NULL;
}

static void expect_refused(const char *target, int expected)
{
	int status;

	cr_expect_null(begin(target, &status), "%s", target);
	cr_expect_eq(status, expected, "%s: %d", target, status);
}

Test(api_events, the_header_wins_over_the_parameter)
{
	int status;

	api_fixture_init(&fixture, 0);
	cr_expect_str_eq(begin(EVENTS, &status), "");
	cr_expect_eq(status, 200);
	cr_expect_str_eq(begin(EVENTS "?last_event_id=a%2D1", &status), "a-1");
	cr_expect_str_eq(begin(EVENTS "/?last_event_id=", &status), "");
	fixture.request.last_event_id = "b-2";
	cr_expect_str_eq(begin(EVENTS "?last_event_id=a-1", &status), "b-2");
	fixture.request.last_event_id = "";
	cr_expect_str_eq(begin(EVENTS "?last_event_id=a-1", &status), "a-1");
	fixture.request.method = "HEAD";
	cr_expect_str_eq(begin(EVENTS, &status), "");

	char id[300];
	memset(id, '7', sizeof(id));
	id[sizeof(id) - 1] = '\0';
	fixture.request.last_event_id = id;
	cr_expect_eq(strlen(begin(EVENTS, &status)), EVENT_ID_SIZE - 1, "cut, and so nobody's");
	api_fixture_clean(&fixture);
}

Test(api_events, who_may_not_and_what_is_no_request)
{
	api_fixture_init(&fixture, 0);
	expect_refused(EVENTS "?last_event_id[]=a-1", 422);
	expect_refused(EVENTS "/more", 404);
	fixture.request.method = "POST";
	expect_refused(EVENTS, 405);
	fixture.request.method = "GET";
	fixture.request.authorization = "Bearer metrics-secret";
	expect_refused(EVENTS, 403);
	fixture.request.authorization = "Bearer wrong";
	expect_refused(EVENTS, 401);
	fixture.request.authorization = NULL;
	expect_refused(EVENTS, 401);
	fixture.request.is_local_socket = true;
	int status;
	cr_expect_not_null(begin(EVENTS, &status));
	api_fixture_clean(&fixture);
}

Test(api_events, whoever_has_a_token_is_not_counted_and_strangers_are)
{
	int status;

	api_fixture_init(&fixture, 3);
	for (int i = 0; i < 10; i++)
		cr_expect_not_null(begin(EVENTS, &status));
	fixture.request.authorization = "Bearer wrong";
	for (int i = 0; i < 3; i++)
		expect_refused(EVENTS, 401);
	expect_refused(EVENTS, 429);
	api_fixture_clean(&fixture);
}

static json_t *event_of(enum event_kind kind, const struct session_record *record)
{
	const struct event event = {
		.kind = kind, .session_seq = record->seq, .at = record->start, .limit = LOGIN_MAX_BYTES_DOWN};
	const struct json_session_options options = {
		.zone = &fixture.api.zone, .id_key = &fixture.api.id_key, .now = fixture.now, .is_raw = true};

	return json_event(&event, record, &options);
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

Test(api_events, an_event_says_what_when_and_who)
{
	api_fixture_init(&fixture, 0);
	struct session_record record = api_fixture_record(5, START_S, "10.0.0.5");
	record.identity.access_code = strdup("CODE7");
	record.identity.name = strdup("Ann");

	json_auto_t *online = event_of(EVENT_SESSION_ONLINE, &record);
	const json_t *session = json_object_get(online, "session");
	cr_expect_str_eq(text(online, "event"), "session.online");
	cr_expect_str_eq(text(online, "at"), "2017-01-05T06:50:55+00:00");
	cr_expect_null(json_object_get(online, "limit"));
	cr_expect_str_eq(text(session, "username"), "CODE7", "the access code stands in for it");
	cr_expect_str_eq(text(session, "name"), "Ann");
	cr_expect(json_is_null(json_object_get(session, "email")));
	cr_expect(json_is_null(json_object_get(session, "terminate_cause")));
	cr_expect(json_is_integer(json_object_get(session, "uploaded_bytes")));

	json_auto_t *limit = event_of(EVENT_SESSION_LIMIT, &record);
	cr_expect_str_eq(text(limit, "event"), "session.limit");
	cr_expect_str_eq(text(limit, "limit"), "max_bytes_down");

	session_close_record(&record, fixture.now, END_CAUSE_NAS_REQUEST);
	json_auto_t *offline = event_of(EVENT_SESSION_OFFLINE, &record);
	cr_expect_str_eq(text(json_object_get(offline, "session"), "terminate_cause"), "NAS-Request");
	session_record_clean(&record);
	api_fixture_clean(&fixture);
}

static size_t n_left;

static void *scarce(size_t size)
{
	if (n_left == 0)
		return NULL;
	n_left--;
	return malloc(size);
}

Test(api_events, an_event_without_memory_is_none_not_half_of_one)
{
	api_fixture_init(&fixture, 0);
	struct session_record record = api_fixture_record(5, START_S, "10.0.0.5");
	json_auto_t *whole = event_of(EVENT_SESSION_LIMIT, &record);
	bool is_whole = false;
	size_t n = 0;

	for (; !is_whole; n++) {
		n_left = n;
		json_set_alloc_funcs(scarce, free);
		json_t *event = event_of(EVENT_SESSION_LIMIT, &record);
		json_set_alloc_funcs(malloc, free);
		is_whole = event != NULL;
		cr_assert(!event || json_equal(event, whole), "after %zu", n);
		json_decref(event);
	}
	cr_assert_gt(n, 50u);
	session_record_clean(&record);
	api_fixture_clean(&fixture);
}
