/* SPDX-License-Identifier: MIT */
/* Octets go first: without memory for a guest's address, its session goes on without it. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/session.h"

static bool is_memory_short;

/* In place of the C library's: whatever grows an array asks it. */
void *reallocarray(void *ptr, size_t nmemb, size_t size)
{
	size_t n_bytes;

	if (is_memory_short || __builtin_mul_overflow(nmemb, size, &n_bytes))
		return NULL;
	return realloc(ptr, n_bytes);
}

static void packet(struct session_engine *engine, int64_t at_s, uint8_t guest, struct ip_addr ip)
{
	const struct instant now = {.mono_ns = at_s * NS_PER_S, .wall_ns = at_s * NS_PER_S};
	const struct ledger_delta delta = {
		.key = {.mac.octets = {2, [5] = guest}, .ip = ip},
		.traffic = {.up_bytes = 100, .up_packets = 1},
		.last_up_ns = now.mono_ns,
		.has_up = true,
	};
	struct event_list events = {0};

	cr_assert_eq(session_engine_apply(engine, now, now, &delta, &events), 0);
	event_list_clean(&events);
}

Test(session_memory, an_address_without_memory_is_nobodys_until_the_next_packet)
{
	const struct ip_addr first = ip_from_v4((const uint8_t[]){10, 0, 0, 1});
	const struct ip_addr second = ip_from_v4((const uint8_t[]){10, 0, 0, 2});
	const struct session_record *record;
	struct session_engine *engine;

	cr_assert_eq(session_engine_new(&(struct session_rules){.idle_timeout_ns = 60 * NS_PER_S}, 1, &engine), 0);
	is_memory_short = true;
	packet(engine, 1, 1, first);
	record = session_engine_by_seq(engine, 1);
	cr_assert_not_null(record);
	cr_expect_eq(record->n_addresses, 0);
	cr_expect(ip_is_unspecified(&record->primary_ip));
	cr_expect_null(session_engine_by_ip(engine, &first));
	is_memory_short = false;
	packet(engine, 2, 1, first);
	cr_expect_eq(session_engine_by_ip(engine, &first), record);
	is_memory_short = true;
	packet(engine, 3, 1, second);
	cr_expect_eq(record->n_addresses, 1);
	cr_expect_null(session_engine_by_ip(engine, &second));
	cr_expect_eq(record->traffic.up_bytes, 300);
	/* what is not the session's outlives it for nobody */
	cr_assert_eq(session_engine_end(engine, 1, record->last_seen, END_CAUSE_USER_REQUEST, &(struct event_list){0}),
		     0);
	cr_expect_null(session_engine_by_ip(engine, &first));
	cr_expect_null(session_engine_by_ip(engine, &second));
	is_memory_short = false;
	session_engine_free(&engine);
}
