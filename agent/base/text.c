/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int text_copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

bool text_is_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

int text_shown_length(const char *text, size_t max)
{
	size_t length = strlen(text);

	if (length > max) {
		length = max;
		while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	return (int)length;
}

size_t text_control_length(const char *text)
{
	const unsigned char *octets = (const unsigned char *)text;

	if ((octets[0] > 0 && octets[0] < 0x20) || octets[0] == 0x7f)
		return 1;
	/* U+0080 to U+009F */
	return octets[0] == 0xc2 && octets[1] >= 0x80 && octets[1] <= 0x9f ? 2 : 0;
}
