/* SPDX-License-Identifier: MIT */
/*
 * NH, the universal hash of UMAC (RFC 4418, 5.2.2), made short by multiply-shift (M. Dietzfelbinger and others, "A
 * reliable randomized algorithm for the closest-pair problem", 1997): the hash for tables whose keys strangers choose
 * without seeing what becomes of them. With a secret seed two keys collide with a probability of 2^-30 at most,
 * whatever they are, so nobody can pile keys up in one place. It takes four multiplications.
 *
 * Use its upper bits first; they are the best ones.
 */
#ifndef BASE_NH_HASH_H
#define BASE_NH_HASH_H

#include <stdint.h>

struct nh_seed {
	uint32_t words[8];
	uint64_t multiplier; /* any; its lowest bit counts as set */
};

/* Of 32 bits each, modulo 2^32 before and modulo 2^64 after the multiplication. */
static inline uint64_t nh_pair(const uint32_t seed[2], uint32_t first, uint32_t second)
{
	return (uint64_t)(uint32_t)(first + seed[0]) * (uint32_t)(second + seed[1]);
}

/*
 * Of 28 octets, as the words that they are in memory. The result depends on the machine's byte order; it is for
 * tables in memory, not for files.
 */
static inline uint32_t nh_hash_28(const struct nh_seed *seed, const uint64_t words[3], uint32_t tail)
{
	uint64_t sum = nh_pair(seed->words + 6, tail, 0);

	sum += nh_pair(seed->words, (uint32_t)words[0], (uint32_t)(words[0] >> 32));
	sum += nh_pair(seed->words + 2, (uint32_t)words[1], (uint32_t)(words[1] >> 32));
	sum += nh_pair(seed->words + 4, (uint32_t)words[2], (uint32_t)(words[2] >> 32));
	return (uint32_t)(sum * (seed->multiplier | 1) >> 32);
}

#endif
