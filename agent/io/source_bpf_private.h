/* SPDX-License-Identifier: MIT */
/*
 * Inside the BPF source: source_bpf.c chooses and owns the tables (io/source_table.h), source_bpf_read.c reads them,
 * source_bpf_attach.c has the interfaces, source_bpf_job.c makes them, source_bpf_slot.c gives them their places among
 * the counters, source_bpf_verify.c looks after what is attached, source_bpf_coverage.c compares with the interfaces'
 * own counters, source_bpf_clock.c relates the kernel half's clock to ours.
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

/* What is remembered of looking after an attachment; times are the agent's, 0 for never. */
struct source_care {
	int64_t attached_mono_ns; /* since when it counts without a gap that we know of */
	uint64_t n_reattached;    /* others had taken it away, or come before it */
	int64_t retry_mono_ns;    /* after a failure: not before */
	int64_t retry_delay_ns;
	int64_t moved_mono_ns;  /* last move to the front */
	int64_t logged_mono_ns; /* last line in the log */
	bool is_behind;         /* another program runs before ours, and that was logged */
};

struct source_interface {
	char name[IF_NAMESIZE];
	uint32_t ifindex;
	uint32_t bridge; /* the master, if it is a bridge */
	uint32_t slot;
	bool is_pending; /* a job is attaching it */
	enum config_attach mode;
	struct mac_addr mac;                 /* that the programs know as the interface's own */
	int program_fds[OCTET_N_DIRECTIONS]; /* to attach them anew; -1: none */
	struct attachment attachments[OCTET_N_DIRECTIONS];
	struct source_care care[OCTET_N_DIRECTIONS];
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
/* NULL for none. */
struct source_interface *source_interface_find(struct source_bpf *source, uint32_t ifindex);
/* Closes the gap that it leaves in the list. */
void source_interface_unlist(struct source_bpf *source, struct source_interface *interface);
/* Its name and its bridge. */
void source_interface_note(struct source_interface *interface, const struct link_facts *facts);
void source_interface_close_program(struct source_interface *interface, enum octet_direction direction);
/* Lets go of what is attached to an interface, and leaves it in place. */
void source_interface_release(struct source_interface *interface);
/* Puts a direction's program in place of what is there; 0 or -errno, logged but for -ENODEV. */
int source_interface_attach(const struct source_bpf *source, struct source_interface *interface,
			    enum octet_direction direction);
struct attach_point source_interface_point(const struct source_bpf *source, const struct source_interface *interface,
					   enum octet_direction direction);
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

/* Gives an interface its place among the counters, the one it had if an earlier agent counted on it. 0 or -errno. */
int source_slot_assign(struct source_bpf *source, struct source_interface *interface);
/* Gives the place back; what was counted there is cleared when another interface gets it. */
void source_slot_release(const struct source_bpf *source, const struct source_interface *interface);
/* Takes "slot-N-IFINDEX" apart, the marker of an interface's place; false for any other name. */
bool source_slot_parse(const char *name, uint32_t *slot, uint32_t *ifindex);

#endif
