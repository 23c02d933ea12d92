/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Counts guests where their frames pass: octet_up at tc ingress of a guest-facing interface, octet_down at
 * its egress. What is counted where and in which unit: README.md beside this file; the maps: octet/abi.h.
 *
 * Concurrency. Every counter is per CPU. At both hooks the kernel runs the program with bottom halves off
 * (sch_handle_ingress in softirq; sch_handle_egress under rcu_read_lock_bh, net/core/dev.c), and nothing else
 * writes these values, so plain additions cannot be torn by another writer. Readers see each 64-bit word whole.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "octet/abi.h"
#include "octet/parse.h"

/* TC_ACT_UNSPEC and TCX_NEXT: whoever comes after decides (include/uapi/linux/pkt_cls.h, bpf.h). */
#define VERDICT_NEXT (-1)

/* skb->pkt_type: addressed to another machine (include/uapi/linux/if_packet.h) */
#define PACKET_OTHERHOST 3

/* Set for each interface before load; the verifier drops what they switch off. */
const volatile __u32 octet_slot = 0;
const volatile __u8 octet_is_bridge = 0;
const volatile __u8 octet_has_own_mac = 0;
const volatile __u16 octet_own_mac[3] = {0};
/* A guest that was silent for longer is announced again. */
const volatile __u64 octet_arrival_gap_ns = ~0ULL;
/* CLOCK_MONOTONIC as jiffies * tick + offset; a tick of 0 stands for not known. */
const volatile __u64 octet_tick_ns = 0;
const volatile __u64 octet_tick_offset_ns = 0;

/* For the agent's calibration: both clocks at the same moment. */
__u64 octet_sample_jiffies = 0;
__u64 octet_sample_ns = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8192); /* the agent sets the configured number */
	__type(key, struct octet_key4);
	__type(value, struct octet_counters);
} octet_clients4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct octet_key6);
	__type(value, struct octet_counters);
} octet_clients6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, OCTET_SLOTS_MAX *OCTET_N_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct octet_iface);
} octet_ifaces SEC(".maps");

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

OCTET_INLINE void copy_mac(__u8 *to, const __u8 *from)
{
	/* packet data is aligned to two octets */
	((__u16 *)to)[0] = ((const __u16 *)from)[0];
	((__u16 *)to)[1] = ((const __u16 *)from)[1];
	((__u16 *)to)[2] = ((const __u16 *)from)[2];
}

OCTET_INLINE void copy_ip4(__u8 *to, const __u8 *from)
{
	*(__u32 *)to = *(const __u32 *)from;
}

OCTET_INLINE void copy_ip6(__u8 *to, const __u8 *from)
{
	for (int i = 0; i < 4; i++)
		((__u32 *)to)[i] = ((const __u32 *)from)[i];
}

OCTET_INLINE int is_own(const __u8 *mac)
{
	const __u16 *words = (const __u16 *)mac;

	return octet_has_own_mac && words[2] == octet_own_mac[2] && words[1] == octet_own_mac[1] &&
	       words[0] == octet_own_mac[0];
}

OCTET_INLINE int is_local(const __u8 *mac)
{
	struct octet_mac key = {0};

	copy_mac(key.mac, mac);
	return bpf_map_lookup_elem(&octet_local_macs, &key) != 0;
}

/* The client's counters on this CPU, made when there are none; NULL when the table is full. */
OCTET_INLINE struct octet_counters *client_counters(void *map, const void *key)
{
	static const struct octet_counters zero;
	struct octet_counters *counters = bpf_map_lookup_elem(map, key);

	if (counters)
		return counters;
	/* another CPU may have been first (-EEXIST): the second look-up finds its entry */
	bpf_map_update_elem(map, key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

OCTET_INLINE void announce(const struct octet_key4 *key4, const struct octet_key6 *key6)
{
	struct octet_arrival *arrival = bpf_ringbuf_reserve(&octet_arrivals, sizeof(*arrival), 0);

	/* a full ring loses no count: the next collection finds the client anyway */
	if (!arrival)
		return;
	__builtin_memset(arrival, 0, sizeof(*arrival));
	if (key4) {
		copy_mac(arrival->mac, key4->mac);
		arrival->vlan = key4->vlan;
		arrival->ip[10] = 0xff;
		arrival->ip[11] = 0xff;
		copy_ip4(arrival->ip + 12, key4->ip);
		arrival->ifindex = key4->ifindex;
		arrival->is_v4 = 1;
	} else {
		copy_mac(arrival->mac, key6->mac);
		arrival->vlan = key6->vlan;
		copy_ip6(arrival->ip, key6->ip);
		arrival->ifindex = key6->ifindex;
	}
	bpf_ringbuf_submit(arrival, 0);
}

/* Adds the frame; true when the guest has just come, or come back. */
OCTET_INLINE int add(struct octet_counters *counters, const struct octet_frame *frame, enum octet_direction direction)
{
	__u64 now_ns = clock_ns();
	int is_arrival = 0;

	if (direction == OCTET_UP) {
		is_arrival = !counters->up_packets || now_ns - counters->last_up_ns > octet_arrival_gap_ns;
		counters->up_bytes += frame->bytes;
		counters->up_packets += frame->packets;
		counters->last_up_ns = now_ns;
	} else {
		counters->down_bytes += frame->bytes;
		counters->down_packets += frame->packets;
		counters->last_down_ns = now_ns;
	}
	return is_arrival;
}

OCTET_INLINE enum octet_class count_ip4(const struct __sk_buff *skb, const struct octet_frame *frame,
					enum octet_direction direction)
{
	struct octet_key4 key = {.vlan = (__u16)frame->vlan, .ifindex = skb->ifindex};
	struct octet_counters *counters;

	copy_mac(key.mac, direction == OCTET_UP ? frame->src_mac : frame->dst_mac);
	copy_ip4(key.ip, direction == OCTET_UP ? frame->src_ip : frame->dst_ip);
	counters = client_counters(&octet_clients4, &key);
	if (!counters)
		return OCTET_CLASS_TABLE_FULL;
	/* only after it is counted: who reads the announcement may do so at once, on another CPU */
	if (add(counters, frame, direction))
		announce(&key, 0);
	return OCTET_CLASS_COUNTED;
}

OCTET_INLINE enum octet_class count_ip6(const struct __sk_buff *skb, const struct octet_frame *frame,
					enum octet_direction direction)
{
	struct octet_key6 key = {.vlan = (__u16)frame->vlan, .ifindex = skb->ifindex};
	struct octet_counters *counters;

	copy_mac(key.mac, direction == OCTET_UP ? frame->src_mac : frame->dst_mac);
	copy_ip6(key.ip, direction == OCTET_UP ? frame->src_ip : frame->dst_ip);
	counters = client_counters(&octet_clients6, &key);
	if (!counters)
		return OCTET_CLASS_TABLE_FULL;
	if (add(counters, frame, direction))
		announce(0, &key);
	return OCTET_CLASS_COUNTED;
}

/* A frame without IP: the guest is there, and nothing is added. Only what it sends proves that. */
OCTET_INLINE enum octet_class note_presence(const struct __sk_buff *skb, const struct octet_frame *frame,
					    enum octet_direction direction)
{
	struct octet_key4 key = {.vlan = (__u16)frame->vlan | OCTET_VLAN_MAC_ONLY, .ifindex = skb->ifindex};
	struct octet_counters *counters;

	if (direction == OCTET_DOWN)
		return OCTET_CLASS_NON_IP;
	copy_mac(key.mac, frame->src_mac);
	counters = client_counters(&octet_clients4, &key);
	if (counters)
		counters->last_up_ns = clock_ns();
	return OCTET_CLASS_NON_IP;
}

OCTET_INLINE enum octet_class classify(const struct __sk_buff *skb, enum octet_parse parsed,
				       const struct octet_frame *frame, enum octet_direction direction)
{
	if (!frame->dst_mac)
		return OCTET_CLASS_MALFORMED;
	if (direction == OCTET_DOWN && frame->dst_mac[0] & 1)
		return OCTET_CLASS_GROUP;
	if (is_own(direction == OCTET_UP ? frame->src_mac : frame->dst_mac))
		return OCTET_CLASS_OWN;
	/*
	 * A capture on the bridge, or a macvlan, makes it promiscuous, and then what passes between its ports comes up
	 * as well. What is for a macvlan's MAC is the gateway's all the same.
	 */
	if (direction == OCTET_UP && octet_is_bridge && skb->pkt_type == PACKET_OTHERHOST && !is_local(frame->dst_mac))
		return OCTET_CLASS_TRANSIT;
	if (parsed == OCTET_PARSE_NON_IP)
		return note_presence(skb, frame, direction);
	if (parsed != OCTET_PARSE_IP)
		return OCTET_CLASS_MALFORMED;
	if (frame->ip_version == 4)
		return count_ip4(skb, frame, direction);
	return count_ip6(skb, frame, direction);
}

OCTET_INLINE enum octet_parse parse_skb(const struct __sk_buff *skb, struct octet_frame *frame)
{
	const struct octet_input in = {
		.data = (const __u8 *)(long)skb->data,
		.data_end = (const __u8 *)(long)skb->data_end,
		.frame_length = skb->len,
		.gso_size = skb->gso_size,
		.gso_segs = skb->gso_segs,
		.vlan_present = skb->vlan_present,
		.vlan_tci = skb->vlan_tci,
	};

	return octet_parse_frame(&in, frame);
}

OCTET_INLINE int count(struct __sk_buff *skb, enum octet_direction direction)
{
	__u32 index = octet_slot * OCTET_N_DIRECTIONS + direction;
	struct octet_frame frame;
	struct octet_iface *iface;
	enum octet_parse parsed;
	enum octet_class class;

	for (int attempt = 0;; attempt++) {
		parsed = parse_skb(skb, &frame);
		if (parsed != OCTET_PARSE_SHORT || attempt)
			break;
		/* rarely the headers are not in the linear part: bring them there, change nothing else */
		bpf_skb_pull_data(skb, skb->len < OCTET_PARSE_DEPTH ? skb->len : OCTET_PARSE_DEPTH);
	}
	class = classify(skb, parsed, &frame, direction);
	iface = bpf_map_lookup_elem(&octet_ifaces, &index);
	if (iface && class < OCTET_N_CLASSES) {
		iface->passed.frames++;
		iface->passed.wire_bytes += skb->len;
		iface->classes[class].frames += frame.packets;
		iface->classes[class].wire_bytes += frame.wire_bytes;
	}
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
