/* SPDX-License-Identifier: MIT */
/* PATCH /sessions/{id}: who a guest is, or what it may use. DELETE /sessions/{id}: it is nobody's any more. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/api_reply.h"
#include "core/api_write.h"

/* What tells who a guest is; the rest of an identity is about a login or a device. */
#define PERSON                                                                                            \
	(1u << IDENTITY_GUEST_ID | 1u << IDENTITY_USERNAME | 1u << IDENTITY_NAME | 1u << IDENTITY_EMAIL | \
	 1u << IDENTITY_YAS_ID | 1u << IDENTITY_ACCESS_CODE)

static const struct identity *identity_of(const struct api_subject *subject)
{
	return subject->record ? &subject->record->identity : &subject->waiting->identity;
}

/*
 * Has the register of guests note what is said now. Who becomes a guest by it gets what is known of that guest, as
 * far as nothing else is said or was known. 0 or -ENOMEM.
 */
static int note_guest(const struct api_request *request, const struct api_subject *subject, struct login_change *change)
{
	CLEANUP(identity_clean) struct identity said = {0};
	struct identity *known = (struct identity *)identity_of(subject);
	bool is_new = change->identity.guest_id || !known->guest_id;
	bool is_cleared = (change->identity_sets & 1u << IDENTITY_GUEST_ID) && !change->identity.guest_id;
	int r;

	if (!(change->identity_sets & PERSON) || is_cleared)
		return 0;
	r = identity_override(&said, &change->identity, PERSON);
	if (!r && !said.guest_id)
		r = text_copy(&said.guest_id, known->guest_id);
	if (!r)
		r = guest_register_note(request->api->guests, &said, request->now.wall_ns);
	for (enum identity_field i = 0; !r && is_new && i < IDENTITY_N_FIELDS; i++) {
		if ((change->identity_sets & 1u << i) || *identity_field(known, i) || !*identity_field(&said, i))
			continue;
		change->identity_sets |= 1u << i;
		*identity_field(&change->identity, i) = TAKE_PTR(*identity_field(&said, i));
	}
	return r;
}

/* The limits that the body changes: those of a profile that it names, and those that it names itself. */
static void read_limits(const struct api *api, const struct api_body *body, struct login_change *change)
{
	const char *name = change->identity.service_profile_name;
	const struct profile *profile = name ? profile_find(api->profiles, api->n_profiles, name) : NULL;

	change->limit_sets = profile ? (1u << LOGIN_N_LIMITS) - 1 : 0;
	change->limits = profile ? profile->limits : (struct login_limits){0};
	/* null takes a limit away, so what is mentioned counts as it is */
	login_limits_override(&change->limits, &body->limits, body->limits_mentioned);
	change->limit_sets |= body->limits_mentioned;
}

/* 0 or -errno. */
static int carry_out(const struct api_request *request, const struct api_subject *subject, struct api_body *body)
{
	CLEANUP(login_change_clean) struct login_change change = {0};
	int r;

	change.identity_sets = api_body_take_identity(body, &change.identity);
	read_limits(request->api, body, &change);
	r = note_guest(request, subject, &change);
	if (r || (!change.identity_sets && !change.limit_sets))
		return r;
	return session_engine_change(request->api->engine, request->now, subject->seq, &change, request->api->events);
}

enum api_step api_change(const struct api_request *request, struct api_call *call, struct http_response *response)
{
	CLEANUP(api_write_clean) struct api_write write = {0};
	struct api_subject subject;
	enum api_step step;

	if (!api_write_read(request, API_BODY_CHANGE, &write, response))
		return API_ANSWERED;
	if (!api_subject_live(request, &subject, &step, call, response))
		return step;
	if (carry_out(request, &subject, &write.body)) {
		api_reply_message(response, 500, NULL);
		return API_ANSWERED;
	}
	subject = api_subject_find(request->api, subject.seq);
	api_reply_json(response, 200, api_json_subject(request->api, request->now, write.view, &subject));
	return API_CHANGED;
}

/*
 * The store is asked to forget also what memory has forgotten: a row that is there already, or is being written just
 * now, has a name in it until then.
 */
enum api_step api_forget(const struct api_request *request, struct api_call *call, struct http_response *response)
{
	const struct api *api = request->api;
	CLEANUP_FREE char *guest_id = NULL;
	struct api_subject subject;
	struct mac_addr mac;

	if (!api_subject_of_path(request, &subject, response))
		return API_ANSWERED;
	if (!subject.record && !subject.waiting)
		return api_ask_store(subject.seq, true, call, response);
	if (text_copy(&guest_id, identity_of(&subject)->guest_id) || api_call_init(call)) {
		api_reply_message(response, 500, NULL);
		return API_ANSWERED;
	}
	mac = api_subject_mac(&subject);
	(void)session_engine_forget_person(api->engine, request->now, subject.seq, api->events);
	api_forget_guest(api, request->now, &mac, guest_id);
	call->forget_seq = subject.seq;
	call->pending->is_in_memory = true;
	return API_NEEDS_FORGET;
}
