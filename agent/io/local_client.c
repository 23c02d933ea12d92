/* SPDX-License-Identifier: MIT */
#include "io/local_client.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "io/local_connect.h"

#define ANSWER_MAX_BYTES (16 * 1024 * 1024)

static int64_t mono_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

/* 0 also when a signal came: the caller tries, and finds that there is nothing yet. */
static int wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd ready = {.fd = fd, .events = events};
	const int64_t left_ms = deadline_ms - mono_ms();

	if (left_ms <= 0)
		return -ETIMEDOUT;
	switch (poll(&ready, 1, (int)left_ms)) {
	case 0:
		return -ETIMEDOUT;
	case -1:
		return errno == EINTR ? 0 : -errno;
	default:
		return 0;
	}
}

static char *print_request(const struct local_request *request)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_append_format(&text, "%s %s HTTP/1.0\r\nHost: localhost\r\n", request->method, request->target);
	if (request->body)
		strbuf_append_format(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
				     strlen(request->body), request->body);
	else
		strbuf_append(&text, "\r\n");
	return strbuf_steal(&text);
}

static int send_all(int fd, const char *text, int64_t deadline_ms)
{
	const size_t length = strlen(text);

	for (size_t sent = 0; sent < length;) {
		const int error = wait_for(fd, POLLOUT, deadline_ms);
		if (error)
			return error;

		const ssize_t n = send(fd, text + sent, length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0)
			sent += (size_t)n;
	}
	return 0;
}

static int receive_all(int fd, int64_t deadline_ms, struct strbuf *answer)
{
	char piece[16384];

	for (;;) {
		const int error = wait_for(fd, POLLIN, deadline_ms);
		if (error)
			return error;

		const ssize_t n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT);
		if (n == 0)
			return answer->has_failed ? -ENOMEM : 0;
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return -errno;
		if (answer->length + (size_t)n > ANSWER_MAX_BYTES)
			return -EFBIG;
		strbuf_append_bytes(answer, piece, (size_t)n);
	}
}

/* The value of Content-Length in the header lines before end; SIZE_MAX without one. */
static size_t content_length(const char *headers, const char *end)
{
	static const char name[] = "\r\nContent-Length:";
	const size_t name_length = sizeof(name) - 1;

	for (const char *at = headers; (size_t)(end - at) > name_length; at++)
		if (strncasecmp(at, name, name_length) == 0)
			return strtoull(at + name_length, NULL, 10);
	return SIZE_MAX;
}

/* -EBADMSG: no HTTP; -ECONNRESET: cut short. */
static int parse_answer(const struct strbuf *answer, int *status, char **body)
{
	static const char blank_line[] = "\r\n\r\n";
	const char *text = answer->text;

	if (!text)
		return -ECONNRESET;

	const char *end = memmem(text, answer->length, blank_line, sizeof(blank_line) - 1);
	if (!end)
		return strncmp(text, "HTTP/", 5) == 0 ? -ECONNRESET : -EBADMSG;
	if (!local_parse_status(text, status))
		return -EBADMSG;

	const char *start = end + sizeof(blank_line) - 1;
	const size_t length = answer->length - (size_t)(start - text);
	const size_t expected = content_length(text, end);
	if (expected != SIZE_MAX && expected != length)
		return -ECONNRESET;
	*body = malloc(length + 1);
	if (!*body)
		return -ENOMEM;
	memcpy(*body, start, length);
	(*body)[length] = '\0';
	return 0;
}

bool local_client_is_passing(int error)
{
	static const int passing[] = {-ENOENT, -ENOTDIR, -ECONNREFUSED, -ECONNRESET, -EPIPE, -ETIMEDOUT};

	for (size_t i = 0; i < ARRAY_LENGTH(passing); i++)
		if (error == passing[i])
			return true;
	return false;
}

int local_client_ask(const char *socket_path, const struct local_request *request, int *status, char **body)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP(strbuf_clean) struct strbuf answer = STRBUF_INIT;
	CLEANUP_FREE char *text = print_request(request);
	const int64_t deadline_ms = mono_ms() + request->timeout_ms;

	assert(request->timeout_ms > 0 && !strpbrk(request->target, " \r\n"));
	if (!text)
		return -ENOMEM;
	int error = local_connect(socket_path, request->timeout_ms, &fd);
	if (!error)
		error = send_all(fd, text, deadline_ms);
	if (!error)
		error = receive_all(fd, deadline_ms, &answer);
	return error ? error : parse_answer(&answer, status, body);
}

int local_client_get(const char *socket_path, const char *target, int *status, char **body)
{
	const struct local_request request = {.method = "GET", .target = target, .timeout_ms = LOCAL_CLIENT_TIMEOUT_MS};
	const int error = local_client_ask(socket_path, &request, status, body);

	return error ? local_complain(socket_path, error) : 0;
}
