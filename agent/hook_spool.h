/* SPDX-License-Identifier: MIT */
/* The request of a hook on its way to the agent: now, or by a detached child from the spool. */
#ifndef HOOK_SPOOL_H
#define HOOK_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"

#define HOOK_SPOOL_DEFAULT_S 120
#define HOOK_SPOOL_MAX_S 86400

struct hook_message {
	const char *command;
	const char *subject;
	const char *target;
	const char *body;
};

/* POSTs it; two seconds at most. As local_client_ask. */
int hook_message_send(const struct config *config, const struct hook_message *message, int *status, char **body);

/* Others wait already: what comes now goes behind them. */
bool hook_spool_is_busy(const struct config *config);

/*
 * Keeps it for spool_s seconds from now, and starts a child that delivers it: in a session of its own and without any
 * of our files, so that a portal that waits for the end of our output does not wait for the child. 0 or -errno,
 * logged.
 */
int hook_spool(const struct config *config, const struct hook_message *message, int64_t spool_s);

#endif
