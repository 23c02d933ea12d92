/* SPDX-License-Identifier: MIT */
/* GET /events: who may have them, and from where on. The stream itself is the caller's (core/event_feed.h). */
#include <stdio.h>

#include "base/cleanup.h"
#include "core/api_call.h"
#include "core/api_params.h"
#include "core/api_reply.h"

/* Longer than an id of ours can be is none of ours, and stays that when it is cut. */
static void take_last_id(struct api_call *call, const char *id)
{
	snprintf(call->last_event_id, sizeof(call->last_event_id), "%s", id);
}

enum api_step api_events_begin(const struct api_request *request, struct api_call *call, struct http_response *response)
{
	CLEANUP(api_arguments_clean) struct api_arguments arguments = {0};
	CLEANUP(api_params_clean) struct api_params params = {0};
	CLEANUP(api_errors_clean) struct api_errors errors = {0};
	const char *header = request->http->last_event_id;

	if (api_arguments_parse(request->target->query, &arguments) != 0) {
		api_reply_message(response, 500, NULL);
		return API_ANSWERED;
	}
	api_params_read(&arguments, API_USE_EVENTS, &request->api->zone, &params, &errors);
	if (errors.n_errors > 0 || errors.has_failed) {
		api_reply_errors(response, &errors);
		return API_ANSWERED;
	}
	*call = (struct api_call){0};
	/* a client that comes back by itself has the address of its first visit, and knows better by now */
	if (header && *header)
		take_last_id(call, header);
	else if (params.last_event_id)
		take_last_id(call, params.last_event_id);
	response->status = 200;
	response->content_type = "text/event-stream";
	http_response_header(response, "Cache-Control", "no-cache");
	http_response_header(response, "X-Accel-Buffering", "no"); /* nginx would wait until it has some kB */
	return API_STREAMS_EVENTS;
}
