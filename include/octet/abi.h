/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The contract between the kernel half (bpf/octet.bpf.c) and the agent: keys, values and indices of
 * every map. Both worlds compile this file; nothing in it may depend on libc or on libbpf.
 *
 * Glossary
 *   up      from the guest (tc ingress of a guest-facing interface); down: to the guest (tc egress)
 *   slot    the index of an attached interface in octet_ifaces; given by the agent, constant while attached
 *   bytes   L3 bytes as on the wire: IPv4 total length, IPv6 payload length + 40
 *   wire    L2 bytes as on the wire: Ethernet header and VLAN tags included, no FCS
 *
 * The table of clients. Each CPU has a region of its own: a dense array of slots and an index over it, written by
 * the programs on that CPU alone (bottom halves are off at both hooks), so that nothing needs an atomic. A slot
 * holds one key and its counters; a client that is served by two CPUs has a slot in each region. User space maps
 * the slots and reads them with plain loads.
 *
 * How a slot lives and dies, without losing an octet
 *   1. The program makes it (sequence odd, key, zero counters, sequence even) and adds for as long as it lives.
 *   2. When the agent has booked everything in it *durably* and the guest is silent, it writes the stamps that it
 *      has booked up to (booked_up_ns, booked_down_ns) and puts the slot's number into the region's queue.
 *   3. A program that needs a slot takes one from the queue, if its stamps still are those: nothing has been
 *      added since, so nothing is lost. A guest that has come back meanwhile simply goes on in its slot.
 *   The only words that both sides write to are those two stamps and the head of the queue, and whatever mixture
 *   of old and new the program sees there, it takes a slot only when its present stamps are booked.
 *
 * A change of any layout here raises OCTET_ABI_VERSION; struct octet_table, which says how a table is laid out,
 * only ever grows at its end, so that a newer agent can read an older one's table to its last octet.
 */
#ifndef OCTET_ABI_H
#define OCTET_ABI_H

#include <linux/types.h>

#define OCTET_ABI_VERSION 3

/* Interfaces that one agent can count on at once. */
#define OCTET_SLOTS_MAX 64

/* octet_key.vlan: the outermost VLAN id in the low twelve bits (IEEE 802.1Q, 9.6), flags above. */
#define OCTET_VLAN_ID_MASK 0x0fffu
/*
 * The key is the MAC's own entry: presence without an IP address (ARP, EAPOL, LLC), and the octets of addresses
 * beyond the number allowed for a MAC; ip is zero.
 */
#define OCTET_VLAN_MAC_ONLY 0x8000u

struct octet_key {
	__u8 mac[6];
	__u16 vlan;    /* host byte order */
	__u8 ip[16];   /* network byte order; IPv4 as ::ffff:a.b.c.d */
	__u32 ifindex; /* host byte order; 0: the slot was never used */
	__u32 zero;
};

/*
 * Element of octet_slots, region by region. Two cache lines: up touches the first, down the second as well.
 * Counters only grow for as long as the key lives. Stamps are CLOCK_MONOTONIC nanoseconds, 0 for never, at a
 * resolution of one tick.
 */
struct octet_slot {
	struct octet_key key;
	__u64 up_bytes;
	__u64 up_packets;
	__u64 last_up_ns; /* last frame from the guest, IP or not */
	__u32 sequence;   /* raised by two each time the slot gets a key; odd meanwhile */
	__u32 n_keys;     /* of the MAC's own entry: its other entries in this region */

	__u64 down_bytes;
	__u64 down_packets;
	__u64 last_down_ns;
	__u64 booked_up_ns; /* the agent's: last_up_ns and last_down_ns as they are booked for good */
	__u64 booked_down_ns;
	__u32 number; /* of this slot in its region */
	__u32 zero;
	__u64 spare[2];
};

/* Never a stamp: nothing is booked yet. */
#define OCTET_NOT_BOOKED (~0ULL)

/* Element of octet_index, one cache line. An entry is 0, or twelve bits of the hash above the slot's number plus 1. */
#define OCTET_BUCKET_ENTRIES 16
#define OCTET_ENTRY_SLOT_MASK 0x000fffffu
#define OCTET_REGION_SLOTS_MAX OCTET_ENTRY_SLOT_MASK

struct octet_bucket {
	__u32 entries[OCTET_BUCKET_ENTRIES];
};

/* One part in so many of a region's slots is kept for keys that begin with a frame to the guest. */
#define OCTET_RESERVED_PART 8

/* Element of octet_regions. Numbers of the queue (octet_retired) run freely; their low bits are the place. */
struct octet_region {
	__u32 n_used;       /* slots that were ever used, from 0 */
	__u32 retired_tail; /* next to be taken; the programs' */
	__u64 n_reused;     /* slots that were taken from the queue so far */
	__u64 padding[6];
	__u32 retired_head; /* the agent's, on a cache line of its own */
	__u32 zero[15];
};

/* What struct octet_table.offsets says, for agents that know another layout; only ever grows at its end. */
enum octet_field {
	OCTET_FIELD_MAC,
	OCTET_FIELD_VLAN,
	OCTET_FIELD_IP,
	OCTET_FIELD_IFINDEX,
	OCTET_FIELD_UP_BYTES,
	OCTET_FIELD_UP_PACKETS,
	OCTET_FIELD_LAST_UP_NS,
	OCTET_FIELD_SEQUENCE,
	OCTET_FIELD_DOWN_BYTES,
	OCTET_FIELD_DOWN_PACKETS,
	OCTET_FIELD_LAST_DOWN_NS,
	OCTET_N_FIELDS
};

/* The one element of octet_table, written by the agent that makes the table. Numbers are of each region. */
struct octet_table {
	__u32 abi_version;
	__u32 n_regions;
	__u32 n_slots;
	__u32 slot_bytes;
	__u32 offsets[16]; /* of enum octet_field in a slot */
	__u32 n_buckets;   /* a power of two */
	__u32 n_queue;     /* a power of two, at least n_slots */
	__u64 seeds[8];    /* of octet_hash, secret */
	__u32 follows;     /* the id of the map of slots that this table replaces, 0: none */
	__u32 zero[25];
};

/* Every frame that a program sees lands in exactly one class. */
enum octet_class {
	OCTET_CLASS_COUNTED,  /* added to a client's counters */
	OCTET_CLASS_NON_IP,   /* ARP, EAPOL, LLC, ...: presence only */
	OCTET_CLASS_GROUP,    /* down to a multicast or broadcast MAC: nobody's */
	OCTET_CLASS_OWN,      /* between the gateway's own MACs */
	OCTET_CLASS_TRANSIT,  /* to a MAC that is not this machine's, shown by a promiscuous bridge: nobody's here */
	OCTET_CLASS_OVERFLOW, /* added to the MAC's own entry: too many addresses of one MAC, or no room for one more */
	OCTET_CLASS_TABLE_FULL, /* no room, and the MAC has no entry either: nobody's, counted here alone */
	OCTET_CLASS_MALFORMED,  /* too short, or an IP header that contradicts itself */
	OCTET_N_CLASSES
};

enum octet_direction { OCTET_UP, OCTET_DOWN, OCTET_N_DIRECTIONS };

struct octet_tally {
	__u64 frames; /* packets on the wire, super-packets un-aggregated */
	__u64 wire_bytes;
};

/*
 * Element (region * OCTET_SLOTS_MAX + interface's slot) * OCTET_N_DIRECTIONS + direction of octet_ifaces. passed is
 * what many interfaces count themselves: a super-packet is one frame of skb->len octets; a VLAN tag in metadata is in
 * none. In the map it is only how far that is from the sum over the classes, modulo 2^64: nothing for most frames.
 */
struct octet_iface {
	struct octet_tally passed;
	struct octet_tally classes[OCTET_N_CLASSES];
};

/* Key of octet_local_macs: the MACs of this machine's interfaces, for frames that a bridge shows to all. */
struct octet_mac {
	__u8 mac[6];
	__u16 zero;
};

/* Record of the octet_arrivals ring: this slot's guest has sent IP for the first time, or again after a silence. */
struct octet_arrival {
	__u32 region;
	__u32 number;
	__u32 sequence;
	__u32 zero;
};

/* Integers whose octets in memory are those of their parts, one behind the other. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OCTET_JOIN32(a, b) ((__u64)(__u32)(a) | (__u64)(__u32)(b) << 32)
#define OCTET_JOIN16(a, b, c, d) \
	((__u64)(__u16)(a) | (__u64)(__u16)(b) << 16 | (__u64)(__u16)(c) << 32 | (__u64)(__u16)(d) << 48)
#define OCTET_V4_PREFIX 0xffff0000u /* 00 00 ff ff */
#else
#define OCTET_JOIN32(a, b) ((__u64)(__u32)(a) << 32 | (__u64)(__u32)(b))
#define OCTET_JOIN16(a, b, c, d) \
	((__u64)(__u16)(a) << 48 | (__u64)(__u16)(b) << 32 | (__u64)(__u16)(c) << 16 | (__u64)(__u16)(d))
#define OCTET_V4_PREFIX 0x0000ffffu
#endif

/*
 * Multilinear hashing of 32-bit words: the upper half of the sum of products with secret random 64-bit seeds is
 * strongly universal (M. Thorup, "High Speed Hashing for Integers and Strings", 2015, 3.2), so nobody outside can
 * choose addresses that collide. words are the key as it lies in memory; seeds[7] is the constant term.
 */
static __attribute__((always_inline)) inline __u32 octet_hash(const volatile __u64 *seeds, __u64 word0, __u64 word1,
							      __u64 word2, __u32 word3)
{
	__u64 sum = seeds[7];

	sum += seeds[0] * (__u32)word0;
	sum += seeds[1] * (__u32)(word0 >> 32);
	sum += seeds[2] * (__u32)word1;
	sum += seeds[3] * (__u32)(word1 >> 32);
	sum += seeds[4] * (__u32)word2;
	sum += seeds[5] * (__u32)(word2 >> 32);
	sum += seeds[6] * word3;
	return (__u32)(sum >> 32);
}

#ifdef __cplusplus
#define OCTET_ASSERT static_assert
#else
#define OCTET_ASSERT _Static_assert
#endif
OCTET_ASSERT(sizeof(struct octet_key) == 32, "no padding in a key");
OCTET_ASSERT(sizeof(struct octet_slot) == 128, "two cache lines");
OCTET_ASSERT(sizeof(struct octet_bucket) == 64, "one cache line");
OCTET_ASSERT(sizeof(struct octet_region) == 128, "two cache lines");
OCTET_ASSERT(sizeof(struct octet_table) == 256, "layout is ABI for ever");
OCTET_ASSERT(sizeof(struct octet_iface) == 16 * (1 + OCTET_N_CLASSES), "layout is ABI");
OCTET_ASSERT(sizeof(struct octet_arrival) == 16, "layout is ABI");

#endif
