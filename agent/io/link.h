/* SPDX-License-Identifier: MIT */
/* What the kernel says about a network interface of this namespace, by rtnetlink. */
#ifndef IO_LINK_H
#define IO_LINK_H

#include <stdint.h>

#include "base/addr.h"

struct link_facts {
	uint32_t ifindex;
	uint16_t hardware; /* ARPHRD_* (net/if_arp.h) */
	struct mac_addr mac;
	uint32_t master;      /* ifindex of the bridge or bond it belongs to, 0: none */
	uint32_t lower;       /* ifindex of the interface that a VLAN or macvlan lies on, 0: none */
	char kind[16];        /* "bridge", "vlan", "veth", ...; "" for hardware */
	char master_kind[16]; /* "bridge", "bond", ...; "" without a master */
};

/* 0; -ENODEV when there is none of that name; another -errno. Not logged. */
int link_query(const char *name, struct link_facts *out);

#endif
