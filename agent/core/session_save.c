/* SPDX-License-Identifier: MIT */
#include "core/session_private.h"

#include <errno.h>
#include <stdlib.h>

void session_mark_changed(struct session *session)
{
	session->version++;
}

void session_mark_transition(struct session_engine *engine, struct session *session)
{
	session_mark_changed(session);
	session->transition_version = session->version;
	if (session->is_pending)
		return;
	DL_APPEND(engine->pending, session);
	session->is_pending = true;
	session->client->n_pending++;
}

void session_unmark_pending(struct session_engine *engine, struct session *session)
{
	if (!session->is_pending)
		return;
	DL_DELETE(engine->pending, session);
	session->is_pending = false;
	session->client->n_pending--;
}

void session_engine_each_unsaved(const struct session_engine *engine,
				 void (*visit)(void *context, const struct session_record *record), void *context)
{
	const struct session *session;

	DL_FOREACH(engine->pending, session)
	visit(context, &session->record);
}

bool session_engine_has_transition(const struct session_engine *engine)
{
	return engine->pending || engine->n_unsaved_logins > 0 || engine->n_unsaved_host_names > 0;
}

bool session_engine_has_transition_of(const void *engine, const struct mac_addr *mac)
{
	const struct client *client = session_client_find(engine, mac);

	return client && session_client_has_transition(client);
}

size_t session_engine_n_unsaved(const struct session_engine *engine)
{
	const struct session *session, *next;
	size_t n_unsaved = 0;

	HASH_ITER (hh, engine->sessions, session, next)
		n_unsaved += session->version != session->saved_version;
	return n_unsaved;
}

bool session_client_is_in_scope(const struct client *client, enum session_scope scope)
{
	if (session_client_has_transition(client))
		return true;
	/* what waits is to be read again after a crash */
	return scope == SESSION_SCOPE_ALL && !client->is_waiting;
}

static bool is_wanted(const struct session *session, enum session_scope scope)
{
	return session->version != session->saved_version && session_client_is_in_scope(session->client, scope);
}

int session_engine_changed(const struct session_engine *engine, enum session_scope scope, struct session_change **out,
			   size_t *n_out)
{
	struct session_change *changes;
	const struct session *session, *next;
	size_t n_changes = 0, n_wanted = 0;

	HASH_ITER (hh, engine->sessions, session, next)
		n_wanted += is_wanted(session, scope);
	*out = NULL;
	*n_out = 0;
	if (n_wanted == 0)
		return 0;
	changes = calloc(n_wanted, sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	HASH_ITER (hh, engine->sessions, session, next) {
		if (!is_wanted(session, scope))
			continue;
		changes[n_changes].version = session->version;
		if (session_record_copy(&changes[n_changes].record, &session->record)) {
			session_changes_free(changes, n_changes);
			return -ENOMEM;
		}
		n_changes++;
	}
	*out = changes;
	*n_out = n_changes;
	return 0;
}

void session_changes_free(struct session_change *changes, size_t n_changes)
{
	for (size_t i = 0; i < n_changes; i++)
		session_record_clean(&changes[i].record);
	free(changes);
}

static bool is_unclaimed_wanted(const struct client *client, enum session_scope scope)
{
	return client->unclaimed_version != client->unclaimed_saved_version &&
	       session_client_is_in_scope(client, scope);
}

int session_engine_changed_unclaimed(const struct session_engine *engine, enum session_scope scope,
				     struct unclaimed_change **out, size_t *n_out)
{
	struct unclaimed_change *changes;
	const struct client *client, *next;
	size_t n_changes = 0, n_wanted = 0;

	HASH_ITER (hh, engine->clients, client, next)
		n_wanted += is_unclaimed_wanted(client, scope);
	*out = NULL;
	*n_out = 0;
	if (n_wanted == 0)
		return 0;
	changes = calloc(n_wanted, sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	HASH_ITER (hh, engine->clients, client, next)
		if (is_unclaimed_wanted(client, scope))
			changes[n_changes++] = (struct unclaimed_change){
				.mac = client->mac,
				.traffic = client->unclaimed,
				.version = client->unclaimed_version,
			};
	*out = changes;
	*n_out = n_changes;
	return 0;
}

/* Ended sessions with doubtful times that are kept in memory; beyond it they stay as they are in the store. */
#define KEPT_MAX 4096

static void keep(struct session_engine *engine, struct session *session)
{
	if (!session->is_kept)
		engine->n_kept++;
	session->is_kept = true;
}

void session_engine_mark_saved(struct session_engine *engine, const struct session_change *saved, size_t n_saved)
{
	for (size_t i = 0; i < n_saved; i++) {
		struct session *session;

		session = session_find(engine, saved[i].record.seq);
		if (!session)
			continue;
		if (session->saved_version < saved[i].version)
			session->saved_version = saved[i].version;
		if (session->saved_version >= session->transition_version)
			session_unmark_pending(engine, session);
		if (session->saved_version != session->version || session_record_is_online(&session->record))
			continue;
		if (engine->is_clock_doubtful && (session->is_kept || engine->n_kept < KEPT_MAX))
			keep(engine, session);
		else
			session_forget(engine, session);
	}
}

void session_engine_mark_unclaimed_saved(struct session_engine *engine, const struct unclaimed_change *saved,
					 size_t n_saved)
{
	for (size_t i = 0; i < n_saved; i++) {
		struct client *client = session_client_find(engine, &saved[i].mac);

		if (!client)
			continue;
		if (client->unclaimed_saved_version < saved[i].version)
			client->unclaimed_saved_version = saved[i].version;
		session_client_drop(engine, client);
	}
}
