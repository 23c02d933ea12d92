/* SPDX-License-Identifier: MIT */
/* Answers to history queries, against session_filter_matches() over the same sessions in memory. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "io/store_fixture.h"

#define N_RECORDS 120
#define S(seconds) ((seconds)*NS_PER_S)

/* Few values for each field, so that every filter finds some and leaves some. The texts are literals. */
static void make_records(struct session_record *records)
{
	static char *const guests[] = {"guest", "GUEST", NULL};
	static char *const yas_ids[] = {"8f62-AbCd", "8F62-aBcD", "other", NULL};
	static char *const locations[] = {"here", "here", "there", NULL};
	uint64_t seed = 99;

	for (size_t i = 0; i < N_RECORDS; i++) {
		struct session_record *record = &records[i];

		*record = (struct session_record){
			.seq = i + 1,
			.mac.octets[5] = (uint8_t)(store_lab_random(&seed) % 3),
			/* many starts are equal, so the number decides; and order is not that of creation */
			.start.wall_ns = S((int64_t)(store_lab_random(&seed) % 20)),
			.location_id = locations[store_lab_random(&seed) % ARRAY_LENGTH(locations)],
			.identity.guest_id = guests[store_lab_random(&seed) % ARRAY_LENGTH(guests)],
			.identity.yas_id = yas_ids[store_lab_random(&seed) % ARRAY_LENGTH(yas_ids)],
		};
		record->cause = store_lab_random(&seed) % 3 ? END_CAUSE_IDLE_TIMEOUT : END_CAUSE_NONE;
		if (record->cause)
			record->end.wall_ns = record->start.wall_ns + S((int64_t)(store_lab_random(&seed) % 10));
	}
}

static int compare_records(const void *left, const void *right)
{
	const struct session_record *a = left, *b = right;

	if (a->start.wall_ns != b->start.wall_ns)
		return a->start.wall_ns < b->start.wall_ns ? -1 : 1;
	return a->seq < b->seq ? -1 : 1;
}

static bool is_excluded(const struct history_query *query, uint64_t seq)
{
	for (size_t i = 0; i < query->n_excluded; i++)
		if (query->excluded_seqs[i] == seq)
			return true;
	return false;
}

/* What memory says: numbers of the matching sessions in the order of the query. records are sorted. */
static size_t expect(const struct history_query *query, const struct session_record *records, uint64_t *seqs)
{
	size_t n_seqs = 0;

	for (size_t i = 0; i < N_RECORDS; i++) {
		const struct session_record *record = &records[query->is_newest_first ? N_RECORDS - 1 - i : i];

		if (session_filter_matches(&query->filter, record) && !is_excluded(query, record->seq))
			seqs[n_seqs++] = record->seq;
	}
	return n_seqs;
}

static void assert_page(struct store_reader *reader, struct history_query *query, const uint64_t *seqs, size_t n_seqs)
{
	size_t n_after = query->offset < n_seqs ? n_seqs - query->offset : 0;
	size_t n_expected = n_after < query->limit ? n_after : query->limit;
	struct history_result result;

	query->kind = HISTORY_LIST;
	store_reader_query(reader, query, &result);
	cr_assert_eq(result.error, 0);
	cr_assert_eq(result.n_rows, n_expected);
	for (size_t i = 0; i < n_expected; i++)
		cr_assert_eq(result.rows[i].seq, seqs[query->offset + i]);
	history_result_clean(&result);
}

static size_t assert_query(struct store_reader *reader, struct history_query *query,
			   const struct session_record *records)
{
	uint64_t seqs[N_RECORDS];
	size_t n_seqs = expect(query, records, seqs);
	struct history_result result;

	query->offset = 0;
	query->limit = N_RECORDS + 1;
	assert_page(reader, query, seqs, n_seqs);
	query->offset = 2;
	query->limit = 3;
	assert_page(reader, query, seqs, n_seqs);
	query->offset = UINT64_MAX;
	query->limit = UINT64_MAX;
	assert_page(reader, query, seqs, n_seqs);
	query->kind = HISTORY_COUNT;
	store_reader_query(reader, query, &result);
	cr_assert_eq(result.error, 0);
	cr_assert_eq(result.count, n_seqs);
	cr_assert_eq(result.n_rows, 0);
	history_result_clean(&result);
	return n_seqs;
}

enum {
	BIT_GUEST,
	BIT_LOCATION,
	BIT_YAS,
	BIT_MAC,
	BIT_START,
	BIT_END,
	BIT_ONLINE,
	BIT_OFFLINE,
	BIT_EXCLUDED,
	BIT_DESC,
	N_BITS
};

static struct history_query query_of(unsigned int bits, uint64_t *excluded, size_t n_excluded)
{
	return (struct history_query){
		.filter =
			{
				.guest_id = bits & 1u << BIT_GUEST ? "guest" : NULL,
				.location_id = bits & 1u << BIT_LOCATION ? "here" : NULL,
				.yas_id = bits & 1u << BIT_YAS ? "8f62-ABCD" : NULL,
				.has_mac = bits & 1u << BIT_MAC,
				.mac.octets[5] = 1,
				.has_start_from = bits & 1u << BIT_START,
				.start_from_wall_ns = S(5),
				.has_end_before = bits & 1u << BIT_END,
				.end_before_wall_ns = S(18),
				.has_online = bits & (1u << BIT_ONLINE | 1u << BIT_OFFLINE),
				.is_online = bits & 1u << BIT_ONLINE,
			},
		.is_newest_first = bits & 1u << BIT_DESC,
		.excluded_seqs = bits & 1u << BIT_EXCLUDED ? excluded : NULL,
		.n_excluded = bits & 1u << BIT_EXCLUDED ? n_excluded : 0,
	};
}

static struct store *open_with(const struct store_lab *lab, const struct session_record *records, size_t n_records)
{
	struct store_batch batch = {0};
	struct store *store = NULL;

	cr_assert_eq(store_open(lab->path, &store), 0);
	for (size_t i = 0; i < n_records; i++)
		store_lab_add_session(&batch, &records[i]);
	cr_assert_eq(store_lab_write(store, &batch), 0);
	return store;
}

Test(store_history, every_combination_of_filters_says_what_memory_says, .timeout = 120)
{
	struct session_record records[N_RECORDS];
	uint64_t excluded[N_RECORDS / 2];
	struct store_lab lab;
	struct store_reader *reader = NULL;
	size_t n_found[2] = {0};

	store_lab_open(&lab);
	make_records(records);
	struct store *store = open_with(&lab, records, N_RECORDS);

	cr_assert_eq(store_reader_open(lab.path, &reader), 0);
	qsort(records, N_RECORDS, sizeof(records[0]), compare_records);
	for (size_t i = 0; i < ARRAY_LENGTH(excluded); i++)
		excluded[i] = 2 * i + 1;
	for (unsigned int bits = 0; bits < 1u << N_BITS; bits++) {
		struct history_query query = query_of(bits, excluded, ARRAY_LENGTH(excluded));

		n_found[assert_query(reader, &query, records) > 0]++;
	}
	cr_assert_gt(n_found[1], n_found[0], "the combinations must not be vacuous");
	store_reader_close(&reader);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_history, unknown_values_find_nothing_and_limits_may_be_zero)
{
	struct session_record records[N_RECORDS];
	struct history_query queries[] = {
		{.filter.guest_id = "nobody", .limit = 9},
		{.filter.guest_id = "' OR 1=1 --", .limit = 9},
		{.filter.location_id = "nowhere", .limit = 9},
		{.filter = {.has_mac = true, .mac.octets = {9}}, .limit = 9},
		{.limit = 0},
	};
	struct store_lab lab;

	store_lab_open(&lab);
	make_records(records);
	struct store *store = open_with(&lab, records, N_RECORDS);

	for (size_t i = 0; i < ARRAY_LENGTH(queries); i++) {
		struct history_result result = store_lab_ask(lab.path, &queries[i]);

		cr_assert_eq(result.error, 0);
		cr_assert_eq(result.n_rows, 0);
		history_result_clean(&result);
		queries[i].kind = HISTORY_COUNT;
		result = store_lab_ask(lab.path, &queries[i]);
		cr_assert_eq(result.count, i + 1 < ARRAY_LENGTH(queries) ? 0 : N_RECORDS);
		history_result_clean(&result);
	}
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_history, one_session_by_its_number)
{
	static const uint64_t absent[] = {0, N_RECORDS + 1, INT64_MAX, UINT64_MAX};
	struct session_record records[N_RECORDS];
	struct store_lab lab;

	store_lab_open(&lab);
	make_records(records);
	struct store *store = open_with(&lab, records, N_RECORDS);

	for (size_t i = 0; i < N_RECORDS + ARRAY_LENGTH(absent); i++) {
		const bool is_there = i < N_RECORDS;
		const struct history_query query = {.kind = HISTORY_SEQ,
						    .seq = is_there ? i + 1 : absent[i - N_RECORDS]};
		struct history_result result = store_lab_ask(lab.path, &query);

		cr_assert_eq(result.error, 0);
		cr_assert_eq(result.n_rows, is_there ? 1 : 0);
		cr_assert(!is_there || store_lab_difference(&result.rows[0], &records[query.seq - 1]) == NULL);
		history_result_clean(&result);
	}
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_history, a_reader_sees_each_commit_and_never_writes)
{
	const struct history_query count = {.kind = HISTORY_COUNT};
	struct store_lab lab;
	struct store_reader *reader = NULL;
	struct history_result result;
	struct store_batch batch = {0};

	store_lab_open(&lab);
	struct store *store = open_with(&lab, NULL, 0);

	cr_assert_eq(store_reader_open(lab.path, &reader), 0);
	for (uint64_t seq = 1; seq <= 3; seq++) {
		store_lab_add_balanced(&batch, seq, 1);
		cr_assert_eq(store_lab_write(store, &batch), 0);
		store_reader_query(reader, &count, &result);
		cr_assert_eq(result.count, seq);
		history_result_clean(&result);
	}
	store_reader_close(&reader);
	cr_assert_null(reader);
	store_reader_close(&reader);
	store_close(&store);
	store_lab_close(&lab);
}

/* ---- who had the address? ---- */

static const struct ip_addr ip_a = {{[10] = 0xff, 0xff, 10, 0, 0, 1}};
static const struct ip_addr ip_b = {{[10] = 0xff, 0xff, 10, 0, 0, 2}};

/* A session that had one address, from its start on; end_s 0: on line. */
struct holder {
	uint64_t seq;
	const struct ip_addr *ip;
	int64_t since_s, last_s, end_s;
};

static void write_holders(struct store *store, const struct holder *holders, size_t n_holders)
{
	struct store_batch batch = {0};

	for (size_t i = 0; i < n_holders; i++) {
		const struct holder *holder = &holders[i];
		struct session_address address = {
			.ip = *holder->ip,
			.since.wall_ns = S(holder->since_s),
			.last.wall_ns = S(holder->last_s),
		};
		const struct session_record record = {
			.seq = holder->seq,
			.start.wall_ns = S(holder->since_s),
			.end.wall_ns = S(holder->end_s),
			.cause = holder->end_s ? END_CAUSE_IDLE_TIMEOUT : END_CAUSE_NONE,
			.addresses = &address,
			.n_addresses = 1,
		};

		store_lab_add_session(&batch, &record);
	}
	cr_assert_eq(store_lab_write(store, &batch), 0);
}

static struct store *open_with_holders(const struct store_lab *lab, const struct holder *holders, size_t n_holders)
{
	struct store *store = open_with(lab, NULL, 0);

	write_holders(store, holders, n_holders);
	return store;
}

static uint64_t holder_within(const struct store_lab *lab, int64_t at_wall_ns, int64_t at_end_wall_ns,
			      uint64_t excluded)
{
	struct ip_addr ip = ip_a;
	struct history_query query = {
		.kind = HISTORY_AT,
		.ips = &ip,
		.n_ips = 1,
		.at_wall_ns = at_wall_ns,
		.at_end_wall_ns = at_end_wall_ns,
		.excluded_seqs = &excluded,
		.n_excluded = excluded != 0,
	};
	struct history_result result = store_lab_ask(lab->path, &query);
	uint64_t seq;

	cr_assert_eq(result.error, 0);
	cr_assert_eq(result.n_rows, 1);
	seq = result.rows[0].seq;
	cr_assert_eq(result.count, seq != 0);
	cr_assert(seq == 0 || ip_compare(&result.rows[0].addresses[0].ip, &ip_a) == 0);
	history_result_clean(&result);
	return seq;
}

static uint64_t holder_at(const struct store_lab *lab, int64_t at_s, uint64_t excluded)
{
	return holder_within(lab, S(at_s), S(at_s), excluded);
}

Test(store_history, an_address_belongs_to_the_latest_proof)
{
	const struct holder holders[] = {
		{1, &ip_a, 100, 200, 500}, /* silent from 200 on, on line until 500 */
		{2, &ip_a, 300, 400, 400}, /* took it over, and left at once */
		{3, &ip_b, 100, 900, 0},
		{4, &ip_a, 600, 610, 0}, /* on line still */
	};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_with_holders(&lab, holders, ARRAY_LENGTH(holders));

	cr_assert_eq(holder_at(&lab, 99, 0), 0, "before anybody");
	cr_assert_eq(holder_at(&lab, 100, 0), 1);
	cr_assert_eq(holder_at(&lab, 250, 0), 1, "its address until the session ends or another has it");
	cr_assert_eq(holder_at(&lab, 300, 0), 2);
	cr_assert_eq(holder_at(&lab, 400, 0), 2);
	cr_assert_eq(holder_at(&lab, 401, 0), 0, "does not fall back to the former holder");
	cr_assert_eq(holder_at(&lab, 401, 2), 1, "unless memory knows better of the taker");
	cr_assert_eq(holder_at(&lab, 550, 0), 0);
	cr_assert_eq(holder_at(&lab, 600, 0), 4);
	cr_assert_eq(holder_at(&lab, 1000000, 0), 4);
	cr_assert_eq(holder_at(&lab, 1000000, 4), 0);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_history, a_claim_within_anothers_time_holds_until_the_other_proves_again)
{
	const struct holder holders[] = {
		{1, &ip_a, 100, 900, 900}, {2, &ip_a, 300, 400, 700}, /* a spoofer, say */
	};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_with_holders(&lab, holders, ARRAY_LENGTH(holders));

	cr_assert_eq(holder_at(&lab, 200, 0), 1);
	cr_assert_eq(holder_at(&lab, 350, 0), 2, "both cover it: the one that took it last");
	cr_assert_eq(holder_at(&lab, 500, 0), 1, "the proof of the first is known to be later");
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_history, a_session_that_had_the_address_at_any_moment_of_the_time_counts)
{
	const struct holder holders[] = {
		{1, &ip_a, 100, 200, 250}, /* silent from 200 on */
		{2, &ip_a, 310, 320, 330}, /* lived within 300 to 340 */
		{3, &ip_a, 410, 420, 420},
		{4, &ip_a, 430, 500, 0},
		/* the taker within the time is silent before the other is */
		{5, &ip_a, 600, 640, 640},
		{6, &ip_a, 610, 620, 620},
	};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_with_holders(&lab, holders, ARRAY_LENGTH(holders));

	cr_assert_eq(holder_within(&lab, S(50), S(100) - 1, 0), 0);
	cr_assert_eq(holder_within(&lab, S(50), S(100), 0), 1, "the end is included");
	cr_assert_eq(holder_within(&lab, S(250), S(300), 0), 1, "and so is the beginning");
	cr_assert_eq(holder_within(&lab, S(250) + 1, S(300), 0), 0);
	cr_assert_eq(holder_within(&lab, S(300), S(340), 0), 2);
	cr_assert_eq(holder_within(&lab, S(300), S(340), 2), 0);
	cr_assert_eq(holder_within(&lab, S(240), S(315), 0), 2, "of several the latest proof");
	cr_assert_eq(holder_within(&lab, S(240), S(315), 2), 1);
	cr_assert_eq(holder_within(&lab, S(400), S(425), 0), 3);
	cr_assert_eq(holder_within(&lab, S(400), S(440), 0), 4);
	cr_assert_eq(holder_within(&lab, S(400), S(440), 4), 3);
	cr_assert_eq(holder_within(&lab, S(600), S(650), 0), 5, "proofs count to the end of the time");
	cr_assert_eq(holder_within(&lab, S(600), S(615), 0), 6);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_history, several_addresses_are_answered_in_their_order)
{
	const struct holder holders[] = {{1, &ip_a, 100, 200, 0}, {2, &ip_b, 100, 200, 0}};
	struct ip_addr ips[] = {ip_b, {{0x20}}, ip_a, ip_b};
	const struct history_query query = {.kind = HISTORY_AT,
					    .ips = ips,
					    .n_ips = ARRAY_LENGTH(ips),
					    .at_wall_ns = S(150),
					    .at_end_wall_ns = S(150)};
	const uint64_t expected[] = {2, 0, 1, 2};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_with_holders(&lab, holders, ARRAY_LENGTH(holders));
	struct history_result result = store_lab_ask(lab.path, &query);

	cr_assert_eq(result.n_rows, ARRAY_LENGTH(expected));
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++)
		cr_assert_eq(result.rows[i].seq, expected[i]);
	cr_assert_eq(result.count, 3);
	history_result_clean(&result);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_history, the_end_of_a_session_ends_its_hold)
{
	const struct holder online = {1, &ip_a, 100, 200, 0}, ended = {1, &ip_a, 100, 200, 300};
	struct store_lab lab;

	store_lab_open(&lab);
	struct store *store = open_with_holders(&lab, &online, 1);

	cr_assert_eq(holder_at(&lab, 1000, 0), 1);
	write_holders(store, &ended, 1);
	cr_assert_eq(holder_at(&lab, 300, 0), 1);
	cr_assert_eq(holder_at(&lab, 301, 0), 0);
	store_close(&store);
	store_lab_close(&lab);
}

/* ---- giving up ---- */

struct interrupter {
	struct store_reader *reader;
	atomic_bool is_done;
};

static void *interrupt_until_done(void *context)
{
	struct interrupter *interrupter = context;

	while (!atomic_load(&interrupter->is_done))
		store_reader_interrupt(interrupter->reader);
	return NULL;
}

/* Between two statements of a question, or before its first, an interrupt counts too. */
Test(store_history, an_interrupt_waits_for_the_query_that_it_is_for)
{
	struct session_record records[N_RECORDS];
	const struct history_query all = {.kind = HISTORY_LIST, .limit = N_RECORDS};
	struct history_result result = {0};
	struct store_reader *reader = NULL;
	struct store_lab lab;

	store_lab_open(&lab);
	make_records(records);
	struct store *store = open_with(&lab, records, N_RECORDS);

	cr_assert_eq(store_reader_open(lab.path, &reader), 0);
	store_reader_interrupt(reader);
	store_reader_query(reader, &all, &result);
	cr_assert_eq(result.error, -EINTR);
	cr_assert_eq(result.n_rows, 0);
	store_reader_query(reader, &all, &result);
	cr_assert_eq(result.error, 0);
	cr_assert_eq(result.n_rows, N_RECORDS);
	history_result_clean(&result);
	store_reader_close(&reader);
	store_close(&store);
	store_lab_close(&lab);
}

Test(store_history, an_interrupted_query_says_so_and_the_next_one_works, .timeout = 60)
{
	struct session_record records[N_RECORDS];
	struct interrupter interrupter = {0};
	const struct history_query all = {.kind = HISTORY_LIST, .limit = N_RECORDS};
	struct history_result result = {0};
	struct store_lab lab;
	pthread_t thread;

	store_lab_open(&lab);
	make_records(records);
	struct store *store = open_with(&lab, records, N_RECORDS);

	cr_assert_eq(store_reader_open(lab.path, &interrupter.reader), 0);
	cr_assert_eq(pthread_create(&thread, NULL, interrupt_until_done, &interrupter), 0);
	/* often enough to be hit in every step, the last one too */
	for (int n_interrupted = 0; n_interrupted < 300; n_interrupted += result.error == -EINTR) {
		history_result_clean(&result);
		store_reader_query(interrupter.reader, &all, &result);
		cr_assert(result.error == 0 || result.error == -EINTR, "%d", result.error);
		cr_assert_eq(result.n_rows, result.error ? 0 : N_RECORDS);
	}
	history_result_clean(&result);
	atomic_store(&interrupter.is_done, true);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	/* the last interrupt may have come after the last query */
	store_reader_query(interrupter.reader, &all, &result);
	history_result_clean(&result);
	store_reader_query(interrupter.reader, &all, &result);
	cr_assert_eq(result.error, 0);
	cr_assert_eq(result.n_rows, N_RECORDS);
	history_result_clean(&result);
	store_reader_close(&interrupter.reader);
	store_close(&store);
	store_lab_close(&lab);
}
