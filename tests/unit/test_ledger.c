/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "core/ledger.h"

static struct counter_reading reading_of(uint8_t client, uint64_t up_bytes, uint64_t down_bytes, int64_t last_up_ns)
{
	return (struct counter_reading){
		.slot = client,
		.sequence = 2,
		.key = {.mac = {{2, 0, 0, 0, 0, client}}, .ifindex = 7},
		.total = {.up_bytes = up_bytes,
			  .up_packets = up_bytes / 10,
			  .down_bytes = down_bytes,
			  .down_packets = down_bytes / 10},
		.last_up_ns = last_up_ns,
	};
}

static bool only_client_2(const void *context, const struct mac_addr *mac)
{
	(void)context;
	return mac->octets[5] == 2;
}

Test(ledger, a_delta_is_reading_minus_baseline)
{
	struct ledger *ledger = NULL;
	struct ledger_delta delta;
	struct counter_reading reading = reading_of(1, 100, 50, 5);

	cr_assert_eq(ledger_new(&ledger), 0);
	cr_assert_eq(ledger_observe(ledger, &reading, &delta), 1);
	cr_expect_eq(delta.traffic.up_bytes, 100u);
	cr_expect(delta.has_up);
	cr_assert_eq(ledger_observe(ledger, &reading, &delta), 0, "nothing has changed");
	reading = reading_of(1, 100, 90, 5);
	cr_assert_eq(ledger_observe(ledger, &reading, &delta), 1);
	cr_expect_eq(delta.traffic.up_bytes, 0u);
	cr_expect_eq(delta.traffic.down_bytes, 40u);
	cr_expect_not(delta.has_up, "only downlink");
	reading.last_up_ns = 6;
	cr_assert_eq(ledger_observe(ledger, &reading, &delta), 1);
	cr_expect(delta.has_up, "a frame without octets is a sign of life");
	cr_expect(traffic_is_zero(&delta.traffic));
	ledger_free(&ledger);
}

Test(ledger, a_smaller_reading_is_a_new_key_and_never_a_wrap)
{
	struct ledger *ledger = NULL;
	struct ledger_delta delta;
	struct counter_reading big = reading_of(1, UINT64_C(1) << 62, 0, 5), small = reading_of(1, 30, 20, 9);

	cr_assert_eq(ledger_new(&ledger), 0);
	cr_assert_eq(ledger_observe(ledger, &big, &delta), 1);
	cr_assert_eq(ledger_observe(ledger, &small, &delta), 1);
	cr_expect_eq(delta.traffic.up_bytes, 30u);
	cr_expect_eq(delta.traffic.down_bytes, 20u);
	cr_expect_eq(ledger_total(ledger).up_bytes, (UINT64_C(1) << 62) + 30);
	ledger_free(&ledger);
}

/* The whole point of baselines: what was booked before a crash is not booked again, and nothing is missing. */
Test(ledger, a_loaded_baseline_continues)
{
	struct ledger *ledger = NULL;
	struct ledger_delta delta;
	struct counter_reading saved = reading_of(1, 1000, 500, 5), now = reading_of(1, 1010, 500, 8);

	cr_assert_eq(ledger_new(&ledger), 0);
	cr_assert_eq(ledger_load(ledger, &saved), 0);
	cr_assert_eq(ledger_observe(ledger, &saved, &delta), 0);
	cr_assert_eq(ledger_observe(ledger, &now, &delta), 1);
	cr_expect_eq(delta.traffic.up_bytes, 10u);
	cr_expect_eq(ledger_total(ledger).up_bytes, 10u);
	ledger_free(&ledger);
}

/* A key has a slot on each CPU, each with a baseline of its own. */
Test(ledger, slots_are_booked_each_for_itself)
{
	static const uint32_t slots[] = {0, 1, 255, 256, 70000, COUNTER_SLOTS_MAX - 1};
	struct ledger *ledger = NULL;
	struct ledger_delta delta;
	struct counter_reading reading = reading_of(1, 10, 0, 1);

	cr_assert_eq(ledger_new(&ledger), 0);
	for (int round = 1; round <= 2; round++)
		for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
			reading.slot = slots[i];
			reading.total.up_bytes = (uint64_t)round * 10;
			cr_assert_eq(ledger_observe(ledger, &reading, &delta), 1);
			cr_expect_eq(delta.traffic.up_bytes, 10u);
		}
	cr_expect_eq(ledger_size(ledger), 6u);
	cr_expect_eq(ledger_total(ledger).up_bytes, 120u);
	reading.slot = COUNTER_SLOTS_MAX;
	cr_expect_eq(ledger_observe(ledger, &reading, &delta), -ERANGE);
	ledger_free(&ledger);
}

/* Whatever it counted before was booked before its key went; a larger number is no less new than a smaller one. */
Test(ledger, a_slot_with_another_sequence_counts_from_zero)
{
	struct ledger *ledger = NULL;
	struct ledger_delta delta;
	struct counter_reading reading = reading_of(1, 100, 40, 5);

	cr_assert_eq(ledger_new(&ledger), 0);
	cr_assert_eq(ledger_observe(ledger, &reading, &delta), 1);
	reading = reading_of(1, 1000, 400, 50);
	reading.sequence += 2;
	reading.key.mac.octets[5] = 9;
	cr_assert_eq(ledger_observe(ledger, &reading, &delta), 1);
	cr_expect_eq(delta.traffic.up_bytes, 1000u);
	cr_expect_eq(delta.traffic.down_bytes, 400u);
	cr_expect_eq(delta.key.mac.octets[5], 9);
	cr_expect(delta.has_up);
	/* a new key that has only been sent to */
	reading = reading_of(1, 0, 7, 0);
	reading.sequence += 4;
	cr_assert_eq(ledger_observe(ledger, &reading, &delta), 1);
	cr_expect_not(delta.has_up);
	cr_expect_eq(delta.traffic.down_bytes, 7u);
	ledger_free(&ledger);
}

static void count_idle(void *context, const struct counter_reading *reading)
{
	size_t *n = context;

	cr_assert_lt(reading->last_up_ns, 100);
	(*n)++;
}

static size_t n_idle(const struct ledger *ledger, int64_t before_ns)
{
	size_t n = 0;

	ledger_each_idle(ledger, before_ns, count_idle, &n);
	return n;
}

/* What the store does not have may not go from the kernel. */
Test(ledger, only_what_is_saved_and_silent_can_be_given_back)
{
	struct ledger *ledger = NULL;
	struct ledger_delta delta;
	struct ledger_baseline *changed = NULL;
	size_t n_changed = 0;
	struct counter_reading silent = reading_of(1, 10, 0, 10), active = reading_of(2, 10, 0, 100);
	struct counter_reading sent_to = reading_of(3, 10, 10, 10);

	sent_to.last_down_ns = 100;
	cr_assert_eq(ledger_new(&ledger), 0);
	ledger_observe(ledger, &silent, &delta);
	ledger_observe(ledger, &active, &delta);
	ledger_observe(ledger, &sent_to, &delta);
	cr_expect_eq(n_idle(ledger, 50), 0u, "nothing is saved");
	cr_assert_eq(ledger_changed(ledger, NULL, NULL, &changed, &n_changed), 0);
	silent.total.up_bytes++;
	ledger_observe(ledger, &silent, &delta);
	ledger_mark_saved(ledger, changed, n_changed);
	free(changed);
	cr_expect_eq(n_idle(ledger, 50), 0u, "what was saved is not what it is now");
	cr_assert_eq(ledger_changed(ledger, NULL, NULL, &changed, &n_changed), 0);
	ledger_mark_saved(ledger, changed, n_changed);
	free(changed);
	cr_expect_eq(n_idle(ledger, 50), 1u);
	cr_expect_eq(n_idle(ledger, 10), 0u);
	/* an entry of a MAC that has counted nothing needs no row in the store */
	sent_to = reading_of(4, 0, 0, 0);
	cr_expect_eq(ledger_observe(ledger, &sent_to, &delta), 0);
	cr_expect_eq(n_idle(ledger, 50), 2u);
	ledger_clear(ledger);
	cr_expect_eq(n_idle(ledger, 50), 0u);
	cr_expect_eq(ledger_size(ledger), 0u);
	cr_expect_eq(ledger_total(ledger).up_bytes, 31u);
	ledger_free(&ledger);
}

Test(ledger, only_what_moved_since_the_commit_is_written_again)
{
	struct ledger *ledger = NULL;
	struct ledger_delta delta;
	struct ledger_baseline *changed = NULL;
	size_t n_changed = 0;
	struct counter_reading first = reading_of(1, 10, 0, 1), second = reading_of(2, 20, 0, 1);

	cr_assert_eq(ledger_new(&ledger), 0);
	ledger_observe(ledger, &first, &delta);
	ledger_observe(ledger, &second, &delta);
	cr_assert_eq(ledger_changed(ledger, only_client_2, NULL, &changed, &n_changed), 0);
	cr_assert_eq(n_changed, 1u);
	cr_expect_eq(changed[0].reading.total.up_bytes, 20u);
	free(changed);

	cr_assert_eq(ledger_changed(ledger, NULL, NULL, &changed, &n_changed), 0);
	cr_assert_eq(n_changed, 2u);
	/* while the batch is on its way, client 1 goes on */
	first = reading_of(1, 15, 0, 2);
	ledger_observe(ledger, &first, &delta);
	ledger_mark_saved(ledger, changed, n_changed);
	free(changed);
	cr_assert_eq(ledger_changed(ledger, NULL, NULL, &changed, &n_changed), 0);
	cr_assert_eq(n_changed, 1u, "the one that moved on stays changed");
	cr_expect_eq(changed[0].reading.total.up_bytes, 15u);
	ledger_mark_saved(ledger, changed, n_changed);
	free(changed);
	cr_assert_eq(ledger_changed(ledger, NULL, NULL, &changed, &n_changed), 0);
	cr_expect_eq(n_changed, 0u);
	free(changed);
	ledger_free(&ledger);
}
