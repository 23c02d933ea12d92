/* SPDX-License-Identifier: MIT */
/*
 * Asks the agent on this machine, over its Unix socket: what the subcommands use. HTTP/1.0, so the answer ends
 * with the connection and no chunking can occur; a library would weigh more than these few lines.
 *
 * A portal may wait for who asks: one deadline holds for connecting, sending and the answer together.
 */
#ifndef IO_LOCAL_CLIENT_H
#define IO_LOCAL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#define LOCAL_CLIENT_TIMEOUT_MS 5000

struct local_request {
	const char *method;
	const char *target;
	const char *body;   /* JSON; NULL: none */
	int64_t timeout_ms; /* 1 or more */
};

/* 0, *status and *body (owned, NUL-terminated); or -errno, not logged (local_complain). */
int local_client_ask(const char *socket_path, const struct local_request *request, int *status, char **body);

/* Whether such an error may pass by itself: nobody is there, or has no time. A lack of rights does not. */
bool local_client_is_passing(int error);

/* GET target, within LOCAL_CLIENT_TIMEOUT_MS. As local_client_ask, but logged. */
int local_client_get(const char *socket_path, const char *target, int *status, char **body);

#endif
