/* SPDX-License-Identifier: MIT */
/*
 * Memory that runs out when a test says so: in place of the C library's functions, for the one file of a test that
 * includes this. They go through realloc(), which no compiler takes for one of them.
 */
#ifndef UNIT_SCARCE_H
#define UNIT_SCARCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Allocations that succeed from now on; SIZE_MAX: all of them. */
static size_t scarce_n_left = SIZE_MAX;

static bool scarce_is_granted(void)
{
	if (scarce_n_left == 0)
		return false;
	if (scarce_n_left != SIZE_MAX)
		scarce_n_left--;
	return true;
}

void *calloc(size_t nmemb, size_t size)
{
	size_t n_bytes;
	void *memory;

	if (!scarce_is_granted() || __builtin_mul_overflow(nmemb, size, &n_bytes))
		return NULL;
	memory = realloc(NULL, n_bytes > 0 ? n_bytes : 1);
	if (memory)
		memset(memory, 0, n_bytes);
	return memory;
}

void *reallocarray(void *ptr, size_t nmemb, size_t size)
{
	size_t n_bytes;

	if (!scarce_is_granted() || __builtin_mul_overflow(nmemb, size, &n_bytes))
		return NULL;
	return realloc(ptr, n_bytes);
}

char *strdup(const char *text) /* NOLINT: the library's name for it is reserved */
{
	const size_t n_bytes = strlen(text) + 1;
	char *copy = scarce_is_granted() ? realloc(NULL, n_bytes) : NULL;

	return copy ? memcpy(copy, text, n_bytes) : NULL;
}

#endif
