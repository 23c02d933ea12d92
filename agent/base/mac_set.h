/* SPDX-License-Identifier: MIT */
/*
 * A set of MACs by the 16 bits in which devices of one make differ most: it has whatever was put in, and may have
 * others too. To be asked of each of many MACs for next to nothing.
 */
#ifndef BASE_MAC_SET_H
#define BASE_MAC_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/* All zero is empty. */
struct mac_set {
	uint64_t words[(1u << 16) / 64];
};

static inline uint32_t mac_set_place(const struct mac_addr *mac)
{
	return (uint32_t)mac->octets[4] << 8 | mac->octets[5];
}

static inline void mac_set_add(struct mac_set *set, const struct mac_addr *mac)
{
	const uint32_t place = mac_set_place(mac);

	set->words[place / 64] |= UINT64_C(1) << place % 64;
}

static inline bool mac_set_may_have(const struct mac_set *set, const struct mac_addr *mac)
{
	const uint32_t place = mac_set_place(mac);

	return set->words[place / 64] >> place % 64 & 1;
}

#endif
