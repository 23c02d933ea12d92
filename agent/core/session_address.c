/* SPDX-License-Identifier: MIT */
#include "core/session_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct binding *binding_find(const struct session_engine *engine, const struct ip_addr *ip)
{
	struct binding *binding;

	HASH_FIND(hh, engine->bindings, ip, sizeof(*ip), binding);
	return binding;
}

static void binding_remove(struct session_engine *engine, struct binding *binding)
{
	assert(engine->bindings);
	HASH_DEL(engine->bindings, binding);
	free(binding);
}

static struct session_address *address_find(struct session_record *record, const struct ip_addr *ip)
{
	for (size_t i = 0; i < record->n_addresses; i++)
		if (ip_compare(&record->addresses[i].ip, ip) == 0)
			return &record->addresses[i];
	return NULL;
}

/* The place of the address that has been silent for longest, which gives way. */
static struct session_address *address_give_way(struct session_engine *engine, struct session *session)
{
	struct session_record *record = &session->record;
	struct session_address *oldest = &record->addresses[0];
	struct binding *binding;

	for (size_t i = 1; i < record->n_addresses; i++)
		if (record->addresses[i].last.mono_ns < oldest->last.mono_ns)
			oldest = &record->addresses[i];
	binding = binding_find(engine, &oldest->ip);
	if (binding && binding->session == session)
		binding_remove(engine, binding);
	return oldest;
}

/* One more address; NULL without memory: the session goes on without it, and the guest's next packet tries again. */
static struct session_address *address_add(struct session_engine *engine, struct session *session,
					   const struct session_address *address)
{
	struct session_record *record = &session->record;
	struct session_address *place;
	int r = session_record_add_address(record, address);

	if (!r)
		return &record->addresses[record->n_addresses - 1];
	if (r != -ENOSPC)
		return NULL;
	place = address_give_way(engine, session);
	*place = *address;
	return place;
}

/*
 * The latest proof wins. True when the address is (now) the session's; *is_taken when it was another's or
 * nobody's before.
 */
static bool bind_address(struct session_engine *engine, struct session *session, const struct ip_addr *ip,
			 int64_t proof_mono_ns, bool *is_taken)
{
	struct binding *binding = binding_find(engine, ip);

	*is_taken = false;
	if (!binding) {
		binding = calloc(1, sizeof(*binding));
		if (!binding)
			return false;
		binding->ip = *ip;
		HASH_ADD(hh, engine->bindings, ip, sizeof(binding->ip), binding);
		if (!TABLE_HAS_ADDED(binding, hh)) {
			free(binding);
			return false;
		}
		*is_taken = true;
	} else if (binding->session != session) {
		if (binding->proof_mono_ns > proof_mono_ns)
			return false;
		*is_taken = true;
	}
	binding->session = session;
	if (binding->proof_mono_ns < proof_mono_ns || *is_taken)
		binding->proof_mono_ns = proof_mono_ns;
	return true;
}

bool session_address_prove(struct session_engine *engine, struct session *session, const struct ip_addr *ip,
			   struct instant seen)
{
	struct session_address *address = address_find(&session->record, ip);
	bool is_new = address == NULL, is_taken, is_bound;

	if (!ip_is_assignable(ip))
		return false;
	if (is_new)
		address =
			address_add(engine, session, &(struct session_address){.ip = *ip, .since = seen, .last = seen});
	/* not bound either: what is bound is released by the record */
	if (!address)
		return false;
	if (address->last.mono_ns < seen.mono_ns)
		address->last = seen;
	is_bound = bind_address(engine, session, ip, seen.mono_ns, &is_taken);
	/* an address that comes back from another guest is held since it came back */
	if (is_bound && is_taken && !is_new)
		address->since = seen;
	/* no memory to bind it: not the record's either, or a restart would find it bound */
	if (is_new && !is_bound && !binding_find(engine, ip)) {
		*address = session->record.addresses[--session->record.n_addresses];
		return false;
	}
	return is_new || is_taken;
}

void session_address_used(struct session *session, const struct ip_addr *ip, const struct traffic *traffic)
{
	struct session_address *address = address_find(&session->record, ip);

	if (address)
		address->bytes += traffic->up_bytes + traffic->down_bytes;
}

struct session_address *session_address_carry(const struct session_engine *engine, const struct session *from,
					      struct instant now, size_t *n_out)
{
	const struct session_record *record = &from->record;
	struct session_address *carried = calloc(record->n_addresses + 1, sizeof(*carried));

	*n_out = 0;
	for (size_t i = 0; carried && i < record->n_addresses; i++) {
		const struct binding *binding = binding_find(engine, &record->addresses[i].ip);

		if (binding && binding->session == from)
			carried[(*n_out)++] = (struct session_address){
				.ip = record->addresses[i].ip,
				.since = now,
				.last = now,
			};
	}
	return carried;
}

void session_address_release(struct session_engine *engine, const struct session *session)
{
	for (size_t i = 0; i < session->record.n_addresses; i++) {
		struct binding *binding = binding_find(engine, &session->record.addresses[i].ip);

		if (binding && binding->session == session)
			binding_remove(engine, binding);
	}
}

void session_address_resume(struct session_engine *engine, struct session *session)
{
	bool is_taken;

	for (size_t i = 0; i < session->record.n_addresses; i++) {
		const struct session_address *address = &session->record.addresses[i];

		bind_address(engine, session, &address->ip, address->last.mono_ns, &is_taken);
	}
}

const struct session_record *session_engine_by_ip(const struct session_engine *engine, const struct ip_addr *ip)
{
	const struct binding *binding = binding_find(engine, ip);

	return binding ? &binding->session->record : NULL;
}
