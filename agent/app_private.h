/* SPDX-License-Identifier: MIT */
/*
 * Inside the application: app.c starts and stops everything in order, app_resume.c takes up what the store knew,
 * app_account.c is the way of the octets (counters, ledger, sessions, store), app_interfaces.c says where they are
 * counted, app_http.c is the way of a request, app_events.c that of an event to those who follow, app_presence.c
 * hears of guests who have left, app_history.c keeps the store from growing without end.
 */
#ifndef APP_PRIVATE_H
#define APP_PRIVATE_H

#include <uv.h>

#include "app.h"
#include "core/api.h"
#include "core/rate_limit.h"
#include "io/host.h"
#include "io/http_server.h"
#include "io/loop_watch.h"
#include "io/signals.h"
#include "io/source.h"
#include "io/store_worker.h"
#include "io/token_file.h"

struct app_events;
struct interfaces;
struct pending_request;
struct presence_watch;

struct app {
	const struct config *config;
	uv_loop_t loop;
	bool is_stopping;
	bool has_account;      /* app_account_start has made its handles */
	bool has_http;         /* app_http_start has made its handle */
	bool is_clock_doubted; /* it was said that the clock cannot be true */
	int lock_fd;
	char boot_id[HOST_BOOT_ID_SIZE];
	struct instant started;

	/* the way of the octets */
	struct source source;
	struct interfaces *interfaces;
	struct presence_watch *presence; /* NULL: not asked for */
	struct ledger *ledger;
	struct session_engine *engine;
	struct guest_register *guests;
	struct event_list events;
	struct app_events *event_feeds;
	struct store *store;
	struct store_reader *reader;
	struct store_worker *worker;
	struct store_state state; /* as it was at start */
	uv_timer_t collect_timer;
	uv_timer_t limit_timer; /* a collection before its time, because a limit of a session is near */
	int64_t limit_cost_ns;  /* what the latest of them took */
	uv_timer_t flush_timer;
	uv_timer_t prune_timer;
	bool has_history; /* app_history_start has made its handle */
	int prune_error;  /* of the last step of pruning */
	uv_poll_t arrivals_poll;
	struct instant collecting;    /* the time of the collection under way */
	int64_t collected_mono_ns;    /* last whole collection; 0 before the first */
	int collect_error;            /* of the last collection */
	bool is_flushing;             /* a batch is with the worker */
	bool wants_full_flush;        /* the next batch takes everything */
	bool wants_flush;             /* what a request has changed is to be written */
	uint64_t n_flushes;           /* begun; the number of the one that is under way */
	uint64_t n_flushes_done;      /* the number of the latest that has been committed, or has failed */
	int64_t flushed_mono_ns;      /* start of the last flush */
	int64_t full_flush_mono_ns;   /* start of the last full one */
	int64_t retired_mono_ns;      /* when slots were given back last */
	bool is_crowded;              /* the table is, as of then */
	struct ledger_delta *put_off; /* during a reading: what was sent to nobody yet; owned */
	size_t n_put_off;
	size_t put_off_capacity;
	int64_t unsaved_mono_ns; /* since when flushes have failed; 0 while they work */
	int flush_error;
	int read_error; /* of the last question to the store */

	/* the way of a request */
	struct token_file *tokens;
	struct rate_limiter *limiter;
	struct api api;
	struct http_server *server;
	struct pending_request *unwritten; /* requests whose changes the store does not have yet; utlist */
	uv_timer_t unwritten_timer;
	struct signals *signals;
	struct loop_watch *watch;
	struct health health;
	struct health_interface health_interfaces[OCTET_SLOTS_MAX];
};

/* app_resume.c */
/* Makes the tables of ledger, sessions and guests, with what the store knew. 0 or -errno, logged. */
int app_resume(struct app *app);

/* app_account.c */
/* After everything is attached: books the previous table to its last octet, in one commit with the new epoch. */
int app_account_finish_previous(struct app *app);
int app_account_start(struct app *app); /* after source, store and engine are there */
/* Reads all counters, books them, ends what is idle, sees to the store. */
void app_collect(struct app *app);
/* After a change of sessions outside of a collection: carries its events onward, and writes what must be written now.
 */
void app_carry(struct app *app);
/* Collects if the last collection is older than the configured bound. */
void app_refresh(struct app *app);
/* Carries the events of a change that a request has made, and writes the change as transitions are written. */
void app_write_soon(struct app *app);
/* The end: collects for a last time, hands everything unsaved to the worker, closes the handles. */
void app_account_stop(struct app *app);

/* app_interfaces.c */
/* Attaches to what the configuration names, and follows it as it comes and goes. 0 or -errno, logged. */
int app_interfaces_start(struct app *app);
/* Part of each collection: is everything still attached as it was? */
void app_interfaces_verify(struct app *app);
/* What is to be said of interfaces that are not counted on. */
void app_interfaces_health(const struct app *app, struct health *health);
void app_interfaces_stop(struct app *app);
void app_interfaces_free(struct app *app);

/* app_presence.c */
/* Listens for signs that guests have left, if the configuration wants them. 0 or -errno, logged. */
int app_presence_start(struct app *app);
void app_presence_stop(struct app *app);
void app_presence_free(struct app *app);

/* app_history.c */
int app_history_start(struct app *app);
void app_history_stop(struct app *app);
/* app_events.c */
int app_events_start(struct app *app); /* before the first request; 0 or -errno, logged */
/* Tells subscribers of what is in app->events, while the sessions are as the events say. */
void app_events_carry(struct app *app);
/* Answers the exchange with events from now on, or from behind last_id; consumes *head. */
void app_events_subscribe(struct app *app, struct http_exchange *exchange, const char *last_id, bool is_head,
			  struct http_response *head);
void app_events_stop(struct app *app); /* before the server closes, which ends the subscriptions */
void app_events_free(struct app *app);

/* app_http.c */
int app_http_start(struct app *app, struct zone_port zone);
/* A flush is over: who waits for it is answered. */
void app_http_flushed(struct app *app);
/* After app_account_stop: answers who still waits, closes the server. */
void app_http_stop(struct app *app);

#endif
