/* SPDX-License-Identifier: MIT */
/*
 * What time to tell while the clock of the machine cannot be true. Routers without a battery boot in 1970, or at the
 * date of their firmware, and learn the time from the network minutes later. No record of 1970 shall reach anybody, so
 * until then an estimate is told: the newest time that is known to have been, and what has passed since.
 *
 * A clock is refuted only by WALL_CLOCK_EARLIEST_NS, never by what is known to have been: a store that was written with
 * a clock of 2099 must not make today's clock doubtful.
 */
#ifndef CORE_WALL_CLOCK_H
#define CORE_WALL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"

/*
 * 2025-01-01 00:00:00 UTC: no release of this program is older, so no clock on which it runs is. The one place for
 * that; a later year refutes more clocks, and must be past on every machine that a release is built on.
 */
#define WALL_CLOCK_EARLIEST_NS (INT64_C(1735689600) * NS_PER_S)
/* 2200-01-01: what claims to have been later is damage, and would soon overflow. */
#define WALL_CLOCK_LATEST_NS (INT64_C(7258118400) * NS_PER_S)

/* All zero when nothing is known: then it tells WALL_CLOCK_EARLIEST_NS and the time since the boot. */
struct wall_clock {
	int64_t floor_wall_ns; /* at floor_mono_ns it was no earlier */
	int64_t floor_mono_ns;
};

bool wall_clock_is_true(int64_t wall_ns);

/* At mono_ns it was wall_ns or later. What would set the clock back, or is beyond all reason, is not taken. */
void wall_clock_set_floor(struct wall_clock *clock, int64_t mono_ns, int64_t wall_ns);

/* wall_ns if it can be true, else the estimate for mono_ns. */
int64_t wall_clock_tell(const struct wall_clock *clock, int64_t mono_ns, int64_t wall_ns);

#endif
