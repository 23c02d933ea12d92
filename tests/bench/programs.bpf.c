/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What bench_packet measures: the programs of the agent, an empty one, and the smallest counter that a per-CPU
 * hash allows, each behind the same prologue, which makes the next packet come from another guest. The
 * empty one is that prologue alone, so it is what to subtract.
 */
#include "../../bpf/octet.bpf.c" /* NOLINT(bugprone-suspicious-include): the very programs, not copies */

/* Set before load: a power of two, less one. */
const volatile __u32 bench_client_mask = 0;

__u32 bench_sequence = 0;

struct smallest_value {
	__u64 bytes;
	__u64 packets;
};

struct smallest_key4 {
	__u8 mac[6];
	__u16 vlan;
	__u8 ip[4];
	__u32 ifindex;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct smallest_key4);
	__type(value, struct smallest_value);
} bench_smallest4 SEC(".maps");

struct smallest_key6 {
	__u8 mac[6];
	__u16 vlan;
	__u8 ip[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct smallest_key6);
	__type(value, struct smallest_value);
} bench_smallest6 SEC(".maps");

OCTET_INLINE void copy_mac(__u8 *to, const __u8 *from)
{
	for (int i = 0; i < 3; i++)
		((__u16 *)to)[i] = ((const __u16 *)from)[i];
}

OCTET_INLINE void copy_ip(__u8 *to, const __u8 *from, int n_words)
{
	for (int i = 0; i < n_words; i++)
		((__u32 *)to)[i] = ((const __u32 *)from)[i];
}

/* Numbers the guest in its MAC and in its address; odd multipliers visit all of them in a scattered order. */
OCTET_INLINE int next_guest(struct __sk_buff *skb, enum octet_direction direction)
{
	__u8 *data = (__u8 *)(long)skb->data, *end = (__u8 *)(long)skb->data_end;
	__u32 number = (bench_sequence++ * 40503u) & bench_client_mask;
	__u8 *mac = data + (direction == OCTET_UP ? 6 : 0), *ip;

	if (data + 54 > end)
		return 0;
	ip = data + (data[12] == 0x08 ? (direction == OCTET_UP ? 26 : 30) : (direction == OCTET_UP ? 22 : 38));
	if (ip + 16 > end)
		return 0;
	((__u16 *)mac)[1] = (__u16)number;
	((__u16 *)mac)[2] = (__u16)(number >> 16);
	*(__u16 *)ip = data[12] == 0x08 ? 0x000a : 0xb80d;
	*(__u16 *)(ip + 2) = (__u16)number;
	return 1;
}

OCTET_INLINE int smallest(struct __sk_buff *skb, enum octet_direction direction)
{
	__u8 *data = (__u8 *)(long)skb->data, *end = (__u8 *)(long)skb->data_end;
	const __u8 *mac = data + (direction == OCTET_UP ? 6 : 0);
	struct smallest_value zero = {0}, *value;
	struct smallest_key4 key4 = {0};
	struct smallest_key6 key6 = {0};
	void *map, *key;

	if (data + 54 > end)
		return VERDICT_NEXT;
	if (data[12] == 0x08) {
		copy_mac(key4.mac, mac);
		copy_ip(key4.ip, data + (direction == OCTET_UP ? 26 : 30), 1);
		value = bpf_map_lookup_elem(&bench_smallest4, &key4);
		map = &bench_smallest4;
		key = &key4;
	} else {
		copy_mac(key6.mac, mac);
		copy_ip(key6.ip, data + (direction == OCTET_UP ? 22 : 38), 4);
		value = bpf_map_lookup_elem(&bench_smallest6, &key6);
		map = &bench_smallest6;
		key = &key6;
	}
	if (!value) {
		bpf_map_update_elem(map, key, &zero, BPF_NOEXIST);
		return VERDICT_NEXT;
	}
	value->bytes += skb->len;
	value->packets++;
	return VERDICT_NEXT;
}

SEC("tc")
int bench_empty_up(struct __sk_buff *skb)
{
	next_guest(skb, OCTET_UP);
	return VERDICT_NEXT;
}

SEC("tc")
int bench_empty_down(struct __sk_buff *skb)
{
	next_guest(skb, OCTET_DOWN);
	return VERDICT_NEXT;
}

SEC("tc")
int bench_smallest_up(struct __sk_buff *skb)
{
	next_guest(skb, OCTET_UP);
	return smallest(skb, OCTET_UP);
}

SEC("tc")
int bench_smallest_down(struct __sk_buff *skb)
{
	next_guest(skb, OCTET_DOWN);
	return smallest(skb, OCTET_DOWN);
}

SEC("tc")
int bench_octet_up(struct __sk_buff *skb)
{
	next_guest(skb, OCTET_UP);
	return count(skb, OCTET_UP);
}

SEC("tc")
int bench_octet_down(struct __sk_buff *skb)
{
	next_guest(skb, OCTET_DOWN);
	return count(skb, OCTET_DOWN);
}
