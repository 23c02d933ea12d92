/* SPDX-License-Identifier: MIT */
/* Who sends without having logged in, when sessions begin by login only: listed apart, with its octets. */
#include <errno.h>
#include <stdlib.h>

#include "core/session_private.h"

bool session_is_stranger(const struct session_engine *engine, const struct client *client)
{
	return engine->rules.start == SESSION_START_LOGIN && !client->login;
}

static struct unauthenticated *stranger_get(struct session_engine *engine, struct client *client, struct instant seen)
{
	struct unauthenticated *stranger = client->stranger;

	if (stranger || (engine->rules.max_online > 0 && engine->n_strangers >= engine->rules.max_online))
		return stranger;
	stranger = calloc(1, sizeof(*stranger));
	if (!stranger)
		return NULL;
	stranger->mac = client->mac;
	stranger->first_seen = seen;
	stranger->last_seen = seen;
	client->stranger = stranger;
	engine->n_strangers++;
	return stranger;
}

void session_stranger_book(struct session_engine *engine, struct client *client, struct instant seen,
			   const struct ledger_delta *delta)
{
	struct unauthenticated *stranger = stranger_get(engine, client, seen);

	traffic_add(&engine->unauthenticated, &delta->traffic);
	if (!stranger)
		return;
	traffic_add(&stranger->traffic, &delta->traffic);
	if (delta->has_up && stranger->last_seen.mono_ns < seen.mono_ns)
		stranger->last_seen = seen;
	if (delta->traffic.up_packets > 0 && ip_is_assignable(&delta->key.ip))
		stranger->ip = delta->key.ip;
	session_mark_stranger(engine, client);
}

void session_stranger_end(struct session_engine *engine, struct client *client)
{
	if (!client->stranger)
		return;
	free(client->stranger);
	client->stranger = NULL;
	session_mark_stranger(engine, client);
	engine->n_strangers--;
}

static void restamp(struct instant *instant, struct instant now)
{
	instant->wall_ns = now.wall_ns - (now.mono_ns - instant->mono_ns);
}

void session_stranger_tick(struct session_engine *engine, struct instant now)
{
	struct client *client, *next;

	if (engine->n_strangers == 0)
		return;
	HASH_ITER (hh, engine->clients, client, next) {
		struct unauthenticated *stranger = client->stranger;

		if (!stranger)
			continue;
		/* whatever the wall clock has done */
		restamp(&stranger->first_seen, now);
		restamp(&stranger->last_seen, now);
		if (now.mono_ns - stranger->last_seen.mono_ns < engine->rules.idle_timeout_ns)
			continue;
		session_stranger_end(engine, client);
		session_client_drop(engine, client);
	}
}

void session_engine_each_unauthenticated(const struct session_engine *engine,
					 void (*visit)(void *context, const struct unauthenticated *device),
					 void *context)
{
	const struct client *client, *next;

	if (engine->n_strangers == 0)
		return;
	HASH_ITER (hh, engine->clients, client, next)
		if (client->stranger)
			visit(context, client->stranger);
}

size_t session_engine_n_unauthenticated(const struct session_engine *engine)
{
	return engine->n_strangers;
}

struct traffic session_engine_unauthenticated(const struct session_engine *engine)
{
	return engine->unauthenticated;
}
