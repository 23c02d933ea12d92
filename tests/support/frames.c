/* SPDX-License-Identifier: MIT */
#include "support/frames.h"

#include <assert.h>
#include <string.h>

const uint8_t frame_gateway_mac[6] = {0x14, 0x2d, 0x27, 0xff, 0xff, 0x01};
const uint8_t frame_broadcast_mac[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* 192.0.2.1 (RFC 5737) and 2001:db8:ffff::1 (RFC 3849) */
static const uint8_t host_ip4[4] = {192, 0, 2, 1};
static const uint8_t host_ip6[16] = {0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

void frame_guest_mac(uint16_t guest, uint8_t mac[6])
{
	const uint8_t made[6] = {0x14, 0x2d, 0x27, 0xe7, (uint8_t)(guest >> 8), (uint8_t)guest};

	memcpy(mac, made, sizeof(made));
}

void frame_guest_ip4(uint16_t guest, uint8_t ip[4])
{
	const uint8_t made[4] = {10, 1, (uint8_t)(guest >> 8), (uint8_t)guest};

	memcpy(ip, made, sizeof(made));
}

void frame_guest_ip6(uint16_t guest, uint8_t ip[16])
{
	const uint8_t made[16] = {0x20, 0x01, 0x0d, 0xb8, [14] = (uint8_t)(guest >> 8), [15] = (uint8_t)guest};

	memcpy(ip, made, sizeof(made));
}

static uint8_t *put(struct frame *out, size_t n)
{
	uint8_t *at = out->octets + out->length;

	assert(out->length + n <= sizeof(out->octets));
	memset(at, 0, n);
	out->length += n;
	return at;
}

static void put16(struct frame *out, size_t value)
{
	uint8_t *at = put(out, 2);

	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void store16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_macs(const struct frame_spec *spec, struct frame *out)
{
	uint8_t guest[6];
	uint8_t *at = put(out, 12);
	const uint8_t *dst = spec->is_down ? guest : frame_gateway_mac;
	const uint8_t *src = spec->is_down ? frame_gateway_mac : guest;

	frame_guest_mac(spec->guest, guest);
	memcpy(at, spec->dst ? spec->dst : dst, 6);
	memcpy(at + 6, spec->src ? spec->src : src, 6);
}

static size_t l4_length(const struct frame_spec *spec)
{
	if (spec->has_no_l4)
		return 0;
	switch (spec->protocol) {
	case 6:
		return 20 + (size_t)spec->tcp_options;
	case 17:
		return 8;
	case 132:
		return 12;
	default:
		return 0;
	}
}

static void put_ipv4(const struct frame_spec *spec, struct frame *out)
{
	const size_t header_length = 20 + (size_t)spec->options;
	uint8_t *l3 = put(out, header_length);

	l3[0] = (uint8_t)(0x40 | header_length / 4);
	store16(l3 + 2, header_length + l4_length(spec) + spec->payload);
	store16(l3 + 6, spec->fragment);
	l3[8] = 64;
	l3[9] = spec->protocol;
	frame_guest_ip4(spec->guest, l3 + (spec->is_down ? 16 : 12));
	memcpy(l3 + (spec->is_down ? 12 : 16), host_ip4, sizeof(host_ip4));
	memset(l3 + 20, 1, spec->options); /* no operation (RFC 791, 3.1) */
}

static void put_ipv6(const struct frame_spec *spec, struct frame *out)
{
	const size_t extensions_length = (size_t)spec->n_extensions * 8;
	uint8_t *l3 = put(out, 40 + extensions_length);

	l3[0] = 0x60;
	store16(l3 + 4, extensions_length + l4_length(spec) + spec->payload);
	l3[6] = spec->n_extensions ? spec->extensions[0] : spec->protocol;
	l3[7] = 64;
	frame_guest_ip6(spec->guest, l3 + (spec->is_down ? 24 : 8));
	memcpy(l3 + (spec->is_down ? 8 : 24), host_ip6, sizeof(host_ip6));
	for (size_t i = 0; i < spec->n_extensions; i++)
		l3[40 + i * 8] = i + 1 < spec->n_extensions ? spec->extensions[i + 1] : spec->protocol;
}

static void put_l4(const struct frame_spec *spec, struct frame *out)
{
	const size_t length = l4_length(spec);
	uint8_t *l4 = put(out, length);

	if (length && spec->protocol == 6)
		l4[12] = (uint8_t)(length / 4 << 4);
	else if (length && spec->protocol == 17)
		store16(l4 + 4, length + spec->payload);
}

void frame_build(const struct frame_spec *spec, struct frame *out)
{
	static const uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
	const size_t type = spec->type ? spec->type : spec->is_ipv6 ? 0x86dd : 0x0800;

	out->length = 0;
	put_macs(spec, out);
	for (size_t i = 0; i < FRAME_TAGS_MAX && spec->tags[i]; i++) {
		put16(out, spec->tags[i] >> 16);
		put16(out, spec->tags[i] & 0xffff);
	}
	if (spec->carrier == FRAME_PPPOE) {
		put16(out, 0x8864);
		memcpy(put(out, 6), (const uint8_t[6]){0x11, 0, 0, 7, 0, 0}, 6);
		put16(out, spec->type ? spec->type : spec->is_ipv6 ? 0x0057 : 0x0021);
	} else if (spec->carrier == FRAME_SNAP) {
		put16(out, 512);
		memcpy(put(out, sizeof(snap)), snap, sizeof(snap));
		put16(out, type);
	} else {
		put16(out, type);
	}
	if (!spec->type && spec->is_ipv6)
		put_ipv6(spec, out);
	else if (!spec->type)
		put_ipv4(spec, out);
	if (!spec->type)
		put_l4(spec, out);
	memset(put(out, spec->payload), 0xa5, spec->payload);
	if (out->length < spec->pad_to)
		put(out, spec->pad_to - out->length);
	if (spec->cut_to && spec->cut_to < out->length)
		out->length = spec->cut_to;
	for (size_t i = 0; i < FRAME_POKES_MAX && spec->pokes[i].offset; i++) {
		assert(spec->pokes[i].offset < out->length);
		out->octets[spec->pokes[i].offset] = spec->pokes[i].value;
	}
}
