/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"

struct pair {
	const char *text;
	const char *canonical; /* NULL: refused */
};

static void check_mac(const struct pair *row)
{
	static const struct mac_addr untouched = {{1, 2, 3, 4, 5, 6}};
	struct mac_addr mac = untouched;
	char text[MAC_TEXT_SIZE];

	const int error = mac_parse(row->text, &mac);
	if (row->canonical) {
		cr_assert_eq(error, 0, "'%s' refused", row->text);
		cr_assert_str_eq(mac_format(&mac, text), row->canonical);
	} else {
		cr_assert_eq(error, -EINVAL, "'%s' accepted", row->text);
		cr_assert_eq(mac_compare(&mac, &untouched), 0, "'%s' wrote", row->text);
	}
}

Test(addr, mac_spellings)
{
	static const struct pair rows[] = {
		{"14:2d:27:e7:40:2b", "14:2d:27:e7:40:2b"},
		{"14:2D:27:E7:40:2B", "14:2d:27:e7:40:2b"},
		{"14-2D-27-e7-40-2b", "14:2d:27:e7:40:2b"},
		{"142d.27e7.402b", "14:2d:27:e7:40:2b"},
		{"142D27E7402B", "14:2d:27:e7:40:2b"},
		{"142d-27E7-402b", "14:2d:27:e7:40:2b"},
		{"142d:27e7:402b", "14:2d:27:e7:40:2b"},
		{"14.2d.27.e7.40.2b", "14:2d:27:e7:40:2b"},
		{"0000-5e00-5301", "00:00:5e:00:53:01"},
		{"00:00:00:00:00:00", "00:00:00:00:00:00"},
		{"", NULL},
		{"1", NULL},
		{"14:2d:27:e7:40", NULL},
		{"14:2d:27:e7:40:", NULL},
		{"14:2d:27:e7:40:2", NULL},
		{"14:2d:27:e7:40:2b:", NULL},
		{"14:2d:27:e7:40:2b:aa", NULL},
		{"14:2d:27:e7:40:2bb", NULL},
		{"14:2d-27:e7:40:2b", NULL},
		{"142d.27e7:402b", NULL},
		{"142d-27e7.402b", NULL},
		{"142d-27e7-402b-", NULL},
		{"142d-27e7-402", NULL},
		{"142d-27-e7402b", NULL},
		{"14-2d27-e7402b", NULL},
		{"142-d27-e74-02b", NULL},
		{"142d27-e7402b", NULL},
		{"1-4-2-d-2-7-e-7-4-0-2-b", NULL},
		{"142d--27e7-402b", NULL},
		{"142d-", NULL},
		{"142d27e7402b-", NULL},
		{"142d.27e7402b", NULL},
		{"142d27e7402", NULL},
		{"142d27e7402bb", NULL},
		{"142d27e7402g", NULL},
		{":142d27e7402b", NULL},
		{" 142d27e7402b", NULL},
		{"142d27e7402b ", NULL},
		{"14 2d 27 e7 40 2b", NULL},
		{"0x2d27e7402b", NULL},
		{"14:2d:27:e7:40:-b", NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_mac(&rows[i]);
}

Test(addr, mac_bits_and_order)
{
	const struct mac_addr global = {{0x14, 0, 0, 0, 0, 1}};
	const struct mac_addr random = {{0x16, 0, 0, 0, 0, 1}};
	const struct mac_addr multicast = {{0x33, 0x33, 0, 0, 0, 1}};

	cr_assert_not(mac_is_group(&global));
	cr_assert_not(mac_is_local(&global));
	cr_assert(mac_is_local(&random));
	cr_assert_not(mac_is_group(&random));
	cr_assert(mac_is_group(&multicast));
	cr_assert_lt(mac_compare(&global, &random), 0);
	cr_assert_gt(mac_compare(&multicast, &random), 0);
}

static void check_ip(const struct pair *row)
{
	static const struct ip_addr untouched = {{1, 2, 3, 4}};
	struct ip_addr ip = untouched;
	char text[IP_TEXT_SIZE];

	const int error = ip_parse(row->text, &ip);
	if (row->canonical) {
		cr_assert_eq(error, 0, "'%s' refused", row->text);
		cr_assert_str_eq(ip_format(&ip, text), row->canonical);
	} else {
		cr_assert_eq(error, -EINVAL, "'%s' accepted", row->text);
		cr_assert_eq(ip_compare(&ip, &untouched), 0, "'%s' wrote", row->text);
	}
}

/* RFC 5952, section 4, point by point */
Test(addr, ip_canonical_text)
{
	static const struct pair rows[] = {
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"10.1.1.5", "10.1.1.5"},
		{"::ffff:10.1.1.5", "10.1.1.5"},
		{"::FFFF:0a01:0105", "10.1.1.5"},
		{"0:0:0:0:0:ffff:0.0.0.0", "0.0.0.0"},
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"0:0:0:0:0:0:0:0", "::"},
		{"2001:0DB8::0001", "2001:db8::1"},              /* 4.1, 4.3 */
		{"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},       /* 4.2.1 */
		{"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* 4.2.2: one group is not compressed */
		{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
		{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"}, /* 4.2.3: the longest run */
		{"2001:0:0:0:1:0:0:1", "2001::1:0:0:1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"}, /* 4.2.3: the first of equals */
		{"0:0:1:0:0:0:0:0", "0:0:1::"},
		{"::1.2.3.4", "::102:304"}, /* only mapped addresses are IPv4 */
		{"::ffff:0:1.2.3.4", "::ffff:0:102:304"},
		{"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"fe80::0:0", "fe80::"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_ip(&rows[i]);
}

Test(addr, ip_refused)
{
	static const struct pair rows[] = {
		{"", NULL},
		{" 10.1.1.5", NULL},
		{"10.1.1.5 ", NULL},
		{"10.1.1", NULL},
		{"10.1.1.5.6", NULL},
		{"10.1.257", NULL},
		{"010.1.1.5", NULL},
		{"0x0a.1.1.5", NULL},
		{"10.1.1.256", NULL},
		{"10.1.1.-5", NULL},
		{"167837957", NULL},
		{"10.1.1.5/32", NULL},
		{"[::1]", NULL},
		{"fe80::1%eth0", NULL},
		{"fe80::1%251", NULL},
		{"::1/128", NULL},
		{"1::2::3", NULL},
		{":::", NULL},
		{"1:2:3:4:5:6:7", NULL},
		{"1:2:3:4:5:6:7:8:9", NULL},
		{"12345::", NULL},
		{"::ffff:010.1.1.5", NULL},
		{"::ffff:10.1.1", NULL},
		{"g::", NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_ip(&rows[i]);
}

/* Every pattern of zero and non-zero groups: the text must be read back as the same address. */
Test(addr, ip_text_round_trip)
{
	for (unsigned int pattern = 0; pattern < 256; pattern++) {
		struct ip_addr ip = {{0}};
		struct ip_addr back;
		char text[IP_TEXT_SIZE];

		for (unsigned int group = 0; group < 8; group++)
			ip.octets[2 * group + 1] = pattern >> group & 1 ? (uint8_t)(0xa0 + group) : 0;
		cr_assert_eq(ip_parse(ip_format(&ip, text), &back), 0, "%s", text);
		cr_assert_eq(ip_compare(&ip, &back), 0, "%s", text);
		cr_assert_null(strstr(text, ":0::"), "%s: the run is not whole", text);
		cr_assert_null(strstr(text, "::0:"), "%s: the run is not whole", text);
	}
}

Test(addr, ip_longest_text_fits)
{
	struct ip_addr ip;
	char text[IP_TEXT_SIZE];

	memset(&ip, 0xff, sizeof(ip));
	cr_assert_eq(strlen(ip_format(&ip, text)), 39);
}

enum { UNSPECIFIED = 1, LINK_LOCAL = 2, MULTICAST = 4, ASSIGNABLE = 8, V4 = 16 };

Test(addr, ip_kinds)
{
	static const struct {
		const char *text;
		unsigned int kinds;
	} rows[] = {
		{"0.0.0.0", UNSPECIFIED | V4},
		{"::", UNSPECIFIED},
		{"0.0.0.1", ASSIGNABLE | V4},
		{"127.0.0.1", V4},
		{"127.255.255.255", V4},
		{"128.0.0.1", ASSIGNABLE | V4},
		{"::1", 0},
		{"::2", ASSIGNABLE},
		{"169.254.1.1", LINK_LOCAL | ASSIGNABLE | V4},
		{"169.253.1.1", ASSIGNABLE | V4},
		{"fe80::1", LINK_LOCAL | ASSIGNABLE},
		{"febf::1", LINK_LOCAL | ASSIGNABLE},
		{"fec0::1", ASSIGNABLE},
		{"fe7f::1", ASSIGNABLE},
		{"223.255.255.255", ASSIGNABLE | V4},
		{"224.0.0.0", MULTICAST | V4},
		{"239.255.255.255", MULTICAST | V4},
		{"240.0.0.1", ASSIGNABLE | V4},
		{"255.255.255.255", V4},
		{"255.255.255.254", ASSIGNABLE | V4},
		{"ff02::1", MULTICAST},
		{"2001:db8::1", ASSIGNABLE},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct ip_addr ip;
		cr_assert_eq(ip_parse(rows[i].text, &ip), 0);
		const unsigned int kinds = (ip_is_unspecified(&ip) ? UNSPECIFIED : 0) |
					   (ip_is_link_local(&ip) ? LINK_LOCAL : 0) |
					   (ip_is_multicast(&ip) ? MULTICAST : 0) |
					   (ip_is_assignable(&ip) ? ASSIGNABLE : 0) | (ip_is_v4(&ip) ? V4 : 0);
		cr_assert_eq(kinds, rows[i].kinds, "%s: %u", rows[i].text, kinds);
	}
}

Test(addr, ip_prefix_ranges)
{
	static const struct {
		const char *prefix;
		const char *inside;
		const char *outside;
	} rows[] = {
		{"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
		{"10.1.2.3/8", "10.9.9.9", "9.255.255.255"}, /* host bits do not matter */
		{"10.1.1.5", "10.1.1.5", "10.1.1.4"},
		{"10.1.1.5/32", "10.1.1.5", "10.1.1.7"},
		{"10.1.1.4/31", "10.1.1.5", "10.1.1.6"},
		{"192.168.128.0/17", "192.168.255.1", "192.168.127.255"},
		{"0.0.0.0/0", "255.255.255.255", "::1"},
		{"::ffff:10.0.0.0/104", "10.3.2.1", "11.3.2.1"},
		{"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
		{"fe80::/10", "febf::1", "fec0::"},
		{"::1", "::1", "::"},
		{"2001:db8::1/128", "2001:db8::1", "2001:db8::"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct ip_prefix prefix;
		struct ip_addr ip;

		cr_assert_eq(ip_prefix_parse(rows[i].prefix, &prefix), 0, "%s", rows[i].prefix);
		cr_assert_eq(ip_parse(rows[i].inside, &ip), 0);
		cr_assert(ip_prefix_contains(&prefix, &ip), "%s in %s", rows[i].inside, rows[i].prefix);
		cr_assert_eq(ip_parse(rows[i].outside, &ip), 0);
		cr_assert_not(ip_prefix_contains(&prefix, &ip), "%s in %s", rows[i].outside, rows[i].prefix);
	}
}

Test(addr, ip_prefix_refused)
{
	static const char *const rows[] = {
		"",
		"/",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/+8",
		"10.0.0.0/08",
		"10.0.0/8",
		"10.0.0.0/8/8",
		"10.0.0.0/8 ",
		"::/129",
		"::/4294967297",
		"fe80::1%1/64",
		"[::]/0",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/3",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct ip_prefix prefix = {.n_bits = 77};
		cr_assert_eq(ip_prefix_parse(rows[i], &prefix), -EINVAL, "'%s' accepted", rows[i]);
		cr_assert_eq(prefix.n_bits, 77, "'%s' wrote", rows[i]);
	}
}
