/* SPDX-License-Identifier: MIT */
/* What a session looks like in a listing: rows 14 to 23 and 38 of the decisions table. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <locale.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/api_fixture.h"

/* The first session of the listing. */
static json_t *first_session(struct api_fixture *fixture, const char *target)
{
	struct http_response response = api_fixture_get(fixture, target);
	json_auto_t *answer = json_loads(response.body, 0, NULL);
	json_t *session = json_array_get(json_object_get(answer, "data"), 0);

	cr_assert_eq(response.status, 200, "%s", response.body);
	cr_assert(session != NULL, "%s", response.body);
	http_response_clean(&response);
	return json_incref(session);
}

/* The value under key, as JSON text. */
static void expect_value(const json_t *session, const char *key, const char *expected)
{
	json_t *value = json_object_get(session, key);
	CLEANUP_FREE char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	cr_assert(text != NULL, "%s is missing", key);
	cr_assert_str_eq(text, expected, "%s: %s", key, text);
}

static void expect_in_listing(struct api_fixture *fixture, const char *key, const char *expected)
{
	json_auto_t *session = first_session(fixture, "/api/v1/sessions?raw=true");

	expect_value(session, key, expected);
}

Test(api_session, row_14_id_shape)
{
	struct api_fixture fixture;
	char text[PUBLIC_ID_SIZE + 2];
	char id[PUBLIC_ID_SIZE];

	api_fixture_init(&fixture, 0);
	api_fixture_store(&fixture, 1, START_S);
	snprintf(text, sizeof(text), "\"%s\"", public_id_format(&fixture.api.id_key, 1, id));
	cr_assert_eq(strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), 11);
	expect_in_listing(&fixture, "id", text);
	/* stable: live, unsaved and stored are one session with one id */
	api_fixture_clean(&fixture);
	api_fixture_init(&fixture, 0);
	api_fixture_packet(&fixture, "02:00:00:00:00:01", "10.0.0.5", START_S);
	expect_in_listing(&fixture, "id", text);
	api_fixture_clean(&fixture);
}

Test(api_session, row_15_yas_id)
{
	struct api_fixture fixture;
	struct session_record *record;

	api_fixture_init(&fixture, 0);
	record = api_fixture_store(&fixture, 1, START_S);
	expect_in_listing(&fixture, "yas_id", "null");
	record->identity.yas_id = strdup("8f627d10-1abc-44d8-b964-a7816388173a");
	expect_in_listing(&fixture, "yas_id", "\"8f627d10-1abc-44d8-b964-a7816388173a\"");
	api_fixture_clean(&fixture);
}

Test(api_session, row_16_nulls)
{
	static const char *const keys[] = {
		"id",
		"location_id",
		"location_name",
		"guest_device_description",
		"guest_device_mac",
		"guest_device_ip",
		"access_code",
		"login_type_name",
		"service_profile_name",
		"total_duration",
		"downloaded_data",
		"uploaded_data",
		"connection_status",
		"connection_status_value",
		"start_time",
		"start_time_formatted",
		"end_time",
		"end_time_formatted",
		"guest_id",
		"yas_id",
	};
	static const char *const nulls[] = {"location_id",     "location_name",   "guest_device_description",
					    "guest_device_ip", "login_type_name", "service_profile_name",
					    "guest_id",        "yas_id"};
	struct api_fixture fixture;
	struct session_record *record;
	json_auto_t *session = NULL;
	size_t n = 0;
	const char *key;
	json_t *value;

	api_fixture_init(&fixture, 0);
	record = api_fixture_store(&fixture, 1, START_S);
	session = first_session(&fixture, "/api/v1/sessions");
	json_object_foreach(session, key, value)
	{
		cr_assert_lt(n, ARRAY_LENGTH(keys), "%s", key);
		cr_assert_str_eq(key, keys[n++]);
	}
	cr_assert_eq(n, ARRAY_LENGTH(keys));
	for (size_t i = 0; i < ARRAY_LENGTH(nulls); i++)
		expect_value(session, nulls[i], "null");
	expect_value(session, "access_code", "\"\"");
	/* an empty text is an unknown one */
	record->location_name = strdup("");
	record->identity.guest_id = strdup("");
	expect_in_listing(&fixture, "location_name", "null");
	expect_in_listing(&fixture, "guest_id", "null");
	record->identity.access_code = strdup("7788");
	record->identity.login_type_name = strdup("Registration");
	record->identity.service_profile_name = strdup("Gast \"Gold\" \\ 60 Min\xc3\xbcten / Tag");
	expect_in_listing(&fixture, "access_code", "\"7788\"");
	expect_in_listing(&fixture, "login_type_name", "\"Registration\"");
	expect_in_listing(&fixture, "service_profile_name", "\"Gast \\\"Gold\\\" \\\\ 60 Min\xc3\xbcten / Tag\"");
	/* what is not UTF-8 must not cost the answer */
	free(record->location_name);
	record->location_name = strdup("caf\xe9");
	expect_in_listing(&fixture, "location_name", "\"caf?\"");
	api_fixture_clean(&fixture);
}

/* What the engine learns while the store is being asked. */
static void traffic_meanwhile(struct api_fixture *fixture)
{
	api_fixture_packet(fixture, "14:2d:27:00:00:03", "10.0.0.77", NOW_S + 1);
	fixture->now = api_fixture_at(NOW_S + 2);
}

Test(api_session, row_17_online_session)
{
	struct api_fixture fixture;
	struct session_record record = api_fixture_record(3, START_S, "10.0.0.4");
	json_auto_t *session = NULL;

	api_fixture_init(&fixture, 0);
	record.traffic = (struct traffic){.up_bytes = 900, .up_packets = 9, .down_bytes = 5000, .down_packets = 50};
	api_fixture_resume(&fixture, &record);
	session_record_clean(&record);
	session = first_session(&fixture, "/api/v1/sessions?raw=1");
	expect_value(session, "end_time", "null");
	expect_value(session, "end_time_formatted", "null");
	expect_value(session, "connection_status", "\"Online\"");
	expect_value(session, "connection_status_value", "1");
	expect_value(session, "total_duration", "\"00:39:05\"");
	expect_value(session, "terminate_cause", "null");
	expect_value(session, "uploaded_bytes", "900");
	json_decref(session);
	/* the row in the store lags behind; the answer is of its own moment */
	fixture.meanwhile = traffic_meanwhile;
	session = first_session(&fixture, "/api/v1/sessions?raw=1");
	expect_value(session, "uploaded_bytes", "1000");
	expect_value(session, "uploaded_packets", "10");
	expect_value(session, "guest_device_ip", "\"10.0.0.77\"");
	expect_value(session, "guest_device_ips", "[\"10.0.0.4\",\"10.0.0.77\"]");
	expect_value(session, "duration_seconds", "2347");
	api_fixture_clean(&fixture);
}

static void end_meanwhile(struct api_fixture *fixture)
{
	api_fixture_packet(fixture, "14:2d:27:00:00:03", "10.0.0.4", NOW_S + 1);
	cr_assert_eq(session_engine_end(fixture->engine, 3, api_fixture_at(NOW_S + 1), END_CAUSE_USER_REQUEST,
					&fixture->events),
		     0);
	fixture->now = api_fixture_at(NOW_S + 2);
}

Test(api_session, row_17_a_session_that_ends_while_the_store_is_asked)
{
	struct api_fixture fixture;
	struct session_record record = api_fixture_record(3, START_S, "10.0.0.4");
	json_auto_t *session = NULL;

	api_fixture_init(&fixture, 0);
	api_fixture_resume(&fixture, &record);
	fixture.meanwhile = end_meanwhile;
	session = first_session(&fixture, "/api/v1/sessions?raw=1");
	expect_value(session, "connection_status_value", "0");
	expect_value(session, "uploaded_bytes", "100");
	expect_value(session, "duration_seconds", "2346");
	expect_value(session, "terminate_cause", "\"User-Request\"");
	json_decref(session);
	api_fixture_clean(&fixture);

	/* who asked for sessions on line gets what was on line then, with the octets of now */
	api_fixture_init(&fixture, 0);
	api_fixture_resume(&fixture, &record);
	session_record_clean(&record);
	fixture.meanwhile = end_meanwhile;
	session = first_session(&fixture, "/api/v1/sessions?raw=1&online=true");
	expect_value(session, "connection_status_value", "1");
	expect_value(session, "uploaded_bytes", "100");
	expect_value(session, "end_time", "null");
	api_fixture_clean(&fixture);
}

Test(api_session, row_18_iso_times)
{
	struct api_fixture fixture;
	struct session_record *record;

	api_fixture_init(&fixture, 0);
	record = api_fixture_store(&fixture, 1, START_S);
	record->start.wall_ns += NS_PER_S - 1; /* whole seconds, rounded down */
	expect_in_listing(&fixture, "start_time", "\"2017-01-05T06:50:55+00:00\"");
	expect_in_listing(&fixture, "end_time", "\"2017-01-05T06:51:55+00:00\"");
	api_fixture_clean(&fixture);
}

Test(api_session, row_19_formatted)
{
	struct api_fixture fixture;
	struct session_record *record;
	/* Berlin's summer time began on 2017-03-26 at 01:00 UTC */
	const struct api_fixture_zone berlin = {.offset_s = 3600, .change_s = 1490490000, .later_offset_s = 7200};

	api_fixture_init(&fixture, 0);
	record = api_fixture_store(&fixture, 1, START_S);
	setlocale(LC_ALL, "ja_JP.UTF-8");
	expect_in_listing(&fixture, "start_time_formatted", "\"2017-01-05 9:50 AM\"");
	expect_in_listing(&fixture, "end_time_formatted", "\"2017-01-05 9:51 AM\"");
	fixture.zone = berlin;
	record->start = api_fixture_at(1490490000 - 1);
	record->end = api_fixture_at(1490490000);
	expect_in_listing(&fixture, "start_time_formatted", "\"2017-03-26 1:59 AM\"");
	expect_in_listing(&fixture, "end_time_formatted", "\"2017-03-26 3:00 AM\"");
	fixture.zone = (struct api_fixture_zone){0};
	record->start = api_fixture_at(1483574400);
	record->end = api_fixture_at(1483574400 + 12 * 3600 + 59);
	expect_in_listing(&fixture, "start_time_formatted", "\"2017-01-05 12:00 AM\"");
	expect_in_listing(&fixture, "end_time_formatted", "\"2017-01-05 12:00 PM\"");
	api_fixture_clean(&fixture);
}

Test(api_session, row_20_total_duration)
{
	struct api_fixture fixture;
	struct session_record *record;
	struct session_record online = api_fixture_record(2, START_S, NULL);

	api_fixture_init(&fixture, 0);
	record = api_fixture_store(&fixture, 1, START_S);
	expect_in_listing(&fixture, "total_duration", "\"00:01:00\"");
	record->end = api_fixture_at(START_S + 432000);
	expect_in_listing(&fixture, "total_duration", "\"120:00:00\"");
	/* ended: the difference of the two times beside it, which are rounded down */
	record->start.wall_ns = START_S * NS_PER_S + 900 * NS_PER_MS;
	record->end.wall_ns = (START_S + 545) * NS_PER_S + 100 * NS_PER_MS;
	record->duration_ns = record->end.wall_ns - record->start.wall_ns;
	expect_in_listing(&fixture, "start_time", "\"2017-01-05T06:50:55+00:00\"");
	expect_in_listing(&fixture, "end_time", "\"2017-01-05T07:00:00+00:00\"");
	expect_in_listing(&fixture, "total_duration", "\"00:09:05\"");
	expect_in_listing(&fixture, "duration_seconds", "545");
	record->start.wall_ns = START_S * NS_PER_S;
	record->end.wall_ns = START_S * NS_PER_S + NS_PER_S - 1;
	record->duration_ns = NS_PER_S;
	expect_in_listing(&fixture, "total_duration", "\"00:00:00\"");
	expect_in_listing(&fixture, "duration_seconds", "0");
	/* a clock that was set back in between */
	record->end.wall_ns = (START_S - 5) * NS_PER_S;
	expect_in_listing(&fixture, "total_duration", "\"00:00:00\"");
	expect_in_listing(&fixture, "duration_seconds", "0");
	api_fixture_clean(&fixture);

	/* on line: by the monotonic clock, whatever the wall clock did */
	api_fixture_init(&fixture, 0);
	api_fixture_resume(&fixture, &online);
	fixture.now = api_fixture_at(START_S + 3661);
	fixture.now.wall_ns = 0;
	expect_in_listing(&fixture, "total_duration", "\"01:01:01\"");
	fixture.now.mono_ns = 0;
	expect_in_listing(&fixture, "total_duration", "\"00:00:00\"");
	api_fixture_clean(&fixture);
}

Test(api_session, row_21_sizes)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "\"0 B\""},
		{999, "\"999 B\""},
		{1000, "\"1.00 kB\""},
		{900580, "\"900.58 kB\""},
		{999994, "\"999.99 kB\""},
		{999995, "\"1.00 MB\""},
		{3340000, "\"3.34 MB\""},
		{1640000000, "\"1.64 GB\""},
		{INT64_MAX, "\"9.22 EB\""},
	};
	struct api_fixture fixture;
	struct session_record *record;

	api_fixture_init(&fixture, 0);
	record = api_fixture_store(&fixture, 1, START_S);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		record->traffic.down_bytes = cases[i].bytes;
		record->traffic.up_bytes = cases[ARRAY_LENGTH(cases) - 1 - i].bytes;
		expect_in_listing(&fixture, "downloaded_data", cases[i].text);
		expect_in_listing(&fixture, "uploaded_data", cases[ARRAY_LENGTH(cases) - 1 - i].text);
	}
	api_fixture_clean(&fixture);
}

Test(api_session, row_22_raw_numbers)
{
	static const char *const keys[] = {"downloaded_bytes", "uploaded_bytes",   "downloaded_packets",
					   "uploaded_packets", "duration_seconds", "guest_device_ips",
					   "terminate_cause"};
	static const char *const off[] = {"", "?raw=false", "?raw=0", "?raw=", "?raw=true&raw=0"};
	struct api_fixture fixture;
	struct session_record *record;
	json_auto_t *session = NULL;
	char target[128];
	size_t n = 0;
	const char *key;
	json_t *value;

	api_fixture_init(&fixture, 0);
	record = api_fixture_store(&fixture, 1, START_S);
	record->traffic = (struct traffic){.up_bytes = INT64_MAX, .up_packets = 2, .down_bytes = 3, .down_packets = 4};
	api_fixture_add_address(record, "10.0.0.4", START_S, START_S);
	api_fixture_add_address(record, "2001:DB8::0:1", START_S, START_S);
	session = first_session(&fixture, "/api/v1/sessions?raw=TRUE");
	json_object_foreach(session, key, value)
	{
		if (n++ >= 20)
			cr_assert_str_eq(key, keys[n - 21]);
	}
	cr_assert_eq(n, 20 + ARRAY_LENGTH(keys));
	expect_value(session, "uploaded_bytes", "9223372036854775807");
	expect_value(session, "uploaded_packets", "2");
	expect_value(session, "downloaded_bytes", "3");
	expect_value(session, "downloaded_packets", "4");
	expect_value(session, "duration_seconds", "60");
	expect_value(session, "guest_device_ips", "[\"10.0.0.4\",\"2001:db8::1\"]");
	expect_value(session, "terminate_cause", "\"Idle-Timeout\"");
	for (size_t i = 0; i < ARRAY_LENGTH(off); i++) {
		json_auto_t *plain = NULL;

		snprintf(target, sizeof(target), "/api/v1/sessions%s", off[i]);
		plain = first_session(&fixture, target);
		cr_assert_eq(json_object_size(plain), 20, "%s", target);
	}
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions?raw=yes", "raw");
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions?raw[]=1", "raw");
	api_fixture_clean(&fixture);
}

Test(api_session, row_23_direction)
{
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	api_fixture_packet(&fixture, "02:00:00:00:00:01", "10.0.0.5", START_S); /* 100 octets from the guest */
	expect_in_listing(&fixture, "uploaded_data", "\"100 B\"");
	expect_in_listing(&fixture, "uploaded_packets", "1");
	expect_in_listing(&fixture, "downloaded_data", "\"0 B\"");
	expect_in_listing(&fixture, "downloaded_packets", "0");
	api_fixture_clean(&fixture);
}

Test(api_session, row_38_device_description)
{
	struct api_fixture fixture;
	struct session_record *record;

	api_fixture_init(&fixture, 0);
	record = api_fixture_store(&fixture, 1, START_S);
	expect_in_listing(&fixture, "guest_device_description", "null");
	record->mac.octets[0] = 0x16;
	expect_in_listing(&fixture, "guest_device_description", "\"Randomized MAC\"");
	expect_in_listing(&fixture, "guest_device_mac", "\"16:2d:27:00:00:01\"");
	record->identity.device_description = strdup("WebKit");
	expect_in_listing(&fixture, "guest_device_description", "\"WebKit\"");
	record->mac.octets[0] = 0x14;
	expect_in_listing(&fixture, "guest_device_description", "\"WebKit\"");
	api_fixture_clean(&fixture);
}
