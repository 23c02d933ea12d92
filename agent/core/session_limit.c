/* SPDX-License-Identifier: MIT */
/*
 * When a session is over by itself: silence, the time limit, a data limit. Time limits end a session at their moment,
 * whenever that is noticed; a data limit ends it at the collection that finds it crossed. So the collector is told when
 * to come (session_engine_due_ns): sooner, the nearer a limit is at the pace of its guest, and then for these guests
 * only.
 */
#include "core/session_private.h"

/*
 * A guest who is silent now may send at any moment, at least as fast as this: 100 Mbit/s. A faster one is taken to go
 * on at up to a quarter more than it did.
 */
#define PACE_MIN_BYTES_PER_S UINT64_C(12500000)
#define PACE_MAX_BYTES_PER_S UINT64_C(12500000000)
/* How far beyond a data limit a guest may come before the next collection, and how often that may be at most. */
#define OVERSHOOT_BYTES UINT64_C(400000)
#define PERIOD_MIN_NS (5 * NS_PER_MS)

int64_t session_idle_timeout_ns(const struct session_engine *engine, const struct client *client)
{
	const struct login *login = client->login;

	return login && login->limits.idle_timeout_ns > 0 ? login->limits.idle_timeout_ns
							  : engine->rules.idle_timeout_ns;
}

static uint64_t sum_bytes(const struct traffic *traffic)
{
	return traffic->up_bytes + traffic->down_bytes;
}

/* What is left of a limit of 0 (none) or more. */
static uint64_t left_of(uint64_t limit, uint64_t used)
{
	if (limit == 0)
		return UINT64_MAX;
	return limit > used ? limit - used : 0;
}

/* Octets until the nearest data limit, and which one that is. */
static uint64_t bytes_left(const struct login *login, const struct session_record *record, enum login_limit *which)
{
	const struct login_limits *limits = &login->limits;
	struct traffic used = login->used;
	uint64_t left, nearest;

	traffic_add(&used, &record->traffic);
	*which = LOGIN_MAX_BYTES_TOTAL;
	nearest = left_of(limits->max_bytes_total, sum_bytes(&used));
	left = left_of(limits->max_bytes_down, used.down_bytes);
	if (left < nearest) {
		*which = LOGIN_MAX_BYTES_DOWN;
		nearest = left;
	}
	left = left_of(limits->max_bytes_up, used.up_bytes);
	if (left < nearest) {
		*which = LOGIN_MAX_BYTES_UP;
		nearest = left;
	}
	return nearest;
}

/* INT64_MAX: never. */
static int64_t time_limit_mono_ns(const struct login *login, const struct session_record *record)
{
	int64_t left_ns, end_ns;

	if (!login || login->limits.session_timeout_ns <= 0)
		return INT64_MAX;
	left_ns = login->limits.session_timeout_ns - login->used_ns;
	if (left_ns < 0)
		left_ns = 0;
	return __builtin_add_overflow(record->start.mono_ns, left_ns, &end_ns) ? INT64_MAX : end_ns;
}

static uint64_t pace_bytes_per_s(struct session *session, struct instant now)
{
	const uint64_t bytes = sum_bytes(&session->record.traffic);
	const int64_t elapsed_ns = now.mono_ns - session->paced_mono_ns;
	double pace = 0;

	if (session->paced_mono_ns > 0 && elapsed_ns > 0)
		pace = (double)(bytes - session->paced_bytes) * NS_PER_S / (double)elapsed_ns * 1.25;
	session->paced_bytes = bytes;
	session->paced_mono_ns = now.mono_ns;
	if (pace < (double)PACE_MIN_BYTES_PER_S)
		return PACE_MIN_BYTES_PER_S;
	return pace > (double)PACE_MAX_BYTES_PER_S ? PACE_MAX_BYTES_PER_S : (uint64_t)pace;
}

/* A data limit is so far away that no pace reaches it before the next look. */
#define FAR_BYTES (UINT64_C(1) << 40)

static int64_t data_limit_due_ns(struct session *session, uint64_t left, struct instant now)
{
	uint64_t pace;
	int64_t wait_ns, period_ns;

	if (left == UINT64_MAX)
		return INT64_MAX;
	pace = pace_bytes_per_s(session, now);
	if (left > FAR_BYTES)
		return INT64_MAX;
	wait_ns = (int64_t)((double)left / (double)pace * NS_PER_S);
	period_ns = (int64_t)((double)OVERSHOOT_BYTES / (double)pace * NS_PER_S);
	if (period_ns < PERIOD_MIN_NS)
		period_ns = PERIOD_MIN_NS;
	return now.mono_ns + (wait_ns > period_ns ? wait_ns : period_ns);
}

void session_limit_leave(struct session_engine *engine, struct session *session)
{
	if (!session->is_near)
		return;
	DL_DELETE2(engine->near, session, near_prev, near_next);
	session->is_near = false;
}

/* What is due within this time is looked at apart; mostly it is what passes between whole collections. */
#define NEAR_NS NS_PER_S

static void note_due(struct session_engine *engine, struct session *session, int64_t due_ns, struct instant now)
{
	if (due_ns > now.mono_ns + NEAR_NS) {
		session_limit_leave(engine, session);
		if (engine->whole_due_ns > due_ns)
			engine->whole_due_ns = due_ns;
		return;
	}
	session->due_ns = due_ns;
	if (session->is_near)
		return;
	DL_APPEND2(engine->near, session, near_prev, near_next);
	session->is_near = true;
}

void session_limit_note(struct session_engine *engine, struct session *session, struct instant now)
{
	const struct login *login = session->client->login;
	enum login_limit which;
	int64_t time_ns, data_ns;

	if (!login) {
		session_limit_leave(engine, session);
		return;
	}
	time_ns = time_limit_mono_ns(login, &session->record);
	data_ns = data_limit_due_ns(session, bytes_left(login, &session->record, &which), now);
	note_due(engine, session, time_ns < data_ns ? time_ns : data_ns, now);
}

static void reach_limit(struct session_engine *engine, struct session *session, enum login_limit which,
			struct instant end, struct event_list *events)
{
	(void)event_list_append(events, (struct event){.kind = EVENT_SESSION_LIMIT,
						       .session_seq = session->record.seq,
						       .at = end,
						       .limit = which});
	session_finish(engine, session, end,
		       which == LOGIN_SESSION_TIMEOUT ? END_CAUSE_SESSION_TIMEOUT : END_CAUSE_NAS_REQUEST, events);
}

/* A moment by the monotonic clock, on both. */
static struct instant instant_at(struct instant now, int64_t mono_ns)
{
	return (struct instant){.mono_ns = mono_ns, .wall_ns = now.wall_ns - (now.mono_ns - mono_ns)};
}

void session_limit_tick(struct session_engine *engine, struct session *session, struct instant now,
			struct event_list *events)
{
	const struct session_record *record = &session->record;
	const struct login *login = session->client->login;
	const int64_t limit_ns = time_limit_mono_ns(login, record);
	const int64_t idle_ns = session_idle_timeout_ns(engine, session->client);
	enum login_limit which = LOGIN_N_LIMITS;

	/* who falls silent long enough before the limit has left before it */
	if (now.mono_ns - record->last_seen.mono_ns >= idle_ns && limit_ns - record->last_seen.mono_ns >= idle_ns)
		session_finish(engine, session, record->last_seen, END_CAUSE_IDLE_TIMEOUT, events);
	else if (now.mono_ns >= limit_ns)
		reach_limit(engine, session, LOGIN_SESSION_TIMEOUT, instant_at(now, limit_ns), events);
	else if (login && bytes_left(login, record, &which) == 0)
		reach_limit(engine, session, which, now, events);
	else
		session_limit_note(engine, session, now);
}

void session_limit_change(struct session_engine *engine, struct session *session, struct instant now,
			  struct event_list *events)
{
	if (now.mono_ns >= time_limit_mono_ns(session->client->login, &session->record))
		reach_limit(engine, session, LOGIN_SESSION_TIMEOUT, now, events);
	else
		session_limit_note(engine, session, now);
}

int64_t session_engine_due_ns(const struct session_engine *engine, struct instant now)
{
	int64_t due_ns = engine->whole_due_ns;
	const struct session *session;

	DL_FOREACH2(engine->near, session, near_next)
	{
		if (due_ns > session->due_ns)
			due_ns = session->due_ns;
	}
	return due_ns < now.mono_ns ? now.mono_ns : due_ns;
}

int64_t session_engine_whole_due_ns(const struct session_engine *engine)
{
	return engine->whole_due_ns;
}

void session_engine_each_near(const struct session_engine *engine,
			      void (*visit)(void *context, const struct mac_addr *mac), void *context)
{
	const struct session *session;

	DL_FOREACH2(engine->near, session, near_next)
	visit(context, &session->record.mac);
}

void session_engine_tick_near(struct session_engine *engine, struct instant now, struct event_list *events)
{
	struct session *session, *next;

	DL_FOREACH_SAFE2(engine->near, session, next, near_next)
	session_limit_tick(engine, session, now, events);
}
