/* SPDX-License-Identifier: MIT */
/* Logins that are over and remembered by the portal's name for them: said again, they open nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/session_private.h"

void session_spent_drop(struct session_engine *engine, struct client *client)
{
	if (!client->spent)
		return;
	login_clean(client->spent);
	free(client->spent);
	client->spent = NULL;
	DL_DELETE2(engine->with_spent, client, spent_prev, spent_next);
	engine->n_spent--;
	session_mark_login(engine, client);
}

/* The one that was spent first gives way. */
static void make_room(struct session_engine *engine)
{
	struct client *oldest = engine->with_spent;

	if (engine->rules.max_online == 0 || engine->n_spent < LOGINS_PER_SESSION * engine->rules.max_online)
		return;
	session_spent_drop(engine, oldest);
	session_client_drop(engine, oldest);
}

void session_spent_put(struct session_engine *engine, struct client *client, struct login *login, struct instant until)
{
	session_spent_drop(engine, client);
	identity_clean(&login->identity);
	free(login->location_id);
	login->location_id = NULL;
	if (!login->external_id) {
		free(login);
		return;
	}
	make_room(engine);
	login->is_over = true;
	login->until = until;
	client->spent = login;
	DL_APPEND2(engine->with_spent, client, spent_prev, spent_next);
	engine->n_spent++;
	session_mark_login(engine, client);
}

const struct login *session_spent_find(const struct client *client, const struct login *login)
{
	const struct login *spent = client->spent;

	return spent && login->external_id && strcmp(spent->external_id, login->external_id) == 0 ? spent : NULL;
}

void session_spent_forget(struct session_engine *engine, uint64_t seq)
{
	struct client *client, *next;

	/* rare, and by no key of the list */
	DL_FOREACH_SAFE2(engine->with_spent, client, next, spent_next)
	{
		if (client->spent->seq != seq)
			continue;
		session_spent_drop(engine, client);
		session_client_drop(engine, client);
	}
}

void session_spent_tick(struct session_engine *engine, struct instant now)
{
	struct client *client, *next;

	DL_FOREACH_SAFE2(engine->with_spent, client, next, spent_next)
	{
		if (session_restamp(&client->spent->until, now))
			session_mark_login(engine, client);
		if (now.mono_ns < client->spent->until.mono_ns)
			continue;
		session_spent_drop(engine, client);
		session_client_drop(engine, client);
	}
}

int session_engine_spend_login(struct session_engine *engine, struct instant now, const struct mac_addr *mac,
			       const char *external_id)
{
	struct client *client = session_client_get(engine, mac);
	struct login *login;

	if (!client)
		return -ENOMEM;
	if (session_spent_find(client, &(struct login){.external_id = (char *)external_id}))
		return 0;
	login = calloc(1, sizeof(*login));
	if (login)
		login->external_id = strdup(external_id);
	if (!login || !login->external_id) {
		free(login);
		session_client_drop(engine, client);
		return -ENOMEM;
	}
	login->mac = *mac;
	login->at = now;
	session_spent_put(engine, client, login, session_later(now, engine->rules.login_wait_ns));
	return 0;
}
