/* SPDX-License-Identifier: MIT */
/* What the kernel says about a network interface of this namespace, by rtnetlink. */
#ifndef IO_LINK_H
#define IO_LINK_H

#include <stddef.h>

#include "core/link_choice.h"

/*
 * All links of this namespace, in a new array that the caller frees. 0 or -errno; -EINTR while links change too fast
 * for a whole list. Not logged.
 */
int link_list(struct link_facts **out, size_t *n_out);

/* 0; -ENODEV when there is none of that name; another -errno. Not logged. */
int link_query(const char *name, struct link_facts *out);

/*
 * The link of that name, to be counted on beside those with these ifindexes: 0; or -errno, logged, when there is none,
 * when it has no Ethernet headers, or when it would show the same frames as one of the others.
 */
int link_look_up(const char *name, const uint32_t *counted, size_t n_counted, struct link_facts *out);

#endif
