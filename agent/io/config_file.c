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
#include "base/strbuf.h"
#include "core/config_text.h"
#include "io/text_file.h"
#include "io/zone.h"

#define FILE_MAX_BYTES (256 * 1024)
#define UNKNOWN_MAX 32
#define MISTAKES_MAX 100

struct mistake {
	int line;
	char *text;
};

struct setting {
	int line; /* of the last value; 0: none */
	bool is_bad;
};

struct reader {
	struct config *config;
	char *text;
	bool is_cut; /* at something that nothing closes, which is reported */
	struct setting settings[CONFIG_N_KEYS];
	char *unknown[UNKNOWN_MAX];
	size_t n_unknown;
	bool is_again; /* an unknown key ended this pass */
	struct mistake mistakes[MISTAKES_MAX];
	size_t n_mistakes;
	size_t n_kept; /* of the mistakes, those that another pass would not find again */
	bool is_out_of_memory;
};

/* Callbacks of libconfuse get no context; its lexer is global too. */
static struct reader *current;

static void note(struct reader *reader, int line, const char *subject, const char *sentence)
{
	struct mistake *mistake = &reader->mistakes[reader->n_mistakes];
	struct strbuf text = STRBUF_INIT;

	if (reader->n_mistakes == MISTAKES_MAX)
		return;
	if (reader->n_mistakes == MISTAKES_MAX - 1)
		strbuf_append(&text, "there are more mistakes; mend those above first");
	else
		strbuf_append_format(&text, "%s%s", subject, sentence);
	mistake->line = line;
	mistake->text = strbuf_steal(&text);
	if (mistake->text)
		reader->n_mistakes++;
	else
		reader->is_out_of_memory = true;
}

static void note_key(struct reader *reader, int line, const char *key, const char *sentence)
{
	char subject[CONFIG_ERROR_SIZE];

	snprintf(subject, sizeof(subject), "%s: ", key);
	note(reader, line, subject, sentence);
}

/* Mistakes are found again in each pass, but for those before the first and for unknown keys. */
static void forget_pass(struct reader *reader)
{
	while (reader->n_mistakes > reader->n_kept)
		free(reader->mistakes[--reader->n_mistakes].text);
	memset(reader->settings, 0, sizeof(reader->settings));
	reader->is_again = false;
}

static bool is_known_unknown(const struct reader *reader, const char *name)
{
	for (size_t i = 0; i < reader->n_unknown; i++)
		if (strcmp(reader->unknown[i], name) == 0)
			return true;
	return false;
}

static void note_unknown(struct reader *reader, int line, const char *name)
{
	char quoted[80];
	char subject[sizeof(quoted) + 1];
	char sentence[CONFIG_ERROR_SIZE];

	if (reader->n_unknown < UNKNOWN_MAX) {
		forget_pass(reader);
		reader->unknown[reader->n_unknown] = strdup(name);
		if (reader->unknown[reader->n_unknown]) {
			reader->n_unknown++;
			reader->is_again = true;
		} else {
			reader->is_out_of_memory = true;
		}
	}
	snprintf(subject, sizeof(subject), "%s ", config_quote(name, quoted, sizeof(quoted)));
	(void)config_set(reader->config, name, "", sentence, sizeof(sentence));
	note(reader, line, subject, sentence);
	reader->n_kept = reader->n_mistakes;
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
		note_key(reader, cfg->line, key->name, sentence);
		setting->is_bad = true;
	}
	setting->line = cfg->line;
	if (config_check_value(key, value, sentence, sizeof(sentence)) != 0 ||
	    (key->check == config_value_zone && zone_check(value, sentence, sizeof(sentence)) != 0)) {
		note_key(reader, cfg->line, key->name, sentence);
		setting->is_bad = true;
	}
}

static int parse_value(cfg_t *cfg, cfg_opt_t *option, const char *value, void *result)
{
	judge_value(current, cfg, option, value);
	*(const char **)result = value;
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
	N_COMPLAINTS
};

static const struct {
	const char *format;
	const char *remedy;
} complaints[] = {
	[COMPLAINT_UNKNOWN] = {"no such option", ""},
	[COMPLAINT_NO_EQUALS] = {"missing equal sign", "; write KEY = VALUE"},
	[COMPLAINT_END] = {"premature end of file", "; a value or a closing brace is missing"},
	[COMPLAINT_TOKEN] = {"unexpected token",
			     "; write KEY = VALUE for one value and KEY = {\"A\", \"B\"} for a list, texts in quotes"},
	[COMPLAINT_APPEND] = {"attempt to append", "; write KEY = VALUE"},
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
	note(reader, line, clean + 1, complaint < N_COMPLAINTS ? complaints[complaint].remedy : "");
}

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	const size_t complaint = complaint_of(format);
	char message[CONFIG_ERROR_SIZE];
	const char *name = "";
	int line = cfg->line;
	va_list copy;

	if (complaint == COMPLAINT_UNKNOWN || complaint == COMPLAINT_NO_EQUALS) {
		va_copy(copy, args);
		name = va_arg(copy, const char *);
		va_end(copy);
	}
	if (complaint == COMPLAINT_UNKNOWN) {
		note_unknown(current, line, name);
		return;
	}
	/* an unknown section was taken for an unknown list */
	if (is_known_unknown(current, name))
		return;
	if (complaint == COMPLAINT_NO_EQUALS)
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
		reader->is_out_of_memory = true;
	else if (result)
		note_key(reader, line, key->name, sentence);
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
}

/* The caller frees the array; libconfuse copies it. */
static cfg_opt_t *make_options(const struct reader *reader)
{
	size_t n_keys;
	const struct config_key *keys = config_keys(&n_keys);
	cfg_opt_t *options = calloc(n_keys + reader->n_unknown + 1, sizeof(*options));

	if (!options)
		return NULL;
	for (size_t i = 0; i < n_keys + reader->n_unknown; i++) {
		const bool is_list = i >= n_keys || keys[i].type == CONFIG_STRINGS;
		options[i].name = i < n_keys ? keys[i].name : reader->unknown[i - n_keys];
		options[i].type = CFGT_STR;
		options[i].flags = CFGF_NODEFAULT | (is_list ? CFGF_LIST : CFGF_NONE);
		options[i].parsecb = parse_value;
	}
	return options;
}

static void parse_once(struct reader *reader)
{
	CLEANUP_FREE cfg_opt_t *options = make_options(reader);
	cfg_t *cfg = options ? cfg_init(options, CFGF_NONE) : NULL;

	reader->is_again = false;
	if (!cfg) {
		reader->is_out_of_memory = true;
		return;
	}
	cfg_set_error_function(cfg, on_error);
	const int result = cfg_parse_buf(cfg, reader->text);
	if (result != CFG_SUCCESS && !reader->n_mistakes)
		note(reader, cfg->line, "", "cannot be understood; write KEY = VALUE");
	if (!reader->is_again)
		set_all(reader, cfg);
	cfg_free(cfg);
}

static int compare_lines(const void *a, const void *b)
{
	const struct mistake *left = a;
	const struct mistake *right = b;

	return (left->line > right->line) - (left->line < right->line);
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
	note(reader, config_text_line(reader->text, bad), "", reason);
	*bad = '\0';
	reader->is_cut = true;
	reader->n_kept = reader->n_mistakes;
}

static int parse(struct reader *reader)
{
	prepare(reader);
	current = reader;
	do {
		forget_pass(reader);
		parse_once(reader);
	} while (reader->is_again && !reader->is_out_of_memory);
	current = NULL;
	if (reader->is_out_of_memory)
		return -ENOMEM;
	qsort(reader->mistakes, reader->n_mistakes, sizeof(reader->mistakes[0]), compare_lines);
	return reader->n_mistakes ? -EINVAL : 0;
}

static void clean(struct reader *reader)
{
	for (size_t i = 0; i < reader->n_unknown; i++)
		free(reader->unknown[i]);
	for (size_t i = 0; i < reader->n_mistakes; i++)
		free(reader->mistakes[i].text);
	free(reader->text);
}

int config_file_read(const char *path, struct config *config, config_report report, void *context)
{
	struct reader reader = {.config = config};
	char sentence[CONFIG_ERROR_SIZE];
	int result = text_file_read(path, FILE_MAX_BYTES, &reader.text);

	if (reader.text)
		result = parse(&reader);
	for (size_t i = 0; i < reader.n_mistakes; i++)
		report(context, reader.mistakes[i].line, reader.mistakes[i].text);
	if (result && result != -EINVAL) {
		snprintf(sentence, sizeof(sentence),
			 "cannot be read: %s; name a configuration file that this user may read",
			 result == -EILSEQ ? "it has a NUL byte in it" : strerror(-result));
		report(context, 0, sentence);
	}
	clean(&reader);
	return result;
}
