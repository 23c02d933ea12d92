/* SPDX-License-Identifier: MIT */
#include "core/super_packet.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"

#define MTU 1500

struct row {
	const char *name;
	uint32_t ip_version;
	uint32_t protocol;   /* 6, 17, else */
	uint32_t l4_length;  /* of TCP */
	uint32_t l3_bytes;   /* of the whole super-packet */
	uint32_t n_readable; /* octets of the frame that are there; 0: all that are made */
	uint32_t segment_bytes;
	uint32_t packets; /* and what the parser makes of it then */
	uint64_t bytes;
};

/* An Ethernet frame of those headers; what follows them does not matter. */
static void make_frame(const struct row *row, uint8_t frame[256])
{
	uint8_t *l3 = frame + OCTET_ETH_LENGTH;

	memset(frame, 0, 256);
	frame[12] = row->ip_version == 4 ? 0x08 : 0x86;
	frame[13] = row->ip_version == 4 ? 0x00 : 0xdd;
	if (row->ip_version == 4) {
		l3[0] = 0x45;
		l3[2] = (uint8_t)(row->l3_bytes >> 8);
		l3[3] = (uint8_t)row->l3_bytes;
		l3[9] = (uint8_t)row->protocol;
		l3[20 + 12] = (uint8_t)(row->l4_length / 4 << 4);
	} else {
		l3[0] = 0x60;
		l3[4] = (uint8_t)((row->l3_bytes - 40) >> 8);
		l3[5] = (uint8_t)(row->l3_bytes - 40);
		l3[6] = (uint8_t)row->protocol;
		l3[40 + 12] = (uint8_t)(row->l4_length / 4 << 4);
	}
}

Test(super_packet, is_cut_as_if_each_segment_filled_the_mtu)
{
	static const struct row rows[] = {
		{"a full packet", 4, 6, 20, 1500, 0, 0, 1, 1500},
		{"one octet more", 4, 6, 20, 1501, 0, 1460, 2, 1461 + 2 * 40},
		{"ten segments", 4, 6, 32, 52 + 14480, 0, 1448, 10, 14480 + 10 * 52},
		{"IPv6", 6, 6, 32, 72 + 2 * 1428, 0, 1428, 2, 2 * 1500},
		{"IPv6, a rest", 6, 6, 20, 60 + 1440 + 1, 0, 1440, 2, 1441 + 2 * 60},
		{"UDP", 4, 17, 0, 28 + 2 * 1472, 0, 1472, 2, 2 * 1500},
		{"neither TCP nor UDP", 4, 1, 0, 4000, 0, 0, 1, 4000},
		{"a TCP header that is not there", 4, 6, 20, 4000, 14 + 20 + 4, 0, 1, 4000},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct row *row = &rows[i];
		uint8_t octets[256];
		struct octet_frame frame;

		make_frame(row, octets);
		struct octet_input input = {
			.data = octets,
			.data_end = octets + (row->n_readable ? row->n_readable : sizeof(octets)),
			.frame_length = OCTET_ETH_LENGTH + row->l3_bytes,
		};
		cr_assert_eq(octet_parse_frame(&input, &frame), OCTET_PARSE_IP, "%s", row->name);
		input.gso_size = super_packet_segment_bytes(&input, &frame, MTU);
		cr_assert_eq(input.gso_size, row->segment_bytes, "%s: %u", row->name, input.gso_size);
		cr_assert_eq(octet_parse_frame(&input, &frame), OCTET_PARSE_IP, "%s", row->name);
		cr_assert_eq(frame.packets, row->packets, "%s: %u packets", row->name, frame.packets);
		cr_assert_eq(frame.bytes, row->bytes, "%s", row->name);
	}
}

/* Nothing to divide by, whatever somebody configures. */
Test(super_packet, absurd_mtus)
{
	const struct row row = {.ip_version = 4, .protocol = 6, .l4_length = 60, .l3_bytes = 4000};
	static const uint32_t mtus[] = {0, 1, 68, 79, 80};
	uint8_t octets[256];
	struct octet_frame frame;

	make_frame(&row, octets);
	const struct octet_input input = {
		.data = octets, .data_end = octets + sizeof(octets), .frame_length = OCTET_ETH_LENGTH + row.l3_bytes};
	cr_assert_eq(octet_parse_frame(&input, &frame), OCTET_PARSE_IP);
	for (size_t i = 0; i < ARRAY_LENGTH(mtus); i++)
		cr_assert_eq(super_packet_segment_bytes(&input, &frame, mtus[i]), 0, "%u", mtus[i]);
	cr_assert_eq(super_packet_segment_bytes(&input, &frame, 81), 1);
}
