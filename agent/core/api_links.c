/* SPDX-License-Identifier: MIT */
#include "core/api_links.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

/* pchar, '/' and '?' (RFC 3986, 3.4) without '&', which separates; letters and digits apart */
static bool is_query_octet(char c)
{
	static const char marks[] = "-._~!$'()*+,;=:@/?";

	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr(marks, c));
}

static void append_value(struct strbuf *text, const struct api_argument *argument)
{
	const char *value = argument->sent;

	for (size_t i = 0; i < argument->sent_length; i++) {
		bool is_escape = value[i] == '%' && argument->sent_length - i > 2 &&
				 isxdigit((unsigned char)value[i + 1]) && isxdigit((unsigned char)value[i + 2]);

		if (is_escape || is_query_octet(value[i]))
			strbuf_append_bytes(text, &value[i], 1);
		else
			strbuf_append_format(text, "%%%02X", (unsigned int)(unsigned char)value[i]);
	}
}

static bool is_kept(const struct api_arguments *arguments, size_t param)
{
	return param != API_PAGE && api_param_is_used((enum api_param)param, API_USE_LIST) &&
	       arguments->items[param].form == API_ARGUMENT_TEXT;
}

/* The kept parameter that was mentioned first after place, or API_N_PARAMS. */
static size_t next_kept(const struct api_arguments *arguments, size_t place)
{
	size_t next = API_N_PARAMS;

	for (size_t i = 0; i < API_N_PARAMS; i++) {
		if (!is_kept(arguments, i) || arguments->items[i].place <= place)
			continue;
		if (next == API_N_PARAMS || arguments->items[i].place < arguments->items[next].place)
			next = i;
	}
	return next;
}

char *api_links_query(const struct api_arguments *arguments)
{
	CLEANUP(strbuf_clean) struct strbuf text = STRBUF_INIT;

	for (size_t i = next_kept(arguments, 0); i < API_N_PARAMS;
	     i = next_kept(arguments, arguments->items[i].place)) {
		strbuf_append(&text, api_param_name((enum api_param)i));
		strbuf_append(&text, "=");
		append_value(&text, &arguments->items[i]);
		strbuf_append(&text, "&");
	}
	return strbuf_steal(&text);
}

json_t *json_page_link(const char *base, const char *query, uint64_t page)
{
	CLEANUP(strbuf_clean) struct strbuf text = STRBUF_INIT;
	CLEANUP_FREE char *link = NULL;

	strbuf_append_format(&text, "%s/sessions?%spage=%" PRIu64, base, query, page);
	link = strbuf_steal(&text);
	return link ? json_string(link) : NULL;
}
