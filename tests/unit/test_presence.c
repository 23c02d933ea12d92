/* SPDX-License-Identifier: MIT */
/* Which signs end a session, when, and which do not; in virtual time. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/presence.h"
#include "octet/abi.h"

#define IDLE_S 300
#define BRIDGE 7
#define PORT 3
#define OTHER_PORT 4
#define STRANGE 90

static struct session_engine *engine;
static struct presence *presence;
static struct event_list events;
static struct link_facts links[] = {
	{.ifindex = PORT, .master = BRIDGE, .kind = "veth", .is_running = true},
	{.ifindex = OTHER_PORT, .master = BRIDGE, .kind = "veth", .is_running = true},
	{.ifindex = BRIDGE, .kind = "bridge", .is_running = true},
	{.ifindex = STRANGE, .is_running = true},
};

static struct instant at_ms(int64_t mono_ms)
{
	return (struct instant){mono_ms * NS_PER_MS, (mono_ms + INT64_C(1700000000000)) * NS_PER_MS};
}

static struct instant at(int64_t mono_s)
{
	return at_ms(mono_s * 1000);
}

static void set_up(void)
{
	static const struct session_rules rules = {.idle_timeout_ns = IDLE_S * NS_PER_S};

	cr_assert_eq(session_engine_new(&rules, 1, &engine), 0);
	cr_assert_eq(presence_new(&presence), 0);
	session_engine_tick(engine, at(1), &events);
}

static void tear_down(void)
{
	presence_free(&presence);
	session_engine_free(&engine);
	event_list_clean(&events);
}

TestSuite(presence, .init = set_up, .fini = tear_down);

static struct mac_addr mac_of(uint8_t guest)
{
	return (struct mac_addr){{2, 0, 0, 0, 0, guest}};
}

static struct ip_addr ip_of(const char *text)
{
	struct ip_addr ip;

	cr_assert_eq(ip_parse(text, &ip), 0);
	return ip;
}

/* A frame from a guest; ip NULL: ARP. */
static void send_by(uint32_t ifindex, int64_t mono_s, uint8_t guest, const char *ip)
{
	struct ledger_delta delta = {
		.key = {.mac = mac_of(guest), .ifindex = ifindex}, .last_up_ns = mono_s * NS_PER_S, .has_up = true};

	if (ip) {
		delta.key.ip = ip_of(ip);
		delta.traffic = (struct traffic){.up_bytes = 60, .up_packets = 1};
	} else {
		delta.key.vlan = OCTET_VLAN_MAC_ONLY;
	}
	cr_assert_eq(session_engine_apply(engine, at(mono_s), at(mono_s), &delta, &events), 0);
}

static void send(int64_t mono_s, uint8_t guest, const char *ip)
{
	send_by(PORT, mono_s, guest, ip);
}

static bool neighbour(int64_t mono_ms, const char *ip)
{
	const struct presence_sign sign = {.kind = PRESENCE_NEIGHBOUR, .ifindex = BRIDGE, .ip = ip_of(ip)};

	return presence_note(presence, engine, at_ms(mono_ms), &sign);
}

static bool bridge(int64_t mono_ms, uint32_t port, uint8_t guest, bool is_back)
{
	const struct presence_sign sign = {
		.kind = PRESENCE_BRIDGE, .is_back = is_back, .ifindex = port, .master = BRIDGE, .mac = mac_of(guest)};

	return presence_note(presence, engine, at_ms(mono_ms), &sign);
}

static bool link_sign(int64_t mono_ms, uint32_t ifindex)
{
	const struct presence_sign sign = {.kind = PRESENCE_LINK, .ifindex = ifindex};

	return presence_note(presence, engine, at_ms(mono_ms), &sign);
}

static size_t judge(int64_t mono_ms)
{
	session_engine_tick(engine, at_ms(mono_ms), &events);
	return presence_judge(presence, engine, at_ms(mono_ms), links, ARRAY_LENGTH(links), &events);
}

static void set_running(uint32_t ifindex, bool is_running)
{
	for (size_t i = 0; i < ARRAY_LENGTH(links); i++)
		if (links[i].ifindex == ifindex)
			links[i].is_running = is_running;
}

static bool is_online(uint8_t guest)
{
	const struct mac_addr mac = mac_of(guest);

	return session_engine_by_mac(engine, &mac) != NULL;
}

/* The session is over as lost, and since when. */
static void expect_lost(uint64_t seq, struct instant end)
{
	const struct session_record *record = session_engine_by_seq(engine, seq);

	cr_assert_not_null(record);
	cr_expect_eq(record->cause, END_CAUSE_LOST_CARRIER);
	cr_expect_eq(record->end.mono_ns, end.mono_ns, "it ended at %ld, not %ld", (long)record->end.mono_ns,
		     (long)end.mono_ns);
	cr_expect_eq(record->end.wall_ns, end.wall_ns);
}

Test(presence, who_answers_no_more_is_lost_at_the_last_frame)
{
	send(10, 1, "10.0.0.1");
	send(20, 1, "10.0.0.1");
	cr_expect(neighbour(40000, "10.0.0.1"));
	cr_expect_eq(presence_due_ns(presence), 41 * NS_PER_S);
	cr_expect_eq(judge(40999), 0u, "not yet");
	cr_assert(is_online(1));
	event_list_clear(&events);
	cr_expect_eq(judge(41000), 1u);
	expect_lost(1, at(20));
	cr_assert_eq(events.n_items, 1u);
	cr_expect_eq(events.items[0].kind, EVENT_SESSION_OFFLINE);
	cr_expect_eq(presence_n_signs(presence), 0u);
	cr_expect_eq(presence_due_ns(presence), INT64_MAX);
}

Test(presence, who_was_there_while_it_was_asked_is_not_lost)
{
	send(10, 1, "10.0.0.1");
	cr_expect(neighbour(11900, "10.0.0.1"));
	cr_expect_eq(judge(13000), 0u, "a silence of 1.9 s is none");
	cr_expect(neighbour(12000 + 2000, "10.0.0.1"));
	send(15, 1, "10.0.0.1");
	cr_expect_eq(judge(15000), 0u, "it is there again when it is judged");
	cr_expect(neighbour(19000, "10.0.0.1"));
	send(20, 1, NULL);
	cr_expect_eq(judge(20000), 0u, "by ARP too");
	cr_expect(is_online(1));
}

Test(presence, an_old_address_that_fails_ends_nobodys_session)
{
	send(10, 1, "10.0.0.1");
	send(11, 1, "10.0.0.2"); /* another lease */
	cr_expect(neighbour(40000, "10.0.0.1"));
	cr_expect_eq(judge(42000), 0u);
	cr_expect(neighbour(50000, "10.0.0.2"));
	cr_expect_eq(judge(52000), 1u, "the one in use");
	expect_lost(1, at(11));
}

Test(presence, an_old_address_of_another_kind_is_old_too)
{
	send(10, 1, "2001:db8::1");
	send(12, 1, "10.0.0.1");
	send(19, 1, "10.0.0.1");
	cr_expect(neighbour(40000, "2001:db8::1"));
	cr_expect_eq(judge(41000), 1u, "both were in use until the end");
	expect_lost(1, at(19));
	send(100, 2, "2001:db8::2");
	send(111, 2, "10.0.0.2");
	cr_expect(neighbour(140000, "2001:db8::2"));
	cr_expect_eq(judge(141000), 0u, "alive by IPv4 for longer");
	/* a question to the router comes from the link-local address, and after the last packet */
	send(200, 3, "2001:db8::3");
	send(205, 3, "fe80::3");
	cr_expect(neighbour(230000, "2001:db8::3"));
	cr_expect_eq(judge(231000), 1u);
	expect_lost(3, at(205));
}

Test(presence, addresses_and_macs_of_nobody_are_not_kept)
{
	send(10, 1, "10.0.0.1");
	send(20, 2, "10.0.0.1"); /* it is another's now */
	send(21, 2, "10.0.0.1");
	cr_expect_not(neighbour(40000, "10.0.0.9"));
	cr_expect_not(bridge(40000, PORT, 9, false));
	cr_expect(neighbour(40000, "10.0.0.1"));
	cr_expect_eq(judge(41000), 1u);
	cr_expect(is_online(1));
	expect_lost(2, at(21));
}

/* The gateway's other networks have neighbours too, with the same addresses perhaps. */
Test(presence, another_network_says_nothing)
{
	const struct presence_sign sign = {.kind = PRESENCE_NEIGHBOUR, .ifindex = STRANGE, .ip = ip_of("10.0.0.1")};

	send(10, 1, "10.0.0.1");
	(void)presence_note(presence, engine, at(40), &sign);
	cr_expect_not(bridge(40000, STRANGE, 1, false));
	cr_expect_eq(judge(41000), 0u);
	cr_expect(is_online(1));
}

Test(presence, a_new_session_is_not_meant_by_an_old_sign)
{
	send(10, 1, "10.0.0.1");
	cr_expect(neighbour(40000, "10.0.0.1"));
	cr_assert_eq(session_engine_end(engine, 1, at(40), END_CAUSE_USER_REQUEST, &events), 0);
	send(40, 1, "10.0.0.1");
	cr_expect_eq(judge(45000), 0u);
	cr_expect(is_online(1));
}

Test(presence, whom_the_bridge_has_forgotten_is_lost)
{
	send(10, 1, "10.0.0.1");
	cr_expect(bridge(40000, PORT, 1, false));
	cr_expect_eq(judge(41000), 1u);
	expect_lost(1, at(10));
	/* counted on the bridge itself */
	send_by(BRIDGE, 50, 2, "10.0.0.2");
	cr_expect(bridge(80000, OTHER_PORT, 2, false));
	cr_expect_eq(judge(81000), 1u);
	expect_lost(2, at(50));
}

Test(presence, who_moves_to_another_port_is_not_lost)
{
	send(10, 1, "10.0.0.1");
	send_by(OTHER_PORT, 11, 1, "10.0.0.1");
	cr_expect_not(bridge(40000, PORT, 1, false), "the old port's entry");
	/* forgotten there, learnt here, in the same moment */
	cr_expect(bridge(50000, OTHER_PORT, 1, false));
	cr_expect_not(bridge(50100, PORT, 1, true));
	cr_expect_eq(judge(52000), 0u);
	cr_expect(is_online(1));
}

Test(presence, who_is_active_is_not_lost_by_a_flush_of_the_bridge)
{
	send(10, 1, "10.0.0.1");
	cr_expect(bridge(11000, PORT, 1, false));
	cr_expect_eq(judge(13000), 0u);
	cr_expect(is_online(1));
}

Test(presence, a_link_that_goes_takes_its_guests_along_at_that_moment)
{
	send(10, 1, "10.0.0.1");
	send_by(OTHER_PORT, 10, 2, "10.0.0.2");
	send_by(OTHER_PORT, 11, 3, "10.0.0.3");
	send(12, 3, "10.0.0.3"); /* roamed to this one */
	set_running(PORT, false);
	cr_expect(link_sign(40000, PORT));
	cr_expect(link_sign(40500, PORT), "told again, but it went before");
	cr_expect_eq(judge(41000), 2u);
	expect_lost(1, at(40));
	expect_lost(3, at(40));
	cr_expect(is_online(2));
	set_running(PORT, true);
}

Test(presence, a_link_that_is_back_or_busy_takes_nobody)
{
	send(10, 1, "10.0.0.1");
	cr_expect(link_sign(40000, PORT));
	cr_expect_eq(judge(41000), 0u, "it flapped");
	set_running(PORT, false);
	cr_expect(link_sign(50000, PORT));
	send(51, 1, "10.0.0.1");
	cr_expect_eq(judge(51000), 0u, "a frame came since");
	cr_expect(is_online(1));
	set_running(PORT, true);
}

Test(presence, a_link_that_is_not_there_is_down)
{
	send_by(STRANGE + 1, 10, 1, "10.0.0.1");
	cr_expect(link_sign(40000, STRANGE + 1));
	cr_expect_eq(judge(41000), 1u);
	expect_lost(1, at(40));
}

Test(presence, lost_messages_mean_any_link)
{
	send(10, 1, "10.0.0.1");
	send_by(OTHER_PORT, 10, 2, "10.0.0.2");
	set_running(OTHER_PORT, false);
	cr_expect(link_sign(40000, 0));
	cr_expect_eq(judge(41000), 1u);
	cr_expect(is_online(1));
	expect_lost(2, at(40));
	set_running(OTHER_PORT, true);
}

Test(presence, an_idle_timeout_that_has_passed_comes_first)
{
	send(10, 1, "10.0.0.1");
	cr_expect(neighbour((10 + IDLE_S) * 1000 - 500, "10.0.0.1"));
	cr_expect_eq(judge((10 + IDLE_S) * 1000 + 500), 0u);
	cr_expect_eq(session_engine_by_seq(engine, 1)->cause, END_CAUSE_IDLE_TIMEOUT);
}

/* More of them are of no use: the idle timeout sees to the rest. */
Test(presence, signs_are_bounded)
{
	char ip[IP_TEXT_SIZE];

	for (int i = 0; i < PRESENCE_SIGNS_MAX + 10; i++) {
		struct ledger_delta delta = {
			.key = {.mac = {{2, 0, 0, 1, (uint8_t)(i >> 8), (uint8_t)i}}, .ifindex = PORT},
			.traffic = {.up_bytes = 60, .up_packets = 1},
			.last_up_ns = 10 * NS_PER_S,
			.has_up = true};

		snprintf(ip, sizeof(ip), "10.1.%d.%d", i >> 8, i & 255);
		delta.key.ip = ip_of(ip);
		cr_assert_eq(session_engine_apply(engine, at(10), at(10), &delta, &events), 0);
		cr_expect_eq(neighbour(40000, ip), i < PRESENCE_SIGNS_MAX);
		(void)neighbour(40000, "10.1.0.0");
	}
	cr_expect_eq(presence_n_signs(presence), (size_t)PRESENCE_SIGNS_MAX);
	cr_expect_eq(presence_n_dropped(presence), 10u);
	cr_expect_eq(judge(41000), (size_t)PRESENCE_SIGNS_MAX);
	cr_expect_eq(session_engine_n_online(engine), 10u);
	cr_expect_eq(presence_n_signs(presence), 0u);
}
