/* SPDX-License-Identifier: MIT */
/* Logins: whose the sessions of a MAC are, from what portals say. core/login.h tells their states. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/session_private.h"

/* How long a login that is over is remembered. */
#define SPENT_NS (24 * 3600 * NS_PER_S)

static bool is_silence(enum end_cause cause)
{
	return cause == END_CAUSE_LOST_CARRIER || cause == END_CAUSE_IDLE_TIMEOUT || cause == END_CAUSE_NAS_REBOOT;
}

void session_login_set(struct session_engine *engine, struct client *client, struct login *login)
{
	client->login = login;
	DL_APPEND2(engine->with_login, client, login_prev, login_next);
	engine->n_logins++;
	session_login_number(engine, client, login->seq);
}

void session_login_number(struct session_engine *engine, struct client *client, uint64_t seq)
{
	if (client->is_numbered)
		HASH_DELETE(hh_login, engine->by_login_seq, client);
	client->login->seq = seq;
	client->login_seq = seq;
	HASH_ADD(hh_login, engine->by_login_seq, login_seq, sizeof(client->login_seq), client);
	/* without memory nobody can name it until it is on line */
	client->is_numbered = TABLE_HAS_ADDED(client, hh_login);
	session_mark_login(engine, client);
}

/* Takes it from the client; the caller's to free. */
static struct login *login_take(struct session_engine *engine, struct client *client)
{
	struct login *login = client->login;

	if (client->is_numbered)
		HASH_DELETE(hh_login, engine->by_login_seq, client);
	client->is_numbered = false;
	client->login = NULL;
	DL_DELETE2(engine->with_login, client, login_prev, login_next);
	engine->n_logins--;
	session_mark_login(engine, client);
	/* who waited for room with it waits no more */
	if (session_is_stranger(engine, client))
		session_wait_give_up(engine, client);
	return login;
}

/* Its time is over, or its guest has left: should the portal say it again, it is a login. */
static void login_drop(struct session_engine *engine, struct client *client)
{
	struct login *login = login_take(engine, client);

	login_clean(login);
	free(login);
}

/* Somebody, or a limit, has ended it; last_seq is the number of its last session, 0: it had none. */
static void login_spend(struct session_engine *engine, struct client *client, struct instant now, uint64_t last_seq)
{
	struct login *login = login_take(engine, client);

	login->seq = last_seq;
	session_spent_put(engine, client, login, session_later(now, SPENT_NS));
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
	session_login_number(engine, client, client->online->record.seq);
}

void session_login_end(struct session_engine *engine, struct client *client, const struct session_record *ended)
{
	struct login *login = client->login;

	if (!login)
		return;
	if (!is_silence(ended->cause)) {
		login_spend(engine, client, ended->end, ended->seq);
		return;
	}
	if (engine->rules.relogin_ns <= 0) {
		login_drop(engine, client);
		return;
	}
	login_use(login, ended);
	login->until = session_later(ended->end, engine->rules.relogin_ns);
	login->last_seq = ended->seq;
	session_login_number(engine, client, engine->next_seq++);
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

	session_spent_tick(engine, now);
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
	/* what another guest has sent from is not given away by a portal's word */
	if (!ip_is_unspecified(&client->login->ip) && !session_engine_by_ip(engine, &client->login->ip))
		(void)session_address_prove(engine, session, &client->login->ip, now);
	session->record.primary_ip = session_record_choose_primary(&session->record);
	return true;
}

static void await(struct session_engine *engine, struct client *client, struct instant now)
{
	struct login *login = client->login;

	login->until = session_later(now, engine->rules.login_wait_ns);
	session_login_number(engine, client, engine->next_seq++);
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
	if (client->login)
		login_spend(engine, client, now, client->login->last_seq);
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
	const struct login *spent;
	struct login *own;
	int r = -ENOMEM;

	if (!client)
		return -ENOMEM;
	(void)session_login_expire(engine, client, now);
	if (is_known(client, login)) {
		*seq = client->login->seq;
		return LOGIN_KNOWN;
	}
	spent = session_spent_find(client, login);
	if (spent) {
		*seq = spent->seq;
		return LOGIN_OVER;
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
	own->last_seq = 0;
	own->has_begun = false;
	own->is_over = false;
	own->used_ns = 0;
	own->used = (struct traffic){0};
	r = take_login(engine, client, own, events);
	*seq = own->seq;
	return r;
}

struct client *session_login_find_waiting(const struct session_engine *engine, uint64_t seq)
{
	struct client *client;

	HASH_FIND(hh_login, engine->by_login_seq, &seq, sizeof(seq), client);
	return client && !session_login_is_in_use(client->login) ? client : NULL;
}

int session_engine_end(struct session_engine *engine, uint64_t seq, struct instant at, enum end_cause cause,
		       struct event_list *events)
{
	struct session *session = session_find(engine, seq);
	struct client *waiting = session ? NULL : session_login_find_waiting(engine, seq);

	if (waiting && !is_silence(cause)) {
		login_spend(engine, waiting, at, waiting->login->last_seq);
		return 0;
	}
	if (!session || !session_record_is_online(&session->record))
		return -ENOENT;
	session_finish(engine, session, at, cause, events);
	return 0;
}

int session_engine_end_for_good(struct session_engine *engine, uint64_t seq, struct instant at, enum end_cause cause,
				struct event_list *events)
{
	struct session *session = session_find(engine, seq);
	struct client *waiting = session ? NULL : session_login_find_waiting(engine, seq);

	if (waiting) {
		login_spend(engine, waiting, at, waiting->login->last_seq);
		return 0;
	}
	if (!session || !session_record_is_online(&session->record))
		return -ENOENT;
	if (session->client->login)
		login_spend(engine, session->client, at, seq);
	session_finish(engine, session, at, cause, events);
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
	const struct client *client = session_login_find_waiting(engine, seq);

	return client ? client->login : NULL;
}

size_t session_engine_n_logins(const struct session_engine *engine)
{
	return engine->n_logins;
}
