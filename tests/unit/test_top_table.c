/* SPDX-License-Identifier: MIT */
#include "core/top_table.h"

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/instant.h"

static json_t *session(const char *id, const char *name, json_int_t up, json_int_t down, json_int_t online_s,
		       json_int_t idle_s)
{
	json_t *object =
		json_pack("{s:s, s:s?, s:s, s:s, s:I, s:I, s:I, s:I}", "id", id, "name", name, "guest_device_mac",
			  "00:00:5e:00:53:01", "guest_device_ip", "10.0.0.1", "uploaded_bytes", up, "downloaded_bytes",
			  down, "duration_seconds", online_s, "idle_seconds", idle_s);

	cr_assert_not_null(object);
	return object;
}

static struct top_table make(json_t *sessions, int64_t at_ns, const struct top_table *before)
{
	struct top_table table;

	cr_assert_eq(top_table_make(sessions, at_ns, before, &table), 0);
	return table;
}

static const struct top_row *row(const struct top_table *table, const char *id)
{
	for (size_t i = 0; i < table->n_rows; i++)
		if (strcmp(table->rows[i].id, id) == 0)
			return &table->rows[i];
	cr_assert_fail("no row %s", id);
	return NULL;
}

Test(top_table, rates_are_differences_over_the_time_between)
{
	CLEANUP(top_table_clean)
	struct top_table before =
		make(json_pack("[o, o]", session("b", "B", 100, 1000, 5, 0), session("a", "A", 7, 7, 5, 0)),
		     10 * NS_PER_S, NULL);
	cr_assert_eq(row(&before, "a")->up.bytes_per_s, 0);
	top_table_sort(&before, TOP_KEY_DOWN_BYTES, false); /* whatever the order of the last one was */

	CLEANUP(top_table_clean)
	struct top_table now = make(json_pack("[o, o, o]", session("a", "A", 7, 9, 7, 0),
					      session("c", "C", 5000, 5000, 1, 0), session("b", "B", 400, 4000, 7, 0)),
				    12 * NS_PER_S, &before);

	cr_assert_eq(now.n_rows, 3);
	cr_assert_eq(row(&now, "b")->up.bytes_per_s, 150);
	cr_assert_eq(row(&now, "b")->down.bytes_per_s, 1500);
	cr_assert_eq(row(&now, "a")->up.bytes_per_s, 0);
	cr_assert_eq(row(&now, "a")->down.bytes_per_s, 1);
	/* who was not there before has no rate yet */
	cr_assert_eq(row(&now, "c")->up.bytes_per_s, 0);
	cr_assert_eq(now.up.bytes_per_s, 150);
	cr_assert_eq(now.down.bytes_per_s, 1501);
	cr_assert_eq(now.up.bytes, 5407);
	cr_assert_eq(now.down.bytes, 9009);
}

Test(top_table, counters_that_fall_and_time_that_stands_are_no_rate)
{
	CLEANUP(top_table_clean)
	struct top_table before = make(json_pack("[o]", session("a", "A", 500, 500, 5, 0)), NS_PER_S, NULL);
	CLEANUP(top_table_clean)
	struct top_table less = make(json_pack("[o]", session("a", "A", 400, 500, 5, 0)), 2 * NS_PER_S, &before);
	CLEANUP(top_table_clean)
	struct top_table same = make(json_pack("[o]", session("a", "A", 900, 900, 5, 0)), NS_PER_S, &before);

	cr_assert_eq(less.rows[0].up.bytes_per_s, 0);
	cr_assert_eq(same.rows[0].up.bytes_per_s, 0);
}

Test(top_table, a_session_on_two_pages_is_one_row)
{
	CLEANUP(top_table_clean)
	struct top_table table = make(json_pack("[o, o, o]", session("a", "A", 1, 1, 5, 0),
						session("b", "B", 2, 2, 5, 0), session("a", "A", 1, 1, 5, 0)),
				      NS_PER_S, NULL);

	cr_assert_eq(table.n_rows, 2);
	cr_assert_eq(table.up.bytes, 3);
}

static void assert_order(struct top_table *table, enum top_key key, bool is_reverse, const char *expected)
{
	char order[8] = "";

	top_table_sort(table, key, is_reverse);
	for (size_t i = 0; i < table->n_rows; i++)
		strcat(order, table->rows[i].id);
	cr_assert_str_eq(order, expected, "by %s: %s", top_key_name(key), order);
}

Test(top_table, orders)
{
	CLEANUP(top_table_clean)
	struct top_table before =
		make(json_pack("[o, o, o, o]", session("a", "", 0, 0, 5, 9), session("b", "zoe", 0, 0, 100, 0),
			       session("c", "Adam", 0, 0, 7, 7), session("d", NULL, 0, 0, 7, 7)),
		     NS_PER_S, NULL);
	CLEANUP(top_table_clean)
	struct top_table table =
		make(json_pack("[o, o, o, o]", session("a", "", 10, 2, 5, 9), session("b", "zoe", 2, 30, 100, 0),
			       session("c", "Adam", 3, 3, 7, 7), session("d", NULL, 3, 3, 7, 7)),
		     2 * NS_PER_S, &before);

	/* without a name: last, and then the first one by id */
	assert_order(&table, TOP_KEY_NAME, false, "cbad");
	assert_order(&table, TOP_KEY_NAME, true, "adbc");
	assert_order(&table, TOP_KEY_DOWN_RATE, false, "bcda");
	assert_order(&table, TOP_KEY_UP_RATE, false, "acdb");
	assert_order(&table, TOP_KEY_DOWN_BYTES, false, "bcda");
	assert_order(&table, TOP_KEY_UP_BYTES, true, "bcda");
	assert_order(&table, TOP_KEY_SINCE, false, "bcda");
	assert_order(&table, TOP_KEY_IDLE, false, "acdb");
}

Test(top_table, letters_of_the_orders)
{
	for (int key = 0; key < TOP_N_KEYS; key++)
		cr_assert_eq(top_key_find(top_key_letter((enum top_key)key)), (enum top_key)key);
	cr_assert_eq(top_key_find('x'), TOP_N_KEYS);
	cr_assert_eq(top_key_find(-1), TOP_N_KEYS);
	/* they steer */
	cr_assert_eq(top_key_find('q'), TOP_N_KEYS);
	cr_assert_eq(top_key_find('r'), TOP_N_KEYS);
}

Test(top_table, whom_it_is_about)
{
	CLEANUP(top_table_clean)
	struct top_table table =
		make(json_pack("[{s:s, s:n, s:s, s:s}, {s:s, s:n, s:n, s:s}, {s:s}]", "id", "a", "name", "username",
			       "jo", "email", "jo@x", "id", "b", "name", "username", "access_code", "1234", "id", "c"),
		     NS_PER_S, NULL);

	cr_assert_str_eq(row(&table, "a")->name, "jo");
	cr_assert_str_eq(row(&table, "b")->name, "1234");
	cr_assert_str_eq(row(&table, "c")->name, "");
	cr_assert_str_eq(row(&table, "c")->mac, "");
}

Test(top_table, nonsense_is_an_empty_table)
{
	CLEANUP(top_table_clean) struct top_table object = make(json_pack("{s:i}", "a", 1), NS_PER_S, NULL);
	CLEANUP(top_table_clean) struct top_table numbers = make(json_pack("[i, n]", 1), NS_PER_S, NULL);

	cr_assert_eq(object.n_rows, 0);
	cr_assert_eq(numbers.n_rows, 1);
	cr_assert_str_eq(numbers.rows[0].id, "");
}

Test(top_table, rates_for_people)
{
	static const struct {
		uint64_t bytes_per_s;
		const char *expected;
	} cases[] = {
		{0, "0"},
		{1, "8 bit/s"},
		{124, "992 bit/s"},
		{125, "1.0 kbit/s"},
		{124993, "999.9 kbit/s"},
		{124994, "1.0 Mbit/s"},
		{12500000, "100.0 Mbit/s"},
		{UINT64_C(125000000000), "1.0 Tbit/s"},
		{UINT64_C(12500000000000000), "100000.0 Tbit/s"},
	};
	char text[TOP_RATE_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		cr_assert_str_eq(top_format_rate(cases[i].bytes_per_s, text), cases[i].expected, "%s", text);
}
