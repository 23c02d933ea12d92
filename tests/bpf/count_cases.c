/* SPDX-License-Identifier: MIT */
#include "bpf/count_cases.h"

#include "base/cleanup.h"

#define TCP 6
#define UDP 17
#define ICMP 1
#define ESP 50
#define ICMP6 58
#define SCTP 132

/* A case in one or two lines. */
/* clang-format off */
static const struct count_case ip_cases[] = {
	{"udp4", {.protocol = UDP, .payload = 100}, 0, 0, OCTET_CLASS_COUNTED, 1, 20 + 8 + 100, 14 + 128, 0},
	{"tcp4", {.protocol = TCP, .payload = 7}, 0, 0, OCTET_CLASS_COUNTED, 1, 20 + 20 + 7, 14 + 47, 0},
	{"icmp4", {.protocol = ICMP, .payload = 64}, 0, 0, OCTET_CLASS_COUNTED, 1, 20 + 64, 14 + 84, 0},
	{"esp4", {.protocol = ESP, .payload = 333}, 0, 0, OCTET_CLASS_COUNTED, 1, 353, 367, 0},
	{"empty4", {.protocol = UDP, .has_no_l4 = true}, 0, 0, OCTET_CLASS_COUNTED, 1, 20, 34, 0},
	{"options4", {.protocol = TCP, .options = 40, .tcp_options = 12, .payload = 5}, 0, 0, OCTET_CLASS_COUNTED, 1,
	 60 + 32 + 5, 14 + 97, 0},
	{"first fragment4", {.protocol = UDP, .fragment = 0x2000, .payload = 1472}, 0, 0, OCTET_CLASS_COUNTED, 1,
	 1500, 1514, 0},
	{"last fragment4", {.protocol = UDP, .has_no_l4 = true, .fragment = 185, .payload = 20}, 0, 0,
	 OCTET_CLASS_COUNTED, 1, 40, 54, 0},
	{"padding4", {.protocol = UDP, .payload = 1, .pad_to = 60}, 0, 0, OCTET_CLASS_COUNTED, 1, 29, 60, 0},
	{"total length 0", {.protocol = UDP, .payload = 100, .pokes = {{16, 0}, {17, 0}}}, 0, 0, OCTET_CLASS_COUNTED,
	 1, 128, 142, 0},
	{"udp6", {.is_ipv6 = true, .protocol = UDP, .payload = 100}, 0, 0, OCTET_CLASS_COUNTED, 1, 40 + 8 + 100, 14 +
	 148, 0},
	{"tcp6", {.is_ipv6 = true, .protocol = TCP, .payload = 1}, 0, 0, OCTET_CLASS_COUNTED, 1, 40 + 20 + 1, 14 + 61,
	 0},
	{"icmp6", {.is_ipv6 = true, .protocol = ICMP6, .payload = 24}, 0, 0, OCTET_CLASS_COUNTED, 1, 64, 78, 0},
	{"extensions6", {.is_ipv6 = true, .extensions = {0, 43, 60}, .n_extensions = 3, .protocol = TCP, .payload =
	 9}, 0, 0, OCTET_CLASS_COUNTED, 1, 40 + 3 * 8 + 20 + 9, 14 + 93, 0},
	{"fragment6", {.is_ipv6 = true, .extensions = {44}, .n_extensions = 1, .has_no_l4 = true, .payload = 1000}, 0,
	 0, OCTET_CLASS_COUNTED, 1, 40 + 8 + 1000, 14 + 1048, 0},
	{"ten extensions6", {.is_ipv6 = true, .extensions = {60, 60, 60, 60, 60, 60, 60, 60, 60, 60}, .n_extensions =
	 10, .protocol = UDP}, 0, 0, OCTET_CLASS_COUNTED, 1, 40 + 80 + 8, 14 + 128, 0},
	{"payload length 0 in front of a header", {.is_ipv6 = true, .protocol = UDP, .payload = 50, .pokes = {{18, 0},
	 {19, 0}}}, 0, 0, OCTET_CLASS_COUNTED, 1, 98, 112, 0},
	{"no next header, padded", {.is_ipv6 = true, .protocol = 59, .pad_to = 60}, 0, 0, OCTET_CLASS_COUNTED, 1, 40,
	 60, 0},
	{"padding6", {.is_ipv6 = true, .protocol = ICMP6, .payload = 4, .pad_to = 60}, 0, 0, OCTET_CLASS_COUNTED, 1,
	 44, 60, 0},
};

static const struct count_case carrier_cases[] = {
	{"vlan", {.tags = {FRAME_TAG(0x8100, 0xe064)}, .protocol = UDP, .payload = 10}, 0, 0, OCTET_CLASS_COUNTED, 1,
	 38, 14 + 4 + 38, 100},
	{"priority tag", {.tags = {FRAME_TAG(0x8100, 0xe000)}, .protocol = UDP, .payload = 10}, 0, 0,
	 OCTET_CLASS_COUNTED, 1, 38, 14 + 4 + 38, 0},
	{"vlan 4094, v6", {.tags = {FRAME_TAG(0x8100, 4094)}, .is_ipv6 = true, .protocol = UDP}, 0, 0,
	 OCTET_CLASS_COUNTED, 1, 48, 14 + 4 + 48, 4094},
	{"qinq", {.tags = {FRAME_TAG(0x88a8, 7), FRAME_TAG(0x8100, 8)}, .protocol = UDP, .payload = 1}, 0, 0,
	 OCTET_CLASS_COUNTED, 1, 29, 14 + 8 + 29, 7},
	{"old qinq", {.tags = {FRAME_TAG(0x9100, 9), FRAME_TAG(0x8100, 8)}, .is_ipv6 = true, .protocol = TCP}, 0, 0,
	 OCTET_CLASS_COUNTED, 1, 60, 14 + 8 + 60, 9},
	{"four tags", {.tags = {FRAME_TAG(0x88a8, 1), FRAME_TAG(0x8100, 2), FRAME_TAG(0x8100, 3), FRAME_TAG(0x8100,
	 4)}, .protocol = UDP}, 0, 0, OCTET_CLASS_COUNTED, 1, 28, 14 + 16 + 28, 1},
	{"five tags", {.tags = {FRAME_TAG(0x88a8, 1), FRAME_TAG(0x8100, 2), FRAME_TAG(0x8100, 3), FRAME_TAG(0x8100,
	 4), FRAME_TAG(0x8100, 5)}, .protocol = UDP}, 0, 0, OCTET_CLASS_NON_IP, 1, 0, 14 + 20 + 28, 1},
	{"pppoe4", {.carrier = FRAME_PPPOE, .protocol = TCP, .payload = 100}, 0, 0, OCTET_CLASS_COUNTED, 1, 140, 14 +
	 8 + 140, 0},
	{"pppoe6 in a vlan", {.tags = {FRAME_TAG(0x8100, 35)}, .carrier = FRAME_PPPOE, .is_ipv6 = true, .protocol =
	 TCP}, 0, 0, OCTET_CLASS_COUNTED, 1, 60, 14 + 4 + 8 + 60, 35},
	{"pppoe, LCP", {.carrier = FRAME_PPPOE, .type = 0xc021, .payload = 8, .pad_to = 60}, 0, 0, OCTET_CLASS_NON_IP,
	 1, 0, 60, 0},
	{"snap4", {.carrier = FRAME_SNAP, .protocol = UDP, .payload = 3}, 0, 0, OCTET_CLASS_COUNTED, 1, 31, 14 + 8 +
	 31, 0},
	{"snap6 in a vlan", {.tags = {FRAME_TAG(0x8100, 5)}, .carrier = FRAME_SNAP, .is_ipv6 = true, .protocol = UDP},
	 0, 0, OCTET_CLASS_COUNTED, 1, 48, 14 + 4 + 8 + 48, 5},
	{"snap, other organisation", {.carrier = FRAME_SNAP, .protocol = UDP, .pokes = {{19, 0x80}}}, 0, 0,
	 OCTET_CLASS_NON_IP, 1, 0, 14 + 8 + 28, 0},
	{"arp", {.type = 0x0806, .payload = 28, .pad_to = 60}, 0, 0, OCTET_CLASS_NON_IP, 1, 0, 60, 0},
	{"arp in a vlan", {.tags = {FRAME_TAG(0x8100, 12)}, .type = 0x0806, .payload = 28}, 0, 0, OCTET_CLASS_NON_IP,
	 1, 0, 46, 12},
	{"eapol", {.type = 0x888e, .payload = 4}, 0, 0, OCTET_CLASS_NON_IP, 1, 0, 18, 0},
	{"llc", {.type = 3, .payload = 3, .pad_to = 60}, 0, 0, OCTET_CLASS_NON_IP, 1, 0, 60, 0},
	{"llc of two octets", {.type = 2, .payload = 2}, 0, 0, OCTET_CLASS_NON_IP, 1, 0, 16, 0},
	{"nothing behind the EtherType", {.type = 0x88cc}, 0, 0, OCTET_CLASS_NON_IP, 1, 0, 14, 0},
};

static const struct count_case malformed_cases[] = {
	/* the stack drops it; a capture's record may have been cut, and its header is believed */
	{"total length beyond the frame", {.protocol = UDP, .payload = 0, .pokes = {{17, 63}}}, 0, 0,
	 OCTET_CLASS_MALFORMED, 1, 0, 42, 0},
	{"total length beyond the frame, with options", {.protocol = UDP, .options = 4, .pokes = {{16, 255}, {17, 255}}},
	 0, 0, OCTET_CLASS_MALFORMED, 1, 0, 46, 0},
	{"payload length beyond the frame", {.is_ipv6 = true, .protocol = UDP, .pokes = {{18, 255}, {19, 255}}}, 0, 0,
	 OCTET_CLASS_MALFORMED, 1, 0, 62, 0},
	/* tagged, because a test run refuses a frame that ends in its IP header */
	{"cut in the IPv4 header", {.tags = {FRAME_TAG(0x8100, 1)}, .protocol = UDP, .cut_to = 37}, 0, 0,
	 OCTET_CLASS_MALFORMED, 1, 0, 37, 0},
	{"cut in the IPv6 header", {.tags = {FRAME_TAG(0x8100, 1)}, .is_ipv6 = true, .protocol = UDP, .cut_to = 57},
	 0, 0, OCTET_CLASS_MALFORMED, 1, 0, 57, 0},
	{"cut in the tag", {.tags = {FRAME_TAG(0x8100, 1)}, .protocol = UDP, .cut_to = 17}, 0, 0,
	 OCTET_CLASS_MALFORMED, 1, 0, 17, 0},
	{"cut in PPPoE", {.carrier = FRAME_PPPOE, .protocol = UDP, .cut_to = 21}, 0, 0, OCTET_CLASS_MALFORMED, 1, 0,
	 21, 0},
	{"header length 4 words", {.protocol = UDP, .pokes = {{14, 0x44}}}, 0, 0, OCTET_CLASS_MALFORMED, 1, 0, 42, 0},
	{"version 6 in IPv4's type", {.protocol = UDP, .pokes = {{14, 0x65}}}, 0, 0, OCTET_CLASS_MALFORMED, 1, 0, 42,
	 0},
	{"version 4 in IPv6's type", {.is_ipv6 = true, .protocol = UDP, .pokes = {{14, 0x45}}}, 0, 0,
	 OCTET_CLASS_MALFORMED, 1, 0, 62, 0},
	{"total length below the header", {.options = 8, .protocol = UDP, .pokes = {{17, 27}}}, 0, 0,
	 OCTET_CLASS_MALFORMED, 1, 0, 50, 0},
	{"super-packet of headers only", {.protocol = TCP}, 1448, 0, OCTET_CLASS_MALFORMED, 1, 0, 54, 0},
	{"super-packet cut in TCP", {.protocol = TCP, .payload = 3000, .cut_to = 14 + 20 + 12}, 1448, 2,
	 OCTET_CLASS_MALFORMED, 1, 0, 46, 0},
};

static const struct count_case gso_cases[] = {
	{"tcp4, whole", {.protocol = TCP, .payload = 3000}, 1000, 3, OCTET_CLASS_COUNTED, 3, 3000 + 3 * 40, 3000 + 3 *
	 54, 0},
	{"tcp4, one left", {.protocol = TCP, .payload = 3001}, 1000, 4, OCTET_CLASS_COUNTED, 4, 3001 + 4 * 40, 3001 +
	 4 * 54, 0},
	{"tcp4, one short", {.protocol = TCP, .payload = 2999}, 1000, 3, OCTET_CLASS_COUNTED, 3, 2999 + 3 * 40, 2999 +
	 3 * 54, 0},
	{"tcp4, payload of one segment", {.protocol = TCP, .payload = 1000}, 1000, 1, OCTET_CLASS_COUNTED, 1, 1040,
	 1054, 0},
	{"tcp4, gso_segs 0", {.protocol = TCP, .payload = 2500}, 1000, 0, OCTET_CLASS_COUNTED, 3, 2500 + 3 * 40, 2500
	 + 3 * 54, 0},
	{"tcp4, gso_segs lies", {.protocol = TCP, .payload = 2500}, 1000, 40, OCTET_CLASS_COUNTED, 3, 2500 + 3 * 40,
	 2500 + 3 * 54, 0},
	{"tcp4, total length 0", {.protocol = TCP, .payload = 2500, .pokes = {{16, 0}, {17, 0}}}, 1000, 3,
	 OCTET_CLASS_COUNTED, 3, 2500 + 3 * 40, 2500 + 3 * 54, 0},
	{"tcp4, options", {.options = 12, .protocol = TCP, .tcp_options = 12, .payload = 2896}, 1448, 2,
	 OCTET_CLASS_COUNTED, 2, 2896 + 2 * (32 + 32), 2896 + 2 * 78, 0},
	{"tcp4, data offset 0", {.protocol = TCP, .payload = 2000, .pokes = {{46, 0}}}, 1000, 2, OCTET_CLASS_COUNTED,
	 2, 2000 + 2 * 40, 2000 + 2 * 54, 0},
	{"tcp4, segments of one octet", {.protocol = TCP, .payload = 1200}, 1, 1200, OCTET_CLASS_COUNTED, 1200, 1200 *
	 41, 1200 * 55, 0},
	{"tcp4 in a vlan", {.tags = {FRAME_TAG(0x8100, 3)}, .protocol = TCP, .payload = 2001}, 1000, 3,
	 OCTET_CLASS_COUNTED, 3, 2001 + 3 * 40, 2001 + 3 * 58, 3},
	{"tcp4 in pppoe", {.carrier = FRAME_PPPOE, .protocol = TCP, .payload = 2001}, 1000, 3, OCTET_CLASS_COUNTED, 3,
	 2001 + 3 * 40, 2001 + 3 * 62, 0},
	{"tcp6", {.is_ipv6 = true, .protocol = TCP, .tcp_options = 12, .payload = 2857}, 1428, 3, OCTET_CLASS_COUNTED,
	 3, 2857 + 3 * 72, 2857 + 3 * 86, 0},
	{"tcp6, extensions", {.is_ipv6 = true, .extensions = {0, 60}, .n_extensions = 2, .protocol = TCP, .payload =
	 2000}, 1000, 0, OCTET_CLASS_COUNTED, 2, 2000 + 2 * 76, 2000 + 2 * 90, 0},
	{"tcp6, payload length 0", {.is_ipv6 = true, .protocol = TCP, .payload = 2000, .pokes = {{18, 0}, {19, 0}}},
	 1000, 0, OCTET_CLASS_COUNTED, 2, 2000 + 2 * 60, 2000 + 2 * 74, 0},
	{"udp4", {.protocol = UDP, .payload = 3201}, 1200, 3, OCTET_CLASS_COUNTED, 3, 3201 + 3 * 28, 3201 + 3 * 42, 0},
	{"udp6", {.is_ipv6 = true, .protocol = UDP, .payload = 2400}, 1200, 2, OCTET_CLASS_COUNTED, 2, 2400 + 2 * 48,
	 2400 + 2 * 62, 0},
	{"sctp by fragments", {.protocol = SCTP, .payload = 3000}, 0xffff, 5, OCTET_CLASS_COUNTED, 5, 3000 + 5 * 32,
	 3000 + 5 * 46, 0},
	{"unknown protocol", {.protocol = ESP, .payload = 3000}, 1400, 3, OCTET_CLASS_COUNTED, 3, 3000 + 3 * 20, 3000
	 + 3 * 34, 0},
	{"unknown protocol, gso_segs 0", {.protocol = ESP, .payload = 3000}, 1400, 0, OCTET_CLASS_COUNTED, 1, 3020,
	 3034, 0},
};

/* clang-format on */

const struct count_table count_tables[N_COUNT_TABLES] = {
	[COUNT_IP] = {ip_cases, ARRAY_LENGTH(ip_cases)},
	[COUNT_CARRIER] = {carrier_cases, ARRAY_LENGTH(carrier_cases)},
	[COUNT_MALFORMED] = {malformed_cases, ARRAY_LENGTH(malformed_cases)},
	[COUNT_GSO] = {gso_cases, ARRAY_LENGTH(gso_cases)},
};
