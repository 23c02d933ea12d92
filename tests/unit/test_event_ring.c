/* SPDX-License-Identifier: MIT */
/* The ring of events: what it keeps, what it says of what it does not keep, and what a subscriber reads from it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/event_feed.h"
#include "core/event_ring.h"

#define PLENTY ((size_t)1 << 20)
#define RUN "5e0053-1f"

static bool is_memory_short;

/* In place of the C library's: a frame is what asks for memory here. */
void *malloc(size_t size)
{
	return is_memory_short ? NULL : calloc(1, size);
}

static struct event_ring *make(size_t max_events, size_t max_bytes)
{
	struct event_ring *ring = NULL;

	cr_assert_eq(event_ring_new(RUN, max_events, max_bytes, &ring), 0);
	return ring;
}

static void append(struct event_ring *ring, uint64_t n_events)
{
	for (uint64_t i = 0; i < n_events; i++) {
		char data[32];

		snprintf(data, sizeof(data), "{\"n\":%llu}", (unsigned long long)event_ring_newest(ring) + 1);
		cr_assert_eq(event_ring_append(ring, "session.online", data), 0);
	}
}

/* What a feed that starts from this id reads, in pieces of at most max octets. The caller frees. */
static char *read_all(struct event_feed *feed, const struct event_ring *ring, size_t max)
{
	char *text = calloc(1, PLENTY);
	size_t length = 0, n;

	cr_assert_not_null(text);
	while ((n = event_feed_read(feed, ring, text + length, max)) > 0) {
		cr_assert_leq(n, max);
		length += n;
		cr_assert_lt(length + max, PLENTY);
	}
	return text;
}

static void expect_frame(char **at, const char *run, uint64_t number)
{
	char wanted[128];

	snprintf(wanted, sizeof(wanted), "id: %s-%llu\nevent: session.online\ndata: {\"n\":%llu}\n\n", run,
		 (unsigned long long)number, (unsigned long long)number);
	cr_assert(strncmp(*at, wanted, strlen(wanted)) == 0, "%llu: %s", (unsigned long long)number, *at);
	*at += strlen(wanted);
}

Test(event_ring, every_id_that_is_kept_is_resumed_right_behind_it_and_no_other)
{
	CLEANUP(event_ring_free) struct event_ring *ring = make(8, PLENTY);
	char id[EVENT_ID_SIZE];

	for (uint64_t n_events = 0; n_events < 30; n_events++) {
		cr_assert_eq(event_ring_newest(ring), n_events);
		for (uint64_t number = 0; number < n_events + 3; number++) {
			/* the eighth from the end is kept, so whoever had the one before it misses nothing */
			const bool is_known = number + 8 >= n_events && number <= n_events;
			uint64_t next = 0;

			event_ring_format_id(ring, number, id);
			cr_assert_eq(event_ring_resume(ring, id, &next), is_known ? EVENT_RESUME_OK : EVENT_RESUME_LOST,
				     "%s of %llu", id, (unsigned long long)n_events);
			cr_assert_eq(next, (is_known ? number : n_events) + 1);
			cr_assert_eq(event_ring_frame(ring, number) != NULL,
				     number > 0 && number + 8 > n_events && number <= n_events);
		}
		append(ring, 1);
	}
}

Test(event_ring, what_is_no_id_of_this_run_is_lost)
{
	static const char *const ids[] = {
		"5e0053-1e-3",
		"5e0053-1f",
		"5e0053-1f-",
		"5e0053-1f-x",
		"5e0053-1f-3x",
		"5e0053-1f--3",
		"5e0053-1f-03",
		"5e0053-1f- 3",
		"5e0053-1f-+3",
		"5e0053-1f-18446744073709551619",
		"3",
		"-3",
		"",
		"5e0053-1ff-3",
		"5e0053-1f-36893488147419103235",
	};
	CLEANUP(event_ring_free) struct event_ring *ring = make(8, PLENTY);
	uint64_t next;

	append(ring, 5);
	for (size_t i = 0; i < ARRAY_LENGTH(ids); i++)
		cr_expect_eq(event_ring_resume(ring, ids[i], &next), EVENT_RESUME_LOST, "%s", ids[i]);
	cr_expect_eq(event_ring_resume(ring, "5e0053-1f-3", &next), EVENT_RESUME_OK);
}

Test(event_ring, octets_are_bounded_too)
{
	CLEANUP(event_ring_free) struct event_ring *ring = make(1000, 200);
	char data[300];
	size_t n_bytes = 0;

	append(ring, 50);
	for (uint64_t number = event_ring_oldest(ring); number <= 50; number++)
		n_bytes += event_ring_frame(ring, number)->length;
	cr_assert_leq(n_bytes, 200u);
	cr_assert_gt(n_bytes, 140u, "one more would have had room");

	/* one that is too big for the whole ring: a gap, that nobody is led across */
	memset(data, 'x', sizeof(data));
	data[sizeof(data) - 1] = '\0';
	cr_assert_eq(event_ring_append(ring, "session.online", data), -EMSGSIZE);
	cr_assert_eq(event_ring_newest(ring), 51u);
	cr_assert_null(event_ring_frame(ring, 50));
	uint64_t next;
	cr_assert_eq(event_ring_resume(ring, RUN "-50", &next), EVENT_RESUME_LOST);
	cr_assert_eq(event_ring_resume(ring, RUN "-51", &next), EVENT_RESUME_OK);
	append(ring, 1);
	cr_assert_not_null(event_ring_frame(ring, 52));
}

Test(event_ring, an_event_without_memory_is_a_gap)
{
	CLEANUP(event_ring_free) struct event_ring *ring = make(8, PLENTY);
	uint64_t next;

	append(ring, 3);
	is_memory_short = true;
	const int error = event_ring_append(ring, "session.online", "{}");
	is_memory_short = false;
	cr_assert_eq(error, -ENOMEM);
	append(ring, 2);
	cr_assert_eq(event_ring_newest(ring), 6u);
	cr_assert_eq(event_ring_oldest(ring), 5u);
	cr_assert_eq(event_ring_resume(ring, RUN "-3", &next), EVENT_RESUME_LOST);
	cr_assert_eq(event_ring_resume(ring, RUN "-4", &next), EVENT_RESUME_OK);
}

Test(event_feed, reads_each_event_once_whatever_the_size_of_the_pieces)
{
	static const size_t sizes[] = {1, 2, 7, 50, 51, 1000};
	CLEANUP(event_ring_free) struct event_ring *ring = make(64, PLENTY);

	append(ring, 20);
	for (uint64_t from = 0; from <= 20; from++) {
		for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
			char id[EVENT_ID_SIZE], greeting[128];
			struct event_feed feed;

			event_feed_start(&feed, ring, event_ring_format_id(ring, from, id));
			CLEANUP_FREE char *text = read_all(&feed, ring, sizes[i]);
			snprintf(greeting, sizeof(greeting), "retry: 2000\nid: %s\n\n", id);
			cr_assert(strncmp(text, greeting, strlen(greeting)) == 0, "%s", text);
			char *at = text + strlen(greeting);
			for (uint64_t number = from + 1; number <= 20; number++)
				expect_frame(&at, RUN, number);
			cr_assert_str_empty(at);
			cr_assert_eq(event_feed_read(&feed, ring, greeting, sizeof(greeting)), 0, "no more is due");
		}
	}
}

Test(event_feed, without_an_id_only_what_happens_from_now_on)
{
	CLEANUP(event_ring_free) struct event_ring *ring = make(64, PLENTY);
	struct event_feed feed;

	append(ring, 5);
	event_feed_start(&feed, ring, NULL);
	CLEANUP_FREE char *greeting = read_all(&feed, ring, 1000);
	cr_assert_str_eq(greeting, "retry: 2000\nid: " RUN "-5\n\n");
	append(ring, 1);
	CLEANUP_FREE char *text = read_all(&feed, ring, 1000);
	char *at = text;
	expect_frame(&at, RUN, 6);
	cr_assert_str_empty(at);
}

Test(event_feed, an_id_of_another_run_is_answered_by_a_reset)
{
	CLEANUP(event_ring_free) struct event_ring *ring = make(64, PLENTY);
	struct event_feed feed;

	append(ring, 5);
	event_feed_start(&feed, ring, "other-3");
	append(ring, 1);
	CLEANUP_FREE char *text = read_all(&feed, ring, 1000);
	cr_assert(strncmp(text, "retry: 2000\nid: " RUN "-5\nevent: reset\ndata: {\"event\":\"reset\",", 64) == 0, "%s",
		  text);
	char *at = strstr(text, "\n\n") + 2;
	expect_frame(&at, RUN, 6);
	cr_assert_str_empty(at);
}

Test(event_feed, a_heartbeat_is_a_comment_when_nothing_else_is_due)
{
	CLEANUP(event_ring_free) struct event_ring *ring = make(64, PLENTY);
	struct event_feed feed;

	event_feed_start(&feed, ring, "");
	free(read_all(&feed, ring, 1000));
	event_feed_heartbeat(&feed);
	event_feed_heartbeat(&feed);
	CLEANUP_FREE char *alone = read_all(&feed, ring, 2);
	cr_assert_str_eq(alone, ":\n\n");

	append(ring, 1);
	event_feed_heartbeat(&feed);
	CLEANUP_FREE char *text = read_all(&feed, ring, 1000);
	char *at = text;
	expect_frame(&at, RUN, 1);
	cr_assert_str_empty(at, "an event is a sign of life");
}

Test(event_feed, a_reader_that_is_left_behind_in_the_middle_is_lost_and_one_that_had_all_is_reset)
{
	CLEANUP(event_ring_free) struct event_ring *ring = make(4, PLENTY);
	struct event_feed slow, prompt;
	char piece[64];

	event_feed_start(&slow, ring, NULL);
	event_feed_start(&prompt, ring, NULL);
	free(read_all(&slow, ring, 1000));
	free(read_all(&prompt, ring, 1000));
	append(ring, 4);
	cr_assert_eq(event_feed_read(&slow, ring, piece, 10), 10u);
	free(read_all(&prompt, ring, 1000));
	cr_assert(event_feed_keeps_up(&slow, ring));
	cr_assert(event_feed_keeps_up(&prompt, ring));

	append(ring, 5);
	cr_assert_not(event_feed_keeps_up(&slow, ring));
	cr_assert(event_feed_keeps_up(&prompt, ring));
	/* again before it could read, and what follows is not lost */
	append(ring, 6);
	cr_assert(event_feed_keeps_up(&prompt, ring));
	append(ring, 1);
	CLEANUP_FREE char *text = read_all(&prompt, ring, 9);
	cr_assert_not_null(strstr(text, "id: " RUN "-15\nevent: reset\n"), "%s", text);
	char *at = strstr(text, "\n\n") + 2;
	expect_frame(&at, RUN, 16);
	cr_assert_str_empty(at);
}
