/* SPDX-License-Identifier: MIT */
/*
 * The latest events, as subscribers get them, so that one who was away can go on where it was. Bounded in number and
 * in octets: the oldest give way.
 *
 * Events are numbered 1, 2, ... in the order in which they happened. Their id, "<run>-<number>", holds the name of this
 * run of the agent too, so that an id of another run is never taken for one of this run. An event that is not kept has
 * a number all the same: whoever has missed one is told so, and is never led past the gap.
 *
 * An event is kept as a frame of Server-Sent Events (WHATWG HTML, 9.2.5): id, event, data in one line each.
 */
#ifndef CORE_EVENT_RING_H
#define CORE_EVENT_RING_H

#include <stddef.h>
#include <stdint.h>

#define EVENT_RUN_SIZE 40 /* with its NUL */
#define EVENT_ID_SIZE (EVENT_RUN_SIZE + sizeof("-18446744073709551615"))

struct event_ring;

struct event_frame {
	size_t length;
	char text[];
};

/* run names this run of the agent; longer than EVENT_RUN_SIZE it is cut. Both bounds at least 1. 0 or -ENOMEM. */
int event_ring_new(const char *run, size_t max_events, size_t max_bytes, struct event_ring **out);
void event_ring_free(struct event_ring **ring);

/*
 * The next event; data is JSON without line breaks, and is copied. 0; or -ENOMEM, -EMSGSIZE (a frame beyond the bound
 * in octets): the event has its number then, but neither it nor any before it can be had any more.
 */
int event_ring_append(struct event_ring *ring, const char *kind, const char *data);

/* So many events have happened and are not kept; none before them can be had any more. */
void event_ring_skip(struct event_ring *ring, uint64_t n_events);

uint64_t event_ring_newest(const struct event_ring *ring); /* its number; 0 before the first */
uint64_t event_ring_oldest(const struct event_ring *ring); /* that is kept; one above the newest when none is */

/* Borrowed until the next append or skip; NULL when it is not kept. */
const struct event_frame *event_ring_frame(const struct event_ring *ring, uint64_t number);

char *event_ring_format_id(const struct event_ring *ring, uint64_t number, char id[EVENT_ID_SIZE]);

enum event_resume {
	EVENT_RESUME_OK,   /* *next is the number of the first event after id; maybe it has not happened yet */
	EVENT_RESUME_LOST, /* id is of another run, too old, or none of ours: events may be missing. *next: after all */
};
enum event_resume event_ring_resume(const struct event_ring *ring, const char *id, uint64_t *next);

#endif
