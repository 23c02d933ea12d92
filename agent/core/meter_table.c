/* SPDX-License-Identifier: MIT */
#include "core/meter_table.h"

#include <errno.h>
#include <stdlib.h>

#define ENTRIES_AT_START 64u
#define CACHE_LINE_BYTES 64

static int grow_slots(struct meter_table *table, uint32_t n_slots)
{
	struct meter_slot *old = table->slots;
	const uint32_t n_old = old ? table->slot_mask + 1 : 0;

	struct meter_slot *slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	table->slots = slots;
	table->slot_mask = n_slots - 1;
	table->slot_shift = (uint32_t)__builtin_clz(n_slots) + 1;
	for (uint32_t i = 0; i < n_old; i++) {
		uint32_t at = old[i].hash >> table->slot_shift;
		if (old[i].entry_plus_1 == 0)
			continue;
		while (slots[at].entry_plus_1 != 0)
			at = (at + 1) & table->slot_mask;
		slots[at] = old[i];
	}
	free(old);
	return 0;
}

/* Not by realloc, which knows nothing of cache lines. */
static int grow_entries(struct meter_table *table, uint32_t capacity)
{
	struct meter_entry *entries = aligned_alloc(CACHE_LINE_BYTES, (size_t)capacity * sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	if (table->n_entries)
		memcpy(entries, table->entries, table->n_entries * sizeof(*entries));
	free(table->entries);
	table->entries = entries;
	table->capacity = capacity;
	return 0;
}
_Static_assert(ENTRIES_AT_START * sizeof(struct meter_entry) % CACHE_LINE_BYTES == 0, "what aligned_alloc asks for");

/* Slots first: with entries to spare and too few slots, a probe could find no end. */
static int grow(struct meter_table *table)
{
	const uint32_t capacity = table->capacity ? 2 * table->capacity : ENTRIES_AT_START;
	int error = grow_slots(table, METER_SLOTS_PER_ENTRY * capacity);

	return error ? error : grow_entries(table, capacity);
}

int meter_table_init(struct meter_table *table, uint32_t max_keys, const struct nh_seed *seed)
{
	*table = (struct meter_table){.seed = *seed, .max_keys = max_keys};
	return grow(table);
}

void meter_table_clean(struct meter_table *table)
{
	free(table->entries);
	free(table->slots);
	*table = (struct meter_table){0};
}

uint32_t meter_table_insert(struct meter_table *table, const struct meter_key *key, uint32_t hash, int64_t time_ns)
{
	if (table->n_entries >= table->max_keys)
		return METER_NO_ENTRY;
	if (table->n_entries == table->capacity && grow(table) != 0)
		return METER_NO_ENTRY;
	struct meter_entry *entry = &table->entries[table->n_entries];
	*entry = (struct meter_entry){.first_ns = time_ns};
	memcpy(&entry->key, key, sizeof(entry->key));
	*meter_table_slot(table, key, hash) = (struct meter_slot){hash, table->n_entries + 1};
	return table->n_entries++;
}
