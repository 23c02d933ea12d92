/* SPDX-License-Identifier: MIT */
/*
 * Inside the session engine: session.c decides when sessions begin and end, session_wait.c who has to wait for one,
 * session_address.c whose an address is, session_save.c what the store still lacks.
 */
#ifndef CORE_SESSION_PRIVATE_H
#define CORE_SESSION_PRIVATE_H

#include "core/session.h"
#include "core/table.h"

/* A MAC that has a session, an ended one that is not saved yet, or unclaimed octets. */
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
	uint64_t round; /* from 1 on; beyond 1, a whole collection is booked and gaps between readings are known */
	struct traffic unclaimed; /* what waits at clients, and what nobody has claimed */
};

struct client *session_client_find(const struct session_engine *engine, const struct mac_addr *mac);
struct client *session_client_get(struct session_engine *engine, const struct mac_addr *mac); /* NULL: no memory */
/* Frees the client when nothing needs it any more. */
void session_client_drop(struct session_engine *engine, struct client *client);
void session_forget(struct session_engine *engine, struct session *session);

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
void session_mark_answered(struct session_engine *engine, struct session *session);

/* session_address.c */
/* The guest has sent from ip at seen: remember it and bind it. True when the set of addresses has changed. */
bool session_address_prove(struct session_engine *engine, struct session *session, const struct ip_addr *ip,
			   struct instant seen);
void session_address_used(struct session *session, const struct ip_addr *ip, const struct traffic *traffic);
void session_address_release(struct session_engine *engine, const struct session *session);
/* Binds what a resumed record holds. */
void session_address_resume(struct session_engine *engine, struct session *session);

/* session_save.c */
void session_mark_changed(struct session *session);
void session_mark_transition(struct session_engine *engine, struct session *session);
void session_unmark_pending(struct session_engine *engine, struct session *session);

#endif
