/* SPDX-License-Identifier: MIT */
#include "core/columns.h"

static size_t width_of(const size_t *widths, size_t n_columns)
{
	size_t sum = 0;

	for (size_t i = 0; i < n_columns; i++)
		if (widths[i])
			sum += widths[i] + (sum ? 1 : 0);
	return sum;
}

/* False when only what is always there is left. */
static bool drop_least(const struct column *columns, size_t n_columns, size_t *widths)
{
	size_t least = n_columns;

	for (size_t i = 0; i < n_columns; i++)
		if (widths[i] && columns[i].rank && (least == n_columns || columns[i].rank > columns[least].rank))
			least = i;
	if (least == n_columns)
		return false;
	widths[least] = 0;
	return true;
}

void columns_fit(const struct column *columns, size_t n_columns, size_t width, size_t *widths)
{
	for (size_t i = 0; i < n_columns; i++)
		widths[i] = columns[i].width;
	while (width_of(widths, n_columns) > width && drop_least(columns, n_columns, widths))
		;
	for (bool has_grown = true; has_grown;) {
		has_grown = false;
		for (size_t i = 0; i < n_columns; i++) {
			if (!widths[i] || widths[i] >= columns[i].width_max || width_of(widths, n_columns) >= width)
				continue;
			widths[i]++;
			has_grown = true;
		}
	}
}
