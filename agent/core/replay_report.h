/* SPDX-License-Identifier: MIT */
/* What came of accounting one capture file, and how it is printed: JSON for programs, a table for people. */
#ifndef CORE_REPLAY_REPORT_H
#define CORE_REPLAY_REPORT_H

#include <stdint.h>

#include "base/strbuf.h"
#include "core/meter.h"

#define REPLAY_ERROR_SIZE 512
#define REPLAY_LINK_TYPE_SIZE 32

struct replay_report {
	const char *file;                      /* the path as given; borrowed */
	char link_type[REPLAY_LINK_TYPE_SIZE]; /* "" when the file did not say */
	char error[REPLAY_ERROR_SIZE];         /* "" for none; the rest is what was read before it */
	uint64_t frames;
	uint64_t wire_bytes;
	struct meter *meter; /* owned; NULL when there was nothing to count */
};

void replay_report_clean(struct replay_report *report);

/* Appends the JSON document of `octetd replay --json` and a newline, sorted by MAC and IP as text; 0 or -ENOMEM. */
int replay_report_print_json(const struct replay_report *report, struct strbuf *out);

/* Appends the table; 0 or -ENOMEM. */
int replay_report_print(const struct replay_report *report, struct strbuf *out);

#endif
