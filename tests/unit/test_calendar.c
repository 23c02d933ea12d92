/* SPDX-License-Identifier: MIT */
#include "core/calendar.h"

#include <criterion/criterion.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/instant.h"

Test(calendar, agrees_with_libc_over_four_centuries)
{
	/* an odd stride, so that every time of day and day of month is met */
	for (int64_t wall_s = -9223372036; wall_s < 9223372036; wall_s += 40009) {
		const time_t moment = wall_s;
		struct zone_time utc = calendar_from_unix(wall_s);
		struct tm truth;

		gmtime_r(&moment, &truth);
		cr_assert(utc.year == truth.tm_year + 1900 && utc.month == truth.tm_mon + 1 &&
				  utc.day == truth.tm_mday && utc.hour == truth.tm_hour && utc.minute == truth.tm_min &&
				  utc.second == truth.tm_sec,
			  "%lld", (long long)wall_s);
		cr_assert_eq(calendar_to_unix(&utc), wall_s);
		cr_assert(calendar_is_date(utc.year, utc.month, utc.day));
	}
}

Test(calendar, dates_that_exist)
{
	static const char *const good[] = {"2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31", "2017-04-30"};
	static const char *const bad[] = {
		"",           "2023-02-29", "1900-02-29",  "2017-04-31",  "2017-13-01",
		"2017-00-10", "2017-01-00", "0000-01-01",  "2017-1-05",   "17-01-05",
		"2017/01/05", "2017-01-5",  "2017-01-05 ", " 2017-01-05", "2017-01-05T00:00:00Z",
		"-017-01-05", "2017-01-0a", "20170105",    "05-01-2017",  "+017-01-05",
		"2017-01-",
	};
	struct zone_time date = {.hour = 7};

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
		cr_assert(calendar_parse_date(good[i], &date), "%s", good[i]);
	cr_assert(date.year == 2017 && date.month == 4 && date.day == 30 && date.hour == 7);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert(!calendar_parse_date(bad[i], &date), "%s", bad[i]);
	cr_assert(date.year == 2017 && date.month == 4 && date.day == 30);
}

Test(calendar, rfc3339)
{
	static const struct {
		const char *text;
		int64_t wall_ns;
		int64_t length_ns;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0, NS_PER_S - 1},
		{"2017-01-05T06:50:55+00:00", 1483599055 * NS_PER_S, NS_PER_S - 1},
		{"2017-01-05t06:50:55z", 1483599055 * NS_PER_S, NS_PER_S - 1},
		{"2017-01-05T09:50:55+03:00", 1483599055 * NS_PER_S, NS_PER_S - 1},
		{"2017-01-05T09:50:55 03:00", 1483599055 * NS_PER_S, NS_PER_S - 1},
		{"2017-01-05 01:20:55-05:30", 1483599055 * NS_PER_S, NS_PER_S - 1},
		{"2017-01-05T06:50:55.5Z", 1483599055 * NS_PER_S + 500000000, 0},
		{"2017-01-05T06:50:55.0000000019Z", 1483599055 * NS_PER_S + 1, 0},
		{"2017-01-05T06:50:55.0Z", 1483599055 * NS_PER_S, 0},
		{"2017-01-05T06:50:55.999999999999Z", 1483599055 * NS_PER_S + 999999999, 0},
		{"1969-12-31T23:59:59Z", -NS_PER_S, NS_PER_S - 1},
		{"1969-12-31T23:59:59.25Z", -750000000, 0},
		{"2016-12-31T23:59:60Z", 1483228800 * NS_PER_S, NS_PER_S - 1},
		{"9999-12-31T23:59:59Z", INT64_MAX, 0},
		{"0001-01-01T00:00:00Z", INT64_MIN, 0},
		{"2262-04-11T23:47:16Z", 9223372036 * NS_PER_S, 854775807},
		{"9999-12-31T23:59:59.9Z", INT64_MAX, 0},
		{"0001-01-01T00:00:00.9Z", INT64_MIN, 0},
	};
	static const char *const bad[] = {
		"",
		"now",
		"1483599055",
		"2017-01-05",
		"2017-01-05T06:50:55",
		"2017-01-05T06:50Z",
		"2017-02-29T06:50:55Z",
		"2017-01-05T24:00:00Z",
		"2017-01-05T06:60:00Z",
		"2017-01-05T06:50:61Z",
		"2017-01-05T06:50:55.Z",
		"2017-01-05T06:50:55,5Z",
		"2017-01-05T06:50:55+03",
		"2017-01-05T06:50:55+0300",
		"2017-01-05T06:50:55+24:00",
		"2017-01-05T06:50:55+03:60",
		"2017-01-05T06:50:55Z ",
		"2017-01-05T06:50:55.123",
	};
	struct calendar_span span = {42, 43};

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert(!calendar_parse_rfc3339(bad[i], &span), "%s", bad[i]);
	cr_assert(span.begin_wall_ns == 42 && span.end_wall_ns == 43);
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		cr_assert(calendar_parse_rfc3339(good[i].text, &span), "%s", good[i].text);
		cr_assert_eq(span.begin_wall_ns, good[i].wall_ns, "%s: %lld", good[i].text,
			     (long long)span.begin_wall_ns);
		cr_assert_eq(span.end_wall_ns - span.begin_wall_ns, good[i].length_ns, "%s: %lld", good[i].text,
			     (long long)span.end_wall_ns);
	}
}

Test(calendar, nanoseconds_saturate)
{
	cr_assert_eq(calendar_nanoseconds(9223372036), 9223372036 * NS_PER_S);
	cr_assert_eq(calendar_nanoseconds(9223372037), INT64_MAX);
	cr_assert_eq(calendar_nanoseconds(-9223372037), INT64_MIN);
	cr_assert_eq(calendar_seconds(-1), -1);
	cr_assert_eq(calendar_seconds(-NS_PER_S), -1);
	cr_assert_eq(calendar_seconds(NS_PER_S - 1), 0);
}
