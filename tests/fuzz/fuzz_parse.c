/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the parser and the meter behind it. `make fuzz` runs it for some seconds; by hand, and from seeds:
 *
 *   clang -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Iagent -Iinclude \
 *         tests/fuzz/fuzz_parse.c agent/core/meter.c agent/core/meter_table.c agent/base/addr.c -o /tmp/fuzz_parse
 *   tests/fuzz/make-seeds parse /tmp/seeds && /tmp/fuzz_parse /tmp/seeds
 *
 * An input is a header of twelve octets, little-endian (what a frame claims beyond the octets that are readable,
 * gso_size, gso_segs, whether a tag is in metadata, its TCI), and then the frame.
 */
#include <stdlib.h>
#include <string.h>

#include "core/meter.h"

#define HEADER_LENGTH 12
/* far above any frame; the kernel's skb->len is below 2^31 */
#define FRAME_LENGTH_LIMIT (UINT32_C(1) << 30)

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n_octets);

/* Unlike assert it stays in every build. */
static void require(bool holds)
{
	if (!holds)
		abort();
}

static uint32_t read_le(const uint8_t *octets, unsigned int n)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < n; i++)
		value |= (uint32_t)octets[i] << 8 * i;
	return value;
}

static bool lies_within(const struct octet_input *in, const uint8_t *field, size_t length)
{
	return field >= in->data && field + length <= in->data_end;
}

static void check_frame(const struct octet_input *in, enum octet_parse result, const struct octet_frame *frame)
{
	const size_t ip_length = frame->ip_version == 4 ? 4 : 16;

	require(frame->packets >= 1);
	require(frame->vlan <= OCTET_VLAN_ID_MASK);
	require(!frame->dst_mac == !frame->src_mac);
	require(!frame->dst_mac || (lies_within(in, frame->dst_mac, 6) && lies_within(in, frame->src_mac, 6)));
	if (result != OCTET_PARSE_IP) {
		require(!frame->ip_version && !frame->src_ip && !frame->dst_ip && !frame->bytes);
		require(frame->packets == 1);
		return;
	}
	require(frame->ip_version == 4 || frame->ip_version == 6);
	require(lies_within(in, frame->src_ip, ip_length) && lies_within(in, frame->dst_ip, ip_length));
	/* un-aggregating adds headers, and never loses an octet */
	require(!in->gso_size || frame->wire_bytes >= in->frame_length);
}

/* The parser of plain frames says the same, or nothing; it is made for frames that hold what they claim at least. */
static void check_plain(const struct octet_input *in, enum octet_parse result, const struct octet_frame *frame)
{
	struct octet_frame plain;

	if (in->frame_length < (size_t)(in->data_end - in->data) || !octet_parse_plain(in, &plain))
		return;
	require(result == OCTET_PARSE_IP && plain.ip_version == frame->ip_version && plain.bytes == frame->bytes);
	require(plain.src_ip == frame->src_ip && plain.dst_ip == frame->dst_ip && plain.vlan == frame->vlan);
	require(plain.dst_mac == frame->dst_mac && plain.src_mac == frame->src_mac);
	require(plain.packets == frame->packets && plain.wire_bytes == frame->wire_bytes);
}

/* Both bounds of a small meter are reached soon, and every frame still lands in one class. */
static void check_meter(enum octet_parse result, const struct octet_frame *frame)
{
	static const struct mac_addr gateway = {{0x02, 0, 0, 0, 0, 0xfe}};
	static const struct meter_options options = {
		.gateways = &gateway, .n_gateways = 1, .max_keys = 8, .max_addresses = 2, .is_tracking_presence = true};
	struct meter *meter = NULL;
	uint64_t frames = 0;
	uint64_t wire_bytes = 0;

	if (meter_new(&options, &meter) != 0)
		return;
	for (int64_t time_ns = 0; time_ns < 3; time_ns++)
		require(meter_count(meter, result, frame, time_ns) < OCTET_N_CLASSES);
	for (int class = 0; class < OCTET_N_CLASSES; class ++) {
		frames += meter_classes(meter)->classes[class].frames;
		wire_bytes += meter_classes(meter)->classes[class].wire_bytes;
	}
	require(frames == 3 * (uint64_t)frame->packets && wire_bytes == 3 * frame->wire_bytes);
	meter_free(&meter);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n_octets)
{
	struct octet_frame frame;

	if (n_octets < HEADER_LENGTH)
		return 0;
	/* a copy of just that size: the sanitizer sees each octet read beyond it */
	const size_t n_frame = n_octets - HEADER_LENGTH;
	uint8_t *copy = malloc(n_frame ? n_frame : 1);
	if (!copy)
		return 0;
	memcpy(copy, octets + HEADER_LENGTH, n_frame);
	const struct octet_input in = {
		.data = copy,
		.data_end = copy + n_frame,
		.frame_length = (uint32_t)((n_frame + read_le(octets, 4)) % FRAME_LENGTH_LIMIT),
		.gso_size = read_le(octets + 4, 2),
		.gso_segs = read_le(octets + 6, 2),
		.is_strict = octets[8] >> 1 & 1,
		.vlan_present = octets[8] & 1,
		.vlan_tci = read_le(octets + 10, 2),
	};
	const enum octet_parse result = octet_parse_frame(&in, &frame);
	check_frame(&in, result, &frame);
	check_plain(&in, result, &frame);
	check_meter(result, &frame);
	free(copy);
	return 0;
}
