/* SPDX-License-Identifier: MIT */
/* The clocks, read once per callback; by the loop's thread only. */
#ifndef IO_NOW_H
#define IO_NOW_H

#include <stdbool.h>

#include "base/instant.h"

/* wall_ns is an estimate while the clock cannot be true (core/wall_clock.h): never 1970. */
struct instant now_read(void);

/* The newest time that is known to have been, by the store; the estimate is no earlier. Once, at start. */
void now_set_floor(int64_t wall_ns);

/* Whether wall_ns of now_read() is what the machine's clock says. */
bool now_is_clock_trusted(void);

/*
 * Where a stamp of the kernel half (CLOCK_MONOTONIC) lies on the agent's clocks, see core/boot_clock.h; never after
 * now.
 */
struct instant now_from_kernel(struct instant now, int64_t kernel_mono_ns);

/* CLOCK_MONOTONIC, as the kernel half's stamps have it. */
int64_t now_kernel_mono_ns(void);

#endif
