/* SPDX-License-Identifier: MIT */
/* How much history is kept: what is too old or too much goes in small steps, between the writes. */
#include <errno.h>
#include <string.h>

#include "app_private.h"
#include "base/log.h"
#include "io/now.h"

/* Between two looks, and between two steps while there is something to do. */
#define PRUNE_PERIOD_MS (10 * 60 * 1000)
#define PRUNE_PAUSE_MS 50
/* After the start, which has better things to do. */
#define PRUNE_FIRST_MS 5000
#define NS_PER_DAY (INT64_C(86400) * NS_PER_S)

static void on_prune_timer(uv_timer_t *timer);

static void wait(struct app *app, uint64_t ms)
{
	uv_timer_start(&app->prune_timer, on_prune_timer, ms, 0);
}

static void on_pruned(void *context, int result)
{
	struct app *app = context;

	if (app->is_stopping)
		return;
	if (result < 0 && result != -ECANCELED && !app->prune_error)
		log_warning("old history in %s cannot be removed (%s): it is tried again", app->config->state_dir,
			    strerror(-result));
	app->prune_error = result < 0 ? result : 0;
	wait(app, result > 0 ? PRUNE_PAUSE_MS : PRUNE_PERIOD_MS);
}

static void on_prune_timer(uv_timer_t *timer)
{
	struct app *app = timer->data;
	const struct config *config = app->config;
	struct store_retention retention = {.max_sessions = (uint64_t)config->history_max_sessions};

	/* nothing is old by a clock that is wrong */
	if (config->history_max_days > 0 && now_is_clock_trusted()) {
		retention.ended_before_wall_ns = now_read().wall_ns - config->history_max_days * NS_PER_DAY;
		guest_register_expire(app->guests, retention.ended_before_wall_ns);
	}
	if (store_worker_prune(app->worker, &retention, on_pruned, app) != 0)
		wait(app, PRUNE_PERIOD_MS);
}

int app_history_start(struct app *app)
{
	int r = uv_timer_init(&app->loop, &app->prune_timer);

	if (r)
		return log_errno(r, "event loop");
	app->has_history = true;
	app->prune_timer.data = app;
	wait(app, PRUNE_FIRST_MS);
	return 0;
}

void app_history_stop(struct app *app)
{
	if (app->has_history)
		uv_close((uv_handle_t *)&app->prune_timer, NULL);
}
