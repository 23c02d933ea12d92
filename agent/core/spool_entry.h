/* SPDX-License-Identifier: MIT */
/*
 * A request of a portal's hook that waits for the agent to come back, as plain data and as the text of its file.
 *
 * It is kept for a bounded time, on the clock that never steps; that clock begins anew with each boot, so what
 * another boot has left is over: its guests have gone.
 *
 * Files are named by rising numbers of a fixed width, so that their order by name is the order of the requests.
 */
#ifndef CORE_SPOOL_ENTRY_H
#define CORE_SPOOL_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#define SPOOL_NAME_SIZE 24 /* 18 digits, ".json" and the NUL */

/* Owned strings. */
struct spool_entry {
	char *command; /* of octetd: "login" */
	char *subject; /* whom it is about, for the log: a MAC, an address */
	char *target;  /* of the request, a POST */
	char *body;
	char *boot_id;
	int64_t made_mono_ns;
	int64_t until_mono_ns;
};

void spool_entry_clean(struct spool_entry *entry);

/* The text of its file, which the caller frees; NULL without memory, or for strings that are not UTF-8. */
char *spool_entry_print(const struct spool_entry *entry);

/* 0; -EBADMSG for what is no such text; -ENOMEM. *out is left alone then. */
int spool_entry_parse(const char *text, struct spool_entry *out);

enum spool_verdict { SPOOL_FRESH, SPOOL_EXPIRED, SPOOL_OTHER_BOOT };
enum spool_verdict spool_entry_judge(const struct spool_entry *entry, const char *boot_id, int64_t now_mono_ns);

/* Returns name. */
char *spool_name_format(uint64_t number, char name[SPOOL_NAME_SIZE]);
/* False for what is no name of an entry. */
bool spool_name_parse(const char *name, uint64_t *number);

#endif
