/* SPDX-License-Identifier: MIT */
#include "core/api_errors.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "core/json.h"

void api_errors_clean(struct api_errors *errors)
{
	json_decref(errors->fields);
	*errors = (struct api_errors){0};
}

static int append(struct api_errors *errors, const char *field, const char *text)
{
	json_t *sentences;
	int r = 0;

	if (!errors->fields)
		errors->fields = json_object();
	sentences = json_object_get(errors->fields, field);
	if (!sentences) {
		sentences = json_array();
		r = json_object_set_new(errors->fields, field, sentences);
	}
	return r ? r : json_array_append_new(sentences, json_text(text));
}

void api_errors_add(struct api_errors *errors, const char *field, const char *format, ...)
{
	CLEANUP_FREE char *text = NULL;
	va_list args;
	int length;

	errors->n_errors++;
	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0) {
		text = NULL; /* vasprintf leaves it undefined */
		errors->has_failed = true;
		return;
	}
	if (append(errors, field, text))
		errors->has_failed = true;
}

static const char *first_sentence(const struct api_errors *errors)
{
	json_t *sentences = json_object_iter_value(json_object_iter(errors->fields));

	return json_string_value(json_array_get(sentences, 0));
}

json_t *json_errors(const struct api_errors *errors)
{
	json_auto_t *object = json_object();
	const char *first = first_sentence(errors);
	size_t n_more = errors->n_errors - 1;
	int r = 0;

	if (errors->has_failed || !first)
		return NULL;
	if (n_more == 0)
		r |= json_object_set_new(object, "message", json_text(first));
	else
		r |= json_object_set_new(
			object, "message",
			json_sprintf("%s (and %zu more %s)", first, n_more, n_more == 1 ? "error" : "errors"));
	r |= json_object_set(object, "errors", errors->fields);
	return r ? NULL : TAKE_PTR(object);
}
