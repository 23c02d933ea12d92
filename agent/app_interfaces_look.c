/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_interfaces_private.h"
#include "base/cleanup.h"
#include "base/log.h"

void look_clean(struct look *look)
{
	free(look->facts);
	free(look->choices);
}

int look_take(const struct app *app, struct look *look)
{
	size_t n_facts = 0;
	int r = link_list(&look->facts, &n_facts);

	if (r)
		return r;
	look->choices = calloc(n_facts + 1, sizeof(*look->choices));
	if (!look->choices)
		return -ENOMEM;
	look->state = (struct link_state){look->facts, n_facts, look->counted, 0};
	look->state.n_counted = source_bpf_links(app->interfaces->source, look->counted);
	link_choose(&app->interfaces->rules, &look->state, look->choices);
	return 0;
}

static void add_reason(struct reasons *reasons, const char *text, bool is_quiet)
{
	struct reason *reason = &reasons->items[reasons->n_items];

	if (reasons->n_items == REASONS_MAX)
		return;
	memcpy(reason->text, text, sizeof(reason->text));
	reason->is_quiet = is_quiet;
	reasons->n_items++;
}

static bool was_said(const struct reasons *reasons, const char *text)
{
	for (size_t i = 0; i < reasons->n_items; i++)
		if (strcmp(reasons->items[i].text, text) == 0)
			return true;
	return false;
}

bool look_is_counted(const struct look *look, uint32_t ifindex)
{
	for (size_t i = 0; i < look->state.n_counted; i++)
		if (look->counted[i] == ifindex)
			return true;
	return false;
}

const struct link_facts *look_chosen(const struct look *look, uint32_t ifindex)
{
	for (size_t i = 0; i < look->state.n_facts; i++)
		if (look->facts[i].ifindex == ifindex && look->choices[i].verdict == LINK_CHOSEN)
			return &look->facts[i];
	return NULL;
}

/* Links that the config means and that are not counted on: what they are, or what attaching came to. */
static void add_links(const struct interfaces *interfaces, const struct look *look, struct reasons *reasons)
{
	char text[LINK_SENTENCE_SIZE] = {0};

	for (size_t i = 0; i < look->state.n_facts; i++) {
		const bool is_left_out = link_is_left_out(&look->choices[i]);

		if (link_explain_choice(&look->state, look->choices, i, text))
			add_reason(reasons, text, !is_left_out);
		reasons->has_left_out |= is_left_out;
	}
	for (size_t i = 0; i < interfaces->n_failures; i++) {
		const struct link_facts *link = look_chosen(look, interfaces->failures[i].ifindex);

		if (!link)
			continue;
		snprintf(text, sizeof(text), "interface %s: not counted on: attaching fails, and is tried again",
			 link->name);
		add_reason(reasons, text, false);
		reasons->has_left_out = true;
	}
}

void look_note_reasons(struct app *app, const struct look *look)
{
	struct interfaces *interfaces = app->interfaces;
	const bool has_any = source_bpf_links(app->interfaces->source, (uint32_t[OCTET_SLOTS_MAX]){0}) > 0;
	CLEANUP_FREE struct reasons *fresh = calloc(1, sizeof(*fresh));
	char text[LINK_SENTENCE_SIZE] = {0};

	if (!fresh)
		return;
	add_links(interfaces, look, fresh);
	/* a pattern may match nothing; only with nothing else to count on is that the reason */
	for (size_t i = 0; i < link_n_rules(&interfaces->rules); i++)
		if (link_explain_absence(&interfaces->rules, &look->state, i, text))
			add_reason(fresh, text, has_any && !link_rule_is_plain(&interfaces->rules, i));
	for (size_t i = 0; i < fresh->n_items; i++)
		if (!was_said(&interfaces->reasons, fresh->items[i].text))
			log_line(fresh->items[i].is_quiet ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "%s",
				 fresh->items[i].text);
	interfaces->reasons = *fresh;
}

void app_interfaces_health(const struct app *app, struct health *health)
{
	struct interfaces *interfaces = app->interfaces;
	size_t n = 0;

	for (size_t i = 0; i < interfaces->reasons.n_items; i++)
		if (!interfaces->reasons.items[i].is_quiet)
			interfaces->texts[n++] = interfaces->reasons.items[i].text;
	health->link_reasons = interfaces->texts;
	health->n_link_reasons = n;
	health->has_left_out = interfaces->reasons.has_left_out;
}
