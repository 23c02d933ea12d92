/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/history.h"

/* The strings are literals: these records are never cleaned. */
static struct session_record ended_record(void)
{
	return (struct session_record){
		.seq = 1,
		.mac.octets = {2, 0, 0, 0, 0, 1},
		.start.wall_ns = 1000,
		.end.wall_ns = 2000,
		.cause = END_CAUSE_IDLE_TIMEOUT,
		.location_id = "oWNe6XWDPLM",
		.identity = {.guest_id = "ajKeDq4582W", .yas_id = "8f627d10-1abc-44d8-b964-a7816388173a"},
	};
}

static struct session_record online_record(void)
{
	struct session_record record = ended_record();

	record.cause = END_CAUSE_NONE;
	record.end.wall_ns = 0;
	return record;
}

static bool matches(struct session_filter filter, struct session_record record)
{
	return session_filter_matches(&filter, &record);
}

Test(history_filter, an_empty_filter_matches_everything)
{
	cr_assert(matches((struct session_filter){0}, ended_record()));
	cr_assert(matches((struct session_filter){0}, online_record()));
	cr_assert(matches((struct session_filter){0}, (struct session_record){0}));
}

Test(history_filter, ids_are_opaque_and_case_sensitive_but_for_yas_id)
{
	cr_assert(matches((struct session_filter){.guest_id = "ajKeDq4582W"}, ended_record()));
	cr_assert_not(matches((struct session_filter){.guest_id = "AJKEDQ4582W"}, ended_record()));
	cr_assert_not(matches((struct session_filter){.guest_id = "ajKeDq4582"}, ended_record()));
	cr_assert(matches((struct session_filter){.location_id = "oWNe6XWDPLM"}, ended_record()));
	cr_assert_not(matches((struct session_filter){.location_id = "owne6xwdplm"}, ended_record()));
	cr_assert(matches((struct session_filter){.yas_id = "8F627D10-1ABC-44D8-B964-A7816388173A"}, ended_record()));
	cr_assert_not(matches((struct session_filter){.yas_id = "8f627d10"}, ended_record()));
}

Test(history_filter, what_is_unknown_matches_no_id)
{
	struct session_record nobody = {.cause = END_CAUSE_IDLE_TIMEOUT};

	cr_assert_not(matches((struct session_filter){.guest_id = ""}, nobody));
	cr_assert_not(matches((struct session_filter){.yas_id = "x"}, nobody));
	cr_assert_not(matches((struct session_filter){.location_id = "x"}, nobody));
}

Test(history_filter, mac_is_compared_whole)
{
	struct session_filter filter = {.has_mac = true, .mac.octets = {2, 0, 0, 0, 0, 1}};

	cr_assert(matches(filter, ended_record()));
	filter.mac.octets[5] = 2;
	cr_assert_not(matches(filter, ended_record()));
	filter.has_mac = false;
	cr_assert(matches(filter, ended_record()), "without has_mac the address means nothing");
}

Test(history_filter, start_is_inclusive)
{
	cr_assert(matches((struct session_filter){.has_start_from = true, .start_from_wall_ns = 1000}, ended_record()));
	cr_assert_not(
		matches((struct session_filter){.has_start_from = true, .start_from_wall_ns = 1001}, ended_record()));
	cr_assert(matches((struct session_filter){.has_start_from = true, .start_from_wall_ns = -5}, ended_record()));
}

Test(history_filter, end_is_exclusive_and_never_matches_a_session_on_line)
{
	cr_assert(matches((struct session_filter){.has_end_before = true, .end_before_wall_ns = 2001}, ended_record()));
	cr_assert_not(
		matches((struct session_filter){.has_end_before = true, .end_before_wall_ns = 2000}, ended_record()));
	cr_assert_not(matches((struct session_filter){.has_end_before = true, .end_before_wall_ns = INT64_MAX},
			      online_record()));
}

Test(history_filter, online_keeps_one_half)
{
	cr_assert(matches((struct session_filter){.has_online = true, .is_online = true}, online_record()));
	cr_assert_not(matches((struct session_filter){.has_online = true, .is_online = true}, ended_record()));
	cr_assert(matches((struct session_filter){.has_online = true}, ended_record()));
	cr_assert_not(matches((struct session_filter){.has_online = true}, online_record()));
}

Test(history_filter, all_conditions_hold_together)
{
	struct session_filter filter = {
		.guest_id = "ajKeDq4582W",
		.location_id = "oWNe6XWDPLM",
		.yas_id = "8f627d10-1abc-44d8-b964-a7816388173a",
		.has_mac = true,
		.mac.octets = {2, 0, 0, 0, 0, 1},
		.has_start_from = true,
		.start_from_wall_ns = 1000,
		.has_end_before = true,
		.end_before_wall_ns = 2001,
		.has_online = true,
	};

	cr_assert(matches(filter, ended_record()));
	filter.location_id = "another";
	cr_assert_not(matches(filter, ended_record()));
}

Test(history_query, cleaning_frees_and_zeroes)
{
	struct history_query query = {
		.filter = {.guest_id = strdup("a"), .location_id = strdup("b"), .yas_id = strdup("c")},
		.excluded_seqs = calloc(2, sizeof(uint64_t)),
		.n_excluded = 2,
		.ips = calloc(1, sizeof(struct ip_addr)),
		.n_ips = 1,
	};

	history_query_clean(&query);
	cr_assert_null(query.filter.guest_id);
	cr_assert_null(query.excluded_seqs);
	cr_assert_eq(query.n_ips, 0);
	history_query_clean(&query);
}

Test(history_result, cleaning_frees_the_rows_strings)
{
	struct history_result result = {.rows = calloc(2, sizeof(struct session_record)), .n_rows = 2, .count = 2};

	result.rows[1].identity.name = strdup("Shagun Goel");
	history_result_clean(&result);
	cr_assert_null(result.rows);
	cr_assert_eq(result.n_rows, 0);
	history_result_clean(&result);
}
