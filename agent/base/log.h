/* SPDX-License-Identifier: MIT */
/*
 * One line per event on standard error, with a syslog priority prefix ("<4>") when the journal or
 * procd reads it (JOURNAL_STREAM is looked at once, in log_init). An error is logged once, where it
 * enters the program, and names its subject; above that it only travels as a negative errno.
 *
 * Levels by consequence for the process: error - a part of the service is lost until somebody acts;
 * warning - degraded, will mend itself; info - a change of state an operator wants to see; debug.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_N_LEVELS };

/* Sets what is printed: everything up to and including level. has_prefix adds "<N>" for a log daemon. */
void log_init(enum log_level level, int has_prefix);

/* Returns the level of that name ("error", "warning", "info", "debug"), or -1. */
int log_level_parse(const char *name);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Logs at error level with ": <text of errno>" appended and returns error unchanged (a negative errno). */
int log_errno(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
