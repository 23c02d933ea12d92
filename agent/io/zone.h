/* SPDX-License-Identifier: MIT */
/*
 * The location's time zone through libc: a tzdata name ("Europe/Istanbul") or a POSIX TZ string
 * ("<+03>-3", "CET-1CEST,M3.5.0,M10.5.0/3"). libc has one zone per process; so has a location.
 */
#ifndef IO_ZONE_H
#define IO_ZONE_H

#include <stddef.h>

#include "core/ports.h"

/*
 * Whether there is such a zone: 0; or -EINVAL with one sentence in error that names value and remedy (as
 * config_check_value does).
 */
int zone_check(const char *name, char *error, size_t error_size);

/* Sets the process's zone. -EINVAL, logged with the remedy, for a name that libc would silently take for UTC. */
int zone_open(const char *name, struct zone_port *out);

#endif
