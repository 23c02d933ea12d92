/* SPDX-License-Identifier: MIT */
/*
 * Many short measurements on a noisy machine into one figure: the median of the ratios of neighbours in time, with the
 * interval that holds the true median in 95 of 100 runs (by order statistics: no shape of the noise is assumed)
 * and the quartiles, which show the noise itself.
 */
#ifndef BENCH_STAT_H
#define BENCH_STAT_H

#include <stddef.h>

struct bench_spread {
	double median;
	double low, high; /* 95 % of the median */
	double first_quarter, last_quarter;
};

/* Sorts the values in place; n is at least 1. */
struct bench_spread bench_spread_of(double *values, size_t n);

/* One line of the table, whose head tests/bench/run prints. */
void bench_print_ratio(char part, const char *what, const struct bench_spread *ratio, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* A figure that is no ratio. */
void bench_print_figure(char part, const char *what, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
