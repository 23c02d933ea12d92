/* SPDX-License-Identifier: MIT */
#include "io/local_client.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/strbuf.h"

#define TIMEOUT_S 5
#define ANSWER_MAX_BYTES (16 * 1024 * 1024)

static int64_t mono_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

static int connect_to(const char *path, int *fd_out)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	const size_t length = strlen(path);

	if (fd < 0)
		return -errno;
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length + 1);
	/* limits connect() too, which waits while the agent's backlog is full */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	*fd_out = TAKE_FD(fd);
	return 0;
}

static int send_request(int fd, const char *target)
{
	struct strbuf request = STRBUF_INIT;

	strbuf_append_format(&request, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", target);

	const size_t length = request.length;
	CLEANUP_FREE char *text = strbuf_steal(&request);
	if (!text)
		return -ENOMEM;
	for (size_t sent = 0; sent < length;) {
		const ssize_t n = send(fd, text + sent, length - sent, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		sent += (size_t)n;
	}
	return 0;
}

static int wait_readable(int fd, int64_t deadline_ms)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	const int64_t left_ms = deadline_ms - mono_ms();

	if (left_ms <= 0)
		return -ETIMEDOUT;
	switch (poll(&readable, 1, (int)left_ms)) {
	case 0:
		return -ETIMEDOUT;
	case -1:
		return errno == EINTR ? 0 : -errno; /* the caller's recv says that there is nothing yet */
	default:
		return 0;
	}
}

static int receive_all(int fd, struct strbuf *answer)
{
	const int64_t deadline_ms = mono_ms() + TIMEOUT_S * INT64_C(1000);
	char piece[16384];

	for (;;) {
		int error = wait_readable(fd, deadline_ms);
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

/* "HTTP/1.1 200 OK" */
static bool parse_status(const char *line, int *status)
{
	unsigned int value = 0;

	if (strncmp(line, "HTTP/1.", 7) != 0 || !isdigit((unsigned char)line[7]) || line[8] != ' ')
		return false;
	for (int i = 9; i < 12; i++) {
		if (!isdigit((unsigned char)line[i]))
			return false;
		value = value * 10 + (unsigned int)(line[i] - '0');
	}
	*status = (int)value;
	return value >= 100;
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
	if (!parse_status(text, status))
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

#define NOBODY "no agent answers on", ": is octetd running? (--socket-path)"
#define FORBIDDEN "may not talk to the agent on", ": run as root"
#define CUT_SHORT "the agent ended the connection before its answer was whole, on", ": look into its log"

static const struct {
	int error;
	const char *before; /* the path */
	const char *after;
} complaints[] = {
	{-ENOENT, NOBODY},
	{-ENOTDIR, NOBODY},
	{-ECONNREFUSED, NOBODY},
	{-EACCES, FORBIDDEN},
	{-EPERM, FORBIDDEN},
	{-ECONNRESET, CUT_SHORT},
	{-EPIPE, CUT_SHORT},
	{-ETIMEDOUT, "the agent does not answer in time on", ": look into its log"},
	{-EBADMSG, "no HTTP is spoken on", ": is it octetd's? (--socket-path)"},
	{-EPROTOTYPE, "no stream socket is", ": is it octetd's? (--socket-path)"},
	{-ENAMETOOLONG, "too long for a Unix socket is", " (--socket-path)"},
	{-EFBIG, "more than 16 MiB is the answer on", ": ask for less"},
};

static int complain(const char *path, int error)
{
	for (size_t i = 0; i < ARRAY_LENGTH(complaints); i++) {
		if (complaints[i].error != error)
			continue;
		log_error("%s %s%s", complaints[i].before, path, complaints[i].after);
		return error;
	}
	return log_errno(error, "cannot ask the agent on %s", path);
}

int local_client_get(const char *socket_path, const char *target, int *status, char **body)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP(strbuf_clean) struct strbuf answer = STRBUF_INIT;

	assert(!strpbrk(target, " \r\n"));
	int error = connect_to(socket_path, &fd);
	if (!error)
		error = send_request(fd, target);
	if (!error)
		error = receive_all(fd, &answer);
	if (!error)
		error = parse_answer(&answer, status, body);
	return error ? complain(socket_path, error) : 0;
}
