/* SPDX-License-Identifier: MIT */
/* What those have in common who talk to the agent on this machine, over its Unix socket. */
#ifndef IO_LOCAL_CONNECT_H
#define IO_LOCAL_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

/* Waits at most timeout_ms. 0 and *fd_out, the caller's to close; or -errno, not logged. */
int local_connect(const char *path, int64_t timeout_ms, int *fd_out);

/* "HTTP/1.1 200 OK": its status; false for what is none. */
bool local_parse_status(const char *line, int *status);

/* Says in one logged line why the agent cannot be talked to, with the remedy; returns error. */
int local_complain(const char *socket_path, int error);

#endif
