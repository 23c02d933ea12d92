/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "commands.h"

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("octetd %s\n", OCTETD_VERSION);
	return 0;
}

static int cmd_help(int argc, char **argv);

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"run", cmd_run, "count guests and answer the API"},
	{"replay", cmd_replay, "account capture files, without root"},
	{"status", cmd_status, "say whether counting is complete"},
	{"sessions", cmd_sessions, "list sessions"},
	{"top", cmd_top, "show who is on line now, and how fast"},
	{"events", cmd_events, "tell who comes and goes, as it happens"},
	{"login", cmd_login, "a guest has logged in: whose the device's octets are"},
	{"logout", cmd_logout, "a guest has logged out"},
	{"lost", cmd_lost, "a device has gone, as an access point says"},
	{"disconnect", cmd_disconnect, "end a session"},
	{"device", cmd_device, "say what a device is called"},
	{"token", cmd_token, "add, list and revoke API tokens"},
	{"check-config", cmd_check_config, "say what is wrong in a configuration file"},
	{"version", cmd_version, "print the version"},
	{"help", cmd_help, "print this"},
};

static void print_usage(FILE *file)
{
	fprintf(file, "octetd counts every octet of every guest and answers who is online.\n\n"
		      "usage: octetd COMMAND [OPTION]... (octetd COMMAND --help tells more)\n\n");
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
		fprintf(file, "  %-14s %s\n", commands[i].name, commands[i].help);
}

static int cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	print_usage(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return 1;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return cmd_help(argc, argv);
	if (strcmp(argv[1], "--version") == 0)
		return cmd_version(argc, argv);
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "octetd: there is no command '%s'; `octetd help` lists them\n", argv[1]);
	return 1;
}
