/* SPDX-License-Identifier: MIT */
#include "io/http_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>
#include <uv.h>

#include "io/http_stream_private.h"
#include "io/mhd_message.h"

struct http_stream {
	struct http_exchanges *all;
	struct MHD_Connection *connection;
	int fd; /* the library's */
	struct http_stream_ops ops;
	void *context;
	bool is_waiting; /* suspended, for http_stream_wake() */
	bool is_ending;
	bool is_dropped;
	uv_poll_t hang_up;        /* the library does not watch a suspended connection */
	struct http_stream *prev; /* in all->streams */
	struct http_stream *next;
};

static void on_hang_up(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	uv_poll_stop(poll);
	http_stream_drop(poll->data);
}

int http_stream_new(struct http_exchanges *all, struct MHD_Connection *connection, const struct http_stream_ops *ops,
		    void *context, struct http_stream **out)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct http_stream *stream = calloc(1, sizeof(*stream));
	int error = stream ? 0 : -ENOMEM;

	if (!error && !info)
		error = -ECONNRESET;
	if (!error)
		error = uv_poll_init(all->loop, &stream->hang_up, info->connect_fd);
	if (error) {
		free(stream);
		return error;
	}
	stream->all = all;
	stream->connection = connection;
	stream->fd = info->connect_fd;
	stream->ops = *ops;
	stream->context = context;
	stream->hang_up.data = stream;
	uv_poll_start(&stream->hang_up, UV_DISCONNECT, on_hang_up);
	DL_APPEND(all->streams, stream);
	*out = stream;
	return 0;
}

/* The library asks for octets. To say that there are none without suspending would make it ask again at once. */
static ssize_t on_read(void *context, uint64_t position, char *buffer, size_t max)
{
	struct http_stream *stream = context;
	size_t n;

	(void)position;
	if (stream->is_dropped)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = stream->ops.read(stream->context, buffer, max);
	if (n > 0)
		return (ssize_t)n;
	if (stream->is_dropped)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (stream->is_ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	stream->is_waiting = true;
	MHD_suspend_connection(stream->connection);
	return 0;
}

enum MHD_Result http_stream_send(struct http_stream *stream, struct http_response *head)
{
	return mhd_response_send_stream(stream->connection, head, on_read, stream);
}

void http_stream_wake(struct http_stream *stream)
{
	if (!stream->is_waiting)
		return;
	stream->is_waiting = false;
	MHD_resume_connection(stream->connection);
	stream->all->is_due = true;
}

void http_stream_end(struct http_stream *stream)
{
	stream->is_ending = true;
	http_stream_wake(stream);
}

/* Whether the library waits for us or for the socket, it notices. The descriptor stays its own to close. */
void http_stream_drop(struct http_stream *stream)
{
	stream->is_dropped = true;
	(void)shutdown(stream->fd, SHUT_RDWR);
	http_stream_wake(stream);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void http_stream_completed(struct http_stream *stream)
{
	DL_DELETE(stream->all->streams, stream);
	/* leaves the loop now, before the library closes the descriptor */
	uv_close((uv_handle_t *)&stream->hang_up, on_closed);
	stream->ops.gone(stream->context);
}

void http_streams_end(struct http_exchanges *all)
{
	struct http_stream *stream;

	DL_FOREACH(all->streams, stream)
	{
		http_stream_end(stream);
	}
}
