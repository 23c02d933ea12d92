/* SPDX-License-Identifier: MIT */
/*
 * Says that links or tc filters of this network namespace have changed, by rtnetlink's notifications.
 *
 * Only that they have, never how: who is told looks at the whole (io/link.h). So a lost message, of which the kernel
 * says no more than ENOBUFS, costs nothing, and neither does a burst, which is one change.
 */
#ifndef IO_NETLINK_H
#define IO_NETLINK_H

#include <stdint.h>
#include <uv.h>

struct netlink_monitor;

typedef void (*netlink_changed)(void *context);

/*
 * Told from now on, so a list that is taken afterwards misses nothing. Changes that follow within NETLINK_SPACING_MS
 * are told of together, at the end of that time. 0 or -errno, logged.
 */
#define NETLINK_SPACING_MS 20
int netlink_monitor_new(uv_loop_t *loop, netlink_changed changed, void *context, struct netlink_monitor **out);

/* How often the kernel had to drop messages. */
uint64_t netlink_monitor_n_overruns(const struct netlink_monitor *monitor);

/* Takes NULL. The memory goes in the close callback. */
void netlink_monitor_close(struct netlink_monitor **monitor);

#endif
