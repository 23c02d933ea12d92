/* SPDX-License-Identifier: MIT */
/*
 * MAC and IP addresses as values: compared with memcmp, hashed as bytes, printed in one canonical form.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>

struct mac_addr {
	uint8_t octets[6];
};

/* Both families in one: an IPv4 address is kept as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
struct ip_addr {
	uint8_t octets[16];
};

#define MAC_TEXT_SIZE 18 /* "14:2d:27:e7:40:2b" and the NUL */
#define IP_TEXT_SIZE 46  /* INET6_ADDRSTRLEN */

/*
 * Reads six octets in any common spelling: separated by ':' or '-', in groups of four digits by '.',
 * or bare; any case. 0, or -EINVAL and *out untouched.
 */
int mac_parse(const char *text, struct mac_addr *out);

/* Writes lower case with colons; returns text. */
char *mac_format(const struct mac_addr *mac, char text[MAC_TEXT_SIZE]);

int mac_compare(const struct mac_addr *a, const struct mac_addr *b);
bool mac_is_group(const struct mac_addr *mac);
/* The bit that randomised addresses carry (IEEE 802, 8.2.2). */
bool mac_is_local(const struct mac_addr *mac);

/*
 * Reads an IPv4 or IPv6 address in any textual form; IPv4-mapped IPv6 becomes IPv4. Brackets, zone ids,
 * prefixes, shortened or octal IPv4 are refused: -EINVAL and *out untouched.
 */
int ip_parse(const char *text, struct ip_addr *out);

/* Writes dotted quad or RFC 5952 form; returns text. */
char *ip_format(const struct ip_addr *ip, char text[IP_TEXT_SIZE]);

struct ip_addr ip_from_v4(const uint8_t octets[4]);
int ip_compare(const struct ip_addr *a, const struct ip_addr *b);
bool ip_is_v4(const struct ip_addr *ip);
bool ip_is_unspecified(const struct ip_addr *ip); /* 0.0.0.0 and :: */
bool ip_is_link_local(const struct ip_addr *ip);  /* 169.254/16 (RFC 3927) and fe80::/10 (RFC 4291) */
bool ip_is_multicast(const struct ip_addr *ip);

/* A guest can own it: not unspecified, loopback, multicast, nor 255.255.255.255. */
bool ip_is_assignable(const struct ip_addr *ip);

/* An address range, as in "10.0.0.0/8"; a bare address is its own range. */
struct ip_prefix {
	struct ip_addr base;
	uint8_t n_bits; /* of the 128-bit form */
};
int ip_prefix_parse(const char *text, struct ip_prefix *out);
bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *ip);

#endif
