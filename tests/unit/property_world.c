/* SPDX-License-Identifier: MIT */
#include "unit/property.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "octet/abi.h"

void world_fail(const struct world *world, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	cr_assert_fail("seed %lu, step %d (%s): %s", world->seed, world->step, world->action, text);
	abort();
}

/* splitmix64 (G. Steele, D. Lea, C. Flood: "Fast splittable pseudorandom number generators", 2014) */
uint64_t world_draw(struct world *world, uint64_t n)
{
	uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % n;
}

struct instant world_now(const struct world *world)
{
	return (struct instant){.mono_ns = world->mono_ns, .wall_ns = world->mono_ns + world->wall_offset_ns};
}

struct mac_addr world_mac(size_t index)
{
	return (struct mac_addr){{2, 0, 0, 0, 0, (uint8_t)index}};
}

size_t world_mac_index(const struct mac_addr *mac)
{
	return mac->octets[5];
}

/* Some IPv4, some link-local, some global IPv6; the first is nobody's. */
struct ip_addr world_ip(size_t index)
{
	struct ip_addr ip = {{0}};

	if (index == 0)
		return ip;
	if (index < N_IPS / 2)
		return ip_from_v4((const uint8_t[]){10, 0, 0, (uint8_t)index});
	ip.octets[0] = index % 2 ? 0xfe : 0x20;
	ip.octets[1] = index % 2 ? 0x80 : 0x01;
	ip.octets[15] = (uint8_t)index;
	return ip;
}

void world_init(struct world *world, uint64_t seed, const struct session_rules *rules, void (*starve)(size_t n))
{
	*world = (struct world){
		.seed = seed,
		.random = seed,
		.action = "start",
		.rules = *rules,
		.starve = starve,
		.mono_ns = 50 * NS_PER_S,
		.wall_offset_ns = WORLD_LATER_S * NS_PER_S,
		.is_trusted = true,
		.store = {.next_seq = 1},
	};
	ENSURE(world, session_engine_new(&world->rules, 1, &world->engine) == 0, "no memory");
	ENSURE(world, ledger_new(&world->ledger) == 0, "no memory");
}

void world_clean(struct world *world)
{
	session_engine_free(&world->engine);
	ledger_free(&world->ledger);
	event_list_clean(&world->events);
	batch_clean(&world->in_flight);
	store_model_clean(&world->store);
}

/* ---- what the kernel half does */

/* NULL when the table is full: what is not counted there is not the engine's affair. */
static struct counter_reading *slot_of(struct world *world, const struct counter_key *key, int cpu)
{
	struct kernel_slot *free_slot = NULL;

	for (size_t i = 0; i < N_SLOTS; i++) {
		struct kernel_slot *slot = &world->slots[i];

		if (!slot->is_used)
			free_slot = slot;
		else if (slot->cpu == cpu && memcmp(&slot->reading.key, key, sizeof(*key)) == 0)
			return &slot->reading;
	}
	if (!free_slot)
		return NULL;
	free_slot->is_used = true;
	free_slot->cpu = cpu;
	free_slot->reading = (struct counter_reading){
		.slot = (uint32_t)(free_slot - world->slots),
		.sequence = free_slot->reading.sequence + 1,
		.key = *key,
		.bridge = 9 * (key->ifindex > 2),
	};
	return &free_slot->reading;
}

static int64_t kernel_now(const struct world *world)
{
	return world->mono_ns - world->suspended_ns;
}

void world_count(struct world *world, size_t mac, size_t ip, uint64_t up_bytes, uint64_t down_bytes)
{
	const struct counter_key key = {
		.mac = world_mac(mac), .ip = world_ip(ip), .ifindex = 2 + (uint32_t)world_draw(world, 3)};
	struct counter_reading *reading = slot_of(world, &key, (int)world_draw(world, N_CPUS));

	if (!reading)
		return;
	traffic_add(&reading->total, &(struct traffic){up_bytes, up_bytes > 0, down_bytes, down_bytes > 0});
	if (up_bytes > 0)
		reading->last_up_ns = kernel_now(world);
	if (down_bytes > 0)
		reading->last_down_ns = kernel_now(world);
}

void world_arp(struct world *world, size_t mac)
{
	const struct counter_key key = {
		.mac = world_mac(mac), .vlan = OCTET_VLAN_MAC_ONLY, .ifindex = 2 + (uint32_t)world_draw(world, 3)};
	struct counter_reading *reading = slot_of(world, &key, 0);

	if (reading)
		reading->last_up_ns = kernel_now(world);
}

/* A slot that has moved on since it was booked is not given back. */
static void on_idle(void *context, const struct counter_reading *booked)
{
	struct world *world = context;
	struct kernel_slot *slot = &world->slots[booked->slot];

	const struct counter_reading *reading = &slot->reading;

	if (!slot->is_used || reading->sequence != booked->sequence || reading->last_up_ns != booked->last_up_ns ||
	    reading->last_down_ns != booked->last_down_ns ||
	    memcmp(&reading->total, &booked->total, sizeof(booked->total)) != 0)
		return;
	slot->is_used = false;
	world->counts.n_retired++;
}

void world_retire(struct world *world)
{
	ledger_each_idle(world->ledger, kernel_now(world) - world->rules.idle_timeout_ns, on_idle, world);
}

/* ---- what the agent does */

void world_note_events(struct world *world)
{
	for (size_t i = 0; i < world->events.n_items; i++) {
		const struct event *event = &world->events.items[i];
		const struct session_record *record = session_engine_by_seq(world->engine, event->session_seq);
		const struct login *login;
		size_t mac;

		ENSURE(world, record, "an event of session %lu, which is unknown", event->session_seq);
		mac = world_mac_index(&record->mac);
		if (event->kind == EVENT_SESSION_OFFLINE) {
			world->counts.n_ends[record->cause]++;
			world->ended_mono_ns[mac] = event->at.mono_ns;
			/* otherwise that tick would have found it, unless the limit is a new one */
			ENSURE(world,
			       record->cause != END_CAUSE_SESSION_TIMEOUT ||
				       world->begun_mono_ns[mac] >= world->ticked_mono_ns ||
				       event->at.mono_ns >= world->ticked_mono_ns,
			       "session %lu: ends at %ld, and was there at %ld", record->seq, event->at.mono_ns,
			       world->ticked_mono_ns);
		} else if (event->kind == EVENT_SESSION_LIMIT) {
			world->counts.n_limits[event->limit]++;
		} else if (event->kind == EVENT_SESSION_ONLINE) {
			world->begun_mono_ns[mac] = world->mono_ns;
			login = session_engine_login_of(world->engine, &record->mac);
			world->counts.n_returns += login && login->used_ns > 0;
			ENSURE(world, event->at.mono_ns >= world->ended_mono_ns[mac],
			       "session %lu begins before the one before it has ended", record->seq);
		}
	}
	event_list_clear(&world->events);
}

static struct traffic nobodys(const struct world *world)
{
	struct traffic sum = session_engine_unclaimed(world->engine);
	const struct traffic unauthenticated = session_engine_unauthenticated(world->engine);

	traffic_add(&sum, &unauthenticated);
	return sum;
}

static void apply(struct world *world, const struct ledger_delta *delta)
{
	const size_t mac = world_mac_index(&delta->key.mac);
	const struct instant now = world_now(world);
	const bool is_starved = world_draw(world, 100) == 0;
	struct instant seen = now;
	int r;
	struct traffic before = nobodys(world), after;

	if (delta->has_up) {
		seen.mono_ns = delta->last_up_ns + world->suspended_ns;
		seen.wall_ns = seen.mono_ns + world->wall_offset_ns;
	}
	if (is_starved)
		world->starve(world_draw(world, 6));
	r = session_engine_apply(world->engine, now, seen, delta, &world->events);
	world->starve(SIZE_MAX);
	ENSURE(world, r == 0 || (is_starved && r == -ENOMEM), "apply: %d", r);
	world->was_starved |= is_starved;
	world->counts.n_starved += is_starved;
	after = nobodys(world);
	traffic_add(&world->booked[mac], &delta->traffic);
	/* may be less than before: unsigned sums turn round */
	traffic_subtract(&after, &before);
	traffic_add(&world->nobody[mac], &after);
	world_note_events(world);
}

void world_collect(struct world *world, bool is_whole)
{
	const size_t start = world_draw(world, N_SLOTS), stride = 1 + 6 * world_draw(world, 3) + 4;
	struct ledger_delta put_off[N_SLOTS];
	size_t n_put_off = 0;

	for (size_t i = 0; i < N_SLOTS; i++) {
		const struct kernel_slot *slot = &world->slots[(start + i * stride) % N_SLOTS];
		struct ledger_delta delta;
		int r;

		if (!slot->is_used || (!is_whole && world_draw(world, 2)))
			continue;
		r = ledger_observe(world->ledger, &slot->reading, &delta);
		ENSURE(world, r >= 0, "ledger: %d", r);
		if (r == 0)
			continue;
		if (delta.has_up || session_engine_by_mac(world->engine, &delta.key.mac))
			apply(world, &delta);
		else
			put_off[n_put_off++] = delta;
	}
	for (size_t i = 0; i < n_put_off; i++)
		apply(world, &put_off[i]);
	if (!is_whole)
		return;
	session_engine_tick(world->engine, world_now(world), &world->events);
	world_note_events(world);
	world->is_stamped = true;
	world->ticked_mono_ns = world->mono_ns;
	world_check_ticked(world);
}

/* ---- saving */

static int build(struct world *world, bool is_full, struct batch *batch)
{
	const enum session_scope scope = is_full ? SESSION_SCOPE_ALL : SESSION_SCOPE_TRANSITIONS;
	const ledger_wants wants = is_full ? session_engine_is_settled : session_engine_has_transition_of;
	const struct session_engine *engine = world->engine;
	int r = session_engine_changed(engine, scope, &batch->sessions, &batch->n_sessions);

	if (!r)
		r = session_engine_changed_unclaimed(engine, scope, &batch->unclaimed, &batch->n_unclaimed);
	if (!r)
		r = session_engine_changed_logins(engine, &batch->logins, &batch->n_logins);
	if (!r)
		r = session_engine_changed_unauthenticated(engine, scope, &batch->strangers, &batch->n_strangers);
	if (!r)
		r = session_engine_changed_devices(engine, &batch->devices, &batch->n_devices);
	if (!r)
		r = ledger_changed(world->ledger, wants, engine, &batch->baselines, &batch->n_baselines);
	for (size_t i = 0; i < N_MACS; i++) {
		const struct mac_addr mac = world_mac(i);

		batch->is_booked[i] = wants(engine, &mac);
		batch->booked[i] = world->booked[i];
		batch->nobody[i] = world->nobody[i];
	}
	return r;
}

void world_flush_begin(struct world *world, bool is_full)
{
	if (world->is_flushing)
		return;
	ENSURE(world, build(world, is_full, &world->in_flight) == 0, "no memory");
	world->is_flushing = true;
}

void world_flush_end(struct world *world, bool has_failed)
{
	const struct batch *batch = &world->in_flight;

	if (!world->is_flushing)
		return;
	if (!has_failed) {
		store_model_apply(world, batch);
		session_engine_mark_saved(world->engine, batch->sessions, batch->n_sessions);
		session_engine_mark_unclaimed_saved(world->engine, batch->unclaimed, batch->n_unclaimed);
		session_engine_mark_logins_saved(world->engine, batch->logins, batch->n_logins);
		session_engine_mark_unauthenticated_saved(world->engine, batch->strangers, batch->n_strangers);
		session_engine_mark_devices_saved(world->engine, batch->devices, batch->n_devices);
		ledger_mark_saved(world->ledger, batch->baselines, batch->n_baselines);
	}
	batch_clean(&world->in_flight);
	world->is_flushing = false;
}

void world_flush(struct world *world)
{
	world_flush_end(world, false);
	world_flush_begin(world, true);
	world_flush_end(world, false);
}

/* ---- ending and beginning anew */

struct session_engine *world_resume(const struct world *world)
{
	const struct store_model *store = &world->store;
	const struct instant now = world_now(world);
	struct session_engine *engine = NULL;
	int r = session_engine_new(&world->rules, store->next_seq, &engine);

	for (size_t i = 0; !r && i < N_MACS; i++) {
		const struct mac_addr mac = world_mac(i);

		if (!traffic_is_zero(&store->unclaimed[i]))
			r = session_engine_resume_unclaimed(engine, &mac, &store->unclaimed[i]);
	}
	for (size_t seq = 0; !r && seq < store->n_rows; seq++)
		if (store->rows[seq] && session_record_is_online(store->rows[seq]))
			r = session_engine_resume(engine, store->rows[seq]);
	for (size_t i = 0; !r && i < N_MACS; i++) {
		const struct mac_addr mac = world_mac(i);

		if (store->has_login[i])
			r = session_engine_resume_login(engine, now, &store->logins[i], !world->has_rebooted);
		if (!r && store->host_names[i])
			r = session_engine_resume_device(engine, &mac, store->host_names[i]);
		if (!r && !traffic_is_zero(&store->strangers[i].traffic))
			r = session_engine_resume_unauthenticated(engine, &store->strangers[i]);
	}
	ENSURE(world, r == 0, "cannot resume: %d", r);
	session_engine_trust_clock(engine, world->is_trusted);
	return engine;
}

static void lose_table(struct world *world)
{
	memset(world->slots, 0, sizeof(world->slots));
	memset(world->store.has_baseline, 0, sizeof(world->store.has_baseline));
}

static void reboot(struct world *world)
{
	const int64_t wall_ns = world_now(world).wall_ns;

	lose_table(world);
	store_model_close_all(world);
	memset(world->store.strangers, 0, sizeof(world->store.strangers));
	world->mono_ns = (5 + (int64_t)world_draw(world, 60)) * NS_PER_S;
	world->suspended_ns = 0;
	world->is_trusted = world_draw(world, 2) == 0;
	/* without a battery the clock begins anew */
	if (world->is_trusted)
		world->wall_offset_ns = wall_ns > WORLD_BEGINS_S * NS_PER_S ? wall_ns : WORLD_LATER_S * NS_PER_S;
	else
		world->wall_offset_ns = 0;
	world->has_rebooted = true;
	world->counts.n_reboots++;
}

/* As somebody who edits the configuration. */
static void change_rules(struct world *world)
{
	if (world_draw(world, 4) > 0)
		return;
	world->rules.idle_timeout_ns = (20 + (int64_t)world_draw(world, 60)) * NS_PER_S;
	world->rules.relogin_ns = (int64_t)world_draw(world, 3) * 100 * NS_PER_S;
	world->rules.start = world_draw(world, 2) ? SESSION_START_TRAFFIC : SESSION_START_LOGIN;
	world->had_other_rules = true;
}

void world_restart(struct world *world, enum restart restart)
{
	if (restart == RESTART_CLEAN) {
		world_collect(world, true);
		world_flush(world);
		world_check_replay(world);
		world->counts.n_clean_restarts++;
	} else {
		/* the batch on its way is there as a whole, or not at all */
		if (world->is_flushing && world_draw(world, 2))
			store_model_apply(world, &world->in_flight);
		world->counts.n_crashes++;
	}
	batch_clean(&world->in_flight);
	world->is_flushing = false;
	session_engine_free(&world->engine);
	ledger_free(&world->ledger);
	if (restart == RESTART_REBOOT)
		reboot(world);
	if (restart == RESTART_TABLE_LOST)
		lose_table(world);
	change_rules(world);
	world->engine = world_resume(world);
	world->has_rebooted = false;
	ENSURE(world, ledger_new(&world->ledger) == 0, "no memory");
	for (size_t i = 0; i < N_SLOTS; i++)
		if (world->store.has_baseline[i])
			ENSURE(world, ledger_load(world->ledger, &world->store.baselines[i]) == 0, "no memory");
	memcpy(world->booked, world->store.booked, sizeof(world->booked));
	memcpy(world->nobody, world->store.nobody, sizeof(world->nobody));
	memset(world->ended_mono_ns, 0, sizeof(world->ended_mono_ns));
	memset(world->begun_mono_ns, 0, sizeof(world->begun_mono_ns));
	for (size_t i = 0; i < N_SLOTS; i++)
		if (world->slots[i].is_used)
			session_engine_note_place(world->engine, &world->slots[i].reading);
	world->is_stamped = false;
	world->ticked_mono_ns = 0;
	world_collect(world, true);
}
