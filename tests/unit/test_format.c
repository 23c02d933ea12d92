/* SPDX-License-Identifier: MIT */
#include "core/format.h"

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/instant.h"

Test(format, size_is_an_integer_below_1000)
{
	char text[SIZE_TEXT_SIZE];

	cr_assert_str_eq(format_size(0, text), "0 B");
	cr_assert_str_eq(format_size(1, text), "1 B");
	cr_assert_str_eq(format_size(999, text), "999 B");
	cr_assert_str_eq(format_size(1000, text), "1.00 kB");
}

Test(format, size_rounds_half_up_and_promotes_at_every_boundary)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	uint64_t unit = 1000;
	char text[SIZE_TEXT_SIZE];
	char expected[SIZE_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LENGTH(units); i++, unit *= 1000) {
		const struct {
			uint64_t bytes;
			const char *number;
		} cases[] = {
			{unit, "1.00"},
			{unit + unit / 200 - 1, "1.00"},
			{unit + unit / 200, "1.01"},
			{3 * unit + unit / 3, "3.33"},
			{9 * unit + unit / 1000 * 994, "9.99"},
			{9 * unit + unit / 1000 * 995, "10.00"},
		};

		for (size_t k = 0; k < ARRAY_LENGTH(cases); k++) {
			snprintf(expected, sizeof(expected), "%s %s", cases[k].number, units[i]);
			cr_assert_str_eq(format_size(cases[k].bytes, text), expected, "%s", text);
		}
		if (i + 1 == ARRAY_LENGTH(units))
			break;
		/* 999.99499... stays, 999.995 is 1.00 of the next */
		snprintf(expected, sizeof(expected), "999.99 %s", units[i]);
		cr_assert_str_eq(format_size(unit * 1000 - unit / 200 - 1, text), expected, "%s", text);
		snprintf(expected, sizeof(expected), "1.00 %s", units[i + 1]);
		cr_assert_str_eq(format_size(unit * 1000 - unit / 200, text), expected, "%s", text);
		cr_assert_str_eq(format_size(unit * 1000 - 1, text), expected, "%s", text);
	}
}

Test(format, size_of_the_largest_counters)
{
	char text[SIZE_TEXT_SIZE];

	cr_assert_str_eq(format_size(INT64_MAX, text), "9.22 EB");
	cr_assert_str_eq(format_size(UINT64_MAX, text), "18.45 EB");
	cr_assert_str_eq(format_size(UINT64_MAX - 6744073709551615u, text), "18.44 EB");
}

Test(format, duration)
{
	char text[DURATION_TEXT_SIZE];

	cr_assert_str_eq(format_duration(0, text), "00:00:00");
	cr_assert_str_eq(format_duration(59, text), "00:00:59");
	cr_assert_str_eq(format_duration(545, text), "00:09:05");
	cr_assert_str_eq(format_duration(86399, text), "23:59:59");
	cr_assert_str_eq(format_duration(432000, text), "120:00:00");
	cr_assert_str_eq(format_duration(-1, text), "00:00:00");
	cr_assert_str_eq(format_duration(INT64_MAX, text), "2562047788015215:30:07");
}

Test(format, iso_rounds_down)
{
	char text[ISO_TEXT_SIZE];

	cr_assert_str_eq(format_iso(0, text), "1970-01-01T00:00:00+00:00");
	cr_assert_str_eq(format_iso(1483599055 * NS_PER_S + 999999999, text), "2017-01-05T06:50:55+00:00");
	cr_assert_str_eq(format_iso(-1, text), "1969-12-31T23:59:59+00:00");
	cr_assert_str_eq(format_iso(1709251199 * NS_PER_S, text), "2024-02-29T23:59:59+00:00");
	cr_assert_str_eq(format_iso(INT64_MAX, text), "2262-04-11T23:47:16+00:00");
	cr_assert_str_eq(format_iso(INT64_MIN, text), "1677-09-21T00:12:43+00:00");
}

static struct zone_time fixed_time(void *context, int64_t wall_s)
{
	(void)wall_s;
	return *(const struct zone_time *)context;
}

Test(format, local_has_twelve_unpadded_hours)
{
	static const struct {
		int hour;
		const char *text;
	} cases[] = {
		{0, "2017-01-05 12:07 AM"},  {1, "2017-01-05 1:07 AM"},  {11, "2017-01-05 11:07 AM"},
		{12, "2017-01-05 12:07 PM"}, {13, "2017-01-05 1:07 PM"}, {23, "2017-01-05 11:07 PM"},
	};
	struct zone_time local = {.year = 2017, .month = 1, .day = 5, .minute = 7, .second = 59};
	const struct zone_port zone = {.context = &local, .to_local = fixed_time};
	char text[LOCAL_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		local.hour = cases[i].hour;
		cr_assert_str_eq(format_local(&zone, 0, text), cases[i].text);
	}
}
