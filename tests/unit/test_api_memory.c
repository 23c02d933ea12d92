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

/* Asks with room for n allocations; true when the whole answer came. */
static bool ask_with(struct api_fixture *fixture, const char *target, size_t n, const char *whole)
{
	struct http_response response;
	bool is_whole;

	n_left = n;
	json_set_alloc_funcs(scarce, free);
	response = api_fixture_get(fixture, target);
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
	static const char *const targets[] = {
		"/api/v1/sessions?raw=1",
		"/api/v1/sessions?per_page=1",
		"/api/v1/sessions/count",
		"/api/v1/sessions?online=x&per_page=x",
		"/api/v1/sessions/10.0.0.5",
		"/api/v1/sessions/10.0.0.5,10.0.0.6?at=2017-01-05T07:20:00Z",
		"/api/v1/sessions/bogus,10.0.0.6",
		"/api/v1/nothing",
		"/healthz",
	};
	struct api_fixture fixture;
	struct health_interface interface = {.name = "br-guest", .attach_name = "tcx"};

	api_fixture_init(&fixture, 0);
	fixture.health.interfaces = &interface;
	fixture.health.n_interfaces = 1;
	fixture.health.collect_error = "no memory";
	api_fixture_store(&fixture, 100, START_S);
	api_fixture_packet(&fixture, "02:00:00:00:00:01", "10.0.0.5", START_S);
	for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
		struct http_response response = api_fixture_get(&fixture, targets[i]);
		size_t n = 0;

		while (!ask_with(&fixture, targets[i], n, response.body))
			n++;
		cr_assert_gt(n, 2, "%s needs memory", targets[i]);
		http_response_clean(&response);
	}
	api_fixture_clean(&fixture);
}
