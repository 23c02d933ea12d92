/* SPDX-License-Identifier: MIT */
/* The rules of the session engine, in virtual time. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/session.h"
#include "octet/abi.h"

#define IDLE_S 300
#define WALL_OFFSET_S 1700000000

static struct session_engine *engine;
static struct event_list events;

static struct instant at(int64_t mono_s)
{
	return (struct instant){mono_s * NS_PER_S, (mono_s + WALL_OFFSET_S) * NS_PER_S};
}

static void set_up(void)
{
	static const struct session_rules rules = {.idle_timeout_ns = IDLE_S * NS_PER_S, .location_id = "L1"};

	events = (struct event_list){0};
	cr_assert_eq(session_engine_new(&rules, 1, &engine), 0);
}

static void tear_down(void)
{
	session_engine_free(&engine);
	event_list_clean(&events);
}

TestSuite(session, .init = set_up, .fini = tear_down);

static struct mac_addr mac_of(uint8_t client)
{
	return (struct mac_addr){{2, 0, 0, 0, 0, client}};
}

static struct ip_addr ip_of(const char *text)
{
	struct ip_addr ip;

	cr_assert_eq(ip_parse(text, &ip), 0);
	return ip;
}

/* Stamps of the kernel are those of the agent here: the machine never slept. */
static struct ledger_delta delta_of(uint8_t client, const char *ip, uint64_t up_bytes, uint64_t down_bytes)
{
	return (struct ledger_delta){
		.key = {.mac = mac_of(client), .ip = ip_of(ip), .ifindex = 3},
		.traffic = {.up_bytes = up_bytes,
			    .up_packets = up_bytes > 0,
			    .down_bytes = down_bytes,
			    .down_packets = down_bytes > 0},
		.has_up = up_bytes > 0,
	};
}

static void traffic(int64_t mono_s, uint8_t client, const char *ip, uint64_t up_bytes, uint64_t down_bytes)
{
	struct ledger_delta delta = delta_of(client, ip, up_bytes, down_bytes);

	delta.last_up_ns = up_bytes > 0 ? mono_s * NS_PER_S : 0;
	delta.last_down_ns = down_bytes > 0 ? mono_s * NS_PER_S : 0;
	cr_assert_eq(session_engine_apply(engine, at(mono_s), at(mono_s), &delta, &events), 0);
}

/* A frame without IP. */
static void presence(int64_t mono_s, uint8_t client)
{
	struct ledger_delta delta = {.key = {.mac = mac_of(client), .vlan = OCTET_VLAN_MAC_ONLY, .ifindex = 3},
				     .has_up = true};

	cr_assert_eq(session_engine_apply(engine, at(mono_s), at(mono_s), &delta, &events), 0);
}

static const struct session_record *online(uint8_t client)
{
	struct mac_addr mac = mac_of(client);

	return session_engine_by_mac(engine, &mac);
}

static const struct session_record *holder(const char *text)
{
	struct ip_addr ip = ip_of(text);

	return session_engine_by_ip(engine, &ip);
}

static size_t save(void)
{
	struct session_change *changes = NULL;
	struct unclaimed_change *unclaimed = NULL;
	size_t n_changes, n_unclaimed;

	cr_assert_eq(session_engine_changed(engine, SESSION_SCOPE_ALL, &changes, &n_changes), 0);
	cr_assert_eq(session_engine_changed_unclaimed(engine, SESSION_SCOPE_ALL, &unclaimed, &n_unclaimed), 0);
	session_engine_mark_saved(engine, changes, n_changes);
	session_engine_mark_unclaimed_saved(engine, unclaimed, n_unclaimed);
	session_changes_free(changes, n_changes);
	free(unclaimed);
	return n_changes;
}

Test(session, begins_with_the_first_packet_from_the_guest)
{
	traffic(10, 1, "10.0.0.1", 60, 0);
	cr_assert_not_null(online(1));
	cr_expect_eq(online(1)->seq, 1u);
	cr_expect_eq(online(1)->start.mono_ns, 10 * NS_PER_S);
	cr_expect_str_eq(online(1)->location_id, "L1");
	cr_assert_eq(events.n_items, 1u);
	cr_expect_eq(events.items[0].kind, EVENT_SESSION_ONLINE);
	cr_expect(session_engine_has_transition(engine));
}

Test(session, neither_downlink_nor_arp_begins_one)
{
	traffic(10, 1, "10.0.0.1", 0, 500);
	presence(11, 2);
	cr_expect_null(online(1));
	cr_expect_null(online(2));
	cr_expect_eq(events.n_items, 0u);
	cr_expect_eq(session_engine_unclaimed(engine).down_bytes, 500u);
}

/* The answer was read before the packet that it answers. */
Test(session, an_answer_that_is_read_first_is_the_sessions)
{
	struct ledger_delta up = delta_of(1, "10.0.0.1", 60, 0);

	traffic(11, 1, "10.0.0.1", 0, 500);
	up.last_up_ns = 11 * NS_PER_S - 1;
	cr_assert_eq(session_engine_apply(engine, at(12), at(11), &up, &events), 0);
	cr_assert_not_null(online(1));
	cr_expect_eq(online(1)->traffic.down_bytes, 500u);
	cr_expect_eq(online(1)->traffic.up_bytes, 60u);
	cr_expect_eq(session_engine_unclaimed(engine).down_bytes, 0u);
}

Test(session, what_was_sent_before_the_first_packet_is_not)
{
	traffic(10, 1, "10.0.0.1", 0, 500);
	session_engine_tick(engine, at(10), &events);
	traffic(11, 1, "10.0.0.1", 60, 0);
	cr_assert_not_null(online(1));
	cr_expect_eq(online(1)->traffic.down_bytes, 0u);
	cr_expect_eq(session_engine_unclaimed(engine).down_bytes, 500u);
}

Test(session, ends_idle_at_the_last_packet_and_not_at_its_noticing)
{
	traffic(10, 1, "10.0.0.1", 60, 0);
	traffic(40, 1, "10.0.0.1", 60, 0);
	session_engine_tick(engine, at(40 + IDLE_S - 1), &events);
	cr_assert_not_null(online(1));
	session_engine_tick(engine, at(40 + IDLE_S + 7), &events);
	cr_assert_null(online(1));

	const struct session_record *record = session_engine_by_seq(engine, 1);
	cr_assert_not_null(record, "kept until it is saved");
	cr_expect_eq(record->end.mono_ns, 40 * NS_PER_S);
	cr_expect_eq(record->duration_ns, 30 * NS_PER_S);
	cr_expect_eq(record->cause, END_CAUSE_IDLE_TIMEOUT);
	cr_expect_null(holder("10.0.0.1"));
	save();
	cr_expect_null(session_engine_by_seq(engine, 1), "forgotten once saved");
}

Test(session, downlink_keeps_nobody_on_line)
{
	traffic(10, 1, "10.0.0.1", 60, 0);
	for (int64_t s = 20; s < 10 + IDLE_S; s += 10)
		traffic(s, 1, "10.0.0.1", 0, 1000);
	session_engine_tick(engine, at(10 + IDLE_S), &events);
	cr_assert_null(online(1));
	cr_expect_eq(session_engine_by_seq(engine, 1)->end.mono_ns, 10 * NS_PER_S);
}

Test(session, arp_keeps_a_guest_on_line)
{
	traffic(10, 1, "10.0.0.1", 60, 0);
	presence(10 + IDLE_S - 1, 1);
	session_engine_tick(engine, at(10 + IDLE_S + 1), &events);
	cr_assert_not_null(online(1));
	cr_expect_eq(online(1)->traffic.up_bytes, 60u);
	cr_expect_eq(online(1)->n_addresses, 1u);
}

Test(session, octets_to_an_absent_guest_are_not_of_its_next_session)
{
	traffic(10, 1, "10.0.0.1", 60, 0);
	session_engine_tick(engine, at(10 + IDLE_S), &events);
	traffic(400, 1, "10.0.0.1", 0, 77);
	session_engine_tick(engine, at(401), &events);
	traffic(500, 1, "10.0.0.1", 60, 0);
	cr_assert_not_null(online(1));
	cr_expect_eq(online(1)->seq, 2u);
	cr_expect_eq(online(1)->traffic.down_bytes, 0u);
	cr_expect_eq(session_engine_by_seq(engine, 1)->traffic.down_bytes, 0u);
	cr_expect_eq(session_engine_unclaimed(engine).down_bytes, 77u);
	save();
	session_engine_tick(engine, at(501), &events);
	cr_expect_eq(session_engine_unclaimed(engine).down_bytes, 77u, "nobody's for good, and still in the sum");
}

/* What can never be claimed any more needs no client: there may be very many such MACs. */
Test(session, unclaimed_octets_are_remembered_for_two_collections_and_then_only_as_a_sum)
{
	struct unclaimed_change *changes = NULL;
	size_t n_changes = 0;

	traffic(10, 1, "10.0.0.1", 0, 500);
	session_engine_tick(engine, at(10), &events);
	cr_assert_eq(session_engine_changed_unclaimed(engine, SESSION_SCOPE_ALL, &changes, &n_changes), 0);
	cr_expect_eq(n_changes, 1u);
	session_engine_mark_unclaimed_saved(engine, changes, n_changes);
	free(changes);
	session_engine_tick(engine, at(11), &events);
	session_engine_tick(engine, at(12), &events);
	cr_assert_eq(session_engine_changed_unclaimed(engine, SESSION_SCOPE_ALL, &changes, &n_changes), 0);
	cr_expect_eq(n_changes, 1u, "its row goes");
	cr_expect(traffic_is_zero(&changes[0].traffic));
	session_engine_mark_unclaimed_saved(engine, changes, n_changes);
	free(changes);
	cr_assert_eq(session_engine_changed_unclaimed(engine, SESSION_SCOPE_ALL, &changes, &n_changes), 0);
	cr_expect_eq(n_changes, 0u);
	free(changes);
	cr_expect_eq(session_engine_unclaimed(engine).down_bytes, 500u);
	traffic(13, 1, "10.0.0.1", 60, 0);
	cr_expect_eq(online(1)->traffic.down_bytes, 0u);
}

/* A bridge that has forgotten where a MAC is sends to all of its ports. */
Test(session, flooded_copies_are_not_the_guests)
{
	struct ledger_delta delta = delta_of(1, "10.0.0.1", 60, 0);

	delta.last_up_ns = 10 * NS_PER_S;
	delta.bridge = 9;
	cr_assert_eq(session_engine_apply(engine, at(10), at(10), &delta, &events), 0);
	for (uint32_t port = 3; port <= 5; port++) {
		delta = delta_of(1, "10.0.0.1", 0, 1000);
		delta.key.ifindex = port;
		delta.bridge = 9;
		delta.last_down_ns = 11 * NS_PER_S;
		cr_assert_eq(session_engine_apply(engine, at(11), at(11), &delta, &events), 0);
	}
	cr_expect_eq(online(1)->traffic.down_bytes, 1000u);
	cr_expect_eq(session_engine_unclaimed(engine).down_bytes, 2000u);
}

/* Copies on the other ports that were made before the guest first spoke, but are read after. */
Test(session, copies_from_before_the_first_packet_are_not_the_guests)
{
	struct ledger_delta delta = delta_of(1, "10.0.0.1", 60, 0);

	delta.bridge = 9;
	delta.last_up_ns = 10 * NS_PER_S;
	cr_assert_eq(session_engine_apply(engine, at(10), at(10), &delta, &events), 0);
	delta = delta_of(1, "10.0.0.1", 0, 500);
	delta.key.ifindex = 4;
	delta.bridge = 9;
	delta.last_down_ns = 9 * NS_PER_S;
	cr_assert_eq(session_engine_apply(engine, at(11), at(11), &delta, &events), 0);
	cr_expect_eq(online(1)->traffic.down_bytes, 0u);
	cr_expect_eq(session_engine_unclaimed(engine).down_bytes, 500u);
}

Test(session, after_a_restart_the_place_is_known_before_anything_is_booked)
{
	struct session_record record = {.seq = 5, .mac = mac_of(1), .start = at(10), .last_seen = at(20)};
	struct counter_reading reading = {
		.key = {.mac = mac_of(1), .ifindex = 3}, .last_up_ns = 20 * NS_PER_S, .bridge = 9};
	struct ledger_delta copy = delta_of(1, "10.0.0.1", 0, 500);

	cr_assert_eq(session_engine_resume(engine, &record), 0);
	session_engine_note_place(engine, &reading);
	copy.key.ifindex = 4;
	copy.bridge = 9;
	copy.last_down_ns = 30 * NS_PER_S;
	cr_assert_eq(session_engine_apply(engine, at(31), at(31), &copy, &events), 0);
	cr_expect_eq(online(1)->traffic.down_bytes, 0u);
}

Test(session, a_silence_beyond_the_timeout_ends_it_though_nobody_looked)
{
	session_engine_tick(engine, at(5), &events);
	traffic(10, 1, "10.0.0.1", 60, 0);
	traffic(10 + IDLE_S + 5, 1, "10.0.0.1", 70, 0);
	cr_assert_not_null(online(1));
	cr_expect_eq(online(1)->seq, 2u);
	cr_expect_eq(online(1)->traffic.up_bytes, 70u);
	cr_expect_eq(session_engine_by_seq(engine, 1)->end.mono_ns, 10 * NS_PER_S);
	cr_expect_eq(session_engine_by_seq(engine, 1)->cause, END_CAUSE_IDLE_TIMEOUT);
}

/* One MAC in two guest networks is one client, and gets what is sent to it in either. */
Test(session, two_networks_are_no_flood)
{
	struct ledger_delta delta = delta_of(1, "10.0.0.1", 60, 0);

	delta.last_up_ns = 10 * NS_PER_S;
	cr_assert_eq(session_engine_apply(engine, at(10), at(10), &delta, &events), 0);
	delta = delta_of(1, "10.0.9.1", 0, 1000);
	delta.key.ifindex = 4;
	delta.last_down_ns = 11 * NS_PER_S;
	cr_assert_eq(session_engine_apply(engine, at(11), at(11), &delta, &events), 0);
	cr_expect_eq(online(1)->traffic.down_bytes, 1000u);
}

Test(session, a_guest_who_roams_takes_its_downlink_along)
{
	struct ledger_delta delta = delta_of(1, "10.0.0.1", 60, 0);

	delta.last_up_ns = 10 * NS_PER_S;
	delta.bridge = 9;
	cr_assert_eq(session_engine_apply(engine, at(10), at(10), &delta, &events), 0);
	delta.key.ifindex = 4;
	delta.last_up_ns = 20 * NS_PER_S;
	cr_assert_eq(session_engine_apply(engine, at(20), at(20), &delta, &events), 0);
	/* read only now, but sent before it moved */
	delta = delta_of(1, "10.0.0.1", 0, 300);
	delta.bridge = 9;
	delta.last_down_ns = 19 * NS_PER_S;
	cr_assert_eq(session_engine_apply(engine, at(20), at(20), &delta, &events), 0);
	delta.key.ifindex = 4;
	delta.last_down_ns = 21 * NS_PER_S;
	cr_assert_eq(session_engine_apply(engine, at(21), at(21), &delta, &events), 0);
	cr_expect_eq(online(1)->traffic.down_bytes, 600u);
	cr_expect_eq(session_engine_unclaimed(engine).down_bytes, 0u);
}

Test(session, an_address_belongs_to_who_sent_from_it_last)
{
	traffic(10, 1, "10.0.0.1", 60, 0);
	traffic(20, 2, "10.0.0.1", 60, 0);
	cr_expect_eq(holder("10.0.0.1")->mac.octets[5], 2);
	/* an older proof that is read later changes nothing */
	struct ledger_delta late = delta_of(1, "10.0.0.1", 60, 0);
	cr_assert_eq(session_engine_apply(engine, at(21), at(15), &late, &events), 0);
	cr_expect_eq(holder("10.0.0.1")->mac.octets[5], 2);
	traffic(30, 1, "10.0.0.1", 60, 0);
	cr_expect_eq(holder("10.0.0.1")->mac.octets[5], 1);
	cr_expect_eq(holder("10.0.0.1")->addresses[0].since.mono_ns, 30 * NS_PER_S, "held anew since it came back");
}

Test(session, the_end_of_a_session_frees_only_its_own_addresses)
{
	traffic(10, 1, "10.0.0.1", 60, 0);
	traffic(200, 2, "10.0.0.1", 60, 0);
	session_engine_tick(engine, at(10 + IDLE_S), &events);
	cr_assert_null(online(1));
	cr_assert_not_null(holder("10.0.0.1"));
	cr_expect_eq(holder("10.0.0.1")->mac.octets[5], 2);
}

Test(session, sources_nobody_can_own_are_no_addresses)
{
	traffic(10, 1, "0.0.0.0", 328, 0);
	traffic(10, 1, "::", 76, 0);
	cr_assert_not_null(online(1));
	cr_expect_eq(online(1)->n_addresses, 0u);
	cr_expect_eq(online(1)->traffic.up_bytes, 404u);
	cr_expect(ip_is_unspecified(&online(1)->primary_ip));
}

Test(session, addresses_are_bounded_and_the_silent_one_gives_way)
{
	char ip[32];

	for (int i = 0; i <= SESSION_ADDRESSES_MAX; i++) {
		snprintf(ip, sizeof(ip), "10.0.0.%d", i + 1);
		traffic(10 + i, 1, ip, 60, 0);
	}
	cr_expect_eq(online(1)->n_addresses, (size_t)SESSION_ADDRESSES_MAX);
	cr_expect_null(holder("10.0.0.1"), "the longest silent one");
	cr_expect_not_null(holder("10.0.0.2"));
	cr_expect_not_null(holder(ip));
	cr_expect_eq(online(1)->traffic.up_bytes, 60u * (SESSION_ADDRESSES_MAX + 1));
}

Test(session, a_clock_step_restamps_open_sessions)
{
	struct instant in_1970 = {.mono_ns = 5 * NS_PER_S, .wall_ns = 20 * NS_PER_S};
	struct ledger_delta delta = delta_of(1, "10.0.0.1", 60, 0);

	cr_assert_eq(session_engine_apply(engine, in_1970, in_1970, &delta, &events), 0);
	save();
	cr_assert_not(session_engine_has_transition(engine));
	session_engine_tick(engine, at(65), &events);
	cr_expect_eq(online(1)->start.wall_ns, at(5).wall_ns, "as if the clock had always been right");
	cr_expect_eq(online(1)->last_seen.wall_ns, at(5).wall_ns);
	cr_expect_eq(online(1)->addresses[0].since.wall_ns, at(5).wall_ns);
	cr_expect_eq(session_record_duration_ns(online(1), at(65)), 60 * NS_PER_S);
	cr_expect(session_engine_has_transition(engine), "and it is written");
	/* slewing is no step */
	struct instant slewed = at(66);
	slewed.wall_ns += NS_PER_S / 10;
	save();
	session_engine_tick(engine, slewed, &events);
	cr_expect_eq(online(1)->start.wall_ns, at(5).wall_ns);
}

Test(session, a_resumed_session_goes_on)
{
	struct session_address address = {.ip = ip_of("10.0.0.1"), .since = at(10), .last = at(50)};
	struct session_record record = {
		.seq = 41,
		.mac = mac_of(1),
		.start = at(10),
		.last_seen = at(50),
		.traffic.up_bytes = 1000,
		.addresses = &address,
		.n_addresses = 1,
	};

	cr_assert_eq(session_engine_resume(engine, &record), 0);
	cr_expect_eq(session_engine_resume(engine, &record), -EEXIST);
	cr_expect_not_null(holder("10.0.0.1"));
	cr_expect_not(session_engine_has_transition(engine), "the store has it");
	traffic(60, 1, "10.0.0.1", 5, 0);
	cr_expect_eq(online(1)->traffic.up_bytes, 1005u);
	cr_expect_eq(online(1)->seq, 41u);
	traffic(60, 2, "10.0.0.2", 5, 0);
	cr_expect_eq(online(2)->seq, 42u, "sequence numbers are not used twice");
}

Test(session, a_transition_flush_takes_all_of_its_mac_and_nothing_else)
{
	struct session_change *changes = NULL;
	size_t n_changes = 0;
	struct mac_addr first = mac_of(1), second = mac_of(2);

	traffic(10, 1, "10.0.0.1", 60, 0);
	traffic(10, 2, "10.0.0.2", 60, 0);
	save();
	traffic(11, 1, "10.0.0.1", 60, 0);
	traffic(11, 2, "10.0.0.2", 60, 0);
	cr_expect_not(session_engine_has_transition(engine), "counters alone wait for the interval");
	session_engine_end(engine, online(1)->seq, at(12), END_CAUSE_USER_REQUEST, &events);
	traffic(13, 1, "10.0.0.1", 9, 0);
	cr_expect(session_engine_has_transition_of(engine, &first));
	cr_expect_not(session_engine_has_transition_of(engine, &second));
	cr_assert_eq(session_engine_changed(engine, SESSION_SCOPE_TRANSITIONS, &changes, &n_changes), 0);
	cr_expect_eq(n_changes, 2u, "the ended one and its successor");
	session_engine_mark_saved(engine, changes, n_changes);
	session_changes_free(changes, n_changes);
	cr_expect_not(session_engine_has_transition(engine));
	cr_expect_eq(session_engine_n_unsaved(engine), 1u, "client 2's counters");
}

Test(session, a_change_during_the_commit_is_not_forgotten)
{
	struct session_change *changes = NULL;
	size_t n_changes = 0;

	traffic(10, 1, "10.0.0.1", 60, 0);
	cr_assert_eq(session_engine_changed(engine, SESSION_SCOPE_ALL, &changes, &n_changes), 0);
	session_engine_end(engine, 1, at(11), END_CAUSE_USER_REQUEST, &events);
	session_engine_mark_saved(engine, changes, n_changes);
	session_changes_free(changes, n_changes);
	cr_assert_not_null(session_engine_by_seq(engine, 1), "its end is not saved yet");
	cr_expect(session_engine_has_transition(engine));
	cr_expect_eq(save(), 1u);
	cr_expect_null(session_engine_by_seq(engine, 1));
}

Test(session, an_end_is_never_before_the_start)
{
	traffic(100, 1, "10.0.0.1", 60, 0);
	cr_assert_eq(session_engine_end(engine, 1, at(50), END_CAUSE_ADMIN_RESET, &events), 0);
	cr_expect_eq(session_engine_by_seq(engine, 1)->duration_ns, 0);
	cr_expect_eq(session_engine_end(engine, 1, at(51), END_CAUSE_ADMIN_RESET, &events), -ENOENT);
}

struct model {
	struct traffic booked;    /* everything that was applied */
	struct traffic forgotten; /* sessions that went to the store */
};

static void add_saved(struct model *model)
{
	struct session_change *changes = NULL;
	size_t n_changes = 0;

	cr_assert_eq(session_engine_changed(engine, SESSION_SCOPE_ALL, &changes, &n_changes), 0);
	for (size_t i = 0; i < n_changes; i++)
		if (!session_record_is_online(&changes[i].record))
			traffic_add(&model->forgotten, &changes[i].record.traffic);
	session_engine_mark_saved(engine, changes, n_changes);
	session_changes_free(changes, n_changes);
}

static void check_invariants(const struct model *model)
{
	struct traffic sum = model->forgotten, unclaimed = session_engine_unclaimed(engine);

	for (uint64_t seq = 1; seq < 20000; seq++) {
		const struct session_record *record = session_engine_by_seq(engine, seq);

		if (!record)
			continue;
		traffic_add(&sum, &record->traffic);
		cr_assert_geq(record->last_seen.mono_ns, record->start.mono_ns);
		if (!session_record_is_online(record))
			cr_assert_geq(record->end.mono_ns, record->start.mono_ns);
	}
	traffic_add(&sum, &unclaimed);
	cr_assert_eq(memcmp(&sum, &model->booked, sizeof(sum)), 0, "octets of sessions and unclaimed %lu, booked %lu",
		     sum.up_bytes + sum.down_bytes, model->booked.up_bytes + model->booked.down_bytes);
}

/* Whatever happens in whatever order: every octet is in exactly one place. */
Test(session, sums_hold_under_random_schedules)
{
	struct model model = {0};
	unsigned int seed = 20261123;
	int64_t now_s = 10;

	for (int step = 0; step < 20000; step++) {
		uint8_t client = (uint8_t)(rand_r(&seed) % 12);
		uint8_t ip = (uint8_t)(rand_r(&seed) % 20);
		int action = rand_r(&seed) % 100;
		struct ledger_delta delta = {.key = {.mac = mac_of(client), .ip = {{0}}, .ifindex = 1}};

		memcpy(delta.key.ip.octets, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0", 15);
		delta.key.ip.octets[15] = ip;
		now_s += rand_r(&seed) % 40;
		if (action < 70) {
			delta.traffic.up_bytes = action < 40 ? (uint64_t)(rand_r(&seed) % 1500) : 0;
			delta.traffic.up_packets = delta.traffic.up_bytes > 0;
			delta.traffic.down_bytes = (uint64_t)(rand_r(&seed) % 1500);
			delta.key.ifindex = 1 + (uint32_t)(rand_r(&seed) % 3);
			delta.bridge = 9 * (delta.key.ifindex > 1);
			delta.last_up_ns = now_s * NS_PER_S;
			delta.last_down_ns = (now_s - rand_r(&seed) % 3) * NS_PER_S;
			delta.has_up = delta.traffic.up_packets > 0;
			traffic_add(&model.booked, &delta.traffic);
			cr_assert_eq(
				session_engine_apply(engine, at(now_s), at(now_s - rand_r(&seed) % 3), &delta, &events),
				0);
		} else if (action < 85) {
			session_engine_tick(engine, at(now_s), &events);
		} else if (action < 92) {
			add_saved(&model);
		} else if (online(client)) {
			session_engine_end(engine, online(client)->seq, at(now_s), END_CAUSE_USER_REQUEST, &events);
		}
		event_list_clear(&events);
		if (step % 1000 == 999)
			check_invariants(&model);
	}
	check_invariants(&model);
}
