/* SPDX-License-Identifier: MIT */
#include "core/format.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "core/calendar.h"

char *format_size(uint64_t bytes, char text[SIZE_TEXT_SIZE])
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	uint64_t hundredth = 10; /* bytes in a hundredth of the unit */
	uint64_t hundredths;
	size_t i = 0;

	if (bytes < 1000) {
		snprintf(text, SIZE_TEXT_SIZE, "%" PRIu64 " B", bytes);
		return text;
	}
	for (;;) {
		hundredths = bytes / hundredth + (bytes % hundredth >= hundredth / 2 ? 1 : 0);
		if (hundredths < 100000 || i + 1 == ARRAY_LENGTH(units))
			break;
		hundredth *= 1000;
		i++;
	}
	snprintf(text, SIZE_TEXT_SIZE, "%" PRIu64 ".%02u %s", hundredths / 100, (unsigned int)(hundredths % 100),
		 units[i]);
	return text;
}

char *format_duration(int64_t duration_s, char text[DURATION_TEXT_SIZE])
{
	int64_t positive_s = duration_s < 0 ? 0 : duration_s;

	snprintf(text, DURATION_TEXT_SIZE, "%02" PRId64 ":%02d:%02d", positive_s / 3600, (int)(positive_s / 60 % 60),
		 (int)(positive_s % 60));
	return text;
}

char *format_iso(int64_t wall_ns, char text[ISO_TEXT_SIZE])
{
	struct zone_time utc = calendar_from_unix(calendar_seconds(wall_ns));

	snprintf(text, ISO_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d+00:00", utc.year, utc.month, utc.day, utc.hour,
		 utc.minute, utc.second);
	return text;
}

char *format_local(const struct zone_port *zone, int64_t wall_ns, char text[LOCAL_TEXT_SIZE])
{
	struct zone_time local = zone->to_local(zone->context, calendar_seconds(wall_ns));
	int hour = local.hour % 12 == 0 ? 12 : local.hour % 12;

	snprintf(text, LOCAL_TEXT_SIZE, "%04d-%02d-%02d %d:%02d %s", local.year, local.month, local.day, hour,
		 local.minute, local.hour < 12 ? "AM" : "PM");
	return text;
}
