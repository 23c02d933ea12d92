/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the write calls of the API from the body on, against the real session engine. `make fuzz` runs it for some
 * seconds. The first octet chooses the call, the rest is its body. Whatever comes, there is an answer in JSON, or a
 * 204; and what is refused has begun and ended nothing.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n_octets);

/* Unlike assert it stays in every build. */
static void require(bool holds)
{
	if (!holds)
		abort();
}

static struct zone_time to_local(void *context, int64_t wall_s)
{
	(void)context;
	return (struct zone_time){.year = 2017, .month = 1, .day = 1, .hour = (int)(wall_s / 3600 % 24)};
}

static int64_t day_start(void *context, int year, int month, int day)
{
	(void)context;
	return ((int64_t)year * 366 + month * 31 + day) * 86400;
}

static bool check_token(void *context, const char *secret, struct token_grant *out)
{
	(void)context;
	(void)secret;
	(void)out;
	return false;
}

static uint32_t find_interface(void *context, const char *name)
{
	(void)context;
	return *name == 'w' ? 1 : 0;
}

static void begin_session(struct session_engine *engine, struct instant now, struct event_list *events)
{
	struct ledger_delta delta = {
		.key.mac = {{2, 0, 0, 0, 0, 1}}, .traffic = {.up_bytes = 100, .up_packets = 1}, .has_up = true};

	require(ip_parse("10.0.0.1", &delta.key.ip) == 0);
	require(session_engine_apply(engine, now, now, &delta, events) == 0);
}

/* The store knows nothing. */
static void answer(struct api *api, struct instant now, const struct http_request *request,
		   struct http_response *response)
{
	struct history_result nothing = {0};
	struct api_call call = {0};
	enum api_step step = api_begin(api, now, request, &call, response);

	if (step == API_NEEDS_HISTORY)
		step = api_finish(api, now, &call, &nothing, response);
	if (step == API_NEEDS_FORGET)
		api_finish_forget(&call, 0, response);
	api_call_clean(&call);
	if (step == API_ANSWERED && response->status >= 300)
		require(session_engine_n_online(api->engine) == 1 && session_engine_n_logins(api->engine) == 0);
}

static void check(const struct http_response *response)
{
	json_auto_t *value = response->body ? json_loadb(response->body, response->body_length, 0, NULL) : NULL;

	require(response->status >= 200 && response->status < 500);
	require(value || response->status == 204);
}

static void ask(const uint8_t *octets, size_t n_octets)
{
	static const struct {
		const char *method, *target;
	} calls[] = {
		{"POST", "/sessions?details=1&raw=1"},
		{"PATCH", "/sessions/%s?details=1"},
		{"DELETE", "/sessions/%s"},
		{"POST", "/sessions/%s/disconnect"},
		{"POST", "/bindings?details=1"},
		{"POST", "/logout"},
		{"POST", "/lost"},
	};
	static const struct session_rules rules = {
		.idle_timeout_ns = NS_PER_S, .login_wait_ns = NS_PER_S, .max_online = 9};
	static const struct public_id_key key = {{1, 2, 3, 4}};
	const struct instant now = {.mono_ns = 1000 * NS_PER_S, .wall_ns = 1483601400 * NS_PER_S};
	const unsigned int call = octets[0] % ARRAY_LENGTH(calls);
	struct event_list events = {0};
	struct api api = {.zone = {NULL, to_local, day_start},
			  .tokens = {NULL, check_token},
			  .interfaces = {NULL, find_interface},
			  .settings = {.mount = ""},
			  .events = &events,
			  .id_key = key};
	char id[PUBLIC_ID_SIZE];
	char target[64];
	CLEANUP_FREE char *body = malloc(n_octets);
	struct http_request request = {.method = calls[call].method, .target = target, .is_local_socket = true};
	struct http_response response;

	require(body && session_engine_new(&rules, 1, &api.engine) == 0 &&
		guest_register_new(9, &key, &api.guests) == 0);
	begin_session(api.engine, now, &events);
	/* a copy of just that size: the sanitizer sees each octet read beyond it */
	memcpy(body, octets + 1, n_octets - 1);
	request.body = body;
	request.body_length = n_octets - 1;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(target, sizeof(target), calls[call].target, public_id_format(&key, 1, id));
#pragma GCC diagnostic pop
	answer(&api, now, &request, &response);
	check(&response);
	http_response_clean(&response);
	session_engine_tick(api.engine, now, &events);
	guest_register_free(&api.guests);
	session_engine_free(&api.engine);
	event_list_clean(&events);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n_octets)
{
	if (n_octets > 0)
		ask(octets, n_octets);
	return 0;
}
