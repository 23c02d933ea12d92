/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/event.h"
#include "core/session_record.h"

static struct ip_addr ip_of(const char *text)
{
	struct ip_addr ip;

	cr_assert_eq(ip_parse(text, &ip), 0, "%s", text);
	return ip;
}

struct candidate {
	const char *ip;
	int64_t last_wall_ns;
	uint64_t bytes;
};

static void assert_primary(const char *expected, const struct candidate *candidates, size_t n_candidates)
{
	struct session_record record = {0};
	char text[IP_TEXT_SIZE];

	for (size_t i = 0; i < n_candidates; i++) {
		struct session_address address = {
			.ip = ip_of(candidates[i].ip),
			.last.wall_ns = candidates[i].last_wall_ns,
			.bytes = candidates[i].bytes,
		};

		cr_assert_eq(session_record_add_address(&record, &address), 0);
	}
	struct ip_addr primary = session_record_choose_primary(&record);

	cr_assert_str_eq(ip_format(&primary, text), expected);
	session_record_clean(&record);
}
#define ASSERT_PRIMARY(expected, ...)                                     \
	assert_primary(expected, (const struct candidate[]){__VA_ARGS__}, \
		       ARRAY_LENGTH(((const struct candidate[]){__VA_ARGS__})))

Test(session_record, primary_of_nothing_is_unspecified)
{
	const struct session_record record = {0};
	struct ip_addr primary = session_record_choose_primary(&record);

	cr_assert(ip_is_unspecified(&primary));
}

Test(session_record, primary_is_the_latest_ipv4)
{
	ASSERT_PRIMARY("10.0.0.2", {"10.0.0.1", 5, 900}, {"10.0.0.2", 9, 1}, {"10.0.0.3", 7, 800});
	/* even when the guest has sent by IPv6 since, and more */
	ASSERT_PRIMARY("10.0.0.1", {"2001:db8::1", 99, 1000000}, {"10.0.0.1", 5, 0}, {"fe80::1", 100, 5});
}

Test(session_record, primary_is_else_the_busiest_global_ipv6)
{
	ASSERT_PRIMARY("2001:db8::2", {"2001:db8::1", 9, 10}, {"2001:db8::2", 5, 11}, {"fe80::1", 20, 500});
	ASSERT_PRIMARY("2001:db8::2", {"2001:db8::1", 5, 10}, {"2001:db8::2", 9, 10});
	/* unique local addresses are of global scope (RFC 4193, 3.3) */
	ASSERT_PRIMARY("fd00::1", {"fe80::1", 9, 10}, {"fd00::1", 5, 1});
}

Test(session_record, primary_is_link_local_only_for_want_of_better)
{
	ASSERT_PRIMARY("fe80::2", {"fe80::1", 5, 900}, {"fe80::2", 9, 1});
	ASSERT_PRIMARY("2001:db8::1", {"169.254.3.4", 9, 900}, {"2001:db8::1", 1, 0});
	ASSERT_PRIMARY("10.0.0.1", {"169.254.3.4", 9, 900}, {"10.0.0.1", 1, 0});
	ASSERT_PRIMARY("fe80::1", {"169.254.3.4", 9, 900}, {"fe80::1", 1, 0});
	ASSERT_PRIMARY("169.254.3.4", {"169.254.3.3", 1, 900}, {"169.254.3.4", 2, 0});
}

Test(session_record, primary_does_not_flap_between_equals)
{
	ASSERT_PRIMARY("10.0.0.1", {"10.0.0.1", 5, 1}, {"10.0.0.2", 5, 1});
	ASSERT_PRIMARY("10.0.0.2", {"10.0.0.2", 5, 1}, {"10.0.0.1", 5, 1});
	ASSERT_PRIMARY("2001:db8::2", {"2001:db8::2", 5, 1}, {"2001:db8::1", 5, 1});
}

Test(session_record, unspecified_addresses_are_no_candidates)
{
	ASSERT_PRIMARY("fe80::1", {"0.0.0.0", 9, 900}, {"::", 9, 900}, {"fe80::1", 1, 0});
}

Test(session_record, duration_of_an_online_session_is_monotonic_time_since_start)
{
	struct session_record record = {.start = {.mono_ns = 1000, .wall_ns = 500}, .duration_ns = 77};

	cr_assert_eq(session_record_duration_ns(&record, (struct instant){.mono_ns = 1500, .wall_ns = 9}), 500);
	cr_assert_eq(session_record_duration_ns(&record, (struct instant){.mono_ns = 1000}), 0);
	cr_assert_eq(session_record_duration_ns(&record, (struct instant){.mono_ns = 999}), 0, "never negative");
	record.start.mono_ns = INT64_MIN;
	cr_assert_geq(session_record_duration_ns(&record, (struct instant){.mono_ns = INT64_MAX}), 0, "no overflow");
}

Test(session_record, duration_of_an_ended_session_is_the_recorded_one)
{
	struct session_record record = {.cause = END_CAUSE_IDLE_TIMEOUT, .start.mono_ns = 1000, .duration_ns = 77};

	cr_assert_eq(session_record_duration_ns(&record, (struct instant){.mono_ns = 5000}), 77);
	record.duration_ns = -1;
	cr_assert_eq(session_record_duration_ns(&record, (struct instant){.mono_ns = 5000}), 0);
}

Test(session_record, end_causes_have_the_names_of_rfc_2866)
{
	cr_assert_null(end_cause_name(END_CAUSE_NONE));
	cr_assert_str_eq(end_cause_name(END_CAUSE_USER_REQUEST), "User-Request");
	cr_assert_str_eq(end_cause_name(END_CAUSE_LOST_CARRIER), "Lost-Carrier");
	cr_assert_null(end_cause_name((enum end_cause)3), "Lost-Service is not ours");
	cr_assert_str_eq(end_cause_name(END_CAUSE_IDLE_TIMEOUT), "Idle-Timeout");
	cr_assert_str_eq(end_cause_name(END_CAUSE_SESSION_TIMEOUT), "Session-Timeout");
	cr_assert_str_eq(end_cause_name(END_CAUSE_ADMIN_RESET), "Admin-Reset");
	cr_assert_str_eq(end_cause_name(END_CAUSE_ADMIN_REBOOT), "Admin-Reboot");
	cr_assert_str_eq(end_cause_name(END_CAUSE_NAS_REQUEST), "NAS-Request");
	cr_assert_str_eq(end_cause_name(END_CAUSE_NAS_REBOOT), "NAS-Reboot");
	cr_assert_null(end_cause_name((enum end_cause)12));
	cr_assert_null(end_cause_name((enum end_cause) - 1));
}

Test(session_record, a_copy_is_deep)
{
	struct session_record from = {
		.seq = 7,
		.traffic = {1, 2, 3, 4},
		.location_name = strdup("IPERA"),
		.identity = {.guest_id = strdup("g"), .device_description = strdup("")},
	};
	struct session_address address = {.ip = ip_of("10.0.0.1"), .bytes = 9};
	struct session_record to;

	cr_assert_eq(session_record_add_address(&from, &address), 0);
	memset(&to, 0xaa, sizeof(to)); /* its content counts for nothing */
	cr_assert_eq(session_record_copy(&to, &from), 0);
	cr_assert_eq(to.seq, 7);
	cr_assert_eq(to.n_addresses, 1);
	cr_assert_neq(to.addresses, from.addresses);
	cr_assert_eq(to.traffic.down_packets, 4);
	cr_assert_null(to.location_id);
	cr_assert_null(to.identity.email);
	cr_assert_neq(to.location_name, from.location_name);
	cr_assert_neq(to.identity.guest_id, from.identity.guest_id);
	session_record_clean(&from);
	cr_assert_null(from.location_name, "cleaning twice is harmless");
	session_record_clean(&from);
	cr_assert_eq(from.n_addresses, 0);
	cr_assert_eq(to.addresses[0].bytes, 9);
	cr_assert_str_eq(to.location_name, "IPERA");
	cr_assert_str_eq(to.identity.guest_id, "g");
	cr_assert_str_eq(to.identity.device_description, "");
	session_record_clean(&to);
}

static void add_addresses(struct session_record *record, uint8_t n_addresses)
{
	for (uint8_t i = 0; i < n_addresses; i++) {
		struct session_address address = {.ip = ip_from_v4((const uint8_t[]){10, 0, 0, i}), .bytes = i};

		cr_assert_eq(session_record_add_address(record, &address), 0);
	}
}

/* A copy may grow as its original may, from any number on. */
Test(session_record, addresses_grow_to_their_bound)
{
	for (uint8_t n = 0; n <= SESSION_ADDRESSES_MAX; n++) {
		struct session_record from = {0}, to;
		struct session_address more = {.bytes = 99};

		add_addresses(&from, n);
		cr_assert_eq(session_record_copy(&to, &from), 0);
		cr_assert_eq(session_record_add_address(&to, &more), n < SESSION_ADDRESSES_MAX ? 0 : -ENOSPC);
		cr_assert_eq(to.n_addresses, n < SESSION_ADDRESSES_MAX ? n + 1u : n);
		for (uint8_t i = 0; i < n; i++)
			cr_assert_eq(to.addresses[i].bytes, i, "%u of %u", i, n);
		cr_assert_eq(to.addresses[to.n_addresses - 1].bytes, n < SESSION_ADDRESSES_MAX ? 99 : n - 1u);
		cr_assert_eq(from.n_addresses, n);
		session_record_clean(&from);
		session_record_clean(&to);
	}
}

Test(session_record, addresses_are_replaced)
{
	struct session_record from = {0}, to = {.seq = 5}, none = {0};

	add_addresses(&from, 2);
	add_addresses(&to, 3);
	cr_assert_eq(session_record_copy_addresses(&to, &from), 0);
	cr_assert_eq(to.seq, 5);
	cr_assert_eq(to.n_addresses, 2);
	cr_assert_eq(to.addresses[1].bytes, 1);
	cr_assert_neq(to.addresses, from.addresses);
	cr_assert_eq(session_record_copy_addresses(&to, &none), 0);
	cr_assert_eq(to.n_addresses, 0);
	cr_assert_null(to.addresses);
	session_record_clean(&from);
}

Test(identity, a_copy_replaces_every_field)
{
	struct identity from = {
		.guest_id = strdup("1"),
		.username = strdup("2"),
		.name = strdup("3"),
		.email = strdup("4"),
		.yas_id = strdup("5"),
		.access_code = strdup("6"),
		.login_type_name = strdup("7"),
		.service_profile_name = strdup("8"),
		.device_description = strdup("9"),
	};
	struct identity to = {.guest_id = strdup("old"), .email = strdup("old")};
	struct identity empty = {0};

	cr_assert_eq(identity_copy(&to, &from), 0);
	cr_assert_str_eq(to.guest_id, "1");
	cr_assert_str_eq(to.username, "2");
	cr_assert_str_eq(to.name, "3");
	cr_assert_str_eq(to.email, "4");
	cr_assert_str_eq(to.yas_id, "5");
	cr_assert_str_eq(to.access_code, "6");
	cr_assert_str_eq(to.login_type_name, "7");
	cr_assert_str_eq(to.service_profile_name, "8");
	cr_assert_str_eq(to.device_description, "9");
	cr_assert_eq(identity_copy(&to, &empty), 0);
	cr_assert_null(to.guest_id);
	cr_assert_null(to.device_description);
	identity_clean(&from);
	identity_clean(&to);
}

Test(event_list, grows_keeps_order_and_is_reused)
{
	struct event_list list = {0};

	for (uint64_t i = 1; i <= 100; i++)
		cr_assert_eq(event_list_append(&list, (struct event){.session_seq = i, .at = {1, 2}}), 0);
	cr_assert_eq(list.n_items, 100);
	for (uint64_t i = 1; i <= 100; i++)
		cr_assert_eq(list.items[i - 1].session_seq, i);
	size_t capacity = list.capacity;

	event_list_clear(&list);
	cr_assert_eq(list.n_items, 0);
	cr_assert_eq(list.capacity, capacity, "clearing keeps the memory");
	cr_assert_eq(event_list_append(&list, (struct event){.kind = EVENT_SESSION_OFFLINE}), 0);
	cr_assert_eq(list.items[0].kind, EVENT_SESSION_OFFLINE);
	event_list_clean(&list);
	cr_assert_null(list.items);
}

Test(event_list, kinds_have_the_names_of_the_api)
{
	cr_assert_str_eq(event_kind_name(EVENT_SESSION_ONLINE), "session.online");
	cr_assert_str_eq(event_kind_name(EVENT_SESSION_OFFLINE), "session.offline");
	cr_assert_str_eq(event_kind_name(EVENT_SESSION_UPDATED), "session.updated");
	cr_assert_null(event_kind_name(EVENT_N_KINDS));
}
