/* SPDX-License-Identifier: MIT */
#include "core/json.h"

#include <string.h>

#include "base/cleanup.h"
#include "core/calendar.h"
#include "core/format.h"

json_t *json_text(const char *text)
{
	CLEANUP_FREE char *ascii = NULL;
	json_t *value;

	if (!text || !*text)
		return json_null();
	value = json_string(text);
	if (value)
		return value;
	ascii = strdup(text);
	if (!ascii)
		return NULL;
	for (char *c = ascii; *c; c++) {
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	}
	return json_string(ascii);
}

json_t *json_uint(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

json_t *json_ip(const struct ip_addr *ip)
{
	char text[IP_TEXT_SIZE];

	return ip_is_unspecified(ip) ? json_null() : json_string(ip_format(ip, text));
}

json_t *json_traffic(const struct traffic *traffic)
{
	json_auto_t *object = json_object();
	int r = 0;

	r |= json_object_set_new(object, "up_bytes", json_uint(traffic->up_bytes));
	r |= json_object_set_new(object, "up_packets", json_uint(traffic->up_packets));
	r |= json_object_set_new(object, "down_bytes", json_uint(traffic->down_bytes));
	r |= json_object_set_new(object, "down_packets", json_uint(traffic->down_packets));
	return r ? NULL : TAKE_PTR(object);
}

/* A randomised MAC says nothing about the maker of the device, and that is worth saying. */
static const char *device_description(const struct mac_addr *mac, const char *name)
{
	if (name && *name)
		return name;
	return mac_is_local(mac) ? "Randomized MAC" : NULL;
}

static int set_device(json_t *object, const struct session_record *record, const struct public_id_key *id_key)
{
	const struct identity *identity = &record->identity;
	char id[PUBLIC_ID_SIZE];
	char mac[MAC_TEXT_SIZE];
	int r = 0;

	r |= json_object_set_new(object, "id", json_string(public_id_format(id_key, record->seq, id)));
	r |= json_object_set_new(object, "location_id", json_text(record->location_id));
	r |= json_object_set_new(object, "location_name", json_text(record->location_name));
	r |= json_object_set_new(object, "guest_device_description",
				 json_text(device_description(&record->mac, identity->device_description)));
	r |= json_object_set_new(object, "guest_device_mac", json_string(mac_format(&record->mac, mac)));
	r |= json_object_set_new(object, "guest_device_ip", json_ip(&record->primary_ip));
	r |= json_object_set_new(object, "access_code",
				 identity->access_code && *identity->access_code ? json_text(identity->access_code)
										 : json_string(""));
	r |= json_object_set_new(object, "login_type_name", json_text(identity->login_type_name));
	r |= json_object_set_new(object, "service_profile_name", json_text(identity->service_profile_name));
	return r;
}

static bool is_online(const struct session_record *record, const struct json_session_options *options)
{
	return session_record_is_online(record) && !options->is_waiting;
}

/* Of an ended session it is the difference of the two times that stand beside it, which are rounded down. */
static int64_t total_duration_s(const struct session_record *record, const struct json_session_options *options)
{
	int64_t ended_s = calendar_seconds(record->end.wall_ns) - calendar_seconds(record->start.wall_ns);

	if (is_online(record, options))
		return session_record_duration_ns(record, options->now) / NS_PER_S;
	return ended_s > 0 ? ended_s : 0;
}

static int set_use(json_t *object, const struct session_record *record, const struct json_session_options *options)
{
	bool is_on = is_online(record, options);
	char duration[DURATION_TEXT_SIZE];
	char down[SIZE_TEXT_SIZE];
	char up[SIZE_TEXT_SIZE];
	int r = 0;

	r |= json_object_set_new(object, "total_duration",
				 json_string(format_duration(total_duration_s(record, options), duration)));
	r |= json_object_set_new(object, "downloaded_data", json_string(format_size(record->traffic.down_bytes, down)));
	r |= json_object_set_new(object, "uploaded_data", json_string(format_size(record->traffic.up_bytes, up)));
	r |= json_object_set_new(object, "connection_status", json_string(is_on ? "Online" : "Offline"));
	r |= json_object_set_new(object, "connection_status_value", json_integer(is_on ? 1 : 0));
	return r;
}

static json_t *json_iso(int64_t wall_ns, bool is_known)
{
	char text[ISO_TEXT_SIZE];

	return is_known ? json_string(format_iso(wall_ns, text)) : json_null();
}

static json_t *json_local(const struct zone_port *zone, int64_t wall_ns, bool is_known)
{
	char text[LOCAL_TEXT_SIZE];

	return is_known ? json_string(format_local(zone, wall_ns, text)) : json_null();
}

static int set_times(json_t *object, const struct session_record *record, const struct json_session_options *options)
{
	const struct zone_port *zone = options->zone;
	bool has_begun = !options->is_waiting;
	bool has_ended = !session_record_is_online(record);
	int r = 0;

	r |= json_object_set_new(object, "start_time", json_iso(record->start.wall_ns, has_begun));
	r |= json_object_set_new(object, "start_time_formatted", json_local(zone, record->start.wall_ns, has_begun));
	r |= json_object_set_new(object, "end_time", json_iso(record->end.wall_ns, has_ended));
	r |= json_object_set_new(object, "end_time_formatted", json_local(zone, record->end.wall_ns, has_ended));
	return r;
}

static json_t *all_ips(const struct session_record *record)
{
	json_auto_t *array = json_array();
	int r = 0;

	for (size_t i = 0; i < record->n_addresses; i++)
		r |= json_array_append_new(array, json_ip(&record->addresses[i].ip));
	return r ? NULL : TAKE_PTR(array);
}

static int set_traffic(json_t *object, const struct traffic *traffic)
{
	int r = 0;

	r |= json_object_set_new(object, "downloaded_bytes", json_uint(traffic->down_bytes));
	r |= json_object_set_new(object, "uploaded_bytes", json_uint(traffic->up_bytes));
	r |= json_object_set_new(object, "downloaded_packets", json_uint(traffic->down_packets));
	r |= json_object_set_new(object, "uploaded_packets", json_uint(traffic->up_packets));
	return r;
}

static int set_raw(json_t *object, const struct session_record *record, const struct json_session_options *options)
{
	int r = set_traffic(object, &record->traffic);

	r |= json_object_set_new(object, "duration_seconds", json_integer(total_duration_s(record, options)));
	r |= json_object_set_new(object, "guest_device_ips", all_ips(record));
	r |= json_object_set_new(object, "terminate_cause", json_text(end_cause_name(record->cause)));
	return r;
}

/* null: no limit */
static json_t *json_limit_s(int64_t limit_ns)
{
	return limit_ns ? json_integer(limit_ns / NS_PER_S) : json_null();
}

static json_t *json_limit_bytes(uint64_t limit)
{
	return limit ? json_uint(limit) : json_null();
}

static json_t *json_limits(const struct login_limits *limits)
{
	json_auto_t *object = json_object();
	int r = 0;

	r |= json_object_set_new(object, "session_timeout_s", json_limit_s(limits->session_timeout_ns));
	r |= json_object_set_new(object, "idle_timeout_s", json_limit_s(limits->idle_timeout_ns));
	r |= json_object_set_new(object, "max_bytes_total", json_limit_bytes(limits->max_bytes_total));
	r |= json_object_set_new(object, "max_bytes_down", json_limit_bytes(limits->max_bytes_down));
	r |= json_object_set_new(object, "max_bytes_up", json_limit_bytes(limits->max_bytes_up));
	return r ? NULL : TAKE_PTR(object);
}

static json_t *json_idle_s(const struct session_record *record, const struct json_session_options *options)
{
	int64_t idle_ns = options->now.mono_ns - record->last_seen.mono_ns;

	if (!is_online(record, options))
		return json_null();
	return json_integer(idle_ns > 0 ? idle_ns / NS_PER_S : 0);
}

static int set_details(json_t *object, const struct session_record *record, const struct json_session_options *options)
{
	const struct login *login = options->login;
	int r = json_set_person(object, &record->identity);

	r |= json_object_set_new(object, "idle_seconds", json_idle_s(record, options));
	r |= json_object_set_new(object, "external_id", json_text(login ? login->external_id : NULL));
	r |= json_object_set_new(object, "limits", login ? json_limits(&login->limits) : json_null());
	return r;
}

json_t *json_session(const struct session_record *record, const struct json_session_options *options)
{
	json_auto_t *object = json_object();
	int r = set_device(object, record, options->id_key);

	r |= set_use(object, record, options);
	r |= set_times(object, record, options);
	r |= json_object_set_new(object, "guest_id", json_text(record->identity.guest_id));
	r |= json_object_set_new(object, "yas_id", json_text(record->identity.yas_id));
	if (options->is_raw)
		r |= set_raw(object, record, options);
	if (options->is_detailed)
		r |= set_details(object, record, options);
	return r ? NULL : TAKE_PTR(object);
}

json_t *json_unauthenticated(const struct unauthenticated *device, const char *name)
{
	json_auto_t *object = json_object();
	char mac[MAC_TEXT_SIZE];
	int r = 0;

	r |= json_object_set_new(object, "guest_device_mac", json_string(mac_format(&device->mac, mac)));
	r |= json_object_set_new(object, "guest_device_ip", json_ip(&device->ip));
	r |= json_object_set_new(object, "guest_device_description", json_text(device_description(&device->mac, name)));
	r |= json_object_set_new(object, "first_seen", json_iso(device->first_seen.wall_ns, true));
	r |= json_object_set_new(object, "last_seen", json_iso(device->last_seen.wall_ns, true));
	r |= set_traffic(object, &device->traffic);
	return r ? NULL : TAKE_PTR(object);
}

int json_set_person(json_t *object, const struct identity *identity)
{
	bool has_username = identity->username && *identity->username;
	int r = 0;

	r |= json_object_set_new(object, "username",
				 json_text(has_username ? identity->username : identity->access_code));
	r |= json_object_set_new(object, "name", json_text(identity->name));
	r |= json_object_set_new(object, "email", json_text(identity->email));
	return r;
}

json_t *json_address_holder(const struct ip_addr *ip, const struct identity *identity, int64_t duration_s)
{
	json_auto_t *object = json_object();
	int r = 0;

	r |= json_object_set_new(object, "ip_address", json_ip(ip));
	r |= json_set_person(object, identity);
	r |= json_object_set_new(object, "duration", json_integer(duration_s));
	return r ? NULL : TAKE_PTR(object);
}
