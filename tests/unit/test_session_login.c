/* SPDX-License-Identifier: MIT */
/* Whose a session is: logins in virtual time. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/session_scene.h"

static void set_up(void)
{
	const struct session_rules rules = scene_rules(SESSION_START_TRAFFIC);

	scene_begin(&rules);
}

TestSuite(session_login, .init = set_up, .fini = scene_end);

static const struct session_record *by_seq(uint64_t seq)
{
	const struct session_record *record = session_engine_by_seq(scene.engine, seq);

	cr_assert_not_null(record, "session %lu", seq);
	return record;
}

static void expect_guest(const struct session_record *record, const char *username)
{
	cr_assert_not_null(record);
	if (username)
		cr_expect_str_eq(record->identity.username, username);
	else
		cr_expect_null(record->identity.username);
}

/* With what a portal calls the login. */
static int login_as(int64_t ms, uint8_t guest, const char *username, const char *external_id, uint64_t *seq)
{
	const struct login login = {
		.mac = scene_mac(guest), .identity.username = (char *)username, .external_id = (char *)external_id};

	return session_engine_login(scene.engine, scene_at(ms), &login, &scene.events, seq);
}

/* ---- before and during traffic */

Test(session_login, waits_for_the_first_packet_and_has_its_number_from_the_start)
{
	uint64_t seq;

	cr_expect_eq(scene_login(1000, 1, "kim", NULL, &seq), LOGIN_WAITS);
	cr_expect_not_null(session_engine_waiting_login(scene.engine, seq));
	cr_expect_null(session_engine_by_seq(scene.engine, seq));
	cr_expect_eq(session_engine_n_online(scene.engine), 0u);
	/* others do not take it */
	scene_packet(2000, 2, "10.0.0.2", 60, 0);
	scene_packet(3000, 1, "10.0.0.1", 60, 0);
	cr_assert_not_null(scene_online(1));
	cr_expect_eq(scene_online(1)->seq, seq);
	cr_expect_eq(scene_online(1)->start.mono_ns, 3000 * NS_PER_MS);
	expect_guest(scene_online(1), "kim");
	cr_expect_null(session_engine_waiting_login(scene.engine, seq));
	cr_expect_eq(scene_login_of(1)->until.mono_ns, 0);
}

Test(session_login, a_wait_is_given_up_at_its_time)
{
	uint64_t seq;

	scene_login(1000, 1, "kim", NULL, &seq);
	scene_tick(1000 + SCENE_WAIT_MS - 1);
	cr_expect_not_null(session_engine_waiting_login(scene.engine, seq));
	scene_tick(1000 + SCENE_WAIT_MS);
	cr_expect_null(session_engine_waiting_login(scene.engine, seq));
	cr_expect_eq(session_engine_n_logins(scene.engine), 0u);
	scene_packet(200000, 1, "10.0.0.1", 60, 0);
	expect_guest(scene_online(1), NULL);
	cr_expect_neq(scene_online(1)->seq, seq);
}

/* What counts is when the packet came, not when it was read; nor whether anybody has looked in between. */
Test(session_login, the_first_packet_is_in_time_or_too_late_by_its_own_stamp)
{
	scene_login(1000, 1, "kim", NULL, NULL);
	scene_login(1000, 2, "lee", NULL, NULL);
	scene_packet(1000 + SCENE_WAIT_MS - 1, 1, "10.0.0.1", 60, 0);
	scene_packet(1000 + SCENE_WAIT_MS, 2, "10.0.0.2", 60, 0);
	expect_guest(scene_online(1), "kim");
	expect_guest(scene_online(2), NULL);
}

Test(session_login, in_anonymous_traffic_it_splits_the_session_and_takes_the_addresses)
{
	uint64_t seq;

	scene_packet(1000, 1, "10.0.0.1", 1000, 5000);
	scene_packet(1500, 1, "fe80::1", 10, 0);
	scene_packet(1600, 2, "10.0.0.9", 10, 0);
	scene_packet(1700, 1, "10.0.0.9", 10, 0);
	scene_packet(1800, 2, "10.0.0.9", 10, 0);
	scene_tick(1900);
	cr_assert_eq(scene_login(2000, 1, "kim", NULL, &seq), LOGIN_BEGUN);
	cr_assert_eq(scene_online(1), by_seq(seq));
	cr_expect(traffic_is_zero(&scene_online(1)->traffic));
	cr_expect_eq(scene_holder("10.0.0.1"), scene_online(1), "at once");
	cr_expect_eq(scene_holder("fe80::1"), scene_online(1));
	cr_expect_eq(scene_holder("10.0.0.9"), scene_online(2), "not what another has by now");
	cr_expect_eq(scene_online(1)->n_addresses, 2u);
	cr_expect_eq(scene_online(1)->addresses[0].since.mono_ns, 2000 * NS_PER_MS);
	expect_guest(scene_online(1), "kim");
	/* what was before stays nobody's in particular */
	expect_guest(by_seq(1), NULL);
	cr_expect_eq(by_seq(1)->traffic.up_bytes, 1020u);
	cr_expect_eq(by_seq(1)->traffic.down_bytes, 5000u);
	cr_expect_eq(by_seq(1)->cause, END_CAUSE_PORT_PREEMPTED);
	cr_expect_eq(by_seq(1)->end.mono_ns, 2000 * NS_PER_MS);
	scene_packet(3000, 1, "10.0.0.1", 7, 8);
	cr_expect_eq(by_seq(seq)->traffic.up_bytes, 7u);
	cr_expect_eq(by_seq(1)->traffic.up_bytes, 1020u);
}

Test(session_login, an_answer_that_was_not_claimed_before_it_is_not_the_guests)
{
	scene_packet(1000, 1, "10.0.0.1", 0, 500);
	scene_login(1000, 1, "kim", NULL, NULL);
	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	cr_expect_eq(scene_online(1)->traffic.down_bytes, 0u);
	cr_expect_eq(session_engine_unclaimed(scene.engine).down_bytes, 500u);
}

Test(session_login, the_address_that_the_portal_saw_is_found_at_once)
{
	struct login login = {.mac = scene_mac(1), .identity.username = (char *)"kim"};
	uint64_t seq;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_packet(1000, 2, "10.0.0.7", 60, 0);
	login.ip = scene_online(2)->primary_ip;
	cr_assert_eq(session_engine_login(scene.engine, scene_at(2000), &login, &scene.events, &seq), LOGIN_BEGUN);
	cr_expect_eq(scene_holder("10.0.0.7"), scene_online(2), "another guest has sent from it");
	cr_expect_eq(scene_holder("10.0.0.1"), scene_online(1));
	login.mac = scene_mac(3);
	scene_packet(2000, 3, "10.0.0.3", 60, 0);
	cr_assert_eq(ip_parse("10.0.0.9", &login.ip), 0);
	cr_assert_eq(session_engine_login(scene.engine, scene_at(3000), &login, &scene.events, &seq), LOGIN_BEGUN);
	cr_expect_eq(scene_holder("10.0.0.9"), scene_online(3));
}

/* ---- one after the other */

Test(session_login, a_second_guest_ends_the_firsts_session)
{
	uint64_t first, second;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_login(1000, 1, "kim", NULL, &first);
	scene_packet(2000, 1, "10.0.0.1", 100, 0);
	cr_assert_eq(scene_login(3000, 1, "lee", NULL, &second), LOGIN_BEGUN);
	expect_guest(by_seq(first), "kim");
	cr_expect_eq(by_seq(first)->cause, END_CAUSE_PORT_PREEMPTED);
	cr_expect_eq(by_seq(first)->traffic.up_bytes, 100u);
	expect_guest(by_seq(second), "lee");
	cr_expect_eq(scene_holder("10.0.0.1"), by_seq(second));
	cr_expect_eq(session_engine_n_logins(scene.engine), 1u);
	/* kim again is somebody else than lee */
	cr_expect_eq(scene_login(4000, 1, "kim", NULL, &first), LOGIN_BEGUN);
	cr_expect_eq(by_seq(second)->cause, END_CAUSE_PORT_PREEMPTED);
	cr_expect_neq(first, second);
}

Test(session_login, the_same_login_said_twice_changes_nothing)
{
	struct login_limits limits = {.session_timeout_ns = NS_PER_S * 3600};
	uint64_t waiting, again, begun;
	size_t n_events;

	cr_expect_eq(scene_login(1000, 1, "kim", &limits, &waiting), LOGIN_WAITS);
	cr_expect_eq(scene_login(1500, 1, "kim", &limits, &again), LOGIN_KNOWN);
	cr_expect_eq(again, waiting);
	cr_expect_eq(scene_login_of(1)->at.mono_ns, 1000 * NS_PER_MS);
	scene_packet(2000, 1, "10.0.0.1", 60, 0);
	scene_save();
	n_events = scene.events.n_items;
	cr_expect_eq(scene_login(3000, 1, "kim", &limits, &begun), LOGIN_KNOWN);
	cr_expect_eq(begun, waiting);
	cr_expect_eq(scene.events.n_items, n_events);
	cr_expect_not(session_engine_has_transition(scene.engine));
	limits.session_timeout_ns++;
	cr_expect_eq(scene_login(3000, 1, "kim", &limits, &again), LOGIN_BEGUN, "other limits are another login");
}

Test(session_login, the_portals_own_name_of_a_login_decides)
{
	uint64_t first, again, other, back;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	cr_expect_eq(login_as(1000, 1, "kim", "A", &first), LOGIN_BEGUN);
	cr_expect_eq(login_as(2000, 1, "said otherwise", "A", &again), LOGIN_KNOWN);
	cr_expect_eq(again, first);
	expect_guest(scene_online(1), "kim");
	cr_expect_eq(login_as(3000, 1, "kim", "B", &other), LOGIN_BEGUN);
	cr_expect_neq(other, first);
	/* a hook that comes late does not end the next login; no name at all is another login */
	cr_expect_eq(login_as(4000, 1, "kim", "A", &back), LOGIN_OVER);
	cr_expect_eq(back, first);
	cr_expect_eq(scene_online(1)->seq, other);
	cr_expect_eq(login_as(5000, 1, "kim", NULL, &back), LOGIN_BEGUN);
	cr_expect_eq(login_as(6000, 2, "kim", "A", &back), LOGIN_WAITS, "another device");
}

/* A hook that runs again does not give the limits away once more. */
Test(session_login, what_is_over_is_not_opened_by_its_name)
{
	uint64_t seq, again;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	cr_expect_eq(login_as(1000, 1, "kim", "A", &seq), LOGIN_BEGUN);
	cr_expect_eq(session_engine_end(scene.engine, seq, scene_at(2000), END_CAUSE_NAS_REQUEST, &scene.events), 0);
	cr_expect_eq(login_as(3000, 1, "kim", "A", &again), LOGIN_OVER);
	cr_expect_eq(again, seq);
	cr_expect_null(scene_online(1));
	cr_expect_null(scene_login_of(1));
	scene_restart(4000);
	cr_expect_eq(login_as(5000, 1, "kim", "A", &again), LOGIN_OVER, "nor after a restart");
	cr_expect_eq(again, seq);
	cr_expect_eq(login_as(6000, 1, "kim", "B", &again), LOGIN_WAITS);
	scene_tick(6000 + 25 * 3600 * 1000);
	cr_expect_eq(login_as(6000 + 25 * 3600 * 1000 + 1, 1, "kim", "A", &again), LOGIN_WAITS, "for a day");
}

/* A portal that goes on saying who is there is not refused because its guest was silent for long. */
Test(session_login, what_silence_has_ended_may_be_said_again)
{
	uint64_t seq, again;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	cr_expect_eq(login_as(1000, 1, "kim", "A", &seq), LOGIN_BEGUN);
	scene_tick(1000 + SCENE_IDLE_MS);
	scene_tick(1000 + SCENE_RELOGIN_MS);
	cr_expect_null(scene_login_of(1));
	cr_expect_eq(login_as(2000 + SCENE_RELOGIN_MS, 1, "kim", "A", &again), LOGIN_WAITS);
	scene_tick(2000 + SCENE_RELOGIN_MS + SCENE_WAIT_MS);
	cr_expect_null(scene_login_of(1), "nobody came");
	cr_expect_eq(login_as(3000 + SCENE_RELOGIN_MS + SCENE_WAIT_MS, 1, "kim", "A", &again), LOGIN_WAITS);
}

/* A portal that calls its logout "idle" has logged the guest out all the same, also where nobody may return. */
Test(session_login, what_is_ended_for_good_is_over_whatever_the_cause)
{
	uint64_t seq, again;

	for (int round = 0; round < 2; round++) {
		const char *name = round ? "B" : "A";

		scene_packet(1000, 1, "10.0.0.1", 60, 0);
		cr_expect_eq(login_as(1000, 1, "kim", name, &seq), LOGIN_BEGUN);
		cr_expect_eq(session_engine_end_for_good(scene.engine, seq, scene_at(2000), END_CAUSE_IDLE_TIMEOUT,
							 &scene.events),
			     0);
		cr_expect_eq(by_seq(seq)->cause, END_CAUSE_IDLE_TIMEOUT);
		cr_expect_eq(by_seq(seq)->end.mono_ns, 2000 * NS_PER_MS);
		cr_expect_null(scene_login_of(1));
		cr_expect_eq(login_as(3000, 1, "kim", name, &again), LOGIN_OVER);
		cr_expect_eq(again, seq);
		scene_end();
		scene_begin(&(struct session_rules){.idle_timeout_ns = 300 * NS_PER_S, .login_wait_ns = NS_PER_S});
	}
}

/* The portal's name of a login may name a person. */
Test(session_login, forgetting_a_person_forgets_the_name_of_the_login)
{
	uint64_t seq, again;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	cr_expect_eq(login_as(1000, 1, "kim", "kim@example.com/1", &seq), LOGIN_BEGUN);
	cr_expect_eq(session_engine_end(scene.engine, seq, scene_at(2000), END_CAUSE_USER_REQUEST, &scene.events), 0);
	scene_save();
	cr_expect_eq(session_engine_forget_person(scene.engine, scene_at(3000), seq, &scene.events), -ENOENT,
		     "the session is the store's to forget");
	cr_expect_eq(login_as(4000, 1, "kim", "kim@example.com/1", &again), LOGIN_WAITS);
	cr_expect_neq(again, seq);
}

Test(session_login, a_logout_that_overtakes_its_login_ends_it)
{
	const struct mac_addr mac = scene_mac(1);
	uint64_t seq = 1;

	cr_expect_eq(session_engine_spend_login(scene.engine, scene_at(1000), &mac, "A"), 0);
	cr_expect_eq(login_as(2000, 1, "kim", "A", &seq), LOGIN_OVER);
	cr_expect_eq(seq, 0u);
	scene_packet(3000, 1, "10.0.0.1", 60, 0);
	expect_guest(scene_online(1), NULL);
	scene_tick(1000 + SCENE_WAIT_MS);
	cr_expect_eq(login_as(1001 + SCENE_WAIT_MS, 1, "kim", "A", &seq), LOGIN_BEGUN, "no longer than a login waits");
}

/* ---- coming back */

Test(session_login, who_returns_within_the_time_is_still_that_guest)
{
	uint64_t seq;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_login(1000, 1, "kim", NULL, &seq);
	scene_tick(1000 + SCENE_IDLE_MS);
	cr_expect_eq(by_seq(seq)->cause, END_CAUSE_IDLE_TIMEOUT);
	cr_assert_not_null(scene_login_of(1));
	cr_expect_eq(scene_login_of(1)->until.mono_ns, (1000 + SCENE_RELOGIN_MS) * NS_PER_MS,
		     "since it was last seen, not since that was noticed");
	scene_packet(999 + SCENE_RELOGIN_MS, 1, "10.0.0.1", 60, 0);
	expect_guest(scene_online(1), "kim");
	cr_expect_neq(scene_online(1)->seq, seq);
}

Test(session_login, who_returns_too_late_is_nobody)
{
	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_login(1000, 1, "kim", NULL, NULL);
	scene_tick(1000 + SCENE_IDLE_MS);
	scene_packet(1000 + SCENE_RELOGIN_MS, 1, "10.0.0.1", 60, 0);
	expect_guest(scene_online(1), NULL);
	cr_expect_null(scene_login_of(1));
}

Test(session_login, only_silence_keeps_a_login)
{
	static const struct {
		enum end_cause cause;
		bool is_kept;
	} ends[] = {
		{END_CAUSE_USER_REQUEST, false}, {END_CAUSE_ADMIN_RESET, false}, {END_CAUSE_NAS_REQUEST, false},
		{END_CAUSE_LOST_CARRIER, true},  {END_CAUSE_IDLE_TIMEOUT, true}, {END_CAUSE_SESSION_TIMEOUT, false},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
		const uint8_t guest = (uint8_t)i;
		uint64_t seq;

		scene_packet(1000, guest, "10.0.0.1", 60, 0);
		cr_assert_eq(scene_login(1000, guest, "kim", NULL, &seq), LOGIN_BEGUN);
		scene_end_session(2000, seq, ends[i].cause);
		cr_expect_eq(scene_login_of(guest) != NULL, ends[i].is_kept, "%s", end_cause_name(ends[i].cause));
	}
}

Test(session_login, without_a_time_to_return_nothing_is_kept)
{
	scene.rules.relogin_ns = 0;
	scene_restart(1);
	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_login(1000, 1, "kim", NULL, NULL);
	scene_tick(1000 + SCENE_IDLE_MS);
	cr_expect_eq(session_engine_n_logins(scene.engine), 0u);
}

Test(session_login, limits_go_on_over_its_sessions)
{
	const struct login_limits limits = {.session_timeout_ns = 100 * NS_PER_S, .max_bytes_total = 1000};
	uint64_t seq;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_login(1000, 1, "kim", &limits, &seq);
	scene_packet(61000, 1, "10.0.0.1", 300, 300);
	scene_end_session(61000, seq, END_CAUSE_LOST_CARRIER);
	cr_expect_eq(scene_login_of(1)->used_ns, 60 * NS_PER_S);
	scene_restart(65000);
	/* 40 s and 400 octets are left */
	scene_packet(70000, 1, "10.0.0.1", 399, 0);
	scene_tick(109999);
	expect_guest(scene_online(1), "kim");
	seq = scene_online(1)->seq;
	scene_packet(110000, 1, "10.0.0.1", 1, 0);
	scene_tick(112000);
	cr_expect_eq(by_seq(seq)->cause, END_CAUSE_SESSION_TIMEOUT);
	cr_expect_eq(by_seq(seq)->end.mono_ns, 110000 * NS_PER_MS);
}

Test(session_login, who_logs_in_anew_has_new_limits_and_who_is_known_has_not)
{
	const struct login_limits limits = {.session_timeout_ns = 100 * NS_PER_S};
	uint64_t seq;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_login(1000, 1, "kim", &limits, &seq);
	scene_end_session(61000, seq, END_CAUSE_LOST_CARRIER);
	cr_expect_eq(scene_login(62000, 1, "kim", &limits, &seq), LOGIN_WAITS);
	cr_expect_eq(scene_login_of(1)->used_ns, 0);
	cr_expect_eq(login_as(63000, 2, "lee", "A", &seq), LOGIN_WAITS);
	scene_packet(64000, 2, "10.0.0.2", 60, 0);
	scene_end_session(74000, seq, END_CAUSE_LOST_CARRIER);
	cr_expect_eq(login_as(75000, 2, "lee", "A", &seq), LOGIN_KNOWN);
	cr_expect_eq(scene_login_of(2)->used_ns, 10 * NS_PER_S);
}

/* ---- restarts */

Test(session_login, a_restart_changes_nothing)
{
	uint64_t online, waiting, kept;

	scene_packet(1000, 1, "10.0.0.1", 60, 0);
	scene_login(1000, 1, "kim", NULL, &online);
	scene_login(2000, 2, "lee", NULL, &waiting);
	scene_packet(2000, 3, "10.0.0.3", 60, 0);
	scene_login(2000, 3, "pat", NULL, &kept);
	scene_end_session(3000, kept, END_CAUSE_LOST_CARRIER);
	kept = scene_login_of(3)->seq;
	scene_restart(5000);
	expect_guest(scene_online(1), "kim");
	cr_expect_eq(scene_online(1)->seq, online);
	cr_expect_eq(session_engine_n_logins(scene.engine), 3u);
	cr_assert_not_null(session_engine_waiting_login(scene.engine, waiting));
	cr_expect_eq(scene_login_of(2)->until.mono_ns, (2000 + SCENE_WAIT_MS) * NS_PER_MS);
	cr_assert_not_null(session_engine_waiting_login(scene.engine, kept));
	cr_expect_eq(scene_login_of(3)->until.mono_ns, (3000 + SCENE_RELOGIN_MS) * NS_PER_MS);
	/* and its numbers are not given to others */
	scene_packet(6000, 4, "10.0.0.4", 60, 0);
	cr_expect_gt(scene_online(4)->seq, kept);
	scene_packet(6000, 3, "10.0.0.3", 60, 0);
	cr_expect_eq(scene_online(3)->seq, kept);
}

/* The clock of a machine without a battery begins in 1970: what was kept until 2027 is kept for as long as ever. */
Test(session_login, a_boot_in_1970_neither_keeps_a_login_for_years_nor_begins_in_the_future)
{
	scene_login(500000, 1, "kim", NULL, NULL);
	scene.wall_offset_ns = 0;
	scene_restart(5000);
	cr_assert_not_null(scene_login_of(1));
	cr_expect_leq(scene_login_of(1)->until.mono_ns, (5000 + SCENE_WAIT_MS) * NS_PER_MS);
	scene_packet(6000, 1, "10.0.0.1", 60, 0);
	expect_guest(scene_online(1), "kim");
	cr_expect_eq(scene_online(1)->start.mono_ns, 6000 * NS_PER_MS);
}

Test(session_login, after_a_reboot_a_guest_returns_with_what_is_left)
{
	const struct login_limits limits = {.session_timeout_ns = 100 * NS_PER_S};
	struct login login = {
		.mac = scene_mac(1), .identity.username = (char *)"kim", .limits = limits, .seq = 7, .has_begun = true};
	struct session_record record = {
		.seq = 7, .mac = scene_mac(1), .start = scene_at(1000), .last_seen = scene_at(31000)};

	session_close_record(&record, record.last_seen, END_CAUSE_NAS_REBOOT);
	login.at = scene_at(1000);
	login_keep(&login, &record, scene.rules.relogin_ns);
	/* five minutes later, at another place of the monotonic clock */
	scene.wall_offset_ns += 300 * NS_PER_S;
	cr_assert_eq(session_engine_resume_login(scene.engine, scene_at(2000), &login, false), 0);
	cr_expect_neq(scene_login_of(1)->seq, 7u);
	scene_packet(3000, 1, "10.0.0.1", 60, 0);
	expect_guest(scene_online(1), "kim");
	cr_expect_neq(scene_online(1)->seq, 7u);
	scene_packet(72000, 1, "10.0.0.1", 60, 0);
	scene_tick(72999);
	cr_expect_not_null(scene_online(1));
	scene_tick(73000);
	cr_expect_null(scene_online(1));
}
