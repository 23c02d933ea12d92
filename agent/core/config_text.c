/* SPDX-License-Identifier: MIT */
#include "core/config_text.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void blank(char *from, const char *to)
{
	for (; from < to; from++)
		if (*from != '\n')
			*from = ' ';
}

/* Behind the text in single quotes that begins at start; NULL when it is not closed. */
static char *skip_single(char *start)
{
	char *cursor = start + 1;

	while (*cursor && *cursor != '\'')
		cursor += *cursor == '\\' && cursor[1] ? 2 : 1;
	return *cursor ? cursor + 1 : NULL;
}

/* "\400" and "\8" are no characters, and a NUL, however written, would cut the text short in silence. */
static bool is_bad_escape(const char *backslash)
{
	const char *digits = backslash + 1;
	const size_t n_digits = strspn(digits, "0123456789");

	if (digits[0] == 'x' && digits[1] == '0')
		return digits[2] == '0' || !isxdigit((unsigned char)digits[2]);
	if (!n_digits)
		return false;
	const long value = strtol(digits, NULL, 8);
	return n_digits > 3 || strspn(digits, "01234567") < n_digits || value == 0 || value > UCHAR_MAX;
}

/* The same for double quotes; *bad is a backslash whose digits make no character, and then it stops there. */
static char *skip_double(char *start, char **bad)
{
	char *cursor = start + 1;

	while (*cursor && *cursor != '"') {
		/* ${NAME:-default} may have quotes inside */
		if (strncmp(cursor, "${", 2) == 0 && strchr(cursor, '}')) {
			cursor = strchr(cursor, '}');
		} else if (*cursor == '\\' && cursor[1]) {
			if (is_bad_escape(cursor)) {
				*bad = cursor;
				return NULL;
			}
			cursor++;
		}
		cursor++;
	}
	return *cursor ? cursor + 1 : NULL;
}

/* Behind the comment that begins at start; NULL when it is not closed. */
static char *skip_comment(char *start)
{
	char *end;

	if (strncmp(start, "/*", 2) != 0)
		return start + strcspn(start, "\n");
	end = strstr(start + 2, "*/");
	return end ? end + 2 : NULL;
}

static bool begins_comment(const char *cursor)
{
	return *cursor == '#' || strncmp(cursor, "//", 2) == 0 || strncmp(cursor, "/*", 2) == 0;
}

/* Behind what begins at cursor, comments blanked; NULL for a mistake, which is at *bad. */
static char *skip_item(char *cursor, char **bad)
{
	char *end = cursor + 1;

	*bad = cursor;
	if (begins_comment(cursor)) {
		end = skip_comment(cursor);
		if (end)
			blank(cursor, end);
	} else if (*cursor == '"') {
		end = skip_double(cursor, bad);
	} else if (*cursor == '\'') {
		end = skip_single(cursor);
	} else if (strncmp(cursor, "${", 2) == 0 && strchr(cursor, '}')) {
		end = strchr(cursor, '}') + 1;
	}
	return end;
}

static const char *reason_of(char c)
{
	if (c == '/')
		return "a comment begins here and is not closed; close it with */";
	if (c == '\\')
		return "these digits after a backslash make no character; write \\\\ for a backslash";
	return "a text in quotes begins here and is not closed; close it";
}

char *config_text_blank_comments(char *text, const char **reason)
{
	char *cursor = text;
	char *bad = NULL;

	while (*cursor) {
		cursor = skip_item(cursor, &bad);
		if (!cursor) {
			*reason = reason_of(*bad);
			return bad;
		}
	}
	return NULL;
}

int config_text_line(const char *text, const char *position)
{
	int line = 1;

	for (; text < position; text++)
		line += *text == '\n';
	return line;
}

static bool is_word_character(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static bool is_assignment(const char *text, const char *cursor, const char *key, size_t length)
{
	if (strncmp(cursor, key, length) != 0 || (cursor > text && is_word_character(cursor[-1])))
		return false;
	cursor += length;
	cursor += strspn(cursor, " \t\r\n");
	return cursor[*cursor == '+'] == '=';
}

int config_text_line_of_key(char *text, const char *key)
{
	const size_t length = strlen(key);
	const char *found = NULL;
	char *bad;

	for (char *cursor = text; cursor && *cursor; cursor = skip_item(cursor, &bad))
		if (is_assignment(text, cursor, key, length))
			found = cursor;
	return found ? config_text_line(text, found) : 0;
}

char *config_text_open_brace(char *text)
{
	char *open[8] = {NULL}; /* sections and lists go two deep; what is deeper is a mistake anyway */
	size_t depth = 0;
	char *bad;

	for (char *cursor = text; cursor && *cursor; cursor = skip_item(cursor, &bad)) {
		if (*cursor == '{' && depth < sizeof(open) / sizeof(open[0]))
			open[depth++] = cursor;
		else if (*cursor == '}' && depth)
			depth--;
	}
	return depth ? open[depth - 1] : NULL;
}

int config_text_line_of_word(const char *text, const char *word, int max)
{
	const size_t length = strlen(word);
	int found = max;
	int line = 1;

	if (!length)
		return max;
	for (const char *cursor = text; *cursor && line <= max; cursor++) {
		if (*cursor == '\n')
			line++;
		else if (strncmp(cursor, word, length) == 0 && !is_word_character(cursor[length]) &&
			 (cursor == text || !is_word_character(cursor[-1])))
			found = line;
	}
	return found;
}
