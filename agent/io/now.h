/* SPDX-License-Identifier: MIT */
/* The clocks, read once per callback. */
#ifndef IO_NOW_H
#define IO_NOW_H

#include "base/instant.h"

struct instant now_read(void);

/*
 * Where a stamp of the kernel half (CLOCK_MONOTONIC) lies on the agent's clocks. The two clocks differ by
 * the time spent suspended.
 */
struct instant now_from_kernel(struct instant now, int64_t kernel_mono_ns);

/* CLOCK_MONOTONIC, as the kernel half's stamps have it. */
int64_t now_kernel_mono_ns(void);

#endif
