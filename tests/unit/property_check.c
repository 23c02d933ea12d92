/* SPDX-License-Identifier: MIT */
#include "unit/property.h"

#include <stdlib.h>
#include <string.h>

#define TOLERANCE_NS NS_PER_S /* below it no step of the wall clock is seen */

struct tally {
	const struct world *world;
	struct traffic sessions[N_MACS]; /* of the store, with memory in place of what it knows better */
	size_t n_online;
	size_t n_online_of[N_MACS];
	uint64_t seqs[1024];
	size_t n_seqs;
};

static bool is_text_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static const struct session_record *row_of(const struct world *world, uint64_t seq)
{
	return seq < world->store.n_rows ? world->store.rows[seq] : NULL;
}

static void check_times(const struct world *world, const struct session_record *record)
{
	ENSURE(world, record->start.mono_ns <= record->last_seen.mono_ns, "session %lu: seen before its start",
	       record->seq);
	ENSURE(world, record->last_seen.mono_ns <= world->mono_ns, "session %lu: seen in the future", record->seq);
	for (size_t i = 0; i < record->n_addresses; i++)
		ENSURE(world, record->addresses[i].since.mono_ns <= record->addresses[i].last.mono_ns,
		       "session %lu: an address is used before it is had", record->seq);
	if (!session_record_is_online(record)) {
		ENSURE(world, record->end.mono_ns >= record->start.mono_ns, "session %lu: ends before it begins",
		       record->seq);
		ENSURE(world, record->end.mono_ns <= world->mono_ns, "session %lu: ends in the future", record->seq);
		ENSURE(world, record->end.wall_ns >= record->start.wall_ns,
		       "session %lu: ends before it begins by the wall clock", record->seq);
		ENSURE(world, record->duration_ns == record->end.mono_ns - record->start.mono_ns,
		       "session %lu: wrong duration", record->seq);
	} else {
		ENSURE(world, record->end.mono_ns == 0 && record->end.wall_ns == 0, "session %lu: on line with an end",
		       record->seq);
	}
	ENSURE(world, session_record_duration_ns(record, world_now(world)) >= 0, "session %lu: negative duration",
	       record->seq);
	if (world->is_trusted && world->is_stamped)
		ENSURE(world, record->start.wall_ns > WORLD_BEGINS_S * NS_PER_S, "session %lu: of 1970", record->seq);
}

static void visit(void *context, const struct session_record *record)
{
	struct tally *tally = context;
	const struct world *world = tally->world;
	const struct session_record *row = row_of(world, record->seq);
	const size_t mac = world_mac_index(&record->mac);

	for (size_t i = 0; i < tally->n_seqs; i++)
		if (tally->seqs[i] == record->seq)
			return;
	ENSURE(world, tally->n_seqs < sizeof(tally->seqs) / sizeof(tally->seqs[0]), "too many sessions");
	tally->seqs[tally->n_seqs++] = record->seq;
	check_times(world, record);
	traffic_add(&tally->sessions[mac], &record->traffic);
	if (row) {
		ENSURE(world, mac_compare(&row->mac, &record->mac) == 0 && row->start.mono_ns == record->start.mono_ns,
		       "session %lu: its number was another's", record->seq);
		traffic_subtract(&tally->sessions[mac], &row->traffic);
	}
	if (!session_record_is_online(record))
		return;
	ENSURE(world, session_engine_by_mac(world->engine, &record->mac) == record, "session %lu: not its MAC's",
	       record->seq);
	ENSURE(world, ++tally->n_online_of[mac] == 1, "MAC %zu has two sessions", mac);
	tally->n_online++;
}

static void check_sums(const struct world *world, const struct tally *tally)
{
	for (size_t i = 0; i < N_MACS; i++) {
		struct traffic sum = tally->sessions[i];

		traffic_add(&sum, &world->nobody[i]);
		ENSURE(world, memcmp(&sum, &world->booked[i], sizeof(sum)) == 0,
		       "MAC %zu: %lu up, %lu down in its sessions and of nobody, booked %lu, %lu", i, sum.up_bytes,
		       sum.down_bytes, world->booked[i].up_bytes, world->booked[i].down_bytes);
	}
}

static bool is_address_of(const struct session_record *record, const struct ip_addr *ip)
{
	for (size_t i = 0; i < record->n_addresses; i++)
		if (ip_compare(&record->addresses[i].ip, ip) == 0)
			return true;
	return false;
}

static void check_addresses(const struct world *world)
{
	for (size_t i = 0; i < N_IPS; i++) {
		const struct ip_addr ip = world_ip(i);
		const struct session_record *record = session_engine_by_ip(world->engine, &ip);

		if (!record)
			continue;
		ENSURE(world, session_record_is_online(record), "session %lu: has an address after its end",
		       record->seq);
		ENSURE(world, is_address_of(record, &ip), "session %lu: has an address that it does not know",
		       record->seq);
	}
}

static void check_login(const struct world *world, const struct tally *tally, const struct login *login)
{
	const struct session_record *online = session_engine_by_mac(world->engine, &login->mac);

	ENSURE(world, login->used_ns >= 0, "login %lu: negative use", login->seq);
	if (online) {
		ENSURE(world, login->until.mono_ns == 0 && login->has_begun, "login %lu: not in use", login->seq);
		ENSURE(world, login->seq == online->seq, "login %lu: its session is %lu", login->seq, online->seq);
		/* without memory for its names a session is kept all the same */
		ENSURE(world,
		       is_text_equal(online->identity.username, login->identity.username) ||
			       (world->was_starved && !online->identity.username),
		       "session %lu: is of %s, its login of %s", online->seq, online->identity.username,
		       login->identity.username);
		return;
	}
	ENSURE(world, login->until.mono_ns != 0, "login %lu: in use without a session", login->seq);
	ENSURE(world, session_engine_waiting_login(world->engine, login->seq) == login, "login %lu: not found",
	       login->seq);
	ENSURE(world, !row_of(world, login->seq), "login %lu: its number is taken in the store", login->seq);
	for (size_t i = 0; i < tally->n_seqs; i++)
		ENSURE(world, tally->seqs[i] != login->seq, "login %lu: its number is taken", login->seq);
}

static void count_stranger(void *context, const struct unauthenticated *device)
{
	size_t *n_strangers = context;

	*n_strangers += !traffic_is_zero(&device->traffic);
}

static void check_clients(const struct world *world, const struct tally *tally)
{
	size_t n_logins = 0, n_strangers = 0;

	for (size_t i = 0; i < N_MACS; i++) {
		const struct mac_addr mac = world_mac(i);
		const struct login *login = session_engine_login_of(world->engine, &mac);
		const struct session_record *online = session_engine_by_mac(world->engine, &mac);

		if (login)
			check_login(world, tally, login);
		n_logins += login != NULL;
		ENSURE(world, (online != NULL) == (tally->n_online_of[i] == 1), "MAC %zu: not among those on line", i);
		if (online && !login)
			ENSURE(world, world->rules.start == SESSION_START_TRAFFIC || world->had_other_rules,
			       "session %lu: began without a login", online->seq);
	}
	ENSURE(world, n_logins == session_engine_n_logins(world->engine), "%zu logins, %zu counted", n_logins,
	       session_engine_n_logins(world->engine));
	session_engine_each_unauthenticated(world->engine, count_stranger, &n_strangers);
	ENSURE(world, n_strangers == session_engine_n_unauthenticated(world->engine), "%zu strangers, %zu counted",
	       n_strangers, session_engine_n_unauthenticated(world->engine));
}

void world_check(const struct world *world)
{
	struct tally tally = {.world = world};

	memcpy(tally.sessions, world->store.sessions, sizeof(tally.sessions));
	session_engine_each_online(world->engine, visit, &tally);
	ENSURE(world, tally.n_online == session_engine_n_online(world->engine), "%zu on line, %zu counted",
	       tally.n_online, session_engine_n_online(world->engine));
	session_engine_each_unsaved(world->engine, visit, &tally);
	if (world->rules.max_online > 0)
		ENSURE(world, tally.n_online <= world->rules.max_online, "too many on line");
	check_sums(world, &tally);
	check_addresses(world);
	check_clients(world, &tally);
}

/* ---- after a tick */

static bool is_beyond(uint64_t limit, uint64_t used)
{
	return limit > 0 && used >= limit;
}

static void check_limits(void *context, const struct session_record *record)
{
	const struct world *world = context;
	const struct login *login = session_engine_login_of(world->engine, &record->mac);
	int64_t idle_ns = world->rules.idle_timeout_ns;
	struct traffic used = record->traffic;

	if (login && login->limits.idle_timeout_ns > 0)
		idle_ns = login->limits.idle_timeout_ns;
	ENSURE(world, world->mono_ns - record->last_seen.mono_ns < idle_ns, "session %lu: idle and on line",
	       record->seq);
	if (!login)
		return;
	traffic_add(&used, &login->used);
	ENSURE(world,
	       login->limits.session_timeout_ns == 0 ||
		       login->used_ns + world->mono_ns - record->start.mono_ns < login->limits.session_timeout_ns,
	       "session %lu: beyond its time", record->seq);
	ENSURE(world,
	       !is_beyond(login->limits.max_bytes_total, used.up_bytes + used.down_bytes) &&
		       !is_beyond(login->limits.max_bytes_up, used.up_bytes) &&
		       !is_beyond(login->limits.max_bytes_down, used.down_bytes),
	       "session %lu: beyond its octets", record->seq);
	ENSURE(world,
	       login->limits.session_timeout_ns == 0 ||
		       session_engine_due_ns(world->engine, world_now(world)) <=
			       record->start.mono_ns + login->limits.session_timeout_ns - login->used_ns,
	       "session %lu: nobody looks at its time limit", record->seq);
}

void world_check_ticked(const struct world *world)
{
	session_engine_each_online(world->engine, check_limits, (void *)world);
	for (size_t i = 0; i < N_MACS; i++) {
		const struct mac_addr mac = world_mac(i);
		const struct login *login = session_engine_login_of(world->engine, &mac);

		if (!login || session_engine_by_mac(world->engine, &mac))
			continue;
		/* a login whose session has ended in this very tick may be over already; the next one finds it */
		ENSURE(world, login->until.mono_ns > world->mono_ns || login->has_begun, "login %lu: waits for ever",
		       login->seq);
	}
}

/* ---- the store against memory */

static bool is_instant_equal(struct instant a, struct instant b)
{
	return a.mono_ns == b.mono_ns && a.wall_ns == b.wall_ns;
}

struct pair {
	const struct world *world;
	const struct session_engine *resumed;
};

static void compare_session(void *context, const struct session_record *record)
{
	const struct pair *pair = context;
	const struct world *world = pair->world;
	const struct session_record *other = session_engine_by_seq(pair->resumed, record->seq);

	ENSURE(world, other && session_record_is_online(other), "session %lu: not resumed", record->seq);
	ENSURE(world,
	       is_instant_equal(record->start, other->start) && is_instant_equal(record->last_seen, other->last_seen),
	       "session %lu: resumed with other times", record->seq);
	ENSURE(world, memcmp(&record->traffic, &other->traffic, sizeof(record->traffic)) == 0,
	       "session %lu: resumed with other octets", record->seq);
	ENSURE(world,
	       record->n_addresses == other->n_addresses &&
		       (record->n_addresses == 0 || memcmp(record->addresses, other->addresses,
							   record->n_addresses * sizeof(record->addresses[0])) == 0),
	       "session %lu: resumed with other addresses", record->seq);
	ENSURE(world, ip_compare(&record->primary_ip, &other->primary_ip) == 0, "session %lu: another primary address",
	       record->seq);
	ENSURE(world,
	       identity_is_equal(&record->identity, &other->identity) &&
		       is_text_equal(record->location_id, other->location_id) &&
		       is_text_equal(record->location_name, other->location_name),
	       "session %lu: another guest", record->seq);
	ENSURE(world, session_engine_by_mac(pair->resumed, &record->mac) == other, "session %lu: another MAC",
	       record->seq);
}

static int64_t distance_ns(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

static void compare_login(const struct pair *pair, const struct mac_addr *mac)
{
	const struct world *world = pair->world;
	const struct login *login = session_engine_login_of(world->engine, mac);
	const struct login *other = session_engine_login_of(pair->resumed, mac);

	/* one that is over may be gone on one side, before the next tick takes it on the other */
	if (login && !other && login->until.mono_ns != 0 && login->until.mono_ns <= world->mono_ns + TOLERANCE_NS)
		return;
	ENSURE(world, (login != NULL) == (other != NULL), "MAC %zu: %s login resumed", world_mac_index(mac),
	       login ? "no" : "a");
	if (!login)
		return;
	ENSURE(world, login->seq == other->seq, "login %lu: resumed as %lu", login->seq, other->seq);
	ENSURE(world,
	       identity_is_equal(&login->identity, &other->identity) &&
		       is_text_equal(login->external_id, other->external_id) &&
		       memcmp(&login->limits, &other->limits, sizeof(login->limits)) == 0,
	       "login %lu: says something else", login->seq);
	ENSURE(world,
	       login->used_ns == other->used_ns && memcmp(&login->used, &other->used, sizeof(login->used)) == 0 &&
		       login->has_begun == other->has_begun,
	       "login %lu: has used something else", login->seq);
	ENSURE(world,
	       (login->until.mono_ns == 0) == (other->until.mono_ns == 0) &&
		       distance_ns(login->until.mono_ns, other->until.mono_ns) < TOLERANCE_NS,
	       "login %lu: kept %ld ns, resumed for %ld ns", login->seq, login->until.mono_ns - world->mono_ns,
	       other->until.mono_ns - world->mono_ns);
}

void world_check_replay(const struct world *world)
{
	struct session_engine *resumed = world_resume(world);
	const struct pair pair = {world, resumed};

	ENSURE(world, session_engine_n_online(resumed) == session_engine_n_online(world->engine),
	       "%zu on line, %zu resumed", session_engine_n_online(world->engine), session_engine_n_online(resumed));
	session_engine_each_online(world->engine, compare_session, (void *)&pair);
	for (size_t i = 0; i < N_MACS; i++) {
		const struct mac_addr mac = world_mac(i);

		compare_login(&pair, &mac);
		ENSURE(world,
		       is_text_equal(session_engine_host_name(world->engine, &mac),
				     session_engine_host_name(resumed, &mac)),
		       "MAC %zu: resumed with another name", i);
	}
	for (size_t i = 0; i < N_IPS; i++) {
		const struct ip_addr ip = world_ip(i);
		const struct session_record *record = session_engine_by_ip(world->engine, &ip);
		const struct session_record *other = session_engine_by_ip(resumed, &ip);

		/* who had it before one who has left since is not told from who has it, see session_address_resume() */
		if (!record && other && is_address_of(other, &ip))
			continue;
		ENSURE(world, (record ? record->seq : 0) == (other ? other->seq : 0),
		       "address %zu: of session %lu, resumed as of %lu", i, record ? record->seq : 0,
		       other ? other->seq : 0);
	}
	ENSURE(world, session_engine_n_unauthenticated(resumed) == session_engine_n_unauthenticated(world->engine),
	       "%zu strangers, %zu resumed", session_engine_n_unauthenticated(world->engine),
	       session_engine_n_unauthenticated(resumed));
	session_engine_free(&resumed);
}
