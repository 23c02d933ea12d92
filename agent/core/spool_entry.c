/* SPDX-License-Identifier: MIT */
#include "core/spool_entry.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_DIGITS 18 /* fits into 64 bits whatever they are */
#define SUFFIX ".json"

void spool_entry_clean(struct spool_entry *entry)
{
	free(entry->command);
	free(entry->subject);
	free(entry->target);
	free(entry->body);
	free(entry->boot_id);
	memset(entry, 0, sizeof(*entry));
}

char *spool_entry_print(const struct spool_entry *entry)
{
	json_auto_t *object =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "command", entry->command, "subject", entry->subject,
			  "target", entry->target, "body", entry->body, "boot_id", entry->boot_id, "made_mono_ns",
			  (json_int_t)entry->made_mono_ns, "until_mono_ns", (json_int_t)entry->until_mono_ns);

	return object ? json_dumps(object, JSON_COMPACT) : NULL;
}

static bool copy_texts(struct spool_entry *entry, const char *const texts[5])
{
	char **const fields[] = {&entry->command, &entry->subject, &entry->target, &entry->body, &entry->boot_id};
	bool is_whole = true;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		*fields[i] = strdup(texts[i]);
		is_whole = is_whole && *fields[i];
	}
	return is_whole;
}

int spool_entry_parse(const char *text, struct spool_entry *out)
{
	json_auto_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct spool_entry entry = {0};
	const char *texts[5];
	json_int_t made, until;

	if (json_unpack(object, "{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "command", &texts[0], "subject", &texts[1],
			"target", &texts[2], "body", &texts[3], "boot_id", &texts[4], "made_mono_ns", &made,
			"until_mono_ns", &until) != 0)
		return -EBADMSG;
	if (texts[2][0] != '/' || strpbrk(texts[2], " \r\n"))
		return -EBADMSG;
	if (!copy_texts(&entry, texts)) {
		spool_entry_clean(&entry);
		return -ENOMEM;
	}
	entry.made_mono_ns = made;
	entry.until_mono_ns = until;
	*out = entry;
	return 0;
}

enum spool_verdict spool_entry_judge(const struct spool_entry *entry, const char *boot_id, int64_t now_mono_ns)
{
	if (strcmp(entry->boot_id, boot_id) != 0)
		return SPOOL_OTHER_BOOT;
	return now_mono_ns < entry->until_mono_ns ? SPOOL_FRESH : SPOOL_EXPIRED;
}

char *spool_name_format(uint64_t number, char name[SPOOL_NAME_SIZE])
{
	snprintf(name, SPOOL_NAME_SIZE, "%0*" PRIu64 SUFFIX, N_DIGITS, number);
	return name;
}

bool spool_name_parse(const char *name, uint64_t *number)
{
	if (strspn(name, "0123456789") != N_DIGITS || strcmp(name + N_DIGITS, SUFFIX) != 0)
		return false;
	*number = strtoull(name, NULL, 10);
	return true;
}
