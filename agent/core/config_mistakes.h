/* SPDX-License-Identifier: MIT */
/*
 * The mistakes of a configuration file, gathered while it is read, perhaps in several passes, and told in the order of
 * their lines. Bounded: the last that fits says that there are more.
 */
#ifndef CORE_CONFIG_MISTAKES_H
#define CORE_CONFIG_MISTAKES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/config.h"

#define CONFIG_MISTAKES_MAX 100

/* Zeroed, it is empty. */
struct config_mistakes {
	struct {
		int line;
		char *text; /* owned */
	} items[CONFIG_MISTAKES_MAX];
	size_t n;
	size_t n_kept; /* of them, those that another pass would not find again */
	bool is_out_of_memory;
};

/* The text is subject and sentence, one after the other. */
void config_mistakes_note(struct config_mistakes *mistakes, int line, const char *subject, const char *sentence);
/* The text is "key: sentence". */
void config_mistakes_note_key(struct config_mistakes *mistakes, int line, const char *key, const char *sentence);

/* What was noted until now is kept. */
void config_mistakes_keep(struct config_mistakes *mistakes);
/* What is not kept goes. */
void config_mistakes_forget(struct config_mistakes *mistakes);

void config_mistakes_report(struct config_mistakes *mistakes, config_report report, void *context);
void config_mistakes_clean(struct config_mistakes *mistakes);

#endif
