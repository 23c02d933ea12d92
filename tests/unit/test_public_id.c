/* SPDX-License-Identifier: MIT */
#include "core/public_id.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

/* XTEA's published test vectors: key 00 01 .. 0f, plain text and cipher text as numbers, big-endian. */
static const struct public_id_key vector_key = {{0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f}};

/* Base62 the slow way, so that the module's own digits do not judge themselves. */
static void base62(uint64_t value, char text[PUBLIC_ID_SIZE])
{
	memset(text, '0', PUBLIC_ID_SIZE - 1);
	text[PUBLIC_ID_SIZE - 1] = '\0';
	for (int i = PUBLIC_ID_SIZE - 2; value; i--, value /= 62) {
		int digit = (int)(value % 62);

		text[i] = (char)(digit < 10 ? '0' + digit : digit < 36 ? 'A' + digit - 10 : 'a' + digit - 36);
	}
}

Test(public_id, is_base62_of_xtea)
{
	static const struct {
		uint64_t seq;
		uint64_t cipher;
	} vectors[] = {
		{0x4142434445464748, 0x497df3d072612cb5},
		{0x4141414141414141, 0xe78f2d13744341d8},
		{0x5a5b6e278948d77f, 0x4141414141414141},
	};
	char text[PUBLIC_ID_SIZE];
	char expected[PUBLIC_ID_SIZE];

	for (size_t i = 0; i < ARRAY_LENGTH(vectors); i++) {
		uint64_t seq = 0;

		base62(vectors[i].cipher, expected);
		cr_assert_str_eq(public_id_format(&vector_key, vectors[i].seq, text), expected);
		cr_assert_eq(public_id_parse(&vector_key, expected, &seq), 0);
		cr_assert_eq(seq, vectors[i].seq);
	}
}

Test(public_id, parse_is_the_inverse)
{
	const struct public_id_key key = {{0xdeadbeef, 1, 0xffffffff, 0x80000000}};
	uint64_t seq = 0;

	for (uint64_t i = 0; i < 20000; i++) {
		uint64_t wanted = i < 10000 ? i : UINT64_MAX - i * 0x123456789abULL;
		char text[PUBLIC_ID_SIZE];

		public_id_format(&key, wanted, text);
		cr_assert_eq(strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), 11);
		cr_assert_eq(strlen(text), 11);
		cr_assert_eq(public_id_parse(&key, text, &seq), 0);
		cr_assert_eq(seq, wanted);
	}
}

Test(public_id, neighbours_do_not_look_alike)
{
	const struct public_id_key key = {{1, 2, 3, 4}};
	char one[PUBLIC_ID_SIZE];
	char next[PUBLIC_ID_SIZE];
	int n_same = 0;

	for (uint64_t seq = 1; seq <= 1000; seq++) {
		public_id_format(&key, seq, one);
		public_id_format(&key, seq + 1, next);
		for (int i = 1; i < 11; i++)
			n_same += one[i] == next[i] ? 1 : 0;
	}
	/* 10,000 characters at 1 in 62: 161 expected, 13 is the standard deviation */
	cr_assert_lt(n_same, 240);
}

Test(public_id, other_texts_have_no_number)
{
	static const char *const bad[] = {
		"",
		"0",
		"0000000000",
		"000000000000",
		"00000 00000",
		"0000000000-",
		"0000000000\xc3",
		"LygHa16AHYG",
		"zzzzzzzzzzz",
	};
	const struct public_id_key key = {{1, 2, 3, 4}};
	uint64_t seq = 42;

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_assert_eq(public_id_parse(&key, bad[i], &seq), -EINVAL, "%s", bad[i]);
	cr_assert_eq(seq, 42);
	/* 2^64 - 1 is the last that has one */
	cr_assert_eq(public_id_parse(&key, "LygHa16AHYF", &seq), 0);
	cr_assert_eq(public_id_parse(&key, "00000000000", &seq), 0);
}
