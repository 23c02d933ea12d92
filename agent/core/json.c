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
static const char *device_description(const struct session_record *record)
{
	if (record->identity.device_description && *record->identity.device_description)
		return record->identity.device_description;
	return mac_is_local(&record->mac) ? "Randomized MAC" : NULL;
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
	r |= json_object_set_new(object, "guest_device_description", json_text(device_description(record)));
	r |= json_object_set_new(object, "guest_device_mac", json_string(mac_format(&record->mac, mac)));
	r |= json_object_set_new(object, "guest_device_ip", json_ip(&record->primary_ip));
	r |= json_object_set_new(object, "access_code",
				 identity->access_code && *identity->access_code ? json_text(identity->access_code)
										 : json_string(""));
	r |= json_object_set_new(object, "login_type_name", json_text(identity->login_type_name));
	r |= json_object_set_new(object, "service_profile_name", json_text(identity->service_profile_name));
	return r;
}

/* Of an ended session it is the difference of the two times that stand beside it, which are rounded down. */
static int64_t total_duration_s(const struct session_record *record, struct instant now)
{
	int64_t ended_s = calendar_seconds(record->end.wall_ns) - calendar_seconds(record->start.wall_ns);

	if (session_record_is_online(record))
		return session_record_duration_ns(record, now) / NS_PER_S;
	return ended_s > 0 ? ended_s : 0;
}

static int set_use(json_t *object, const struct session_record *record, struct instant now)
{
	bool is_online = session_record_is_online(record);
	char duration[DURATION_TEXT_SIZE];
	char down[SIZE_TEXT_SIZE];
	char up[SIZE_TEXT_SIZE];
	int r = 0;

	r |= json_object_set_new(object, "total_duration",
				 json_string(format_duration(total_duration_s(record, now), duration)));
	r |= json_object_set_new(object, "downloaded_data", json_string(format_size(record->traffic.down_bytes, down)));
	r |= json_object_set_new(object, "uploaded_data", json_string(format_size(record->traffic.up_bytes, up)));
	r |= json_object_set_new(object, "connection_status", json_string(is_online ? "Online" : "Offline"));
	r |= json_object_set_new(object, "connection_status_value", json_integer(is_online ? 1 : 0));
	return r;
}

static int set_times(json_t *object, const struct session_record *record, const struct zone_port *zone)
{
	bool is_online = session_record_is_online(record);
	char iso[ISO_TEXT_SIZE];
	char local[LOCAL_TEXT_SIZE];
	int r = 0;

	r |= json_object_set_new(object, "start_time", json_string(format_iso(record->start.wall_ns, iso)));
	r |= json_object_set_new(object, "start_time_formatted",
				 json_string(format_local(zone, record->start.wall_ns, local)));
	r |= json_object_set_new(object, "end_time",
				 is_online ? json_null() : json_string(format_iso(record->end.wall_ns, iso)));
	r |= json_object_set_new(object, "end_time_formatted",
				 is_online ? json_null() : json_string(format_local(zone, record->end.wall_ns, local)));
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

static int set_raw(json_t *object, const struct session_record *record, struct instant now)
{
	const struct traffic *traffic = &record->traffic;
	int r = 0;

	r |= json_object_set_new(object, "downloaded_bytes", json_uint(traffic->down_bytes));
	r |= json_object_set_new(object, "uploaded_bytes", json_uint(traffic->up_bytes));
	r |= json_object_set_new(object, "downloaded_packets", json_uint(traffic->down_packets));
	r |= json_object_set_new(object, "uploaded_packets", json_uint(traffic->up_packets));
	r |= json_object_set_new(object, "duration_seconds", json_integer(total_duration_s(record, now)));
	r |= json_object_set_new(object, "guest_device_ips", all_ips(record));
	r |= json_object_set_new(object, "terminate_cause", json_text(end_cause_name(record->cause)));
	return r;
}

json_t *json_session(const struct session_record *record, const struct json_session_options *options)
{
	json_auto_t *object = json_object();
	int r = set_device(object, record, options->id_key);

	r |= set_use(object, record, options->now);
	r |= set_times(object, record, options->zone);
	r |= json_object_set_new(object, "guest_id", json_text(record->identity.guest_id));
	r |= json_object_set_new(object, "yas_id", json_text(record->identity.yas_id));
	if (options->is_raw)
		r |= set_raw(object, record, options->now);
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
