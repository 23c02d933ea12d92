/* SPDX-License-Identifier: MIT */
/*
 * The programs of bpf/octet.bpf.c loaded and run on single frames (BPF_PROG_TEST_RUN), and what they counted. Nothing
 * is attached or pinned; all ends with the process. Failures of the lab itself fail the test.
 */
#ifndef TESTS_BPF_LAB_H
#define TESTS_BPF_LAB_H

#include <stdbool.h>
#include <stdint.h>

#include "octet/abi.h"
#include "support/frames.h"

struct octet;

struct bpf_lab {
	struct octet *skeleton;
	int n_cpus;
};

struct bpf_lab_run {
	enum octet_direction direction;
	uint32_t gso_size;
	uint32_t gso_segs;
	uint32_t ifindex; /* 0: the loopback's, 1 */
	int repeat;       /* 0: once */
};

/* Skips the running test, with the reason, where root or BPF are missing. */
void bpf_lab_require(void);

/* max_entries of each table of clients; with own_mac, that MAC is the interface's own. */
void bpf_lab_open(struct bpf_lab *lab, uint32_t max_entries, const uint8_t *own_mac);
void bpf_lab_close(struct bpf_lab *lab);

/* Whether it can be loaded as on machines that cannot load from unaligned addresses. */
bool bpf_lab_loads_with_strict_alignment(void);

/* Runs a frame through; fails the test, naming name, unless the verdict is "next" and the frame is unchanged. */
void bpf_lab_run(struct bpf_lab *lab, const char *name, const struct frame *frame, const struct bpf_lab_run *run);

/* The same without judging; 0 or -errno of the system call. */
int bpf_lab_try(struct bpf_lab *lab, const struct frame *frame, const struct bpf_lab_run *run);

/* Sums over the CPUs. */
void bpf_lab_classes(const struct bpf_lab *lab, enum octet_direction direction, struct octet_iface *sum);
struct octet_tally bpf_lab_all_classes(const struct bpf_lab *lab, enum octet_direction direction);
bool bpf_lab_client4(const struct bpf_lab *lab, const struct octet_key4 *key, struct octet_counters *sum);
bool bpf_lab_client6(const struct bpf_lab *lab, const struct octet_key6 *key, struct octet_counters *sum);
/* The whole table of a family: how many keys it has. */
size_t bpf_lab_n_clients4(const struct bpf_lab *lab);
size_t bpf_lab_n_clients6(const struct bpf_lab *lab);

/* Keys of a guest, on the interface of tests. */
struct octet_key4 bpf_lab_key4(uint16_t guest, uint16_t vlan);
struct octet_key6 bpf_lab_key6(uint16_t guest, uint16_t vlan);

/* Forgets all clients and class counters. */
void bpf_lab_reset(struct bpf_lab *lab);

#endif
