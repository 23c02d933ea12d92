/* SPDX-License-Identifier: MIT */
/* octetd logout, octetd lost and octetd disconnect: a session is over. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "commands.h"
#include "core/config.h"
#include "core/public_id.h"
#include "hook.h"

#define ID_CHARACTERS "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static bool is_session_id(const char *text)
{
	return strlen(text) == PUBLIC_ID_SIZE - 1 && strspn(text, ID_CHARACTERS) == PUBLIC_ID_SIZE - 1;
}

/* Says of whom in the request: a MAC, an address or a session. */
static int set_whom(struct hook_request *request, const char *command)
{
	const char *text = request->subject;
	struct ip_addr ip;
	struct mac_addr mac;

	if (mac_parse(text, &mac) == 0)
		return hook_set_mac(request->body, command, text);

	const char *field = ip_parse(text, &ip) == 0 ? "ip" : is_session_id(text) ? "id" : NULL;
	if (!field) {
		char quoted[80];

		log_error("%s: %s is no MAC address, no IP address and no session's id", command,
			  config_quote(text, quoted, sizeof(quoted)));
		return -EINVAL;
	}
	if (json_object_set_new(request->body, field, json_string(text)) != 0)
		return log_errno(-ENOMEM, "%s", command);
	return 0;
}

static int complete_logout(struct hook_request *request)
{
	snprintf(request->target, sizeof(request->target), "/logout");
	return set_whom(request, "logout");
}

static const struct hook_flag logout_flags[] = {
	{"external-id", "external_id", HOOK_TEXT, "only if this is the login: a later one is left alone"},
	{"reason", "reason", HOOK_TEXT, "the cause of the end (RFC 2866), such as Idle-Timeout; default User-Request"},
};

int cmd_logout(int argc, char **argv)
{
	static const struct hook_command command = {
		.name = "logout",
		.argument = "MAC|IP|ID",
		.help = "A guest has logged out. That nobody is there is no mistake.",
		.flags = logout_flags,
		.n_flags = ARRAY_LENGTH(logout_flags),
		.complete = complete_logout,
	};

	return hook_run(&command, argc, argv);
}

static int complete_lost(struct hook_request *request)
{
	snprintf(request->target, sizeof(request->target), "/lost");
	return hook_set_mac(request->body, "lost", request->subject);
}

static const struct hook_flag lost_flags[] = {
	{"interface", "interface", HOOK_TEXT, "where it was: who has come back elsewhere meanwhile is left alone"},
};

int cmd_lost(int argc, char **argv)
{
	static const struct hook_command command = {
		.name = "lost",
		.argument = "MAC",
		.help = "A device has gone, as an access point says. That nobody was there is no mistake.",
		.flags = lost_flags,
		.n_flags = ARRAY_LENGTH(lost_flags),
		.complete = complete_lost,
	};

	return hook_run(&command, argc, argv);
}

static int complete_disconnect(struct hook_request *request)
{
	json_t *body = request->body;

	if (!json_object_get(body, "reason") && json_object_set_new(body, "reason", json_string("Admin-Reset")) != 0)
		return log_errno(-ENOMEM, "disconnect");
	if (is_session_id(request->subject)) {
		snprintf(request->target, sizeof(request->target), "/sessions/%s/disconnect", request->subject);
		return 0;
	}
	snprintf(request->target, sizeof(request->target), "/logout");
	return set_whom(request, "disconnect");
}

static const struct hook_flag disconnect_flags[] = {
	{"reason", "reason", HOOK_TEXT, "the cause of the end (RFC 2866); default Admin-Reset"},
};

int cmd_disconnect(int argc, char **argv)
{
	static const struct hook_command command = {
		.name = "disconnect",
		.argument = "MAC|IP|ID",
		.help = "Ends a session, and the login that it belongs to.",
		.flags = disconnect_flags,
		.n_flags = ARRAY_LENGTH(disconnect_flags),
		.complete = complete_disconnect,
	};

	return hook_run(&command, argc, argv);
}
