/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "support/guarded.h"
#include "support/raw_frame.h"

#define CLIENT "02:00:00:00:00:01"
#define GATEWAY "02:00:00:00:00:fe"

enum { ETHERNET_LENGTH = 14, UDP = 17 };

/* What a frame must come out as. */
struct expectation {
	enum octet_parse result;
	uint32_t ip_version;
	uint64_t bytes;
	uint32_t vlan;
};

struct crafted {
	const char *name;
	void (*make)(struct raw_frame *frame);
	struct expectation expected;
};

static void add_ipv4(struct raw_frame *frame, uint16_t total_length, size_t n_payload)
{
	raw_ipv4(frame, &(struct raw_ip){
				.src = "10.0.0.1", .dst = "192.0.2.1", .protocol = UDP, .length_field = total_length});
	raw_zeros(frame, n_payload);
}

static void add_ipv6(struct raw_frame *frame, uint8_t next, uint16_t payload_length, size_t n_payload)
{
	raw_ipv6(frame,
		 &(struct raw_ip){
			 .src = "fe80::1", .dst = "2001:db8::1", .protocol = next, .length_field = payload_length});
	raw_zeros(frame, n_payload);
}

static void make_ipv4(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_IPV4);
	add_ipv4(frame, 60, 40);
}

static void make_padded(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_IPV4);
	add_ipv4(frame, 28, 26);
}

/* seen in real captures: 42 octets whose header says 63 */
static void make_longer_than_frame(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_IPV4);
	add_ipv4(frame, 63, 8);
}

static void make_total_length_0(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_IPV4);
	add_ipv4(frame, 0, 1000);
}

static void make_options(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_IPV4);
	raw_ipv4(frame, &(struct raw_ip){.src = "10.0.0.1",
					 .dst = "192.0.2.1",
					 .protocol = UDP,
					 .n_option_words = 10,
					 .length_field = 68});
	raw_zeros(frame, 8);
}

static void make_fragment(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_IPV4);
	raw_ipv4(frame, &(struct raw_ip){.src = "10.0.0.1",
					 .dst = "192.0.2.1",
					 .protocol = UDP,
					 .length_field = 1500,
					 .fragment = 0x20b9});
	raw_zeros(frame, 1480);
}

static void make_short_header(struct raw_frame *frame)
{
	make_ipv4(frame);
	frame->octets[ETHERNET_LENGTH] = 0x44; /* four words are no header */
}

static void make_version_mismatch(struct raw_frame *frame)
{
	make_ipv4(frame);
	frame->octets[ETHERNET_LENGTH] = 0x65;
}

static void make_shorter_than_header(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_IPV4);
	add_ipv4(frame, 19, 40);
}

static void make_shorter_than_options(struct raw_frame *frame)
{
	make_options(frame);
	frame->octets[ETHERNET_LENGTH + 3] = 59;
}

static void make_ipv6(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_IPV6);
	add_ipv6(frame, UDP, 20, 20);
}

static void make_ipv6_extensions(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_IPV6);
	add_ipv6(frame, 0, 36, 0);
	raw_octets(frame, "\x3a\x00\x05\x02\x00\x00\x01\x00", 8); /* hop-by-hop, then ICMPv6 */
	raw_zeros(frame, 28);
}

static void make_ipv6_jumbo(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_IPV6);
	add_ipv6(frame, 0, 0, 1500);
}

static void make_ipv6_no_next(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_IPV6);
	add_ipv6(frame, 59, 0, 6);
}

static void make_ipv6_version_mismatch(struct raw_frame *frame)
{
	make_ipv6(frame);
	frame->octets[ETHERNET_LENGTH] = 0x45;
}

static void make_vlan(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_8021Q);
	raw_tag(frame, 0xe064, OCTET_TYPE_IPV4); /* priority 7, VLAN 100 */
	add_ipv4(frame, 60, 40);
}

static void make_qinq(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_8021AD);
	raw_tag(frame, 200, OCTET_TYPE_8021Q);
	raw_tag(frame, 100, OCTET_TYPE_IPV6);
	add_ipv6(frame, UDP, 20, 20);
}

static void make_five_tags(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_8021Q);
	for (uint16_t i = 1; i <= 5; i++)
		raw_tag(frame, i, i < 5 ? OCTET_TYPE_QINQ_OLD : OCTET_TYPE_IPV4);
	add_ipv4(frame, 60, 40);
}

static void make_pppoe_in_qinq(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_8021AD);
	raw_tag(frame, 7, OCTET_TYPE_8021Q);
	raw_tag(frame, 8, OCTET_TYPE_PPPOE_SESSION);
	raw_pppoe(frame, OCTET_PPP_IPV4);
	add_ipv4(frame, 60, 40);
}

static void make_pppoe_ipv6(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_PPPOE_SESSION);
	raw_pppoe(frame, OCTET_PPP_IPV6);
	add_ipv6(frame, UDP, 20, 20);
}

static void make_pppoe_lcp(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, OCTET_TYPE_PPPOE_SESSION);
	raw_pppoe(frame, 0xc021);
	raw_zeros(frame, 38);
}

static void make_snap(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, 68);
	raw_snap(frame, OCTET_TYPE_IPV4);
	add_ipv4(frame, 60, 40);
}

static void make_llc(struct raw_frame *frame)
{
	raw_ethernet(frame, "01:80:c2:00:00:00", CLIENT, 38);
	raw_octets(frame, "\x42\x42\x03", 3); /* a bridge's spanning tree */
	raw_zeros(frame, 43);
}

static void make_tiny_llc(struct raw_frame *frame)
{
	raw_ethernet(frame, GATEWAY, CLIENT, 6);
	raw_octets(frame, "\x00\x01\xaf\x81\x01\x00", 6);
}

static void make_arp(struct raw_frame *frame)
{
	raw_ethernet(frame, "ff:ff:ff:ff:ff:ff", CLIENT, 0x0806);
	raw_zeros(frame, 46);
}

static const struct crafted crafted[] = {
	{"IPv4", make_ipv4, {OCTET_PARSE_IP, 4, 60, 0}},
	{"padded", make_padded, {OCTET_PARSE_IP, 4, 28, 0}},
	{"longer than its frame", make_longer_than_frame, {OCTET_PARSE_IP, 4, 63, 0}},
	{"total length 0", make_total_length_0, {OCTET_PARSE_IP, 4, 1020, 0}},
	{"options", make_options, {OCTET_PARSE_IP, 4, 68, 0}},
	{"fragment", make_fragment, {OCTET_PARSE_IP, 4, 1500, 0}},
	{"header length 4", make_short_header, {OCTET_PARSE_MALFORMED, 0, 0, 0}},
	{"version 6 in IPv4", make_version_mismatch, {OCTET_PARSE_MALFORMED, 0, 0, 0}},
	{"total length 19", make_shorter_than_header, {OCTET_PARSE_MALFORMED, 0, 0, 0}},
	{"shorter than its options", make_shorter_than_options, {OCTET_PARSE_MALFORMED, 0, 0, 0}},
	{"IPv6", make_ipv6, {OCTET_PARSE_IP, 6, 60, 0}},
	{"IPv6 extensions", make_ipv6_extensions, {OCTET_PARSE_IP, 6, 76, 0}},
	{"IPv6 jumbogram", make_ipv6_jumbo, {OCTET_PARSE_IP, 6, 1540, 0}},
	{"IPv6 without a next header", make_ipv6_no_next, {OCTET_PARSE_IP, 6, 40, 0}},
	{"version 4 in IPv6", make_ipv6_version_mismatch, {OCTET_PARSE_MALFORMED, 0, 0, 0}},
	{"VLAN", make_vlan, {OCTET_PARSE_IP, 4, 60, 100}},
	{"QinQ", make_qinq, {OCTET_PARSE_IP, 6, 60, 200}},
	{"five tags", make_five_tags, {OCTET_PARSE_NON_IP, 0, 0, 1}},
	{"PPPoE in QinQ", make_pppoe_in_qinq, {OCTET_PARSE_IP, 4, 60, 7}},
	{"PPPoE with IPv6", make_pppoe_ipv6, {OCTET_PARSE_IP, 6, 60, 0}},
	{"PPPoE with LCP", make_pppoe_lcp, {OCTET_PARSE_NON_IP, 0, 0, 0}},
	{"LLC/SNAP", make_snap, {OCTET_PARSE_IP, 4, 60, 0}},
	{"LLC", make_llc, {OCTET_PARSE_NON_IP, 0, 0, 0}},
	{"LLC of 20 octets", make_tiny_llc, {OCTET_PARSE_NON_IP, 0, 0, 0}},
	{"ARP", make_arp, {OCTET_PARSE_NON_IP, 0, 0, 0}},
};

static void check_addresses(const char *name, const struct octet_frame *out)
{
	static const uint8_t v4[8] = {10, 0, 0, 1, 192, 0, 2, 1};
	static const uint8_t v6_src[16] = {0xfe, 0x80, [15] = 1};

	if (out->ip_version == 4) {
		cr_assert_arr_eq(out->src_ip, v4, 4, "%s", name);
		cr_assert_arr_eq(out->dst_ip, v4 + 4, 4, "%s", name);
	} else if (out->ip_version == 6) {
		cr_assert_arr_eq(out->src_ip, v6_src, 16, "%s", name);
		cr_assert_eq(out->dst_ip - out->src_ip, 16, "%s", name);
	} else {
		cr_assert_null(out->src_ip, "%s", name);
		cr_assert_null(out->dst_ip, "%s", name);
	}
}

Test(parse, crafted_frames)
{
	for (size_t i = 0; i < ARRAY_LENGTH(crafted); i++) {
		const struct crafted *row = &crafted[i];
		struct raw_frame frame;
		struct octet_frame out;

		row->make(&frame);
		const struct octet_input in = raw_input(&frame);
		cr_assert_eq(octet_parse_frame(&in, &out), row->expected.result, "%s", row->name);
		cr_assert_eq(out.ip_version, row->expected.ip_version, "%s: version %u", row->name, out.ip_version);
		cr_assert_eq(out.bytes, row->expected.bytes, "%s: %llu bytes", row->name,
			     (unsigned long long)out.bytes);
		cr_assert_eq(out.vlan, row->expected.vlan, "%s: VLAN %u", row->name, out.vlan);
		cr_assert_eq(out.packets, 1, "%s", row->name);
		cr_assert_eq(out.wire_bytes, frame.length, "%s", row->name);
		cr_assert_eq(out.dst_mac - frame.octets, 0, "%s", row->name);
		cr_assert_eq(out.src_mac - frame.octets, 6, "%s", row->name);
		check_addresses(row->name, &out);
	}
}

static void check_within(const struct octet_input *in, const uint8_t *field, size_t length, const char *name)
{
	if (field)
		cr_assert(field >= in->data && field + length <= in->data_end, "%s: points outside", name);
}

static void check_consistent(const struct octet_input *in, enum octet_parse result, const struct octet_frame *out,
			     const char *name)
{
	const size_t ip_length = out->ip_version == 4 ? 4 : 16;

	check_within(in, out->dst_mac, 6, name);
	check_within(in, out->src_mac, 6, name);
	check_within(in, out->src_ip, ip_length, name);
	check_within(in, out->dst_ip, ip_length, name);
	cr_assert_eq(result == OCTET_PARSE_IP, out->src_ip != NULL, "%s", name);
	cr_assert_eq(result == OCTET_PARSE_IP, out->dst_ip != NULL, "%s", name);
	cr_assert_eq(result == OCTET_PARSE_IP, out->ip_version != 0, "%s", name);
	cr_assert_eq(result == OCTET_PARSE_IP, out->bytes != 0, "%s", name);
	cr_assert_geq(out->packets, 1, "%s", name);
	cr_assert_eq(out->dst_mac != NULL, in->data_end - in->data >= ETHERNET_LENGTH, "%s", name);
}

/*
 * Cut on the wire: what is not there never comes. Nothing but whole headers may be IP, and no length may read
 * behind the end.
 */
Test(parse, every_truncation_of_the_frame)
{
	struct guarded guarded;

	guarded_init(&guarded);
	for (size_t i = 0; i < ARRAY_LENGTH(crafted); i++) {
		struct raw_frame frame;

		crafted[i].make(&frame);
		for (size_t length = 0; length <= frame.length; length++) {
			const struct octet_input in = guarded_input(&guarded, &frame, length);
			struct octet_frame out;

			const enum octet_parse result = octet_parse_frame(&in, &out);
			check_consistent(&in, result, &out, crafted[i].name);
			cr_assert_neq(result, OCTET_PARSE_SHORT, "%s at %zu: all of it is readable", crafted[i].name,
				      length);
			cr_assert_eq(out.wire_bytes, length, "%s", crafted[i].name);
			if (length < ETHERNET_LENGTH)
				cr_assert_eq(result, OCTET_PARSE_MALFORMED, "%s at %zu", crafted[i].name, length);
		}
	}
	guarded_clean(&guarded);
}

/* Cut by the reader: the result is SHORT until the headers are there, and then that of the whole frame. */
Test(parse, every_truncation_of_what_is_readable)
{
	struct guarded guarded;

	guarded_init(&guarded);
	for (size_t i = 0; i < ARRAY_LENGTH(crafted); i++) {
		const struct expectation *expected = &crafted[i].expected;
		struct raw_frame frame;
		enum octet_parse previous = OCTET_PARSE_SHORT;

		crafted[i].make(&frame);
		for (size_t length = 0; length <= frame.length; length++) {
			struct octet_input in = guarded_input(&guarded, &frame, length);
			struct octet_frame out;

			in.frame_length = (uint32_t)frame.length;
			const enum octet_parse result = octet_parse_frame(&in, &out);
			check_consistent(&in, result, &out, crafted[i].name);
			cr_assert_eq(out.wire_bytes, frame.length, "%s", crafted[i].name);
			cr_assert(result == expected->result || (result == OCTET_PARSE_SHORT && previous == result),
				  "%s at %zu: %d after %d", crafted[i].name, length, (int)result, (int)previous);
			if (result == OCTET_PARSE_IP)
				cr_assert_eq(out.bytes, expected->bytes, "%s at %zu", crafted[i].name, length);
			previous = result;
		}
		cr_assert_eq(previous, expected->result, "%s", crafted[i].name);
	}
	guarded_clean(&guarded);
}

/* Every octet of the headers with every value: no crash, and nothing but a consistent answer. */
Test(parse, every_octet_changed)
{
	struct guarded guarded;

	guarded_init(&guarded);
	for (size_t i = 0; i < ARRAY_LENGTH(crafted); i++) {
		struct raw_frame frame;

		crafted[i].make(&frame);
		const size_t length = frame.length < 80 ? frame.length : 80;
		for (size_t at = 12; at < length; at++) {
			const uint8_t kept = frame.octets[at];
			for (unsigned int value = 0; value < 256; value++) {
				frame.octets[at] = (uint8_t)value;
				struct octet_input in = guarded_input(&guarded, &frame, length);
				in.gso_size = value & 1 ? 1000 : 0;
				struct octet_frame out;
				const enum octet_parse result = octet_parse_frame(&in, &out);
				check_consistent(&in, result, &out, crafted[i].name);
			}
			frame.octets[at] = kept;
		}
	}
	guarded_clean(&guarded);
}

/* Where the parser of plain frames answers, it answers as the whole parser does. */
static bool check_plain(const char *name, const struct octet_input *in)
{
	struct octet_frame plain, whole;

	if (!octet_parse_plain(in, &plain))
		return false;
	cr_assert_eq(octet_parse_frame(in, &whole), OCTET_PARSE_IP, "%s", name);
	cr_assert_eq(plain.dst_mac, whole.dst_mac, "%s", name);
	cr_assert_eq(plain.src_mac, whole.src_mac, "%s", name);
	cr_assert_eq(plain.dst_ip, whole.dst_ip, "%s", name);
	cr_assert_eq(plain.src_ip, whole.src_ip, "%s", name);
	cr_assert_eq(plain.ip_version, whole.ip_version, "%s", name);
	cr_assert_eq(plain.vlan, whole.vlan, "%s", name);
	cr_assert_eq(plain.packets, whole.packets, "%s", name);
	cr_assert_eq(plain.bytes, whole.bytes, "%s", name);
	cr_assert_eq(plain.wire_bytes, whole.wire_bytes, "%s", name);
	return true;
}

Test(parse, plain_frames_come_out_as_by_the_whole_parser)
{
	struct guarded guarded;
	size_t n_plain = 0;

	guarded_init(&guarded);
	for (size_t i = 0; i < ARRAY_LENGTH(crafted); i++) {
		struct raw_frame frame;

		crafted[i].make(&frame);
		const size_t length = frame.length < 80 ? frame.length : 80;
		for (size_t at = 12; at < length; at++) {
			const uint8_t kept = frame.octets[at];

			for (unsigned int value = 0; value < 256; value++) {
				frame.octets[at] = (uint8_t)value;
				/* cut to every length in turn: nothing beyond is read */
				struct octet_input in = guarded_input(&guarded, &frame, value % (length + 1));

				n_plain += check_plain(crafted[i].name, &in);
				in = guarded_input(&guarded, &frame, length);
				n_plain += check_plain(crafted[i].name, &in);
				in.vlan_present = value & 1;
				in.gso_size = value & 2;
				cr_assert(!check_plain(crafted[i].name, &in) || !(value & 3));
			}
			frame.octets[at] = kept;
		}
	}
	cr_expect_gt(n_plain, 10000, "most of them are");
	guarded_clean(&guarded);
}

/* Live, a header that says more than the frame has is a lie; of a capture it may be the record that is short. */
Test(parse, strict_input_believes_no_header_beyond_the_frame)
{
	struct raw_frame frame;
	struct octet_frame out;

	make_longer_than_frame(&frame);
	struct octet_input in = raw_input(&frame);
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_IP);
	cr_assert_gt(out.bytes, frame.length);
	in.is_strict = 1;
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_MALFORMED);
	cr_assert_eq(out.bytes, 0);
	cr_assert_not(octet_parse_plain(&in, &out));
	make_ipv6(&frame);
	in = raw_input(&frame);
	in.is_strict = 1;
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_IP, "all of it is there");
	in.frame_length--;
	in.data_end--;
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_MALFORMED, "and now an octet is not");
	cr_assert_not(octet_parse_plain(&in, &out));
}

/* The claim and what is there contradict each other: records of damaged captures. */
Test(parse, claims_less_than_it_holds)
{
	struct raw_frame frame;
	struct octet_frame out;

	make_vlan(&frame);
	struct octet_input in = raw_input(&frame);
	in.frame_length = 0;
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_MALFORMED);
	cr_assert_eq(out.wire_bytes, 0);
	in.frame_length = 17; /* less than Ethernet and tag */
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_MALFORMED);
}

Test(parse, empty)
{
	const struct octet_input in = {.data = (const uint8_t *)"", .data_end = (const uint8_t *)""};
	struct octet_frame out;

	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_MALFORMED);
	cr_assert_eq(out.packets, 1);
	cr_assert_eq(out.wire_bytes, 0);
	cr_assert_null(out.dst_mac);
}

Test(parse, tag_in_metadata)
{
	struct raw_frame frame;
	struct octet_frame out;

	make_vlan(&frame);
	struct octet_input in = raw_input(&frame);
	in.vlan_present = 1;
	in.vlan_tci = 0x2000 | 300;
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_IP);
	cr_assert_eq(out.vlan, 300, "the tag in metadata is the outer one");
	cr_assert_eq(out.wire_bytes, frame.length + 4);
	cr_assert_eq(out.bytes, 60);

	make_ipv4(&frame);
	in = raw_input(&frame);
	in.vlan_tci = 300;
	cr_assert_eq(octet_parse_frame(&in, &out), OCTET_PARSE_IP);
	cr_assert_eq(out.vlan, 0, "a TCI without a tag says nothing");
	cr_assert_eq(out.wire_bytes, frame.length);
}
