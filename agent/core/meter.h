/* SPDX-License-Identifier: MIT */
/*
 * The kernel half's maps in user space: takes parsed frames, decides whose they are, and keeps a cumulative counter
 * for each key. Used for capture files and live captures.
 *
 * A capture file has no ingress and egress, so up and down are told by the MACs (meter_count): a MAC that is not
 * one of the gateway's is a client. A frame counts up for its source if that is a client, and down for its
 * destination if that is a client and no group address; between two clients it counts for both.
 * A live capture knows the direction (meter_count_one_way), and then the rules are those of bpf/octet.bpf.c.
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
#include "base/nh_hash.h"
#include "core/counter.h"
#include "octet/abi.h"
#include "octet/parse.h"

struct meter;

struct meter_options {
	const struct mac_addr *gateways; /* copied; for meter_count */
	size_t n_gateways;
	uint32_t ifindex;          /* goes into every key of meter_count */
	uint32_t max_keys;         /* 1 to METER_KEYS_MAX */
	uint32_t max_addresses;    /* of one MAC in one VLAN; 0: no limit */
	struct nh_seed seed;       /* unpredictable where somebody may choose the addresses */
	bool is_vlan_blind;        /* one key for a (MAC, IP) whatever its VLAN; key.vlan is 0 then */
	bool is_tracking_presence; /* a non-IP frame from a client stamps the MAC's own entry */
	int64_t arrival_gap_ns;    /* for meter_has_arrived */
};

#define METER_KEYS_MAX (UINT32_C(1) << 26)

/* On two cache lines at most, when the array begins on one. */
struct meter_entry {
	struct counter_key key;
	uint32_t n_addresses; /* of the MAC's own entry: keys that the MAC has beside it */
	struct traffic total;
	int64_t last_up_ns; /* the latest stamps, whatever the order of the frames; 0: none */
	int64_t last_down_ns;
	int64_t first_ns; /* the earliest stamp, both directions */
	int64_t unused;   /* up to half a line */
};
_Static_assert(sizeof(struct meter_entry) == 96, "a line and a half");

/* What a live capture knows of its interface. */
struct meter_view {
	uint32_t ifindex;
	struct mac_addr own;
	bool is_bridge;                /* made promiscuous it shows what passes between its ports: class TRANSIT... */
	const struct mac_addr *locals; /* ...but for frames to these, the MACs of this machine; borrowed */
	size_t n_locals;
};

/* 0 or -ENOMEM. */
int meter_new(const struct meter_options *options, struct meter **out);
void meter_free(struct meter **meter);

/* Counts a frame as octet_parse_frame() described it; returns the class that it landed in. */
enum octet_class meter_count(struct meter *meter, enum octet_parse result, const struct octet_frame *frame,
			     int64_t time_ns);

/*
 * The same for many frames in a row, some of which are counted a little later, while memory fetches the entries of
 * the next: meter_settle() counts the rest, and must come before anything is read. Nothing is borrowed from frame.
 */
void meter_count_later(struct meter *meter, enum octet_parse result, const struct octet_frame *frame, int64_t time_ns);
void meter_settle(struct meter *meter);

/* Counts a frame that was received (up) or sent (down) there. */
enum octet_class meter_count_one_way(struct meter *meter, const struct meter_view *view, enum octet_direction direction,
				     enum octet_parse result, const struct octet_frame *frame, int64_t time_ns);

/*
 * Whether the last meter_count_one_way was the first IP packet from the guest under its key, or the first after a
 * silence of arrival_gap_ns; *entry is its index then.
 */
bool meter_has_arrived(const struct meter *meter, uint32_t *entry);

/* All entries in the order of their creation; borrowed until the next frame is counted. */
const struct meter_entry *meter_entries(const struct meter *meter, size_t *n_out);

/* Borrowed for the meter's life. */
const struct octet_iface *meter_classes(const struct meter *meter);

/* "counted", "non_ip", ...: the name in JSON, metrics and tables. */
const char *meter_class_name(enum octet_class class);

/* The latest stamp of either direction. */
int64_t meter_entry_last_ns(const struct meter_entry *entry);

#endif
