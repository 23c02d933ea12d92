/* SPDX-License-Identifier: MIT */
#include "core/top_table.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/instant.h"

static const char *text(const json_t *session, const char *key)
{
	const char *value = json_string_value(json_object_get(session, key));

	return value ? value : "";
}

/* Counters never are negative; an agent of another version may lack one. */
static uint64_t number(const json_t *session, const char *key)
{
	const json_int_t value = json_integer_value(json_object_get(session, key));

	return value < 0 ? 0 : (uint64_t)value;
}

static const char *first_known(const json_t *session)
{
	static const char *const keys[] = {"name", "username", "email", "access_code"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (*text(session, keys[i]))
			return text(session, keys[i]);
	return "";
}

static struct top_row read_row(const json_t *session)
{
	return (struct top_row){
		.id = text(session, "id"),
		.name = first_known(session),
		.device = text(session, "guest_device_description"),
		.mac = text(session, "guest_device_mac"),
		.ip = text(session, "guest_device_ip"),
		.since = text(session, "start_time_formatted"),
		.n_ips = json_array_size(json_object_get(session, "guest_device_ips")),
		.up.bytes = number(session, "uploaded_bytes"),
		.down.bytes = number(session, "downloaded_bytes"),
		.online_s = (int64_t)number(session, "duration_seconds"),
		.idle_s = (int64_t)number(session, "idle_seconds"),
	};
}

static int compare_ids(const void *a, const void *b)
{
	const struct top_row *left = a, *right = b;

	return strcmp(left->id, right->id);
}

/* Pages of live data may show a session twice; rows are in the order of their ids afterwards. */
static void drop_doubles(struct top_table *table)
{
	size_t n_kept = 0;

	qsort(table->rows, table->n_rows, sizeof(table->rows[0]), compare_ids);
	for (size_t i = 0; i < table->n_rows; i++)
		if (n_kept == 0 || compare_ids(&table->rows[n_kept - 1], &table->rows[i]) != 0)
			table->rows[n_kept++] = table->rows[i];
	table->n_rows = n_kept;
}

static void set_rate(struct top_direction *now, const struct top_direction *before, int64_t passed_ns)
{
	const uint64_t bytes = now->bytes > before->bytes ? now->bytes - before->bytes : 0;

	now->bytes_per_s = (uint64_t)((double)bytes * (double)NS_PER_S / (double)passed_ns + 0.5);
}

/* Both in the order of their ids: one walk. */
static void compare_tables(struct top_table *table, const struct top_row *before, size_t n_before, int64_t passed_ns)
{
	size_t k = 0;

	for (size_t i = 0; i < table->n_rows; i++) {
		struct top_row *row = &table->rows[i];

		while (k < n_before && compare_ids(&before[k], row) < 0)
			k++;
		if (k == n_before || compare_ids(&before[k], row) != 0)
			continue;
		set_rate(&row->up, &before[k].up, passed_ns);
		set_rate(&row->down, &before[k].down, passed_ns);
	}
}

static int take_rates(struct top_table *table, const struct top_table *before)
{
	const int64_t passed_ns = table->at_mono_ns - before->at_mono_ns;

	if (passed_ns <= 0 || before->n_rows == 0)
		return 0;

	/* that one is sorted as its reader likes it */
	struct top_row *rows = calloc(before->n_rows, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	memcpy(rows, before->rows, before->n_rows * sizeof(*rows));
	qsort(rows, before->n_rows, sizeof(*rows), compare_ids);
	compare_tables(table, rows, before->n_rows, passed_ns);
	free(rows);
	return 0;
}

static void add_up(struct top_direction *sum, const struct top_direction *direction)
{
	sum->bytes += direction->bytes;
	sum->bytes_per_s += direction->bytes_per_s;
}

int top_table_make(json_t *sessions, int64_t at_mono_ns, const struct top_table *before, struct top_table *out)
{
	struct top_table table = {.answers = sessions, .at_mono_ns = at_mono_ns};
	const json_t *session;
	size_t i;

	table.rows = calloc(json_array_size(sessions) + 1, sizeof(table.rows[0]));
	if (!table.rows) {
		top_table_clean(&table);
		return -ENOMEM;
	}
	json_array_foreach(sessions, i, session)
	{
		table.rows[table.n_rows++] = read_row(session);
	}
	drop_doubles(&table);
	if (before && take_rates(&table, before) != 0) {
		top_table_clean(&table);
		return -ENOMEM;
	}
	for (i = 0; i < table.n_rows; i++) {
		add_up(&table.up, &table.rows[i].up);
		add_up(&table.down, &table.rows[i].down);
	}
	*out = table;
	return 0;
}

void top_table_clean(struct top_table *table)
{
	free(table->rows);
	json_decref(table->answers);
	memset(table, 0, sizeof(*table));
}

/* ---- order: the greatest first ---- */

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

static int by_name(const struct top_row *a, const struct top_row *b)
{
	const bool is_a_known = *a->name, is_b_known = *b->name;

	/* who has no name comes last */
	if (is_a_known != is_b_known)
		return is_a_known ? -1 : 1;
	return is_a_known ? strcasecmp(a->name, b->name) : strcmp(a->mac, b->mac);
}

static int by_down_rate(const struct top_row *a, const struct top_row *b)
{
	return compare_numbers(a->down.bytes_per_s, b->down.bytes_per_s);
}

static int by_up_rate(const struct top_row *a, const struct top_row *b)
{
	return compare_numbers(a->up.bytes_per_s, b->up.bytes_per_s);
}

static int by_down_bytes(const struct top_row *a, const struct top_row *b)
{
	return compare_numbers(a->down.bytes, b->down.bytes);
}

static int by_up_bytes(const struct top_row *a, const struct top_row *b)
{
	return compare_numbers(a->up.bytes, b->up.bytes);
}

static int by_since(const struct top_row *a, const struct top_row *b)
{
	return compare_numbers((uint64_t)a->online_s, (uint64_t)b->online_s);
}

static int by_idle(const struct top_row *a, const struct top_row *b)
{
	return compare_numbers((uint64_t)a->idle_s, (uint64_t)b->idle_s);
}

static const struct {
	char letter;
	const char *name;
	int (*compare)(const struct top_row *a, const struct top_row *b);
} keys[] = {
	[TOP_KEY_NAME] = {'n', "name", by_name},
	[TOP_KEY_DOWN_RATE] = {'d', "download rate", by_down_rate},
	[TOP_KEY_UP_RATE] = {'u', "upload rate", by_up_rate},
	[TOP_KEY_DOWN_BYTES] = {'D', "downloaded", by_down_bytes},
	[TOP_KEY_UP_BYTES] = {'U', "uploaded", by_up_bytes},
	[TOP_KEY_SINCE] = {'s', "time on line", by_since},
	[TOP_KEY_IDLE] = {'i', "idle time", by_idle},
};
static_assert(sizeof(keys) / sizeof(keys[0]) == TOP_N_KEYS, "each key has its row");

char top_key_letter(enum top_key key)
{
	return keys[key].letter;
}

const char *top_key_name(enum top_key key)
{
	return keys[key].name;
}

enum top_key top_key_find(int letter)
{
	for (int key = 0; key < TOP_N_KEYS; key++)
		if (keys[key].letter == letter)
			return (enum top_key)key;
	return TOP_N_KEYS;
}

struct order {
	enum top_key key;
	bool is_reverse;
};

static int compare_rows(const void *a, const void *b, void *context)
{
	const struct order *order = context;
	const int found = keys[order->key].compare(a, b);

	if (found == 0)
		return compare_ids(a, b);
	return order->is_reverse ? -found : found;
}

void top_table_sort(struct top_table *table, enum top_key key, bool is_reverse)
{
	struct order order = {key, is_reverse};

	qsort_r(table->rows, table->n_rows, sizeof(table->rows[0]), compare_rows, &order);
}

char *top_format_rate(uint64_t bytes_per_s, char text_out[TOP_RATE_TEXT_SIZE])
{
	static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
	double bits = (double)bytes_per_s * 8;
	size_t unit = 0;

	/* 999.95 would be printed as 1000.0 */
	for (; bits >= 999.95 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		bits /= 1000;
	if (bytes_per_s == 0)
		snprintf(text_out, TOP_RATE_TEXT_SIZE, "0");
	else if (unit == 0)
		snprintf(text_out, TOP_RATE_TEXT_SIZE, "%.0f %s", bits, units[unit]);
	else
		snprintf(text_out, TOP_RATE_TEXT_SIZE, "%.1f %s", bits, units[unit]);
	return text_out;
}
