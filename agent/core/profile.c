/* SPDX-License-Identifier: MIT */
#include "core/profile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/config_key.h"
#include "core/suggestion.h"

static const struct profile_key keys[] = {
	[LOGIN_SESSION_TIMEOUT] = {"session_timeout", "how long a guest may be on line, in seconds",
				   PROFILE_SESSION_TIMEOUT_MAX_S},
	[LOGIN_IDLE_TIMEOUT] = {"idle_timeout", "instead of idle_timeout_s, in seconds", CONFIG_IDLE_TIMEOUT_MAX_S},
	[LOGIN_MAX_BYTES_TOTAL] = {"max_bytes_total", "octets in both directions", INT64_MAX},
	[LOGIN_MAX_BYTES_DOWN] = {"max_bytes_down", "octets to the guest", INT64_MAX},
	[LOGIN_MAX_BYTES_UP] = {"max_bytes_up", "octets from the guest", INT64_MAX},
};
_Static_assert(ARRAY_LENGTH(keys) == LOGIN_N_LIMITS, "a key for each limit");

/* Those of format_size(), as far as a limit may need them. */
static const struct {
	const char *name;
	int64_t bytes;
} units[] = {
	{"", 1},
	{"B", 1},
	{"kB", INT64_C(1000)},
	{"MB", INT64_C(1000000)},
	{"GB", INT64_C(1000000000)},
	{"TB", INT64_C(1000000000000)},
};

const struct profile *profile_find(const struct profile *profiles, size_t n_profiles, const char *name)
{
	for (size_t i = 0; i < n_profiles; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

void profile_clean(struct profile *profile)
{
	free(profile->name);
	memset(profile, 0, sizeof(*profile));
}

void profiles_free(struct profile *profiles, size_t n_profiles)
{
	for (size_t i = 0; i < n_profiles; i++)
		profile_clean(&profiles[i]);
	free(profiles);
}

const struct profile_key *profile_keys(size_t *n_keys)
{
	*n_keys = LOGIN_N_LIMITS;
	return keys;
}

int profile_key_find(const char *name)
{
	for (int i = 0; i < LOGIN_N_LIMITS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return i;
	return -1;
}

const char *profile_key_suggest(const char *name)
{
	struct suggestion suggestion = suggestion_for(name);

	for (size_t i = 0; i < LOGIN_N_LIMITS; i++)
		suggestion_offer(&suggestion, keys[i].name);
	return suggestion_nearest(&suggestion);
}

static bool is_time(enum login_limit limit)
{
	return limit == LOGIN_SESSION_TIMEOUT || limit == LOGIN_IDLE_TIMEOUT;
}

/* 0 for what is no unit. */
static int64_t unit_parse(enum login_limit limit, const char *text)
{
	text += *text == ' ' && text[1];
	for (size_t i = 0; i < (is_time(limit) ? 1 : ARRAY_LENGTH(units)); i++)
		if (strcmp(units[i].name, text) == 0)
			return units[i].bytes;
	return 0;
}

static int reject_form(enum login_limit limit, const char *value, char *error, size_t error_size)
{
	char reason[128];

	if (!is_time(limit))
		return config_reject(error, error_size, value,
				     "is no number of octets; give a whole number, alone or with one of B, kB, MB, GB, "
				     "TB, such as \"500 MB\"");
	snprintf(reason, sizeof(reason), "is no time; give whole seconds from 0 to %" PRId64 ", as a plain number",
		 keys[limit].max);
	return config_reject(error, error_size, value, reason);
}

static int reject_range(enum login_limit limit, const char *value, char *error, size_t error_size)
{
	char reason[128];

	snprintf(reason, sizeof(reason), "is out of range; give a whole number %s from 0 to %" PRId64,
		 is_time(limit) ? "of seconds" : "of octets", keys[limit].max);
	return config_reject(error, error_size, value, reason);
}

static void store(struct login_limits *limits, enum login_limit limit, int64_t number)
{
	switch (limit) {
	case LOGIN_SESSION_TIMEOUT:
		limits->session_timeout_ns = number * NS_PER_S;
		break;
	case LOGIN_IDLE_TIMEOUT:
		limits->idle_timeout_ns = number * NS_PER_S;
		break;
	case LOGIN_MAX_BYTES_TOTAL:
		limits->max_bytes_total = (uint64_t)number;
		break;
	case LOGIN_MAX_BYTES_DOWN:
		limits->max_bytes_down = (uint64_t)number;
		break;
	default:
		limits->max_bytes_up = (uint64_t)number;
		break;
	}
}

int profile_set(struct login_limits *limits, enum login_limit limit, const char *value, char *error, size_t error_size)
{
	const char *digits = value + (*value == '-' || *value == '+');
	const size_t n_digits = strspn(digits, "0123456789");
	int64_t unit;
	int64_t number;

	error[0] = '\0';
	unit = n_digits ? unit_parse(limit, digits + n_digits) : 0;
	if (!unit)
		return reject_form(limit, value, error, error_size);
	errno = 0;
	number = strtoll(value, NULL, 10);
	if (errno || number < 0 || number > keys[limit].max / unit)
		return reject_range(limit, value, error, error_size);
	store(limits, limit, number * unit);
	return 0;
}

int profile_check_name(const char *name, char *error, size_t error_size)
{
	const char *reason = *name ? config_value_label(name)
				   : "is an empty name; give the one that logins will say, such as \"60 minutes\"";

	return reason ? config_reject(error, error_size, name, reason) : 0;
}

int profile_check(const struct profile *profile, char *error, size_t error_size)
{
	const struct login_limits *limits = &profile->limits;
	const bool is_good[] = {
		[LOGIN_SESSION_TIMEOUT] = limits->session_timeout_ns >= 0 &&
					  limits->session_timeout_ns / NS_PER_S <= keys[LOGIN_SESSION_TIMEOUT].max,
		[LOGIN_IDLE_TIMEOUT] = limits->idle_timeout_ns >= 0 &&
				       limits->idle_timeout_ns / NS_PER_S <= keys[LOGIN_IDLE_TIMEOUT].max,
		[LOGIN_MAX_BYTES_TOTAL] = limits->max_bytes_total <= INT64_MAX,
		[LOGIN_MAX_BYTES_DOWN] = limits->max_bytes_down <= INT64_MAX,
		[LOGIN_MAX_BYTES_UP] = limits->max_bytes_up <= INT64_MAX,
	};

	if (profile_check_name(profile->name, error, error_size) != 0)
		return -EINVAL;
	for (size_t i = 0; i < LOGIN_N_LIMITS; i++) {
		if (is_good[i])
			continue;
		snprintf(error, error_size, "%s is out of range; give a whole number from 0 to %" PRId64, keys[i].name,
			 keys[i].max);
		return -EINVAL;
	}
	return 0;
}
