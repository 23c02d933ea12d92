/* SPDX-License-Identifier: MIT */
/*
 * A source of counters, whichever it is: the kernel half (io/source_bpf_ops.c) or live captures by libpcap
 * (io/source_live.h). The application holds one and does not know which.
 *
 * Order: source_open, then the store remembers source_epoch durably, then source_attach for each interface.
 * Readings are cumulative within an epoch; a source that is not resumed has begun at zero.
 */
#ifndef IO_SOURCE_H
#define IO_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mac_set.h"
#include "core/config.h"
#include "core/counter.h"
#include "core/health.h"

#define SOURCE_EPOCH_SIZE 64 /* of every source, with the NUL */

/* reading is borrowed for the call. */
typedef void (*source_reading)(void *context, const struct counter_reading *reading);

struct source_options {
	enum config_source kind;
	enum config_attach attach;
	const char *bpffs_dir; /* of all stores */
	const char *instance;  /* the store's name, for a directory of its own there */
	const char *boot_id;
	const char *known_epoch; /* the store's; "" for none */
	uint32_t max_addresses;  /* on each CPU */
	uint32_t max_addresses_per_mac;
	int64_t arrival_gap_ns; /* a guest that was silent for longer is announced like a new one */
};

/* What each kind does; self is its own object. Every function is there. */
struct source_operations {
	const char *name; /* "bpf", "pcap" */
	const char *(*epoch)(const void *self);
	bool (*is_resumed)(const void *self);
	void (*occupancy)(const void *self, uint64_t *n_used, uint64_t *n_max);
	int (*attach)(void *self, const char *interface, enum config_attach mode);
	int (*collect)(void *self, source_reading reading, void *context);
	int (*arrivals_fd)(const void *self);
	int (*arrivals)(void *self, source_reading reading, void *context);
	size_t (*health)(void *self, struct health_interface *interfaces, size_t n_max);
	void (*detach)(void *self);
	void (*close)(void *self, bool keep);
	void (*abort)(void *self);
	/* NULL in a source whose counters end with the process */
	bool (*has_previous)(const void *self);
	int (*collect_previous)(void *self, source_reading reading, void *context);
	void (*drop_previous)(void *self);
	void (*retire)(void *self, const struct counter_reading *booked);
	void (*observe)(void *self, int64_t now_mono_ns);
	void (*collect_some)(void *self, const struct mac_set *macs, source_reading reading, void *context);
};

/* By value; operations are NULL while it is closed. */
struct source {
	const struct source_operations *operations;
	void *self;
	enum config_attach attach;
};

/* 0 or -errno, logged with the remedy. "auto" is the kernel half where this kernel has it, else live captures. */
int source_open(const struct source_options *options, struct source *out);

/* Borrowed; names these counters for the store. */
const char *source_epoch(const struct source *source);
/* Whether the counters of an earlier agent go on. */
bool source_is_resumed(const struct source *source);
/* Places for addresses and MACs, those in use and all. */
void source_occupancy(const struct source *source, uint64_t *n_used, uint64_t *n_max);

/*
 * Counters of an earlier agent in another form than these: to be read for a last time after everything is attached,
 * committed together with the new epoch, and dropped (io/source_bpf.h).
 */
bool source_has_previous(const struct source *source);
int source_collect_previous(struct source *source, source_reading reading, void *context);
void source_drop_previous(struct source *source);

/* Counts on an interface from now on. 0 or -errno, logged; on failure the interface is left as it was. */
int source_attach(struct source *source, const char *interface);

/* Reads every client. 0 or -errno, logged once until it works again; readings so far have been delivered. */
int source_collect(struct source *source, source_reading reading, void *context);

/*
 * Reads the clients of these MACs only, and maybe some others. A client that has shown up since the latest whole
 * collection may be left out: it is among the arrivals. Where a source cannot do that it reads all.
 */
int source_collect_some(struct source *source, const struct mac_set *macs, source_reading reading, void *context);

/* Whether places that are given back are of any use to it. */
bool source_can_retire(const struct source *source);
/* This slot is booked for good and silent: its place may be given to another key. */
void source_retire(struct source *source, const struct counter_reading *booked);

/* Compares what was counted with what the interfaces themselves have counted; once for each collection. */
void source_observe(struct source *source, int64_t now_mono_ns);

/* A descriptor that polls readable when there is something to do, often because guests have arrived... */
int source_arrivals_fd(const struct source *source);
/* ...and what to call then: it delivers the readings of those who have. */
int source_arrivals(struct source *source, source_reading reading, void *context);

/* Fills up to n_max entries with the present state; returns how many. Names are borrowed until the next call. */
size_t source_health(struct source *source, struct health_interface *interfaces, size_t n_max);

/* Stops counting on every interface; what has been counted can still be collected. */
void source_detach(struct source *source);
/* keep: a source that can goes on counting without the agent. Does nothing on one that is closed. */
void source_close(struct source *source, bool keep);
/* After a start that failed: as if it had not been tried. */
void source_abort(struct source *source);

/* One of them for each kind: 0 or -errno, logged. */
int source_bpf_new(const struct source_options *options, struct source *out);
int source_live_new(const struct source_options *options, struct source *out);
/* 0; -ENOSYS or -EINVAL when this kernel lacks what the kernel half needs; another -errno: not known. */
int source_bpf_probe(void);

#endif
