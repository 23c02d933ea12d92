/* SPDX-License-Identifier: MIT */
#include "core/link_choice.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "octet/abi.h"

#define LINKS_MAX 80

/* A gateway: two bridges, ports of the first, a VLAN on a port of none, a tunnel; the loopback as everywhere. */
static const struct link_facts gateway[] = {
	{.name = "lo", .ifindex = 1, .hardware = 772},
	{.name = "wan", .ifindex = 2, .hardware = 1},
	{.name = "br-guest", .ifindex = 3, .hardware = 1, .kind = "bridge"},
	{.name = "wlan0", .ifindex = 4, .hardware = 1, .master = 3, .master_kind = "bridge"},
	{.name = "wlan1", .ifindex = 5, .hardware = 1, .master = 3, .master_kind = "bridge"},
	{.name = "wlan2", .ifindex = 6, .hardware = 1},
	{.name = "wlan2.7", .ifindex = 7, .hardware = 1, .kind = "vlan", .lower = 6},
	{.name = "tun0", .ifindex = 8, .hardware = 65534, .kind = "tun"},
	{.name = "br-lan", .ifindex = 9, .hardware = 1, .kind = "bridge"},
	{.name = "bond0", .ifindex = 10, .hardware = 1, .kind = "bond"},
	{.name = "eth1", .ifindex = 11, .hardware = 1, .master = 10, .master_kind = "bond"},
};

static struct link_choice choices[LINKS_MAX];
static struct link_state state;

/* Lists are words with single spaces between them. */
struct word_list {
	char text[256];
	char *words[16];
	size_t n_words;
};

static void split(const char *text, struct word_list *list)
{
	char *rest = list->text;

	snprintf(list->text, sizeof(list->text), "%s", text);
	list->n_words = 0;
	while (*text && rest)
		list->words[list->n_words++] = strsep(&rest, " ");
}

static struct link_rules rules_of(const char *interfaces, const char *bridges)
{
	static struct word_list names, bridge_names;

	split(interfaces, &names);
	split(bridges, &bridge_names);
	return (struct link_rules){names.words, names.n_words, bridge_names.words, bridge_names.n_words};
}

/* Decides about the gateway's links; what is chosen, as words. */
static const char *chosen(const char *interfaces, const char *bridges, const uint32_t *counted, size_t n_counted)
{
	static char text[256];
	const struct link_rules rules = rules_of(interfaces, bridges);

	state = (struct link_state){gateway, ARRAY_LENGTH(gateway), counted, n_counted};
	link_choose(&rules, &state, choices);
	text[0] = '\0';
	for (size_t i = 0; i < state.n_facts; i++)
		if (choices[i].verdict == LINK_CHOSEN)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? " " : "",
				 gateway[i].name);
	return text;
}

static const struct link_choice *choice_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(gateway); i++)
		if (strcmp(gateway[i].name, name) == 0)
			return &choices[i];
	cr_assert_fail("no link %s", name);
	return NULL;
}

Test(link_choice, names_patterns_and_bridges)
{
	static const struct {
		const char *interfaces, *bridges, *chosen;
	} rows[] = {
		{"br-guest", "", "br-guest"},
		{"wlan0", "", "wlan0"},
		{"wlan", "", ""},
		{"wlan?", "", "wlan0 wlan1 wlan2"},
		{"wlan[01]", "", "wlan0 wlan1"},
		{"wlan[!01]", "", "wlan2"},
		{"br-*", "", "br-guest br-lan"},
		{"", "br-guest", "wlan0 wlan1"},
		{"", "br-*", "wlan0 wlan1"},
		{"", "br-lan", ""},
		{"", "wan", ""},
		/* a bond is no bridge */
		{"", "bond0", ""},
		{"wlan2", "br-guest", "wlan0 wlan1 wlan2"},
		/* meant twice is counted once */
		{"wlan0 wlan*", "br-guest", "wlan0 wlan1 wlan2"},
		{"nowhere", "nowhere", ""},
		{"", "", ""},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		cr_expect_str_eq(chosen(rows[i].interfaces, rows[i].bridges, NULL, 0), rows[i].chosen,
				 "interfaces %s, bridges %s", rows[i].interfaces, rows[i].bridges);
}

Test(link_choice, what_shows_the_same_frames_is_refused)
{
	char text[LINK_SENTENCE_SIZE];

	cr_expect_str_eq(chosen("br-guest wlan0", "", NULL, 0), "br-guest");
	cr_assert_eq(choice_of("wlan0")->verdict, LINK_OVERLAPS);
	cr_expect(link_is_left_out(choice_of("wlan0")));
	cr_expect_str_eq(gateway[choice_of("wlan0")->other].name, "br-guest");
	cr_assert(link_explain_choice(&state, choices, 3, text));
	cr_expect(strstr(text, "interface wlan0: not counted on: its frames show on br-guest too"), "%s", text);

	cr_expect_str_eq(chosen("br-guest", "br-guest", NULL, 0), "br-guest");
	cr_expect_str_eq(chosen("wlan2 wlan2.7", "", NULL, 0), "wlan2");
	cr_expect_str_eq(chosen("bond0 eth1", "", NULL, 0), "bond0");
	/* ports of the same bridge do not overlap, nor does what lies apart */
	cr_expect_str_eq(chosen("wlan0 wlan1 br-lan wan", "", NULL, 0), "wan wlan0 wlan1 br-lan");
	cr_assert_not(link_explain_choice(&state, choices, 3, text));
}

/* What is counted on stays, whatever comes up beside it, and whatever the order of the list. */
Test(link_choice, who_is_counted_on_stays)
{
	const uint32_t port[] = {5}, vlan_then_link[] = {7, 6}, gone[] = {99, 4}, all[] = {5, 3, 4};

	cr_expect_str_eq(chosen("br-guest wlan*", "", port, 1), "wlan0 wlan1 wlan2");
	cr_expect_eq(choice_of("br-guest")->verdict, LINK_OVERLAPS);
	/* a link that is counted on and came to lie on another one: the first of them stays */
	cr_expect_str_eq(chosen("wlan2*", "", vlan_then_link, 2), "wlan2.7");
	cr_expect_str_eq(chosen("wlan* br-guest", "", all, 3), "wlan0 wlan1 wlan2");
	cr_expect_str_eq(chosen("br-guest wlan0", "", gone, 2), "wlan0");
	/* unless nothing names it any more */
	cr_expect_str_eq(chosen("br-guest", "", port, 1), "br-guest");
}

Test(link_choice, without_ethernet_nobody_can_be_told_apart)
{
	char text[LINK_SENTENCE_SIZE];

	cr_expect_str_eq(chosen("tun*", "", NULL, 0), "");
	cr_expect_eq(choice_of("tun0")->verdict, LINK_NO_ETHERNET);
	cr_expect_not(link_is_left_out(choice_of("tun0")), "a pattern may match such a one");
	cr_assert(link_explain_choice(&state, choices, 7, text));
	cr_expect(strstr(text, "interface tun0: not counted on: it has no Ethernet headers"), "%s", text);
	cr_expect_str_eq(chosen("t* tun0", "", NULL, 0), "");
	cr_expect(link_is_left_out(choice_of("tun0")), "it was named");
}

Test(link_choice, beyond_the_bound_is_said)
{
	struct link_facts many[LINKS_MAX] = {0};
	const struct link_rules rules = rules_of("p*", "");
	const uint32_t counted[] = {LINKS_MAX};
	char text[LINK_SENTENCE_SIZE];
	size_t n_chosen = 0;

	for (uint32_t i = 0; i < LINKS_MAX; i++) {
		many[i] = (struct link_facts){.ifindex = i + 1, .hardware = LINK_HARDWARE_ETHERNET};
		snprintf(many[i].name, sizeof(many[i].name), "p%u", i);
	}
	state = (struct link_state){many, LINKS_MAX, counted, 1};
	link_choose(&rules, &state, choices);
	for (size_t i = 0; i < LINKS_MAX; i++)
		n_chosen += choices[i].verdict == LINK_CHOSEN;
	cr_expect_eq(n_chosen, OCTET_SLOTS_MAX);
	cr_expect_eq(choices[LINKS_MAX - 1].verdict, LINK_CHOSEN, "the one that is counted on was turned out");
	cr_expect_eq(choices[LINKS_MAX - 2].verdict, LINK_NO_ROOM);
	cr_expect(link_is_left_out(&choices[LINKS_MAX - 2]));
	cr_assert(link_explain_choice(&state, choices, LINKS_MAX - 2, text));
	cr_expect(strstr(text, "interface p78: not counted on: 64 others are"), "%s", text);
}

Test(link_choice, rules_that_find_nothing)
{
	static const struct {
		const char *interface, *bridge, *said;
	} rows[] = {
		{"wlan0", "", ""},
		{"wlan*", "", ""},
		{"tun0", "", ""},
		{"wlan9", "", "interface wlan9: there is none of that name now"},
		{"ath*", "", "nothing matches ath*"},
		{"", "br-guest", ""},
		{"", "br-*", ""},
		{"", "br-none", "bridge br-none: there is none of that name now"},
		{"", "br-lan", "bridge br-lan: it has no ports now"},
		{"", "wan", "bridge wan: it is an interface, but not a bridge"},
		{"", "bond*", "no bridge that matches bond* has ports"},
	};
	char text[LINK_SENTENCE_SIZE];

	state = (struct link_state){gateway, ARRAY_LENGTH(gateway), NULL, 0};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct link_rules rules = rules_of(rows[i].interface, rows[i].bridge);

		cr_assert_eq(link_n_rules(&rules), 1);
		cr_expect_eq(link_explain_absence(&rules, &state, 0, text), *rows[i].said != '\0');
		cr_expect_str_eq(text, rows[i].said);
		cr_expect_eq(link_rule_is_plain(&rules, 0),
			     strpbrk(*rows[i].interface ? rows[i].interface : rows[i].bridge, "*[") == NULL);
	}
}
