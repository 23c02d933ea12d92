/* SPDX-License-Identifier: MIT */
/*
 * The command line that the subcommands share: --config FILE, -h, and a flag for every key of the
 * configuration (idle_timeout_s is --idle-timeout-s=60 or --idle-timeout-s 60; keep_counting is
 * --keep-counting, --keep-counting=false or --no-keep-counting). Flags override the file.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/config.h"

#define OPTIONS_DEFAULT_FILE "/etc/octetd.conf"

struct options {
	struct config config;
	char **positional; /* into argv */
	int n_positional;
	bool wants_help;         /* nothing was read or checked then */
	const char *config_path; /* into argv, or the default file; NULL where there is none */
};

/* A flag of one subcommand. */
struct options_extra {
	const char *name;  /* "json" */
	bool has_value;    /* --scopes read,write */
	const char *value; /* out: into argv, "" for a flag without value; NULL when it is absent */
};

/*
 * Says each mistake in a line on standard error. 0 or -errno; *out can be cleaned in any case. Whether the
 * keys make sense together is for config_check to say, which not every subcommand needs.
 */
int options_load(int argc, char **argv, struct options *out);
int options_load_extra(int argc, char **argv, struct options_extra *extras, size_t n_extras, struct options *out);
void options_clean(struct options *options);

/* The part of a help text that is about these flags. */
void options_print_help(FILE *file);

#endif
