/* SPDX-License-Identifier: MIT */
/* Service profiles: limits by name, from the configuration; a login names one and may override its limits. */
#ifndef CORE_PROFILE_H
#define CORE_PROFILE_H

#include <stddef.h>

#include "core/login.h"

struct profile {
	char *name; /* owned */
	struct login_limits limits;
};

/* By name, case-sensitive; NULL when there is none. */
const struct profile *profile_find(const struct profile *profiles, size_t n_profiles, const char *name);

#endif
