/* SPDX-License-Identifier: MIT */
/*
 * Questions to the store, as plain data. The API says what it needs (struct history_query), the app has it
 * answered off the loop, and the API merges the answer with what memory knows better.
 *
 * Order everywhere: start.wall_ns, then seq; both ascending, or both descending when is_newest_first.
 */
#ifndef CORE_HISTORY_H
#define CORE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/session_record.h"

/* Owned strings; NULL and false mean "any". */
struct session_filter {
	char *guest_id;
	char *location_id;
	char *yas_id; /* compared without case */
	bool has_mac;
	struct mac_addr mac;
	bool has_start_from;
	int64_t start_from_wall_ns; /* keeps start >= this */
	bool has_end_before;
	int64_t end_before_wall_ns; /* keeps end < this; a session on line never matches */
	bool has_online;
	bool is_online;
};

void session_filter_clean(struct session_filter *filter);
bool session_filter_matches(const struct session_filter *filter, const struct session_record *record);

enum history_kind {
	HISTORY_LIST,  /* rows [offset, offset + limit) of the sessions that match */
	HISTORY_COUNT, /* only how many match */
	HISTORY_AT,    /* rows[i]: the session that held ips[i] at that time; seq 0 for nobody */
	HISTORY_SEQ,   /* the one session with that number; no row when there is none */
};

struct history_query {
	enum history_kind kind;
	struct session_filter filter;
	bool is_newest_first;
	uint64_t offset;
	uint64_t limit;
	/* Sessions whose rows memory knows better; the store leaves them out. Owned. */
	uint64_t *excluded_seqs;
	size_t n_excluded;
	/* HISTORY_AT. Owned. */
	struct ip_addr *ips;
	size_t n_ips;
	/*
	 * The time that is asked about, both ends included; one instant when they are equal. A session that had the
	 * address at any moment of it counts; of several, the one with the latest proof until the end.
	 */
	int64_t at_wall_ns;
	int64_t at_end_wall_ns;
	/* HISTORY_SEQ */
	uint64_t seq;
};

void history_query_clean(struct history_query *query);

/* Owned by who asked. */
struct history_result {
	int error; /* 0 or -errno; the rest is empty then */
	struct session_record *rows;
	size_t n_rows;
	uint64_t count; /* matching sessions; but for HISTORY_COUNT those found in rows */
};

void history_result_clean(struct history_result *result);

#endif
