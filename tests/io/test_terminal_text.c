/* SPDX-License-Identifier: MIT */
#include "io/terminal_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/cleanup.h"

static void use_locale(const char *name)
{
	cr_assert_eq(setenv("LC_ALL", name, 1), 0);
	terminal_text_init();
}

static void assert_shown(const char *text, size_t width, bool is_right, const char *expected)
{
	CLEANUP(strbuf_clean) struct strbuf out = STRBUF_INIT;

	terminal_text_append(&out, text, width, is_right);
	cr_assert_str_eq(out.text ? out.text : "", expected, "[%s] of [%s]", out.text ? out.text : "", text);
}

Test(terminal_text, fills_and_cuts)
{
	use_locale("C.UTF-8");
	assert_shown("abc", 5, false, "abc  ");
	assert_shown("abc", 5, true, "  abc");
	assert_shown("abc", 3, false, "abc");
	assert_shown("abcd", 3, false, "ab~");
	assert_shown("abc", 1, true, "~");
	assert_shown("abc", 0, true, "");
	assert_shown(NULL, 2, false, "  ");
}

Test(terminal_text, counts_columns_not_octets)
{
	use_locale("C.UTF-8");
	assert_shown("Z\xc3\xbc", 4, false, "Z\xc3\xbc  ");
	/* two columns each; half of one is not shown */
	assert_shown("\xe5\xb1\xb1\xe7\x94\xb0", 5, true, " \xe5\xb1\xb1\xe7\x94\xb0");
	assert_shown("\xe5\xb1\xb1\xe7\x94\xb0", 3, false, "\xe5\xb1\xb1~");
	assert_shown("\xe5\xb1\xb1\xe7\x94\xb0", 2, false, "~ ");
	/* u and a combining diaeresis */
	assert_shown("u\xcc\x88x", 3, false, "u\xcc\x88x ");
}

Test(terminal_text, nothing_that_a_terminal_obeys)
{
	use_locale("C.UTF-8");
	assert_shown("a\x1b[31m\x07\n\x7f"
		     "b",
		     12, false, "a?[31m???b  ");
	assert_shown("\xc2\x9b"
		     "31m",
		     5, false, "?31m "); /* CSI as one character of C1 */
	assert_shown("\xe2\x80\xae"
		     "abc",
		     5, false, "?abc "); /* right to left from here on */
	assert_shown("\xe2\x81\xa6"
		     "abc",
		     5, false, "?abc "); /* an isolate */
	assert_shown("a\xe2\x80\x8d\xef\xb8\x8f"
		     "b",
		     3, false, "ab "); /* joiner, variation selector */
}

Test(terminal_text, octets_that_are_no_utf8)
{
	use_locale("C.UTF-8");
	assert_shown("a\xff\xc3", 4, false, "a?? ");
	assert_shown("\xe5\xb1", 3, false, "?? ");
	assert_shown("\xed\xa0\x80", 4, false, "?   "); /* a surrogate */
}

Test(terminal_text, what_the_locale_lacks)
{
	use_locale("C");
	assert_shown("Z\xc3\xbc x", 6, false, "Z? x  ");
}
