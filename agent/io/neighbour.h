/* SPDX-License-Identifier: MIT */
/*
 * What rtnetlink's notifications say of guests who may have left: entries of the neighbour tables, forwarding entries
 * of bridges, links that lose their carrier or go. Read here, judged in core/presence.h.
 *
 * A neighbour that failed to answer is a sign; one that is deleted in another state is none, because the kernel deletes
 * those that were not asked for in a minute when its table grows (neigh_periodic_work).
 *
 * Bounds: NEIGHBOUR_BURST messages in NEIGHBOUR_SPACING_MS. In a storm the kernel drops what is more, says no more than
 * that it did, and a sign about all links stands for it; neighbours and bridges are not looked at anew, and whoever
 * left meanwhile leaves by the idle timeout.
 */
#ifndef IO_NEIGHBOUR_H
#define IO_NEIGHBOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/presence.h"

#define NEIGHBOUR_BURST 64
#define NEIGHBOUR_SPACING_MS 20

struct neighbour_monitor;

/* Which signs are wanted. */
struct neighbour_wants {
	bool neighbours;
	bool bridges;
	bool links;
};

/* sign is borrowed for the call. */
typedef void (*neighbour_told)(void *context, const struct presence_sign *sign);

/* 0 or -errno, logged. */
int neighbour_monitor_new(uv_loop_t *loop, const struct neighbour_wants *wants, neighbour_told told, void *context,
			  struct neighbour_monitor **out);

/* How often the kernel had to drop messages. */
uint64_t neighbour_monitor_n_overruns(const struct neighbour_monitor *monitor);

/* Takes NULL. The memory goes in the close callback. */
void neighbour_monitor_close(struct neighbour_monitor **monitor);

/* Reads one datagram, aligned as a struct nlmsghdr; whatever in it is cut short or unknown is passed over. */
void neighbour_read(const void *datagram, size_t size, const struct neighbour_wants *wants, neighbour_told told,
		    void *context);

#endif
