/* SPDX-License-Identifier: MIT */
#include "core/public_id.h"

#include <errno.h>
#include <string.h>

/* XTEA: R. M. Needham and D. J. Wheeler, "Tea extensions", 1997; 64 Feistel rounds are 32 cycles. */
#define XTEA_DELTA UINT32_C(0x9e3779b9)
#define XTEA_N_CYCLES 32

#define ALPHABET_SIZE 62
#define N_DIGITS (PUBLIC_ID_SIZE - 1)

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static uint32_t mix(uint32_t half)
{
	return ((half << 4) ^ (half >> 5)) + half;
}

static uint64_t encipher(const struct public_id_key *key, uint64_t block)
{
	uint32_t left = (uint32_t)(block >> 32);
	uint32_t right = (uint32_t)block;
	uint32_t sum = 0;

	for (int cycle = 0; cycle < XTEA_N_CYCLES; cycle++) {
		left += mix(right) ^ (sum + key->words[sum & 3]);
		sum += XTEA_DELTA;
		right += mix(left) ^ (sum + key->words[(sum >> 11) & 3]);
	}
	return (uint64_t)left << 32 | right;
}

static uint64_t decipher(const struct public_id_key *key, uint64_t block)
{
	uint32_t left = (uint32_t)(block >> 32);
	uint32_t right = (uint32_t)block;
	uint32_t sum = XTEA_DELTA * XTEA_N_CYCLES;

	for (int cycle = 0; cycle < XTEA_N_CYCLES; cycle++) {
		right -= mix(left) ^ (sum + key->words[(sum >> 11) & 3]);
		sum -= XTEA_DELTA;
		left -= mix(right) ^ (sum + key->words[sum & 3]);
	}
	return (uint64_t)left << 32 | right;
}

char *public_id_format(const struct public_id_key *key, uint64_t seq, char text[PUBLIC_ID_SIZE])
{
	uint64_t rest = encipher(key, seq);

	for (int i = N_DIGITS - 1; i >= 0; i--) {
		text[i] = alphabet[rest % ALPHABET_SIZE];
		rest /= ALPHABET_SIZE;
	}
	text[N_DIGITS] = '\0';
	return text;
}

int public_id_parse(const struct public_id_key *key, const char *text, uint64_t *seq)
{
	uint64_t block = 0;

	if (strlen(text) != N_DIGITS)
		return -EINVAL;
	for (int i = 0; i < N_DIGITS; i++) {
		const char *digit = strchr(alphabet, text[i]);

		if (!digit || __builtin_mul_overflow(block, (uint64_t)ALPHABET_SIZE, &block) ||
		    __builtin_add_overflow(block, (uint64_t)(digit - alphabet), &block))
			return -EINVAL;
	}
	*seq = decipher(key, block);
	return 0;
}
