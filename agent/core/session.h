/* SPDX-License-Identifier: MIT */
/*
 * The session engine: deltas and time in, sessions and events out. Pure; the caller passes the time.
 *
 * A client is a MAC; a session is one period of it being on line.
 *   start   an IP packet from a MAC without a session
 *   end     idle_timeout without a frame from the guest; the end is that last frame, not its noticing
 *   proof   only frames from the guest: what is sent to a departed guest keeps nobody on line.
 *           Frames without IP (ARP, EAPOL) keep a session alive, but begin none.
 * Octets to a MAC that has no session wait for the next reading: an answer may be read before the packet that it
 * answers, and then both belong together (told by the stamps; so precise as one reading). What was sent to an
 * absent guest, and what a bridge floods to a port behind which the guest is not, is "unclaimed" for good: the
 * sum over sessions plus unclaimed always equals the sum of all deltas.
 *
 * Bounds: beyond max_online no session begins, beyond max_unanswered none that is not answered. Such guests wait
 * (n_waiting), as many as there may be sessions; the octets of whoever waits are unclaimed until its session begins,
 * and for good if it falls silent for some seconds before.
 *
 * An address belongs to the session whose guest sent from it last. Sessions and the index of addresses
 * are owned here; a pointer that a look-up returns is borrowed until the next call that is not const.
 *
 * Flushes come in two widths. A transition (start, end, re-stamp) is written at once, and then all sessions and
 * baselines of its MAC, so that what is written is true together; counters of the others follow at the flush
 * interval. Flash lives longer so.
 *
 * A session whose record has changed is dirty until the store has committed it (session_engine_changed,
 * session_engine_mark_saved); an ended one is forgotten only then. `is_transition_unsaved` marks those
 * whose row in the store would give a wrong answer to a filter (start, end, identity, start time).
 *
 * When the wall clock steps, the wall times of open sessions are re-stamped from the monotonic clock.
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "core/ledger.h"
#include "core/session_record.h"

struct session_engine;

struct session_rules {
	int64_t idle_timeout_ns;
	const char *location_id;   /* borrowed for the engine's life; may be NULL */
	const char *location_name; /* likewise */
	size_t max_online;         /* sessions at once; 0: no bound */
	/*
	 * Of them those that nothing was ever sent to; 0: no bound. Beyond it a guest waits: its session begins with
	 * the first answer to it. So a flood of invented MACs ends here, and who is answered comes in all the same.
	 */
	size_t max_unanswered;
};

/* A dirty record on its way to the store. */
struct session_change {
	struct session_record record; /* owned copy */
	uint64_t version;             /* for session_engine_mark_saved */
};

/* What waits for a session of a MAC; persisted like a baseline. */
struct unclaimed_change {
	struct mac_addr mac;
	struct traffic traffic; /* zero: claimed, the row goes */
	uint64_t version;
};

/* Closes a record that no engine holds, such as one of an earlier boot; end is on the record's own clocks. */
void session_close_record(struct session_record *record, struct instant end, enum end_cause cause);

int session_engine_new(const struct session_rules *rules, uint64_t next_seq, struct session_engine **out);
void session_engine_free(struct session_engine **engine);

/* Takes an open session of this boot from the store; the record is copied. 0, -EEXIST or -ENOMEM. */
int session_engine_resume(struct session_engine *engine, const struct session_record *record);
int session_engine_resume_unclaimed(struct session_engine *engine, const struct mac_addr *mac,
				    const struct traffic *traffic);

/* Learns where known clients are, from whole readings; before the first deltas after a restart. */
void session_engine_note_place(struct session_engine *engine, const struct counter_reading *reading);

/*
 * Books a delta. seen is the time of the last frame from the guest (the delta's last_up_ns on the agent's
 * clocks), read only when delta->has_up. Appends events. 0; or -ENOMEM: the octets are unclaimed then, and
 * nobody's for ever if not even their MAC could be kept; the totals stay right.
 */
int session_engine_apply(struct session_engine *engine, struct instant now, struct instant seen,
			 const struct ledger_delta *delta, struct event_list *events);

/* Ends what is idle, notices clock steps. Call it right after a whole collection. */
void session_engine_tick(struct session_engine *engine, struct instant now, struct event_list *events);

/* Ends one session; 0 or -ENOENT. */
int session_engine_end(struct session_engine *engine, uint64_t seq, struct instant at, enum end_cause cause,
		       struct event_list *events);

const struct session_record *session_engine_by_ip(const struct session_engine *engine, const struct ip_addr *ip);
const struct session_record *session_engine_by_mac(const struct session_engine *engine, const struct mac_addr *mac);
const struct session_record *session_engine_by_seq(const struct session_engine *engine, uint64_t seq);

/* Calls visit for each session whose row in the store is out of date for filters, on line or ended. */
void session_engine_each_unsaved(const struct session_engine *engine,
				 void (*visit)(void *context, const struct session_record *record), void *context);

size_t session_engine_n_online(const struct session_engine *engine);
/*
 * Whether it is decided whose this MAC's octets are; a ledger_wants whose context is the engine. As long as a guest
 * waits they are not: their baselines are not to be saved, so that they are there again after a crash.
 */
bool session_engine_is_settled(const void *engine, const struct mac_addr *mac);
/* Whether it is on line, and somebody has sent to it. */
bool session_engine_is_answered(const struct session_engine *engine, const struct mac_addr *mac);
/* Guests who send and have no session, because of a bound. */
size_t session_engine_n_waiting(const struct session_engine *engine);
struct traffic session_engine_unclaimed(const struct session_engine *engine);
/* True when a start, an end or a re-stamp waits to be written: flush at once. */
bool session_engine_has_transition(const struct session_engine *engine);

enum session_scope { SESSION_SCOPE_ALL, SESSION_SCOPE_TRANSITIONS /* only MACs with an unsaved transition */ };

/* Copies what the store lacks; the caller frees (session_changes_free, free). 0 or -ENOMEM. */
int session_engine_changed(const struct session_engine *engine, enum session_scope scope, struct session_change **out,
			   size_t *n_out);
int session_engine_changed_unclaimed(const struct session_engine *engine, enum session_scope scope,
				     struct unclaimed_change **out, size_t *n_out);
/* Whether SESSION_SCOPE_TRANSITIONS includes this MAC; a ledger_wants whose context is the engine. */
bool session_engine_has_transition_of(const void *engine, const struct mac_addr *mac);
size_t session_engine_n_unsaved(const struct session_engine *engine);
void session_changes_free(struct session_change *changes, size_t n_changes);

/* The store has committed these versions. Ended sessions that are saved are forgotten. */
void session_engine_mark_saved(struct session_engine *engine, const struct session_change *saved, size_t n_saved);
void session_engine_mark_unclaimed_saved(struct session_engine *engine, const struct unclaimed_change *saved,
					 size_t n_saved);

#endif
