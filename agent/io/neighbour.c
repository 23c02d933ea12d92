/* SPDX-License-Identifier: MIT */
#include "io/neighbour.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

/* Some thousand messages: all guests of an access point that goes down. Each takes a KiB or so of kernel memory. */
#define RECEIVE_BUFFER_BYTES (4 * 1024 * 1024)
/* A notification of a link with some hundred virtual functions; what is longer is seen to be cut. */
#define MESSAGE_MAX_BYTES 32768

struct neighbour_monitor {
	uv_poll_t poll;
	uv_timer_t timer; /* active while no more is read */
	int fd;
	int n_open; /* handles that are not closed yet */
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
	ssize_t size = recvmsg(monitor->fd, &header, MSG_DONTWAIT);

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

	uv_poll_start(&monitor->poll, UV_READABLE, on_readable);
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
		uv_timer_start(&monitor->timer, on_spaced, NEIGHBOUR_SPACING_MS, 0);
	} else if (status < 0) {
		/* lost messages are an error of the socket, and at errors libuv stops a poll by itself (uv__poll_io) */
		uv_poll_start(poll, UV_READABLE, on_readable);
	}
}

static int open_socket(const struct neighbour_wants *wants)
{
	static const int buffer_bytes = RECEIVE_BUFFER_BYTES;
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = (wants->neighbours || wants->bridges ? 1u << (RTNLGRP_NEIGH - 1) : 0) |
			     (wants->links ? 1u << (RTNLGRP_LINK - 1) : 0),
	};
	CLEANUP_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	/* with less, a storm is lost sooner */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes));
	return TAKE_FD(fd);
}

static void on_closed(uv_handle_t *handle)
{
	struct neighbour_monitor *monitor = handle->data;

	if (--monitor->n_open == 0)
		free(monitor);
}

void neighbour_monitor_close(struct neighbour_monitor **monitor_pointer)
{
	struct neighbour_monitor *monitor = *monitor_pointer;

	if (!monitor)
		return;
	uv_close((uv_handle_t *)&monitor->poll, on_closed);
	uv_close((uv_handle_t *)&monitor->timer, on_closed);
	close(monitor->fd);
	*monitor_pointer = NULL;
}

int neighbour_monitor_new(uv_loop_t *loop, const struct neighbour_wants *wants, neighbour_told told, void *context,
			  struct neighbour_monitor **out)
{
	struct neighbour_monitor *monitor = calloc(1, sizeof(*monitor));
	int r;

	if (!monitor)
		return -ENOMEM;
	monitor->fd = open_socket(wants);
	if (monitor->fd < 0) {
		r = log_errno(monitor->fd, "cannot listen to changes of neighbours");
		free(monitor);
		return r;
	}
	monitor->wants = *wants;
	monitor->told = told;
	monitor->context = context;
	uv_timer_init(loop, &monitor->timer); /* cannot fail, nor can starting an open poll */
	monitor->timer.data = monitor;
	monitor->poll.data = monitor;
	r = uv_poll_init(loop, &monitor->poll, monitor->fd);
	if (r) {
		monitor->n_open = 1;
		close(monitor->fd);
		uv_close((uv_handle_t *)&monitor->timer, on_closed);
		return log_errno(r, "cannot listen to changes of neighbours");
	}
	monitor->n_open = 2;
	uv_poll_start(&monitor->poll, UV_READABLE, on_readable);
	*out = monitor;
	return 0;
}

uint64_t neighbour_monitor_n_overruns(const struct neighbour_monitor *monitor)
{
	return monitor->n_overruns;
}
