/* SPDX-License-Identifier: MIT */
#include "io/terminal_text.h"

#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static bool is_utf8;

void terminal_text_init(void)
{
	setlocale(LC_CTYPE, "");
	is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

size_t terminal_width(size_t otherwise)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : otherwise;
}

struct character {
	char octets[5];
	size_t length; /* of the text that it was read from */
	size_t width;
};

/* Of well-formed UTF-8 the code point and its length; else U+FFFD and one octet. */
static uint32_t decode(const char *text, size_t *length)
{
	static const struct {
		uint8_t mask, lead, n_more;
	} forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 1}, {0xf0, 0xe0, 2}, {0xf8, 0xf0, 3}};
	const uint8_t *at = (const uint8_t *)text;

	*length = 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		uint32_t point = *at & (uint8_t)~forms[i].mask;

		if ((*at & forms[i].mask) != forms[i].lead)
			continue;
		for (size_t k = 1; k <= forms[i].n_more; k++) {
			if ((at[k] & 0xc0) != 0x80)
				return 0xfffd;
			point = point << 6 | (at[k] & 0x3f);
		}
		*length = 1 + forms[i].n_more;
		return point;
	}
	return 0xfffd;
}

/* Marks, embeddings, overrides and isolates (Unicode, UAX 9): they would turn the rest of the line. */
static bool turns_direction(uint32_t point)
{
	return point == 0x061c || point == 0x200e || point == 0x200f || (point >= 0x202a && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069);
}

/* Joiners, variation selectors, skin tones: some terminals merge what they join, and then the rest of the line moves.
 */
static bool is_joiner(uint32_t point)
{
	return (point >= 0x200b && point <= 0x200d) || (point >= 0x2060 && point <= 0x2064) ||
	       (point >= 0xfe00 && point <= 0xfe0f) || (point >= 0x1f3fb && point <= 0x1f3ff) ||
	       (point >= 0xe0000 && point <= 0xe01ef);
}

static struct character next_character(const char *text)
{
	struct character character = {.octets = "?", .width = 1};
	const uint32_t point = decode(text, &character.length);

	if (is_joiner(point))
		return (struct character){.length = character.length};

	const bool is_ascii = point >= ' ' && point < 0x7f;
	const int width = is_ascii ? 1 : is_utf8 && !turns_direction(point) ? wcwidth((wchar_t)point) : -1;

	if (width < 0 || point == 0xfffd)
		return character;
	memset(character.octets, 0, sizeof(character.octets));
	memcpy(character.octets, text, character.length);
	character.width = (size_t)width;
	return character;
}

static size_t measure(const char *text)
{
	size_t width = 0;

	while (*text) {
		const struct character character = next_character(text);

		width += character.width;
		text += character.length;
	}
	return width;
}

/* Returns the columns that it took. */
static size_t append_cut(struct strbuf *out, const char *text, size_t width)
{
	size_t used = 0;

	while (*text) {
		const struct character character = next_character(text);

		if (used + character.width > width)
			break;
		strbuf_append(out, character.octets);
		used += character.width;
		text += character.length;
	}
	return used;
}

static void append_blanks(struct strbuf *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strbuf_append(out, " ");
}

void terminal_text_append(struct strbuf *out, const char *text, size_t width, bool is_right)
{
	const char *shown = text ? text : "";
	const size_t whole = measure(shown);

	if (width == 0)
		return;
	if (whole <= width) {
		append_blanks(out, is_right ? width - whole : 0);
		append_cut(out, shown, width);
		append_blanks(out, is_right ? 0 : width - whole);
		return;
	}

	const size_t used = append_cut(out, shown, width - 1);
	strbuf_append(out, "~");
	append_blanks(out, width - 1 - used);
}
