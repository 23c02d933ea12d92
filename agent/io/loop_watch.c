/* SPDX-License-Identifier: MIT */
#include "io/loop_watch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/log.h"

#define COMPLAIN_EVERY_NS (60 * (uint64_t)NS_PER_S)

struct loop_watch {
	uv_prepare_t prepare;
	uint64_t turn_ns; /* uv_hrtime() at the turn's mark; 0 before the first */
	uint64_t idle_ns; /* uv_metrics_idle_time() there */
	int64_t max_ns;
	uint64_t complained_ns; /* 0: never */
	uint64_t n_silent;      /* slow turns since then */
};

static void complain(struct loop_watch *watch, uint64_t now_ns, uint64_t busy_ns)
{
	if (watch->complained_ns && now_ns - watch->complained_ns < COMPLAIN_EVERY_NS) {
		watch->n_silent++;
		return;
	}
	log_warning("the event loop was busy for %llu ms in one turn (longest: %lld ms; %llu more slow turns were not "
		    "logged): answers are late meanwhile",
		    (unsigned long long)(busy_ns / NS_PER_MS), (long long)(watch->max_ns / NS_PER_MS),
		    (unsigned long long)watch->n_silent);
	watch->complained_ns = now_ns;
	watch->n_silent = 0;
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct loop_watch *watch = prepare->data;
	const uint64_t now_ns = uv_hrtime();
	const uint64_t idle_ns = uv_metrics_idle_time(prepare->loop);
	const uint64_t turn_ns = now_ns - watch->turn_ns;
	const uint64_t slept_ns = idle_ns - watch->idle_ns;
	const uint64_t busy_ns = slept_ns < turn_ns ? turn_ns - slept_ns : 0;
	const bool is_first = watch->turn_ns == 0;

	watch->turn_ns = now_ns;
	watch->idle_ns = idle_ns;
	if (is_first)
		return;
	if ((int64_t)busy_ns > watch->max_ns)
		watch->max_ns = (int64_t)busy_ns;
	if ((int64_t)busy_ns > LOOP_WATCH_LIMIT_NS)
		complain(watch, now_ns, busy_ns);
}

int loop_watch_new(uv_loop_t *loop, struct loop_watch **out)
{
	struct loop_watch *watch = NULL;
	int error = uv_loop_configure(loop, UV_METRICS_IDLE_TIME);

	if (!error) {
		watch = calloc(1, sizeof(*watch));
		error = watch ? 0 : -ENOMEM;
	}
	if (error)
		return log_errno(error, "cannot watch the event loop");
	uv_prepare_init(loop, &watch->prepare);
	watch->prepare.data = watch;
	uv_prepare_start(&watch->prepare, on_prepare);
	uv_unref((uv_handle_t *)&watch->prepare); /* watching is no reason to go on */
	*out = watch;
	return 0;
}

int64_t loop_watch_max_ns(const struct loop_watch *watch)
{
	return watch->max_ns;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void loop_watch_close(struct loop_watch **watch)
{
	if (*watch)
		uv_close((uv_handle_t *)&(*watch)->prepare, on_closed);
	*watch = NULL;
}
