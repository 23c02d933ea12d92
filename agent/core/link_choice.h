/* SPDX-License-Identifier: MIT */
/*
 * Which of this machine's network interfaces shall be counted on: the configuration's names, patterns and bridges
 * held against the links that there are. Links come and go, so the question is asked anew whenever one has.
 *
 * No octet may count twice, so of two links that show the same frames (a port and its bridge, a VLAN and what it lies
 * on) only one is chosen: the one that is counted on already, else the one that the kernel lists first.
 */
#ifndef CORE_LINK_CHOICE_H
#define CORE_LINK_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* ARPHRD_ETHER of linux/if_arp.h */
#define LINK_HARDWARE_ETHERNET 1

#define LINK_NAME_SIZE 16 /* the kernel's IFNAMSIZ, and that of a link's kind */

struct link_facts {
	char name[LINK_NAME_SIZE];
	uint32_t ifindex;
	uint16_t hardware; /* ARPHRD_* (net/if_arp.h) */
	struct mac_addr mac;
	uint32_t master;                  /* ifindex of the bridge or bond it belongs to, 0: none */
	uint32_t lower;                   /* ifindex of the interface that a VLAN or macvlan lies on, 0: none */
	bool is_running;                  /* up, and has a carrier (IFF_RUNNING) */
	bool is_lower_elsewhere;          /* in another network namespace; lower is 0 then */
	char kind[LINK_NAME_SIZE];        /* "bridge", "vlan", "veth", ...; "" for hardware */
	char master_kind[LINK_NAME_SIZE]; /* "bridge", "bond", ...; "" without a master */
};

/*
 * Whether frames of the one interface show on the other as well: a port and its bridge, a VLAN or macvlan and what it
 * lies on, over any number of levels. facts are all links.
 */
bool link_is_above(const struct link_facts *facts, size_t n_facts, uint32_t below, uint32_t above);

/* Names and patterns of the configuration; borrowed. */
struct link_rules {
	char *const *interfaces; /* counted on */
	size_t n_interfaces;
	char *const *bridges; /* whose ports are counted on */
	size_t n_bridges;
};

enum link_verdict {
	LINK_UNNAMED,   /* no rule means it */
	LINK_CANDIDATE, /* not decided yet; never an answer */
	LINK_CHOSEN,
	LINK_NO_ETHERNET, /* no MACs to tell guests apart by */
	LINK_OVERLAPS,    /* its frames show on another one that is chosen */
	LINK_NO_ROOM,     /* more than OCTET_SLOTS_MAX are meant */
};

struct link_choice {
	enum link_verdict verdict;
	bool is_named; /* by its very name, not by a pattern or as a bridge's port */
	size_t other;  /* LINK_OVERLAPS: place among the facts of the one that it overlaps */
};

/* The links that there are, and the ifindexes that are counted on now, those that are to stay first. */
struct link_state {
	const struct link_facts *facts;
	size_t n_facts;
	const uint32_t *counted;
	size_t n_counted;
};

/* Whether a name of the configuration is a pattern, which may match nothing: wlan*, eth?, wlan[01]. */
bool link_is_pattern(const char *name);

/* Decides about each link; choices has a place for each fact. */
void link_choose(const struct link_rules *rules, const struct link_state *state, struct link_choice *choices);

/* Whether the config wants this one and it is not counted on: a reason to call counting incomplete. */
bool link_is_left_out(const struct link_choice *choice);

#define LINK_SENTENCE_SIZE 256

/* Why a link is left out, for log and health; false, and "", when there is nothing to say. */
bool link_explain_choice(const struct link_state *state, const struct link_choice *choices, size_t i,
			 char text[LINK_SENTENCE_SIZE]);

/* How many rules there are, and what is to be said of rule i, interfaces first: false while it finds something. */
size_t link_n_rules(const struct link_rules *rules);
bool link_explain_absence(const struct link_rules *rules, const struct link_state *state, size_t i,
			  char text[LINK_SENTENCE_SIZE]);
/* Whether rule i is a plain name: nothing to find is then no normal state. */
bool link_rule_is_plain(const struct link_rules *rules, size_t i);

#endif
