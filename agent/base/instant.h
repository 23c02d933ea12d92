/* SPDX-License-Identifier: MIT */
/*
 * A moment on both clocks. It is read once per callback (io/now.h) and passed down; core never asks
 * a clock. Durations and timeouts are differences of mono_ns; wall_ns is only for people and records.
 */
#ifndef BASE_INSTANT_H
#define BASE_INSTANT_H

#include <stdint.h>

struct instant {
	int64_t mono_ns; /* CLOCK_BOOTTIME: never steps, goes on while suspended */
	int64_t wall_ns; /* CLOCK_REALTIME: nanoseconds since 1970, may step */
};

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

#endif
