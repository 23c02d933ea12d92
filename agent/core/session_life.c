/* SPDX-License-Identifier: MIT */
/* How a session begins and ends. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/session_private.h"

void session_report(struct event_list *events, enum event_kind kind, const struct session *session, struct instant at)
{
	/* without memory for an event the session is as it is all the same */
	(void)event_list_append(events, (struct event){.kind = kind, .session_seq = session->record.seq, .at = at});
}

struct session *session_add(struct session_engine *engine, struct client *client, uint64_t seq)
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
	if (session->is_kept)
		engine->n_kept--;
	session_unmark_pending(engine, session);
	HASH_DEL(engine->sessions, session);
	client->n_sessions--;
	session_record_clean(&session->record);
	free(session);
	session_client_drop(engine, client);
}

/* The number that was promised to a login, or the next one. */
static uint64_t take_seq(struct session_engine *engine, const struct client *client)
{
	const struct login *login = client->login;

	return login && login->seq > 0 ? login->seq : engine->next_seq++;
}

/* Without memory for the names the session is kept all the same: octets go first. */
static void name_place(const struct session_rules *rules, const struct login *login, struct session_record *record)
{
	const char *id = login && login->location_id ? login->location_id : rules->location_id;
	const bool is_here = text_is_equal(id, rules->location_id);

	(void)text_copy(&record->location_id, id);
	(void)text_copy(&record->location_name, is_here ? rules->location_name : NULL);
}

struct session *session_begin(struct session_engine *engine, struct client *client, struct instant start,
			      struct event_list *events)
{
	struct session *session = session_add(engine, client, take_seq(engine, client));
	struct session_record *record;

	if (!session)
		return NULL;
	/* what is read after a login came after it */
	if (client->login && start.mono_ns < client->login->at.mono_ns)
		start = client->login->at;
	record = &session->record;
	record->start = start;
	record->last_seen = start;
	name_place(&engine->rules, client->login, record);
	(void)session_describe(client, record);
	session_login_begin(engine, client);
	session_stranger_end(engine, client);
	session_wait_end(engine, client, session);
	session_mark_transition(engine, session);
	session_report(events, EVENT_SESSION_ONLINE, session, record->start);
	session_limit_note(engine, session, start);
	return session;
}

bool session_restamp_record(struct session_record *record, struct instant now)
{
	if (!session_restamp(&record->start, now))
		return false;
	(void)session_restamp(&record->last_seen, now);
	for (size_t i = 0; i < record->n_addresses; i++) {
		(void)session_restamp(&record->addresses[i].since, now);
		(void)session_restamp(&record->addresses[i].last, now);
	}
	if (!session_record_is_online(record))
		(void)session_restamp(&record->end, now);
	return true;
}

void session_close_record(struct session_record *record, struct instant end, enum end_cause cause)
{
	if (end.mono_ns < record->start.mono_ns)
		end = record->start;
	record->end = end;
	record->duration_ns = end.mono_ns - record->start.mono_ns;
	record->cause = cause;
}

void session_finish(struct session_engine *engine, struct session *session, struct instant end, enum end_cause cause,
		    struct event_list *events)
{
	struct client *client = session->client;

	session_address_release(engine, session);
	session_limit_leave(engine, session);
	client->online = NULL;
	engine->n_online--;
	session_mark_answered(engine, session);
	/* the wall clock may have stepped since the last tick, and what has ended is stamped no more */
	(void)session_restamp_record(&session->record, end);
	session_close_record(&session->record, end, cause);
	session_login_end(engine, client, &session->record);
	session_mark_transition(engine, session);
	session_report(events, EVENT_SESSION_OFFLINE, session, session->record.end);
}
