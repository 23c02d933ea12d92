/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * One parser for the kernel half, the capture sources and the fuzzers: from an Ethernet frame to its
 * MACs, VLAN, outermost IP addresses, and what it was on the wire.
 *
 * What it counts
 *   bytes       IPv4 total length or IPv6 payload length + 40, as the header says; a header that says 0
 *               (TSO, BIG TCP, jumbograms) falls back on the frame without its L2 header. Ethernet padding
 *               does not count. Fragments count each for itself.
 *   packets     1, or the segments of a super-packet: ceil(payload / gso_size); gso_segs is not trusted,
 *               it is 0 on tap devices and after some forwarding.
 *   wire_bytes  the L2 frame or, for a super-packet, the L2 frames of all its segments; VLAN tags included
 *               wherever they are, no FCS.
 * Not un-aggregated: encapsulations made on this machine after aggregation (VXLAN, GRE), whose inner headers
 * it does not see; they count as their outer packet times gso_segs. UDP fragmentation offload of old tap
 * backends cannot be told from UDP segmentation (gso_type is not in __sk_buff).
 *
 * What it parses: Ethernet II and 802.3 with LLC/SNAP, up to OCTET_TAGS_MAX tags of 802.1Q / 802.1ad in the
 * frame beside one in metadata, PPPoE sessions, IPv4, IPv6. Deeper headers only for super-packets.
 *
 * Results point into the input; nothing is copied, allocated or written.
 */
#ifndef OCTET_PARSE_H
#define OCTET_PARSE_H

#include <linux/types.h>

#ifdef __bpf__
#define OCTET_INLINE static __attribute__((always_inline)) inline
/* Packet data in the kernel is aligned to two octets (NET_IP_ALIGN), network byte order. */
#define OCTET_LOAD16(pointer) ((__u32)__builtin_bswap16(*(const __u16 *)(pointer)))
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ || __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, "byte order");
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#undef OCTET_LOAD16
#define OCTET_LOAD16(pointer) ((__u32) * (const __u16 *)(pointer))
#endif
#else
#define OCTET_INLINE static inline
#define OCTET_LOAD16(pointer) ((__u32)((pointer)[0] << 8 | (pointer)[1]))
#endif

#define OCTET_ETH_LENGTH 14
#define OCTET_TAGS_MAX 4
#define OCTET_EXTENSIONS_MAX 8
/* Octets that a caller should make readable before it takes OCTET_PARSE_SHORT for the last word. */
#define OCTET_PARSE_DEPTH 256

struct octet_input {
	const __u8 *data;     /* first octet of the Ethernet header */
	const __u8 *data_end; /* behind the last readable octet */
	__u32 frame_length;   /* of the whole frame, readable or not (skb->len, a record's original length) */
	__u32 gso_size;       /* 0: not a super-packet */
	__u32 gso_segs;       /* a hint */
	__u32 is_strict;      /* a header that says more than the frame has is malformed; else it is believed */
	__u32 vlan_present;   /* a tag in metadata, which neither data nor frame_length contain */
	__u32 vlan_tci;
};

enum octet_parse {
	OCTET_PARSE_IP,
	OCTET_PARSE_NON_IP,
	OCTET_PARSE_MALFORMED,
	OCTET_PARSE_SHORT, /* needs octets that the frame has but that are not readable */
};

/* Everything but the MACs is meaningful after any result; see each field. */
struct octet_frame {
	const __u8 *dst_mac; /* NULL when the frame has no whole Ethernet header */
	const __u8 *src_mac;
	const __u8 *src_ip; /* 4 or 16 octets; NULL unless OCTET_PARSE_IP */
	const __u8 *dst_ip;
	__u32 ip_version; /* 4, 6; 0 unless OCTET_PARSE_IP */
	__u32 vlan;       /* id of the outermost tag, 0 without one */
	__u32 packets;    /* at least 1 */
	__u64 bytes;      /* 0 unless OCTET_PARSE_IP */
	__u64 wire_bytes;
};

/* IEEE 802 numbers (IANA), as host integers. */
enum {
	OCTET_TYPE_LENGTH_LIMIT = 0x0600, /* below: an 802.3 length */
	OCTET_TYPE_IPV4 = 0x0800,
	OCTET_TYPE_8021Q = 0x8100,
	OCTET_TYPE_IPV6 = 0x86dd,
	OCTET_TYPE_PPPOE_SESSION = 0x8864,
	OCTET_TYPE_8021AD = 0x88a8,
	OCTET_TYPE_QINQ_OLD = 0x9100,
	OCTET_PPP_IPV4 = 0x0021, /* RFC 1332 */
	OCTET_PPP_IPV6 = 0x0057, /* RFC 5072 */
};

OCTET_INLINE int octet_is_tag(__u32 type)
{
	return type == OCTET_TYPE_8021Q || type == OCTET_TYPE_8021AD || type == OCTET_TYPE_QINQ_OLD;
}

/* Whether n octets at offset are missing because they are not readable, or because the frame ends before. */
OCTET_INLINE enum octet_parse octet_missing(const struct octet_input *in, __u32 offset, __u32 n)
{
	return offset + n <= in->frame_length ? OCTET_PARSE_SHORT : OCTET_PARSE_MALFORMED;
}

/* Octets of the L4 header that every segment repeats; 0 when unknown. at may point anywhere readable or not. */
OCTET_INLINE __u32 octet_l4_length(const __u8 *at, const __u8 *end, __u32 protocol)
{
	__u32 length = 0;

	if (protocol == 17) /* UDP: RFC 768 */
		return 8;
	if (protocol == 132) /* SCTP common header: RFC 9260, 3.1 */
		return 12;
	if (protocol == 6 && at + 13 <= end) { /* TCP data offset: RFC 9293, 3.1 */
		length = (__u32)(at[12] >> 4) * 4;
		if (length < 20)
			length = 20;
	}
	return length;
}

/* Walks IPv6 extension headers (RFC 8200, 4); returns their length and the protocol behind them. */
OCTET_INLINE __u32 octet_extensions(const __u8 *l3, const __u8 *end, __u32 *protocol)
{
	__u32 next = l3[6], length = 0;

#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
	for (int i = 0; i < OCTET_EXTENSIONS_MAX; i++) {
		const __u8 *at = l3 + 40 + length;

		if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60 && next != 135)
			break;
		/* a bound for the verifier, far above what eight headers of one packet reach */
		if (length > 2048 || at + 2 > end)
			break;
		if (next == 51) /* AH counts in words of four octets (RFC 4302, 2.2) */
			length += ((__u32)at[1] + 2) * 4;
		else if (next == 44)
			length += 8;
		else
			length += ((__u32)at[1] + 1) * 8;
		next = at[0];
	}
	*protocol = next;
	return length;
}

/* Un-aggregates a super-packet: sets packets, bytes and wire_bytes. */
OCTET_INLINE enum octet_parse octet_segments(const struct octet_input *in, const __u8 *l3, __u32 l3_offset,
					     struct octet_frame *out)
{
	__u32 protocol, l3_length, l4_length, header_length, payload_length;
	__u32 tag_length = in->vlan_present ? 4 : 0;
	__u32 packet_length = in->frame_length - l3_offset;

	if (out->ip_version == 4) {
		l3_length = (__u32)(l3[0] & 0x0f) * 4;
		protocol = l3[9];
	} else {
		l3_length = 40 + octet_extensions(l3, in->data_end, &protocol);
	}
	if (protocol == 6 && l3 + l3_length + 13 > in->data_end)
		return octet_missing(in, l3_offset, l3_length + 13);
	l4_length = octet_l4_length(l3 + l3_length, in->data_end, protocol);
	header_length = l3_length + l4_length;
	if (packet_length <= header_length)
		return OCTET_PARSE_MALFORMED;
	payload_length = packet_length - header_length;
	/* SCTP marks "by fragments" with 0xffff (GSO_BY_FRAGS, include/linux/skbuff.h) */
	if (l4_length == 0 || in->gso_size == 0xffff)
		out->packets = in->gso_segs ? in->gso_segs : 1;
	else
		out->packets = (payload_length + in->gso_size - 1) / in->gso_size;
	out->bytes = (__u64)payload_length + (__u64)out->packets * header_length;
	out->wire_bytes = out->bytes + (__u64)out->packets * (l3_offset + tag_length);
	return OCTET_PARSE_IP;
}

/*
 * The network stack drops such a packet (ip_rcv_core, ip6_rcv_core), and who counted it by its header could be made to
 * count anything. In captures there are short frames whose length is right and the record's is not: there, believed.
 */
OCTET_INLINE int octet_is_lie(const struct octet_input *in, __u32 l3_offset, __u32 length)
{
	return in->is_strict && !in->gso_size && length > in->frame_length - l3_offset;
}

OCTET_INLINE enum octet_parse octet_parse_ipv4(const struct octet_input *in, const __u8 *l3, __u32 l3_offset,
					       struct octet_frame *out)
{
	__u32 header_length, total_length;

	if (l3 + 20 > in->data_end)
		return octet_missing(in, l3_offset, 20);
	header_length = (__u32)(l3[0] & 0x0f) * 4;
	total_length = OCTET_LOAD16(l3 + 2);
	if (l3[0] >> 4 != 4 || header_length < 20 || (total_length && total_length < header_length))
		return OCTET_PARSE_MALFORMED;
	if (octet_is_lie(in, l3_offset, total_length))
		return OCTET_PARSE_MALFORMED;
	out->ip_version = 4;
	out->src_ip = l3 + 12;
	out->dst_ip = l3 + 16;
	if (in->gso_size)
		return octet_segments(in, l3, l3_offset, out);
	out->bytes = total_length ? total_length : in->frame_length - l3_offset;
	return OCTET_PARSE_IP;
}

OCTET_INLINE enum octet_parse octet_parse_ipv6(const struct octet_input *in, const __u8 *l3, __u32 l3_offset,
					       struct octet_frame *out)
{
	__u32 payload_length;

	if (l3 + 40 > in->data_end)
		return octet_missing(in, l3_offset, 40);
	if (l3[0] >> 4 != 6)
		return OCTET_PARSE_MALFORMED;
	payload_length = OCTET_LOAD16(l3 + 4);
	if (octet_is_lie(in, l3_offset, payload_length + 40))
		return OCTET_PARSE_MALFORMED;
	out->ip_version = 6;
	out->src_ip = l3 + 8;
	out->dst_ip = l3 + 24;
	if (in->gso_size)
		return octet_segments(in, l3, l3_offset, out);
	/* 0 is a true length only where no header follows (59: RFC 8200, 4.7) */
	out->bytes = payload_length || l3[6] == 59 ? payload_length + 40 : in->frame_length - l3_offset;
	return OCTET_PARSE_IP;
}

OCTET_INLINE enum octet_parse octet_parse_l3(const struct octet_input *in, __u32 type, const __u8 *l3, __u32 l3_offset,
					     struct octet_frame *out)
{
	enum octet_parse result = OCTET_PARSE_NON_IP;

	/* a record can claim less than it holds */
	if (l3_offset > in->frame_length)
		return OCTET_PARSE_MALFORMED;
	if (type == OCTET_TYPE_IPV4)
		result = octet_parse_ipv4(in, l3, l3_offset, out);
	else if (type == OCTET_TYPE_IPV6)
		result = octet_parse_ipv6(in, l3, l3_offset, out);
	if (result != OCTET_PARSE_IP) {
		out->src_ip = 0;
		out->dst_ip = 0;
		out->ip_version = 0;
		out->bytes = 0;
	}
	return result;
}

/* Where the walk through the L2 headers stands. */
struct octet_cursor {
	const __u8 *at;
	__u32 offset;
	__u32 type; /* what begins at at; 0 for nothing that carries IP */
};

/* PPPoE session (RFC 2516, 4: six octets) and the PPP protocol number (two). */
OCTET_INLINE enum octet_parse octet_skip_pppoe(const struct octet_input *in, struct octet_cursor *cursor)
{
	__u32 protocol;

	if (cursor->at + 8 > in->data_end)
		return octet_missing(in, cursor->offset, 8);
	protocol = OCTET_LOAD16(cursor->at + 6);
	cursor->type = 0;
	if (protocol == OCTET_PPP_IPV4)
		cursor->type = OCTET_TYPE_IPV4;
	else if (protocol == OCTET_PPP_IPV6)
		cursor->type = OCTET_TYPE_IPV6;
	cursor->at += 8;
	cursor->offset += 8;
	return OCTET_PARSE_IP;
}

/* LLC; with SNAP it may carry an EtherType (RFC 1042). */
OCTET_INLINE enum octet_parse octet_skip_llc(const struct octet_input *in, struct octet_cursor *cursor)
{
	const __u8 *at = cursor->at;

	if (at + 8 > in->data_end)
		return cursor->offset + 8 <= in->frame_length ? OCTET_PARSE_SHORT : OCTET_PARSE_NON_IP;
	if (OCTET_LOAD16(at) != 0xaaaa || OCTET_LOAD16(at + 2) != 0x0300 || OCTET_LOAD16(at + 4) != 0x0000)
		return OCTET_PARSE_NON_IP;
	cursor->type = OCTET_LOAD16(at + 6);
	cursor->at += 8;
	cursor->offset += 8;
	return OCTET_PARSE_IP;
}

OCTET_INLINE enum octet_parse octet_skip_tags(const struct octet_input *in, struct octet_cursor *cursor,
					      struct octet_frame *out)
{
	int is_tagged = in->vlan_present != 0;

#ifdef __bpf__
#pragma clang loop unroll(full)
#endif
	for (int i = 0; i < OCTET_TAGS_MAX; i++) {
		if (!octet_is_tag(cursor->type))
			break;
		if (cursor->at + 4 > in->data_end)
			return octet_missing(in, cursor->offset, 4);
		if (!is_tagged)
			out->vlan = OCTET_LOAD16(cursor->at) & 0x0fff;
		is_tagged = 1;
		cursor->type = OCTET_LOAD16(cursor->at + 2);
		cursor->at += 4;
		cursor->offset += 4;
	}
	return OCTET_PARSE_IP;
}

/* Fills *out as far as the result allows. Reads nothing outside [data, data_end). */
OCTET_INLINE enum octet_parse octet_parse_frame(const struct octet_input *in, struct octet_frame *out)
{
	struct octet_cursor cursor = {.at = in->data + OCTET_ETH_LENGTH, .offset = OCTET_ETH_LENGTH};
	enum octet_parse result;

	*out = (struct octet_frame){
		.packets = 1,
		.wire_bytes = (__u64)in->frame_length + (in->vlan_present ? 4 : 0),
		.vlan = in->vlan_present ? in->vlan_tci & 0x0fff : 0,
	};
	if (cursor.at > in->data_end)
		return octet_missing(in, 0, OCTET_ETH_LENGTH);
	out->dst_mac = in->data;
	out->src_mac = in->data + 6;
	cursor.type = OCTET_LOAD16(in->data + 12);
	result = octet_skip_tags(in, &cursor, out);
	if (result == OCTET_PARSE_IP && cursor.type == OCTET_TYPE_PPPOE_SESSION)
		result = octet_skip_pppoe(in, &cursor);
	else if (result == OCTET_PARSE_IP && cursor.type < OCTET_TYPE_LENGTH_LIMIT)
		result = octet_skip_llc(in, &cursor);
	if (result != OCTET_PARSE_IP)
		return result;
	return octet_parse_l3(in, cursor.type, cursor.at, cursor.offset, out);
}

/*
 * Most frames: Ethernet II with IPv4 or IPv6 right behind it, no tag anywhere, no super-packet, readable. True and
 * what octet_parse_frame() would say; false for any other frame, of which it says nothing. Small enough that the
 * kernel half keeps it in registers. frame_length is no less than what is readable, as it is of packets.
 */
OCTET_INLINE int octet_parse_plain(const struct octet_input *in, struct octet_frame *out)
{
	const __u8 *l3 = in->data + OCTET_ETH_LENGTH;
	__u32 type, total_length;

	*out = (struct octet_frame){.packets = 1, .wire_bytes = in->frame_length};
	if (l3 + 20 > in->data_end || in->gso_size || in->vlan_present)
		return 0;
	out->dst_mac = in->data;
	out->src_mac = in->data + 6;
	type = OCTET_LOAD16(in->data + 12);
	if (type == OCTET_TYPE_IPV4) {
		total_length = OCTET_LOAD16(l3 + 2);
		/* without options, and without anything that is not as it should be */
		if (l3[0] != 0x45 || total_length < 20 || octet_is_lie(in, OCTET_ETH_LENGTH, total_length))
			return 0;
		out->ip_version = 4;
		out->src_ip = l3 + 12;
		out->dst_ip = l3 + 16;
		out->bytes = total_length;
		return 1;
	}
	if (type != OCTET_TYPE_IPV6 || l3 + 40 > in->data_end)
		return 0;
	total_length = OCTET_LOAD16(l3 + 4);
	if (l3[0] >> 4 != 6 || total_length == 0 || octet_is_lie(in, OCTET_ETH_LENGTH, total_length + 40))
		return 0;
	out->ip_version = 6;
	out->src_ip = l3 + 8;
	out->dst_ip = l3 + 24;
	out->bytes = total_length + 40;
	return 1;
}

#endif
