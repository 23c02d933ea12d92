/* SPDX-License-Identifier: MIT */
/*
 * What /healthz and `octetd status` say: whether counting is complete, and if it is not, why. The app
 * gathers it, core/json_health.c prints it.
 */
#ifndef CORE_HEALTH_H
#define CORE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/coverage.h"
#include "core/traffic.h"
#include "octet/abi.h"

struct health_interface {
	const char *name;
	uint32_t ifindex;
	const char *attach_name; /* "tcx", "clsact", "pcap" */
	bool is_attached[OCTET_N_DIRECTIONS];
	/* captures only */
	uint64_t lost_frames[OCTET_N_DIRECTIONS];      /* seen by nobody: the capture's ring was full */
	uint64_t dropped_frames[OCTET_N_DIRECTIONS];   /* by the interface itself */
	uint64_t estimated_frames[OCTET_N_DIRECTIONS]; /* super-packets, whose segments are a guess */
	const char *offload;                       /* what joins packets there ("gro on eth0"); NULL or "": nothing */
	bool is_behind[OCTET_N_DIRECTIONS];        /* another program sees the frames before */
	int64_t attached_s[OCTET_N_DIRECTIONS];    /* by this agent, for how long without a gap that it knows of */
	uint64_t n_reattached[OCTET_N_DIRECTIONS]; /* somebody had taken it away, or come before it */
	struct octet_iface classes[OCTET_N_DIRECTIONS];
	struct coverage_report coverage[OCTET_N_DIRECTIONS];
};

/* Borrowed pointers, valid for the call that prints it. */
struct health {
	const char *version;
	int64_t uptime_s;
	bool is_clock_trusted;    /* else times are estimates, see core/wall_clock.h */
	int64_t collected_ms_ago; /* -1: never yet */
	const struct health_interface *interfaces;
	size_t n_interfaces;
	const char *const *link_reasons; /* sentences: what the config names and is not counted on */
	size_t n_link_reasons;
	bool has_left_out; /* one of them is there all the same, with its guests */
	uint64_t n_online;
	uint64_t n_waiting;         /* guests without a session because of a bound */
	uint64_t n_unauthenticated; /* devices that send without the login that would begin their session */
	struct traffic unauthenticated;
	uint64_t n_keys;
	uint64_t max_keys;
	struct traffic total; /* all deltas since start */
	struct traffic unclaimed;
	/* store */
	bool is_store_ok;
	const char *store_error; /* NULL when ok */
	int64_t unsaved_s;       /* how long the oldest unsaved change has waited, 0 for none */
	uint64_t n_unsaved;
	/* collector */
	const char *collect_error; /* NULL when ok */
};

/*
 * Counting is complete when there is an interface, none is left out, every one is attached in both directions, there
 * was a collection and the last one worked, no frame fell into OCTET_CLASS_TABLE_FULL, none was lost to a capture or
 * was, or can have been, shown to it joined to others, and in the last minute no interface counted frames that were not
 * seen. What was missed before that stays visible in its coverage.
 */
bool health_is_complete(const struct health *health);

#endif
