/* SPDX-License-Identifier: MIT */
#include "hook.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "core/hook_answer.h"
#include "hook_spool.h"
#include "io/local_client.h"
#include "io/local_connect.h"
#include "options.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_NOT_REACHED = 2 };

#define HOOK_N_FLAGS_MAX 24

static const struct hook_flag common_flags[] = {
	{"json", NULL, HOOK_NULL, "print the agent's answer"},
	{"verbose", NULL, HOOK_NULL, "say also what is no mistake: nobody was there, it was spooled"},
	{"spool-s", NULL, HOOK_TEXT, "seconds to keep trying while the agent is away (0: fail at once; default 120)"},
};
enum { COMMON_JSON, COMMON_VERBOSE, COMMON_SPOOL, N_COMMON = ARRAY_LENGTH(common_flags) };

struct hook_line {
	const struct hook_command *command;
	struct options options;
	struct options_extra extras[HOOK_N_FLAGS_MAX]; /* the command's flags, then the common ones */
	const struct options_extra *common;
	struct hook_request request;
	int64_t spool_s;
};

static void line_clean(struct hook_line *line)
{
	options_clean(&line->options);
	json_decref(line->request.body);
}

static int complain(const struct hook_line *line, const char *flag, const char *value, const char *sentence)
{
	char quoted[80];

	log_error("%s: --%s: %s %s", line->command->name, flag, config_quote(value, quoted, sizeof(quoted)), sentence);
	return -EINVAL;
}

static bool parse_number(const char *text, int64_t max, int64_t *out)
{
	char *end;

	if (strspn(text, "0123456789") != strlen(text) || !*text)
		return false;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno == 0 && *out <= max;
}

static int set_limit(const struct hook_line *line, const struct hook_flag *flag, const char *value)
{
	json_t *limits = json_object_get(line->request.body, "limits");
	int64_t number;

	if (!parse_number(value, INT64_MAX, &number))
		return complain(line, flag->name, value, "is not a whole number; give one from 0 to 2^63 - 1");
	if (!limits) {
		limits = json_object();
		if (json_object_set_new(line->request.body, "limits", limits) != 0)
			return log_errno(-ENOMEM, "%s", line->command->name);
	}
	return json_object_set_new(limits, flag->field, json_integer(number)) ? -ENOMEM : 0;
}

static int set_field(const struct hook_line *line, const struct hook_flag *flag, const char *value)
{
	json_t *body = line->request.body;
	struct ip_addr ip;

	if (flag->kind == HOOK_NULL)
		return json_object_set_new(body, flag->field, json_null());
	/* hooks hand over variables that may be empty: then nothing is known */
	if (!*value)
		return 0;
	if (flag->kind == HOOK_LIMIT)
		return set_limit(line, flag, value);
	if (flag->kind == HOOK_IP && ip_parse(value, &ip) != 0)
		return complain(line, flag->name, value, "is not an IP address");
	if (json_object_set_new(body, flag->field, json_string(value)) != 0)
		return complain(line, flag->name, value, "is not valid UTF-8");
	return 0;
}

int hook_set_mac(json_t *body, const char *command, const char *text)
{
	char canonical[MAC_TEXT_SIZE];
	char quoted[80];
	struct mac_addr mac;

	if (mac_parse(text, &mac) != 0) {
		log_error("%s: %s is not a MAC address; write it like 14:2d:27:e7:40:2b", command,
			  config_quote(text, quoted, sizeof(quoted)));
		return -EINVAL;
	}
	if (json_object_set_new(body, "mac", json_string(mac_format(&mac, canonical))) != 0)
		return log_errno(-ENOMEM, "%s", command);
	return 0;
}

static void print_flag(FILE *file, const struct hook_flag *flag)
{
	static const char *const values[] = {
		[HOOK_TEXT] = "=TEXT", [HOOK_IP] = "=IP", [HOOK_LIMIT] = "=N", [HOOK_NULL] = ""};
	char text[64];

	snprintf(text, sizeof(text), "--%s%s", flag->name, values[flag->kind]);
	fprintf(file, "  %-30s %s\n", text, flag->help);
}

static void print_help(const struct hook_command *command, FILE *file)
{
	fprintf(file,
		"usage: octetd %s %s [OPTION]...\n\n%s\n\n"
		"Exit status: 0 when it is done, or kept until the agent is there; 1 when it was refused (the reasons\n"
		"are printed); 2 when the agent cannot be asked and the request cannot be kept.\n\n",
		command->name, command->argument, command->help);
	for (size_t i = 0; i < command->n_flags; i++)
		print_flag(file, &command->flags[i]);
	for (size_t i = 0; i < N_COMMON; i++)
		print_flag(file, &common_flags[i]);
	options_print_help(file);
}

static void name_extras(struct hook_line *line)
{
	const struct hook_command *command = line->command;

	for (size_t i = 0; i < command->n_flags + N_COMMON; i++) {
		const struct hook_flag *flag =
			i < command->n_flags ? &command->flags[i] : &common_flags[i - command->n_flags];
		line->extras[i] = (struct options_extra){.name = flag->name, .has_value = flag->kind != HOOK_NULL};
	}
	line->common = line->extras + command->n_flags;
}

/* 0 or -errno, said. */
static int build_request(struct hook_line *line)
{
	const struct hook_command *command = line->command;
	const char *spool = line->common[COMMON_SPOOL].value;
	int error = 0;

	if (line->options.n_positional != 1) {
		log_error("%s needs one %s; `octetd %s --help` tells more", command->name, command->argument,
			  command->name);
		return -EINVAL;
	}
	line->spool_s = HOOK_SPOOL_DEFAULT_S;
	if (spool && !parse_number(spool, HOOK_SPOOL_MAX_S, &line->spool_s))
		return complain(line, "spool-s", spool, "is not a whole number from 0 to 86400");
	line->request.subject = line->options.positional[0];
	line->request.body = json_object();
	for (size_t i = 0; !error && i < command->n_flags; i++)
		if (line->extras[i].value)
			error = set_field(line, &command->flags[i], line->extras[i].value);
	return error ? error : command->complete(&line->request);
}

static int spool(const struct hook_line *line, const struct hook_message *message, const char *why)
{
	const int error = hook_spool(&line->options.config, message, line->spool_s);

	if (error)
		return EXIT_NOT_REACHED;
	if (line->common[COMMON_VERBOSE].value)
		fprintf(stderr, "octetd: %s of %s is kept and will be delivered: %s\n", message->command,
			message->subject, why);
	return EXIT_DONE;
}

static int refuse(const struct hook_line *line, int status, const char *body)
{
	CLEANUP(strbuf_clean) struct strbuf reason = STRBUF_INIT;

	hook_answer_explain(status, body, &reason);
	log_error("%s of %s was refused: %s", line->command->name, line->request.subject,
		  reason.text ? reason.text : "out of memory");
	return EXIT_REFUSED;
}

static int report(const struct hook_line *line, const struct hook_message *message, int status, const char *body)
{
	switch (hook_answer_judge(message->command, status, body)) {
	case HOOK_LATER:
		if (line->spool_s)
			return spool(line, message, "the agent cannot take it now");
		refuse(line, status, body);
		return EXIT_NOT_REACHED;
	case HOOK_REFUSED:
		return refuse(line, status, body);
	case HOOK_NOBODY:
		if (line->common[COMMON_VERBOSE].value)
			fprintf(stderr, "octetd: %s: there is no session of %s\n", message->command, message->subject);
		break;
	case HOOK_DONE:
		break;
	}
	if (line->common[COMMON_JSON].value)
		printf("%s\n", body);
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_REFUSED;
}

static int send_request(const struct hook_line *line, const struct hook_message *message)
{
	const struct config *config = &line->options.config;
	CLEANUP_FREE char *body = NULL;
	int status = 0;

	if (line->spool_s && hook_spool_is_busy(config))
		return spool(line, message, "others wait before it");

	const int error = hook_message_send(config, message, &status, &body);
	if (error && line->spool_s && local_client_is_passing(error))
		return spool(line, message, "the agent is not there");
	if (error) {
		local_complain(config->socket_path, error);
		return EXIT_NOT_REACHED;
	}
	return report(line, message, status, body);
}

int hook_run(const struct hook_command *command, int argc, char **argv)
{
	CLEANUP(line_clean) struct hook_line line = {.command = command};
	CLEANUP_FREE char *body = NULL;
	CLEANUP(strbuf_clean) struct strbuf target = STRBUF_INIT;

	name_extras(&line);
	if (options_load_extra(argc, argv, line.extras, command->n_flags + N_COMMON, &line.options) != 0)
		return EXIT_REFUSED;
	if (line.options.wants_help) {
		print_help(command, stdout);
		return EXIT_DONE;
	}
	if (build_request(&line) != 0)
		return EXIT_REFUSED;
	body = json_dumps(line.request.body, JSON_COMPACT);
	strbuf_append_format(&target, "%s%s", line.options.config.mount, line.request.target);
	if (!body || target.has_failed) {
		log_errno(-ENOMEM, "%s", command->name);
		return EXIT_NOT_REACHED;
	}
	return send_request(&line, &(struct hook_message){command->name, line.request.subject, target.text, body});
}
