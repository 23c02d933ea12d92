/* SPDX-License-Identifier: MIT */
/*
 * Ends of sessions that somebody says: POST /sessions/{id}/disconnect by a controller, POST /logout by a portal,
 * POST /lost by an access point. Who is gone already is no reason for an error that a hook could do something about,
 * but it is said.
 */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "core/api_reply.h"
#include "core/api_write.h"

#define NOBODY "Nobody is on line there."
#define ROAMED "The device is on line by another interface."

/* A cause of RADIUS by its name, in any case; whatever else is said, or nothing, means the usual one. */
static enum end_cause read_cause(const char *reason, enum end_cause usual)
{
	for (int cause = END_CAUSE_NONE + 1; reason && cause <= END_CAUSE_PORT_PREEMPTED; cause++) {
		const char *name = end_cause_name((enum end_cause)cause);

		if (name && strcasecmp(name, reason) == 0)
			return (enum end_cause)cause;
	}
	return usual;
}

typedef int (*end_function)(struct session_engine *engine, uint64_t seq, struct instant at, enum end_cause cause,
			    struct event_list *events);

/* Ends what is live of the subject, and answers with it as it is then. */
static enum api_step end(const struct api_request *request, struct api_view view, const struct api_subject *subject,
			 end_function how, enum end_cause cause, struct http_response *response)
{
	const struct api *api = request->api;
	/* nothing is left of a login without a session */
	json_t *answer = subject->waiting ? api_json_subject(api, request->now, view, subject) : NULL;
	struct api_subject ended;

	if (how(api->engine, subject->seq, request->now, cause, api->events)) {
		json_decref(answer);
		api_reply_message(response, 404, NOBODY);
		return API_ANSWERED;
	}
	if (!subject->waiting) {
		ended = api_subject_find(api, subject->seq);
		answer = api_json_subject(api, request->now, view, &ended);
	}
	api_reply_json(response, 202, answer);
	return API_CHANGED;
}

enum api_step api_disconnect(const struct api_request *request, struct api_call *call, struct http_response *response)
{
	CLEANUP(api_write_clean) struct api_write write = {0};
	struct api_subject subject;
	enum api_step step;

	if (!api_write_read(request, API_BODY_DISCONNECT, &write, response))
		return API_ANSWERED;
	if (!api_subject_live(request, &subject, &step, call, response))
		return step;
	return end(request, write.view, &subject, session_engine_end_for_good,
		   read_cause(write.body.texts[API_FIELD_REASON], END_CAUSE_ADMIN_RESET), response);
}

static struct api_subject find_address(const struct api *api, const struct ip_addr *ip)
{
	const struct session_record *record = session_engine_by_ip(api->engine, ip);

	return record ? (struct api_subject){.seq = record->seq, .record = record} : (struct api_subject){0};
}

static struct api_subject find_id(const struct api *api, const char *id)
{
	uint64_t seq;

	return public_id_parse(&api->id_key, id, &seq) ? (struct api_subject){0} : api_subject_find(api, seq);
}

static struct api_subject find_subject(const struct api *api, const struct api_body *body)
{
	const char *id = body->texts[API_FIELD_ID];

	if (id)
		return find_id(api, id);
	if (!ip_is_unspecified(&body->ip))
		return find_address(api, &body->ip);
	return api_subject_of_device(api, &body->mac);
}

/* A hook that comes late, or twice, must not end the session of the next guest. */
static bool is_meant(const struct api *api, const struct api_subject *subject, const char *external_id)
{
	const struct login *login = subject->waiting;

	if (!external_id)
		return true;
	if (!login)
		login = api_login_in_use(api->engine, subject->record);
	return login && login->external_id && strcmp(login->external_id, external_id) == 0;
}

/* The login may be on its way still, behind what has said its end. */
static enum api_step remember_end(const struct api_request *request, const struct api_body *body)
{
	const char *external_id = body->texts[API_FIELD_EXTERNAL_ID];

	if (!api_body_mentions(body, API_FIELD_MAC) || !external_id)
		return API_ANSWERED;
	(void)session_engine_spend_login(request->api->engine, request->now, &body->mac, external_id);
	return API_CHANGED;
}

enum api_step api_logout(const struct api_request *request, struct api_call *call, struct http_response *response)
{
	CLEANUP(api_write_clean) struct api_write write = {0};
	struct api_subject subject;

	(void)call;
	if (!api_write_read(request, API_BODY_LOGOUT, &write, response))
		return API_ANSWERED;
	subject = find_subject(request->api, &write.body);
	if (!api_subject_is_live(&subject) ||
	    !is_meant(request->api, &subject, write.body.texts[API_FIELD_EXTERNAL_ID])) {
		api_reply_message(response, 404, NOBODY);
		return remember_end(request, &write.body);
	}
	return end(request, write.view, &subject, session_engine_end_for_good,
		   read_cause(write.body.texts[API_FIELD_REASON], END_CAUSE_USER_REQUEST), response);
}

/* What is lost by one interface may be on line by another, where the access point that lost it does not see it. */
static bool has_roamed(const struct api *api, const struct mac_addr *mac, const char *interface)
{
	uint32_t lost = interface ? api->interfaces.find(api->interfaces.context, interface) : 0;
	uint32_t latest = session_engine_ifindex_of(api->engine, mac);

	return lost && latest && lost != latest;
}

enum api_step api_lost(const struct api_request *request, struct api_call *call, struct http_response *response)
{
	CLEANUP(api_write_clean) struct api_write write = {0};
	const struct session_record *record;
	struct api_subject subject;

	(void)call;
	if (!api_write_read(request, API_BODY_LOST, &write, response))
		return API_ANSWERED;
	record = session_engine_by_mac(request->api->engine, &write.body.mac);
	if (!record || !session_record_is_online(record)) {
		api_reply_message(response, 404, NOBODY);
		return API_ANSWERED;
	}
	if (has_roamed(request->api, &write.body.mac, write.body.texts[API_FIELD_INTERFACE])) {
		api_reply_message(response, 404, ROAMED);
		return API_ANSWERED;
	}
	subject = (struct api_subject){.seq = record->seq, .record = record};
	return end(request, write.view, &subject, session_engine_end, END_CAUSE_LOST_CARRIER, response);
}
