/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "commands.h"
#include "core/config.h"
#include "io/config_file.h"

static void print_help(void)
{
	printf("usage: octetd check-config FILE\n\n"
	       "Says FILE:LINE: REASON for each mistake in a configuration file and exits with 1, or says\n"
	       "that it is ok and exits with 0. `octetd run --help` lists the keys.\n");
}

static void report(void *context, int line, const char *text)
{
	const char *path = context;

	if (line)
		fprintf(stderr, "%s:%d: %s\n", path, line, text);
	else
		fprintf(stderr, "%s: %s\n", path, text);
}

static int check_file(char *path)
{
	CLEANUP(config_clean) struct config config = {0};

	if (config_init(&config) != 0) {
		fprintf(stderr, "octetd: out of memory\n");
		return 1;
	}
	if (config_file_read(path, &config, report, path) != 0)
		return 1;
	if (config_check(&config, report, path) > 0)
		return 1;
	printf("%s: ok\n", path);
	return 0;
}

int cmd_check_config(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int found;

	opterr = 0;
	optind = 0; /* glibc and musl: start anew */
	found = getopt_long(argc, argv, "h", options, NULL);
	if (found == 'h') {
		print_help();
		return 0;
	}
	if (found != -1 || argc - optind != 1) {
		fprintf(stderr, "octetd: check-config needs the name of one file and nothing else; `octetd "
				"check-config --help`\n");
		return 1;
	}
	return check_file(argv[optind]);
}
