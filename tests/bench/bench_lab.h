/* SPDX-License-Identifier: MIT */
/*
 * Where the bench happens: lanes, that is routers with guests on one side and the Internet on the other, each in
 * network namespaces of its own, which have no names and end with this process. What is compared stands on lanes of
 * its own side by side, so that measuring can alternate every few milliseconds without attaching anything anew.
 *
 *   guests c0 ---- g0 router w0 ---- u0 uplink
 *
 * Run by tests/bench/run, which gives a mount and a process namespace: BENCH_DIR is a tmpfs there with a bpffs in
 * BENCH_DIR/bpf, and all children end with it. Whatever fails ends the bench with one line (bench_fail).
 */
#ifndef BENCH_LAB_H
#define BENCH_LAB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_GUEST_IF "c0"
#define BENCH_ROUTER_IF "g0" /* guest-facing: what is compared is put here */
#define BENCH_WAN_IF "w0"
#define BENCH_UPLINK_IF "u0"

#define BENCH_GUEST_MAC "02:be:0c:01:00:02"
#define BENCH_ROUTER_MAC "02:be:00:00:00:fe"
#define BENCH_WAN_MAC "02:be:00:00:00:fd"
#define BENCH_UPLINK_MAC "02:be:00:00:00:fc"
#define BENCH_GUEST_IP "10.0.0.2"
#define BENCH_UPLINK_IP "198.18.0.2" /* RFC 2544: for benchmarks */

struct bench_lane {
	int guest_ns;
	int router_ns;
	int uplink_ns;
	uint32_t router_ifindex;
	uint32_t wan_ifindex;
	uint32_t n_neighbours; /* clients that the router can send to */
};

struct bench_process {
	pid_t pid; /* 0: none */
};

/* Prints "bench: ..." and ends the process. */
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Root, BENCH_DIR, the quick mode; call it first. */
void bench_init(void);
/* From QUICK: fewer rounds of everything. */
bool bench_is_quick(void);
const char *bench_dir(void);
/* The octetd under test. */
const char *bench_octetd(void);
bool bench_is_installed(const char *program);

void bench_enter(int namespace_fd);
/* The network namespace that the bench began in, where there is nothing. */
int bench_here(void);
void bench_lane_open(struct bench_lane *lane);
/* The router knows the MACs of clients 0 to n - 1, see attach_abi.h. */
void bench_lane_neighbours(struct bench_lane *lane, uint32_t n);
void bench_lane_close(struct bench_lane *lane);

/* Commands are lines for sh; input may be NULL. Fails the bench unless the command succeeds. */
void bench_do(int namespace_fd, const char *input, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Its output, to be freed. */
char *bench_output(int namespace_fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bench_write(int namespace_fd, const char *path, const char *text);

/* Starts a command of words (argv) with its output in BENCH_DIR/NAME.log, on the other CPUs. */
void bench_start(int namespace_fd, const char *name, const char *const *words, struct bench_process *out);
bool bench_is_running(const struct bench_process *process);
/* Ends it by the signal, after 10 s by force; returns the CPU time that it used. */
int64_t bench_stop(struct bench_process *process, int signal_number);
/* Waits for its end, which must be a success; returns the CPU time that it used. */
int64_t bench_finish(struct bench_process *process);
int64_t bench_process_cpu_ns(const struct bench_process *process);

/* The measuring thread stays on the last CPU, in front of all others; its children do not. */
void bench_pin(void);
int64_t bench_wall_ns(void); /* CLOCK_MONOTONIC */
/* How long this thread has waited for a CPU that others had. */
int64_t bench_waited_ns(void);
void bench_sleep_ms(long ms);

#endif
