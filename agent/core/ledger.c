/* SPDX-License-Identifier: MIT */
/*
 * Slots are dense, so entries lie in chunks that a directory finds by number: a collection looks at every one of
 * them, each second, and finds it by two loads.
 */
#include "core/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ENTRIES 256u

struct ledger_entry {
	struct counter_reading baseline;
	uint64_t version; /* raised by each change; 0: there is none */
	uint64_t saved_version;
	bool is_listed; /* in ledger.changed */
};

struct ledger {
	struct ledger_entry **chunks; /* by slot / CHUNK_ENTRIES; NULL where there was none yet */
	size_t n_chunks;
	uint32_t *changed; /* slots whose baseline the store may lack, each once */
	size_t n_changed;
	size_t changed_capacity;
	size_t n_entries;
	struct traffic total;
};

int ledger_new(struct ledger **out)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return -ENOMEM;
	*out = ledger;
	return 0;
}

void ledger_clear(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->n_chunks; i++)
		free(ledger->chunks[i]);
	free(ledger->chunks);
	free(ledger->changed);
	*ledger = (struct ledger){.total = ledger->total};
}

void ledger_free(struct ledger **ledger)
{
	if (!*ledger)
		return;
	ledger_clear(*ledger);
	free(*ledger);
	*ledger = NULL;
}

static int grow_directory(struct ledger *ledger, size_t n_wanted)
{
	size_t n_chunks = ledger->n_chunks ? ledger->n_chunks : 16;
	struct ledger_entry **chunks;

	while (n_chunks < n_wanted)
		n_chunks *= 2;
	chunks = reallocarray(ledger->chunks, n_chunks, sizeof(struct ledger_entry *));
	if (!chunks)
		return -ENOMEM;
	memset(chunks + ledger->n_chunks, 0, (n_chunks - ledger->n_chunks) * sizeof(struct ledger_entry *));
	ledger->chunks = chunks;
	ledger->n_chunks = n_chunks;
	return 0;
}

/* NULL when there is none. */
static struct ledger_entry *find(const struct ledger *ledger, uint32_t slot)
{
	const size_t chunk = slot / CHUNK_ENTRIES;

	if (chunk >= ledger->n_chunks || !ledger->chunks[chunk])
		return NULL;
	return &ledger->chunks[chunk][slot % CHUNK_ENTRIES];
}

static int get(struct ledger *ledger, uint32_t slot, struct ledger_entry **out)
{
	const size_t chunk = slot / CHUNK_ENTRIES;

	if (slot >= COUNTER_SLOTS_MAX)
		return -ERANGE;
	if (chunk >= ledger->n_chunks && grow_directory(ledger, chunk + 1))
		return -ENOMEM;
	if (!ledger->chunks[chunk]) {
		ledger->chunks[chunk] = calloc(CHUNK_ENTRIES, sizeof(struct ledger_entry));
		if (!ledger->chunks[chunk])
			return -ENOMEM;
	}
	*out = &ledger->chunks[chunk][slot % CHUNK_ENTRIES];
	return 0;
}

/* Remembers that the store lacks it; without memory for that, nothing may change. */
static int list(struct ledger *ledger, struct ledger_entry *entry, uint32_t slot)
{
	if (entry->is_listed)
		return 0;
	if (ledger->n_changed == ledger->changed_capacity) {
		size_t capacity = ledger->changed_capacity ? 2 * ledger->changed_capacity : 64;
		uint32_t *changed = reallocarray(ledger->changed, capacity, sizeof(*changed));

		if (!changed)
			return -ENOMEM;
		ledger->changed = changed;
		ledger->changed_capacity = capacity;
	}
	ledger->changed[ledger->n_changed++] = slot;
	entry->is_listed = true;
	return 0;
}

int ledger_load(struct ledger *ledger, const struct counter_reading *reading)
{
	struct ledger_entry *entry = NULL;
	int r = get(ledger, reading->slot, &entry);

	if (r)
		return r;
	ledger->n_entries += entry->version == 0;
	entry->baseline = *reading;
	entry->version++;
	entry->saved_version = entry->version;
	return 0;
}

/* Any counter below its baseline: the counters were made anew. */
static bool has_restarted(const struct traffic *total, const struct traffic *baseline)
{
	return total->up_bytes < baseline->up_bytes || total->up_packets < baseline->up_packets ||
	       total->down_bytes < baseline->down_bytes || total->down_packets < baseline->down_packets;
}

static struct traffic subtract(const struct traffic *total, const struct traffic *baseline)
{
	return (struct traffic){
		.up_bytes = total->up_bytes - baseline->up_bytes,
		.up_packets = total->up_packets - baseline->up_packets,
		.down_bytes = total->down_bytes - baseline->down_bytes,
		.down_packets = total->down_packets - baseline->down_packets,
	};
}

/* A key that has counted nothing yet: what the store does not have of it is zero, and so is it. */
static void begin_empty(struct ledger *ledger, struct ledger_entry *entry, const struct counter_reading *reading)
{
	ledger->n_entries += entry->version == 0;
	entry->baseline = *reading;
	entry->version++;
	entry->saved_version = entry->version;
}

int ledger_observe(struct ledger *ledger, const struct counter_reading *reading, struct ledger_delta *out)
{
	struct ledger_entry *entry = NULL;
	int r = get(ledger, reading->slot, &entry);
	struct ledger_delta delta = {.key = reading->key,
				     .traffic = reading->total,
				     .last_up_ns = reading->last_up_ns,
				     .last_down_ns = reading->last_down_ns,
				     .bridge = reading->bridge,
				     .has_up = reading->total.up_packets > 0 || reading->last_up_ns > 0};

	if (r)
		return r;
	if (entry->version == 0 || entry->baseline.sequence != reading->sequence) {
		if (!delta.has_up && traffic_is_zero(&delta.traffic)) {
			begin_empty(ledger, entry, reading);
			return 0;
		}
	} else {
		if (!has_restarted(&reading->total, &entry->baseline.total))
			delta.traffic = subtract(&reading->total, &entry->baseline.total);
		delta.has_up = delta.traffic.up_packets > 0 || reading->last_up_ns > entry->baseline.last_up_ns;
	}
	if (!delta.has_up && traffic_is_zero(&delta.traffic))
		return 0;
	r = list(ledger, entry, reading->slot);
	if (r)
		return r;
	ledger->n_entries += entry->version == 0;
	entry->baseline = *reading;
	entry->version++;
	traffic_add(&ledger->total, &delta.traffic);
	*out = delta;
	return 1;
}

int ledger_changed(const struct ledger *ledger, ledger_wants wants, const void *context, struct ledger_baseline **out,
		   size_t *n_out)
{
	struct ledger_baseline *changed = NULL;
	size_t n_changed = 0;

	if (ledger->n_changed > 0) {
		changed = calloc(ledger->n_changed, sizeof(*changed));
		if (!changed)
			return -ENOMEM;
	}
	for (size_t i = 0; i < ledger->n_changed; i++) {
		const struct ledger_entry *entry = find(ledger, ledger->changed[i]);

		if (!wants || wants(context, &entry->baseline.key.mac))
			changed[n_changed++] =
				(struct ledger_baseline){.reading = entry->baseline, .version = entry->version};
	}
	*out = changed;
	*n_out = n_changed;
	return 0;
}

void ledger_mark_saved(struct ledger *ledger, const struct ledger_baseline *saved, size_t n_saved)
{
	size_t n_left = 0;

	for (size_t i = 0; i < n_saved; i++) {
		struct ledger_entry *entry = find(ledger, saved[i].reading.slot);

		if (entry && entry->saved_version < saved[i].version)
			entry->saved_version = saved[i].version;
	}
	for (size_t i = 0; i < ledger->n_changed; i++) {
		struct ledger_entry *entry = find(ledger, ledger->changed[i]);

		entry->is_listed = entry->saved_version != entry->version;
		if (entry->is_listed)
			ledger->changed[n_left++] = ledger->changed[i];
	}
	ledger->n_changed = n_left;
}

void ledger_each_idle(const struct ledger *ledger, int64_t before_ns,
		      void (*visit)(void *context, const struct counter_reading *reading), void *context)
{
	for (size_t i = 0; i < ledger->n_chunks; i++) {
		const struct ledger_entry *chunk = ledger->chunks[i];

		for (size_t j = 0; chunk && j < CHUNK_ENTRIES; j++) {
			const struct counter_reading *reading = &chunk[j].baseline;

			if (chunk[j].version > 0 && chunk[j].version == chunk[j].saved_version &&
			    reading->last_up_ns < before_ns && reading->last_down_ns < before_ns)
				visit(context, reading);
		}
	}
}

size_t ledger_size(const struct ledger *ledger)
{
	return ledger->n_entries;
}

struct traffic ledger_total(const struct ledger *ledger)
{
	return ledger->total;
}
