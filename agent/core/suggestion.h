/* SPDX-License-Identifier: MIT */
/* "Did you mean ...?": of the names that are offered, the one that was probably meant. */
#ifndef CORE_SUGGESTION_H
#define CORE_SUGGESTION_H

#include <stddef.h>

struct suggestion {
	const char *name; /* as it was written; borrowed, like those that are offered */
	const char *nearest;
	size_t distance; /* an offer must be nearer than this */
};

struct suggestion suggestion_for(const char *name);
void suggestion_offer(struct suggestion *suggestion, const char *candidate);

/* NULL when none is near. */
const char *suggestion_nearest(const struct suggestion *suggestion);

#endif
