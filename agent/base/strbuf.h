/* SPDX-License-Identifier: MIT */
/*
 * Text that grows. An allocation that fails is remembered, further appends do nothing, and
 * strbuf_steal() then returns NULL: one check at the end instead of one per append.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *text; /* NUL-terminated, or NULL while empty */
	size_t length;
	size_t capacity;
	bool has_failed;
};

#define STRBUF_INIT \
	{           \
		0   \
	}

void strbuf_clean(struct strbuf *buffer);
void strbuf_append(struct strbuf *buffer, const char *text);
void strbuf_append_bytes(struct strbuf *buffer, const char *bytes, size_t length);
void strbuf_append_format(struct strbuf *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Gives the text away ("" for an empty buffer) and resets the buffer; NULL if an append failed. */
char *strbuf_steal(struct strbuf *buffer);

#endif
