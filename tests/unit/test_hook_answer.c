/* SPDX-License-Identifier: MIT */
#include "core/hook_answer.h"

#include <criterion/criterion.h>

#include "base/cleanup.h"

Test(hook_answer, what_it_means_for_the_hook)
{
	static const struct {
		const char *command;
		int status;
		const char *body;
		enum hook_verdict verdict;
	} cases[] = {
		{"login", 200, "{}", HOOK_DONE},
		{"login", 201, "{}", HOOK_DONE},
		{"login", 422, "{\"message\":\"no\"}", HOOK_REFUSED},
		{"login", 404, "{\"message\":\"no\"}", HOOK_REFUSED}, /* another mount: it will not come */
		{"login", 409, NULL, HOOK_NOBODY},                    /* it is over already */
		{"login", 500, "", HOOK_LATER},
		{"login", 503, "not JSON", HOOK_LATER},
		{"login", 301, NULL, HOOK_REFUSED},
		{"logout", 202, "{}", HOOK_DONE},
		{"logout", 404, "{\"message\":\"nobody\"}", HOOK_NOBODY},
		{"lost", 404, NULL, HOOK_NOBODY},
		{"disconnect", 409, NULL, HOOK_NOBODY},
		{"logout", 401, NULL, HOOK_REFUSED},
		{"device", 200, "{\"data\":[{\"status\":200}]}", HOOK_DONE},
		{"device", 200, "{\"data\":[{\"status\":422,\"message\":\"no\"}]}", HOOK_REFUSED},
		{"device", 200, "{\"data\":[{\"status\":200},{\"status\":503}]}", HOOK_LATER},
		{"device", 200, "{\"data\":7}", HOOK_DONE},
		{"device", 404, "{\"message\":\"no\"}", HOOK_REFUSED},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		cr_assert_eq(hook_answer_judge(cases[i].command, cases[i].status, cases[i].body), cases[i].verdict,
			     "case %zu: %s %d", i, cases[i].command, cases[i].status);
}

static void assert_explained(int status, const char *body, const char *expected)
{
	CLEANUP(strbuf_clean) struct strbuf text = STRBUF_INIT;

	hook_answer_explain(status, body, &text);
	cr_assert_str_eq(text.text, expected);
}

Test(hook_answer, reasons_field_by_field)
{
	assert_explained(422,
			 "{\"message\":\"first (and 2 more errors)\",\"errors\":{\"mac\":[\"is no MAC\",\"is long\"],"
			 "\"limits.max_bytes_up\":[\"is too big\"]}}",
			 "mac: is no MAC; mac: is long; limits.max_bytes_up: is too big");
	assert_explained(404, "{\"message\":\"Nobody is there.\",\"errors\":{}}", "Nobody is there.");
	assert_explained(502, "<html>", "HTTP status 502");
	assert_explained(502, NULL, "HTTP status 502");
	assert_explained(200, "{\"data\":[{\"status\":200},{\"status\":422,\"errors\":{\"mac\":[\"is no MAC\"]}}]}",
			 "mac: is no MAC");
}

Test(hook_answer, nothing_that_a_terminal_or_a_log_would_obey)
{
	assert_explained(422, "{\"message\":\"a\\u001b[31mb\\nc\\u007f\"}", "a?[31mb?c?");
	assert_explained(422, "{\"errors\":{\"x\\r\":[\"y\\u0007\",5]}}", "x?: y?");
}
