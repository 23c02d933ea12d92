/* SPDX-License-Identifier: MIT */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAC_N_DIGITS 12
#define IP_N_GROUPS 8
#define V4_MAPPED_BITS 96 /* the length of ::ffff:0:0/96 (RFC 4291, 2.5.5.2) */

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The digits before the first separator, which all groups have; 0 for what is no spelling of a MAC. */
static size_t mac_group_length(const char *text)
{
	size_t length = 0;

	while (hex_digit(text[length]) >= 0)
		length++;
	if (!text[length])
		return length == MAC_N_DIGITS ? length : 0;
	return strchr(":-.", text[length]) && (length == 2 || length == 4) ? length : 0;
}

int mac_parse(const char *text, struct mac_addr *out)
{
	const size_t group_length = mac_group_length(text);
	struct mac_addr mac = {{0}};

	if (!group_length)
		return -EINVAL;
	const char separator = text[group_length];
	for (unsigned int i = 0; i < MAC_N_DIGITS; i++) {
		if (i && i % group_length == 0 && *text++ != separator)
			return -EINVAL;
		const int digit = hex_digit(*text++);
		if (digit < 0)
			return -EINVAL;
		mac.octets[i / 2] = (uint8_t)(mac.octets[i / 2] << 4 | digit);
	}
	if (*text)
		return -EINVAL;
	*out = mac;
	return 0;
}

/* By hand: lists of a hundred thousand clients are made of this, and printf takes five times as long. */
char *mac_format(const struct mac_addr *mac, char text[MAC_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *end = text;

	for (size_t i = 0; i < sizeof(mac->octets); i++) {
		*end++ = digits[mac->octets[i] >> 4];
		*end++ = digits[mac->octets[i] & 0x0f];
		*end++ = ':';
	}
	end[-1] = '\0';
	return text;
}

int mac_compare(const struct mac_addr *a, const struct mac_addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool mac_is_group(const struct mac_addr *mac)
{
	return mac->octets[0] & 0x01;
}

bool mac_is_local(const struct mac_addr *mac)
{
	return mac->octets[0] & 0x02;
}

int ip_parse(const char *text, struct ip_addr *out)
{
	uint8_t octets[sizeof(out->octets)];

	/* inet_pton takes exactly four decimal numbers without leading zeros, and no zone, bracket or prefix */
	if (inet_pton(AF_INET, text, octets) == 1) {
		*out = ip_from_v4(octets);
		return 0;
	}
	if (inet_pton(AF_INET6, text, octets) != 1)
		return -EINVAL;
	memcpy(out->octets, octets, sizeof(octets));
	return 0;
}

struct group_run {
	unsigned int start;
	unsigned int length;
};

/* The longest run of zero groups, the first among equals; length 0 where there is none of two or more. */
static struct group_run longest_zero_run(const uint16_t groups[IP_N_GROUPS])
{
	struct group_run best = {0, 0};
	struct group_run run = {0, 0};

	for (unsigned int i = 0; i < IP_N_GROUPS; i++) {
		if (groups[i]) {
			run.length = 0;
			continue;
		}
		if (run.length++ == 0)
			run.start = i;
		if (run.length > best.length)
			best = run;
	}
	if (best.length < 2)
		best.length = 0;
	return best;
}

/*
 * RFC 5952, section 4, by hand: inet_ntop writes ::1.2.3.4 for what has 96 zero bits in front, and libcs
 * differ there.
 */
static void format_v6(const struct ip_addr *ip, char text[IP_TEXT_SIZE])
{
	uint16_t groups[IP_N_GROUPS];
	char *end = text;

	for (unsigned int i = 0; i < IP_N_GROUPS; i++)
		groups[i] = (uint16_t)(ip->octets[2 * i] << 8 | ip->octets[2 * i + 1]);
	const struct group_run zeros = longest_zero_run(groups);
	for (unsigned int i = 0; i < IP_N_GROUPS;) {
		if (zeros.length && i == zeros.start) {
			*end++ = ':';
			*end++ = ':';
			i += zeros.length;
			continue;
		}
		const bool needs_colon = i && end[-1] != ':';
		end += snprintf(end, IP_TEXT_SIZE - (size_t)(end - text), "%s%x", needs_colon ? ":" : "", groups[i]);
		i++;
	}
	*end = '\0';
}

static void format_v4(const uint8_t octets[4], char text[IP_TEXT_SIZE])
{
	char *end = text;

	for (unsigned int i = 0; i < 4; i++) {
		const uint8_t octet = octets[i];
		if (octet >= 100)
			*end++ = (char)('0' + octet / 100);
		if (octet >= 10)
			*end++ = (char)('0' + octet / 10 % 10);
		*end++ = (char)('0' + octet % 10);
		*end++ = '.';
	}
	end[-1] = '\0';
}

char *ip_format(const struct ip_addr *ip, char text[IP_TEXT_SIZE])
{
	if (ip_is_v4(ip))
		format_v4(ip->octets + sizeof(v4_mapped), text);
	else
		format_v6(ip, text);
	return text;
}

struct ip_addr ip_from_v4(const uint8_t octets[4])
{
	struct ip_addr ip;
	memcpy(ip.octets, v4_mapped, sizeof(v4_mapped));
	memcpy(ip.octets + sizeof(v4_mapped), octets, 4);
	return ip;
}

int ip_compare(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool ip_is_v4(const struct ip_addr *ip)
{
	return memcmp(ip->octets, v4_mapped, sizeof(v4_mapped)) == 0;
}

static bool v4_equals(const struct ip_addr *ip, uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	const uint8_t v4[4] = {a, b, c, d};
	return ip_is_v4(ip) && memcmp(ip->octets + sizeof(v4_mapped), v4, sizeof(v4)) == 0;
}

bool ip_is_unspecified(const struct ip_addr *ip)
{
	static const struct ip_addr any = {{0}};
	return ip_compare(ip, &any) == 0 || v4_equals(ip, 0, 0, 0, 0);
}

bool ip_is_link_local(const struct ip_addr *ip)
{
	if (ip_is_v4(ip))
		return ip->octets[12] == 169 && ip->octets[13] == 254;
	return ip->octets[0] == 0xfe && (ip->octets[1] & 0xc0) == 0x80;
}

bool ip_is_multicast(const struct ip_addr *ip)
{
	if (ip_is_v4(ip))
		return (ip->octets[12] & 0xf0) == 0xe0;
	return ip->octets[0] == 0xff;
}

static bool ip_is_loopback(const struct ip_addr *ip)
{
	static const struct ip_addr loopback = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

	if (ip_is_v4(ip))
		return ip->octets[12] == 127; /* RFC 1122, 3.2.1.3 (g) */
	return ip_compare(ip, &loopback) == 0;
}

bool ip_is_assignable(const struct ip_addr *ip)
{
	return !ip_is_unspecified(ip) && !ip_is_loopback(ip) && !ip_is_multicast(ip) &&
	       !v4_equals(ip, 255, 255, 255, 255);
}

/* Decimal digits only, no sign, no leading zero; -EINVAL beyond max. */
static int parse_prefix_length(const char *text, unsigned int max, unsigned int *out)
{
	unsigned int value = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (unsigned int)(*text - '0');
		if (value > max)
			return -EINVAL;
	}
	*out = value;
	return 0;
}

static uint8_t mask_octet(unsigned int n_bits)
{
	return n_bits >= 8 ? 0xff : (uint8_t)(0xff00u >> n_bits);
}

/* The bits of the prefix that fall into octet i. */
static unsigned int bits_in_octet(unsigned int n_bits, unsigned int i)
{
	return n_bits > 8 * i ? n_bits - 8 * i : 0;
}

int ip_prefix_parse(const char *text, struct ip_prefix *out)
{
	const char *slash = strchr(text, '/');
	const size_t ip_length = slash ? (size_t)(slash - text) : strlen(text);
	char ip_text[IP_TEXT_SIZE];
	struct ip_prefix prefix;

	if (ip_length >= sizeof(ip_text))
		return -EINVAL;
	memcpy(ip_text, text, ip_length);
	ip_text[ip_length] = '\0';
	int error = ip_parse(ip_text, &prefix.base);
	if (error)
		return error;

	/* the length counts in the notation that was written: ::ffff:10.0.0.0/104 is 10.0.0.0/8 */
	const unsigned int offset = strchr(ip_text, ':') ? 0 : V4_MAPPED_BITS;
	unsigned int n_bits = 128 - offset;
	if (slash) {
		error = parse_prefix_length(slash + 1, n_bits, &n_bits);
		if (error)
			return error;
	}
	prefix.n_bits = (uint8_t)(n_bits + offset);
	for (unsigned int i = 0; i < sizeof(prefix.base.octets); i++)
		prefix.base.octets[i] &= mask_octet(bits_in_octet(prefix.n_bits, i));
	*out = prefix;
	return 0;
}

bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *ip)
{
	for (unsigned int i = 0; i < sizeof(ip->octets); i++) {
		const uint8_t mask = mask_octet(bits_in_octet(prefix->n_bits, i));
		if ((ip->octets[i] & mask) != (prefix->base.octets[i] & mask))
			return false;
	}
	return true;
}
