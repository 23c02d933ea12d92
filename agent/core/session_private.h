/* SPDX-License-Identifier: MIT */
/*
 * Inside the session engine: session.c decides when sessions begin and end, session_address.c whose an
 * address is, session_save.c what the store still lacks.
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
	UT_hash_handle hh;
};

struct session {
	struct session_record record;
	struct client *client;
	uint64_t version; /* raised by each change of record */
	uint64_t saved_version;
	uint64_t transition_version; /* version of the last change that filters can see */
	bool is_pending;             /* transition_version > saved_version: it is in engine->pending */
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
	uint64_t round; /* from 1 on; beyond 1, a whole collection is booked and gaps between readings are known */
	struct traffic unclaimed; /* what waits at clients, and what nobody has claimed */
};

struct client *session_client_find(const struct session_engine *engine, const struct mac_addr *mac);
struct client *session_client_get(struct session_engine *engine, const struct mac_addr *mac); /* NULL: no memory */
/* Frees the client when nothing needs it any more. */
void session_client_drop(struct session_engine *engine, struct client *client);
void session_forget(struct session_engine *engine, struct session *session);

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
