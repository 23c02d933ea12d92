/* SPDX-License-Identifier: MIT */
#include "core/api.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "core/api_call.h"
#include "core/api_origin.h"
#include "core/api_reply.h"
#include "core/rate_limit.h"

#define ALLOWED_METHODS "GET, HEAD"
#define CALLER_SIZE (sizeof("token:") + TOKEN_NAME_SIZE + IP_TEXT_SIZE)
#define SECRET_SIZE 256 /* well above any token's (io/token_file.h) */
#define WHITE_SPACE " \t"

struct route {
	const char *name;                           /* the endpoint of rate limits */
	const char *segments[API_SEGMENTS_MAX - 1]; /* "*": any */
	enum api_step (*begin)(const struct api_request *request, struct api_call *call,
			       struct http_response *response);
	bool is_unlimited; /* for whoever has a token; who has none is counted everywhere */
};

/* The first that fits. */
static const struct route routes[] = {
	{"sessions", {"sessions", NULL}, api_list_begin, false},
	{"sessions/count", {"sessions", "count"}, api_count_begin, false},
	{"sessions/ip", {"sessions", "*"}, api_address_begin, false},
	{"events", {"events", NULL}, api_events_begin, true},
};

static bool is_segment(const struct api_target *target, size_t index, const char *wanted)
{
	if (!wanted)
		return target->n_segments <= index;
	return target->n_segments > index && (strcmp(wanted, "*") == 0 || strcmp(wanted, target->segments[index]) == 0);
}

static const struct route *find_route(const struct api_target *target)
{
	if (target->n_segments == API_SEGMENTS_MAX)
		return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
		if (is_segment(target, 0, routes[i].segments[0]) && is_segment(target, 1, routes[i].segments[1]))
			return &routes[i];
	}
	return NULL;
}

/* Beside the mount too, because probes are configured by people who know no mount. */
static bool is_health(const struct api_target *target)
{
	return target->n_segments == 1 && strcmp(target->segments[0], "healthz") == 0;
}

static bool is_read(const struct http_request *http)
{
	return strcmp(http->method, "GET") == 0 || strcmp(http->method, "HEAD") == 0;
}

static void refuse_method(struct http_response *response)
{
	api_reply_message(response, 405, NULL);
	http_response_header(response, "Allow", ALLOWED_METHODS);
}

/*
 * "Bearer <token>" (RFC 6750, 2.1), its scheme in any case (RFC 9110, 11.1). White space around a field's value is
 * no part of it (5.5), and between scheme and token a tab does as well as blanks.
 */
static bool check_token(const struct api_request *request, struct token_grant *out)
{
	static const char scheme[] = "Bearer";
	const char *credentials = request->http->authorization;
	char secret[SECRET_SIZE];
	size_t n_blanks, length;

	if (!credentials)
		return false;
	credentials += strspn(credentials, WHITE_SPACE);
	if (strncasecmp(credentials, scheme, sizeof(scheme) - 1) != 0)
		return false;
	credentials += sizeof(scheme) - 1;
	n_blanks = strspn(credentials, WHITE_SPACE);
	credentials += n_blanks;
	length = strlen(credentials);
	while (length > 0 && strchr(WHITE_SPACE, credentials[length - 1]))
		length--;
	if (n_blanks == 0 || length >= sizeof(secret))
		return false;
	memcpy(secret, credentials, length);
	secret[length] = '\0';
	return request->api->tokens.check(request->api->tokens.context, secret, out);
}

/* Counts the request for its token, or for its address when it has no good one. */
static struct rate_verdict count_hit(const struct api_request *request, const char *endpoint,
				     const struct token_grant *grant)
{
	char caller[CALLER_SIZE];
	char ip_text[IP_TEXT_SIZE];
	struct ip_addr client;

	if (!request->api->limiter)
		return (struct rate_verdict){.is_allowed = true};
	if (grant) {
		snprintf(caller, sizeof(caller), "token:%s", grant->name);
	} else {
		client = api_client_address(&request->api->settings, request->http);
		snprintf(caller, sizeof(caller), "addr:%s", ip_format(&client, ip_text));
	}
	return rate_limiter_hit(request->api->limiter, request->now, caller, endpoint);
}

/*
 * Who asks, how often, for what, how: in this order, so that a stranger learns nothing of what exists. True when
 * the route may answer; else the response is filled in.
 */
static bool admit(const struct api_request *request, const struct route *route, struct rate_verdict *rate,
		  struct http_response *response)
{
	bool is_local = request->http->is_local_socket;
	struct token_grant grant = {.scopes = is_local ? TOKEN_SCOPE_READ : 0};
	bool is_known = is_local || check_token(request, &grant);

	*rate = (struct rate_verdict){.is_allowed = true};
	if (!is_local && !(is_known && route && route->is_unlimited))
		*rate = count_hit(request, route ? route->name : "unknown", is_known ? &grant : NULL);
	if (!rate->is_allowed) {
		api_reply_message(response, 429, NULL);
	} else if (!is_known) {
		api_reply_message(response, 401, NULL);
		http_response_header(response, "WWW-Authenticate", "Bearer");
	} else if (!route) {
		api_reply_message(response, 404, NULL);
	} else if (!is_read(request->http)) {
		refuse_method(response);
	} else if (!(grant.scopes & TOKEN_SCOPE_READ)) {
		api_reply_message(response, 403, NULL);
	} else {
		return true;
	}
	return false;
}

static enum api_step begin_in_mount(const struct api_request *request, struct api_call *call,
				    struct http_response *response)
{
	const struct route *route = find_route(request->target);
	enum api_step step = API_ANSWERED;
	struct rate_verdict rate;

	if (admit(request, route, &rate, response))
		step = route->begin(request, call, response);
	if (step == API_NEEDS_HISTORY)
		call->pending->rate = rate;
	else
		api_reply_rate(response, &rate);
	return step;
}

enum api_step api_begin(const struct api *api, struct instant now, const struct http_request *request,
			struct api_call *call, struct http_response *response)
{
	CLEANUP(api_target_clean) struct api_target target = {0};
	const struct api_request parsed = {.api = api, .now = now, .http = request, .target = &target};
	int r = api_target_parse(request->target, api->settings.mount, &target);

	*response = (struct http_response){0};
	if (r) {
		api_reply_message(response, r == -EINVAL ? 400 : 500, NULL);
	} else if (is_health(&target)) {
		if (is_read(request))
			api_health_reply(api, response);
		else
			refuse_method(response);
	} else if (target.is_in_mount) {
		return begin_in_mount(&parsed, call, response);
	} else {
		api_reply_message(response, 404, NULL);
	}
	return API_ANSWERED;
}

void api_finish(const struct api *api, struct instant now, struct api_call *call, struct history_result *result,
		struct http_response *response)
{
	static void (*const by_kind[])(const struct api_finish *, struct http_response *) = {
		[HISTORY_LIST] = api_list_finish,
		[HISTORY_COUNT] = api_count_finish,
		[HISTORY_AT] = api_address_finish,
	};
	const struct api_finish finish = {.api = api, .now = now, .call = call, .result = result};

	assert(call->pending);
	*response = (struct http_response){0};
	if (result->error)
		api_reply_message(response, 500, NULL);
	else
		by_kind[call->query.kind](&finish, response);
	api_reply_rate(response, &call->pending->rate);
}
