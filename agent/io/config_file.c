/* SPDX-License-Identifier: MIT */
/*
 * libconfuse stops at its first error. To find all mistakes in one go, every option is a text for it, whose
 * parse callback judges the value and always says yes; and an unknown key is noted, added as one more option,
 * and the text is parsed again. Only a mistake of syntax ends the search. The file is read here: libconfuse's lexer
 * calls exit() for what cannot be read.
 */
#include "io/config_file.h"

#include <confuse.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/config_mistakes.h"
#include "core/config_text.h"
#include "core/profile_list.h"
#include "core/suggestion.h"
#include "io/text_file.h"
#include "io/zone.h"

#define FILE_MAX_BYTES (256 * 1024)
#define UNKNOWN_MAX 32

struct setting {
	int line; /* of the last value; 0: none */
	bool is_bad;
};

/* A name that is no key, and where. */
struct unknown {
	char *name; /* owned */
	bool is_in_profile;
	unsigned int n_seen; /* in this pass */
};

struct reader {
	struct config *config;
	char *text;
	bool is_cut; /* at something that nothing closes, which is reported */
	struct setting settings[CONFIG_N_KEYS];
	struct unknown unknown[UNKNOWN_MAX];
	size_t n_unknown;
	struct profile_list profiles;
	bool is_again; /* an unknown key ended this pass */
	struct config_mistakes mistakes;
};

/* Callbacks of libconfuse get no context; its lexer is global too. */
static struct reader *current;

/* Mistakes are found again in each pass, but for those before the first and for unknown keys. */
static void forget_pass(struct reader *reader)
{
	config_mistakes_forget(&reader->mistakes);
	memset(reader->settings, 0, sizeof(reader->settings));
	profile_list_forget(&reader->profiles);
	for (size_t i = 0; i < reader->n_unknown; i++)
		reader->unknown[i].n_seen = 0;
	reader->is_again = false;
}

/* The only sections are profiles, and only sections have a title. */
static bool is_profile(const cfg_t *cfg)
{
	return cfg->title != NULL;
}

/* NULL: name is not among them. */
static struct unknown *find_unknown(struct reader *reader, const cfg_t *cfg, const char *name)
{
	for (size_t i = 0; i < reader->n_unknown; i++)
		if (strcmp(reader->unknown[i].name, name) == 0 && reader->unknown[i].is_in_profile == is_profile(cfg))
			return &reader->unknown[i];
	return NULL;
}

static void add_unknown(struct reader *reader, const cfg_t *cfg, const char *name)
{
	struct unknown *unknown = &reader->unknown[reader->n_unknown];

	if (reader->n_unknown == UNKNOWN_MAX)
		return;
	forget_pass(reader);
	*unknown = (struct unknown){.name = strdup(name), .is_in_profile = is_profile(cfg)};
	if (unknown->name) {
		reader->n_unknown++;
		reader->is_again = true;
	} else {
		reader->mistakes.is_out_of_memory = true;
	}
}

static void say_no_limit(const char *name, char *sentence, size_t sentence_size)
{
	const char *near = profile_key_suggest(name);

	if (near)
		snprintf(sentence, sentence_size, "is not a key of a profile; did you mean %s?", near);
	else
		snprintf(sentence, sentence_size,
			 "is not a key of a profile; those are session_timeout, idle_timeout, max_bytes_total, "
			 "max_bytes_down and max_bytes_up");
}

static void say_no_key(struct reader *reader, const char *name, char *sentence, size_t sentence_size)
{
	struct suggestion suggestion = suggestion_for(name);

	suggestion_offer(&suggestion, PROFILE_SECTION);
	if (profile_key_find(name) >= 0)
		snprintf(sentence, sentence_size,
			 "is a key of a profile; write it in " PROFILE_SECTION " \"NAME\" { ... }");
	else if (suggestion_nearest(&suggestion))
		snprintf(sentence, sentence_size, "is not a key; did you mean " PROFILE_SECTION " \"NAME\" { ... }?");
	else
		(void)config_set(reader->config, name, "", sentence, sentence_size);
}

static void say_unknown(struct reader *reader, const cfg_t *cfg, const char *name)
{
	char quoted[80];
	char subject[sizeof(quoted) + 1];
	char sentence[CONFIG_ERROR_SIZE];

	snprintf(subject, sizeof(subject), "%s ", config_quote(name, quoted, sizeof(quoted)));
	if (is_profile(cfg))
		say_no_limit(name, sentence, sizeof(sentence));
	else
		say_no_key(reader, name, sentence, sizeof(sentence));
	config_mistakes_note(&reader->mistakes, cfg->line, subject, sentence);
}

static void note_unknown(struct reader *reader, const cfg_t *cfg, const char *name)
{
	add_unknown(reader, cfg, name);
	say_unknown(reader, cfg, name);
	config_mistakes_keep(&reader->mistakes);
}

/* The same slip in another profile; the first one is kept since it ended its pass. */
static void note_unknown_again(struct reader *reader, const cfg_t *cfg, const cfg_opt_t *option)
{
	struct unknown *unknown = find_unknown(reader, cfg, option->name);

	if (unknown && option->nvalues == 1 && unknown->n_seen++ > 0)
		say_unknown(reader, cfg, option->name);
}

static void judge_value(struct reader *reader, const cfg_t *cfg, const cfg_opt_t *option, const char *value)
{
	const struct config_key *key = config_key_find(option->name);
	char sentence[CONFIG_ERROR_SIZE];
	size_t n_keys;

	if (!key)
		return; /* an unknown one */
	struct setting *setting = &reader->settings[key - config_keys(&n_keys)];
	/* the first value of an assignment: `+=` and further elements find more values there */
	if (setting->line && option->nvalues == 1) {
		snprintf(sentence, sizeof(sentence), "is set already in line %d; remove one of them", setting->line);
		config_mistakes_note_key(&reader->mistakes, cfg->line, key->name, sentence);
		setting->is_bad = true;
	}
	setting->line = cfg->line;
	if (config_check_value(key, value, sentence, sizeof(sentence)) != 0 ||
	    (key->check == config_value_zone && zone_check(value, sentence, sizeof(sentence)) != 0)) {
		config_mistakes_note_key(&reader->mistakes, cfg->line, key->name, sentence);
		setting->is_bad = true;
	}
}

static int parse_value(cfg_t *cfg, cfg_opt_t *option, const char *value, void *result)
{
	judge_value(current, cfg, option, value);
	*(const char **)result = value;
	return 0;
}

static int parse_limit(cfg_t *cfg, cfg_opt_t *option, const char *value, void *result)
{
	if (profile_key_find(option->name) >= 0)
		profile_list_set(&current->profiles, cfg->line, cfg->title, option->name, value);
	else
		note_unknown_again(current, cfg, option);
	*(const char **)result = value;
	return 0;
}

/*
 * A section has come to its end. libconfuse would give one of the same title this one's place, so it goes
 * from there at once; and it knows no more where the section began.
 */
static int end_profile(cfg_t *cfg, cfg_opt_t *option)
{
	const cfg_t *section = cfg_opt_getnsec(option, 0);

	const int line = config_text_line_of_word(current->text, PROFILE_SECTION, cfg->line);

	profile_list_end(&current->profiles, line, section->title);
	(void)cfg_opt_rmnsec(option, 0);
	return 0;
}

static int last_line(const char *text)
{
	size_t length = strlen(text);

	while (length && strchr(" \t\r\n", text[length - 1]))
		length--;
	return config_text_line(text, text + length);
}

/* libconfuse's messages, by the beginning of their format, and what to do about each. */
enum complaint {
	COMPLAINT_UNKNOWN,
	COMPLAINT_NO_EQUALS,
	COMPLAINT_END,
	COMPLAINT_TOKEN,
	COMPLAINT_APPEND,
	COMPLAINT_TITLE,
	COMPLAINT_BRACE,
	COMPLAINT_BAR,
	N_COMPLAINTS
};

static const struct {
	const char *format;
	const char *remedy;
	bool names_word; /* of the file, as the first argument of the format */
} complaints[] = {
	[COMPLAINT_UNKNOWN] = {"no such option", "", true},
	[COMPLAINT_NO_EQUALS] = {"missing equal sign", "; write KEY = VALUE", true},
	[COMPLAINT_END] = {"premature end of file", "; a value or a closing brace is missing", false},
	[COMPLAINT_TOKEN] = {"unexpected token",
			     "; write KEY = VALUE for one value and KEY = {\"A\", \"B\"} for a list, texts in quotes",
			     false},
	[COMPLAINT_APPEND] = {"attempt to append", "; write KEY = VALUE", false},
	[COMPLAINT_TITLE] = {"missing title", "; write profile \"NAME\" { KEY = VALUE ... }", true},
	[COMPLAINT_BAR] = {"no sub-section", "; a key has no '|' in it", false},
	[COMPLAINT_BRACE] = {"missing opening brace", "; write profile \"NAME\" { KEY = VALUE ... }", true},
};
_Static_assert(ARRAY_LENGTH(complaints) == N_COMPLAINTS, "a remedy for each complaint");

/* N_COMPLAINTS for any other. */
static size_t complaint_of(const char *format)
{
	size_t i = 0;

	while (i < N_COMPLAINTS && strncmp(format, complaints[i].format, strlen(complaints[i].format)) != 0)
		i++;
	return i;
}

static void note_syntax(struct reader *reader, int line, size_t complaint, const char *message)
{
	char clean[CONFIG_ERROR_SIZE];
	size_t length;

	if (complaint == COMPLAINT_END && reader->is_cut)
		return;
	/* quoted, for the control characters, and without the quotes */
	config_quote(message, clean, sizeof(clean));
	length = strlen(clean);
	clean[length - 1] = '\0';
	config_mistakes_note(&reader->mistakes, line, clean + 1,
			     complaint < N_COMPLAINTS ? complaints[complaint].remedy : "");
}

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	const size_t complaint = complaint_of(format);
	char message[CONFIG_ERROR_SIZE];
	const char *name = "";
	int line = cfg->line;
	va_list copy;

	if (complaint < N_COMPLAINTS && complaints[complaint].names_word) {
		va_copy(copy, args);
		name = va_arg(copy, const char *);
		va_end(copy);
	}
	if (complaint == COMPLAINT_UNKNOWN) {
		note_unknown(current, cfg, name);
		return;
	}
	/* an unknown section was taken for an unknown list */
	if (find_unknown(current, cfg, name))
		return;
	if (*name)
		line = config_text_line_of_word(current->text, name, line);
	if (complaint == COMPLAINT_END)
		line = last_line(current->text);
	vsnprintf(message, sizeof(message), format, args);
	note_syntax(current, line, complaint, message);
}

/* An empty list has no value whose line the parser would have told. */
static int line_of(const struct reader *reader, size_t index, const char *key)
{
	const int line = reader->settings[index].line;

	return line ? line : config_text_line_of_key(reader->text, key);
}

static void set_key(struct reader *reader, size_t index, cfg_opt_t *option)
{
	size_t n_keys;
	const struct config_key *key = &config_keys(&n_keys)[index];
	const int line = line_of(reader, index, key->name);
	const unsigned int n_values = cfg_opt_size(option);
	char sentence[CONFIG_ERROR_SIZE];
	int result;

	if (key->type == CONFIG_STRINGS) {
		CLEANUP_FREE char **values = calloc(n_values + 1, sizeof(*values));
		for (unsigned int i = 0; values && i < n_values; i++)
			values[i] = cfg_opt_getnstr(option, i);
		result = values ? config_set_list(reader->config, key->name, values, n_values, sentence,
						  sizeof(sentence))
				: -ENOMEM;
	} else {
		result = config_set(reader->config, key->name, cfg_opt_getnstr(option, 0), sentence, sizeof(sentence));
	}
	if (result == -ENOMEM)
		reader->mistakes.is_out_of_memory = true;
	else if (result)
		config_mistakes_note_key(&reader->mistakes, line, key->name, sentence);
	else
		reader->config->lines[index] = line;
}

static void set_all(struct reader *reader, cfg_t *cfg)
{
	size_t n_keys;
	const struct config_key *keys = config_keys(&n_keys);

	for (size_t i = 0; i < n_keys; i++) {
		cfg_opt_t *option = cfg_getopt(cfg, keys[i].name);
		const struct setting *setting = &reader->settings[i];
		const bool is_set = option && option->flags & CFGF_MODIFIED;
		const bool has_values = setting->line || keys[i].type == CONFIG_STRINGS;
		if (is_set && has_values && !setting->is_bad)
			set_key(reader, i, option);
	}
	if (!reader->mistakes.n)
		profile_list_move(&reader->profiles, reader->config);
}

static cfg_opt_t *add_option(cfg_opt_t *option, const char *name, bool is_list, cfg_callback_t parse_callback)
{
	option->name = name;
	option->type = CFGT_STR;
	option->flags = CFGF_NODEFAULT | (is_list ? CFGF_LIST : CFGF_NONE);
	option->parsecb = parse_callback;
	return option + 1;
}

static cfg_opt_t *add_unknowns(const struct reader *reader, cfg_opt_t *option, bool is_in_profile)
{
	for (size_t i = 0; i < reader->n_unknown; i++)
		if (reader->unknown[i].is_in_profile == is_in_profile)
			option = add_option(option, reader->unknown[i].name, true,
					    is_in_profile ? parse_limit : parse_value);
	return option;
}

/* Fills limits, of a profile, and options; libconfuse copies both. */
static void make_options(const struct reader *reader, cfg_opt_t *options, cfg_opt_t *limits)
{
	size_t n_keys;
	const struct config_key *keys = config_keys(&n_keys);
	size_t n_limits;
	const struct profile_key *profile = profile_keys(&n_limits);
	cfg_opt_t *limit = limits;
	cfg_opt_t *option = options;

	for (size_t i = 0; i < n_limits; i++)
		limit = add_option(limit, profile[i].name, false, parse_limit);
	*add_unknowns(reader, limit, true) = (cfg_opt_t)CFG_END();
	for (size_t i = 0; i < n_keys; i++)
		option = add_option(option, keys[i].name, keys[i].type == CONFIG_STRINGS, parse_value);
	option = add_unknowns(reader, option, false);
	*option++ = (cfg_opt_t)CFG_SEC(PROFILE_SECTION, limits, CFGF_MULTI | CFGF_TITLE);
	*option = (cfg_opt_t)CFG_END();
}

static cfg_t *make_parser(const struct reader *reader)
{
	cfg_opt_t options[CONFIG_N_KEYS + UNKNOWN_MAX + 2] = {0};
	cfg_opt_t limits[LOGIN_N_LIMITS + UNKNOWN_MAX + 1] = {0};
	cfg_t *cfg;

	make_options(reader, options, limits);
	cfg = cfg_init(options, CFGF_NONE);
	if (!cfg)
		return NULL;
	cfg_set_error_function(cfg, on_error);
	cfg_set_validate_func(cfg, PROFILE_SECTION, end_profile);
	return cfg;
}

/* At the end of the text libconfuse takes an open section for a closed one. */
static void note_open_brace(struct reader *reader)
{
	const char *brace = reader->is_cut ? NULL : config_text_open_brace(reader->text);

	if (brace)
		config_mistakes_note(&reader->mistakes, config_text_line(reader->text, brace), "",
				     "a brace opens here and is not closed; close it with }");
}

static void parse_once(struct reader *reader)
{
	cfg_t *cfg = make_parser(reader);

	reader->is_again = false;
	if (!cfg) {
		reader->mistakes.is_out_of_memory = true;
		return;
	}
	const int result = cfg_parse_buf(cfg, reader->text);
	if (result != CFG_SUCCESS && !reader->mistakes.n)
		config_mistakes_note(&reader->mistakes, cfg->line, "", "cannot be understood; write KEY = VALUE");
	if (result == CFG_SUCCESS)
		note_open_brace(reader);
	if (!reader->is_again)
		set_all(reader, cfg);
	cfg_free(cfg);
}

/* Blanks what libconfuse need not see, and cuts the text where its lexer must not go on. */
static void prepare(struct reader *reader)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf"; /* some editors begin UTF-8 files with it */
	const char *reason = NULL;
	char *bad;

	if (strncmp(reader->text, byte_order_mark, strlen(byte_order_mark)) == 0)
		memset(reader->text, ' ', strlen(byte_order_mark));
	bad = config_text_blank_comments(reader->text, &reason);
	if (!bad)
		return;
	config_mistakes_note(&reader->mistakes, config_text_line(reader->text, bad), "", reason);
	*bad = '\0';
	reader->is_cut = true;
	config_mistakes_keep(&reader->mistakes);
}

static int parse(struct reader *reader)
{
	if (profile_list_init(&reader->profiles, &reader->mistakes) != 0)
		return -ENOMEM;
	prepare(reader);
	current = reader;
	do {
		forget_pass(reader);
		parse_once(reader);
	} while (reader->is_again && !reader->mistakes.is_out_of_memory);
	current = NULL;
	if (reader->mistakes.is_out_of_memory)
		return -ENOMEM;
	return reader->mistakes.n ? -EINVAL : 0;
}

static void clean(struct reader *reader)
{
	profile_list_clean(&reader->profiles);
	for (size_t i = 0; i < reader->n_unknown; i++)
		free(reader->unknown[i].name);
	config_mistakes_clean(&reader->mistakes);
	free(reader->text);
}

int config_file_read(const char *path, struct config *config, config_report report, void *context)
{
	struct reader reader = {.config = config};
	char sentence[CONFIG_ERROR_SIZE];
	int result = text_file_read(path, FILE_MAX_BYTES, &reader.text);

	if (reader.text)
		result = parse(&reader);
	config_mistakes_report(&reader.mistakes, report, context);
	if (result && result != -EINVAL) {
		snprintf(sentence, sizeof(sentence),
			 "cannot be read: %s; name a configuration file that this user may read",
			 result == -EILSEQ ? "it has a NUL byte in it" : strerror(-result));
		report(context, 0, sentence);
	}
	clean(&reader);
	return result;
}
