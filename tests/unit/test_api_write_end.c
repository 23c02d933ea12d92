/* SPDX-License-Identifier: MIT */
/* The write calls that end sessions, who may call them, and who sends without one. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/api_fixture.h"

#define SESSIONS "/api/v1/sessions"
#define LOGOUT "/api/v1/logout"
#define LOST "/api/v1/lost"
#define MAC "14:2d:27:00:00:01"

static const struct mac_addr mac = {{0x14, 0x2d, 0x27, 0, 0, 1}};

static const char *text_of(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void expect_cause(json_t *session, const char *cause)
{
	cr_assert_str_eq(text_of(session, "connection_status"), "Offline");
	cr_assert_str_eq(text_of(session, "terminate_cause"), cause);
}

/* A guest on line by a login; the caller frees. */
static json_t *log_in(struct api_fixture *fixture, const char *external_id)
{
	char body[128];

	api_fixture_packet(fixture, MAC, "10.0.0.5", NOW_S);
	snprintf(body, sizeof(body), "{\"mac\":\"" MAC "\",\"username\":\"ann\",\"external_id\":\"%s\"}", external_id);
	return api_fixture_ask(fixture, "POST", SESSIONS, body, 201);
}

Test(api_write_end, disconnect_with_a_reason)
{
	static const struct {
		const char *body, *cause;
	} cases[] = {
		{NULL, "Admin-Reset"},
		{"", "Admin-Reset"},
		{"{}", "Admin-Reset"},
		{"{\"reason\":null}", "Admin-Reset"},
		{"{\"reason\":\"user-request\"}", "User-Request"},
		{"{\"reason\":\"SESSION-TIMEOUT\"}", "Session-Timeout"},
		{"{\"reason\":\"Idle-Timeout\"}", "Idle-Timeout"},
		{"{\"reason\":\"was rude \xf0\x9f\x98\x80\"}", "Admin-Reset"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct api_fixture fixture;
		json_auto_t *session = NULL;
		json_auto_t *ended = NULL;
		CLEANUP_FREE char *path = NULL;

		api_fixture_init(&fixture, 0);
		session = log_in(&fixture, "x1");
		cr_assert(asprintf(&path, SESSIONS "/%s/disconnect?raw=1", text_of(session, "id")) > 0);
		ended = api_fixture_ask(&fixture, "POST", path, cases[i].body, 202);
		cr_assert(fixture.has_changed);
		cr_assert_str_eq(text_of(ended, "id"), text_of(session, "id"));
		cr_assert_str_eq(text_of(ended, "end_time"), "2017-01-05T07:30:00+00:00");
		expect_cause(ended, cases[i].cause);
		/* whatever the cause, who was disconnected has to log in again */
		cr_assert(session_engine_login_of(fixture.engine, &mac) == NULL, "%s", cases[i].cause);
		api_fixture_clean(&fixture);
	}
}

Test(api_write_end, disconnect_of_a_login_that_waits)
{
	struct api_fixture fixture;
	json_auto_t *session = NULL;
	json_auto_t *ended = NULL;
	json_auto_t *nobody = NULL;
	CLEANUP_FREE char *path = NULL;

	api_fixture_init(&fixture, 0);
	session = api_fixture_ask(&fixture, "POST", SESSIONS, "{\"mac\":\"" MAC "\",\"username\":\"ann\"}", 201);
	cr_assert(asprintf(&path, SESSIONS "/%s/disconnect", text_of(session, "id")) > 0);
	ended = api_fixture_ask(&fixture, "POST", path, "{\"reason\":\"Lost-Carrier\"}", 202);
	cr_assert(json_equal(ended, session));
	cr_assert(session_engine_login_of(fixture.engine, &mac) == NULL);
	nobody = api_fixture_ask(&fixture, "POST", path, NULL, 404);
	api_fixture_clean(&fixture);
}

Test(api_write_end, logout_by_each_name_of_a_device)
{
	for (int way = 0; way < 3; way++) {
		struct api_fixture fixture;
		json_auto_t *session = NULL;
		json_auto_t *ended = NULL;
		json_auto_t *nobody = NULL;
		CLEANUP_FREE char *body = NULL;

		api_fixture_init(&fixture, 0);
		session = log_in(&fixture, "x1");
		cr_assert(asprintf(&body, "{\"%s\":\"%s\"}",
				   way == 0   ? "mac"
				   : way == 1 ? "ip"
					      : "id",
				   way == 0   ? MAC
				   : way == 1 ? "10.0.0.5"
					      : text_of(session, "id")) > 0);
		ended = api_fixture_ask(&fixture, "POST", LOGOUT "?raw=1", body, 202);
		cr_assert(fixture.has_changed);
		cr_assert_str_eq(text_of(ended, "id"), text_of(session, "id"));
		expect_cause(ended, "User-Request");
		nobody = api_fixture_ask(&fixture, "POST", LOGOUT, body, 404);
		cr_assert_str_eq(text_of(nobody, "message"), "Nobody is on line there.");
		cr_assert(!fixture.has_changed);
		api_fixture_clean(&fixture);
	}
}

/* A hook of the login before that comes late must not end the next guest's session. */
Test(api_write_end, logout_of_another_login)
{
	struct api_fixture fixture;
	json_auto_t *session = NULL;
	json_auto_t *late = NULL;
	json_auto_t *anonymous = NULL;
	json_auto_t *ended = NULL;

	api_fixture_init(&fixture, 0);
	api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S);
	anonymous = api_fixture_ask(&fixture, "POST", LOGOUT, "{\"mac\":\"" MAC "\",\"external_id\":\"x1\"}", 404);
	session = log_in(&fixture, "x2");
	late = api_fixture_ask(&fixture, "POST", LOGOUT, "{\"mac\":\"" MAC "\",\"external_id\":\"x1\"}", 404);
	cr_assert(session_engine_by_mac(fixture.engine, &mac) != NULL);
	ended = api_fixture_ask(&fixture, "POST", LOGOUT,
				"{\"ip\":\"::ffff:10.0.0.5\",\"external_id\":\"x2\",\"reason\":\"Idle-Timeout\"}", 202);
	cr_assert(session_engine_by_mac(fixture.engine, &mac) == NULL);
	cr_assert(session_engine_login_of(fixture.engine, &mac) == NULL);
	api_fixture_clean(&fixture);
}

Test(api_write_end, logout_of_a_login_without_a_session)
{
	struct api_fixture fixture;
	json_auto_t *kept = NULL;
	json_auto_t *waiting = NULL;

	api_fixture_init(&fixture, 0);
	json_decref(log_in(&fixture, "x1"));
	json_decref(api_fixture_ask(&fixture, "POST", LOST, "{\"mac\":\"" MAC "\"}", 202));
	cr_assert(session_engine_login_of(fixture.engine, &mac) != NULL);
	kept = api_fixture_ask(&fixture, "POST", LOGOUT, "{\"mac\":\"" MAC "\",\"external_id\":\"x1\"}", 202);
	cr_assert(json_is_null(json_object_get(kept, "start_time")));
	cr_assert(session_engine_login_of(fixture.engine, &mac) == NULL);
	/* one that waits, too */
	json_decref(api_fixture_ask(&fixture, "POST", SESSIONS, "{\"mac\":\"" MAC "\",\"ip\":\"10.0.0.9\"}", 201));
	waiting = api_fixture_ask(&fixture, "POST", LOGOUT, "{\"mac\":\"" MAC "\",\"reason\":\"Lost-Carrier\"}", 202);
	cr_assert(session_engine_login_of(fixture.engine, &mac) == NULL);
	api_fixture_clean(&fixture);
}

static void packet_from(struct api_fixture *fixture, uint32_t ifindex)
{
	struct ledger_delta delta = {.key = {.mac = mac, .ifindex = ifindex},
				     .traffic = {.up_bytes = 100, .up_packets = 1},
				     .last_up_ns = ifindex,
				     .has_up = true};

	cr_assert_eq(ip_parse("10.0.0.5", &delta.key.ip), 0);
	cr_assert_eq(session_engine_apply(fixture->engine, fixture->now, fixture->now, &delta, &fixture->events), 0);
}

Test(api_write_end, what_an_access_point_has_lost)
{
	struct api_fixture fixture;
	json_auto_t *nobody = NULL;
	json_auto_t *roamed = NULL;
	json_auto_t *ended = NULL;

	api_fixture_init(&fixture, 0);
	nobody = api_fixture_ask(&fixture, "POST", LOST, "{\"mac\":\"" MAC "\"}", 404);
	/* it went from wlan0 to wlan1, and wlan0 notices late */
	packet_from(&fixture, 7);
	packet_from(&fixture, 8);
	roamed = api_fixture_ask(&fixture, "POST", LOST, "{\"mac\":\"" MAC "\",\"interface\":\"wlan0\"}", 404);
	cr_assert_str_eq(text_of(roamed, "message"), "The device is on line by another interface.");
	cr_assert(!fixture.has_changed);
	cr_assert(session_engine_by_mac(fixture.engine, &mac) != NULL);
	ended = api_fixture_ask(&fixture, "POST", LOST "?raw=true", "{\"mac\":\"" MAC "\",\"interface\":\"wlan1\"}",
				202);
	expect_cause(ended, "Lost-Carrier");
	/* an interface that is not counted on tells nothing */
	packet_from(&fixture, 8);
	json_decref(ended);
	ended = api_fixture_ask(&fixture, "POST", LOST "?raw=true", "{\"mac\":\"" MAC "\",\"interface\":\"phy0\"}",
				202);
	expect_cause(ended, "Lost-Carrier");
	api_fixture_clean(&fixture);
}

Test(api_write_end, who_may_read_may_not_write)
{
	static const struct {
		const char *method, *target;
	} writes[] = {{"POST", SESSIONS},
		      {"PATCH", SESSIONS "/00000000000"},
		      {"DELETE", SESSIONS "/00000000000"},
		      {"POST", SESSIONS "/00000000000/disconnect"},
		      {"POST", "/api/v1/bindings"},
		      {"POST", LOGOUT},
		      {"POST", LOST}};
	static const char *const tokens[] = {NULL, "Bearer wrong", "Bearer read-secret", "Bearer metrics-secret",
					     "Bearer write-secret"};
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(writes); i++) {
		for (size_t k = 0; k < ARRAY_LENGTH(tokens); k++) {
			struct http_response response;
			bool may = k == 4;

			fixture.request.method = writes[i].method;
			fixture.request.authorization = tokens[k];
			response = api_fixture_get(&fixture, writes[i].target);
			if (may)
				cr_assert(response.status == 400 || response.status == 404, "%s: %d", writes[i].target,
					  response.status);
			else
				cr_assert_eq(response.status, k < 2 ? 401 : 403, "%s: %d", writes[i].target,
					     response.status);
			cr_assert_eq(api_is_write(&fixture.api, &fixture.request), may);
			http_response_clean(&response);
		}
	}
	/* and who may only write may not read */
	fixture.request.method = "GET";
	api_fixture_expect(&fixture, SESSIONS, 403, "{\"message\":\"This action is unauthorized.\"}");
	cr_assert(!api_is_write(&fixture.api, &fixture.request));
	/* the root-only socket may do everything, without a token */
	fixture.request.authorization = NULL;
	fixture.request.is_local_socket = true;
	json_decref(api_fixture_ask(&fixture, "POST", SESSIONS, "{\"mac\":\"" MAC "\"}", 201));
	json_decref(api_fixture_ask(&fixture, "GET", SESSIONS, NULL, 200));
	api_fixture_clean(&fixture);
}

/* Each call has a limit of its own, so that a portal's logins do not use up its questions. */
Test(api_write_end, limits_of_rate)
{
	struct api_fixture fixture;

	api_fixture_init(&fixture, 1);
	fixture.request.authorization = "Bearer other-secret";
	json_decref(api_fixture_ask(&fixture, "POST", SESSIONS, "{\"mac\":\"" MAC "\"}", 201));
	json_decref(api_fixture_ask(&fixture, "GET", SESSIONS, NULL, 200));
	json_decref(api_fixture_ask(&fixture, "POST", SESSIONS, "{\"mac\":\"14:2d:27:00:00:02\"}", 429));
	cr_assert(!fixture.has_changed);
	cr_assert_eq(session_engine_n_logins(fixture.engine), 1);
	api_fixture_clean(&fixture);
}

static void stranger_packet(struct api_fixture *fixture, unsigned int number, int64_t at_s)
{
	char text[MAC_TEXT_SIZE];

	snprintf(text, sizeof(text), "14:2d:27:00:%02x:%02x", number >> 8 & 0xff, number & 0xff);
	api_fixture_packet(fixture, text, "10.0.0.5", at_s);
}

static void start_by_login(struct api_fixture *fixture)
{
	const struct session_rules rules = {
		.start = SESSION_START_LOGIN, .idle_timeout_ns = 300 * NS_PER_S, .login_wait_ns = 300 * NS_PER_S};

	session_engine_free(&fixture->engine);
	cr_assert_eq(session_engine_new(&rules, 1, &fixture->engine), 0);
	fixture->api.engine = fixture->engine;
}

Test(api_write_end, who_sends_without_a_login)
{
	static const struct mac_addr second = {{0x14, 0x2d, 0x27, 0, 0, 2}};
	struct api_fixture fixture;
	json_auto_t *answer = NULL;

	api_fixture_init(&fixture, 0);
	api_fixture_expect(&fixture, "/api/v1/unauthenticated", 200, "{\"data\":[],\"count\":0}");
	start_by_login(&fixture);
	cr_assert_eq(session_engine_name_device(fixture.engine, fixture.now, &second, "phone", &fixture.events), 0);
	stranger_packet(&fixture, 1, NOW_S - 20);
	stranger_packet(&fixture, 2, NOW_S - 10);
	api_fixture_packet(&fixture, "02:00:00:00:00:01", "2001:db8::1", NOW_S - 15);
	answer = api_fixture_ask(&fixture, "GET", "/api/v1/unauthenticated", NULL, 200);
	api_fixture_expect_golden_json(answer, "unauthenticated.json");
	api_fixture_clean(&fixture);
}

Test(api_write_end, the_list_of_strangers_is_bounded)
{
	struct api_fixture fixture;
	json_auto_t *answer = NULL;
	json_t *data;

	api_fixture_init(&fixture, 0);
	start_by_login(&fixture);
	for (unsigned int i = 0; i < 1001; i++)
		stranger_packet(&fixture, i, NOW_S - 200 + i % 100);
	answer = api_fixture_ask(&fixture, "GET", "/api/v1/unauthenticated", NULL, 200);
	data = json_object_get(answer, "data");
	cr_assert_eq(json_array_size(data), 1000);
	cr_assert_eq(json_integer_value(json_object_get(answer, "count")), 1001);
	cr_assert_str_eq(text_of(json_array_get(data, 0), "last_seen"), "2017-01-05T07:28:19+00:00");
	api_fixture_clean(&fixture);
}
