/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Counts guests where their frames pass: octet_up at tc ingress of a guest-facing interface, octet_down at
 * its egress. What is counted where and in which unit: README.md beside this file; the maps: octet/abi.h.
 *
 * Concurrency. Each CPU writes to its own region of every table. At both hooks the kernel runs the program with
 * bottom halves off (sch_handle_ingress in softirq; sch_handle_egress under rcu_read_lock_bh, net/core/dev.c), so
 * a region has one writer at a time, and plain loads and stores do. Readers see each 64-bit word whole. How a slot
 * gets a new key while user space reads it: octet/abi.h.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "octet/abi.h"
#include "octet/parse.h"
#include "table.h"

/* TC_ACT_UNSPEC and TCX_NEXT: whoever comes after decides (include/uapi/linux/pkt_cls.h, bpf.h). */
#define VERDICT_NEXT (-1)

/* skb->pkt_type: addressed to another machine (include/uapi/linux/if_packet.h) */
#define PACKET_OTHERHOST 3

/* Set for each interface before load; the verifier drops what they switch off. */
const volatile __u32 octet_iface_slot = 0;
const volatile __u8 octet_is_bridge = 0;
/* The interface's MAC in the first six octets, as in memory, zeros behind; by default no MAC at all. */
const volatile __u64 octet_own_mac = ~0ULL;
/* A guest that was silent for longer is announced again. */
const volatile __u64 octet_arrival_gap_ns = ~0ULL;
/* CLOCK_MONOTONIC as jiffies * tick + offset; a tick of 0 stands for not known. */
const volatile __u64 octet_tick_ns = 0;
const volatile __u64 octet_tick_offset_ns = 0;
/* For the agent's calibration: both clocks at the same moment. */
__u64 octet_sample_jiffies = 0;
__u64 octet_sample_ns = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, OCTET_SLOTS_MAX *OCTET_N_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct octet_iface);
} octet_ifaces SEC(".maps");

/* Read by agents only. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct octet_table);
} octet_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} octet_arrivals SEC(".maps");

/* Filled by the agent; looked at only for frames to foreign MACs on a bridge. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct octet_mac);
	__type(value, __u8);
} octet_local_macs SEC(".maps");

/*
 * Reading jiffies is one load, which the verifier puts in line; the coarse clock is a call that was measured at 12 ns,
 * a third of a packet's whole cost. Both have the resolution of a tick: jiffies advance by whole ticks of
 * CLOCK_MONOTONIC (tick_do_update_jiffies64, kernel/time/tick-sched.c), so their distance is constant.
 */
OCTET_INLINE __u64 clock_ns(void)
{
	return octet_tick_ns ? bpf_jiffies64() * octet_tick_ns + octet_tick_offset_ns : bpf_ktime_get_ns();
}

OCTET_INLINE int is_local(const __u8 *mac)
{
	__u64 key = mac_word(mac); /* a struct octet_mac */

	return bpf_map_lookup_elem(&octet_local_macs, &key) != 0;
}

OCTET_INLINE void announce(__u32 region, const struct octet_slot *slot)
{
	struct octet_arrival *arrival = bpf_ringbuf_reserve(&octet_arrivals, sizeof(*arrival), 0);

	/* a full ring loses no count: the next collection finds the client anyway */
	if (!arrival)
		return;
	arrival->region = region;
	arrival->number = slot->number;
	arrival->sequence = slot->sequence;
	arrival->zero = 0;
	bpf_ringbuf_submit(arrival, 0);
}

OCTET_INLINE enum octet_class count_ip(__u32 region, __u64 mac, const struct octet_frame *frame,
				       enum octet_direction direction)
{
	struct key key = key_of(mac, frame, direction);
	struct octet_slot *slot = slot_get(region, &key, direction);
	__u64 now_ns = clock_ns();

	if (!slot)
		return OCTET_CLASS_TABLE_FULL;
	if (direction == OCTET_UP) {
		int is_arrival = !slot->up_packets || now_ns - slot->last_up_ns > octet_arrival_gap_ns;

		slot->up_bytes += frame->bytes;
		slot->up_packets += frame->packets;
		slot->last_up_ns = now_ns;
		/* only after it is counted: who reads the announcement may do so at once, on another CPU */
		if (is_arrival)
			announce(region, slot);
	} else {
		slot->down_bytes += frame->bytes;
		slot->down_packets += frame->packets;
		slot->last_down_ns = now_ns;
	}
	return slot->key.vlan & OCTET_VLAN_MAC_ONLY ? OCTET_CLASS_OVERFLOW : OCTET_CLASS_COUNTED;
}

/* A frame without IP: the guest is there, and nothing is added. Only what it sends proves that. */
OCTET_INLINE enum octet_class note_presence(__u32 region, __u64 mac, const struct octet_frame *frame,
					    enum octet_direction direction)
{
	struct octet_slot *slot;
	struct key key;

	if (direction == OCTET_DOWN)
		return OCTET_CLASS_NON_IP;
	key = key_of_mac(mac | vlan_word(frame->vlan), octet_ifindex);
	slot = slot_get(region, &key, OCTET_UP);
	if (slot)
		slot->last_up_ns = clock_ns();
	return OCTET_CLASS_NON_IP;
}

OCTET_INLINE enum octet_class classify(const struct __sk_buff *skb, __u32 region, enum octet_parse parsed,
				       const struct octet_frame *frame, enum octet_direction direction)
{
	__u64 mac;

	if (!frame->dst_mac)
		return OCTET_CLASS_MALFORMED;
	if (direction == OCTET_DOWN && frame->dst_mac[0] & 1)
		return OCTET_CLASS_GROUP;
	mac = mac_word(direction == OCTET_UP ? frame->src_mac : frame->dst_mac);
	if (mac == octet_own_mac)
		return OCTET_CLASS_OWN;
	/*
	 * A capture on the bridge, or a macvlan, makes it promiscuous, and then what passes between its ports comes up
	 * as well. What is for a macvlan's MAC is the gateway's all the same.
	 */
	if (direction == OCTET_UP && octet_is_bridge && skb->pkt_type == PACKET_OTHERHOST && !is_local(frame->dst_mac))
		return OCTET_CLASS_TRANSIT;
	if (parsed == OCTET_PARSE_NON_IP)
		return note_presence(region, mac, frame, direction);
	if (parsed != OCTET_PARSE_IP)
		return OCTET_CLASS_MALFORMED;
	return count_ip(region, mac, frame, direction);
}

OCTET_INLINE struct octet_iface *iface_of(__u32 region, enum octet_direction direction)
{
	__u32 at = (region * OCTET_SLOTS_MAX + octet_iface_slot) * OCTET_N_DIRECTIONS + direction;

	return bpf_map_lookup_elem(&octet_ifaces, &at);
}

OCTET_INLINE void tally(struct octet_iface *iface, enum octet_class class, const struct octet_frame *frame)
{
	if (iface && class < OCTET_N_CLASSES) {
		iface->classes[class].frames += frame->packets;
		iface->classes[class].wire_bytes += frame->wire_bytes;
	}
}

/* What nobody asks for is not loaded. */
OCTET_INLINE struct octet_input input_of(const struct __sk_buff *skb)
{
	return (struct octet_input){
		.data = (const __u8 *)(long)skb->data,
		.data_end = (const __u8 *)(long)skb->data_end,
		.frame_length = skb->len,
		.is_strict = 1,
		.gso_size = skb->gso_size,
		.gso_segs = skb->gso_segs,
		.vlan_present = skb->vlan_present,
		.vlan_tci = skb->vlan_tci,
	};
}

/* Whatever is not plain. */
OCTET_INLINE void count_other(struct __sk_buff *skb, enum octet_direction direction)
{
	__u32 region = bpf_get_smp_processor_id();
	struct octet_iface *iface;
	enum octet_parse parsed;
	struct octet_frame frame;

	for (int attempt = 0;; attempt++) {
		const struct octet_input in = input_of(skb);

		parsed = octet_parse_frame(&in, &frame);
		if (parsed != OCTET_PARSE_SHORT || attempt)
			break;
		/* rarely the headers are not in the linear part: bring them there, change nothing else */
		bpf_skb_pull_data(skb, skb->len < OCTET_PARSE_DEPTH ? skb->len : OCTET_PARSE_DEPTH);
	}
	iface = iface_of(region, direction);
	tally(iface, classify(skb, region, parsed, &frame, direction), &frame);
	if (!iface)
		return;
	iface->passed.frames += 1 - (__u64)frame.packets;
	iface->passed.wire_bytes += skb->len - frame.wire_bytes;
}

/* Functions of their own, so that what they need does not crowd the registers of the plain case. */
static __attribute__((noinline)) int count_other_up(struct __sk_buff *skb)
{
	count_other(skb, OCTET_UP);
	return VERDICT_NEXT;
}

static __attribute__((noinline)) int count_other_down(struct __sk_buff *skb)
{
	count_other(skb, OCTET_DOWN);
	return VERDICT_NEXT;
}

OCTET_INLINE int count(struct __sk_buff *skb, enum octet_direction direction)
{
	const struct octet_input in = input_of(skb);
	struct octet_frame frame;
	__u32 region;

	if (!octet_parse_plain(&in, &frame))
		return direction == OCTET_UP ? count_other_up(skb) : count_other_down(skb);
	region = bpf_get_smp_processor_id();
	/* which passed as it is on the wire */
	tally(iface_of(region, direction), classify(skb, region, OCTET_PARSE_IP, &frame, direction), &frame);
	return VERDICT_NEXT;
}

SEC("tc")
int octet_up(struct __sk_buff *skb)
{
	return count(skb, OCTET_UP);
}

SEC("tc")
int octet_down(struct __sk_buff *skb)
{
	return count(skb, OCTET_DOWN);
}

/* Run by the agent with BPF_PROG_TEST_RUN, attached nowhere. */
SEC("tc")
int octet_clock(struct __sk_buff *skb)
{
	(void)skb;
	octet_sample_jiffies = bpf_jiffies64();
	octet_sample_ns = bpf_ktime_get_ns();
	return VERDICT_NEXT;
}

char octet_license[] SEC("license") = "Dual MIT/GPL";
