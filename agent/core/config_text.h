/* SPDX-License-Identifier: MIT */
/*
 * Prepares the text of a configuration file for libconfuse (3.3), whose lexer counts each comment as a line
 * of its own, refuses comments in lists, takes an unclosed comment for the end of the file, and is left in the
 * middle of a text, for the next file too, when one is not closed or has a bad escape in it.
 */
#ifndef CORE_CONFIG_TEXT_H
#define CORE_CONFIG_TEXT_H

#include <stddef.h>

/*
 * Overwrites comments by spaces, line ends excepted. Returns NULL; or the place of the first mistake that the
 * lexer must not see, with a sentence in *reason.
 */
char *config_text_blank_comments(char *text, const char **reason);

/* The number of the line that position lies in; from 1. */
int config_text_line(const char *text, const char *position);

/*
 * The line of the last assignment to key outside quotes (KEY = or KEY +=); 0 when there is none. The text is one
 * in which config_text_blank_comments() found no mistake.
 */
int config_text_line_of_key(char *text, const char *key);

/* The innermost brace that is not closed at the end of such a text, or NULL; libconfuse takes an open section for good.
 */
char *config_text_open_brace(char *text);

/* The last line up to line max in which word stands as a word; max when there is none. */
int config_text_line_of_word(const char *text, const char *word, int max);

#endif
