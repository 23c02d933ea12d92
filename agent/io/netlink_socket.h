/* SPDX-License-Identifier: MIT */
/*
 * What those have in common who listen to the kernel's notices: a socket of rtnetlink on the loop, and a timer for
 * spacing what it tells. The first member of whoever listens.
 */
#ifndef IO_NETLINK_SOCKET_H
#define IO_NETLINK_SOCKET_H

#include <stdint.h>
#include <uv.h>

struct netlink_socket {
	uv_poll_t poll;   /* data: the owner */
	uv_timer_t timer; /* likewise; not started */
	int fd;
	int n_open; /* handles that are not closed yet */
};

/*
 * Joins groups (a bit for each of enum rtnetlink_groups) and calls on_readable. The owner is on the heap; it is freed
 * in the last callback of netlink_socket_close, and also when this fails. 0 or -errno, logged with what cannot be
 * heard.
 */
int netlink_socket_open(uv_loop_t *loop, uint32_t groups, uv_poll_cb on_readable, const char *what,
			struct netlink_socket *owner);
void netlink_socket_close(struct netlink_socket *owner);

/* Lost messages are an error of the socket, and at errors libuv stops a poll by itself (uv__poll_io). */
void netlink_socket_go_on(struct netlink_socket *owner, int status, uv_poll_cb on_readable);

#endif
