/* SPDX-License-Identifier: MIT */
/*
 * Fixed windows of one minute from the first hit, per (caller, endpoint). Bounded: when max_windows callers
 * are known and none has expired, the window that began first gives way.
 */
#ifndef CORE_RATE_LIMIT_H
#define CORE_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"

struct rate_limiter;

struct rate_verdict {
	bool is_allowed;
	uint32_t limit;
	uint32_t remaining;
	int64_t retry_after_s; /* until the window ends, at least 1; 0 when allowed */
	int64_t reset_wall_s;  /* end of the window, seconds since 1970 */
};

int rate_limiter_new(uint32_t limit_per_minute, size_t max_windows, struct rate_limiter **out);
void rate_limiter_free(struct rate_limiter **limiter);

/* Counts a hit. caller is a token's name or an address in text, prefixed so that they cannot meet. */
struct rate_verdict rate_limiter_hit(struct rate_limiter *limiter, struct instant now, const char *caller,
				     const char *endpoint);

#endif
