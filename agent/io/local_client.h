/* SPDX-License-Identifier: MIT */
/*
 * Asks the agent on this machine, over its Unix socket: what the subcommands use. HTTP/1.0, so the answer ends
 * with the connection and no chunking can occur; a library would weigh more than these few lines.
 */
#ifndef IO_LOCAL_CLIENT_H
#define IO_LOCAL_CLIENT_H

/*
 * GET target. 0, *status and *body (owned, NUL-terminated); or -errno, logged with the remedy (is the agent
 * running, is this root).
 */
int local_client_get(const char *socket_path, const char *target, int *status, char **body);

#endif
