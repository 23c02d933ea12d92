/* SPDX-License-Identifier: MIT */
/*
 * The time functions of libc take a name they do not know for UTC and say nothing, so names are checked
 * first: tzdata has a file of that name, or the whole of it is a POSIX TZ string.
 */
#include "io/zone.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/config.h"

#define HOUR_S 3600
#define DAY_S 86400
/* No zone is further from UTC: POSIX TZ strings reach 24:59:59. */
#define OFFSET_MAX_S (25 * HOUR_S)
/* Years 1 to 9999, which is what four digits hold. */
#define WALL_MIN_S INT64_C(-62135596800)
#define WALL_MAX_S INT64_C(253402300799)

_Static_assert(sizeof(time_t) == sizeof(int64_t), "a time_t of 32 bits would end in 2038");

static bool skip(const char **cursor, char c)
{
	if (**cursor != c)
		return false;
	(*cursor)++;
	return true;
}

/* One to three digits, min..max. */
static bool skip_number(const char **cursor, unsigned int min, unsigned int max)
{
	unsigned int value = 0;
	const char *start = *cursor;

	while (isdigit((unsigned char)**cursor) && *cursor - start < 3)
		value = value * 10 + (unsigned int)(*(*cursor)++ - '0');
	return *cursor > start && !isdigit((unsigned char)**cursor) && value >= min && value <= max;
}

/* "CET", or in angle brackets what is not only letters: "<+03>". At least three characters. */
static bool skip_abbreviation(const char **cursor)
{
	const bool is_quoted = skip(cursor, '<');
	const char *start = *cursor;

	while (isalpha((unsigned char)**cursor) ||
	       (is_quoted && (isdigit((unsigned char)**cursor) || **cursor == '+' || **cursor == '-')))
		(*cursor)++;
	return *cursor - start >= 3 && (!is_quoted || skip(cursor, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool skip_time(const char **cursor, unsigned int max_hours)
{
	if (!skip(cursor, '-'))
		skip(cursor, '+');
	if (!skip_number(cursor, 0, max_hours))
		return false;
	for (int i = 0; i < 2 && skip(cursor, ':'); i++)
		if (!skip_number(cursor, 0, 59))
			return false;
	return true;
}

/* Jn, n, or Mm.w.d, each with an optional /time, whose hours RFC 8536, 3.3.1 extends to -167..167 */
static bool skip_rule(const char **cursor)
{
	bool is_day;

	if (skip(cursor, 'M'))
		is_day = skip_number(cursor, 1, 12) && skip(cursor, '.') && skip_number(cursor, 1, 5) &&
			 skip(cursor, '.') && skip_number(cursor, 0, 6);
	else if (skip(cursor, 'J'))
		is_day = skip_number(cursor, 1, 365);
	else
		is_day = skip_number(cursor, 0, 365);
	return is_day && (!skip(cursor, '/') || skip_time(cursor, 167));
}

/* std offset [dst [offset] [,start[/time],end[/time]]]: POSIX.1-2017, Base Definitions, 8.3 */
static bool is_posix_string(const char *name)
{
	const char *cursor = name;

	if (!skip_abbreviation(&cursor) || !skip_time(&cursor, 24))
		return false;
	if (!*cursor)
		return true;
	if (!skip_abbreviation(&cursor))
		return false;
	if (*cursor && *cursor != ',' && !skip_time(&cursor, 24))
		return false;
	if (!*cursor)
		return true;
	return skip(&cursor, ',') && skip_rule(&cursor) && skip(&cursor, ',') && skip_rule(&cursor) && !*cursor;
}

/* Stays inside the tzdata directory. */
static bool is_plain_name(const char *name)
{
	if (!isalnum((unsigned char)name[0]) || strstr(name, ".."))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("/_+-", *name))
			return false;
	return true;
}

static bool is_tzdata_file(const char *name)
{
	static const char magic[4] = {'T', 'Z', 'i', 'f'}; /* RFC 8536, 3.1 */
	const char *directory = getenv("TZDIR");
	char start[sizeof(magic)];
	char path[PATH_MAX];

	if (!is_plain_name(name))
		return false;
	if (!directory || !*directory)
		directory = "/usr/share/zoneinfo";
	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return false;
	CLEANUP_CLOSE const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	return read(fd, start, sizeof(start)) == (ssize_t)sizeof(start) && memcmp(start, magic, sizeof(magic)) == 0;
}

/* What TZ is to be, NULL for no such zone. UTC needs no tzdata, which small routers do not have. */
static const char *tz_value(const char *name)
{
	/* these count leap seconds, which the system clock does not */
	if (strncmp(name, "right/", strlen("right/")) == 0)
		return NULL;
	if (is_tzdata_file(name) || is_posix_string(name))
		return name;
	return strcmp(name, "UTC") == 0 ? "UTC0" : NULL;
}

int zone_check(const char *name, char *error, size_t error_size)
{
	if (tz_value(name))
		return 0;
	return config_reject(error, error_size, name,
			     "is no known time zone; give a name of the package tzdata, such as Europe/Istanbul, "
			     "or a POSIX string such as <+03>-3");
}

static struct tm local_of(int64_t wall_s)
{
	const time_t clamped = wall_s < WALL_MIN_S ? WALL_MIN_S : wall_s > WALL_MAX_S ? WALL_MAX_S : wall_s;
	struct tm local;

	memset(&local, 0, sizeof(local));
	localtime_r(&clamped, &local);
	return local;
}

static struct zone_time to_local(void *context, int64_t wall_s)
{
	const struct tm local = local_of(wall_s);

	(void)context;
	return (struct zone_time){
		.year = local.tm_year + 1900,
		.month = local.tm_mon + 1,
		.day = local.tm_mday,
		.hour = local.tm_hour,
		.minute = local.tm_min,
		.second = local.tm_sec,
	};
}

static int64_t offset_at(int64_t wall_s)
{
	return local_of(wall_s).tm_gmtoff;
}

/* The first second of (from, to] that has the offset of to; the two ends have different ones. */
static int64_t find_change(int64_t from, int64_t to)
{
	const int64_t offset = offset_at(to);

	while (to - from > 1) {
		const int64_t middle = from + (to - from) / 2;
		if (offset_at(middle) == offset)
			to = middle;
		else
			from = middle;
	}
	return to;
}

/*
 * The first second whose local time is that midnight or later, so that the day begins at 01:00 where clocks
 * jump over midnight, and at the first of two midnights. Walks through the hours around that midnight in UTC;
 * between two changes of offset, local time is a straight line.
 */
static int64_t first_reaching(int64_t midnight_s)
{
	const int64_t end = midnight_s + OFFSET_MAX_S;
	int64_t start = midnight_s - OFFSET_MAX_S;
	int64_t offset = offset_at(start);

	while (start < end) {
		int64_t stop = start + HOUR_S;
		const int64_t next_offset = offset_at(stop);
		if (next_offset != offset)
			stop = find_change(start, stop);
		const int64_t reached = midnight_s - offset;
		if (reached <= start)
			return start;
		if (reached < stop)
			return reached;
		start = stop;
		offset = next_offset;
	}
	return end;
}

static int64_t day_start(void *context, int year, int month, int day)
{
	struct tm date = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};

	(void)context;
	return first_reaching(timegm(&date));
}

int zone_open(const char *name, struct zone_port *out)
{
	char error[CONFIG_ERROR_SIZE];
	const char *value = tz_value(name);

	if (!value) {
		const int result = zone_check(name, error, sizeof(error));
		log_error("time_zone: %s", error);
		return result;
	}
	if (setenv("TZ", value, 1) != 0)
		return log_errno(-errno, "time_zone: cannot set TZ to '%s'", value);
	tzset();
	*out = (struct zone_port){.context = NULL, .to_local = to_local, .day_start = day_start};
	return 0;
}
