/* SPDX-License-Identifier: MIT */
#include "io/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "io/netlink_socket.h"

/* Datagrams read in one turn of the loop; more wait for the next. */
#define DATAGRAMS_MAX 256

struct netlink_monitor {
	struct netlink_socket socket; /* its timer is active while spacing */
	bool is_due;
	uint64_t n_overruns;
	netlink_changed changed;
	void *context;
};

static void on_spaced(uv_timer_t *timer);

static void tell(struct netlink_monitor *monitor)
{
	if (uv_is_active((const uv_handle_t *)&monitor->socket.timer)) {
		monitor->is_due = true;
		return;
	}
	monitor->is_due = false;
	uv_timer_start(&monitor->socket.timer, on_spaced, NETLINK_SPACING_MS, 0);
	monitor->changed(monitor->context);
}

static void on_spaced(uv_timer_t *timer)
{
	struct netlink_monitor *monitor = timer->data;

	uv_timer_stop(timer);
	if (monitor->is_due)
		tell(monitor);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct netlink_monitor *monitor = poll->data;
	bool has_changed = false;

	(void)events;
	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		char first; /* the rest is cut off: that there is something is all there is to know */

		if (recv(monitor->socket.fd, &first, sizeof(first), MSG_DONTWAIT) < 0) {
			if (errno != ENOBUFS)
				break;
			monitor->n_overruns++;
			log_debug("netlink: messages were lost; everything is looked at anew");
		}
		has_changed = true;
	}
	netlink_socket_go_on(&monitor->socket, status, on_readable);
	if (has_changed)
		tell(monitor);
}

void netlink_monitor_close(struct netlink_monitor **monitor)
{
	if (*monitor)
		netlink_socket_close(&(*monitor)->socket);
	*monitor = NULL;
}

int netlink_monitor_new(uv_loop_t *loop, netlink_changed changed, void *context, struct netlink_monitor **out)
{
	const uint32_t groups = 1u << (RTNLGRP_LINK - 1) | 1u << (RTNLGRP_TC - 1);
	struct netlink_monitor *monitor = calloc(1, sizeof(*monitor));
	int r;

	if (!monitor)
		return -ENOMEM;
	monitor->changed = changed;
	monitor->context = context;
	r = netlink_socket_open(loop, groups, on_readable, "interfaces", &monitor->socket);
	if (!r)
		*out = monitor;
	return r;
}

uint64_t netlink_monitor_n_overruns(const struct netlink_monitor *monitor)
{
	return monitor->n_overruns;
}
