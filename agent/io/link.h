/* SPDX-License-Identifier: MIT */
/* What the kernel says about a network interface of this namespace, by rtnetlink. */
#ifndef IO_LINK_H
#define IO_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct link_facts {
	uint32_t ifindex;
	uint16_t hardware; /* ARPHRD_* (net/if_arp.h) */
	struct mac_addr mac;
	uint32_t master;         /* ifindex of the bridge or bond it belongs to, 0: none */
	uint32_t lower;          /* ifindex of the interface that a VLAN or macvlan lies on, 0: none */
	bool is_lower_elsewhere; /* in another network namespace; lower is 0 then */
	char kind[16];           /* "bridge", "vlan", "veth", ...; "" for hardware */
	char master_kind[16];    /* "bridge", "bond", ...; "" without a master */
};

/* All links of this namespace, in a new array that the caller frees. 0 or -errno. Not logged. */
int link_list(struct link_facts **out, size_t *n_out);

/*
 * Whether frames of the one interface show on the other as well: a port and its bridge, a VLAN or macvlan and what it
 * lies on, over any number of levels. facts are those of link_list.
 */
bool link_is_above(const struct link_facts *facts, size_t n_facts, uint32_t below, uint32_t above);

/* 0; -ENODEV when there is none of that name; another -errno. Not logged. */
int link_query(const char *name, struct link_facts *out);

#endif
