/* SPDX-License-Identifier: MIT */
/*
 * SipHash-1-3 (J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", 2012): the hash for
 * tables whose keys strangers choose. With a secret seed nobody can pile keys up in one place.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stdint.h>

struct siphash_seed {
	uint64_t words[2];
};

struct sip_state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t word, unsigned int n_bits)
{
	return word << n_bits | word >> (64 - n_bits);
}

static inline void sip_round(struct sip_state *s)
{
	s->v0 += s->v1;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_absorb(struct sip_state *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

/*
 * Of 28 octets, as the words that they are in memory. The result depends on the machine's byte order; it is for
 * tables in memory, not for files.
 */
static inline uint64_t siphash_28(const struct siphash_seed *seed, const uint64_t words[3], uint32_t tail)
{
	/* the paper's initial constants */
	struct sip_state s = {
		.v0 = seed->words[0] ^ UINT64_C(0x736f6d6570736575),
		.v1 = seed->words[1] ^ UINT64_C(0x646f72616e646f6d),
		.v2 = seed->words[0] ^ UINT64_C(0x6c7967656e657261),
		.v3 = seed->words[1] ^ UINT64_C(0x7465646279746573),
	};

	sip_absorb(&s, words[0]);
	sip_absorb(&s, words[1]);
	sip_absorb(&s, words[2]);
	sip_absorb(&s, tail | UINT64_C(28) << 56);
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
