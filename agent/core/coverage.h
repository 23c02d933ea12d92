/* SPDX-License-Identifier: MIT */
/*
 * Whether our programs saw all that the interface itself has counted, for one interface and direction: two sets of
 * cumulative counters, compared by their growth since a baseline and over the last minute.
 *
 * What an interface counts. Few count wire frames. On the way up a driver counts before GRO, so that one frame at our
 * hook may be many in its counter; a driver with LRO, or a virtual one that is handed super-packets, counts those. On
 * the way down it counts behind the queue, where a super-packet may have been cut up or not, as driver, features and
 * queue will have it. So a true counter lies between `passed` (frames as they passed our hook) and `frames`
 * (un-aggregated), and coverage is below 100 % when it is above `frames`. Three kinds are exact on the way up, because
 * they count the very frame that comes to the hook next, and there `passed` alone is the measure:
 *   bridge   br_pass_frame_up (net/bridge/br_input.c)
 *   vlan     vlan_do_receive (net/8021q/vlan_core.c)
 *   macvlan  macvlan_handle_frame (drivers/net/macvlan.c)
 * veth counts super-packets, on the way up before its own GRO (veth_xdp_rcv, drivers/net/veth.c).
 *
 * Their octets differ more: bridge, vlan and veth omit the Ethernet header, some drivers add the FCS, a tag in metadata
 * is in or out. Octets are judged only where they say what frames cannot: when aggregation hides a loss, an eighth of
 * them missing is one, more than headers can explain.
 *
 * No race is taken for a loss. Our counters are read before and after the interface's. What it had counted at one
 * observation must have been seen by the next; and its baseline is its counter a lag after ours, for drivers count in
 * batches, and some ask their hardware only every second or two. So a loss is never invented, and while traffic flows
 * that of a lag may be overlooked until it pauses. More seen than counted is judged the other way round: what was seen
 * must have been counted a lag later, or dropped behind the hook, or be in the queue.
 *
 * A counter that goes back (reset, wrapped, another device) begins a new baseline. Times are any that do not go back;
 * they decide about windows, never about sums.
 */
#ifndef CORE_COVERAGE_H
#define CORE_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "octet/abi.h"

/* What can be known about why frames are missed; later ones explain only what earlier ones do not. */
enum coverage_fact {
	COVERAGE_FACT_DETACHED,  /* our program is not there */
	COVERAGE_FACT_NOT_FIRST, /* another program is in front of ours on the same hook */
	COVERAGE_FACT_XDP,       /* an XDP program is on the interface */
	COVERAGE_FACT_OFFLOAD,   /* the interface forwards flows in hardware (hw-tc-offload is on) */
	COVERAGE_FACT_WIRELESS,  /* an access point forwards between its guests by itself */
	COVERAGE_N_FACTS
};

/* Our counters of all classes together. */
struct coverage_seen {
	struct octet_tally frames; /* un-aggregated */
	struct octet_tally passed; /* as they passed the hook */
};

struct coverage_reading {
	struct coverage_seen before; /* read before the interface's counters */
	struct coverage_seen after;
	struct octet_tally device;
	uint64_t lost;   /* frames dropped behind the hook, by queue and driver, as far as they say so */
	uint64_t queued; /* frames that wait between hook and driver */
	bool facts[COVERAGE_N_FACTS];
};

enum coverage_verdict {
	COVERAGE_UNKNOWN,  /* nothing to compare yet */
	COVERAGE_COMPLETE, /* nothing was missed in the last minute, but for COVERAGE_TOLERANCE_FRAMES */
	COVERAGE_MISSING,  /* the interface counted more */
	COVERAGE_EXCESS,   /* we counted more */
	COVERAGE_N_VERDICTS
};

/* A start, a stop or a filter of a bridge may cost a few frames; fewer than this make no verdict. */
#define COVERAGE_TOLERANCE_FRAMES 8

/* No percentage: the interface has counted nothing. */
#define COVERAGE_NO_PERCENT UINT32_MAX

struct coverage_report {
	enum coverage_verdict verdict;
	/* hundredths of a per cent, rounded down: 10000 means that not one frame is missing */
	uint32_t percent_hundredths;             /* since the baseline */
	uint32_t last_minute_percent_hundredths; /* of half a minute to a minute */
	int64_t since_s;                         /* age of the baseline */
	bool is_by_passed;                       /* `passed` alone is the measure, else up to `frames` */
	/* since the baseline */
	struct octet_tally device;
	struct coverage_seen seen;
	uint64_t missing_frames;
	uint64_t excess_frames;
	const char *cause; /* with the remedy; NULL when nothing is missing or too much */
};

/* Internal from here to coverage_init. */
#define COVERAGE_N_RECENT 8

struct coverage_mark {
	int64_t mono_ns;
	struct coverage_reading reading;
	bool is_settled;
	unsigned int n_since_settled; /* observations */
	struct octet_tally settled;   /* the interface's counters a lag later */
};

struct coverage_recent {
	int64_t mono_ns;
	uint64_t passed_frames;
};

struct coverage {
	enum octet_direction direction;
	const struct coverage_kind *kind;
	bool has_baseline;
	struct coverage_mark baseline, window, next_window;
	struct coverage_reading previous;                 /* its `lost` is the growth since the baseline */
	uint64_t previous_lost;                           /* as it was read */
	struct coverage_recent recent[COVERAGE_N_RECENT]; /* the latest first */
	size_t n_recent;
	bool has_fact[COVERAGE_N_FACTS];
	int64_t fact_mono_ns[COVERAGE_N_FACTS]; /* when it was true last */
	const char *cause;
	struct coverage_report report;
};

/* kind is rtnetlink's ("bridge", "veth", ... "" for hardware). Owns nothing; no clean-up. */
void coverage_init(struct coverage *coverage, const char *kind, enum octet_direction direction);

/* Sums over the classes. */
struct coverage_seen coverage_seen_of(const struct octet_iface *classes);

/* Observations that come sooner than half a second after the last are ignored. */
void coverage_observe(struct coverage *coverage, int64_t now_mono_ns, const struct coverage_reading *reading);

/* The interface's counters could not be read: nothing is known until they can. */
void coverage_forget(struct coverage *coverage);

/* As of the last observation; borrowed. */
const struct coverage_report *coverage_report(const struct coverage *coverage);

/* "unknown", "complete", "missing", "excess". */
const char *coverage_verdict_name(enum coverage_verdict verdict);

#endif
