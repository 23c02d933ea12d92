/* SPDX-License-Identifier: MIT */
#include "core/event_feed.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define RESET "{\"event\":\"reset\",\"message\":\"Events are missing here: read the list of sessions again.\"}"
#define COMMENT ":\n\n"

/* Behind it the id is that of the newest event, and what follows has not happened yet. */
static void set_reset(struct event_feed *feed, const struct event_ring *ring)
{
	char id[EVENT_ID_SIZE];

	feed->next = event_ring_newest(ring) + 1;
	feed->text_length =
		(size_t)snprintf(feed->text, sizeof(feed->text), "retry: %d\nid: %s\nevent: reset\ndata: " RESET "\n\n",
				 EVENT_FEED_RETRY_MS, event_ring_format_id(ring, feed->next - 1, id));
	assert(feed->text_length < sizeof(feed->text));
}

void event_feed_start(struct event_feed *feed, const struct event_ring *ring, const char *last_id)
{
	char id[EVENT_ID_SIZE];

	*feed = (struct event_feed){.next = event_ring_newest(ring) + 1, .is_at_rest = true};
	if (last_id && *last_id && event_ring_resume(ring, last_id, &feed->next) == EVENT_RESUME_LOST)
		set_reset(feed, ring);
	else
		feed->text_length =
			(size_t)snprintf(feed->text, sizeof(feed->text), "retry: %d\nid: %s\n\n", EVENT_FEED_RETRY_MS,
					 event_ring_format_id(ring, feed->next - 1, id));
}

static size_t copy(char *to, size_t max, const char *from, size_t length, size_t *offset)
{
	const size_t left = length - *offset;
	const size_t n = left < max ? left : max;

	memcpy(to, from + *offset, n);
	*offset += n;
	return n;
}

static size_t read_text(struct event_feed *feed, char *buffer, size_t max)
{
	const size_t n = copy(buffer, max, feed->text, feed->text_length, &feed->text_offset);

	if (feed->text_offset == feed->text_length)
		feed->text_offset = feed->text_length = 0;
	return n;
}

static size_t read_events(struct event_feed *feed, const struct event_ring *ring, char *buffer, size_t max)
{
	const struct event_frame *frame;
	size_t n = 0;

	while (n < max && (frame = event_ring_frame(ring, feed->next))) {
		n += copy(buffer + n, max - n, frame->text, frame->length, &feed->offset);
		if (feed->offset < frame->length)
			break;
		feed->next++;
		feed->offset = 0;
	}
	return n;
}

size_t event_feed_read(struct event_feed *feed, const struct event_ring *ring, char *buffer, size_t max)
{
	size_t n = read_text(feed, buffer, max);

	n += read_events(feed, ring, buffer + n, max - n);
	if (n == 0 && feed->wants_heartbeat && feed->offset == 0 && max > 0) {
		feed->text_length = (size_t)snprintf(feed->text, sizeof(feed->text), COMMENT);
		n = read_text(feed, buffer, max);
	}
	if (n > 0)
		feed->wants_heartbeat = false;
	feed->is_at_rest = n == 0;
	return n;
}

void event_feed_heartbeat(struct event_feed *feed)
{
	feed->wants_heartbeat = true;
}

bool event_feed_keeps_up(struct event_feed *feed, const struct event_ring *ring)
{
	if (feed->next >= event_ring_oldest(ring))
		return true;
	if (!feed->is_at_rest)
		return false;
	set_reset(feed, ring);
	return true;
}
