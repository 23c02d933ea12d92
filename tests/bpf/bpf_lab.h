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
	uint32_t n_cpus;
	uint32_t n_slots; /* of each CPU */
	/* mapped */
	struct octet_slot *slots;
	struct octet_region *regions;
	uint64_t *queue; /* BPF_LAB_QUEUE for each CPU */
	struct octet_iface *ifaces;
};

#define BPF_LAB_QUEUE 256u
#define BPF_LAB_MAX_PER_MAC 4u

struct bpf_lab_run {
	enum octet_direction direction;
	uint32_t gso_size;
	uint32_t gso_segs;
	uint32_t ifindex; /* 0: the loopback's, 1 */
	int repeat;       /* 0: once */
};

/* Skips the running test, with the reason, where root or BPF are missing. */
void bpf_lab_require(void);

/*
 * A table of so many slots on each CPU, up to BPF_LAB_QUEUE; with own_mac, that MAC is the interface's own. The process
 * stays on one CPU.
 */
void bpf_lab_open(struct bpf_lab *lab, uint32_t n_slots, const uint8_t *own_mac);
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
bool bpf_lab_client(const struct bpf_lab *lab, const struct octet_key *key, struct octet_slot *sum);
/* Keys with an address, and entries of MACs. */
size_t bpf_lab_n_clients(const struct bpf_lab *lab);
size_t bpf_lab_n_macs(const struct bpf_lab *lab);

/* The key of a guest, on the interface of tests; with OCTET_VLAN_MAC_ONLY in vlan, its MAC's own. */
struct octet_key bpf_lab_key(uint16_t guest, uint16_t vlan, bool is_ipv6);

/* Slots that this CPU's guests have, and what the agent does: books a key up to now and gives its slot back. */
struct octet_region *bpf_lab_region(const struct bpf_lab *lab);
void bpf_lab_retire(struct bpf_lab *lab, const struct octet_key *key);

/* Forgets all clients and class counters. */
void bpf_lab_reset(struct bpf_lab *lab);

#endif
