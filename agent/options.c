/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/config_value.h"
#include "io/config_file.h"
#include "io/zone.h"

#define FLAG_SIZE 48

/* What getopt_long returns: one of these, or the index of a key or an extra added to it. */
enum {
	FOUND_CONFIG = 0x100,
	FOUND_KEY = 0x200,
	FOUND_NO_KEY = 0x400,
	FOUND_EXTRA = 0x800,
	FOUND_INDEX = 0xff,
};
_Static_assert((int)CONFIG_N_KEYS <= (int)FOUND_INDEX, "an index fits beside its kind");

/* A key that a flag sets. Borrows from argv. */
struct override {
	const struct config_key *key;
	const char *value;
	bool is_negated;
};

struct command_line {
	const char *command;
	struct options_extra *extras;
	size_t n_extras;
	char flags[CONFIG_N_KEYS][FLAG_SIZE];
	char no_flags[CONFIG_N_KEYS][FLAG_SIZE];
	struct option *options;
	struct override *overrides;
	size_t n_overrides;
	int n_mistakes;
};

static void command_line_clean(struct command_line *line)
{
	free(line->options);
	free(line->overrides);
}

static void name_flag(char flag[FLAG_SIZE], const char *prefix, const char *key)
{
	snprintf(flag, FLAG_SIZE, "%s%s", prefix, key);
	for (; *flag; flag++)
		if (*flag == '_')
			*flag = '-';
}

static int build_table(struct command_line *line, size_t n_arguments)
{
	size_t n_keys;
	const struct config_key *keys = config_keys(&n_keys);
	struct option *option = calloc(2 * n_keys + line->n_extras + 3, sizeof(*option));

	line->options = option;
	line->overrides = calloc(n_arguments + 1, sizeof(*line->overrides));
	if (!option || !line->overrides)
		return -ENOMEM;
	*option++ = (struct option){"help", no_argument, NULL, 'h'};
	*option++ = (struct option){"config", required_argument, NULL, FOUND_CONFIG};
	for (size_t i = 0; i < line->n_extras; i++)
		*option++ = (struct option){line->extras[i].name,
					    line->extras[i].has_value ? required_argument : no_argument, NULL,
					    FOUND_EXTRA + (int)i};
	for (size_t i = 0; i < n_keys; i++) {
		const bool is_boolean = keys[i].type == CONFIG_BOOLEAN;
		name_flag(line->flags[i], "", keys[i].name);
		name_flag(line->no_flags[i], "no-", keys[i].name);
		*option++ = (struct option){line->flags[i], is_boolean ? optional_argument : required_argument, NULL,
					    FOUND_KEY + (int)i};
		if (is_boolean)
			*option++ = (struct option){line->no_flags[i], no_argument, NULL, FOUND_NO_KEY + (int)i};
	}
	return 0;
}

static void complain(struct command_line *line, const char *flag, const char *sentence)
{
	fprintf(stderr, "octetd: %s%s\n", flag, sentence);
	line->n_mistakes++;
}

static void complain_unknown(struct command_line *line, const char *argument)
{
	char name[FLAG_SIZE];
	char flag[FLAG_SIZE];
	char sentence[CONFIG_ERROR_SIZE];
	char quoted[80];
	const char *near;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(argument, "="), argument);
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	near = config_key_suggest(name + strspn(name, "_"));
	name_flag(flag, "--", near ? near : "");
	snprintf(sentence, sizeof(sentence), " is not an option%s%s; `octetd %s --help` lists them",
		 near ? ", did you mean " : "", near ? flag : "", line->command);
	complain(line, config_quote(argument, quoted, sizeof(quoted)), sentence);
}

/* A boolean's value may stand behind its flag, where getopt_long does not look for optional ones. */
static const char *boolean_value(int argc, char **argv)
{
	if (optarg)
		return optarg;
	if (optind < argc && config_value_boolean_parse(argv[optind]) >= 0)
		return argv[optind++];
	return "true";
}

static void add_override(struct command_line *line, int found, const char *value)
{
	size_t n_keys;
	const struct config_key *key = &config_keys(&n_keys)[found & FOUND_INDEX];

	line->overrides[line->n_overrides++] =
		(struct override){.key = key, .value = value, .is_negated = found & FOUND_NO_KEY};
}

static void take_key(struct command_line *line, int found, int argc, char **argv)
{
	size_t n_keys;
	const bool is_boolean = config_keys(&n_keys)[found & FOUND_INDEX].type == CONFIG_BOOLEAN;

	if (found & FOUND_NO_KEY)
		add_override(line, found, "false");
	else
		add_override(line, found, is_boolean ? boolean_value(argc, argv) : optarg);
}

static void parse(struct command_line *line, int argc, char **argv, struct options *out)
{
	int found;

	opterr = 0;
	optind = 0; /* glibc and musl: start anew, whoever has used getopt before */
	while ((found = getopt_long(argc, argv, ":h", line->options, NULL)) != -1) {
		if (found == 'h')
			out->wants_help = true;
		else if (found == FOUND_CONFIG)
			out->config_path = optarg;
		else if (found == ':')
			complain(line, argv[optind - 1], " needs a value");
		else if (found == '?')
			complain_unknown(line, argv[optind - 1]);
		else if (found & FOUND_EXTRA && line->extras)
			line->extras[found & FOUND_INDEX].value = optarg ? optarg : "";
		else
			take_key(line, found, argc, argv);
	}
	out->positional = argv + optind;
	out->n_positional = argc - optind;
}

struct file_reporter {
	struct command_line *line;
	const char *path;
};

static void report_file(void *context, int line_number, const char *text)
{
	const struct file_reporter *reporter = context;

	if (line_number)
		fprintf(stderr, "octetd: %s:%d: %s\n", reporter->path, line_number, text);
	else
		fprintf(stderr, "octetd: %s: %s\n", reporter->path, text);
	reporter->line->n_mistakes++;
}

static int read_file(struct command_line *line, struct options *out)
{
	struct file_reporter reporter = {line, NULL};

	if (!out->config_path && access(OPTIONS_DEFAULT_FILE, F_OK) == 0)
		out->config_path = OPTIONS_DEFAULT_FILE;
	if (!out->config_path)
		return 0;
	reporter.path = out->config_path;
	return config_file_read(out->config_path, &out->config, report_file, &reporter);
}

static int apply(struct command_line *line, const struct override *override, struct config *config)
{
	char flag[FLAG_SIZE];
	char error[CONFIG_ERROR_SIZE];
	int result = config_set(config, override->key->name, override->value, error, sizeof(error));

	if (result == -ENOMEM)
		return result;
	if (!result && override->key->check == config_value_zone)
		result = zone_check(override->value, error, sizeof(error));
	if (result) {
		name_flag(flag, override->is_negated ? "--no-" : "--", override->key->name);
		snprintf(flag + strlen(flag), sizeof(flag) - strlen(flag), ": ");
		complain(line, flag, error);
	}
	return 0;
}

static int load(struct command_line *line, int argc, char **argv, struct options *out)
{
	int result = config_init(&out->config);

	if (!result)
		result = build_table(line, (size_t)argc);
	if (result)
		return result;
	parse(line, argc, argv, out);
	if (out->wants_help)
		return 0;
	result = read_file(line, out);
	for (size_t i = 0; result != -ENOMEM && i < line->n_overrides; i++)
		if (apply(line, &line->overrides[i], &out->config) != 0)
			return -ENOMEM;
	if (result)
		return result;
	return line->n_mistakes ? -EINVAL : 0;
}

int options_load_extra(int argc, char **argv, struct options_extra *extras, size_t n_extras, struct options *out)
{
	CLEANUP(command_line_clean)
	struct command_line line = {.command = argv[0], .extras = extras, .n_extras = n_extras};
	int result;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < n_extras; i++)
		extras[i].value = NULL;
	result = load(&line, argc, argv, out);
	if (result == -ENOMEM)
		fprintf(stderr, "octetd: out of memory\n");
	return result;
}

int options_load(int argc, char **argv, struct options *out)
{
	return options_load_extra(argc, argv, NULL, 0, out);
}

void options_clean(struct options *options)
{
	config_clean(&options->config);
}

static void print_key(FILE *file, const struct config_key *key)
{
	static const char *const values[] = {
		[CONFIG_STRING] = "=TEXT",     [CONFIG_STRINGS] = "=A,B", [CONFIG_INTEGER] = "=N",
		[CONFIG_BOOLEAN] = "[=false]", [CONFIG_CHOICE] = "=",
	};
	char flag[FLAG_SIZE];
	char text[2 * FLAG_SIZE];

	name_flag(flag, "--", key->name);
	snprintf(text, sizeof(text), "%s%s", flag, values[key->type]);
	for (size_t i = 0; key->choices && key->choices[i]; i++) {
		const size_t length = strlen(text);
		snprintf(text + length, sizeof(text) - length, "%s%s", i ? "|" : "", key->choices[i]);
	}
	fprintf(file, "  %-30s %s", text, key->help);
	if (key->type == CONFIG_INTEGER)
		fprintf(file, " (%" PRId64 " to %" PRId64 ", default %s)", key->min, key->max, key->preset);
	else if (*key->preset)
		fprintf(file, " (default %s)", key->preset);
	fputc('\n', file);
}

void options_print_help(FILE *file)
{
	size_t n_keys;
	const struct config_key *keys = config_keys(&n_keys);

	fprintf(file, "  %-30s %s\n", "-h, --help", "print this");
	fprintf(file, "  %-30s %s\n", "--config=FILE",
		"the configuration file (default " OPTIONS_DEFAULT_FILE " if it exists); flags override it");
	for (size_t i = 0; i < n_keys; i++)
		print_key(file, &keys[i]);
}
