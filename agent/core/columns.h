/* SPDX-License-Identifier: MIT */
/*
 * Which columns of a table fit into a terminal, and how wide each is: the least important ones go first, and what is
 * left is given to those that can use it.
 */
#ifndef CORE_COLUMNS_H
#define CORE_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

struct column {
	const char *title;
	size_t width;     /* the least; 1 or more */
	size_t width_max; /* the most that it can use */
	int rank;         /* 0: always there; the greatest goes first */
	bool is_right;    /* numbers */
};

/* Writes the width of each, 0 for those that are left out; one blank between two is counted. */
void columns_fit(const struct column *columns, size_t n_columns, size_t width, size_t *widths);

#endif
