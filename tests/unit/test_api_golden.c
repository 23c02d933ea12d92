/* SPDX-License-Identifier: MIT */
/*
 * Whole answers against tests/golden: every key, its place and its value. The spec's own examples are there as it
 * prints them, but for the base URL and the opaque id.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/api_fixture.h"

static char *copy(const char *text)
{
	char *out = strdup(text);

	cr_assert(out != NULL);
	return out;
}

static void expect_golden(struct api_fixture *fixture, const char *target, int status, const char *golden)
{
	struct http_response response = api_fixture_get(fixture, target);

	cr_assert_eq(response.status, status, "%s: %d %s", target, response.status, response.body);
	api_fixture_expect_golden(response.body, golden);
	http_response_clean(&response);
}

/* The session that the spec shows. */
static void fill_spec_session(struct session_record *record)
{
	record->mac = (struct mac_addr){{0x14, 0x2d, 0x27, 0xe7, 0x40, 0x2b}};
	record->start = api_fixture_at(START_S);
	record->end = api_fixture_at(START_S + 545);
	record->duration_ns = 545 * NS_PER_S;
	record->traffic =
		(struct traffic){.down_bytes = 3340000, .down_packets = 2400, .up_bytes = 900580, .up_packets = 1900};
	api_fixture_add_address(record, "172.31.98.114", START_S, START_S);
	record->primary_ip = record->addresses[0].ip;
	record->location_id = copy("oWNe6XWDPLM");
	record->location_name = copy("IPERA");
	record->identity.device_description = copy("WebKit");
	record->identity.login_type_name = copy("Registration");
	record->identity.service_profile_name = copy("Default Service Profile - 60 Minute(s)");
	record->identity.guest_id = copy("ajKeDq4582W");
	record->identity.yas_id = copy("8f627d10-1abc-44d8-b964-a7816388173a");
}

/* The spec shows the first of the ten sessions on its page. */
Test(api_golden, spec_example)
{
	struct api_fixture fixture;
	struct http_response response;
	json_auto_t *answer = NULL;
	CLEANUP_FREE char *text = NULL;
	json_t *data;

	api_fixture_init(&fixture, 0);
	fill_spec_session(api_fixture_store(&fixture, 1, START_S));
	for (uint64_t seq = 2; seq <= 11; seq++)
		api_fixture_store(&fixture, seq, START_S + (int64_t)seq);
	response = api_fixture_get(&fixture, "/api/v1/sessions");
	answer = json_loads(response.body, 0, NULL);
	data = json_object_get(answer, "data");
	cr_assert_eq(json_array_size(data), 10);
	while (json_array_size(data) > 1)
		json_array_remove(data, 1);
	text = json_dumps(answer, JSON_COMPACT);
	api_fixture_expect_golden(text, "spec_sessions.json");
	http_response_clean(&response);
	api_fixture_clean(&fixture);
}

/* A stored session, one on line that the store lags behind on, one that it does not have yet. */
static void populate(struct api_fixture *fixture)
{
	struct session_record online = api_fixture_record(2, START_S + 600, "172.31.98.115");

	api_fixture_init(fixture, 0);
	fill_spec_session(api_fixture_store(fixture, 1, START_S));
	online.identity.username = copy("C6D144DE");
	online.identity.access_code = copy("C6D144DE");
	online.location_id = copy("oWNe6XWDPLM");
	online.location_name = copy("IPERA");
	online.traffic = (struct traffic){.up_bytes = 899, .up_packets = 9, .down_bytes = 999995, .down_packets = 700};
	api_fixture_resume(fixture, &online);
	session_record_clean(&online);
	api_fixture_packet(fixture, "14:2d:27:00:00:02", "2001:db8::115", NOW_S - 30);
	api_fixture_packet(fixture, "da:a1:19:00:00:07", "172.31.98.116", NOW_S - 5);
}

Test(api_golden, list)
{
	struct api_fixture fixture;

	populate(&fixture);
	expect_golden(&fixture, "/api/v1/sessions", 200, "list.json");
	expect_golden(&fixture, "/api/v1/sessions?raw=true&per_page=2&last_session_first=1", 200, "list_raw.json");
	expect_golden(&fixture, "/api/v1/sessions?online=true&per_page=1&page=2", 200, "list_page_2.json");
	expect_golden(&fixture, "/api/v1/sessions?guest_id=nobody&page=3", 200, "list_empty.json");
	expect_golden(&fixture, "/api/v1/sessions/count", 200, "count.json");
	api_fixture_clean(&fixture);
}

static void resume_named(struct api_fixture *fixture, uint64_t seq, const char *ip, int64_t since_s,
			 const char *const names[3])
{
	struct session_record record = api_fixture_record(seq, since_s, ip);

	record.identity.username = copy(names[0]);
	record.identity.name = copy(names[1]);
	record.identity.email = copy(names[2]);
	api_fixture_resume(fixture, &record);
	session_record_clean(&record);
}

Test(api_golden, spec_addresses)
{
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	resume_named(&fixture, 1, "10.1.1.5", NOW_S - 42,
		     (const char *[]){"C6D144DE", "Shagun Goel", "shagun1486@outlook.com"});
	resume_named(&fixture, 2, "10.1.1.6", NOW_S - 120,
		     (const char *[]){"A1B2C3D4", "John Doe", "john@example.com"});
	expect_golden(&fixture, "/api/v1/sessions/10.1.1.5", 200, "spec_address.json");
	expect_golden(&fixture, "/api/v1/sessions/10.1.1.5,10.1.1.6", 200, "spec_addresses.json");
	api_fixture_clean(&fixture);
}

/* {"status": ..., "headers": {...}, "body": ...} */
static json_t *describe(struct api_fixture *fixture, const char *target)
{
	struct http_response response = api_fixture_get(fixture, target);
	json_t *headers = json_object();
	json_t *answer;

	for (size_t i = 0; i < response.n_headers; i++)
		json_object_set_new(headers, response.headers[i].name, json_string(response.headers[i].value));
	answer = json_pack("{s:i, s:o, s:o}", "status", response.status, "headers", headers, "body",
			   json_loads(response.body, 0, NULL));
	cr_assert(answer != NULL);
	http_response_clean(&response);
	return answer;
}

Test(api_golden, errors)
{
	static const struct {
		const char *name, *method, *authorization, *target;
		int store_error;
	} cases[] = {
		{"bad request", "GET", "Bearer read-secret", "*", 0},
		{"no token", "GET", NULL, "/api/v1/sessions", 0},
		{"no right", "GET", "Bearer metrics-secret", "/api/v1/sessions", 0},
		{"no route", "GET", "Bearer read-secret", "/api/v1/guests", 0},
		{"not the API", "GET", NULL, "/favicon.ico", 0},
		{"nobody", "GET", "Bearer read-secret", "/api/v1/sessions/10.9.9.9", 0},
		{"method", "PUT", "Bearer read-secret", "/api/v1/sessions", 0},
		{"one error", "GET", "Bearer read-secret", "/api/v1/sessions?per_page=101", 0},
		{"many errors", "GET", "Bearer read-secret", "/api/v1/sessions?raw=2&online=2&guest_device_mac=2", 0},
		{"no address", "GET", "Bearer read-secret", "/api/v1/sessions/10.1.1.5,bogus", 0},
		{"store", "GET", "Bearer read-secret", "/api/v1/sessions/count", -EIO},
		{"too many", "GET", "Bearer read-secret", "/api/v1/sessions?per_page=100", 0},
	};
	struct api_fixture fixture;
	json_auto_t *document = json_object();
	CLEANUP_FREE char *text = NULL;

	api_fixture_init(&fixture, 3);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		fixture.request.method = cases[i].method;
		fixture.request.authorization = cases[i].authorization;
		fixture.store_error = cases[i].store_error;
		json_object_set_new(document, cases[i].name, describe(&fixture, cases[i].target));
	}
	text = json_dumps(document, JSON_COMPACT);
	api_fixture_expect_golden(text, "errors.json");
	api_fixture_clean(&fixture);
}

static void fill_interface(struct health_interface *interface)
{
	*interface = (struct health_interface){.name = "br-guest",
					       .ifindex = 7,
					       .attach_name = "tcx",
					       .is_attached = {true, true},
					       .attached_s = {3599, 3599}};
	for (int direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
		for (unsigned int i = 0; i < OCTET_N_CLASSES; i++) {
			struct octet_tally *tally = &interface->classes[direction].classes[i];

			tally->frames = i == OCTET_CLASS_TABLE_FULL ? 0 : 10 * (unsigned int)(direction + 1) + i;
			tally->wire_bytes = tally->frames * 100;
		}
		interface->coverage[direction] = (struct coverage_report){
			.verdict = COVERAGE_COMPLETE,
			.percent_hundredths = direction == OCTET_UP ? 9998 : 10000,
			.last_minute_percent_hundredths = direction == OCTET_UP ? 10000 : COVERAGE_NO_PERCENT,
			.since_s = 3600,
			.device = {100, 9000},
			.seen = {{900, 90000}, {98, 9100}},
			.missing_frames = direction == OCTET_UP ? 2 : 0,
			.cause = direction == OCTET_UP ? "it was away" : NULL,
		};
	}
}

static void fill_health(struct api_fixture *fixture, struct health_interface *interface)
{
	fixture->health = (struct health){
		.version = "0.1.0",
		.uptime_s = 3600,
		.is_clock_trusted = true,
		.collected_ms_ago = 120,
		.interfaces = interface,
		.n_interfaces = 1,
		.n_online = 3,
		.n_keys = 5,
		.max_keys = 8192,
		.total = {1, 2, 3, 4},
		.unclaimed = {5, 6, 7, 8},
		.is_store_ok = true,
		.unsaved_s = 2,
		.n_unsaved = 1,
	};
}

Test(api_golden, healthz)
{
	struct api_fixture fixture;
	struct health_interface interface;

	api_fixture_init(&fixture, 1);
	fixture.request.authorization = NULL; /* no token is needed */
	fill_interface(&interface);
	fill_health(&fixture, &interface);
	expect_golden(&fixture, "/healthz", 200, "healthz_ok.json");
	expect_golden(&fixture, "/api/v1/healthz", 200, "healthz_ok.json");

	/* a store that fails is worth a word, but costs no octet */
	fixture.health.is_store_ok = false;
	fixture.health.store_error = "no space left on device; free some, nothing is lost until then";
	expect_golden(&fixture, "/healthz", 200, "healthz_store.json");

	interface.is_attached[OCTET_DOWN] = false;
	interface.is_behind[OCTET_UP] = true;
	interface.n_reattached[OCTET_UP] = 2;
	fixture.health.link_reasons = (const char *const[]){"interface wlan0: there is none of that name now"};
	fixture.health.n_link_reasons = 1;
	interface.classes[OCTET_UP].classes[OCTET_CLASS_TABLE_FULL] = (struct octet_tally){12, UINT64_MAX};
	interface.name = "caf\xe9";
	interface.coverage[OCTET_UP] = (struct coverage_report){.verdict = COVERAGE_MISSING,
								.percent_hundredths = 0,
								.last_minute_percent_hundredths = 905,
								.missing_frames = UINT64_MAX,
								.cause = "it is away; bring it back"};
	interface.coverage[OCTET_DOWN] = (struct coverage_report){.verdict = COVERAGE_EXCESS,
								  .percent_hundredths = COVERAGE_NO_PERCENT,
								  .last_minute_percent_hundredths = COVERAGE_NO_PERCENT,
								  .excess_frames = 77,
								  .cause = "a filter drops them"};
	fixture.health.collect_error = "cannot read octet_clients4: Bad file descriptor";
	expect_golden(&fixture, "/healthz", 503, "healthz_incomplete.json");
	api_fixture_clean(&fixture);
}

Test(api_golden, healthz_before_anything_was_counted)
{
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	fill_health(&fixture, NULL);
	fixture.health.n_interfaces = 0;
	fixture.health.collected_ms_ago = -1;
	fixture.health.is_clock_trusted = false;
	expect_golden(&fixture, "/healthz", 503, "healthz_start.json");
	api_fixture_clean(&fixture);
}

/* The comparison itself must not be blind. */
Test(api_golden, comparison_sees_the_order_of_keys)
{
	CLEANUP_FREE char *text = api_fixture_golden("spec_address.json");

	cr_assert_str_eq(text, "{\"ip_address\":\"10.1.1.5\",\"username\":\"C6D144DE\",\"name\":\"Shagun Goel\","
			       "\"email\":\"shagun1486@outlook.com\",\"duration\":42}");
}
