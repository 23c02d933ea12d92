/* SPDX-License-Identifier: MIT */
#include "core/http_message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void http_response_clean(struct http_response *response)
{
	for (size_t i = 0; i < response->n_headers; i++)
		free(response->headers[i].value);
	free(response->body);
	*response = (struct http_response){0};
}

void http_response_header(struct http_response *response, const char *name, const char *format, ...)
{
	struct http_header *header = &response->headers[response->n_headers];
	va_list args;
	int length;

	if (response->n_headers == HTTP_HEADERS_MAX)
		return;
	va_start(args, format);
	length = vasprintf(&header->value, format, args);
	va_end(args);
	if (length < 0) {
		header->value = NULL; /* vasprintf leaves it undefined */
		return;
	}
	header->name = name;
	response->n_headers++;
}
