/* SPDX-License-Identifier: MIT */
/*
 * POST /bindings: what a portal or a DHCP server knows of many devices at once. Each item is carried out and answered
 * for itself. One that says nothing but how a device is called describes it, any other is a login.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/api_reply.h"
#include "core/api_write.h"

#define LIST "bindings"
#define ITEMS_MAX 100

#define DESCRIPTION \
	(1u << API_FIELD_MAC | 1u << API_FIELD_IP | 1u << API_FIELD_HOST_NAME | 1u << API_FIELD_DEVICE_DESCRIPTION)

/* What is to be done with an item, or what is wrong with it. */
struct binding {
	struct api_body body;
	struct api_errors errors;
	int status;
	struct api_subject subject;
};

static void binding_clean(struct binding *binding)
{
	api_body_clean(&binding->body);
	api_errors_clean(&binding->errors);
}

/* What a device is called when nobody says more; 0 or -errno. */
static int name_device(const struct api_request *request, const struct api_body *body, enum api_field field)
{
	if (!api_body_mentions(body, field))
		return 0;
	return session_engine_name_device(request->api->engine, request->now, &body->mac, body->texts[field],
					  request->api->events);
}

/* The session that is on line keeps what the portal calls its device; 0 or -errno. */
static int describe_session(const struct api_request *request, const struct api_body *body)
{
	const struct session_record *record = session_engine_by_mac(request->api->engine, &body->mac);
	const struct login_change change = {
		.identity.device_description = body->texts[API_FIELD_DEVICE_DESCRIPTION],
		.identity_sets = 1u << IDENTITY_DEVICE_DESCRIPTION,
	};

	if (!record)
		return 0;
	return session_engine_change(request->api->engine, request->now, record->seq, &change, request->api->events);
}

static int status_of(int r)
{
	if (!r)
		return 200;
	return r == -ENOSPC ? 503 : 500;
}

/* A host name is the DHCP server's; without one the description is kept in its place, for sessions to come. */
static int describe(const struct api_request *request, const struct api_body *body)
{
	bool has_host_name = api_body_mentions(body, API_FIELD_HOST_NAME);
	bool has_description = api_body_mentions(body, API_FIELD_DEVICE_DESCRIPTION);
	bool is_logged_in = session_engine_login_of(request->api->engine, &body->mac) != NULL;
	int r = name_device(request, body, has_host_name ? API_FIELD_HOST_NAME : API_FIELD_DEVICE_DESCRIPTION);

	/* an anonymous session is called what the device is called */
	if (!r && has_description && (has_host_name || is_logged_in))
		r = describe_session(request, body);
	return status_of(r);
}

static void carry_out(const struct api_request *request, struct binding *binding)
{
	struct api_body *body = &binding->body;
	int status;

	if (api_body_has_only(body, DESCRIPTION)) {
		binding->status = describe(request, body);
		binding->subject = api_subject_of_device(request->api, &body->mac);
		return;
	}
	binding->status = api_log_in(request->api, request->now, body, &binding->subject);
	if (binding->status >= 300 || !api_body_mentions(body, API_FIELD_HOST_NAME))
		return;
	status = status_of(name_device(request, body, API_FIELD_HOST_NAME));
	if (status >= 300)
		binding->status = status;
	/* the session may be another record by now */
	binding->subject = api_subject_of_device(request->api, &body->mac);
}

/* The answer to one item; NULL without memory. */
static json_t *json_binding(const struct api_request *request, struct api_view view, const struct binding *binding)
{
	static const char *const names[] = {"message", "errors"};
	json_auto_t *object = json_object();
	char mac[MAC_TEXT_SIZE];
	json_auto_t *errors = NULL;
	int r = 0;

	if (binding->errors.n_errors) {
		errors = json_errors(&binding->errors);
		r |= json_object_set_new(object, "status", json_integer(422));
		for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
			r |= json_object_set(object, names[i], json_object_get(errors, names[i]));
		return r ? NULL : TAKE_PTR(object);
	}
	r |= json_object_set_new(object, "mac", json_string(mac_format(&binding->body.mac, mac)));
	r |= json_object_set_new(object, "status", json_integer(binding->status));
	if (binding->status == 503)
		r |= json_object_set_new(object, "message", json_string(api_too_many_logins));
	else if (binding->status == 409)
		r |= json_object_set_new(object, "message", json_string(api_login_over));
	else if (binding->status >= 500)
		r |= json_object_set_new(object, "message", json_string("Server Error"));
	else
		r |= json_object_set_new(object, "session",
					 api_json_subject(request->api, request->now, view, &binding->subject));
	return r ? NULL : TAKE_PTR(object);
}

static json_t *bind_one(const struct api_request *request, struct api_view view, json_t *item)
{
	CLEANUP(binding_clean) struct binding binding = {0};

	api_body_read(request->api, item, API_BODY_BINDING, &binding.body, &binding.errors);
	if (!binding.errors.n_errors && !binding.errors.has_failed)
		carry_out(request, &binding);
	else
		binding.status = 500;
	return json_binding(request, view, &binding);
}

/* {"bindings": [...]} or the array itself; NULL, and errors says why. */
static json_t *find_items(json_t *value, struct api_errors *errors)
{
	json_t *items = json_is_array(value) ? value : json_object_get(value, LIST);
	const char *name;
	json_t *member;

	json_object_foreach(value, name, member)
	{
		if (strcmp(name, LIST) != 0)
			api_body_unknown(errors, "", name);
	}
	if (!json_is_array(items))
		api_errors_add(errors, LIST, "The bindings must be an array.");
	else if (json_array_size(items) > ITEMS_MAX)
		api_errors_add(errors, LIST, "The bindings must not have more than %d items.", ITEMS_MAX);
	return errors->n_errors ? NULL : items;
}

enum api_step api_bindings(const struct api_request *request, struct api_call *call, struct http_response *response)
{
	CLEANUP(api_errors_clean) struct api_errors errors = {0};
	json_auto_t *value = api_body_parse(request->http, false, response);
	json_auto_t *answer = NULL;
	json_t *answers, *items;
	struct api_view view;
	int r;

	(void)call;
	if (!value)
		return API_ANSWERED;
	if (api_view_read(request, &view, &errors) == -ENOMEM) {
		api_reply_message(response, 500, NULL);
		return API_ANSWERED;
	}
	items = find_items(value, &errors);
	if (!items) {
		api_reply_errors(response, &errors);
		return API_ANSWERED;
	}
	answer = json_object();
	answers = json_array();
	r = json_object_set_new(answer, "data", answers);
	for (size_t i = 0; !r && i < json_array_size(items); i++)
		r = json_array_append_new(answers, bind_one(request, view, json_array_get(items, i)));
	api_reply_json(response, 200, r ? NULL : TAKE_PTR(answer));
	return API_CHANGED;
}
