/* SPDX-License-Identifier: MIT */
#include "unit/session_scene.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct scene scene;

struct session_rules scene_rules(enum session_start start)
{
	return (struct session_rules){
		.start = start,
		.idle_timeout_ns = SCENE_IDLE_MS * NS_PER_MS,
		.login_wait_ns = SCENE_WAIT_MS * NS_PER_MS,
		.relogin_ns = SCENE_RELOGIN_MS * NS_PER_MS,
		.location_id = "L1",
		.location_name = "Lobby",
	};
}

void scene_begin(const struct session_rules *rules)
{
	scene = (struct scene){.rules = *rules, .wall_offset_ns = INT64_C(1800000000) * NS_PER_S};
	cr_assert_eq(session_engine_new(&scene.rules, 1, &scene.engine), 0);
	scene_tick(1);
}

void scene_end(void)
{
	session_engine_free(&scene.engine);
	event_list_clean(&scene.events);
}

struct instant scene_at(int64_t ms)
{
	return (struct instant){ms * NS_PER_MS, ms * NS_PER_MS + scene.wall_offset_ns};
}

struct mac_addr scene_mac(uint8_t guest)
{
	return (struct mac_addr){{2, 0, 0, 0, 0, guest}};
}

static struct ip_addr ip_of(const char *text)
{
	struct ip_addr ip;

	cr_assert_eq(ip_parse(text, &ip), 0);
	return ip;
}

void scene_packet(int64_t ms, uint8_t guest, const char *ip, uint64_t up_bytes, uint64_t down_bytes)
{
	const struct ledger_delta delta = {
		.key = {.mac = scene_mac(guest), .ip = ip_of(ip), .ifindex = 3},
		.traffic = {up_bytes, up_bytes > 0, down_bytes, down_bytes > 0},
		.last_up_ns = up_bytes > 0 ? ms * NS_PER_MS : 0,
		.last_down_ns = down_bytes > 0 ? ms * NS_PER_MS : 0,
		.has_up = up_bytes > 0,
	};

	cr_assert_eq(session_engine_apply(scene.engine, scene_at(ms), scene_at(ms), &delta, &scene.events), 0);
}

void scene_tick(int64_t ms)
{
	session_engine_tick(scene.engine, scene_at(ms), &scene.events);
}

int scene_login(int64_t ms, uint8_t guest, const char *username, const struct login_limits *limits, uint64_t *seq)
{
	struct login login = {.mac = scene_mac(guest), .identity.username = (char *)username};
	uint64_t unused;

	if (limits)
		login.limits = *limits;
	return session_engine_login(scene.engine, scene_at(ms), &login, &scene.events, seq ? seq : &unused);
}

void scene_end_session(int64_t ms, uint64_t seq, enum end_cause cause)
{
	cr_assert_eq(session_engine_end(scene.engine, seq, scene_at(ms), cause, &scene.events), 0);
}

const struct session_record *scene_online(uint8_t guest)
{
	const struct mac_addr mac = scene_mac(guest);

	return session_engine_by_mac(scene.engine, &mac);
}

const struct session_record *scene_holder(const char *ip)
{
	const struct ip_addr address = ip_of(ip);

	return session_engine_by_ip(scene.engine, &address);
}

const struct login *scene_login_of(uint8_t guest)
{
	const struct mac_addr mac = scene_mac(guest);

	return session_engine_login_of(scene.engine, &mac);
}

struct saved {
	struct session_change *sessions;
	size_t n_sessions;
	struct unclaimed_change *unclaimed;
	size_t n_unclaimed;
	struct login_save *logins;
	size_t n_logins;
	struct unauthenticated_change *strangers;
	size_t n_strangers;
	struct device_change *devices;
	size_t n_devices;
};

static void take(struct saved *saved)
{
	struct session_engine *engine = scene.engine;
	const enum session_scope all = SESSION_SCOPE_ALL;

	cr_assert_eq(session_engine_changed(engine, all, &saved->sessions, &saved->n_sessions), 0);
	cr_assert_eq(session_engine_changed_unclaimed(engine, all, &saved->unclaimed, &saved->n_unclaimed), 0);
	cr_assert_eq(session_engine_changed_logins(engine, &saved->logins, &saved->n_logins), 0);
	cr_assert_eq(session_engine_changed_unauthenticated(engine, all, &saved->strangers, &saved->n_strangers), 0);
	cr_assert_eq(session_engine_changed_devices(engine, &saved->devices, &saved->n_devices), 0);
	session_engine_mark_saved(engine, saved->sessions, saved->n_sessions);
	session_engine_mark_unclaimed_saved(engine, saved->unclaimed, saved->n_unclaimed);
	session_engine_mark_logins_saved(engine, saved->logins, saved->n_logins);
	session_engine_mark_unauthenticated_saved(engine, saved->strangers, saved->n_strangers);
	session_engine_mark_devices_saved(engine, saved->devices, saved->n_devices);
	cr_assert_not(session_engine_has_transition(engine), "everything is saved");
}

static void release(struct saved *saved)
{
	session_changes_free(saved->sessions, saved->n_sessions);
	free(saved->unclaimed);
	login_saves_free(saved->logins, saved->n_logins);
	free(saved->strangers);
	device_changes_free(saved->devices, saved->n_devices);
}

void scene_save(void)
{
	struct saved saved = {0};

	take(&saved);
	release(&saved);
}

void scene_restart(int64_t ms)
{
	struct saved saved = {0};
	uint64_t next_seq = 1;

	take(&saved);
	for (size_t i = 0; i < saved.n_sessions; i++)
		if (next_seq <= saved.sessions[i].record.seq)
			next_seq = saved.sessions[i].record.seq + 1;
	session_engine_free(&scene.engine);
	cr_assert_eq(session_engine_new(&scene.rules, next_seq, &scene.engine), 0);
	for (size_t i = 0; i < saved.n_sessions; i++)
		if (session_record_is_online(&saved.sessions[i].record))
			cr_assert_eq(session_engine_resume(scene.engine, &saved.sessions[i].record), 0);
	for (size_t i = 0; i < saved.n_logins; i++)
		if (!saved.logins[i].is_gone)
			cr_assert_eq(
				session_engine_resume_login(scene.engine, scene_at(ms), &saved.logins[i].login, true),
				0);
	for (size_t i = 0; i < saved.n_devices; i++)
		if (saved.devices[i].host_name)
			cr_assert_eq(session_engine_resume_device(scene.engine, &saved.devices[i].mac,
								  saved.devices[i].host_name),
				     0);
	for (size_t i = 0; i < saved.n_strangers; i++)
		if (!traffic_is_zero(&saved.strangers[i].device.traffic))
			cr_assert_eq(session_engine_resume_unauthenticated(scene.engine, &saved.strangers[i].device),
				     0);
	release(&saved);
}

size_t scene_count_events(enum event_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < scene.events.n_items; i++)
		n += scene.events.items[i].kind == kind;
	return n;
}
