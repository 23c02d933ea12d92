/* SPDX-License-Identifier: MIT */
#include "io/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

/* Datagrams read in one turn of the loop; more wait for the next. */
#define DATAGRAMS_MAX 256

struct netlink_monitor {
	uv_poll_t poll;
	uv_timer_t timer; /* active while spacing */
	int fd;
	int n_open; /* handles that are not closed yet */
	bool is_due;
	uint64_t n_overruns;
	netlink_changed changed;
	void *context;
};

static void on_spaced(uv_timer_t *timer);

static void tell(struct netlink_monitor *monitor)
{
	if (uv_is_active((const uv_handle_t *)&monitor->timer)) {
		monitor->is_due = true;
		return;
	}
	monitor->is_due = false;
	uv_timer_start(&monitor->timer, on_spaced, NETLINK_SPACING_MS, 0);
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

		if (recv(monitor->fd, &first, sizeof(first), MSG_DONTWAIT) < 0) {
			if (errno != ENOBUFS)
				break;
			monitor->n_overruns++;
			log_debug("netlink: messages were lost; everything is looked at anew");
		}
		has_changed = true;
	}
	/* lost messages are an error of the socket, and at errors libuv stops a poll by itself (uv__poll_io) */
	if (status < 0)
		uv_poll_start(poll, UV_READABLE, on_readable);
	if (has_changed)
		tell(monitor);
}

static int open_socket(void)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1u << (RTNLGRP_LINK - 1) | 1u << (RTNLGRP_TC - 1),
	};
	CLEANUP_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return TAKE_FD(fd);
}

static void on_closed(uv_handle_t *handle)
{
	struct netlink_monitor *monitor = handle->data;

	if (--monitor->n_open == 0)
		free(monitor);
}

void netlink_monitor_close(struct netlink_monitor **monitor_pointer)
{
	struct netlink_monitor *monitor = *monitor_pointer;

	if (!monitor)
		return;
	uv_close((uv_handle_t *)&monitor->poll, on_closed);
	uv_close((uv_handle_t *)&monitor->timer, on_closed);
	close(monitor->fd);
	*monitor_pointer = NULL;
}

int netlink_monitor_new(uv_loop_t *loop, netlink_changed changed, void *context, struct netlink_monitor **out)
{
	struct netlink_monitor *monitor = calloc(1, sizeof(*monitor));
	int r = 0;

	if (!monitor)
		return -ENOMEM;
	monitor->fd = open_socket();
	if (monitor->fd < 0) {
		r = log_errno(monitor->fd, "cannot listen to changes of interfaces");
		free(monitor);
		return r;
	}
	monitor->changed = changed;
	monitor->context = context;
	uv_timer_init(loop, &monitor->timer); /* cannot fail, nor can starting an open poll */
	monitor->timer.data = monitor;
	monitor->poll.data = monitor;
	r = uv_poll_init(loop, &monitor->poll, monitor->fd);
	if (r) {
		monitor->n_open = 1;
		close(monitor->fd);
		uv_close((uv_handle_t *)&monitor->timer, on_closed);
		return log_errno(r, "cannot listen to changes of interfaces");
	}
	monitor->n_open = 2;
	uv_poll_start(&monitor->poll, UV_READABLE, on_readable);
	*out = monitor;
	return 0;
}

uint64_t netlink_monitor_n_overruns(const struct netlink_monitor *monitor)
{
	return monitor->n_overruns;
}
