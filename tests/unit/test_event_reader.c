/* SPDX-License-Identifier: MIT */
/* A subscriber's side: the chunked coding and the events in it, cut anywhere. */
#include "core/event_reader.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/http_chunks.h"

/* Decodes text in pieces of that size; the body, or NULL when it is no such coding. The caller frees. */
static char *decode(const char *text, size_t piece_size, bool *is_over)
{
	struct http_chunks chunks = {0};
	struct strbuf body = STRBUF_INIT;
	const size_t length = strlen(text);

	for (size_t i = 0; i < length; i += piece_size) {
		const size_t n = piece_size < length - i ? piece_size : length - i;
		CLEANUP_FREE char *piece = malloc(n);
		memcpy(piece, text + i, n);

		const int64_t n_decoded = http_chunks_decode(&chunks, piece, n);
		if (n_decoded < 0) {
			cr_assert_eq(n_decoded, -EBADMSG);
			strbuf_clean(&body);
			return NULL;
		}
		strbuf_append_bytes(&body, piece, (size_t)n_decoded);
	}
	*is_over = chunks.is_over;
	return strbuf_steal(&body);
}

Test(http_chunks, are_taken_off_wherever_the_pieces_are_cut)
{
	static const struct {
		const char *text;
		const char *body;
		bool is_over;
	} cases[] = {
		{"5\r\nhello\r\n0\r\n\r\n", "hello", true},
		{"5\r\nhello\r\n", "hello", false},
		{"5\r\nhel", "hel", false},
		{"1\r\na\r\n00b\r\n\r\n0\r\n\r\nbcd0\r\n", "a\r\n0\r\n\r\nbcd0", false},
		{"A\r\n0123456789\r\na;x=\"y\"\r\n0123456789\r\n", "01234567890123456789", false},
		{"3 \r\nabc\r\n0;last\r\nTrailer: x\r\nAnother: y\r\n\r\nbehind", "abc", true},
		{"0\r\n\r\n", "", true},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		for (size_t size = 1; size <= strlen(cases[i].text); size++) {
			bool is_over;
			CLEANUP_FREE char *body = decode(cases[i].text, size, &is_over);

			cr_assert_not_null(body, "%zu by %zu", i, size);
			cr_expect_str_eq(body, cases[i].body, "%zu by %zu: %s", i, size, body);
			cr_expect_eq(is_over, cases[i].is_over);
		}
	}
}

Test(http_chunks, what_is_no_such_coding_is_an_error)
{
	static const char *const texts[] = {
		"\r\n",
		"x",
		"-1\r\n",
		"5\nhello",
		"5\r\nhello5\r\n",
		"5\r\nhello\n",
		"5\rhello",
		";x\r\nabc",
		"0\r\nTrailer\n",
		"0\r\n\rx",
		"0\r\n\n",
		"0x5\r\nhello",
		"1234567890123456\r\n",
		" 5\r\nhello",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		for (size_t size = 1; size <= strlen(texts[i]); size++) {
			bool is_over;

			cr_expect_null(decode(texts[i], size, &is_over), "%zu by %zu", i, size);
		}
	}
}

struct got {
	struct strbuf text; /* "kind|data;" of each */
	size_t n_wanted;
};

static bool take(void *context, const char *kind, const char *data)
{
	struct got *got = context;

	strbuf_append_format(&got->text, "%s|%s;", kind, data);
	return --got->n_wanted > 0;
}

static int feed(struct event_reader *reader, struct got *got, const char *text, size_t piece_size)
{
	const size_t length = strlen(text);
	int error = 0;

	for (size_t i = 0; i < length && !error; i += piece_size)
		error = event_reader_feed(reader, text + i, piece_size < length - i ? piece_size : length - i, take,
					  got);
	return error;
}

Test(event_reader, reads_events_wherever_the_pieces_are_cut)
{
	static const struct {
		const char *text;
		const char *events;
		const char *last_id;
	} cases[] = {
		{"id: 7\nevent: a\ndata: {}\n\n", "a|{};", "7"},
		{"retry: 2000\nid: r-1\n\n", "", "r-1"},
		{"id: r-1\n\n:\n\ndata:x\n\n", "message|x;", "r-1"},
		{"data: one\ndata:two\n\nevent: b\rdata:  three\r\rdata\n\n", "message|one\ntwo;b| three;message|;",
		 ""},
		{"event: a\r\ndata: x\r\n\r\ndata: y\r\n\r\n", "a|x;message|y;", ""},
		{"event: lost\n\nevent: a\ndata: x\n\n", "a|x;", ""},
		{"id: 1\ndata: x\n\nid: 2\ndata: cut", "message|x;", "1"},
		{"unknown: y\ndata: x\nid\n\n", "message|x;", ""},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		for (size_t size = 1; size <= strlen(cases[i].text); size++) {
			struct event_reader reader = {0};
			struct got got = {.n_wanted = 100};

			cr_assert_eq(feed(&reader, &got, cases[i].text, size), 0);
			CLEANUP_FREE char *events = strbuf_steal(&got.text);
			cr_expect_str_eq(events, cases[i].events, "%zu by %zu: %s", i, size, events);
			cr_expect_str_eq(reader.last_id, cases[i].last_id);
			event_reader_clean(&reader);
		}
	}
}

Test(event_reader, another_connection_begins_a_new_event_after_the_same_id)
{
	struct event_reader reader = {0};
	struct got got = {.n_wanted = 100};

	cr_assert_eq(feed(&reader, &got, "id: 1\ndata: x\n\nid: 2\nevent: half\ndata: no", 100), 0);
	event_reader_restart(&reader);
	cr_assert_str_eq(reader.last_id, "1");
	cr_assert_eq(feed(&reader, &got, "data: y\n\n", 100), 0);
	CLEANUP_FREE char *events = strbuf_steal(&got.text);
	cr_assert_str_eq(events, "message|x;message|y;");
	event_reader_clean(&reader);
}

Test(event_reader, stops_when_no_more_is_wanted_and_at_its_bound)
{
	struct event_reader reader = {0};
	struct got got = {.n_wanted = 1};
	CLEANUP_FREE char *letters = calloc(1, 4097);
	int error = 0;
	size_t n = 0;

	cr_assert_eq(feed(&reader, &got, "data: x\n\ndata: y\n\n", 100), -ECANCELED);
	cr_assert_str_eq(got.text.text, "message|x;");
	strbuf_clean(&got.text);
	event_reader_clean(&reader);

	memset(letters, 'x', 4096);
	for (; !error && n <= EVENT_READER_MAX_BYTES; n += 4096)
		error = event_reader_feed(&reader, letters, 4096, take, &got);
	cr_assert_eq(error, -EMSGSIZE);
	event_reader_clean(&reader);
}
