/* SPDX-License-Identifier: MIT */
#include "core/boot_clock.h"

#include <stdbool.h>

/* A suspension takes longer than this; what is shorter is the time between two readings. */
#define SLACK_NS NS_PER_MS

void boot_clock_note(struct boot_clock *clock, int64_t before_boot_ns, int64_t mono_ns, int64_t after_boot_ns)
{
	/* the greater one: never less than the truth, as a difference of none must not become a negative one */
	const int64_t offset_ns = after_boot_ns - mono_ns;
	const bool is_first = clock->noted_mono_ns == 0;

	clock->noted_mono_ns = mono_ns;
	if (!is_first && clock->offset_ns >= before_boot_ns - mono_ns - SLACK_NS &&
	    clock->offset_ns <= offset_ns + SLACK_NS)
		return;
	clock->previous_offset_ns = is_first ? offset_ns : clock->offset_ns;
	clock->offset_ns = offset_ns;
	clock->changed_mono_ns = mono_ns;
}

int64_t boot_clock_convert(const struct boot_clock *clock, int64_t mono_ns)
{
	int64_t boot_ns;

	if (mono_ns < 0)
		mono_ns = 0;
	if (__builtin_add_overflow(mono_ns,
				   mono_ns <= clock->changed_mono_ns ? clock->previous_offset_ns : clock->offset_ns,
				   &boot_ns))
		return INT64_MAX;
	return boot_ns;
}
