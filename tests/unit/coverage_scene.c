/* SPDX-License-Identifier: MIT */
#include "unit/coverage_scene.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/instant.h"

void scene_init(struct scene *scene, const char *kind, enum octet_direction direction)
{
	*scene = (struct scene){.now_ns = 1000 * NS_PER_S};
	coverage_init(&scene->coverage, kind, direction);
}

const struct coverage_report *observe(struct scene *scene)
{
	coverage_observe(&scene->coverage, scene->now_ns, &scene->reading);
	return coverage_report(&scene->coverage);
}

const struct coverage_report *pass_time(struct scene *scene, int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++) {
		scene->now_ns += NS_PER_S;
		observe(scene);
	}
	return coverage_report(&scene->coverage);
}

void see(struct scene *scene, uint64_t frames, uint64_t merged)
{
	struct coverage_seen *seen = &scene->reading.after;

	seen->frames.frames += frames;
	seen->frames.wire_bytes += frames * 1000;
	seen->passed.frames += frames / merged;
	seen->passed.wire_bytes += frames * 1000 - (frames - frames / merged) * 54;
	scene->reading.before = *seen;
}

void count(struct scene *scene, uint64_t frames, uint64_t frame_bytes)
{
	scene->reading.device.frames += frames;
	scene->reading.device.wire_bytes += frames * frame_bytes;
}

void expect(const struct coverage_report *report, enum coverage_verdict verdict, uint32_t percent_hundredths,
	    const char *name)
{
	cr_expect_eq(report->verdict, verdict, "%s: %s", name, coverage_verdict_name(report->verdict));
	cr_expect_eq(report->percent_hundredths, percent_hundredths, "%s: %u", name, report->percent_hundredths);
}

void expect_cause(const struct coverage_report *report, const char *part)
{
	cr_expect(report->cause && strstr(report->cause, part), "\"%s\" is not in \"%s\"", part,
		  report->cause ? report->cause : "nothing");
}
