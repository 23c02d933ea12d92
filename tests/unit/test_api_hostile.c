/* SPDX-License-Identifier: MIT */
/* Requests that nobody sends by accident: whatever comes, an answer in JSON with a status that fits. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/api_fixture.h"

/* Asks and checks that the answer is an answer. Returns its status. */
static int survive(struct api_fixture *fixture, const char *target)
{
	struct http_response response = api_fixture_get(fixture, target);
	json_auto_t *answer = response.body ? json_loads(response.body, 0, NULL) : NULL;
	int status = response.status;

	cr_assert(answer != NULL, "%s: %s", target, response.body);
	cr_assert(status == 200 || status == 400 || status == 404 || status == 422, "%s: %d", target, status);
	cr_assert_eq(response.body_length, strlen(response.body));
	http_response_clean(&response);
	return status;
}

static char *repeat(const char *prefix, const char *text, size_t n_times)
{
	size_t prefix_length = strlen(prefix);
	size_t length = strlen(text);
	char *target = malloc(prefix_length + length * n_times + 1);

	cr_assert(target != NULL);
	memcpy(target, prefix, prefix_length);
	for (size_t i = 0; i < n_times; i++)
		memcpy(target + prefix_length + i * length, text, length);
	target[prefix_length + length * n_times] = '\0';
	return target;
}

Test(api_hostile, long_targets)
{
	static const struct {
		const char *prefix;
		const char *text;
		int status;
	} cases[] = {
		{"/api/v1/sessions?guest_id=", "x", 200},
		{"/api/v1/sessions?guest_id=", "%41", 200},
		{"/api/v1/sessions?guest_id=", "%", 200},
		{"/api/v1/sessions?per_page=", "1", 422},
		{"/api/v1/sessions?page=", "1", 200},
		{"/api/v1/sessions?", "&", 200},
		{"/api/v1/sessions?", "=", 200},
		{"/api/v1/sessions?", "?", 200},
		{"/api/v1/sessions?", "online=true&", 200},
		{"/api/v1/sessions?guest_id", "[", 200},
		{"/api/v1/sessions?guest_id", "[]", 422},
		{"/api/v1/sessions?start_time=", "2017-01-05", 422},
		{"/api/v1/sessions/", "/", 200},
		{"/api/v1/sessions/", "a/", 404},
		{"/api/v1/sessions/", ",", 422},
		{"/api/v1/sessions/", "1", 422},
		{"/api/v1/sessions/", "\xc3\xa9", 422},
		{"/api/v1/sessions/", "%C3%A9", 422},
		{"/api/v1/sessions/", "1,", 422},
		{"/api/v1/sessions/", "%00", 422},
		{"/api/v1/sessions/", "%ff", 422},
		{"/api/v1/sessions/", "\xff", 422},
		{"/api/v1/sessions?yas_id=", "\xff", 200},
		{"/api/v1/sessions/10.0.0.1?at=2017-01-05T06:45:00.", "1", 422},
		{"/", "x", 404},
		{"http://", "x", 404},
	};
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	api_fixture_store(&fixture, 1, START_S);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		CLEANUP_FREE char *target = repeat(cases[i].prefix, cases[i].text, 10240 / strlen(cases[i].text));

		cr_assert_eq(survive(&fixture, target), cases[i].status, "%s%s...", cases[i].prefix, cases[i].text);
	}
	api_fixture_clean(&fixture);
}

/* A wrong address is repeated in part, cut between characters. */
Test(api_hostile, what_is_repeated_is_bounded_and_whole)
{
	CLEANUP_FREE char *target = repeat("/api/v1/sessions/x", "\xc3\xa9", 5000);
	struct api_fixture fixture;
	struct http_response response;

	api_fixture_init(&fixture, 0);
	response = api_fixture_get(&fixture, target);
	cr_assert_eq(response.status, 422);
	cr_assert_lt(response.body_length, 400);
	cr_assert(strstr(response.body, "\xc3\xa9\\\" is not") != NULL, "%s", response.body);
	http_response_clean(&response);
	response = api_fixture_get(&fixture, "/api/v1/sessions/%22%5C%0d%0a%01%7f<b>");
	cr_assert(strstr(response.body, "\\\"\\\\\\r\\n\\u0001\x7f<b>") != NULL, "%s", response.body);
	http_response_clean(&response);
	api_fixture_clean(&fixture);
}

Test(api_hostile, every_octet_everywhere)
{
	static const char *const places[] = {
		"/api/v1/sessions?guest_id=%sx",
		"/api/v1/sessions?gue%sst_id=x",
		"/api/v1/sessions?online=%s",
		"/api/v1/sessions?at=%s&raw=1",
		"/api/v1/sessions/%s",
		"/api/v1/sessions/10.0.0.1%s",
		"/api/v1/sessions/10.0.0.1?at=%s",
		"/api/v1/%s/count",
		"%s/api/v1/sessions",
		"/api/v1%ssessions",
		"http://h%s/api/v1/sessions",
		"/api/v1/sessions?yas_id=%s%%",
		"/api/v1/sessions?page=%s1",
		"/api/v1/sessions%s",
	};
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
		for (int octet = 1; octet < 512; octet++) {
			char text[8];
			char target[128];

			/* as it is, then percent-encoded */
			if (octet < 256)
				snprintf(text, sizeof(text), "%c", octet);
			else
				snprintf(text, sizeof(text), "%%%02x", (unsigned int)octet & 0xff);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(target, sizeof(target), places[i], text);
#pragma GCC diagnostic pop
			survive(&fixture, target);
		}
	}
	api_fixture_clean(&fixture);
}

/* Each request cut after each octet; a heap copy, so that a sanitizer sees a look beyond the end. */
Test(api_hostile, every_truncation)
{
	static const char *const whole[] = {
		"http://[::1]:80/api/v1/sessions?guest%5Fid%5B%5D=%41&online=true&start_time=2017-01-05",
		"/api/v1/sessions/10.0.0.1%2C2001:db8::1,%E2%82%AC,%F0%9F%98%80?at=2017-01-05T06:45:00.123%2B03:00",
	};
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(whole); i++) {
		for (size_t length = 0; length <= strlen(whole[i]); length++) {
			CLEANUP_FREE char *target = strndup(whole[i], length);

			survive(&fixture, target);
		}
	}
	api_fixture_clean(&fixture);
}

Test(api_hostile, a_token_of_any_length)
{
	CLEANUP_FREE char *credentials = repeat("Bearer ", "x", 10000);
	struct api_fixture fixture;

	api_fixture_init(&fixture, 5);
	fixture.request.authorization = credentials;
	api_fixture_expect(&fixture, "/api/v1/sessions", 401, "{\"message\":\"Unauthenticated.\"}");
	api_fixture_clean(&fixture);
}

Test(api_hostile, headers_beyond_the_table_are_left_out)
{
	struct http_response response = {0};

	for (int i = 0; i < 3 * HTTP_HEADERS_MAX; i++)
		http_response_header(&response, "X", "%d", i);
	cr_assert_eq(response.n_headers, HTTP_HEADERS_MAX);
	cr_assert_str_eq(response.headers[HTTP_HEADERS_MAX - 1].value, "7");
	http_response_clean(&response);
	cr_assert_eq(response.n_headers, 0);
}
