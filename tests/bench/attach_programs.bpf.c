/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the bench of forwarding attaches: the neighbours of the agent's programs (an empty program, and the
 * smallest counter that a per-CPU hash allows), the generator that stands for a network card's driver, and the sink
 * behind the router.
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "attach_abi.h"

#define VERDICT_NEXT (-1) /* TC_ACT_UNSPEC, TCX_NEXT */
#define VERDICT_DROP 2    /* TC_ACT_SHOT, TCX_DROP */

struct bench_flow bench_flow = {0};
struct bench_sunk bench_sunk = {0};
struct bench_stamp bench_begin = {0}, bench_end = {0};

struct smallest_key {
	__u8 mac[6];
	__u16 vlan;
	__u8 ip[4];
	__u32 ifindex;
};

struct smallest_value {
	__u64 bytes;
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct smallest_key);
	__type(value, struct smallest_value);
} bench_clients SEC(".maps");

static __always_inline int smallest(struct __sk_buff *skb, int mac_offset, int ip_offset)
{
	const __u8 *data = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;
	struct smallest_value zero = {0}, *value;
	struct smallest_key key = {0};

	if (data + BENCH_HEADER_SIZE > end || data[12] != 0x08 || data[13] != 0x00)
		return VERDICT_NEXT;
	__builtin_memcpy(key.mac, data + mac_offset, 6);
	__builtin_memcpy(key.ip, data + ip_offset, 4);
	value = bpf_map_lookup_elem(&bench_clients, &key);
	if (!value) {
		bpf_map_update_elem(&bench_clients, &key, &zero, BPF_NOEXIST);
		return VERDICT_NEXT;
	}
	value->bytes += skb->len;
	value->packets++;
	return VERDICT_NEXT;
}

SEC("tc")
int bench_attach_empty(struct __sk_buff *skb)
{
	(void)skb;
	return VERDICT_NEXT;
}

SEC("tc")
int bench_attach_smallest_up(struct __sk_buff *skb)
{
	return smallest(skb, 6, 26);
}

SEC("tc")
int bench_attach_smallest_down(struct __sk_buff *skb)
{
	return smallest(skb, 0, 30);
}

/* Takes what the generator has made off the wire, lets all else pass. One generator at a time: no atomics. */
SEC("tc")
int bench_sink(struct __sk_buff *skb)
{
	const __u8 *data = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;

	if (data + BENCH_HEADER_SIZE > end || data[12] != 0x08 || data[23] != BENCH_PROTOCOL)
		return VERDICT_NEXT;
	bench_sunk.packets++;
	bench_sunk.bytes += skb->len - 14;
	return VERDICT_DROP;
}

/* xorshift32 (Marsaglia 2003, "Xorshift RNGs", the triple 13, 17, 5) */
static __always_inline __u32 next_random(void)
{
	__u32 x = bench_flow.state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	bench_flow.state = x;
	return x;
}

/* As much of the kernel's own as is read here, wherever its version has it (CO-RE). */
struct sched_info {
	unsigned long long run_delay;
} __attribute__((preserve_access_index));

struct task_struct {
	struct sched_info sched_info;
} __attribute__((preserve_access_index));

static __always_inline void stamp(struct bench_stamp *stamp)
{
	const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();

	stamp->waited_ns = BPF_CORE_READ(task, sched_info.run_delay); /* CONFIG_SCHED_INFO, on nearly everywhere */
	stamp->mono_ns = bpf_ktime_get_ns();
	stamp->n_sunk = bench_sunk.packets;
}

/*
 * Makes the next packet as a driver would hand it over. The whole header is written: the page has been through the
 * router before, which has changed it.
 */
SEC("xdp")
int bench_generate(struct xdp_md *context)
{
	__u8 *data = (__u8 *)(long)context->data, *end = (__u8 *)(long)context->data_end;
	__u32 number, address, sum;

	if (data + BENCH_HEADER_SIZE > end)
		return XDP_DROP;
	if (bench_flow.index == bench_flow.begin)
		stamp(&bench_begin);
	if (bench_flow.index == bench_flow.end)
		stamp(&bench_end);
	if (bench_flow.is_random)
		number = (__u32)((__u64)next_random() * bench_flow.n_clients >> 32);
	else
		number = bench_flow.index % bench_flow.n_clients;
	bench_flow.index++;
	__builtin_memcpy(data, bench_flow.header, BENCH_HEADER_SIZE);
	address = BENCH_CLIENT_ADDRESS(number);
	if (bench_flow.is_down) { /* it is the router that writes the client's MAC */
		data[31] = address >> 16;
		*(__u16 *)(data + 32) = bpf_htons((__u16)address);
	} else {
		*(__u16 *)(data + 10) = bpf_htons((__u16)number);
		data[27] = address >> 16;
		*(__u16 *)(data + 28) = bpf_htons((__u16)address);
	}
	sum = bench_flow.header_sum + (address >> 16) + (address & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	*(__u16 *)(data + 24) = bpf_htons((__u16)~sum);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
