/* SPDX-License-Identifier: MIT */
#include "base/siphash.h"

static uint64_t rotate_left(uint64_t word, unsigned int n_bits)
{
	return word << n_bits | word >> (64 - n_bits);
}

/* The paper's figure 2.1. */
static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate_left(v[1], 13) ^ v[0];
	v[3] = rotate_left(v[3], 16) ^ v[2];
	v[0] = rotate_left(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate_left(v[1], 17) ^ v[2];
	v[3] = rotate_left(v[3], 21) ^ v[0];
	v[2] = rotate_left(v[2], 32);
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

uint64_t siphash(const uint64_t key[2], const void *data, size_t length)
{
	/* "somepseudorandomlygeneratedbytes", section 2.2 */
	uint64_t v[4] = {
		key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573),
	};
	const unsigned char *octets = data;
	uint64_t word = 0;

	for (size_t i = 0; i < length; i++) {
		word |= (uint64_t)octets[i] << 8 * (i % 8);
		if (i % 8 != 7)
			continue;
		absorb(v, word);
		word = 0;
	}
	absorb(v, word | (uint64_t)(length & 0xff) << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
