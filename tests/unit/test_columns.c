/* SPDX-License-Identifier: MIT */
#include "core/columns.h"

#include <criterion/criterion.h>

#include "base/cleanup.h"

static const struct column columns[] = {
	{"NAME", 10, 20, 0, false},
	{"DEVICE", 8, 12, 2, false},
	{"MAC", 17, 17, 1, false},
	{"UP", 9, 9, 0, true},
};

static void assert_fits(size_t width, const size_t expected[ARRAY_LENGTH(columns)])
{
	size_t widths[ARRAY_LENGTH(columns)];

	columns_fit(columns, ARRAY_LENGTH(columns), width, widths);
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++)
		cr_assert_eq(widths[i], expected[i], "width %zu, column %zu: %zu", width, i, widths[i]);
}

Test(columns, all_at_their_most_and_no_more)
{
	assert_fits(61, (size_t[]){20, 12, 17, 9});
	assert_fits(1000, (size_t[]){20, 12, 17, 9});
}

Test(columns, what_is_left_is_shared)
{
	assert_fits(47, (size_t[]){10, 8, 17, 9});
	assert_fits(50, (size_t[]){12, 9, 17, 9});
	assert_fits(60, (size_t[]){19, 12, 17, 9});
}

Test(columns, the_least_important_go_first)
{
	assert_fits(46, (size_t[]){18, 0, 17, 9});
	assert_fits(38, (size_t[]){10, 0, 17, 9});
	assert_fits(37, (size_t[]){20, 0, 0, 9});
}

Test(columns, what_is_always_there_stays_even_where_it_does_not_fit)
{
	assert_fits(5, (size_t[]){10, 0, 0, 9});
	assert_fits(0, (size_t[]){10, 0, 0, 9});
}
