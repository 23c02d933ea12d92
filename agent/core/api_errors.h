/* SPDX-License-Identifier: MIT */
/* What is wrong with a request, in the order of finding: {"<field>": ["<sentence>", ...], ...}. */
#ifndef CORE_API_ERRORS_H
#define CORE_API_ERRORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct api_errors {
	json_t *fields; /* NULL while there is none */
	size_t n_errors;
	bool has_failed; /* out of memory */
};

void api_errors_clean(struct api_errors *errors);
void api_errors_add(struct api_errors *errors, const char *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The body of a 422; NULL without memory. */
json_t *json_errors(const struct api_errors *errors);

#endif
