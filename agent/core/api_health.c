/* SPDX-License-Identifier: MIT */
#include "core/api_call.h"
#include "core/api_reply.h"
#include "core/json.h"

void api_health_reply(const struct api *api, struct http_response *response)
{
	const struct health *health = api->health.get(api->health.context);

	api_reply_json(response, health_is_complete(health) ? 200 : 503, json_health(health));
}
