/* SPDX-License-Identifier: MIT */
/*
 * Whatever happens to a hotspot in whatever order: after each step the octets are where they belong, and sessions,
 * logins and addresses are as unit/property.h says. A hundred thousand steps in all; a failure names its seed and step,
 * and OCTET_PROPERTY_SEED=n runs another seed under all rules.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/property.h"
#include "unit/scarce.h"

#define N_STEPS 10000

static void starve(size_t n)
{
	scarce_n_left = n;
}

static size_t any_mac(struct world *world)
{
	return world_draw(world, N_MACS);
}

/* ---- one kind of step each */

static void step_send(struct world *world)
{
	const size_t mac = any_mac(world);
	/* mostly one of few that are its own, now and then anybody's */
	const size_t ip = world_draw(world, 8) ? (mac * 2 + world_draw(world, 3)) % N_IPS : world_draw(world, N_IPS);
	const uint64_t kind = world_draw(world, 4);

	world_count(world, mac, ip, kind > 0 ? 1 + world_draw(world, 1500) : 0,
		    kind != 1 ? 1 + world_draw(world, 20000) : 0);
}

static void step_arp(struct world *world)
{
	world_arp(world, any_mac(world));
}

static void step_collect(struct world *world)
{
	world_collect(world, true);
}

static void step_arrivals(struct world *world)
{
	world_collect(world, false);
}

static void step_retire(struct world *world)
{
	world_retire(world);
}

static void step_flush_begin(struct world *world)
{
	world_flush_begin(world, world_draw(world, 3) == 0);
}

static void step_flush_end(struct world *world)
{
	world_flush_end(world, world_draw(world, 8) == 0);
}

static struct login_limits any_limits(struct world *world)
{
	struct login_limits limits = {0};

	if (world_draw(world, 3) == 0)
		limits.session_timeout_ns = (1 + (int64_t)world_draw(world, 200)) * NS_PER_S;
	if (world_draw(world, 4) == 0)
		limits.idle_timeout_ns = (1 + (int64_t)world_draw(world, 90)) * NS_PER_S;
	if (world_draw(world, 4) == 0)
		limits.max_bytes_total = 1 + world_draw(world, 200000);
	if (world_draw(world, 6) == 0)
		limits.max_bytes_down = 1 + world_draw(world, 150000);
	if (world_draw(world, 6) == 0)
		limits.max_bytes_up = 1 + world_draw(world, 10000);
	return limits;
}

static void check_login(struct world *world, int r, uint64_t seq, const struct mac_addr *mac,
			const struct session_record *before, const struct ip_addr *held)
{
	const struct session_record *online = session_engine_by_mac(world->engine, mac);
	const struct ip_addr nothing = {{0}};

	if (r == LOGIN_BEGUN) {
		ENSURE(world, online && online->seq == seq, "login %lu: no session", seq);
		ENSURE(world, online->start.mono_ns == world->mono_ns && traffic_is_zero(&online->traffic),
		       "login %lu: got what was before it", seq);
		if (ip_compare(held, &nothing) != 0) {
			const struct session_record *holder = session_engine_by_ip(world->engine, held);

			ENSURE(world, holder && holder->seq == seq, "login %lu: its address is not carried", seq);
		}
	} else if (r == LOGIN_WAITS) {
		ENSURE(world, !online && session_engine_waiting_login(world->engine, seq), "login %lu: not waiting",
		       seq);
	} else if (r == LOGIN_OVER) {
		ENSURE(world, online == before && (!online || online->seq != seq),
		       "login %lu: over, and opens something", seq);
	} else {
		ENSURE(world, r == LOGIN_KNOWN && online == before && (!online || online->seq == seq),
		       "login %lu: known, and something has changed", seq);
	}
	world->counts.n_logins[r]++;
}

static void step_login(struct world *world)
{
	const struct mac_addr mac = world_mac(any_mac(world));
	char username[16], external_id[16];
	struct login login = {
		.mac = mac,
		.identity.username = username,
		.external_id = world_draw(world, 2) ? external_id : NULL,
		.limits = any_limits(world),
	};
	const struct session_record *before;
	struct ip_addr held = {{0}};
	uint64_t seq = 0;
	int r;

	(void)snprintf(username, sizeof(username), "u%lu", world_draw(world, 3));
	(void)snprintf(external_id, sizeof(external_id), "e%lu", world_draw(world, 3));
	if (!login.external_id && world_draw(world, 2))
		login.limits = (struct login_limits){0};
	if (world_draw(world, 4) == 0)
		login.ip = world_ip(1 + world_draw(world, N_IPS - 1));
	if (world_draw(world, 6) == 0)
		login.location_id = "elsewhere";
	world_collect(world, true);
	before = session_engine_by_mac(world->engine, &mac);
	for (size_t i = 0; before && i < before->n_addresses; i++)
		if (session_engine_by_ip(world->engine, &before->addresses[i].ip) == before)
			held = before->addresses[i].ip;
	r = session_engine_login(world->engine, world_now(world), &login, &world->events, &seq);
	world_note_events(world);
	if (r == -ENOSPC) {
		ENSURE(world,
		       world->rules.max_online > 0 &&
			       session_engine_n_logins(world->engine) >= 2 * world->rules.max_online,
		       "login: refused with %zu of them", session_engine_n_logins(world->engine));
		return;
	}
	ENSURE(world, r >= 0, "login: %d", r);
	check_login(world, r, seq, &mac, before, &held);
}

/* A session on line, or a login that waits. */
static uint64_t any_seq(struct world *world)
{
	const struct mac_addr mac = world_mac(any_mac(world));
	const struct session_record *online = session_engine_by_mac(world->engine, &mac);
	const struct login *login = session_engine_login_of(world->engine, &mac);

	if (online)
		return online->seq;
	return login ? login->seq : 1 + world_draw(world, 50);
}

static void step_change(struct world *world)
{
	char name[16];
	struct login_change change = {
		.identity.name = name,
		.identity_sets = world_draw(world, 2) ? 1u << IDENTITY_NAME : 0,
		.limits = any_limits(world),
		.limit_sets = (unsigned int)world_draw(world, 1u << LOGIN_N_LIMITS),
	};
	const uint64_t seq = any_seq(world);
	int r;

	(void)snprintf(name, sizeof(name), "n%lu", world_draw(world, 3));
	world_collect(world, true);
	r = session_engine_change(world->engine, world_now(world), seq, &change, &world->events);
	ENSURE(world, r == 0 || r == -ENOENT, "change: %d", r);
	world_note_events(world);
}

static void step_forget(struct world *world)
{
	static const struct identity nobody;
	const uint64_t seq = any_seq(world);
	const struct session_record *record = session_engine_by_seq(world->engine, seq);
	const struct mac_addr mac = record ? record->mac : world_mac(0);
	const struct login *login = record ? session_engine_login_of(world->engine, &mac)
					   : session_engine_waiting_login(world->engine, seq);
	const int r = session_engine_forget_person(world->engine, world_now(world), seq, &world->events);

	ENSURE(world, r == (record || login ? 0 : -ENOENT), "forget: %d", r);
	ENSURE(world, !record || identity_is_equal(&record->identity, &nobody), "session %lu: is remembered", seq);
	/* of a session that has ended it may be another's, or in use by a later one */
	if (login && record && !session_record_is_online(record) &&
	    (login->at.mono_ns > record->start.mono_ns || login->until.mono_ns == 0))
		login = NULL;
	ENSURE(world, !login || (identity_is_equal(&login->identity, &nobody) && !login->external_id),
	       "login of session %lu: is remembered", seq);
	world_note_events(world);
}

static void step_end(struct world *world)
{
	static const enum end_cause causes[] = {END_CAUSE_USER_REQUEST, END_CAUSE_LOST_CARRIER, END_CAUSE_ADMIN_RESET};
	const uint64_t seq = any_seq(world);
	const enum end_cause cause = causes[world_draw(world, ARRAY_LENGTH(causes))];
	const bool is_for_good = world_draw(world, 3) == 0;
	const struct session_record *record;
	int r;

	world_collect(world, true);
	r = (is_for_good ? session_engine_end_for_good : session_engine_end)(world->engine, seq, world_now(world),
									     cause, &world->events);
	ENSURE(world, r == 0 || r == -ENOENT, "end: %d", r);
	record = r == 0 ? session_engine_by_seq(world->engine, seq) : NULL;
	ENSURE(world, !is_for_good || !record || !session_engine_login_of(world->engine, &record->mac),
	       "session %lu: its login is there", seq);
	world_note_events(world);
}

static void step_name(struct world *world)
{
	static const char *const names[] = {NULL, "phone", "tablet"};
	const struct mac_addr mac = world_mac(any_mac(world));
	size_t n_names = 0;
	int r;

	for (size_t i = 0; i < N_MACS; i++) {
		const struct mac_addr other = world_mac(i);

		n_names += session_engine_host_name(world->engine, &other) != NULL;
	}
	r = session_engine_name_device(world->engine, world_now(world), &mac,
				       names[world_draw(world, ARRAY_LENGTH(names))], &world->events);
	ENSURE(world, r == 0 || (r == -ENOSPC && world->rules.max_online > 0 && n_names >= 2 * world->rules.max_online),
	       "name: %d with %zu of them", r, n_names);
	world_note_events(world);
}

static void step_wall_clock(struct world *world)
{
	const int64_t step_ns = (1 + (int64_t)world_draw(world, 7200)) * NS_PER_S;

	world->is_stamped = false;
	world->counts.n_steps_of_clock++;
	if (world->is_trusted) {
		world->wall_offset_ns += world_draw(world, 2) ? step_ns : -step_ns;
		return;
	}
	world->wall_offset_ns = WORLD_LATER_S * NS_PER_S + step_ns;
	world->is_trusted = true;
	session_engine_trust_clock(world->engine, true);
}

static void step_suspend(struct world *world)
{
	const int64_t slept_ns = (int64_t)world_draw(world, 100) * NS_PER_S;

	world->mono_ns += slept_ns;
	world->suspended_ns += slept_ns;
}

static void step_silence(struct world *world)
{
	world->mono_ns += (int64_t)world_draw(world, 150) * NS_PER_S;
}

static void step_replay(struct world *world)
{
	world_collect(world, true);
	world_flush(world);
	world_check_replay(world);
}

static void step_restart(struct world *world)
{
	static const enum restart kinds[] = {RESTART_CLEAN, RESTART_CLEAN,      RESTART_CRASH, RESTART_CRASH,
					     RESTART_CRASH, RESTART_TABLE_LOST, RESTART_REBOOT};

	world_restart(world, kinds[world_draw(world, ARRAY_LENGTH(kinds))]);
}

/* How often a step of each kind is taken, out of all. */
static const struct {
	const char *name;
	void (*take)(struct world *world);
	unsigned int weight;
} kinds_of_step[] = {
	{"send", step_send, 400},           {"arp", step_arp, 30},         {"collect", step_collect, 150},
	{"arrivals", step_arrivals, 40},    {"retire", step_retire, 20},   {"flush begins", step_flush_begin, 70},
	{"flush ends", step_flush_end, 70}, {"login", step_login, 60},     {"change", step_change, 15},
	{"forget", step_forget, 5},         {"end", step_end, 15},         {"name", step_name, 10},
	{"wall clock", step_wall_clock, 5}, {"suspend", step_suspend, 4},  {"silence", step_silence, 15},
	{"replay", step_replay, 10},        {"restart", step_restart, 10},
};

static void take_step(struct world *world)
{
	unsigned int sum = 0, drawn;
	size_t i = 0;

	for (size_t k = 0; k < ARRAY_LENGTH(kinds_of_step); k++)
		sum += kinds_of_step[k].weight;
	drawn = (unsigned int)world_draw(world, sum);
	while (drawn >= kinds_of_step[i].weight)
		drawn -= kinds_of_step[i++].weight;
	world->mono_ns += 1 + (int64_t)world_draw(world, 2 * NS_PER_S);
	world->action = kinds_of_step[i].name;
	kinds_of_step[i].take(world);
	world->counts.n_waited += session_engine_n_waiting(world->engine) > 0;
	world->counts.n_strangers += session_engine_n_unauthenticated(world->engine) > 0;
	world_check(world);
}

/* ---- under several rules */

struct run {
	uint64_t seed;
	struct session_rules rules;
};

static struct run runs[] = {
	{1, {.start = SESSION_START_TRAFFIC, .idle_timeout_ns = 60 * NS_PER_S, .relogin_ns = 120 * NS_PER_S}},
	{2, {.start = SESSION_START_TRAFFIC, .idle_timeout_ns = 30 * NS_PER_S, .relogin_ns = 0}},
	{3, {.start = SESSION_START_TRAFFIC, .max_online = 6, .relogin_ns = 300 * NS_PER_S}},
	{4, {.start = SESSION_START_TRAFFIC, .max_online = 8, .max_unanswered = 3, .relogin_ns = 40 * NS_PER_S}},
	{5, {.start = SESSION_START_TRAFFIC, .max_unanswered = 2, .relogin_ns = 120 * NS_PER_S}},
	{6, {.start = SESSION_START_LOGIN, .idle_timeout_ns = 60 * NS_PER_S, .relogin_ns = 120 * NS_PER_S}},
	{7, {.start = SESSION_START_LOGIN, .idle_timeout_ns = 30 * NS_PER_S, .relogin_ns = 0}},
	{8, {.start = SESSION_START_LOGIN, .max_online = 4, .relogin_ns = 300 * NS_PER_S}},
	{9, {.start = SESSION_START_LOGIN, .max_online = 3, .max_unanswered = 2, .relogin_ns = 40 * NS_PER_S}},
	{10, {.start = SESSION_START_TRAFFIC, .idle_timeout_ns = 20 * NS_PER_S, .relogin_ns = 3600 * NS_PER_S}},
};

ParameterizedTestParameters(session_property, whatever_happens_every_octet_is_in_one_place)
{
	return cr_make_param_array(struct run, runs, ARRAY_LENGTH(runs));
}

/* A run in which something never happened has shown nothing about it. */
static void check_counts(const struct world *world, const struct session_rules *rules)
{
	const struct world_counts *counts = &world->counts;
	const bool is_by_login = rules->start == SESSION_START_LOGIN;

	for (enum end_cause cause = 0; cause <= END_CAUSE_PORT_PREEMPTED; cause++)
		if (end_cause_name(cause) && cause != END_CAUSE_ADMIN_REBOOT)
			ENSURE(world, counts->n_ends[cause] > 0, "no end by %s", end_cause_name(cause));
	for (enum login_outcome outcome = 0; outcome <= LOGIN_OVER; outcome++)
		ENSURE(world, counts->n_logins[outcome] > 0, "no login with outcome %d", (int)outcome);
	ENSURE(world, rules->relogin_ns == 0 || counts->n_returns > 0, "nobody has come back");
	ENSURE(world, !is_by_login || counts->n_strangers > 0, "no strangers");
	ENSURE(world, (rules->max_online == 0 && (is_by_login || rules->max_unanswered == 0)) || counts->n_waited > 0,
	       "nobody had to wait");
	ENSURE(world,
	       counts->n_crashes > 0 && counts->n_clean_restarts > 0 && counts->n_reboots > 0 &&
		       counts->n_retired > 0 && counts->n_steps_of_clock > 0 && counts->n_starved > 0,
	       "something never happened");
}

ParameterizedTest(struct run *run, session_property, whatever_happens_every_octet_is_in_one_place)
{
	const char *seed = getenv("OCTET_PROPERTY_SEED");
	struct session_rules rules = run->rules;
	struct world world;

	if (rules.idle_timeout_ns == 0)
		rules.idle_timeout_ns = 60 * NS_PER_S;
	rules.login_wait_ns = 90 * NS_PER_S;
	rules.location_id = "L1";
	rules.location_name = "Lobby";
	world_init(&world, seed ? strtoull(seed, NULL, 0) : run->seed, &rules, starve);
	printf("seed %lu, %d steps\n", world.seed, N_STEPS);
	for (world.step = 1; world.step <= N_STEPS; world.step++)
		take_step(&world);
	if (!seed)
		check_counts(&world, &rules);
	world_clean(&world);
}
