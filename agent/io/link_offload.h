/* SPDX-License-Identifier: MIT */
/* What an interface does to packets before a capture sees them, by the ioctls of ethtool. */
#ifndef IO_LINK_OFFLOAD_H
#define IO_LINK_OFFLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "io/link.h"

#define LINK_OFFLOAD_SIZE 40 /* "gro on ", a name, "tso on ", a name, the NUL */

/*
 * What makes captures on the interface show super-packets, for people: "gro on port1" (of itself or of what lies below
 * it: they are joined there) or "tso on br0" (it takes them whole); "" for nothing. facts are those of link_list.
 */
void link_offload_describe(const struct link_facts *facts, size_t n_facts, uint32_t ifindex,
			   char text[LINK_OFFLOAD_SIZE]);

/* The largest L3 packet; 0 when that is not known. */
uint32_t link_mtu(uint32_t ifindex);

#endif
