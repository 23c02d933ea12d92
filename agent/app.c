/* SPDX-License-Identifier: MIT */
#include "app.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_private.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "io/now.h"
#include "io/zone.h"

static int open_tokens(struct app *app)
{
	int r = token_file_new(app->config->state_dir, &app->tokens);

	if (!r)
		r = token_file_first_start(app->tokens, app->started.wall_ns / NS_PER_S);
	if (r == 1)
		log_info("first start: a token for the API is in %s/admin.token", app->config->state_dir);
	return r < 0 ? r : 0;
}

static int open_store(struct app *app)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/octetd.db", app->config->state_dir);
	r = store_open(path, &app->store);
	if (!r)
		r = store_load(app->store, &app->state);
	now_set_floor(app->state.newest_wall_ns);
	if (!r)
		r = store_reader_open(path, &app->reader);
	return r;
}

/* Opens the counters, and makes the store remember which they are before anything is counted. */
static int open_source(struct app *app)
{
	const struct source_options options = {
		.kind = app->config->source,
		.attach = app->config->attach,
		.bpffs_dir = app->config->bpffs_dir,
		.instance = app->state.instance,
		.boot_id = app->boot_id,
		.known_epoch = app->state.epoch,
		.max_addresses = app->config->max_addresses,
		.max_addresses_per_mac = app->config->max_addresses_per_mac,
		.arrival_gap_ns = app->config->idle_timeout_s * NS_PER_S,
	};
	int r = source_open(&options, &app->source);

	/* while there is a previous table, the store's baselines are still its own */
	if (!r && !source_has_previous(&app->source))
		r = store_begin_epoch(app->store, app->boot_id, source_epoch(&app->source));
	return r;
}

static void on_signal(void *context, int signal_number);

static int open_loop(struct app *app)
{
	struct zone_port zone;
	int r = zone_open(app->config->time_zone, &zone);

	if (!r)
		r = loop_watch_new(&app->loop, &app->watch);
	if (!r)
		r = store_worker_new(&app->loop, app->store, app->reader, &app->worker);
	if (!r)
		r = signals_new(&app->loop, on_signal, app, &app->signals);
	if (!r)
		r = app_events_start(app);
	if (!r)
		r = app_http_start(app, zone);
	return r;
}

/* In this order: what can fail for outer reasons (port, database) before the first program is attached. */
static int start(struct app *app)
{
	int r = host_boot_id(app->boot_id);

	if (!r)
		app->lock_fd = host_lock_directory(app->config->state_dir);
	if (!r && app->lock_fd < 0)
		r = app->lock_fd;
	if (!r)
		r = open_tokens(app);
	if (!r)
		r = open_store(app);
	if (!r)
		r = open_source(app);
	if (!r)
		r = app_resume(app);
	if (!r)
		r = open_loop(app);
	if (!r)
		r = app_interfaces_start(app);
	if (!r && source_has_previous(&app->source))
		r = app_account_finish_previous(app);
	if (!r)
		r = app_account_start(app);
	if (!r)
		r = app_presence_start(app);
	return r ? r : app_history_start(app);
}

static void on_closed(void *context)
{
	(void)context;
}

/* Closes all that lives on the loop; their last callbacks run in the uv_run that follows. */
static void stop(struct app *app)
{
	if (app->is_stopping)
		return;
	app->is_stopping = true;
	app_presence_stop(app);
	app_interfaces_stop(app);
	if (app->has_account && !app->config->keep_counting)
		source_detach(&app->source);
	app_account_stop(app);
	app_history_stop(app);
	app_events_stop(app);
	app_http_stop(app);
	if (app->worker)
		store_worker_close(app->worker, on_closed, app);
	if (app->signals)
		signals_close(&app->signals);
	if (app->watch)
		loop_watch_close(&app->watch);
}

static void on_signal(void *context, int signal_number)
{
	struct app *app = context;

	if (signal_number == SIGHUP) {
		log_info("SIGHUP: tokens are read again whenever they change; other settings need a restart");
		return;
	}
	log_info("%s: stopping", strsignal(signal_number));
	stop(app);
}

static void release(struct app *app, bool has_failed)
{
	if (has_failed)
		source_abort(&app->source);
	else
		source_close(&app->source, app->config->keep_counting);
	app_presence_free(app);
	app_interfaces_free(app);
	app_events_free(app);
	session_engine_free(&app->engine);
	guest_register_free(&app->guests);
	ledger_free(&app->ledger);
	free(app->put_off);
	event_list_clean(&app->events);
	rate_limiter_free(&app->limiter);
	store_reader_close(&app->reader);
	store_close(&app->store);
	store_state_clean(&app->state);
	token_file_free(&app->tokens);
	if (app->lock_fd >= 0)
		close(app->lock_fd);
}

int app_run(const struct config *config)
{
	struct app app = {.config = config, .lock_fd = -1, .started = now_read()};
	int r;

	host_tame_heap();
	r = uv_loop_init(&app.loop);
	if (r)
		return log_errno(r, "event loop");
	r = start(&app);
	host_forget_startup();
	if (!r)
		log_info("counting on %zu interface(s), answering on %s port %u and %s",
			 source_health(&app.source, app.health_interfaces, OCTET_SLOTS_MAX), config->listen_address,
			 http_server_port(app.server), config->socket_path);
	else
		stop(&app);
	uv_run(&app.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&app.loop) != 0)
		assert(!"a handle was left open");
	release(&app, r != 0);
	return r;
}
