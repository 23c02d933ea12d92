/* SPDX-License-Identifier: MIT */
/* Logins that are changed, ended and forgotten; names of devices; who sends without a login; bounds. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "unit/session_scene.h"

static void begin(enum session_start start, size_t max_online)
{
	struct session_rules rules = scene_rules(start);

	rules.max_online = max_online;
	scene_begin(&rules);
}

static void set_up(void)
{
	begin(SESSION_START_TRAFFIC, 0);
}

TestSuite(session_login_change, .init = set_up, .fini = scene_end);

static int change_name(int64_t ms, uint64_t seq, const char *name)
{
	const struct login_change change = {.identity.name = (char *)name, .identity_sets = 1u << IDENTITY_NAME};

	return session_engine_change(scene.engine, scene_at(ms), seq, &change, &scene.events);
}

static int forget(int64_t ms, uint64_t seq)
{
	return session_engine_forget_person(scene.engine, scene_at(ms), seq, &scene.events);
}

static int name_device(uint8_t guest, const char *name)
{
	const struct mac_addr mac = scene_mac(guest);

	return session_engine_name_device(scene.engine, scene_at(5000), &mac, name, &scene.events);
}

Test(session_login_change, what_is_not_said_stays)
{
	uint64_t seq;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_login(1000, 1, "kim", NULL, &seq);
	cr_expect_eq(change_name(2000, seq, "Kim"), 0);
	cr_expect_str_eq(scene_online(1)->identity.name, "Kim");
	cr_expect_str_eq(scene_online(1)->identity.username, "kim");
	cr_expect_eq(change_name(3000, seq, NULL), 0);
	cr_expect_null(scene_online(1)->identity.name);
	cr_expect_eq(scene_count_events(EVENT_SESSION_UPDATED), 2u);
	cr_expect_eq(scene_online(1)->seq, seq, "it is the same session");
	/* the next session of the login says it too */
	cr_expect_eq(change_name(4000, seq, "Lee"), 0);
	scene_tick(1000 + SCENE_IDLE_MS);
	scene_packet(2000 + SCENE_IDLE_MS, 1, "10.0.0.1", 60, 0);
	cr_expect_str_eq(scene_online(1)->identity.name, "Lee");
}

Test(session_login_change, an_anonymous_session_gets_name_and_limit_as_if_from_its_start)
{
	const struct login_change change = {.limits.max_bytes_up = 100, .limit_sets = 1u << LOGIN_MAX_BYTES_UP};

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	cr_expect_eq(change_name(2000, 1, "Kim"), 0);
	cr_expect_str_eq(scene_online(1)->identity.name, "Kim");
	cr_expect_eq(session_engine_change(scene.engine, scene_at(2000), 1, &change, &scene.events), 0);
	scene_packet(3000, 1, "10.0.0.1", 40, 0);
	scene_tick(3000);
	cr_expect_null(scene_online(1));
	cr_expect_eq(session_engine_by_seq(scene.engine, 1)->cause, END_CAUSE_NAS_REQUEST);
}

Test(session_login_change, a_login_that_waits_is_changed_before_it_begins)
{
	uint64_t seq;

	scene_login(1000, 1, "kim", NULL, &seq);
	cr_expect_eq(change_name(2000, seq, "Kim"), 0);
	scene_packet(3000, 1, "10.0.0.1", 60, 0);
	cr_expect_str_eq(scene_online(1)->identity.name, "Kim");
}

Test(session_login_change, what_has_ended_is_not_changed)
{
	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_end_session(2000, 1, END_CAUSE_USER_REQUEST);
	cr_expect_eq(change_name(3000, 1, "Kim"), -ENOENT);
	cr_expect_eq(change_name(3000, 99, "Kim"), -ENOENT);
	cr_expect_eq(session_engine_n_logins(scene.engine), 0u);
}

Test(session_login_change, a_login_that_waits_can_be_ended)
{
	uint64_t seq;

	scene_login(1000, 1, "kim", NULL, &seq);
	cr_expect_eq(session_engine_end(scene.engine, seq, scene_at(2000), END_CAUSE_LOST_CARRIER, &scene.events),
		     -ENOENT, "it is not on line, so it cannot be lost");
	cr_expect_not_null(scene_login_of(1));
	scene_end_session(2000, seq, END_CAUSE_USER_REQUEST);
	cr_expect_null(scene_login_of(1));
	cr_expect_eq(session_engine_end(scene.engine, seq, scene_at(2000), END_CAUSE_USER_REQUEST, &scene.events),
		     -ENOENT);
	scene_packet(3000, 1, "10.0.0.1", 60, 0);
	cr_expect_null(scene_online(1)->identity.username);
}

/* ---- forgetting */

Test(session_login_change, a_person_is_forgotten_and_the_counters_and_limits_are_not)
{
	const struct login_limits limits = {.max_bytes_up = 1000};
	uint64_t seq;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_login(1000, 1, "kim", &limits, &seq);
	cr_assert_eq(name_device(1, "kims-phone"), 0);
	scene_packet(2000, 1, "10.0.0.1", 500, 0);
	cr_expect_eq(forget(3000, seq), 0);
	cr_expect_null(scene_online(1)->identity.username);
	cr_expect_null(scene_online(1)->identity.device_description);
	cr_expect_null(session_engine_host_name(scene.engine, &scene_online(1)->mac));
	cr_expect_eq(scene_online(1)->traffic.up_bytes, 500u);
	scene_restart(4000);
	cr_expect_null(scene_online(1)->identity.username);
	cr_expect_null(scene_login_of(1)->identity.username);
	scene_packet(5000, 1, "10.0.0.1", 500, 0);
	scene_tick(5000);
	cr_expect_null(scene_online(1), "the limit is that of what was sold");
	cr_expect_eq(forget(6000, 99), -ENOENT);
}

Test(session_login_change, who_has_left_and_may_return_is_forgotten_too)
{
	uint64_t seq;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_login(1000, 1, "kim", NULL, &seq);
	scene_end_session(2000, seq, END_CAUSE_LOST_CARRIER);
	cr_expect_eq(forget(3000, seq), 0);
	scene_packet(4000, 1, "10.0.0.1", 60, 0);
	cr_expect_null(scene_online(1)->identity.username);
}

Test(session_login_change, forgetting_one_guest_leaves_the_next_one_on_the_device_alone)
{
	uint64_t first, second;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_login(1000, 1, "kim", NULL, &first);
	scene_login(2000, 1, "lee", NULL, &second);
	cr_expect_eq(forget(3000, first), 0);
	cr_expect_null(session_engine_by_seq(scene.engine, first)->identity.username);
	cr_expect_str_eq(scene_online(1)->identity.username, "lee");
	cr_expect_str_eq(scene_login_of(1)->identity.username, "lee");
	/* nor those who wait */
	scene_login(3000, 2, "pat", NULL, &second);
	cr_expect_eq(forget(4000, second), 0);
	cr_expect_null(scene_login_of(2)->identity.username);
}

/* ---- names of devices */

Test(session_login_change, a_device_has_its_host_name_unless_the_portal_knows_better)
{
	struct login login = {.mac = scene_mac(1), .identity.device_description = (char *)"Firefox"};
	uint64_t seq;

	cr_expect_eq(name_device(1, "phone"), 0);
	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	cr_expect_str_eq(scene_online(1)->identity.device_description, "phone");
	cr_expect_eq(name_device(1, "tablet"), 0);
	cr_expect_str_eq(scene_online(1)->identity.device_description, "tablet");
	cr_expect_eq(session_engine_login(scene.engine, scene_at(2000), &login, &scene.events, &seq), LOGIN_BEGUN);
	cr_expect_str_eq(scene_online(1)->identity.device_description, "Firefox");
	cr_expect_eq(name_device(1, "phone"), 0);
	cr_expect_str_eq(scene_online(1)->identity.device_description, "Firefox");
	scene_restart(3000);
	cr_expect_str_eq(session_engine_host_name(scene.engine, &login.mac), "phone");
	cr_expect_eq(name_device(1, NULL), 0);
	cr_expect_eq(name_device(2, NULL), 0);
	cr_expect_null(session_engine_host_name(scene.engine, &login.mac));
}

/* ---- sessions begin by login only */

struct listed {
	size_t n;
	struct unauthenticated last;
};

static void list(void *context, const struct unauthenticated *device)
{
	struct listed *listed = context;

	listed->n++;
	listed->last = *device;
}

Test(session_login_change, who_has_not_logged_in_is_listed_apart_with_its_octets)
{
	struct listed listed = {0};
	uint64_t seq;

	scene_end();
	begin(SESSION_START_LOGIN, 0);
	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_packet(2000, 1, "10.0.0.2", 40, 500);
	scene_packet(2000, 2, "10.0.0.9", 0, 70);
	cr_expect_eq(session_engine_n_online(scene.engine), 0u);
	session_engine_each_unauthenticated(scene.engine, list, &listed);
	cr_assert_eq(listed.n, 1u, "who sends, not who is sent to");
	cr_expect_eq(listed.last.traffic.up_bytes, 100u);
	cr_expect_eq(listed.last.traffic.down_bytes, 500u);
	cr_expect_eq(listed.last.first_seen.mono_ns, 1000 * NS_PER_MS);
	cr_expect_eq(listed.last.last_seen.mono_ns, 2000 * NS_PER_MS);
	scene_restart(2500);
	cr_expect_eq(session_engine_n_unauthenticated(scene.engine), 1u);
	/* its octets stay what they were; the session begins with its address */
	cr_expect_eq(scene_login(3000, 1, "kim", NULL, &seq), LOGIN_BEGUN);
	cr_expect(traffic_is_zero(&scene_online(1)->traffic));
	cr_expect_eq(scene_holder("10.0.0.2"), scene_online(1));
	cr_expect_eq(session_engine_n_unauthenticated(scene.engine), 0u);
	cr_expect_eq(session_engine_unauthenticated(scene.engine).up_bytes, 100u);
	/* after its logout it is listed again */
	scene_end_session(4000, seq, END_CAUSE_USER_REQUEST);
	scene_packet(5000, 1, "10.0.0.2", 60, 0);
	cr_expect_null(scene_online(1));
	cr_expect_eq(session_engine_n_unauthenticated(scene.engine), 1u);
	scene_tick(5000 + SCENE_IDLE_MS - 1);
	cr_expect_eq(session_engine_n_unauthenticated(scene.engine), 1u);
	scene_tick(5000 + SCENE_IDLE_MS);
	cr_expect_eq(session_engine_n_unauthenticated(scene.engine), 0u);
	cr_expect_eq(session_engine_unauthenticated(scene.engine).up_bytes, 160u);
}

/* Who has logged in waits for room, but is no stranger; and is one again when the wait is over. */
Test(session_login_change, who_waits_for_room_is_no_stranger)
{
	scene_end();
	begin(SESSION_START_LOGIN, 1);
	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	cr_assert_eq(scene_login(1000, 1, "kim", NULL, NULL), LOGIN_BEGUN);
	scene_packet(1000, 2, "10.0.0.2", 60, 0);
	cr_expect_eq(session_engine_n_unauthenticated(scene.engine), 1u);
	cr_expect_eq(scene_login(2000, 2, "lee", NULL, NULL), LOGIN_WAITS);
	cr_expect_eq(session_engine_n_unauthenticated(scene.engine), 0u);
	scene_packet(3000, 2, "10.0.0.2", 60, 0);
	cr_expect_eq(session_engine_n_waiting(scene.engine), 1u);
	scene_packet(2000 + SCENE_WAIT_MS, 1, "10.0.0.1", 60, 0);
	scene_packet(2000 + SCENE_WAIT_MS, 2, "10.0.0.2", 60, 0);
	cr_expect_null(scene_login_of(2));
	cr_expect_eq(session_engine_n_waiting(scene.engine), 0u);
	cr_expect_eq(session_engine_n_unauthenticated(scene.engine), 1u);
}

/* ---- bounds */

Test(session_login_change, logins_are_bounded_and_who_is_on_line_is_not_refused)
{
	uint64_t seq;

	scene_end();
	begin(SESSION_START_TRAFFIC, 2);
	for (uint8_t guest = 1; guest <= 4; guest++)
		cr_expect_eq(scene_login(1000, guest, "kim", NULL, NULL), LOGIN_WAITS);
	cr_expect_eq(scene_login(1000, 5, "kim", NULL, &seq), -ENOSPC);
	cr_expect_null(scene_login_of(5));
	cr_expect_eq(session_engine_n_logins(scene.engine), 4u);
	cr_expect_eq(scene_login(1000, 4, "lee", NULL, &seq), LOGIN_WAITS, "one that is there may be another's");
	scene_packet(2000, 6, "10.0.0.6", 60, 0);
	cr_expect_eq(scene_login(2000, 6, "pat", NULL, &seq), LOGIN_BEGUN);
	scene_tick(1000 + SCENE_WAIT_MS);
	cr_expect_eq(scene_login(2000 + SCENE_WAIT_MS, 5, "kim", NULL, &seq), LOGIN_WAITS);
}

Test(session_login_change, names_are_bounded_and_a_forgotten_one_makes_room)
{
	uint64_t seq;

	scene_end();
	begin(SESSION_START_TRAFFIC, 2);
	for (uint8_t guest = 1; guest <= 4; guest++)
		cr_expect_eq(name_device(guest, "phone"), 0);
	cr_expect_eq(name_device(5, "phone"), -ENOSPC);
	cr_expect_eq(name_device(4, "tablet"), 0);
	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_login(1000, 1, "kim", NULL, &seq);
	cr_expect_eq(forget(2000, seq), 0);
	cr_expect_eq(name_device(5, "phone"), 0);
	cr_expect_eq(name_device(1, "phone"), -ENOSPC);
	cr_expect_eq(name_device(2, NULL), 0);
	cr_expect_eq(name_device(1, "phone"), 0);
}

/* ---- clocks and flushes: what random schedules have found */

/* Ended between a step of the wall clock and the next tick. */
Test(session_login_change, an_end_right_after_the_clock_stepped_back_is_not_before_its_start)
{
	const struct session_record *record = NULL;

	scene_packet(10000, 1, "10.0.0.1", 60, 0);
	scene.wall_offset_ns -= 3600 * NS_PER_S;
	scene_end_session(20000, 1, END_CAUSE_USER_REQUEST);
	record = session_engine_by_seq(scene.engine, 1);
	cr_expect_eq(record->end.wall_ns - record->start.wall_ns, 10 * NS_PER_S);
	cr_expect_eq(record->start.wall_ns, scene_at(10000).wall_ns);
}

Test(session_login_change, who_waited_while_the_clock_was_put_right_does_not_begin_in_1970)
{
	scene_end();
	begin(SESSION_START_TRAFFIC, 1);
	scene.wall_offset_ns = 0;
	scene_packet(10000, 1, "10.0.0.1", 60, 0);
	scene_packet(11000, 2, "10.0.0.2", 60, 0);
	cr_assert_eq(session_engine_n_waiting(scene.engine), 1u);
	scene.wall_offset_ns = INT64_C(1800000000) * NS_PER_S;
	scene_tick(12000);
	scene_end_session(13000, 1, END_CAUSE_USER_REQUEST);
	scene_packet(14000, 2, "10.0.0.2", 60, 0);
	cr_assert_not_null(scene_online(2));
	cr_expect_eq(scene_online(2)->start.mono_ns, 11000 * NS_PER_MS);
	cr_expect_eq(scene_online(2)->start.wall_ns, scene_at(11000).wall_ns);
}

/* Its earlier session and what waits are in the same counters: both are saved with them, or neither. */
Test(session_login_change, who_waits_with_an_unsaved_end_is_settled)
{
	const struct mac_addr mac = scene_mac(2);

	scene_end();
	begin(SESSION_START_TRAFFIC, 1);
	scene_packet(1000, 2, "10.0.0.2", 60, 0);
	scene_end_session(2000, 1, END_CAUSE_USER_REQUEST);
	scene_packet(3000, 1, "10.0.0.1", 60, 0);
	scene_packet(3000, 2, "10.0.0.2", 60, 0);
	cr_assert_eq(session_engine_n_waiting(scene.engine), 1u);
	cr_expect(session_engine_is_settled(scene.engine, &mac));
	scene_save();
	cr_expect_not(session_engine_is_settled(scene.engine, &mac));
}

Test(session_login_change, sessions_of_a_doubtful_clock_are_stamped_when_it_is_right)
{
	const struct session_record *record;

	scene.wall_offset_ns = 0;
	session_engine_trust_clock(scene.engine, false);
	scene_packet(10000, 1, "10.0.0.1", 60, 0);
	scene_end_session(20000, 1, END_CAUSE_USER_REQUEST);
	scene_save();
	record = session_engine_by_seq(scene.engine, 1);
	cr_assert_not_null(record, "it is saved, and kept");
	scene.wall_offset_ns = INT64_C(1800000000) * NS_PER_S;
	session_engine_trust_clock(scene.engine, true);
	scene_tick(30000);
	cr_expect_eq(record->start.wall_ns, scene_at(10000).wall_ns);
	cr_expect_eq(record->end.wall_ns, scene_at(20000).wall_ns);
	cr_expect(session_engine_has_transition(scene.engine), "the store is told");
	scene_save();
	cr_expect_null(session_engine_by_seq(scene.engine, 1));
}
