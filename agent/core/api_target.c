/* SPDX-License-Identifier: MIT */
#include "core/api_target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c ? strchr(digits, c | 0x20) : NULL;

	/* '|' also moves 0x10..0x19 onto the digits */
	if (!digit || (unsigned char)c < '0')
		return -1;
	return (int)(digit - digits);
}

/* Length of the UTF-8 sequence at text (RFC 3629, 4), 0 when there is none. */
static size_t utf8_length(const unsigned char *text)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max;
		size_t length;
	} forms[] = {
		{0x01, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
		if (text[0] < forms[i].first_min || text[0] > forms[i].first_max)
			continue;
		if (forms[i].length > 1 && (text[1] < forms[i].second_min || text[1] > forms[i].second_max))
			return 0;
		for (size_t k = 2; k < forms[i].length; k++) {
			if ((text[k] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].length;
	}
	return 0;
}

static bool is_utf8(const char *text)
{
	const unsigned char *cursor = (const unsigned char *)text;

	while (*cursor) {
		size_t length = utf8_length(cursor);

		if (length == 0)
			return false;
		cursor += length;
	}
	return true;
}

/* The octet that an escape at text stands for; -1 where there is none of 1 to max. */
static int read_escape(const char *text, size_t length, int max)
{
	int high, low, octet;

	if (length < 3 || text[0] != '%')
		return -1;
	high = hex_value(text[1]);
	low = hex_value(text[2]);
	if (high < 0 || low < 0)
		return -1;
	octet = high << 4 | low;
	return octet == 0 || octet > max ? -1 : octet;
}

/* NULL without memory. */
static char *decode(const char *text, size_t length, bool has_plus, bool is_ascii)
{
	const size_t escape_length = strlen("%ff");
	char *decoded = malloc((is_ascii ? length * escape_length : length) + 1);
	size_t n = 0;

	for (size_t i = 0; decoded && i < length; i++) {
		int octet = read_escape(&text[i], length - i, is_ascii ? 0x7f : 0xff);

		if (octet >= 0) {
			decoded[n++] = (char)octet;
			i += escape_length - 1;
		} else if (is_ascii && (unsigned char)text[i] >= 0x80) {
			n += (size_t)snprintf(&decoded[n], escape_length + 1, "%%%02X",
					      (unsigned int)(unsigned char)text[i]);
		} else if (has_plus && text[i] == '+') {
			decoded[n++] = ' ';
		} else {
			decoded[n++] = text[i];
		}
	}
	if (decoded)
		decoded[n] = '\0';
	return decoded;
}

int api_percent_decode(const char *text, size_t length, bool has_plus, char **out)
{
	CLEANUP_FREE char *decoded = decode(text, length, has_plus, false);

	if (decoded && !is_utf8(decoded)) {
		free(decoded);
		decoded = decode(text, length, has_plus, true);
	}
	if (!decoded)
		return -ENOMEM;
	*out = TAKE_PTR(decoded);
	return 0;
}

/* Moves *cursor from "http://authority" to what follows; 0, -EINVAL when this is no absolute-form. */
static int take_authority(const char **cursor, char **out_authority)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
		size_t length = strlen(schemes[i]);

		if (strncasecmp(*cursor, schemes[i], length) != 0)
			continue;
		*cursor += length;
		length = strcspn(*cursor, "/?");
		*out_authority = strndup(*cursor, length);
		*cursor += length;
		return *out_authority ? 0 : -ENOMEM;
	}
	return -EINVAL;
}

/* Fills in the segments of the path below the mount: "/sessions/10.0.0.1" or "". */
static int split(struct api_target *target, const char *path, size_t length)
{
	while (length && path[length - 1] == '/')
		length--;
	for (size_t i = 0; i < length && target->n_segments < API_SEGMENTS_MAX;) {
		const char *begin = path + i + 1;
		const char *slash = memchr(begin, '/', length - i - 1);
		size_t segment_length = slash ? (size_t)(slash - begin) : length - i - 1;
		int r = api_percent_decode(begin, segment_length, false, &target->segments[target->n_segments]);

		if (r)
			return r;
		target->n_segments++;
		i += segment_length + 1;
	}
	return 0;
}

int api_target_parse(const char *text, const char *mount, struct api_target *out)
{
	CLEANUP(api_target_clean) struct api_target target = {0};
	size_t mount_length = strlen(mount);
	size_t path_length;
	int r;

	if (*text != '/') {
		r = take_authority(&text, &target.authority);
		if (r)
			return r;
	}
	path_length = strcspn(text, "?");
	target.query = text[path_length] == '?' ? text + path_length + 1 : text + path_length;
	target.is_in_mount = path_length >= mount_length && memcmp(text, mount, mount_length) == 0 &&
			     (path_length == mount_length || text[mount_length] == '/');
	if (target.is_in_mount) {
		text += mount_length;
		path_length -= mount_length;
	}
	r = split(&target, text, path_length);
	if (r)
		return r;
	*out = target;
	target = (struct api_target){0};
	return 0;
}

void api_target_clean(struct api_target *target)
{
	while (target->n_segments)
		free(target->segments[--target->n_segments]);
	free(target->authority);
	*target = (struct api_target){0};
}
