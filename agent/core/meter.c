/* SPDX-License-Identifier: MIT */
/*
 * An open-addressing index over a dense array of entries: probing touches eight octets a slot, growing moves
 * no entry's identity, and iterating is a walk over an array.
 */
#include "core/meter.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define ENTRIES_AT_START 64u
#define NO_ENTRY 0u

static const char *const class_names[] = {
	[OCTET_CLASS_COUNTED] = "counted",       [OCTET_CLASS_NON_IP] = "non_ip",
	[OCTET_CLASS_GROUP] = "group",           [OCTET_CLASS_OWN] = "own",
	[OCTET_CLASS_TRANSIT] = "transit",       [OCTET_CLASS_OVERFLOW] = "overflow",
	[OCTET_CLASS_TABLE_FULL] = "table_full", [OCTET_CLASS_MALFORMED] = "malformed",
};
_Static_assert(ARRAY_LENGTH(class_names) == OCTET_N_CLASSES, "a name for each class");

struct slot {
	uint32_t hash;
	uint32_t entry_plus_1; /* NO_ENTRY: the slot is free */
};

struct meter {
	struct meter_options options;
	struct mac_addr *gateways;
	struct meter_entry *entries;
	uint32_t n_entries;
	uint32_t capacity;
	struct slot *slots; /* slot_mask + 1 of them: a power of two, at least twice the capacity */
	uint32_t slot_mask;
	uint32_t latest[OCTET_N_DIRECTIONS]; /* index of the entry that the last frame went to */
	struct octet_iface classes;
};

/*
 * A struct counter_key as the words that it is in memory, built and compared in registers: a struct that is
 * written in small pieces and read back whole makes each load wait for its stores, on every frame.
 */
struct key {
	uint64_t words[3];
	uint32_t tail;
};
_Static_assert(offsetof(struct key, tail) + sizeof(uint32_t) == sizeof(struct counter_key), "the same octets");

static struct counter_key key_unpack(const struct key *key)
{
	struct counter_key out;
	memcpy(&out, key, sizeof(out));
	return out;
}

static bool key_equals(const struct key *a, const struct counter_key *stored)
{
	struct key b;
	memcpy(&b, stored, sizeof(*stored));
	return a->words[0] == b.words[0] && a->words[1] == b.words[1] && a->words[2] == b.words[2] && a->tail == b.tail;
}

static uint32_t meter_hash(const struct meter *meter, const struct key *key)
{
	return (uint32_t)siphash_28(&meter->options.seed, key->words, key->tail);
}

#define IS_LITTLE_ENDIAN (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

/* The integer whose octets in memory are those of first, then those of second. */
static uint64_t join32(uint32_t first, uint32_t second)
{
	return IS_LITTLE_ENDIAN ? first | (uint64_t)second << 32 : (uint64_t)first << 32 | second;
}

static uint32_t join16(uint16_t first, uint16_t second)
{
	return IS_LITTLE_ENDIAN ? first | (uint32_t)second << 16 : (uint32_t)first << 16 | second;
}

static uint32_t load32(const uint8_t *octets)
{
	uint32_t word;
	memcpy(&word, octets, sizeof(word));
	return word;
}

static uint16_t load16(const uint8_t *octets)
{
	uint16_t word;
	memcpy(&word, octets, sizeof(word));
	return word;
}

/* The layout is that of struct counter_key: mac and vlan, ifindex and IP, eight octets of IP, its last four. */
static struct key make_key(const struct meter *meter, const struct octet_frame *frame, enum octet_direction direction)
{
	static const uint8_t v4_mapped[8] = {0, 0, 0, 0, 0, 0, 0xff, 0xff}; /* octets 4 to 11 of ::ffff:a.b.c.d */
	const uint8_t *mac = direction == OCTET_UP ? frame->src_mac : frame->dst_mac;
	const uint8_t *ip = direction == OCTET_UP ? frame->src_ip : frame->dst_ip;
	const uint16_t vlan = meter->options.is_vlan_blind ? 0 : (uint16_t)(frame->vlan & OCTET_VLAN_ID_MASK);
	struct key key = {.words[0] = join32(load32(mac), join16(load16(mac + 4), vlan))};
	uint32_t ip_start = 0;

	if (frame->ip_version == 4) {
		key.words[2] = join32(load32(v4_mapped), load32(v4_mapped + 4));
		key.tail = load32(ip);
	} else if (frame->ip_version == 6) {
		ip_start = load32(ip);
		key.words[2] = join32(load32(ip + 4), load32(ip + 8));
		key.tail = load32(ip + 12);
	}
	key.words[1] = join32(meter->options.ifindex, ip_start);
	return key;
}

/* The key of the MAC's own entry. */
static struct key mac_only_key(const struct key *key)
{
	struct counter_key own = key_unpack(key);
	struct key out = {.tail = 0};

	own.vlan |= OCTET_VLAN_MAC_ONLY;
	memset(&own.ip, 0, sizeof(own.ip));
	memcpy(&out, &own, sizeof(own));
	return out;
}

/* The slot of the key, or the free slot where it would go; there always is one. */
static struct slot *meter_find_slot(const struct meter *meter, const struct key *key, uint32_t hash)
{
	for (uint32_t i = hash;; i++) {
		struct slot *slot = &meter->slots[i & meter->slot_mask];
		if (slot->entry_plus_1 == NO_ENTRY)
			return slot;
		if (slot->hash == hash && key_equals(key, &meter->entries[slot->entry_plus_1 - 1].reading.key))
			return slot;
	}
}

static int meter_grow_slots(struct meter *meter, uint32_t n_slots)
{
	struct slot *old = meter->slots;
	const uint32_t n_old = old ? meter->slot_mask + 1 : 0;

	struct slot *slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	meter->slots = slots;
	meter->slot_mask = n_slots - 1;
	for (uint32_t i = 0; i < n_old; i++) {
		uint32_t at = old[i].hash & meter->slot_mask;
		if (old[i].entry_plus_1 == NO_ENTRY)
			continue;
		while (slots[at].entry_plus_1 != NO_ENTRY)
			at = (at + 1) & meter->slot_mask;
		slots[at] = old[i];
	}
	free(old);
	return 0;
}

/* Slots first: with entries to spare and too few slots, a probe could find no end. */
static int meter_grow(struct meter *meter)
{
	const uint32_t capacity = meter->capacity ? 2 * meter->capacity : ENTRIES_AT_START;

	int error = meter_grow_slots(meter, 2 * capacity);
	if (error)
		return error;
	struct meter_entry *entries = reallocarray(meter->entries, capacity, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	meter->entries = entries;
	meter->capacity = capacity;
	return 0;
}

static struct meter_entry *meter_find(const struct meter *meter, const struct key *key, uint32_t hash)
{
	const struct slot *slot = meter_find_slot(meter, key, hash);
	return slot->entry_plus_1 == NO_ENTRY ? NULL : &meter->entries[slot->entry_plus_1 - 1];
}

/* NULL when there is no room. Moves the entries: pointers to others are void afterwards. */
static struct meter_entry *meter_insert(struct meter *meter, const struct key *key, uint32_t hash, int64_t time_ns)
{
	if (meter->n_entries >= meter->options.max_keys)
		return NULL;
	if (meter->n_entries == meter->capacity && meter_grow(meter) != 0)
		return NULL;
	assert(meter->entries && meter->slots); /* meter_new has grown both */
	struct meter_entry *entry = &meter->entries[meter->n_entries];
	*entry = (struct meter_entry){.reading.key = key_unpack(key), .first_ns = time_ns};
	meter->n_entries++;
	*meter_find_slot(meter, key, hash) = (struct slot){.hash = hash, .entry_plus_1 = meter->n_entries};
	return entry;
}

static struct meter_entry *meter_find_or_insert(struct meter *meter, const struct key *key, int64_t time_ns)
{
	const uint32_t hash = meter_hash(meter, key);
	struct meter_entry *entry = meter_find(meter, key, hash);
	return entry ? entry : meter_insert(meter, key, hash, time_ns);
}

/* A key seen for the first time. *has_overflowed tells that the entry is the MAC's own instead. */
static struct meter_entry *meter_admit(struct meter *meter, const struct key *key, uint32_t hash, int64_t time_ns,
				       bool *has_overflowed)
{
	if (!meter->options.max_addresses)
		return meter_insert(meter, key, hash, time_ns);

	const struct key own_key = mac_only_key(key);
	struct meter_entry *own = meter_find_or_insert(meter, &own_key, time_ns);
	if (!own)
		return NULL;
	if (own->n_addresses >= meter->options.max_addresses) {
		*has_overflowed = true;
		return own;
	}
	const size_t own_index = (size_t)(own - meter->entries);
	struct meter_entry *entry = meter_insert(meter, key, hash, time_ns);
	own = &meter->entries[own_index];
	if (!entry) {
		*has_overflowed = true;
		return own;
	}
	own->n_addresses++;
	return entry;
}

static void raise_to(int64_t *stamp, int64_t time_ns)
{
	if (*stamp < time_ns)
		*stamp = time_ns;
}

static void entry_stamp(struct meter_entry *entry, enum octet_direction direction, int64_t time_ns)
{
	struct counter_reading *reading = &entry->reading;

	raise_to(direction == OCTET_UP ? &reading->last_up_ns : &reading->last_down_ns, time_ns);
	if (time_ns < entry->first_ns)
		entry->first_ns = time_ns;
}

static void entry_add(struct meter_entry *entry, enum octet_direction direction, const struct octet_frame *frame,
		      int64_t time_ns)
{
	struct traffic *total = &entry->reading.total;

	if (direction == OCTET_UP) {
		total->up_bytes += frame->bytes;
		total->up_packets += frame->packets;
	} else {
		total->down_bytes += frame->bytes;
		total->down_packets += frame->packets;
	}
	entry_stamp(entry, direction, time_ns);
}

static enum octet_class meter_count_side(struct meter *meter, enum octet_direction direction,
					 const struct octet_frame *frame, int64_t time_ns)
{
	const struct key key = make_key(meter, frame, direction);
	struct meter_entry *entry = &meter->entries[meter->latest[direction]];
	bool has_overflowed = false;

	/* frames come in trains */
	if (meter->latest[direction] >= meter->n_entries || !key_equals(&key, &entry->reading.key)) {
		const uint32_t hash = meter_hash(meter, &key);
		entry = meter_find(meter, &key, hash);
		if (!entry)
			entry = meter_admit(meter, &key, hash, time_ns, &has_overflowed);
		if (!entry)
			return OCTET_CLASS_TABLE_FULL;
		meter->latest[direction] = (uint32_t)(entry - meter->entries);
	}
	entry_add(entry, direction, frame, time_ns);
	return has_overflowed ? OCTET_CLASS_OVERFLOW : OCTET_CLASS_COUNTED;
}

static bool is_gateway(const struct meter *meter, const uint8_t *mac)
{
	for (size_t i = 0; i < meter->options.n_gateways; i++)
		if (memcmp(meter->gateways[i].octets, mac, sizeof(meter->gateways[i].octets)) == 0)
			return true;
	return false;
}

static bool is_group(const uint8_t *mac)
{
	return mac[0] & 0x01;
}

/* The order of severity when the two sides of a frame differ; the enum's order is ABI and says nothing. */
static enum octet_class worse_class(enum octet_class a, enum octet_class b)
{
	if (a == OCTET_CLASS_TABLE_FULL || b == OCTET_CLASS_TABLE_FULL)
		return OCTET_CLASS_TABLE_FULL;
	if (a == OCTET_CLASS_OVERFLOW || b == OCTET_CLASS_OVERFLOW)
		return OCTET_CLASS_OVERFLOW;
	return OCTET_CLASS_COUNTED;
}

/* No room for the MAC's own entry costs a stamp and no octet: the frame is what it is, non-IP. */
static void meter_note_presence(struct meter *meter, const struct octet_frame *frame, int64_t time_ns)
{
	const struct key key = make_key(meter, frame, OCTET_UP);
	const struct key own_key = mac_only_key(&key);

	struct meter_entry *own = meter_find_or_insert(meter, &own_key, time_ns);
	if (own)
		entry_stamp(own, OCTET_UP, time_ns);
}

static enum octet_class meter_classify(struct meter *meter, enum octet_parse result, const struct octet_frame *frame,
				       int64_t time_ns)
{
	if (!frame->dst_mac)
		return OCTET_CLASS_MALFORMED;
	const bool is_up = !is_gateway(meter, frame->src_mac);
	const bool is_down = !is_group(frame->dst_mac) && !is_gateway(meter, frame->dst_mac);
	if (!is_up && !is_down)
		return is_group(frame->dst_mac) ? OCTET_CLASS_GROUP : OCTET_CLASS_OWN;
	if (result == OCTET_PARSE_NON_IP) {
		if (is_up && meter->options.is_tracking_presence)
			meter_note_presence(meter, frame, time_ns);
		return OCTET_CLASS_NON_IP;
	}
	if (result != OCTET_PARSE_IP)
		return OCTET_CLASS_MALFORMED;

	enum octet_class class = OCTET_CLASS_COUNTED;
	if (is_up)
		class = meter_count_side(meter, OCTET_UP, frame, time_ns);
	if (is_down)
		class = worse_class(class, meter_count_side(meter, OCTET_DOWN, frame, time_ns));
	return class;
}

enum octet_class meter_count(struct meter *meter, enum octet_parse result, const struct octet_frame *frame,
			     int64_t time_ns)
{
	const enum octet_class class = meter_classify(meter, result, frame, time_ns);

	meter->classes.classes[class].frames += frame->packets;
	meter->classes.classes[class].wire_bytes += frame->wire_bytes;
	return class;
}

const struct meter_entry *meter_entries(const struct meter *meter, size_t *n_out)
{
	*n_out = meter->n_entries;
	return meter->entries;
}

const struct octet_iface *meter_classes(const struct meter *meter)
{
	return &meter->classes;
}

const char *meter_class_name(enum octet_class class)
{
	assert((size_t) class < OCTET_N_CLASSES);
	return class_names[class];
}

int64_t meter_entry_last_ns(const struct meter_entry *entry)
{
	const struct counter_reading *reading = &entry->reading;
	return reading->last_up_ns > reading->last_down_ns ? reading->last_up_ns : reading->last_down_ns;
}

void meter_free(struct meter **meter)
{
	if (!*meter)
		return;
	free((*meter)->gateways);
	free((*meter)->entries);
	free((*meter)->slots);
	free(*meter);
	*meter = NULL;
}

int meter_new(const struct meter_options *options, struct meter **out)
{
	CLEANUP(meter_free) struct meter *meter = calloc(1, sizeof(*meter));

	assert(options->max_keys >= 1 && options->max_keys <= METER_KEYS_MAX);
	if (!meter)
		return -ENOMEM;
	meter->options = *options;
	meter->options.gateways = NULL; /* borrowed; the copy is below */
	if (options->n_gateways) {
		meter->gateways = calloc(options->n_gateways, sizeof(*meter->gateways));
		if (!meter->gateways)
			return -ENOMEM;
		memcpy(meter->gateways, options->gateways, options->n_gateways * sizeof(*meter->gateways));
	}
	int error = meter_grow(meter);
	if (error)
		return error;
	*out = TAKE_PTR(meter);
	return 0;
}
