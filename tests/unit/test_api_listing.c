/* SPDX-License-Identifier: MIT */
/* GET /sessions and GET /sessions/count: rows 1 to 13, 35 and 37 of the decisions table. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/api_fixture.h"

#define DAY_S 86400
#define EMPTY_PAGE(base, page, prev)                                                                  \
	"{\"data\":[],\"links\":{\"first\":\"" base "/sessions?page=1\",\"last\":null,\"prev\":" prev \
	",\"next\":null},\"meta\":{\"current_page\":" page ",\"from\":null,\"path\":\"" base          \
	"/sessions\",\"per_page\":10,\"to\":null}}"

static void store_many(struct api_fixture *fixture, uint64_t n_sessions)
{
	for (uint64_t seq = 1; seq <= n_sessions; seq++)
		api_fixture_store(fixture, seq, START_S + (int64_t)seq);
}

/* The text of a link, or "null". */
static void expect_link(struct api_fixture *fixture, const char *target, const char *name, const char *expected)
{
	struct http_response response = api_fixture_get(fixture, target);
	json_auto_t *answer = json_loads(response.body, 0, NULL);
	json_t *link = json_object_get(json_object_get(answer, "links"), name);

	cr_assert_eq(response.status, 200, "%s: %s", target, response.body);
	cr_assert(link != NULL, "%s: %s", target, response.body);
	cr_assert_str_eq(json_is_null(link) ? "null" : json_string_value(link), expected, "%s", target);
	http_response_clean(&response);
}

static void expect_meta(struct api_fixture *fixture, const char *target, const char *expected)
{
	struct http_response response = api_fixture_get(fixture, target);
	const char *meta = strstr(response.body, "\"meta\":");

	cr_assert(meta != NULL);
	cr_assert_str_eq(meta, expected, "%s: %s", target, meta);
	http_response_clean(&response);
}

static void expect_count(struct api_fixture *fixture, const char *filter, unsigned int count)
{
	char target[256];
	char body[64];

	snprintf(target, sizeof(target), "/api/v1/sessions/count?%s", filter);
	snprintf(body, sizeof(body), "{\"count\":%u}", count);
	api_fixture_expect(fixture, target, 200, body);
}

Test(api_listing, row_01_envelope)
{
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	api_fixture_expect(&fixture, "/api/v1/sessions", 200, EMPTY_PAGE(BASE, "1", "null"));
	store_many(&fixture, 20);
	expect_link(&fixture, "/api/v1/sessions", "last", "null");
	expect_link(&fixture, "/api/v1/sessions", "prev", "null");
	expect_link(&fixture, "/api/v1/sessions", "next", BASE "/sessions?page=2");
	expect_link(&fixture, "/api/v1/sessions?page=2", "prev", BASE "/sessions?page=1");
	expect_link(&fixture, "/api/v1/sessions?page=2", "next", "null"); /* the last page is full */
	expect_link(&fixture, "/api/v1/sessions?page=2", "last", "null");
	cr_assert_eq(fixture.last_query.limit, 11, "one more than the page tells whether another follows");
	expect_meta(&fixture, "/api/v1/sessions?page=2",
		    "\"meta\":{\"current_page\":2,\"from\":11,\"path\":\"" BASE
		    "/sessions\",\"per_page\":10,\"to\":20}}");
	api_fixture_clean(&fixture);
}

Test(api_listing, row_02_links)
{
	static const struct {
		const char *query;
		const char *kept;
	} cases[] = {
		{"", ""},
		{"?", ""},
		{"?page=1", ""},
		{"?online=false&per_page=5", "online=false&per_page=5&"},
		{"?per_page=5&page=1&online=false", "per_page=5&online=false&"},
		{"?last_session_first=0&raw=1", "last_session_first=0&raw=1&"},
		{"?unknown=1&online=0&utm=x", "online=0&"},
		{"?guest_id=&online=0&yas_id", "online=0&"},
		{"?online=1&per_page=7&online=0", "online=0&per_page=7&"},
		{"?online=&per_page=7&online=0", "online=0&per_page=7&"},
		{"?%6Fnline=0", "online=0&"},
		{"?start_time=2017%2d01-01", "start_time=2017%2d01-01&"},
		{"?per_page=5&&online=0&", "per_page=5&online=0&"},
		{"?online=0&at=2017-01-05T06:50:55Z&per_page=5", "online=0&per_page=5&"},
		{"?at=", ""},
	};
	struct api_fixture fixture;
	char target[256];
	char link[256];

	api_fixture_init(&fixture, 0);
	store_many(&fixture, 20);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		snprintf(target, sizeof(target), "/api/v1/sessions%s", cases[i].query);
		snprintf(link, sizeof(link), BASE "/sessions?%spage=2", cases[i].kept);
		expect_link(&fixture, target, "next", link);
		snprintf(link, sizeof(link), BASE "/sessions?%spage=1", cases[i].kept);
		expect_link(&fixture, target, "first", link);
	}
	/* values stay as they were sent; what a URI may not have is encoded */
	expect_link(&fixture, "/api/v1/sessions?guest_id=a%2fb+c'd\"<\xc3\xa9>|%zz&page=3", "first",
		    BASE "/sessions?guest_id=a%2fb+c'd%22%3C%C3%A9%3E%7C%25zz&page=1");
	api_fixture_clean(&fixture);
}

Test(api_listing, row_03_base_url)
{
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	store_many(&fixture, 11);
	fixture.request.host = "10.0.0.1:8087";
	expect_link(&fixture, "/api/v1/sessions", "next", "http://10.0.0.1:8087/api/v1/sessions?page=2");
	fixture.request.is_tls = true;
	expect_link(&fixture, "/api/v1/sessions", "next", "https://10.0.0.1:8087/api/v1/sessions?page=2");
	/* not from a trusted proxy */
	fixture.request.forwarded_host = "evil.example";
	fixture.request.forwarded_proto = "http";
	expect_link(&fixture, "/api/v1/sessions", "next", "https://10.0.0.1:8087/api/v1/sessions?page=2");
	fixture.api.settings.base_url = "https://portal.example.com/";
	expect_link(&fixture, "/api/v1/sessions", "next", "https://portal.example.com/api/v1/sessions?page=2");
	fixture.api.settings.base_url = "https://portal.example.com/hotspot//";
	expect_link(&fixture, "/api/v1/sessions", "next", "https://portal.example.com/hotspot/api/v1/sessions?page=2");
	/* the mount may be given with it */
	fixture.api.settings.base_url = "https://portal.example.com/api/v1";
	expect_link(&fixture, "/api/v1/sessions", "next", "https://portal.example.com/api/v1/sessions?page=2");
	fixture.api.settings.mount = "/guests";
	fixture.api.settings.base_url = NULL;
	expect_meta(&fixture, "/guests/sessions?online=0",
		    "\"meta\":{\"current_page\":1,\"from\":1,\"path\":\"https://10.0.0.1:8087/guests/sessions\","
		    "\"per_page\":10,\"to\":10}}");
	api_fixture_clean(&fixture);
}

Test(api_listing, row_04_page)
{
	static const char *const first[] = {"",   "0",  "-1", "1.5", "abc", "1e1",  "%202",
					    "2x", "02", "+2", "%00", "%zz", "true", "0x2"};
	struct api_fixture fixture;
	char target[256];

	api_fixture_init(&fixture, 0);
	api_fixture_expect(&fixture, "/api/v1/sessions?page=7", 200,
			   EMPTY_PAGE(BASE, "7", "\"" BASE "/sessions?page=6\""));
	api_fixture_expect(&fixture, "/api/v1/sessions?page=9223372036854775807", 200,
			   EMPTY_PAGE(BASE, "9223372036854775807", "\"" BASE "/sessions?page=9223372036854775806\""));
	/* beyond what a JSON integer holds */
	api_fixture_expect(&fixture, "/api/v1/sessions?page=99999999999999999999999", 200,
			   EMPTY_PAGE(BASE, "9223372036854775807", "\"" BASE "/sessions?page=9223372036854775806\""));
	store_many(&fixture, 12);
	for (size_t i = 0; i < ARRAY_LENGTH(first); i++) {
		snprintf(target, sizeof(target), "/api/v1/sessions?page=%s", first[i]);
		expect_meta(&fixture, target,
			    "\"meta\":{\"current_page\":1,\"from\":1,\"path\":\"" BASE
			    "/sessions\",\"per_page\":10,\"to\":10}}");
	}
	expect_meta(&fixture, "/api/v1/sessions?page[]=2",
		    "\"meta\":{\"current_page\":1,\"from\":1,\"path\":\"" BASE
		    "/sessions\",\"per_page\":10,\"to\":10}}");
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?page=2", (const uint64_t[]){11, 12, 0});
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?page=3", (const uint64_t[]){0});
	api_fixture_clean(&fixture);
}

Test(api_listing, row_05_per_page)
{
	static const char *const bad[] = {
		"0", "101", "-1", "1.0", "ten", "1e1", "%2010", "010", "99999999999999999999", "%00"};
	struct api_fixture fixture;
	char target[256];

	api_fixture_init(&fixture, 0);
	store_many(&fixture, 120);
	expect_meta(&fixture, "/api/v1/sessions?per_page=1",
		    "\"meta\":{\"current_page\":1,\"from\":1,\"path\":\"" BASE "/sessions\",\"per_page\":1,\"to\":1}}");
	expect_meta(&fixture, "/api/v1/sessions?per_page=100",
		    "\"meta\":{\"current_page\":1,\"from\":1,\"path\":\"" BASE
		    "/sessions\",\"per_page\":100,\"to\":100}}");
	expect_meta(&fixture, "/api/v1/sessions?per_page=100&page=2",
		    "\"meta\":{\"current_page\":2,\"from\":101,\"path\":\"" BASE
		    "/sessions\",\"per_page\":100,\"to\":120}}");
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		snprintf(target, sizeof(target), "/api/v1/sessions?per_page=%s", bad[i]);
		api_fixture_expect_invalid(&fixture, target, "per_page");
		snprintf(target, sizeof(target), "/api/v1/sessions/count?per_page=%s", bad[i]);
		api_fixture_expect_invalid(&fixture, target, "per_page");
	}
	api_fixture_clean(&fixture);
}

Test(api_listing, row_06_order)
{
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	api_fixture_store(&fixture, 5, START_S + 50);
	api_fixture_store(&fixture, 9, START_S);
	api_fixture_store(&fixture, 2, START_S + 50);
	api_fixture_store(&fixture, 7, START_S + 10);
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions", (const uint64_t[]){9, 7, 2, 5, 0});
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?last_session_first=false",
				(const uint64_t[]){9, 7, 2, 5, 0});
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?last_session_first=true",
				(const uint64_t[]){5, 2, 7, 9, 0});
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?last_session_first=1&per_page=3&page=2",
				(const uint64_t[]){9, 0});
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions?last_session_first=maybe", "last_session_first");
	expect_count(&fixture, "last_session_first=true&page=3&per_page=1", 4);
	api_fixture_clean(&fixture);
}

Test(api_listing, row_07_parameters)
{
	static const char *const names[] = {"guest_id", "location_id", "guest_device_mac",   "start_time", "end_time",
					    "yas_id",   "online",      "last_session_first", "per_page"};
	static const char *const arrays[] = {"%s[]=1", "%s%%5B%%5D=1", "%s[0]=1", "%s[a][b]=1", "%s[]=", "%s=1&%s[]=1"};
	struct api_fixture fixture;
	char pair[128];
	char target[256];

	api_fixture_init(&fixture, 0);
	store_many(&fixture, 3);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		snprintf(pair, sizeof(pair), "%s=&%s", names[i], names[i]);
		expect_count(&fixture, pair, 3);
		for (size_t k = 0; k < ARRAY_LENGTH(arrays); k++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(pair, sizeof(pair), arrays[k], names[i], names[i]);
#pragma GCC diagnostic pop
			snprintf(target, sizeof(target), "/api/v1/sessions?%s", pair);
			api_fixture_expect_invalid(&fixture, target, names[i]);
			snprintf(target, sizeof(target), "/api/v1/sessions/count?%s", pair);
			api_fixture_expect_invalid(&fixture, target, names[i]);
		}
	}
	expect_count(&fixture, "guest=x&Online=banana&online2=banana&at=banana&=&%zz=1&guest_id_=x", 3);
	expect_count(&fixture, "online=banana&online=false", 3);
	expect_count(&fixture, "online=true&online=false", 3);
	expect_count(&fixture, "online=false&online=true", 0);
	expect_count(&fixture, "online=true&online=", 3);
	expect_count(&fixture, "online[]=true&online=false", 3);
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions?online=false&online=banana", "online");
	api_fixture_clean(&fixture);
}

Test(api_listing, row_08_start_time)
{
	static const char *const bad[] = {"2017-02-29",           "2017-1-5",   "05-01-2017",
					  "2017-01-05T00:00:00Z", "today",      "1483599055",
					  "2017-01-05%00",        "0000-01-01", "%ff"};
	struct api_fixture fixture;
	char target[256];
	int64_t midnight_s = 1483574400 - 3 * 3600; /* 2017-01-05 00:00 in the zone of the fixture, +03:00 */

	api_fixture_init(&fixture, 0);
	api_fixture_store(&fixture, 1, midnight_s - 1);
	api_fixture_store(&fixture, 2, midnight_s);
	api_fixture_store(&fixture, 3, midnight_s + DAY_S);
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?start_time=2017-01-05", (const uint64_t[]){2, 3, 0});
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?start_time=2017-01-06", (const uint64_t[]){3, 0});
	expect_count(&fixture, "start_time=2017-01-04", 3);
	expect_count(&fixture, "start_time=0001-01-01", 3);
	expect_count(&fixture, "start_time=9999-12-31", 0);
	expect_count(&fixture, "start_time=%32%30%317-01-05", 2);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		snprintf(target, sizeof(target), "/api/v1/sessions?start_time=%s", bad[i]);
		api_fixture_expect_invalid(&fixture, target, "start_time");
	}
	api_fixture_clean(&fixture);
}

Test(api_listing, row_09_end_time)
{
	struct api_fixture fixture;
	struct session_record online = api_fixture_record(4, 1483563600 - 7200, "10.0.0.4");
	int64_t midnight_s = 1483574400 - 3 * 3600;

	api_fixture_init(&fixture, 0);
	api_fixture_store(&fixture, 1, midnight_s - 61); /* ends a second before midnight */
	api_fixture_store(&fixture, 2, midnight_s - 60);
	api_fixture_store(&fixture, 3, midnight_s + 10);
	api_fixture_resume(&fixture, &online);
	session_record_clean(&online);
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?end_time=2017-01-05", (const uint64_t[]){1, 0});
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?end_time=2017-01-06", (const uint64_t[]){1, 2, 3, 0});
	expect_count(&fixture, "end_time=9999-12-31", 3); /* what has not ended never matches */
	expect_count(&fixture, "end_time=0001-01-01", 0);
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?start_time=2017-01-05&end_time=2017-01-04",
				(const uint64_t[]){0});
	/* half-open ranges tile: who ended before a day and who started on it or later do not overlap */
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?online=0&start_time=2017-01-05", (const uint64_t[]){3, 0});
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions?end_time=2017-13-01", "end_time");
	api_fixture_clean(&fixture);
}

Test(api_listing, row_10_zone_of_dates)
{
	struct api_fixture fixture;
	/* Berlin's summer time began on 2017-03-26 at 01:00 UTC */
	const struct api_fixture_zone berlin = {.offset_s = 3600, .change_s = 1490490000, .later_offset_s = 7200};
	int64_t day_s = 1490486400; /* 2017-03-26 00:00 UTC */

	api_fixture_init(&fixture, 0);
	api_fixture_store(&fixture, 1, day_s - 3600);         /* 26 March 00:00 in Berlin, still winter */
	api_fixture_store(&fixture, 2, day_s + DAY_S - 7200); /* 27 March 00:00, summer: a day of 23 hours */
	api_fixture_store(&fixture, 3, day_s + DAY_S - 3600); /* 27 March 00:00 if it were winter */
	fixture.zone = berlin;
	expect_count(&fixture, "start_time=2017-03-26", 3);
	expect_count(&fixture, "start_time=2017-03-27", 2);
	fixture.zone = (struct api_fixture_zone){0}; /* none configured: UTC */
	expect_count(&fixture, "start_time=2017-03-26", 2);
	expect_count(&fixture, "start_time=2017-03-27", 0);
	api_fixture_clean(&fixture);
}

Test(api_listing, row_11_online)
{
	static const char *const yes[] = {"true", "TRUE", "tRuE", "1", "%31"};
	static const char *const no[] = {"false", "FALSE", "False", "0"};
	static const char *const bad[] = {"yes", "no",      "on",  "off", "2",   "-1",
					  "00",  "true%20", "tru", "%00", "%zz", "null"};
	struct api_fixture fixture;
	struct session_record online = api_fixture_record(9, START_S, "10.0.0.4");
	char target[256];

	api_fixture_init(&fixture, 0);
	store_many(&fixture, 2);
	api_fixture_resume(&fixture, &online);
	session_record_clean(&online);
	api_fixture_packet(&fixture, "02:00:00:00:00:01", "10.0.0.5", START_S + 100); /* unsaved: number 10 */
	for (size_t i = 0; i < ARRAY_LENGTH(yes); i++) {
		snprintf(target, sizeof(target), "/api/v1/sessions?online=%s", yes[i]);
		api_fixture_expect_seqs(&fixture, target, (const uint64_t[]){9, 10, 0});
	}
	for (size_t i = 0; i < ARRAY_LENGTH(no); i++) {
		snprintf(target, sizeof(target), "/api/v1/sessions?online=%s", no[i]);
		api_fixture_expect_seqs(&fixture, target, (const uint64_t[]){1, 2, 0});
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		snprintf(target, sizeof(target), "/api/v1/sessions?online=%s", bad[i]);
		api_fixture_expect_invalid(&fixture, target, "online");
	}
	api_fixture_clean(&fixture);
}

Test(api_listing, row_12_guest_device_mac)
{
	static const char *const good[] = {
		"14:2d:27:00:00:02", "14-2D-27-00-00-02", "142d.2700.0002",    "142D27000002",
		"142d-2700-0002",    "142D:2700:0002",    "14.2d.27.00.00.02", "14%3A2d%3a27%3A00%3A00%3A02"};
	static const char *const bad[] = {"14:2d:27:00:00",      "142d-2700:0002", "14:2d:27:00:00:02:03",
					  "14:2d:27:00:00:0g",   "apple",          "1",
					  "14:2d:27:00:00:02%00"};
	struct api_fixture fixture;
	char target[256];

	api_fixture_init(&fixture, 0);
	store_many(&fixture, 3);
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		snprintf(target, sizeof(target), "/api/v1/sessions?guest_device_mac=%s", good[i]);
		api_fixture_expect_seqs(&fixture, target, (const uint64_t[]){2, 0});
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		snprintf(target, sizeof(target), "/api/v1/sessions?guest_device_mac=%s", bad[i]);
		api_fixture_expect_invalid(&fixture, target, "guest_device_mac");
	}
	expect_count(&fixture, "guest_device_mac=14:2d:27:ff:ff:ff", 0);
	api_fixture_clean(&fixture);
}

Test(api_listing, row_13_ids)
{
	static const char *const nobodys[] = {"guest_id=ajkeDq4582W",    "guest_id=x",    "guest_id=%00",
					      "guest_id=ajKeDq4582W%00", "guest_id=%zz",  "guest_id=%ff%fe",
					      "location_id=OWNE6xwdplm", "location_id=%", "yas_id=%f",
					      "yas_id=8f627d10",         "yas_id=%80",    "guest_id=%20ajKeDq4582W"};
	static const char *const somebodys[] = {
		"guest_id=ajKeDq4582W", "guest_id=%61jKeDq4582W", "location_id=oWNe6XWDPLM",
		"yas_id=8f627d10-1abc-44d8-b964-a7816388173a", "yas_id=8F627D10-1ABC-44d8-B964-A7816388173A"};
	struct api_fixture fixture;
	struct session_record *record;
	char target[256];

	api_fixture_init(&fixture, 0);
	store_many(&fixture, 2);
	record = &fixture.stored[0];
	record->identity.guest_id = strdup("ajKeDq4582W");
	record->identity.yas_id = strdup("8f627d10-1abc-44d8-b964-a7816388173a");
	record->location_id = strdup("oWNe6XWDPLM");
	for (size_t i = 0; i < ARRAY_LENGTH(somebodys); i++) {
		expect_count(&fixture, somebodys[i], 1);
		snprintf(target, sizeof(target), "/api/v1/sessions?%s", somebodys[i]);
		api_fixture_expect_seqs(&fixture, target, (const uint64_t[]){1, 0});
	}
	for (size_t i = 0; i < ARRAY_LENGTH(nobodys); i++) {
		expect_count(&fixture, nobodys[i], 0);
		snprintf(target, sizeof(target), "/api/v1/sessions?%s", nobodys[i]);
		api_fixture_expect_seqs(&fixture, target, (const uint64_t[]){0});
	}
	/* what cannot be decoded stays literally, so a portal's odd id can be asked for */
	free(record->identity.guest_id);
	record->identity.guest_id = strdup("100%zz");
	expect_count(&fixture, "guest_id=100%zz", 1);
	expect_count(&fixture, "guest_id=100%25zz", 1);
	expect_count(&fixture, "guest_id=100%25zz%00", 0);
	expect_count(&fixture, "guest_id=100%zz%ff", 0);
	expect_count(&fixture, "guest_id=100%zz\xff", 0);
	/* an id that is nobody's does not hide what is wrong elsewhere */
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions?guest_id=%zz&online=x", "online");
	/* and what is validated is wrong when it cannot be decoded */
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions?online=%zz", "online");
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions?online=true%00", "online");
	api_fixture_expect_invalid(&fixture, "/api/v1/sessions?per_page=1%", "per_page");
	api_fixture_clean(&fixture);
}

Test(api_listing, row_35_count)
{
	struct api_fixture fixture;
	struct session_record online = api_fixture_record(9, START_S, "10.0.0.4");

	api_fixture_init(&fixture, 0);
	api_fixture_expect(&fixture, "/api/v1/sessions/count", 200, "{\"count\":0}");
	store_many(&fixture, 5);
	api_fixture_resume(&fixture, &online);
	session_record_clean(&online);
	api_fixture_packet(&fixture, "02:00:00:00:00:01", "10.0.0.5", START_S + 100);
	api_fixture_packet(&fixture, "02:00:00:00:00:02", "10.0.0.6", START_S + 100);
	cr_assert_eq(session_engine_end(fixture.engine, 11, api_fixture_at(START_S + 200), END_CAUSE_USER_REQUEST,
					&fixture.events),
		     0);
	api_fixture_expect(&fixture, "/api/v1/sessions/count", 200, "{\"count\":8}");
	expect_count(&fixture, "online=true", 2);
	expect_count(&fixture, "online=false", 6);
	expect_count(&fixture, "online=true&page=99&per_page=1&raw=banana", 2);
	api_fixture_clean(&fixture);
}

Test(api_listing, row_37_paging_live_data)
{
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	store_many(&fixture, 4);
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?per_page=3", (const uint64_t[]){1, 2, 3, 0});
	/* what begins while somebody pages comes after everything that was there */
	session_engine_free(&fixture.engine);
	cr_assert_eq(session_engine_new(&(struct session_rules){.idle_timeout_ns = NS_PER_S}, 5, &fixture.engine), 0);
	fixture.api.engine = fixture.engine;
	api_fixture_packet(&fixture, "02:00:00:00:00:01", "10.0.0.5", START_S + 100);
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?per_page=3", (const uint64_t[]){1, 2, 3, 0});
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?per_page=3&page=2", (const uint64_t[]){4, 5, 0});
	api_fixture_clean(&fixture);
}
