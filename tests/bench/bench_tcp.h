/* SPDX-License-Identifier: MIT */
/*
 * Bulk TCP through a lane: one connection whose two ends are served by one thread in turn, so that sender, router and
 * receiver all run on one CPU, and octets by the time it took are the cost of the whole way.
 */
#ifndef BENCH_TCP_H
#define BENCH_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "bench_lab.h"
#include "octet/abi.h"

struct bench_tcp {
	int ends[OCTET_N_DIRECTIONS]; /* by the direction in which each sends */
};

/* has_offloads: super-packets of up to 64 KB cross the router; else frames of 1,514 octets. */
void bench_tcp_open(struct bench_tcp *tcp, const struct bench_lane *lane, bool has_offloads);
void bench_tcp_close(struct bench_tcp *tcp);

/* Sends for so long; octets a second. */
double bench_tcp_run(struct bench_tcp *tcp, enum octet_direction direction, int64_t duration_ns);

#endif
