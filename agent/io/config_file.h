/* SPDX-License-Identifier: MIT */
/* The configuration file, by libconfuse: the only file that knows that library. */
#ifndef IO_CONFIG_FILE_H
#define IO_CONFIG_FILE_H

#include "core/config.h"

/*
 * Reads path into *config, which config_init has filled with defaults; keys that the file does not name stay
 * as they are. config->lines says where each key is set. Each mistake (syntax, unknown key, wrong type, value) is
 * reported with its line. 0; -EINVAL when mistakes were reported; another -errno, reported too, when the file cannot be
 * read.
 */
int config_file_read(const char *path, struct config *config, config_report report, void *context);

#endif
