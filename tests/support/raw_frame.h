/* SPDX-License-Identifier: MIT */
/*
 * Frames written header by header, in any order and with any contradiction, for the tests of what reads them.
 * (frames.h makes well-formed ones from a description.)
 */
#ifndef SUPPORT_RAW_FRAME_H
#define SUPPORT_RAW_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "octet/parse.h"

#define RAW_FRAME_MAX 2048

struct raw_frame {
	uint8_t octets[RAW_FRAME_MAX];
	size_t length;
};

/* Starts anew with an Ethernet header; addresses are text, and asserted to be valid. */
void raw_ethernet(struct raw_frame *frame, const char *dst_mac, const char *src_mac, uint16_t type);

/* Appends. A type or protocol is that of what follows. */
void raw_octets(struct raw_frame *frame, const void *octets, size_t length);
void raw_zeros(struct raw_frame *frame, size_t length);
void raw_tag(struct raw_frame *frame, uint16_t tci, uint16_t type);
void raw_pppoe(struct raw_frame *frame, uint16_t ppp_protocol);
void raw_snap(struct raw_frame *frame, uint16_t type);

struct raw_ip {
	const char *src;
	const char *dst;
	uint8_t protocol;
	uint8_t n_option_words; /* IPv4 */
	uint16_t length_field;  /* IPv4 total length, IPv6 payload length: as it is written */
	uint16_t fragment;      /* IPv4 flags and offset */
};
void raw_ipv4(struct raw_frame *frame, const struct raw_ip *ip);
void raw_ipv6(struct raw_frame *frame, const struct raw_ip *ip);
void raw_tcp(struct raw_frame *frame, unsigned int n_header_octets);

/* The whole frame as input: all of it readable, nothing in metadata. */
struct octet_input raw_input(const struct raw_frame *frame);

#endif
