/* SPDX-License-Identifier: MIT */
#include "core/event.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

static const char *const kind_names[] = {
	[EVENT_SESSION_ONLINE] = "session.online",
	[EVENT_SESSION_OFFLINE] = "session.offline",
	[EVENT_SESSION_UPDATED] = "session.updated",
	[EVENT_SESSION_LIMIT] = "session.limit",
};
_Static_assert(ARRAY_LENGTH(kind_names) == EVENT_N_KINDS, "a name for each kind");

const char *event_kind_name(enum event_kind kind)
{
	return (unsigned int)kind < ARRAY_LENGTH(kind_names) ? kind_names[kind] : NULL;
}

int event_list_append(struct event_list *list, struct event event)
{
	if (list->n_items == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 16;
		struct event *items = reallocarray(list->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->n_items++] = event;
	return 0;
}

void event_list_clear(struct event_list *list)
{
	list->n_items = 0;
}

void event_list_clean(struct event_list *list)
{
	free(list->items);
	*list = (struct event_list){0};
}
