/* SPDX-License-Identifier: MIT */
/*
 * What a source of counters (kernel tables, a capture) hands to the core: for each slot a reading that only grows
 * while its key lives. A key may have several slots, one for each CPU that has served it; what counts is their sum.
 * The agent's form of the slots in octet/abi.h.
 */
#ifndef CORE_COUNTER_H
#define CORE_COUNTER_H

#include <stdint.h>

#include "base/addr.h"
#include "core/traffic.h"

/* Compared and hashed as bytes: no padding. */
struct counter_key {
	struct mac_addr mac;
	uint16_t vlan; /* as octet_key.vlan: VLAN id and OCTET_VLAN_* flags */
	uint32_t ifindex;
	struct ip_addr ip; /* unspecified for the MAC's own entry */
};
_Static_assert(sizeof(struct counter_key) == 28, "no padding");

/* A bound for arrays that have a place for each slot. */
#define COUNTER_SLOTS_MAX (UINT32_C(1) << 28)

struct counter_reading {
	uint32_t slot;     /* below COUNTER_SLOTS_MAX, over all CPUs */
	uint32_t sequence; /* another one: the slot has got another key, and counts from zero */
	struct counter_key key;
	struct traffic total; /* cumulative since the key was made */
	int64_t last_up_ns;   /* CLOCK_MONOTONIC of the last frame from the guest, 0: none yet */
	int64_t last_down_ns;
	uint32_t bridge; /* ifindex of the bridge that the interface is a port of, 0: none */
};

#endif
