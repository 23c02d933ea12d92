/* SPDX-License-Identifier: MIT */
/*
 * One daemon of the library serves both sockets, with connections that we accept ourselves: so errors of
 * listening are ours to explain, a lack of descriptors does not make it spin (the library retries at once
 * while it has no connection), and the Unix socket keeps some connections that others cannot take.
 */
#include "io/http_server.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "io/acceptor.h"
#include "io/http_exchange.h"
#include "io/http_stream_private.h"
#include "io/listen_socket.h"

/* Holds the request line and the headers, 64 octets more for each header and query parameter, then the response's
 * headers: so much that it is http_exchange.c that finds a request too long. The library maps it when a client
 * connects and clears all of it between two requests: it costs nothing before the first and the whole after it. */
#define CONNECTION_MEMORY_BYTES 65536
/* Connections kept for the Unix socket when the others are used up. */
#define LOCAL_RESERVE 8
/* At the end, of the library for its streams: each sends a piece, and the last piece takes some more. */
#define LAST_RUNS 8

struct http_listener {
	struct acceptor acceptor;
	struct http_server *server;
	uint32_t max_connections; /* of both together, at which this one stops to accept */
};

enum { LISTENER_TCP, LISTENER_UNIX, N_LISTENERS };

struct http_server {
	struct MHD_Daemon *daemon;
	struct http_exchanges exchanges;
	uint16_t port;
	struct listen_path socket_path;
	struct http_listener listeners[N_LISTENERS];
	uv_poll_t poll;
	uv_prepare_t prepare;
	uv_timer_t timer;
	bool is_running;      /* inside the library */
	uint32_t n_added;     /* connections given to the library since it ran; later versions count them only then */
	unsigned int n_parts; /* that have yet to say that they are closed */
	http_server_closed closed;
	void *closed_context;
};

static void close_parts(struct http_server *server);

static uint32_t count_connections(const struct http_server *server)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	return info ? info->num_connections : 0;
}

static bool has_room(const struct http_listener *listener)
{
	return count_connections(listener->server) + listener->server->n_added < listener->max_connections;
}

static void run(struct http_server *server)
{
	server->exchanges.is_due = false;
	server->is_running = true;
	MHD_run(server->daemon);
	server->is_running = false;
	server->n_added = 0;
	if (server->exchanges.is_closing) { /* by a handler */
		close_parts(server);
		return;
	}
	for (size_t i = 0; i < N_LISTENERS; i++) {
		struct http_listener *listener = &server->listeners[i];

		if (listener->acceptor.state == ACCEPTOR_FULL && has_room(listener))
			acceptor_resume(&listener->acceptor);
	}
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run(poll->data);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

/* Before each wait: how long may it be? */
static void on_prepare(uv_prepare_t *prepare)
{
	struct http_server *server = prepare->data;
	MHD_UNSIGNED_LONG_LONG timeout_ms = 0;

	if (!server->exchanges.is_due && MHD_get_timeout(server->daemon, &timeout_ms) != MHD_YES)
		uv_timer_stop(&server->timer);
	else
		uv_timer_start(&server->timer, on_timer, timeout_ms, 0);
}

static bool on_accepted(void *context, int fd, const struct sockaddr *peer, socklen_t peer_length)
{
	struct http_listener *listener = context;

	/* on failure the library has closed fd and logged why */
	(void)MHD_add_connection(listener->server->daemon, fd, peer, peer_length);
	listener->server->n_added++;
	listener->server->exchanges.is_due = true;
	return has_room(listener);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *context, const char *format, va_list args)
{
	char line[256];

	(void)context;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	/* mostly what clients did wrong: not for the log of a service that anybody may talk to */
	log_debug("http: %s", line);
}

static void part_closed(struct http_server *server)
{
	if (--server->n_parts > 0)
		return;

	http_server_closed closed = server->closed;
	void *context = server->closed_context;

	free(server);
	if (closed)
		closed(context);
}

static void on_handle_closed(uv_handle_t *handle)
{
	part_closed(handle->data);
}

static void on_acceptor_closed(void *context)
{
	struct http_listener *listener = context;

	part_closed(listener->server);
}

static void stop_daemon(struct http_server *server)
{
	if (!server->daemon)
		return;
	server->is_running = true;
	/* sends what was answered just now, and what streams still have to say, as far as it goes without waiting */
	http_streams_end(&server->exchanges);
	for (int i = 0; i == 0 || (server->exchanges.streams && i < LAST_RUNS); i++)
		MHD_run(server->daemon);
	/* the library must not be stopped while connections are suspended */
	http_exchanges_drop(&server->exchanges);
	MHD_stop_daemon(server->daemon);
	server->daemon = NULL;
}

/* Also ends a server that is half made. */
static void close_parts(struct http_server *server)
{
	uv_handle_t *const handles[] = {(uv_handle_t *)&server->poll, (uv_handle_t *)&server->prepare,
					(uv_handle_t *)&server->timer};

	server->n_parts = 1; /* this function */
	for (size_t i = 0; i < N_LISTENERS; i++) {
		struct acceptor *acceptor = &server->listeners[i].acceptor;

		if (acceptor->state == ACCEPTOR_CLOSED)
			continue;
		server->n_parts++;
		acceptor_close(acceptor, on_acceptor_closed);
	}
	listen_path_remove(&server->socket_path);
	for (size_t i = 0; i < ARRAY_LENGTH(handles); i++) {
		if (handles[i]->type == UV_UNKNOWN_HANDLE)
			continue;
		server->n_parts++;
		uv_close(handles[i], on_handle_closed);
	}
	stop_daemon(server); /* closes the descriptor that was polled until now */
	part_closed(server);
}

static int start_daemon(struct http_server *server, const struct http_server_options *options)
{
	const unsigned int flags =
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
		MHD_USE_SUPPRESS_DATE_NO_CLOCK; /* it is told by mhd_response_send, when it is known */
	/* our own limits come first; this one only has to be above them */
	const unsigned int max_connections = options->max_connections + 4 * LOCAL_RESERVE;

	errno = 0; /* not set by every failure */
	server->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, http_exchange_on_request, &server->exchanges, MHD_OPTION_EXTERNAL_LOGGER, on_log,
		NULL, MHD_OPTION_URI_LOG_CALLBACK, http_exchange_on_target, &server->exchanges,
		MHD_OPTION_NOTIFY_COMPLETED, http_exchange_on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT,
		max_connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)options->idle_timeout_s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_END);
	if (!server->daemon)
		return log_errno(errno ? -errno : -EIO, "cannot start the HTTP library (libmicrohttpd %s)",
				 MHD_get_version());
	return 0;
}

static int start_listeners(struct http_server *server, uv_loop_t *loop, const struct http_server_options *options)
{
	int fds[N_LISTENERS] = {-1, -1};
	int error = 0;

	if (options->listen_address)
		error = listen_socket_tcp(options->listen_address, options->port, &fds[LISTENER_TCP], &server->port);
	if (!error && options->socket_path)
		error = listen_socket_unix(options->socket_path, &fds[LISTENER_UNIX], &server->socket_path);
	for (size_t i = 0; i < N_LISTENERS; i++) {
		struct http_listener *listener = &server->listeners[i];

		if (fds[i] < 0)
			continue;
		if (error) {
			close(fds[i]);
			continue;
		}
		listener->server = server;
		listener->max_connections = options->max_connections + (i == LISTENER_UNIX ? LOCAL_RESERVE : 0);
		error = acceptor_start(&listener->acceptor, loop, fds[i], on_accepted, listener);
		if (error)
			log_errno(error, "cannot watch a listening socket");
	}
	return error;
}

static int start_loop(struct http_server *server, uv_loop_t *loop)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int error = info ? uv_poll_init(loop, &server->poll, info->epoll_fd) : -ENOTSUP;

	if (error)
		return log_errno(error, "cannot watch the HTTP library (it must be built with epoll)");
	uv_prepare_init(loop, &server->prepare);
	uv_timer_init(loop, &server->timer);
	server->poll.data = server;
	server->prepare.data = server;
	server->timer.data = server;
	uv_poll_start(&server->poll, UV_READABLE, on_event);
	uv_prepare_start(&server->prepare, on_prepare);
	return 0;
}

int http_server_new(uv_loop_t *loop, const struct http_server_options *options, http_handler handler, void *context,
		    struct http_server **out)
{
	struct http_server *server = calloc(1, sizeof(*server));

	assert(options->listen_address || options->socket_path);
	if (!server)
		return log_errno(-ENOMEM, "cannot start the HTTP server");
	server->exchanges = (struct http_exchanges){
		.handler = handler,
		.context = context,
		.max_body_bytes = options->max_body_bytes,
		.loop = loop,
	};

	int error = start_daemon(server, options);
	if (!error)
		error = start_listeners(server, loop, options);
	if (!error)
		error = start_loop(server, loop);
	if (error) {
		server->exchanges.is_closing = true;
		close_parts(server);
		return error;
	}
	*out = server;
	return 0;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

void http_server_close(struct http_server *server, http_server_closed closed, void *context)
{
	assert(!server->exchanges.is_closing);
	server->exchanges.is_closing = true;
	server->closed = closed;
	server->closed_context = context;
	if (!server->is_running) /* else run() goes on from here */
		close_parts(server);
}
