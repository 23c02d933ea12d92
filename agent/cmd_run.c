/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "app.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "commands.h"
#include "options.h"

static void print_profile_help(void)
{
	size_t n_keys;
	const struct profile_key *keys = profile_keys(&n_keys);

	printf("\nThe file may have profiles, too, which logins name: profile \"NAME\" { KEY = VALUE ... } with\n");
	for (size_t i = 0; i < n_keys; i++)
		printf("  %-30s %s (0 to %" PRId64 "; 0 or left out: no limit%s)\n", keys[i].name, keys[i].help,
		       keys[i].max, i == LOGIN_IDLE_TIMEOUT ? " of its own" : "");
	printf("Octets may have a unit: \"500 MB\", of B, kB, MB, GB, TB.\n");
}

static void print_help(void)
{
	printf("usage: octetd run [--config=FILE] [--KEY=VALUE]...\n\n"
	       "Counts guests on the configured interfaces and answers the API.\n\n");
	options_print_help(stdout);
	print_profile_help();
}

static void report(void *context, int line, const char *text)
{
	const struct options *options = context;

	if (line)
		log_error("%s:%d: %s", options->config_path, line, text);
	else
		log_error("%s", text);
}

int cmd_run(int argc, char **argv)
{
	CLEANUP(options_clean) struct options options = {0};
	int r = options_load(argc, argv, &options);

	if (r)
		return 1;
	if (options.wants_help) {
		print_help();
		return 0;
	}
	if (options.n_positional > 0) {
		log_error("'%s' is not an option: octetd run --help lists them", options.positional[0]);
		return 1;
	}
	log_init((enum log_level)log_level_parse(options.config.log_level), getenv("JOURNAL_STREAM") != NULL);
	if (config_check(&options.config, report, &options) > 0)
		return 1;
	return app_run(&options.config) ? 1 : 0;
}
