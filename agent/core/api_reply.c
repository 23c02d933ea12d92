/* SPDX-License-Identifier: MIT */
#include "core/api_reply.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/json.h"

static const struct {
	int status;
	const char *text;
} messages[] = {
	{400, "Bad Request"},        {401, "Unauthenticated."},   {403, "This action is unauthorized."},
	{404, "Not Found"},          {405, "Method Not Allowed"}, {415, "The body must be application/json."},
	{429, "Too Many Attempts."}, {500, "Server Error"},       {503, "Service Unavailable"},
};

/* Takes body, which may be NULL; false without memory. */
static bool set_body(struct http_response *response, int status, json_t *body)
{
	json_auto_t *owned = body;

	http_response_clean(response);
	response->status = status;
	response->content_type = "application/json";
	http_response_header(response, "Cache-Control", "no-cache, private");
	/* digits enough for per cents, too few to show that they are binary fractions */
	response->body = owned ? json_dumps(owned, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
	response->body_length = response->body ? strlen(response->body) : 0;
	return response->body != NULL;
}

static json_t *json_message(const char *text)
{
	json_auto_t *object = json_object();

	return json_object_set_new(object, "message", json_text(text)) ? NULL : TAKE_PTR(object);
}

void api_reply_message(struct http_response *response, int status, const char *text)
{
	for (size_t i = 0; !text && i < ARRAY_LENGTH(messages); i++) {
		if (messages[i].status == status)
			text = messages[i].text;
	}
	/* without memory even for this the status has to do */
	if (!set_body(response, status, json_message(text)))
		response->status = 500;
}

void api_reply_json(struct http_response *response, int status, json_t *body)
{
	if (!set_body(response, status, body))
		api_reply_message(response, 500, NULL);
}

void api_reply_nothing(struct http_response *response)
{
	http_response_clean(response);
	response->status = 204;
	http_response_header(response, "Cache-Control", "no-cache, private");
}

void api_reply_errors(struct http_response *response, const struct api_errors *errors)
{
	api_reply_json(response, 422, json_errors(errors));
}

void api_reply_rate(struct http_response *response, const struct rate_verdict *rate)
{
	if (rate->limit == 0)
		return;
	http_response_header(response, "X-RateLimit-Limit", "%" PRIu32, rate->limit);
	http_response_header(response, "X-RateLimit-Remaining", "%" PRIu32, rate->remaining);
	if (rate->is_allowed)
		return;
	http_response_header(response, "Retry-After", "%" PRId64, rate->retry_after_s);
	http_response_header(response, "X-RateLimit-Reset", "%" PRId64, rate->reset_wall_s);
}
