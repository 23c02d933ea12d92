/* SPDX-License-Identifier: MIT */
/*
 * Memory that runs out at whichever allocation, in each call about logins: nothing crashes or leaks, every octet is in
 * one place, and what has failed can be said again.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "core/guest.h"
#include "unit/scarce.h"
#include "unit/session_scene.h"

TestSuite(session_login_memory, .fini = scene_end);

/* 500 octets: of a guest on line, of an anonymous one, of a stranger or nobody; and a login that waits. */
static void set_up(enum session_start start)
{
	const struct session_rules rules = scene_rules(start);

	scene_begin(&rules);
	scene_login(500, 1, "kim", NULL, NULL);
	scene_packet(1000, 1, "10.0.0.1", 100, 0);
	scene_packet(1000, 2, "10.0.0.2", 100, 200);
	scene_packet(1000, 3, "10.0.0.3", 0, 100);
	scene_login(1500, 4, "pat", NULL, NULL);
}

static void add(void *context, const struct session_record *record)
{
	struct traffic *sum = context;

	traffic_add(sum, &record->traffic);
}

static void add_ended(void *context, const struct session_record *record)
{
	if (!session_record_is_online(record))
		add(context, record);
}

static void expect_octets(uint64_t n)
{
	struct traffic sum = session_engine_unclaimed(scene.engine);
	const struct traffic unauthenticated = session_engine_unauthenticated(scene.engine);

	traffic_add(&sum, &unauthenticated);
	session_engine_each_online(scene.engine, add, &sum);
	session_engine_each_unsaved(scene.engine, add_ended, &sum);
	cr_assert_eq(sum.up_bytes + sum.down_bytes, n, "%lu octets", sum.up_bytes + sum.down_bytes);
}

static int login(uint8_t guest)
{
	const struct login said = {
		.mac = scene_mac(guest),
		.identity = {.guest_id = (char *)"g", .username = (char *)"lee", .name = (char *)"Lee"},
		.external_id = (char *)"A",
		.location_id = (char *)"L2",
	};
	uint64_t seq;
	const int r = session_engine_login(scene.engine, scene_at(2000), &said, &scene.events, &seq);

	return r < 0 ? r : 0;
}

static int login_on_line(void)
{
	return login(1);
}

static int login_anonymous(void)
{
	return login(2);
}

static int login_new(void)
{
	return login(9);
}

static int change(uint64_t seq)
{
	const struct login_change said = {
		.identity = {.name = (char *)"Lee", .email = (char *)"lee@example.org"},
		.identity_sets = 1u << IDENTITY_NAME | 1u << IDENTITY_EMAIL | 1u << IDENTITY_USERNAME,
		.limits.max_bytes_up = 1 << 20,
		.limit_sets = 1u << LOGIN_MAX_BYTES_UP,
	};

	return session_engine_change(scene.engine, scene_at(2000), seq, &said, &scene.events);
}

static int change_guest(void)
{
	return change(scene_online(1)->seq);
}

static int change_anonymous(void)
{
	const struct session_record *anonymous = scene_online(2);

	return anonymous ? change(anonymous->seq) : 0;
}

static int change_waiting(void)
{
	return change(scene_login_of(4)->seq);
}

static int name_device(void)
{
	const struct mac_addr mac = scene_mac(2);

	return session_engine_name_device(scene.engine, scene_at(2000), &mac, "phone", &scene.events);
}

static int name_unknown_device(void)
{
	const struct mac_addr mac = scene_mac(9);

	return session_engine_name_device(scene.engine, scene_at(2000), &mac, "phone", &scene.events);
}

static int take_logins(void)
{
	struct login_save *saves = NULL;
	size_t n_saves = 0;
	const int r = session_engine_changed_logins(scene.engine, &saves, &n_saves);

	cr_assert_eq(n_saves, r ? 0u : 2u);
	login_saves_free(saves, n_saves);
	return r;
}

static int take_devices(void)
{
	struct device_change *changes = NULL;
	size_t n_changes = 0;
	const int r = session_engine_changed_devices(scene.engine, &changes, &n_changes);

	device_changes_free(changes, n_changes);
	return r;
}

static int take_strangers(void)
{
	struct unauthenticated_change *changes = NULL;
	size_t n_changes = 0;
	const int r = session_engine_changed_unauthenticated(scene.engine, SESSION_SCOPE_ALL, &changes, &n_changes);

	free(changes);
	return r;
}

static int resume_login(void)
{
	const struct login said = {.mac = scene_mac(9),
				   .identity.username = (char *)"lee",
				   .external_id = (char *)"A",
				   .at = scene_at(1500),
				   .until = scene_at(50000),
				   .seq = 77};
	const int r = session_engine_resume_login(scene.engine, scene_at(2000), &said, true);

	return r == -EEXIST ? 0 : r;
}

static int resume_session(void)
{
	const struct session_record record = {.seq = 78,
					      .mac = scene_mac(9),
					      .start = scene_at(1500),
					      .last_seen = scene_at(1500),
					      .location_id = (char *)"L1",
					      .identity.username = (char *)"lee"};

	return session_engine_resume(scene.engine, &record);
}

static int resume_device(void)
{
	const struct mac_addr mac = scene_mac(9);

	return session_engine_resume_device(scene.engine, &mac, "phone");
}

static const struct {
	const char *name;
	int (*call)(void);
} calls[] = {
	{"a second guest's login", login_on_line},
	{"the login of who is there", login_anonymous},
	{"the login of who is not", login_new},
	{"a change of a guest", change_guest},
	{"a change of who is anonymous", change_anonymous},
	{"a change of a login that waits", change_waiting},
	{"a name", name_device},
	{"a name for who is unknown", name_unknown_device},
	{"saving logins", take_logins},
	{"saving devices", take_devices},
	{"saving strangers", take_strangers},
	{"resuming a login", resume_login},
	{"resuming a session", resume_session},
	{"resuming a device", resume_device},
};

/* One call with room for n allocations; true when it needed no more. */
static bool try_with(enum session_start start, size_t call, size_t n)
{
	bool was_enough;
	int r;

	set_up(start);
	scarce_n_left = n;
	r = calls[call].call();
	was_enough = scarce_n_left > 0;
	scarce_n_left = SIZE_MAX;
	cr_assert(r == 0 || r == -ENOMEM, "%s with %zu allocations: %d", calls[call].name, n, r);
	expect_octets(500);
	if (r) {
		r = calls[call].call();
		cr_assert_eq(r, 0, "%s again after %zu allocations: %d", calls[call].name, n, r);
	}
	expect_octets(500);
	scene_packet(3000, 1, "10.0.0.1", 10, 10);
	scene_packet(3000, 2, "10.0.0.2", 10, 10);
	scene_packet(3000, 9, "10.0.0.9", 10, 10);
	expect_octets(560);
	scene_tick(4000);
	scene_save();
	scene_tick(4000 + 2 * SCENE_RELOGIN_MS);
	scene_save();
	cr_assert_eq(session_engine_n_online(scene.engine), 0u);
	scene_tick(4000 + 4 * SCENE_RELOGIN_MS);
	cr_assert_eq(session_engine_n_logins(scene.engine), 0u, "%s with %zu allocations", calls[call].name, n);
	scene_end();
	return was_enough;
}

Test(session_login_memory, each_allocation_of_each_call_may_fail)
{
	for (size_t call = 0; call < ARRAY_LENGTH(calls); call++) {
		for (enum session_start start = SESSION_START_TRAFFIC; start <= SESSION_START_LOGIN; start++) {
			size_t n = 0;

			while (!try_with(start, call, n))
				n++;
		}
	}
}

/* A session or a stranger that memory is not enough for. */
Test(session_login_memory, octets_without_memory_are_counted_all_the_same)
{
	for (enum session_start start = SESSION_START_TRAFFIC; start <= SESSION_START_LOGIN; start++) {
		for (size_t n = 0; n < 12; n++) {
			const struct ledger_delta delta = {
				.key = {.mac = scene_mac(4), .ip = {.octets = {[0] = 0x20, [15] = 1}}},
				.traffic = {.up_bytes = 7, .up_packets = 1},
				.last_up_ns = 2000 * NS_PER_MS,
				.has_up = true,
			};
			int r;

			set_up(start);
			scarce_n_left = n;
			r = session_engine_apply(scene.engine, scene_at(2000), scene_at(2000), &delta, &scene.events);
			scarce_n_left = SIZE_MAX;
			cr_assert(r == 0 || r == -ENOMEM);
			expect_octets(507);
			/* an address that could not be bound is not remembered as the session's */
			for (size_t i = 0; scene_online(4) && i < scene_online(4)->n_addresses; i++)
				cr_assert_eq(session_engine_by_ip(scene.engine, &scene_online(4)->addresses[i].ip),
					     scene_online(4), "with %zu allocations", n);
			/* the login that waits for it is not lost */
			scene_packet(3000, 4, "10.0.0.4", 10, 0);
			expect_octets(517);
			cr_assert_not_null(scene_online(4));
			cr_assert_str_eq(scene_login_of(4)->identity.username, "pat");
			scene_end();
		}
	}
}

Test(session_login_memory, a_register_of_guests_without_memory_is_as_it_was)
{
	static const struct public_id_key key = {{1, 2, 3, 4}};

	for (size_t n = 0; n < 24; n++) {
		struct guest_register *guests = NULL;
		struct identity identity = {0};
		struct guest_change *changes = NULL;
		size_t n_changes = 0;
		int r = 0;

		cr_assert_eq(identity_copy(&identity, &(struct identity){.username = (char *)"kim",
									 .email = (char *)"kim@example.org",
									 .name = (char *)"Kim"}),
			     0);
		scarce_n_left = n;
		r = guest_register_new(2, &key, &guests);
		if (!r)
			r = guest_register_note(guests, &identity, 1);
		if (!r)
			r = guest_register_changed(guests, &changes, &n_changes);
		scarce_n_left = SIZE_MAX;
		cr_assert(r == 0 || r == -ENOMEM);
		cr_assert_eq(n_changes, r ? 0u : 1u);
		guest_changes_free(changes, n_changes);
		/* it can be said again */
		if (guests) {
			cr_assert_eq(guest_register_note(guests, &identity, 2), 0);
			cr_assert_eq(guest_register_size(guests), 1u);
		}
		identity_clean(&identity);
		if (guests)
			guest_register_free(&guests);
	}
}
