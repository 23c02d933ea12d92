/* SPDX-License-Identifier: MIT */
#include "core/hook_answer.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/* Whose aim is that nobody is there: "not found" and "over already" are as good as done. */
static const char *const ending_commands[] = {"logout", "lost", "disconnect"};

static bool is_ending(const char *command)
{
	for (size_t i = 0; i < sizeof(ending_commands) / sizeof(ending_commands[0]); i++)
		if (strcmp(command, ending_commands[i]) == 0)
			return true;
	return false;
}

/* Of many that were asked for at once: the first that was refused; NULL when none was. Borrowed from document. */
static const json_t *refused_item(const json_t *document)
{
	const json_t *items = json_object_get(document, "data");
	const json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		if (json_integer_value(json_object_get(item, "status")) >= 400)
			return item;
	}
	return NULL;
}

enum hook_verdict hook_answer_judge(const char *command, int status, const char *body)
{
	json_auto_t *document = body ? json_loads(body, 0, NULL) : NULL;
	const json_t *item = refused_item(document);

	if (item)
		status = (int)json_integer_value(json_object_get(item, "status"));
	if (status >= 200 && status < 300)
		return HOOK_DONE;
	if (status >= 500)
		return HOOK_LATER;
	if (is_ending(command) && (status == 404 || status == 409))
		return HOOK_NOBODY;
	/* said again, or behind its end: nothing is to be done any more */
	if (strcmp(command, "login") == 0 && status == 409)
		return HOOK_NOBODY;
	return HOOK_REFUSED;
}

static void append_clean(struct strbuf *out, const char *text)
{
	while (*text) {
		const size_t length = text_control_length(text);

		strbuf_append_bytes(out, length ? "?" : text, 1);
		text += length ? length : 1;
	}
}

static void append_fields(struct strbuf *out, const json_t *errors)
{
	const char *field;
	const char *separator = "";
	json_t *reasons;

	json_object_foreach((json_t *)errors, field, reasons)
	{
		const json_t *reason;
		size_t i;

		json_array_foreach(reasons, i, reason)
		{
			if (!json_is_string(reason))
				continue;
			strbuf_append(out, separator);
			append_clean(out, field);
			strbuf_append(out, ": ");
			append_clean(out, json_string_value(reason));
			separator = "; ";
		}
	}
}

void hook_answer_explain(int status, const char *body, struct strbuf *out)
{
	json_auto_t *document = body ? json_loads(body, 0, NULL) : NULL;
	const json_t *item = refused_item(document);
	const json_t *answer = item ? item : document;
	const char *message = json_string_value(json_object_get(answer, "message"));
	const size_t before = out->length;

	append_fields(out, json_object_get(answer, "errors"));
	if (out->length > before)
		return;
	if (message)
		append_clean(out, message);
	else
		strbuf_append_format(out, "HTTP status %d", status);
}
