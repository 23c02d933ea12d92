/* SPDX-License-Identifier: MIT */
#include "core/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/config_value.h"
#include "octet/abi.h"

#define LIST_MAX 64 /* elements of any list */
_Static_assert(OCTET_SLOTS_MAX <= LIST_MAX && CONFIG_PROXIES_MAX <= LIST_MAX, "each list fits");

/* Where a key's value lives, and in which form. */
enum store {
	STORE_U16,
	STORE_U32,
	STORE_I64,
	STORE_BOOLEAN,
	STORE_TEXT,
	STORE_CHOICE, /* an enum */
	STORE_NAMES,
	STORE_PREFIXES
};

struct slot {
	enum store store;
	size_t offset;
};

#define SLOT(store, member)                            \
	{                                              \
		store, offsetof(struct config, member) \
	}

static const struct slot slots[] = {
	[CONFIG_KEY_INTERFACES] = SLOT(STORE_NAMES, interfaces),
	[CONFIG_KEY_SOURCE] = SLOT(STORE_CHOICE, source),
	[CONFIG_KEY_BRIDGES] = SLOT(STORE_NAMES, bridges),
	[CONFIG_KEY_WAIT_FOR_INTERFACES] = SLOT(STORE_BOOLEAN, wait_for_interfaces),
	[CONFIG_KEY_ATTACH] = SLOT(STORE_CHOICE, attach),
	[CONFIG_KEY_MAX_ADDRESSES] = SLOT(STORE_U32, max_addresses),
	[CONFIG_KEY_MAX_ADDRESSES_PER_MAC] = SLOT(STORE_U32, max_addresses_per_mac),
	[CONFIG_KEY_BPFFS_DIR] = SLOT(STORE_TEXT, bpffs_dir),
	[CONFIG_KEY_KEEP_COUNTING] = SLOT(STORE_BOOLEAN, keep_counting),
	[CONFIG_KEY_COLLECT_INTERVAL_MS] = SLOT(STORE_I64, collect_interval_ms),
	[CONFIG_KEY_MAX_STALENESS_MS] = SLOT(STORE_I64, max_staleness_ms),
	[CONFIG_KEY_START] = SLOT(STORE_CHOICE, start),
	[CONFIG_KEY_IDLE_TIMEOUT_S] = SLOT(STORE_I64, idle_timeout_s),
	[CONFIG_KEY_LOGIN_WAIT_S] = SLOT(STORE_I64, login_wait_s),
	[CONFIG_KEY_RELOGIN_S] = SLOT(STORE_I64, relogin_s),
	[CONFIG_KEY_MAX_GUESTS] = SLOT(STORE_U32, max_guests),
	[CONFIG_KEY_LOST_ON_NEIGHBOUR] = SLOT(STORE_BOOLEAN, lost_on_neighbour),
	[CONFIG_KEY_LOST_ON_BRIDGE] = SLOT(STORE_BOOLEAN, lost_on_bridge),
	[CONFIG_KEY_LOST_ON_INTERFACE] = SLOT(STORE_BOOLEAN, lost_on_interface),
	[CONFIG_KEY_STATE_DIR] = SLOT(STORE_TEXT, state_dir),
	[CONFIG_KEY_FLUSH_INTERVAL_S] = SLOT(STORE_I64, flush_interval_s),
	[CONFIG_KEY_HISTORY_MAX_DAYS] = SLOT(STORE_I64, history_max_days),
	[CONFIG_KEY_HISTORY_MAX_SESSIONS] = SLOT(STORE_I64, history_max_sessions),
	[CONFIG_KEY_LOCATION_ID] = SLOT(STORE_TEXT, location_id),
	[CONFIG_KEY_LOCATION_NAME] = SLOT(STORE_TEXT, location_name),
	[CONFIG_KEY_TIME_ZONE] = SLOT(STORE_TEXT, time_zone),
	[CONFIG_KEY_LISTEN_ADDRESS] = SLOT(STORE_TEXT, listen_address),
	[CONFIG_KEY_LISTEN_PORT] = SLOT(STORE_U16, listen_port),
	[CONFIG_KEY_SOCKET_PATH] = SLOT(STORE_TEXT, socket_path),
	[CONFIG_KEY_MOUNT] = SLOT(STORE_TEXT, mount),
	[CONFIG_KEY_BASE_URL] = SLOT(STORE_TEXT, base_url),
	[CONFIG_KEY_RATE_LIMIT_PER_MINUTE] = SLOT(STORE_U32, rate_limit_per_minute),
	[CONFIG_KEY_TRUSTED_PROXIES] = SLOT(STORE_PREFIXES, trusted_proxies),
	[CONFIG_KEY_LOG_LEVEL] = SLOT(STORE_TEXT, log_level),
};
_Static_assert(ARRAY_LENGTH(slots) == CONFIG_N_KEYS, "a place for each key");
/* all enums without negative values are of this type, for gcc and clang */
typedef unsigned int choice;
_Static_assert(sizeof(enum config_source) == sizeof(choice) && sizeof(enum session_start) == sizeof(choice),
	       "one size");

static void *field_of(struct config *config, const struct slot *slot)
{
	return (char *)config + slot->offset;
}

static const void *const_field_of(const struct config *config, const struct slot *slot)
{
	return (const char *)config + slot->offset;
}

static size_t key_index(const struct config_key *key)
{
	size_t n_keys;

	return (size_t)(key - config_keys(&n_keys));
}

static const struct slot *slot_of(const struct config_key *key)
{
	return &slots[key_index(key)];
}

static int store_text(char **field, const char *value)
{
	char *copy = NULL;

	if (*value) {
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
	}
	free(*field);
	*field = copy;
	return 0;
}

/* value has passed config_check_value. */
static int store_value(const struct config_key *key, void *field, const char *value)
{
	const enum store store = slot_of(key)->store;
	int64_t number = 0;

	if (store == STORE_TEXT)
		return store_text(field, value);
	if (key->type == CONFIG_INTEGER)
		number = strtoll(value, NULL, 10);
	switch (store) {
	case STORE_U16:
		*(uint16_t *)field = (uint16_t)number;
		break;
	case STORE_U32:
		*(uint32_t *)field = (uint32_t)number;
		break;
	case STORE_I64:
		*(int64_t *)field = number;
		break;
	case STORE_BOOLEAN:
		*(bool *)field = config_value_boolean_parse(value) == 1;
		break;
	case STORE_CHOICE:
		*(choice *)field = (choice)config_choice_parse(key, value);
		break;
	default:
		break;
	}
	return 0;
}

static void free_names(char **names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		free(names[i]);
	free(names);
}

static int store_names(char ***list, size_t *n_list, char *const *values, size_t n_values)
{
	char **names = calloc(n_values + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < n_values; i++) {
		names[i] = strdup(values[i]);
		if (!names[i]) {
			free_names(names, i);
			return -ENOMEM;
		}
	}
	free_names(*list, *n_list);
	*list = names;
	*n_list = n_values;
	return 0;
}

static int store_proxies(struct config *config, char *const *values, size_t n_values)
{
	struct ip_prefix *prefixes = calloc(n_values + 1, sizeof(*prefixes));

	if (!prefixes)
		return -ENOMEM;
	for (size_t i = 0; i < n_values; i++)
		(void)ip_prefix_parse(values[i], &prefixes[i]); /* was checked */
	free(config->trusted_proxies);
	config->trusted_proxies = prefixes;
	config->n_trusted_proxies = n_values;
	return 0;
}

static bool is_repeated(char *const *values, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(values[k], values[i]) == 0)
			return true;
	return false;
}

static int check_list(const struct config_key *key, char *const *values, size_t n_values, char *error,
		      size_t error_size)
{
	if (n_values > key->n_max) {
		snprintf(error, error_size, "more than %zu entries are too many; leave some out", key->n_max);
		return -EINVAL;
	}
	for (size_t i = 0; i < n_values; i++) {
		const int result = config_check_value(key, values[i], error, error_size);
		if (result)
			return result;
		if (is_repeated(values, i))
			return config_reject(error, error_size, values[i], "is named twice; name it once");
	}
	return 0;
}

int config_set_list(struct config *config, const char *key, char *const *values, size_t n_values, char *error,
		    size_t error_size)
{
	const struct config_key *known = config_key_find(key);

	if (!known || known->type != CONFIG_STRINGS) {
		snprintf(error, error_size, "is not the key of a list");
		return -ENOENT;
	}
	const int result = check_list(known, values, n_values, error, error_size);
	if (result)
		return result;
	config->lines[key_index(known)] = 0;
	if (key_index(known) == CONFIG_KEY_INTERFACES)
		return store_names(&config->interfaces, &config->n_interfaces, values, n_values);
	if (key_index(known) == CONFIG_KEY_BRIDGES)
		return store_names(&config->bridges, &config->n_bridges, values, n_values);
	return store_proxies(config, values, n_values);
}

/* Cuts text, which it changes, at its commas. */
static int set_list_text(struct config *config, const struct config_key *key, char *text, char *error,
			 size_t error_size)
{
	char *values[LIST_MAX + 1];
	size_t n_values = 0;

	while (text && n_values < ARRAY_LENGTH(values))
		values[n_values++] = strsep(&text, ",");
	if (n_values == 1 && !*values[0])
		n_values = 0;
	return config_set_list(config, key->name, values, n_values, error, error_size);
}

static int unknown_key(const char *name, char *error, size_t error_size)
{
	const char *near = config_key_suggest(name);

	if (near)
		snprintf(error, error_size, "is not a key; did you mean %s?", near);
	else
		snprintf(error, error_size, "is not a key; the example configuration lists all of them");
	return -ENOENT;
}

int config_set(struct config *config, const char *key, const char *value, char *error, size_t error_size)
{
	const struct config_key *known = config_key_find(key);

	error[0] = '\0';
	if (!known)
		return unknown_key(key, error, error_size);
	if (known->type == CONFIG_STRINGS) {
		CLEANUP_FREE char *copy = strdup(value);
		return copy ? set_list_text(config, known, copy, error, error_size) : -ENOMEM;
	}
	const int result = config_check_value(known, value, error, error_size);
	if (result)
		return result;
	config->lines[key_index(known)] = 0;
	return store_value(known, field_of(config, slot_of(known)), value);
}

int config_init(struct config *config)
{
	char error[CONFIG_ERROR_SIZE];
	size_t n_keys;
	const struct config_key *keys = config_keys(&n_keys);

	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < n_keys; i++) {
		const int result = config_set(config, keys[i].name, keys[i].preset, error, sizeof(error));
		if (result) {
			config_clean(config);
			return result;
		}
	}
	return 0;
}

void config_clean(struct config *config)
{
	for (size_t i = 0; i < CONFIG_N_KEYS; i++)
		if (slots[i].store == STORE_TEXT)
			free(*(char **)field_of(config, &slots[i]));
	free_names(config->interfaces, config->n_interfaces);
	free_names(config->bridges, config->n_bridges);
	free(config->trusted_proxies);
	profiles_free(config->profiles, config->n_profiles);
	memset(config, 0, sizeof(*config));
}

struct reporter {
	const struct config *config;
	config_report report;
	void *context;
	int n_mistakes;
};

static void complain(struct reporter *reporter, const struct config_key *key, const char *sentence)
{
	char text[CONFIG_ERROR_SIZE + 64];

	snprintf(text, sizeof(text), "%s: %s", key->name, sentence);
	reporter->report(reporter->context, reporter->config->lines[key_index(key)], text);
	reporter->n_mistakes++;
}

static const char *choice_name(const struct config_key *key, choice wanted)
{
	choice i = 0;

	while (i < wanted && key->choices[i])
		i++;
	return key->choices[i] ? key->choices[i] : "";
}

/* The value of a scalar, as config_set would take it. */
static const char *value_text(const struct config *config, const struct config_key *key, char number[32])
{
	const struct slot *slot = slot_of(key);
	const void *field = const_field_of(config, slot);
	int64_t value = 0;

	switch (slot->store) {
	case STORE_TEXT:
		return *(char *const *)field ? *(char *const *)field : "";
	case STORE_CHOICE:
		return choice_name(key, *(const choice *)field);
	case STORE_U16:
		value = *(const uint16_t *)field;
		break;
	case STORE_U32:
		value = *(const uint32_t *)field;
		break;
	case STORE_I64:
		value = *(const int64_t *)field;
		break;
	default:
		break;
	}
	snprintf(number, 32, "%" PRId64, value);
	return number;
}

static void check_scalar(const struct config *config, const struct config_key *key, struct reporter *reporter)
{
	char number[32];
	char error[CONFIG_ERROR_SIZE];

	if (config_check_value(key, value_text(config, key, number), error, sizeof(error)) != 0)
		complain(reporter, key, error);
}

static void check_names(struct reporter *reporter, const char *name, char *const *values, size_t n_values)
{
	const struct config_key *key = config_key_find(name);
	char error[CONFIG_ERROR_SIZE];

	if (check_list(key, values, n_values, error, sizeof(error)) != 0)
		complain(reporter, key, error);
}

static void check_interfaces(const struct config *config, struct reporter *reporter)
{
	char quoted[80], sentence[CONFIG_ERROR_SIZE];

	if (!config->n_interfaces && !config->n_bridges)
		complain(reporter, config_key_find("interfaces"),
			 "none is named; name the guest-facing interfaces, such as {\"br-guest\"}");
	check_names(reporter, "interfaces", config->interfaces, config->n_interfaces);
	check_names(reporter, "bridges", config->bridges, config->n_bridges);
	for (size_t i = 0; i < config->n_bridges; i++)
		for (size_t k = 0; k < config->n_interfaces; k++) {
			if (strcmp(config->bridges[i], config->interfaces[k]) != 0)
				continue;
			snprintf(sentence, sizeof(sentence),
				 "%s is among interfaces too, and every octet would count twice: name the bridge there "
				 "or "
				 "its ports here, never both",
				 config_quote(config->bridges[i], quoted, sizeof(quoted)));
			complain(reporter, config_key_find("bridges"), sentence);
		}
}

/* Values that are good by themselves and not together. */
static void check_combinations(const struct config *config, struct reporter *reporter)
{
	char sentence[CONFIG_ERROR_SIZE];

	if (config->idle_timeout_s < INT64_MAX / 1000 && config->idle_timeout_s * 1000 < config->collect_interval_ms) {
		snprintf(sentence, sizeof(sentence),
			 "'%" PRId64 "' is shorter than collect_interval_ms (%" PRId64 " ms); make that smaller",
			 config->idle_timeout_s, config->collect_interval_ms);
		complain(reporter, config_key_find("idle_timeout_s"), sentence);
	}
}

static void complain_profile(struct reporter *reporter, const struct profile *profile, const char *sentence)
{
	char quoted[80];
	char text[CONFIG_ERROR_SIZE + 96];

	snprintf(text, sizeof(text), "profile %s: %s", config_quote(profile->name, quoted, sizeof(quoted)), sentence);
	reporter->report(reporter->context, profile->line, text);
	reporter->n_mistakes++;
}

static void check_profile(const struct config *config, size_t i, struct reporter *reporter)
{
	const struct profile *profile = &config->profiles[i];
	const int64_t idle_ms = profile->limits.idle_timeout_ns / NS_PER_MS;
	char sentence[CONFIG_ERROR_SIZE];

	if (profile_check(profile, sentence, sizeof(sentence)) != 0)
		complain_profile(reporter, profile, sentence);
	if (profile_find(config->profiles, i, profile->name))
		complain_profile(reporter, profile, "is there twice; remove or rename one of them");
	if (idle_ms > 0 && idle_ms < config->collect_interval_ms) {
		snprintf(sentence, sizeof(sentence),
			 "idle_timeout is shorter than collect_interval_ms (%" PRId64 " ms); make that smaller",
			 config->collect_interval_ms);
		complain_profile(reporter, profile, sentence);
	}
}

int config_check(const struct config *config, config_report report, void *context)
{
	struct reporter reporter = {.config = config, .report = report, .context = context};
	size_t n_keys;
	const struct config_key *keys = config_keys(&n_keys);

	check_interfaces(config, &reporter);
	for (size_t i = 0; i < n_keys; i++)
		if (keys[i].type != CONFIG_STRINGS)
			check_scalar(config, &keys[i], &reporter);
	check_combinations(config, &reporter);
	for (size_t i = 0; i < config->n_profiles; i++)
		check_profile(config, i, &reporter);
	return reporter.n_mistakes;
}
