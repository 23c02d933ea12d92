/* SPDX-License-Identifier: MIT */
/* Takes the chunked transfer coding (RFC 9112, 7.1) off octets as they come, in pieces of any size. */
#ifndef CORE_HTTP_CHUNKS_H
#define CORE_HTTP_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is the beginning of a body. */
struct http_chunks {
	unsigned int state;
	unsigned int n_digits;
	uint64_t n_left; /* octets of the chunk under way */
	bool is_over;    /* the last chunk and what trails it have been read */
};

/*
 * Decodes in place: what is left of bytes are octets of the body. Their number, or -EBADMSG for what is no such
 * coding; octets behind the end are ignored.
 */
int64_t http_chunks_decode(struct http_chunks *chunks, char *bytes, size_t length);

#endif
