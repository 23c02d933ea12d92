/* SPDX-License-Identifier: MIT */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <time.h>

#include "base/instant.h"
#include "base/log.h"
#include "io/source_bpf_private.h"
#include "octet.skel.h"

/* Samples end when they have seen so many ticks begin, or after so many runs. */
#define TICKS_WANTED 3
#define SAMPLES_MAX 200000

/* A frame that BPF_PROG_TEST_RUN accepts: an Ethernet header of no known type. */
static const unsigned char any_frame[64];

/* A kernel tick in ns: what the coarse clocks resolve (KTIME_LOW_RES, include/linux/hrtimer_defs.h). */
static uint64_t tick_length_ns(void)
{
	struct timespec resolution = {0};

	/* 1 ns: high-resolution timers, whose tick follows CLOCK_MONOTONIC; a periodic tick would drift from it */
	if (clock_getres(CLOCK_MONOTONIC, &resolution) || resolution.tv_sec || resolution.tv_nsec != 1)
		return 0;
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution))
		return 0;
	return (uint64_t)resolution.tv_sec * (uint64_t)NS_PER_S + (uint64_t)resolution.tv_nsec;
}

/*
 * Within a tick jiffies stand still and the time goes on; their distance is smallest where a tick begins, and that
 * is the one to take: stamps are then never later than the truth.
 */
static bool sample(const struct octet *skeleton, uint64_t tick_ns, uint64_t *offset_ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = any_frame, .data_size_in = sizeof(any_frame));
	uint64_t first_jiffies = 0, least_ns = 0;

	for (int i = 0; i < SAMPLES_MAX; i++) {
		uint64_t distance_ns;

		if (bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.octet_clock), &opts))
			return false;
		distance_ns = skeleton->bss->octet_sample_ns - skeleton->bss->octet_sample_jiffies * tick_ns;
		if (i == 0)
			first_jiffies = skeleton->bss->octet_sample_jiffies;
		/* modulo 2^64: compared by their difference */
		if (i == 0 || (int64_t)(distance_ns - least_ns) < 0)
			least_ns = distance_ns;
		if (skeleton->bss->octet_sample_jiffies - first_jiffies >= TICKS_WANTED)
			break;
	}
	*offset_ns = least_ns;
	return true;
}

void source_clock_calibrate(struct source_clock *clock)
{
	struct octet *skeleton = octet__open();
	uint64_t tick_ns = tick_length_ns();

	*clock = (struct source_clock){0};
	if (!skeleton || tick_ns == 0) {
		octet__destroy(skeleton);
		return;
	}
	bpf_program__set_autoload(skeleton->progs.octet_up, false);
	bpf_program__set_autoload(skeleton->progs.octet_down, false);
	if (octet__load(skeleton) == 0 && sample(skeleton, tick_ns, &clock->offset_ns))
		clock->tick_ns = tick_ns;
	octet__destroy(skeleton);
	log_debug("a tick is %llu ns long", (unsigned long long)clock->tick_ns);
}
