/* SPDX-License-Identifier: MIT */
/* POST /sessions: a guest has logged in. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/api_reply.h"
#include "core/api_write.h"

const char api_login_over[] = "This login is over.";
const char api_too_many_logins[] = "Too many logins wait for their devices.";

/* What the register of guests may have learnt since the same login was said before. */
#define LEARNT                                                                                          \
	(1u << IDENTITY_USERNAME | 1u << IDENTITY_NAME | 1u << IDENTITY_EMAIL | 1u << IDENTITY_YAS_ID | \
	 1u << IDENTITY_DEVICE_DESCRIPTION)

static unsigned int unsaid_of(struct identity *identity)
{
	unsigned int unsaid = 0;

	for (enum identity_field i = 0; i < IDENTITY_N_FIELDS; i++) {
		if ((LEARNT & 1u << i) && !*identity_field(identity, i))
			unsaid |= 1u << i;
	}
	return unsaid;
}

/*
 * Completes who has logged in, from what is known of the guest; but a hook that runs twice says the same, whatever
 * was learnt in between: then it is what the login that is there has. 0 or -ENOMEM.
 */
static int complete(const struct api *api, struct login *login)
{
	const struct login *known = session_engine_login_of(api->engine, &login->mac);
	unsigned int unsaid = unsaid_of(&login->identity);
	const char *guest_id;
	int r = guest_register_note(api->guests, &login->identity, login->at.wall_ns);

	guest_id = login->identity.guest_id;
	if (r || !known || !known->identity.guest_id || !guest_id || strcmp(guest_id, known->identity.guest_id) != 0)
		return r;
	return identity_override(&login->identity, &known->identity, unsaid);
}

int api_log_in(const struct api *api, struct instant now, struct api_body *body, struct api_subject *subject)
{
	CLEANUP(login_clean) struct login login = {.mac = body->mac, .ip = body->ip, .at = now};
	uint64_t seq = 0;
	int r;

	api_body_take_identity(body, &login.identity);
	login.external_id = TAKE_PTR(body->texts[API_FIELD_EXTERNAL_ID]);
	login.location_id = TAKE_PTR(body->texts[API_FIELD_LOCATION_ID]);
	login.limits = api_limits_of(api, login.identity.service_profile_name, body);
	r = complete(api, &login);
	if (!r)
		r = session_engine_login(api->engine, now, &login, api->events, &seq);
	if (r < 0)
		return r == -ENOSPC ? 503 : 500;
	if (r == LOGIN_OVER) {
		*subject = (struct api_subject){.seq = seq, .record = session_engine_by_seq(api->engine, seq)};
		return 409;
	}
	*subject = api_subject_find(api, seq);
	return r == LOGIN_KNOWN ? 200 : 201;
}

/* A login that is over, and whose session memory does not have. */
static enum api_step answer_over(const struct api_subject *subject, struct api_view view, struct api_call *call,
				 struct http_response *response)
{
	enum api_step step;

	if (subject->seq == 0) {
		api_reply_message(response, 409, api_login_over);
		return API_ANSWERED;
	}
	step = api_ask_store(subject->seq, false, call, response);
	if (step == API_NEEDS_HISTORY) {
		call->pending->is_login = true;
		call->pending->view = view;
	}
	return step;
}

enum api_step api_login(const struct api_request *request, struct api_call *call, struct http_response *response)
{
	CLEANUP(api_write_clean) struct api_write write = {0};
	struct api_subject subject;
	int status;

	if (!api_write_read(request, API_BODY_LOGIN, &write, response))
		return API_ANSWERED;
	status = api_log_in(request->api, request->now, &write.body, &subject);
	if (status >= 500) {
		api_reply_message(response, status, status == 503 ? api_too_many_logins : NULL);
		return API_ANSWERED;
	}
	/* the same as when it was on line, if memory or the store still has its session */
	if (status == 409 && !subject.record)
		return answer_over(&subject, write.view, call, response);
	if (status == 409)
		status = 200;
	api_reply_json(response, status, api_json_subject(request->api, request->now, write.view, &subject));
	/* also what was known: the hook that ran first may still wait for the store */
	return API_CHANGED;
}
