/* SPDX-License-Identifier: MIT */
#include "core/calendar.h"

#include <string.h>

#include "base/instant.h"

#define DAY_S INT64_C(86400)
#define ERA_DAYS 146097       /* 400 years */
#define EPOCH_ERA_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */

bool calendar_is_date(int year, int month, int day)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
		return false;
	return day <= days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

static int64_t floor_div(int64_t value, int64_t divisor)
{
	return value / divisor - (value % divisor < 0 ? 1 : 0);
}

/*
 * Both ways count from 1 March, so that the leap day is the last of its year, in eras of 400 years:
 * http://howardhinnant.github.io/date_algorithms.html
 */
struct zone_time calendar_from_unix(int64_t wall_s)
{
	int64_t days = floor_div(wall_s, DAY_S);
	int second = (int)(wall_s - days * DAY_S);
	int64_t era = floor_div(days + EPOCH_ERA_DAYS, ERA_DAYS);
	int day_of_era = (int)(days + EPOCH_ERA_DAYS - era * ERA_DAYS);
	int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int month_from_march = (5 * day_of_year + 2) / 153;
	int month = month_from_march + (month_from_march < 10 ? 3 : -9);

	return (struct zone_time){
		.year = (int)(era * 400) + year_of_era + (month <= 2 ? 1 : 0),
		.month = month,
		.day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
		.hour = second / 3600,
		.minute = second / 60 % 60,
		.second = second % 60,
	};
}

int64_t calendar_to_unix(const struct zone_time *utc)
{
	int64_t year = utc->year - (utc->month <= 2 ? 1 : 0);
	int64_t era = floor_div(year, 400);
	int64_t year_of_era = year - era * 400;
	int64_t month_from_march = utc->month + (utc->month > 2 ? -3 : 9);
	int64_t day_of_year = (153 * month_from_march + 2) / 5 + utc->day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	int64_t days = era * ERA_DAYS + day_of_era - EPOCH_ERA_DAYS;

	return days * DAY_S + utc->hour * INT64_C(3600) + utc->minute * INT64_C(60) + utc->second;
}

int64_t calendar_seconds(int64_t wall_ns)
{
	return floor_div(wall_ns, NS_PER_S);
}

int64_t calendar_nanoseconds(int64_t wall_s)
{
	int64_t wall_ns;

	if (__builtin_mul_overflow(wall_s, NS_PER_S, &wall_ns))
		return wall_s < 0 ? INT64_MIN : INT64_MAX;
	return wall_ns;
}

/* Moves *cursor over exactly n_digits digits; false, and anywhere, when they are not there. */
static bool take_number(const char **cursor, int n_digits, int *out)
{
	int value = 0;

	for (int i = 0; i < n_digits; i++) {
		char c = **cursor;

		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
		(*cursor)++;
	}
	*out = value;
	return true;
}

static bool take_one_of(const char **cursor, const char *set)
{
	if (**cursor == '\0' || !strchr(set, **cursor))
		return false;
	(*cursor)++;
	return true;
}

static bool take_date(const char **cursor, struct zone_time *out)
{
	int year;
	int month;
	int day;

	if (!take_number(cursor, 4, &year) || !take_one_of(cursor, "-") || !take_number(cursor, 2, &month) ||
	    !take_one_of(cursor, "-") || !take_number(cursor, 2, &day))
		return false;
	if (!calendar_is_date(year, month, day))
		return false;
	out->year = year;
	out->month = month;
	out->day = day;
	return true;
}

bool calendar_parse_date(const char *text, struct zone_time *out)
{
	struct zone_time date = *out;

	if (!take_date(&text, &date) || *text != '\0')
		return false;
	*out = date;
	return true;
}

/* Second 60 is a leap second (RFC 3339, 5.7): arithmetic takes it for the one that follows. */
static bool take_clock(const char **cursor, struct zone_time *out)
{
	if (!take_number(cursor, 2, &out->hour) || !take_one_of(cursor, ":") || !take_number(cursor, 2, &out->minute) ||
	    !take_one_of(cursor, ":") || !take_number(cursor, 2, &out->second))
		return false;
	return out->hour <= 23 && out->minute <= 59 && out->second <= 60;
}

/* An optional fraction of any length, as a span within the second; digits beyond the nanosecond are dropped. */
static bool take_fraction(const char **cursor, struct calendar_span *out)
{
	int64_t unit_ns = NS_PER_S / 10;
	int64_t fraction_ns = 0;
	int digit;

	*out = (struct calendar_span){0, NS_PER_S - 1};
	if (!take_one_of(cursor, "."))
		return true;
	if (!take_number(cursor, 1, &digit))
		return false;
	do {
		fraction_ns += digit * unit_ns;
		unit_ns /= 10;
	} while (take_number(cursor, 1, &digit));
	*out = (struct calendar_span){fraction_ns, fraction_ns};
	return true;
}

static bool take_offset(const char **cursor, int64_t *out_s)
{
	int sign = **cursor == '-' ? -1 : 1;
	int hours;
	int minutes;

	*out_s = 0;
	if (take_one_of(cursor, "Zz"))
		return true;
	if (!take_one_of(cursor, "+- ") || !take_number(cursor, 2, &hours) || !take_one_of(cursor, ":") ||
	    !take_number(cursor, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*out_s = sign * (hours * INT64_C(3600) + minutes * INT64_C(60));
	return true;
}

/* The first and the last nanosecond that there are stay what they are: they stand for all beyond. */
static int64_t add_fraction(int64_t wall_ns, int64_t fraction_ns)
{
	if (wall_ns == INT64_MIN)
		return INT64_MIN;
	return wall_ns > INT64_MAX - fraction_ns ? INT64_MAX : wall_ns + fraction_ns;
}

bool calendar_parse_rfc3339(const char *text, struct calendar_span *out)
{
	struct zone_time local = {0};
	struct calendar_span fraction;
	int64_t offset_s;
	int64_t wall_ns;

	if (!take_date(&text, &local) || !take_one_of(&text, "Tt ") || !take_clock(&text, &local) ||
	    !take_fraction(&text, &fraction) || !take_offset(&text, &offset_s) || *text != '\0')
		return false;
	wall_ns = calendar_nanoseconds(calendar_to_unix(&local) - offset_s);
	out->begin_wall_ns = add_fraction(wall_ns, fraction.begin_wall_ns);
	out->end_wall_ns = add_fraction(wall_ns, fraction.end_wall_ns);
	return true;
}
