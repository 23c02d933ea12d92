/* SPDX-License-Identifier: MIT */
/* What is told of the time while it is not known, and what a suspension does to stamps. */
#include <criterion/criterion.h>

#include "core/boot_clock.h"
#include "core/wall_clock.h"

#define EARLIEST_NS WALL_CLOCK_EARLIEST_NS
#define TODAY_NS (WALL_CLOCK_EARLIEST_NS + 700 * 86400 * NS_PER_S)
#define HOUR_NS (3600 * NS_PER_S)

Test(wall_clock, a_clock_of_1970_is_not_told)
{
	struct wall_clock clock = {0};
	static const int64_t impossible_ns[] = {0, 20 * NS_PER_S, -1, INT64_MIN, EARLIEST_NS - 1};

	for (size_t i = 0; i < sizeof(impossible_ns) / sizeof(impossible_ns[0]); i++) {
		cr_expect_not(wall_clock_is_true(impossible_ns[i]));
		cr_expect_eq(wall_clock_tell(&clock, 90 * NS_PER_S, impossible_ns[i]), EARLIEST_NS + 90 * NS_PER_S);
	}
}

Test(wall_clock, a_clock_that_can_be_true_is_believed_whatever_the_store_says)
{
	struct wall_clock clock = {0};
	const int64_t in_2099_ns = INT64_C(4070908800) * NS_PER_S;

	cr_expect(wall_clock_is_true(EARLIEST_NS));
	wall_clock_set_floor(&clock, 10 * NS_PER_S, in_2099_ns);
	cr_expect_eq(wall_clock_tell(&clock, 20 * NS_PER_S, TODAY_NS), TODAY_NS);
	cr_expect_eq(wall_clock_tell(&clock, 20 * NS_PER_S, 0), in_2099_ns + 10 * NS_PER_S);
}

Test(wall_clock, time_goes_on_from_what_the_store_knew)
{
	struct wall_clock clock = {0};

	wall_clock_set_floor(&clock, 10 * NS_PER_S, TODAY_NS);
	cr_expect_eq(wall_clock_tell(&clock, 10 * NS_PER_S, 0), TODAY_NS);
	cr_expect_eq(wall_clock_tell(&clock, 10 * NS_PER_S + 8 * HOUR_NS, 0), TODAY_NS + 8 * HOUR_NS);
	/* an earlier floor takes nothing back */
	wall_clock_set_floor(&clock, 20 * NS_PER_S, TODAY_NS);
	cr_expect_eq(wall_clock_tell(&clock, 20 * NS_PER_S, 0), TODAY_NS + 10 * NS_PER_S);
}

Test(wall_clock, a_floor_beyond_reason_is_not_taken)
{
	struct wall_clock clock = {0};

	wall_clock_set_floor(&clock, 0, 0);
	wall_clock_set_floor(&clock, 0, INT64_MAX);
	wall_clock_set_floor(&clock, 0, INT64_MIN);
	cr_expect_eq(wall_clock_tell(&clock, NS_PER_S, 0), EARLIEST_NS + NS_PER_S);
}

/* A machine whose clocks differ by offset_ns, looked at when CLOCK_MONOTONIC is mono_ns. */
static void look(struct boot_clock *clock, int64_t mono_ns, int64_t offset_ns)
{
	boot_clock_note(clock, mono_ns + offset_ns, mono_ns + 30, mono_ns + offset_ns + 60);
}

static void expect_near(int64_t got_ns, int64_t wanted_ns)
{
	cr_expect_geq(got_ns, wanted_ns);
	cr_expect_leq(got_ns, wanted_ns + 1000);
}

Test(boot_clock, stamps_keep_their_distance_whatever_the_offset)
{
	static const int64_t offsets_ns[] = {0, 1, NS_PER_S, 8 * HOUR_NS, 1000 * 24 * HOUR_NS};

	for (size_t i = 0; i < sizeof(offsets_ns) / sizeof(offsets_ns[0]); i++) {
		struct boot_clock clock = {0};

		look(&clock, 100 * NS_PER_S, offsets_ns[i]);
		expect_near(boot_clock_convert(&clock, 99 * NS_PER_S), 99 * NS_PER_S + offsets_ns[i]);
		expect_near(boot_clock_convert(&clock, 101 * NS_PER_S), 101 * NS_PER_S + offsets_ns[i]);
	}
}

Test(boot_clock, a_stamp_does_not_shake)
{
	struct boot_clock clock = {0};
	int64_t first_ns;

	look(&clock, 100 * NS_PER_S, HOUR_NS);
	first_ns = boot_clock_convert(&clock, 99 * NS_PER_S);
	for (int64_t i = 1; i < 1000; i++) {
		/* a look that is interrupted has its clocks far apart */
		boot_clock_note(&clock, 100 * NS_PER_S + HOUR_NS + i, 100 * NS_PER_S + i * 700,
				100 * NS_PER_S + HOUR_NS + i * 5000);
		cr_assert_eq(boot_clock_convert(&clock, 99 * NS_PER_S), first_ns);
	}
}

/* The machine sleeps for eight hours after its look at 100 s, and is looked at again a second after it woke. */
Test(boot_clock, a_frame_from_before_a_suspension_is_as_old_as_that)
{
	struct boot_clock clock = {0};
	const int64_t slept_ns = 8 * HOUR_NS;

	look(&clock, 100 * NS_PER_S, 0);
	look(&clock, 102 * NS_PER_S, slept_ns);
	expect_near(boot_clock_convert(&clock, 99 * NS_PER_S), 99 * NS_PER_S);
	expect_near(boot_clock_convert(&clock, 100 * NS_PER_S + 1), 100 * NS_PER_S + 1);
	expect_near(boot_clock_convert(&clock, 103 * NS_PER_S), 103 * NS_PER_S + slept_ns);
	look(&clock, 110 * NS_PER_S, slept_ns);
	expect_near(boot_clock_convert(&clock, 99 * NS_PER_S), 99 * NS_PER_S);
	/* and sleeps again, for an hour */
	look(&clock, 120 * NS_PER_S, slept_ns + HOUR_NS);
	expect_near(boot_clock_convert(&clock, 115 * NS_PER_S), 115 * NS_PER_S + slept_ns);
	expect_near(boot_clock_convert(&clock, 121 * NS_PER_S), 121 * NS_PER_S + slept_ns + HOUR_NS);
}

Test(boot_clock, garbage_does_not_overflow)
{
	struct boot_clock clock = {0};

	look(&clock, 100 * NS_PER_S, HOUR_NS);
	cr_expect_eq(boot_clock_convert(&clock, INT64_MAX), INT64_MAX);
	expect_near(boot_clock_convert(&clock, INT64_MIN), HOUR_NS);
}
