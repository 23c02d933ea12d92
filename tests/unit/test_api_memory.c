/* SPDX-License-Identifier: MIT */
/* An answer for which memory runs out, at whichever allocation, is a 500: never half an answer, never a crash. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/api_fixture.h"

static size_t n_left;

/* The last n_left allocations of the JSON library that succeed. */
static void *scarce(size_t size)
{
	if (n_left == 0)
		return NULL;
	n_left--;
	return malloc(size);
}

/*
 * What it takes to read a body: of these none fails, because the library (2.14) does not bear that, it aborts when it
 * cannot keep the character behind a number.
 */
static size_t reading_needs(const char *body)
{
	json_auto_t *value = NULL;

	if (!body)
		return 0;
	n_left = SIZE_MAX;
	json_set_alloc_funcs(scarce, free);
	value = json_loads(body, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	json_set_alloc_funcs(malloc, free);
	cr_assert(value != NULL, "%s", body);
	return SIZE_MAX - n_left;
}

static struct http_response ask(struct api_fixture *fixture, const char *target, const char *body)
{
	return body ? api_fixture_send(fixture, "POST", target, body) : api_fixture_get(fixture, target);
}

/* Asks with room for n allocations; true when the whole answer came. */
static bool ask_with(struct api_fixture *fixture, const char *target, const char *body, size_t n, const char *whole)
{
	struct http_response response;
	bool is_whole;

	n_left = n;
	json_set_alloc_funcs(scarce, free);
	response = ask(fixture, target, body);
	json_set_alloc_funcs(malloc, free);
	is_whole = response.body && strcmp(response.body, whole) == 0;
	if (!is_whole) {
		cr_assert_eq(response.status, 500, "%s, %zu: %d %s", target, n, response.status, response.body);
		cr_assert(!response.body || strcmp(response.body, "{\"message\":\"Server Error\"}") == 0, "%s, %zu: %s",
			  target, n, response.body);
	}
	http_response_clean(&response);
	return is_whole;
}

Test(api_memory, each_allocation_of_an_answer_may_fail)
{
	static const struct {
		const char *target, *body;
	} cases[] = {
		{"/api/v1/sessions?raw=1", NULL},
		{"/api/v1/sessions?per_page=1", NULL},
		{"/api/v1/sessions/count", NULL},
		{"/api/v1/sessions?online=x&per_page=x", NULL},
		{"/api/v1/sessions/10.0.0.5", NULL},
		{"/api/v1/sessions/10.0.0.5,10.0.0.6?at=2017-01-05T07:20:00Z", NULL},
		{"/api/v1/sessions/bogus,10.0.0.6", NULL},
		{"/api/v1/nothing", NULL},
		{"/healthz", NULL},
		{"/api/v1/unauthenticated", NULL},
		/* what has been done already is only answered again */
		{"/api/v1/sessions?details=1", "{\"mac\":\"02:00:00:00:00:02\",\"external_id\":\"x\"}"},
		{"/api/v1/bindings", "[{\"mac\":\"02:00:00:00:00:02\",\"external_id\":\"x\"},{\"mac\":7}]"},
		{"/api/v1/sessions", "{\"mac\":7,\"limits\":{\"max_bytes_up\":-1},\"x\":[]}"},
		{"/api/v1/logout", "{\"mac\":\"02:00:00:00:00:09\",\"reason\":\"x\"}"},
	};
	struct api_fixture fixture;
	struct health_interface interface = {.name = "br-guest", .attach_name = "tcx"};

	api_fixture_init(&fixture, 0);
	fixture.health.interfaces = &interface;
	fixture.health.n_interfaces = 1;
	fixture.health.collect_error = "no memory";
	api_fixture_store(&fixture, 100, START_S);
	api_fixture_packet(&fixture, "02:00:00:00:00:01", "10.0.0.5", START_S);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct http_response response = ask(&fixture, cases[i].target, cases[i].body);
		size_t n_first = reading_needs(cases[i].body);
		size_t n = n_first;

		while (!ask_with(&fixture, cases[i].target, cases[i].body, n, response.body))
			n++;
		cr_assert_gt(n, n_first + 2, "%s needs memory", cases[i].target);
		http_response_clean(&response);
	}
	api_fixture_clean(&fixture);
}
