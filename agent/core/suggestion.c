/* SPDX-License-Identifier: MIT */
#include "core/suggestion.h"

#include <stdint.h>
#include <string.h>

#define NAME_MAX_BYTES 63

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Levenshtein's distance, one row at a time; SIZE_MAX for what is too long to be a slip. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_BYTES + 1];
	const size_t length = strlen(b);

	if (length > NAME_MAX_BYTES || strlen(a) > NAME_MAX_BYTES)
		return SIZE_MAX;
	for (size_t k = 0; k <= length; k++)
		row[k] = k;
	for (; *a; a++) {
		size_t diagonal = row[0]++;
		for (size_t k = 1; k <= length; k++) {
			const size_t replaced = diagonal + (*a != b[k - 1]);
			diagonal = row[k];
			row[k] = min_size(replaced, min_size(row[k - 1], diagonal) + 1);
		}
	}
	return row[length];
}

struct suggestion suggestion_for(const char *name)
{
	return (struct suggestion){.name = name, .distance = max_size(2, strlen(name) / 3) + 1};
}

void suggestion_offer(struct suggestion *suggestion, const char *candidate)
{
	const size_t distance = edit_distance(suggestion->name, candidate);

	if (distance >= suggestion->distance)
		return;
	suggestion->distance = distance;
	suggestion->nearest = candidate;
}

const char *suggestion_nearest(const struct suggestion *suggestion)
{
	/* a short name is near to any other */
	return suggestion->distance < strlen(suggestion->name) ? suggestion->nearest : NULL;
}
