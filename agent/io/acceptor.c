/* SPDX-License-Identifier: MIT */
#include "io/acceptor.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Others on the loop get their turn after so many connections; the rest wait in the backlog. */
#define ACCEPTS_PER_TURN 16
#define RETRY_MS 500
#define COMPLAIN_EVERY_MS 60000

static void on_readable(uv_poll_t *poll, int status, int events);

static void start_polling(struct acceptor *acceptor)
{
	acceptor->state = ACCEPTOR_POLLING;
	uv_poll_start(&acceptor->poll, UV_READABLE, on_readable);
}

static void on_retry(uv_timer_t *timer)
{
	start_polling(timer->data);
}

static void starve(struct acceptor *acceptor, int error)
{
	const uint64_t now_ms = uv_now(acceptor->poll.loop);

	acceptor->state = ACCEPTOR_STARVED;
	uv_poll_stop(&acceptor->poll);
	uv_timer_start(&acceptor->retry, on_retry, RETRY_MS, 0);
	if (acceptor->complained_ms && now_ms - acceptor->complained_ms < COMPLAIN_EVERY_MS)
		return;
	acceptor->complained_ms = now_ms + !now_ms;
	log_warning("http: cannot accept connections, they wait: %s (raise the limit of open files)", strerror(error));
}

/* Errors of the one connection that was to be accepted (accept(2), "Error handling"), not of the socket. */
static bool is_of_connection(int error)
{
	static const int errors[] = {EINTR,  ECONNABORTED, ENETDOWN,   EPROTO,      ENOPROTOOPT, EHOSTDOWN,
				     ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, EPERM};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i] == error)
			return true;
	return false;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct acceptor *acceptor = poll->data;

	(void)events;
	if (status < 0) {
		starve(acceptor, -status);
		return;
	}
	for (int i = 0; i < ACCEPTS_PER_TURN && acceptor->state == ACCEPTOR_POLLING; i++) {
		struct sockaddr_storage peer = {0};
		socklen_t length = sizeof(peer);
		const int fd = accept4(acceptor->fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			const int error = errno;

			if (error == EAGAIN)
				return;
			if (!is_of_connection(error))
				starve(acceptor, error);
			continue;
		}
		if (!acceptor->accepted(acceptor->context, fd, (const struct sockaddr *)&peer, length) &&
		    acceptor->state == ACCEPTOR_POLLING) {
			acceptor->state = ACCEPTOR_FULL;
			uv_poll_stop(&acceptor->poll);
		}
	}
}

int acceptor_start(struct acceptor *acceptor, uv_loop_t *loop, int fd, acceptor_accepted accepted, void *context)
{
	int error = uv_poll_init(loop, &acceptor->poll, fd);

	if (error) {
		close(fd);
		return error;
	}
	uv_timer_init(loop, &acceptor->retry);
	acceptor->poll.data = acceptor;
	acceptor->retry.data = acceptor;
	acceptor->fd = fd;
	acceptor->accepted = accepted;
	acceptor->context = context;
	start_polling(acceptor);
	return 0;
}

void acceptor_resume(struct acceptor *acceptor)
{
	if (acceptor->state == ACCEPTOR_FULL)
		start_polling(acceptor);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct acceptor *acceptor = handle->data;

	if (--acceptor->n_handles == 0)
		acceptor->closed(acceptor->context);
}

void acceptor_close(struct acceptor *acceptor, acceptor_closed closed)
{
	assert(acceptor->state != ACCEPTOR_CLOSED);
	acceptor->state = ACCEPTOR_CLOSED;
	acceptor->closed = closed;
	acceptor->n_handles = 2;
	uv_close((uv_handle_t *)&acceptor->poll, on_handle_closed);
	uv_close((uv_handle_t *)&acceptor->retry, on_handle_closed);
	close(acceptor->fd);
	acceptor->fd = -1;
}
