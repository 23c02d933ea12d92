/* SPDX-License-Identifier: MIT */
#include "core/rate_limit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Without memory for a window the hit is allowed: a full machine must not lock its operator out. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(window) ((window)->is_lost = true)
#include <uthash.h>

#define WINDOW_NS (60 * NS_PER_S)

/* An endpoint, a blank and a caller: a token's name or an address in text, both far below it. */
#define KEY_SIZE 160

struct window {
	UT_hash_handle hh;
	int64_t start_mono_ns;
	uint32_t n_hits;
	bool is_lost; /* uthash could not take it */
	char key[KEY_SIZE];
};

/*
 * All windows are equally long and a window that begins anew goes to the end, so uthash's order of insertion
 * is the order in which they began and in which they expire.
 */
struct rate_limiter {
	uint32_t limit;
	size_t max_windows;
	struct window *windows;
};

int rate_limiter_new(uint32_t limit_per_minute, size_t max_windows, struct rate_limiter **out)
{
	struct rate_limiter *limiter;

	if (max_windows == 0)
		return -EINVAL;
	limiter = calloc(1, sizeof(*limiter));
	if (!limiter)
		return -ENOMEM;
	limiter->limit = limit_per_minute;
	limiter->max_windows = max_windows;
	*out = limiter;
	return 0;
}

static void forget(struct rate_limiter *limiter, struct window *window)
{
	HASH_DEL(limiter->windows, window);
	free(window);
}

void rate_limiter_free(struct rate_limiter **limiter)
{
	if (!*limiter)
		return;
	while ((*limiter)->windows)
		forget(*limiter, (*limiter)->windows);
	free(*limiter);
	*limiter = NULL;
}

static bool has_expired(const struct window *window, struct instant now)
{
	return now.mono_ns - window->start_mono_ns >= WINDOW_NS;
}

static struct window *find(const struct rate_limiter *limiter, const char *key)
{
	struct window *window;

	HASH_FIND_STR(limiter->windows, key, window);
	return window;
}

/* NULL without memory. */
static struct window *begin(struct rate_limiter *limiter, struct instant now, const char *key)
{
	CLEANUP_FREE struct window *window = calloc(1, sizeof(*window));

	if (!window)
		return NULL;
	window->start_mono_ns = now.mono_ns;
	memcpy(window->key, key, KEY_SIZE);
	if (HASH_COUNT(limiter->windows) >= limiter->max_windows)
		forget(limiter, limiter->windows);
	HASH_ADD_STR(limiter->windows, key, window);
	if (window->is_lost)
		return NULL;
	return TAKE_PTR(window);
}

static void drop_expired(struct rate_limiter *limiter, struct instant now)
{
	while (limiter->windows && has_expired(limiter->windows, now))
		forget(limiter, limiter->windows);
}

static int64_t round_up_s(int64_t duration_ns)
{
	return (duration_ns + NS_PER_S - 1) / NS_PER_S;
}

static struct rate_verdict verdict(const struct rate_limiter *limiter, struct instant now, int64_t start_mono_ns,
				   uint32_t n_hits, bool is_allowed)
{
	int64_t left_ns = start_mono_ns + WINDOW_NS - now.mono_ns;

	return (struct rate_verdict){
		.is_allowed = is_allowed,
		.limit = limiter->limit,
		.remaining = limiter->limit - n_hits,
		.retry_after_s = is_allowed ? 0 : round_up_s(left_ns),
		.reset_wall_s = round_up_s(now.wall_ns + left_ns),
	};
}

struct rate_verdict rate_limiter_hit(struct rate_limiter *limiter, struct instant now, const char *caller,
				     const char *endpoint)
{
	char key[KEY_SIZE] = {0};
	struct window *window;
	bool is_allowed;

	if (limiter->limit == 0)
		return (struct rate_verdict){.is_allowed = true};
	drop_expired(limiter, now);
	snprintf(key, sizeof(key), "%s %s", endpoint, caller);
	window = find(limiter, key);
	if (!window)
		window = begin(limiter, now, key);
	if (!window)
		return verdict(limiter, now, now.mono_ns, 1, true);
	is_allowed = window->n_hits < limiter->limit;
	if (is_allowed)
		window->n_hits++;
	return verdict(limiter, now, window->start_mono_ns, window->n_hits, is_allowed);
}
