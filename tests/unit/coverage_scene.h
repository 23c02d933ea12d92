/* SPDX-License-Identifier: MIT */
/* An interface in made-up time: what it counted, what passed its hook, and what our program saw of it. */
#ifndef TESTS_COVERAGE_SCENE_H
#define TESTS_COVERAGE_SCENE_H

#include "core/coverage.h"

struct scene {
	struct coverage coverage;
	int64_t now_ns;
	struct coverage_reading reading; /* what the next observation finds */
};

void scene_init(struct scene *scene, const char *kind, enum octet_direction direction);
const struct coverage_report *observe(struct scene *scene);
/* One observation each second. */
const struct coverage_report *pass_time(struct scene *scene, int64_t seconds);

/* Frames of 1000 octets, of which `merged` at a time pass the hook as one. */
void see(struct scene *scene, uint64_t frames, uint64_t merged);
void count(struct scene *scene, uint64_t frames, uint64_t frame_bytes);

void expect(const struct coverage_report *report, enum coverage_verdict verdict, uint32_t percent_hundredths,
	    const char *name);
/* The cause has this in it. */
void expect_cause(const struct coverage_report *report, const char *part);

#endif
