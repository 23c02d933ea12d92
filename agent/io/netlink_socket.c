/* SPDX-License-Identifier: MIT */
#include "io/netlink_socket.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

static int open_socket(uint32_t groups)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	CLEANUP_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return TAKE_FD(fd);
}

static void on_closed(uv_handle_t *handle)
{
	struct netlink_socket *owner = handle->data;

	if (--owner->n_open == 0)
		free(owner);
}

void netlink_socket_close(struct netlink_socket *owner)
{
	if (owner->n_open == 2)
		uv_close((uv_handle_t *)&owner->poll, on_closed);
	uv_close((uv_handle_t *)&owner->timer, on_closed);
	close(owner->fd);
}

int netlink_socket_open(uv_loop_t *loop, uint32_t groups, uv_poll_cb on_readable, const char *what,
			struct netlink_socket *owner)
{
	int r;

	owner->fd = open_socket(groups);
	if (owner->fd < 0) {
		r = log_errno(owner->fd, "cannot listen to changes of %s", what);
		free(owner);
		return r;
	}
	uv_timer_init(loop, &owner->timer); /* cannot fail, nor can starting an open poll */
	owner->timer.data = owner;
	owner->poll.data = owner;
	owner->n_open = 1;
	r = uv_poll_init(loop, &owner->poll, owner->fd);
	if (r) {
		netlink_socket_close(owner);
		return log_errno(r, "cannot listen to changes of %s", what);
	}
	owner->n_open = 2;
	uv_poll_start(&owner->poll, UV_READABLE, on_readable);
	return 0;
}

void netlink_socket_go_on(struct netlink_socket *owner, int status, uv_poll_cb on_readable)
{
	if (status < 0)
		uv_poll_start(&owner->poll, UV_READABLE, on_readable);
}
