/* SPDX-License-Identifier: MIT */
/*
 * From what the session engine reports to those who follow it over HTTP (GET /events). An event is written once, into
 * the ring, and each subscriber reads from there; whoever reads slower than the ring turns is cut off, and may come
 * back with the id of the last event that it has.
 *
 * To write an event takes some 30 us. When hundreds happen at once, as when an access point fails, they are written in
 * several turns of the loop, from copies of the sessions as they were; what is beyond MAX_QUEUED is not, and
 * subscribers are told that something is missing. The same holds for whoever comes back after nobody has listened for
 * KEEP_NS: without listeners events cost neither time nor memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "app_private.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "core/api_reply.h"
#include "core/event_feed.h"
#include "core/json.h"
#include "io/http_stream.h"
#include "io/now.h"

#define MAX_EVENTS 1024
#define MAX_EVENT_BYTES ((size_t)1 << 20)
#define MAX_SUBSCRIBERS 64
#define MAX_QUEUED 8192
#define TURN_EVENTS 128    /* written in one turn of the loop: 4 ms */
#define HEARTBEAT_MS 15000 /* half of what proxies wait by default, and half of our own idle timeout */
#define KEEP_NS (300 * NS_PER_S)
#define RETRY_AFTER_S 15

struct subscriber {
	struct app_events *all;
	struct http_stream *stream;
	struct event_feed feed;
	struct subscriber *prev;
	struct subscriber *next;
};

/* An event that waits to be written. */
struct queued_event {
	struct event event;
	struct session_record record; /* owned copy */
};

struct app_events {
	struct app *app;
	struct event_ring *ring;
	struct subscriber *subscribers; /* utlist */
	size_t n_subscribers;
	int64_t listened_mono_ns; /* when the last one left; 0 before the first */
	struct queued_event *queue;
	size_t n_queued; /* those behind n_written are waiting */
	size_t n_written;
	size_t queue_capacity;
	uv_timer_t heartbeat;
	uv_idle_t turn; /* active while something waits to be written */
};

static size_t read_feed(void *context, char *buffer, size_t max)
{
	struct subscriber *subscriber = context;

	return event_feed_read(&subscriber->feed, subscriber->all->ring, buffer, max);
}

static void on_gone(void *context)
{
	struct subscriber *subscriber = context;
	struct app_events *events = subscriber->all;

	DL_DELETE(events->subscribers, subscriber);
	free(subscriber);
	events->n_subscribers--;
	events->listened_mono_ns = now_read().mono_ns;
	log_debug("events: a subscriber has gone, %zu listen", events->n_subscribers);
	if (events->n_subscribers == 0 && !events->app->is_stopping)
		uv_timer_stop(&events->heartbeat);
}

/* ---- writing */

static void clear_queue(struct app_events *events)
{
	for (size_t i = events->n_written; i < events->n_queued; i++)
		session_record_clean(&events->queue[i].record);
	free(events->queue);
	events->queue = NULL;
	events->n_queued = events->n_written = events->queue_capacity = 0;
}

/* What is missing is so for all who were before it. */
static void miss(struct app_events *events, uint64_t n_events)
{
	event_ring_skip(events->ring, events->n_queued - events->n_written + n_events);
	clear_queue(events);
}

static void write_event(struct app_events *events, const struct event *event, const struct session_record *record)
{
	const struct api *api = &events->app->api;
	const struct json_session_options options = {
		.zone = &api->zone, .id_key = &api->id_key, .now = now_read(), .is_raw = true};
	json_auto_t *json = json_event(event, record, &options);
	CLEANUP_FREE char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	const int error = text ? event_ring_append(events->ring, event_kind_name(event->kind), text) : -ENOMEM;

	if (!text)
		event_ring_skip(events->ring, 1);
	if (error)
		log_errno(error, "an event cannot be kept: subscribers are told to read the list of sessions again");
}

/* 0 or -errno. */
static int enqueue(struct app_events *events, const struct event *event, const struct session_record *record)
{
	struct queued_event *item;

	if (events->n_queued == MAX_QUEUED)
		return -ENOSPC;
	if (events->n_queued == events->queue_capacity) {
		const size_t capacity = events->queue_capacity ? 2 * events->queue_capacity : 256;
		struct queued_event *queue = reallocarray(events->queue, capacity, sizeof(*queue));

		if (!queue)
			return -ENOMEM;
		events->queue = queue;
		events->queue_capacity = capacity;
	}
	item = &events->queue[events->n_queued];
	if (session_record_copy(&item->record, record) != 0)
		return -ENOMEM;
	item->event = *event;
	events->n_queued++;
	return 0;
}

static void wake_subscribers(struct app_events *events)
{
	struct subscriber *subscriber;

	DL_FOREACH(events->subscribers, subscriber)
	{
		if (event_feed_keeps_up(&subscriber->feed, events->ring))
			http_stream_wake(subscriber->stream);
		else
			http_stream_drop(subscriber->stream);
	}
}

/* Writes at most n_max of those that wait. */
static void write_queued(struct app_events *events, size_t n_max)
{
	for (; n_max > 0 && events->n_written < events->n_queued; n_max--) {
		struct queued_event *item = &events->queue[events->n_written++];

		write_event(events, &item->event, &item->record);
		session_record_clean(&item->record);
	}
	if (events->n_written < events->n_queued)
		return;
	clear_queue(events);
	uv_idle_stop(&events->turn);
}

static void on_turn(uv_idle_t *turn)
{
	struct app_events *events = turn->data;

	write_queued(events, TURN_EVENTS);
	wake_subscribers(events);
}

static bool is_anybody_interested(const struct app_events *events)
{
	return events->n_subscribers > 0 ||
	       (events->listened_mono_ns && now_read().mono_ns - events->listened_mono_ns < KEEP_NS);
}

/* False when the rest has been given up. */
static bool take_event(struct app_events *events, size_t index)
{
	const struct event_list *list = &events->app->events;
	const struct event *event = &list->items[index];
	const struct session_record *record = session_engine_by_seq(events->app->engine, event->session_seq);

	if (!record)
		return true;
	if (index < TURN_EVENTS && events->n_queued == 0) {
		write_event(events, event, record);
		return true;
	}
	if (enqueue(events, event, record) == 0)
		return true;
	log_warning("events: too many at once: subscribers are told to read the list of sessions again");
	miss(events, list->n_items - index);
	return false;
}

void app_events_carry(struct app *app)
{
	struct app_events *events = app->event_feeds;

	if (!events || app->events.n_items == 0)
		return;
	if (!is_anybody_interested(events)) {
		miss(events, app->events.n_items);
		return;
	}
	for (size_t i = 0; i < app->events.n_items && take_event(events, i); i++)
		;
	if (events->n_queued)
		uv_idle_start(&events->turn, on_turn);
	wake_subscribers(events);
}

/* ---- subscribers */

static void on_heartbeat(uv_timer_t *timer)
{
	struct app_events *events = timer->data;
	struct subscriber *subscriber;

	DL_FOREACH(events->subscribers, subscriber)
	{
		event_feed_heartbeat(&subscriber->feed);
	}
	wake_subscribers(events);
}

static void refuse(struct http_exchange *exchange, struct http_response *head, int status)
{
	api_reply_message(head, status, NULL);
	if (status == 503)
		http_response_header(head, "Retry-After", "%d", RETRY_AFTER_S);
	http_exchange_answer(exchange, head);
}

void app_events_subscribe(struct app *app, struct http_exchange *exchange, const char *last_id, bool is_head,
			  struct http_response *head)
{
	static const struct http_stream_ops ops = {.read = read_feed, .gone = on_gone};
	struct app_events *events = app->event_feeds;
	struct subscriber *subscriber;

	if (events->n_subscribers == MAX_SUBSCRIBERS) {
		refuse(exchange, head, 503);
		return;
	}
	subscriber = calloc(1, sizeof(*subscriber));
	if (!subscriber || http_exchange_stream(exchange, head, &ops, subscriber, &subscriber->stream) != 0) {
		free(subscriber);
		refuse(exchange, head, 500);
		return;
	}
	subscriber->all = events;
	event_feed_start(&subscriber->feed, events->ring, last_id);
	DL_APPEND(events->subscribers, subscriber);
	if (events->n_subscribers++ == 0)
		uv_timer_start(&events->heartbeat, on_heartbeat, HEARTBEAT_MS, HEARTBEAT_MS);
	log_debug("events: a subscriber has come, %zu listen", events->n_subscribers);
	if (is_head)
		http_stream_end(subscriber->stream);
}

/* ---- start and stop */

/* The boot and the moment of the start: unlike wall time alone, they never come again. */
static void name_run(const struct app *app, char run[EVENT_RUN_SIZE])
{
	snprintf(run, EVENT_RUN_SIZE, "%.8s%llx", app->boot_id, (unsigned long long)app->started.mono_ns);
}

int app_events_start(struct app *app)
{
	struct app_events *events = calloc(1, sizeof(*events));
	char run[EVENT_RUN_SIZE];
	int r;

	if (!events)
		return log_errno(-ENOMEM, "events");
	name_run(app, run);
	r = event_ring_new(run, MAX_EVENTS, MAX_EVENT_BYTES, &events->ring);
	if (r) {
		free(events);
		return log_errno(r, "events");
	}
	uv_timer_init(&app->loop, &events->heartbeat);
	uv_idle_init(&app->loop, &events->turn);
	events->heartbeat.data = events;
	events->turn.data = events;
	events->app = app;
	app->event_feeds = events;
	return 0;
}

void app_events_stop(struct app *app)
{
	struct app_events *events = app->event_feeds;

	if (!events)
		return;
	write_queued(events, SIZE_MAX);
	wake_subscribers(events);
	uv_close((uv_handle_t *)&events->heartbeat, NULL);
	uv_close((uv_handle_t *)&events->turn, NULL);
}

void app_events_free(struct app *app)
{
	if (!app->event_feeds)
		return;
	clear_queue(app->event_feeds);
	event_ring_free(&app->event_feeds->ring);
	free(TAKE_PTR(app->event_feeds));
}
