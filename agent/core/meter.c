/* SPDX-License-Identifier: MIT */
/*
 * A frame is judged first (whose it is, by its headers alone), then booked (in the table). Between the two there may
 * be others, for whose entries memory has time then: meter_count_later.
 */
#include "core/meter.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/meter_table.h"

/* Frames between judging and booking: memory takes as long as some of them take to be read and judged... */
#define QUEUE_LENGTH 16u
/* ...but the queue has its price, and so many entries are in a cache anyway (measured; 400 KiB). */
#define QUEUE_FROM_ENTRIES 4096u
_Static_assert((QUEUE_LENGTH & (QUEUE_LENGTH - 1)) == 0, "its counters wrap");

static const char *const class_names[] = {
	[OCTET_CLASS_COUNTED] = "counted",       [OCTET_CLASS_NON_IP] = "non_ip",
	[OCTET_CLASS_GROUP] = "group",           [OCTET_CLASS_OWN] = "own",
	[OCTET_CLASS_TRANSIT] = "transit",       [OCTET_CLASS_OVERFLOW] = "overflow",
	[OCTET_CLASS_TABLE_FULL] = "table_full", [OCTET_CLASS_MALFORMED] = "malformed",
};
_Static_assert(ARRAY_LENGTH(class_names) == OCTET_N_CLASSES, "a name for each class");

struct side {
	struct meter_key key;
	uint32_t hash;
	uint32_t guess; /* where the key may be, METER_NO_ENTRY: not looked yet */
	enum octet_direction direction;
};

struct judgement {
	struct side sides[OCTET_N_DIRECTIONS]; /* whose octets the frame's are */
	uint32_t n_sides;
	bool is_presence;       /* they are nobody's: it only proves that the sender, the one side, is there */
	enum octet_class class; /* as far as it does not depend on the table */
	uint64_t packets;
	uint64_t bytes;
	uint64_t wire_bytes;
	int64_t time_ns;
};

struct meter {
	struct meter_options options;
	struct mac_addr *gateways;
	struct meter_table table;
	struct meter_key latest_key[OCTET_N_DIRECTIONS]; /* of the last frame that was judged */
	uint32_t latest_hash[OCTET_N_DIRECTIONS];
	uint32_t arrived;                     /* entry of the guest who has, or METER_NO_ENTRY */
	struct judgement queue[QUEUE_LENGTH]; /* a ring; the counters below run through it */
	uint32_t n_judged;
	uint32_t n_guessed; /* whose entries are on their way */
	uint32_t n_booked;
	struct octet_iface classes;
};

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
static inline struct meter_key make_key(const struct meter *meter, uint32_t ifindex, const struct octet_frame *frame,
					enum octet_direction direction)
{
	static const uint8_t v4_mapped[8] = {0, 0, 0, 0, 0, 0, 0xff, 0xff}; /* octets 4 to 11 of ::ffff:a.b.c.d */
	const uint8_t *mac = direction == OCTET_UP ? frame->src_mac : frame->dst_mac;
	const uint8_t *ip = direction == OCTET_UP ? frame->src_ip : frame->dst_ip;
	const uint16_t vlan = meter->options.is_vlan_blind ? 0 : (uint16_t)(frame->vlan & OCTET_VLAN_ID_MASK);
	struct meter_key key = {.words[0] = join32(load32(mac), join16(load16(mac + 4), vlan))};
	uint32_t ip_start = 0;

	if (frame->ip_version == 4) {
		key.words[2] = join32(load32(v4_mapped), load32(v4_mapped + 4));
		key.tail = load32(ip);
	} else if (frame->ip_version == 6) {
		ip_start = load32(ip);
		key.words[2] = join32(load32(ip + 4), load32(ip + 8));
		key.tail = load32(ip + 12);
	}
	key.words[1] = join32(ifindex, ip_start);
	return key;
}

/* The key of the MAC's own entry. */
static struct meter_key mac_only_key(const struct meter_key *key)
{
	struct meter_key out = {.tail = 0};
	struct counter_key own;

	memcpy(&own, key, sizeof(own));
	own.vlan |= OCTET_VLAN_MAC_ONLY;
	memset(&own.ip, 0, sizeof(own.ip));
	memcpy(&out, &own, sizeof(own));
	return out;
}

static bool is_same_key(const struct meter_key *a, const struct meter_key *b)
{
	return a->words[0] == b->words[0] && a->words[1] == b->words[1] && a->words[2] == b->words[2] &&
	       a->tail == b->tail;
}

/* The frame counts for this side too. Frames come in trains, which share a hash. */
static void judge_side(struct meter *meter, uint32_t ifindex, const struct octet_frame *frame,
		       enum octet_direction direction, struct judgement *out)
{
	struct side *side = &out->sides[out->n_sides++];
	const struct meter_key key = make_key(meter, ifindex, frame, direction);

	if (!is_same_key(&key, &meter->latest_key[direction])) {
		meter->latest_hash[direction] = meter_table_hash(&meter->table, &key);
		meter->latest_key[direction] = key;
	}
	side->hash = meter->latest_hash[direction];
	side->key = key;
	side->guess = METER_NO_ENTRY;
	side->direction = direction;
}

static void judge_presence(const struct meter *meter, uint32_t ifindex, const struct octet_frame *frame,
			   struct judgement *out)
{
	const struct meter_key key = make_key(meter, ifindex, frame, OCTET_UP);
	const struct meter_key own_key = mac_only_key(&key);

	out->is_presence = true;
	out->sides[0] =
		(struct side){.key = own_key, .hash = meter_table_hash(&meter->table, &own_key), .direction = OCTET_UP};
}

static bool is_mac(const struct mac_addr *mac, const uint8_t *octets)
{
	/* memcmp() would branch in between */
	return ((load32(mac->octets) ^ load32(octets)) | (uint32_t)(load16(mac->octets + 4) ^ load16(octets + 4))) == 0;
}

static bool is_among(const struct mac_addr *macs, size_t n_macs, const uint8_t *octets)
{
	bool is_found = false;

	/* no early end: there are one or two, and whose the next frame is no processor foresees */
	for (size_t i = 0; i < n_macs; i++)
		is_found |= is_mac(&macs[i], octets);
	return is_found;
}

static bool is_group(const uint8_t *mac)
{
	return mac[0] & 0x01;
}

/* What the sides have in common, when at least one of them is a client. */
static void judge_sides(struct meter *meter, uint32_t ifindex, enum octet_parse result, const struct octet_frame *frame,
			const bool is_client[OCTET_N_DIRECTIONS], struct judgement *out)
{
	out->class = OCTET_CLASS_MALFORMED;
	if (result == OCTET_PARSE_NON_IP) {
		out->class = OCTET_CLASS_NON_IP;
		if (is_client[OCTET_UP] && meter->options.is_tracking_presence)
			judge_presence(meter, ifindex, frame, out);
	} else if (result == OCTET_PARSE_IP) {
		out->class = OCTET_CLASS_COUNTED;
		/* that both sides are clients is rare, and which one is no processor foresees */
		judge_side(meter, ifindex, frame, is_client[OCTET_UP] ? OCTET_UP : OCTET_DOWN, out);
		if (is_client[OCTET_UP] & is_client[OCTET_DOWN])
			judge_side(meter, ifindex, frame, OCTET_DOWN, out);
	}
}

static void judge_begin(const struct octet_frame *frame, int64_t time_ns, struct judgement *out)
{
	out->n_sides = 0;
	out->is_presence = false;
	out->packets = frame->packets;
	out->bytes = frame->bytes;
	out->wire_bytes = frame->wire_bytes;
	out->time_ns = time_ns;
}

static void judge_by_macs(struct meter *meter, enum octet_parse result, const struct octet_frame *frame,
			  int64_t time_ns, struct judgement *out)
{
	judge_begin(frame, time_ns, out);
	if (!frame->dst_mac) {
		out->class = OCTET_CLASS_MALFORMED;
		return;
	}
	const size_t n_gateways = meter->options.n_gateways;
	const bool is_client[] = {
		[OCTET_UP] = !is_among(meter->gateways, n_gateways, frame->src_mac),
		[OCTET_DOWN] = !is_group(frame->dst_mac) & !is_among(meter->gateways, n_gateways, frame->dst_mac),
	};
	if (is_client[OCTET_UP] | is_client[OCTET_DOWN])
		judge_sides(meter, meter->options.ifindex, result, frame, is_client, out);
	else
		out->class = is_group(frame->dst_mac) ? OCTET_CLASS_GROUP : OCTET_CLASS_OWN;
}

/* The order is that of classify() in bpf/octet.bpf.c. */
static void judge_one_way(struct meter *meter, const struct meter_view *view, enum octet_direction direction,
			  enum octet_parse result, const struct octet_frame *frame, struct judgement *out)
{
	const bool is_client[] = {[OCTET_UP] = direction == OCTET_UP, [OCTET_DOWN] = direction == OCTET_DOWN};

	if (!frame->dst_mac)
		out->class = OCTET_CLASS_MALFORMED;
	else if (direction == OCTET_DOWN && is_group(frame->dst_mac))
		out->class = OCTET_CLASS_GROUP;
	else if (is_mac(&view->own, direction == OCTET_UP ? frame->src_mac : frame->dst_mac))
		out->class = OCTET_CLASS_OWN;
	else if (direction == OCTET_UP && view->is_bridge && !is_group(frame->dst_mac) &&
		 !is_mac(&view->own, frame->dst_mac) && !is_among(view->locals, view->n_locals, frame->dst_mac))
		out->class = OCTET_CLASS_TRANSIT;
	else
		judge_sides(meter, view->ifindex, result, frame, is_client, out);
}

static uint32_t find_or_insert(struct meter *meter, const struct meter_key *key, uint32_t hash, int64_t time_ns)
{
	const uint32_t entry = meter_table_find(&meter->table, key, hash);
	return entry != METER_NO_ENTRY ? entry : meter_table_insert(&meter->table, key, hash, time_ns);
}

/* A key seen for the first time. *has_overflowed tells that the entry is the MAC's own instead. */
static uint32_t admit(struct meter *meter, const struct side *side, int64_t time_ns, bool *has_overflowed)
{
	struct meter_table *table = &meter->table;

	if (!meter->options.max_addresses)
		return meter_table_insert(table, &side->key, side->hash, time_ns);

	const struct meter_key own_key = mac_only_key(&side->key);
	const uint32_t own = find_or_insert(meter, &own_key, meter_table_hash(table, &own_key), time_ns);
	uint32_t entry = METER_NO_ENTRY;
	if (own == METER_NO_ENTRY)
		return METER_NO_ENTRY;
	if (table->entries[own].n_addresses < meter->options.max_addresses)
		entry = meter_table_insert(table, &side->key, side->hash, time_ns);
	*has_overflowed = entry == METER_NO_ENTRY;
	if (*has_overflowed)
		return own;
	table->entries[own].n_addresses++;
	return entry;
}

static void raise_to(int64_t *stamp, int64_t time_ns)
{
	*stamp = *stamp < time_ns ? time_ns : *stamp;
}

static void stamp(struct meter_entry *entry, enum octet_direction direction, int64_t time_ns)
{
	raise_to(direction == OCTET_UP ? &entry->last_up_ns : &entry->last_down_ns, time_ns);
	entry->first_ns = time_ns < entry->first_ns ? time_ns : entry->first_ns;
}

/* True when the guest has just come, or come back. */
static bool add(const struct meter *meter, struct meter_entry *entry, enum octet_direction direction,
		const struct judgement *judged)
{
	const bool is_up = direction == OCTET_UP;
	uint64_t *bytes = is_up ? &entry->total.up_bytes : &entry->total.down_bytes;
	uint64_t *packets = is_up ? &entry->total.up_packets : &entry->total.down_packets;
	const bool is_arrival =
		is_up & ((*packets == 0) | (judged->time_ns - entry->last_up_ns > meter->options.arrival_gap_ns));

	*bytes += judged->bytes;
	*packets += judged->packets;
	stamp(entry, direction, judged->time_ns);
	return is_arrival;
}

static enum octet_class book_side(struct meter *meter, const struct side *side, const struct judgement *judged)
{
	struct meter_table *table = &meter->table;
	uint32_t entry = side->guess;
	bool has_overflowed = false;

	if (!meter_table_holds(table, entry, &side->key)) {
		entry = meter_table_find(table, &side->key, side->hash);
		if (entry == METER_NO_ENTRY)
			entry = admit(meter, side, judged->time_ns, &has_overflowed);
		if (entry == METER_NO_ENTRY)
			return OCTET_CLASS_TABLE_FULL;
	}
	if (add(meter, &table->entries[entry], side->direction, judged))
		meter->arrived = entry;
	return has_overflowed ? OCTET_CLASS_OVERFLOW : OCTET_CLASS_COUNTED;
}

/* No room for the MAC's own entry costs a stamp and no octet: the frame is what it is, non-IP. */
static void book_presence(struct meter *meter, const struct judgement *judged)
{
	const struct side *side = &judged->sides[0];
	const uint32_t own = find_or_insert(meter, &side->key, side->hash, judged->time_ns);

	if (own != METER_NO_ENTRY)
		stamp(&meter->table.entries[own], OCTET_UP, judged->time_ns);
}

/* The order of severity when the two sides of a frame differ; the enum's order is ABI and says nothing. */
static enum octet_class worse_class(enum octet_class a, enum octet_class b)
{
	if (a == OCTET_CLASS_TABLE_FULL || b == OCTET_CLASS_TABLE_FULL)
		return OCTET_CLASS_TABLE_FULL;
	return a == OCTET_CLASS_OVERFLOW ? a : b;
}

static enum octet_class book(struct meter *meter, const struct judgement *judged)
{
	enum octet_class class = judged->class;

	meter->arrived = METER_NO_ENTRY;
	if (judged->is_presence)
		book_presence(meter, judged);
	for (uint32_t i = 0; i < judged->n_sides; i++)
		class = worse_class(class, book_side(meter, &judged->sides[i], judged));
	meter->classes.classes[class].frames += judged->packets;
	meter->classes.classes[class].wire_bytes += judged->wire_bytes;
	return class;
}

enum octet_class meter_count(struct meter *meter, enum octet_parse result, const struct octet_frame *frame,
			     int64_t time_ns)
{
	struct judgement judged;

	judge_by_macs(meter, result, frame, time_ns, &judged);
	return book(meter, &judged);
}

static struct judgement *queued(struct meter *meter, uint32_t counter)
{
	return &meter->queue[counter % QUEUE_LENGTH];
}

void meter_count_later(struct meter *meter, enum octet_parse result, const struct octet_frame *frame, int64_t time_ns)
{
	if (meter->table.n_entries < QUEUE_FROM_ENTRIES) {
		(void)meter_count(meter, result, frame, time_ns);
		return;
	}
	if (meter->n_judged - meter->n_booked == QUEUE_LENGTH)
		(void)book(meter, queued(meter, meter->n_booked++));
	struct judgement *judged = queued(meter, meter->n_judged++);
	judge_by_macs(meter, result, frame, time_ns, judged);
	for (uint32_t i = 0; i < judged->n_sides; i++)
		meter_table_prefetch_slot(&meter->table, judged->sides[i].hash);
	if (meter->n_judged - meter->n_guessed <= QUEUE_LENGTH / 2)
		return;
	/* its slot has arrived by now */
	judged = queued(meter, meter->n_guessed++);
	for (uint32_t i = 0; i < judged->n_sides; i++)
		judged->sides[i].guess = meter_table_guess(&meter->table, judged->sides[i].hash);
}

void meter_settle(struct meter *meter)
{
	while (meter->n_booked != meter->n_judged)
		(void)book(meter, queued(meter, meter->n_booked++));
	meter->n_guessed = meter->n_judged;
}

enum octet_class meter_count_one_way(struct meter *meter, const struct meter_view *view, enum octet_direction direction,
				     enum octet_parse result, const struct octet_frame *frame, int64_t time_ns)
{
	struct judgement judged;

	judge_begin(frame, time_ns, &judged);
	judge_one_way(meter, view, direction, result, frame, &judged);
	return book(meter, &judged);
}

bool meter_has_arrived(const struct meter *meter, uint32_t *entry)
{
	*entry = meter->arrived;
	return meter->arrived != METER_NO_ENTRY;
}

const struct meter_entry *meter_entries(const struct meter *meter, size_t *n_out)
{
	assert(meter->n_booked == meter->n_judged);
	*n_out = meter->table.n_entries;
	return meter->table.entries;
}

const struct octet_iface *meter_classes(const struct meter *meter)
{
	assert(meter->n_booked == meter->n_judged);
	return &meter->classes;
}

const char *meter_class_name(enum octet_class class)
{
	assert((size_t) class < OCTET_N_CLASSES);
	return class_names[class];
}

int64_t meter_entry_last_ns(const struct meter_entry *entry)
{
	return entry->last_up_ns > entry->last_down_ns ? entry->last_up_ns : entry->last_down_ns;
}

void meter_free(struct meter **meter)
{
	if (!*meter)
		return;
	free((*meter)->gateways);
	meter_table_clean(&(*meter)->table);
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
	meter->arrived = METER_NO_ENTRY;
	if (options->n_gateways) {
		meter->gateways = calloc(options->n_gateways, sizeof(*meter->gateways));
		if (!meter->gateways)
			return -ENOMEM;
		memcpy(meter->gateways, options->gateways, options->n_gateways * sizeof(*meter->gateways));
	}
	int error = meter_table_init(&meter->table, options->max_keys, &options->seed);
	if (error)
		return error;
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++)
		meter->latest_hash[i] = meter_table_hash(&meter->table, &meter->latest_key[i]);
	*out = TAKE_PTR(meter);
	return 0;
}
