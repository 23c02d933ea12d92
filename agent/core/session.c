/* SPDX-License-Identifier: MIT */
#include "core/session.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/session_private.h"
#include "octet/abi.h"

/* A step of the wall clock is a change of its distance to the monotonic clock; slewing moves both alike. */
#define WALL_STEP_NS (NS_PER_S / 2)

int session_engine_new(const struct session_rules *rules, uint64_t next_seq, struct session_engine **out)
{
	struct session_engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return -ENOMEM;
	engine->rules = *rules;
	engine->next_seq = next_seq;
	engine->round = 1;
	engine->whole_due_ns = INT64_MAX;
	*out = engine;
	return 0;
}

static void client_free(struct session_engine *engine, struct client *client)
{
	HASH_DEL(engine->clients, client);
	if (client->login)
		login_clean(client->login);
	if (client->spent)
		login_clean(client->spent);
	free(client->login);
	free(client->spent);
	free(client->host_name);
	free(client->stranger);
	free(client);
}

void session_engine_free(struct session_engine **engine_pointer)
{
	struct session_engine *engine = *engine_pointer;
	struct session *session, *next_session;
	struct client *client, *next_client;
	struct binding *binding, *next_binding;

	if (!engine)
		return;
	HASH_ITER (hh, engine->bindings, binding, next_binding) {
		HASH_DEL(engine->bindings, binding);
		free(binding);
	}
	HASH_ITER (hh, engine->sessions, session, next_session) {
		HASH_DEL(engine->sessions, session);
		session_record_clean(&session->record);
		free(session);
	}
	HASH_CLEAR(hh_login, engine->by_login_seq);
	HASH_ITER (hh, engine->clients, client, next_client)
		client_free(engine, client);
	free(engine);
	*engine_pointer = NULL;
}

struct client *session_client_find(const struct session_engine *engine, const struct mac_addr *mac)
{
	struct client *client;

	HASH_FIND(hh, engine->clients, mac, sizeof(*mac), client);
	return client;
}

struct client *session_client_get(struct session_engine *engine, const struct mac_addr *mac)
{
	struct client *client = session_client_find(engine, mac);

	if (client)
		return client;
	client = calloc(1, sizeof(*client));
	if (!client)
		return NULL;
	client->mac = *mac;
	HASH_ADD(hh, engine->clients, mac, sizeof(client->mac), client);
	if (!TABLE_HAS_ADDED(client, hh)) {
		free(client);
		return NULL;
	}
	return client;
}

void session_client_drop(struct session_engine *engine, struct client *client)
{
	if (client->n_sessions > 0 || client->is_waiting || client->login || client->spent || client->host_name ||
	    client->stranger || !traffic_is_zero(&client->unclaimed) || !session_client_is_saved(client))
		return;
	client_free(engine, client);
}

struct session *session_find(const struct session_engine *engine, uint64_t seq)
{
	struct session *session;

	HASH_FIND(hh, engine->sessions, &seq, sizeof(seq), session);
	return session;
}

void session_forget_unclaimed(struct client *client)
{
	if (traffic_is_zero(&client->unclaimed))
		return;
	client->unclaimed = (struct traffic){0};
	client->unclaimed_version++;
}

/* What was sent no earlier than the session's first packet is the session's; anything older stays nobody's. */
static void claim(struct session_engine *engine, struct client *client, const struct ledger_delta *first,
		  struct session_record *record)
{
	if (traffic_is_zero(&client->unclaimed))
		return;
	if (client->unclaimed_last_ns >= first->last_up_ns) {
		traffic_add(&record->traffic, &client->unclaimed);
		traffic_subtract(&engine->unclaimed, &client->unclaimed);
	}
	session_forget_unclaimed(client);
}

/* Only the latest collection's octets can still be claimed; engine->unclaimed keeps the sum of all. */
static void leave_unclaimed(struct session_engine *engine, struct client *client, const struct ledger_delta *delta)
{
	if (traffic_is_zero(&delta->traffic))
		return;
	traffic_add(&engine->unclaimed, &delta->traffic);
	if (client->unclaimed_round != engine->round) {
		client->unclaimed = (struct traffic){0};
		client->unclaimed_last_ns = 0;
	}
	traffic_add(&client->unclaimed, &delta->traffic);
	if (client->unclaimed_last_ns < delta->last_down_ns)
		client->unclaimed_last_ns = delta->last_down_ns;
	client->unclaimed_round = engine->round;
	client->unclaimed_version++;
}

/* Where the guest is, by what it sends. */
static void note_place(struct client *client, const struct counter_key *key, uint32_t bridge, int64_t last_up_ns)
{
	if (last_up_ns < client->last_up_ns)
		return;
	if (client->ifindex != key->ifindex) {
		client->previous_ifindex = client->ifindex;
		client->there_since_ns = last_up_ns;
	}
	client->ifindex = key->ifindex;
	client->bridge = bridge;
	client->vlan = key->vlan & OCTET_VLAN_ID_MASK;
	client->last_up_ns = last_up_ns;
}

/*
 * Downlink on a port behind which the guest is not: a bridge floods frames to all its ports when it has forgotten where
 * a MAC is. The guest gets them once, where it is. What went to its previous port before it moved is its own.
 */
static bool is_astray(const struct client *client, const struct ledger_delta *delta)
{
	if (delta->has_up || delta->bridge == 0 || delta->bridge != client->bridge ||
	    delta->key.ifindex == client->ifindex || (delta->key.vlan & OCTET_VLAN_ID_MASK) != client->vlan)
		return false;
	return delta->key.ifindex != client->previous_ifindex || delta->last_down_ns > client->there_since_ns;
}

void session_engine_note_place(struct session_engine *engine, const struct counter_reading *reading)
{
	struct client *client = session_client_find(engine, &reading->key.mac);

	if (client && reading->last_up_ns > 0)
		note_place(client, &reading->key, reading->bridge, reading->last_up_ns);
}

/* It has been silent for so long that it was off line, and nobody has looked in between. */
static bool has_been_away(const struct session_engine *engine, const struct session *session, struct instant seen,
			  const struct ledger_delta *delta)
{
	return engine->round > 1 && delta->traffic.up_packets > 0 &&
	       seen.mono_ns - session->record.last_seen.mono_ns >= session_idle_timeout_ns(engine, session->client);
}

static void book(struct session_engine *engine, struct session *session, struct instant seen,
		 const struct ledger_delta *delta, struct event_list *events)
{
	struct session_record *record = &session->record;
	bool is_first = record->n_addresses == 0, has_changed = false;

	traffic_add(&record->traffic, &delta->traffic);
	if (delta->traffic.down_packets > 0)
		session_mark_answered(engine, session);
	if (delta->has_up && record->last_seen.mono_ns < seen.mono_ns)
		record->last_seen = seen;
	if (delta->traffic.up_packets > 0)
		has_changed = session_address_prove(engine, session, &delta->key.ip, seen);
	session_address_used(session, &delta->key.ip, &delta->traffic);
	record->primary_ip = session_record_choose_primary(record);
	session_mark_changed(session);
	if (!has_changed)
		return;
	/* whose an address is must survive a crash as a start does */
	session_mark_transition(engine, session);
	if (!is_first)
		session_report(events, EVENT_SESSION_UPDATED, session, seen);
}

int session_engine_apply(struct session_engine *engine, struct instant now, struct instant seen,
			 const struct ledger_delta *delta, struct event_list *events)
{
	struct client *client = session_client_get(engine, &delta->key.mac);
	bool is_stray, is_stranger, wants_session;
	struct session *session;

	if (!client) {
		traffic_add(&engine->unclaimed, &delta->traffic);
		return -ENOMEM;
	}
	if (seen.mono_ns > now.mono_ns)
		seen = now;
	if (delta->has_up)
		note_place(client, &delta->key, delta->bridge, delta->last_up_ns);
	session = client->online;
	if (session && has_been_away(engine, session, seen, delta)) {
		session_finish(engine, session, session->record.last_seen, END_CAUSE_IDLE_TIMEOUT, events);
		session = NULL;
	}
	if (!session && delta->has_up)
		(void)session_login_expire(engine, client, seen);
	is_stray = is_astray(client, delta);
	is_stranger = !session && session_is_stranger(engine, client);
	wants_session = !session && !is_stray && !is_stranger && (delta->traffic.up_packets > 0 || client->is_waiting);
	if (wants_session && !session_must_wait(engine, client, delta))
		session = session_begin(engine, client, client->is_waiting ? client->waiting_since : seen, events);
	if (session)
		claim(engine, client, delta, &session->record);
	if (is_stray)
		traffic_add(&engine->unclaimed, &delta->traffic);
	else if (session)
		book(engine, session, seen, delta, events);
	else if (wants_session)
		session_wait(engine, client, seen, delta);
	else if (is_stranger && (delta->traffic.up_packets > 0 || client->stranger))
		session_stranger_book(engine, client, seen, delta);
	else
		leave_unclaimed(engine, client, delta);
	session_client_drop(engine, client);
	return 0;
}

bool session_restamp(struct instant *instant, struct instant now)
{
	const int64_t offset_ns = now.wall_ns - now.mono_ns;
	const int64_t error_ns = instant->wall_ns - instant->mono_ns - offset_ns;

	if (error_ns > -WALL_STEP_NS && error_ns < WALL_STEP_NS)
		return false;
	instant->wall_ns = instant->mono_ns + offset_ns;
	return true;
}

/* What two collections ago could not be claimed never will be: it is nobody's, and its MAC need not be known for it. */
static void forget_unclaimed(struct session_engine *engine)
{
	struct client *client, *next;

	HASH_ITER (hh, engine->clients, client, next) {
		if (traffic_is_zero(&client->unclaimed) || client->unclaimed_round + 2 > engine->round)
			continue;
		session_forget_unclaimed(client);
		session_client_drop(engine, client);
	}
}

void session_engine_tick(struct session_engine *engine, struct instant now, struct event_list *events)
{
	struct session *session, *next;

	engine->round++;
	engine->whole_due_ns = INT64_MAX;
	session_wait_tick(engine, now);
	session_login_tick(engine, now);
	session_stranger_tick(engine, now);
	forget_unclaimed(engine);
	HASH_ITER (hh, engine->sessions, session, next) {
		if (session_restamp_record(&session->record, now)) {
			session_mark_transition(engine, session);
			session_report(events, EVENT_SESSION_UPDATED, session, now);
		}
		if (session_record_is_online(&session->record))
			session_limit_tick(engine, session, now, events);
		else if (session->is_kept && !engine->is_clock_doubtful && session->version == session->saved_version)
			session_forget(engine, session);
	}
}

void session_engine_trust_clock(struct session_engine *engine, bool is_trusted)
{
	engine->is_clock_doubtful = !is_trusted;
}

const struct session_record *session_engine_by_mac(const struct session_engine *engine, const struct mac_addr *mac)
{
	const struct client *client = session_client_find(engine, mac);

	return client && client->online ? &client->online->record : NULL;
}

const struct session_record *session_engine_by_seq(const struct session_engine *engine, uint64_t seq)
{
	const struct session *session = session_find(engine, seq);

	return session ? &session->record : NULL;
}

uint32_t session_engine_ifindex_of(const struct session_engine *engine, const struct mac_addr *mac)
{
	const struct client *client = session_client_find(engine, mac);

	return client ? client->ifindex : 0;
}

void session_engine_each_online(const struct session_engine *engine,
				void (*visit)(void *context, const struct session_record *record), void *context)
{
	const struct session *session, *next;

	HASH_ITER (hh, engine->sessions, session, next)
		if (session_record_is_online(&session->record))
			visit(context, &session->record);
}

size_t session_engine_n_online(const struct session_engine *engine)
{
	return engine->n_online;
}

struct traffic session_engine_unclaimed(const struct session_engine *engine)
{
	return engine->unclaimed;
}
