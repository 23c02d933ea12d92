/* SPDX-License-Identifier: MIT */
/*
 * One subscriber's place in the ring of events, and the octets that it is to get from there. It keeps none of them: a
 * subscriber that reads slowly costs no memory, and is lost when the ring has left it behind.
 *
 * What a subscriber gets (WHATWG HTML, 9.2.5):
 *   retry: and id: at the start, without data; so whoever must reconnect before the first event knows from where
 *   each event after that id
 *   event: reset    before anything else when the id that it came with cannot be resumed, and later when events
 *                   happened faster than the ring could hold: some are missing, and the sessions must be read again
 *   a comment       at each heartbeat, when nothing else is due
 */
#ifndef CORE_EVENT_FEED_H
#define CORE_EVENT_FEED_H

#include <stdbool.h>

#include "core/event_ring.h"

/* How long a client that was cut off waits before it comes back. */
#define EVENT_FEED_RETRY_MS 2000

struct event_feed {
	uint64_t next;  /* number of the event that is next, or under way */
	size_t offset;  /* octets of it that are out */
	char text[256]; /* what goes before it */
	size_t text_length;
	size_t text_offset;
	bool wants_heartbeat;
	bool is_at_rest; /* it has had nothing yet, or had all there was when it asked last: nothing is half sent */
};

/* last_id: that of the last event it got, as it says; NULL or "" for whoever wants only what happens from now on. */
void event_feed_start(struct event_feed *feed, const struct event_ring *ring, const char *last_id);

/* Writes up to max octets that are due; 0 when none are. */
size_t event_feed_read(struct event_feed *feed, const struct event_ring *ring, char *buffer, size_t max);

void event_feed_heartbeat(struct event_feed *feed);

/*
 * After events have been added: false when the ring has left it behind, and it is to be dropped. One that had all there
 * was before is not to blame, and gets a reset instead.
 */
bool event_feed_keeps_up(struct event_feed *feed, const struct event_ring *ring);

#endif
