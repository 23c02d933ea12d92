/* SPDX-License-Identifier: MIT */
/*
 * Inside the session engine: session.c books deltas and decides when sessions begin and end, session_life.c begins and
 * ends them, session_resume.c takes them up after a restart, session_login.c knows the logins, session_limit.c when
 * their limits are reached, session_stranger.c who sends without one, session_wait.c who has to wait for a session,
 * session_address.c whose an address is, session_save.c and session_save_login.c what the store still lacks.
 */
#ifndef CORE_SESSION_PRIVATE_H
#define CORE_SESSION_PRIVATE_H

#include "core/session.h"
#include "core/table.h"

/* A MAC that has a session, an ended one that is not saved yet, a login, a name, or octets without a session. */
struct client {
	struct mac_addr mac;
	struct session *online; /* NULL between sessions */
	size_t n_sessions;      /* in the engine: the one on line and ended ones that wait for the store */
	size_t n_pending;       /* of them with an unsaved transition */
	/* where the guest is: the interface of its latest frame, and since when; CLOCK_MONOTONIC of the kernel */
	uint32_t ifindex;
	uint32_t bridge;
	uint16_t vlan;
	uint32_t previous_ifindex;
	int64_t there_since_ns;
	int64_t last_up_ns;
	struct traffic unclaimed;
	int64_t unclaimed_last_ns; /* CLOCK_MONOTONIC of the latest of them; 0: not known */
	uint64_t unclaimed_round;  /* the collection that left them; 0: before this engine */
	uint64_t unclaimed_version;
	uint64_t unclaimed_saved_version;
	/* who waits for a session: since when, its latest frame, and what is to be its own */
	bool is_waiting;
	struct instant waiting_since;
	struct instant waiting_seen;
	struct traffic waiting;
	/* owned, NULL without; the versions tell what the store lacks, also of what is gone */
	struct login *login;
	uint64_t login_version;
	uint64_t login_saved_version;
	char *host_name;
	uint64_t host_name_version;
	uint64_t host_name_saved_version;
	struct unauthenticated *stranger;
	uint64_t stranger_version;
	uint64_t stranger_saved_version;
	struct login *spent;                    /* owned: one that is over and remembered; NULL: none */
	struct client *login_prev, *login_next; /* in engine->with_login */
	struct client *spent_prev, *spent_next; /* in engine->with_spent, oldest first */
	uint64_t login_seq;                     /* in engine->by_login_seq, if is_numbered: that of login */
	bool is_numbered;
	UT_hash_handle hh_login;
	UT_hash_handle hh;
};

struct session {
	struct session_record record;
	struct client *client;
	uint64_t version; /* raised by each change of record */
	uint64_t saved_version;
	uint64_t transition_version; /* version of the last change that filters can see */
	bool is_pending;             /* transition_version > saved_version: it is in engine->pending */
	bool is_answered;            /* something was sent to the guest; what is not counts in engine->n_unanswered */
	bool is_kept;                /* ended and saved, but to be re-stamped once the clock can be trusted */
	/* the octets of both directions at the latest tick, for the pace of what has a data limit */
	uint64_t paced_bytes;
	int64_t paced_mono_ns;
	int64_t due_ns; /* when it is to be looked at, if is_near */
	bool is_near;
	struct session *near_prev, *near_next; /* in engine->near */
	UT_hash_handle hh;
	struct session *prev, *next; /* in engine->pending */
};

/* Who has an address now. */
struct binding {
	struct ip_addr ip;
	struct session *session;
	int64_t proof_mono_ns; /* last frame that came with this source address */
	UT_hash_handle hh;
};

struct session_engine {
	struct session_rules rules;
	uint64_t next_seq;
	struct client *clients;   /* by mac */
	struct session *sessions; /* by record.seq */
	struct binding *bindings; /* by ip */
	struct session *pending;
	size_t n_online;
	size_t n_unanswered; /* of those on line */
	size_t n_waiting;
	struct client *with_login;
	struct client *by_login_seq;
	struct client *with_spent;
	size_t n_spent;
	struct session *near; /* whose limit is so near that they are looked at apart */
	size_t n_logins;
	size_t n_unsaved_logins; /* clients whose login the store lacks, or still has */
	size_t n_host_names;
	size_t n_unsaved_host_names;
	size_t n_strangers;
	size_t n_unsaved_strangers;
	struct traffic unauthenticated; /* of all strangers, those who have left included */
	int64_t whole_due_ns;           /* the first limit that is not near */
	bool is_clock_doubtful;
	size_t n_kept;
	uint64_t round; /* from 1 on; beyond 1, a whole collection is booked and gaps between readings are known */
	struct traffic unclaimed; /* what waits at clients, and what nobody has claimed */
};

struct client *session_client_find(const struct session_engine *engine, const struct mac_addr *mac);
struct client *session_client_get(struct session_engine *engine, const struct mac_addr *mac); /* NULL: no memory */
/* Frees the client when nothing needs it any more. */
void session_client_drop(struct session_engine *engine, struct client *client);
void session_forget(struct session_engine *engine, struct session *session);
/* What was sent to it before stays nobody's. */
void session_forget_unclaimed(struct client *client);
struct session *session_find(const struct session_engine *engine, uint64_t seq);

/* session_life.c */
/* NULL without memory. The session has what the client's login and name say of it. */
struct session *session_begin(struct session_engine *engine, struct client *client, struct instant start,
			      struct event_list *events);
void session_finish(struct session_engine *engine, struct session *session, struct instant end, enum end_cause cause,
		    struct event_list *events);
/* After a step of the wall clock: what happened when, by the clock that did not step. True when it had stepped. */
bool session_restamp_record(struct session_record *record, struct instant now);
void session_report(struct event_list *events, enum event_kind kind, const struct session *session, struct instant at);
/* Takes up a session of the store. */
struct session *session_add(struct session_engine *engine, struct client *client, uint64_t seq);

static inline bool session_login_is_in_use(const struct login *login)
{
	return login->until.mono_ns == 0;
}

/* A time limit of the configuration is far below what could overflow. */
static inline struct instant session_later(struct instant instant, int64_t ns)
{
	return (struct instant){.mono_ns = instant.mono_ns + ns, .wall_ns = instant.wall_ns + ns};
}

/* session_login.c */
/* Logins at once, as a multiple of sessions at once: one for each on line, and as many that wait or are kept. */
#define LOGINS_PER_SESSION 2
/* Gives the client's login the number of its session, on line or to come. */
void session_login_number(struct session_engine *engine, struct client *client, uint64_t seq);
struct client *session_login_find_waiting(const struct session_engine *engine, uint64_t seq);
/* Takes the login, which the client does not have yet. */
void session_login_set(struct session_engine *engine, struct client *client, struct login *login);
/* After the client's session has ended. */
void session_login_end(struct session_engine *engine, struct client *client, const struct session_record *ended);
/* Its session has begun. */
void session_login_begin(struct session_engine *engine, struct client *client);
/* What login and host name say of the session; 0 or -ENOMEM. */
int session_describe(const struct client *client, struct session_record *record);
/* Gives up a login whose time is over; true when it is gone. */
bool session_login_expire(struct session_engine *engine, struct client *client, struct instant now);
void session_login_tick(struct session_engine *engine, struct instant now);
/* Whether the wall clock has stepped since an instant was stamped; its wall time is then put right. */
bool session_restamp(struct instant *instant, struct instant now);

/* session_spent.c */
/* Takes the login, which is over; without external_id it is freed. */
void session_spent_put(struct session_engine *engine, struct client *client, struct login *login, struct instant until);
void session_spent_drop(struct session_engine *engine, struct client *client);
/* The spent login of this name; NULL: none. */
const struct login *session_spent_find(const struct client *client, const struct login *login);
/* The one whose last session has this number: the portal's name for it may name a person. */
void session_spent_forget(struct session_engine *engine, uint64_t seq);
void session_spent_tick(struct session_engine *engine, struct instant now);

/* session_limit.c */
int64_t session_idle_timeout_ns(const struct session_engine *engine, const struct client *client);
/* Ends the session if a limit is reached or it is idle; else notes when that would next have to be looked at. */
void session_limit_tick(struct session_engine *engine, struct session *session, struct instant now,
			struct event_list *events);
/* Its session ends: no limit is near any more. */
void session_limit_leave(struct session_engine *engine, struct session *session);
/* A login has begun. */
void session_limit_note(struct session_engine *engine, struct session *session, struct instant now);
/* Its limits have changed: one that would have been reached before ends the session now, not then. */
void session_limit_change(struct session_engine *engine, struct session *session, struct instant now,
			  struct event_list *events);

/* session_stranger.c */
/* Whether this client may have no session, because it has not logged in. */
bool session_is_stranger(const struct session_engine *engine, const struct client *client);
void session_stranger_book(struct session_engine *engine, struct client *client, struct instant seen,
			   const struct ledger_delta *delta);
void session_stranger_end(struct session_engine *engine, struct client *client);
void session_stranger_tick(struct session_engine *engine, struct instant now);

/* session_wait.c */
/* Whether a session may not begin now, with this delta. */
bool session_must_wait(const struct session_engine *engine, const struct client *client,
		       const struct ledger_delta *delta);
/* Keeps the octets for the session that is to come. */
void session_wait(struct session_engine *engine, struct client *client, struct instant seen,
		  const struct ledger_delta *delta);
/* The session has begun: hands over what has waited for it. */
void session_wait_end(struct session_engine *engine, struct client *client, struct session *session);
/* Gives up on whoever has fallen silent. */
void session_wait_tick(struct session_engine *engine, struct instant now);
/* Who waits has logged in: what was before is nobody's. */
void session_wait_give_up(struct session_engine *engine, struct client *client);
void session_mark_answered(struct session_engine *engine, struct session *session);

/* session_address.c */
/* The guest has sent from ip at seen: remember it and bind it. True when the set of addresses has changed. */
bool session_address_prove(struct session_engine *engine, struct session *session, const struct ip_addr *ip,
			   struct instant seen);
void session_address_used(struct session *session, const struct ip_addr *ip, const struct traffic *traffic);
/* Those that are bound to from, whose session is about to end, are to's since now. */
struct session_address *session_address_carry(const struct session_engine *engine, const struct session *from,
					      struct instant now, size_t *n_out);
void session_address_release(struct session_engine *engine, const struct session *session);
/* Binds what a resumed record holds. */
void session_address_resume(struct session_engine *engine, struct session *session);

/* session_save.c */
void session_mark_changed(struct session *session);
void session_mark_transition(struct session_engine *engine, struct session *session);
void session_unmark_pending(struct session_engine *engine, struct session *session);
bool session_client_has_transition(const struct client *client);
/* Whether a flush takes this client's octets, and then all of them. */
bool session_client_is_in_scope(const struct client *client, enum session_scope scope);

/* session_save_login.c */
void session_mark_login(struct session_engine *engine, struct client *client);
void session_mark_stranger(struct session_engine *engine, struct client *client);
void session_mark_host_name(struct session_engine *engine, struct client *client);
bool session_client_is_saved(const struct client *client);

#endif
