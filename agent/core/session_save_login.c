/* SPDX-License-Identifier: MIT */
/* What the store still lacks of logins, names of devices and strangers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/session_private.h"

static bool is_login_unsaved(const struct client *client)
{
	return client->login_version != client->login_saved_version;
}

static bool is_host_name_unsaved(const struct client *client)
{
	return client->host_name_version != client->host_name_saved_version;
}

static bool is_stranger_unsaved(const struct client *client)
{
	return client->stranger_version != client->stranger_saved_version;
}

bool session_client_is_saved(const struct client *client)
{
	return client->unclaimed_version == client->unclaimed_saved_version && !is_login_unsaved(client) &&
	       !is_host_name_unsaved(client) && !is_stranger_unsaved(client);
}

void session_mark_login(struct session_engine *engine, struct client *client)
{
	engine->n_unsaved_logins += !is_login_unsaved(client);
	client->login_version++;
}

void session_mark_stranger(struct session_engine *engine, struct client *client)
{
	engine->n_unsaved_strangers += !is_stranger_unsaved(client);
	client->stranger_version++;
}

void session_mark_host_name(struct session_engine *engine, struct client *client)
{
	engine->n_unsaved_host_names += !is_host_name_unsaved(client);
	client->host_name_version++;
}

bool session_client_has_transition(const struct client *client)
{
	return client->n_pending > 0 || is_login_unsaved(client) || is_host_name_unsaved(client);
}

/* ---- logins */

int session_engine_changed_logins(const struct session_engine *engine, struct login_save **out, size_t *n_out)
{
	struct login_save *saves;
	const struct client *client, *next;
	size_t n_saves = 0;

	*out = NULL;
	*n_out = 0;
	if (engine->n_unsaved_logins == 0)
		return 0;
	saves = calloc(engine->n_unsaved_logins, sizeof(*saves));
	if (!saves)
		return -ENOMEM;
	HASH_ITER (hh, engine->clients, client, next) {
		struct login_save *save = &saves[n_saves];
		/* one that is over is remembered only where there is no other */
		const struct login *login = client->login ? client->login : client->spent;

		if (!is_login_unsaved(client))
			continue;
		save->version = client->login_version;
		save->is_gone = !login;
		if (save->is_gone) {
			save->login.mac = client->mac;
		} else if (login_copy(&save->login, login)) {
			login_saves_free(saves, n_saves);
			return -ENOMEM;
		}
		n_saves++;
	}
	*out = saves;
	*n_out = n_saves;
	return 0;
}

void login_saves_free(struct login_save *saves, size_t n_saves)
{
	for (size_t i = 0; i < n_saves; i++)
		login_clean(&saves[i].login);
	free(saves);
}

void session_engine_mark_logins_saved(struct session_engine *engine, const struct login_save *saved, size_t n_saved)
{
	for (size_t i = 0; i < n_saved; i++) {
		struct client *client = session_client_find(engine, &saved[i].login.mac);

		if (!client || !is_login_unsaved(client))
			continue;
		if (client->login_saved_version < saved[i].version)
			client->login_saved_version = saved[i].version;
		engine->n_unsaved_logins -= !is_login_unsaved(client);
		session_client_drop(engine, client);
	}
}

/* ---- names of devices */

int session_engine_changed_devices(const struct session_engine *engine, struct device_change **out, size_t *n_out)
{
	struct device_change *changes;
	const struct client *client, *next;
	size_t n_changes = 0;

	*out = NULL;
	*n_out = 0;
	if (engine->n_unsaved_host_names == 0)
		return 0;
	changes = calloc(engine->n_unsaved_host_names, sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	HASH_ITER (hh, engine->clients, client, next) {
		struct device_change *change = &changes[n_changes];

		if (!is_host_name_unsaved(client))
			continue;
		*change = (struct device_change){.mac = client->mac, .version = client->host_name_version};
		if (client->host_name) {
			change->host_name = strdup(client->host_name);
			if (!change->host_name) {
				device_changes_free(changes, n_changes);
				return -ENOMEM;
			}
		}
		n_changes++;
	}
	*out = changes;
	*n_out = n_changes;
	return 0;
}

void device_changes_free(struct device_change *changes, size_t n_changes)
{
	for (size_t i = 0; i < n_changes; i++)
		free(changes[i].host_name);
	free(changes);
}

void session_engine_mark_devices_saved(struct session_engine *engine, const struct device_change *saved, size_t n_saved)
{
	for (size_t i = 0; i < n_saved; i++) {
		struct client *client = session_client_find(engine, &saved[i].mac);

		if (!client || !is_host_name_unsaved(client))
			continue;
		if (client->host_name_saved_version < saved[i].version)
			client->host_name_saved_version = saved[i].version;
		engine->n_unsaved_host_names -= !is_host_name_unsaved(client);
		session_client_drop(engine, client);
	}
}

/* ---- strangers */

static bool is_stranger_wanted(const struct client *client, enum session_scope scope)
{
	return is_stranger_unsaved(client) && session_client_is_in_scope(client, scope);
}

int session_engine_changed_unauthenticated(const struct session_engine *engine, enum session_scope scope,
					   struct unauthenticated_change **out, size_t *n_out)
{
	struct unauthenticated_change *changes;
	const struct client *client, *next;
	size_t n_changes = 0;

	*out = NULL;
	*n_out = 0;
	if (engine->n_unsaved_strangers == 0)
		return 0;
	changes = calloc(engine->n_unsaved_strangers, sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	HASH_ITER (hh, engine->clients, client, next) {
		struct unauthenticated_change *change;

		if (!is_stranger_wanted(client, scope))
			continue;
		change = &changes[n_changes++];
		change->version = client->stranger_version;
		change->device.mac = client->mac;
		if (client->stranger)
			change->device = *client->stranger;
	}
	*out = changes;
	*n_out = n_changes;
	return 0;
}

void session_engine_mark_unauthenticated_saved(struct session_engine *engine,
					       const struct unauthenticated_change *saved, size_t n_saved)
{
	for (size_t i = 0; i < n_saved; i++) {
		struct client *client = session_client_find(engine, &saved[i].device.mac);

		if (!client || !is_stranger_unsaved(client))
			continue;
		if (client->stranger_saved_version < saved[i].version)
			client->stranger_saved_version = saved[i].version;
		engine->n_unsaved_strangers -= !is_stranger_unsaved(client);
		session_client_drop(engine, client);
	}
}
