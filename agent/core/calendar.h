/* SPDX-License-Identifier: MIT */
/*
 * The proleptic Gregorian calendar in UTC as arithmetic: libc's gmtime_r looks at the environment (TZ), and
 * core has none.
 */
#ifndef CORE_CALENDAR_H
#define CORE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ports.h"

/* A day that exists, of the years 1 to 9999. */
bool calendar_is_date(int year, int month, int day);

struct zone_time calendar_from_unix(int64_t wall_s);
int64_t calendar_to_unix(const struct zone_time *utc);

/* Whole seconds of wall_ns, rounded down also before 1970. */
int64_t calendar_seconds(int64_t wall_ns);

/* Nanoseconds of wall_s; what does not fit (before 1677, after 2262) becomes the first or last that does. */
int64_t calendar_nanoseconds(int64_t wall_s);

/* Reads "yyyy-mm-dd", a day that exists; the time of day is left alone. */
bool calendar_parse_date(const char *text, struct zone_time *out);

/* A stretch of time, both ends included. */
struct calendar_span {
	int64_t begin_wall_ns;
	int64_t end_wall_ns;
};

/*
 * Reads an RFC 3339 time. Without a fraction it names the whole second, as times of whole seconds are rounded down
 * when they are printed; with one it is exact. A blank counts as the '+' of the offset: that is what '+' becomes
 * in a query that nobody percent-encoded.
 */
bool calendar_parse_rfc3339(const char *text, struct calendar_span *out);

#endif
