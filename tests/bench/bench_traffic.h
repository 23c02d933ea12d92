/* SPDX-License-Identifier: MIT */
/*
 * Small packets through a lane. They enter the router by BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES (Linux
 * 5.18), as a network card's driver would hand them over, in batches of 64; so next to nothing is spent on making
 * them. What the router forwards crosses a veth and ends in a sink, which counts it: the whole way runs on the
 * calling thread, so the time it took by the packets that arrived is the cost of forwarding.
 *
 * Time is taken between two packets, by the generator itself; what the scheduler gave to others meanwhile is
 * subtracted.
 */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "bench_lab.h"
#include "octet/abi.h"

struct bench_traffic;

#define BENCH_FRAME_SIZE 60
#define BENCH_CLIENTS_MAX 65536

struct bench_load {
	enum octet_direction direction;
	uint32_t n_clients;
	bool is_random; /* else each client in turn, from the first */
};

struct bench_slice {
	uint64_t n_sent;    /* in all, with those that warm up */
	uint64_t n_arrived; /* of those that were measured */
	int64_t time_ns;
};

void bench_traffic_open(struct bench_traffic **out);
void bench_traffic_close(struct bench_traffic **traffic);

/* Ends what the generator makes behind this lane's router, both ways. */
void bench_traffic_add_lane(struct bench_traffic *traffic, const struct bench_lane *lane);

/* Sends packets that warm the caches, then those that are measured; both in whole batches, rounded up. */
struct bench_slice bench_traffic_send(struct bench_traffic *traffic, const struct bench_lane *lane,
				      const struct bench_load *load, uint32_t n_warm, uint32_t n_measured);

/* Attaches a program to an interface of the current network namespace, for as long as both live. */
void bench_attach(uint32_t ifindex, enum octet_direction direction, bool is_tcx, int program_fd);
bool bench_has_tcx(void);

#endif
