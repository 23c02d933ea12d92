/* SPDX-License-Identifier: MIT */
/* octetd login and octetd device: what is known of a device, and of the guest on it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "commands.h"
#include "hook.h"

static const struct hook_flag login_flags[] = {
	{"ip", "ip", HOOK_IP, "the address that the portal saw"},
	{"username", "username", HOOK_TEXT, "the name that the guest logged in with"},
	{"name", "name", HOOK_TEXT, "the guest's own name"},
	{"email", "email", HOOK_TEXT, "the guest's e-mail address"},
	{"guest-id", "guest_id", HOOK_TEXT, "the portal's id of the guest; the same for all of the guest's devices"},
	{"yas-id", "yas_id", HOOK_TEXT, "a UUID of the guest"},
	{"access-code", "access_code", HOOK_TEXT, "the code that the guest logged in with"},
	{"login-type", "login_type_name", HOOK_TEXT, "how the guest logged in, such as \"Email\""},
	{"profile", "service_profile_name", HOOK_TEXT, "the service profile, whose limits then hold"},
	{"location-id", "location_id", HOOK_TEXT, "where, when it is not the configured location"},
	{"device-description", "device_description", HOOK_TEXT, "what device it is, such as \"iPhone\""},
	{"external-id", "external_id", HOOK_TEXT, "the portal's id of this login: the same again changes nothing"},
	{"session-timeout-s", "session_timeout_s", HOOK_LIMIT, "seconds on line"},
	{"idle-timeout-s", "idle_timeout_s", HOOK_LIMIT, "seconds of silence"},
	{"max-bytes-total", "max_bytes_total", HOOK_LIMIT, "octets in both directions"},
	{"max-bytes-down", "max_bytes_down", HOOK_LIMIT, "octets to the guest"},
	{"max-bytes-up", "max_bytes_up", HOOK_LIMIT, "octets from the guest"},
};

static int complete_login(struct hook_request *request)
{
	snprintf(request->target, sizeof(request->target), "/sessions");
	return hook_set_mac(request->body, "login", request->subject);
}

int cmd_login(int argc, char **argv)
{
	static const struct hook_command command = {
		.name = "login",
		.argument = "MAC",
		.help = "A guest has logged in on the device: from now on its octets are the guest's. An option that "
			"is "
			"empty\nis as if it were absent. The same login again changes nothing.",
		.flags = login_flags,
		.n_flags = ARRAY_LENGTH(login_flags),
		.complete = complete_login,
	};

	return hook_run(&command, argc, argv);
}

static const struct hook_flag device_flags[] = {
	{"host-name", "host_name", HOOK_TEXT, "what the device calls itself"},
	{"forget", "host_name", HOOK_NULL, "forget what it is called"},
};

/* The call takes many at once. */
static int complete_device(struct hook_request *request)
{
	json_t *item = request->body;

	if (!json_object_get(item, "host_name")) {
		log_error("device needs --host-name=NAME or --forget; `octetd device --help` tells more");
		return -EINVAL;
	}

	const int error = hook_set_mac(item, "device", request->subject);
	if (error)
		return error;
	snprintf(request->target, sizeof(request->target), "/bindings");
	request->body = json_pack("{s:[o]}", "bindings", item);
	return request->body ? 0 : log_errno(-ENOMEM, "device");
}

int cmd_device(int argc, char **argv)
{
	static const struct hook_command command = {
		.name = "device",
		.argument = "MAC",
		.help = "Says what a device is called, as the DHCP server knows it; it is no login.",
		.flags = device_flags,
		.n_flags = ARRAY_LENGTH(device_flags),
		.complete = complete_device,
	};

	return hook_run(&command, argc, argv);
}
