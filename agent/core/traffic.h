/* SPDX-License-Identifier: MIT */
/*
 * Octets and packets of both directions, seen from the guest: up is from the guest, down is to it.
 * L3 bytes on the wire; every value stays below 2^63, so that it fits SQLite and JSON integers.
 */
#ifndef CORE_TRAFFIC_H
#define CORE_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

struct traffic {
	uint64_t up_bytes;
	uint64_t up_packets;
	uint64_t down_bytes;
	uint64_t down_packets;
};

static inline void traffic_add(struct traffic *sum, const struct traffic *more)
{
	sum->up_bytes += more->up_bytes;
	sum->up_packets += more->up_packets;
	sum->down_bytes += more->down_bytes;
	sum->down_packets += more->down_packets;
}

/* less is part of from. */
static inline void traffic_subtract(struct traffic *from, const struct traffic *less)
{
	from->up_bytes -= less->up_bytes;
	from->up_packets -= less->up_packets;
	from->down_bytes -= less->down_bytes;
	from->down_packets -= less->down_packets;
}

static inline bool traffic_is_zero(const struct traffic *traffic)
{
	return !(traffic->up_bytes | traffic->up_packets | traffic->down_bytes | traffic->down_packets);
}

#endif
