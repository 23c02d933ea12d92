/* SPDX-License-Identifier: MIT */
/* octetd top: who is on line now and how fast, as a table that refreshes itself. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "commands.h"
#include "core/columns.h"
#include "core/format.h"
#include "core/top_table.h"
#include "io/local_client.h"
#include "io/local_connect.h"
#include "io/now.h"
#include "io/screen.h"
#include "io/terminal_text.h"
#include "options.h"
#include "session_pages.h"

#define REFRESH_MS 1000
#define ASK_TIMEOUT_MS 2000
#define WIDTH_WITHOUT_TERMINAL 160
#define LINE_SIZE 256
#define N_HEADER_ROWS 3 /* two lines and the titles */

enum {
	COLUMN_NAME,
	COLUMN_DEVICE,
	COLUMN_MAC,
	COLUMN_IP,
	COLUMN_DOWN_RATE,
	COLUMN_UP_RATE,
	COLUMN_DOWN,
	COLUMN_UP,
	COLUMN_SINCE,
	COLUMN_IDLE,
	N_COLUMNS
};

static const struct column columns[N_COLUMNS] = {
	[COLUMN_NAME] = {"NAME", 10, 32, 0, false},       [COLUMN_DEVICE] = {"DEVICE", 10, 24, 9, false},
	[COLUMN_MAC] = {"MAC", 17, 17, 4, false},         [COLUMN_IP] = {"IP", 15, 42, 3, false},
	[COLUMN_DOWN_RATE] = {"DOWN/S", 12, 12, 0, true}, [COLUMN_UP_RATE] = {"UP/S", 12, 12, 0, true},
	[COLUMN_DOWN] = {"DOWN", 9, 9, 1, true},          [COLUMN_UP] = {"UP", 9, 9, 2, true},
	[COLUMN_SINCE] = {"SINCE", 10, 10, 6, true},      [COLUMN_IDLE] = {"IDLE", 6, 6, 5, true},
};

struct top {
	struct page_source source;
	struct top_table table;
	const char *trouble; /* why it could not be refreshed; NULL: it was */
	enum top_key key;
	bool is_reverse;
	size_t scroll; /* rows above the screen */
};

/* ---- what the agent says ---- */

static int take_page(void *context, const json_t *sessions)
{
	return json_array_extend(context, (json_t *)sessions) ? -ENOMEM : 0;
}

/* 0 or -errno: the table stays as it was then. */
static int refresh_table(struct top *top)
{
	json_t *sessions = json_array();
	struct top_table table;

	if (!sessions)
		return -ENOMEM;

	const int64_t at_mono_ns = now_read().mono_ns;
	bool has_more;
	int error = session_pages_each(&top->source, take_page, sessions, &has_more);
	if (error) {
		json_decref(sessions);
		return error;
	}
	error = top_table_make(sessions, at_mono_ns, &top->table, &table);
	if (error)
		return error;
	top_table_clean(&top->table);
	top->table = table;
	return 0;
}

/* ---- lines ---- */

static char *format_short(int64_t seconds, char text[DURATION_TEXT_SIZE])
{
	static const struct {
		int64_t below_s, unit_s;
		char letter;
	} units[] = {{100, 1, 's'}, {6000, 60, 'm'}, {360000, 3600, 'h'}, {INT64_MAX, 86400, 'd'}};

	for (size_t i = 0; i < ARRAY_LENGTH(units); i++)
		if (seconds < units[i].below_s) {
			snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 " %c", seconds / units[i].unit_s,
				 units[i].letter);
			break;
		}
	return text;
}

/* Of "2026-11-23 4:40 PM" the time, or the day when that is long ago. */
static void format_since(const struct top_row *row, char text[LINE_SIZE])
{
	const char *blank = strchr(row->since, ' ');

	if (blank && row->online_s < 12 * 3600)
		snprintf(text, LINE_SIZE, "%s", blank + 1);
	else
		snprintf(text, LINE_SIZE, "%.10s", row->since);
}

static void format_ip(const struct top_row *row, char text[LINE_SIZE])
{
	if (row->n_ips > 1)
		snprintf(text, LINE_SIZE, "%.64s +%zu", row->ip, row->n_ips - 1);
	else
		snprintf(text, LINE_SIZE, "%.64s", row->ip);
}

static void print_row(struct strbuf *line, const struct top_row *row, const size_t widths[N_COLUMNS])
{
	char down_rate[TOP_RATE_TEXT_SIZE], up_rate[TOP_RATE_TEXT_SIZE];
	char down[SIZE_TEXT_SIZE], up[SIZE_TEXT_SIZE];
	char idle[DURATION_TEXT_SIZE], since[LINE_SIZE], ip[LINE_SIZE];
	const char *const texts[N_COLUMNS] = {
		[COLUMN_NAME] = *row->name           ? row->name
				: widths[COLUMN_MAC] ? "-"
						     : row->mac,
		[COLUMN_DEVICE] = row->device,
		[COLUMN_MAC] = row->mac,
		[COLUMN_IP] = ip,
		[COLUMN_DOWN_RATE] = top_format_rate(row->down.bytes_per_s, down_rate),
		[COLUMN_UP_RATE] = top_format_rate(row->up.bytes_per_s, up_rate),
		[COLUMN_DOWN] = format_size(row->down.bytes, down),
		[COLUMN_UP] = format_size(row->up.bytes, up),
		[COLUMN_SINCE] = since,
		[COLUMN_IDLE] = format_short(row->idle_s, idle),
	};

	format_since(row, since);
	format_ip(row, ip);
	for (size_t i = 0; i < N_COLUMNS; i++) {
		if (!widths[i])
			continue;
		if (line->length)
			strbuf_append(line, " ");
		terminal_text_append(line, texts[i], widths[i], columns[i].is_right);
	}
}

static void print_titles(struct strbuf *line, const size_t widths[N_COLUMNS])
{
	for (size_t i = 0; i < N_COLUMNS; i++) {
		if (!widths[i])
			continue;
		if (line->length)
			strbuf_append(line, " ");
		terminal_text_append(line, columns[i].title, widths[i], columns[i].is_right);
	}
}

static void print_summary(const struct top *top, char text[LINE_SIZE])
{
	const struct top_table *table = &top->table;
	char down_rate[TOP_RATE_TEXT_SIZE], up_rate[TOP_RATE_TEXT_SIZE];
	char down[SIZE_TEXT_SIZE], up[SIZE_TEXT_SIZE];

	snprintf(text, LINE_SIZE, "%zu on line, down %s (%s), up %s (%s)", table->n_rows,
		 top_format_rate(table->down.bytes_per_s, down_rate), format_size(table->down.bytes, down),
		 top_format_rate(table->up.bytes_per_s, up_rate), format_size(table->up.bytes, up));
}

static void print_state(const struct top *top, char text[LINE_SIZE])
{
	if (top->trouble)
		snprintf(text, LINE_SIZE, "%s; what is shown is old, trying again", top->trouble);
	else
		snprintf(text, LINE_SIZE, "by %s%s; sort: n d u D U s i, r reverses; q quits", top_key_name(top->key),
			 top->is_reverse ? ", reversed" : "");
}

/* ---- with a terminal ---- */

static size_t n_visible(void)
{
	return screen_n_rows() > N_HEADER_ROWS ? screen_n_rows() - N_HEADER_ROWS : 0;
}

static void clamp_scroll(struct top *top)
{
	const size_t last = top->table.n_rows > n_visible() ? top->table.n_rows - n_visible() : 0;

	if (top->scroll > last)
		top->scroll = last;
}

static void draw_text(size_t row, const char *text, enum screen_style style)
{
	CLEANUP(strbuf_clean) struct strbuf line = STRBUF_INIT;

	terminal_text_append(&line, text, screen_n_columns(), false);
	if (line.text)
		screen_print(row, line.text, style);
}

static void draw(struct top *top)
{
	size_t widths[N_COLUMNS];
	char text[LINE_SIZE];
	CLEANUP(strbuf_clean) struct strbuf titles = STRBUF_INIT;

	columns_fit(columns, N_COLUMNS, screen_n_columns(), widths);
	clamp_scroll(top);
	screen_clear();
	print_summary(top, text);
	draw_text(0, text, SCREEN_BOLD);
	print_state(top, text);
	draw_text(1, text, top->trouble ? SCREEN_BOLD : SCREEN_PLAIN);
	print_titles(&titles, widths);
	draw_text(2, titles.text, SCREEN_REVERSE);
	for (size_t i = 0; i < n_visible() && top->scroll + i < top->table.n_rows; i++) {
		CLEANUP(strbuf_clean) struct strbuf line = STRBUF_INIT;

		print_row(&line, &top->table.rows[top->scroll + i], widths);
		if (line.text)
			screen_print(N_HEADER_ROWS + i, line.text, SCREEN_PLAIN);
	}
	screen_show();
}

static void scroll_by(struct top *top, int64_t n_rows)
{
	const int64_t to = (int64_t)top->scroll + n_rows;

	top->scroll = to < 0 ? 0 : (size_t)to;
}

static void handle_scroll(struct top *top, int key)
{
	const int64_t page = (int64_t)n_visible();
	const struct {
		int key;
		int64_t n_rows;
	} steps[] = {
		{SCREEN_KEY_UP, -1},          {SCREEN_KEY_DOWN, 1},         {SCREEN_KEY_PAGE_UP, -page},
		{SCREEN_KEY_PAGE_DOWN, page}, {SCREEN_KEY_HOME, INT32_MIN}, {SCREEN_KEY_END, INT32_MAX},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++)
		if (steps[i].key == key)
			scroll_by(top, steps[i].n_rows);
}

/* False: quit. */
static bool handle_key(struct top *top, int key)
{
	const enum top_key sort = top_key_find(key);

	if (key == 'q')
		return false;
	if (sort != TOP_N_KEYS)
		top->key = sort;
	if (key == 'r')
		top->is_reverse = !top->is_reverse;
	handle_scroll(top, key);
	return true;
}

/* False when refreshing is hopeless: what is not the agent's absence has been logged. */
static bool try_refresh(struct top *top)
{
	const int error = refresh_table(top);

	top->trouble = error ? "the agent does not answer" : NULL;
	return !error || local_client_is_passing(error) || error == -ENOMEM;
}

static int64_t mono_ms(void)
{
	return now_read().mono_ns / NS_PER_MS;
}

/* At the pace of REFRESH_MS, or half of the time where asking takes longer than that. */
static int run_screen(struct top *top)
{
	for (;;) {
		const int64_t asked_ms = mono_ms();
		if (!try_refresh(top))
			return -EPROTO;

		const int64_t took_ms = mono_ms() - asked_ms;
		const int64_t due_ms = asked_ms + (2 * took_ms > REFRESH_MS ? 2 * took_ms : REFRESH_MS);
		do {
			const int64_t left_ms = due_ms - mono_ms();

			top_table_sort(&top->table, top->key, top->is_reverse);
			draw(top);
			if (!handle_key(top, screen_await_key(left_ms > 0 ? left_ms : 0)))
				return 0;
		} while (mono_ms() < due_ms);
	}
}

/* ---- without ---- */

static int print_once(struct top *top)
{
	const struct timespec pause = {.tv_sec = REFRESH_MS / 1000};
	size_t widths[N_COLUMNS];
	char text[LINE_SIZE];
	CLEANUP(strbuf_clean) struct strbuf out = STRBUF_INIT;
	int error = refresh_table(top);

	if (!error) {
		nanosleep(&pause, NULL); /* rates need two answers */
		error = refresh_table(top);
	}
	if (error)
		return local_client_is_passing(error) ? local_complain(top->source.socket_path, error) : error;
	top_table_sort(&top->table, top->key, top->is_reverse);
	columns_fit(columns, N_COLUMNS, terminal_width(WIDTH_WITHOUT_TERMINAL), widths);
	print_summary(top, text);
	print_titles(&out, widths);
	printf("%s\n%s\n", text, out.text ? out.text : "");
	for (size_t i = 0; i < top->table.n_rows; i++) {
		CLEANUP(strbuf_clean) struct strbuf line = STRBUF_INIT;

		print_row(&line, &top->table.rows[i], widths);
		puts(line.text ? line.text : "");
	}
	return fflush(stdout) == 0 ? 0 : -EIO;
}

/* ---- the command ---- */

static void print_help(FILE *file)
{
	fprintf(file, "usage: octetd top [--once] [--sort=KEY]\n\n"
		      "Shows who is on line and how fast, anew each second. Without a terminal: once.\n"
		      "Keys: q quits; arrows, page up and down scroll; r reverses the order, and these choose it:\n");
	for (int key = 0; key < TOP_N_KEYS; key++)
		fprintf(file, "  %c  %s\n", top_key_letter((enum top_key)key), top_key_name((enum top_key)key));
	fprintf(file, "\n  %-30s %s\n", "--once", "print it once, with the rates of one second");
	fprintf(file, "  %-30s %s\n", "--sort=KEY", "one of those letters (default d)");
	options_print_help(file);
}

static int run(struct top *top, bool is_once)
{
	terminal_text_init();
	if (is_once || screen_open() != 0)
		return print_once(top);

	const int error = run_screen(top);
	screen_close();
	/* what was said while the screen was drawn has been wiped out */
	if (error)
		return print_once(top);
	return error;
}

int cmd_top(int argc, char **argv)
{
	enum { FLAG_ONCE, FLAG_SORT, N_FLAGS };
	CLEANUP(options_clean) struct options options = {0};
	struct options_extra flags[N_FLAGS] = {{.name = "once"}, {.name = "sort", .has_value = true}};

	if (options_load_extra(argc, argv, flags, N_FLAGS, &options) != 0)
		return 1;
	if (options.wants_help) {
		print_help(stdout);
		return 0;
	}

	struct top top = {.source = {.socket_path = options.config.socket_path,
				     .mount = options.config.mount,
				     .query = "&online=true",
				     .timeout_ms = ASK_TIMEOUT_MS},
			  .key = TOP_KEY_DOWN_RATE};
	const char *sort = flags[FLAG_SORT].value;
	if (sort)
		top.key = strlen(sort) == 1 ? top_key_find(*sort) : TOP_N_KEYS;
	if (options.n_positional > 0 || top.key == TOP_N_KEYS) {
		log_error("top takes --once and --sort=KEY only; `octetd top --help` tells more");
		return 1;
	}
	const int error = run(&top, flags[FLAG_ONCE].value != NULL);
	top_table_clean(&top.table);
	return error ? 1 : 0;
}
