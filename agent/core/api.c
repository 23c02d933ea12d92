/* SPDX-License-Identifier: MIT */
#include "core/api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "core/api_call.h"
#include "core/api_origin.h"
#include "core/api_reply.h"
#include "core/rate_limit.h"

#define METHODS_SIZE 64
#define CALLER_SIZE (sizeof("token:") + TOKEN_NAME_SIZE + IP_TEXT_SIZE)
#define SECRET_SIZE 256 /* well above any token's (io/token_file.h) */
#define WHITE_SPACE " \t"

#define PATH_SEGMENTS_MAX (API_SEGMENTS_MAX - 1)

/* What a path is, and what a method does there. Rows of one path stand together; the first path that fits counts. */
struct route {
	const char *name;                        /* the endpoint of rate limits */
	const char *segments[PATH_SEGMENTS_MAX]; /* "*": any */
	const char *method; /* "GET" is HEAD as well, and needs the right to read; others to write */
	api_handler handle;
	bool is_unlimited; /* for whoever has a token; who has none is counted everywhere */
};

static const struct route routes[] = {
	{"sessions", {"sessions"}, "GET", api_list_begin, false},
	{"login", {"sessions"}, "POST", api_login, false},
	{"sessions/count", {"sessions", "count"}, "GET", api_count_begin, false},
	{"sessions/ip", {"sessions", "*"}, "GET", api_address_begin, false},
	{"change", {"sessions", "*"}, "PATCH", api_change, false},
	{"forget", {"sessions", "*"}, "DELETE", api_forget, false},
	{"disconnect", {"sessions", "*", "disconnect"}, "POST", api_disconnect, false},
	{"bindings", {"bindings"}, "POST", api_bindings, false},
	{"logout", {"logout"}, "POST", api_logout, false},
	{"lost", {"lost"}, "POST", api_lost, false},
	{"unauthenticated", {"unauthenticated"}, "GET", api_unauthenticated, false},
	{"events", {"events"}, "GET", api_events_begin, true},
};

static bool is_segment(const struct api_target *target, size_t index, const char *wanted)
{
	if (!wanted)
		return target->n_segments <= index;
	return target->n_segments > index && (strcmp(wanted, "*") == 0 || strcmp(wanted, target->segments[index]) == 0);
}

static bool fits(const struct api_target *target, const struct route *route)
{
	for (size_t i = 0; i < PATH_SEGMENTS_MAX; i++) {
		if (!is_segment(target, i, route->segments[i]))
			return false;
	}
	return target->n_segments < API_SEGMENTS_MAX;
}

static bool is_same_path(const struct route *a, const struct route *b)
{
	for (size_t i = 0; i < PATH_SEGMENTS_MAX; i++) {
		if (!a->segments[i] || !b->segments[i])
			return a->segments[i] == b->segments[i];
		if (strcmp(a->segments[i], b->segments[i]) != 0)
			return false;
	}
	return true;
}

static bool is_read(const struct http_request *http)
{
	return strcmp(http->method, "GET") == 0 || strcmp(http->method, "HEAD") == 0;
}

/* The row of the request's path and method; that of the path alone, and *is_method_wrong; NULL for no such path. */
static const struct route *find_route(const struct api_request *request, bool *is_method_wrong)
{
	const char *method = is_read(request->http) ? "GET" : request->http->method;
	const struct route *first = NULL;

	*is_method_wrong = false;
	for (size_t i = 0; i < ARRAY_LENGTH(routes); i++) {
		if (first ? !is_same_path(first, &routes[i]) : !fits(request->target, &routes[i]))
			continue;
		if (!first)
			first = &routes[i];
		if (strcmp(method, routes[i].method) == 0)
			return &routes[i];
	}
	*is_method_wrong = first != NULL;
	return first;
}

/* Beside the mount too, because probes are configured by people who know no mount. */
static bool is_health(const struct api_target *target)
{
	return target->n_segments == 1 && strcmp(target->segments[0], "healthz") == 0;
}

/* Allow lists what there is on the path of route; of /healthz, which is none of the table, that is GET. */
static void refuse_method(const struct route *route, struct http_response *response)
{
	char methods[METHODS_SIZE] = "";
	size_t length = 0;

	for (size_t i = 0; route && i < ARRAY_LENGTH(routes); i++) {
		const char *method = routes[i].method;

		if (!is_same_path(route, &routes[i]))
			continue;
		length += (size_t)snprintf(methods + length, sizeof(methods) - length, "%s%s", length ? ", " : "",
					   strcmp(method, "GET") == 0 ? "GET, HEAD" : method);
	}
	api_reply_message(response, 405, NULL);
	http_response_header(response, "Allow", "%s", route ? methods : "GET, HEAD");
}

/*
 * "Bearer <token>" (RFC 6750, 2.1), its scheme in any case (RFC 9110, 11.1). White space around a field's value is
 * no part of it (5.5), and between scheme and token a tab does as well as blanks.
 */
static bool check_token(const struct api *api, const struct http_request *http, struct token_grant *out)
{
	static const char scheme[] = "Bearer";
	const char *credentials = http->authorization;
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
	return api->tokens.check(api->tokens.context, secret, out);
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

/* True and *out when it is known who asks. */
static bool identify(const struct api *api, const struct http_request *http, struct token_grant *out)
{
	*out = (struct token_grant){.scopes = http->is_local_socket ? TOKEN_SCOPE_READ | TOKEN_SCOPE_WRITE : 0};
	return http->is_local_socket || check_token(api, http, out);
}

bool api_is_write(const struct api *api, const struct http_request *request)
{
	struct token_grant grant;

	return !is_read(request) && identify(api, request, &grant) && (grant.scopes & TOKEN_SCOPE_WRITE);
}

/*
 * Who asks, how often, for what, how: in this order, so that a stranger learns nothing of what exists. The route that
 * may answer; NULL and the response is filled in.
 */
static const struct route *admit(const struct api_request *request, struct rate_verdict *rate,
				 struct http_response *response)
{
	enum token_scope scope = is_read(request->http) ? TOKEN_SCOPE_READ : TOKEN_SCOPE_WRITE;
	struct token_grant grant;
	bool is_known = identify(request->api, request->http, &grant);
	bool is_method_wrong;
	const struct route *route = find_route(request, &is_method_wrong);

	*rate = (struct rate_verdict){.is_allowed = true};
	if (!request->http->is_local_socket && !(is_known && route && !is_method_wrong && route->is_unlimited))
		*rate = count_hit(request, route ? route->name : "unknown", is_known ? &grant : NULL);
	if (!rate->is_allowed) {
		api_reply_message(response, 429, NULL);
	} else if (!is_known) {
		api_reply_message(response, 401, NULL);
		http_response_header(response, "WWW-Authenticate", "Bearer");
	} else if (!route) {
		api_reply_message(response, 404, NULL);
	} else if (is_method_wrong) {
		refuse_method(route, response);
	} else if (!(grant.scopes & scope)) {
		api_reply_message(response, 403, NULL);
	} else {
		return route;
	}
	return NULL;
}

/* What the limit says belongs to the answer, which may have yet to come. */
static enum api_step conclude(enum api_step step, const struct rate_verdict *rate, struct api_call *call,
			      struct http_response *response)
{
	if (step == API_NEEDS_HISTORY || step == API_NEEDS_FORGET)
		call->pending->rate = *rate;
	else
		api_reply_rate(response, rate);
	return step;
}

static enum api_step begin_in_mount(const struct api_request *request, struct api_call *call,
				    struct http_response *response)
{
	struct rate_verdict rate;
	const struct route *route = admit(request, &rate, response);

	return conclude(route ? route->handle(request, call, response) : API_ANSWERED, &rate, call, response);
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
			refuse_method(NULL, response);
	} else if (target.is_in_mount) {
		return begin_in_mount(&parsed, call, response);
	} else {
		api_reply_message(response, 404, NULL);
	}
	return API_ANSWERED;
}

enum api_step api_finish(const struct api *api, struct instant now, struct api_call *call,
			 struct history_result *result, struct http_response *response)
{
	static void (*const by_kind[])(const struct api_finish *, struct http_response *) = {
		[HISTORY_LIST] = api_list_finish,
		[HISTORY_COUNT] = api_count_finish,
		[HISTORY_AT] = api_address_finish,
	};
	const struct api_finish finish = {.api = api, .now = now, .call = call, .result = result};
	const struct rate_verdict rate = call->pending->rate;
	enum api_step step = API_ANSWERED;

	*response = (struct http_response){0};
	if (result->error)
		api_reply_message(response, 500, NULL);
	else if (call->query.kind == HISTORY_SEQ)
		step = api_session_finish(&finish, response);
	else
		by_kind[call->query.kind](&finish, response);
	return conclude(step, &rate, call, response);
}

void api_finish_forget(struct api_call *call, int error, struct http_response *response)
{
	*response = (struct http_response){0};
	if (error == -ENOENT && !call->pending->is_in_memory)
		api_reply_message(response, 404, NULL);
	else if (error && error != -ENOENT)
		api_reply_message(response, 500, NULL);
	else
		api_reply_nothing(response);
	api_reply_rate(response, &call->pending->rate);
}
