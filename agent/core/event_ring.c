/* SPDX-License-Identifier: MIT */
#include "core/event_ring.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct event_ring {
	char run[EVENT_RUN_SIZE];
	size_t max_events;
	size_t max_bytes;
	size_t n_bytes;               /* of the texts that are kept */
	size_t n_kept;                /* those up to the newest */
	uint64_t newest;              /* number */
	struct event_frame *frames[]; /* number n in n % max_events */
};

int event_ring_new(const char *run, size_t max_events, size_t max_bytes, struct event_ring **out)
{
	struct event_ring *ring = calloc(1, sizeof(*ring) + max_events * sizeof(struct event_frame *));

	assert(max_events && max_bytes);
	if (!ring)
		return -ENOMEM;
	snprintf(ring->run, sizeof(ring->run), "%s", run);
	ring->max_events = max_events;
	ring->max_bytes = max_bytes;
	*out = ring;
	return 0;
}

static void drop_oldest(struct event_ring *ring)
{
	struct event_frame **slot = &ring->frames[event_ring_oldest(ring) % ring->max_events];

	ring->n_bytes -= (*slot)->length;
	ring->n_kept--;
	free(TAKE_PTR(*slot));
}

static void drop_all(struct event_ring *ring)
{
	while (ring->n_kept)
		drop_oldest(ring);
}

void event_ring_free(struct event_ring **ring)
{
	if (!*ring)
		return;
	drop_all(*ring);
	free(*ring);
	*ring = NULL;
}

static struct event_frame *make_frame(const struct event_ring *ring, uint64_t number, const char *kind,
				      const char *data)
{
	static const char format[] = "id: %s\nevent: %s\ndata: %s\n\n";
	char id[EVENT_ID_SIZE];
	const size_t size =
		sizeof(format) + strlen(event_ring_format_id(ring, number, id)) + strlen(kind) + strlen(data);
	struct event_frame *frame = malloc(sizeof(*frame) + size);

	if (frame)
		frame->length = (size_t)snprintf(frame->text, size, format, id, kind, data);
	return frame;
}

int event_ring_append(struct event_ring *ring, const char *kind, const char *data)
{
	struct event_frame *frame;

	assert(!strpbrk(data, "\r\n"));
	frame = make_frame(ring, ring->newest + 1, kind, data);
	if (!frame || frame->length > ring->max_bytes) {
		const int error = frame ? -EMSGSIZE : -ENOMEM;

		free(frame);
		event_ring_skip(ring, 1);
		return error;
	}
	while (ring->n_kept == ring->max_events || ring->n_bytes + frame->length > ring->max_bytes)
		drop_oldest(ring);
	ring->newest++;
	ring->n_kept++;
	ring->n_bytes += frame->length;
	ring->frames[ring->newest % ring->max_events] = frame;
	return 0;
}

void event_ring_skip(struct event_ring *ring, uint64_t n_events)
{
	if (n_events)
		drop_all(ring);
	ring->newest += n_events;
}

uint64_t event_ring_newest(const struct event_ring *ring)
{
	return ring->newest;
}

uint64_t event_ring_oldest(const struct event_ring *ring)
{
	return ring->newest - ring->n_kept + 1;
}

const struct event_frame *event_ring_frame(const struct event_ring *ring, uint64_t number)
{
	if (number < event_ring_oldest(ring) || number > ring->newest)
		return NULL;
	return ring->frames[number % ring->max_events];
}

char *event_ring_format_id(const struct event_ring *ring, uint64_t number, char id[EVENT_ID_SIZE])
{
	snprintf(id, EVENT_ID_SIZE, "%s-%" PRIu64, ring->run, number);
	return id;
}

/* Digits alone, as they are printed. */
static bool parse_number(const char *text, uint64_t *out)
{
	uint64_t number = 0;

	if (!*text || (*text == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
			return false;
	}
	*out = number;
	return true;
}

enum event_resume event_ring_resume(const struct event_ring *ring, const char *id, uint64_t *next)
{
	const size_t run_length = strlen(ring->run);
	uint64_t number = 0;
	const bool is_ours = strncmp(id, ring->run, run_length) == 0 && id[run_length] == '-' &&
			     parse_number(id + run_length + 1, &number);

	*next = ring->newest + 1;
	if (!is_ours || number > ring->newest || number + 1 < event_ring_oldest(ring))
		return EVENT_RESUME_LOST;
	*next = number + 1;
	return EVENT_RESUME_OK;
}
