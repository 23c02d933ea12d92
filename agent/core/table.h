/* SPDX-License-Identifier: MIT */
/*
 * uthash as core uses it: an allocation that fails leaves the element out of the table instead of ending
 * the process. TABLE_HAS_ADDED says which it was, right after HASH_ADD.
 */
#ifndef CORE_TABLE_H
#define CORE_TABLE_H

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((void)(element))

#include <uthash.h>
#include <utlist.h>

#define TABLE_HAS_ADDED(element, handle) ((element)->handle.tbl != NULL)

#endif
