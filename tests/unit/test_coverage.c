/* SPDX-License-Identifier: MIT */
/* The arithmetic of coverage: baselines, windows, per cents, and counters that jump. */
#include <criterion/criterion.h>

#include "base/instant.h"
#include "unit/coverage_scene.h"

Test(coverage, without_traffic_there_is_nothing_to_say)
{
	struct scene scene;

	scene_init(&scene, "bridge", OCTET_UP);
	expect(coverage_report(&scene.coverage), COVERAGE_UNKNOWN, COVERAGE_NO_PERCENT, "before the first observation");
	expect(observe(&scene), COVERAGE_UNKNOWN, COVERAGE_NO_PERCENT, "at the first");
	expect(pass_time(&scene, 100), COVERAGE_UNKNOWN, COVERAGE_NO_PERCENT, "idle");
	see(&scene, 10, 1);
	count(&scene, 10, 986);
	expect(pass_time(&scene, 2), COVERAGE_COMPLETE, 10000, "some");
	expect(pass_time(&scene, 200), COVERAGE_COMPLETE, 10000, "idle again");
	cr_expect_eq(coverage_report(&scene.coverage)->last_minute_percent_hundredths, COVERAGE_NO_PERCENT);
	cr_expect_eq(coverage_report(&scene.coverage)->since_s, 302);
}

Test(coverage, begins_when_attached_and_not_when_the_interface_was_made)
{
	struct scene scene;

	scene_init(&scene, "", OCTET_UP);
	count(&scene, 1000000, 1000);
	observe(&scene);
	pass_time(&scene, 4);
	see(&scene, 50, 1);
	count(&scene, 50, 1000);
	expect(pass_time(&scene, 2), COVERAGE_COMPLETE, 10000, "attached late");
	cr_expect_eq(coverage_report(&scene.coverage)->device.frames, 50);
	cr_expect_eq(coverage_report(&scene.coverage)->seen.frames.frames, 50);
}

/* What each kind of interface was measured to count of 1,000 frames that pass the hook as 100. */
Test(coverage, each_kind_is_measured_by_what_it_counts)
{
	static const struct {
		const char *kind;
		enum octet_direction direction;
		uint64_t device;
		bool is_complete;
	} cases[] = {
		{"bridge", OCTET_UP, 100, true},     {"bridge", OCTET_UP, 150, false},
		{"bridge", OCTET_DOWN, 100, true},   {"bridge", OCTET_DOWN, 1000, true},
		{"bridge", OCTET_DOWN, 1009, false}, {"vlan", OCTET_UP, 109, false},
		{"vlan", OCTET_UP, 100, true},       {"macvlan", OCTET_UP, 109, false},
		{"macvlan", OCTET_UP, 108, true},    {"veth", OCTET_UP, 100, true},
		{"veth", OCTET_UP, 550, true},       {"veth", OCTET_UP, 1000, true},
		{"veth", OCTET_UP, 1009, false},     {"veth", OCTET_DOWN, 100, true},
		{"tun", OCTET_UP, 1000, true},       {"bond", OCTET_UP, 100, true},
		{"bond", OCTET_DOWN, 1009, false},   {"", OCTET_UP, 100, true},
		{"", OCTET_UP, 1000, true},          {"", OCTET_UP, 1009, false},
		{"", OCTET_DOWN, 1000, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene;

		scene_init(&scene, cases[i].kind, cases[i].direction);
		observe(&scene);
		pass_time(&scene, 4);
		see(&scene, 1000, 10);
		count(&scene, cases[i].device, 1000 * 1000 / cases[i].device);
		pass_time(&scene, 5);
		cr_expect_eq(coverage_report(&scene.coverage)->verdict,
			     cases[i].is_complete ? COVERAGE_COMPLETE : COVERAGE_MISSING, "%s %d %zu: %s",
			     cases[i].kind, cases[i].direction, (size_t)cases[i].device,
			     coverage_verdict_name(coverage_report(&scene.coverage)->verdict));
	}
}

Test(coverage, is_never_rounded_up)
{
	static const struct {
		uint64_t counted, seen;
		uint32_t percent_hundredths;
		enum coverage_verdict verdict;
	} cases[] = {
		{3, 2, 6666, COVERAGE_COMPLETE},
		{1000000, 999999, 9999, COVERAGE_COMPLETE},
		{1000000, 999992, 9999, COVERAGE_COMPLETE},
		{1000000, 999991, 9999, COVERAGE_MISSING},
		{10000, 9989, 9989, COVERAGE_MISSING},
		{9, 0, 0, COVERAGE_MISSING},
		{20000, 1, 0, COVERAGE_MISSING},
		{19999, 10000, 5000, COVERAGE_MISSING},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene scene;

		scene_init(&scene, "bridge", OCTET_UP);
		observe(&scene);
		see(&scene, cases[i].seen, 1);
		count(&scene, cases[i].counted, 986);
		expect(pass_time(&scene, 2), cases[i].verdict, cases[i].percent_hundredths, "case");
		cr_expect_eq(coverage_report(&scene.coverage)->missing_frames, cases[i].counted - cases[i].seen);
	}
}

Test(coverage, huge_counters_are_counted_right)
{
	struct scene scene;

	scene_init(&scene, "bridge", OCTET_UP);
	scene.reading.device = (struct octet_tally){UINT64_MAX / 2, UINT64_MAX / 2};
	scene.reading.after.passed = (struct octet_tally){UINT64_MAX / 4, 1};
	scene.reading.before = scene.reading.after;
	observe(&scene);
	scene.reading.device = (struct octet_tally){UINT64_MAX, UINT64_MAX};
	scene.reading.after.passed.frames += UINT64_MAX / 4;
	scene.reading.after.frames = (struct octet_tally){UINT64_MAX, UINT64_MAX};
	scene.reading.before = scene.reading.after;
	expect(pass_time(&scene, 2), COVERAGE_MISSING, 4999, "half of 2^63");

	scene_init(&scene, "", OCTET_DOWN);
	observe(&scene);
	pass_time(&scene, 4);
	scene.reading.device = (struct octet_tally){UINT64_MAX, UINT64_MAX};
	scene.reading.after.frames = (struct octet_tally){UINT64_MAX, UINT64_MAX};
	scene.reading.after.passed = (struct octet_tally){UINT64_MAX, UINT64_MAX};
	scene.reading.before = scene.reading.after;
	expect(pass_time(&scene, 2), COVERAGE_COMPLETE, 10000, "all of 2^64");
	scene.reading.lost = UINT64_MAX;
	scene.reading.queued = UINT64_MAX;
	expect(pass_time(&scene, 5), COVERAGE_COMPLETE, 10000, "with as much lost");
}

Test(coverage, counters_that_go_back_begin_anew)
{
	struct scene scene;

	for (int which = 0; which < 5; which++) {
		scene_init(&scene, "bridge", OCTET_UP);
		see(&scene, 5000, 1);
		count(&scene, 5000, 986);
		observe(&scene);
		see(&scene, 1000, 1);
		count(&scene, 2000, 986);
		expect(pass_time(&scene, 2), COVERAGE_MISSING, 5000, "before");
		if (which == 0)
			scene.reading.device = (struct octet_tally){10, 7000000};
		else if (which == 1)
			scene.reading.device.wire_bytes = 0;
		else if (which == 2)
			scene.reading.after.passed.frames = scene.reading.before.passed.frames = 0;
		else if (which == 3)
			scene.reading.after.frames.frames = scene.reading.before.frames.frames = 0;
		else
			scene.reading = (struct coverage_reading){0};
		expect(pass_time(&scene, 3), COVERAGE_UNKNOWN, COVERAGE_NO_PERCENT, "anew");
		cr_expect_null(coverage_report(&scene.coverage)->cause);
		see(&scene, 100, 1);
		count(&scene, 100, 986);
		expect(pass_time(&scene, 2), COVERAGE_COMPLETE, 10000, "after");
		cr_expect_eq(coverage_report(&scene.coverage)->device.frames, 100);
	}
}

Test(coverage, a_loss_is_an_alarm_for_a_minute_and_a_figure_for_ever)
{
	struct scene scene;
	int64_t alarm_s = 0;

	scene_init(&scene, "bridge", OCTET_UP);
	observe(&scene);
	scene.reading.facts[COVERAGE_FACT_DETACHED] = true;
	count(&scene, 100, 986);
	expect(pass_time(&scene, 2), COVERAGE_MISSING, 0, "detached");
	expect_cause(coverage_report(&scene.coverage), "not attached");
	scene.reading.facts[COVERAGE_FACT_DETACHED] = false;
	while (coverage_report(&scene.coverage)->verdict == COVERAGE_MISSING && alarm_s < 1000) {
		see(&scene, 10, 1);
		count(&scene, 10, 986);
		pass_time(&scene, 1);
		alarm_s++;
	}
	pass_time(&scene, 1);
	cr_expect(alarm_s >= 28 && alarm_s <= 62, "%zd", (ssize_t)alarm_s);
	cr_expect_eq(coverage_report(&scene.coverage)->verdict, COVERAGE_COMPLETE);
	cr_expect_eq(coverage_report(&scene.coverage)->last_minute_percent_hundredths, 10000);
	cr_expect_eq(coverage_report(&scene.coverage)->missing_frames, 100);
	cr_expect_lt(coverage_report(&scene.coverage)->percent_hundredths, 9000);
	expect_cause(coverage_report(&scene.coverage), "not attached");
}

Test(coverage, time_may_jump_and_observations_be_rare)
{
	struct scene scene;

	/* too soon for anything to have settled: not looked at */
	scene_init(&scene, "bridge", OCTET_UP);
	observe(&scene);
	count(&scene, 100, 1000);
	for (int i = 0; i < 4; i++) {
		scene.now_ns += NS_PER_S / 10;
		expect(observe(&scene), COVERAGE_UNKNOWN, COVERAGE_NO_PERCENT, "too soon");
	}
	expect(pass_time(&scene, 2), COVERAGE_MISSING, 0, "later");

	/* a laptop that slept for a year */
	scene.now_ns += INT64_C(365) * 86400 * NS_PER_S;
	observe(&scene);
	cr_expect_eq(coverage_report(&scene.coverage)->missing_frames, 100);
	/* a clock that goes back is none of ours, and may cost a window but no sum */
	scene.now_ns = 5;
	observe(&scene);
	count(&scene, 100, 1000);
	pass_time(&scene, 2);
	cr_expect_eq(coverage_report(&scene.coverage)->missing_frames, 200);

	/* every two minutes */
	scene_init(&scene, "", OCTET_DOWN);
	for (int i = 0; i < 10; i++) {
		observe(&scene);
		scene.now_ns += 120 * NS_PER_S;
		count(&scene, 1000, 1000);
		see(&scene, i < 6 ? 1000 : 0, 1);
	}
	cr_expect_eq(coverage_report(&scene.coverage)->verdict, COVERAGE_MISSING);
}

Test(coverage, is_not_known_without_the_interfaces_counters)
{
	struct scene scene;

	scene_init(&scene, "bridge", OCTET_UP);
	observe(&scene);
	count(&scene, 100, 1000);
	expect(pass_time(&scene, 2), COVERAGE_MISSING, 0, "missing");
	coverage_forget(&scene.coverage);
	expect(coverage_report(&scene.coverage), COVERAGE_UNKNOWN, COVERAGE_NO_PERCENT, "forgotten");
	observe(&scene);
	see(&scene, 100, 1);
	count(&scene, 100, 1000);
	expect(pass_time(&scene, 2), COVERAGE_COMPLETE, 10000, "a new baseline");
	cr_expect(coverage_report(&scene.coverage)->is_by_passed);
}

Test(coverage, every_class_is_seen)
{
	struct octet_iface classes = {.passed = {7, 9}};
	struct coverage_seen seen;

	for (unsigned int i = 0; i < OCTET_N_CLASSES; i++)
		classes.classes[i] = (struct octet_tally){1u << i, 1u << (2 * i)};
	seen = coverage_seen_of(&classes);
	cr_expect_eq(seen.frames.frames, (1u << OCTET_N_CLASSES) - 1);
	cr_expect_eq(seen.frames.wire_bytes, ((1u << (2 * OCTET_N_CLASSES)) - 1) / 3);
	cr_expect_eq(seen.passed.frames, 7);
	cr_expect_eq(seen.passed.wire_bytes, 9);
}
