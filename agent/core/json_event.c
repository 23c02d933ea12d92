/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "core/event.h"
#include "core/format.h"
#include "core/json.h"

/* As a login names them. */
static const char *const limit_names[] = {
	[LOGIN_SESSION_TIMEOUT] = "session_timeout", [LOGIN_IDLE_TIMEOUT] = "idle_timeout",
	[LOGIN_MAX_BYTES_TOTAL] = "max_bytes_total", [LOGIN_MAX_BYTES_DOWN] = "max_bytes_down",
	[LOGIN_MAX_BYTES_UP] = "max_bytes_up",
};
_Static_assert(ARRAY_LENGTH(limit_names) == LOGIN_N_LIMITS, "a name for each limit");

json_t *json_event(const struct event *event, const struct session_record *record,
		   const struct json_session_options *options)
{
	json_auto_t *object = json_object();
	json_t *session = json_session(record, options);
	char at[ISO_TEXT_SIZE];
	int r = json_object_set_new(object, "event", json_string(event_kind_name(event->kind)));

	r |= json_object_set_new(object, "at", json_string(format_iso(event->at.wall_ns, at)));
	if (event->kind == EVENT_SESSION_LIMIT)
		r |= json_object_set_new(object, "limit", json_string(limit_names[event->limit]));
	r |= json_set_person(session, &record->identity);
	r |= json_object_set_new(object, "session", session);
	return r ? NULL : TAKE_PTR(object);
}
