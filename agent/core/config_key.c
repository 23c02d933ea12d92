/* SPDX-License-Identifier: MIT */
#include "core/config_key.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/config.h"
#include "core/suggestion.h"
#include "octet/abi.h"

#define DAY_S 86400

static const char *const source_choices[] = {
	[CONFIG_SOURCE_AUTO] = "auto",
	[CONFIG_SOURCE_BPF] = "bpf",
	[CONFIG_SOURCE_PCAP] = "pcap",
	[CONFIG_N_SOURCES] = NULL,
};
static const char *const attach_choices[] = {
	[CONFIG_ATTACH_AUTO] = "auto",
	[CONFIG_ATTACH_TCX] = "tcx",
	[CONFIG_ATTACH_CLSACT] = "clsact",
	[CONFIG_N_ATTACH] = NULL,
};
static const char *const start_choices[] = {
	[SESSION_START_TRAFFIC] = "traffic",
	[SESSION_START_LOGIN] = "login",
	NULL,
};
/* as log_level_parse() knows them */
static const char *const log_level_choices[] = {"error", "warning", "info", "debug", NULL};

#define STRING_KEY(name, preset, check, help)                           \
	{                                                               \
		name, CONFIG_STRING, 0, 0, preset, help, 0, check, NULL \
	}
#define STRINGS_KEY(name, n_max, check, help)                            \
	{                                                                \
		name, CONFIG_STRINGS, 0, 0, "", help, n_max, check, NULL \
	}
#define INTEGER_KEY(name, min, max, preset, help)                           \
	{                                                                   \
		name, CONFIG_INTEGER, min, max, preset, help, 0, NULL, NULL \
	}
#define BOOLEAN_KEY(name, preset, help)                                 \
	{                                                               \
		name, CONFIG_BOOLEAN, 0, 1, preset, help, 0, NULL, NULL \
	}
#define CHOICE_KEY(name, preset, choices, help)                            \
	{                                                                  \
		name, CONFIG_CHOICE, 0, 0, preset, help, 0, NULL, choices, \
	}

static const struct config_key keys[] = {
	[CONFIG_KEY_INTERFACES] =
		STRINGS_KEY("interfaces", OCTET_SLOTS_MAX, config_value_interface,
			    "guest-facing interfaces, by name or pattern: a bridge or its ports, never "
			    "both"),
	[CONFIG_KEY_BRIDGES] = STRINGS_KEY("bridges", OCTET_SLOTS_MAX, config_value_interface,
					   "bridges, by name or pattern, whose ports are counted on instead of them"),
	[CONFIG_KEY_WAIT_FOR_INTERFACES] = BOOLEAN_KEY(
		"wait_for_interfaces", "false", "start without a named interface or bridge, and count when it appears"),
	[CONFIG_KEY_SOURCE] = CHOICE_KEY("source", "auto", source_choices,
					 "what counts: bpf (in the kernel), pcap (captures), or auto: bpf if there is"),
	[CONFIG_KEY_ATTACH] = CHOICE_KEY("attach", "auto", attach_choices,
					 "how to attach to them: auto, tcx (Linux 6.6 or later) or clsact"),
	[CONFIG_KEY_MAX_ADDRESSES] =
		INTEGER_KEY("max_addresses", 1, OCTET_REGION_SLOTS_MAX, "16384",
			    "addresses and MACs at once that the counters have room for, 128 octets each on each CPU"),
	[CONFIG_KEY_MAX_ADDRESSES_PER_MAC] =
		INTEGER_KEY("max_addresses_per_mac", 1, OCTET_REGION_SLOTS_MAX, "32",
			    "addresses of one MAC that are counted one by one; of others only the sum is known"),
	[CONFIG_KEY_BPFFS_DIR] = STRING_KEY("bpffs_dir", "/sys/fs/bpf/octetd", config_value_directory,
					    "where programs and counters are pinned"),
	[CONFIG_KEY_KEEP_COUNTING] =
		BOOLEAN_KEY("keep_counting", "true", "go on counting in the kernel while the agent is stopped"),
	[CONFIG_KEY_COLLECT_INTERVAL_MS] = INTEGER_KEY("collect_interval_ms", 10, 60000, "1000",
						       "how often the counters are read, in milliseconds"),
	[CONFIG_KEY_MAX_STALENESS_MS] = INTEGER_KEY("max_staleness_ms", 0, 60000, "250",
						    "how old the numbers of an answer may be, in milliseconds"),
	[CONFIG_KEY_START] = CHOICE_KEY("start", "traffic", start_choices,
					"what begins a session: a guest's first packet, or only a login"),
	[CONFIG_KEY_IDLE_TIMEOUT_S] = INTEGER_KEY("idle_timeout_s", 1, CONFIG_IDLE_TIMEOUT_MAX_S, "300",
						  "a guest that is silent for so many seconds is off-line"),
	[CONFIG_KEY_LOGIN_WAIT_S] =
		INTEGER_KEY("login_wait_s", 1, DAY_S, "300", "how long a login waits for the first packet, in seconds"),
	[CONFIG_KEY_RELOGIN_S] =
		INTEGER_KEY("relogin_s", 0, 30 * DAY_S, "7200",
			    "who falls silent and returns within so many seconds is still logged in; 0: nobody is"),
	[CONFIG_KEY_MAX_GUESTS] =
		INTEGER_KEY("max_guests", 1, 1000000, "16384", "guests on line at once; more of them wait for a place"),
	[CONFIG_KEY_LOST_ON_NEIGHBOUR] =
		BOOLEAN_KEY("lost_on_neighbour", "false", "end a session when its guest no longer answers ARP or NDP"),
	[CONFIG_KEY_LOST_ON_BRIDGE] =
		BOOLEAN_KEY("lost_on_bridge", "false", "end a session when the bridge forgets where its guest is"),
	[CONFIG_KEY_LOST_ON_INTERFACE] =
		BOOLEAN_KEY("lost_on_interface", "false", "end a session when its guest's interface goes down or away"),
	[CONFIG_KEY_STATE_DIR] = STRING_KEY("state_dir", "/var/lib/octetd", config_value_directory,
					    "where sessions and tokens are kept"),
	[CONFIG_KEY_FLUSH_INTERVAL_S] =
		INTEGER_KEY("flush_interval_s", 1, DAY_S, "60", "how often counters are written to disk, in seconds"),
	[CONFIG_KEY_HISTORY_MAX_DAYS] = INTEGER_KEY("history_max_days", 0, 36500, "365",
						    "ended sessions are kept for so many days; 0 for no bound"),
	[CONFIG_KEY_HISTORY_MAX_SESSIONS] = INTEGER_KEY("history_max_sessions", 0, 1000000000, "1000000",
							"ended sessions that are kept at most; 0 for no bound"),
	[CONFIG_KEY_LOCATION_ID] =
		STRING_KEY("location_id", "", config_value_label, "the id of this location in answers"),
	[CONFIG_KEY_LOCATION_NAME] =
		STRING_KEY("location_name", "", config_value_label, "the name of this location in answers"),
	[CONFIG_KEY_TIME_ZONE] = STRING_KEY("time_zone", "UTC", config_value_zone,
					    "the zone of this location: Europe/Istanbul, or a POSIX string: <+03>-3"),
	[CONFIG_KEY_LISTEN_ADDRESS] = STRING_KEY("listen_address", "127.0.0.1", config_value_address,
						 "the address of the API; 0.0.0.0 or :: for all"),
	[CONFIG_KEY_LISTEN_PORT] =
		INTEGER_KEY("listen_port", 0, UINT16_MAX, "8087", "the TCP port of the API; 0 for any free one"),
	[CONFIG_KEY_SOCKET_PATH] = STRING_KEY("socket_path", "/run/octetd.sock", config_value_socket,
					      "the Unix socket of the API, for root only and without tokens"),
	[CONFIG_KEY_MOUNT] =
		STRING_KEY("mount", "/api/v1", config_value_mount, "the path that the routes of the API begin with"),
	[CONFIG_KEY_BASE_URL] = STRING_KEY("base_url", "", config_value_base_url,
					   "scheme and host of links in answers, instead of those of the request"),
	[CONFIG_KEY_RATE_LIMIT_PER_MINUTE] = INTEGER_KEY("rate_limit_per_minute", 0, 1000000, "60",
							 "requests per minute, token and endpoint; 0 for no limit"),
	[CONFIG_KEY_TRUSTED_PROXIES] = STRINGS_KEY("trusted_proxies", CONFIG_PROXIES_MAX, config_value_prefix,
						   "addresses or ranges whose X-Forwarded-* headers are believed"),
	[CONFIG_KEY_LOG_LEVEL] = CHOICE_KEY("log_level", "info", log_level_choices,
					    "what is logged: error, warning, info or debug, each with those before"),
};
_Static_assert(ARRAY_LENGTH(keys) == CONFIG_N_KEYS, "a row for each key");

const struct config_key *config_keys(size_t *n_keys)
{
	*n_keys = CONFIG_N_KEYS;
	return keys;
}

const struct config_key *config_key_find(const char *name)
{
	for (size_t i = 0; i < CONFIG_N_KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

char *config_quote(const char *value, char *text, size_t text_size)
{
	static const char dots[] = "...'";
	size_t length = strlen(value);
	const bool is_long = length + 3 > text_size;

	if (is_long)
		length = text_size - 1 - sizeof(dots);
	text[0] = '\'';
	for (size_t i = 0; i < length; i++)
		text[i + 1] = iscntrl((unsigned char)value[i]) ? '?' : value[i];
	snprintf(text + 1 + length, text_size - 1 - length, "%s", is_long ? dots : "'");
	return text;
}

int config_reject(char *error, size_t error_size, const char *value, const char *reason)
{
	char quoted[80];

	snprintf(error, error_size, "%s %s", config_quote(value, quoted, sizeof(quoted)), reason);
	return -EINVAL;
}

static int check_range(const struct config_key *key, const char *value, bool is_inside, char *error, size_t error_size)
{
	char reason[96];

	if (is_inside)
		return 0;
	snprintf(reason, sizeof(reason), "is out of range; give a whole number from %" PRId64 " to %" PRId64, key->min,
		 key->max);
	return config_reject(error, error_size, value, reason);
}

/* Decimal digits with at most a sign; what does not fit 64 bits is a number out of range, not a wrong type. */
static int parse_integer(const struct config_key *key, const char *value, int64_t *out, char *error, size_t error_size)
{
	const char *digits = value + (*value == '-' || *value == '+');
	char reason[96];
	long long number;

	if (!*digits || digits[strspn(digits, "0123456789")]) {
		snprintf(reason, sizeof(reason), "is not a whole number; give one from %" PRId64 " to %" PRId64,
			 key->min, key->max);
		return config_reject(error, error_size, value, reason);
	}
	errno = 0;
	number = strtoll(value, NULL, 10);
	*out = number;
	return check_range(key, value, !errno && number >= key->min && number <= key->max, error, error_size);
}

int config_choice_parse(const struct config_key *key, const char *value)
{
	for (int i = 0; key->choices[i]; i++)
		if (strcmp(key->choices[i], value) == 0)
			return i;
	return -1;
}

static int check_choice(const struct config_key *key, const char *value, char *error, size_t error_size)
{
	char reason[128] = "is no choice here; give one of ";

	if (config_choice_parse(key, value) >= 0)
		return 0;
	for (size_t i = 0; key->choices[i]; i++) {
		const size_t length = strlen(reason);
		snprintf(reason + length, sizeof(reason) - length, "%s%s", i ? ", " : "", key->choices[i]);
	}
	return config_reject(error, error_size, value, reason);
}

int config_check_value(const struct config_key *key, const char *value, char *error, size_t error_size)
{
	const char *reason = NULL;
	int64_t number;

	if (key->type == CONFIG_INTEGER)
		return parse_integer(key, value, &number, error, error_size);
	if (key->type == CONFIG_CHOICE)
		return check_choice(key, value, error, error_size);
	if (key->type == CONFIG_BOOLEAN)
		reason = config_value_boolean_parse(value) < 0 ? "is neither true nor false; give one of them" : NULL;
	else
		reason = key->check(value);
	return reason ? config_reject(error, error_size, value, reason) : 0;
}

const char *config_key_suggest(const char *name)
{
	struct suggestion suggestion = suggestion_for(name);

	for (size_t i = 0; i < CONFIG_N_KEYS; i++)
		suggestion_offer(&suggestion, keys[i].name);
	return suggestion_nearest(&suggestion);
}
