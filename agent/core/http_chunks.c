/* SPDX-License-Identifier: MIT */
#include "core/http_chunks.h"

#include <errno.h>
#include <string.h>

#define MAX_DIGITS 15 /* 2^60 octets */

enum state {
	CHUNK_SIZE,
	CHUNK_EXTENSION, /* anything up to the line's end */
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	TRAILER_BEGIN, /* of a line */
	TRAILER,
	TRAILER_LF,
	TRAILERS_LF, /* of the empty line that ends all */
};

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 'a' - 'A' : c) : NULL;

	return digit ? (int)(digit - digits) : -1;
}

/* False for what cannot stand here. */
static bool take_size(struct http_chunks *chunks, char c)
{
	const int digit = hex_digit(c);

	if (digit >= 0) {
		chunks->n_left = chunks->n_left << 4 | (unsigned int)digit;
		return ++chunks->n_digits <= MAX_DIGITS;
	}
	chunks->state = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
	return chunks->n_digits > 0 && c && strchr("\r; \t", c);
}

static bool expect(struct http_chunks *chunks, char c, char wanted, enum state next)
{
	chunks->state = next;
	return c == wanted;
}

/* One octet outside the data. */
static bool take(struct http_chunks *chunks, char c)
{
	switch ((enum state)chunks->state) {
	case CHUNK_SIZE:
		return take_size(chunks, c);
	case CHUNK_EXTENSION:
		if (c == '\r')
			chunks->state = CHUNK_SIZE_LF;
		return c != '\n';
	case CHUNK_SIZE_LF:
		chunks->n_digits = 0;
		return expect(chunks, c, '\n', chunks->n_left ? CHUNK_DATA : TRAILER_BEGIN);
	case CHUNK_DATA_CR:
		return expect(chunks, c, '\r', CHUNK_DATA_LF);
	case CHUNK_DATA_LF:
		return expect(chunks, c, '\n', CHUNK_SIZE);
	case TRAILER_BEGIN:
		chunks->state = c == '\r' ? TRAILERS_LF : TRAILER;
		return c != '\n';
	case TRAILER:
		if (c == '\r')
			chunks->state = TRAILER_LF;
		return c != '\n';
	case TRAILER_LF:
		return expect(chunks, c, '\n', TRAILER_BEGIN);
	case TRAILERS_LF:
		chunks->is_over = true;
		return c == '\n';
	case CHUNK_DATA:
		break;
	}
	return false;
}

int64_t http_chunks_decode(struct http_chunks *chunks, char *bytes, size_t length)
{
	size_t n_decoded = 0;

	for (size_t i = 0; i < length && !chunks->is_over;) {
		if (chunks->state != CHUNK_DATA) {
			if (!take(chunks, bytes[i++]))
				return -EBADMSG;
			continue;
		}
		const size_t n = chunks->n_left < length - i ? (size_t)chunks->n_left : length - i;

		memmove(bytes + n_decoded, bytes + i, n);
		n_decoded += n;
		i += n;
		chunks->n_left -= n;
		if (chunks->n_left == 0)
			chunks->state = CHUNK_DATA_CR;
	}
	return (int64_t)n_decoded;
}
