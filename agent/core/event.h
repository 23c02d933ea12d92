/* SPDX-License-Identifier: MIT */
/* What the session engine reports: appended by core, carried onward (log, store, exporters) by the app. */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"
#include "core/login.h"

enum event_kind {
	EVENT_SESSION_ONLINE,
	EVENT_SESSION_OFFLINE,
	EVENT_SESSION_UPDATED, /* identity, address or start time changed */
	EVENT_SESSION_LIMIT,   /* a time or data limit is reached; the end follows */
	EVENT_N_KINDS
};

struct event {
	enum event_kind kind;
	uint64_t session_seq;
	struct instant at;      /* when it happened, not when it was noticed */
	enum login_limit limit; /* which, of EVENT_SESSION_LIMIT */
};

struct event_list {
	struct event *items;
	size_t n_items;
	size_t capacity;
};

const char *event_kind_name(enum event_kind kind); /* "session.online", ... */

/* 0 or -ENOMEM. */
int event_list_append(struct event_list *list, struct event event);
void event_list_clear(struct event_list *list); /* keeps the memory */
void event_list_clean(struct event_list *list);

#endif
