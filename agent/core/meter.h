/* SPDX-License-Identifier: MIT */
/*
 * The kernel half's maps in user space: takes parsed frames that were seen on one interface, decides whose
 * they are, and keeps a cumulative counter for each key. Used for capture files and live captures.
 *
 * Up and down are told by the MACs, for a capture has no ingress and egress: a MAC that is not one of the
 * gateway's is a client. A frame counts up for its source if that is a client, and down for its destination
 * if that is a client and no group address; between two clients it counts for both.
 *
 * Invariant: each frame lands in exactly one class of enum octet_class, and the sum over the classes is what
 * was seen. When the two sides of a frame fare differently, the worse class takes it: TABLE_FULL, then
 * OVERFLOW, then COUNTED. A frame that is nobody's (from a gateway to a group or to a gateway) is GROUP or OWN
 * whatever it carries, as at the kernel half's egress.
 *
 * Bounds: max_keys for all, max_addresses for each MAC. Beyond max_addresses the MAC's own entry
 * (OCTET_VLAN_MAC_ONLY, no IP) takes the traffic, so the MAC's total stays right; so it does beyond
 * max_keys or without memory if it exists. Else the frame counts for nobody, and TABLE_FULL says so.
 */
#ifndef CORE_METER_H
#define CORE_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/siphash.h"
#include "core/counter.h"
#include "octet/abi.h"
#include "octet/parse.h"

struct meter;

struct meter_options {
	const struct mac_addr *gateways; /* copied */
	size_t n_gateways;
	uint32_t ifindex;          /* goes into every key */
	uint32_t max_keys;         /* 1 to METER_KEYS_MAX */
	uint32_t max_addresses;    /* of one MAC in one VLAN; 0: no limit */
	struct siphash_seed seed;  /* unpredictable where somebody may choose the addresses */
	bool is_vlan_blind;        /* one key for a (MAC, IP) whatever its VLAN; key.vlan is 0 then */
	bool is_tracking_presence; /* a non-IP frame from a client stamps the MAC's own entry */
};

#define METER_KEYS_MAX (UINT32_C(1) << 26)

struct meter_entry {
	struct counter_reading reading; /* stamps are the latest, whatever the order of the frames */
	int64_t first_ns;               /* the earliest stamp, both directions */
	uint32_t n_addresses;           /* of the MAC's own entry: keys that the MAC has beside it */
};

/* 0 or -ENOMEM. */
int meter_new(const struct meter_options *options, struct meter **out);
void meter_free(struct meter **meter);

/* Counts a frame as octet_parse_frame() described it; returns the class that it landed in. */
enum octet_class meter_count(struct meter *meter, enum octet_parse result, const struct octet_frame *frame,
			     int64_t time_ns);

/* All entries in the order of their creation; borrowed until the next meter_count(). */
const struct meter_entry *meter_entries(const struct meter *meter, size_t *n_out);

/* Borrowed for the meter's life. */
const struct octet_iface *meter_classes(const struct meter *meter);

/* "counted", "non_ip", ...: the name in JSON, metrics and tables. */
const char *meter_class_name(enum octet_class class);

/* The latest stamp of either direction. */
int64_t meter_entry_last_ns(const struct meter_entry *entry);

#endif
