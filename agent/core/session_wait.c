/* SPDX-License-Identifier: MIT */
#include "core/session_private.h"

bool session_must_wait(const struct session_engine *engine, const struct client *client,
		       const struct ledger_delta *delta)
{
	const struct session_rules *rules = &engine->rules;
	const bool is_answered = delta->traffic.down_packets > 0 || client->waiting.down_packets > 0;

	if (rules->max_online > 0 && engine->n_online >= rules->max_online)
		return true;
	/* a portal has answered who has logged in */
	return rules->max_unanswered > 0 && !is_answered && !client->login &&
	       engine->n_unanswered >= rules->max_unanswered;
}

void session_wait(struct session_engine *engine, struct client *client, struct instant seen,
		  const struct ledger_delta *delta)
{
	traffic_add(&engine->unclaimed, &delta->traffic);
	if (!client->is_waiting) {
		if (engine->n_waiting >= engine->rules.max_online && engine->rules.max_online > 0)
			return;
		client->is_waiting = true;
		client->waiting_since = seen;
		client->waiting_seen = seen;
		engine->n_waiting++;
	}
	traffic_add(&client->waiting, &delta->traffic);
	if (delta->has_up && client->waiting_seen.mono_ns < seen.mono_ns)
		client->waiting_seen = seen;
}

static void stop_waiting(struct session_engine *engine, struct client *client)
{
	client->is_waiting = false;
	client->waiting = (struct traffic){0};
	engine->n_waiting--;
}

void session_wait_give_up(struct session_engine *engine, struct client *client)
{
	if (client->is_waiting)
		stop_waiting(engine, client);
}

void session_wait_end(struct session_engine *engine, struct client *client, struct session *session)
{
	struct session_record *record = &session->record;

	if (!client->is_waiting)
		return;
	traffic_add(&record->traffic, &client->waiting);
	traffic_subtract(&engine->unclaimed, &client->waiting);
	if (client->waiting_seen.mono_ns > record->last_seen.mono_ns)
		record->last_seen = client->waiting_seen;
	if (client->waiting.down_packets > 0)
		session_mark_answered(engine, session);
	stop_waiting(engine, client);
}

/* Whoever waits is about to be answered, or was invented: of the latter there may be very many. */
#define WAITING_SILENCE_NS (10 * NS_PER_S)

void session_wait_tick(struct session_engine *engine, struct instant now)
{
	const int64_t idle_ns = engine->rules.idle_timeout_ns;
	const int64_t silence_ns = idle_ns < WAITING_SILENCE_NS ? idle_ns : WAITING_SILENCE_NS;
	struct client *client, *next;

	if (engine->n_waiting == 0)
		return;
	HASH_ITER (hh, engine->clients, client, next) {
		if (!client->is_waiting)
			continue;
		(void)session_restamp(&client->waiting_since, now);
		(void)session_restamp(&client->waiting_seen, now);
		if (now.mono_ns - client->waiting_seen.mono_ns < silence_ns)
			continue;
		stop_waiting(engine, client);
		session_client_drop(engine, client);
	}
}

void session_mark_answered(struct session_engine *engine, struct session *session)
{
	if (session->is_answered)
		return;
	session->is_answered = true;
	engine->n_unanswered--;
}

bool session_engine_is_settled(const void *context, const struct mac_addr *mac)
{
	const struct client *client = session_client_find(context, mac);

	return !client || session_client_is_in_scope(client, SESSION_SCOPE_ALL);
}

bool session_engine_is_answered(const struct session_engine *engine, const struct mac_addr *mac)
{
	const struct client *client = session_client_find(engine, mac);

	return client && client->online && client->online->is_answered;
}

size_t session_engine_n_waiting(const struct session_engine *engine)
{
	return engine->n_waiting;
}
