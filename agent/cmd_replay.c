/* SPDX-License-Identifier: MIT */
/* octetd replay: accounts capture files with the agent's own parser and meter, without root. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "commands.h"
#include "io/replay_file.h"

static const char usage[] =
	"usage: octetd replay [--json] [--gateway-mac MAC]... FILE...\n"
	"\n"
	"Accounts Ethernet captures (pcap or pcapng; - is standard input) per MAC and IP, as the agent would.\n"
	"  --json             one JSON document per file and line\n"
	"  --gateway-mac MAC  the gateway's own MAC, which is no client; may be repeated\n"
	"Exit status: 0 when every file was read to its end, else 1.\n";

struct replay_arguments {
	bool is_json;
	bool wants_help;
	struct mac_addr *gateways; /* owned */
	size_t n_gateways;
};

static void arguments_clean(struct replay_arguments *arguments)
{
	free(arguments->gateways);
}

static int add_gateway(struct replay_arguments *arguments, const char *text)
{
	struct mac_addr *gateways =
		reallocarray(arguments->gateways, arguments->n_gateways + 1, sizeof(*arguments->gateways));

	if (!gateways)
		return log_errno(-ENOMEM, "replay: --gateway-mac %s", text);
	arguments->gateways = gateways;
	const int error = mac_parse(text, &gateways[arguments->n_gateways]);
	if (error) {
		log_error("replay: --gateway-mac %s is not a MAC address; write it like 14:2d:27:e7:40:2b", text);
		return error;
	}
	arguments->n_gateways++;
	return 0;
}

/* The files are what getopt leaves, from optind on. 0 or -errno, logged. */
static int parse_arguments(int argc, char **argv, struct replay_arguments *arguments)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"gateway-mac", required_argument, NULL, 'g'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int error = 0;
	int option;

	optind = 0; /* glibc and musl: start anew, whoever has used getopt before */
	while (!error && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'j')
			arguments->is_json = true;
		else if (option == 'h')
			arguments->wants_help = true;
		else if (option == 'g')
			error = add_gateway(arguments, optarg);
		else
			error = -EINVAL; /* getopt has said why */
	}
	if (!error && !arguments->wants_help && optind == argc) {
		log_error("replay: no capture file given; see octetd replay --help");
		error = -EINVAL;
	}
	return error;
}

static int print_report(const struct replay_report *report, bool is_json)
{
	CLEANUP(strbuf_clean) struct strbuf text = STRBUF_INIT;

	const int error = is_json ? replay_report_print_json(report, &text) : replay_report_print(report, &text);
	if (error)
		return error;
	return fputs(text.text, stdout) == EOF ? -EIO : 0;
}

/* 0; or -errno, logged. */
static int replay_one(const char *path, const struct replay_arguments *arguments)
{
	CLEANUP(replay_report_clean) struct replay_report report;

	const int error = replay_file(path, arguments->gateways, arguments->n_gateways, &report);
	if (error)
		log_error("replay: %s: %s", path, report.error);
	const int print_error = print_report(&report, arguments->is_json);
	if (print_error)
		log_errno(print_error, "replay: %s: the result cannot be printed", path);
	return error ? error : print_error;
}

int cmd_replay(int argc, char **argv)
{
	CLEANUP(arguments_clean) struct replay_arguments arguments = {0};
	int status = EXIT_SUCCESS;

	if (parse_arguments(argc, argv, &arguments) != 0)
		return EXIT_FAILURE;
	if (arguments.wants_help)
		return fputs(usage, stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
	for (int i = optind; i < argc; i++)
		if (replay_one(argv[i], &arguments) != 0)
			status = EXIT_FAILURE;
	if (fflush(stdout) != 0) {
		log_errno(-errno, "replay: the result cannot be printed");
		status = EXIT_FAILURE;
	}
	return status;
}
