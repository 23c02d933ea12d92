/* SPDX-License-Identifier: MIT */
/*
 * Query parameters: which there are, what they mean, and what is wrong with them. Unknown ones are ignored,
 * empty ones count as absent, of a repeated one the last wins.
 */
#ifndef CORE_API_PARAMS_H
#define CORE_API_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/api_errors.h"
#include "core/calendar.h"
#include "core/history.h"
#include "core/ports.h"

/* In the order of the specification's table, which is the order of validation errors. */
enum api_param {
	API_GUEST_ID,
	API_LOCATION_ID,
	API_GUEST_DEVICE_MAC,
	API_START_TIME,
	API_END_TIME,
	API_YAS_ID,
	API_ONLINE,
	API_LAST_SESSION_FIRST,
	API_PER_PAGE,
	API_AT,
	API_RAW,
	API_DETAILS,
	API_PAGE,
	API_LAST_EVENT_ID,
	API_N_PARAMS
};

enum api_argument_form {
	API_ARGUMENT_ABSENT,
	API_ARGUMENT_TEXT,
	API_ARGUMENT_ARRAY, /* guest_id[]=x */
};

struct api_argument {
	enum api_argument_form form;
	char *text;       /* owned; decoded, of API_ARGUMENT_TEXT only */
	const char *sent; /* borrowed from the query: the value as it was sent */
	size_t sent_length;
	size_t place; /* order of first mention, from 1; 0: not mentioned */
};

struct api_arguments {
	struct api_argument items[API_N_PARAMS];
};

/* Which parameters an endpoint looks at. */
enum api_param_use {
	API_USE_LIST = 1,
	API_USE_COUNT = 2,
	API_USE_ADDRESS = 4,
	API_USE_EVENTS = 8,
	API_USE_SESSION = 16
};

/* The parameters of a request, understood. */
struct api_params {
	struct session_filter filter;
	bool is_newest_first;
	bool is_raw;
	bool is_detailed;
	uint64_t per_page; /* 1..100 */
	uint64_t page;     /* 1..2^63 - 1 */
	bool has_at;
	struct calendar_span at;
	char *last_event_id; /* owned; NULL without one */
};

const char *api_param_name(enum api_param param);
bool api_param_is_used(enum api_param param, enum api_param_use use);

/* query is borrowed for as long as out lives. 0 or -ENOMEM. */
int api_arguments_parse(const char *query, struct api_arguments *out);
void api_arguments_clean(struct api_arguments *arguments);

/* Appends to errors what is wrong; *out is to be cleaned in any case. Moves texts out of arguments. */
void api_params_read(struct api_arguments *arguments, enum api_param_use use, const struct zone_port *zone,
		     struct api_params *out, struct api_errors *errors);
void api_params_clean(struct api_params *params);

#endif
