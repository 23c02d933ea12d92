/* SPDX-License-Identifier: MIT */
/* How many sessions there may be, and who waits for one: in virtual time. */
#include <criterion/criterion.h>

#include "core/session.h"

#define IDLE_S 300

static struct session_engine *engine;
static struct event_list events;

static struct instant at(int64_t mono_s)
{
	return (struct instant){mono_s * NS_PER_S, mono_s * NS_PER_S};
}

static void tear_down(void)
{
	session_engine_free(&engine);
	event_list_clean(&events);
}

TestSuite(session_bounds, .fini = tear_down);

static struct mac_addr mac_of(uint8_t client)
{
	return (struct mac_addr){{2, 0, 0, 0, 0, client}};
}

/* Each client has one address. */
static void traffic(int64_t mono_s, uint8_t client, uint64_t up_bytes, uint64_t down_bytes)
{
	const struct ledger_delta delta = {
		.key = {.mac = mac_of(client), .ip = ip_from_v4((const uint8_t[]){10, 0, 0, client}), .ifindex = 3},
		.traffic = {up_bytes, up_bytes > 0, down_bytes, down_bytes > 0},
		.last_up_ns = up_bytes > 0 ? mono_s * NS_PER_S : 0,
		.last_down_ns = down_bytes > 0 ? mono_s * NS_PER_S : 0,
		.has_up = up_bytes > 0,
	};

	cr_assert_eq(session_engine_apply(engine, at(mono_s), at(mono_s), &delta, &events), 0);
}

static const struct session_record *online(uint8_t client)
{
	const struct mac_addr mac = mac_of(client);

	return session_engine_by_mac(engine, &mac);
}

static void bounded(size_t max_online, size_t max_unanswered)
{
	const struct session_rules rules = {
		.idle_timeout_ns = IDLE_S * NS_PER_S, .max_online = max_online, .max_unanswered = max_unanswered};

	cr_assert_eq(session_engine_new(&rules, 1, &engine), 0);
	session_engine_tick(engine, at(1), &events);
}

Test(session_bounds, in_a_flood_only_who_is_answered_comes_in)
{
	bounded(0, 2);
	for (uint8_t client = 1; client <= 4; client++)
		traffic(10, client, 60, 0);
	cr_expect_eq(session_engine_n_online(engine), 2u);
	cr_expect_eq(session_engine_n_waiting(engine), 2u);
	cr_expect_eq(session_engine_unclaimed(engine).up_bytes, 120u);
	session_engine_tick(engine, at(11), &events);
	/* the third is answered: all its octets are its session's, from its first packet on */
	traffic(12, 3, 40, 0);
	traffic(12, 3, 0, 500);
	cr_assert_not_null(online(3));
	cr_expect_eq(online(3)->traffic.up_bytes, 100u);
	cr_expect_eq(online(3)->traffic.down_bytes, 500u);
	cr_expect_eq(online(3)->start.mono_ns, 10 * NS_PER_S);
	cr_expect_eq(online(3)->last_seen.mono_ns, 12 * NS_PER_S);
	cr_expect_eq(session_engine_n_waiting(engine), 1u);
	cr_expect_eq(session_engine_unclaimed(engine).up_bytes, 60u);
	/* an answer to one of those who are in makes room for one more */
	traffic(13, 1, 0, 10);
	traffic(13, 4, 60, 0);
	cr_assert_not_null(online(4));
	cr_expect_eq(online(4)->traffic.up_bytes, 120u);
	cr_expect_eq(session_engine_unclaimed(engine).up_bytes, 0u);
	/* and so does an end */
	traffic(14, 5, 60, 0);
	cr_expect_null(online(5));
	session_engine_tick(engine, at(10 + IDLE_S), &events);
	traffic(11 + IDLE_S, 6, 60, 0);
	cr_expect_not_null(online(6));
}

Test(session_bounds, who_waits_and_falls_silent_is_forgotten_and_its_octets_are_nobodys)
{
	bounded(0, 1);
	traffic(10, 1, 60, 0);
	traffic(10, 2, 60, 0);
	cr_expect_eq(session_engine_n_waiting(engine), 1u);
	const struct mac_addr mac = mac_of(2);
	cr_expect_not(session_engine_is_settled(engine, &mac), "its baselines are not to be saved");
	session_engine_tick(engine, at(15), &events);
	cr_expect_eq(session_engine_n_waiting(engine), 1u);
	session_engine_tick(engine, at(20), &events);
	cr_expect_eq(session_engine_n_waiting(engine), 0u);
	cr_expect(session_engine_is_settled(engine, &mac), "and now they are");
	cr_expect_eq(session_engine_unclaimed(engine).up_bytes, 60u);
	/* what it gets afterwards is not a reason to begin */
	traffic(20 + IDLE_S, 2, 0, 500);
	cr_expect_null(online(2));
}

Test(session_bounds, beyond_the_bound_no_session_begins)
{
	bounded(2, 0);
	for (uint8_t client = 1; client <= 6; client++)
		traffic(10, client, 60, 60);
	cr_expect_eq(session_engine_n_online(engine), 2u);
	cr_expect_eq(session_engine_n_waiting(engine), 2u, "as many wait as may be on line");
	cr_expect_eq(session_engine_unclaimed(engine).up_bytes, 240u);
	session_engine_tick(engine, at(10 + IDLE_S), &events);
	cr_expect_eq(session_engine_n_online(engine), 0u);
	traffic(11 + IDLE_S, 5, 60, 0);
	cr_expect_not_null(online(5));
}
