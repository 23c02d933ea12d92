/* SPDX-License-Identifier: MIT */
/* What is no request that a handler should see: refused, as JSON where it is ours to say. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "io/http_lab.h"

#define cr_assert_has(text, part) cr_assert(strstr((text), (part)), "no \"%s\" in:\n%s", (part), (text))

static struct http_lab lab;

static void serve(void)
{
	lab_open(&lab);

	const struct http_server_options options = lab_options(&lab);
	lab_serve(&lab, &options);
}

/* Sends the request and expects this refusal, as JSON, and the end of the connection. */
static void assert_refused(const char *request, const char *status, const char *message)
{
	char body[64];
	const size_t n_requests = lab.n_requests;
	struct lab_client *client = lab_connect(&lab, "127.0.0.1");

	lab_send(client, request);
	cr_assert(lab_until_ended(&lab, client), "still open after %.60s", request);
	cr_assert_not_null(client->in.text, "no answer to %.60s", request);
	snprintf(body, sizeof(body), "\r\n\r\n{\"message\":\"%s\"}", message);
	cr_assert_eq(strncmp(client->in.text + strlen("HTTP/1.1 "), status, 3), 0, "%.60s:\n%s", request,
		     client->in.text);
	cr_assert_has(client->in.text, body);
	cr_assert_has(client->in.text, "\r\nContent-Type: application/json\r\n");
	cr_assert_has(client->in.text, "\r\nCache-Control: no-cache, private\r\n");
	cr_assert_has(client->in.text, "\r\nConnection: close\r\n");
	cr_assert_eq(lab.n_requests, n_requests, "no handler sees it");
}

Test(http_server_refusals, targets_are_served_up_to_16_kib)
{
	char request[50000];

	serve();
	snprintf(request, sizeof(request), "GET /%016383d HTTP/1.1\r\nHost: a\r\n\r\n", 7);
	CLEANUP_FREE char *fits = lab_ask(&lab, request);
	cr_assert_has(fits, "HTTP/1.1 200 OK\r\n");
	cr_assert_has(fits, "00007\nhost=a\n");

	static const int lengths[] = {16384, 20000, 32768, 40000, 48000};
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		snprintf(request, sizeof(request), "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", lengths[i], 7);
		assert_refused(request, "414", "URI Too Long");
	}
	snprintf(request, sizeof(request), "GET /?x=%040000d HTTP/1.1\r\nHost: a\r\n\r\n", 7);
	assert_refused(request, "414", "URI Too Long");

	/* so long that the library may say it in its own words */
	CLEANUP_FREE char *huge = malloc(100100);
	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	snprintf(huge, 100100, "GET /%0100000d", 7);
	lab_send(client, huge);
	cr_assert(lab_until_ended(&lab, client));
	cr_assert_eq(lab.n_requests, 1u);
	lab_close(&lab);
}

Test(http_server_refusals, headers_are_taken_up_to_16_kib_in_sum)
{
	CLEANUP(strbuf_clean) struct strbuf many = STRBUF_INIT;
	char request[50000];

	serve();
	/* "Host: a" and its line end are nine octets, "X: " with its line end five */
	snprintf(request, sizeof(request), "GET /one HTTP/1.1\r\nHost: a\r\nX: %0*d\r\n\r\n", 16384 - 9 - 5, 7);
	CLEANUP_FREE char *one = lab_ask(&lab, request);
	cr_assert_has(one, "HTTP/1.1 200 OK\r\n");

	static const int lengths[] = {16384 - 9 - 4, 40000, 48000};
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\nX: %0*d\r\n\r\n", lengths[i], 7);
		assert_refused(request, "431", "Request Header Fields Too Large");
	}
	strbuf_append(&many, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 200; i++)
		strbuf_append_format(&many, "X-%03d: %080d\r\n", i, i);
	strbuf_append(&many, "\r\n");
	assert_refused(many.text, "431", "Request Header Fields Too Large");
	lab_close(&lab);
}

Test(http_server_refusals, longest_target_and_headers_at_once)
{
	CLEANUP(strbuf_clean) struct strbuf request = STRBUF_INIT;

	serve();
	strbuf_append_format(&request, "GET /?x=%016376d HTTP/1.1\r\nHost: a\r\n", 7);
	for (int i = 0; i < 200; i++)
		strbuf_append_format(&request, "X-%03d: %070d\r\n", i, i);
	strbuf_append(&request, "\r\n");
	for (int i = 0; i < 2; i++) {
		CLEANUP_FREE char *text = lab_ask(&lab, request.text);
		cr_assert_has(text, "HTTP/1.1 200 OK\r\n");
	}
	lab_close(&lab);
}

/* RFC 9112, 3.2 */
Test(http_server_refusals, one_host_is_needed)
{
	static const char *const wrong[] = {
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nX-Host: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: b\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
	};

	serve();
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		assert_refused(wrong[i], "400", "Bad Request");
	CLEANUP_FREE char *old = lab_ask(&lab, "GET / HTTP/1.0\r\n\r\n");
	cr_assert_has(old, "host=-\n");
	CLEANUP_FREE char *named = lab_ask(&lab, "GET / HTTP/1.0\r\nHost: gw\r\n\r\n");
	cr_assert_has(named, "host=gw\n");
	/* RFC 9110, 7.2: what has no authority says so */
	CLEANUP_FREE char *empty = lab_ask(&lab, "GET / HTTP/1.1\r\nHost:\r\n\r\n");
	cr_assert_has(empty, "host=\n");
	lab_close(&lab);
}

/* RFC 9110, 5.5 */
Test(http_server_refusals, white_space_around_header_values_is_no_part_of_them)
{
	serve();
	CLEANUP_FREE char *text =
		lab_ask(&lab, "GET / HTTP/1.1\r\nHost: \t gw:8087 \t \r\nAuthorization:Bearer a  b\t\r\n"
			      "X-Forwarded-For: 10.0.0.1 \r\nX-Forwarded-For:\t10.0.0.2\t\r\n"
			      "X-Forwarded-Proto: https \r\nX-Forwarded-Host:  \t\r\n\r\n");
	cr_assert_has(text, "\nhost=gw:8087\nauthorization=Bearer a  b\n");
	cr_assert_has(text, "\nforwarded=10.0.0.1, 10.0.0.2|https|\n");
	lab_close(&lab);
}

Test(http_server_refusals, nonsense_is_refused_and_harmless)
{
	static const char *const requests[] = {
		"\r\n\r\n\r\n\r\nBREW\r\n\r\n",
		"GET\r\n\r\n",
		"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nno colon\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"\x16\x03\x01\x02\x01\x01\xfc\x03\x03 a TLS hello \r\n\r\n",
	};

	serve();
	for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
		struct lab_client *client = lab_connect(&lab, "127.0.0.1");

		lab_send(client, requests[i]);
		cr_assert_eq(shutdown(client->fd, SHUT_WR), 0);
		cr_assert(lab_until_ended(&lab, client), "still open: %s", requests[i]);
		cr_assert(!client->in.text || strncmp(client->in.text, "HTTP/1.1 2", 10) != 0, "%s", client->in.text);
	}
	CLEANUP_FREE char *text = lab_ask(&lab, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	cr_assert_has(text, "HTTP/1.1 200 OK\r\n");
	lab_close(&lab);
}
