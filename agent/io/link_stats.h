/* SPDX-License-Identifier: MIT */
/*
 * What an interface itself has counted, by rtnetlink: IFLA_STATS64, 64 bits wide and since it exists or its driver last
 * forgot, and what its queue has dropped. The meaning of the counters differs by driver: core/coverage.h.
 */
#ifndef IO_LINK_STATS_H
#define IO_LINK_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "octet/abi.h"

struct link_stats {
	uint32_t ifindex; /* the caller's: whose the rest shall be */
	bool is_there;    /* the interface is, and what follows is its own */
	bool has_xdp;     /* an XDP program is on it, of whatever mode */
	struct octet_tally device[OCTET_N_DIRECTIONS];
	uint64_t driver_drops; /* on the way down, and its errors there */
	uint64_t queue_drops;  /* of the root qdisc with all below it */
	uint64_t queued;       /* frames in it now */
};

/*
 * Fills n entries: one request for each, whatever other interfaces there are, and one dump of the qdiscs.
 * 0 or -errno, not logged; then no entry is_there.
 */
int link_stats_read(struct link_stats *stats, size_t n);

/* Whether the interface may forward flows in hardware, past every program: the feature hw-tc-offload is on. */
bool link_offloads_flows(const char *name);

/* Whether it is a radio, where an access point may pass frames from station to station by itself. */
bool link_is_wireless(const char *name);

#endif
