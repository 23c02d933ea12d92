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
#include "core/login.h"
#include "core/session_record.h"

struct session_engine;

enum session_start {
	SESSION_START_TRAFFIC, /* a guest's first packet begins a session */
	SESSION_START_LOGIN,   /* only a login does; who sends without one is "unauthenticated" */
};

struct session_rules {
	enum session_start start;
	int64_t idle_timeout_ns;
	int64_t login_wait_ns;     /* how long a login waits for the first packet */
	int64_t relogin_ns;        /* how long a login is kept after its session has ended by silence; 0: not at all */
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

/* A login on its way to the store. */
struct login_save {
	struct login login; /* owned copy; without strings when it is gone */
	bool is_gone;       /* over: the row of this MAC goes */
	uint64_t version;
};

/* A device that sends without a session, when sessions begin by login only. */
struct unauthenticated {
	struct mac_addr mac;
	struct ip_addr ip; /* the latest that it sent from */
	struct instant first_seen;
	struct instant last_seen;
	struct traffic traffic;
};

struct unauthenticated_change {
	struct unauthenticated device; /* traffic zero: the row goes */
	uint64_t version;
};

/* What the DHCP server calls a device. */
struct device_change {
	struct mac_addr mac;
	char *host_name; /* owned; NULL: the row goes */
	uint64_t version;
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

/*
 * Ends what is idle or has reached a limit, gives up logins whose time is over, notices clock steps. Call it right
 * after a whole collection.
 */
void session_engine_tick(struct session_engine *engine, struct instant now, struct event_list *events);

/*
 * When the next collection must be, by CLOCK_BOOTTIME: at the next end of a session by time, and in time for the next
 * data limit at the pace of its guest; INT64_MAX when nothing is near. Sessions and limits after the latest tick.
 */
int64_t session_engine_due_ns(const struct session_engine *engine, struct instant now);

/*
 * Until then it is enough to read and judge those whose limit is near: fold what these MACs have sent, then call
 * session_engine_tick_near. When session_engine_due_ns is not before it, a whole collection is due.
 */
int64_t session_engine_whole_due_ns(const struct session_engine *engine);
void session_engine_each_near(const struct session_engine *engine,
			      void (*visit)(void *context, const struct mac_addr *mac), void *context);
void session_engine_tick_near(struct session_engine *engine, struct instant now, struct event_list *events);

/* The same, for a clock that is not to be trusted yet: ended sessions are kept (some thousands), to be re-stamped. */
void session_engine_trust_clock(struct session_engine *engine, bool is_trusted);

/*
 * Ends one session on line, or a login that waits, by its number; 0 or -ENOENT. Causes other than silence
 * (idle, lost, reboot: the guest may come back) end its login too.
 */
int session_engine_end(struct session_engine *engine, uint64_t seq, struct instant at, enum end_cause cause,
		       struct event_list *events);

/* The same, and whatever the cause is called, its login is over: a portal or an operator has said so. */
int session_engine_end_for_good(struct session_engine *engine, uint64_t seq, struct instant at, enum end_cause cause,
				struct event_list *events);

/* ---- logins (session_login.c). Fold the counters right before each of these: octets are booked to who is there. */

enum login_outcome {
	LOGIN_BEGUN = 0, /* its session is on line */
	LOGIN_WAITS,     /* for the device's first packet */
	LOGIN_KNOWN,     /* the same login was there already; nothing has changed */
	LOGIN_OVER,      /* it was, and is over; *seq is its last session's number, 0: it had none */
};

/*
 * A guest has logged in on login->mac; the login is copied, its `until`, `seq` and usage are the engine's. An anonymous
 * session, or another guest's, ends here (END_CAUSE_PORT_PREEMPTED) and the new one begins with its addresses. *seq is
 * the session's number, reserved when it waits. enum login_outcome; -ENOMEM, or -ENOSPC when too many logins
 * wait, and nothing has changed then.
 */
int session_engine_login(struct session_engine *engine, struct instant now, const struct login *login,
			 struct event_list *events, uint64_t *seq);

/*
 * A portal has said the end of a login that is not there: should it be on its way still, it opens nothing. Is heard for
 * as long as a login waits. 0 or -ENOMEM.
 */
int session_engine_spend_login(struct session_engine *engine, struct instant now, const struct mac_addr *mac,
			       const char *external_id);

/* Changes identity or limits of a session on line, or of a login that waits. 0, -ENOENT or -ENOMEM. */
int session_engine_change(struct session_engine *engine, struct instant now, uint64_t seq,
			  const struct login_change *change, struct event_list *events);

/*
 * Forgets whose a session is, and the login's person too, also the portal's name of one that is over; counters and
 * limits stay. 0, or -ENOENT: the session is not in memory.
 */
int session_engine_forget_person(struct session_engine *engine, struct instant now, uint64_t seq,
				 struct event_list *events);

/* What the DHCP server calls a device; NULL forgets. 0, -ENOMEM, or -ENOSPC when too many are known. */
int session_engine_name_device(struct session_engine *engine, struct instant now, const struct mac_addr *mac,
			       const char *host_name, struct event_list *events);
const char *session_engine_host_name(const struct session_engine *engine, const struct mac_addr *mac);

/* The login of a MAC, in whatever state, or the one that waits with this number; NULL: none. Borrowed. */
const struct login *session_engine_login_of(const struct session_engine *engine, const struct mac_addr *mac);
const struct login *session_engine_waiting_login(const struct session_engine *engine, uint64_t seq);
size_t session_engine_n_logins(const struct session_engine *engine);

/* From the store, after all sessions of this boot have been resumed. The login is copied; now decides what is over. */
int session_engine_resume_login(struct session_engine *engine, struct instant now, const struct login *login,
				bool is_same_boot);
int session_engine_resume_device(struct session_engine *engine, const struct mac_addr *mac, const char *host_name);
int session_engine_resume_unauthenticated(struct session_engine *engine, const struct unauthenticated *device);

/* ---- who sends without a session, when sessions begin by login */

void session_engine_each_unauthenticated(const struct session_engine *engine,
					 void (*visit)(void *context, const struct unauthenticated *device),
					 void *context);
size_t session_engine_n_unauthenticated(const struct session_engine *engine);
/* The octets of all of them, those who have left included. */
struct traffic session_engine_unauthenticated(const struct session_engine *engine);

const struct session_record *session_engine_by_ip(const struct session_engine *engine, const struct ip_addr *ip);
const struct session_record *session_engine_by_mac(const struct session_engine *engine, const struct mac_addr *mac);
const struct session_record *session_engine_by_seq(const struct session_engine *engine, uint64_t seq);

/* Calls visit for each session whose row in the store is out of date for filters, on line or ended. */
void session_engine_each_unsaved(const struct session_engine *engine,
				 void (*visit)(void *context, const struct session_record *record), void *context);

/* The interface of the latest frame from this MAC; 0: not known. */
uint32_t session_engine_ifindex_of(const struct session_engine *engine, const struct mac_addr *mac);
/* visit must not change the engine. */
void session_engine_each_online(const struct session_engine *engine,
				void (*visit)(void *context, const struct session_record *record), void *context);

size_t session_engine_n_online(const struct session_engine *engine);
/*
 * Whether it is decided whose this MAC's octets are; a ledger_wants whose context is the engine. As long as a guest
 * waits they are not: their baselines are not to be saved, so that they are there again after a crash; unless an
 * earlier session of it has to be, whose octets are in the same baselines.
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
/* Each change of these is a transition. */
int session_engine_changed_logins(const struct session_engine *engine, struct login_save **out, size_t *n_out);
int session_engine_changed_unauthenticated(const struct session_engine *engine, enum session_scope scope,
					   struct unauthenticated_change **out, size_t *n_out);
int session_engine_changed_devices(const struct session_engine *engine, struct device_change **out, size_t *n_out);
/* Whether SESSION_SCOPE_TRANSITIONS includes this MAC; a ledger_wants whose context is the engine. */
bool session_engine_has_transition_of(const void *engine, const struct mac_addr *mac);
size_t session_engine_n_unsaved(const struct session_engine *engine);
void session_changes_free(struct session_change *changes, size_t n_changes);
void login_saves_free(struct login_save *saves, size_t n_saves);
void device_changes_free(struct device_change *changes, size_t n_changes);

/* The store has committed these versions. Ended sessions that are saved are forgotten. */
void session_engine_mark_saved(struct session_engine *engine, const struct session_change *saved, size_t n_saved);
void session_engine_mark_unclaimed_saved(struct session_engine *engine, const struct unclaimed_change *saved,
					 size_t n_saved);
void session_engine_mark_logins_saved(struct session_engine *engine, const struct login_save *saved, size_t n_saved);
void session_engine_mark_unauthenticated_saved(struct session_engine *engine,
					       const struct unauthenticated_change *saved, size_t n_saved);
void session_engine_mark_devices_saved(struct session_engine *engine, const struct device_change *saved,
				       size_t n_saved);

#endif
