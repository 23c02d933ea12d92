/* SPDX-License-Identifier: MIT */
/*
 * From the kernel half's clock to the agent's. Stamps of frames are CLOCK_MONOTONIC, which stands still while the
 * machine is suspended; durations are by CLOCK_BOOTTIME, which goes on. They differ by all the time spent suspended so
 * far, and a stamp has the difference of its own time: a frame from just before a suspension of eight hours came eight
 * hours ago, whenever it is read.
 *
 * The difference is looked at often (boot_clock_note), and changes by suspensions only. When exactly the machine was
 * suspended between two looks is not known, and a stamp from between them counts as from before: a guest who was there
 * before and is not any more must not seem to have stayed. For those who sent in the moment after, that ends a session
 * whose guest nobody had seen for as long as the machine slept.
 *
 * Of earlier suspensions only the last is remembered: what is older was read long before.
 */
#ifndef CORE_BOOT_CLOCK_H
#define CORE_BOOT_CLOCK_H

#include <stdint.h>

#include "base/instant.h"

/* All zero before the first look. */
struct boot_clock {
	int64_t offset_ns; /* CLOCK_BOOTTIME minus CLOCK_MONOTONIC, after changed_mono_ns */
	int64_t previous_offset_ns;
	int64_t changed_mono_ns; /* CLOCK_MONOTONIC of the look that found it changed */
	int64_t noted_mono_ns;   /* of the latest look; 0: none */
};

/*
 * One look: CLOCK_MONOTONIC, read between two readings of CLOCK_BOOTTIME. The difference is kept until they refute it:
 * measured anew each time it would shake by some nanoseconds, and so would every converted stamp.
 */
void boot_clock_note(struct boot_clock *clock, int64_t before_boot_ns, int64_t mono_ns, int64_t after_boot_ns);

/* Where a stamp of CLOCK_MONOTONIC lies on CLOCK_BOOTTIME. One from before the boot is garbage, and is the boot. */
int64_t boot_clock_convert(const struct boot_clock *clock, int64_t mono_ns);

#endif
