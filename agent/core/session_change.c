/* SPDX-License-Identifier: MIT */
/* What is said of sessions and devices after they have begun: other names and limits, no name any more, a host name. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/session_private.h"

static int change_login(struct login *login, const struct login_change *change)
{
	int r = identity_override(&login->identity, &change->identity, change->identity_sets);

	if (!r)
		login_limits_override(&login->limits, &change->limits, change->limit_sets);
	return r;
}

/* An anonymous session that is given a name or a limit: as if it had logged in when it began. */
static int give_login(struct session_engine *engine, struct session *session)
{
	struct login *login = calloc(1, sizeof(*login));

	if (!login)
		return -ENOMEM;
	login->mac = session->record.mac;
	login->at = session->record.start;
	login->seq = session->record.seq;
	login->has_begun = true;
	session_login_set(engine, session->client, login);
	return 0;
}

static void show_change(struct session_engine *engine, struct session *session, struct instant now,
			struct event_list *events)
{
	session_mark_transition(engine, session);
	session_report(events, EVENT_SESSION_UPDATED, session, now);
}

int session_engine_change(struct session_engine *engine, struct instant now, uint64_t seq,
			  const struct login_change *change, struct event_list *events)
{
	struct session *session = session_find(engine, seq);
	struct client *waiting = session ? NULL : session_login_find_waiting(engine, seq);
	int r = 0;

	if (waiting) {
		session_mark_login(engine, waiting);
		return change_login(waiting->login, change);
	}
	if (!session || !session_record_is_online(&session->record))
		return -ENOENT;
	if (!session->client->login)
		r = give_login(engine, session);
	if (!r)
		r = change_login(session->client->login, change);
	if (!r)
		r = session_describe(session->client, &session->record);
	if (r)
		return r;
	session_mark_login(engine, session->client);
	show_change(engine, session, now, events);
	session_limit_change(engine, session, now, events);
	return 0;
}

/* What was sold stays, who bought it goes. */
static void forget_identity(struct identity *identity)
{
	for (enum identity_field i = 0; i < IDENTITY_N_FIELDS; i++) {
		char **field = identity_field(identity, i);

		if (i == IDENTITY_SERVICE_PROFILE_NAME)
			continue;
		free(*field);
		*field = NULL;
	}
}

static void forget_login_person(struct session_engine *engine, struct client *client)
{
	struct login *login = client->login;

	if (client->host_name) {
		session_mark_host_name(engine, client);
		engine->n_host_names--;
		free(client->host_name);
		client->host_name = NULL;
	}
	if (!login)
		return;
	forget_identity(&login->identity);
	free(login->external_id);
	login->external_id = NULL;
	session_mark_login(engine, client);
}

/* Of a session that has ended: if the device has neither come back nor logged in anew since. */
static bool has_login_of(const struct session *session)
{
	const struct login *login = session->client->login;

	if (session_record_is_online(&session->record))
		return true;
	return login && !session_login_is_in_use(login) && login->at.mono_ns <= session->record.start.mono_ns;
}

int session_engine_forget_person(struct session_engine *engine, struct instant now, uint64_t seq,
				 struct event_list *events)
{
	struct session *session = session_find(engine, seq);
	struct client *waiting = session ? NULL : session_login_find_waiting(engine, seq);

	session_spent_forget(engine, seq);
	if (waiting)
		forget_login_person(engine, waiting);
	if (!session)
		return waiting ? 0 : -ENOENT;
	if (has_login_of(session))
		forget_login_person(engine, session->client);
	forget_identity(&session->record.identity);
	show_change(engine, session, now, events);
	return 0;
}

int session_engine_name_device(struct session_engine *engine, struct instant now, const struct mac_addr *mac,
			       const char *host_name, struct event_list *events)
{
	struct client *client = session_client_get(engine, mac);
	char *name = NULL;

	if (!client)
		return -ENOMEM;
	if (host_name && client->host_name && strcmp(host_name, client->host_name) == 0)
		return 0;
	if (host_name && !client->host_name && engine->rules.max_online > 0 &&
	    engine->n_host_names >= LOGINS_PER_SESSION * engine->rules.max_online) {
		session_client_drop(engine, client);
		return -ENOSPC;
	}
	if (host_name) {
		name = strdup(host_name);
		if (!name) {
			session_client_drop(engine, client);
			return -ENOMEM;
		}
	}
	if (name || client->host_name)
		session_mark_host_name(engine, client);
	engine->n_host_names += (size_t)(name != NULL) - (size_t)(client->host_name != NULL);
	free(client->host_name);
	client->host_name = name;
	if (client->online && !(client->login && client->login->identity.device_description)) {
		(void)session_describe(client, &client->online->record);
		show_change(engine, client->online, now, events);
	}
	session_client_drop(engine, client);
	return 0;
}
