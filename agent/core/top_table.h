/* SPDX-License-Identifier: MIT */
/*
 * What `octetd top` shows, made of two answers of the API a moment apart: one row for each session on line, with rates
 * that are differences of exact counters over the time between the answers. Pure.
 *
 * Rates are octets per second; a session that was not there before has none yet.
 */
#ifndef CORE_TOP_TABLE_H
#define CORE_TOP_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOP_RATE_TEXT_SIZE 32

struct top_direction {
	uint64_t bytes;
	uint64_t bytes_per_s;
};

/* Borrowed strings: they live in the answer. Never NULL. */
struct top_row {
	const char *id;
	const char *name; /* the first of name, user name, e-mail, access code that is known; else "" */
	const char *device;
	const char *mac;
	const char *ip;
	const char *since; /* local time as the API writes it */
	size_t n_ips;
	struct top_direction up;
	struct top_direction down;
	int64_t online_s;
	int64_t idle_s;
};

struct top_table {
	struct top_row *rows; /* owned */
	size_t n_rows;
	json_t *answers; /* owned: the array whose strings the rows borrow */
	int64_t at_mono_ns;
	struct top_direction up; /* sums */
	struct top_direction down;
};

enum top_key {
	TOP_KEY_NAME,
	TOP_KEY_DOWN_RATE,
	TOP_KEY_UP_RATE,
	TOP_KEY_DOWN_BYTES,
	TOP_KEY_UP_BYTES,
	TOP_KEY_SINCE,
	TOP_KEY_IDLE,
	TOP_N_KEYS
};

/* The letter that chooses it ("ndUs...") and its name for people. */
char top_key_letter(enum top_key key);
const char *top_key_name(enum top_key key);
/* TOP_N_KEYS for a letter that chooses none. */
enum top_key top_key_find(int letter);

/*
 * sessions: an array as GET /sessions?raw=true&details=true has it under "data", of all pages; taken over in any case.
 * before: the previous table, or NULL. 0 and *out, to be cleaned; or -ENOMEM.
 */
int top_table_make(json_t *sessions, int64_t at_mono_ns, const struct top_table *before, struct top_table *out);
void top_table_clean(struct top_table *table);

/* Numbers fall and names rise, unless is_reverse; equal ones stay in the order of their ids. */
void top_table_sort(struct top_table *table, enum top_key key, bool is_reverse);

/* In bits, as networks are sold: "0", "8 bit/s", "1.5 Mbit/s". Returns text. */
char *top_format_rate(uint64_t bytes_per_s, char text[TOP_RATE_TEXT_SIZE]);

#endif
