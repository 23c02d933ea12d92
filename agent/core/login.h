/* SPDX-License-Identifier: MIT */
/*
 * A login: what a portal has said of a device. It belongs to the MAC until it is over, and a guest's
 * sessions are what the device does meanwhile:
 *
 *   waiting    no session yet; given up at `until` (rules.login_wait_ns after the login)
 *   in use     its session is on line; `until` is zero
 *   kept       its session has ended by silence (idle, lost, reboot): who returns before `until`
 *              (rules.relogin_ns after that end) goes on being that guest, with what is left of the limits
 *
 *   over       by logout, disconnect, a limit, another login on the same MAC, or `until`. What somebody or a limit has
 *              ended is remembered as spent for a while, if it has an external_id (is_over; nothing but mac,
 *              external_id and seq), so that a hook that runs again, or behind the one that said the end, opens
 *              nothing. What silence has ended may be said again
 *
 * A login owns its strings. Whoever assigns one to another moves it.
 */
#ifndef CORE_LOGIN_H
#define CORE_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/instant.h"
#include "core/identity.h"
#include "core/traffic.h"

/* Zero is "no limit"; for idle_timeout_ns it is "that of the configuration". Below 2^63. */
struct login_limits {
	int64_t session_timeout_ns;
	int64_t idle_timeout_ns;
	uint64_t max_bytes_total;
	uint64_t max_bytes_down;
	uint64_t max_bytes_up;
};

struct login {
	struct mac_addr mac;
	struct ip_addr ip; /* as the portal saw it; unspecified when it did not say */
	struct identity identity;
	char *external_id; /* the portal's own name of this login; NULL: none */
	char *location_id; /* NULL: that of the configuration */
	struct login_limits limits;
	struct instant at;
	struct instant until; /* mono_ns 0: in use */
	uint64_t seq;         /* of its session on line, or of the next; 0: not decided */
	uint64_t last_seq;    /* of the session before; 0: there was none */
	bool has_begun;       /* a session of it has been on line */
	bool is_over;         /* spent, until `until`; seq: of its last session, 0: it had none */
	/* what its ended sessions have used of the limits */
	int64_t used_ns;
	struct traffic used;
};

void login_clean(struct login *login);

/* Makes *to, whose content is overwritten, a deep copy; 0, or -ENOMEM and *to zeroed. */
int login_copy(struct login *to, const struct login *from);

/* Whether both say the same of the same device: a portal's hook that ran twice. */
bool login_is_same(const struct login *a, const struct login *b);

/* Adds a session that has ended to what is used. */
struct session_record;
void login_use(struct login *login, const struct session_record *ended);

/* The same for a session that has ended by silence when no engine was there: the login is kept for relogin_ns from it.
 */
void login_keep(struct login *login, const struct session_record *ended, int64_t relogin_ns);

/*
 * A change to a live session (PATCH): a field that is set replaces, one that is not stays. Owned.
 * `sets` has a bit for each field of struct identity in its order, see identity_field_name(); a set field that is
 * NULL is cleared.
 */
struct login_change {
	struct identity identity;
	unsigned int identity_sets;
	struct login_limits limits;
	unsigned int limit_sets; /* of enum login_limit */
};

enum login_limit {
	LOGIN_SESSION_TIMEOUT,
	LOGIN_IDLE_TIMEOUT,
	LOGIN_MAX_BYTES_TOTAL,
	LOGIN_MAX_BYTES_DOWN,
	LOGIN_MAX_BYTES_UP,
	LOGIN_N_LIMITS
};

void login_change_clean(struct login_change *change);

/* The limits whose bit is in sets replace those in *to. */
void login_limits_override(struct login_limits *to, const struct login_limits *from, unsigned int sets);

#endif
