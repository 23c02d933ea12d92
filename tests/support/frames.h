/* SPDX-License-Identifier: MIT */
/* Frames made by hand, header by header, for the tests of what reads them. */
#ifndef SUPPORT_FRAMES_H
#define SUPPORT_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "octet/parse.h"

#define FRAME_MAX 2048

struct frame {
	uint8_t octets[FRAME_MAX];
	size_t length;
};

/* Starts anew with an Ethernet header; addresses are text, both are asserted to be valid. */
void frame_ethernet(struct frame *frame, const char *dst_mac, const char *src_mac, uint16_t type);

/* Appends. A type or protocol is that of what follows. */
void frame_octets(struct frame *frame, const void *octets, size_t length);
void frame_zeros(struct frame *frame, size_t length);
void frame_be16(struct frame *frame, uint16_t value);
void frame_tag(struct frame *frame, uint16_t vlan, uint16_t type);
void frame_pppoe(struct frame *frame, uint16_t ppp_protocol);
void frame_snap(struct frame *frame, uint16_t type);

struct frame_ip {
	const char *src;
	const char *dst;
	uint8_t protocol;
	uint8_t n_option_words; /* IPv4 */
	uint16_t length_field;  /* IPv4 total length, IPv6 payload length: as it is written */
	uint16_t fragment;      /* IPv4 flags and offset */
};
void frame_ipv4(struct frame *frame, const struct frame_ip *ip);
void frame_ipv6(struct frame *frame, const struct frame_ip *ip);
void frame_tcp(struct frame *frame, unsigned int n_header_octets);

/* The whole frame as input: all of it readable, nothing in metadata. */
struct octet_input frame_input(const struct frame *frame);

#endif
