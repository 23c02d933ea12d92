/* SPDX-License-Identifier: MIT */
#include "core/spool_entry.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

static const struct spool_entry login = {
	.command = (char *)"login",
	.subject = (char *)"00:00:5e:00:53:01",
	.target = (char *)"/api/v1/sessions",
	.body = (char *)"{\"name\":\"Z\xc3\xbc \\\"x\\\"\\n\"}",
	.boot_id = (char *)"a1682959-c105-473b-97c9-a90068fe35ec",
	.made_mono_ns = INT64_MAX - 1,
	.until_mono_ns = INT64_MAX,
};

Test(spool_entry, comes_back_as_it_was)
{
	CLEANUP_FREE char *text = spool_entry_print(&login);
	CLEANUP(spool_entry_clean) struct spool_entry entry = {0};

	cr_assert_not_null(text);
	cr_assert_eq(spool_entry_parse(text, &entry), 0);
	cr_assert_str_eq(entry.command, login.command);
	cr_assert_str_eq(entry.subject, login.subject);
	cr_assert_str_eq(entry.target, login.target);
	cr_assert_str_eq(entry.body, login.body);
	cr_assert_str_eq(entry.boot_id, login.boot_id);
	cr_assert_eq(entry.made_mono_ns, login.made_mono_ns);
	cr_assert_eq(entry.until_mono_ns, login.until_mono_ns);
}

Test(spool_entry, text_that_is_cut_anywhere_is_none)
{
	CLEANUP_FREE char *text = spool_entry_print(&login);

	for (size_t length = strlen(text); length-- > 0;) {
		CLEANUP_FREE char *cut = strndup(text, length);
		struct spool_entry entry = {0};

		cr_assert_eq(spool_entry_parse(cut, &entry), -EBADMSG, "%s", cut);
		cr_assert_null(entry.command);
	}
}

Test(spool_entry, what_could_not_be_sent_is_none)
{
	static const char *const targets[] = {"", "sessions", "/x y", "/x\r\nHost: other"};

	for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
		struct spool_entry entry = login;
		struct spool_entry out;

		entry.target = (char *)targets[i];
		CLEANUP_FREE char *text = spool_entry_print(&entry);
		cr_assert_eq(spool_entry_parse(text, &out), -EBADMSG, "%s", targets[i]);
	}
	cr_assert_eq(spool_entry_parse("[1]", &(struct spool_entry){0}), -EBADMSG);
}

Test(spool_entry, no_text_of_what_is_not_utf8)
{
	struct spool_entry entry = login;

	entry.subject = (char *)"\xff";
	cr_assert_null(spool_entry_print(&entry));
}

Test(spool_entry, is_over_at_its_time_and_after_a_boot)
{
	struct spool_entry entry = login;

	entry.until_mono_ns = 100;
	cr_assert_eq(spool_entry_judge(&entry, login.boot_id, 99), SPOOL_FRESH);
	cr_assert_eq(spool_entry_judge(&entry, login.boot_id, 100), SPOOL_EXPIRED);
	cr_assert_eq(spool_entry_judge(&entry, "another", 99), SPOOL_OTHER_BOOT);
}

Test(spool_entry, names_sort_as_their_numbers)
{
	static const uint64_t numbers[] = {0, 1, 9, 10, 99, 1000, UINT64_C(999999999999999999)};
	char before[SPOOL_NAME_SIZE] = "";

	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		char name[SPOOL_NAME_SIZE];
		uint64_t number;

		spool_name_format(numbers[i], name);
		cr_assert(strcmp(before, name) < 0, "%s %s", before, name);
		cr_assert(spool_name_parse(name, &number));
		cr_assert_eq(number, numbers[i]);
		memcpy(before, name, sizeof(before));
	}
}

Test(spool_entry, other_files_are_no_entries)
{
	static const char *const names[] = {
		"",
		"new",
		"append.lock",
		"1.json",
		"000000000000000001.jso",
		"000000000000000001.json~",
		"0000000000000000001.json",
		"00000000000000000x.json",
		"-00000000000000001.json",
		"000000000000000001",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		cr_assert_not(spool_name_parse(names[i], &(uint64_t){0}), "%s", names[i]);
}
