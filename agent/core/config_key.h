/* SPDX-License-Identifier: MIT */
/* The keys of the configuration: names, types, ranges, defaults, and what a value may be. */
#ifndef CORE_CONFIG_KEY_H
#define CORE_CONFIG_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "core/config_value.h"

enum config_key_id {
	CONFIG_KEY_INTERFACES,
	CONFIG_KEY_BRIDGES,
	CONFIG_KEY_WAIT_FOR_INTERFACES,
	CONFIG_KEY_SOURCE,
	CONFIG_KEY_ATTACH,
	CONFIG_KEY_MAX_ADDRESSES,
	CONFIG_KEY_MAX_ADDRESSES_PER_MAC,
	CONFIG_KEY_BPFFS_DIR,
	CONFIG_KEY_KEEP_COUNTING,
	CONFIG_KEY_COLLECT_INTERVAL_MS,
	CONFIG_KEY_MAX_STALENESS_MS,
	CONFIG_KEY_START,
	CONFIG_KEY_IDLE_TIMEOUT_S,
	CONFIG_KEY_LOGIN_WAIT_S,
	CONFIG_KEY_RELOGIN_S,
	CONFIG_KEY_MAX_GUESTS,
	CONFIG_KEY_LOST_ON_NEIGHBOUR,
	CONFIG_KEY_LOST_ON_BRIDGE,
	CONFIG_KEY_LOST_ON_INTERFACE,
	CONFIG_KEY_STATE_DIR,
	CONFIG_KEY_FLUSH_INTERVAL_S,
	CONFIG_KEY_HISTORY_MAX_DAYS,
	CONFIG_KEY_HISTORY_MAX_SESSIONS,
	CONFIG_KEY_LOCATION_ID,
	CONFIG_KEY_LOCATION_NAME,
	CONFIG_KEY_TIME_ZONE,
	CONFIG_KEY_LISTEN_ADDRESS,
	CONFIG_KEY_LISTEN_PORT,
	CONFIG_KEY_SOCKET_PATH,
	CONFIG_KEY_MOUNT,
	CONFIG_KEY_BASE_URL,
	CONFIG_KEY_RATE_LIMIT_PER_MINUTE,
	CONFIG_KEY_TRUSTED_PROXIES,
	CONFIG_KEY_LOG_LEVEL,
	CONFIG_N_KEYS
};

/*
 * One table names every key: the file parser, the command line (--idle-timeout-s=60 is the key
 * idle_timeout_s), the help and the example file all follow it.
 */
enum config_type { CONFIG_STRING, CONFIG_STRINGS, CONFIG_INTEGER, CONFIG_BOOLEAN, CONFIG_CHOICE };

struct config_key {
	const char *name;
	enum config_type type;
	int64_t min; /* integers */
	int64_t max;
	const char *preset;         /* the default, as config_set would take it; "": none */
	const char *help;           /* one line: meaning and unit */
	size_t n_max;               /* elements of a list */
	config_value_check check;   /* of a text, or of an element of a list */
	const char *const *choices; /* the values of a choice, in the order of its enum; NULL ends them */
};

/* Indexed by enum config_key_id. */
const struct config_key *config_keys(size_t *n_keys);

/* NULL for a name that is no key. */
const struct config_key *config_key_find(const char *name);

/* The key that was probably meant; NULL when none is near. */
const char *config_key_suggest(const char *name);

/* Elements of trusted_proxies. */
#define CONFIG_PROXIES_MAX 64

/* Seconds of silence, of the configuration and of a profile: 30 days. */
#define CONFIG_IDLE_TIMEOUT_MAX_S 2592000

#define CONFIG_ERROR_SIZE 256

/* Writes 'value' in quotes, shortened and without control characters, for a message; returns text. */
char *config_quote(const char *value, char *text, size_t text_size);

/* Writes the quoted value and the rest of the sentence into error; returns -EINVAL. */
int config_reject(char *error, size_t error_size, const char *value, const char *reason);

/* The index of the choice of that name, or -1. */
int config_choice_parse(const struct config_key *key, const char *value);

/*
 * Whether key may have this value (or, for CONFIG_STRINGS, this element): 0; or -EINVAL with one sentence in
 * error that names value and remedy; the caller puts the key's name before it, as it was spelt there.
 */
int config_check_value(const struct config_key *key, const char *value, char *error, size_t error_size);

#endif
