/* SPDX-License-Identifier: MIT */
/* Reading the table's slots while programs write to them, and giving slots back. */
#include <string.h>

#include "io/source_table.h"

static uint64_t load64(const uint8_t *at)
{
	return __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED);
}

static uint32_t load32(const uint8_t *at)
{
	return __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);
}

static const uint8_t *slot_at(const struct source_table *table, uint32_t slot)
{
	return table->slots + (size_t)slot * table->facts.slot_bytes;
}

/*
 * By the table's own description, whoever made it. False while the slot gets a key, or has none. Each counter is
 * read whole, and counters of one slot perhaps a packet apart: the next reading has both.
 */
static bool read_slot(const struct source_table *table, uint32_t slot, struct counter_reading *out)
{
	const uint8_t *at = slot_at(table, slot);
	const uint32_t *offsets = table->facts.offsets;
	const uint32_t *sequence_at = (const uint32_t *)(at + offsets[OCTET_FIELD_SEQUENCE]);
	const uint32_t sequence = __atomic_load_n(sequence_at, __ATOMIC_ACQUIRE);

	if (sequence == 0 || sequence % 2)
		return false;
	*out = (struct counter_reading){
		.slot = slot,
		.sequence = sequence,
		.key.ifindex = load32(at + offsets[OCTET_FIELD_IFINDEX]),
		.total.up_bytes = load64(at + offsets[OCTET_FIELD_UP_BYTES]),
		.total.up_packets = load64(at + offsets[OCTET_FIELD_UP_PACKETS]),
		.total.down_bytes = load64(at + offsets[OCTET_FIELD_DOWN_BYTES]),
		.total.down_packets = load64(at + offsets[OCTET_FIELD_DOWN_PACKETS]),
		.last_up_ns = (int64_t)load64(at + offsets[OCTET_FIELD_LAST_UP_NS]),
		.last_down_ns = (int64_t)load64(at + offsets[OCTET_FIELD_LAST_DOWN_NS]),
	};
	memcpy(&out->key.mac, at + offsets[OCTET_FIELD_MAC], sizeof(out->key.mac));
	memcpy(&out->key.vlan, at + offsets[OCTET_FIELD_VLAN], sizeof(out->key.vlan));
	memcpy(&out->key.ip, at + offsets[OCTET_FIELD_IP], sizeof(out->key.ip));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(sequence_at, __ATOMIC_RELAXED) == sequence;
}

/* In a table of another layout, where the regions' states are not known, each slot that was used has a sequence. */
static uint32_t n_to_read(const struct source_table *table, uint32_t region)
{
	uint32_t n_used = table->facts.n_slots;

	if (table->regions)
		n_used = __atomic_load_n(&table->regions[region].n_used, __ATOMIC_ACQUIRE);
	return n_used < table->facts.n_slots ? n_used : table->facts.n_slots;
}

void source_table_read_some(const struct source_table *table, const struct mac_set *macs, source_reading reading,
			    void *context)
{
	struct counter_reading out;
	struct mac_addr mac;

	for (uint32_t region = 0; region < table->facts.n_regions; region++) {
		const uint32_t first = region * table->facts.n_slots;
		const uint32_t end = first + n_to_read(table, region);

		if (source_table_reach(table, first, end))
			return;
		for (uint32_t slot = first; slot < end; slot++) {
			memcpy(&mac, slot_at(table, slot) + table->facts.offsets[OCTET_FIELD_MAC], sizeof(mac));
			if (!mac_set_may_have(macs, &mac) || !read_slot(table, slot, &out))
				continue;
			/* a new key is handed over the next time, see below; it is among the arrivals too */
			if (table->seen[slot] == out.sequence)
				reading(context, &out);
			table->seen[slot] = out.sequence;
		}
	}
}

/*
 * A slot that has a new sequence is read at the end, for a second time. Programs have no barriers to offer (before
 * Linux 5.12, and on most CPUs before 5.18): where stores may overtake each other, its key could be still on its way
 * behind its sequence, for nanoseconds. On x86 they cannot.
 */
int source_table_read(const struct source_table *table, source_reading reading, void *context)
{
	struct counter_reading out;
	size_t n_fresh = 0;
	int r = 0;

	for (uint32_t region = 0; !r && region < table->facts.n_regions; region++) {
		const uint32_t first = region * table->facts.n_slots;
		const uint32_t end = first + n_to_read(table, region);

		r = source_table_reach(table, first, end);
		for (uint32_t slot = first; !r && slot < end; slot++) {
			if (!read_slot(table, slot, &out))
				continue;
			if (table->seen[slot] == out.sequence) {
				reading(context, &out);
			} else {
				table->seen[slot] = out.sequence;
				table->fresh[n_fresh++] = slot;
			}
		}
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (size_t i = 0; i < n_fresh; i++)
		if (read_slot(table, table->fresh[i], &out) && out.sequence == table->seen[table->fresh[i]])
			reading(context, &out);
	return r;
}

/* The ring's hand-over orders what the program did before (bpf_ringbuf_commit exchanges the record's header). */
bool source_table_read_one(const struct source_table *table, const struct octet_arrival *arrival,
			   struct counter_reading *out)
{
	const uint32_t slot = arrival->region * table->facts.n_slots + arrival->number;

	if (arrival->region >= table->facts.n_regions || arrival->number >= table->facts.n_slots ||
	    source_table_reach(table, slot, slot + 1))
		return false;
	return read_slot(table, slot, out) && out->sequence == arrival->sequence;
}

void source_table_retire(struct source_table *table, const struct counter_reading *booked)
{
	const uint32_t region = booked->slot / table->facts.n_slots, number = booked->slot % table->facts.n_slots;
	struct octet_slot *slot = (struct octet_slot *)table->slots + booked->slot;
	struct octet_region *state;
	uint32_t tail, head;

	if (region >= table->facts.n_regions || source_table_reach(table, booked->slot, booked->slot + 1) ||
	    __atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE) != booked->sequence ||
	    __atomic_load_n(&slot->n_keys, __ATOMIC_RELAXED) > 0)
		return;
	state = &table->regions[region];
	tail = __atomic_load_n(&state->retired_tail, __ATOMIC_ACQUIRE);
	head = state->retired_head;
	if (slot->booked_up_ns != (uint64_t)booked->last_up_ns ||
	    slot->booked_down_ns != (uint64_t)booked->last_down_ns) {
		/* nobody takes it meanwhile: its stamps are others than those that were booked before, if any */
		__atomic_store_n(&slot->booked_up_ns, (uint64_t)booked->last_up_ns, __ATOMIC_RELAXED);
		__atomic_store_n(&slot->booked_down_ns, (uint64_t)booked->last_down_ns, __ATOMIC_RELAXED);
	}
	/* in the queue, and not yet looked at */
	if (table->queued_at[booked->slot] && table->queued_at[booked->slot] - 1 - tail < head - tail)
		return;
	table->queue[(size_t)region * table->facts.n_queue + (head & (table->facts.n_queue - 1))] = number;
	table->queued_at[booked->slot] = head + 1;
	__atomic_store_n(&state->retired_head, head + 1, __ATOMIC_RELEASE);
}

uint32_t source_table_n_used(const struct source_table *table)
{
	uint32_t most = 0;

	for (uint32_t region = 0; region < table->facts.n_regions; region++) {
		const struct octet_region *state = &table->regions[region];
		const uint32_t n_queued = state->retired_head - __atomic_load_n(&state->retired_tail, __ATOMIC_RELAXED);
		const uint32_t n_used = n_to_read(table, region);

		if (n_queued < n_used && n_used - n_queued > most)
			most = n_used - n_queued;
	}
	return most;
}

static const struct octet_iface *classes_at(const struct source_table *table, uint32_t region, uint32_t iface_slot,
					    uint32_t direction)
{
	return &table->ifaces[(region * OCTET_SLOTS_MAX + iface_slot) * OCTET_N_DIRECTIONS + direction];
}

void source_table_classes(const struct source_table *table, uint32_t iface_slot, enum octet_direction direction,
			  struct octet_iface *sum)
{
	*sum = (struct octet_iface){0};
	for (uint32_t region = 0; region < table->facts.n_regions; region++) {
		const struct octet_iface *of_cpu = classes_at(table, region, iface_slot, direction);

		sum->passed.frames += load64((const uint8_t *)&of_cpu->passed.frames);
		sum->passed.wire_bytes += load64((const uint8_t *)&of_cpu->passed.wire_bytes);
		for (int class = 0; class < OCTET_N_CLASSES; class ++) {
			const uint64_t frames = load64((const uint8_t *)&of_cpu->classes[class].frames);
			const uint64_t wire_bytes = load64((const uint8_t *)&of_cpu->classes[class].wire_bytes);

			sum->classes[class].frames += frames;
			sum->classes[class].wire_bytes += wire_bytes;
			sum->passed.frames += frames;
			sum->passed.wire_bytes += wire_bytes;
		}
	}
}

/* Before anything is attached that counts there. */
void source_table_clear_classes(struct source_table *table, uint32_t iface_slot)
{
	for (uint32_t region = 0; region < table->facts.n_regions; region++)
		memset((void *)classes_at(table, region, iface_slot, OCTET_UP), 0,
		       OCTET_N_DIRECTIONS * sizeof(struct octet_iface));
}
