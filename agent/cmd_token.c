/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "commands.h"
#include "io/now.h"
#include "io/token_file.h"
#include "options.h"

#define TIME_TEXT_SIZE 32

struct token_call {
	struct token_file *file;
	const char *state_dir;
	const char *name; /* NULL: none given */
	unsigned int scopes;
};

static void print_help(void)
{
	printf("usage: octetd token add NAME [--scopes=read,write,metrics] | list | revoke NAME\n\n"
	       "add     makes a token and prints its secret, once; scopes are read unless given\n"
	       "list    prints names, scopes and times, never secrets\n"
	       "revoke  ends a token; a running agent refuses it at once\n\n"
	       "  --scopes=LIST                  of read, write, metrics\n");
	options_print_help(stdout);
}

static int say(int error, const char *name, const char *sentence)
{
	char quoted[80];

	fprintf(stderr, "octetd: %s %s\n", config_quote(name, quoted, sizeof(quoted)), sentence);
	return error;
}

static int token_add(const struct token_call *call)
{
	char secret[TOKEN_SECRET_SIZE];
	char scopes[TOKEN_SCOPES_TEXT_SIZE];
	const int error = token_file_add(call->file, call->name, call->scopes, now_read().wall_ns / NS_PER_S, secret);

	if (error == -EEXIST)
		return say(error, call->name, "is the name of a token already; revoke that first or choose another");
	if (error == -EINVAL)
		return say(error, call->name, "cannot be a token's name; use 1 to 63 of A-Z a-z 0-9 . _ -");
	if (error)
		return error;
	printf("%s\n", secret);
	explicit_bzero(secret, sizeof(secret));
	fprintf(stderr, "The token %s (%s) is kept in %s; its secret is shown only here.\n", call->name,
		token_scopes_format(call->scopes, scopes), call->state_dir);
	return 0;
}

static int token_revoke(const struct token_call *call)
{
	const int error = token_file_revoke(call->file, call->name);

	if (error == -ENOENT)
		return say(error, call->name, "is no token's name; `octetd token list` lists them");
	if (!error)
		printf("revoked %s\n", call->name);
	return error;
}

static const char *format_time(int64_t wall_s, char text[TIME_TEXT_SIZE])
{
	const time_t time = wall_s;
	struct tm utc;

	if (!gmtime_r(&time, &utc) || !strftime(text, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S+00:00", &utc))
		snprintf(text, TIME_TEXT_SIZE, "-");
	return text;
}

static int token_list(const struct token_call *call)
{
	CLEANUP_FREE struct token_entry *entries = NULL;
	char scopes[TOKEN_SCOPES_TEXT_SIZE];
	char time[TIME_TEXT_SIZE];
	size_t n_entries;
	const int error = token_file_list(call->file, &entries, &n_entries);

	if (error)
		return error;
	printf("%-24s %-20s %s\n", "NAME", "SCOPES", "CREATED");
	for (size_t i = 0; i < n_entries; i++)
		printf("%-24s %-20s %s\n", entries[i].name, token_scopes_format(entries[i].scopes, scopes),
		       format_time(entries[i].created_wall_s, time));
	return 0;
}

static const struct action {
	const char *name;
	bool needs_name;
	int (*run)(const struct token_call *call);
} actions[] = {
	{"add", true, token_add},
	{"list", false, token_list},
	{"revoke", true, token_revoke},
};

/* NULL, said, for what is no complete action. */
static const struct action *find_action(const struct options *options)
{
	for (size_t i = 0; options->n_positional && i < ARRAY_LENGTH(actions); i++)
		if (strcmp(options->positional[0], actions[i].name) == 0 &&
		    options->n_positional == 1 + actions[i].needs_name)
			return &actions[i];
	fprintf(stderr, "octetd: token needs one of: add NAME, list, revoke NAME; `octetd token --help` tells more\n");
	return NULL;
}

static int run_action(const struct options *options, const char *scopes)
{
	const struct action *action = find_action(options);
	CLEANUP(token_file_free) struct token_file *file = NULL;
	struct token_call call = {.state_dir = options->config.state_dir, .scopes = TOKEN_SCOPE_READ};

	if (!action)
		return -EINVAL;
	if (scopes && token_scopes_parse(scopes, &call.scopes) != 0)
		return say(-EINVAL, scopes, "is no list of scopes; give some of read,write,metrics");
	if (action->needs_name)
		call.name = options->positional[1];
	const int error = token_file_new(call.state_dir, &file);
	if (error)
		return error;
	call.file = file;
	return action->run(&call);
}

int cmd_token(int argc, char **argv)
{
	CLEANUP(options_clean) struct options options = {0};
	struct options_extra scopes = {.name = "scopes", .has_value = true};

	if (options_load_extra(argc, argv, &scopes, 1, &options) != 0)
		return 1;
	if (options.wants_help) {
		print_help();
		return 0;
	}
	const int error = run_action(&options, scopes.value);
	if (fflush(stdout) != 0) {
		log_errno(-errno, "the answer cannot be printed");
		return 1;
	}
	return error ? 1 : 0;
}
