/* SPDX-License-Identifier: MIT */
/* What core needs from outside, as functions on plain data; the app hands them in. */
#ifndef CORE_PORTS_H
#define CORE_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/health.h"

/* Broken-down local time, in the location's zone. */
struct zone_time {
	int year;  /* 2017 */
	int month; /* 1..12 */
	int day;   /* 1..31 */
	int hour;  /* 0..23 */
	int minute;
	int second;
};

/* The location's time zone (io/zone.c). */
struct zone_port {
	void *context;
	/* Seconds since 1970 to local time, by the rule in force at that instant. */
	struct zone_time (*to_local)(void *context, int64_t wall_s);
	/* The first second of that local calendar day, in seconds since 1970. */
	int64_t (*day_start)(void *context, int year, int month, int day);
};

#define TOKEN_NAME_SIZE 64

enum token_scope { TOKEN_SCOPE_READ = 1, TOKEN_SCOPE_WRITE = 2, TOKEN_SCOPE_METRICS = 4 };

struct token_grant {
	char name[TOKEN_NAME_SIZE]; /* unique among tokens: the key of its rate limit */
	unsigned int scopes;        /* of enum token_scope */
};

/* Who may ask (io/token_file.c). */
struct token_port {
	void *context;
	/* True and *out when the text after "Bearer " is a valid token; takes the same time either way. */
	bool (*check)(void *context, const char *secret, struct token_grant *out);
};

/* What is known now about the agent itself (app.c). */
struct health_port {
	void *context;
	/* The answer is borrowed until the next call. */
	const struct health *(*get)(void *context);
};

/* The interfaces that are counted on (app_http.c). */
struct interface_port {
	void *context;
	/* The number of the one with that name; 0: none of them has it. */
	uint32_t (*find)(void *context, const char *name);
};

#endif
