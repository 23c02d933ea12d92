/* SPDX-License-Identifier: MIT */
#include "io/http_exchange.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "io/http_stream_private.h"
#include "io/mhd_message.h"

/* A body of unknown length that proves too long is read this much further, so that its sender gets to read
 * the answer; then the connection ends without one. */
#define DRAIN_BYTES 65536
/* 100 IPv6 addresses, percent-encoded, are 10 kB; RFC 9110, 4.1 asks for 8,000 octets at least. */
#define TARGET_MAX_BYTES 16384
#define HEADERS_MAX_BYTES 16384 /* in sum; a field with its ": " and its line end */

enum exchange_phase {
	EXCHANGE_HEADERS,   /* the target is known, headers may still come */
	EXCHANGE_BODY,      /* receiving the body */
	EXCHANGE_HANDLING,  /* inside the handler's call */
	EXCHANGE_SUSPENDED, /* waiting, in all->suspended */
	EXCHANGE_ANSWERED,  /* response is to be sent, or was */
};

struct http_exchange {
	struct http_exchanges *all;
	struct MHD_Connection *connection; /* NULL once the library is done with the request */
	enum exchange_phase phase;
	bool is_owed; /* the handler has not answered yet */
	struct strbuf body;
	size_t n_received_bytes;
	struct http_response response;
	struct http_stream *stream; /* what follows the response's head; NULL for an answer that is whole */
	struct http_exchange *prev; /* in all->suspended */
	struct http_exchange *next;
	char target[];
};

static void exchange_free(struct http_exchange *exchange)
{
	strbuf_clean(&exchange->body);
	http_response_clean(&exchange->response);
	free(exchange);
}

void *http_exchange_on_target(void *context, const char *target, struct MHD_Connection *connection)
{
	const size_t size = (target ? strlen(target) : 0) + 1;
	struct http_exchange *exchange = calloc(1, sizeof(*exchange) + size);

	if (!exchange)
		return NULL; /* http_exchange_on_request ends the connection */
	exchange->all = context;
	exchange->connection = connection;
	if (target)
		memcpy(exchange->target, target, size);
	return exchange;
}

/*
 * A client that has ended its side may have said so in the same event that brought its request, and the
 * library (0.9.75), for whom a short read means that there is no more, would only learn of it by the idle
 * timeout. A shutdown of the side that has ended anyway makes a new event.
 */
static void notice_half_closed(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char byte;

	if (info && recv(info->connect_fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) == 0)
		(void)shutdown(info->connect_fd, SHUT_RD);
}

void http_exchange_on_completed(void *context, struct MHD_Connection *connection, void **request_context,
				enum MHD_RequestTerminationCode code)
{
	struct http_exchange *exchange = *request_context;

	(void)context;
	*request_context = NULL;
	if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		notice_half_closed(connection);
	if (!exchange)
		return;
	exchange->connection = NULL;
	if (exchange->stream)
		http_stream_completed(TAKE_PTR(exchange->stream));
	if (!exchange->is_owed)
		exchange_free(exchange);
}

enum refusal { REFUSAL_NONE, REFUSAL_REQUEST, REFUSAL_BODY, REFUSAL_TARGET, REFUSAL_HEADERS, N_REFUSALS };

static const struct {
	int status;
	const char *body;
} refusals[] = {
	[REFUSAL_REQUEST] = {400, "{\"message\":\"Bad Request\"}"},
	[REFUSAL_BODY] = {413, "{\"message\":\"Payload Too Large\"}"}, /* RFC 9110, 15.5.14 */
	[REFUSAL_TARGET] = {414, "{\"message\":\"URI Too Long\"}"},
	[REFUSAL_HEADERS] = {431, "{\"message\":\"Request Header Fields Too Large\"}"}, /* RFC 6585, 5 */
};
_Static_assert(ARRAY_LENGTH(refusals) == N_REFUSALS, "an answer for each refusal");

/* Answers before the handler sees anything, and ends the connection. */
static enum MHD_Result refuse(struct http_exchange *exchange, enum refusal refusal)
{
	struct http_response response = {
		.status = refusals[refusal].status,
		.body = strdup(refusals[refusal].body),
		.content_type = "application/json",
	};

	exchange->phase = EXCHANGE_ANSWERED;
	if (response.body)
		response.body_length = strlen(response.body);
	http_response_header(&response, MHD_HTTP_HEADER_CONNECTION, "close");
	return mhd_response_send(exchange->connection, &response);
}

struct header_sums {
	size_t n_bytes;
	unsigned int n_hosts;
};

static enum MHD_Result add_to_sums(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct header_sums *sums = context;

	(void)kind;
	sums->n_bytes += (name ? strlen(name) : 0) + (value ? strlen(value) : 0) + strlen(": \r\n");
	if (name && strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0)
		sums->n_hosts++;
	return MHD_YES;
}

/* RFC 9112, 3.2: one Host, which only HTTP/1.0 may leave out. The library's strictness would miss the second. */
static bool is_host_wrong(const struct header_sums *sums, const char *version)
{
	return sums->n_hosts > 1 || (!sums->n_hosts && strcmp(version, MHD_HTTP_VERSION_1_0) != 0);
}

static enum refusal judge_headers(const struct http_exchange *exchange, const char *version)
{
	const char *length =
		MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	struct header_sums sums = {0};

	MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, add_to_sums, &sums);
	if (strlen(exchange->target) > TARGET_MAX_BYTES)
		return REFUSAL_TARGET;
	if (sums.n_bytes > HEADERS_MAX_BYTES)
		return REFUSAL_HEADERS;
	if (is_host_wrong(&sums, version))
		return REFUSAL_REQUEST;
	/* the library has checked that it is a number */
	if (length && strtoull(length, NULL, 10) > exchange->all->max_body_bytes)
		return REFUSAL_BODY;
	return REFUSAL_NONE;
}

static enum MHD_Result receive_headers(struct http_exchange *exchange, const char *version)
{
	const enum refusal refusal = judge_headers(exchange, version);

	exchange->phase = EXCHANGE_BODY;
	return refusal == REFUSAL_NONE ? MHD_YES : refuse(exchange, refusal);
}

static enum MHD_Result receive_body(struct http_exchange *exchange, const char *bytes, size_t length)
{
	const size_t max_bytes = exchange->all->max_body_bytes;

	exchange->n_received_bytes += length;
	if (exchange->n_received_bytes > max_bytes) {
		strbuf_clean(&exchange->body);
		return exchange->n_received_bytes - max_bytes > DRAIN_BYTES ? MHD_NO : MHD_YES;
	}
	strbuf_append_bytes(&exchange->body, bytes, length);
	return exchange->body.has_failed ? MHD_NO : MHD_YES;
}

static enum MHD_Result send_answer(struct http_exchange *exchange)
{
	if (exchange->stream)
		return http_stream_send(exchange->stream, &exchange->response);
	return mhd_response_send(exchange->connection, &exchange->response);
}

static enum MHD_Result dispatch(struct http_exchange *exchange, const char *method)
{
	struct http_exchanges *all = exchange->all;
	struct mhd_request request;

	if (exchange->n_received_bytes > all->max_body_bytes)
		return refuse(exchange, REFUSAL_BODY);

	if (mhd_request_read(exchange->connection, method, &request) != 0)
		return MHD_NO;
	request.request.target = exchange->target;
	request.request.body = exchange->body.text;
	request.request.body_length = exchange->body.length;
	exchange->phase = EXCHANGE_HANDLING;
	exchange->is_owed = true;
	all->handler(all->context, exchange, &request.request);
	mhd_request_clean(&request);
	strbuf_clean(&exchange->body);

	if (exchange->phase == EXCHANGE_ANSWERED)
		return send_answer(exchange);
	exchange->phase = EXCHANGE_SUSPENDED;
	DL_APPEND(all->suspended, exchange);
	MHD_suspend_connection(exchange->connection);
	return MHD_YES;
}

enum MHD_Result http_exchange_on_request(void *context, struct MHD_Connection *connection, const char *url,
					 const char *method, const char *version, const char *upload,
					 size_t *upload_length, void **request_context)
{
	const struct http_exchanges *all = context;
	struct http_exchange *exchange = *request_context;
	const size_t length = *upload_length;

	(void)connection;
	(void)url;
	*upload_length = 0; /* every piece is taken whole */
	if (!exchange)
		return MHD_NO;
	if (exchange->phase == EXCHANGE_ANSWERED)
		return send_answer(exchange);
	if (all->is_closing)
		return MHD_NO;
	if (exchange->phase == EXCHANGE_HEADERS)
		return receive_headers(exchange, version);
	return length ? receive_body(exchange, upload, length) : dispatch(exchange, method);
}

static void take_answer(struct http_exchange *exchange, struct http_response *response)
{
	exchange->response = *response;
	*response = (struct http_response){0};
	if (exchange->phase == EXCHANGE_SUSPENDED) {
		DL_DELETE(exchange->all->suspended, exchange);
		MHD_resume_connection(exchange->connection);
		exchange->all->is_due = true;
	}
	exchange->phase = EXCHANGE_ANSWERED;
}

void http_exchange_answer(struct http_exchange *exchange, struct http_response *response)
{
	assert(exchange->is_owed);
	exchange->is_owed = false;
	if (!exchange->connection) { /* the server has closed */
		http_response_clean(response);
		exchange_free(exchange);
		return;
	}
	take_answer(exchange, response);
}

int http_exchange_stream(struct http_exchange *exchange, struct http_response *head, const struct http_stream_ops *ops,
			 void *context, struct http_stream **out)
{
	int error;

	assert(exchange->is_owed && !head->body);
	if (!exchange->connection || exchange->all->is_closing)
		return -ECONNRESET;
	error = http_stream_new(exchange->all, exchange->connection, ops, context, &exchange->stream);
	if (error)
		return error;
	exchange->is_owed = false;
	take_answer(exchange, head);
	*out = exchange->stream;
	return 0;
}

void http_exchanges_drop(struct http_exchanges *all)
{
	struct http_exchange *exchange;

	while ((exchange = all->suspended)) {
		DL_DELETE(all->suspended, exchange);
		MHD_resume_connection(exchange->connection);
	}
}
