/* SPDX-License-Identifier: MIT */
/*
 * Listening stream sockets, non-blocking and close-on-exec. What keeps one from being opened is said in one
 * logged line that names the address or the path and the remedy.
 */
#ifndef IO_LISTEN_SOCKET_H
#define IO_LISTEN_SOCKET_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Listens on an IPv4 or IPv6 address; "::" takes both families. port 0 is any free one; *port_out is the one
 * it got. 0 or -errno, logged.
 */
int listen_socket_tcp(const char *address, uint16_t port, int *fd_out, uint16_t *port_out);

/* The file of a Unix socket, so that at the end only the own one is removed. Owned. */
struct listen_path {
	char *path; /* NULL for none */
	dev_t device;
	ino_t inode;
};

/*
 * Listens on a Unix socket of mode 0600. A socket file that nobody answers on is replaced; one that is in use,
 * and any path that is no socket, is left alone and is an error. 0 or -errno, logged.
 */
int listen_socket_unix(const char *path, int *fd_out, struct listen_path *path_out);

/* Removes the file if it is still the one that was made, and forgets it. */
void listen_path_remove(struct listen_path *path);

#endif
