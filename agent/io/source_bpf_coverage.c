/* SPDX-License-Identifier: MIT */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "io/link_stats.h"
#include "io/source_bpf_private.h"

typedef struct coverage_seen seen_pair[OCTET_N_DIRECTIONS];

void source_coverage_init(struct source_interface *interface, const char *kind)
{
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++)
		coverage_init(&interface->coverage[i], kind, (enum octet_direction)i);
	/* asked again only when something is missing: features do not change by themselves */
	interface->is_offloading = link_offloads_flows(interface->name);
	interface->is_wireless = link_is_wireless(interface->name);
}

static void read_seen(const struct source_bpf *source, seen_pair *seen)
{
	for (size_t i = 0; i < source->n_interfaces; i++)
		for (uint32_t direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
			struct octet_iface classes;

			source_table_classes(&source->table, source->interfaces[i].slot,
					     (enum octet_direction)direction, &classes);
			seen[i][direction] = coverage_seen_of(&classes);
		}
}

static void observe_direction(struct source_interface *interface, const struct link_stats *stats,
			      enum octet_direction direction, struct coverage_reading *reading, int64_t now_mono_ns)
{
	const struct attach_state state = attach_look(&interface->attachments[direction]);
	struct coverage *coverage = &interface->coverage[direction];

	if (coverage_report(coverage)->verdict == COVERAGE_MISSING)
		interface->is_offloading = link_offloads_flows(interface->name);
	reading->device = stats->device[direction];
	if (direction == OCTET_DOWN) {
		reading->lost = stats->driver_drops + stats->queue_drops;
		reading->queued = stats->queued;
	}
	reading->facts[COVERAGE_FACT_DETACHED] = !state.is_alive;
	reading->facts[COVERAGE_FACT_NOT_FIRST] = state.is_alive && !state.is_first;
	reading->facts[COVERAGE_FACT_XDP] = stats->has_xdp;
	reading->facts[COVERAGE_FACT_OFFLOAD] = interface->is_offloading;
	reading->facts[COVERAGE_FACT_WIRELESS] = interface->is_wireless;
	coverage_observe(coverage, now_mono_ns, reading);
}

static void forget_all(struct source_bpf *source, int error)
{
	if (!source->has_failed_to_compare)
		log_errno(error, "the interfaces' own counters cannot be read: coverage is not known until they can");
	source->has_failed_to_compare = true;
	for (size_t i = 0; i < source->n_interfaces; i++)
		for (int direction = 0; direction < OCTET_N_DIRECTIONS; direction++)
			coverage_forget(&source->interfaces[i].coverage[direction]);
}

void source_bpf_observe(struct source_bpf *source, int64_t now_mono_ns)
{
	const size_t n = source->n_interfaces;
	CLEANUP_FREE struct link_stats *stats = calloc(n + 1, sizeof(*stats));
	CLEANUP_FREE seen_pair *before = calloc(n + 1, sizeof(*before));
	CLEANUP_FREE seen_pair *after = calloc(n + 1, sizeof(*after));
	int r;

	if (!stats || !before || !after)
		return;
	for (size_t i = 0; i < n; i++)
		stats[i].ifindex = source->interfaces[i].ifindex;
	read_seen(source, before);
	r = link_stats_read(stats, n);
	if (r) {
		forget_all(source, r);
		return;
	}
	read_seen(source, after);
	source->has_failed_to_compare = false;
	for (size_t i = 0; i < n; i++)
		for (int direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
			struct coverage_reading reading = {.before = before[i][direction],
							   .after = after[i][direction]};

			if (stats[i].is_there && !source->interfaces[i].is_pending)
				observe_direction(&source->interfaces[i], &stats[i], (enum octet_direction)direction,
						  &reading, now_mono_ns);
			else
				coverage_forget(&source->interfaces[i].coverage[direction]);
		}
}
