/* SPDX-License-Identifier: MIT */
/*
 * From counters to the store. Readings become deltas (ledger), deltas become sessions (engine), and both go to
 * the store in one batch, so that what is on disk is true together. RAM is marked as saved only when the worker
 * says that the batch is committed; until then the next batch contains it again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app_private.h"
#include "base/log.h"
#include "io/now.h"

/* Transitions that come in bursts share a commit. */
#define FLUSH_SPACING_NS (100 * NS_PER_MS)
/* After a failure. */
#define FLUSH_RETRY_NS (2 * NS_PER_S)

/*
 * Slots whose guests are silent are given back to the kernel half, at this pace: those of guests who are off line;
 * and when the table is three quarters full, as in a flood of invented MACs, those of whoever is silent now and was
 * never answered. A guest who comes back afterwards is a new key, and if there is room loses nothing.
 */
#define RETIRE_SPACING_NS NS_PER_S
#define CROWDED_SILENCE_NS (2 * NS_PER_S)
#define CROWDED_FLUSH_NS (5 * NS_PER_S)

static void flush(struct app *app);

static void apply(struct app *app, const struct ledger_delta *delta)
{
	struct instant seen = app->collecting;
	int r;

	if (delta->has_up)
		seen = now_from_kernel(app->collecting, delta->last_up_ns);
	r = session_engine_apply(app->engine, app->collecting, seen, delta, &app->events);
	if (r)
		app->collect_error = r;
}

/* False without memory to remember it. */
static bool put_off(struct app *app, const struct ledger_delta *delta)
{
	if (app->n_put_off == app->put_off_capacity) {
		const size_t capacity = app->put_off_capacity ? 2 * app->put_off_capacity : 64;
		struct ledger_delta *deltas = reallocarray(app->put_off, capacity, sizeof(*deltas));

		if (!deltas)
			return false;
		app->put_off = deltas;
		app->put_off_capacity = capacity;
	}
	app->put_off[app->n_put_off++] = *delta;
	return true;
}

/*
 * What was sent to somebody without a session waits until all is read: the CPU that receives from a guest has a slot of
 * its own, which begins the session and tells behind which port of a bridge the guest is.
 */
static void on_reading(void *context, const struct counter_reading *reading)
{
	struct app *app = context;
	struct ledger_delta delta;
	int r = ledger_observe(app->ledger, reading, &delta);

	if (r < 0)
		app->collect_error = r;
	if (r <= 0)
		return;
	if (delta.has_up || session_engine_by_mac(app->engine, &delta.key.mac) || !put_off(app, &delta))
		apply(app, &delta);
}

static void apply_put_off(struct app *app)
{
	for (size_t i = 0; i < app->n_put_off; i++)
		apply(app, &app->put_off[i]);
	app->n_put_off = 0;
}

/* Who was where, before anything is booked: it decides whose flooded copies are. */
static void on_place(void *context, const struct counter_reading *reading)
{
	struct app *app = context;

	session_engine_note_place(app->engine, reading);
}

static void carry_events(struct app *app)
{
	char ip[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];

	for (size_t i = 0; i < app->events.n_items; i++) {
		const struct event *event = &app->events.items[i];
		const struct session_record *record = session_engine_by_seq(app->engine, event->session_seq);

		if (record)
			log_debug("%s %s %s", event_kind_name(event->kind), mac_format(&record->mac, mac),
				  ip_format(&record->primary_ip, ip));
	}
	app_events_carry(app);
	event_list_clear(&app->events);
}

static bool is_crowded(const struct app *app)
{
	uint64_t n_used, n_max;

	source_occupancy(&app->source, &n_used, &n_max);
	return n_used >= n_max - n_max / 4;
}

static void on_idle_slot(void *context, const struct counter_reading *booked)
{
	struct app *app = context;

	/* in a crowd only who was never answered must make room before it is off line */
	if (app->is_crowded && session_engine_is_answered(app->engine, &booked->key.mac) &&
	    now_kernel_mono_ns() - booked->last_up_ns < app->config->idle_timeout_s * NS_PER_S)
		return;
	source_retire(&app->source, booked);
}

static void retire(struct app *app)
{
	const int64_t now_ns = app->collecting.mono_ns;
	int64_t silence_ns = app->config->idle_timeout_s * NS_PER_S;

	if (!source_can_retire(&app->source) || now_ns - app->retired_mono_ns < RETIRE_SPACING_NS)
		return;
	app->is_crowded = is_crowded(app);
	app->retired_mono_ns = now_ns;
	if (app->is_crowded && silence_ns > CROWDED_SILENCE_NS)
		silence_ns = CROWDED_SILENCE_NS;
	ledger_each_idle(app->ledger, now_kernel_mono_ns() - silence_ns, on_idle_slot, app);
	/* only what is saved can be given back; but flash wears, and a table may be that full for good */
	if (app->is_crowded && now_ns - app->full_flush_mono_ns >= CROWDED_FLUSH_NS)
		app->wants_full_flush = true;
}

/* is_trusted is of before the last tick, so that whatever was kept for it has been stamped anew. */
static void follow_clock(struct app *app, bool is_trusted)
{
	if (is_trusted == app->is_clock_doubted) {
		app->is_clock_doubted = !is_trusted;
		if (is_trusted)
			log_info("the clock is set: sessions have their true times now");
		else
			log_warning("the clock of this machine is not set: times are estimates until it is");
	}
	session_engine_trust_clock(app->engine, is_trusted);
}

static void on_near(void *context, const struct mac_addr *mac)
{
	mac_set_add(context, mac);
}

/* Reads and judges only those who are about to reach a limit. */
static void collect_near(struct app *app)
{
	struct mac_set near = {0};
	int r;

	app->collecting = now_read();
	session_engine_each_near(app->engine, on_near, &near);
	app->collect_error = 0;
	r = source_collect_some(&app->source, &near, on_reading, app);
	apply_put_off(app);
	if (r)
		app->collect_error = r;
	else
		session_engine_tick_near(app->engine, app->collecting, &app->events);
	app->limit_cost_ns = now_read().mono_ns - app->collecting.mono_ns;
	app_carry(app);
}

static void on_limit_timer(uv_timer_t *timer)
{
	struct app *app = timer->data;

	if (now_read().mono_ns >= session_engine_whole_due_ns(app->engine))
		app_collect(app);
	else
		collect_near(app);
}

/* However many are near their limits, looking at them takes no more than one part in so many of the loop's time. */
#define LIMIT_PART 5

/* The next collection comes sooner when a limit is near: a time limit ends a session at its moment. */
static void note_limits(struct app *app)
{
	const int64_t interval_ns = app->config->collect_interval_ms * NS_PER_MS;
	int64_t wait_ns = session_engine_due_ns(app->engine, app->collecting) - app->collecting.mono_ns;

	if (wait_ns < LIMIT_PART * app->limit_cost_ns)
		wait_ns = LIMIT_PART * app->limit_cost_ns;
	/* what failed is tried again at the usual pace */
	if (app->is_stopping || app->collect_error || wait_ns >= interval_ns)
		uv_timer_stop(&app->limit_timer);
	else
		uv_timer_start(&app->limit_timer, on_limit_timer, (uint64_t)(wait_ns / NS_PER_MS) + 1, 0);
}

void app_collect(struct app *app)
{
	const bool is_clock_trusted = now_is_clock_trusted();
	int r;

	app->collecting = now_read();
	app->collect_error = 0;
	/* one look that took long, because the CPU was elsewhere, is not to hold up all that follow */
	app->limit_cost_ns = 0;
	r = source_collect(&app->source, on_reading, app);
	apply_put_off(app);
	if (r)
		app->collect_error = r;
	else
		app->collected_mono_ns = app->collecting.mono_ns;
	source_observe(&app->source, app->collecting.mono_ns);
	/* without a whole collection nobody can be called idle */
	if (!r)
		session_engine_tick(app->engine, app->collecting, &app->events);
	follow_clock(app, is_clock_trusted);
	carry_events(app);
	retire(app);
	note_limits(app);
	if (app->collecting.mono_ns - app->full_flush_mono_ns >= app->config->flush_interval_s * NS_PER_S)
		app->wants_full_flush = true;
	flush(app);
}

void app_carry(struct app *app)
{
	carry_events(app);
	note_limits(app);
	flush(app);
}

void app_refresh(struct app *app)
{
	int64_t age_ns = now_read().mono_ns - app->collected_mono_ns;

	if (age_ns > app->config->max_staleness_ms * NS_PER_MS)
		app_collect(app);
}

static void on_collect_timer(uv_timer_t *timer)
{
	/* what is amiss is seen before it is mended */
	app_collect(timer->data);
	app_interfaces_verify(timer->data);
}

static void on_arrivals(uv_poll_t *poll, int status, int events)
{
	struct app *app = poll->data;

	(void)status;
	(void)events;
	app->collecting = now_read();
	source_arrivals(&app->source, on_reading, app);
	apply_put_off(app);
	app_carry(app);
}

static int build_batch(const struct app *app, bool is_full, struct store_batch *batch)
{
	enum session_scope scope = is_full ? SESSION_SCOPE_ALL : SESSION_SCOPE_TRANSITIONS;
	ledger_wants wants = is_full ? session_engine_is_settled : session_engine_has_transition_of;
	int r = session_engine_changed(app->engine, scope, &batch->sessions, &batch->n_sessions);

	if (!r)
		r = session_engine_changed_unclaimed(app->engine, scope, &batch->unclaimed, &batch->n_unclaimed);
	if (!r)
		r = session_engine_changed_logins(app->engine, &batch->logins, &batch->n_logins);
	if (!r)
		r = session_engine_changed_devices(app->engine, &batch->devices, &batch->n_devices);
	if (!r)
		r = session_engine_changed_unauthenticated(app->engine, scope, &batch->unauthenticated,
							   &batch->n_unauthenticated);
	if (!r)
		r = guest_register_changed(app->guests, &batch->guests, &batch->n_guests);
	if (!r)
		r = ledger_changed(app->ledger, wants, app->engine, &batch->baselines, &batch->n_baselines);
	if (r)
		store_batch_clean(batch);
	return r;
}

static void mark_saved(struct app *app, const struct store_batch *batch)
{
	session_engine_mark_saved(app->engine, batch->sessions, batch->n_sessions);
	session_engine_mark_unclaimed_saved(app->engine, batch->unclaimed, batch->n_unclaimed);
	session_engine_mark_logins_saved(app->engine, batch->logins, batch->n_logins);
	session_engine_mark_devices_saved(app->engine, batch->devices, batch->n_devices);
	session_engine_mark_unauthenticated_saved(app->engine, batch->unauthenticated, batch->n_unauthenticated);
	guest_register_mark_saved(app->guests, batch->guests, batch->n_guests);
}

static void note_flush(struct app *app, int error)
{
	if (error && !app->flush_error) {
		app->unsaved_mono_ns = app->flushed_mono_ns;
		log_error("the store in %s cannot be written (%s): counting goes on in memory, and everything is "
			  "written when it can be again",
			  app->config->state_dir, strerror(-error));
	}
	if (!error && app->flush_error) {
		app->unsaved_mono_ns = 0;
		log_info("the store in %s is written again, nothing was lost", app->config->state_dir);
	}
	app->flush_error = error;
}

/* Committed, failed, or there was nothing to write. */
static void end_flush(struct app *app)
{
	app->n_flushes_done = app->n_flushes;
	app_http_flushed(app);
}

static void on_written(void *context, const struct store_batch *batch, int error)
{
	struct app *app = context;

	app->is_flushing = false;
	note_flush(app, error);
	if (error) {
		app->wants_full_flush = true;
		end_flush(app);
		return;
	}
	mark_saved(app, batch);
	ledger_mark_saved(app->ledger, batch->baselines, batch->n_baselines);
	end_flush(app);
	if (!app->is_stopping)
		flush(app);
}

static bool is_empty(const struct store_batch *batch)
{
	return batch->n_sessions + batch->n_baselines + batch->n_unclaimed + batch->n_logins + batch->n_devices +
		       batch->n_unauthenticated + batch->n_guests ==
	       0;
}

static void start_flush(struct app *app)
{
	struct store_batch batch = {0};
	bool is_full = app->wants_full_flush;
	int r;

	app->flushed_mono_ns = now_read().mono_ns;
	if (is_full)
		app->full_flush_mono_ns = app->flushed_mono_ns;
	app->wants_full_flush = false;
	app->wants_flush = false;
	app->n_flushes++;
	r = build_batch(app, is_full, &batch);
	if (!r && is_empty(&batch)) {
		store_batch_clean(&batch);
		end_flush(app);
		return;
	}
	if (!r)
		r = store_worker_write(app->worker, &batch, on_written, app);
	app->is_flushing = r == 0;
	if (r) {
		app->wants_full_flush = true;
		note_flush(app, r);
		end_flush(app);
	}
}

static void on_flush_timer(uv_timer_t *timer)
{
	flush(timer->data);
}

/* Writes what must be written now: transitions, and everything when the interval is over. */
static void flush(struct app *app)
{
	int64_t spacing_ns = app->flush_error ? FLUSH_RETRY_NS : FLUSH_SPACING_NS;
	int64_t wait_ns = app->flushed_mono_ns + spacing_ns - now_read().mono_ns;

	/* a flush under way calls again when it is done */
	if (app->is_flushing ||
	    (!app->wants_full_flush && !app->wants_flush && !session_engine_has_transition(app->engine) &&
	     !guest_register_has_changes(app->guests)))
		return;
	if (wait_ns <= 0)
		start_flush(app);
	else if (!uv_is_active((const uv_handle_t *)&app->flush_timer))
		uv_timer_start(&app->flush_timer, on_flush_timer, (uint64_t)(wait_ns / NS_PER_MS) + 1, 0);
}

void app_write_soon(struct app *app)
{
	app->wants_flush = true;
	app_carry(app);
}

int app_account_finish_previous(struct app *app)
{
	struct store_batch batch = {0};
	int r;

	app->collecting = now_read();
	r = source_collect_previous(&app->source, on_place, app);
	if (!r)
		r = source_collect_previous(&app->source, on_reading, app);
	apply_put_off(app);
	if (!r)
		r = app->collect_error;
	if (!r)
		r = build_batch(app, true, &batch);
	if (!r)
		r = store_write_and_begin_epoch(app->store, &batch, app->boot_id, source_epoch(&app->source));
	if (r)
		log_errno(r, "the counters of the previous table cannot be saved in %s", app->config->state_dir);
	if (!r) {
		mark_saved(app, &batch);
		ledger_clear(app->ledger);
		source_drop_previous(&app->source);
	}
	store_batch_clean(&batch);
	return r;
}

int app_account_start(struct app *app)
{
	int r = uv_timer_init(&app->loop, &app->collect_timer);

	if (!r)
		r = uv_timer_init(&app->loop, &app->limit_timer);
	if (!r)
		r = uv_timer_init(&app->loop, &app->flush_timer);
	if (!r)
		r = uv_poll_init(&app->loop, &app->arrivals_poll, source_arrivals_fd(&app->source));
	if (r)
		return log_errno(r, "event loop");
	app->has_account = true;
	app->collect_timer.data = app;
	app->limit_timer.data = app;
	app->flush_timer.data = app;
	app->arrivals_poll.data = app;
	app->full_flush_mono_ns = app->started.mono_ns;
	(void)source_collect(&app->source, on_place, app);
	app_collect(app);
	r = uv_poll_start(&app->arrivals_poll, UV_READABLE, on_arrivals);
	if (!r)
		r = uv_timer_start(&app->collect_timer, on_collect_timer, (uint64_t)app->config->collect_interval_ms,
				   (uint64_t)app->config->collect_interval_ms);
	return r ? log_errno(r, "event loop") : 0;
}

void app_account_stop(struct app *app)
{
	if (!app->has_account)
		return;
	uv_poll_stop(&app->arrivals_poll);
	uv_timer_stop(&app->collect_timer);
	uv_timer_stop(&app->limit_timer);
	app_collect(app);
	app->wants_full_flush = true;
	start_flush(app);
	uv_close((uv_handle_t *)&app->collect_timer, NULL);
	uv_close((uv_handle_t *)&app->limit_timer, NULL);
	uv_close((uv_handle_t *)&app->flush_timer, NULL);
	uv_close((uv_handle_t *)&app->arrivals_poll, NULL);
}
