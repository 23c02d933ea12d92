/* SPDX-License-Identifier: MIT */
/*
 * From a request to its answer: fresh counters first, then the pure API; what only the store knows is asked
 * in the worker's thread while the connection waits. What a request has changed is answered when the flush that
 * contains it is over, so that who is told of a login finds it after a power cut.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "app_private.h"
#include "base/log.h"
#include "io/now.h"

#define MAX_CONNECTIONS 256
#define IDLE_TIMEOUT_S 30
#define MAX_BODY_BYTES (64 * 1024)
/* Callers whose windows are remembered at once. */
#define MAX_RATE_WINDOWS 4096

/* A store that is slow, or fails, makes no portal wait longer for the answer to a change. */
#define WRITE_WAIT_MS 2000

/* A request that waits for the store. */
struct pending_request {
	struct app *app;
	struct http_exchange *exchange;
	enum api_step step;
	struct api_call call;          /* of API_NEEDS_HISTORY and _FORGET */
	struct http_response response; /* of API_CHANGED */
	uint64_t flush;                /* the number of the flush that has the change */
	int64_t until_mono_ns;         /* it waits no longer for that */
	struct pending_request *prev;  /* in app->unwritten, in the order of until_mono_ns */
	struct pending_request *next;
};

static void proceed(struct app *app, struct http_exchange *exchange, enum api_step step, struct api_call *call,
		    struct http_response *response);

/* Said when it begins and when it ends; what was cancelled or interrupted says nothing of the store. */
static void note_read(struct app *app, int error)
{
	if (error == -ECANCELED || error == -EINTR)
		return;
	if (error && !app->read_error)
		log_error("the history in %s cannot be read (%s): is the disk full or damaged?", app->config->state_dir,
			  strerror(-error));
	if (!error && app->read_error)
		log_info("the history in %s is read again", app->config->state_dir);
	app->read_error = error;
}

/* Takes the call and the response; NULL without memory, and both are as they were. */
static struct pending_request *pending_new(struct app *app, struct http_exchange *exchange, enum api_step step,
					   struct api_call *call, struct http_response *response)
{
	struct pending_request *pending = calloc(1, sizeof(*pending));

	if (!pending)
		return NULL;
	*pending = (struct pending_request){
		.app = app, .exchange = exchange, .step = step, .call = *call, .response = *response};
	*call = (struct api_call){0};
	*response = (struct http_response){0};
	return pending;
}

/* ---- what the store is asked */

static void on_history(void *context, struct history_result *result)
{
	struct pending_request *pending = context;
	struct app *app = pending->app;
	struct http_exchange *exchange = pending->exchange;
	struct api_call call = pending->call;
	struct http_response response = {0};
	enum api_step step;

	free(pending);
	note_read(app, result->error);
	if (!app->is_stopping)
		app_refresh(app);
	step = api_finish(&app->api, now_read(), &call, result, &response);
	history_result_clean(result);
	proceed(app, exchange, step, &call, &response);
}

static void ask_history(struct app *app, struct http_exchange *exchange, struct api_call *call)
{
	struct history_result failed = {.error = -ENOMEM};
	struct http_response response = {0};
	struct pending_request *pending = pending_new(app, exchange, API_NEEDS_HISTORY, call, &response);

	if (pending && store_worker_query(app->worker, &pending->call.query, on_history, pending) == 0)
		return;
	if (pending)
		*call = pending->call;
	free(pending);
	(void)api_finish(&app->api, now_read(), call, &failed, &response);
	http_exchange_answer(exchange, &response);
	api_call_clean(call);
}

static void finish_forget(struct http_exchange *exchange, struct api_call *call, int error)
{
	struct http_response response = {0};

	api_finish_forget(call, error, &response);
	http_exchange_answer(exchange, &response);
	api_call_clean(call);
}

static void on_forgotten(void *context, int error)
{
	struct pending_request *pending = context;

	if (error && error != -ENOENT)
		log_errno(error, "the store in %s cannot forget whose a session was", pending->app->config->state_dir);
	finish_forget(pending->exchange, &pending->call, error);
	free(pending);
}

/* ---- what waits for the flush that has its change */

/* The flush is over, or takes too long. Takes pending, which is in no list any more. */
static void go_on(struct pending_request *pending)
{
	struct app *app = pending->app;
	int r;

	if (pending->step == API_CHANGED) {
		http_exchange_answer(pending->exchange, &pending->response);
		free(pending);
		return;
	}
	r = store_worker_forget_person(app->worker, pending->call.forget_seq, on_forgotten, pending);
	if (r)
		on_forgotten(pending, r);
}

static void on_unwritten_timer(uv_timer_t *timer);

/* For the first of those that wait; all wait equally long. */
static void arm_unwritten_timer(struct app *app)
{
	int64_t wait_ns;

	if (!app->unwritten) {
		uv_timer_stop(&app->unwritten_timer);
		return;
	}
	wait_ns = app->unwritten->until_mono_ns - now_read().mono_ns;
	uv_timer_start(&app->unwritten_timer, on_unwritten_timer, wait_ns > 0 ? (uint64_t)(wait_ns / NS_PER_MS) + 1 : 0,
		       0);
}

/* Lets go on whom flush n, or the time, sets free. */
static void release_unwritten(struct app *app, uint64_t n_flushes, int64_t now_mono_ns)
{
	struct pending_request *pending, *next;

	DL_FOREACH_SAFE(app->unwritten, pending, next)
	{
		if (pending->flush > n_flushes && pending->until_mono_ns > now_mono_ns)
			continue;
		DL_DELETE(app->unwritten, pending);
		go_on(pending);
	}
	arm_unwritten_timer(app);
}

static void on_unwritten_timer(uv_timer_t *timer)
{
	struct app *app = timer->data;

	release_unwritten(app, app->n_flushes_done, now_read().mono_ns);
}

void app_http_flushed(struct app *app)
{
	if (app->unwritten)
		release_unwritten(app, app->n_flushes_done, now_read().mono_ns);
}

/* Takes the call or the response. */
static void await_flush(struct app *app, struct http_exchange *exchange, enum api_step step, struct api_call *call,
			struct http_response *response)
{
	struct pending_request *pending = app->is_stopping ? NULL : pending_new(app, exchange, step, call, response);

	if (!pending) {
		if (step == API_CHANGED)
			http_exchange_answer(exchange, response);
		else
			finish_forget(exchange, call, app->is_stopping ? -ECANCELED : -ENOMEM);
		if (!app->is_stopping)
			app_write_soon(app);
		return;
	}
	/* one that is under way was put together before the change */
	pending->flush = app->n_flushes + 1;
	pending->until_mono_ns = now_read().mono_ns + WRITE_WAIT_MS * NS_PER_MS;
	DL_APPEND(app->unwritten, pending);
	arm_unwritten_timer(app);
	app_write_soon(app);
}

/* ---- requests */

static void proceed(struct app *app, struct http_exchange *exchange, enum api_step step, struct api_call *call,
		    struct http_response *response)
{
	switch (step) {
	case API_ANSWERED:
		http_exchange_answer(exchange, response);
		api_call_clean(call);
		break;
	case API_NEEDS_HISTORY:
		ask_history(app, exchange, call);
		break;
	case API_CHANGED:
	case API_NEEDS_FORGET:
		await_flush(app, exchange, step, call, response);
		break;
	case API_STREAMS_EVENTS:
		assert(!"a stream is begun by on_request");
		break;
	}
}

static void on_request(void *context, struct http_exchange *exchange, const struct http_request *request)
{
	struct app *app = context;
	struct http_response response = {0};
	struct api_call call = {0};
	enum api_step step;

	/* what a write changes is whose the octets are that come after it */
	if (api_is_write(&app->api, request))
		app_collect(app);
	else
		app_refresh(app);
	step = api_begin(&app->api, now_read(), request, &call, &response);
	if (step == API_STREAMS_EVENTS)
		app_events_subscribe(app, exchange, call.last_event_id, strcmp(request->method, "HEAD") == 0,
				     &response);
	else
		proceed(app, exchange, step, &call, &response);
}

static const struct health *get_health(void *context)
{
	struct app *app = context;
	struct instant now = now_read();
	int store_error = app->flush_error ? app->flush_error : app->read_error;
	uint64_t n_keys, max_keys;

	source_occupancy(&app->source, &n_keys, &max_keys);
	app->health = (struct health){
		.version = OCTETD_VERSION,
		.uptime_s = (now.mono_ns - app->started.mono_ns) / NS_PER_S,
		.is_clock_trusted = now_is_clock_trusted(),
		.collected_ms_ago = app->collected_mono_ns ? (now.mono_ns - app->collected_mono_ns) / NS_PER_MS : -1,
		.interfaces = app->health_interfaces,
		.n_interfaces = source_health(&app->source, app->health_interfaces, OCTET_SLOTS_MAX),
		.n_keys = n_keys,
		.max_keys = max_keys,
		.n_online = session_engine_n_online(app->engine),
		.n_waiting = session_engine_n_waiting(app->engine),
		.n_unauthenticated = session_engine_n_unauthenticated(app->engine),
		.unauthenticated = session_engine_unauthenticated(app->engine),
		.total = ledger_total(app->ledger),
		.unclaimed = session_engine_unclaimed(app->engine),
		.is_store_ok = !store_error,
		.store_error = store_error ? strerror(-store_error) : NULL,
		.unsaved_s = app->unsaved_mono_ns ? (now.mono_ns - app->unsaved_mono_ns) / NS_PER_S : 0,
		.n_unsaved = session_engine_n_unsaved(app->engine),
		.collect_error = app->collect_error ? strerror(-app->collect_error) : NULL,
	};
	app_interfaces_health(app, &app->health);
	return &app->health;
}

/* Those that are counted on, as they are called now. */
static uint32_t find_interface(void *context, const char *name)
{
	struct app *app = context;
	size_t n_interfaces = source_health(&app->source, app->health_interfaces, OCTET_SLOTS_MAX);

	for (size_t i = 0; i < n_interfaces; i++) {
		if (strcmp(app->health_interfaces[i].name, name) == 0)
			return app->health_interfaces[i].ifindex;
	}
	return 0;
}

int app_http_start(struct app *app, struct zone_port zone)
{
	const struct config *config = app->config;
	const struct http_server_options options = {
		.listen_address = config->listen_address,
		.port = config->listen_port,
		.socket_path = config->socket_path,
		.max_connections = MAX_CONNECTIONS,
		.idle_timeout_s = IDLE_TIMEOUT_S,
		.max_body_bytes = MAX_BODY_BYTES,
	};
	int r = 0;

	if (config->rate_limit_per_minute > 0)
		r = rate_limiter_new(config->rate_limit_per_minute, MAX_RATE_WINDOWS, &app->limiter);
	if (r)
		return log_errno(r, "rate limiter");
	app->api = (struct api){
		.settings =
			{
				.mount = config->mount,
				.base_url = config->base_url,
				.trusted_proxies = config->trusted_proxies,
				.n_trusted_proxies = config->n_trusted_proxies,
			},
		.engine = app->engine,
		.guests = app->guests,
		.events = &app->events,
		.profiles = config->profiles,
		.n_profiles = config->n_profiles,
		.location_id = config->location_id,
		.location_name = config->location_name,
		.zone = zone,
		.tokens = token_file_port(app->tokens),
		.health = {.context = app, .get = get_health},
		.interfaces = {.context = app, .find = find_interface},
		.id_key = app->state.id_key,
		.limiter = app->limiter,
	};
	r = uv_timer_init(&app->loop, &app->unwritten_timer);
	if (r)
		return log_errno(r, "event loop");
	app->unwritten_timer.data = app;
	app->has_http = true;
	return http_server_new(&app->loop, &options, on_request, app, &app->server);
}

static void on_server_closed(void *context)
{
	(void)context;
}

void app_http_stop(struct app *app)
{
	if (!app->has_http)
		return;
	/* the last flush is with the worker, which finishes it */
	release_unwritten(app, UINT64_MAX, INT64_MAX);
	uv_close((uv_handle_t *)&app->unwritten_timer, NULL);
	if (app->server)
		http_server_close(app->server, on_server_closed, app);
}
