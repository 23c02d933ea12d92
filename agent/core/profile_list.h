/* SPDX-License-Identifier: MIT */
/*
 * The profiles of a configuration file, while it is read: values come one by one, then the name of the section they
 * were in. What is wrong is noted among the mistakes of the file.
 */
#ifndef CORE_PROFILE_LIST_H
#define CORE_PROFILE_LIST_H

#include "core/config_mistakes.h"
#include "core/profile.h"

/* What the file calls such a section. */
#define PROFILE_SECTION "profile"

struct profile_list {
	struct config_mistakes *mistakes; /* borrowed */
	struct profile *profiles;         /* owned; room for PROFILES_MAX */
	size_t n_profiles;
	bool is_too_long; /* which was said */
	/* the section that is being read */
	struct login_limits limits;
	int lines[LOGIN_N_LIMITS]; /* of each value; 0: none */
};

/* 0 or -ENOMEM. */
int profile_list_init(struct profile_list *list, struct config_mistakes *mistakes);
void profile_list_clean(struct profile_list *list);

/* Empties it for another pass. */
void profile_list_forget(struct profile_list *list);

/* KEY = VALUE in the section of that name. KEY is one of profile_keys(). */
void profile_list_set(struct profile_list *list, int line, const char *name, const char *key, const char *value);

/* The section ends; it began in that line. */
void profile_list_end(struct profile_list *list, int line, const char *name);

/* Gives the profiles away; those of the configuration are freed. */
void profile_list_move(struct profile_list *list, struct config *config);

#endif
