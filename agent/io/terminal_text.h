/* SPDX-License-Identifier: MIT */
/*
 * Text of strangers on a terminal: in the width that it takes there, and without what a terminal would obey. Control
 * characters, those that turn the direction of writing, and what the locale cannot show become '?'.
 */
#ifndef IO_TERMINAL_TEXT_H
#define IO_TERMINAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* Takes the character set of the environment; once, before the rest. */
void terminal_text_init(void);

/* Columns of standard output; otherwise where it is no terminal or does not say. */
size_t terminal_width(size_t otherwise);

/*
 * Appends UTF-8 text, cut to so many columns (then it ends in '~') and filled up with blanks. text may be NULL:
 * nothing.
 */
void terminal_text_append(struct strbuf *out, const char *text, size_t width, bool is_right);

#endif
