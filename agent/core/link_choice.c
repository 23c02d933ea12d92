/* SPDX-License-Identifier: MIT */
#include "core/link_choice.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "octet/abi.h"

/* Deeper stacks are not looked through; real ones have three or four levels. */
#define LEVELS_MAX 8

static bool is_above(const struct link_facts *facts, size_t n_facts, uint32_t below, uint32_t above, int n_levels)
{
	if (below == above)
		return true;
	if (n_levels == 0)
		return false;
	for (size_t i = 0; i < n_facts; i++) {
		if (facts[i].ifindex == below && facts[i].master &&
		    is_above(facts, n_facts, facts[i].master, above, n_levels - 1))
			return true;
		if (facts[i].lower == below && is_above(facts, n_facts, facts[i].ifindex, above, n_levels - 1))
			return true;
	}
	return false;
}

bool link_is_above(const struct link_facts *facts, size_t n_facts, uint32_t below, uint32_t above)
{
	return is_above(facts, n_facts, below, above, LEVELS_MAX);
}

bool link_is_pattern(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

static bool matches(const char *rule, const char *name)
{
	return fnmatch(rule, name, 0) == 0;
}

static bool is_bridge(const struct link_facts *link)
{
	return strcmp(link->kind, "bridge") == 0;
}

/* The bridge that a link is a port of; NULL for none. */
static const struct link_facts *bridge_of(const struct link_state *state, const struct link_facts *link)
{
	for (size_t i = 0; link->master && i < state->n_facts; i++)
		if (state->facts[i].ifindex == link->master && is_bridge(&state->facts[i]))
			return &state->facts[i];
	return NULL;
}

/* Whether a rule means a link, and whether by its very name. */
static bool is_meant(const struct link_rules *rules, const struct link_state *state, const struct link_facts *link,
		     bool *is_named)
{
	const struct link_facts *bridge = bridge_of(state, link);
	bool is_found = false;

	for (size_t i = 0; i < rules->n_interfaces; i++) {
		if (!matches(rules->interfaces[i], link->name))
			continue;
		is_found = true;
		*is_named |= !link_is_pattern(rules->interfaces[i]);
	}
	for (size_t i = 0; bridge && i < rules->n_bridges; i++)
		is_found |= matches(rules->bridges[i], bridge->name);
	return is_found;
}

static bool overlap(const struct link_state *state, size_t a, size_t b)
{
	const uint32_t first = state->facts[a].ifindex, second = state->facts[b].ifindex;

	return link_is_above(state->facts, state->n_facts, first, second) ||
	       link_is_above(state->facts, state->n_facts, second, first);
}

/* Chooses a candidate unless one that was chosen before it stands in its way. */
static void decide(const struct link_state *state, struct link_choice *choices, size_t i, size_t *n_chosen)
{
	if (choices[i].verdict != LINK_CANDIDATE)
		return;
	for (size_t k = 0; k < state->n_facts; k++)
		if (choices[k].verdict == LINK_CHOSEN && overlap(state, i, k)) {
			choices[i].verdict = LINK_OVERLAPS;
			choices[i].other = k;
			return;
		}
	choices[i].verdict = *n_chosen < OCTET_SLOTS_MAX ? LINK_CHOSEN : LINK_NO_ROOM;
	*n_chosen += choices[i].verdict == LINK_CHOSEN;
}

void link_choose(const struct link_rules *rules, const struct link_state *state, struct link_choice *choices)
{
	size_t n_chosen = 0;

	for (size_t i = 0; i < state->n_facts; i++) {
		choices[i] = (struct link_choice){.verdict = LINK_UNNAMED};
		if (is_meant(rules, state, &state->facts[i], &choices[i].is_named))
			choices[i].verdict =
				state->facts[i].hardware == LINK_HARDWARE_ETHERNET ? LINK_CANDIDATE : LINK_NO_ETHERNET;
	}
	for (size_t i = 0; i < state->n_counted; i++)
		for (size_t k = 0; k < state->n_facts; k++)
			if (state->facts[k].ifindex == state->counted[i])
				decide(state, choices, k, &n_chosen);
	for (size_t i = 0; i < state->n_facts; i++)
		decide(state, choices, i, &n_chosen);
}

bool link_is_left_out(const struct link_choice *choice)
{
	return choice->verdict == LINK_OVERLAPS || choice->verdict == LINK_NO_ROOM ||
	       (choice->verdict == LINK_NO_ETHERNET && choice->is_named);
}

bool link_explain_choice(const struct link_state *state, const struct link_choice *choices, size_t i,
			 char text[LINK_SENTENCE_SIZE])
{
	const char *name = state->facts[i].name;

	text[0] = '\0';
	switch (choices[i].verdict) {
	case LINK_NO_ETHERNET:
		snprintf(text, LINK_SENTENCE_SIZE,
			 "interface %s: not counted on: it has no Ethernet headers, so its guests have no MACs to be "
			 "told "
			 "apart by",
			 name);
		return true;
	case LINK_OVERLAPS:
		snprintf(text, LINK_SENTENCE_SIZE,
			 "interface %s: not counted on: its frames show on %s too, and every octet would count twice: "
			 "name "
			 "the bridge or its ports, never both",
			 name, state->facts[choices[i].other].name);
		return true;
	case LINK_NO_ROOM:
		snprintf(text, LINK_SENTENCE_SIZE, "interface %s: not counted on: %d others are, and no more can be",
			 name, OCTET_SLOTS_MAX);
		return true;
	default:
		return false;
	}
}

size_t link_n_rules(const struct link_rules *rules)
{
	return rules->n_interfaces + rules->n_bridges;
}

static const char *rule_at(const struct link_rules *rules, size_t i)
{
	return i < rules->n_interfaces ? rules->interfaces[i] : rules->bridges[i - rules->n_interfaces];
}

bool link_rule_is_plain(const struct link_rules *rules, size_t i)
{
	return !link_is_pattern(rule_at(rules, i));
}

static bool has_port(const struct link_state *state, const char *rule)
{
	for (size_t i = 0; i < state->n_facts; i++) {
		const struct link_facts *bridge = bridge_of(state, &state->facts[i]);

		if (bridge && matches(rule, bridge->name))
			return true;
	}
	return false;
}

/* The link that a rule finds, of any kind; NULL for none. */
static const struct link_facts *find_match(const struct link_state *state, const char *rule)
{
	for (size_t i = 0; i < state->n_facts; i++)
		if (matches(rule, state->facts[i].name))
			return &state->facts[i];
	return NULL;
}

bool link_explain_absence(const struct link_rules *rules, const struct link_state *state, size_t i,
			  char text[LINK_SENTENCE_SIZE])
{
	const bool wants_ports = i >= rules->n_interfaces;
	const char *rule = rule_at(rules, i);
	const struct link_facts *found = find_match(state, rule);

	text[0] = '\0';
	if (wants_ports ? has_port(state, rule) : found != NULL)
		return false;
	if (link_is_pattern(rule))
		snprintf(text, LINK_SENTENCE_SIZE,
			 wants_ports ? "no bridge that matches %s has ports" : "nothing matches %s", rule);
	else if (!found)
		snprintf(text, LINK_SENTENCE_SIZE, "%s %s: there is none of that name now",
			 wants_ports ? "bridge" : "interface", rule);
	else
		snprintf(text, LINK_SENTENCE_SIZE, "bridge %s: %s", rule,
			 is_bridge(found) ? "it has no ports now" : "it is an interface, but not a bridge");
	return true;
}
