/* SPDX-License-Identifier: MIT */
/*
 * Service profiles: limits by name, from the configuration; a login names one and may override its limits.
 *
 *   profile "60 minutes" {
 *           session_timeout = 3600
 *           max_bytes_total = "500 MB"
 *   }
 *
 * Times are in seconds there and in nanoseconds here; octets may have a decimal unit, as the API writes them.
 */
#ifndef CORE_PROFILE_H
#define CORE_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/login.h"

#define PROFILES_MAX 256

/*
 * Seconds of a session: what RADIUS's Session-Timeout can say (32 bits, RFC 2865, 5.27), 136 years. In nanoseconds it
 * fits 63 bits, also behind the time of today.
 */
#define PROFILE_SESSION_TIMEOUT_MAX_S UINT32_MAX

struct profile {
	char *name; /* owned */
	struct login_limits limits;
	int line; /* of the file; 0: it is not known */
};

/* By name, case-sensitive; NULL when there is none. */
const struct profile *profile_find(const struct profile *profiles, size_t n_profiles, const char *name);

void profile_clean(struct profile *profile);
void profiles_free(struct profile *profiles, size_t n_profiles);

struct profile_key {
	const char *name;
	const char *help; /* one line: meaning and unit */
	int64_t max;      /* in the unit of the file; the minimum is 0 */
};

/* Indexed by enum login_limit. */
const struct profile_key *profile_keys(size_t *n_keys);

/* The index of the key, or -1. */
int profile_key_find(const char *name);

/* The key that was probably meant; NULL when none is near. */
const char *profile_key_suggest(const char *name);

/*
 * Sets a limit from the text of the file. 0; -EINVAL for a value that does not fit, and *limits is as it was then; the
 * sentence in error is as config_set() writes it (core/config.h).
 */
int profile_set(struct login_limits *limits, enum login_limit limit, const char *value, char *error, size_t error_size);

/* Whether a profile may have this name: 0, or -EINVAL with a sentence that begins with the name. */
int profile_check_name(const char *name, char *error, size_t error_size);

/* Whether its name and all its limits are such as could be set. The same, but the sentence begins with the key. */
int profile_check(const struct profile *profile, char *error, size_t error_size);

#endif
