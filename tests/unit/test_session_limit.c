/* SPDX-License-Identifier: MIT */
/* When limits end a session, and how the collector keeps up with them: in virtual time. */
#include <criterion/criterion.h>
#include <errno.h>

#include "unit/session_scene.h"

static void set_up(void)
{
	const struct session_rules rules = scene_rules(SESSION_START_TRAFFIC);

	scene_begin(&rules);
}

TestSuite(session_limit, .init = set_up, .fini = scene_end);

static void online_with(struct login_limits limits)
{
	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	cr_assert_eq(scene_login(1000, 1, "a", &limits, NULL), LOGIN_BEGUN);
}

static const struct session_record *ended(uint64_t seq, enum end_cause cause, int64_t end_ms)
{
	const struct session_record *record = session_engine_by_seq(scene.engine, seq);

	cr_assert_not_null(record);
	cr_expect_eq(record->cause, cause, "%s", end_cause_name(record->cause));
	cr_expect_eq(record->end.mono_ns, end_ms * NS_PER_MS);
	cr_expect_eq(record->end.wall_ns, scene_at(end_ms).wall_ns);
	cr_expect_eq(record->duration_ns, record->end.mono_ns - record->start.mono_ns);
	return record;
}

Test(session_limit, the_time_limit_ends_it_at_its_moment_whenever_that_is_noticed)
{
	online_with((struct login_limits){.session_timeout_ns = 60 * NS_PER_S});
	cr_expect_eq(session_engine_due_ns(scene.engine, scene_at(1000)), 61 * NS_PER_S);
	scene_packet(60000, 1, "10.0.0.1", 100, 0);
	scene_tick(60999);
	cr_expect_not_null(scene_online(1));
	cr_expect_eq(session_engine_due_ns(scene.engine, scene_at(60999)), 61 * NS_PER_S);
	scene_packet(75000, 1, "10.0.0.1", 100, 0);
	scene_tick(75000);
	cr_expect_null(scene_online(1));
	ended(2, END_CAUSE_SESSION_TIMEOUT, 61000);
	cr_expect_eq(scene_count_events(EVENT_SESSION_LIMIT), 1u);
	cr_expect_null(scene_login_of(1), "the login is used up");
	cr_expect_eq(session_engine_due_ns(scene.engine, scene_at(75000)), INT64_MAX);
}

Test(session_limit, who_falls_silent_before_the_limit_has_left_before_it)
{
	online_with((struct login_limits){.session_timeout_ns = 400 * NS_PER_S});
	scene_packet(5000, 1, "10.0.0.1", 100, 0);
	scene_tick(500000);
	ended(2, END_CAUSE_IDLE_TIMEOUT, 5000);
	cr_expect_not_null(scene_login_of(1), "it is kept");
}

Test(session_limit, who_is_silent_but_not_long_enough_before_the_limit_is_ended_by_it)
{
	online_with((struct login_limits){.session_timeout_ns = 400 * NS_PER_S});
	scene_packet(200000, 1, "10.0.0.1", 100, 0);
	scene_tick(900000);
	ended(2, END_CAUSE_SESSION_TIMEOUT, 401000);
}

Test(session_limit, a_login_may_be_silent_for_less_or_more_than_others)
{
	struct login_limits limits = {.idle_timeout_ns = 20 * NS_PER_S};

	online_with(limits);
	limits.idle_timeout_ns = 1000 * NS_PER_S;
	scene_packet(1000, 2, "10.0.0.2", 60, 0);
	cr_assert_eq(scene_login(1000, 2, "b", &limits, NULL), LOGIN_BEGUN);
	scene_packet(1000, 3, "10.0.0.3", 60, 0);
	scene_tick(20999);
	cr_expect_not_null(scene_online(1));
	scene_tick(21000);
	ended(2, END_CAUSE_IDLE_TIMEOUT, 1000);
	scene_tick(1000 + SCENE_IDLE_MS);
	cr_expect_null(scene_online(3));
	cr_expect_not_null(scene_online(2));
	/* a silence that nobody has looked at is judged by the same time */
	scene_packet(1000999, 2, "10.0.0.2", 60, 0);
	cr_expect_eq(scene_online(2)->seq, 4u);
	scene_packet(2001000, 2, "10.0.0.2", 60, 0);
	cr_expect_neq(scene_online(2)->seq, 4u);
}

static void reach(struct login_limits limits, enum login_limit which)
{
	set_up();
	online_with(limits);
	scene_packet(2000, 1, "10.0.0.1", 400, 599);
	scene_tick(2000);
	cr_expect_not_null(scene_online(1), "below limit %d", (int)which);
	scene_packet(3000, 1, "10.0.0.1", 1, 1);
	scene_tick(3000);
	ended(2, END_CAUSE_NAS_REQUEST, 3000);
	cr_assert_gt(scene.events.n_items, 1u);
	cr_expect_eq(scene.events.items[scene.events.n_items - 2].kind, EVENT_SESSION_LIMIT);
	cr_expect_eq(scene.events.items[scene.events.n_items - 2].limit, (int)which);
	cr_expect_eq(scene.events.items[scene.events.n_items - 1].kind, EVENT_SESSION_OFFLINE);
	scene_end();
}

Test(session_limit, each_data_limit_counts_its_direction_and_is_told_from_a_time_limit)
{
	scene_end();
	reach((struct login_limits){.max_bytes_total = 1001}, LOGIN_MAX_BYTES_TOTAL);
	reach((struct login_limits){.max_bytes_down = 600}, LOGIN_MAX_BYTES_DOWN);
	reach((struct login_limits){.max_bytes_up = 401}, LOGIN_MAX_BYTES_UP);
	reach((struct login_limits){.max_bytes_up = 401, .max_bytes_down = 5000, .max_bytes_total = 5000},
	      LOGIN_MAX_BYTES_UP);
	set_up();
}

/* As PATCH does: what is used up by the new limit alone is over now; the past is as it was. */
Test(session_limit, a_limit_that_is_lowered_below_what_is_used_ends_the_session_now)
{
	const struct login_change change = {.limits.session_timeout_ns = 10 * NS_PER_S,
					    .limit_sets = 1u << LOGIN_SESSION_TIMEOUT};

	online_with((struct login_limits){.session_timeout_ns = 3600 * NS_PER_S});
	scene_packet(100000, 1, "10.0.0.1", 100, 0);
	scene_tick(100000);
	cr_assert_eq(session_engine_change(scene.engine, scene_at(100500), 2, &change, &scene.events), 0);
	cr_expect_null(scene_online(1));
	ended(2, END_CAUSE_SESSION_TIMEOUT, 100500);
	cr_expect_null(scene_holder("10.0.0.1"));
}

Test(session_limit, limits_at_the_edge_of_the_numbers_do_nothing)
{
	online_with((struct login_limits){.session_timeout_ns = INT64_MAX,
					  .idle_timeout_ns = INT64_MAX,
					  .max_bytes_total = INT64_MAX,
					  .max_bytes_down = INT64_MAX,
					  .max_bytes_up = INT64_MAX});
	scene_tick(INT64_C(1) << 40);
	cr_expect_not_null(scene_online(1));
	cr_expect_eq(session_engine_due_ns(scene.engine, scene_at(INT64_C(1) << 40)), INT64_MAX);
}

/* ---- a collector that comes each second, or when it is told to */

struct sender {
	uint8_t guest;
	uint64_t begins_ms;
	uint64_t rate; /* bytes in a millisecond, down */
	uint64_t max_bytes;
	uint64_t unread;
	uint64_t overshoot;
	bool is_ended;
};

static void collect(struct sender *senders, size_t n_senders, int64_t ms)
{
	for (size_t i = 0; i < n_senders; i++) {
		struct sender *sender = &senders[i];
		char ip[] = "10.0.0.0";
		const struct session_record *record = scene_online(sender->guest);

		if (!record || sender->unread == 0)
			continue;
		ip[7] = (char)('0' + sender->guest);
		scene_packet(ms, sender->guest, ip, 1, sender->unread);
		sender->unread = 0;
		sender->overshoot = record->traffic.up_bytes + record->traffic.down_bytes - sender->max_bytes;
	}
	scene_tick(ms);
	for (size_t i = 0; i < n_senders; i++)
		senders[i].is_ended = !scene_online(senders[i].guest);
}

/* Returns how often it was collected. */
static size_t run(struct sender *senders, size_t n_senders, int64_t until_ms)
{
	int64_t collected_ms = 1000;
	size_t n_collections = 0;

	for (size_t i = 0; i < n_senders; i++) {
		const struct login_limits limits = {.max_bytes_total = senders[i].max_bytes};
		char ip[] = "10.0.0.0";

		ip[7] = (char)('0' + senders[i].guest);
		scene_packet(1000, senders[i].guest, ip, 1, 0);
		cr_assert_eq(scene_login(1000, senders[i].guest, "u", &limits, NULL), LOGIN_BEGUN);
	}
	for (int64_t ms = 1000; ms < until_ms; ms++) {
		const int64_t due_ns = session_engine_due_ns(scene.engine, scene_at(ms));

		for (size_t i = 0; i < n_senders; i++)
			if ((uint64_t)ms >= senders[i].begins_ms)
				senders[i].unread += senders[i].rate;
		if (ms - collected_ms < 1000 && due_ns > ms * NS_PER_MS)
			continue;
		collect(senders, n_senders, ms);
		collected_ms = ms;
		n_collections++;
	}
	return n_collections;
}

#define MBIT_100 UINT64_C(12500) /* bytes in a millisecond */

Test(session_limit, at_100_mbit_the_overshoot_is_below_a_megabyte)
{
	static const uint64_t sizes[] = {1, 50000, 1000000, 5000000, 12500000, 50000000, 200000000};

	scene_end();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sender sender = {.guest = 1, .begins_ms = 1500, .rate = MBIT_100, .max_bytes = sizes[i]};
		const int64_t takes_ms = (int64_t)(sizes[i] / MBIT_100);
		size_t n_collections;

		set_up();
		n_collections = run(&sender, 1, 4000 + takes_ms);
		cr_expect(sender.is_ended, "%lu bytes", sizes[i]);
		cr_expect_lt(sender.overshoot, 1000000u, "%lu bytes: %lu too much", sizes[i], sender.overshoot);
		cr_expect_lt(n_collections, 150u + (size_t)takes_ms / 500, "%lu bytes: %zu collections", sizes[i],
			     n_collections);
		scene_end();
	}
	set_up();
}

Test(session_limit, after_a_silence_and_beside_others_too)
{
	struct sender senders[] = {
		{.guest = 1, .begins_ms = 30700, .rate = MBIT_100, .max_bytes = 3000000},
		{.guest = 2, .begins_ms = 30701, .rate = MBIT_100, .max_bytes = 100000},
		{.guest = 3, .begins_ms = 2000, .rate = MBIT_100, .max_bytes = 40000000},
		{.guest = 4, .begins_ms = 31000, .rate = MBIT_100, .max_bytes = 20000000},
	};
	size_t n_collections = run(senders, 4, 40000);

	for (size_t i = 0; i < 4; i++) {
		cr_expect(senders[i].is_ended, "guest %zu", i + 1);
		cr_expect_lt(senders[i].overshoot, 1000000u, "guest %zu: %lu too much", i + 1, senders[i].overshoot);
	}
	/* one who is near its limit and silent costs some thirty a second */
	cr_expect_lt(n_collections, 1300u, "%zu", n_collections);
}

Test(session_limit, a_gigabit_is_found_out_and_followed)
{
	struct sender sender = {.guest = 1, .begins_ms = 1500, .rate = 10 * MBIT_100, .max_bytes = 500000000};
	size_t n_collections = run(&sender, 1, 8000);

	cr_expect(sender.is_ended);
	cr_expect_lt(sender.overshoot, 1000000u, "%lu too much", sender.overshoot);
	cr_expect_lt(n_collections, 100u, "%zu", n_collections);
}

Test(session_limit, nobody_comes_more_often_than_every_few_milliseconds)
{
	struct sender sender = {.guest = 1, .begins_ms = 60000, .rate = MBIT_100, .max_bytes = 100};
	size_t n_collections = run(&sender, 1, 31000);

	cr_expect_not(sender.is_ended);
	cr_expect_lt(n_collections, 1000u, "%zu in 30 s beside a silent guest", n_collections);
}

static void count_near(void *context, const struct mac_addr *mac)
{
	const struct mac_addr expected = scene_mac(1);
	size_t *n_near = context;

	cr_expect_eq(mac_compare(mac, &expected), 0);
	(*n_near)++;
}

/* Who is near a limit is looked at apart, and the rest are not. */
Test(session_limit, only_who_is_near_a_limit_is_judged_between_whole_collections)
{
	const struct login_limits near = {.max_bytes_total = 100000}, far = {.session_timeout_ns = 3600 * NS_PER_S};
	size_t n_near = 0;
	uint64_t first, second;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_packet(1000, 2, "10.0.0.2", 60, 0);
	cr_assert_eq(scene_login(1000, 1, "kim", &near, &first), LOGIN_BEGUN);
	cr_assert_eq(scene_login(1000, 2, "lee", &far, &second), LOGIN_BEGUN);
	scene_tick(1000);
	session_engine_each_near(scene.engine, count_near, &n_near);
	cr_expect_eq(n_near, 1u);
	cr_expect_leq(session_engine_due_ns(scene.engine, scene_at(1000)), 1050 * NS_PER_MS);
	cr_expect_eq(session_engine_whole_due_ns(scene.engine), (1000 + 3600 * 1000) * NS_PER_MS);
	scene_packet(1040, 1, "10.0.0.1", 100000, 0);
	session_engine_tick_near(scene.engine, scene_at(1040), &scene.events);
	cr_expect_null(scene_online(1));
	cr_expect_not_null(scene_online(2));
	n_near = 0;
	session_engine_each_near(scene.engine, count_near, &n_near);
	cr_expect_eq(n_near, 0u);
	cr_expect_eq(session_engine_due_ns(scene.engine, scene_at(1040)), (1000 + 3600 * 1000) * NS_PER_MS);
}
