/* SPDX-License-Identifier: MIT */
/*
 * From a request to its answer: fresh counters first, then the pure API; what only the store knows is asked
 * in the worker's thread while the connection waits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app_private.h"
#include "base/log.h"
#include "io/now.h"

#define MAX_CONNECTIONS 256
#define IDLE_TIMEOUT_S 30
#define MAX_BODY_BYTES (64 * 1024)
/* Callers whose windows are remembered at once. */
#define MAX_RATE_WINDOWS 4096

/* A request that waits for the store. */
struct pending_request {
	struct app *app;
	struct http_exchange *exchange;
	struct api_call call;
};

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

static void on_history(void *context, struct history_result *result)
{
	struct pending_request *pending = context;
	struct http_response response = {0};

	note_read(pending->app, result->error);
	if (!pending->app->is_stopping)
		app_refresh(pending->app);
	api_finish(&pending->app->api, now_read(), &pending->call, result, &response);
	http_exchange_answer(pending->exchange, &response);
	history_result_clean(result);
	api_call_clean(&pending->call);
	free(pending);
}

static void ask_history(struct app *app, struct http_exchange *exchange, struct api_call *call)
{
	struct pending_request *pending = calloc(1, sizeof(*pending));
	struct history_result failed = {.error = -ENOMEM};
	struct http_response response = {0};

	if (pending) {
		*pending = (struct pending_request){app, exchange, *call};
		if (store_worker_query(app->worker, &pending->call.query, on_history, pending) == 0)
			return;
		free(pending);
	}
	api_finish(&app->api, now_read(), call, &failed, &response);
	http_exchange_answer(exchange, &response);
	api_call_clean(call);
}

static void on_request(void *context, struct http_exchange *exchange, const struct http_request *request)
{
	struct app *app = context;
	struct http_response response = {0};
	struct api_call call = {0};

	app_refresh(app);
	switch (api_begin(&app->api, now_read(), request, &call, &response)) {
	case API_ANSWERED:
		http_exchange_answer(exchange, &response);
		break;
	case API_NEEDS_HISTORY:
		ask_history(app, exchange, &call);
		break;
	case API_STREAMS_EVENTS:
		app_events_subscribe(app, exchange, call.last_event_id, strcmp(request->method, "HEAD") == 0,
				     &response);
		break;
	}
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
		.zone = zone,
		.tokens = token_file_port(app->tokens),
		.health = {.context = app, .get = get_health},
		.id_key = app->state.id_key,
		.limiter = app->limiter,
	};
	return http_server_new(&app->loop, &options, on_request, app, &app->server);
}
