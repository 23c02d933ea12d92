/* SPDX-License-Identifier: MIT */
#include "io/neighbour.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "io/netlink_socket.h"

/* Some thousand messages: all guests of an access point that goes down. Each takes a KiB or so of kernel memory. */
#define RECEIVE_BUFFER_BYTES (4 * 1024 * 1024)
/* A notification of a link with some hundred virtual functions; what is longer is seen to be cut. */
#define MESSAGE_MAX_BYTES 32768

struct neighbour_monitor {
	struct netlink_socket socket; /* its timer is active while no more is read */
	struct neighbour_wants wants;
	uint64_t n_overruns;
	neighbour_told told;
	void *context;
	_Alignas(struct nlmsghdr) char message[MESSAGE_MAX_BYTES];
};

static void note_overrun(struct neighbour_monitor *monitor)
{
	static const struct presence_sign some_links = {.kind = PRESENCE_LINK};

	if (monitor->n_overruns++ == 0)
		log_warning("messages about neighbours were lost in a storm of them: guests who have left in it leave "
			    "by the idle timeout (said once)");
	if (monitor->wants.links)
		monitor->told(monitor->context, &some_links);
}

/* Reads one datagram; false when there is none. */
static bool read_one(struct neighbour_monitor *monitor)
{
	struct sockaddr_nl sender = {0};
	struct iovec part = {monitor->message, sizeof(monitor->message)};
	struct msghdr header = {.msg_name = &sender, .msg_namelen = sizeof(sender), .msg_iov = &part, .msg_iovlen = 1};
	ssize_t size = recvmsg(monitor->socket.fd, &header, MSG_DONTWAIT);

	if (size < 0 && errno != ENOBUFS)
		return false;
	if (size < 0 || (header.msg_flags & MSG_TRUNC))
		note_overrun(monitor);
	else if (sender.nl_pid == 0) /* the kernel; others may send to its groups too */
		neighbour_read(monitor->message, (size_t)size, &monitor->wants, monitor->told, monitor->context);
	return true;
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_spaced(uv_timer_t *timer)
{
	struct neighbour_monitor *monitor = timer->data;

	uv_poll_start(&monitor->socket.poll, UV_READABLE, on_readable);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct neighbour_monitor *monitor = poll->data;
	int n_read = 0;

	(void)events;
	while (n_read < NEIGHBOUR_BURST && read_one(monitor))
		n_read++;
	if (n_read == NEIGHBOUR_BURST) {
		uv_poll_stop(poll);
		uv_timer_start(&monitor->socket.timer, on_spaced, NEIGHBOUR_SPACING_MS, 0);
	} else {
		netlink_socket_go_on(&monitor->socket, status, on_readable);
	}
}

void neighbour_monitor_close(struct neighbour_monitor **monitor)
{
	if (*monitor)
		netlink_socket_close(&(*monitor)->socket);
	*monitor = NULL;
}

int neighbour_monitor_new(uv_loop_t *loop, const struct neighbour_wants *wants, neighbour_told told, void *context,
			  struct neighbour_monitor **out)
{
	static const int buffer_bytes = RECEIVE_BUFFER_BYTES;
	const uint32_t groups = (wants->neighbours || wants->bridges ? 1u << (RTNLGRP_NEIGH - 1) : 0) |
				(wants->links ? 1u << (RTNLGRP_LINK - 1) : 0);
	struct neighbour_monitor *monitor = calloc(1, sizeof(*monitor));
	int r;

	if (!monitor)
		return -ENOMEM;
	monitor->wants = *wants;
	monitor->told = told;
	monitor->context = context;
	r = netlink_socket_open(loop, groups, on_readable, "neighbours", &monitor->socket);
	if (r)
		return r;
	/* with less, a storm is lost sooner */
	(void)setsockopt(monitor->socket.fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes));
	*out = monitor;
	return 0;
}

uint64_t neighbour_monitor_n_overruns(const struct neighbour_monitor *monitor)
{
	return monitor->n_overruns;
}
