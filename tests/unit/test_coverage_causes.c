/* SPDX-License-Identifier: MIT */
/* What is a loss or an excess and what only looks like one, and the cause that is named. */
#include <criterion/criterion.h>

#include "unit/coverage_scene.h"

/* Frames that are under way between driver and hook when the counters are read. */
Test(coverage_causes, races_of_the_reading_are_no_loss)
{
	struct scene scene;

	for (int i = 0; i < 2 * OCTET_N_DIRECTIONS; i++) {
		scene_init(&scene, i < OCTET_N_DIRECTIONS ? "veth" : "bridge", (enum octet_direction)(i & 1));
		observe(&scene);
		for (int n = 0; n < 300; n++) {
			see(&scene, 10000, 1);
			count(&scene, n % 2 ? 10000 - 400 : 10000 + 400, 1000);
			/* read later than the interface's */
			scene.reading.after.frames.frames += 3;
			scene.reading.after.passed.frames += 3;
			pass_time(&scene, 1);
			scene.reading.after = scene.reading.before;
			cr_assert_neq(coverage_report(&scene.coverage)->verdict, COVERAGE_MISSING, "%d at %d", i, n);
			cr_assert_neq(coverage_report(&scene.coverage)->verdict, COVERAGE_EXCESS, "%d at %d", i, n);
			cr_assert(n < 2 || coverage_report(&scene.coverage)->percent_hundredths == 10000, "%d at %d", i,
				  n);
		}
	}
}

/* Drivers that ask their hardware every two seconds, and an agent that starts in the midst of traffic. */
Test(coverage_causes, late_counters_of_hardware_are_no_loss_and_no_excess)
{
	struct scene scene;
	uint64_t behind = 0;

	for (int direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
		scene_init(&scene, "", (enum octet_direction)direction);
		scene.reading.device = (struct octet_tally){100, 100000};
		see(&scene, 1000000, 1);
		behind = 20000;
		for (int i = 0; i < 300; i++) {
			pass_time(&scene, 1);
			cr_assert_neq(coverage_report(&scene.coverage)->verdict, COVERAGE_MISSING, "%d", i);
			cr_assert_neq(coverage_report(&scene.coverage)->verdict, COVERAGE_EXCESS, "%d", i);
			see(&scene, 10000, 1);
			behind += 10000;
			if (i % 2) {
				count(&scene, behind, 1000);
				behind = 0;
			}
		}
		cr_expect_eq(coverage_report(&scene.coverage)->percent_hundredths, 10000);
	}
}

Test(coverage_causes, a_loss_within_steady_traffic_is_found)
{
	struct scene scene;

	for (int direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
		scene_init(&scene, "", (enum octet_direction)direction);
		observe(&scene);
		for (int i = 0; i < 100; i++) {
			see(&scene, 8000, 1);
			count(&scene, 10000, 1000);
			pass_time(&scene, 1);
		}
		cr_expect_eq(coverage_report(&scene.coverage)->verdict, COVERAGE_MISSING);
		cr_expect_geq(coverage_report(&scene.coverage)->percent_hundredths, 8000);
		cr_expect_lt(coverage_report(&scene.coverage)->percent_hundredths, 8500);
	}
}

Test(coverage_causes, more_than_was_counted_is_named)
{
	struct scene scene;

	scene_init(&scene, "bridge", OCTET_UP);
	observe(&scene);
	see(&scene, 100, 1);
	count(&scene, 91, 986);
	expect(pass_time(&scene, 2), COVERAGE_COMPLETE, 10000, "too early to say");
	expect(pass_time(&scene, 4), COVERAGE_EXCESS, 10000, "up");
	cr_expect_eq(coverage_report(&scene.coverage)->excess_frames, 9);
	expect_cause(coverage_report(&scene.coverage), "redirection");

	scene_init(&scene, "veth", OCTET_DOWN);
	observe(&scene);
	pass_time(&scene, 2);
	see(&scene, 100, 1);
	count(&scene, 60, 1000);
	scene.reading.lost = 20;
	scene.reading.queued = 20;
	expect(pass_time(&scene, 10), COVERAGE_COMPLETE, 10000, "dropped by the queue, and waiting in it");
	scene.reading.queued = 0;
	expect(pass_time(&scene, 1), COVERAGE_EXCESS, 10000, "gone from the queue and not counted");
	expect_cause(coverage_report(&scene.coverage), "dropped after");
	scene.reading.lost = 40;
	expect(pass_time(&scene, 1), COVERAGE_COMPLETE, 10000, "dropped by the queue");
	cr_expect_null(coverage_report(&scene.coverage)->cause);
	scene.reading.lost = 0;
	expect(pass_time(&scene, 1), COVERAGE_COMPLETE, 10000, "another queue");
	see(&scene, 50, 1);
	scene.reading.lost = 50;
	expect(pass_time(&scene, 10), COVERAGE_COMPLETE, 10000, "and what that one drops");
}

/* Half of the frames missing, and the rest is un-aggregated to more than were counted. */
Test(coverage_causes, octets_tell_what_aggregation_hides)
{
	struct scene scene;

	scene_init(&scene, "veth", OCTET_UP);
	observe(&scene);
	pass_time(&scene, 2);
	see(&scene, 1000, 40);
	count(&scene, 50, 40 * 960);
	expect(pass_time(&scene, 2), COVERAGE_MISSING, 5229, "half");
	expect_cause(coverage_report(&scene.coverage), "in front");

	/* as much as headers of every kind can make up for is none */
	scene_init(&scene, "veth", OCTET_UP);
	observe(&scene);
	pass_time(&scene, 2);
	see(&scene, 1000, 40);
	count(&scene, 28, 40 * 1000);
	expect(pass_time(&scene, 2), COVERAGE_COMPLETE, 10000, "a tenth, by headers");
}

Test(coverage_causes, names_the_cause)
{
	static const struct {
		const char *kind;
		enum octet_direction direction;
		int fact; /* -1: none */
		const char *part;
	} cases[] = {
		{"bridge", OCTET_UP, COVERAGE_FACT_DETACHED, "not attached"},
		{"bridge", OCTET_DOWN, COVERAGE_FACT_DETACHED, "not attached"},
		{"bridge", OCTET_UP, COVERAGE_FACT_NOT_FIRST, "stands in front"},
		{"bridge", OCTET_DOWN, COVERAGE_FACT_NOT_FIRST, "past the queue"},
		{"veth", OCTET_UP, COVERAGE_FACT_XDP, "XDP program"},
		{"veth", OCTET_DOWN, COVERAGE_FACT_XDP, "past the queue"},
		{"", OCTET_UP, COVERAGE_FACT_OFFLOAD, "hw-tc-offload"},
		{"", OCTET_DOWN, COVERAGE_FACT_OFFLOAD, "hw-tc-offload"},
		{"", OCTET_UP, COVERAGE_FACT_WIRELESS, "ap_isolate"},
		{"", OCTET_DOWN, COVERAGE_FACT_WIRELESS, "past the queue"},
		{"bridge", OCTET_UP, -1, "family bridge"},
		{"veth", OCTET_UP, -1, "in front"},
		{"", OCTET_DOWN, -1, "past the queue"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene;

		scene_init(&scene, cases[i].kind, cases[i].direction);
		observe(&scene);
		pass_time(&scene, 4);
		count(&scene, 100, 1000);
		for (int fact = 0; cases[i].fact >= 0 && fact < COVERAGE_N_FACTS; fact++)
			scene.reading.facts[fact] = fact == cases[i].fact;
		pass_time(&scene, 2);
		cr_expect_eq(coverage_report(&scene.coverage)->verdict, COVERAGE_MISSING, "case %zu", i);
		expect_cause(coverage_report(&scene.coverage), cases[i].part);
	}
}

/* What was so only before the frames were missed did not cause it; and the surer cause is named. */
Test(coverage_causes, old_facts_and_weaker_ones_are_no_cause)
{
	struct scene scene;

	scene_init(&scene, "bridge", OCTET_UP);
	scene.reading.facts[COVERAGE_FACT_DETACHED] = true;
	observe(&scene);
	scene.reading.facts[COVERAGE_FACT_DETACHED] = false;
	pass_time(&scene, 100);
	scene.reading.facts[COVERAGE_FACT_XDP] = true;
	count(&scene, 100, 1000);
	pass_time(&scene, 2);
	expect_cause(coverage_report(&scene.coverage), "XDP");
	scene.reading.facts[COVERAGE_FACT_DETACHED] = true;
	pass_time(&scene, 1);
	expect_cause(coverage_report(&scene.coverage), "not attached");
}
