/* SPDX-License-Identifier: MIT */
/*
 * What the API prints, one json_<type>() for each type. Keys keep the order in which they are set. Every
 * function returns a new reference, or NULL without memory; json_object_set_new and its kin take that NULL and
 * say -1, so one check at the end of an object is enough.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "core/event.h"
#include "core/health.h"
#include "core/login.h"
#include "core/ports.h"
#include "core/public_id.h"
#include "core/session.h"

/* null for NULL and for ""; octets that are not UTF-8 become '?'. */
json_t *json_text(const char *text);

/* JSON integers end at 2^63 - 1 here; what is beyond becomes that. */
json_t *json_uint(uint64_t value);

json_t *json_ip(const struct ip_addr *ip); /* null when unspecified */
json_t *json_traffic(const struct traffic *traffic);

struct json_session_options {
	const struct zone_port *zone;
	const struct public_id_key *id_key;
	struct instant now;
	bool is_raw;               /* adds the numbers behind the formatted texts */
	bool is_detailed;          /* adds what the portal knows of the guest, and what it has allowed */
	const struct login *login; /* under which it goes on, for the details; NULL: under none */
	bool is_waiting;           /* the record is that of a login whose session has yet to begin: it has no times */
};
json_t *json_session(const struct session_record *record, const struct json_session_options *options);

/* username (or else the access code), name and email, into an object that is there. 0 or -1. */
int json_set_person(json_t *object, const struct identity *identity);

/* Who uses that address, and for how long: the answer of GET /sessions/{ip}. */
json_t *json_address_holder(const struct ip_addr *ip, const struct identity *identity, int64_t duration_s);

/* A device that sends without a session; name is what the DHCP server calls it, or NULL. */
json_t *json_unauthenticated(const struct unauthenticated *device, const char *name);

/*
 * What a subscriber is told: {"event", "at", "limit" (of session.limit), "session": {as the list prints it with raw
 * numbers, username, name, email}}. The session is that of options->now, which may be after the event.
 */
json_t *json_event(const struct event *event, const struct session_record *record,
		   const struct json_session_options *options);

json_t *json_health(const struct health *health);

#endif
