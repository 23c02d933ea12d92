/* SPDX-License-Identifier: MIT */
/*
 * Guests who have left, told by the kernel's tables before their idle timeout (lost_on_neighbour, lost_on_bridge,
 * lost_on_interface). Signs wait in core/presence.h, and are judged together right after a collection: so a storm of
 * them costs one collection and one list of the links in PRESENCE_WAIT_NS.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app_private.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "io/link.h"
#include "io/neighbour.h"
#include "io/now.h"

/* After a collection, or a list of the links, that failed. */
#define RETRY_MS 1000

struct presence_watch {
	struct presence *presence;
	struct neighbour_monitor *monitor;
	uv_timer_t timer;
	bool has_timer;
};

static void judge(struct app *app)
{
	CLEANUP_FREE struct link_facts *links = NULL;
	struct presence_watch *watch = app->presence;
	size_t n_links = 0, n_lost;
	int r;

	app_collect(app);
	r = app->collect_error ? app->collect_error : link_list(&links, &n_links);
	if (r) {
		log_debug("whether guests are lost cannot be told now: %s", strerror(-r));
		return;
	}
	n_lost = presence_judge(watch->presence, app->engine, app->collecting, links, n_links, &app->events);
	if (n_lost == 0)
		return;
	log_debug("%zu guests are lost", n_lost);
	app_carry(app);
}

static void on_due(uv_timer_t *timer);

static void arm(struct app *app)
{
	struct presence_watch *watch = app->presence;
	const int64_t due_ns = presence_due_ns(watch->presence);
	const int64_t wait_ns = due_ns - now_read().mono_ns;

	if (due_ns == INT64_MAX || uv_is_active((const uv_handle_t *)&watch->timer))
		return;
	uv_timer_start(&watch->timer, on_due, wait_ns > 0 ? (uint64_t)(wait_ns / NS_PER_MS) + 1 : RETRY_MS, 0);
}

static void on_due(uv_timer_t *timer)
{
	struct app *app = timer->data;

	judge(app);
	arm(app);
}

static void on_told(void *context, const struct presence_sign *sign)
{
	struct app *app = context;

	if (presence_note(app->presence->presence, app->engine, now_read(), sign))
		arm(app);
}

int app_presence_start(struct app *app)
{
	const struct neighbour_wants wants = {
		.neighbours = app->config->lost_on_neighbour,
		.bridges = app->config->lost_on_bridge,
		.links = app->config->lost_on_interface,
	};
	struct presence_watch *watch;
	int r;

	if (!wants.neighbours && !wants.bridges && !wants.links)
		return 0;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	app->presence = watch;
	r = presence_new(&watch->presence);
	if (!r) {
		uv_timer_init(&app->loop, &watch->timer); /* cannot fail */
		watch->timer.data = app;
		watch->has_timer = true;
		r = neighbour_monitor_new(&app->loop, &wants, on_told, app, &watch->monitor);
	}
	return r;
}

void app_presence_stop(struct app *app)
{
	struct presence_watch *watch = app->presence;

	if (!watch)
		return;
	neighbour_monitor_close(&watch->monitor);
	if (watch->has_timer)
		uv_close((uv_handle_t *)&watch->timer, NULL);
}

void app_presence_free(struct app *app)
{
	if (app->presence)
		presence_free(&app->presence->presence);
	free(app->presence);
	app->presence = NULL;
}
