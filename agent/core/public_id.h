/* SPDX-License-Identifier: MIT */
/*
 * The opaque id of a session: base62 of a keyed permutation of its sequence number, left-padded to eleven
 * characters of [0-9A-Za-z] (62^11 > 2^64). A permutation has no collisions, and without the key it does not
 * show the counter. The key is part of the store, so ids are stable for ever.
 */
#ifndef CORE_PUBLIC_ID_H
#define CORE_PUBLIC_ID_H

#include <stdint.h>

#define PUBLIC_ID_SIZE 12 /* eleven characters and the NUL */

struct public_id_key {
	uint32_t words[4];
};

/* Returns text. */
char *public_id_format(const struct public_id_key *key, uint64_t seq, char text[PUBLIC_ID_SIZE]);

/* The number behind an id; 0, or -EINVAL when no number has this id. */
int public_id_parse(const struct public_id_key *key, const char *text, uint64_t *seq);

#endif
