/* SPDX-License-Identifier: MIT */
/*
 * What the text of a single configuration value may be. Each function returns NULL for a good value, else
 * the rest of a sentence that begins with the value: "'br guest' " + "is not ...; give ...".
 */
#ifndef CORE_CONFIG_VALUE_H
#define CORE_CONFIG_VALUE_H

typedef const char *(*config_value_check)(const char *value);

const char *config_value_interface(const char *value);
const char *config_value_directory(const char *value);
const char *config_value_socket(const char *value);
const char *config_value_label(const char *value);
const char *config_value_zone(const char *value);
const char *config_value_address(const char *value);
const char *config_value_prefix(const char *value);
const char *config_value_mount(const char *value);
const char *config_value_base_url(const char *value);

/* 1, 0, or -1 for what is no boolean. */
int config_value_boolean_parse(const char *value);

#endif
