/* SPDX-License-Identifier: MIT */
/*
 * Bodies of write calls: which fields there are, what they mean, and what is wrong with them. What is not in the
 * table is an error, and all errors of a body are found. null and "" say that a field has no value.
 */
#ifndef CORE_API_BODY_H
#define CORE_API_BODY_H

#include <jansson.h>
#include <stdbool.h>

#include "core/api_errors.h"
#include "core/http_message.h"
#include "core/login.h"

struct api;

/* Octets of a text. */
#define API_TEXT_MAX 255

/* In the order of validation errors. */
enum api_field {
	API_FIELD_MAC,
	API_FIELD_IP,
	API_FIELD_ID,
	API_FIELD_USERNAME,
	API_FIELD_NAME,
	API_FIELD_EMAIL,
	API_FIELD_GUEST_ID,
	API_FIELD_YAS_ID,
	API_FIELD_ACCESS_CODE,
	API_FIELD_LOGIN_TYPE_NAME,
	API_FIELD_SERVICE_PROFILE_NAME,
	API_FIELD_LOCATION_ID,
	API_FIELD_HOST_NAME,
	API_FIELD_DEVICE_DESCRIPTION,
	API_FIELD_LIMITS,
	API_FIELD_EXTERNAL_ID,
	API_FIELD_REASON,
	API_FIELD_INTERFACE,
	API_N_FIELDS
};

/* Which call a body is of. */
enum api_body_use {
	API_BODY_LOGIN = 1,
	API_BODY_BINDING = 2, /* one item of POST /bindings */
	API_BODY_CHANGE = 4,
	API_BODY_DISCONNECT = 8,
	API_BODY_LOGOUT = 16,
	API_BODY_LOST = 32,
};

/* A body, understood. Owned. */
struct api_body {
	unsigned int mentioned; /* bit of each field that is there, with or without a value */
	struct mac_addr mac;
	struct ip_addr ip;         /* unspecified: none */
	char *texts[API_N_FIELDS]; /* of fields that are texts; NULL: none */
	struct login_limits limits;
	unsigned int limits_mentioned; /* of enum login_limit; all of them by "limits": null */
	unsigned int limits_given;     /* with a number */
};

/*
 * Reads the JSON text of a request. A body may be missing only where is_optional; it is an empty object then. NULL,
 * and the response says why: 415 for another type, 400 for what is no JSON.
 */
json_t *api_body_parse(const struct http_request *http, bool is_optional, struct http_response *response);

/*
 * Appends to errors what is wrong; *out is to be cleaned in any case. A service profile must be one of the
 * configuration's, for a misspelt one would lift all limits; where there are none, its name is a label of the portal's.
 */
void api_body_read(const struct api *api, json_t *value, enum api_body_use use, struct api_body *out,
		   struct api_errors *errors);
void api_body_clean(struct api_body *body);

/* Says that there is no field of that name; parent is "" or "<field>.". */
void api_body_unknown(struct api_errors *errors, const char *parent, const char *name);

bool api_body_mentions(const struct api_body *body, enum api_field field);
/* Only these fields are there, and maybe not all of them; a bit for each. */
bool api_body_has_only(const struct api_body *body, unsigned int fields);

/* Moves what it says of a person to *identity, which is overwritten. The bits of the fields that are mentioned. */
unsigned int api_body_take_identity(struct api_body *body, struct identity *identity);

#endif
