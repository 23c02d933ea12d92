/* SPDX-License-Identifier: MIT */
#include "core/session_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* RFC 2866, 5.10 */
static const char *const cause_names[] = {
	[END_CAUSE_USER_REQUEST] = "User-Request",     [END_CAUSE_LOST_CARRIER] = "Lost-Carrier",
	[END_CAUSE_IDLE_TIMEOUT] = "Idle-Timeout",     [END_CAUSE_SESSION_TIMEOUT] = "Session-Timeout",
	[END_CAUSE_ADMIN_RESET] = "Admin-Reset",       [END_CAUSE_ADMIN_REBOOT] = "Admin-Reboot",
	[END_CAUSE_NAS_REQUEST] = "NAS-Request",       [END_CAUSE_NAS_REBOOT] = "NAS-Reboot",
	[END_CAUSE_PORT_PREEMPTED] = "Port-Preempted",
};
_Static_assert(ARRAY_LENGTH(cause_names) == END_CAUSE_PORT_PREEMPTED + 1, "a name for each cause");

const char *end_cause_name(enum end_cause cause)
{
	/* through unsigned: a value from outside may be negative */
	if ((unsigned int)cause >= ARRAY_LENGTH(cause_names))
		return NULL;
	return cause_names[cause];
}

void session_record_clean(struct session_record *record)
{
	free(record->location_id);
	record->location_id = NULL;
	free(record->location_name);
	record->location_name = NULL;
	free(record->addresses);
	record->addresses = NULL;
	record->n_addresses = 0;
	identity_clean(&record->identity);
}

int session_record_add_address(struct session_record *record, const struct session_address *address)
{
	struct session_address *addresses;

	if (record->n_addresses >= SESSION_ADDRESSES_MAX)
		return -ENOSPC;
	addresses = reallocarray(record->addresses, record->n_addresses + 1, sizeof(*addresses));
	if (!addresses)
		return -ENOMEM;
	record->addresses = addresses;
	addresses[record->n_addresses++] = *address;
	return 0;
}

int session_record_copy_addresses(struct session_record *to, const struct session_record *from)
{
	struct session_address *addresses = NULL;

	if (from->n_addresses > 0) {
		addresses = reallocarray(NULL, from->n_addresses, sizeof(*addresses));
		if (!addresses)
			return -ENOMEM;
		memcpy(addresses, from->addresses, from->n_addresses * sizeof(*addresses));
	}
	free(to->addresses);
	to->addresses = addresses;
	to->n_addresses = from->n_addresses;
	return 0;
}

int session_record_copy(struct session_record *to, const struct session_record *from)
{
	int r;

	*to = *from;
	to->location_id = NULL;
	to->location_name = NULL;
	to->addresses = NULL;
	to->n_addresses = 0;
	to->identity = (struct identity){0};
	r = session_record_copy_addresses(to, from);
	if (!r)
		r = text_copy(&to->location_id, from->location_id);
	if (!r)
		r = text_copy(&to->location_name, from->location_name);
	if (!r)
		r = identity_copy(&to->identity, &from->identity);
	if (r) {
		session_record_clean(to);
		*to = (struct session_record){0};
	}
	return r;
}

/* What kind of address people would call the device's own; a higher one wins whatever its age. */
enum primary_rank { RANK_LINK_LOCAL_V4, RANK_LINK_LOCAL_V6, RANK_GLOBAL_V6, RANK_V4 };

static enum primary_rank rank_of(const struct ip_addr *ip)
{
	if (ip_is_v4(ip))
		return ip_is_link_local(ip) ? RANK_LINK_LOCAL_V4 : RANK_V4;
	return ip_is_link_local(ip) ? RANK_LINK_LOCAL_V6 : RANK_GLOBAL_V6;
}

/* Among equals the earlier entry stays, so the choice does not flap. */
static bool is_better(const struct session_address *candidate, const struct session_address *best)
{
	enum primary_rank rank = rank_of(&candidate->ip);
	enum primary_rank best_rank = rank_of(&best->ip);

	if (rank != best_rank)
		return rank > best_rank;
	if (rank == RANK_GLOBAL_V6 && candidate->bytes != best->bytes)
		return candidate->bytes > best->bytes;
	/* wall time, because mono_ns of a stored record may be of another boot */
	return candidate->last.wall_ns > best->last.wall_ns;
}

struct ip_addr session_record_choose_primary(const struct session_record *record)
{
	const struct session_address *best = NULL;

	for (size_t i = 0; i < record->n_addresses; i++) {
		const struct session_address *candidate = &record->addresses[i];

		if (ip_is_unspecified(&candidate->ip))
			continue;
		if (!best || is_better(candidate, best))
			best = candidate;
	}
	return best ? best->ip : (struct ip_addr){0};
}

int64_t session_record_duration_ns(const struct session_record *record, struct instant now)
{
	int64_t duration_ns = record->duration_ns;

	/* the start of a stored record is input: the difference may not fit */
	if (session_record_is_online(record) &&
	    __builtin_sub_overflow(now.mono_ns, record->start.mono_ns, &duration_ns))
		duration_ns = 0;
	return duration_ns > 0 ? duration_ns : 0;
}
