/* SPDX-License-Identifier: MIT */
/* The reader's side of Server-Sent Events (WHATWG HTML, 9.2.6): octets in, in pieces of any size, events out. */
#ifndef CORE_EVENT_READER_H
#define CORE_EVENT_READER_H

#include <stdbool.h>

#include "base/strbuf.h"
#include "core/event_ring.h"

#define EVENT_READER_MAX_BYTES ((size_t)1 << 20) /* of one event */

struct event_reader {
	struct strbuf line;
	struct strbuf kind;
	struct strbuf data;
	struct strbuf id;
	char last_id[EVENT_ID_SIZE]; /* to come back with; cut when it is none of ours, and unknown then */
	bool has_cr;                 /* the line before ended with it: a line feed belongs to that end */
};

/* Whether more is wanted. */
typedef bool (*event_reader_got)(void *context, const char *kind, const char *data);

/* 0; -ECANCELED when got() wants no more; -ENOMEM; -EMSGSIZE beyond the bound. */
int event_reader_feed(struct event_reader *reader, const char *bytes, size_t length, event_reader_got got,
		      void *context);

/* Another connection begins: what was half read is forgotten, last_id is not. */
void event_reader_restart(struct event_reader *reader);
void event_reader_clean(struct event_reader *reader);

#endif
