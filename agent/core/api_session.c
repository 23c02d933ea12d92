/* SPDX-License-Identifier: MIT */
/* One session, or a login without one, as an answer. */
#include "base/text.h"
#include "core/api_call.h"

const struct login *api_login_in_use(const struct session_engine *engine, const struct session_record *record)
{
	const struct session_record *live = session_engine_by_mac(engine, &record->mac);
	const struct login *login = session_engine_login_of(engine, &record->mac);

	/* it may have ended since it was read from the store, and the device be another guest's */
	if (!session_record_is_online(record) || !live || live->seq != record->seq)
		return NULL;
	return login && login->until.mono_ns == 0 ? login : NULL;
}

json_t *api_json_session(const struct api *api, struct instant now, struct api_view view,
			 const struct session_record *record)
{
	const struct json_session_options options = {
		.zone = &api->zone,
		.id_key = &api->id_key,
		.now = now,
		.is_raw = view.is_raw,
		.is_detailed = view.is_detailed,
		.login = api_login_in_use(api->engine, record),
	};

	return json_session(record, &options);
}

json_t *api_json_login(const struct api *api, struct instant now, struct api_view view, const struct login *login)
{
	const char *location_id = login->location_id ? login->location_id : api->location_id;
	bool is_here = text_is_equal(location_id, api->location_id);
	struct session_address address = {.ip = login->ip};
	/* everything is borrowed */
	struct session_record record = {
		.seq = login->seq,
		.mac = login->mac,
		.addresses = &address,
		.n_addresses = ip_is_unspecified(&login->ip) ? 0 : 1,
		.primary_ip = login->ip,
		.location_id = (char *)location_id,
		.location_name = is_here ? (char *)api->location_name : NULL,
		.identity = login->identity,
	};
	const struct json_session_options options = {
		.zone = &api->zone,
		.id_key = &api->id_key,
		.now = now,
		.is_raw = view.is_raw,
		.is_detailed = view.is_detailed,
		.login = login,
		.is_waiting = true,
	};

	/* as the session will be called that begins under it */
	if (!record.identity.device_description)
		record.identity.device_description = (char *)session_engine_host_name(api->engine, &login->mac);
	return json_session(&record, &options);
}
