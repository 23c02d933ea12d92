/* SPDX-License-Identifier: MIT */
/*
 * Frames made to order for tests: a spec says what is in them, in the order in which it lies on the wire. What a test
 * expects of a frame it writes down itself; nothing here computes with the code under test.
 *
 * Every frame is between one guest (told by a number) and one host behind the gateway.
 */
#ifndef SUPPORT_FRAMES_H
#define SUPPORT_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* BPF_PROG_TEST_RUN takes little more than 3,600 octets (a page less the kernel's own head and tail). */
#define FRAME_SIZE_MAX 3600
#define FRAME_TAGS_MAX 6
#define FRAME_EXTENSIONS_MAX 10
#define FRAME_POKES_MAX 4

/* A VLAN tag: its EtherType (0x8100, 0x88a8) and its TCI; for frame_spec.tags, where 0 is the end. */
#define FRAME_TAG(type, tci) ((uint32_t)(type) << 16 | (tci))

enum frame_carrier { FRAME_ETHERNET, FRAME_PPPOE, FRAME_SNAP };

/* An octet to be overwritten at last. */
struct frame_poke {
	uint16_t offset; /* 0 for none: that is the destination's MAC, see dst */
	uint8_t value;
};

struct frame_spec {
	uint16_t guest;     /* number of the guest, part of its MAC and of its addresses */
	bool is_down;       /* to the guest; else from it */
	const uint8_t *dst; /* MACs other than the usual ones, or NULL */
	const uint8_t *src;
	uint32_t tags[FRAME_TAGS_MAX];
	enum frame_carrier carrier;
	uint16_t type;   /* EtherType, or length, of what is no IP; 0 for IP */
	bool is_ipv6;    /* else IPv4 */
	uint8_t options; /* octets of IPv4 options */
	uint8_t extensions[FRAME_EXTENSIONS_MAX];
	uint8_t n_extensions; /* IPv6 extension headers of eight octets each */
	uint16_t fragment;    /* IPv4 flags and offset */
	uint8_t protocol;     /* 6, 17, 132: with its header; others without */
	bool has_no_l4;       /* a later fragment */
	uint8_t tcp_options;  /* octets */
	uint16_t payload;     /* octets behind all headers */
	uint16_t pad_to;      /* the least length of the frame */
	uint16_t cut_to;      /* the frame ends here, whatever its headers say; 0: not cut */
	struct frame_poke pokes[FRAME_POKES_MAX];
};

struct frame {
	size_t length;
	uint8_t octets[FRAME_SIZE_MAX];
};

extern const uint8_t frame_gateway_mac[6];
extern const uint8_t frame_broadcast_mac[6];

void frame_build(const struct frame_spec *spec, struct frame *out);

/* The addresses of a guest. */
void frame_guest_mac(uint16_t guest, uint8_t mac[6]);
void frame_guest_ip4(uint16_t guest, uint8_t ip[4]);
void frame_guest_ip6(uint16_t guest, uint8_t ip[16]);

#endif
