/* SPDX-License-Identifier: MIT */
/* How the API writes numbers and times for people. Every function returns text. */
#ifndef CORE_FORMAT_H
#define CORE_FORMAT_H

#include <stdint.h>

#include "core/ports.h"

#define SIZE_TEXT_SIZE 32
#define DURATION_TEXT_SIZE 32
#define ISO_TEXT_SIZE 48
#define LOCAL_TEXT_SIZE 64

/*
 * Decimal units: "0 B", "999 B", "1.00 kB", "3.34 MB", up to EB. Two decimals, rounded half up in integers;
 * what rounds to 1000.00 becomes 1.00 of the next unit.
 */
char *format_size(uint64_t bytes, char text[SIZE_TEXT_SIZE]);

/* "HH:MM:SS", at least two digits of hours; a negative duration is none. */
char *format_duration(int64_t duration_s, char text[DURATION_TEXT_SIZE]);

/* "2017-01-05T06:50:55+00:00"; wall_ns is rounded down to the second. */
char *format_iso(int64_t wall_ns, char text[ISO_TEXT_SIZE]);

/* "2017-01-05 9:50 AM", in the zone's time and in ASCII whatever the locale. */
char *format_local(const struct zone_port *zone, int64_t wall_ns, char text[LOCAL_TEXT_SIZE]);

#endif
