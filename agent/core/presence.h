/* SPDX-License-Identifier: MIT */
/*
 * Signs that a guest has left, from outside its own frames: they can end a session before its idle timeout, as lost.
 *
 *   neighbour   the gateway asked for one of the guest's addresses (ARP, NDP) and got no answer
 *   bridge      the bridge has forgotten behind which port the guest's MAC is
 *   link        the interface by which the guest was seen last went down, or away
 *
 * A sign is a suspicion. It is judged PRESENCE_WAIT_NS after it was noted, right after the counters have been folded,
 * and is dropped when the guest is there after all. A session is lost
 *
 *   by its neighbour entry   if the guest had been silent for PRESENCE_SILENCE_NS, was seen last by that interface or
 *                            below it, and had not used another address since: none of the same kind (IPv4, IPv6,
 *                            link-local) later, none of another PRESENCE_APART_NS later. So the entry of an old address
 *                            that fails ends nobody's session.
 *   by the bridge            if the guest had been silent for PRESENCE_SILENCE_NS, was seen last by that bridge or
 * port, and the bridge has not learnt it anew, at the same port or another. by its link              if the link is
 * still down or gone, and no frame came from the guest since.
 *
 * The first two end at the guest's last frame, the third when the link went. A frame of any kind refutes each of them,
 * and what a sign overlooks the idle timeout still sees; so signs may be dropped, for want of memory or room, at no
 * other cost than time.
 *
 * Bounds: only signs about guests on line are kept, each once, PRESENCE_SIGNS_MAX in all.
 */
#ifndef CORE_PRESENCE_H
#define CORE_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/instant.h"
#include "core/event.h"
#include "core/link_choice.h"
#include "core/session.h"

/* A guest that changes the port of a bridge, and a link that flaps, are back by then. */
#define PRESENCE_WAIT_NS NS_PER_S
/*
 * The neighbour table gives up after three questions a second apart (ucast_solicit, retrans_time_ms of arp(7)): who was
 * there would have answered one. A second less, because a frame may have come just before the first.
 */
#define PRESENCE_SILENCE_NS (2 * NS_PER_S)
/* Who uses IPv4 and IPv6 does not use both in the same moment. */
#define PRESENCE_APART_NS (10 * NS_PER_S)
#define PRESENCE_SIGNS_MAX 4096

enum presence_kind {
	PRESENCE_NEIGHBOUR, /* ip, and ifindex: the interface of the neighbour table */
	PRESENCE_BRIDGE,    /* mac, ifindex: the port, master: the bridge */
	PRESENCE_LINK,      /* ifindex; 0: some links, for messages about them were lost */
};

struct presence_sign {
	enum presence_kind kind;
	bool is_back; /* the opposite: it is there again; not for PRESENCE_LINK, which is looked at */
	uint32_t ifindex;
	uint32_t master;
	struct ip_addr ip;
	struct mac_addr mac;
};

struct presence;

/* 0 or -ENOMEM. */
int presence_new(struct presence **out);
void presence_free(struct presence **presence);

/* Whether the sign is kept, to be judged later. */
bool presence_note(struct presence *presence, const struct session_engine *engine, struct instant now,
		   const struct presence_sign *sign);

size_t presence_n_signs(const struct presence *presence);
uint64_t presence_n_dropped(const struct presence *presence); /* for want of room or memory */

/* When the oldest sign is to be judged, by CLOCK_BOOTTIME; INT64_MAX: there is none. */
int64_t presence_due_ns(const struct presence *presence);

/*
 * Judges the signs that have waited, and ends the sessions that are lost. Right after the engine's tick of a whole
 * collection, so that it knows all frames; links are all that there are now. The number of sessions that have ended.
 */
size_t presence_judge(struct presence *presence, struct session_engine *engine, struct instant now,
		      const struct link_facts *links, size_t n_links, struct event_list *events);

#endif
