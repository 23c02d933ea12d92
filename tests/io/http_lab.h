/* SPDX-License-Identifier: MIT */
/*
 * An HTTP server on its own loop, with clients that speak by hand, all in one thread: the loop blocks in its
 * wait as it does in the agent, so a wake-up that nobody ordered shows as a test that runs into its deadline.
 */
#ifndef TESTS_IO_HTTP_LAB_H
#define TESTS_IO_HTTP_LAB_H

#include <stdbool.h>
#include <uv.h>

#include "base/strbuf.h"
#include "io/http_server.h"

#define LAB_CLIENTS_MAX 300
#define LAB_PENDING_MAX 300

struct lab_client {
	uv_poll_t poll;
	int fd;
	struct strbuf in;
	bool has_ended; /* the server closed the connection, or it broke */
	bool is_open;
};

struct http_lab {
	uv_loop_t loop;
	uv_timer_t deadline;
	bool is_late;
	struct http_server *server; /* NULL once closed */
	bool is_closed;
	char directory[64];
	char socket_path[96];
	struct lab_client *clients; /* LAB_CLIENTS_MAX of them */
	size_t n_clients;
	struct http_exchange *pending[LAB_PENDING_MAX]; /* of targets that begin with /never; /release answers them */
	size_t n_pending;
	size_t n_requests;
	http_handler stream; /* the test's own, for targets that begin with /stream; its context is the lab */
};

/* The options that most tests want; TCP on any port of 127.0.0.1 and a Unix socket. */
struct http_server_options lab_options(const struct http_lab *lab);

void lab_open(struct http_lab *lab); /* the loop and the directory */
void lab_serve(struct http_lab *lab, const struct http_server_options *options);
void lab_close(struct http_lab *lab); /* closes what is open; asserts that nothing is left on the loop */
void lab_close_server(struct http_lab *lab);

/* Connects; NULL address for the Unix socket. */
struct lab_client *lab_connect(struct http_lab *lab, const char *address);
void lab_send(struct lab_client *client, const char *text);
void lab_disconnect(struct http_lab *lab, struct lab_client *client);

/* Run the loop until it is so; false when it takes too long. */
bool lab_until_ended(struct http_lab *lab, const struct lab_client *client);
bool lab_until_answers(struct http_lab *lab, const struct lab_client *client, size_t n); /* whole ones */
bool lab_until_requests(struct http_lab *lab, size_t n);
bool lab_until_text(struct http_lab *lab, const struct lab_client *client, const char *text); /* has come */
bool lab_until(struct http_lab *lab, const bool *condition);
void lab_run_ms(struct http_lab *lab, uint64_t duration_ms);

size_t lab_count_answers(const struct lab_client *client);
/* A client that sends text, gets one answer and leaves; the answer is the caller's to free. */
char *lab_ask(struct http_lab *lab, const char *text);

/* An answer of the handler's kind, for pending exchanges. */
void lab_answer(struct http_exchange *exchange, int status, const char *body);

/* What is written to standard error between the two; the text is the caller's to free. */
int lab_capture_begin(void);
char *lab_capture_end(int capture);

#endif
