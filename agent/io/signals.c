/* SPDX-License-Identifier: MIT */
#include "io/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

struct signals {
	uv_signal_t handles[ARRAY_LENGTH(numbers)];
	size_t n_open;
	signals_handler handler;
	void *context;
};

static void on_signal(uv_signal_t *handle, int number)
{
	const struct signals *signals = handle->data;

	signals->handler(signals->context, number);
}

static void on_closed(uv_handle_t *handle)
{
	struct signals *signals = handle->data;

	if (--signals->n_open == 0)
		free(signals);
}

void signals_close(struct signals **signals)
{
	struct signals *closing = *signals;

	*signals = NULL;
	if (!closing)
		return;
	if (closing->n_open == 0) {
		free(closing);
		return;
	}
	for (size_t i = 0, n = closing->n_open; i < n; i++)
		uv_close((uv_handle_t *)&closing->handles[i], on_closed);
}

static int open_signals(struct signals *signals, uv_loop_t *loop)
{
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		int error = uv_signal_init(loop, &signals->handles[i]);

		if (error)
			return error;
		signals->handles[i].data = signals;
		signals->n_open++;
		error = uv_signal_start(&signals->handles[i], on_signal, numbers[i]);
		if (error)
			return error;
	}
	return 0;
}

int signals_new(uv_loop_t *loop, signals_handler handler, void *context, struct signals **out)
{
	CLEANUP(signals_close) struct signals *signals = calloc(1, sizeof(*signals));

	if (!signals)
		return log_errno(-ENOMEM, "cannot watch signals");
	signals->handler = handler;
	signals->context = context;

	int error = open_signals(signals, loop);
	if (error)
		return log_errno(error, "cannot watch signals");
	/* a client that goes away while it is written to is an error of that write, not the end of the agent */
	signal(SIGPIPE, SIG_IGN);
	*out = TAKE_PTR(signals);
	return 0;
}
