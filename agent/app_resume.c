/* SPDX-License-Identifier: MIT */
/* From what the store knew to what memory knows: everything goes on where it was, or ends with the boot that it was in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app_private.h"
#include "base/log.h"
#include "io/now.h"

/* One part in so many of max_guests is kept for guests who are answered, as in the kernel's table. */
#define ANSWERED_PART OCTET_RESERVED_PART

/* Guests who are remembered, as a multiple of those who may be on line. */
#define KNOWN_GUESTS 4

static struct login *find_login(struct store_state *state, const struct mac_addr *mac)
{
	for (size_t i = 0; i < state->n_logins; i++)
		if (mac_compare(&state->logins[i].mac, mac) == 0 && state->logins[i].until.mono_ns == 0)
			return &state->logins[i];
	return NULL;
}

/* A session ended with the boot, at its last persisted sign of life; its login may go on in the next session. */
static int close_session(struct app *app, struct session_record *record, struct store_batch *batch)
{
	struct login *login = find_login(&app->state, &record->mac);
	int r;

	session_close_record(record, record->last_seen, END_CAUSE_NAS_REBOOT);
	if (!login)
		return 0;
	login_keep(login, record, app->config->relogin_s * NS_PER_S);
	r = login_copy(&batch->logins[batch->n_logins].login, login);
	batch->n_logins += r == 0;
	return r;
}

static int build_reboot(struct app *app, struct store_batch *batch)
{
	struct store_state *state = &app->state;
	int r = 0;

	batch->sessions = calloc(state->n_open_sessions + 1, sizeof(*batch->sessions));
	batch->logins = calloc(state->n_open_sessions + 1, sizeof(*batch->logins));
	batch->unauthenticated = calloc(state->n_unauthenticated + 1, sizeof(*batch->unauthenticated));
	if (!batch->sessions || !batch->logins || !batch->unauthenticated)
		return -ENOMEM;
	/* the records are the batch's from here on */
	batch->n_sessions = state->n_open_sessions;
	state->n_open_sessions = 0;
	for (size_t i = 0; i < batch->n_sessions; i++)
		batch->sessions[i].record = state->open_sessions[i];
	for (size_t i = 0; !r && i < batch->n_sessions; i++)
		r = close_session(app, &batch->sessions[i].record, batch);
	/* who was there without a session has to show up again */
	for (size_t i = 0; i < state->n_unauthenticated; i++)
		batch->unauthenticated[i].device.mac = state->unauthenticated[i].mac;
	batch->n_unauthenticated = state->n_unauthenticated;
	state->n_unauthenticated = 0;
	return r;
}

static int close_rebooted(struct app *app)
{
	struct store_batch batch = {0};
	int r;

	if (app->state.n_open_sessions + app->state.n_unauthenticated == 0)
		return 0;
	r = build_reboot(app, &batch);
	if (!r)
		r = store_write(app->store, &batch);
	if (r)
		log_errno(r, "cannot close the sessions of the last boot in %s", app->config->state_dir);
	else if (batch.n_sessions > 0)
		log_info("%zu sessions ended with the last boot", batch.n_sessions);
	store_batch_clean(&batch);
	return r;
}

static int resume_sessions(struct app *app)
{
	int r = 0;

	for (size_t i = 0; !r && i < app->state.n_open_sessions; i++)
		r = session_engine_resume(app->engine, &app->state.open_sessions[i]);
	if (app->state.n_open_sessions > 0)
		log_info("%zu sessions go on", app->state.n_open_sessions);
	return r ? log_errno(r, "resuming sessions") : 0;
}

/* What the store says twice is taken once. */
static int resume_guests(struct app *app, bool is_same_boot)
{
	const struct store_state *state = &app->state;
	int r = 0;

	for (size_t i = 0; r != -ENOMEM && i < state->n_guests; i++)
		r = guest_register_load(app->guests, &state->guests[i]);
	for (size_t i = 0; r != -ENOMEM && i < state->n_devices; i++)
		r = session_engine_resume_device(app->engine, &state->devices[i].mac, state->devices[i].host_name);
	for (size_t i = 0; r != -ENOMEM && i < state->n_logins; i++)
		r = session_engine_resume_login(app->engine, app->started, &state->logins[i], is_same_boot);
	for (size_t i = 0; r != -ENOMEM && i < state->n_unauthenticated; i++)
		r = session_engine_resume_unauthenticated(app->engine, &state->unauthenticated[i]);
	return r == -ENOMEM ? log_errno(r, "resuming logins") : 0;
}

static int open_tables(struct app *app)
{
	const struct config *config = app->config;
	const struct session_rules rules = {
		.start = config->start,
		.idle_timeout_ns = config->idle_timeout_s * NS_PER_S,
		.login_wait_ns = config->login_wait_s * NS_PER_S,
		.relogin_ns = config->relogin_s * NS_PER_S,
		.location_id = config->location_id,
		.location_name = config->location_name,
		.max_online = config->max_guests,
		.max_unanswered = config->max_guests - config->max_guests / ANSWERED_PART,
	};
	int r = ledger_new(&app->ledger);

	if (!r)
		r = session_engine_new(&rules, app->state.next_seq, &app->engine);
	if (!r)
		r = guest_register_new((size_t)KNOWN_GUESTS * config->max_guests, &app->state.id_key, &app->guests);
	return r;
}

int app_resume(struct app *app)
{
	bool is_same_boot = strcmp(app->state.boot_id, app->boot_id) == 0;
	int r = open_tables(app);

	if (!r && source_is_resumed(&app->source))
		for (size_t i = 0; !r && i < app->state.n_baselines; i++)
			r = ledger_load(app->ledger, &app->state.baselines[i]);
	for (size_t i = 0; !r && i < app->state.n_unclaimed; i++)
		r = session_engine_resume_unclaimed(app->engine, &app->state.unclaimed[i].mac,
						    &app->state.unclaimed[i].traffic);
	if (r)
		return log_errno(r, "tables");
	r = is_same_boot ? resume_sessions(app) : close_rebooted(app);
	if (!r)
		r = resume_guests(app, is_same_boot);
	store_state_forget_rows(&app->state);
	return r;
}
