/* SPDX-License-Identifier: MIT */
#include "core/wall_clock.h"

bool wall_clock_is_true(int64_t wall_ns)
{
	return wall_ns >= WALL_CLOCK_EARLIEST_NS;
}

static int64_t estimate_ns(const struct wall_clock *clock, int64_t mono_ns)
{
	const int64_t floor_ns = clock->floor_wall_ns ? clock->floor_wall_ns : WALL_CLOCK_EARLIEST_NS;

	return floor_ns + (mono_ns - clock->floor_mono_ns);
}

void wall_clock_set_floor(struct wall_clock *clock, int64_t mono_ns, int64_t wall_ns)
{
	if (wall_ns <= estimate_ns(clock, mono_ns) || wall_ns > WALL_CLOCK_LATEST_NS)
		return;
	clock->floor_wall_ns = wall_ns;
	clock->floor_mono_ns = mono_ns;
}

int64_t wall_clock_tell(const struct wall_clock *clock, int64_t mono_ns, int64_t wall_ns)
{
	return wall_clock_is_true(wall_ns) ? wall_ns : estimate_ns(clock, mono_ns);
}
