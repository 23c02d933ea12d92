/* SPDX-License-Identifier: MIT */
/* Temporary databases, random sessions and batches for the tests of the store. */
#ifndef TESTS_IO_STORE_FIXTURE_H
#define TESTS_IO_STORE_FIXTURE_H

#include <sqlite3.h>
#include <stdint.h>

#include "io/store_sqlite.h"

struct store_lab {
	char directory[64];
	char path[96]; /* of the database, not made yet */
};

void store_lab_open(struct store_lab *lab);
/* Removes the directory with all that is in it. */
void store_lab_close(struct store_lab *lab);

/* Mounts a small file system over the lab's directory, seen by this process alone; skips the test if that cannot be. */
void store_lab_mount_small(const struct store_lab *lab);
void store_lab_unmount_small(const struct store_lab *lab);
/* Fills the file system to the last octet; returns the file to be removed. */
void store_lab_fill_disk(const struct store_lab *lab, char path[160]);

/* xorshift64: the same numbers everywhere. */
uint64_t store_lab_random(uint64_t *seed);

/* A session with every field set at random; the caller cleans. */
struct session_record store_lab_record(uint64_t *seed, uint64_t seq);
/* The name of the first field that differs, or NULL. */
const char *store_lab_difference(const struct session_record *a, const struct session_record *b);
/* The same for a login of the MAC with this last octet; the caller cleans. */
struct login store_lab_login(uint64_t *seed, uint8_t last);
const char *store_lab_login_difference(const struct login *a, const struct login *b);

/* Appends to the batch a deep copy of the record. */
void store_lab_add_session(struct store_batch *batch, const struct session_record *record);
void store_lab_add_baseline(struct store_batch *batch, const struct counter_reading *reading);
void store_lab_add_unclaimed(struct store_batch *batch, const struct mac_addr *mac, struct traffic traffic);
void store_lab_add_login(struct store_batch *batch, const struct login *login);
void store_lab_add_guest(struct store_batch *batch, const struct guest_change *guest);
void store_lab_add_device(struct store_batch *batch, const struct mac_addr *mac, const char *host_name);
void store_lab_add_unauthenticated(struct store_batch *batch, const struct unauthenticated *device);

/* Appends one session with that many octets upwards, and the baseline of the same octets. */
void store_lab_add_balanced(struct store_batch *batch, uint64_t seq, uint64_t up_bytes);

/* Writes the batch and empties it; returns what store_write did. */
int store_lab_write(struct store *store, struct store_batch *batch);

/* The result of a query on a reader of its own. */
struct history_result store_lab_ask(const char *path, const struct history_query *query);

/* A look at the file from outside: the first column of the first row. */
int64_t store_lab_sql(const char *path, const char *sql);

#endif
