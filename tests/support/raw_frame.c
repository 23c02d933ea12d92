/* SPDX-License-Identifier: MIT */
#include "support/raw_frame.h"

#include <assert.h>
#include <string.h>

#include "base/addr.h"

void raw_octets(struct raw_frame *frame, const void *octets, size_t length)
{
	assert(frame->length + length <= sizeof(frame->octets));
	memcpy(frame->octets + frame->length, octets, length);
	frame->length += length;
}

void raw_zeros(struct raw_frame *frame, size_t length)
{
	assert(frame->length + length <= sizeof(frame->octets));
	memset(frame->octets + frame->length, 0, length);
	frame->length += length;
}

static void raw_octet(struct raw_frame *frame, unsigned int value)
{
	const uint8_t octet = (uint8_t)value;
	raw_octets(frame, &octet, 1);
}

static void raw_be16(struct raw_frame *frame, uint16_t value)
{
	raw_octet(frame, value >> 8);
	raw_octet(frame, value & 0xff);
}

static void raw_mac(struct raw_frame *frame, const char *text)
{
	struct mac_addr mac = {{0}};
	const int error = mac_parse(text, &mac);

	assert(!error);
	(void)error;
	raw_octets(frame, mac.octets, sizeof(mac.octets));
}

static void raw_address(struct raw_frame *frame, const char *text, size_t n_octets)
{
	struct ip_addr ip = {{0}};
	const int error = ip_parse(text, &ip);

	assert(!error);
	(void)error;
	raw_octets(frame, ip.octets + sizeof(ip.octets) - n_octets, n_octets);
}

void raw_ethernet(struct raw_frame *frame, const char *dst_mac, const char *src_mac, uint16_t type)
{
	frame->length = 0;
	raw_mac(frame, dst_mac);
	raw_mac(frame, src_mac);
	raw_be16(frame, type);
}

void raw_tag(struct raw_frame *frame, uint16_t tci, uint16_t type)
{
	raw_be16(frame, tci);
	raw_be16(frame, type);
}

void raw_pppoe(struct raw_frame *frame, uint16_t ppp_protocol)
{
	raw_be16(frame, 0x1100); /* version 1, type 1, session data */
	raw_be16(frame, 0x0007); /* session id */
	raw_be16(frame, 0);      /* length: the parser goes by IP's */
	raw_be16(frame, ppp_protocol);
}

void raw_snap(struct raw_frame *frame, uint16_t type)
{
	raw_octets(frame, "\xaa\xaa\x03\x00\x00\x00", 6);
	raw_be16(frame, type);
}

void raw_ipv4(struct raw_frame *frame, const struct raw_ip *ip)
{
	raw_octet(frame, 0x40 | (5 + ip->n_option_words));
	raw_octet(frame, 0);
	raw_be16(frame, ip->length_field);
	raw_be16(frame, 0x1234);
	raw_be16(frame, ip->fragment);
	raw_octet(frame, 64);
	raw_octet(frame, ip->protocol);
	raw_be16(frame, 0);
	raw_address(frame, ip->src, 4);
	raw_address(frame, ip->dst, 4);
	for (unsigned int i = 0; i < 4u * ip->n_option_words; i++)
		raw_octet(frame, 1); /* no operation: RFC 791, 3.1 */
}

void raw_ipv6(struct raw_frame *frame, const struct raw_ip *ip)
{
	raw_be16(frame, 0x6000);
	raw_be16(frame, 0);
	raw_be16(frame, ip->length_field);
	raw_octet(frame, ip->protocol);
	raw_octet(frame, 64);
	raw_address(frame, ip->src, 16);
	raw_address(frame, ip->dst, 16);
}

void raw_tcp(struct raw_frame *frame, unsigned int n_header_octets)
{
	raw_zeros(frame, 12);
	raw_octet(frame, n_header_octets / 4 << 4);
	raw_zeros(frame, n_header_octets - 13);
}

struct octet_input raw_input(const struct raw_frame *frame)
{
	return (struct octet_input){
		.data = frame->octets,
		.data_end = frame->octets + frame->length,
		.frame_length = (uint32_t)frame->length,
	};
}
