/* SPDX-License-Identifier: MIT */
#include "io/http_lab.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define DEADLINE_MS 20000 /* only reached by what hangs */

/* ---- the handler: what it does is said by the target ---- */

struct delayed {
	uv_timer_t timer;
	struct http_exchange *exchange;
	struct http_response response;
};

static char *describe(const struct http_request *request)
{
	struct strbuf text = STRBUF_INIT;
	char peer[IP_TEXT_SIZE];

	strbuf_append_format(&text, "method=%s\ntarget=%s\nhost=%s\nauthorization=%s\n", request->method,
			     request->target, request->host ? request->host : "-",
			     request->authorization ? request->authorization : "-");
	strbuf_append_format(&text, "forwarded=%s|%s|%s\n", request->forwarded_for ? request->forwarded_for : "-",
			     request->forwarded_proto ? request->forwarded_proto : "-",
			     request->forwarded_host ? request->forwarded_host : "-");
	strbuf_append_format(&text, "peer=%s\nlocal=%d\nauthority=%s\nbody=%zu:", ip_format(&request->peer, peer),
			     request->is_local_socket, request->local_authority ? request->local_authority : "-",
			     request->body_length);
	if (request->body)
		strbuf_append_bytes(&text, request->body, request->body_length);
	else
		strbuf_append(&text, "none");
	return strbuf_steal(&text);
}

static struct http_response respond(int status, char *body)
{
	return (struct http_response){
		.status = status,
		.body = body,
		.body_length = body ? strlen(body) : 0,
		.content_type = "application/json",
	};
}

void lab_answer(struct http_exchange *exchange, int status, const char *body)
{
	struct http_response response = respond(status, strdup(body));

	http_exchange_answer(exchange, &response);
	cr_assert_null(response.body, "the answer is consumed");
}

static void free_delayed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_delay(uv_timer_t *timer)
{
	struct delayed *delayed = timer->data;

	http_exchange_answer(delayed->exchange, &delayed->response);
	uv_close((uv_handle_t *)timer, free_delayed);
}

static void delay(struct http_lab *lab, struct http_exchange *exchange, struct http_response response)
{
	struct delayed *delayed = malloc(sizeof(*delayed));

	cr_assert_not_null(delayed);
	delayed->exchange = exchange;
	delayed->response = response;
	uv_timer_init(&lab->loop, &delayed->timer);
	delayed->timer.data = delayed;
	uv_timer_start(&delayed->timer, on_delay, 20, 0);
}

static char *big_body(void)
{
	const size_t length = (size_t)4 << 20;
	char *text = malloc(length + 1);

	cr_assert_not_null(text);
	memset(text, 'x', length);
	text[length] = '\0';
	return text;
}

static void on_closed(void *context)
{
	struct http_lab *lab = context;

	lab->is_closed = true;
}

void lab_close_server(struct http_lab *lab)
{
	http_server_close(lab->server, on_closed, lab);
	lab->server = NULL;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void handle(void *context, struct http_exchange *exchange, const struct http_request *request)
{
	struct http_lab *lab = context;
	struct http_response response = {0};

	lab->n_requests++;
	if (begins(request->target, "/stream")) {
		lab->stream(lab, exchange, request);
		return;
	}
	if (begins(request->target, "/close"))
		lab_close_server(lab);
	if (begins(request->target, "/release"))
		while (lab->n_pending > 0)
			lab_answer(lab->pending[--lab->n_pending], 200, "{\"released\":true}");
	if (begins(request->target, "/never") || begins(request->target, "/close")) {
		cr_assert_lt(lab->n_pending, (size_t)LAB_PENDING_MAX);
		lab->pending[lab->n_pending++] = exchange;
		return;
	}
	if (begins(request->target, "/status/")) {
		response = respond((int)strtol(request->target + strlen("/status/"), NULL, 10),
				   strdup("{\"message\":\"so\"}"));
		http_response_header(&response, "X-RateLimit-Limit", "%d", 60);
		http_response_header(&response, "Cache-Control", "%s", "no-store");
	} else if (begins(request->target, "/empty")) {
		response = respond(204, NULL);
	} else if (begins(request->target, "/big")) {
		response = respond(200, big_body());
	} else {
		response = respond(200, describe(request));
	}
	if (begins(request->target, "/later"))
		delay(lab, exchange, response);
	else
		http_exchange_answer(exchange, &response);
}

/* ---- the loop ---- */

static void on_deadline(uv_timer_t *timer)
{
	struct http_lab *lab = timer->data;

	lab->is_late = true;
	/* timers run before the poll: without this a deadline that has passed by then waits for the next event */
	uv_stop(timer->loop);
}

static void set_deadline(struct http_lab *lab, uint64_t after_ms)
{
	lab->is_late = false;
	uv_update_time(&lab->loop);
	uv_timer_start(&lab->deadline, on_deadline, after_ms, 0);
}

void lab_open(struct http_lab *lab)
{
	*lab = (struct http_lab){.directory = "/tmp/octetd-http-XXXXXX"};
	cr_assert_not_null(mkdtemp(lab->directory));
	snprintf(lab->socket_path, sizeof(lab->socket_path), "%s/agent.sock", lab->directory);
	lab->clients = calloc(LAB_CLIENTS_MAX, sizeof(*lab->clients));
	cr_assert_not_null(lab->clients);
	cr_assert_eq(uv_loop_init(&lab->loop), 0);
	uv_timer_init(&lab->loop, &lab->deadline);
	lab->deadline.data = lab;
}

struct http_server_options lab_options(const struct http_lab *lab)
{
	return (struct http_server_options){
		.listen_address = "127.0.0.1",
		.socket_path = lab->socket_path,
		.max_connections = 256,
		.idle_timeout_s = 30,
		.max_body_bytes = 1000,
	};
}

void lab_serve(struct http_lab *lab, const struct http_server_options *options)
{
	cr_assert_eq(http_server_new(&lab->loop, options, handle, lab, &lab->server), 0);
}

void lab_run_ms(struct http_lab *lab, uint64_t duration_ms)
{
	set_deadline(lab, duration_ms);
	while (!lab->is_late)
		uv_run(&lab->loop, UV_RUN_ONCE);
}

void lab_close(struct http_lab *lab)
{
	for (size_t i = 0; i < lab->n_clients; i++)
		if (lab->clients[i].is_open)
			lab_disconnect(lab, &lab->clients[i]);
	if (lab->server)
		lab_close_server(lab);
	for (size_t i = 0; i < lab->n_pending; i++)
		lab_answer(lab->pending[i], 500, "{}");
	uv_close((uv_handle_t *)&lab->deadline, NULL);
	uv_run(&lab->loop, UV_RUN_DEFAULT);
	cr_assert(lab->is_closed);
	cr_assert_eq(uv_loop_close(&lab->loop), 0);
	for (size_t i = 0; i < lab->n_clients; i++)
		strbuf_clean(&lab->clients[i].in);
	free(lab->clients);
	cr_assert_eq(access(lab->socket_path, F_OK), -1, "the socket file stayed");
	cr_assert_eq(rmdir(lab->directory), 0);
}

/* ---- clients ---- */

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct lab_client *client = poll->data;
	char piece[65536];
	ssize_t n;

	(void)events;
	while ((n = recv(client->fd, piece, sizeof(piece), MSG_DONTWAIT)) > 0)
		strbuf_append_bytes(&client->in, piece, (size_t)n);
	if (n < 0 && errno == EAGAIN && status == 0)
		return;
	client->has_ended = true;
	uv_poll_stop(poll);
}

static int connect_tcp(const char *address, uint16_t port)
{
	struct sockaddr_storage to = {0};
	socklen_t length = sizeof(struct sockaddr_in);

	if (uv_ip4_addr(address, port, (struct sockaddr_in *)&to) != 0) {
		length = sizeof(struct sockaddr_in6);
		cr_assert_eq(uv_ip6_addr(address, port, (struct sockaddr_in6 *)&to), 0);
	}

	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_geq(fd, 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&to, length), 0, "%s: %s", address, strerror(errno));
	return fd;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0, "%s: %s", path, strerror(errno));
	return fd;
}

struct lab_client *lab_connect(struct http_lab *lab, const char *address)
{
	struct lab_client *client = &lab->clients[lab->n_clients++];

	cr_assert_leq(lab->n_clients, (size_t)LAB_CLIENTS_MAX);
	client->fd = address ? connect_tcp(address, http_server_port(lab->server)) : connect_unix(lab->socket_path);
	client->is_open = true;
	cr_assert_eq(uv_poll_init(&lab->loop, &client->poll, client->fd), 0);
	client->poll.data = client;
	cr_assert_eq(uv_poll_start(&client->poll, UV_READABLE, on_readable), 0);
	return client;
}

void lab_send(struct lab_client *client, const char *text)
{
	cr_assert_eq(send(client->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

void lab_disconnect(struct http_lab *lab, struct lab_client *client)
{
	(void)lab;
	client->is_open = false;
	uv_close((uv_handle_t *)&client->poll, NULL);
	close(client->fd);
}

/* The whole answers in what has come: with Content-Length, or ended by their status or by the connection. */
size_t lab_count_answers(const struct lab_client *client)
{
	const char *at = client->in.text;
	size_t n = 0;

	while (at) {
		const char *end = strstr(at, "\r\n\r\n");
		const char *length = strcasestr(at, "\r\nContent-Length: ");

		if (!end)
			return n;
		at = end + 4;
		if (length && length < end)
			at += strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
		if (at > client->in.text + client->in.length)
			return n;
		n++;
	}
	return n;
}

bool lab_until_answers(struct http_lab *lab, const struct lab_client *client, size_t n)
{
	set_deadline(lab, DEADLINE_MS);
	while (!lab->is_late && lab_count_answers(client) < n && !client->has_ended)
		uv_run(&lab->loop, UV_RUN_ONCE);
	return lab_count_answers(client) >= n;
}

bool lab_until_ended(struct http_lab *lab, const struct lab_client *client)
{
	set_deadline(lab, DEADLINE_MS);
	while (!lab->is_late && !client->has_ended)
		uv_run(&lab->loop, UV_RUN_ONCE);
	return client->has_ended;
}

bool lab_until_requests(struct http_lab *lab, size_t n)
{
	set_deadline(lab, DEADLINE_MS);
	while (!lab->is_late && lab->n_requests < n)
		uv_run(&lab->loop, UV_RUN_ONCE);
	return lab->n_requests >= n;
}

bool lab_until_text(struct http_lab *lab, const struct lab_client *client, const char *text)
{
	set_deadline(lab, DEADLINE_MS);
	while (!lab->is_late && !client->has_ended && !(client->in.text && strstr(client->in.text, text)))
		uv_run(&lab->loop, UV_RUN_ONCE);
	return client->in.text && strstr(client->in.text, text);
}

bool lab_until(struct http_lab *lab, const bool *condition)
{
	set_deadline(lab, DEADLINE_MS);
	while (!lab->is_late && !*condition)
		uv_run(&lab->loop, UV_RUN_ONCE);
	return *condition;
}

char *lab_ask(struct http_lab *lab, const char *text)
{
	struct lab_client *client = lab_connect(lab, "127.0.0.1");

	lab_send(client, text);
	cr_assert(lab_until_answers(lab, client, 1), "no answer to: %s", text);
	lab_disconnect(lab, client);
	return strbuf_steal(&client->in);
}

/* ---- standard error ---- */

static int saved_stderr = -1;

int lab_capture_begin(void)
{
	int capture = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);

	cr_assert_geq(capture, 0);
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	cr_assert_geq(saved_stderr, 0);
	cr_assert_geq(dup2(capture, STDERR_FILENO), 0);
	return capture;
}

char *lab_capture_end(int capture)
{
	struct strbuf text = STRBUF_INIT;
	char piece[1024];
	ssize_t n;

	fflush(stderr);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	lseek(capture, 0, SEEK_SET);
	while ((n = read(capture, piece, sizeof(piece))) > 0)
		strbuf_append_bytes(&text, piece, (size_t)n);
	close(capture);
	return strbuf_steal(&text);
}
