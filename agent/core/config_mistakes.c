/* SPDX-License-Identifier: MIT */
#include "core/config_mistakes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/strbuf.h"

void config_mistakes_note(struct config_mistakes *mistakes, int line, const char *subject, const char *sentence)
{
	struct strbuf text = STRBUF_INIT;

	if (mistakes->n == CONFIG_MISTAKES_MAX)
		return;
	if (mistakes->n == CONFIG_MISTAKES_MAX - 1)
		strbuf_append(&text, "there are more mistakes; mend those above first");
	else
		strbuf_append_format(&text, "%s%s", subject, sentence);
	mistakes->items[mistakes->n].line = line;
	mistakes->items[mistakes->n].text = strbuf_steal(&text);
	if (mistakes->items[mistakes->n].text)
		mistakes->n++;
	else
		mistakes->is_out_of_memory = true;
}

void config_mistakes_note_key(struct config_mistakes *mistakes, int line, const char *key, const char *sentence)
{
	char subject[CONFIG_ERROR_SIZE];

	snprintf(subject, sizeof(subject), "%s: ", key);
	config_mistakes_note(mistakes, line, subject, sentence);
}

void config_mistakes_keep(struct config_mistakes *mistakes)
{
	mistakes->n_kept = mistakes->n;
}

void config_mistakes_forget(struct config_mistakes *mistakes)
{
	while (mistakes->n > mistakes->n_kept)
		free(mistakes->items[--mistakes->n].text);
}

static int compare_lines(const void *a, const void *b)
{
	const int *left = a, *right = b; /* the line comes first */

	return (*left > *right) - (*left < *right);
}

void config_mistakes_report(struct config_mistakes *mistakes, config_report report, void *context)
{
	qsort(mistakes->items, mistakes->n, sizeof(mistakes->items[0]), compare_lines);
	for (size_t i = 0; i < mistakes->n; i++)
		report(context, mistakes->items[i].line, mistakes->items[i].text);
}

void config_mistakes_clean(struct config_mistakes *mistakes)
{
	mistakes->n_kept = 0;
	config_mistakes_forget(mistakes);
}
