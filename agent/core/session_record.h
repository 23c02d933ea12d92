/* SPDX-License-Identifier: MIT */
/*
 * One session as plain data: what the engine keeps, the store writes and reads, and the API prints.
 * The record owns its strings and its addresses; a copy is a deep copy. Whoever assigns one record to another moves it.
 */
#ifndef CORE_SESSION_RECORD_H
#define CORE_SESSION_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/instant.h"
#include "core/identity.h"
#include "core/traffic.h"

/* Addresses that one session remembers; beyond it the one unused for longest gives way. */
#define SESSION_ADDRESSES_MAX 16

/* Acct-Terminate-Cause of RFC 2866, 5.10; a data limit is NAS-Request, so that it differs from a time limit. */
enum end_cause {
	END_CAUSE_NONE = 0, /* on line */
	END_CAUSE_USER_REQUEST = 1,
	END_CAUSE_LOST_CARRIER = 2,
	END_CAUSE_IDLE_TIMEOUT = 4,
	END_CAUSE_SESSION_TIMEOUT = 5,
	END_CAUSE_ADMIN_RESET = 6,
	END_CAUSE_ADMIN_REBOOT = 7,
	END_CAUSE_NAS_REQUEST = 10,
	END_CAUSE_NAS_REBOOT = 11,
	END_CAUSE_PORT_PREEMPTED = 13, /* another guest, or the first one, has logged in on the same device */
};

/* RFC 2866 name ("Idle-Timeout"), NULL for END_CAUSE_NONE and unknown values. */
const char *end_cause_name(enum end_cause cause);

struct session_address {
	struct ip_addr ip;
	struct instant since; /* first packet from the guest with this source address, in this session */
	struct instant last;  /* latest such packet */
	uint64_t bytes;       /* both directions; chooses the busiest global IPv6 */
};

struct session_record {
	uint64_t seq; /* 1, 2, ...: order of creation; printed as an opaque id */
	struct mac_addr mac;
	/* mono_ns of these three is meaningful only within the boot that wrote them. */
	struct instant start;
	struct instant last_seen; /* last frame from the guest */
	struct instant end;       /* wall_ns and mono_ns 0 while on line */
	int64_t duration_ns;      /* of an ended session; on the monotonic clock, never negative */
	enum end_cause cause;     /* END_CAUSE_NONE exactly while on line */
	struct traffic traffic;
	struct session_address *addresses; /* exactly n_addresses; NULL for none */
	size_t n_addresses;
	struct ip_addr primary_ip; /* unspecified when no address is known */
	char *location_id;
	char *location_name;
	struct identity identity;
};

static inline bool session_record_is_online(const struct session_record *record)
{
	return record->cause == END_CAUSE_NONE;
}

void session_record_clean(struct session_record *record);

/* Makes *to, whose content is overwritten, a deep copy; 0, or -ENOMEM and *to zeroed. */
int session_record_copy(struct session_record *to, const struct session_record *from);

/*
 * Appends an address, which moves those that are there; 0, -ENOMEM or, when there are SESSION_ADDRESSES_MAX, -ENOSPC,
 * and the record untouched. Most guests have one to three and get a new one rarely, so none is kept in reserve.
 */
int session_record_add_address(struct session_record *record, const struct session_address *address);

/* Replaces the addresses of *to by a copy of those of *from; 0, or -ENOMEM and *to untouched. */
int session_record_copy_addresses(struct session_record *to, const struct session_record *from);

/* The latest IPv4, else the busiest global IPv6, else link-local; unspecified for none. */
struct ip_addr session_record_choose_primary(const struct session_record *record);

/* Time on line until now for an on-line session, else the recorded duration; never negative. */
int64_t session_record_duration_ns(const struct session_record *record, struct instant now);

#endif
