/* SPDX-License-Identifier: MIT */
#include "support/frames.h"

#include <assert.h>
#include <string.h>

#include "base/addr.h"

void frame_octets(struct frame *frame, const void *octets, size_t length)
{
	assert(frame->length + length <= sizeof(frame->octets));
	memcpy(frame->octets + frame->length, octets, length);
	frame->length += length;
}

void frame_zeros(struct frame *frame, size_t length)
{
	assert(frame->length + length <= sizeof(frame->octets));
	memset(frame->octets + frame->length, 0, length);
	frame->length += length;
}

static void frame_octet(struct frame *frame, unsigned int value)
{
	const uint8_t octet = (uint8_t)value;
	frame_octets(frame, &octet, 1);
}

void frame_be16(struct frame *frame, uint16_t value)
{
	frame_octet(frame, value >> 8);
	frame_octet(frame, value & 0xff);
}

static void frame_mac(struct frame *frame, const char *text)
{
	struct mac_addr mac = {{0}};
	const int error = mac_parse(text, &mac);

	assert(!error);
	(void)error;
	frame_octets(frame, mac.octets, sizeof(mac.octets));
}

static void frame_address(struct frame *frame, const char *text, size_t n_octets)
{
	struct ip_addr ip = {{0}};
	const int error = ip_parse(text, &ip);

	assert(!error);
	(void)error;
	frame_octets(frame, ip.octets + sizeof(ip.octets) - n_octets, n_octets);
}

void frame_ethernet(struct frame *frame, const char *dst_mac, const char *src_mac, uint16_t type)
{
	frame->length = 0;
	frame_mac(frame, dst_mac);
	frame_mac(frame, src_mac);
	frame_be16(frame, type);
}

void frame_tag(struct frame *frame, uint16_t vlan, uint16_t type)
{
	frame_be16(frame, vlan);
	frame_be16(frame, type);
}

void frame_pppoe(struct frame *frame, uint16_t ppp_protocol)
{
	frame_be16(frame, 0x1100); /* version 1, type 1, session data */
	frame_be16(frame, 0x0007); /* session id */
	frame_be16(frame, 0);      /* length: the parser goes by IP's */
	frame_be16(frame, ppp_protocol);
}

void frame_snap(struct frame *frame, uint16_t type)
{
	frame_octets(frame, "\xaa\xaa\x03\x00\x00\x00", 6);
	frame_be16(frame, type);
}

void frame_ipv4(struct frame *frame, const struct frame_ip *ip)
{
	frame_octet(frame, 0x40 | (5 + ip->n_option_words));
	frame_octet(frame, 0);
	frame_be16(frame, ip->length_field);
	frame_be16(frame, 0x1234);
	frame_be16(frame, ip->fragment);
	frame_octet(frame, 64);
	frame_octet(frame, ip->protocol);
	frame_be16(frame, 0);
	frame_address(frame, ip->src, 4);
	frame_address(frame, ip->dst, 4);
	for (unsigned int i = 0; i < 4u * ip->n_option_words; i++)
		frame_octet(frame, 1); /* no operation: RFC 791, 3.1 */
}

void frame_ipv6(struct frame *frame, const struct frame_ip *ip)
{
	frame_be16(frame, 0x6000);
	frame_be16(frame, 0);
	frame_be16(frame, ip->length_field);
	frame_octet(frame, ip->protocol);
	frame_octet(frame, 64);
	frame_address(frame, ip->src, 16);
	frame_address(frame, ip->dst, 16);
}

void frame_tcp(struct frame *frame, unsigned int n_header_octets)
{
	frame_zeros(frame, 12);
	frame_octet(frame, n_header_octets / 4 << 4);
	frame_zeros(frame, n_header_octets - 13);
}

struct octet_input frame_input(const struct frame *frame)
{
	return (struct octet_input){
		.data = frame->octets,
		.data_end = frame->octets + frame->length,
		.frame_length = (uint32_t)frame->length,
	};
}
