/* SPDX-License-Identifier: MIT */
#include "core/presence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/table.h"

/* One sign of each kind about each address, MAC or link. Compared as octets, so all of it is set. */
struct sign_key {
	enum presence_kind kind;
	uint32_t ifindex; /* PRESENCE_LINK */
	struct ip_addr ip;
	struct mac_addr mac;
	uint16_t unused;
};
_Static_assert(sizeof(struct sign_key) == 32, "no padding");

struct sign {
	struct sign_key key;
	struct presence_sign sign;
	uint64_t seq;          /* the session it is about; PRESENCE_LINK: any */
	struct instant at;     /* the latest time it was noted; PRESENCE_LINK: the first */
	int64_t noted_mono_ns; /* the first time */
	UT_hash_handle hh;
};

struct presence {
	struct sign *signs; /* in the order in which they were noted first, as uthash keeps it */
	uint64_t n_dropped;
};

int presence_new(struct presence **out)
{
	struct presence *presence = calloc(1, sizeof(*presence));

	if (!presence)
		return -ENOMEM;
	*out = presence;
	return 0;
}

static void drop(struct presence *presence, struct sign *sign)
{
	HASH_DEL(presence->signs, sign);
	free(sign);
}

void presence_free(struct presence **presence_pointer)
{
	struct presence *presence = *presence_pointer;
	struct sign *sign, *next;

	if (!presence)
		return;
	HASH_ITER (hh, presence->signs, sign, next)
		drop(presence, sign);
	free(presence);
	*presence_pointer = NULL;
}

static struct sign_key key_of(const struct presence_sign *sign)
{
	struct sign_key key;

	memset(&key, 0, sizeof(key));
	key.kind = sign->kind;
	if (sign->kind == PRESENCE_NEIGHBOUR)
		key.ip = sign->ip;
	else if (sign->kind == PRESENCE_BRIDGE)
		key.mac = sign->mac;
	else
		key.ifindex = sign->ifindex;
	return key;
}

static struct sign *find(const struct presence *presence, const struct sign_key *key)
{
	struct sign *sign;

	HASH_FIND(hh, presence->signs, key, sizeof(*key), sign);
	return sign;
}

/* The session on line that a sign is about; NULL for none, and for PRESENCE_LINK. */
static const struct session_record *session_of(const struct session_engine *engine, const struct presence_sign *sign)
{
	uint32_t ifindex;

	if (sign->kind == PRESENCE_NEIGHBOUR)
		return session_engine_by_ip(engine, &sign->ip);
	if (sign->kind != PRESENCE_BRIDGE)
		return NULL;
	ifindex = session_engine_ifindex_of(engine, &sign->mac);
	if (ifindex == 0 || (ifindex != sign->ifindex && ifindex != sign->master))
		return NULL;
	return session_engine_by_mac(engine, &sign->mac);
}

bool presence_note(struct presence *presence, const struct session_engine *engine, struct instant now,
		   const struct presence_sign *sign)
{
	const struct sign_key key = key_of(sign);
	const struct session_record *record;
	struct sign *kept = find(presence, &key);

	if (sign->is_back) {
		if (kept)
			drop(presence, kept);
		return false;
	}
	record = session_of(engine, sign);
	if (sign->kind != PRESENCE_LINK && !record)
		return false;
	if (kept && sign->kind == PRESENCE_LINK)
		return true;
	if (!kept) {
		kept = HASH_COUNT(presence->signs) < PRESENCE_SIGNS_MAX ? calloc(1, sizeof(*kept)) : NULL;
		if (!kept) {
			presence->n_dropped++;
			return false;
		}
		kept->key = key;
		kept->noted_mono_ns = now.mono_ns;
		HASH_ADD(hh, presence->signs, key, sizeof(kept->key), kept);
		if (!TABLE_HAS_ADDED(kept, hh)) {
			free(kept);
			presence->n_dropped++;
			return false;
		}
	}
	kept->sign = *sign;
	kept->seq = record ? record->seq : 0;
	kept->at = now;
	return true;
}

size_t presence_n_signs(const struct presence *presence)
{
	return HASH_COUNT(presence->signs);
}

uint64_t presence_n_dropped(const struct presence *presence)
{
	return presence->n_dropped;
}

int64_t presence_due_ns(const struct presence *presence)
{
	return presence->signs ? presence->signs->noted_mono_ns + PRESENCE_WAIT_NS : INT64_MAX;
}

static bool is_same_kind(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_is_v4(a) == ip_is_v4(b) && ip_is_link_local(a) == ip_is_link_local(b);
}

/* The guest has gone over to another address than this one, or has never been seen with it. */
static bool is_given_up(const struct session_record *record, const struct ip_addr *ip)
{
	const struct session_address *own = NULL;

	for (size_t i = 0; i < record->n_addresses; i++)
		if (ip_compare(&record->addresses[i].ip, ip) == 0)
			own = &record->addresses[i];
	if (!own)
		return true;
	for (size_t i = 0; i < record->n_addresses; i++) {
		const struct session_address *other = &record->addresses[i];
		const int64_t slack_ns = is_same_kind(&other->ip, ip) ? 0 : PRESENCE_APART_NS;

		if (other->last.mono_ns - own->last.mono_ns > slack_ns)
			return true;
	}
	return false;
}

static bool was_silent(const struct session_record *record, struct instant at)
{
	return at.mono_ns - record->last_seen.mono_ns >= PRESENCE_SILENCE_NS;
}

/* PRESENCE_NEIGHBOUR and PRESENCE_BRIDGE: the guest is what it is about, now as then, and has left. */
static bool is_lost(const struct sign *sign, const struct session_engine *engine, const struct link_facts *links,
		    size_t n_links)
{
	const struct session_record *record = session_of(engine, &sign->sign);

	if (!record || record->seq != sign->seq || !was_silent(record, sign->at))
		return false;
	return sign->sign.kind == PRESENCE_BRIDGE ||
	       (!is_given_up(record, &sign->sign.ip) &&
		link_is_above(links, n_links, session_engine_ifindex_of(engine, &record->mac), sign->sign.ifindex));
}

static size_t end(struct session_engine *engine, uint64_t seq, struct instant at, struct event_list *events)
{
	return session_engine_end(engine, seq, at, END_CAUSE_LOST_CARRIER, events) == 0;
}

struct lost_by_link {
	uint64_t seq;
	struct instant at;
};

/* One walk over all sessions for all links. */
struct link_walk {
	const struct presence *presence;
	const struct session_engine *engine;
	const struct link_facts *links;
	size_t n_links;
	struct instant now;
	uint32_t ifindex; /* looked at last, because many guests share a link; 0: none */
	bool is_running;
	struct lost_by_link *lost; /* as many as there are sessions */
	size_t n_lost;
};

static bool is_due(const struct sign *sign, struct instant now)
{
	return now.mono_ns - sign->noted_mono_ns >= PRESENCE_WAIT_NS;
}

static const struct sign *due_sign_of(const struct link_walk *walk, uint32_t ifindex)
{
	const struct presence_sign link = {.kind = PRESENCE_LINK, .ifindex = ifindex};
	const struct sign_key key = key_of(&link);
	const struct sign *sign = find(walk->presence, &key);

	return sign && is_due(sign, walk->now) ? sign : NULL;
}

static bool is_running(struct link_walk *walk, uint32_t ifindex)
{
	if (walk->ifindex == ifindex)
		return walk->is_running;
	walk->ifindex = ifindex;
	walk->is_running = false;
	for (size_t i = 0; i < walk->n_links; i++)
		if (walk->links[i].ifindex == ifindex)
			walk->is_running = walk->links[i].is_running;
	return walk->is_running;
}

static void visit(void *context, const struct session_record *record)
{
	struct link_walk *walk = context;
	const uint32_t ifindex = session_engine_ifindex_of(walk->engine, &record->mac);
	const struct sign *sign = ifindex ? due_sign_of(walk, ifindex) : NULL;

	if (ifindex && !sign)
		sign = due_sign_of(walk, 0);
	if (sign && record->last_seen.mono_ns <= sign->at.mono_ns && !is_running(walk, ifindex))
		walk->lost[walk->n_lost++] = (struct lost_by_link){record->seq, sign->at};
}

static size_t end_by_links(struct link_walk *walk, struct session_engine *engine, struct event_list *events)
{
	size_t n_ended = 0;

	walk->lost = calloc(session_engine_n_online(engine) + 1, sizeof(*walk->lost));
	if (!walk->lost)
		return 0;
	session_engine_each_online(engine, visit, walk);
	for (size_t i = 0; i < walk->n_lost; i++)
		n_ended += end(engine, walk->lost[i].seq, walk->lost[i].at, events);
	free(walk->lost);
	return n_ended;
}

size_t presence_judge(struct presence *presence, struct session_engine *engine, struct instant now,
		      const struct link_facts *links, size_t n_links, struct event_list *events)
{
	struct link_walk walk = {
		.presence = presence, .engine = engine, .links = links, .n_links = n_links, .now = now};
	struct sign *sign, *next;
	bool has_link = false;
	size_t n_ended = 0;

	HASH_ITER (hh, presence->signs, sign, next) {
		if (!is_due(sign, now))
			break;
		if (sign->sign.kind == PRESENCE_LINK)
			has_link = true;
		else if (is_lost(sign, engine, links, n_links))
			n_ended += end(engine, sign->seq, session_engine_by_seq(engine, sign->seq)->last_seen, events);
	}
	if (has_link)
		n_ended += end_by_links(&walk, engine, events);
	HASH_ITER (hh, presence->signs, sign, next) {
		if (!is_due(sign, now))
			break;
		drop(presence, sign);
	}
	return n_ended;
}
