/* SPDX-License-Identifier: MIT */
#include "core/profile_list.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int profile_list_init(struct profile_list *list, struct config_mistakes *mistakes)
{
	*list = (struct profile_list){.mistakes = mistakes};
	list->profiles = calloc(PROFILES_MAX, sizeof(*list->profiles));
	return list->profiles ? 0 : -ENOMEM;
}

static void begin_section(struct profile_list *list)
{
	list->limits = (struct login_limits){0};
	memset(list->lines, 0, sizeof(list->lines));
}

void profile_list_clean(struct profile_list *list)
{
	profiles_free(list->profiles, list->n_profiles);
	list->profiles = NULL;
	list->n_profiles = 0;
}

void profile_list_forget(struct profile_list *list)
{
	while (list->n_profiles)
		profile_clean(&list->profiles[--list->n_profiles]);
	list->is_too_long = false;
	begin_section(list);
}

static void note(struct profile_list *list, int line, const char *name, const char *key, const char *sentence)
{
	char quoted[80];
	char subject[CONFIG_ERROR_SIZE];

	snprintf(subject, sizeof(subject), PROFILE_SECTION " %s: %s%s", config_quote(name, quoted, sizeof(quoted)), key,
		 *key ? ": " : "");
	config_mistakes_note(list->mistakes, line, subject, sentence);
}

void profile_list_set(struct profile_list *list, int line, const char *name, const char *key, const char *value)
{
	const int limit = profile_key_find(key);
	char sentence[CONFIG_ERROR_SIZE];

	assert(limit >= 0);
	if (list->lines[limit]) {
		snprintf(sentence, sizeof(sentence), "is set already in line %d; remove one of them",
			 list->lines[limit]);
		note(list, line, name, key, sentence);
	}
	list->lines[limit] = line;
	if (profile_set(&list->limits, (enum login_limit)limit, value, sentence, sizeof(sentence)) != 0)
		note(list, line, name, key, sentence);
}

/* Whether there may be a profile of that name; said if not. */
static bool has_place_for(struct profile_list *list, int line, const char *name)
{
	const struct profile *known = profile_find(list->profiles, list->n_profiles, name);
	char sentence[CONFIG_ERROR_SIZE];

	if (profile_check_name(name, sentence, sizeof(sentence)) != 0) {
		config_mistakes_note_key(list->mistakes, line, PROFILE_SECTION, sentence);
		return false;
	}
	if (known) {
		snprintf(sentence, sizeof(sentence), "is there already in line %d; remove or rename one of them",
			 known->line);
		note(list, line, name, "", sentence);
		return false;
	}
	if (list->n_profiles < PROFILES_MAX)
		return true;
	snprintf(sentence, sizeof(sentence), "more than %d are too many; leave some out", PROFILES_MAX);
	if (!list->is_too_long)
		config_mistakes_note_key(list->mistakes, line, PROFILE_SECTION, sentence);
	list->is_too_long = true;
	return false;
}

void profile_list_end(struct profile_list *list, int line, const char *name)
{
	if (has_place_for(list, line, name)) {
		struct profile profile = {.name = strdup(name), .limits = list->limits, .line = line};
		if (profile.name)
			list->profiles[list->n_profiles++] = profile;
		else
			list->mistakes->is_out_of_memory = true;
	}
	begin_section(list);
}

void profile_list_move(struct profile_list *list, struct config *config)
{
	profiles_free(config->profiles, config->n_profiles);
	config->profiles = TAKE_PTR(list->profiles);
	config->n_profiles = list->n_profiles;
	list->n_profiles = 0;
}
