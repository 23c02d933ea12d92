/* SPDX-License-Identifier: MIT */
#include "core/api_params.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "core/api_target.h"

#define PER_PAGE_DEFAULT 10
#define PER_PAGE_MAX 100
#define USE_FILTER (API_USE_LIST | API_USE_COUNT)
#define USE_SHAPE (API_USE_LIST | API_USE_SESSION)

struct reader {
	const struct zone_port *zone;
	struct api_params *params;
};

static bool read_guest_id(const struct reader *reader, struct api_argument *argument)
{
	reader->params->filter.guest_id = TAKE_PTR(argument->text);
	return true;
}

static bool read_location_id(const struct reader *reader, struct api_argument *argument)
{
	reader->params->filter.location_id = TAKE_PTR(argument->text);
	return true;
}

static bool read_yas_id(const struct reader *reader, struct api_argument *argument)
{
	reader->params->filter.yas_id = TAKE_PTR(argument->text);
	return true;
}

static bool read_mac(const struct reader *reader, struct api_argument *argument)
{
	struct session_filter *filter = &reader->params->filter;

	filter->has_mac = mac_parse(argument->text, &filter->mac) == 0;
	return filter->has_mac;
}

static bool read_day(const struct reader *reader, const char *text, int64_t *out_wall_ns)
{
	struct zone_time date = {0};

	if (!calendar_parse_date(text, &date))
		return false;
	*out_wall_ns =
		calendar_nanoseconds(reader->zone->day_start(reader->zone->context, date.year, date.month, date.day));
	return true;
}

static bool read_start_time(const struct reader *reader, struct api_argument *argument)
{
	struct session_filter *filter = &reader->params->filter;

	filter->has_start_from = read_day(reader, argument->text, &filter->start_from_wall_ns);
	return filter->has_start_from;
}

static bool read_end_time(const struct reader *reader, struct api_argument *argument)
{
	struct session_filter *filter = &reader->params->filter;

	filter->has_end_before = read_day(reader, argument->text, &filter->end_before_wall_ns);
	return filter->has_end_before;
}

static bool read_boolean(const char *text, bool *out)
{
	static const struct {
		const char *text;
		bool value;
	} spellings[] = {{"true", true}, {"false", false}, {"1", true}, {"0", false}};

	for (size_t i = 0; i < ARRAY_LENGTH(spellings); i++) {
		if (strcasecmp(text, spellings[i].text) == 0) {
			*out = spellings[i].value;
			return true;
		}
	}
	return false;
}

static bool read_online(const struct reader *reader, struct api_argument *argument)
{
	struct session_filter *filter = &reader->params->filter;

	filter->has_online = read_boolean(argument->text, &filter->is_online);
	return filter->has_online;
}

static bool read_last_session_first(const struct reader *reader, struct api_argument *argument)
{
	return read_boolean(argument->text, &reader->params->is_newest_first);
}

static bool read_raw(const struct reader *reader, struct api_argument *argument)
{
	return read_boolean(argument->text, &reader->params->is_raw);
}

static bool read_details(const struct reader *reader, struct api_argument *argument)
{
	return read_boolean(argument->text, &reader->params->is_detailed);
}

/* A whole number >= 1 without sign or leading zeros, as filter_var() of PHP takes it; saturates at 2^63 - 1. */
static bool read_positive(const char *text, uint64_t *out)
{
	uint64_t value = 0;

	if (*text < '1' || *text > '9')
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (value > (INT64_MAX - 9) / 10)
			value = INT64_MAX;
		else
			value = value * 10 + (uint64_t)(*text - '0');
	}
	*out = value;
	return true;
}

static bool read_per_page(const struct reader *reader, struct api_argument *argument)
{
	return read_positive(argument->text, &reader->params->per_page) && reader->params->per_page <= PER_PAGE_MAX;
}

static bool read_at(const struct reader *reader, struct api_argument *argument)
{
	reader->params->has_at = calendar_parse_rfc3339(argument->text, &reader->params->at);
	return reader->params->has_at;
}

/* Never an error: what is no page number means page 1. */
static bool read_page(const struct reader *reader, struct api_argument *argument)
{
	if (!read_positive(argument->text, &reader->params->page))
		reader->params->page = 1;
	return true;
}

static bool read_last_event_id(const struct reader *reader, struct api_argument *argument)
{
	reader->params->last_event_id = TAKE_PTR(argument->text);
	return true;
}

static const struct rule {
	const char *name;
	unsigned int uses; /* of enum api_param_use */
	const char *error; /* NULL: whatever is wrong is ignored */
	bool (*read)(const struct reader *reader, struct api_argument *argument);
} rules[] = {
	[API_GUEST_ID] = {"guest_id", USE_FILTER, "The guest id must be a string.", read_guest_id},
	[API_LOCATION_ID] = {"location_id", USE_FILTER, "The location id must be a string.", read_location_id},
	[API_GUEST_DEVICE_MAC] = {"guest_device_mac", USE_FILTER, "The guest device mac must be a valid MAC address.",
				  read_mac},
	[API_START_TIME] = {"start_time", USE_FILTER, "The start time must be a valid date in the format yyyy-mm-dd.",
			    read_start_time},
	[API_END_TIME] = {"end_time", USE_FILTER, "The end time must be a valid date in the format yyyy-mm-dd.",
			  read_end_time},
	[API_YAS_ID] = {"yas_id", USE_FILTER, "The yas id must be a string.", read_yas_id},
	[API_ONLINE] = {"online", USE_FILTER, "The online must be true or false.", read_online},
	[API_LAST_SESSION_FIRST] = {"last_session_first", USE_FILTER, "The last session first must be true or false.",
				    read_last_session_first},
	[API_PER_PAGE] = {"per_page", USE_FILTER, "The per page must be between 1 and 100.", read_per_page},
	[API_AT] = {"at", API_USE_ADDRESS,
		    "The at must be a valid time in the format of RFC 3339, such as 2017-01-05T06:50:55Z.", read_at},
	[API_RAW] = {"raw", USE_SHAPE, "The raw must be true or false.", read_raw},
	[API_DETAILS] = {"details", USE_SHAPE, "The details must be true or false.", read_details},
	[API_PAGE] = {"page", API_USE_LIST, NULL, read_page},
	[API_LAST_EVENT_ID] = {"last_event_id", API_USE_EVENTS, "The last event id must be a string.",
			       read_last_event_id},
};
_Static_assert(ARRAY_LENGTH(rules) == API_N_PARAMS, "a rule for each parameter");

const char *api_param_name(enum api_param param)
{
	return rules[param].name;
}

bool api_param_is_used(enum api_param param, enum api_param_use use)
{
	return rules[param].uses & use;
}

/* "name" and "name[...]" find the parameter; *is_array tells which it was. NULL for an unknown name. */
static struct api_argument *find(struct api_arguments *arguments, const char *name, bool *is_array)
{
	for (size_t i = 0; i < API_N_PARAMS; i++) {
		size_t length = strlen(rules[i].name);

		if (strncmp(name, rules[i].name, length) != 0)
			continue;
		*is_array = name[length] == '[' && strchr(name + length, ']');
		if (name[length] == '\0' || *is_array)
			return &arguments->items[i];
	}
	return NULL;
}

static int set_value(struct api_argument *argument, bool is_array, const char *value, size_t length)
{
	free(argument->text);
	argument->text = NULL;
	argument->sent = value;
	argument->sent_length = length;
	argument->form = is_array ? API_ARGUMENT_ARRAY : length > 0 ? API_ARGUMENT_TEXT : API_ARGUMENT_ABSENT;
	return argument->form == API_ARGUMENT_TEXT ? api_percent_decode(value, length, true, &argument->text) : 0;
}

/* One "name=value"; place counts the pairs. */
static int parse_pair(struct api_arguments *arguments, const char *pair, size_t length, size_t place)
{
	const char *equals = memchr(pair, '=', length);
	size_t name_length = equals ? (size_t)(equals - pair) : length;
	const char *value = equals ? equals + 1 : pair + length;
	CLEANUP_FREE char *name = NULL;
	struct api_argument *argument;
	bool is_array = false;
	int r = api_percent_decode(pair, name_length, true, &name);

	if (r)
		return r;
	argument = find(arguments, name, &is_array);
	if (!argument)
		return 0;
	if (!argument->place)
		argument->place = place;
	return set_value(argument, is_array, value, (size_t)(pair + length - value));
}

int api_arguments_parse(const char *query, struct api_arguments *out)
{
	CLEANUP(api_arguments_clean) struct api_arguments arguments = {0};

	for (size_t place = 1;; place++) {
		size_t length = strcspn(query, "&");
		int r = parse_pair(&arguments, query, length, place);

		if (r)
			return r;
		if (query[length] == '\0')
			break;
		query += length + 1;
	}
	*out = arguments;
	arguments = (struct api_arguments){0};
	return 0;
}

void api_arguments_clean(struct api_arguments *arguments)
{
	for (size_t i = 0; i < API_N_PARAMS; i++)
		free(arguments->items[i].text);
	*arguments = (struct api_arguments){0};
}

static bool is_wrong(const struct rule *rule, const struct reader *reader, struct api_argument *argument)
{
	switch (argument->form) {
	case API_ARGUMENT_ABSENT:
		return false;
	case API_ARGUMENT_TEXT:
		return !rule->read(reader, argument);
	case API_ARGUMENT_ARRAY:
		break;
	}
	return true;
}

void api_params_read(struct api_arguments *arguments, enum api_param_use use, const struct zone_port *zone,
		     struct api_params *out, struct api_errors *errors)
{
	const struct reader reader = {.zone = zone, .params = out};

	*out = (struct api_params){.per_page = PER_PAGE_DEFAULT, .page = 1};
	for (size_t i = 0; i < API_N_PARAMS; i++) {
		if ((rules[i].uses & use) && is_wrong(&rules[i], &reader, &arguments->items[i]) && rules[i].error)
			api_errors_add(errors, rules[i].name, "%s", rules[i].error);
	}
}

void api_params_clean(struct api_params *params)
{
	session_filter_clean(&params->filter);
	free(params->last_event_id);
	params->last_event_id = NULL;
}
