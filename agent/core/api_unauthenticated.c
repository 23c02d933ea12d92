/* SPDX-License-Identifier: MIT */
/* GET /unauthenticated: who sends without the login that would begin a session. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "core/api_call.h"
#include "core/api_reply.h"
#include "core/json.h"

#define ITEMS_MAX 1000

struct devices {
	struct unauthenticated *items; /* owned */
	size_t n_items;
	size_t capacity;
};

static void devices_clean(struct devices *devices)
{
	free(devices->items);
}

static void take(void *context, const struct unauthenticated *device)
{
	struct devices *devices = context;

	if (devices->n_items < devices->capacity)
		devices->items[devices->n_items++] = *device;
}

static int compare_latest_first(const void *a, const void *b)
{
	const struct unauthenticated *left = a;
	const struct unauthenticated *right = b;

	if (left->last_seen.mono_ns != right->last_seen.mono_ns)
		return left->last_seen.mono_ns > right->last_seen.mono_ns ? -1 : 1;
	return mac_compare(&left->mac, &right->mac);
}

static json_t *json_devices(const struct session_engine *engine, const struct devices *devices)
{
	json_auto_t *array = json_array();
	int r = 0;

	for (size_t i = 0; !r && i < devices->n_items && i < ITEMS_MAX; i++) {
		const struct unauthenticated *device = &devices->items[i];

		r = json_array_append_new(array,
					  json_unauthenticated(device, session_engine_host_name(engine, &device->mac)));
	}
	return r ? NULL : TAKE_PTR(array);
}

enum api_step api_unauthenticated(const struct api_request *request, struct api_call *call,
				  struct http_response *response)
{
	const struct session_engine *engine = request->api->engine;
	CLEANUP(devices_clean) struct devices devices = {.capacity = session_engine_n_unauthenticated(engine)};
	json_auto_t *answer = NULL;
	int r;

	(void)call;
	devices.items = calloc(devices.capacity + 1, sizeof(*devices.items));
	if (!devices.items) {
		api_reply_message(response, 500, NULL);
		return API_ANSWERED;
	}
	session_engine_each_unauthenticated(engine, take, &devices);
	qsort(devices.items, devices.n_items, sizeof(*devices.items), compare_latest_first);
	answer = json_object();
	r = json_object_set_new(answer, "data", json_devices(engine, &devices));
	r |= json_object_set_new(answer, "count", json_uint(devices.n_items));
	api_reply_json(response, 200, r ? NULL : TAKE_PTR(answer));
	return API_ANSWERED;
}
