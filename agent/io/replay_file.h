/* SPDX-License-Identifier: MIT */
/* Accounts one capture file: its records through the parser into a meter. */
#ifndef IO_REPLAY_FILE_H
#define IO_REPLAY_FILE_H

#include <stddef.h>

#include "base/addr.h"
#include "core/replay_report.h"

/*
 * Fills *out, whatever comes of it, for the caller to clean; path is borrowed for its life. 0; or -errno, and
 * out->error says it in one sentence: what was read before the error is counted.
 */
int replay_file(const char *path, const struct mac_addr *gateways, size_t n_gateways, struct replay_report *out);

#endif
