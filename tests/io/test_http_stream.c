/* SPDX-License-Identifier: MIT */
/* Answers without an end: who gets what and when, who is cut off, and what is left when either side goes. */
#include "io/http_stream.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "io/http_lab.h"
#include "io/local_stream.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: gw:8087\r\n\r\n"
#define cr_assert_has(text, part) cr_assert(strstr((text), (part)), "no \"%s\" in:\n%s", (part), (text))
#define LAST_CHUNK "\r\n0\r\n\r\n"

/* What one stream has to say: text, and with has_no_end the letter x for ever. */
struct source {
	struct http_stream *stream;
	struct strbuf text;
	size_t n_read;
	bool has_no_end;
	bool is_gone;
};

static struct http_lab lab;
static struct source sources[LAB_CLIENTS_MAX];
static size_t n_sources;

static size_t read_source(void *context, char *buffer, size_t max)
{
	struct source *source = context;
	size_t n = source->text.length - source->n_read;

	cr_assert_not(source->is_gone);
	if (source->has_no_end) {
		memset(buffer, 'x', max);
		return max;
	}
	n = n < max ? n : max;
	if (n > 0)
		memcpy(buffer, source->text.text + source->n_read, n);
	source->n_read += n;
	return n;
}

static void on_gone(void *context)
{
	struct source *source = context;

	cr_assert_not(source->is_gone, "gone twice");
	source->is_gone = true;
	source->stream = NULL;
	strbuf_clean(&source->text);
}

static const struct http_stream_ops ops = {.read = read_source, .gone = on_gone};

static struct source *begin(struct http_exchange *exchange)
{
	struct source *source = &sources[n_sources];
	struct http_response head = {.status = 200, .content_type = "text/event-stream"};

	cr_assert_lt(n_sources, ARRAY_LENGTH(sources));
	if (http_exchange_stream(exchange, &head, &ops, source, &source->stream) != 0)
		return NULL;
	n_sources++;
	return source;
}

static void say(struct source *source, const char *text)
{
	strbuf_append(&source->text, text);
	http_stream_wake(source->stream);
}

static bool has(const char *target, const char *word)
{
	return strstr(target, word) != NULL;
}

/* The target's words say what the stream does. */
static void handle(void *context, struct http_exchange *exchange, const struct http_request *request)
{
	struct source *source;

	if (has(request->target, "pending")) {
		lab.pending[lab.n_pending++] = exchange;
		return;
	}
	if (has(request->target, "close"))
		lab_close_server(context);
	source = begin(exchange);
	if (!source) {
		lab_answer(exchange, 500, "{}");
		return;
	}
	source->has_no_end = has(request->target, "endless");
	if (has(request->target, "hello"))
		say(source, "hello");
	if (has(request->target, "drop"))
		http_stream_drop(source->stream);
	if (has(request->target, "end") || strcmp(request->method, "HEAD") == 0)
		http_stream_end(source->stream);
}

static void serve(uint32_t idle_timeout_s)
{
	lab_open(&lab);
	lab.stream = handle;
	struct http_server_options options = lab_options(&lab);
	options.idle_timeout_s = idle_timeout_s;
	lab_serve(&lab, &options);
}

/* A client whose stream is source number n_sources - 1. */
static struct lab_client *follow(const char *address, const char *request)
{
	struct lab_client *client = lab_connect(&lab, address);
	const size_t n = lab.n_requests;

	lab_send(client, request);
	cr_assert(lab_until_requests(&lab, n + 1));
	return client;
}

static void stop_reading(struct lab_client *client)
{
	uv_poll_stop(&client->poll);
}

static double cpu_while_running_ms(uint64_t duration_ms)
{
	const clock_t start = clock();

	lab_run_ms(&lab, duration_ms);
	return (double)(clock() - start) * 1000 / CLOCKS_PER_SEC;
}

Test(http_stream, head_comes_at_once_and_each_piece_when_it_is_said)
{
	static const char *const addresses[] = {"127.0.0.1", NULL};

	serve(30);
	for (size_t i = 0; i < ARRAY_LENGTH(addresses); i++) {
		struct lab_client *client = follow(addresses[i], GET("/stream"));

		cr_assert(lab_until_text(&lab, client, "\r\n\r\n"), "the head waits for the first octets");
		cr_assert(strncmp(client->in.text, "HTTP/1.1 200 OK\r\n", 17) == 0, "%s", client->in.text);
		cr_assert_has(client->in.text, "Content-Type: text/event-stream\r\n");
		cr_assert_has(client->in.text, "Transfer-Encoding: chunked\r\n");
		say(&sources[i], "one\n");
		cr_assert(lab_until_text(&lab, client, "4\r\none\n\r\n"));
		say(&sources[i], "two\n");
		say(&sources[i], "more\n");
		cr_assert(lab_until_text(&lab, client, "9\r\ntwo\nmore\n\r\n"));
		cr_assert_lt(cpu_while_running_ms(200), 50.0, "the loop spins");
	}
	lab_close(&lab);
}

Test(http_stream, http_1_0_gets_it_without_chunks_until_the_end)
{
	serve(30);

	struct lab_client *client = follow("127.0.0.1", "GET /stream HTTP/1.0\r\n\r\n");
	say(&sources[0], "one\n");
	cr_assert(lab_until_text(&lab, client, "\r\n\r\none\n"));
	say(&sources[0], "two\n");
	http_stream_end(sources[0].stream);
	cr_assert(lab_until_ended(&lab, client));
	cr_assert_has(client->in.text, "\r\n\r\none\ntwo\n");
	cr_assert_null(strcasestr(client->in.text, "chunked"));
	lab_close(&lab);
}

Test(http_stream, what_was_said_before_the_end_comes_and_the_connection_lives_on)
{
	serve(30);

	struct lab_client *client = follow("127.0.0.1", GET("/stream/hello/end"));
	cr_assert(lab_until_text(&lab, client, "5\r\nhello" LAST_CHUNK));
	cr_assert(lab_until(&lab, &sources[0].is_gone));
	lab_send(client, GET("/stream"));
	cr_assert(lab_until_requests(&lab, 2));
	say(&sources[1], "again");
	cr_assert(lab_until_text(&lab, client, "5\r\nagain\r\n"));
	http_stream_end(sources[1].stream);
	cr_assert(lab_until(&lab, &sources[1].is_gone));
	lab_close(&lab);
}

Test(http_stream, head_request_gets_the_head_alone)
{
	serve(30);

	struct lab_client *client = follow("127.0.0.1", "HEAD /stream/hello HTTP/1.1\r\nHost: gw\r\n\r\n");
	cr_assert(lab_until_text(&lab, client, "\r\n\r\n"));
	cr_assert(lab_until(&lab, &sources[0].is_gone));
	cr_assert_has(client->in.text, "Content-Type: text/event-stream\r\n");
	lab_send(client, GET("/status/200"));
	cr_assert(lab_until_text(&lab, client, "{\"message\":\"so\"}"));
	cr_assert_null(strstr(client->in.text, "hello"));
	lab_close(&lab);
}

Test(http_stream, an_exchange_that_waited_may_become_a_stream)
{
	serve(30);

	struct lab_client *client = follow("127.0.0.1", GET("/stream/pending"));
	lab_run_ms(&lab, 20);
	lab.n_pending = 0;
	say(begin(lab.pending[0]), "late");
	cr_assert(lab_until_text(&lab, client, "4\r\nlate\r\n"));
	lab_close(&lab);
}

Test(http_stream, many_get_every_piece_in_order)
{
	enum { N = 64, N_PIECES = 20 };
	char piece[16];

	serve(30);
	for (size_t i = 0; i < N; i++)
		follow(i % 2 ? NULL : "127.0.0.1", "GET /stream HTTP/1.0\r\n\r\n");
	for (int k = 0; k < N_PIECES; k++) {
		snprintf(piece, sizeof(piece), "<%d>", k);
		for (size_t i = 0; i < N; i++)
			say(&sources[i], piece);
		if (k % 3 == 0)
			lab_run_ms(&lab, 1);
	}
	for (size_t i = 0; i < N; i++)
		http_stream_end(sources[i].stream);
	for (size_t i = 0; i < N; i++) {
		cr_assert(lab_until_ended(&lab, &lab.clients[i]), "client %zu", i);
		cr_assert_has(lab.clients[i].in.text, "\r\n\r\n<0><1><2><3><4><5><6><7><8><9><10><11><12><13><14>"
						      "<15><16><17><18><19>");
	}
	lab_close(&lab);
}

Test(http_stream, one_that_does_not_read_neither_disturbs_nor_costs_and_can_be_dropped)
{
	serve(30);

	struct lab_client *stuck = lab_connect(&lab, "127.0.0.1");
	stop_reading(stuck);
	lab_send(stuck, GET("/stream/endless"));
	cr_assert(lab_until_requests(&lab, 1));
	sources[0].has_no_end = true;

	struct lab_client *prompt = follow("127.0.0.1", GET("/stream"));
	lab_run_ms(&lab, 200); /* until the sockets' buffers are full */
	cr_assert_lt(cpu_while_running_ms(200), 50.0, "the loop spins");
	say(&sources[1], "on time");
	cr_assert(lab_until_text(&lab, prompt, "on time"));
	cr_assert_not(sources[0].is_gone);

	http_stream_drop(sources[0].stream);
	cr_assert(lab_until(&lab, &sources[0].is_gone), "it is not cut off");
	say(&sources[1], "still");
	cr_assert(lab_until_text(&lab, prompt, "still"));
	cr_assert_lt(cpu_while_running_ms(100), 50.0, "the loop spins");
	lab_close(&lab);
}

Test(http_stream, one_that_waits_can_be_dropped_too)
{
	serve(30);

	struct lab_client *waiting = follow("127.0.0.1", GET("/stream"));
	lab_run_ms(&lab, 20);
	http_stream_drop(sources[0].stream);
	cr_assert(lab_until(&lab, &sources[0].is_gone));
	cr_assert(lab_until_ended(&lab, waiting));
	cr_assert_null(strstr(waiting->in.text, LAST_CHUNK), "it does not look like an end");

	struct lab_client *new = follow(NULL, GET("/stream/drop"));
	cr_assert(lab_until_ended(&lab, new));
	cr_assert(lab_until(&lab, &sources[1].is_gone));
	lab_close(&lab);
}

Test(http_stream, a_client_that_goes_is_noticed_though_nothing_is_sent)
{
	static const char *const addresses[] = {"127.0.0.1", NULL};

	serve(30);
	for (size_t i = 0; i < 2 * ARRAY_LENGTH(addresses); i++) {
		struct lab_client *client = follow(addresses[i / 2], GET("/stream/hello"));

		cr_assert(lab_until_text(&lab, client, "hello"));
		if (i % 2)
			shutdown(client->fd, SHUT_WR);
		else
			lab_disconnect(&lab, client);
		cr_assert(lab_until(&lab, &sources[i].is_gone), "%zu", i);
	}
	cr_assert_lt(cpu_while_running_ms(100), 50.0, "the loop spins");
	lab_close(&lab);
}

Test(http_stream, a_client_that_goes_in_the_middle_of_much_is_noticed)
{
	serve(30);

	struct lab_client *client = lab_connect(&lab, "127.0.0.1");
	stop_reading(client);
	lab_send(client, GET("/stream/endless"));
	cr_assert(lab_until_requests(&lab, 1));
	lab_run_ms(&lab, 50);
	lab_disconnect(&lab, client); /* with octets unread: a reset */
	cr_assert(lab_until(&lab, &sources[0].is_gone));
	lab_close(&lab);
}

Test(http_stream, the_idle_timeout_spares_who_waits_and_cuts_who_takes_nothing)
{
	serve(1);

	struct lab_client *waiting = follow("127.0.0.1", GET("/stream"));
	struct lab_client *stuck = lab_connect(&lab, "127.0.0.1");
	stop_reading(stuck);
	lab_send(stuck, GET("/stream/endless"));
	cr_assert(lab_until_requests(&lab, 2));
	cr_assert(lab_until(&lab, &sources[1].is_gone), "who takes nothing holds its connection");
	lab_run_ms(&lab, 1200);
	cr_assert_not(sources[0].is_gone);
	say(&sources[0], "awake");
	cr_assert(lab_until_text(&lab, waiting, "awake"));
	lab_close(&lab);
}

Test(http_stream, closing_the_server_ends_streams_with_their_last_words)
{
	enum { N = 10 };

	serve(30);
	for (size_t i = 0; i < N; i++)
		follow(i % 2 ? NULL : "127.0.0.1", GET("/stream"));

	struct lab_client *stuck = lab_connect(&lab, "127.0.0.1");
	stop_reading(stuck);
	lab_send(stuck, GET("/stream/endless"));
	cr_assert(lab_until_requests(&lab, N + 1));
	lab_run_ms(&lab, 50);
	for (size_t i = 0; i < N; i++)
		say(&sources[i], "bye");
	lab_close_server(&lab);
	for (size_t i = 0; i <= N; i++)
		cr_assert(sources[i].is_gone, "%zu", i);
	for (size_t i = 0; i < N; i++) {
		cr_assert(lab_until_ended(&lab, &lab.clients[i]));
		cr_assert_has(lab.clients[i].in.text, "3\r\nbye" LAST_CHUNK);
	}
	lab_close(&lab);
}

Test(http_stream, none_begins_when_the_server_has_closed)
{
	serve(30);

	struct lab_client *client = follow("127.0.0.1", GET("/stream/close"));
	cr_assert(lab_until_ended(&lab, client));
	cr_assert_eq(n_sources, 0u);
	lab_close(&lab);

	n_sources = 0;
	lab.is_closed = false;
	serve(30);
	follow("127.0.0.1", GET("/stream/pending"));
	lab_close_server(&lab);
	cr_assert_null(begin(lab.pending[0]));
	lab_close(&lab); /* answers it */
}

/* Reads from the client of `octetd events` until its end or until text has come; what ended it. */
static ssize_t read_local(struct local_stream *stream, struct strbuf *body, const char *text_wanted)
{
	char piece[7];
	ssize_t n = -EAGAIN;

	for (int i = 0; i < 2000 && (n > 0 || n == -EAGAIN); i++) {
		if (body->text && strstr(body->text, text_wanted))
			break;
		lab_run_ms(&lab, 1);
		n = local_stream_read(stream, piece, sizeof(piece));
		if (n > 0)
			strbuf_append_bytes(body, piece, (size_t)n);
	}
	return n;
}

Test(http_stream, the_client_of_the_command_reads_it_and_tells_an_end_from_a_cut)
{
	CLEANUP(strbuf_clean) struct strbuf body = STRBUF_INIT;
	struct local_stream *ended, *cut, *refused;

	serve(30);
	cr_assert_eq(local_stream_open(lab.socket_path, "/stream", "a-1", &ended), 0);
	cr_assert_eq(local_stream_status(ended), 0);
	cr_assert(lab_until_requests(&lab, 1));
	say(&sources[0], "longer than a piece");
	read_local(ended, &body, "piece");
	cr_assert_str_eq(body.text, "longer than a piece");
	cr_assert_eq(local_stream_status(ended), 200);
	http_stream_end(sources[0].stream);
	cr_assert_eq(read_local(ended, &body, "?"), 0);
	local_stream_close(&ended);

	cr_assert_eq(local_stream_open(lab.socket_path, "/stream/hello", "", &cut), 0);
	cr_assert(lab_until_requests(&lab, 2));
	read_local(cut, &body, "hello");
	http_stream_drop(sources[1].stream);
	cr_assert_eq(read_local(cut, &body, "?"), -ECONNRESET);
	local_stream_close(&cut);

	cr_assert_eq(local_stream_open(lab.socket_path, "/status/503", "", &refused), 0);
	read_local(refused, &body, "so");
	cr_assert_eq(local_stream_status(refused), 503);
	local_stream_close(&refused);
	lab_close(&lab);
	cr_assert_eq(local_stream_open(lab.socket_path, "/stream", "", &refused), -ENOENT);
}
