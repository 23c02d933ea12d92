/* SPDX-License-Identifier: MIT */
/* GET /sessions/{ip[,ip...]}: rows 24 to 31 of the decisions table. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/api_fixture.h"

#define NOBODY "{\"message\":\"No active session found for the given IP address.\"}"
#define HOLDER(ip, duration) \
	"{\"ip_address\":\"" ip "\",\"username\":null,\"name\":null,\"email\":null,\"duration\":" #duration "}"

/* 10.1.1.5 since 42 s ago, 10.1.1.6 since 120 s ago, 2001:db8::1 and fe80::1 since 7 s ago */
static void populate(struct api_fixture *fixture)
{
	api_fixture_init(fixture, 0);
	api_fixture_packet(fixture, "02:00:00:00:00:02", "10.1.1.6", NOW_S - 120);
	api_fixture_packet(fixture, "02:00:00:00:00:01", "10.1.1.5", NOW_S - 42);
	api_fixture_packet(fixture, "02:00:00:00:00:01", "2001:db8::1", NOW_S - 7);
	api_fixture_packet(fixture, "02:00:00:00:00:01", "fe80::1", NOW_S - 7);
}

static void expect(struct api_fixture *fixture, const char *path, const char *body)
{
	char target[512];

	snprintf(target, sizeof(target), "/api/v1/sessions/%s", path);
	api_fixture_expect(fixture, target, 200, body);
}

/* A session of the store that had the address from since_s on, last seen there at last_s, ended at end_s or not. */
static struct session_record *store_holder(struct api_fixture *fixture, uint64_t seq, const char *ip,
					   const int64_t since_last_end_s[3])
{
	struct session_record *record = api_fixture_store(fixture, seq, since_last_end_s[0]);

	api_fixture_add_address(record, ip, since_last_end_s[0], since_last_end_s[1]);
	record->end = api_fixture_at(since_last_end_s[2]);
	record->identity.username = strdup(seq == 50 ? "fifty" : "other");
	return record;
}

/* 0: nobody */
static void expect_holder_at(struct api_fixture *fixture, const char *path, int64_t at_s, const char *username)
{
	struct http_response response;
	json_auto_t *answer = NULL;
	char target[256];

	snprintf(target, sizeof(target), "/api/v1/sessions/%s?at=2017-01-05T%02d:%02d:%02dZ", path,
		 (int)(at_s % 86400 / 3600), (int)(at_s / 60 % 60), (int)(at_s % 60));
	response = api_fixture_get(fixture, target);
	answer = json_loads(response.body, 0, NULL);
	cr_assert_eq(response.status, username ? 200 : 404, "%s: %s", target, response.body);
	if (username)
		cr_assert_str_eq(json_string_value(json_object_get(answer, "username")), username, "%s: %s", target,
				 response.body);
	http_response_clean(&response);
}

Test(api_address, row_24_routing)
{
	static const char *const nothing[] = {"/api/v1/session",
					      "/api/v1/sessions/10.1.1.5/x",
					      "/api/v1",
					      "/api/v1/",
					      "/api/v1//sessions",
					      "/api/v1/sessions/a/b/c/d/e",
					      "/api/v1/Sessions",
					      "/api/v2/sessions",
					      "/api/v1x/sessions",
					      "/sessions",
					      "/",
					      "/metrics",
					      "/api%2Fv1/sessions/10.1.1.5",
					      "/api/v1/sessions%2Fcount"};
	struct api_fixture fixture;

	populate(&fixture);
	api_fixture_expect(&fixture, "/api/v1/sessions/count", 200, "{\"count\":2}");
	api_fixture_expect(&fixture, "/api/v1/sessions/count/", 200, "{\"count\":2}");
	api_fixture_expect(&fixture, "/api/v1/%73essions/%63ount", 200, "{\"count\":2}");
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions/", (const uint64_t[]){1, 2, 0});
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions/?per_page=1", (const uint64_t[]){1, 0});
	expect(&fixture, "10.1.1.5,10.1.1.6", "[" HOLDER("10.1.1.5", 42) "," HOLDER("10.1.1.6", 120) "]");
	expect(&fixture, "10.1.1.5%2C10.1.1.6", "[" HOLDER("10.1.1.5", 42) "," HOLDER("10.1.1.6", 120) "]");
	expect(&fixture, "10.1.1.5%2c10.1.1.6/", "[" HOLDER("10.1.1.5", 42) "," HOLDER("10.1.1.6", 120) "]");
	expect(&fixture, "%31%30.1.1.5", HOLDER("10.1.1.5", 42));
	/* decoded once */
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions/10.1.1.5%252C10.1.1.6", "ip_address");
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions/10.1.1.5%2F24", "ip_address");
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions/10.1.1.5+", "ip_address");
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions/Count", "ip_address");
	api_fixture_expect(&fixture, "http://other.example/api/v1/sessions/count?online=1", 200, "{\"count\":2}");
	for (size_t i = 0; i < ARRAY_LENGTH(nothing); i++)
		api_fixture_expect(&fixture, nothing[i], 404, "{\"message\":\"Not Found\"}");
	api_fixture_clean(&fixture);
}

Test(api_address, row_25_object_or_array)
{
	struct api_fixture fixture;

	populate(&fixture);
	expect(&fixture, "10.1.1.5", HOLDER("10.1.1.5", 42));
	expect(&fixture, "10.1.1.5,", HOLDER("10.1.1.5", 42));
	expect(&fixture, ",,10.1.1.5,,", HOLDER("10.1.1.5", 42));
	expect(&fixture, "10.1.1.6,10.1.1.5", "[" HOLDER("10.1.1.6", 120) "," HOLDER("10.1.1.5", 42) "]");
	expect(&fixture, "10.1.1.5,10.1.1.5", "[" HOLDER("10.1.1.5", 42) "]");
	expect(&fixture, "10.1.1.5,::ffff:10.1.1.5,10.1.1.6,::FFFF:0a01:0105",
	       "[" HOLDER("10.1.1.5", 42) "," HOLDER("10.1.1.6", 120) "]");
	expect(&fixture, "10.1.1.5,10.9.9.9", "[" HOLDER("10.1.1.5", 42) "]");
	api_fixture_expect(
		&fixture, "/api/v1/sessions/,", 422,
		"{\"message\":\"The ip address is required.\",\"errors\":{\"ip_address\":[\"The ip address is "
		"required.\"]}}");
	api_fixture_clean(&fixture);
}

/* "/api/v1/sessions/10.0.0.1,10.0.0.2,..." */
static const char *many_addresses(unsigned int n_addresses, const char *separator, char target[4096])
{
	size_t length = (size_t)snprintf(target, 4096, "/api/v1/sessions/");

	for (unsigned int i = 1; i <= n_addresses; i++)
		length += (size_t)snprintf(target + length, 4096 - length, "10.0.0.%u%s", i, separator);
	return target;
}

Test(api_address, row_26_limits)
{
	struct api_fixture fixture;
	char target[4096];

	populate(&fixture);
	api_fixture_expect(&fixture, many_addresses(100, ",", target), 200, "[]");
	api_fixture_expect(&fixture, many_addresses(100, ",,%2C", target), 200, "[]");
	api_fixture_expect(
		&fixture, many_addresses(101, ",", target), 422,
		"{\"message\":\"The ip address must not have more than 100 items.\",\"errors\":{\"ip_address\":"
		"[\"The ip address must not have more than 100 items.\"]}}");
	/* tokens count, not addresses */
	snprintf(target, sizeof(target), "/api/v1/sessions/10.1.1.5");
	for (int i = 0; i < 100; i++)
		strcat(target, ",10.1.1.5");
	api_fixture_expect_invalid(&fixture, target, "ip_address");
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.5,bogus", 422,
			   "{\"message\":\"The ip address \\\"bogus\\\" is not a valid IP address.\",\"errors\":{"
			   "\"ip_address\":[\"The ip address \\\"bogus\\\" is not a valid IP address.\"]}}");
	api_fixture_expect(
		&fixture, "/api/v1/sessions/10.1.1,10.1.1.5,x", 422,
		"{\"message\":\"The ip address \\\"10.1.1\\\" is not a valid IP address. (and 1 more error)\","
		"\"errors\":{\"ip_address\":[\"The ip address \\\"10.1.1\\\" is not a valid IP address.\","
		"\"The ip address \\\"x\\\" is not a valid IP address.\"]}}");
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions/10.1.1.5%20", "ip_address");
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions/10.1.1.5;10.1.1.6", "ip_address");
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions/10.1.1.5%0a", "ip_address");
	api_fixture_clean(&fixture);
}

/* Named as it was sent: an escape that is none, of a NUL, or of what is no UTF-8. */
Test(api_address, row_26_what_cannot_be_decoded_is_named)
{
	static const struct {
		const char *sent;
		const char *named;
	} cases[] = {
		{"10.1.1.1%", "10.1.1.1%"},
		{"10.1.1.%zz", "10.1.1.%zz"},
		{"%", "%"},
		{"10.1.1.5%4", "10.1.1.5%4"},
		{"%31%30.%1.1", "10.%1.1"},
		{"10.1.1.5%00", "10.1.1.5%00"},
		{"10.1.1.5,x%%41", "x%A"},
		{"10.1.1.5%2Cx%", "x%"},
		{"10.1.1.5%ff", "10.1.1.5%ff"},
		{"10.1.1.5\xff", "10.1.1.5%FF"},
		{"%e9t%c3%a9", "%e9t%c3%a9"},
		{"%C3%A9%", "\xc3\xa9%"},
		{"fe80::1%eth0", "fe80::1%eth0"},
		{"10.1.1.5%u0031", "10.1.1.5%u0031"},
		{"fe80::1%25eth0", "fe80::1%eth0"},
		{"[fe80::1%25eth0]", "[fe80::1%eth0]"},
	};
	struct api_fixture fixture;

	populate(&fixture);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char target[256];
		char body[512];

		snprintf(target, sizeof(target), "/api/v1/sessions/%s", cases[i].sent);
		snprintf(body, sizeof(body),
			 "{\"message\":\"The ip address \\\"%s\\\" is not a valid IP address.\",\"errors\":{"
			 "\"ip_address\":[\"The ip address \\\"%s\\\" is not a valid IP address.\"]}}",
			 cases[i].named, cases[i].named);
		api_fixture_expect(&fixture, target, 422, body);
	}
	api_fixture_clean(&fixture);
}

Test(api_address, row_27_ipv6)
{
	static const char *const spellings[] = {"2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001%3Adb8%3a%3A1",
						"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::0.0.0.1"};
	static const char *const bad[] = {"[2001:db8::1]",     "fe80::1%25eth0", "fe80::1%eth0",
					  "2001:db8::1%2F128", "2001:db8:::1",   ":"};
	struct api_fixture fixture;
	char target[256];

	populate(&fixture);
	for (size_t i = 0; i < ARRAY_LENGTH(spellings); i++)
		expect(&fixture, spellings[i], HOLDER("2001:db8::1", 7));
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		snprintf(target, sizeof(target), "/api/v1/sessions/%s", bad[i]);
		api_fixture_expect_invalid(&fixture, target, "ip_address");
	}
	expect(&fixture, "::ffff:10.1.1.5", HOLDER("10.1.1.5", 42));
	expect(&fixture, "fe80::1", HOLDER("fe80::1", 7));
	api_fixture_clean(&fixture);
}

Test(api_address, row_28_unknown_ip)
{
	struct api_fixture fixture;

	populate(&fixture);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.9.9.9", 404, NOBODY);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.9.9.9,", 404, NOBODY);
	api_fixture_expect(&fixture, "/api/v1/sessions/0.0.0.0", 404, NOBODY);
	api_fixture_expect(&fixture, "/api/v1/sessions/::", 404, NOBODY);
	expect(&fixture, "10.9.9.9,10.9.9.8", "[]");
	expect(&fixture, "10.9.9.9,10.9.9.9", "[]");
	/* an ended session is not active */
	cr_assert_eq(session_engine_end(fixture.engine, 2, fixture.now, END_CAUSE_USER_REQUEST, &fixture.events), 0);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.5", 404, NOBODY);
	api_fixture_clean(&fixture);
}

Test(api_address, row_29_which_session)
{
	struct api_fixture fixture;
	struct session_record named = api_fixture_record(50, NOW_S - 600, "10.1.1.9");

	populate(&fixture);
	named.identity.username = strdup("before");
	api_fixture_resume(&fixture, &named);
	session_record_clean(&named);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9", 200,
			   "{\"ip_address\":\"10.1.1.9\",\"username\":\"before\",\"name\":null,\"email\":null,"
			   "\"duration\":600}");
	/* the address goes to somebody else: the latest proof wins, the old name never shows */
	api_fixture_packet(&fixture, "02:00:00:00:00:07", "10.1.1.9", NOW_S - 3);
	expect(&fixture, "10.1.1.9", HOLDER("10.1.1.9", 3));
	cr_assert_eq(session_engine_end(fixture.engine, 51, fixture.now, END_CAUSE_USER_REQUEST, &fixture.events), 0);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9", 404, NOBODY);
	api_fixture_clean(&fixture);
}

Test(api_address, row_29_at_looks_into_history)
{
	struct api_fixture fixture;
	int64_t t = NOW_S - 3000;

	api_fixture_init(&fixture, 0);
	store_holder(&fixture, 50, "10.1.1.9", (const int64_t[]){t, t + 100, t + 200});
	store_holder(&fixture, 51, "10.1.1.9", (const int64_t[]){t + 150, t + 250, t + 400});
	expect_holder_at(&fixture, "10.1.1.9", t - 1, NULL);
	expect_holder_at(&fixture, "10.1.1.9", t, "fifty");
	expect_holder_at(&fixture, "10.1.1.9", t + 149, "fifty");
	expect_holder_at(&fixture, "10.1.1.9", t + 150, "other");
	expect_holder_at(&fixture, "10.1.1.9", t + 400, "other");
	expect_holder_at(&fixture, "10.1.1.9", t + 401, NULL);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9?at=2017-01-05T06:45:00%2B00:00", 200,
			   "{\"ip_address\":\"10.1.1.9\",\"username\":\"other\",\"name\":null,\"email\":null,"
			   "\"duration\":150}");
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9,10.1.1.8?at=2017-01-05T06:45:00Z", 200,
			   "[{\"ip_address\":\"10.1.1.9\",\"username\":\"other\",\"name\":null,\"email\":null,"
			   "\"duration\":150}]");
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9,10.1.1.8?at=1999-01-01T00:00:00Z", 200, "[]");
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions/10.1.1.9?at=yesterday", "at");
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions/10.1.1.9?at[]=2017-01-05T06:45:00Z", "at");
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions/10.1.1.9?at=2017-01-05T06:45:00Z%00", "at");
	api_fixture_expect(
		&fixture, "/api/v1/sessions/x?at=y", 422,
		"{\"message\":\"The at must be a valid time in the format of RFC 3339, such as "
		"2017-01-05T06:50:55Z. (and 1 more error)\",\"errors\":{\"at\":[\"The at must be a valid time "
		"in the format of RFC 3339, such as 2017-01-05T06:50:55Z.\"],\"ip_address\":[\"The ip address "
		"\\\"x\\\" is not a valid IP address.\"]}}");
	api_fixture_clean(&fixture);
}

Test(api_address, row_29_at_knows_what_the_store_does_not)
{
	struct api_fixture fixture;
	struct session_record online = api_fixture_record(60, NOW_S - 1000, "10.1.1.7");

	api_fixture_init(&fixture, 0);
	store_holder(&fixture, 50, "10.1.1.9", (const int64_t[]){NOW_S - 900, NOW_S - 500, NOW_S - 400});
	online.identity.username = strdup("online");
	api_fixture_resume(&fixture, &online);
	session_record_clean(&online);
	/* unsaved: an address that a known session has taken, and a session that began and ended */
	api_fixture_packet(&fixture, "14:2d:27:00:00:3c", "10.1.1.9", NOW_S - 300);
	api_fixture_packet(&fixture, "02:00:00:00:00:08", "10.1.1.9", NOW_S - 200);
	cr_assert_eq(session_engine_end(fixture.engine, 61, api_fixture_at(NOW_S - 100), END_CAUSE_USER_REQUEST,
					&fixture.events),
		     0);
	expect_holder_at(&fixture, "10.1.1.9", NOW_S - 450, "fifty");
	expect_holder_at(&fixture, "10.1.1.9", NOW_S - 350, NULL);
	expect_holder_at(&fixture, "10.1.1.9", NOW_S - 250, "online");
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9?at=2017-01-05T07:27:30Z", 200, HOLDER("10.1.1.9", 50));
	/* 61 took it from 60 and has gone: nobody's */
	expect_holder_at(&fixture, "10.1.1.9", NOW_S - 50, NULL);
	/* saved and on line, with a proof that the row in the store lacks */
	expect_holder_at(&fixture, "10.1.1.7", NOW_S - 10, "online");
	/* the future is not known; a clock that is ahead means now */
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.7?at=2037-01-05T07:27:30Z", 200,
			   "{\"ip_address\":\"10.1.1.7\",\"username\":\"online\",\"name\":null,\"email\":null,"
			   "\"duration\":1000}");
	cr_assert_eq(fixture.last_query.at_wall_ns, NOW_S * NS_PER_S);
	cr_assert_eq(fixture.last_query.at_end_wall_ns, NOW_S * NS_PER_S);
	api_fixture_clean(&fixture);
}

/* As after a flush: no session is left out of the question to the store. */
static void mark_saved(struct api_fixture *fixture)
{
	struct session_change *changes = NULL;
	size_t n_changes = 0;

	cr_assert_eq(session_engine_changed(fixture->engine, SESSION_SCOPE_ALL, &changes, &n_changes), 0);
	session_engine_mark_saved(fixture->engine, changes, n_changes);
	session_changes_free(changes, n_changes);
}

static struct instant after(int64_t wall_s, int64_t ms)
{
	struct instant instant = api_fixture_at(wall_s);

	instant.mono_ns += ms * NS_PER_MS;
	instant.wall_ns += ms * NS_PER_MS;
	return instant;
}

/* 10.1.1.9: "fifty" for 10.9 s from START_S + 0.9 on, "other" within the second START_S + 20. */
static void store_within_seconds(struct api_fixture *fixture)
{
	struct session_record *record;

	record = store_holder(fixture, 50, "10.1.1.9", (const int64_t[]){START_S, START_S, START_S});
	record->start = record->addresses[0].since = after(START_S, 900);
	record->end = record->addresses[0].last = after(START_S + 11, 800);
	record = store_holder(fixture, 51, "10.1.1.9", (const int64_t[]){START_S, START_S, START_S});
	record->start = record->addresses[0].since = after(START_S + 20, 300);
	record->end = record->addresses[0].last = after(START_S + 20, 600);
}

/* Times are printed in whole seconds: asked with one of them, the second that it names counts as a whole. */
Test(api_address, row_29_at_a_printed_time)
{
	struct api_fixture fixture;
	struct http_response response;

	api_fixture_init(&fixture, 0);
	store_within_seconds(&fixture);
	response = api_fixture_get(&fixture, "/api/v1/sessions?per_page=1");
	cr_assert(strstr(response.body, "\"start_time\":\"2017-01-05T06:50:55+00:00\"") != NULL, "%s", response.body);
	cr_assert(strstr(response.body, "\"end_time\":\"2017-01-05T06:51:06+00:00\"") != NULL, "%s", response.body);
	http_response_clean(&response);
	expect_holder_at(&fixture, "10.1.1.9", START_S - 1, NULL);
	expect_holder_at(&fixture, "10.1.1.9", START_S, "fifty");
	expect_holder_at(&fixture, "10.1.1.9", START_S + 11, "fifty");
	expect_holder_at(&fixture, "10.1.1.9", START_S + 12, NULL);
	expect_holder_at(&fixture, "10.1.1.9", START_S + 19, NULL);
	expect_holder_at(&fixture, "10.1.1.9", START_S + 20, "other");
	expect_holder_at(&fixture, "10.1.1.9", START_S + 21, NULL);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9?at=2017-01-05T06:50:55%2B00:00", 200,
			   "{\"ip_address\":\"10.1.1.9\",\"username\":\"fifty\",\"name\":null,\"email\":null,"
			   "\"duration\":0}");
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9?at=2017-01-05T06:51:05Z", 200,
			   "{\"ip_address\":\"10.1.1.9\",\"username\":\"fifty\",\"name\":null,\"email\":null,"
			   "\"duration\":10}");
	/* a fraction makes it exact */
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9?at=2017-01-05T06:50:55.0Z", 404, NOBODY);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9?at=2017-01-05T06:50:55.899999999Z", 404, NOBODY);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9?at=2017-01-05T06:51:05.8Z", 200,
			   "{\"ip_address\":\"10.1.1.9\",\"username\":\"fifty\",\"name\":null,\"email\":null,"
			   "\"duration\":9}");
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9?at=2017-01-05T06:51:06.800000001Z", 404, NOBODY);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.9?at=2017-01-05T06:51:15.7Z", 404, NOBODY);
	api_fixture_clean(&fixture);
}

static void send_packet(struct api_fixture *fixture, uint8_t guest, const char *ip, struct instant seen)
{
	struct ledger_delta delta = {
		.key.mac = {{2, 0, 0, 0, 0, guest}}, .traffic = {.up_bytes = 100, .up_packets = 1}, .has_up = true};

	cr_assert_eq(ip_parse(ip, &delta.key.ip), 0);
	cr_assert_eq(session_engine_apply(fixture->engine, seen, seen, &delta, &fixture->events), 0);
}

Test(api_address, row_29_at_a_printed_time_of_memory)
{
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	/* on line; and one that lived within a second, unsaved */
	send_packet(&fixture, 1, "10.1.1.7", after(NOW_S - 100, 900));
	send_packet(&fixture, 2, "10.1.1.8", after(NOW_S - 50, 200));
	cr_assert_eq(
		session_engine_end(fixture.engine, 2, after(NOW_S - 50, 700), END_CAUSE_USER_REQUEST, &fixture.events),
		0);
	expect_holder_at(&fixture, "10.1.1.7", NOW_S - 101, NULL);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.7?at=2017-01-05T07:28:20Z", 200, HOLDER("10.1.1.7", 0));
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.7?at=2017-01-05T07:28:20.5Z", 404, NOBODY);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.7?at=2017-01-05T07:28:30Z", 200, HOLDER("10.1.1.7", 10));
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.8?at=2017-01-05T07:29:10Z", 200, HOLDER("10.1.1.8", 0));
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.8?at=2017-01-05T07:29:09Z", 404, NOBODY);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.8?at=2017-01-05T07:29:11Z", 404, NOBODY);
	/* saved, it is found by the engine alone until it is forgotten */
	mark_saved(&fixture);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.7?at=2017-01-05T07:28:20Z", 200, HOLDER("10.1.1.7", 0));
	/* the second that is running ends now */
	fixture.now = after(NOW_S, 300);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.7?at=2017-01-05T07:30:00Z", 200, HOLDER("10.1.1.7", 99));
	cr_assert_eq(fixture.last_query.at_wall_ns, NOW_S * NS_PER_S);
	cr_assert_eq(fixture.last_query.at_end_wall_ns, fixture.now.wall_ns);
	api_fixture_clean(&fixture);
}

/* By contract only what filters see makes a session unsaved; its addresses in the store may lag behind. */
Test(api_address, row_29_at_takes_the_addresses_of_memory)
{
	struct api_fixture fixture;
	struct session_record *row;

	api_fixture_init(&fixture, 0);
	api_fixture_packet(&fixture, "02:00:00:00:00:01", "10.1.1.7", NOW_S - 100);
	api_fixture_packet(&fixture, "02:00:00:00:00:02", "10.1.1.8", NOW_S - 60);
	mark_saved(&fixture);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.7?at=2017-01-05T07:29:10Z", 200, HOLDER("10.1.1.7", 50));
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.7?at=2017-01-05T07:28:00Z", 404, NOBODY);
	cr_assert_eq(fixture.last_query.n_excluded, 0);
	/* the store knows an earlier claim of a session that came back to the address a minute ago */
	row = api_fixture_store(&fixture, 2, NOW_S - 1000);
	row->cause = END_CAUSE_NONE;
	api_fixture_add_address(row, "10.1.1.8", NOW_S - 1000, NOW_S - 900);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.8?at=2017-01-05T07:29:10Z", 200, HOLDER("10.1.1.8", 10));
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.8?at=2017-01-05T07:20:00Z", 200, HOLDER("10.1.1.8", 400));
	api_fixture_clean(&fixture);
}

Test(api_address, row_30_duration)
{
	struct api_fixture fixture;

	populate(&fixture);
	fixture.now.mono_ns += NS_PER_S - 1; /* whole seconds */
	fixture.now.wall_ns = 0;             /* and not by the wall clock */
	expect(&fixture, "10.1.1.5", HOLDER("10.1.1.5", 42));
	expect(&fixture, "2001:db8::1", HOLDER("2001:db8::1", 7));
	/* never negative */
	fixture.now = api_fixture_at(NOW_S - 60);
	expect(&fixture, "10.1.1.5", HOLDER("10.1.1.5", 0));
	api_fixture_clean(&fixture);
}

Test(api_address, row_31_names)
{
	struct api_fixture fixture;
	struct session_record record = api_fixture_record(50, NOW_S - 42, "10.1.1.5");

	api_fixture_init(&fixture, 0);
	record.identity.access_code = strdup("C6D144DE");
	api_fixture_resume(&fixture, &record);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.5", 200,
			   "{\"ip_address\":\"10.1.1.5\",\"username\":\"C6D144DE\",\"name\":null,\"email\":null,"
			   "\"duration\":42}");
	api_fixture_clean(&fixture);

	api_fixture_init(&fixture, 0);
	record.identity.username = strdup("shagun");
	record.identity.name = strdup("Shagun Goel");
	record.identity.email = strdup("shagun1486@outlook.com");
	api_fixture_resume(&fixture, &record);
	api_fixture_expect(&fixture, "/api/v1/sessions/10.1.1.5", 200,
			   "{\"ip_address\":\"10.1.1.5\",\"username\":\"shagun\",\"name\":\"Shagun Goel\",\"email\":"
			   "\"shagun1486@outlook.com\",\"duration\":42}");
	session_record_clean(&record);
	api_fixture_clean(&fixture);
}
