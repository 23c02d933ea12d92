/* SPDX-License-Identifier: MIT */
/*
 * Inside the BPF source: source_bpf.c chooses and owns the tables (io/source_table.h), source_bpf_read.c reads them,
 * source_bpf_attach.c has the interfaces, source_bpf_coverage.c compares with their own counters, source_bpf_clock.c
 * relates the kernel half's clock to ours.
 */
#ifndef IO_SOURCE_BPF_PRIVATE_H
#define IO_SOURCE_BPF_PRIVATE_H

#include <bpf/libbpf.h>
#include <limits.h>
#include <net/if.h>

#include "core/coverage.h"
#include "io/attach.h"
#include "io/source_bpf.h"
#include "io/source_table.h"

/* Shorter than PATH_MAX, so that a name behind it always fits. */
#define SOURCE_PIN_DIR_SIZE (PATH_MAX - 256)

struct source_interface {
	char name[IF_NAMESIZE];
	uint32_t ifindex;
	uint32_t bridge; /* the master, if it is a bridge */
	uint32_t slot;
	struct attachment attachments[OCTET_N_DIRECTIONS];
	bool is_behind_others[OCTET_N_DIRECTIONS]; /* another program is in front of ours on the hook */
	struct coverage coverage[OCTET_N_DIRECTIONS];
	bool is_offloading; /* flows to hardware, or might */
	bool is_wireless;
};

/* CLOCK_MONOTONIC = jiffies * tick_ns + offset_ns, a tick late at most; tick_ns 0: not known. */
struct source_clock {
	uint64_t tick_ns;
	uint64_t offset_ns; /* modulo 2^64 */
};

struct source_bpf {
	char pin_dir[SOURCE_PIN_DIR_SIZE];
	char boot_id[64];
	char epoch[SOURCE_EPOCH_SIZE];
	struct source_table table;    /* what is counted into */
	struct source_table previous; /* what was counted into before, to be read for a last time; else without maps */
	bool is_resumed;
	bool has_failed; /* the last reading did, and that was logged */
	uint32_t n_collections;
	bool has_failed_to_compare; /* the same of coverage */
	struct source_clock clock;
	int64_t arrival_gap_ns;
	uint32_t max_addresses_per_mac;
	struct source_interface interfaces[OCTET_SLOTS_MAX];
	size_t n_interfaces;
	struct ring_buffer *ring;
	/* during a reading */
	source_reading reading;
	void *reading_context;
};

struct octet;

void source_pin_path(const struct source_bpf *source, const char *name, char path[PATH_MAX]);
struct bpf_map *source_skeleton_map(const struct octet *skeleton, enum source_map map);
/* One sentence for the reasons why BPF does not work at all; returns error. */
int source_log_refusal(int error);
/* Ends what is attached to an interface; with only_new what this process has attached, the rest is let go. */
void source_interface_remove(const struct source_bpf *source, struct source_interface *interface, bool only_new);

/* For an interface that has just been attached to; kind as in struct link_facts. */
void source_coverage_init(struct source_interface *interface, const char *kind);

/* The ring's callback: reads the one client that has arrived, instead of all. */
int source_on_arrival(void *context, void *data, size_t size);

/* Tells the kernel half which MACs are this machine's; links come and go, so again from time to time. */
void source_local_macs_refresh(const struct source_bpf *source);

/* Finds out how jiffies and CLOCK_MONOTONIC lie to each other; takes three ticks. */
void source_clock_calibrate(struct source_clock *clock);

/* Takes "slot-N-IFINDEX" apart, the marker of an interface's place; false for any other name. */
bool source_slot_parse(const char *name, uint32_t *slot, uint32_t *ifindex);

#endif
