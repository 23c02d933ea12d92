/* SPDX-License-Identifier: MIT */
/* Super-packets taken apart: packets, L3 bytes and wire bytes, as they would have been on the wire. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "support/raw_frame.h"

#define CLIENT "02:00:00:00:00:01"
#define GATEWAY "02:00:00:00:00:fe"

enum { ETHERNET_LENGTH = 14, TCP = 6, UDP = 17, SCTP = 132 };

static void add_ipv6(struct raw_frame *frame, uint8_t next, uint16_t payload_length, size_t n_payload)
{
	raw_ipv6(frame,
		 &(struct raw_ip){
			 .src = "fe80::1", .dst = "2001:db8::1", .protocol = next, .length_field = payload_length});
	raw_zeros(frame, n_payload);
}

struct super_packet {
	const char *name;
	uint8_t ip_version;
	uint8_t protocol;
	uint8_t n_l4_octets;
	uint32_t n_payload;
	uint32_t gso_size;
	uint32_t gso_segs;
	uint32_t packets;
	uint32_t n_l3_octets; /* of each segment's IP header */
};

static void check_super_packet(const struct super_packet *row, int has_tag)
{
	const struct raw_ip ip = {
		.src = row->ip_version == 4 ? "10.0.0.1" : "fe80::1",
		.dst = row->ip_version == 4 ? "192.0.2.1" : "2001:db8::1",
		.protocol = row->protocol,
		.n_option_words = row->ip_version == 4 ? (uint8_t)(row->n_l3_octets / 4 - 5) : 0,
	};
	struct raw_frame frame;
	struct octet_frame out;

	raw_ethernet(&frame, GATEWAY, CLIENT, row->ip_version == 4 ? OCTET_TYPE_IPV4 : OCTET_TYPE_IPV6);
	if (row->ip_version == 4)
		raw_ipv4(&frame, &ip);
	else
		raw_ipv6(&frame, &ip);
	if (row->protocol == TCP)
		raw_tcp(&frame, row->n_l4_octets);
	else
		raw_zeros(&frame, row->n_l4_octets);

	struct octet_input in = raw_input(&frame); /* headers alone are readable, as in the kernel */
	in.frame_length = ETHERNET_LENGTH + row->n_l3_octets + row->n_l4_octets + row->n_payload;
	in.gso_size = row->gso_size;
	in.gso_segs = row->gso_segs;
	in.vlan_present = (uint32_t)has_tag;
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_IP, "%s", row->name);

	const uint64_t l3_bytes = row->n_payload + (uint64_t)row->packets * (row->n_l3_octets + row->n_l4_octets);
	const uint64_t l2_bytes = (uint64_t)row->packets * (ETHERNET_LENGTH + (has_tag ? 4 : 0));
	cr_assert_eq(out.packets, row->packets, "%s: %u packets", row->name, out.packets);
	cr_assert_eq(out.bytes, l3_bytes, "%s: %llu bytes", row->name, (unsigned long long)out.bytes);
	cr_assert_eq(out.wire_bytes, l3_bytes + l2_bytes, "%s: wire", row->name);
}

/* Headers are 20 or 40 octets of IP and those of L4; each segment on the wire repeats them. */
Test(parse_super, super_packets)
{
	static const struct super_packet rows[] = {
		{"TCP, whole segments", 4, TCP, 32, 14480, 1448, 10, 10, 20},
		{"TCP, a short last one", 4, TCP, 32, 14481, 1448, 11, 11, 20},
		{"TCP, one octet", 4, TCP, 20, 1, 1460, 1, 1, 20},
		{"TCP, exactly one", 4, TCP, 20, 1460, 1460, 0, 1, 20},
		{"gso_segs 0, as on tap", 4, TCP, 32, 64000, 1448, 0, 45, 20},
		{"gso_segs wrong", 4, TCP, 32, 64000, 1448, 3, 45, 20},
		{"IP options", 4, TCP, 20, 2897, 1448, 3, 3, 24},
		{"TCP options, all", 4, TCP, 60, 5000, 1000, 5, 5, 20},
		{"IPv6", 6, TCP, 32, 65000, 1428, 0, 46, 40},
		{"BIG TCP", 6, TCP, 32, 500000, 1428, 0, 351, 40},
		{"UDP", 4, UDP, 8, 10000, 1200, 9, 9, 20},
		{"UDP over IPv6", 6, UDP, 8, 10000, 1232, 0, 9, 40},
		{"SCTP by fragments", 4, SCTP, 12, 3000, 0xffff, 3, 3, 20},
		{"SCTP by fragments, unknown", 4, SCTP, 12, 3000, 0xffff, 0, 1, 20},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		check_super_packet(&rows[i], 0);
		check_super_packet(&rows[i], 1);
	}
}

/* Extension headers are repeated by each segment too. */
Test(parse_super, super_packet_with_extensions)
{
	struct raw_frame frame;
	struct octet_frame out;

	raw_ethernet(&frame, GATEWAY, CLIENT, OCTET_TYPE_IPV6);
	add_ipv6(&frame, 0, 0, 0);
	raw_octets(&frame, "\x3c\x00\x00\x00\x00\x00\x00\x00", 8); /* hop-by-hop, then destination options */
	raw_octets(&frame, "\x2c\x01\x00\x00\x00\x00\x00\x00", 8); /* 16 octets of them, then a fragment header */
	raw_zeros(&frame, 8);
	raw_octets(&frame, "\x33\x07\x00\x00\x00\x00\x00\x00", 8); /* always 8, then AH */
	raw_octets(&frame, "\x06\x04\x00\x00", 4);                 /* (4 + 2) words, then TCP */
	raw_zeros(&frame, 20);
	raw_tcp(&frame, 20);
	struct octet_input in = raw_input(&frame);
	in.frame_length = (uint32_t)frame.length + 3000;
	in.gso_size = 1400;
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_IP);
	cr_assert_eq(out.packets, 3);
	cr_assert_eq(out.bytes, 3000 + 3 * (40 + 8 + 16 + 8 + 24 + 20));
}

Test(parse_super, super_packet_without_its_headers)
{
	struct raw_frame frame;
	struct octet_frame out;

	raw_ethernet(&frame, GATEWAY, CLIENT, OCTET_TYPE_IPV4);
	raw_ipv4(&frame, &(struct raw_ip){.src = "10.0.0.1", .dst = "192.0.2.1", .protocol = TCP});
	struct octet_input in = raw_input(&frame);
	in.gso_size = 1448;
	in.frame_length = 4000;
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_SHORT, "the TCP header can be made readable");
	cr_assert_eq(out.packets, 1);
	cr_assert_eq(out.bytes, 0);
	in.frame_length = (uint32_t)frame.length;
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_MALFORMED, "there is none");

	raw_tcp(&frame, 20);
	in = raw_input(&frame);
	in.gso_size = 1448;
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_MALFORMED, "a super-packet without payload");
}
