/* SPDX-License-Identifier: MIT */
#include "core/ledger.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"

struct ledger_entry {
	struct counter_reading baseline;
	uint64_t version; /* raised by each change */
	uint64_t saved_version;
	UT_hash_handle hh;
};

struct ledger {
	struct ledger_entry *entries; /* by baseline.key */
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

void ledger_free(struct ledger **ledger)
{
	struct ledger_entry *entry, *next;

	if (!*ledger)
		return;
	HASH_ITER (hh, (*ledger)->entries, entry, next) {
		HASH_DEL((*ledger)->entries, entry);
		free(entry);
	}
	free(*ledger);
	*ledger = NULL;
}

static struct ledger_entry *find(const struct ledger *ledger, const struct counter_key *key)
{
	struct ledger_entry *entry;

	HASH_FIND(hh, ledger->entries, key, sizeof(*key), entry);
	return entry;
}

static struct ledger_entry *insert(struct ledger *ledger, const struct counter_key *key)
{
	struct ledger_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->baseline.key = *key;
	HASH_ADD(hh, ledger->entries, baseline.key, sizeof(*key), entry);
	if (!TABLE_HAS_ADDED(entry, hh)) {
		free(entry);
		return NULL;
	}
	return entry;
}

int ledger_load(struct ledger *ledger, const struct counter_reading *reading)
{
	struct ledger_entry *entry = find(ledger, &reading->key);

	if (!entry)
		entry = insert(ledger, &reading->key);
	if (!entry)
		return -ENOMEM;
	entry->baseline = *reading;
	return 0;
}

/* Any counter below its baseline: the key was made anew. */
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

int ledger_observe(struct ledger *ledger, const struct counter_reading *reading, struct ledger_delta *out)
{
	struct ledger_entry *entry = find(ledger, &reading->key);
	struct ledger_delta delta = {.key = reading->key,
				     .last_up_ns = reading->last_up_ns,
				     .last_down_ns = reading->last_down_ns,
				     .bridge = reading->bridge};

	if (!entry)
		entry = insert(ledger, &reading->key);
	if (!entry)
		return -ENOMEM;
	delta.traffic = has_restarted(&reading->total, &entry->baseline.total)
				? reading->total
				: subtract(&reading->total, &entry->baseline.total);
	delta.has_up = delta.traffic.up_packets > 0 || reading->last_up_ns > entry->baseline.last_up_ns;
	if (!delta.has_up && traffic_is_zero(&delta.traffic))
		return 0;
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
	struct ledger_entry *entry, *next;
	size_t n_changed = 0, capacity = 0;

	HASH_ITER (hh, ledger->entries, entry, next) {
		if (entry->version == entry->saved_version || (wants && !wants(context, &entry->baseline.key.mac)))
			continue;
		if (n_changed == capacity) {
			size_t more = capacity ? capacity * 2 : 16;
			struct ledger_baseline *grown = realloc(changed, more * sizeof(*grown));

			if (!grown) {
				free(changed);
				return -ENOMEM;
			}
			changed = grown;
			capacity = more;
		}
		changed[n_changed++] = (struct ledger_baseline){.reading = entry->baseline, .version = entry->version};
	}
	*out = changed;
	*n_out = n_changed;
	return 0;
}

void ledger_mark_saved(struct ledger *ledger, const struct ledger_baseline *saved, size_t n_saved)
{
	for (size_t i = 0; i < n_saved; i++) {
		struct ledger_entry *entry = find(ledger, &saved[i].reading.key);

		if (entry && entry->saved_version < saved[i].version)
			entry->saved_version = saved[i].version;
	}
}

size_t ledger_size(const struct ledger *ledger)
{
	return HASH_COUNT(ledger->entries);
}

struct traffic ledger_total(const struct ledger *ledger)
{
	return ledger->total;
}
