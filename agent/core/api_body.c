/* SPDX-License-Identifier: MIT */
#include "core/api_body.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/instant.h"
#include "base/text.h"
#include "core/api.h"
#include "core/api_reply.h"

#define MEDIA_TYPE "application/json"
/* What is repeated of the name of an unknown field. */
#define NAME_SHOWN_MAX 64
#define LABEL_SIZE 32
#define FIELD_SIZE (NAME_SHOWN_MAX + sizeof("limits."))
#define MAC_USES (API_BODY_LOGIN | API_BODY_BINDING | API_BODY_LOGOUT | API_BODY_LOST)
#define LOGIN_USES (API_BODY_LOGIN | API_BODY_BINDING)
#define GUEST_USES (LOGIN_USES | API_BODY_CHANGE)
#define ALL_LIMITS ((1u << LOGIN_N_LIMITS) - 1)

struct reader {
	const struct api *api;
	struct api_body *body;
	struct api_errors *errors;
};

static void read_mac(const struct reader *reader, enum api_field field, json_t *value);
static void read_ip(const struct reader *reader, enum api_field field, json_t *value);
static void read_text(const struct reader *reader, enum api_field field, json_t *value);
static void read_profile(const struct reader *reader, enum api_field field, json_t *value);
static void read_limits(const struct reader *reader, enum api_field field, json_t *value);

static const struct {
	const char *name;
	unsigned int uses; /* of enum api_body_use */
	void (*read)(const struct reader *reader, enum api_field field, json_t *value);
} fields[] = {
	[API_FIELD_MAC] = {"mac", MAC_USES, read_mac},
	[API_FIELD_IP] = {"ip", LOGIN_USES | API_BODY_LOGOUT, read_ip},
	[API_FIELD_ID] = {"id", API_BODY_LOGOUT, read_text},
	[API_FIELD_USERNAME] = {"username", GUEST_USES, read_text},
	[API_FIELD_NAME] = {"name", GUEST_USES, read_text},
	[API_FIELD_EMAIL] = {"email", GUEST_USES, read_text},
	[API_FIELD_GUEST_ID] = {"guest_id", GUEST_USES, read_text},
	[API_FIELD_YAS_ID] = {"yas_id", GUEST_USES, read_text},
	[API_FIELD_ACCESS_CODE] = {"access_code", GUEST_USES, read_text},
	[API_FIELD_LOGIN_TYPE_NAME] = {"login_type_name", GUEST_USES, read_text},
	[API_FIELD_SERVICE_PROFILE_NAME] = {"service_profile_name", GUEST_USES, read_profile},
	[API_FIELD_LOCATION_ID] = {"location_id", LOGIN_USES, read_text},
	[API_FIELD_HOST_NAME] = {"host_name", API_BODY_BINDING, read_text},
	[API_FIELD_DEVICE_DESCRIPTION] = {"device_description", GUEST_USES, read_text},
	[API_FIELD_LIMITS] = {"limits", GUEST_USES, read_limits},
	[API_FIELD_EXTERNAL_ID] = {"external_id", LOGIN_USES | API_BODY_LOGOUT, read_text},
	[API_FIELD_REASON] = {"reason", API_BODY_DISCONNECT | API_BODY_LOGOUT, read_text},
	[API_FIELD_INTERFACE] = {"interface", API_BODY_LOST, read_text},
};
_Static_assert(ARRAY_LENGTH(fields) == API_N_FIELDS, "a row for each field");

/* Seconds are those that RADIUS can say (32 bits: RFC 2865, 5.27); so their nanoseconds fit, whatever they are added
 * to. */
static const struct {
	const char *name;
	int64_t max;
	int64_t unit; /* what is kept of one */
	const char *unit_name;
} limits[] = {
	[LOGIN_SESSION_TIMEOUT] = {"session_timeout_s", UINT32_MAX, NS_PER_S, "seconds"},
	[LOGIN_IDLE_TIMEOUT] = {"idle_timeout_s", UINT32_MAX, NS_PER_S, "seconds"},
	[LOGIN_MAX_BYTES_TOTAL] = {"max_bytes_total", INT64_MAX, 1, "octets"},
	[LOGIN_MAX_BYTES_DOWN] = {"max_bytes_down", INT64_MAX, 1, "octets"},
	[LOGIN_MAX_BYTES_UP] = {"max_bytes_up", INT64_MAX, 1, "octets"},
};
_Static_assert(ARRAY_LENGTH(limits) == LOGIN_N_LIMITS, "a row for each limit");

/* In the order of struct identity. */
static const enum api_field identity_fields[] = {
	[IDENTITY_GUEST_ID] = API_FIELD_GUEST_ID,
	[IDENTITY_USERNAME] = API_FIELD_USERNAME,
	[IDENTITY_NAME] = API_FIELD_NAME,
	[IDENTITY_EMAIL] = API_FIELD_EMAIL,
	[IDENTITY_YAS_ID] = API_FIELD_YAS_ID,
	[IDENTITY_ACCESS_CODE] = API_FIELD_ACCESS_CODE,
	[IDENTITY_LOGIN_TYPE_NAME] = API_FIELD_LOGIN_TYPE_NAME,
	[IDENTITY_SERVICE_PROFILE_NAME] = API_FIELD_SERVICE_PROFILE_NAME,
	[IDENTITY_DEVICE_DESCRIPTION] = API_FIELD_DEVICE_DESCRIPTION,
};
_Static_assert(ARRAY_LENGTH(identity_fields) == IDENTITY_N_FIELDS, "a field for each string");

/* ---- the text */

static bool is_json_type(const char *type)
{
	size_t length = strlen(MEDIA_TYPE);

	if (!type)
		return true;
	return strncasecmp(type, MEDIA_TYPE, length) == 0 && strchr("; \t", type[length]);
}

/*
 * A number that is too large fails the whole text, and then nobody would learn in which field. So it is read once
 * more with all numbers as floating point.
 */
static json_t *load(const char *text, size_t length, json_error_t *error)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
	json_t *value = json_loadb(text, length, flags, error);

	if (!value && json_error_code(error) == json_error_numeric_overflow)
		value = json_loadb(text, length, flags | JSON_DECODE_INT_AS_REAL, error);
	return value;
}

/* The library's words, but for what it says in those of its programming interface. */
static const char *words_of(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a string cannot have the character \\u0000";
	case json_error_stack_overflow:
		return "it is nested too deeply";
	default:
		return error->text;
	}
}

static void refuse_text(const json_error_t *error, struct http_response *response)
{
	json_auto_t *message = NULL;

	if (json_error_code(error) == json_error_out_of_memory) {
		api_reply_message(response, 500, NULL);
		return;
	}
	message = json_sprintf("The body is not valid JSON: %s (line %d, column %d).", words_of(error), error->line,
			       error->column);
	/* the library's words may repeat a part of the text that is no UTF-8 */
	api_reply_message(response, 400, message ? json_string_value(message) : "The body is not valid JSON.");
}

json_t *api_body_parse(const struct http_request *http, bool is_optional, struct http_response *response)
{
	json_error_t error;
	json_t *value;

	if (http->body_length == 0) {
		value = is_optional ? json_object() : NULL;
		if (!value)
			api_reply_message(response, is_optional ? 500 : 400,
					  is_optional ? NULL : "The body is empty: a JSON object is needed.");
		return value;
	}
	if (!is_json_type(http->content_type)) {
		api_reply_message(response, 415, NULL);
		return NULL;
	}
	value = load(http->body, http->body_length, &error);
	if (!value)
		refuse_text(&error, response);
	return value;
}

/* ---- the fields */

/* "device_description" in a sentence. */
static const char *label(const char *name, char text[LABEL_SIZE])
{
	snprintf(text, LABEL_SIZE, "%s", name);
	for (char *c = text; *c; c++) {
		if (*c == '_')
			*c = ' ';
	}
	return text;
}

static void complain(const struct reader *reader, enum api_field field, const char *what)
{
	char text[LABEL_SIZE];

	api_errors_add(reader->errors, fields[field].name, "The %s must %s.", label(fields[field].name, text), what);
}

static void read_mac(const struct reader *reader, enum api_field field, json_t *value)
{
	static const struct mac_addr zero = {{0}};
	const char *text = json_string_value(value);
	struct mac_addr mac;

	if (!text || mac_parse(text, &mac))
		complain(reader, field, "be a valid MAC address");
	else if (mac_is_group(&mac) || mac_compare(&mac, &zero) == 0)
		complain(reader, field, "be the address of one device");
	else
		reader->body->mac = mac;
}

static void read_ip(const struct reader *reader, enum api_field field, json_t *value)
{
	const char *text = json_string_value(value);
	struct ip_addr ip;

	if (!text || ip_parse(text, &ip))
		complain(reader, field, "be a valid IP address");
	else if (!ip_is_assignable(&ip))
		complain(reader, field, "be an address that a device can have");
	else
		reader->body->ip = ip;
}

static bool has_control(const char *text)
{
	while (*text && !text_control_length(text))
		text++;
	return *text;
}

static void read_text(const struct reader *reader, enum api_field field, json_t *value)
{
	const char *text = json_string_value(value);

	if (!text) {
		complain(reader, field, "be a string");
		return;
	}
	if (json_string_length(value) > API_TEXT_MAX)
		complain(reader, field, "not be longer than 255 octets");
	if (has_control(text))
		complain(reader, field, "not contain control characters");
	reader->body->texts[field] = strdup(text);
	if (!reader->body->texts[field])
		reader->errors->has_failed = true;
}

_Static_assert(API_TEXT_MAX == 255, "as the sentence says");

static void read_profile(const struct reader *reader, enum api_field field, json_t *value)
{
	const struct api *api = reader->api;
	const size_t n_errors = reader->errors->n_errors;
	const char *name;

	read_text(reader, field, value);
	name = reader->body->texts[field];
	if (api->n_profiles == 0 || !name || reader->errors->n_errors > n_errors ||
	    profile_find(api->profiles, api->n_profiles, name))
		return;
	api_errors_add(reader->errors, fields[field].name,
		       "The service_profile_name \"%.*s\" is not configured; name a profile of the configuration, "
		       "or none.",
		       text_shown_length(name, NAME_SHOWN_MAX), name);
}

/* A whole number from 0 to max; also one that is written as "1.5e3", as far as that is exact. */
static bool read_number(const json_t *value, int64_t max, int64_t *out)
{
	double real = json_real_value(value);

	if (json_is_integer(value))
		*out = json_integer_value(value);
	else if (json_is_real(value) && real >= 0 && real < 0x1p53 && (double)(int64_t)real == real)
		*out = (int64_t)real;
	else
		return false;
	return *out >= 0 && *out <= max;
}

static void read_limit(const struct reader *reader, enum login_limit limit, const json_t *value)
{
	struct api_body *body = reader->body;
	char field[FIELD_SIZE];
	int64_t kept;

	body->limits_mentioned |= 1u << limit;
	if (json_is_null(value))
		return;
	if (read_number(value, limits[limit].max, &kept)) {
		kept *= limits[limit].unit;
		login_limits_override(
			&body->limits,
			&(struct login_limits){kept, kept, (uint64_t)kept, (uint64_t)kept, (uint64_t)kept},
			1u << limit);
		body->limits_given |= 1u << limit;
		return;
	}
	snprintf(field, sizeof(field), "limits.%s", limits[limit].name);
	api_errors_add(reader->errors, field, "The %s must be a whole number of %s from 0 to %" PRId64 ".", field,
		       limits[limit].unit_name, limits[limit].max);
}

void api_body_unknown(struct api_errors *errors, const char *parent, const char *name)
{
	char field[FIELD_SIZE];

	snprintf(field, sizeof(field), "%s%.*s", parent, text_shown_length(name, NAME_SHOWN_MAX), name);
	api_errors_add(errors, field, "There is no field %s here.", field);
}

static bool is_limit(const char *name)
{
	for (size_t i = 0; i < LOGIN_N_LIMITS; i++) {
		if (strcmp(name, limits[i].name) == 0)
			return true;
	}
	return false;
}

static void read_limits(const struct reader *reader, enum api_field field, json_t *value)
{
	const char *name;
	json_t *member;

	if (!json_is_object(value)) {
		complain(reader, field, "be an object");
		return;
	}
	for (enum login_limit i = 0; i < LOGIN_N_LIMITS; i++) {
		member = json_object_get(value, limits[i].name);
		if (member)
			read_limit(reader, i, member);
	}
	json_object_foreach(value, name, member)
	{
		if (!is_limit(name))
			api_body_unknown(reader->errors, "limits.", name);
	}
}

/* ---- a body */

static bool is_field(const char *name, enum api_body_use use)
{
	for (size_t i = 0; i < API_N_FIELDS; i++) {
		if ((fields[i].uses & use) && strcmp(name, fields[i].name) == 0)
			return true;
	}
	return false;
}

/* Of null and "" it is only known that they are there. */
static void read_field(const struct reader *reader, enum api_field field, json_t *value)
{
	reader->body->mentioned |= 1u << field;
	if (json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0)) {
		if (field == API_FIELD_LIMITS)
			reader->body->limits_mentioned = ALL_LIMITS;
		return;
	}
	fields[field].read(reader, field, value);
}

static bool has_value(const json_t *object, enum api_field field)
{
	const json_t *value = json_object_get(object, fields[field].name);

	return value && !json_is_null(value) && !(json_is_string(value) && json_string_length(value) == 0);
}

/* Who it is about: one device, and said in one way. */
static void check_subject(const struct reader *reader, const json_t *object, enum api_body_use use)
{
	int n_subjects =
		has_value(object, API_FIELD_MAC) + has_value(object, API_FIELD_IP) + has_value(object, API_FIELD_ID);

	if (use == API_BODY_LOGOUT && n_subjects != 1)
		api_errors_add(reader->errors, fields[API_FIELD_MAC].name,
			       "Exactly one of mac, ip and id must be given.");
	else if ((use & (LOGIN_USES | API_BODY_LOST)) && !has_value(object, API_FIELD_MAC))
		api_errors_add(reader->errors, fields[API_FIELD_MAC].name, "The mac is required.");
}

void api_body_read(const struct api *api, json_t *value, enum api_body_use use, struct api_body *out,
		   struct api_errors *errors)
{
	const struct reader reader = {.api = api, .body = out, .errors = errors};
	const char *name;
	json_t *member;

	*out = (struct api_body){0};
	if (!json_is_object(value)) {
		api_errors_add(errors, "body", "The body must be an object.");
		return;
	}
	check_subject(&reader, value, use);
	for (enum api_field i = 0; i < API_N_FIELDS; i++) {
		member = fields[i].uses & use ? json_object_get(value, fields[i].name) : NULL;
		if (member)
			read_field(&reader, i, member);
	}
	json_object_foreach(value, name, member)
	{
		if (!is_field(name, use))
			api_body_unknown(errors, "", name);
	}
}

void api_body_clean(struct api_body *body)
{
	for (size_t i = 0; i < API_N_FIELDS; i++)
		free(body->texts[i]);
	*body = (struct api_body){0};
}

bool api_body_mentions(const struct api_body *body, enum api_field field)
{
	return body->mentioned & 1u << field;
}

bool api_body_has_only(const struct api_body *body, unsigned int wanted)
{
	return !(body->mentioned & ~wanted);
}

unsigned int api_body_take_identity(struct api_body *body, struct identity *identity)
{
	unsigned int sets = 0;

	*identity = (struct identity){0};
	for (enum identity_field i = 0; i < IDENTITY_N_FIELDS; i++) {
		*identity_field(identity, i) = TAKE_PTR(body->texts[identity_fields[i]]);
		if (api_body_mentions(body, identity_fields[i]))
			sets |= 1u << i;
	}
	return sets;
}
