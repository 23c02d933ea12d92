/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The table of clients: finds the slot of a key, makes one, takes one again that is not needed any more. What lies
 * where and why nothing is lost: octet/abi.h. Included once, by octet.bpf.c; each CPU works on its own region, as said
 * there.
 */
#ifndef OCTET_TABLE_H
#define OCTET_TABLE_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "octet/abi.h"
#include "octet/parse.h"

#define barrier() asm volatile("" ::: "memory")

/* Of the interface, in every key. */
const volatile __u32 octet_ifindex = 0;
/* Entries of one MAC in a region, beside the MAC's own. */
const volatile __u32 octet_max_addresses_per_mac = 32;
/* The table's, as in struct octet_table. */
const volatile __u32 octet_n_regions = 1;
const volatile __u32 octet_n_slots = 1;
const volatile __u32 octet_bucket_mask = 1;
const volatile __u32 octet_queue_mask = 0;
const volatile __u64 octet_seeds[8] = {0};
/* What of octet_hash is the same for every IPv4 address, and for every IPv6 address, of this interface. */
const volatile __u64 octet_hash_base4 = 0;
const volatile __u64 octet_hash_base6 = 0;

/* The agent sets the true numbers of elements, see struct octet_table. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct octet_slot);
} octet_slots SEC(".maps");

/* Nobody maps it; but a map that could be mapped begins on a page, and so each bucket on a cache line. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct octet_bucket);
} octet_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct octet_region);
} octet_regions SEC(".maps");

/* A queue for each region: numbers of slots that the agent gives back. Elements of arrays take eight octets at least.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} octet_retired SEC(".maps");

/* A struct octet_key in registers: what is written in pieces and read back whole makes the loads wait. */
struct key {
	__u64 words[3];
	__u32 ifindex;
	__u32 hash;
};

OCTET_INLINE __u64 mac_word(const __u8 *mac)
{
	/* packet data is aligned to two octets */
	const __u16 *parts = (const __u16 *)mac;

	return OCTET_JOIN16(parts[0], parts[1], parts[2], 0);
}

OCTET_INLINE __u64 vlan_word(__u32 vlan)
{
	return OCTET_JOIN16(0, 0, 0, vlan);
}

/* octet_hash in two families: what is constant in a key is in the base already. */
OCTET_INLINE __u32 hash_ip(const struct key *key, __u32 ip_version)
{
	__u64 sum = octet_seeds[0] * (__u32)key->words[0] + octet_seeds[1] * (__u32)(key->words[0] >> 32) +
		    octet_seeds[5] * (__u32)(key->words[2] >> 32);

	if (ip_version == 4)
		return (__u32)((sum + octet_hash_base4) >> 32);
	sum += octet_seeds[2] * (__u32)key->words[1] + octet_seeds[3] * (__u32)(key->words[1] >> 32) +
	       octet_seeds[4] * (__u32)key->words[2];
	return (__u32)((sum + octet_hash_base6) >> 32);
}

OCTET_INLINE void key_finish(struct key *key)
{
	key->hash = octet_hash(octet_seeds, key->words[0], key->words[1], key->words[2], key->ifindex);
}

OCTET_INLINE struct key key_of(__u64 mac, const struct octet_frame *frame, enum octet_direction direction)
{
	const __u32 *ip = (const __u32 *)(direction == OCTET_UP ? frame->src_ip : frame->dst_ip);
	struct key key = {.words[0] = mac | vlan_word(frame->vlan), .ifindex = octet_ifindex};

	if (frame->ip_version == 4) {
		key.words[2] = OCTET_JOIN32(OCTET_V4_PREFIX, ip[0]);
	} else {
		key.words[1] = OCTET_JOIN32(ip[0], ip[1]);
		key.words[2] = OCTET_JOIN32(ip[2], ip[3]);
	}
	key.hash = hash_ip(&key, frame->ip_version);
	return key;
}

/* The MAC's own entry; word is the first of any key of that MAC. */
OCTET_INLINE struct key key_of_mac(__u64 word, __u32 ifindex)
{
	struct key key = {.words[0] = word | vlan_word(OCTET_VLAN_MAC_ONLY), .ifindex = ifindex};

	key_finish(&key);
	return key;
}

OCTET_INLINE struct key key_in(const struct octet_slot *slot)
{
	const __u64 *words = (const __u64 *)&slot->key;
	struct key key = {.words = {words[0], words[1], words[2]}, .ifindex = slot->key.ifindex};

	key_finish(&key);
	return key;
}

OCTET_INLINE int is_mac_only(const struct key *key)
{
	return (key->words[0] & vlan_word(OCTET_VLAN_MAC_ONLY)) != 0;
}

OCTET_INLINE struct octet_slot *slot_at(__u32 region, __u32 number)
{
	__u32 at = region * octet_n_slots + number;

	return bpf_map_lookup_elem(&octet_slots, &at);
}

/*
 * The index. An entry is in the bucket that its hash names, or in the neighbour that differs in the last bit; it
 * would like one place there, so most look-ups look at one entry.
 */
#define ENTRY_TAG_MASK (~OCTET_ENTRY_SLOT_MASK)
#define ENTRY_PLACES (2 * OCTET_BUCKET_ENTRIES)

OCTET_INLINE __u32 *entry_at(__u32 region, __u32 hash, __u32 i)
{
	__u32 bucket_number = (hash & octet_bucket_mask) ^ (i / OCTET_BUCKET_ENTRIES);
	__u32 at = region * (octet_bucket_mask + 1) + bucket_number;
	struct octet_bucket *bucket = bpf_map_lookup_elem(&octet_index, &at);

	return bucket ? &bucket->entries[((hash >> 16) + i) % OCTET_BUCKET_ENTRIES] : 0;
}

/* The slot that an entry names, if it is this key's. */
OCTET_INLINE struct octet_slot *entry_slot(__u32 entry, __u32 region, const struct key *key)
{
	struct octet_slot *slot;
	const __u64 *words;

	if (!entry || (entry ^ key->hash) & ENTRY_TAG_MASK)
		return 0;
	slot = slot_at(region, (entry & OCTET_ENTRY_SLOT_MASK) - 1);
	if (!slot)
		return 0;
	words = (const __u64 *)&slot->key;
	if ((words[0] ^ key->words[0]) | (words[1] ^ key->words[1]) | (words[2] ^ key->words[2]) |
	    (slot->key.ifindex ^ key->ifindex))
		return 0;
	return slot;
}

/*
 * What follows is rare. These are global functions on plain numbers, because the verifier looks at each of those once
 * and for itself (since Linux 5.6), instead of once for every way that leads to it; a key takes four of the five
 * arguments. They name a slot by its number plus one, 0 for none; whatever writes does so in the region of this CPU.
 */
#define RARE __attribute__((noinline))
#define KEY_PARAMETERS __u64 word0, __u64 word1, __u64 word2, __u64 ifindex_hash
#define KEY_ARGUMENTS(key) (key).words[0], (key).words[1], (key).words[2], (__u64)(key).ifindex << 32 | (key).hash
#define KEY_FROM_PARAMETERS                                                                                         \
	{                                                                                                           \
		.words = {word0, word1, word2}, .ifindex = (__u32)(ifindex_hash >> 32), .hash = (__u32)ifindex_hash \
	}

OCTET_INLINE __u32 region_here(void)
{
	return bpf_get_smp_processor_id();
}

/* Where to search: in a region, from the ith place on. */
#define SEARCH_BITS 8
#define SEARCH_FROM(region, i) ((region) << SEARCH_BITS | (i))

/* Everywhere that the key may be; in a region of another CPU the answer may be late, and is never followed to write. */
RARE __u32 octet_slot_search(KEY_PARAMETERS, __u32 from)
{
	const struct key key = KEY_FROM_PARAMETERS;
	const __u32 region = from >> SEARCH_BITS;
	__u32 i = from & ((1u << SEARCH_BITS) - 1);

	for (int n = 0; n < ENTRY_PLACES && i < ENTRY_PLACES; n++, i++) {
		__u32 *entry = entry_at(region, key.hash, i);

		if (entry && entry_slot(*entry, region, &key))
			return *entry & OCTET_ENTRY_SLOT_MASK;
	}
	return 0;
}

/* The first place of a hash whose entry has this value; ENTRY_PLACES when there is none. */
RARE __u32 octet_index_search(__u32 hash, __u32 value)
{
	const __u32 region = region_here();

	for (__u32 i = 0; i < ENTRY_PLACES; i++) {
		__u32 *entry = entry_at(region, hash, i);

		if (entry && *entry == value)
			return i;
	}
	return ENTRY_PLACES;
}

OCTET_INLINE __u32 entry_of(__u32 hash, __u32 number)
{
	return (hash & ENTRY_TAG_MASK) | (number + 1);
}

OCTET_INLINE void index_replace(__u32 hash, __u32 old_value, __u32 value)
{
	__u32 place = octet_index_search(hash, old_value);
	__u32 *entry = place < ENTRY_PLACES ? entry_at(region_here(), hash, place) : 0;

	if (entry)
		*entry = value;
}

/* Takes the key of a slot out of the table; its MAC has one entry less. */
RARE int octet_slot_vacate(__u32 number)
{
	struct octet_slot *slot = slot_at(region_here(), number), *own;
	struct key key, own_key;
	__u32 own_number;

	if (!slot)
		return 0;
	key = key_in(slot);
	index_replace(key.hash, entry_of(key.hash, number), 0);
	if (is_mac_only(&key))
		return 0;
	own_key = key_of_mac(key.words[0], key.ifindex);
	own_number = octet_slot_search(KEY_ARGUMENTS(own_key), SEARCH_FROM(region_here(), 0));
	own = own_number ? slot_at(region_here(), own_number - 1) : 0;
	if (own && own->n_keys)
		own->n_keys--;
	return 0;
}

/* So many numbers of the queue are looked at for one new key: guests who came back are passed over. */
#define RECLAIM_TRIES 16

/* Everything in it is booked for good, and no other entry of its MAC needs it. */
OCTET_INLINE int is_retired(const struct octet_slot *slot)
{
	return slot->n_keys == 0 && slot->booked_up_ns == slot->last_up_ns &&
	       slot->booked_down_ns == slot->last_down_ns;
}

/* A slot that nobody needs any more, its key taken out. */
RARE __u32 octet_slot_reclaim(void)
{
	__u32 region = region_here();
	struct octet_region *state = bpf_map_lookup_elem(&octet_regions, &region);

	for (int i = 0; state && i < RECLAIM_TRIES && state->retired_tail != state->retired_head; i++) {
		__u32 at = region * (octet_queue_mask + 1) + (state->retired_tail & octet_queue_mask);
		__u64 *queued = bpf_map_lookup_elem(&octet_retired, &at);
		__u32 number = queued ? (__u32)*queued : octet_n_slots;
		struct octet_slot *slot;

		state->retired_tail++;
		if (number >= octet_n_slots)
			continue;
		slot = slot_at(region, number);
		if (!slot || !is_retired(slot))
			continue;
		octet_slot_vacate(number);
		state->n_reused++;
		return number + 1;
	}
	return 0;
}

/*
 * The last places are for guests whom somebody sends to: anybody can invent a MAC and send from it, but what is sent
 * to it shows that it was believed. So a flood of inventions keeps no guest out for longer than until the first answer.
 */
OCTET_INLINE int has_room(const struct octet_region *state, __u32 direction)
{
	__u32 n_free = octet_n_slots - state->n_used + (state->retired_head - state->retired_tail);

	return direction == OCTET_DOWN || n_free > octet_n_slots / OCTET_RESERVED_PART;
}

/* Those that are not needed any more first: a table stays as small as it can be, and dense. */
OCTET_INLINE __u32 slot_number_new(__u32 direction)
{
	__u32 region = region_here(), reclaimed;
	struct octet_region *state = bpf_map_lookup_elem(&octet_regions, &region);

	if (!state || !has_room(state, direction))
		return 0;
	reclaimed = octet_slot_reclaim();
	if (reclaimed)
		return reclaimed;
	if (state->n_used >= octet_n_slots)
		return 0;
	state->n_used++;
	return state->n_used;
}

OCTET_INLINE void slot_fill(struct octet_slot *slot, const struct key *key, __u32 number)
{
	__u64 *words = (__u64 *)&slot->key;

	slot->sequence++;
	barrier();
	words[0] = key->words[0];
	words[1] = key->words[1];
	words[2] = key->words[2];
	slot->key.ifindex = key->ifindex;
	slot->up_bytes = 0;
	slot->up_packets = 0;
	slot->last_up_ns = 0;
	slot->down_bytes = 0;
	slot->down_packets = 0;
	slot->last_down_ns = 0;
	slot->n_keys = 0;
	slot->number = number;
	slot->booked_up_ns = OCTET_NOT_BOOKED;
	slot->booked_down_ns = OCTET_NOT_BOOKED;
	barrier();
	slot->sequence++;
}

/* So many CPUs are asked: one that a guest has not been served by lately does not know it. */
#define OTHER_REGIONS_MAX 64

/* Whether the key has a slot on some CPU, from which it was sent to: no invention, but a guest who goes by another CPU.
 */
RARE int octet_is_answered(KEY_PARAMETERS)
{
	for (__u32 region = 0; region < octet_n_regions && region < OTHER_REGIONS_MAX; region++) {
		__u32 number = octet_slot_search(word0, word1, word2, ifindex_hash, SEARCH_FROM(region, 0));
		struct octet_slot *slot = number ? slot_at(region, number - 1) : 0;

		if (slot && slot->down_packets)
			return 1;
	}
	return 0;
}

OCTET_INLINE int is_crowded_here(void)
{
	__u32 region = region_here();
	struct octet_region *state = bpf_map_lookup_elem(&octet_regions, &region);

	return state && !has_room(state, OCTET_UP);
}

/* Makes a slot for a key that has none, if there is room. */
RARE __u32 octet_slot_make(KEY_PARAMETERS, __u32 direction)
{
	const struct key key = KEY_FROM_PARAMETERS;
	struct octet_slot *slot;
	__u32 number_1;

	if (octet_index_search(key.hash, 0) >= ENTRY_PLACES)
		return 0;
	number_1 = slot_number_new(direction);
	slot = number_1 ? slot_at(region_here(), number_1 - 1) : 0;
	if (!slot)
		return 0;
	slot_fill(slot, &key, number_1 - 1);
	index_replace(key.hash, 0, entry_of(key.hash, number_1 - 1));
	return number_1;
}

/*
 * A slot for a key that has none. Each MAC has an entry of its own, which counts the others: beyond the number
 * allowed, or without room, the MAC's own entry takes the octets.
 */
RARE __u32 octet_slot_admit(KEY_PARAMETERS, __u32 direction)
{
	const struct key key = KEY_FROM_PARAMETERS, own_key = key_of_mac(word0, key.ifindex);
	__u32 own_number = octet_slot_search(KEY_ARGUMENTS(own_key), SEARCH_FROM(region_here(), 0)), number;
	struct octet_slot *own;

	/* who is known to be real may take from the reserve */
	if (direction == OCTET_UP && is_crowded_here() && octet_is_answered(KEY_ARGUMENTS(key)))
		direction = OCTET_DOWN;
	if (!own_number)
		own_number = octet_slot_make(KEY_ARGUMENTS(own_key), direction);
	own = own_number ? slot_at(region_here(), own_number - 1) : 0;
	if (!own || is_mac_only(&key) || own->n_keys >= octet_max_addresses_per_mac)
		return own_number;
	/* counted before it is there: so the MAC's own entry cannot be the one that is taken for it */
	own->n_keys++;
	number = octet_slot_make(KEY_ARGUMENTS(key), direction);
	if (number)
		return number;
	own->n_keys--;
	return own_number;
}

/* The key's slot on this CPU, made when there is none; 0 when there is no room. */
OCTET_INLINE struct octet_slot *slot_get(__u32 region, const struct key *key, enum octet_direction direction)
{
	__u32 *entry = entry_at(region, key->hash, 0), number;
	struct octet_slot *slot = entry ? entry_slot(*entry, region, key) : 0;

	if (slot)
		return slot;
	number = octet_slot_search(KEY_ARGUMENTS(*key), SEARCH_FROM(region, 1));
	if (!number)
		number = octet_slot_admit(KEY_ARGUMENTS(*key), direction);
	return number ? slot_at(region, number - 1) : 0;
}

#endif
