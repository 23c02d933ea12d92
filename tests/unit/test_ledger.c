/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/ledger.h"

static struct counter_reading reading_of(uint8_t client, uint64_t up_bytes, uint64_t down_bytes, int64_t last_up_ns)
{
	return (struct counter_reading){
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

Test(ledger, keys_differ_by_address_vlan_and_interface)
{
	struct ledger *ledger = NULL;
	struct ledger_delta delta;
	struct counter_reading reading = reading_of(1, 10, 0, 1);

	cr_assert_eq(ledger_new(&ledger), 0);
	for (int i = 0; i < 4; i++) {
		struct counter_reading other = reading;

		other.key.vlan = i == 1 ? 5 : 0;
		other.key.ifindex = i == 2 ? 8 : 7;
		other.key.ip.octets[15] = i == 3 ? 9 : 0;
		cr_assert_eq(ledger_observe(ledger, &other, &delta), 1);
		cr_expect_eq(delta.traffic.up_bytes, 10u);
	}
	cr_expect_eq(ledger_size(ledger), 4u);
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
