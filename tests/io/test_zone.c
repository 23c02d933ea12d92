/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "core/config.h"
#include "io/zone.h"

static bool is_known(const char *name)
{
	char error[CONFIG_ERROR_SIZE];

	return zone_check(name, error, sizeof(error)) == 0;
}

Test(zone, posix_strings_must_parse_to_their_end)
{
	static const char *const good[] = {
		"UTC",
		"UTC0",
		"EST5EDT",
		"<+03>-3",
		"<-0330>3:30",
		"CET-1CEST,M3.5.0,M10.5.0/3",
		"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
		"IST-1GMT0,M10.5.0,M3.5.0/1",
		"NZST-12NZDT-13:00:00,J90/2:30:15,300/167",
		"AAA+24:59:59",
		"EST5EDT4,0,365/0",
	};
	static const char *const bad[] = {
		"",
		"Nowhere",
		"Mars/Olympus",
		"europe/berlin/",
		"AB3",
		"<+3>-3",
		"<+03-3",
		"+03-3",
		"CET",
		"CET-",
		"CET-25",
		"CET-1x",
		"CET-1:60",
		"CET-1CEST,M3.5.0",
		"CET-1CEST,M3.5.0,",
		"CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0",
		"CET-1CEST,M3.5.0,M10.5.0/168",
		"CET-1CEST,J0,J365",
		"CET-1CEST,J1,J366",
		"CET-1CEST,M3.5.0,M10.5.0/3,",
		"CET-1 ",
	};

	cr_assert_eq(setenv("TZDIR", "/nonexistent", 1), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
		cr_expect(is_known(good[i]), "%s", good[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_expect_not(is_known(bad[i]), "%s", bad[i]);
	cr_expect_not(is_known("Europe/Istanbul"), "no tzdata there");
}

static void write_file(const char *path, const char *text)
{
	CLEANUP_FCLOSE FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	cr_assert_geq(fputs(text, file), 0);
}

Test(zone, names_are_files_of_tzdata_inside_its_directory)
{
	char top[] = "/tmp/octetd-zone-XXXXXX";
	char path[128];
	char inside[128];

	cr_assert_not_null(mkdtemp(top));
	snprintf(inside, sizeof(inside), "%s/zones", top);
	cr_assert_eq(mkdir(inside, 0700), 0);
	cr_assert_eq(setenv("TZDIR", inside, 1), 0);
	static const char *const files[][2] = {
		{"zones/Good", "TZif2"}, {"zones/Text", "no zone"}, {"zones/Short", "TZi"}, {"outside", "TZif2"}};
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, files[i][0]);
		write_file(path, files[i][1]);
	}
	cr_expect(is_known("Good"));
	cr_expect_not(is_known("Text"));
	cr_expect_not(is_known("Short"));
	cr_expect_not(is_known("Absent"));
	cr_expect_not(is_known("../outside"));
	cr_expect_not(is_known("./Good"));
	cr_expect_not(is_known("."));
	cr_expect_not(is_known(":Good"));
	snprintf(path, sizeof(path), "%s/outside", top);
	cr_expect_not(is_known(path));
	cr_expect_not(is_known("right/Good"));
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, files[i][0]);
		unlink(path);
	}
	cr_expect_eq(rmdir(inside), 0);
	cr_expect_eq(rmdir(top), 0);
}

Test(zone, a_refusal_names_value_and_remedy)
{
	char error[CONFIG_ERROR_SIZE];
	struct zone_port zone;

	cr_assert_eq(zone_check("Mars/Olympus", error, sizeof(error)), -EINVAL);
	cr_expect(strstr(error, "'Mars/Olympus'") && strstr(error, "Europe/Istanbul"), "%s", error);
	cr_expect_eq(zone_open("../../etc/passwd", &zone), -EINVAL);
}

static int64_t utc(int year, int month, int day, int hour, int minute, int second)
{
	struct tm time = {.tm_year = year - 1900,
			  .tm_mon = month - 1,
			  .tm_mday = day,
			  .tm_hour = hour,
			  .tm_min = minute,
			  .tm_sec = second};
	return timegm(&time);
}

static const struct {
	const char *zone;
	int day[3];
	int starts_utc[6];
} starts[] = {
	{"UTC", {1970, 1, 1}, {1970, 1, 1, 0, 0, 0}},
	{"<+03>-3", {2024, 1, 1}, {2023, 12, 31, 21, 0, 0}},
	{"Asia/Kathmandu", {2024, 6, 1}, {2024, 5, 31, 18, 15, 0}},
	{"Europe/Berlin", {2040, 7, 1}, {2040, 6, 30, 22, 0, 0}},
	{"CET-1CEST,M3.5.0,M10.5.0/3", {2024, 3, 31}, {2024, 3, 30, 23, 0, 0}},
	{"CET-1CEST,M3.5.0,M10.5.0/3", {2024, 4, 1}, {2024, 3, 31, 22, 0, 0}},
	{"CET-1CEST,M3.5.0,M10.5.0/3", {2050, 10, 31}, {2050, 10, 30, 23, 0, 0}},
	/* midnight does not exist: clocks go from 00:00 to 01:00 */
	{"America/Santiago", {2019, 9, 8}, {2019, 9, 8, 4, 0, 0}},
	{"Africa/Cairo", {2023, 4, 28}, {2023, 4, 27, 22, 0, 0}},
	{"Asia/Beirut", {2022, 3, 27}, {2022, 3, 26, 22, 0, 0}},
	{"America/Havana", {2021, 3, 14}, {2021, 3, 14, 5, 0, 0}},
	/* nor here: from 00:00:00 to 00:44:30 */
	{"Africa/Monrovia", {1972, 1, 7}, {1972, 1, 7, 0, 44, 30}},
	/* midnight exists twice: from 01:00 back to 00:00 */
	{"America/Havana", {2021, 11, 7}, {2021, 11, 7, 4, 0, 0}},
	{"Atlantic/Azores", {2023, 10, 29}, {2023, 10, 29, 0, 0, 0}},
	/* from 24:00 back to 23:00 of the day before: midnight comes an hour later, once */
	{"America/Santiago", {2019, 4, 7}, {2019, 4, 7, 4, 0, 0}},
	{"Asia/Beirut", {2022, 10, 30}, {2022, 10, 29, 22, 0, 0}},
	/* from 00:01 back to 23:01: the day begins, is left, and begins again */
	{"America/St_Johns", {2010, 11, 7}, {2010, 11, 7, 2, 30, 0}},
	/* a day that never was: the next one's start */
	{"Pacific/Apia", {2011, 12, 30}, {2011, 12, 30, 10, 0, 0}},
	{"Pacific/Apia", {2011, 12, 31}, {2011, 12, 30, 10, 0, 0}},
	{"<-24>24:59:59", {2000, 1, 1}, {2000, 1, 2, 0, 59, 59}},
	{"<+24>-24:59:59", {2000, 1, 1}, {1999, 12, 30, 23, 0, 1}},
};

Test(zone, a_day_starts_with_the_first_second_of_its_date)
{
	for (size_t i = 0; i < ARRAY_LENGTH(starts); i++) {
		const int *day = starts[i].day;
		const int *at = starts[i].starts_utc;
		struct zone_port zone;
		cr_assert_eq(zone_open(starts[i].zone, &zone), 0, "%s: is tzdata installed", starts[i].zone);
		cr_expect_eq(zone.day_start(zone.context, day[0], day[1], day[2]),
			     utc(at[0], at[1], at[2], at[3], at[4], at[5]), "%s %04d-%02d-%02d", starts[i].zone, day[0],
			     day[1], day[2]);
	}
}

static int date_of(const struct zone_port *zone, int64_t wall_s)
{
	const struct zone_time local = zone->to_local(zone->context, wall_s);

	return (local.year * 100 + local.month) * 100 + local.day;
}

/* By brute force: the second before is another day. */
static void check_days(const struct zone_port *zone, const char *name, int from_year, int to_year)
{
	for (int64_t noon = utc(from_year, 1, 1, 12, 0, 0); noon < utc(to_year, 1, 1, 0, 0, 0); noon += 86400) {
		const struct zone_time local = zone->to_local(zone->context, noon);
		const int date = (local.year * 100 + local.month) * 100 + local.day;
		const int64_t start = zone->day_start(zone->context, local.year, local.month, local.day);
		cr_assert(date_of(zone, start) == date && date_of(zone, start - 1) < date, "%s %d: %lld", name, date,
			  (long long)start);
	}
}

Test(zone, every_day_starts_after_another)
{
	static const char *const names[] = {"America/Santiago", "Africa/Cairo",    "Asia/Beirut",
					    "America/Havana",   "Pacific/Chatham", "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1"};

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		struct zone_port zone;
		cr_assert_eq(zone_open(names[i], &zone), 0);
		check_days(&zone, names[i], 1970, 1973);
		check_days(&zone, names[i], 2009, 2015);
		check_days(&zone, names[i], 2036, 2042);
	}
}

Test(zone, local_time_follows_the_rule_of_its_instant)
{
	struct zone_port zone;
	struct zone_time local;

	cr_assert_eq(zone_open("Europe/Istanbul", &zone), 0);
	/* summer time until 2016, +03 for ever since */
	local = zone.to_local(zone.context, utc(2015, 1, 1, 12, 0, 5));
	cr_expect_eq(local.hour, 14);
	cr_expect_eq(local.second, 5);
	local = zone.to_local(zone.context, utc(2017, 12, 31, 22, 30, 0));
	cr_expect_eq(local.year, 2018);
	cr_expect_eq(local.month, 1);
	cr_expect_eq(local.day, 1);
	cr_expect_eq(local.hour, 1);
	cr_expect_eq(local.minute, 30);
	/* beyond 2038, and beyond what four digits hold */
	local = zone.to_local(zone.context, utc(2100, 6, 1, 0, 0, 0));
	cr_expect_eq(local.year, 2100);
	cr_expect_eq(local.hour, 3);
	local = zone.to_local(zone.context, INT64_MAX);
	cr_expect_geq(local.year, 9999);
	local = zone.to_local(zone.context, INT64_MIN);
	cr_expect_leq(local.year, 1);
}

Test(zone, utc_needs_no_tzdata)
{
	struct zone_port zone;

	cr_assert_eq(setenv("TZDIR", "/nonexistent", 1), 0);
	cr_assert_eq(zone_open("UTC", &zone), 0);
	cr_expect_eq(zone.to_local(zone.context, 3600).hour, 1);
}
