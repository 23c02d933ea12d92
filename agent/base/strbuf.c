/* SPDX-License-Identifier: MIT */
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strbuf_clean(struct strbuf *buffer)
{
	free(buffer->text);
	*buffer = (struct strbuf)STRBUF_INIT;
}

static bool reserve(struct strbuf *buffer, size_t more)
{
	size_t need = buffer->length + more + 1;
	size_t capacity = buffer->capacity ? buffer->capacity : 64;
	char *text;

	if (buffer->has_failed)
		return false;
	if (need <= buffer->capacity)
		return true;
	while (capacity < need)
		capacity *= 2;
	text = realloc(buffer->text, capacity);
	if (!text) {
		buffer->has_failed = true;
		return false;
	}
	buffer->text = text;
	buffer->capacity = capacity;
	return true;
}

void strbuf_append_bytes(struct strbuf *buffer, const char *bytes, size_t length)
{
	if (!reserve(buffer, length))
		return;
	memcpy(buffer->text + buffer->length, bytes, length);
	buffer->length += length;
	buffer->text[buffer->length] = '\0';
}

void strbuf_append(struct strbuf *buffer, const char *text)
{
	strbuf_append_bytes(buffer, text, strlen(text));
}

void strbuf_append_format(struct strbuf *buffer, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0 || !reserve(buffer, (size_t)length))
		return;
	va_start(args, format);
	vsnprintf(buffer->text + buffer->length, (size_t)length + 1, format, args);
	va_end(args);
	buffer->length += (size_t)length;
}

char *strbuf_steal(struct strbuf *buffer)
{
	char *text = NULL;

	strbuf_append_bytes(buffer, "", 0);
	if (!buffer->has_failed) {
		text = buffer->text;
		buffer->text = NULL;
	}
	strbuf_clean(buffer);
	return text;
}
