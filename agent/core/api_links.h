/* SPDX-License-Identifier: MIT */
/* Links from one page of a listing to another: the parameters of the request, page last. */
#ifndef CORE_API_LINKS_H
#define CORE_API_LINKS_H

#include <jansson.h>
#include <stdint.h>

#include "core/api_params.h"

/*
 * A new string such as "online=true&per_page=50&", "" when there is nothing to keep, or NULL without memory. Keeps
 * what was given of the list's parameters but page, in the order of first mention, with the values as they were
 * sent but for octets that a URI may not have.
 */
char *api_links_query(const struct api_arguments *arguments);

/* "<base>/sessions?<query>page=<page>", or NULL without memory. */
json_t *json_page_link(const char *base, const char *query, uint64_t page);

#endif
