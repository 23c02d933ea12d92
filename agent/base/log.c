/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int priority; /* RFC 5424, 6.2.1 */
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", 3},
	[LOG_LEVEL_WARNING] = {"warning", 4},
	[LOG_LEVEL_INFO] = {"info", 6},
	[LOG_LEVEL_DEBUG] = {"debug", 7},
};
_Static_assert(sizeof(levels) / sizeof(levels[0]) == LOG_N_LEVELS, "a name for each level");

static enum log_level max_level = LOG_LEVEL_INFO;
static int prefix_on;

void log_init(enum log_level level, int has_prefix)
{
	max_level = level;
	prefix_on = has_prefix;
}

int log_level_parse(const char *name)
{
	for (int level = 0; level < LOG_N_LEVELS; level++)
		if (strcmp(levels[level].name, name) == 0)
			return level;
	return -1;
}

static void print_line(enum log_level level, const char *format, va_list args, const char *reason)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, args);
	if (prefix_on)
		fprintf(stderr, "<%d>", levels[level].priority);
	else
		fprintf(stderr, "octetd: %s: ", levels[level].name);
	fprintf(stderr, reason ? "%s: %s\n" : "%s\n", line, reason);
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	if (level > max_level)
		return;
	va_start(args, format);
	print_line(level, format, args, NULL);
	va_end(args);
}

int log_errno(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(LOG_LEVEL_ERROR, format, args, strerror(-error));
	va_end(args);
	return error;
}
