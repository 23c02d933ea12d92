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
 * A change of any layout here raises OCTET_ABI_VERSION: pinned maps of another version are never
 * reinterpreted.
 */
#ifndef OCTET_ABI_H
#define OCTET_ABI_H

#include <linux/types.h>

#define OCTET_ABI_VERSION 3

/* Interfaces that one agent can count on at once; the size of octet_ifaces is twice this. */
#define OCTET_SLOTS_MAX 64

/* octet_key.vlan: the outermost VLAN id in the low twelve bits (IEEE 802.1Q, 9.6), flags above. */
#define OCTET_VLAN_ID_MASK 0x0fffu
/* The key is the MAC's own entry: presence without an IP address (ARP, EAPOL, LLC); ip is zero. */
#define OCTET_VLAN_MAC_ONLY 0x8000u

/* Key of octet_clients4: 16 bytes, so that it hashes as four words. */
struct octet_key4 {
	__u8 mac[6];
	__u16 vlan;    /* host byte order */
	__u8 ip[4];    /* network byte order */
	__u32 ifindex; /* host byte order */
};

/* Key of octet_clients6: 28 bytes, seven words. */
struct octet_key6 {
	__u8 mac[6];
	__u16 vlan;
	__u8 ip[16];
	__u32 ifindex;
};

/*
 * Value of octet_clients4 and octet_clients6, one for each CPU. Counters only grow for as long as the
 * key lives. Stamps are CLOCK_MONOTONIC nanoseconds, 0 for never, at a resolution of one tick.
 */
struct octet_counters {
	__u64 up_bytes;
	__u64 up_packets;
	__u64 down_bytes;
	__u64 down_packets;
	__u64 last_up_ns; /* last frame from the guest, IP or not */
	__u64 last_down_ns;
};

/* Every frame that a program sees lands in exactly one class. */
enum octet_class {
	OCTET_CLASS_COUNTED,    /* added to a client's counters */
	OCTET_CLASS_NON_IP,     /* ARP, EAPOL, LLC, ...: presence only */
	OCTET_CLASS_GROUP,      /* down to a multicast or broadcast MAC: nobody's */
	OCTET_CLASS_OWN,        /* between the gateway's own MACs */
	OCTET_CLASS_TRANSIT,    /* to a MAC that is not this machine's, shown by a promiscuous bridge: nobody's here */
	OCTET_CLASS_OVERFLOW,   /* beyond the addresses allowed per MAC (no program makes it yet) */
	OCTET_CLASS_TABLE_FULL, /* no room for the client: not counted for anybody */
	OCTET_CLASS_MALFORMED,  /* too short, or an IP header that contradicts itself */
	OCTET_N_CLASSES
};

enum octet_direction { OCTET_UP, OCTET_DOWN, OCTET_N_DIRECTIONS };

struct octet_tally {
	__u64 frames; /* packets on the wire, super-packets un-aggregated */
	__u64 wire_bytes;
};

/*
 * Value of octet_ifaces (per-CPU array, index slot * OCTET_N_DIRECTIONS + direction). passed is what many interfaces
 * count themselves: a super-packet is one frame of skb->len octets; a VLAN tag in metadata is in none of them.
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

/* Record of the octet_arrivals ring: a MAC has sent IP under this key for the first time, or again after a silence. */
struct octet_arrival {
	__u8 mac[6];
	__u16 vlan;
	__u8 ip[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u32 ifindex;
	__u32 is_v4;
};

#ifdef __cplusplus
#define OCTET_ASSERT static_assert
#else
#define OCTET_ASSERT _Static_assert
#endif
OCTET_ASSERT(sizeof(struct octet_key4) == 16, "no padding in a map key");
OCTET_ASSERT(sizeof(struct octet_key6) == 28, "no padding in a map key");
OCTET_ASSERT(sizeof(struct octet_counters) == 48, "layout is ABI");
OCTET_ASSERT(sizeof(struct octet_iface) == 16 * (1 + OCTET_N_CLASSES), "layout is ABI");
OCTET_ASSERT(sizeof(struct octet_arrival) == 32, "layout is ABI");

#endif
