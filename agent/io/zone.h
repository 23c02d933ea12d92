/* SPDX-License-Identifier: MIT */
/*
 * The location's time zone through libc: a tzdata name ("Europe/Istanbul") or a POSIX TZ string
 * ("<+03>-3", "CET-1CEST,M3.5.0,M10.5.0/3"). libc has one zone per process; so has a location.
 */
#ifndef IO_ZONE_H
#define IO_ZONE_H

#include "core/ports.h"

/* Sets the process's zone. -EINVAL, logged with the remedy, for a name that libc would silently take for UTC. */
int zone_open(const char *name, struct zone_port *out);

#endif
