/* SPDX-License-Identifier: MIT */
/* SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012): a keyed hash that cannot be guessed. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* key: two words, as the paper's k0 and k1. */
uint64_t siphash(const uint64_t key[2], const void *data, size_t length);

#endif
