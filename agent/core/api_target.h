/* SPDX-License-Identifier: MIT */
/*
 * The request target (RFC 9112, 3.2) taken apart: the path as decoded segments below the mount, the query
 * as it was sent. Each octet is percent-decoded once, after the separators have been found.
 */
#ifndef CORE_API_TARGET_H
#define CORE_API_TARGET_H

#include <stdbool.h>
#include <stddef.h>

/* "/sessions/{id}/disconnect" has three; one more shows that a path is too long. */
#define API_SEGMENTS_MAX 4

struct api_target {
	char *segments[API_SEGMENTS_MAX]; /* owned, decoded; empty ones at the end are dropped */
	size_t n_segments;                /* API_SEGMENTS_MAX: that many or more */
	bool is_in_mount;
	char *authority;   /* owned; of an absolute-form target, else NULL */
	const char *query; /* borrowed from the target, after the '?'; "" without one */
};

/* 0; -EINVAL for a target that is neither origin-form nor absolute-form; -ENOMEM. */
int api_target_parse(const char *text, const char *mount, struct api_target *out);
void api_target_clean(struct api_target *target);

/*
 * A new string in UTF-8 with the escapes of text decoded, and '+' to a blank when has_plus. What cannot be decoded
 * stays literally: an escape without two digits or of a NUL; and where the whole would be no UTF-8, every octet
 * beyond ASCII is or becomes an escape. So what is no text still has a name, and is nobody's. 0 or -ENOMEM, and
 * *out is left alone then.
 */
int api_percent_decode(const char *text, size_t length, bool has_plus, char **out);

#endif
