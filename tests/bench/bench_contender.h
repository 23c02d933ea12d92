/* SPDX-License-Identifier: MIT */
/*
 * What is put in the way of packets, each on a lane of its own: nothing, the agent, the smallest programs, and other
 * ways to count, with what they say they have counted.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "bench_lab.h"
#include "bench_traffic.h"

struct bench_attach;

enum contender_kind {
	CONTENDER_NOTHING,
	CONTENDER_NOTHING_AGAIN, /* how far the same thing on another lane is from 1: the bench's own error */
	CONTENDER_EMPTY_TCX,
	CONTENDER_EMPTY_CLSACT,
	CONTENDER_SMALLEST_TCX,
	CONTENDER_SMALLEST_CLSACT,
	CONTENDER_OCTETD_TCX,
	CONTENDER_OCTETD_CLSACT,
	CONTENDER_NFT,
	CONTENDER_CONNTRACK,
	CONTENDER_PMACCT,
	CONTENDER_SOFTFLOWD,
	CONTENDER_N_KINDS
};

struct contender {
	enum contender_kind kind;
	struct bench_lane lane;
	struct bench_attach *skeleton; /* its own maps, or NULL */
	struct bench_process process;
	int socket_fd;   /* where flows are exported to, or -1 */
	uint64_t n_sent; /* packets, both ways */
};

const char *contender_name(enum contender_kind kind);
/* NULL, or why it cannot run here ("not installed"). */
const char *contender_obstacle(enum contender_kind kind);
/* Whether a process of its own handles every packet. */
bool contender_is_per_packet(enum contender_kind kind);

void contender_start(struct contender *contender, enum contender_kind kind, struct bench_traffic *traffic);
/* What it has counted so far, both ways, or -1 where it does not count. */
int64_t contender_counted(const struct contender *contender);
void contender_stop(struct contender *contender);

/* Starts octetd on a lane and waits until it answers; name tells its files apart. */
void contender_start_octetd(const struct bench_lane *lane, const char *name, const char *attach, uint32_t max_addresses,
			    struct bench_process *out);
/* A number of its /healthz, by two keys. */
int64_t contender_ask_octetd(const char *name, const char *object, const char *key);

#endif
