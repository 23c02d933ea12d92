/* SPDX-License-Identifier: MIT */
/* Logins: whose the sessions of a MAC are, from what portals say. core/login.h tells their states. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/session_private.h"

/* Logins at once, as a multiple of sessions at once: one for each on line, and as many that wait or are kept. */
#define LOGINS_PER_SESSION 2

bool session_cause_is_silence(enum end_cause cause)
{
	return cause == END_CAUSE_LOST_CARRIER || cause == END_CAUSE_IDLE_TIMEOUT || cause == END_CAUSE_NAS_REBOOT;
}

void session_login_set(struct session_engine *engine, struct client *client, struct login *login)
{
	client->login = login;
	DL_APPEND2(engine->with_login, client, login_prev, login_next);
	engine->n_logins++;
	session_mark_login(engine, client);
}

static void login_drop(struct session_engine *engine, struct client *client)
{
	if (!client->login)
		return;
	login_clean(client->login);
	free(client->login);
	client->login = NULL;
	DL_DELETE2(engine->with_login, client, login_prev, login_next);
	engine->n_logins--;
	session_mark_login(engine, client);
	/* who waited for room with it waits no more */
	if (session_is_stranger(engine, client))
		session_wait_give_up(engine, client);
}

int session_describe(const struct client *client, struct session_record *record)
{
	static const struct identity nobody;
	int r = identity_copy(&record->identity, client->login ? &client->login->identity : &nobody);

	if (r || record->identity.device_description || !client->host_name)
		return r;
	record->identity.device_description = strdup(client->host_name);
	return record->identity.device_description ? 0 : -ENOMEM;
}

void session_login_begin(struct session_engine *engine, struct client *client)
{
	struct login *login = client->login;

	if (!login)
		return;
	login->until = (struct instant){0};
	login->has_begun = true;
	login->seq = client->online->record.seq;
	session_mark_login(engine, client);
}

void session_login_end(struct session_engine *engine, struct client *client, const struct session_record *ended)
{
	struct login *login = client->login;

	if (!login)
		return;
	if (!session_cause_is_silence(ended->cause) || engine->rules.relogin_ns <= 0) {
		login_drop(engine, client);
		return;
	}
	login_use(login, ended);
	login->until = session_later(ended->end, engine->rules.relogin_ns);
	login->seq = engine->next_seq++;
	session_mark_login(engine, client);
}

bool session_login_expire(struct session_engine *engine, struct client *client, struct instant now)
{
	struct login *login = client->login;

	if (!login || session_login_is_in_use(login) || now.mono_ns < login->until.mono_ns)
		return false;
	login_drop(engine, client);
	return true;
}

void session_login_tick(struct session_engine *engine, struct instant now)
{
	struct client *client, *next;

	DL_FOREACH_SAFE2(engine->with_login, client, next, login_next)
	{
		struct login *login = client->login;

		if (session_restamp(&login->at, now) |
		    (!session_login_is_in_use(login) && session_restamp(&login->until, now)))
			session_mark_login(engine, client);
		if (session_login_expire(engine, client, now))
			session_client_drop(engine, client);
	}
}

/* ---- what a portal says */

static bool is_present(const struct session_engine *engine, const struct client *client, struct instant now)
{
	if (client->online || client->is_waiting)
		return true;
	return client->stranger && now.mono_ns - client->stranger->last_seen.mono_ns < engine->rules.idle_timeout_ns;
}

/* A login that was said before: *seq is its session's number, of the one on line or of the next. */
static bool is_known(const struct client *client, const struct login *login)
{
	const struct login *known = client->login;

	if (!known || !login_is_same(known, login))
		return false;
	/* without a name of its own, who logs in again after having left has logged in anew */
	return login->external_id || session_login_is_in_use(known) || !known->has_begun;
}

/* Begins the session of a device that is there, with what addresses it has. */
static bool begin_now(struct session_engine *engine, struct client *client, struct instant now,
		      const struct session_address *carried, size_t n_carried, struct event_list *events)
{
	struct session *session;

	if (engine->rules.max_online > 0 && engine->n_online >= engine->rules.max_online)
		return false;
	session = session_begin(engine, client, now, events);
	if (!session)
		return false;
	session_mark_answered(engine, session);
	for (size_t i = 0; i < n_carried; i++)
		(void)session_address_prove(engine, session, &carried[i].ip, now);
	if (!ip_is_unspecified(&client->login->ip))
		(void)session_address_prove(engine, session, &client->login->ip, now);
	session->record.primary_ip = session_record_choose_primary(&session->record);
	return true;
}

static void await(struct session_engine *engine, struct client *client, struct instant now)
{
	struct login *login = client->login;

	login->until = session_later(now, engine->rules.login_wait_ns);
	login->seq = engine->next_seq++;
	session_mark_login(engine, client);
}

/* The device's octets up to now are not the new guest's. Takes login. */
static enum login_outcome take_login(struct session_engine *engine, struct client *client, struct login *login,
				     struct event_list *events)
{
	const struct instant now = login->at;
	const bool is_there = is_present(engine, client, now);
	const struct ip_addr stranger_ip = client->stranger ? client->stranger->ip : (struct ip_addr){0};
	struct session_address *carried = NULL;
	enum login_outcome outcome = LOGIN_WAITS;
	size_t n_carried = 0;

	if (client->online) {
		carried = session_address_carry(engine, client->online, now, &n_carried);
		session_finish(engine, client->online, now, END_CAUSE_PORT_PREEMPTED, events);
	}
	login_drop(engine, client);
	session_wait_give_up(engine, client);
	session_forget_unclaimed(client);
	/* also when there is no room for its session yet */
	session_stranger_end(engine, client);
	if (ip_is_unspecified(&login->ip))
		login->ip = stranger_ip;
	session_login_set(engine, client, login);
	if (is_there && begin_now(engine, client, now, carried, n_carried, events))
		outcome = LOGIN_BEGUN;
	else
		await(engine, client, now);
	free(carried);
	return outcome;
}

static bool has_room(const struct session_engine *engine, const struct client *client)
{
	return client->login || client->online || engine->rules.max_online == 0 ||
	       engine->n_logins < LOGINS_PER_SESSION * engine->rules.max_online;
}

int session_engine_login(struct session_engine *engine, struct instant now, const struct login *login,
			 struct event_list *events, uint64_t *seq)
{
	struct client *client = session_client_get(engine, &login->mac);
	struct login *own;
	int r = -ENOMEM;

	if (!client)
		return -ENOMEM;
	(void)session_login_expire(engine, client, now);
	if (is_known(client, login)) {
		*seq = client->login->seq;
		return LOGIN_KNOWN;
	}
	own = calloc(1, sizeof(*own));
	if (own && !has_room(engine, client))
		r = -ENOSPC;
	else if (own)
		r = login_copy(own, login);
	if (r) {
		free(own);
		session_client_drop(engine, client);
		return r;
	}
	own->at = now;
	own->until = (struct instant){0};
	own->seq = 0;
	own->has_begun = false;
	own->used_ns = 0;
	own->used = (struct traffic){0};
	r = take_login(engine, client, own, events);
	*seq = own->seq;
	return r;
}

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

static struct client *find_waiting(const struct session_engine *engine, uint64_t seq)
{
	struct client *client;

	DL_FOREACH2(engine->with_login, client, login_next)
	{
		if (client->login->seq == seq && !session_login_is_in_use(client->login))
			return client;
	}
	return NULL;
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
	struct client *waiting = session ? NULL : find_waiting(engine, seq);
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

int session_engine_end(struct session_engine *engine, uint64_t seq, struct instant at, enum end_cause cause,
		       struct event_list *events)
{
	struct session *session = session_find(engine, seq);
	struct client *waiting = session ? NULL : find_waiting(engine, seq);

	if (waiting && !session_cause_is_silence(cause)) {
		login_drop(engine, waiting);
		return 0;
	}
	if (!session || !session_record_is_online(&session->record))
		return -ENOENT;
	session_finish(engine, session, at, cause, events);
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
	struct client *waiting = session ? NULL : find_waiting(engine, seq);

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

/* ---- asking */

const char *session_engine_host_name(const struct session_engine *engine, const struct mac_addr *mac)
{
	const struct client *client = session_client_find(engine, mac);

	return client ? client->host_name : NULL;
}

const struct login *session_engine_login_of(const struct session_engine *engine, const struct mac_addr *mac)
{
	const struct client *client = session_client_find(engine, mac);

	return client ? client->login : NULL;
}

const struct login *session_engine_waiting_login(const struct session_engine *engine, uint64_t seq)
{
	const struct client *client = find_waiting(engine, seq);

	return client ? client->login : NULL;
}

size_t session_engine_n_logins(const struct session_engine *engine)
{
	return engine->n_logins;
}
