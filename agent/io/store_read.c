/* SPDX-License-Identifier: MIT */
/* The reader: history queries as SQL, answered on a connection of its own. */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/strbuf.h"
#include "io/store_private.h"
#include "io/store_sqlite.h"

struct store_reader {
	sqlite3 *db;
	sqlite3_stmt *addresses;
	sqlite3_stmt *by_seq;
	/*
	 * SQLite forgets an interrupt that comes while no statement runs, so between two of a question: this one is
	 * looked at as the statements run.
	 */
	atomic_bool is_interrupted;
};

/* How many steps of SQLite's machine between two looks: tens of microseconds. */
#define INTERRUPT_STEPS 1000

/* ---- filters ---- */

enum filter_bit {
	FILTER_ONLINE,
	FILTER_OFFLINE,
	FILTER_GUEST,
	FILTER_YAS,
	FILTER_MAC,
	FILTER_LOCATION,
	FILTER_START,
	FILTER_END,
	FILTER_EXCLUDED,
	FILTER_N_BITS
};

/*
 * The first clause that is wanted and has an index decides how the table is walked: SQLite keeps no statistics
 * here, so the choice is ours, from the most selective on. All other values reach SQL as parameters.
 */
static const struct {
	const char *sql;
	const char *index;
} clauses[] = {
	[FILTER_ONLINE] = {"s.end_wall_ns IS NULL", "sessions_open"},
	[FILTER_OFFLINE] = {"s.end_wall_ns IS NOT NULL", NULL},
	[FILTER_GUEST] = {"s.guest_id = :guest_id", "sessions_by_guest"},
	[FILTER_YAS] = {"s.yas_id = :yas_id", "sessions_by_yas"},
	[FILTER_MAC] = {"s.mac = :mac", "sessions_by_mac"},
	[FILTER_LOCATION] = {"s.place IN (SELECT place FROM places WHERE location_id = :location_id)", NULL},
	[FILTER_START] = {"s.start_wall_ns >= :start_from", NULL},
	/* no session ends before it starts: the second half bounds the walk of any index */
	[FILTER_END] = {"s.end_wall_ns < :end_before AND s.start_wall_ns < :end_before", NULL},
	[FILTER_EXCLUDED] = {"s.seq NOT IN (SELECT value FROM json_each(:excluded))", NULL},
};
_Static_assert(ARRAY_LENGTH(clauses) == FILTER_N_BITS, "a clause for each bit");

static unsigned int wanted_bits(const struct history_query *query)
{
	const struct session_filter *filter = &query->filter;
	const bool wanted[] = {
		[FILTER_ONLINE] = filter->has_online && filter->is_online,
		[FILTER_OFFLINE] = filter->has_online && !filter->is_online,
		[FILTER_GUEST] = filter->guest_id != NULL,
		[FILTER_YAS] = filter->yas_id != NULL,
		[FILTER_MAC] = filter->has_mac,
		[FILTER_LOCATION] = filter->location_id != NULL,
		[FILTER_START] = filter->has_start_from,
		[FILTER_END] = filter->has_end_before,
		[FILTER_EXCLUDED] = query->n_excluded > 0,
	};
	unsigned int bits = 0;

	_Static_assert(ARRAY_LENGTH(wanted) == FILTER_N_BITS, "a condition for each bit");
	for (unsigned int bit = 0; bit < FILTER_N_BITS; bit++)
		if (wanted[bit])
			bits |= 1u << bit;
	return bits;
}

/* "FROM sessions AS s INDEXED BY ... WHERE ... AND ..." */
static void append_from_where(struct strbuf *sql, unsigned int bits)
{
	const char *index = "sessions_by_start";
	const char *conjunction = " WHERE ";

	for (int bit = FILTER_N_BITS - 1; bit >= 0; bit--)
		if (bits & 1u << bit && clauses[bit].index)
			index = clauses[bit].index;
	strbuf_append_format(sql, " FROM sessions AS s INDEXED BY %s", index);
	for (int bit = 0; bit < FILTER_N_BITS; bit++) {
		if (!(bits & 1u << bit))
			continue;
		strbuf_append(sql, conjunction);
		strbuf_append(sql, clauses[bit].sql);
		conjunction = " AND ";
	}
}

static void bind_named_int64(sqlite3_stmt *statement, const char *name, int64_t value)
{
	int index = sqlite3_bind_parameter_index(statement, name);

	if (index)
		sqlite3_bind_int64(statement, index, value);
}

/* Borrows the text until the statement is finalized. */
static void bind_named_text(sqlite3_stmt *statement, const char *name, const char *value)
{
	int index = sqlite3_bind_parameter_index(statement, name);

	if (index)
		sqlite3_bind_text(statement, index, value, -1, SQLITE_STATIC);
}

/* The excluded numbers as a JSON array; NULL when out of memory. */
static char *excluded_text(const struct history_query *query)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_append(&text, "[");
	for (size_t i = 0; i < query->n_excluded; i++)
		strbuf_append_format(&text, i ? ",%" PRIu64 : "%" PRIu64, query->excluded_seqs[i]);
	strbuf_append(&text, "]");
	return strbuf_steal(&text);
}

/* ---- answers ---- */

/* A question on its way to becoming a result. */
struct answer {
	struct store_reader *reader;
	const struct history_query *query;
	char *excluded; /* NULL: none */
	unsigned int bits;
	struct session_rows rows;
	uint64_t count;
};

static void answer_clean(struct answer *answer)
{
	free(answer->excluded);
	answer->excluded = NULL;
	session_rows_clean(&answer->rows);
}

/* The query outlives the statement, so its texts are lent. */
static void bind_query(sqlite3_stmt *statement, const struct answer *answer)
{
	const struct history_query *query = answer->query;
	const struct session_filter *filter = &query->filter;

	bind_named_text(statement, ":guest_id", filter->guest_id);
	bind_named_text(statement, ":yas_id", filter->yas_id);
	bind_named_text(statement, ":location_id", filter->location_id);
	bind_named_int64(statement, ":mac", store_mac_to_int64(&filter->mac));
	bind_named_int64(statement, ":start_from", filter->start_from_wall_ns);
	bind_named_int64(statement, ":end_before", filter->end_before_wall_ns);
	bind_named_int64(statement, ":limit", store_uint64_to_int64(query->limit));
	bind_named_int64(statement, ":offset", store_uint64_to_int64(query->offset));
	bind_named_int64(statement, ":at", query->at_wall_ns);
	bind_named_int64(statement, ":at_end", query->at_end_wall_ns);
	bind_named_text(statement, ":excluded", answer->excluded);
}

static int prepare_bound(struct answer *answer, struct strbuf *sql, sqlite3_stmt **out)
{
	CLEANUP_FREE char *text = strbuf_steal(sql);
	int r = text ? store_prepare(answer->reader->db, text, out) : -ENOMEM;

	if (!r)
		bind_query(*out, answer);
	return r;
}

/*
 * Most stores know one location: a filter for it filters nothing, one for another leaves nothing, and
 * neither needs a look at the sessions. Yields false when nothing is left.
 */
static int resolve_location(struct answer *answer, bool *is_possible)
{
	CLEANUP(store_statement_clean) sqlite3_stmt *statement = NULL;
	int64_t n_matching = 0;
	int code;
	int r;

	*is_possible = true;
	if (!(answer->bits & 1u << FILTER_LOCATION))
		return 0;
	r = store_prepare(answer->reader->db,
			  "SELECT count(*) FILTER (WHERE location_id = :location_id), count(*) FROM places",
			  &statement);
	if (r)
		return r;
	bind_query(statement, answer);
	code = sqlite3_step(statement);
	if (code != SQLITE_ROW)
		return store_error(answer->reader->db, code);
	n_matching = sqlite3_column_int64(statement, 0);
	*is_possible = n_matching > 0;
	if (n_matching == sqlite3_column_int64(statement, 1))
		answer->bits &= ~(1u << FILTER_LOCATION);
	return 0;
}

/* The page is found on indexes alone; only its rows are read from the table. */
static int answer_list(struct answer *answer)
{
	CLEANUP(store_statement_clean) sqlite3_stmt *statement = NULL;
	const char *direction = answer->query->is_newest_first ? "DESC" : "ASC";
	struct strbuf sql = STRBUF_INIT;
	int r;

	strbuf_append(&sql, "WITH page AS MATERIALIZED (SELECT s.seq AS seq");
	append_from_where(&sql, answer->bits);
	strbuf_append_format(&sql, " ORDER BY s.start_wall_ns %s, s.seq %s LIMIT :limit OFFSET :offset)", direction,
			     direction);
	strbuf_append_format(&sql,
			     " SELECT " STORE_SESSION_COLUMNS " FROM page CROSS JOIN sessions AS s ON s.seq = page.seq"
			     " CROSS JOIN places AS p ON p.place = s.place ORDER BY s.start_wall_ns %s, s.seq %s",
			     direction, direction);
	r = prepare_bound(answer, &sql, &statement);
	if (!r)
		r = store_sessions_read(statement, answer->reader->addresses, &answer->rows);
	answer->count = answer->rows.n_items;
	return r;
}

static int answer_count(struct answer *answer)
{
	CLEANUP(store_statement_clean) sqlite3_stmt *statement = NULL;
	struct strbuf sql = STRBUF_INIT;
	int code;
	int r;

	strbuf_append(&sql, "SELECT count(*)");
	append_from_where(&sql, answer->bits);
	r = prepare_bound(answer, &sql, &statement);
	if (r)
		return r;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		answer->count = (uint64_t)sqlite3_column_int64(statement, 0);
	return store_error(answer->reader->db, code);
}

/* Appends the session with this number; number 0, which no session has, stands for nobody. */
static int append_session(struct answer *answer, int64_t seq)
{
	struct session_rows *rows = &answer->rows;
	struct session_record *items;
	int r;

	if (seq != 0) {
		sqlite3_bind_int64(answer->reader->by_seq, 1, seq);
		r = store_sessions_read(answer->reader->by_seq, answer->reader->addresses, rows);
		sqlite3_reset(answer->reader->by_seq);
		answer->count++;
		return r;
	}
	items = store_grow(rows->items, rows->n_items, &rows->capacity, sizeof(*items));
	if (!items)
		return -ENOMEM;
	rows->items = items;
	items[rows->n_items++] = (struct session_record){0};
	return 0;
}

/*
 * The latest proof up to :at_end decides; within a time that several sessions cover, the one that took the address
 * last. When the latest proof is of a session that had ended by :at, the address was nobody's: it does not
 * fall back to whom it was taken from. An end is never before the proof, so that walk is short.
 */
static const char holder_sql[] =
	"WITH present AS MATERIALIZED (" /* on the index alone */
	" SELECT seq FROM addresses INDEXED BY addresses_by_ip"
	" WHERE ip = :ip AND until_wall_ns >= :at AND since_wall_ns <= :at_end"
	" AND (:excluded IS NULL OR seq NOT IN (SELECT value FROM json_each(:excluded)))), "
	"holder AS MATERIALIZED ("
	" SELECT a.seq AS seq, a.since_wall_ns AS since, min(a.last_wall_ns, :at_end) AS proof"
	" FROM present CROSS JOIN addresses AS a ON a.seq = present.seq AND a.ip = :ip"
	" ORDER BY proof DESC, since DESC, a.seq DESC LIMIT 1) "
	"SELECT seq FROM holder WHERE NOT EXISTS ("
	" SELECT 1 FROM addresses AS gone INDEXED BY addresses_by_ip"
	" WHERE gone.ip = :ip AND gone.until_wall_ns >= holder.proof AND gone.until_wall_ns < :at"
	" AND (gone.last_wall_ns, gone.since_wall_ns) > (holder.proof, holder.since)"
	" AND (:excluded IS NULL OR gone.seq NOT IN (SELECT value FROM json_each(:excluded))))";

static int answer_at(struct answer *answer)
{
	CLEANUP(store_statement_clean) sqlite3_stmt *holder = NULL;
	const struct history_query *query = answer->query;
	int r = store_prepare(answer->reader->db, holder_sql, &holder);
	int ip_index;

	if (r)
		return r;
	bind_query(holder, answer);
	ip_index = sqlite3_bind_parameter_index(holder, ":ip");
	for (size_t i = 0; !r && i < query->n_ips; i++) {
		int code;

		sqlite3_bind_blob(holder, ip_index, &query->ips[i], sizeof(query->ips[i]), SQLITE_STATIC);
		code = sqlite3_step(holder);
		r = store_error(answer->reader->db, code);
		if (!r)
			r = append_session(answer, code == SQLITE_ROW ? sqlite3_column_int64(holder, 0) : 0);
		sqlite3_reset(holder);
	}
	return r;
}

static int answer_seq(struct answer *answer)
{
	int64_t seq = store_uint64_to_int64(answer->query->seq);
	int r = seq ? append_session(answer, seq) : 0;

	answer->count = answer->rows.n_items;
	return r;
}

static int (*const answer_kinds[])(struct answer *answer) = {
	[HISTORY_LIST] = answer_list,
	[HISTORY_COUNT] = answer_count,
	[HISTORY_AT] = answer_at,
	[HISTORY_SEQ] = answer_seq,
};

/* An error may have ended the snapshot already, and an interrupt that comes now keeps it. */
static int end_snapshot(sqlite3 *db)
{
	return sqlite3_get_autocommit(db) ? 0 : store_exec(db, "ROLLBACK");
}

/* One snapshot for all statements of a question. */
static int answer_in_snapshot(struct answer *answer)
{
	sqlite3 *db = answer->reader->db;
	bool is_possible = true;
	int r = atomic_load(&answer->reader->is_interrupted) ? -EINTR : end_snapshot(db);

	if (!r)
		r = store_exec(db, "BEGIN");
	if (r)
		return r;
	if (answer->query->kind == HISTORY_LIST || answer->query->kind == HISTORY_COUNT)
		r = resolve_location(answer, &is_possible);
	if (!r && is_possible)
		r = answer_kinds[answer->query->kind](answer);
	/* if this fails, the next question does it */
	(void)end_snapshot(db);
	return r;
}

/* ---- the reader ---- */

static int is_interrupted(void *context)
{
	const struct store_reader *reader = context;

	return atomic_load(&reader->is_interrupted);
}

static int open_reader(const char *path, struct store_reader *reader)
{
	int r = store_connect(path, SQLITE_OPEN_READONLY, &reader->db);

	if (!r)
		sqlite3_progress_handler(reader->db, INTERRUPT_STEPS, is_interrupted, reader);
	if (!r)
		r = store_exec(reader->db, "PRAGMA query_only = ON");
	if (!r)
		r = store_prepare(reader->db, STORE_ADDRESSES_SQL, &reader->addresses);
	if (!r)
		r = store_prepare(reader->db,
				  "SELECT " STORE_SESSION_COLUMNS " FROM " STORE_SESSION_TABLES " WHERE s.seq = ?1",
				  &reader->by_seq);
	return r;
}

int store_reader_open(const char *path, struct store_reader **out)
{
	CLEANUP(store_reader_close) struct store_reader *reader = calloc(1, sizeof(*reader));
	int r = reader ? open_reader(path, reader) : -ENOMEM;

	if (r)
		return store_complain(path, "cannot open the store for reading", r);
	*out = TAKE_PTR(reader);
	return 0;
}

void store_reader_close(struct store_reader **reader)
{
	if (!*reader)
		return;
	store_statement_clean(&(*reader)->addresses);
	store_statement_clean(&(*reader)->by_seq);
	store_connection_clean(&(*reader)->db);
	free(*reader);
	*reader = NULL;
}

void store_reader_interrupt(struct store_reader *reader)
{
	atomic_store(&reader->is_interrupted, true);
}

void store_reader_query(struct store_reader *reader, const struct history_query *query, struct history_result *out)
{
	CLEANUP(answer_clean) struct answer answer = {.reader = reader, .query = query, .bits = wanted_bits(query)};
	int r = 0;

	*out = (struct history_result){0};
	if (query->n_excluded > 0) {
		answer.excluded = excluded_text(query);
		r = answer.excluded ? 0 : -ENOMEM;
	}
	if (!r)
		r = answer_in_snapshot(&answer);
	atomic_store(&reader->is_interrupted, false);
	if (r) {
		out->error = r;
		return;
	}
	out->count = answer.count;
	out->n_rows = answer.rows.n_items;
	out->rows = TAKE_PTR(answer.rows.items);
	answer.rows.n_items = 0;
}
