/* SPDX-License-Identifier: MIT */
/* Refusals and headers: rows 32 to 34 and 36 of the decisions table; and who counts as the caller. */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/api_fixture.h"

#define LIST "/api/v1/sessions"

/* The value of a header in the answer to target, which must have this status; expected NULL: it must be absent. */
static void expect_header(struct api_fixture *fixture, const char *target, int status, const char *name,
			  const char *expected)
{
	struct http_response response = api_fixture_get(fixture, target);
	const char *value = api_fixture_header(&response, name);

	cr_assert_eq(response.status, status, "%s: %d %s", target, response.status, response.body);
	if (expected)
		cr_assert_str_eq(value ? value : "(absent)", expected, "%s: %s", target, name);
	else
		cr_assert(value == NULL, "%s: %s: %s", target, name, value);
	http_response_clean(&response);
}

Test(api_errors, row_32_validation)
{
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	api_fixture_expect(
		&fixture, LIST "?per_page=101", 422,
		"{\"message\":\"The per page must be between 1 and 100.\",\"errors\":{\"per_page\":[\"The per "
		"page must be between 1 and 100.\"]}}");
	api_fixture_expect(&fixture, LIST "?online=x&start_time=y", 422,
			   "{\"message\":\"The start time must be a valid date in the format yyyy-mm-dd. (and 1 more "
			   "error)\",\"errors\":{\"start_time\":[\"The start time must be a valid date in the format "
			   "yyyy-mm-dd.\"],\"online\":[\"The online must be true or false.\"]}}");
	/* every one of them, in the order of the table and not of the request */
	api_fixture_expect(
		&fixture,
		LIST "?raw=x&per_page=x&last_session_first=x&online=x&yas_id[]=x&end_time=x&start_time=x"
		     "&guest_device_mac=x&location_id[]=x&guest_id[]=x",
		422,
		"{\"message\":\"The guest id must be a string. (and 9 more errors)\",\"errors\":{\"guest_id\":[\"The "
		"guest id "
		"must be a string.\"],\"location_id\":[\"The location id must be a "
		"string.\"],\"guest_device_mac\":[\"The "
		"guest device mac must be a valid MAC address.\"],\"start_time\":[\"The start time must be a valid "
		"date in "
		"the format yyyy-mm-dd.\"],\"end_time\":[\"The end time must be a valid date in the format "
		"yyyy-mm-dd.\"],\"yas_id\":[\"The yas id must be a string.\"],\"online\":[\"The online must be true or "
		"false.\"],\"last_session_first\":[\"The last session first must be true or "
		"false.\"],\"per_page\":[\"The "
		"per page must be between 1 and 100.\"],\"raw\":[\"The raw must be true or false.\"]}}");
	api_fixture_clean(&fixture);
}

Test(api_errors, row_33_authentication)
{
	static const char *const bad[] = {NULL,
					  "",
					  "Bearer",
					  "Bearer ",
					  "Bearer \t ",
					  " \t ",
					  "Bearer wrong",
					  "Bearer read-secret read-secret",
					  "Bearer\nread-secret",
					  "Bearer read-secret\n",
					  "Bearer read-secretx",
					  "Basic cmVhZC1zZWNyZXQ=",
					  "read-secret",
					  "Bearerread-secret"};
	/* white space around the value is no part of it (RFC 9110, 5.5), the scheme is of any case (11.1) */
	static const char *const good[] = {"Bearer read-secret",     "bearer read-secret",    "BEARER  read-secret",
					   "Bearer read-secret ",    " Bearer read-secret",   "Bearer\tread-secret",
					   "Bearer read-secret \t ", "\tBearer \tread-secret"};
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		fixture.request.authorization = bad[i];
		api_fixture_expect(&fixture, LIST, 401, "{\"message\":\"Unauthenticated.\"}");
		expect_header(&fixture, LIST, 401, "WWW-Authenticate", "Bearer");
		/* a stranger learns nothing of what exists below the mount */
		api_fixture_expect(&fixture, "/api/v1/nothing", 401, "{\"message\":\"Unauthenticated.\"}");
		api_fixture_expect(&fixture, "/api/v1/%zz", 401, "{\"message\":\"Unauthenticated.\"}");
	}
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		fixture.request.authorization = good[i];
		api_fixture_expect(&fixture, LIST "/count", 200, "{\"count\":0}");
	}
	expect_header(&fixture, LIST, 200, "WWW-Authenticate", NULL);
	fixture.request.authorization = "Bearer metrics-secret";
	api_fixture_expect(&fixture, LIST "/count", 403, "{\"message\":\"This action is unauthorized.\"}");
	api_fixture_expect(&fixture, LIST "/10.0.0.1", 403, "{\"message\":\"This action is unauthorized.\"}");
	api_fixture_expect(&fixture, LIST "?per_page=x", 403, "{\"message\":\"This action is unauthorized.\"}");
	fixture.request.authorization = NULL;
	fixture.request.is_local_socket = true;
	api_fixture_expect(&fixture, LIST "/count", 200, "{\"count\":0}");
	api_fixture_clean(&fixture);
}

Test(api_errors, row_33_other_errors)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "GETX", ""};
	static const struct {
		const char *target, *allow;
	} routes[] = {
		{LIST, "GET, HEAD, POST"},
		{LIST "/", "GET, HEAD, POST"},
		{LIST "/count", "GET, HEAD"},
		{LIST "/10.0.0.1", "GET, HEAD, PATCH, DELETE"},
		{LIST "/0123456789a/disconnect", "POST"},
		{"/api/v1/bindings", "POST"},
		{"/api/v1/logout", "POST"},
		{"/api/v1/lost", "POST"},
		{"/api/v1/unauthenticated", "GET, HEAD"},
		{"/healthz", "GET, HEAD"},
		{"/api/v1/healthz", "GET, HEAD"},
	};
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
		fixture.request.method = methods[i];
		for (size_t k = 0; k < ARRAY_LENGTH(routes); k++) {
			if (strlen(methods[i]) > 3 && strstr(routes[k].allow, methods[i]))
				continue;
			api_fixture_expect(&fixture, routes[k].target, 405, "{\"message\":\"Method Not Allowed\"}");
			expect_header(&fixture, routes[k].target, 405, "Allow", routes[k].allow);
		}
		api_fixture_expect(&fixture, "/api/v1/nothing", 404, "{\"message\":\"Not Found\"}");
		api_fixture_expect(&fixture, LIST "/a/b", 404, "{\"message\":\"Not Found\"}");
		api_fixture_expect(&fixture, LIST "/a/disconnect/now", 404, "{\"message\":\"Not Found\"}");
	}
	fixture.request.method = "GET";
	api_fixture_expect(&fixture, "/api/v1/bindings", 405, "{\"message\":\"Method Not Allowed\"}");
	/* what cannot be decoded stays as it is, and is no route */
	api_fixture_expect(&fixture, "/%zz", 404, "{\"message\":\"Not Found\"}");
	api_fixture_expect(&fixture, "/api/v1/%zz", 404, "{\"message\":\"Not Found\"}");
	api_fixture_expect(&fixture, "/api/v1/sessions%", 404, "{\"message\":\"Not Found\"}");
	api_fixture_expect(&fixture, "*", 400, "{\"message\":\"Bad Request\"}");
	api_fixture_expect(&fixture, "", 400, "{\"message\":\"Bad Request\"}");
	api_fixture_expect(&fixture, "ftp://h" LIST, 400, "{\"message\":\"Bad Request\"}");
	fixture.store_error = -EIO;
	api_fixture_expect(&fixture, LIST, 500, "{\"message\":\"Server Error\"}");
	api_fixture_expect(&fixture, LIST "/count", 500, "{\"message\":\"Server Error\"}");
	api_fixture_expect(&fixture, LIST "/10.0.0.1?at=2017-01-05T07:27:30Z", 500, "{\"message\":\"Server Error\"}");
	/* what memory knows needs no store */
	api_fixture_packet(&fixture, "02:00:00:00:00:01", "10.0.0.1", NOW_S - 5);
	api_fixture_expect(
		&fixture, LIST "/10.0.0.1", 200,
		"{\"ip_address\":\"10.0.0.1\",\"username\":null,\"name\":null,\"email\":null,\"duration\":5}");
	api_fixture_clean(&fixture);
}

Test(api_errors, row_34_rate_limit)
{
	struct api_fixture fixture;

	api_fixture_init(&fixture, 3);
	expect_header(&fixture, LIST, 200, "X-RateLimit-Limit", "3");
	expect_header(&fixture, LIST "?per_page=x", 422, "X-RateLimit-Remaining", "1");
	fixture.store_error = -EIO;
	expect_header(&fixture, LIST, 500, "X-RateLimit-Remaining", "0");
	fixture.store_error = 0;
	fixture.now = api_fixture_at(NOW_S + 18);
	api_fixture_expect(&fixture, LIST, 429, "{\"message\":\"Too Many Attempts.\"}");
	expect_header(&fixture, LIST, 429, "Retry-After", "42");
	expect_header(&fixture, LIST, 429, "X-RateLimit-Reset", "1483601460");
	expect_header(&fixture, LIST, 429, "X-RateLimit-Limit", "3");
	expect_header(&fixture, LIST, 429, "X-RateLimit-Remaining", "0");
	/* another endpoint, another token, the socket: each its own */
	expect_header(&fixture, LIST "/count", 200, "X-RateLimit-Remaining", "2");
	expect_header(&fixture, LIST "/10.0.0.1", 404, "X-RateLimit-Remaining", "2");
	expect_header(&fixture, LIST "/10.0.0.2", 404, "X-RateLimit-Remaining", "1");
	expect_header(&fixture, LIST "/count", 200, "Retry-After", NULL);
	expect_header(&fixture, LIST "/count", 200, "X-RateLimit-Reset", NULL);
	fixture.request.authorization = "Bearer other-secret";
	expect_header(&fixture, LIST, 200, "X-RateLimit-Remaining", "2");
	fixture.request.is_local_socket = true;
	for (int i = 0; i < 10; i++)
		expect_header(&fixture, LIST, 200, "X-RateLimit-Limit", NULL);
	fixture.request.is_local_socket = false;
	fixture.request.authorization = NULL;
	for (int i = 0; i < 10; i++)
		expect_header(&fixture, "/healthz", 503, "X-RateLimit-Limit", NULL);
	for (int i = 0; i < 10; i++)
		expect_header(&fixture, "/api/v1/healthz", 503, "X-RateLimit-Limit", NULL);
	/* the window is over a minute after the first hit */
	fixture.request.authorization = "Bearer read-secret";
	fixture.now = api_fixture_at(NOW_S + 60);
	expect_header(&fixture, LIST, 200, "X-RateLimit-Remaining", "2");
	api_fixture_clean(&fixture);
}

Test(api_errors, row_34_zero_is_off)
{
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	cr_assert_eq(rate_limiter_new(0, 10, &fixture.limiter), 0);
	fixture.api.limiter = fixture.limiter;
	for (int i = 0; i < 100; i++)
		expect_header(&fixture, LIST, 200, "X-RateLimit-Limit", NULL);
	api_fixture_clean(&fixture);
}

Test(api_errors, row_34_failed_authentication_counts_against_the_address)
{
	struct api_fixture fixture;
	struct ip_prefix proxy;

	api_fixture_init(&fixture, 2);
	fixture.request.authorization = "Bearer wrong";
	expect_header(&fixture, LIST, 401, "X-RateLimit-Remaining", "1");
	fixture.request.authorization = NULL;
	expect_header(&fixture, LIST, 401, "X-RateLimit-Remaining", "0");
	fixture.request.authorization = "Bearer wrong again";
	expect_header(&fixture, LIST, 429, "Retry-After", "60");
	/* who holds a token is not locked out by a neighbour behind the same address */
	fixture.request.authorization = "Bearer read-secret";
	expect_header(&fixture, LIST, 200, "X-RateLimit-Remaining", "1");
	/* nor is another address */
	fixture.request.authorization = NULL;
	cr_assert_eq(ip_parse("192.0.2.11", &fixture.request.peer), 0);
	expect_header(&fixture, LIST, 401, "X-RateLimit-Remaining", "1");
	/* behind a proxy it is the client's address that counts, unless nobody trusts the proxy */
	fixture.request.forwarded_for = "198.51.100.7";
	expect_header(&fixture, LIST, 401, "X-RateLimit-Remaining", "0");
	cr_assert_eq(ip_prefix_parse("192.0.2.0/24", &proxy), 0);
	fixture.api.settings.trusted_proxies = &proxy;
	fixture.api.settings.n_trusted_proxies = 1;
	expect_header(&fixture, LIST, 401, "X-RateLimit-Remaining", "1");
	api_fixture_clean(&fixture);
}

Test(api_errors, row_36_http)
{
	static const char *const targets[] = {LIST,       LIST "/count", LIST "?online=x", LIST "/10.0.0.1",
					      "/nothing", "*",           "/healthz"};
	struct api_fixture fixture;

	api_fixture_init(&fixture, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
		struct http_response get = api_fixture_get(&fixture, targets[i]);
		struct http_response head;

		cr_assert_str_eq(api_fixture_header(&get, "Cache-Control"), "no-cache, private");
		cr_assert_str_eq(get.content_type, "application/json");
		cr_assert_eq(get.body_length, strlen(get.body));
		/* HEAD is GET; the server leaves the body out and keeps its length */
		fixture.request.method = "HEAD";
		head = api_fixture_get(&fixture, targets[i]);
		fixture.request.method = "GET";
		cr_assert_eq(head.status, get.status);
		cr_assert_eq(head.body_length, get.body_length);
		cr_assert_eq(head.n_headers, get.n_headers);
		http_response_clean(&get);
		http_response_clean(&head);
	}
	api_fixture_clean(&fixture);
}
