/* SPDX-License-Identifier: MIT */
/*
 * A table of clients in the kernel (octet/abi.h), as the agent sees it: makes one, finds a pinned one again,
 * reads it by plain loads and gives slots back.
 *
 * Each table has a directory of its own on bpffs, "table-<id>", id being that of the map of slots, which the kernel
 * never gives twice within a boot (kernel/bpf/syscall.c, bpf_map_alloc_id: cyclic). A table of another layout or size
 * is never reinterpreted: it is read by the description that lies beside it, until it can go.
 */
#ifndef IO_SOURCE_TABLE_H
#define IO_SOURCE_TABLE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/counter.h"
#include "io/source.h"
#include "octet/abi.h"

enum source_map {
	MAP_SLOTS,
	MAP_INDEX,
	MAP_REGIONS,
	MAP_RETIRED,
	MAP_IFACES,
	MAP_TABLE,
	MAP_ARRIVALS,
	MAP_LOCAL_MACS,
	N_MAPS
};

struct source_table {
	char dir[PATH_MAX];
	uint32_t id;
	struct octet_table facts;
	int fds[N_MAPS];
	uint8_t *slots;  /* mapped piece by piece as they come into use, see source_table_reach */
	bool *is_mapped; /* the pieces; owned */
	/* mapped; NULL where the layout is not this program's */
	struct octet_region *regions;
	uint64_t *queue;
	const struct octet_iface *ifaces;
	/* for each slot; owned */
	uint32_t *queued_at; /* its place in the queue plus 1, 0: never was there */
	uint32_t *seen;      /* the sequence that was read last */
	uint32_t *fresh;     /* scratch: slots whose sequence is new in a reading */
};

void source_table_init(struct source_table *table);
/* Unmaps and closes; what is pinned stays. */
void source_table_clean(struct source_table *table);
/* Unpins and removes the directory as well; the maps go with their last user. */
void source_table_remove(struct source_table *table);

/* "boot:id": names the counters for the store. */
void source_table_epoch(uint32_t id, const char *boot_id, char epoch[SOURCE_EPOCH_SIZE]);

/* Makes a table for so many slots on each CPU and pins it under parent. 0 or -errno, unlogged. */
int source_table_create(const char *parent, uint32_t n_slots, uint32_t follows, struct source_table *out);

/* Finds the table that is pinned in parent/name. 0; -ENOENT: there is none that could be read. */
int source_table_open(const char *parent, const char *name, struct source_table *out);

/* Whether programs of this layout can count into it. */
bool source_table_is_current(const struct source_table *table);

/*
 * Makes slots from first on, and before end, readable: mapped memory counts as the agent's, so only what is in use is
 * mapped. 0 or -errno.
 */
int source_table_reach(const struct source_table *table, uint32_t first, uint32_t end);

/* Hands over every slot that has a key. 0; or -errno: those so far have been handed over. */
int source_table_read(const struct source_table *table, source_reading reading, void *context);

/* Those of these MACs only; a slot that has got a new key since it was last looked at is left out once. */
void source_table_read_some(const struct source_table *table, const struct mac_set *macs, source_reading reading,
			    void *context);

/* One slot, if it still has that sequence; false if not. */
bool source_table_read_one(const struct source_table *table, const struct octet_arrival *arrival,
			   struct counter_reading *out);

/*
 * Gives a slot back, which is booked for good up to the stamps of this reading: its key goes when its place is needed,
 * unless the guest comes back before. Only for a table that is current.
 */
void source_table_retire(struct source_table *table, const struct counter_reading *booked);

/* The fullest region: slots in use, those that were given back not counted. */
uint32_t source_table_n_used(const struct source_table *table);

/* The sum over the CPUs. */
void source_table_classes(const struct source_table *table, uint32_t iface_slot, enum octet_direction direction,
			  struct octet_iface *sum);
void source_table_clear_classes(struct source_table *table, uint32_t iface_slot);

#endif
