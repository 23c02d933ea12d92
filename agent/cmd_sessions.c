/* SPDX-License-Identifier: MIT */
/* octetd sessions: the sessions that match, as a table for people or as JSON for programs. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "commands.h"
#include "core/columns.h"
#include "core/format.h"
#include "io/local_client.h"
#include "io/local_connect.h"
#include "io/terminal_text.h"
#include "options.h"
#include "session_pages.h"

#define WIDTH_WITHOUT_TERMINAL 160

static const struct {
	const char *flag;
	const char *parameter; /* of the API */
	const char *value;     /* of a flag without value */
	const char *help;
} filters[] = {
	{"online", "online", "true", "only those on line"},
	{"offline", "online", "false", "only those that have ended"},
	{"newest-first", "last_session_first", "true", "the latest start first"},
	{"mac", "guest_device_mac", NULL, "of this device"},
	{"guest-id", "guest_id", NULL, "of this guest"},
	{"yas-id", "yas_id", NULL, "of the guest with this UUID"},
	{"location-id", "location_id", NULL, "at this location"},
	{"from", "start_time", NULL, "begun on this day (yyyy-mm-dd) or later"},
	{"until", "end_time", NULL, "ended before this day (yyyy-mm-dd)"},
};
enum { N_FILTERS = ARRAY_LENGTH(filters), FLAG_LIMIT = N_FILTERS, FLAG_JSON, FLAG_UNAUTHENTICATED, N_FLAGS };

/* ---- a table ---- */

enum { SHOW_TEXT, SHOW_SIZE, SHOW_PERSON, SHOW_STATE };

struct shown_column {
	struct column column;
	const char *key;
	int how;
};

static const struct shown_column session_columns[] = {
	{{"NAME", 10, 32, 0, false}, NULL, SHOW_PERSON},
	{{"DEVICE", 10, 24, 8, false}, "guest_device_description", SHOW_TEXT},
	{{"MAC", 17, 17, 0, false}, "guest_device_mac", SHOW_TEXT},
	{{"IP", 15, 39, 5, false}, "guest_device_ip", SHOW_TEXT},
	{{"STATE", 7, 15, 2, false}, NULL, SHOW_STATE},
	{{"START", 19, 19, 4, false}, "start_time_formatted", SHOW_TEXT},
	{{"DURATION", 9, 9, 1, true}, "total_duration", SHOW_TEXT},
	{{"DOWN", 9, 9, 0, true}, "downloaded_data", SHOW_TEXT},
	{{"UP", 9, 9, 0, true}, "uploaded_data", SHOW_TEXT},
	{{"ID", 11, 11, 9, false}, "id", SHOW_TEXT},
};

static const struct shown_column device_columns[] = {
	{{"MAC", 17, 17, 0, false}, "guest_device_mac", SHOW_TEXT},
	{{"IP", 15, 39, 1, false}, "guest_device_ip", SHOW_TEXT},
	{{"FIRST SEEN", 25, 25, 3, false}, "first_seen", SHOW_TEXT},
	{{"LAST SEEN", 25, 25, 2, false}, "last_seen", SHOW_TEXT},
	{{"DOWN", 9, 9, 0, true}, "downloaded_bytes", SHOW_SIZE},
	{{"UP", 9, 9, 0, true}, "uploaded_bytes", SHOW_SIZE},
};

enum { N_COLUMNS_MAX = ARRAY_LENGTH(session_columns) };

struct listing {
	const struct shown_column *columns;
	size_t n_columns;
	size_t widths[N_COLUMNS_MAX];
	size_t n_left; /* that may still be shown */
	bool is_json;
	bool has_begun; /* the titles are printed */
	bool has_any;
};

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const char *person(const json_t *session)
{
	static const char *const keys[] = {"name", "username", "email", "access_code"};

	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
		if (text(session, keys[i]) && *text(session, keys[i]))
			return text(session, keys[i]);
	return "-";
}

static const char *value_of(const struct shown_column *column, const json_t *object, char size[SIZE_TEXT_SIZE])
{
	const json_int_t number = json_integer_value(json_object_get(object, column->key));

	switch (column->how) {
	case SHOW_PERSON:
		return person(object);
	case SHOW_STATE:
		return text(object, "terminate_cause") ? text(object, "terminate_cause")
						       : text(object, "connection_status");
	case SHOW_SIZE:
		return format_size(number < 0 ? 0 : (uint64_t)number, size);
	default:
		return text(object, column->key);
	}
}

/* object NULL: the titles */
static int print_row(const struct listing *listing, const json_t *object)
{
	CLEANUP(strbuf_clean) struct strbuf line = STRBUF_INIT;
	char size[SIZE_TEXT_SIZE];

	for (size_t i = 0; i < listing->n_columns; i++) {
		const struct shown_column *column = &listing->columns[i];

		if (!listing->widths[i])
			continue;
		if (line.length)
			strbuf_append(&line, " ");
		terminal_text_append(&line, object ? value_of(column, object, size) : column->column.title,
				     listing->widths[i], column->column.is_right);
	}
	if (line.has_failed)
		return log_errno(-ENOMEM, "a line of the table");
	while (line.length && line.text[line.length - 1] == ' ')
		line.text[--line.length] = '\0';
	return puts(line.text) == EOF ? -EIO : 0;
}

static int print_json(struct listing *listing, const json_t *object)
{
	if (fputs(listing->has_any ? ",\n" : "[", stdout) == EOF)
		return -EIO;
	listing->has_any = true;
	return json_dumpf(object, stdout, JSON_COMPACT) ? -EIO : 0;
}

static int print_page(void *context, const json_t *page)
{
	struct listing *listing = context;
	const json_t *object;
	size_t i;
	int error = listing->has_begun || listing->is_json ? 0 : print_row(listing, NULL);

	listing->has_begun = true;
	json_array_foreach(page, i, object)
	{
		if (error || listing->n_left == 0)
			break;
		listing->n_left--;
		error = listing->is_json ? print_json(listing, object) : print_row(listing, object);
	}
	return error;
}

static void choose_columns(struct listing *listing)
{
	struct column columns[N_COLUMNS_MAX];

	for (size_t i = 0; i < listing->n_columns; i++)
		columns[i] = listing->columns[i].column;
	columns_fit(columns, listing->n_columns, terminal_width(WIDTH_WITHOUT_TERMINAL), listing->widths);
}

static int list_unauthenticated(const struct page_source *source, struct listing *listing)
{
	json_auto_t *document = NULL;
	const int error = page_get(source, "/unauthenticated", &document);

	return error ? error : print_page(listing, json_object_get(document, "data"));
}

/* ---- the command ---- */

static void print_help(FILE *file)
{
	char flag[32];

	fprintf(file, "usage: octetd sessions [OPTION]...\n\n"
		      "Lists sessions, in the order of their start; a narrow terminal shows fewer columns.\n\n");
	for (size_t i = 0; i < N_FILTERS; i++) {
		snprintf(flag, sizeof(flag), "--%s%s", filters[i].flag, filters[i].value ? "" : "=VALUE");
		fprintf(file, "  %-30s %s\n", flag, filters[i].help);
	}
	fprintf(file, "  %-30s %s\n", "--limit=N", "so many at most (1000; 0: all, which may be very many)");
	fprintf(file, "  %-30s %s\n", "--json", "an array of what the API says of each");
	fprintf(file, "  %-30s %s\n", "--unauthenticated",
		"devices that send without a session instead (start = \"login\")");
	options_print_help(file);
}

/* A store may have a million of them. */
#define LIMIT_DEFAULT 1000

static int parse_limit(const char *value, size_t *limit)
{
	char quoted[80];

	*limit = LIMIT_DEFAULT;
	if (!value)
		return 0;
	if (*value && strspn(value, "0123456789") == strlen(value) && strlen(value) < 10) {
		*limit = strtoul(value, NULL, 10);
		return 0;
	}
	log_error("sessions: --limit: %s is not a whole number from 0 to 999999999",
		  config_quote(value, quoted, sizeof(quoted)));
	return -EINVAL;
}

static int run(const struct options *options, const struct options_extra *flags)
{
	CLEANUP(strbuf_clean) struct strbuf query = STRBUF_INIT;
	const bool is_unauthenticated = flags[FLAG_UNAUTHENTICATED].value;
	struct listing listing = {
		.columns = is_unauthenticated ? device_columns : session_columns,
		.n_columns = is_unauthenticated ? ARRAY_LENGTH(device_columns) : ARRAY_LENGTH(session_columns),
		.is_json = flags[FLAG_JSON].value,
	};
	bool has_more = false;
	size_t limit;

	if (parse_limit(flags[FLAG_LIMIT].value, &limit) != 0)
		return -EINVAL;
	for (size_t i = 0; i < N_FILTERS; i++)
		if (flags[i].value)
			query_append(&query, filters[i].parameter,
				     filters[i].value ? filters[i].value : flags[i].value);
	if (query.has_failed)
		return log_errno(-ENOMEM, "sessions");

	const struct page_source source = {.socket_path = options->config.socket_path,
					   .mount = options->config.mount,
					   .query = query.text ? query.text : "",
					   .n_max = limit,
					   .timeout_ms = LOCAL_CLIENT_TIMEOUT_MS};
	listing.n_left = limit ? limit : SIZE_MAX;
	choose_columns(&listing);

	int error = is_unauthenticated ? list_unauthenticated(&source, &listing)
				       : session_pages_each(&source, print_page, &listing, &has_more);
	if (!error && !is_unauthenticated && !flags[FLAG_LIMIT].value && has_more)
		log_warning("sessions: the first %d are shown, and more follow: --limit=N shows so many, --limit=0 all",
			    LIMIT_DEFAULT);
	if (error && local_client_is_passing(error))
		local_complain(source.socket_path, error);
	if (!error && listing.is_json && fputs(listing.has_any ? "]\n" : "[]\n", stdout) == EOF)
		error = -EIO;
	return fflush(stdout) == 0 ? error : -EIO;
}

int cmd_sessions(int argc, char **argv)
{
	CLEANUP(options_clean) struct options options = {0};
	struct options_extra flags[N_FLAGS] = {
		[FLAG_LIMIT] = {.name = "limit", .has_value = true},
		[FLAG_JSON] = {.name = "json"},
		[FLAG_UNAUTHENTICATED] = {.name = "unauthenticated"},
	};

	for (size_t i = 0; i < N_FILTERS; i++)
		flags[i] = (struct options_extra){.name = filters[i].flag, .has_value = !filters[i].value};
	if (options_load_extra(argc, argv, flags, N_FLAGS, &options) != 0)
		return 1;
	if (options.wants_help) {
		print_help(stdout);
		return 0;
	}
	if (options.n_positional > 0) {
		log_error("sessions takes no argument '%s'; `octetd sessions --help` tells more",
			  options.positional[0]);
		return 1;
	}
	terminal_text_init();
	return run(&options, flags) ? 1 : 0;
}
