/* SPDX-License-Identifier: MIT */
/* Sessions while the wall clock steps, the machine sleeps and summer ends: in virtual time. */
#include <criterion/criterion.h>
#include <jansson.h>

#include "core/calendar.h"
#include "core/json.h"
#include "core/session.h"
#include "core/wall_clock.h"

#define IDLE_S 300
#define HOUR_S 3600
/* The boot, in seconds of the true clock: 2026-11-23 10:00:00 UTC. */
#define BOOT_S INT64_C(1795428000)

/* error_ns: how far its clock is from the truth. */
struct machine {
	struct session_engine *engine;
	struct event_list events;
	struct wall_clock wall;
	int64_t error_ns;
};

static struct instant at(const struct machine *machine, int64_t mono_s)
{
	const int64_t mono_ns = mono_s * NS_PER_S;

	return (struct instant){
		mono_ns, wall_clock_tell(&machine->wall, mono_ns, BOOT_S * NS_PER_S + mono_ns + machine->error_ns)};
}

static void boot(struct machine *machine, int64_t error_ns)
{
	static const struct session_rules rules = {.idle_timeout_ns = IDLE_S * NS_PER_S};

	*machine = (struct machine){.error_ns = error_ns};
	cr_assert_eq(session_engine_new(&rules, 1, &machine->engine), 0);
}

static void halt(struct machine *machine)
{
	session_engine_free(&machine->engine);
	event_list_clean(&machine->events);
}

static void send(struct machine *machine, int64_t mono_s)
{
	struct ledger_delta delta = {.key = {.mac = {{2, 0, 0, 0, 0, 1}}, .ifindex = 3},
				     .traffic = {.up_bytes = 60, .up_packets = 1},
				     .last_up_ns = mono_s * NS_PER_S,
				     .has_up = true};

	cr_assert_eq(ip_parse("10.0.0.1", &delta.key.ip), 0);
	cr_assert_eq(session_engine_apply(machine->engine, at(machine, mono_s), at(machine, mono_s), &delta,
					  &machine->events),
		     0);
}

static void tick(struct machine *machine, int64_t mono_s)
{
	session_engine_tick(machine->engine, at(machine, mono_s), &machine->events);
}

static const struct session_record *session(const struct machine *machine, uint64_t seq)
{
	const struct session_record *record = session_engine_by_seq(machine->engine, seq);

	cr_assert_not_null(record);
	return record;
}

static int64_t seconds(struct instant instant)
{
	return calendar_seconds(instant.wall_ns);
}

/* Central Europe in the autumn of 2026: 3:00 is 2:00 at 01:00 UTC of October 25. */
#define SUMMER_ENDS_S INT64_C(1792890000)
static struct zone_time to_local(void *context, int64_t wall_s)
{
	(void)context;
	return calendar_from_unix(wall_s + (wall_s < SUMMER_ENDS_S ? 2 * HOUR_S : HOUR_S));
}

static const struct zone_port zone = {.to_local = to_local};

/* As the API prints it; the reference is the caller's. And whatever has happened, it must make sense. */
static json_t *print(const struct machine *machine, uint64_t seq, int64_t mono_s)
{
	static const struct public_id_key key = {{1, 2, 3, 4}};
	const struct json_session_options options = {
		.zone = &zone, .id_key = &key, .now = at(machine, mono_s), .is_raw = true};
	const struct session_record *record = session(machine, seq);
	json_t *object = json_session(record, &options);

	cr_assert_geq(record->start.wall_ns, WALL_CLOCK_EARLIEST_NS, "a start of long ago");
	cr_assert_geq(record->last_seen.mono_ns, record->start.mono_ns);
	cr_assert_geq(json_integer_value(json_object_get(object, "duration_seconds")), 0);
	if (!session_record_is_online(record)) {
		cr_assert_geq(record->end.wall_ns, record->start.wall_ns);
		cr_assert_eq(record->end.wall_ns - record->start.wall_ns, record->duration_ns);
	}
	return object;
}

static void expect_text(const struct machine *machine, uint64_t seq, int64_t mono_s, const char *field,
			const char *wanted)
{
	json_auto_t *object = print(machine, seq, mono_s);
	const char *text = json_string_value(json_object_get(object, field));

	cr_expect_str_eq(text ? text : "null", wanted, "%s: %s, not %s", field, text ? text : "null", wanted);
}

/* Whether what is said of it at mono_s is true, to the second. */
static void expect_true(const struct machine *machine, uint64_t seq, int64_t mono_s, int64_t start_s,
			int64_t duration_s)
{
	json_auto_t *object = print(machine, seq, mono_s);
	const int64_t error_s = calendar_seconds(machine->error_ns);

	cr_expect_eq(seconds(session(machine, seq)->start), BOOT_S + start_s + error_s);
	cr_expect_eq(json_integer_value(json_object_get(object, "duration_seconds")), duration_s);
}

Test(session_clock, from_1970_to_today)
{
	struct machine machine;

	boot(&machine, (100 - BOOT_S) * NS_PER_S);
	session_engine_trust_clock(machine.engine, false);
	send(&machine, 30);
	tick(&machine, 31);
	json_decref(print(&machine, 1, 31));
	/* one that is over, and saved, before the clock is set */
	tick(&machine, 30 + IDLE_S);
	send(&machine, 1000);
	tick(&machine, 1001);
	struct session_change *changes = NULL;
	size_t n_changes = 0;
	cr_assert_eq(session_engine_changed(machine.engine, SESSION_SCOPE_ALL, &changes, &n_changes), 0);
	session_engine_mark_saved(machine.engine, changes, n_changes);
	session_changes_free(changes, n_changes);

	machine.error_ns = 0;
	/* what is read before the next tick is of both clocks */
	send(&machine, 1005);
	json_decref(print(&machine, 2, 1005));
	tick(&machine, 1006);
	session_engine_trust_clock(machine.engine, true);
	expect_true(&machine, 1, 1006, 30, 0);
	expect_true(&machine, 2, 1006, 1000, 6);
	expect_text(&machine, 2, 1006, "start_time", "2026-11-23T10:16:40+00:00");
	cr_expect(session_engine_has_transition(machine.engine), "and both are written anew");
	halt(&machine);
}

Test(session_clock, steps_back_and_forth_change_no_duration)
{
	static const int64_t errors_s[] = {-HOUR_S, 0, HOUR_S, 30 * 24 * HOUR_S, -5, 1};
	struct machine machine;
	int64_t now_s = 10;

	boot(&machine, 0);
	send(&machine, now_s);
	for (size_t i = 0; i < sizeof(errors_s) / sizeof(errors_s[0]); i++) {
		machine.error_ns = errors_s[i] * NS_PER_S;
		send(&machine, now_s + 5);
		json_decref(print(&machine, 1, now_s + 5));
		now_s += 10;
		tick(&machine, now_s);
		expect_true(&machine, 1, now_s, 10, now_s - 10);
	}
	tick(&machine, now_s + IDLE_S);
	expect_true(&machine, 1, now_s + IDLE_S, 10, now_s - 5 - 10);
	halt(&machine);
}

/* The end is found and the clock steps in the same second, in either order. */
Test(session_clock, an_end_at_a_step_is_not_before_its_start)
{
	struct machine machine;

	boot(&machine, 0);
	send(&machine, 10);
	send(&machine, 20);
	machine.error_ns = -HOUR_S * NS_PER_S;
	cr_assert_eq(session_engine_end(machine.engine, 1, session(&machine, 1)->last_seen, END_CAUSE_LOST_CARRIER,
					&machine.events),
		     0);
	json_decref(print(&machine, 1, 21));
	tick(&machine, 22);
	expect_true(&machine, 1, 22, 10, 10);
	halt(&machine);
}

/* What NTP does to a clock that is nearly right: too little to be told of, however often. */
Test(session_clock, a_slew_is_no_step)
{
	struct machine machine;
	int64_t start_ns;

	boot(&machine, 0);
	send(&machine, 10);
	tick(&machine, 11);
	start_ns = session(&machine, 1)->start.wall_ns;
	event_list_clear(&machine.events);
	machine.error_ns = 2 * NS_PER_S / 5;
	tick(&machine, 12);
	machine.error_ns = -2 * NS_PER_S / 5;
	tick(&machine, 13);
	cr_expect_eq(session(&machine, 1)->start.wall_ns, start_ns);
	cr_expect_eq(machine.events.n_items, 0u);
	machine.error_ns = 3 * NS_PER_S / 5;
	tick(&machine, 14);
	cr_expect_eq(session(&machine, 1)->start.wall_ns, start_ns + machine.error_ns);
	halt(&machine);
}

/* CLOCK_BOOTTIME goes on while the machine sleeps, and so does the guest's silence. */
Test(session_clock, a_machine_that_slept_for_eight_hours_has_nobody_on_line)
{
	struct machine machine;

	boot(&machine, 0);
	send(&machine, 10);
	send(&machine, 70);
	tick(&machine, 71);
	tick(&machine, 71 + 8 * HOUR_S);
	cr_expect_eq(session(&machine, 1)->cause, END_CAUSE_IDLE_TIMEOUT);
	expect_true(&machine, 1, 71 + 8 * HOUR_S, 10, 60);
	send(&machine, 72 + 8 * HOUR_S);
	expect_true(&machine, 2, 73 + 8 * HOUR_S, 72 + 8 * HOUR_S, 1);
	halt(&machine);
}

/* From 2:30 in summer to 2:15 in winter: a quarter of an hour earlier by the clock on the wall. */
Test(session_clock, the_night_that_summer_ends_takes_no_session_back)
{
	const int64_t begin_s = SUMMER_ENDS_S - HOUR_S / 2 - BOOT_S + 40 * 24 * HOUR_S;
	struct machine machine;

	boot(&machine, -40 * 24 * HOUR_S * NS_PER_S);
	for (int64_t second = 0; second <= 45 * 60; second += 60) {
		send(&machine, begin_s + second);
		tick(&machine, begin_s + second);
	}
	expect_text(&machine, 1, begin_s + 45 * 60, "total_duration", "00:45:00");
	tick(&machine, begin_s + 45 * 60 + IDLE_S);
	expect_text(&machine, 1, begin_s + HOUR_S, "start_time_formatted", "2026-10-25 2:30 AM");
	expect_text(&machine, 1, begin_s + HOUR_S, "end_time_formatted", "2026-10-25 2:15 AM");
	expect_text(&machine, 1, begin_s + HOUR_S, "total_duration", "00:45:00");
	expect_text(&machine, 1, begin_s + HOUR_S, "end_time", "2026-10-25T01:15:00+00:00");
	halt(&machine);
}
