/* SPDX-License-Identifier: MIT */
#include "core/api_write.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/api_params.h"
#include "core/api_reply.h"

int api_view_read(const struct api_request *request, struct api_view *out, struct api_errors *errors)
{
	CLEANUP(api_arguments_clean) struct api_arguments arguments = {0};
	CLEANUP(api_params_clean) struct api_params params = {0};

	if (api_arguments_parse(request->target->query, &arguments))
		return -ENOMEM;
	api_params_read(&arguments, API_USE_SESSION, &request->api->zone, &params, errors);
	*out = (struct api_view){params.is_raw, params.is_detailed};
	return errors->n_errors ? -EINVAL : 0;
}

bool api_write_read(const struct api_request *request, enum api_body_use use, struct api_write *out,
		    struct http_response *response)
{
	CLEANUP(api_errors_clean) struct api_errors errors = {0};
	json_auto_t *value = NULL;

	*out = (struct api_write){0};
	value = api_body_parse(request->http, use == API_BODY_DISCONNECT, response);
	if (!value)
		return false;
	if (api_view_read(request, &out->view, &errors) == -ENOMEM) {
		api_reply_message(response, 500, NULL);
		return false;
	}
	api_body_read(request->api, value, use, &out->body, &errors);
	if (errors.n_errors)
		api_reply_errors(response, &errors);
	else if (errors.has_failed)
		api_reply_message(response, 500, NULL);
	return !errors.n_errors && !errors.has_failed;
}

void api_write_clean(struct api_write *write)
{
	api_body_clean(&write->body);
}

struct api_subject api_subject_find(const struct api *api, uint64_t seq)
{
	struct api_subject subject = {.seq = seq, .record = session_engine_by_seq(api->engine, seq)};

	if (!subject.record)
		subject.waiting = session_engine_waiting_login(api->engine, seq);
	return subject;
}

struct api_subject api_subject_of_device(const struct api *api, const struct mac_addr *mac)
{
	struct api_subject subject = {.record = session_engine_by_mac(api->engine, mac)};

	if (!subject.record)
		subject.waiting = session_engine_login_of(api->engine, mac);
	if (subject.record || subject.waiting)
		subject.seq = subject.record ? subject.record->seq : subject.waiting->seq;
	return subject;
}

struct mac_addr api_subject_mac(const struct api_subject *subject)
{
	assert(subject->record || subject->waiting);
	return subject->record ? subject->record->mac : subject->waiting->mac;
}

bool api_subject_is_live(const struct api_subject *subject)
{
	return subject->waiting || (subject->record && session_record_is_online(subject->record));
}

bool api_subject_of_path(const struct api_request *request, struct api_subject *out, struct http_response *response)
{
	uint64_t seq;

	if (public_id_parse(&request->api->id_key, request->target->segments[1], &seq)) {
		api_reply_unknown_session(response);
		return false;
	}
	*out = api_subject_find(request->api, seq);
	return true;
}

bool api_subject_live(const struct api_request *request, struct api_subject *out, enum api_step *step,
		      struct api_call *call, struct http_response *response)
{
	*step = API_ANSWERED;
	if (!api_subject_of_path(request, out, response))
		return false;
	if (api_subject_is_live(out))
		return true;
	if (out->record)
		api_reply_ended_session(response);
	else
		*step = api_ask_store(out->seq, false, call, response);
	return false;
}

json_t *api_json_subject(const struct api *api, struct instant now, struct api_view view,
			 const struct api_subject *subject)
{
	if (subject->record)
		return api_json_session(api, now, view, subject->record);
	return subject->waiting ? api_json_login(api, now, view, subject->waiting) : json_null();
}

enum api_step api_ask_store(uint64_t seq, bool is_forget, struct api_call *call, struct http_response *response)
{
	if (api_call_init(call)) {
		api_reply_message(response, 500, NULL);
		return API_ANSWERED;
	}
	call->query.kind = HISTORY_SEQ;
	call->query.seq = seq;
	call->pending->is_forget = is_forget;
	return API_NEEDS_HISTORY;
}

void api_reply_unknown_session(struct http_response *response)
{
	api_reply_message(response, 404, "No session has this id.");
}

void api_reply_ended_session(struct http_response *response)
{
	api_reply_message(response, 409, "The session has ended.");
}

void api_forget_guest(const struct api *api, struct instant now, const struct mac_addr *mac, const char *guest_id)
{
	const struct login *login = session_engine_login_of(api->engine, mac);

	if (!guest_id)
		return;
	if (login && login->until.mono_ns != 0 && login->identity.guest_id &&
	    strcmp(login->identity.guest_id, guest_id) == 0)
		(void)session_engine_forget_person(api->engine, now, login->seq, api->events);
	guest_register_forget(api->guests, guest_id);
}

/* A login that is over was said again: its last session, unless that has been pruned. */
static void reply_login_over(const struct api_finish *finish, struct http_response *response)
{
	const struct history_result *result = finish->result;

	if (result->n_rows == 0)
		api_reply_message(response, 409, api_login_over);
	else
		api_reply_json(
			response, 200,
			api_json_session(finish->api, finish->now, finish->call->pending->view, &result->rows[0]));
}

enum api_step api_session_finish(const struct api_finish *finish, struct http_response *response)
{
	const struct history_result *result = finish->result;

	if (finish->call->pending->is_login) {
		reply_login_over(finish, response);
		return API_ANSWERED;
	}
	if (result->n_rows == 0) {
		api_reply_unknown_session(response);
		return API_ANSWERED;
	}
	if (!finish->call->pending->is_forget) {
		api_reply_ended_session(response);
		return API_ANSWERED;
	}
	/* memory may know the name of its login still */
	(void)session_engine_forget_person(finish->api->engine, finish->now, finish->call->query.seq,
					   finish->api->events);
	api_forget_guest(finish->api, finish->now, &result->rows[0].mac, result->rows[0].identity.guest_id);
	finish->call->forget_seq = finish->call->query.seq;
	return API_NEEDS_FORGET;
}

struct login_limits api_limits_of(const struct api *api, const char *profile_name, const struct api_body *body)
{
	const struct profile *profile =
		profile_name ? profile_find(api->profiles, api->n_profiles, profile_name) : NULL;
	struct login_limits limits = profile ? profile->limits : (struct login_limits){0};

	login_limits_override(&limits, &body->limits, body->limits_given);
	return limits;
}
