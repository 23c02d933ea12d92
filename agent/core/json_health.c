/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/json.h"
#include "core/meter.h"

static const char *const direction_names[] = {[OCTET_UP] = "up", [OCTET_DOWN] = "down"};
_Static_assert(ARRAY_LENGTH(direction_names) == OCTET_N_DIRECTIONS, "a name for each direction");

/* Not in the kernel: such an interface can lose frames, and says how many. */
static bool is_captured(const struct health_interface *interface)
{
	return interface->attach_name && strcmp(interface->attach_name, "pcap") == 0;
}

/* In per cent; null for nothing to compare with. */
static json_t *json_percent(uint32_t hundredths)
{
	return hundredths == COVERAGE_NO_PERCENT ? json_null() : json_real(hundredths / 100.0);
}

static json_t *json_coverage(const struct coverage_report *report)
{
	json_auto_t *object = json_object();
	int r = 0;

	r |= json_object_set_new(object, "percent", json_percent(report->percent_hundredths));
	r |= json_object_set_new(object, "last_minute_percent", json_percent(report->last_minute_percent_hundredths));
	r |= json_object_set_new(object, "verdict", json_string(coverage_verdict_name(report->verdict)));
	r |= json_object_set_new(object, "cause", json_text(report->cause));
	r |= json_object_set_new(object, "since_s", json_integer(report->since_s));
	r |= json_object_set_new(object, "missing_frames", json_uint(report->missing_frames));
	r |= json_object_set_new(object, "excess_frames", json_uint(report->excess_frames));
	r |= json_object_set_new(object, "interface_frames", json_uint(report->device.frames));
	r |= json_object_set_new(object, "interface_bytes", json_uint(report->device.wire_bytes));
	r |= json_object_set_new(object, "passed_frames", json_uint(report->seen.passed.frames));
	r |= json_object_set_new(object, "passed_bytes", json_uint(report->seen.passed.wire_bytes));
	r |= json_object_set_new(object, "wire_frames", json_uint(report->seen.frames.frames));
	r |= json_object_set_new(object, "wire_bytes", json_uint(report->seen.frames.wire_bytes));
	return r ? NULL : TAKE_PTR(object);
}

static json_t *json_direction(const struct health_interface *interface, enum octet_direction direction)
{
	json_auto_t *object = json_object();
	json_t *classes = json_object();
	int r = json_object_set_new(object, "attached", json_boolean(interface->is_attached[direction]));

	if (is_captured(interface)) {
		r |= json_object_set_new(object, "lost", json_uint(interface->lost_frames[direction]));
		r |= json_object_set_new(object, "dropped", json_uint(interface->dropped_frames[direction]));
		r |= json_object_set_new(object, "estimated", json_uint(interface->estimated_frames[direction]));
	} else {
		r |= json_object_set_new(object, "attached_s", json_integer(interface->attached_s[direction]));
		r |= json_object_set_new(object, "reattached", json_uint(interface->n_reattached[direction]));
		r |= json_object_set_new(object, "behind_another", json_boolean(interface->is_behind[direction]));
		r |= json_object_set_new(object, "coverage", json_coverage(&interface->coverage[direction]));
	}
	r |= json_object_set_new(object, "classes", classes);
	for (size_t i = 0; !r && i < OCTET_N_CLASSES; i++) {
		const struct octet_tally *tally = &interface->classes[direction].classes[i];
		json_t *counts = json_object();

		r |= json_object_set_new(classes, meter_class_name((enum octet_class)i), counts);
		r |= json_object_set_new(counts, "frames", json_uint(tally->frames));
		r |= json_object_set_new(counts, "wire_bytes", json_uint(tally->wire_bytes));
	}
	return r ? NULL : TAKE_PTR(object);
}

static json_t *json_interface(const struct health_interface *interface)
{
	json_auto_t *object = json_object();
	int r = 0;

	r |= json_object_set_new(object, "name", json_text(interface->name));
	r |= json_object_set_new(object, "ifindex", json_uint(interface->ifindex));
	r |= json_object_set_new(object, "attach", json_text(interface->attach_name));
	for (int direction = 0; direction < OCTET_N_DIRECTIONS; direction++)
		r |= json_object_set_new(object, direction_names[direction],
					 json_direction(interface, (enum octet_direction)direction));
	return r ? NULL : TAKE_PTR(object);
}

static json_t *json_interfaces(const struct health *health)
{
	json_auto_t *array = json_array();
	int r = 0;

	for (size_t i = 0; i < health->n_interfaces; i++)
		r |= json_array_append_new(array, json_interface(&health->interfaces[i]));
	return r ? NULL : TAKE_PTR(array);
}

/* Names of interfaces may be any octets, so the text goes through json_text. */
__attribute__((format(printf, 2, 3))) static int add_reason(json_t *reasons, const char *format, ...)
{
	CLEANUP_FREE char *text = NULL;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0) {
		text = NULL; /* vasprintf leaves it undefined */
		return -1;
	}
	return json_array_append_new(reasons, json_text(text));
}

/* What a capture missed, or saw otherwise than the wire. */
static int add_capture_reasons(json_t *reasons, const struct health_interface *interface, int direction)
{
	unsigned long long lost = interface->lost_frames[direction];
	unsigned long long dropped = interface->dropped_frames[direction];
	unsigned long long estimated = interface->estimated_frames[direction];
	int r = 0;

	if (lost)
		r |= add_reason(reasons, "interface %s: %llu packets %s were lost to the capture, which was too slow",
				interface->name, lost, direction_names[direction]);
	if (dropped)
		r |= add_reason(reasons, "interface %s: %llu packets %s were dropped by the interface itself",
				interface->name, dropped, direction_names[direction]);
	if (estimated)
		r |= add_reason(reasons,
				"interface %s: %llu frames %s were super-packets, their packets are estimated; switch "
				"off what joins them (ethtool -K), or use source = bpf",
				interface->name, estimated, direction_names[direction]);
	return r;
}

static int add_coverage_reason(json_t *reasons, const struct health_interface *interface,
			       enum octet_direction direction)
{
	const struct coverage_report *report = &interface->coverage[direction];
	const uint32_t recent = report->last_minute_percent_hundredths;

	if (report->verdict == COVERAGE_MISSING)
		return add_reason(reasons,
				  "interface %s: coverage %s is %u.%02u %% in the last minute, %llu frames are missing "
				  "in all: %s",
				  interface->name, direction_names[direction], recent / 100, recent % 100,
				  (unsigned long long)report->missing_frames, report->cause);
	if (report->verdict == COVERAGE_EXCESS)
		return add_reason(reasons, "interface %s: %llu frames more were seen %s than it counted: %s",
				  interface->name, (unsigned long long)report->excess_frames,
				  direction_names[direction], report->cause);
	return 0;
}

static int add_interface_reasons(json_t *reasons, const struct health_interface *interface)
{
	int r = 0;

	for (int direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
		const struct octet_tally *full = &interface->classes[direction].classes[OCTET_CLASS_TABLE_FULL];

		if (!interface->is_attached[direction])
			r |= add_reason(reasons, "interface %s: not attached %s", interface->name,
					direction_names[direction]);
		if (interface->is_behind[direction])
			r |= add_reason(
				reasons,
				"interface %s: another program sees what goes %s before it is counted, and what that "
				"swallows is missing",
				interface->name, direction_names[direction]);
		if (full->frames)
			r |= add_reason(
				reasons,
				"interface %s: %llu frames %s found the table of clients full and are nobody's: raise "
				"max_addresses",
				interface->name, (unsigned long long)full->frames, direction_names[direction]);
		r |= add_capture_reasons(reasons, interface, direction);
		if (!is_captured(interface))
			r |= add_coverage_reason(reasons, interface, (enum octet_direction)direction);
	}
	if (interface->offload && *interface->offload)
		r |= add_reason(reasons,
				"interface %s: %s may show packets to the capture joined together; switch it off "
				"(ethtool -K), or use source = bpf",
				interface->name, interface->offload);
	return r;
}

/* Everything that is wrong, first what makes counting incomplete. */
static json_t *json_reasons(const struct health *health)
{
	json_auto_t *reasons = json_array();
	int r = 0;

	if (health->n_interfaces == 0)
		r |= add_reason(reasons, "no interface is counted on");
	for (size_t i = 0; i < health->n_link_reasons; i++)
		r |= add_reason(reasons, "%s", health->link_reasons[i]);
	for (size_t i = 0; i < health->n_interfaces; i++)
		r |= add_interface_reasons(reasons, &health->interfaces[i]);
	if (health->n_waiting)
		r |= add_reason(reasons,
				"%llu MACs send and have no session: they wait for an answer (a flood of invented "
				"MACs?) or for a place (max_guests)",
				(unsigned long long)health->n_waiting);
	if (health->collect_error)
		r |= add_reason(reasons, "collector: %s", health->collect_error);
	else if (health->collected_ms_ago < 0)
		r |= add_reason(reasons, "collector: nothing was read yet");
	if (!health->is_store_ok)
		r |= add_reason(reasons, "store: %s", health->store_error ? health->store_error : "unknown error");
	return r ? NULL : TAKE_PTR(reasons);
}

static json_t *json_collector(const struct health *health)
{
	json_auto_t *object = json_object();
	int r = 0;

	r |= json_object_set_new(object, "collected_ms_ago",
				 health->collected_ms_ago < 0 ? json_null() : json_integer(health->collected_ms_ago));
	r |= json_object_set_new(object, "keys", json_uint(health->n_keys));
	r |= json_object_set_new(object, "max_keys", json_uint(health->max_keys));
	r |= json_object_set_new(object, "error", json_text(health->collect_error));
	return r ? NULL : TAKE_PTR(object);
}

static json_t *json_store(const struct health *health)
{
	json_auto_t *object = json_object();
	int r = 0;

	r |= json_object_set_new(object, "ok", json_boolean(health->is_store_ok));
	r |= json_object_set_new(object, "unsaved", json_uint(health->n_unsaved));
	r |= json_object_set_new(object, "unsaved_s", json_integer(health->unsaved_s));
	r |= json_object_set_new(object, "error", json_text(health->store_error));
	return r ? NULL : TAKE_PTR(object);
}

static json_t *json_online(const struct health *health)
{
	json_auto_t *object = json_object();

	int r = json_object_set_new(object, "online", json_uint(health->n_online));

	r |= json_object_set_new(object, "waiting", json_uint(health->n_waiting));
	return r ? NULL : TAKE_PTR(object);
}

static json_t *json_unauthenticated_sum(const struct health *health)
{
	json_auto_t *object = json_object();
	json_auto_t *sum = json_traffic(&health->unauthenticated);
	int r = json_object_set_new(object, "count", json_uint(health->n_unauthenticated));

	r |= json_object_update(object, sum);
	return r ? NULL : TAKE_PTR(object);
}

json_t *json_health(const struct health *health)
{
	json_auto_t *object = json_object();
	json_t *reasons = json_reasons(health);
	bool is_ok = json_array_size(reasons) == 0;
	int r = 0;

	r |= json_object_set_new(object, "status", json_string(is_ok ? "ok" : "degraded"));
	r |= json_object_set_new(object, "complete", json_boolean(health_is_complete(health)));
	r |= json_object_set_new(object, "reasons", reasons);
	r |= json_object_set_new(object, "version", json_text(health->version));
	r |= json_object_set_new(object, "uptime_s", json_integer(health->uptime_s));
	r |= json_object_set_new(object, "clock", json_string(health->is_clock_trusted ? "trusted" : "untrusted"));
	r |= json_object_set_new(object, "sessions", json_online(health));
	r |= json_object_set_new(object, "totals", json_traffic(&health->total));
	r |= json_object_set_new(object, "unclaimed", json_traffic(&health->unclaimed));
	r |= json_object_set_new(object, "unauthenticated", json_unauthenticated_sum(health));
	r |= json_object_set_new(object, "collector", json_collector(health));
	r |= json_object_set_new(object, "store", json_store(health));
	r |= json_object_set_new(object, "interfaces", json_interfaces(health));
	return r ? NULL : TAKE_PTR(object);
}
