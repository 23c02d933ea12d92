/* SPDX-License-Identifier: MIT */
/* Whoever logs in by whichever name is one guest, and what was said of a guest need not be repeated. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/guest.h"

static const struct public_id_key key = {{1, 2, 3, 4}};
static struct guest_register *guests;

static void set_up(void)
{
	cr_assert_eq(guest_register_new(3, &key, &guests), 0);
}

static void tear_down(void)
{
	guest_register_free(&guests);
}

TestSuite(guest, .init = set_up, .fini = tear_down);

/* The identity after it was noted; to be cleaned. */
static struct identity note(struct identity said, int64_t at)
{
	struct identity identity = {0};

	cr_assert_eq(identity_copy(&identity, &said), 0);
	cr_assert_eq(guest_register_note(guests, &identity, at), 0);
	return identity;
}

static void expect_same(struct identity one, struct identity other, bool is_same)
{
	CLEANUP(identity_clean) struct identity a = note(one, 1);
	CLEANUP(identity_clean) struct identity b = note(other, 2);

	cr_assert_not_null(a.guest_id);
	cr_assert_not_null(b.guest_id);
	cr_expect_eq(strlen(a.guest_id), (size_t)PUBLIC_ID_SIZE - 1);
	cr_expect_eq(strcmp(a.guest_id, b.guest_id) == 0, is_same, "%s and %s", a.guest_id, b.guest_id);
}

Test(guest, the_same_name_is_the_same_guest)
{
	expect_same((struct identity){.username = "kim"}, (struct identity){.username = "kim"}, true);
	expect_same((struct identity){.username = "kim"}, (struct identity){.username = "Kim"}, false);
	expect_same((struct identity){.email = "kim@example.org"}, (struct identity){.email = "Kim@Example.ORG"}, true);
	expect_same((struct identity){.yas_id = "AB-1"}, (struct identity){.yas_id = "ab-1"}, true);
	/* the strongest name decides */
	expect_same((struct identity){.yas_id = "ab-1", .email = "x@example.org"},
		    (struct identity){.yas_id = "ab-1", .email = "y@example.org"}, true);
	expect_same((struct identity){.email = "x@example.org", .username = "x"},
		    (struct identity){.email = "x@example.org", .access_code = "1234"}, true);
}

Test(guest, the_same_text_as_another_kind_of_name_is_another_guest)
{
	expect_same((struct identity){.username = "1234"}, (struct identity){.access_code = "1234"}, false);
	expect_same((struct identity){.username = "kim"}, (struct identity){.yas_id = "kim"}, false);
	expect_same((struct identity){.username = "kim"}, (struct identity){.email = "kim"}, false);
}

Test(guest, the_id_outlives_the_register_and_depends_on_its_key)
{
	CLEANUP(identity_clean) struct identity before = note((struct identity){.username = "kim"}, 1);
	CLEANUP(identity_clean) struct identity after = {0}, elsewhere = {0};
	const struct public_id_key other_key = {{1, 2, 3, 5}};

	tear_down();
	set_up();
	after = note((struct identity){.username = "kim"}, 1);
	cr_expect_str_eq(before.guest_id, after.guest_id);
	tear_down();
	cr_assert_eq(guest_register_new(3, &other_key, &guests), 0);
	elsewhere = note((struct identity){.username = "kim"}, 1);
	cr_expect_str_neq(before.guest_id, elsewhere.guest_id);
}

Test(guest, what_is_not_said_now_is_as_it_was)
{
	CLEANUP(identity_clean)
	struct identity first = note((struct identity){.guest_id = "g", .name = "Kim", .email = "k@example.org"}, 1);
	CLEANUP(identity_clean)
	struct identity again = note((struct identity){.guest_id = "g", .name = "Kimberley"}, 2);
	CLEANUP(identity_clean) struct identity third = note((struct identity){.guest_id = "g"}, 3);

	cr_expect_str_eq(first.name, "Kim", "history is not changed");
	cr_expect_str_eq(again.name, "Kimberley");
	cr_expect_str_eq(again.email, "k@example.org");
	cr_expect_str_eq(third.name, "Kimberley");
	cr_expect_str_eq(third.email, "k@example.org");
	cr_expect_null(third.access_code);
}

Test(guest, an_access_code_alone_may_be_many_people)
{
	CLEANUP(identity_clean)
	struct identity first = note((struct identity){.access_code = "1234", .name = "Kim"}, 1);
	CLEANUP(identity_clean) struct identity second = note((struct identity){.access_code = "1234"}, 2);

	cr_expect_null(second.name, "that of another who has the same code");
	cr_expect_eq(guest_register_size(guests), 0u);
}

Test(guest, nobody_gets_no_id)
{
	CLEANUP(identity_clean) struct identity nobody = note((struct identity){.device_description = "phone"}, 1);

	cr_expect_null(nobody.guest_id);
	cr_expect_not(guest_register_has_changes(guests));
}

static size_t save(void)
{
	struct guest_change *changes = NULL;
	size_t n_changes = 0;

	cr_assert_eq(guest_register_changed(guests, &changes, &n_changes), 0);
	guest_register_mark_saved(guests, changes, n_changes);
	guest_changes_free(changes, n_changes);
	return n_changes;
}

Test(guest, beyond_the_bound_who_logged_in_longest_ago_is_forgotten)
{
	for (int i = 1; i <= 3; i++) {
		char id[] = "g0";
		struct identity identity;

		id[1] = (char)('0' + i);
		identity = note((struct identity){.guest_id = id, .name = "x"}, i);
		identity_clean(&identity);
	}
	/* the first one comes again, so the second is the oldest */
	CLEANUP(identity_clean) struct identity first = note((struct identity){.guest_id = "g1"}, 4);
	CLEANUP(identity_clean) struct identity fourth = note((struct identity){.guest_id = "g4"}, 5);
	CLEANUP(identity_clean) struct identity second = {0};

	cr_expect_eq(guest_register_size(guests), 3u);
	cr_expect_eq(save(), 4u, "three who are there, one who is gone");
	cr_expect_eq(save(), 0u);
	second = note((struct identity){.guest_id = "g2"}, 6);
	cr_expect_null(second.name, "it was forgotten");
	cr_expect_str_eq(first.name, "x");
	cr_expect_null(fourth.name);
}

Test(guest, who_is_forgotten_is_gone_from_the_store_too)
{
	CLEANUP(identity_clean) struct identity said = note((struct identity){.guest_id = "g", .name = "Kim"}, 1);
	CLEANUP(identity_clean) struct identity again = {0};
	struct guest_change *changes = NULL;
	size_t n_changes = 0;

	save();
	guest_register_forget(guests, "g");
	guest_register_forget(guests, "unknown");
	cr_expect_eq(guest_register_size(guests), 0u);
	cr_expect(guest_register_has_changes(guests));
	cr_assert_eq(guest_register_changed(guests, &changes, &n_changes), 0);
	cr_assert_eq(n_changes, 1u);
	cr_expect(changes[0].is_gone);
	cr_expect_str_eq(changes[0].identity.guest_id, "g");
	cr_expect_null(changes[0].identity.name);
	/* and comes back while that is on its way */
	again = note((struct identity){.guest_id = "g"}, 2);
	cr_expect_null(again.name);
	guest_register_mark_saved(guests, changes, n_changes);
	guest_changes_free(changes, n_changes);
	cr_expect_eq(guest_register_size(guests), 1u);
	cr_expect_eq(save(), 1u, "that it is there again");
	(void)said;
}

Test(guest, expiry_goes_by_the_latest_login)
{
	CLEANUP(identity_clean) struct identity a = note((struct identity){.guest_id = "a"}, 10);
	CLEANUP(identity_clean) struct identity b = note((struct identity){.guest_id = "b"}, 20);
	CLEANUP(identity_clean) struct identity again = note((struct identity){.guest_id = "a"}, 30);

	guest_register_expire(guests, 20);
	cr_expect_eq(guest_register_size(guests), 2u);
	guest_register_expire(guests, 21);
	cr_expect_eq(guest_register_size(guests), 1u);
	guest_register_expire(guests, 31);
	cr_expect_eq(guest_register_size(guests), 0u);
}

Test(guest, what_the_store_knew_is_known)
{
	const struct guest_change known = {.identity = {.guest_id = "g", .name = "Kim"}, .noted_wall_ns = 5};
	CLEANUP(identity_clean) struct identity said = {0};

	cr_assert_eq(guest_register_load(guests, &known), 0);
	cr_assert_eq(guest_register_load(guests, &known), 0, "twice is once");
	cr_expect_eq(guest_register_size(guests), 1u);
	cr_expect_not(guest_register_has_changes(guests));
	said = note((struct identity){.guest_id = "g"}, 6);
	cr_expect_str_eq(said.name, "Kim");
}
