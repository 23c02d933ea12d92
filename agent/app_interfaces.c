/* SPDX-License-Identifier: MIT */
/*
 * Where octets are counted. The configuration names interfaces, patterns and bridges; which links these are is decided
 * anew from the whole list whenever one has changed (core/link_choice.h), so a change that nobody has told of costs a
 * moment and no more. What the decision needs is carried out here: attach, follow, drop.
 *
 * While serving, programs are loaded in the worker's thread, one batch at a time; what changes meanwhile is looked at
 * when it is done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_interfaces_private.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "io/now.h"

/* After an attachment that failed; doubled each time. */
#define RETRY_MIN_NS NS_PER_S
#define RETRY_MAX_NS (60 * NS_PER_S)

static struct failure *find_failure(struct interfaces *interfaces, uint32_t ifindex)
{
	for (size_t i = 0; i < interfaces->n_failures; i++)
		if (interfaces->failures[i].ifindex == ifindex)
			return &interfaces->failures[i];
	return NULL;
}

static void note_failure(struct interfaces *interfaces, uint32_t ifindex, int64_t now_ns)
{
	struct failure *failure = find_failure(interfaces, ifindex);

	if (!failure) {
		failure = &interfaces->failures[interfaces->n_failures];
		if (interfaces->n_failures == OCTET_SLOTS_MAX)
			return;
		interfaces->n_failures++;
		*failure = (struct failure){.ifindex = ifindex, .delay_ns = RETRY_MIN_NS / 2};
	}
	failure->delay_ns = failure->delay_ns * 2 < RETRY_MAX_NS ? failure->delay_ns * 2 : RETRY_MAX_NS;
	failure->retry_mono_ns = now_ns + failure->delay_ns;
}

static void forget_failure(struct interfaces *interfaces, const struct failure *failure)
{
	if (failure)
		interfaces->failures[failure - interfaces->failures] = interfaces->failures[--interfaces->n_failures];
}

/* Makes a job of each link that is counted on and not chosen any more. */
static void make_drops(struct app *app, const struct look *look)
{
	struct interfaces *interfaces = app->interfaces;

	for (size_t i = 0; i < look->state.n_counted; i++)
		if (!look_chosen(look, look->counted[i]) &&
		    source_job_new_drop(app->interfaces->source, look->counted[i],
					&interfaces->jobs[interfaces->n_jobs]) == 0)
			interfaces->n_jobs++;
}

static bool must_wait(struct interfaces *interfaces, uint32_t ifindex)
{
	const struct failure *failure = find_failure(interfaces, ifindex);

	return failure && now_read().mono_ns < failure->retry_mono_ns;
}

/* Makes a job of each link that is chosen and new, or has another MAC address than before. */
static int make_jobs(struct app *app, const struct look *look)
{
	struct interfaces *interfaces = app->interfaces;
	int r = 0;

	for (size_t i = 0; i < look->state.n_facts && interfaces->n_jobs < ARRAY_LENGTH(interfaces->jobs); i++) {
		const struct link_facts *link = &look->facts[i];
		const bool is_known = look_is_counted(look, link->ifindex);
		int error;

		if (look->choices[i].verdict != LINK_CHOSEN ||
		    (is_known && !source_bpf_follow_link(app->interfaces->source, link)) ||
		    must_wait(interfaces, link->ifindex))
			continue;
		log_info("interface %s: %s", link->name, is_known ? "its MAC address has changed" : "counting on it");
		error = source_job_new(app->interfaces->source, link, app->config->attach,
				       &interfaces->jobs[interfaces->n_jobs]);
		if (error)
			note_failure(interfaces, link->ifindex, now_read().mono_ns);
		else
			interfaces->n_jobs++;
		r = r ? r : error;
	}
	return r;
}

/* The first error, after all have been finished. */
static int finish_jobs(struct app *app)
{
	struct interfaces *interfaces = app->interfaces;
	int first_error = 0;

	for (size_t i = 0; i < interfaces->n_jobs; i++) {
		const uint32_t ifindex = source_job_ifindex(interfaces->jobs[i]);
		const int r = source_job_finish(app->interfaces->source, &interfaces->jobs[i]);

		if (r == 0)
			forget_failure(interfaces, find_failure(interfaces, ifindex));
		else if (r != -ENODEV)
			note_failure(interfaces, ifindex, now_read().mono_ns);
		first_error = first_error ? first_error : r;
	}
	interfaces->n_jobs = 0;
	return first_error;
}

static void run_jobs(uv_work_t *work)
{
	const struct app *app = work->data;

	for (size_t i = 0; i < app->interfaces->n_jobs; i++)
		source_job_run(app->interfaces->jobs[i]);
}

static void follow(struct app *app);

static void on_jobs_run(uv_work_t *work, int status)
{
	struct app *app = work->data;

	(void)status; /* nobody cancels it */
	app->interfaces->is_working = false;
	(void)finish_jobs(app);
	if (!app->is_stopping)
		follow(app);
}

static void start_jobs(struct app *app)
{
	struct interfaces *interfaces = app->interfaces;

	if (interfaces->n_jobs == 0)
		return;
	interfaces->work.data = app;
	interfaces->is_working = true;
	uv_queue_work(&app->loop, &interfaces->work, run_jobs, on_jobs_run);
}

/* Links that are gone cannot fail. */
static void forget_gone_failures(struct interfaces *interfaces, const struct look *look)
{
	for (size_t i = interfaces->n_failures; i-- > 0;)
		if (!look_chosen(look, interfaces->failures[i].ifindex))
			forget_failure(interfaces, &interfaces->failures[i]);
}

static bool moves(const struct app *app, const struct look *look)
{
	for (size_t i = 0; i < look->state.n_counted; i++) {
		const struct link_facts *link = look_chosen(look, look->counted[i]);

		if (!link || source_bpf_link_has_moved(app->interfaces->source, link))
			return true;
	}
	return false;
}

static void follow(struct app *app)
{
	CLEANUP(look_clean) struct look look = {0};
	struct interfaces *interfaces = app->interfaces;
	int r;

	if (interfaces->is_working)
		return; /* it is done again afterwards */
	r = look_take(app, &look);
	interfaces->wants_look = r != 0;
	if (r) {
		log_debug("interfaces cannot be listed: %s", strerror(-r));
		return;
	}
	/* the last octets are booked while it is known which bridge they came from */
	if (moves(app, &look))
		app_collect(app);
	make_drops(app, &look);
	forget_gone_failures(interfaces, &look);
	(void)make_jobs(app, &look);
	look_note_reasons(app, &look);
	start_jobs(app);
}

static void on_changed(void *context)
{
	struct app *app = context;

	if (!app->has_account)
		return;
	follow(app);
	/* what was away is seen before it is put back */
	source_observe(&app->source, now_read().mono_ns);
	source_bpf_verify(app->interfaces->source);
}

void app_interfaces_verify(struct app *app)
{
	struct interfaces *interfaces = app->interfaces;
	const int64_t now_ns = now_read().mono_ns;

	if (!interfaces->source)
		return;
	source_bpf_verify(app->interfaces->source);
	for (size_t i = 0; i < interfaces->n_failures; i++)
		interfaces->wants_look |= now_ns >= interfaces->failures[i].retry_mono_ns;
	if (interfaces->wants_look)
		follow(app);
}

/* What is named must be there, unless the configuration says otherwise. */
static int attach_named(struct app *app)
{
	const struct config *config = app->config;
	struct link_facts facts;
	int r = 0;

	for (size_t i = 0; !r && i < config->n_interfaces; i++) {
		const char *name = config->interfaces[i];

		if (link_is_pattern(name) || (config->wait_for_interfaces && link_query(name, &facts) == -ENODEV))
			continue;
		r = source_bpf_attach(app->interfaces->source, name, config->attach);
	}
	return r;
}

static int check_bridges(const struct app *app)
{
	const struct config *config = app->config;
	struct link_facts facts;

	for (size_t i = 0; i < config->n_bridges; i++) {
		const char *name = config->bridges[i];
		int r = link_is_pattern(name) ? 0 : link_query(name, &facts);

		if (r == -ENODEV && config->wait_for_interfaces)
			continue;
		if (r || (!link_is_pattern(name) && strcmp(facts.name, name) != 0)) {
			log_error("bridge %s: there is no such interface here: see `ip link`, then set bridges", name);
			return r ? r : -ENODEV;
		}
		if (!link_is_pattern(name) && strcmp(facts.kind, "bridge") != 0) {
			log_error("bridge %s: it is an interface, but not a bridge: set interfaces to count on it",
				  name);
			return -EINVAL;
		}
	}
	return 0;
}

/* At start an overlap is a mistake to be mended; later it is one to be lived with. */
static int refuse_overlaps(const struct look *look)
{
	char text[LINK_SENTENCE_SIZE];

	for (size_t i = 0; i < look->state.n_facts; i++)
		if (look->choices[i].verdict == LINK_OVERLAPS &&
		    link_explain_choice(&look->state, look->choices, i, text)) {
			log_error("%s", text);
			return -EINVAL;
		}
	return 0;
}

static int attach_matching(struct app *app)
{
	CLEANUP(look_clean) struct look look = {0};
	int job_error, r = look_take(app, &look);

	if (r)
		return log_errno(r, "interfaces cannot be listed");
	r = refuse_overlaps(&look);
	if (r)
		return r;
	r = make_jobs(app, &look);
	run_jobs(&(uv_work_t){.data = app});
	job_error = finish_jobs(app);
	r = r ? r : job_error;
	/* what has gone in this moment is followed from now on */
	if (r && r != -ENODEV)
		return r;
	look_note_reasons(app, &look);
	return 0;
}

/* Captures do not follow the links: what they see is named, and there. */
static int attach_for_good(struct app *app)
{
	const struct config *config = app->config;
	int r = 0;

	if (config->n_bridges > 0) {
		log_error("bridges: captures do not follow a bridge's ports: name them in interfaces, or set source = "
			  "\"bpf\"");
		return -EINVAL;
	}
	for (size_t i = 0; !r && i < config->n_interfaces; i++) {
		if (link_is_pattern(config->interfaces[i])) {
			log_error("interfaces: captures need names and no patterns such as %s, or set source = \"bpf\"",
				  config->interfaces[i]);
			r = -EINVAL;
		} else {
			r = source_attach(&app->source, config->interfaces[i]);
		}
	}
	return r;
}

int app_interfaces_start(struct app *app)
{
	const struct config *config = app->config;
	struct interfaces *interfaces = calloc(1, sizeof(*interfaces));
	int r;

	if (!interfaces)
		return -ENOMEM;
	app->interfaces = interfaces;
	interfaces->source = source_bpf_of(&app->source);
	if (!interfaces->source)
		return attach_for_good(app);
	interfaces->rules =
		(struct link_rules){config->interfaces, config->n_interfaces, config->bridges, config->n_bridges};
	r = netlink_monitor_new(&app->loop, on_changed, app, &interfaces->monitor);
	if (!r)
		r = attach_named(app);
	if (!r)
		r = check_bridges(app);
	if (!r)
		r = attach_matching(app);
	if (!r)
		source_bpf_forget_others(app->interfaces->source);
	return r;
}

void app_interfaces_stop(struct app *app)
{
	if (app->interfaces && app->interfaces->source)
		netlink_monitor_close(&app->interfaces->monitor);
}

void app_interfaces_free(struct app *app)
{
	free(app->interfaces);
	app->interfaces = NULL;
}
