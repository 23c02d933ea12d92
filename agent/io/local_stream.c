/* SPDX-License-Identifier: MIT */
#include "io/local_stream.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "core/http_chunks.h"
#include "io/local_connect.h"

#define CONNECT_TIMEOUT_MS 5000
#define HEAD_MAX_BYTES 16384

struct local_stream {
	int fd;
	struct strbuf head;
	int status; /* 0 until the head is whole */
	bool is_chunked;
	struct http_chunks chunks;
};

static int send_request(int fd, const char *target, const char *last_event_id)
{
	struct strbuf request = STRBUF_INIT;

	strbuf_append_format(&request, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n", target);
	if (*last_event_id)
		strbuf_append_format(&request, "Last-Event-ID: %s\r\n", last_event_id);
	strbuf_append(&request, "\r\n");

	const size_t length = request.length;
	CLEANUP_FREE char *text = strbuf_steal(&request);
	if (!text)
		return -ENOMEM;
	/* some hundred octets: an empty socket takes them whole */
	const ssize_t n = send(fd, text, length, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return (size_t)n == length ? 0 : -ECONNRESET;
}

int local_stream_open(const char *socket_path, const char *target, const char *last_event_id, struct local_stream **out)
{
	CLEANUP(local_stream_close) struct local_stream *stream = calloc(1, sizeof(*stream));
	int error;

	assert(!strpbrk(target, " \r\n") && !strpbrk(last_event_id, "\r\n"));
	if (!stream)
		return -ENOMEM;
	stream->fd = -1;
	error = local_connect(socket_path, CONNECT_TIMEOUT_MS, &stream->fd);
	if (!error)
		error = send_request(stream->fd, target, last_event_id);
	if (!error)
		*out = TAKE_PTR(stream);
	return error;
}

void local_stream_close(struct local_stream **stream)
{
	if (!*stream)
		return;
	if ((*stream)->fd >= 0)
		close((*stream)->fd);
	strbuf_clean(&(*stream)->head);
	free(TAKE_PTR(*stream));
}

int local_stream_fd(const struct local_stream *stream)
{
	return stream->fd;
}

int local_stream_status(const struct local_stream *stream)
{
	return stream->status;
}

/* Moves what stands behind the head to the beginning of buffer; its length, or -errno. */
static ssize_t take_head(struct local_stream *stream, char *buffer, size_t length)
{
	static const char blank_line[] = "\r\n\r\n";
	char *end;
	size_t n_behind;

	strbuf_append_bytes(&stream->head, buffer, length);
	if (stream->head.has_failed)
		return -ENOMEM;
	end = memmem(stream->head.text, stream->head.length, blank_line, sizeof(blank_line) - 1);
	if (!end)
		return stream->head.length > HEAD_MAX_BYTES ? -EBADMSG : -EAGAIN;
	*end = '\0';
	end += sizeof(blank_line) - 1;
	n_behind = (size_t)(stream->head.text + stream->head.length - end);
	memcpy(buffer, end, n_behind);
	if (!local_parse_status(stream->head.text, &stream->status))
		stream->status = 0;
	stream->is_chunked = strcasestr(stream->head.text, "\r\nTransfer-Encoding: chunked") != NULL;
	strbuf_clean(&stream->head);
	return stream->status ? (ssize_t)n_behind : -EBADMSG;
}

static ssize_t receive(int fd, char *buffer, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, buffer, size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t local_stream_read(struct local_stream *stream, char *buffer, size_t size)
{
	ssize_t n = stream->chunks.is_over ? 0 : receive(stream->fd, buffer, size);

	if (n == 0 && (!stream->status || (stream->is_chunked && !stream->chunks.is_over)))
		return -ECONNRESET;
	if (n <= 0)
		return n;
	if (!stream->status) {
		n = take_head(stream, buffer, (size_t)n);
		if (n < 0)
			return n;
	}
	if (stream->is_chunked) {
		size_t length = (size_t)n;
		const int error = http_chunks_decode(&stream->chunks, buffer, &length);

		n = error ? error : (ssize_t)length;
	}
	return n == 0 && !stream->chunks.is_over ? -EAGAIN : n;
}
