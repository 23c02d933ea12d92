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
	*out = engine;
	return 0;
}

static void session_free(struct session *session)
{
	session_record_clean(&session->record);
	free(session);
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
		session_free(session);
	}
	HASH_ITER (hh, engine->clients, client, next_client) {
		HASH_DEL(engine->clients, client);
		free(client);
	}
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
	if (client->n_sessions > 0 || client->is_waiting || !traffic_is_zero(&client->unclaimed) ||
	    client->unclaimed_version != client->unclaimed_saved_version)
		return;
	HASH_DEL(engine->clients, client);
	free(client);
}

static struct session *session_add(struct session_engine *engine, struct client *client, uint64_t seq)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->record.seq = seq;
	session->record.mac = client->mac;
	session->client = client;
	HASH_ADD(hh, engine->sessions, record.seq, sizeof(session->record.seq), session);
	if (!TABLE_HAS_ADDED(session, hh)) {
		free(session);
		return NULL;
	}
	client->online = session;
	client->n_sessions++;
	engine->n_online++;
	engine->n_unanswered++;
	return session;
}

void session_forget(struct session_engine *engine, struct session *session)
{
	struct client *client = session->client;

	assert(client->online != session);
	session_unmark_pending(engine, session);
	HASH_DEL(engine->sessions, session);
	client->n_sessions--;
	session_free(session);
	session_client_drop(engine, client);
}

static struct session *session_begin(struct session_engine *engine, struct client *client, struct instant start,
				     struct event_list *events)
{
	struct session *session = session_add(engine, client, engine->next_seq);
	struct session_record *record;

	if (!session)
		return NULL;
	engine->next_seq++;
	record = &session->record;
	record->start = start;
	record->last_seen = start;
	/* without memory for the names the session is kept all the same: octets go first */
	record->location_id = engine->rules.location_id ? strdup(engine->rules.location_id) : NULL;
	record->location_name = engine->rules.location_name ? strdup(engine->rules.location_name) : NULL;
	session_wait_end(engine, client, session);
	session_mark_transition(engine, session);
	(void)event_list_append(
		events, (struct event){.kind = EVENT_SESSION_ONLINE, .session_seq = record->seq, .at = record->start});
	return session;
}

void session_close_record(struct session_record *record, struct instant end, enum end_cause cause)
{
	if (end.mono_ns < record->start.mono_ns)
		end = record->start;
	record->end = end;
	record->duration_ns = end.mono_ns - record->start.mono_ns;
	record->cause = cause;
}

static void session_finish(struct session_engine *engine, struct session *session, struct instant end,
			   enum end_cause cause, struct event_list *events)
{
	session_address_release(engine, session);
	session->client->online = NULL;
	engine->n_online--;
	session_mark_answered(engine, session);
	session_close_record(&session->record, end, cause);
	session_mark_transition(engine, session);
	(void)event_list_append(events, (struct event){.kind = EVENT_SESSION_OFFLINE,
						       .session_seq = session->record.seq,
						       .at = session->record.end});
}

static void clear_unclaimed(struct client *client)
{
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
	clear_unclaimed(client);
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
	       seen.mono_ns - session->record.last_seen.mono_ns >= engine->rules.idle_timeout_ns;
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
		(void)event_list_append(
			events, (struct event){.kind = EVENT_SESSION_UPDATED, .session_seq = record->seq, .at = seen});
}

int session_engine_apply(struct session_engine *engine, struct instant now, struct instant seen,
			 const struct ledger_delta *delta, struct event_list *events)
{
	struct client *client = session_client_get(engine, &delta->key.mac);
	bool is_stray, wants_session;
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
	is_stray = is_astray(client, delta);
	wants_session = !session && !is_stray && (delta->traffic.up_packets > 0 || client->is_waiting);
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
	else
		leave_unclaimed(engine, client, delta);
	session_client_drop(engine, client);
	return 0;
}

static void restamp(struct instant *instant, int64_t offset_ns)
{
	instant->wall_ns = instant->mono_ns + offset_ns;
}

/* After a step of the wall clock: what happened when, by the clock that did not step. */
static bool restamp_session(struct session_record *record, struct instant now)
{
	int64_t offset_ns = now.wall_ns - now.mono_ns;
	int64_t error_ns = record->start.wall_ns - record->start.mono_ns - offset_ns;

	if (error_ns > -WALL_STEP_NS && error_ns < WALL_STEP_NS)
		return false;
	restamp(&record->start, offset_ns);
	restamp(&record->last_seen, offset_ns);
	for (size_t i = 0; i < record->n_addresses; i++) {
		restamp(&record->addresses[i].since, offset_ns);
		restamp(&record->addresses[i].last, offset_ns);
	}
	if (!session_record_is_online(record))
		restamp(&record->end, offset_ns);
	return true;
}

/* What two collections ago could not be claimed never will be: it is nobody's, and its MAC need not be known for it. */
static void forget_unclaimed(struct session_engine *engine)
{
	struct client *client, *next;

	HASH_ITER (hh, engine->clients, client, next) {
		if (traffic_is_zero(&client->unclaimed) || client->unclaimed_round + 2 > engine->round)
			continue;
		clear_unclaimed(client);
		session_client_drop(engine, client);
	}
}

void session_engine_tick(struct session_engine *engine, struct instant now, struct event_list *events)
{
	struct session *session, *next;

	engine->round++;
	session_wait_tick(engine, now);
	forget_unclaimed(engine);
	HASH_ITER (hh, engine->sessions, session, next) {
		struct session_record *record = &session->record;

		if (restamp_session(record, now)) {
			session_mark_transition(engine, session);
			(void)event_list_append(
				events,
				(struct event){.kind = EVENT_SESSION_UPDATED, .session_seq = record->seq, .at = now});
		}
		if (session_record_is_online(record) &&
		    now.mono_ns - record->last_seen.mono_ns >= engine->rules.idle_timeout_ns)
			session_finish(engine, session, record->last_seen, END_CAUSE_IDLE_TIMEOUT, events);
	}
}

int session_engine_end(struct session_engine *engine, uint64_t seq, struct instant at, enum end_cause cause,
		       struct event_list *events)
{
	struct session *session;

	HASH_FIND(hh, engine->sessions, &seq, sizeof(seq), session);
	if (!session || !session_record_is_online(&session->record))
		return -ENOENT;
	session_finish(engine, session, at, cause, events);
	return 0;
}

int session_engine_resume(struct session_engine *engine, const struct session_record *record)
{
	struct client *client = session_client_get(engine, &record->mac);
	struct session *session;

	if (!client)
		return -ENOMEM;
	if (client->online)
		return -EEXIST;
	session = session_add(engine, client, record->seq);
	if (!session || session_record_copy(&session->record, record))
		return -ENOMEM;
	if (record->traffic.down_packets > 0)
		session_mark_answered(engine, session);
	session_address_resume(engine, session);
	if (engine->next_seq <= record->seq)
		engine->next_seq = record->seq + 1;
	return 0;
}

int session_engine_resume_unclaimed(struct session_engine *engine, const struct mac_addr *mac,
				    const struct traffic *traffic)
{
	struct client *client = session_client_get(engine, mac);

	if (!client)
		return -ENOMEM;
	client->unclaimed = *traffic;
	traffic_add(&engine->unclaimed, traffic);
	return 0;
}

const struct session_record *session_engine_by_mac(const struct session_engine *engine, const struct mac_addr *mac)
{
	const struct client *client = session_client_find(engine, mac);

	return client && client->online ? &client->online->record : NULL;
}

const struct session_record *session_engine_by_seq(const struct session_engine *engine, uint64_t seq)
{
	const struct session *session;

	HASH_FIND(hh, engine->sessions, &seq, sizeof(seq), session);
	return session ? &session->record : NULL;
}

size_t session_engine_n_online(const struct session_engine *engine)
{
	return engine->n_online;
}

struct traffic session_engine_unclaimed(const struct session_engine *engine)
{
	return engine->unclaimed;
}
