/* SPDX-License-Identifier: MIT */
/*
 * A small hotspot in memory, for the property test of the session engine: counters as the kernel half keeps them,
 * clocks that step, the agent's way of reading and saving, and a store that takes whole batches or nothing. Whatever
 * happens in it is drawn from one seed.
 *
 * What is right is known from two sums for each MAC, kept beside the engine: the octets that were booked, and those
 * that were booked to nobody. They are saved with the MAC's baselines and fall back with them in a crash, so that at
 * any time, and also in the store, booked = octets of its sessions + nobody's.
 */
#ifndef UNIT_PROPERTY_H
#define UNIT_PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ledger.h"
#include "core/session.h"

#define N_MACS 12
#define N_IPS 20
#define N_SLOTS 96
#define N_CPUS 2

/* 2026-01-01, before which no trusted clock is. */
#define WORLD_BEGINS_S INT64_C(1767225600)
#define WORLD_LATER_S (WORLD_BEGINS_S + 30000000)

/* A slot of the kernel's table; a free one keeps its sequence. */
struct kernel_slot {
	struct counter_reading reading;
	int cpu;
	bool is_used;
};

/* One transaction. Owned. */
struct batch {
	struct session_change *sessions;
	size_t n_sessions;
	struct ledger_baseline *baselines;
	size_t n_baselines;
	struct unclaimed_change *unclaimed;
	size_t n_unclaimed;
	struct login_save *logins;
	size_t n_logins;
	struct unauthenticated_change *strangers;
	size_t n_strangers;
	struct device_change *devices;
	size_t n_devices;
	/* of the MACs whose baselines are in it */
	bool is_booked[N_MACS];
	struct traffic booked[N_MACS];
	struct traffic nobody[N_MACS];
};

struct store_model {
	struct session_record **rows; /* by seq; NULL: none */
	size_t n_rows;
	struct traffic sessions[N_MACS]; /* the sum over the rows of a MAC */
	uint64_t next_seq;
	struct counter_reading baselines[N_SLOTS];
	bool has_baseline[N_SLOTS];
	struct traffic unclaimed[N_MACS];
	struct login logins[N_MACS];
	bool has_login[N_MACS];
	struct unauthenticated strangers[N_MACS]; /* traffic zero: none */
	char *host_names[N_MACS];
	struct traffic booked[N_MACS];
	struct traffic nobody[N_MACS];
};

/* What has happened, so that a run in which something never did is noticed. */
struct world_counts {
	size_t n_ends[END_CAUSE_PORT_PREEMPTED + 1];
	size_t n_logins[LOGIN_OVER + 1];
	size_t n_returns; /* sessions of a login that had one before */
	size_t n_limits[LOGIN_N_LIMITS];
	size_t n_crashes, n_clean_restarts, n_reboots, n_retired, n_steps_of_clock, n_waited, n_strangers, n_starved;
};

struct world {
	uint64_t seed;
	uint64_t random;
	int step;
	const char *action; /* of this step */
	struct session_rules rules;
	bool had_other_rules; /* about the start of sessions */
	bool was_starved;     /* memory has run out at least once */
	/* Leaves memory for n allocations, until it is called with SIZE_MAX. */
	void (*starve)(size_t n);
	struct session_engine *engine;
	struct ledger *ledger;
	struct event_list events;
	struct kernel_slot slots[N_SLOTS];
	int64_t mono_ns; /* CLOCK_BOOTTIME */
	int64_t suspended_ns;
	int64_t wall_offset_ns;
	bool is_trusted;
	bool has_rebooted;      /* since the engine was made */
	bool is_stamped;        /* a tick has seen the clocks as they are */
	int64_t ticked_mono_ns; /* the latest tick in this life of the agent; 0: none */
	struct traffic booked[N_MACS];
	struct traffic nobody[N_MACS];
	int64_t ended_mono_ns[N_MACS]; /* the latest end in this life of the agent */
	int64_t begun_mono_ns[N_MACS]; /* when the latest session was noticed in this life */
	struct batch in_flight;
	bool is_flushing;
	struct store_model store;
	struct world_counts counts;
};

/* Ends the test with the seed, the step and its action in front. */
void world_fail(const struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
/* A passed assertion of the test library is a message to another process: too dear for millions of them. */
#define ENSURE(world, condition, ...)                      \
	do {                                               \
		if (!(condition))                          \
			world_fail(world, "" __VA_ARGS__); \
	} while (0)

/* ---- property_world.c */

void world_init(struct world *world, uint64_t seed, const struct session_rules *rules, void (*starve)(size_t n));
void world_clean(struct world *world);
uint64_t world_draw(struct world *world, uint64_t n); /* 0 .. n - 1 */
struct instant world_now(const struct world *world);
struct mac_addr world_mac(size_t index);
size_t world_mac_index(const struct mac_addr *mac);
struct ip_addr world_ip(size_t index);

enum restart { RESTART_CLEAN, RESTART_CRASH, RESTART_TABLE_LOST, RESTART_REBOOT };

void world_count(struct world *world, size_t mac, size_t ip, uint64_t up_bytes, uint64_t down_bytes);
void world_arp(struct world *world, size_t mac);
/* Reads all counters; is_whole: without failure, so that a tick follows. */
void world_collect(struct world *world, bool is_whole);
void world_retire(struct world *world);
void world_flush_begin(struct world *world, bool is_full);
void world_flush_end(struct world *world, bool has_failed);
/* All of it, at once. */
void world_flush(struct world *world);
void world_restart(struct world *world, enum restart restart);
/* Carries the events of the last call and clears them. */
void world_note_events(struct world *world);
/* The engine as the store knows it. */
struct session_engine *world_resume(const struct world *world);

/* ---- property_store.c */

void store_model_apply(struct world *world, const struct batch *batch);
void store_model_clean(struct store_model *store);
void batch_clean(struct batch *batch);
/* Sessions that were on line when the machine went down have ended by it. */
void store_model_close_all(struct world *world);

/* ---- property_check.c */

void world_check(const struct world *world);
/* After a whole collection: nobody is on line who should not be. */
void world_check_ticked(const struct world *world);
/* After a flush of everything. */
void world_check_replay(const struct world *world);

#endif
