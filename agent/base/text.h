/* SPDX-License-Identifier: MIT */
/* Strings as several modules need them; NULL stands for "not known" and is none of them. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* *to becomes the caller's own copy, or NULL for NULL. 0, or -ENOMEM and *to is NULL. */
int text_copy(char **to, const char *from);

/* NULL is equal to NULL only. */
bool text_is_equal(const char *a, const char *b);

/* How much of a text in UTF-8 may be repeated in a message: at most max octets, and no character in part. */
int text_shown_length(const char *text, size_t max);

/* C0, DEL and C1 (ISO 6429) in a text in UTF-8; its octets, 0 when none is here. */
size_t text_control_length(const char *text);

#endif
