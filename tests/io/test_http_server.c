/* SPDX-License-Identifier: MIT */
/* What a client sees of the server: by hand-written requests over loopback and a Unix socket. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/http_lab.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: gw:8087\r\n\r\n"
#define cr_assert_has(text, part) cr_assert(strstr((text), (part)), "no \"%s\" in:\n%s", (part), (text))
#define cr_assert_has_not(text, part) cr_assert_not(strstr((text), (part)), "\"%s\" in:\n%s", (part), (text))

static struct http_lab lab;

static void serve(void)
{
	lab_open(&lab);

	const struct http_server_options options = lab_options(&lab);
	lab_serve(&lab, &options);
}

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		n++;
	return n;
}

/* CPU time of the process while the loop runs for so long. */
static double cpu_while_running_ms(uint64_t duration_ms)
{
	const clock_t start = clock();

	lab_run_ms(&lab, duration_ms);
	return (double)(clock() - start) * 1000 / CLOCKS_PER_SEC;
}

Test(http_server, request_is_passed_on_raw)
{
	serve();

	CLEANUP_FREE char *text = lab_ask(
		&lab, "GET /api/v1/sessions/10.0.0.1%2C10.0.0.2?x=%41+b&y=%00;&z[]=a%20b HTTP/1.1\r\nhost: gw:8087\r\n"
		      "AUTHORIZATION:  Bearer abc.def \r\n\r\n");
	cr_assert_has(text, "HTTP/1.1 200 OK\r\n");
	cr_assert_has(text, "method=GET\n");
	cr_assert_has(text, "target=/api/v1/sessions/10.0.0.1%2C10.0.0.2?x=%41+b&y=%00;&z[]=a%20b\n");
	cr_assert_has(text, "host=gw:8087\n");
	cr_assert_has(text, "authorization=Bearer abc.def");
	cr_assert_has(text, "forwarded=-|-|-\n");
	cr_assert_has(text, "peer=127.0.0.1\nlocal=0\nauthority=-\nbody=0:none");
	lab_close(&lab);
}

Test(http_server, answer_has_its_headers_and_defaults)
{
	serve();

	CLEANUP_FREE char *plain = lab_ask(&lab, GET("/"));
	cr_assert_has(plain, "\r\nCache-Control: no-cache, private\r\n");
	cr_assert_has(plain, "\r\nContent-Type: application/json\r\n");
	cr_assert_has(plain, "\r\nDate: ");
	cr_assert_has_not(plain, "\r\nServer:");

	CLEANUP_FREE char *own = lab_ask(&lab, GET("/status/429"));
	cr_assert_has(own, "HTTP/1.1 429 ");
	cr_assert_has(own, "\r\nX-RateLimit-Limit: 60\r\n");
	cr_assert_has(own, "\r\nCache-Control: no-store\r\n");
	cr_assert_eq(count_of(own, "Cache-Control"), 1u);
	cr_assert_has(own, "\r\n\r\n{\"message\":\"so\"}");
	lab_close(&lab);
}

Test(http_server, statuses_pass_through)
{
	static const char *const statuses[] = {"201", "202", "400", "401", "403", "404",
					       "405", "409", "422", "500", "503"};

	serve();
	for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
		char request[128];

		snprintf(request, sizeof(request), "GET /status/%s HTTP/1.1\r\nHost: a\r\n\r\n", statuses[i]);
		CLEANUP_FREE char *text = lab_ask(&lab, request);
		cr_assert_eq(strncmp(text + strlen("HTTP/1.1 "), statuses[i], 3), 0, "%s", text);
		cr_assert_has(text, "{\"message\":\"so\"}");
	}
	lab_close(&lab);
}

Test(http_server, methods_pass_through)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"};

	serve();
	for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
		char request[128];
		char expected[32];

		snprintf(request, sizeof(request), "%s / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", methods[i]);
		snprintf(expected, sizeof(expected), "method=%s\n", methods[i]);
		CLEANUP_FREE char *text = lab_ask(&lab, request);
		cr_assert_has(text, expected);
		cr_assert_has(text, "body=0:none");
	}
	lab_close(&lab);
}

Test(http_server, forwarded_headers_of_proxies_win_over_the_clients)
{
	serve();

	/* haproxy adds lines of its own after those that the client made up */
	CLEANUP_FREE char *text =
		lab_ask(&lab, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: ftp\r\n"
			      "X-Forwarded-Host: evil\r\nX-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: https\r\n"
			      "x-forwarded-host: gw\r\nX-Forwarded-For: 10.0.0.10\r\n\r\n");
	cr_assert_has(text, "forwarded=1.2.3.4, 10.0.0.9, 10.0.0.10|https|gw\n");
	lab_close(&lab);
}

Test(http_server, client_without_host_gets_the_local_authority)
{
	char expected[64];

	serve();
	snprintf(expected, sizeof(expected), "authority=127.0.0.1:%u\n", (unsigned int)http_server_port(lab.server));
	CLEANUP_FREE char *text = lab_ask(&lab, "GET /old HTTP/1.0\r\n\r\n");
	cr_assert_has(text, "host=-\n");
	cr_assert_has(text, expected);
	lab_close(&lab);
}

Test(http_server, both_families_on_the_unspecified_address)
{
	lab_open(&lab);

	struct http_server_options options = lab_options(&lab);
	options.listen_address = "::";
	lab_serve(&lab, &options);

	CLEANUP_FREE char *v4 = lab_ask(&lab, "GET / HTTP/1.0\r\n\r\n");
	cr_assert_has(v4, "peer=127.0.0.1\n");
	cr_assert_has(v4, "authority=127.0.0.1:");

	struct lab_client *client = lab_connect(&lab, "::1");
	lab_send(client, "GET / HTTP/1.0\r\n\r\n");
	cr_assert(lab_until_ended(&lab, client));
	cr_assert_has(client->in.text, "peer=::1\n");
	cr_assert_has(client->in.text, "authority=[::1]:");
	lab_close(&lab);
}

Test(http_server, keep_alive_serves_two_requests_on_one_connection)
{
	serve();

	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	lab_send(client, GET("/one"));
	cr_assert(lab_until_answers(&lab, client, 1));
	lab_send(client, GET("/two"));
	cr_assert(lab_until_answers(&lab, client, 2));
	cr_assert_has(client->in.text, "target=/one\n");
	cr_assert_has(client->in.text, "target=/two\n");
	cr_assert_not(client->has_ended);
	lab_close(&lab);
}

Test(http_server, pipelined_requests_are_answered_in_order)
{
	serve();

	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	lab_send(client, GET("/later/1") GET("/2") GET("/later/3") GET("/4"));
	cr_assert(lab_until_answers(&lab, client, 4));

	const char *at = client->in.text;
	static const char *const order[] = {"target=/later/1\n", "target=/2\n", "target=/later/3\n", "target=/4\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
		at = strstr(at, order[i]);
		cr_assert_not_null(at, "%s is not there or out of order", order[i]);
	}
	lab_close(&lab);
}

Test(http_server, head_has_the_length_of_get_and_no_body)
{
	serve();

	CLEANUP_FREE char *get = lab_ask(&lab, GET("/status/200"));
	cr_assert_has(get, "\r\nContent-Length: 16\r\n");

	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	lab_send(client, "HEAD /status/200 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	cr_assert(lab_until_ended(&lab, client));
	cr_assert_has(client->in.text, "HTTP/1.1 200 OK\r\n");
	cr_assert_has(client->in.text, "\r\nContent-Length: 16\r\n");
	cr_assert_str_eq(strstr(client->in.text, "\r\n\r\n"), "\r\n\r\n");
	lab_close(&lab);
}

Test(http_server, answer_without_a_body)
{
	serve();

	CLEANUP_FREE char *text = lab_ask(&lab, GET("/empty"));
	cr_assert_has(text, "HTTP/1.1 204 No Content\r\n");
	cr_assert_str_eq(strstr(text, "\r\n\r\n"), "\r\n\r\n");
	lab_close(&lab);
}

Test(http_server, slow_client_that_sends_a_byte_at_a_time)
{
	static const char request[] = "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

	serve();
	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	for (size_t i = 0; request[i]; i++) {
		cr_assert_eq(lab_count_answers(client), 0u);
		cr_assert_eq(send(client->fd, request + i, 1, MSG_NOSIGNAL), 1);
		lab_run_ms(&lab, 1);
	}
	cr_assert(lab_until_answers(&lab, client, 1));
	cr_assert_has(client->in.text, "body=5:hello");
	lab_close(&lab);
}

Test(http_server, big_answer_arrives_whole_at_a_slow_reader)
{
	serve();

	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	uv_poll_stop(&client->poll); /* reads nothing for a while: the server meets a full socket */
	lab_send(client, GET("/big"));
	lab_run_ms(&lab, 500); /* making the answer is work too */
	cr_assert_lt(cpu_while_running_ms(300), 100.0, "the loop spins");
	cr_assert_eq(uv_poll_start(&client->poll, UV_READABLE, client->poll.poll_cb), 0);
	cr_assert(lab_until_answers(&lab, client, 1));
	cr_assert_eq(client->in.length - (size_t)(strstr(client->in.text, "\r\n\r\n") + 4 - client->in.text),
		     (size_t)4 << 20);
	lab_close(&lab);
}

Test(http_server, idle_connections_are_closed)
{
	lab_open(&lab);

	struct http_server_options options = lab_options(&lab);
	options.idle_timeout_s = 1;
	lab_serve(&lab, &options);

	struct lab_client *silent = lab_connect(&lab, "127.0.0.1");
	struct lab_client *half = lab_connect(&lab, "127.0.0.1");
	struct lab_client *used = lab_connect(&lab, NULL);
	lab_send(half, "GET / HTT");
	lab_send(used, GET("/"));
	cr_assert(lab_until_answers(&lab, used, 1));
	const uint64_t start_ns = uv_hrtime();
	cr_assert(lab_until_ended(&lab, silent));
	cr_assert(lab_until_ended(&lab, half));
	cr_assert(lab_until_ended(&lab, used));
	cr_assert_lt(uv_hrtime() - start_ns, (uint64_t)3 * 1000 * 1000 * 1000);
	lab_close(&lab);
}

Test(http_server, connection_whose_answer_is_pending_does_not_time_out)
{
	lab_open(&lab);

	struct http_server_options options = lab_options(&lab);
	options.idle_timeout_s = 1;
	lab_serve(&lab, &options);

	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	lab_send(client, GET("/never"));
	cr_assert(lab_until_requests(&lab, 1));
	cr_assert_lt(cpu_while_running_ms(2200), 100.0, "the loop spins");
	cr_assert_not(client->has_ended);
	lab.n_pending = 0;
	lab_answer(lab.pending[0], 200, "{\"late\":true}");
	cr_assert(lab_until_answers(&lab, client, 1));
	cr_assert_has(client->in.text, "{\"late\":true}");
	lab_close(&lab);
}

Test(http_server, half_closed_client_gets_its_answers)
{
	static const char *const requests[] = {GET("/now"), GET("/later"), GET("/later/1") GET("/2")};

	serve();
	for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
		struct lab_client *client = lab_connect(&lab, i % 2 ? NULL : "127.0.0.1");

		lab_send(client, requests[i]);
		cr_assert_eq(shutdown(client->fd, SHUT_WR), 0);
		cr_assert(lab_until_answers(&lab, client, 1), "no answer to %s", requests[i]);
		cr_assert(lab_until_ended(&lab, client), "%zu", i);
	}
	lab_close(&lab);
}

Test(http_server, half_closed_client_that_waits_costs_nothing)
{
	serve();

	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	lab_send(client, GET("/never") GET("/second"));
	cr_assert_eq(shutdown(client->fd, SHUT_WR), 0);
	cr_assert(lab_until_requests(&lab, 1));
	cr_assert_lt(cpu_while_running_ms(300), 100.0, "the loop spins");
	lab_close(&lab);
}

Test(http_server, client_that_left_before_the_answer_is_harmless)
{
	serve();

	struct lab_client *gone = lab_connect(&lab, "127.0.0.1");
	struct lab_client *reset = lab_connect(&lab, NULL);
	const struct linger at_once = {.l_onoff = 1};
	cr_assert_eq(setsockopt(reset->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	lab_send(gone, GET("/never/1"));
	lab_send(reset, GET("/never/2"));
	cr_assert(lab_until_requests(&lab, 2));
	lab_disconnect(&lab, gone);
	lab_disconnect(&lab, reset);
	lab_run_ms(&lab, 20);
	lab.n_pending = 0;
	lab_answer(lab.pending[0], 200, "{}");
	lab_answer(lab.pending[1], 200, "{}");
	lab_run_ms(&lab, 20);

	CLEANUP_FREE char *text = lab_ask(&lab, GET("/after"));
	cr_assert_has(text, "target=/after\n");
	lab_close(&lab);
}

Test(http_server, client_that_leaves_in_the_middle_of_a_request_is_harmless)
{
	static const char *const beginnings[] = {
		"",
		"GET",
		"GET / HTTP/1.1\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"};

	serve();
	for (size_t i = 0; i < ARRAY_LENGTH(beginnings); i++) {
		struct lab_client *client = lab_connect(&lab, "127.0.0.1");

		lab_send(client, beginnings[i]);
		lab_run_ms(&lab, 5);
		lab_disconnect(&lab, client);
	}
	lab_run_ms(&lab, 10);
	cr_assert_eq(lab.n_requests, 0u);
	lab_close(&lab);
}

Test(http_server, answer_comes_later_from_a_timer)
{
	serve();

	CLEANUP_FREE char *text = lab_ask(&lab, GET("/later"));
	cr_assert_has(text, "target=/later\n");
	lab_close(&lab);
}

Test(http_server, an_answer_from_outside_the_loop_wakes_the_library_up)
{
	serve();

	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	lab_send(client, GET("/never"));
	cr_assert(lab_until_requests(&lab, 1));
	lab.n_pending = 0;
	lab_answer(lab.pending[0], 200, "{}");
	cr_assert(lab_until_answers(&lab, client, 1));
	lab_close(&lab);
}

Test(http_server, a_handler_may_answer_other_exchanges)
{
	serve();

	struct lab_client *first = lab_connect(&lab, "127.0.0.1");
	struct lab_client *second = lab_connect(&lab, NULL);
	lab_send(first, GET("/never/1"));
	lab_send(second, GET("/never/2"));
	cr_assert(lab_until_requests(&lab, 2));
	free(lab_ask(&lab, GET("/release")));
	cr_assert(lab_until_answers(&lab, first, 1));
	cr_assert(lab_until_answers(&lab, second, 1));
	cr_assert_has(second->in.text, "{\"released\":true}");
	lab_close(&lab);
}

Test(http_server, bodies)
{
	serve();

	CLEANUP_FREE char *whole =
		lab_ask(&lab, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n{\"a\":\"b\"}\n\n");
	cr_assert_has(whole, "body=11:{\"a\":\"b\"}\n\n");

	CLEANUP_FREE char *chunked = lab_ask(&lab, "PATCH /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
						   "3\r\nabc\r\n4\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n");
	cr_assert_has(chunked, "method=PATCH\n");
	cr_assert_has(chunked, "body=7:abcdefg");
	lab_close(&lab);
}

Test(http_server, body_with_expect_continue)
{
	serve();

	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	lab_send(client, "PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
	cr_assert(lab_until_answers(&lab, client, 1));
	cr_assert_str_eq(client->in.text, "HTTP/1.1 100 Continue\r\n\r\n");
	lab_send(client, "xyz");
	cr_assert(lab_until_answers(&lab, client, 2));
	cr_assert_has(client->in.text, "body=3:xyz");

	struct lab_client *refused = lab_connect(&lab, "127.0.0.1");
	lab_send(refused, "PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
	cr_assert(lab_until_ended(&lab, refused));
	cr_assert_eq(strncmp(refused->in.text, "HTTP/1.1 413 ", 13), 0, "%s", refused->in.text);
	lab_close(&lab);
}

Test(http_server, body_over_the_limit)
{
	char body[1002];

	serve();
	memset(body, 'x', sizeof(body));
	body[1001] = '\0';

	struct lab_client *fits = lab_connect(&lab, "127.0.0.1");
	lab_send(fits, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
	lab_send(fits, body + 1);
	cr_assert(lab_until_answers(&lab, fits, 1));
	cr_assert_has(fits->in.text, "body=1000:");
	cr_assert_eq(lab.n_requests, 1u);

	struct lab_client *declared = lab_connect(&lab, "127.0.0.1");
	lab_send(declared, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
	lab_send(declared, body);
	cr_assert(lab_until_ended(&lab, declared));
	cr_assert_has(declared->in.text, "HTTP/1.1 413 ");
	cr_assert_has(declared->in.text, "\r\nContent-Type: application/json\r\n");
	cr_assert_has(declared->in.text, "\r\n\r\n{\"message\":\"Payload Too Large\"}");

	struct lab_client *chunked = lab_connect(&lab, "127.0.0.1");
	lab_send(chunked, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
	lab_send(chunked, body);
	lab_send(chunked, "\r\n0\r\n\r\n");
	cr_assert(lab_until_ended(&lab, chunked));
	cr_assert_has(chunked->in.text, "HTTP/1.1 413 ");
	cr_assert_has(chunked->in.text, "{\"message\":\"Payload Too Large\"}");
	cr_assert_eq(lab.n_requests, 1u, "no handler sees a refused body");
	lab_close(&lab);
}

Test(http_server, body_without_end_is_cut_off)
{
	char chunk[1100];

	serve();
	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	lab_send(client, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	int length = snprintf(chunk, sizeof(chunk), "400\r\n%01024d\r\n", 0);
	for (int i = 0; i < 200 && !client->has_ended; i++) {
		(void)!send(client->fd, chunk, (size_t)length, MSG_NOSIGNAL);
		lab_run_ms(&lab, 1);
	}
	cr_assert(client->has_ended);
	cr_assert_eq(lab.n_requests, 0u);
	lab_close(&lab);
}

Test(http_server, unix_socket_is_served_and_marked)
{
	serve();

	struct lab_client *client = lab_connect(&lab, NULL);
	lab_send(client, "GET /healthz HTTP/1.0\r\n\r\n");
	cr_assert(lab_until_ended(&lab, client));
	cr_assert_has(client->in.text, "target=/healthz\n");
	cr_assert_has(client->in.text, "peer=::\nlocal=1\nauthority=-\n");
	lab_close(&lab);
}
