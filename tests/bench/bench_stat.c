/* SPDX-License-Identifier: MIT */
#include "bench_stat.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* half the width of the middle 95 % of a normal distribution, in standard deviations */
#define NORMAL_95 1.96

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of sorted values, between two of them where need be. */
static double quantile(const double *values, size_t n, double rank)
{
	const double place = rank < 0 ? 0 : rank > (double)(n - 1) ? (double)(n - 1) : rank;
	const size_t below = (size_t)place;
	const size_t above = below + 1 < n ? below + 1 : below;

	return values[below] + (values[above] - values[below]) * (place - (double)below);
}

struct bench_spread bench_spread_of(double *values, size_t n)
{
	const double middle = (double)(n - 1) / 2;
	/* how many values lie below the true median is binomial: n tosses of a coin */
	const double reach = NORMAL_95 * sqrt((double)n) / 2;

	qsort(values, n, sizeof(*values), compare);
	return (struct bench_spread){.median = quantile(values, n, middle),
				     .low = quantile(values, n, floor(middle - reach)),
				     .high = quantile(values, n, ceil(middle + reach)),
				     .first_quarter = quantile(values, n, middle / 2),
				     .last_quarter = quantile(values, n, middle * 3 / 2)};
}

static void print_what(char part, const char *what)
{
	printf("%c  %-48s ", part, what);
}

void bench_print_ratio(char part, const char *what, const struct bench_spread *ratio, const char *format, ...)
{
	va_list args;

	print_what(part, what);
	printf("%6.3f  %.3f - %.3f  %.3f - %.3f  ", ratio->median, ratio->low, ratio->high, ratio->first_quarter,
	       ratio->last_quarter);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void bench_print_figure(char part, const char *what, const char *format, ...)
{
	va_list args;

	print_what(part, what);
	printf("%6s  %13s  %13s  ", "", "", "");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}
