/* SPDX-License-Identifier: MIT */
/* After a restart: the engine as the store knew it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/session_private.h"

int session_engine_resume(struct session_engine *engine, const struct session_record *record)
{
	struct client *client = session_client_get(engine, &record->mac);
	struct session_record copy = {0};
	struct session *session = NULL;

	if (!client)
		return -ENOMEM;
	if (client->online)
		return -EEXIST;
	if (session_record_copy(&copy, record) == 0)
		session = session_add(engine, client, record->seq);
	if (!session) {
		session_record_clean(&copy);
		session_client_drop(engine, client);
		return -ENOMEM;
	}
	session->record = copy;
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

/* From the wall clock: the monotonic one may be of an earlier boot. */
static struct instant resumed_instant(int64_t wall_ns, struct instant now)
{
	return (struct instant){.wall_ns = wall_ns, .mono_ns = now.mono_ns - (now.wall_ns - wall_ns)};
}

/* The same, but never what stands for "in use". */
static struct instant resumed_until(int64_t wall_ns, struct instant now)
{
	struct instant until = resumed_instant(wall_ns, now);

	if (until.mono_ns == 0)
		until.mono_ns = 1;
	return until;
}

/* A login whose session is not there any more ended with it, by silence. */
static void resume_apart(struct session_engine *engine, struct login *login, struct instant now)
{
	const int64_t wait_ns = login->has_begun ? engine->rules.relogin_ns : engine->rules.login_wait_ns;
	const struct instant latest = session_later(now, wait_ns);
	const bool was_in_use = session_login_is_in_use(login);

	/* at most what the configuration says now, whatever a clock said then */
	if (was_in_use || login->until.mono_ns > latest.mono_ns)
		login->until = latest;
	if (was_in_use || login->seq == 0) {
		login->last_seq = login->seq > 0 ? login->seq : login->last_seq;
		login->seq = engine->next_seq++;
	}
}

int session_engine_resume_login(struct session_engine *engine, struct instant now, const struct login *login,
				bool is_same_boot)
{
	struct client *client = session_client_get(engine, &login->mac);
	struct login *own;

	if (!client)
		return -ENOMEM;
	if (login->is_over ? client->spent != NULL : client->login != NULL)
		return -EEXIST;
	own = calloc(1, sizeof(*own));
	if (!own || login_copy(own, login)) {
		free(own);
		session_client_drop(engine, client);
		return -ENOMEM;
	}
	if (engine->next_seq <= own->seq)
		engine->next_seq = own->seq + 1;
	/* within a boot the monotonic clock knows better, whatever the wall clock has done meanwhile */
	if (!is_same_boot) {
		own->at = resumed_instant(own->at.wall_ns, now);
		if (!session_login_is_in_use(own))
			own->until = resumed_until(own->until.wall_ns, now);
	}
	if (own->is_over) {
		session_spent_put(engine, client, own, own->until);
		session_spent_tick(engine, now);
		return 0;
	}
	/* the clock was ahead of now's, which may be of 1970: no session begins in the future for it */
	if (own->at.mono_ns > now.mono_ns)
		own->at = now;
	if (!client->online)
		resume_apart(engine, own, now);
	else
		own->until = (struct instant){0};
	session_login_set(engine, client, own);
	session_login_expire(engine, client, now);
	if (client->online)
		session_limit_note(engine, client->online, now);
	return 0;
}

int session_engine_resume_device(struct session_engine *engine, const struct mac_addr *mac, const char *host_name)
{
	struct client *client = session_client_get(engine, mac);

	if (!client || client->host_name)
		return client ? -EEXIST : -ENOMEM;
	client->host_name = strdup(host_name);
	if (!client->host_name) {
		session_client_drop(engine, client);
		return -ENOMEM;
	}
	engine->n_host_names++;
	return 0;
}

int session_engine_resume_unauthenticated(struct session_engine *engine, const struct unauthenticated *device)
{
	struct client *client = session_client_get(engine, &device->mac);

	if (!client)
		return -ENOMEM;
	if (client->online || client->stranger)
		return -EEXIST;
	client->stranger = malloc(sizeof(*client->stranger));
	if (!client->stranger)
		return -ENOMEM;
	*client->stranger = *device;
	engine->n_strangers++;
	traffic_add(&engine->unauthenticated, &device->traffic);
	/* no longer strangers when the configuration has changed */
	if (engine->rules.start != SESSION_START_LOGIN || client->login)
		session_stranger_end(engine, client);
	return 0;
}
