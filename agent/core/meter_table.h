/* SPDX-License-Identifier: MIT */
/*
 * Inside the meter: its entries in a dense array, in the order of their creation, and an open-addressing index over
 * them. Probing touches eight octets a slot, growing changes no entry's index, iterating is a walk over an array.
 *
 * With many clients every step waits for memory: first for the slot, then for the entry. Both can be asked for in
 * advance (meter_table_prefetch_*), and an entry lies on two cache lines at most.
 */
#ifndef CORE_METER_TABLE_H
#define CORE_METER_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/meter.h"

/*
 * A struct counter_key as the words that it is in memory, built and compared in registers, word by word: what is
 * written in small pieces and read back in larger ones makes each load wait for its stores, on every frame.
 */
struct meter_key {
	uint64_t words[3];
	uint32_t tail;
};
_Static_assert(offsetof(struct meter_key, tail) + sizeof(uint32_t) == sizeof(struct counter_key), "the same octets");

struct meter_slot {
	uint32_t hash;
	uint32_t entry_plus_1; /* 0: the slot is free */
};

struct meter_table {
	struct nh_seed seed;
	uint32_t max_keys;
	struct meter_entry *entries;
	uint32_t n_entries;
	uint32_t capacity;
	struct meter_slot *slots; /* slot_mask + 1 of them, a power of two: METER_SLOTS_PER_ENTRY times the capacity */
	uint32_t slot_mask;
	uint32_t slot_shift; /* of a hash, whose upper bits say where to begin */
};

#define METER_SLOTS_PER_ENTRY 2u
_Static_assert((uint64_t)METER_KEYS_MAX *METER_SLOTS_PER_ENTRY <= UINT64_C(1) << 31, "a 32-bit hash reaches all slots");

#define METER_NO_ENTRY UINT32_MAX
_Static_assert(METER_KEYS_MAX < METER_NO_ENTRY, "no entry has that index");

/* 0 or -ENOMEM. */
int meter_table_init(struct meter_table *table, uint32_t max_keys, const struct nh_seed *seed);
void meter_table_clean(struct meter_table *table);

/* For a key that is not there. METER_NO_ENTRY when there is no room. Moves the entries: pointers are void afterwards.
 */
uint32_t meter_table_insert(struct meter_table *table, const struct meter_key *key, uint32_t hash, int64_t time_ns);

static inline uint32_t meter_table_hash(const struct meter_table *table, const struct meter_key *key)
{
	return nh_hash_28(&table->seed, key->words, key->tail);
}

static inline bool meter_key_equals(const struct meter_key *a, const struct counter_key *stored)
{
	const unsigned char *b = (const unsigned char *)stored;
	uint64_t words[3];
	uint32_t tail;

	memcpy(&words[0], b, sizeof(words[0]));
	memcpy(&words[1], b + 8, sizeof(words[1]));
	memcpy(&words[2], b + 16, sizeof(words[2]));
	memcpy(&tail, b + 24, sizeof(tail));
	return a->words[0] == words[0] && a->words[1] == words[1] && a->words[2] == words[2] && a->tail == tail;
}

/* The slot of the key, or the free slot where it would go; there always is one. */
static inline struct meter_slot *meter_table_slot(const struct meter_table *table, const struct meter_key *key,
						  uint32_t hash)
{
	for (uint32_t i = hash >> table->slot_shift;; i++) {
		struct meter_slot *slot = &table->slots[i & table->slot_mask];
		if (slot->entry_plus_1 == 0)
			return slot;
		if (slot->hash == hash && meter_key_equals(key, &table->entries[slot->entry_plus_1 - 1].key))
			return slot;
	}
}

/* The index of the entry, or METER_NO_ENTRY. */
static inline uint32_t meter_table_find(const struct meter_table *table, const struct meter_key *key, uint32_t hash)
{
	return meter_table_slot(table, key, hash)->entry_plus_1 - 1;
}

static inline void meter_table_prefetch_slot(const struct meter_table *table, uint32_t hash)
{
	__builtin_prefetch(&table->slots[hash >> table->slot_shift]);
}

/*
 * The first entry with that hash, or METER_NO_ENTRY, without waiting for the entry itself: it is the right one but
 * for one in a thousand million, and on its way when this returns.
 */
static inline uint32_t meter_table_guess(const struct meter_table *table, uint32_t hash)
{
	for (uint32_t i = hash >> table->slot_shift;; i++) {
		const struct meter_slot *slot = &table->slots[i & table->slot_mask];
		if (slot->entry_plus_1 == 0)
			return METER_NO_ENTRY;
		if (slot->hash != hash)
			continue;
		const char *entry = (const char *)&table->entries[slot->entry_plus_1 - 1];
		__builtin_prefetch(entry, 1);
		__builtin_prefetch(entry + sizeof(struct meter_entry) - 1, 1);
		return slot->entry_plus_1 - 1;
	}
}

static inline bool meter_table_holds(const struct meter_table *table, uint32_t entry, const struct meter_key *key)
{
	return entry < table->n_entries && meter_key_equals(key, &table->entries[entry].key);
}

#endif
