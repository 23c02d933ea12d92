/* SPDX-License-Identifier: MIT */
/* The agent as a whole: the only place that knows every room of the house. */
#ifndef APP_H
#define APP_H

#include "core/config.h"

/* Counts and answers until SIGINT or SIGTERM. 0, or -errno when it could not start (said in the log). */
int app_run(const struct config *config);

#endif
