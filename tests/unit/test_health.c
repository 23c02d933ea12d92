/* SPDX-License-Identifier: MIT */
#include "core/health.h"

#include <criterion/criterion.h>

static const struct health_interface counted = {.name = "br-guest", .is_attached = {true, true}};

static struct health healthy(const struct health_interface *interfaces)
{
	return (struct health){.interfaces = interfaces, .n_interfaces = 2, .collected_ms_ago = 0, .is_store_ok = true};
}

Test(health, is_complete_when_everything_is_counted)
{
	struct health_interface interfaces[] = {counted, counted};
	struct health health = healthy(interfaces);

	/* classes that cost no octet of a guest */
	interfaces[1].classes[OCTET_UP].classes[OCTET_CLASS_OVERFLOW].frames = 5;
	interfaces[1].classes[OCTET_DOWN].classes[OCTET_CLASS_MALFORMED].frames = 5;
	cr_assert(health_is_complete(&health));
	/* nor do too many frames, or a loss that is over */
	interfaces[1].coverage[OCTET_UP].verdict = COVERAGE_EXCESS;
	interfaces[1].coverage[OCTET_DOWN] =
		(struct coverage_report){.verdict = COVERAGE_COMPLETE, .percent_hundredths = 5000, .missing_frames = 9};
	cr_assert(health_is_complete(&health));
	/* the store may fail: memory goes on */
	health.is_store_ok = false;
	health.store_error = "disk full";
	cr_assert(health_is_complete(&health));
}

Test(health, each_gap_makes_it_incomplete)
{
	struct health_interface interfaces[] = {counted, counted};
	struct health health = healthy(interfaces);

	health.collect_error = "cannot read";
	cr_assert(!health_is_complete(&health));
	health = healthy(interfaces);
	health.collected_ms_ago = -1;
	cr_assert(!health_is_complete(&health));
	health = healthy(interfaces);
	health.n_interfaces = 0;
	cr_assert(!health_is_complete(&health));
	health = healthy(interfaces);
	health.has_left_out = true;
	cr_assert(!health_is_complete(&health));
	health = healthy(interfaces);
	for (int direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
		interfaces[1].is_attached[direction] = false;
		cr_assert(!health_is_complete(&health));
		interfaces[1].is_attached[direction] = true;
		interfaces[1].classes[direction].classes[OCTET_CLASS_TABLE_FULL].frames = 1;
		cr_assert(!health_is_complete(&health));
		interfaces[1].classes[direction].classes[OCTET_CLASS_TABLE_FULL].frames = 0;
		interfaces[1].coverage[direction].verdict = COVERAGE_MISSING;
		cr_assert(!health_is_complete(&health));
		interfaces[1].coverage[direction].verdict = COVERAGE_COMPLETE;
	}
	cr_assert(health_is_complete(&health));
}

/* What a capture did not see, or not as it was on the wire. */
Test(health, a_capture_s_gaps_make_it_incomplete)
{
	struct health_interface interfaces[] = {counted, counted};
	struct health health = healthy(interfaces);
	uint64_t *const counters[] = {&interfaces[0].lost_frames[OCTET_DOWN], &interfaces[1].dropped_frames[OCTET_UP],
				      &interfaces[1].estimated_frames[OCTET_DOWN]};

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		*counters[i] = 1;
		cr_assert(!health_is_complete(&health), "%zu", i);
		*counters[i] = 0;
	}
	interfaces[1].offload = "gro on port1";
	cr_assert(!health_is_complete(&health));
	interfaces[1].offload = "";
	cr_assert(health_is_complete(&health));
}
