/* SPDX-License-Identifier: MIT */
/* The write calls that say who a guest is: logins, bindings, changes, forgetting. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/api_fixture.h"

#define SESSIONS "/api/v1/sessions"
#define MAC "14:2d:27:00:00:01"

static const char *text_of(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

#define expect_text(object, key, text)                                                                           \
	do {                                                                                                     \
		const char *value_ = text_of((object), (key));                                                   \
		cr_assert(value_ &&strcmp(value_, (text)) == 0, "%s is %s", (key), value_ ? value_ : "no text"); \
	} while (0)

#define expect_null(object, key) \
	cr_assert(json_is_null(json_object_get((object), (key))), "%s is %s", (key), text_of((object), (key)))

static long long number_of(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

/* SESSIONS/{id}suffix; the caller frees. */
static char *path_of(json_t *session, const char *suffix)
{
	char *path;

	cr_assert(asprintf(&path, SESSIONS "/%s%s", text_of(session, "id"), suffix) > 0);
	return path;
}

/* The store gets what the engine has, as a flush would do it. */
static void save(struct api_fixture *fixture)
{
	struct session_change *changes;
	size_t n_changes;

	cr_assert_eq(session_engine_changed(fixture->engine, SESSION_SCOPE_ALL, &changes, &n_changes), 0);
	for (size_t i = 0; i < n_changes; i++) {
		size_t place = 0;

		while (place < fixture->n_stored && fixture->stored[place].seq != changes[i].record.seq)
			place++;
		if (place == fixture->n_stored)
			fixture->n_stored++;
		else
			session_record_clean(&fixture->stored[place]);
		cr_assert_eq(session_record_copy(&fixture->stored[place], &changes[i].record), 0);
	}
	session_engine_mark_saved(fixture->engine, changes, n_changes);
	session_changes_free(changes, n_changes);
}

Test(api_write, a_login_splits_the_anonymous_session)
{
	struct api_fixture fixture;
	json_auto_t *session = NULL;
	json_auto_t *again = NULL;
	json_auto_t *list = NULL;

	api_fixture_init(&fixture, 0);
	api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S - 60);
	session = api_fixture_ask(&fixture, "POST", SESSIONS "?raw=1&details=1",
				  "{\"mac\":\"14-2D-27-00-00-01\",\"ip\":\"10.0.0.5\",\"username\":\"ann\","
				  "\"name\":\"Ann \xc3\x84\",\"email\":\"ann@example.org\",\"guest_id\":\"G1\","
				  "\"yas_id\":\"8f62\",\"access_code\":\"C1\",\"login_type_name\":\"Registration\","
				  "\"service_profile_name\":\"their own\",\"location_id\":null,"
				  "\"device_description\":\"\",\"external_id\":\"x1\","
				  "\"limits\":{\"session_timeout_s\":60,\"max_bytes_up\":9223372036854775807,"
				  "\"idle_timeout_s\":null}}",
				  201);
	cr_assert(fixture.has_changed);
	api_fixture_expect_golden_json(session, "login.json");
	/* a hook that runs twice */
	again = api_fixture_ask(&fixture, "POST", SESSIONS "?raw=1&details=1",
				"{\"mac\":\"" MAC "\",\"external_id\":\"x1\"}", 200);
	cr_assert(json_equal(session, again));
	list = api_fixture_ask(&fixture, "GET", SESSIONS "?raw=1&details=1", NULL, 200);
	cr_assert_eq(json_array_size(json_object_get(list, "data")), 2);
	cr_assert(json_equal(session, json_array_get(json_object_get(list, "data"), 1)));
	expect_text(json_array_get(json_object_get(list, "data"), 0), "terminate_cause", "Port-Preempted");
	expect_null(json_array_get(json_object_get(list, "data"), 0), "limits");
	expect_null(json_array_get(json_object_get(list, "data"), 0), "external_id");
	api_fixture_clean(&fixture);
}

/* ... after its guest was seen elsewhere, and was given a description. */
Test(api_write, the_same_login_is_known_whatever_was_learnt_since)
{
	static const char same[] = "{\"mac\":\"" MAC "\",\"username\":\"ann\",\"guest_id\":\"G1\"}";
	struct api_fixture fixture;
	json_auto_t *first = NULL;
	json_auto_t *again = NULL;
	json_auto_t *next = NULL;

	api_fixture_init(&fixture, 0);
	api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S);
	first = api_fixture_ask(&fixture, "POST", SESSIONS, same, 201);
	json_decref(api_fixture_ask(&fixture, "POST", SESSIONS,
				    "{\"mac\":\"14:2d:27:00:00:02\",\"guest_id\":\"G1\",\"email\":\"a@example.org\"}",
				    201));
	json_decref(api_fixture_ask(&fixture, "POST", "/api/v1/bindings",
				    "[{\"mac\":\"" MAC "\",\"device_description\":\"iPad\"}]", 200));
	again = api_fixture_ask(&fixture, "POST", SESSIONS "?details=1", same, 200);
	expect_text(again, "id", text_of(first, "id"));
	expect_null(again, "email");
	/* but who has left and comes again has what is known by then */
	json_decref(api_fixture_ask(&fixture, "POST", "/api/v1/logout", "{\"mac\":\"" MAC "\"}", 202));
	next = api_fixture_ask(&fixture, "POST", SESSIONS "?details=1", same, 201);
	expect_text(next, "email", "a@example.org");
	api_fixture_clean(&fixture);
}

Test(api_write, a_login_before_the_first_packet_waits)
{
	struct api_fixture fixture;
	json_auto_t *waiting = NULL;
	json_auto_t *begun = NULL;

	api_fixture_init(&fixture, 0);
	waiting = api_fixture_ask(&fixture, "POST", SESSIONS "?raw=1&details=1",
				  "{\"mac\":\"" MAC "\",\"ip\":\"2001:DB8::1\",\"access_code\":\"C1\"}", 201);
	api_fixture_expect_golden_json(waiting, "login_waiting.json");
	api_fixture_expect(&fixture, SESSIONS "/count", 200, "{\"count\":0}");
	/* the number that was told is the session's */
	api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S);
	begun = api_fixture_ask(&fixture, "POST", SESSIONS,
				"{\"mac\":\"" MAC "\",\"ip\":\"2001:db8::1\","
				"\"access_code\":\"C1\"}",
				200);
	expect_text(begun, "id", text_of(waiting, "id"));
	expect_text(begun, "connection_status", "Online");
	expect_text(begun, "access_code", "C1");
	api_fixture_clean(&fixture);
}

/* Too many logins is the operator's trouble, and nothing has changed. */
Test(api_write, a_login_without_room_is_a_503)
{
	const struct session_rules rules = {
		.idle_timeout_ns = 300 * NS_PER_S, .login_wait_ns = 300 * NS_PER_S, .max_online = 1};
	struct api_fixture fixture;
	char body[64];
	int status = 201;

	api_fixture_init(&fixture, 0);
	session_engine_free(&fixture.engine);
	cr_assert_eq(session_engine_new(&rules, 1, &fixture.engine), 0);
	fixture.api.engine = fixture.engine;
	for (int i = 0; i < 10 && status == 201; i++) {
		struct http_response response;

		snprintf(body, sizeof(body), "{\"mac\":\"14:2d:27:00:00:%02x\"}", (unsigned int)i);
		response = api_fixture_send(&fixture, "POST", SESSIONS, body);
		status = response.status;
		if (status != 201)
			cr_assert_str_eq(response.body, "{\"message\":\"Too many logins wait for their devices.\"}");
		http_response_clean(&response);
	}
	cr_assert_eq(status, 503);
	cr_assert(!fixture.has_changed);
	api_fixture_clean(&fixture);
}

Test(api_write, a_profile_gives_limits_and_the_login_overrides_them)
{
	static const struct profile profiles[] = {
		{.name = "60 minutes", .limits = {.session_timeout_ns = 3600 * NS_PER_S, .max_bytes_total = 1000}},
	};
	struct api_fixture fixture;
	json_auto_t *session = NULL;
	json_auto_t *changed = NULL;
	json_auto_t *other = NULL;
	CLEANUP_FREE char *path = NULL;
	json_t *limits;

	api_fixture_init(&fixture, 0);
	fixture.api.profiles = profiles;
	fixture.api.n_profiles = ARRAY_LENGTH(profiles);
	session = api_fixture_ask(&fixture, "POST", SESSIONS "?details=1",
				  "{\"mac\":\"" MAC "\",\"service_profile_name\":\"60 minutes\","
				  "\"limits\":{\"max_bytes_total\":0,\"max_bytes_down\":5}}",
				  201);
	limits = json_object_get(session, "limits");
	cr_assert_eq(number_of(limits, "session_timeout_s"), 3600);
	cr_assert_eq(number_of(limits, "max_bytes_down"), 5);
	expect_null(limits, "max_bytes_total");
	expect_null(limits, "idle_timeout_s");
	/* another profile sets its limits, and what is named beside it counts more; null takes away */
	path = path_of(session, "?details=1");
	changed = api_fixture_ask(&fixture, "PATCH", path,
				  "{\"service_profile_name\":\"60 minutes\",\"limits\":{\"session_timeout_s\":null,"
				  "\"idle_timeout_s\":20}}",
				  200);
	limits = json_object_get(changed, "limits");
	expect_null(limits, "session_timeout_s");
	expect_null(limits, "max_bytes_down");
	cr_assert_eq(number_of(limits, "max_bytes_total"), 1000);
	cr_assert_eq(number_of(limits, "idle_timeout_s"), 20);
	/* where there are no profiles, a name is a label of the portal's own */
	fixture.api.n_profiles = 0;
	other = api_fixture_ask(&fixture, "PATCH", path, "{\"service_profile_name\":\"silver\"}", 200);
	expect_text(other, "service_profile_name", "silver");
	cr_assert(json_equal(json_object_get(other, "limits"), limits));
	json_decref(other);
	fixture.api.n_profiles = ARRAY_LENGTH(profiles);
	/* a slip would be a session without limits */
	other = api_fixture_ask(&fixture, "PATCH", path, "{\"service_profile_name\":\"gold\"}", 422);
	cr_expect_not_null(json_object_get(json_object_get(other, "errors"), "service_profile_name"));
	json_decref(other);
	other = api_fixture_ask(&fixture, "PATCH", path, "{\"limits\":null}", 200);
	expect_null(json_object_get(other, "limits"), "max_bytes_total");
	expect_null(json_object_get(other, "limits"), "idle_timeout_s");
	api_fixture_clean(&fixture);
}

Test(api_write, a_change_of_a_session_on_line)
{
	struct api_fixture fixture;
	json_auto_t *session = NULL;
	json_auto_t *changed = NULL;
	json_auto_t *same = NULL;
	CLEANUP_FREE char *path = NULL;

	api_fixture_init(&fixture, 0);
	api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S);
	session = api_fixture_ask(&fixture, "POST", SESSIONS,
				  "{\"mac\":\"" MAC "\",\"name\":\"Ann\",\"email\":\"a@example.org\"}", 201);
	path = path_of(session, "?details=1");
	changed = api_fixture_ask(&fixture, "PATCH", path,
				  "{\"name\":\"Bea\",\"email\":null,\"device_description\":\"iPad\"}", 200);
	cr_assert(fixture.has_changed);
	expect_text(changed, "id", text_of(session, "id"));
	expect_text(changed, "guest_id", text_of(session, "guest_id"));
	expect_text(changed, "name", "Bea");
	expect_null(changed, "email");
	expect_text(changed, "guest_device_description", "iPad");
	/* what is cleared does not come back from the register of guests */
	same = api_fixture_ask(&fixture, "PATCH", path, "{\"name\":\"Bea B\"}", 200);
	expect_null(same, "email");
	json_decref(same);
	same = api_fixture_ask(&fixture, "PATCH", path, "{}", 200);
	expect_text(same, "name", "Bea B");
	api_fixture_clean(&fixture);
}

/* Who is named later becomes the guest that is known already, on its second device. */
Test(api_write, a_change_makes_a_guest_known)
{
	struct api_fixture fixture;
	json_auto_t *first = NULL;
	json_auto_t *second = NULL;
	json_auto_t *changed = NULL;
	CLEANUP_FREE char *path = NULL;

	api_fixture_init(&fixture, 0);
	first = api_fixture_ask(&fixture, "POST", SESSIONS,
				"{\"mac\":\"" MAC "\",\"name\":\"Ann\",\"email\":\"a@example.org\"}", 201);
	second = api_fixture_ask(&fixture, "POST", SESSIONS, "{\"mac\":\"14:2d:27:00:00:02\"}", 201);
	expect_null(second, "guest_id");
	path = path_of(second, "?details=1");
	changed = api_fixture_ask(&fixture, "PATCH", path, "{\"email\":\"A@example.org\"}", 200);
	expect_text(changed, "guest_id", text_of(first, "guest_id"));
	expect_text(changed, "name", "Ann");
	expect_text(changed, "email", "A@example.org");
	cr_assert_eq(guest_register_size(fixture.guests), 1);
	api_fixture_clean(&fixture);
}

Test(api_write, what_has_ended_cannot_be_changed_and_what_never_was_is_unknown)
{
	static const struct {
		const char *method, *suffix, *body;
	} calls[] = {{"PATCH", "", "{\"name\":\"x\"}"}, {"POST", "/disconnect", NULL}};
	struct api_fixture fixture;
	json_auto_t *session = NULL;

	api_fixture_init(&fixture, 0);
	api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S);
	session = api_fixture_ask(&fixture, "POST", "/api/v1/logout", "{\"mac\":\"" MAC "\"}", 202);
	for (size_t i = 0; i < ARRAY_LENGTH(calls); i++) {
		CLEANUP_FREE char *path = path_of(session, calls[i].suffix);
		CLEANUP_FREE char *unknown = NULL;
		json_auto_t *in_memory = api_fixture_ask(&fixture, calls[i].method, path, calls[i].body, 409);
		json_auto_t *stored = NULL;
		json_auto_t *nobody = NULL;
		json_auto_t *no_id = NULL;

		expect_text(in_memory, "message", "The session has ended.");
		cr_assert(!fixture.has_changed);
		save(&fixture);
		cr_assert(session_engine_by_seq(fixture.engine, 1) == NULL);
		stored = api_fixture_ask(&fixture, calls[i].method, path, calls[i].body, 409);
		expect_text(stored, "message", "The session has ended.");
		fixture.store_error = -EIO;
		json_decref(stored);
		stored = api_fixture_ask(&fixture, calls[i].method, path, calls[i].body, 500);
		fixture.store_error = 0;
		cr_assert(asprintf(&unknown, SESSIONS "/%s%s", "00000000000", calls[i].suffix) > 0);
		nobody = api_fixture_ask(&fixture, calls[i].method, unknown, calls[i].body, 404);
		expect_text(nobody, "message", "No session has this id.");
		memcpy(unknown + strlen(SESSIONS "/"), "bogus-bogus", 11);
		no_id = api_fixture_ask(&fixture, calls[i].method, unknown, calls[i].body, 404);
		/* back into memory for the next call */
		session_engine_free(&fixture.engine);
		cr_assert_eq(session_engine_new(&(struct session_rules){.idle_timeout_ns = 300 * NS_PER_S}, 1,
						&fixture.engine),
			     0);
		fixture.api.engine = fixture.engine;
		api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S);
		json_decref(api_fixture_ask(&fixture, "POST", "/api/v1/logout", "{\"mac\":\"" MAC "\"}", 202));
	}
	api_fixture_clean(&fixture);
}

static bool is_person_in(const struct identity *identity)
{
	return identity->guest_id || identity->username || identity->name || identity->email || identity->yas_id ||
	       identity->access_code;
}

#define ANN                                                                                       \
	"{\"mac\":\"" MAC "\",\"name\":\"Ann\",\"email\":\"a@example.org\",\"username\":\"ann\"," \
	"\"guest_id\":\"G1\",\"access_code\":\"C1\",\"yas_id\":\"Y1\"}"

Test(api_write, forgetting_who_is_on_line)
{
	struct api_fixture fixture;
	json_auto_t *session = NULL;
	CLEANUP_FREE char *path = NULL;
	const struct session_record *record;

	api_fixture_init(&fixture, 0);
	api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S - 5);
	session = api_fixture_ask(&fixture, "POST", SESSIONS, ANN, 201);
	api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S);
	/* a flush is under way with the name in it: the store has the row when it is asked to forget */
	save(&fixture);
	path = path_of(session, "");
	cr_assert(api_fixture_ask(&fixture, "DELETE", path, NULL, 204) == NULL);
	cr_assert(fixture.has_changed);
	cr_assert_eq(fixture.forgotten_seq, 2);
	record = session_engine_by_mac(fixture.engine, &(struct mac_addr){{0x14, 0x2d, 0x27, 0, 0, 1}});
	cr_assert(record && record->seq == 2 && record->traffic.up_bytes == 100);
	cr_assert(!is_person_in(&record->identity));
	cr_assert_eq(guest_register_size(fixture.guests), 0);
	for (size_t i = 0; i < fixture.n_stored; i++)
		cr_assert(!is_person_in(&fixture.stored[i].identity));
	/* the row that is written next has no name either */
	save(&fixture);
	for (size_t i = 0; i < fixture.n_stored; i++)
		cr_assert(!is_person_in(&fixture.stored[i].identity));
	cr_assert(api_fixture_ask(&fixture, "DELETE", path, NULL, 204) == NULL);
	api_fixture_clean(&fixture);
}

Test(api_write, forgetting_what_only_the_store_knows)
{
	struct api_fixture fixture;
	json_auto_t *session = NULL;
	json_auto_t *failed = NULL;
	json_auto_t *nobody = NULL;
	CLEANUP_FREE char *path = NULL;

	api_fixture_init(&fixture, 0);
	api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S - 5);
	session = api_fixture_ask(&fixture, "POST", SESSIONS, ANN, 201);
	json_decref(api_fixture_ask(&fixture, "POST", "/api/v1/logout", "{\"mac\":\"" MAC "\"}", 202));
	save(&fixture);
	path = path_of(session, "");
	cr_assert(is_person_in(&fixture.stored[1].identity));
	fixture.store_error = -EIO;
	failed = api_fixture_ask(&fixture, "DELETE", path, NULL, 500);
	fixture.store_error = 0;
	cr_assert(api_fixture_ask(&fixture, "DELETE", path, NULL, 204) == NULL);
	cr_assert_eq(fixture.forgotten_seq, 2);
	cr_assert(!is_person_in(&fixture.stored[1].identity));
	cr_assert_eq(guest_register_size(fixture.guests), 0);
	nobody = api_fixture_ask(&fixture, "DELETE", SESSIONS "/00000000000", NULL, 404);
	api_fixture_clean(&fixture);
}

/* Who is forgotten after having left does not come back with a name. */
Test(api_write, forgetting_whose_login_is_kept)
{
	struct api_fixture fixture;
	json_auto_t *session = NULL;
	CLEANUP_FREE char *path = NULL;
	const struct session_record *record;

	for (int is_saved = 0; is_saved < 2; is_saved++) {
		api_fixture_init(&fixture, 0);
		api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S - 5);
		json_decref(session);
		session = api_fixture_ask(&fixture, "POST", SESSIONS, ANN, 201);
		json_decref(api_fixture_ask(&fixture, "POST", "/api/v1/lost", "{\"mac\":\"" MAC "\"}", 202));
		if (is_saved)
			save(&fixture);
		free(path);
		path = path_of(session, "");
		cr_assert(api_fixture_ask(&fixture, "DELETE", path, NULL, 204) == NULL);
		api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S + 1);
		record = session_engine_by_mac(fixture.engine, &(struct mac_addr){{0x14, 0x2d, 0x27, 0, 0, 1}});
		cr_assert(record && !is_person_in(&record->identity));
		api_fixture_clean(&fixture);
	}
}

Test(api_write, bindings_are_answered_each_for_itself)
{
	struct api_fixture fixture;
	json_auto_t *answer = NULL;
	json_auto_t *bare = NULL;

	api_fixture_init(&fixture, 0);
	api_fixture_packet(&fixture, "14:2d:27:00:00:02", "10.0.0.6", NOW_S);
	answer = api_fixture_ask(&fixture, "POST", "/api/v1/bindings",
				 "{\"bindings\":[{\"mac\":\"" MAC "\",\"ip\":\"10.0.0.5\",\"access_code\":\"C1\"},"
				 "{\"mac\":\"" MAC "\",\"ip\":\"10.0.0.5\",\"access_code\":\"C1\"},"
				 "{\"mac\":\"nonsense\",\"nam\":1},7,"
				 "{\"mac\":\"14:2d:27:00:00:02\",\"ip\":\"10.0.0.6\",\"host_name\":\"anns-phone\"},"
				 "{\"mac\":\"14:2d:27:00:00:03\",\"username\":\"cid\",\"host_name\":\"cids-phone\"}]}",
				 200);
	cr_assert(fixture.has_changed);
	api_fixture_expect_golden_json(answer, "bindings.json");
	bare = api_fixture_ask(&fixture, "POST", "/api/v1/bindings", "[]", 200);
	cr_assert_eq(json_array_size(json_object_get(bare, "data")), 0);
	api_fixture_clean(&fixture);
}

Test(api_write, bindings_describe_devices)
{
	static const struct mac_addr mac = {{0x14, 0x2d, 0x27, 0, 0, 1}};
	static const struct {
		const char *body, *host_name, *shown;
		bool is_named; /* the guest has logged in before */
	} cases[] = {
		{"[{\"mac\":\"" MAC "\",\"host_name\":\"phone\"}]", "phone", "phone", false},
		{"[{\"mac\":\"" MAC "\",\"device_description\":\"iPad\"}]", "iPad", "iPad", false},
		{"[{\"mac\":\"" MAC "\",\"host_name\":\"phone\",\"device_description\":\"iPad\"}]", "phone", "iPad",
		 false},
		{"[{\"mac\":\"" MAC "\",\"host_name\":null,\"device_description\":\"iPad\"}]", NULL, "iPad", false},
		{"[{\"mac\":\"" MAC "\",\"host_name\":null}]", NULL, NULL, false},
		{"[{\"mac\":\"" MAC "\",\"device_description\":null}]", NULL, NULL, false},
		{"[{\"mac\":\"" MAC "\"}]", "old", "old", false},
		{"[{\"mac\":\"" MAC "\",\"device_description\":\"iPad\"}]", "iPad", "iPad", true},
		{"[{\"mac\":\"" MAC "\",\"host_name\":\"phone\"}]", "phone", "said", true},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct api_fixture fixture;
		json_auto_t *answer = NULL;
		const char *host_name;
		json_t *item;

		api_fixture_init(&fixture, 0);
		cr_assert_eq(session_engine_name_device(fixture.engine, fixture.now, &mac, "old", &fixture.events), 0);
		api_fixture_packet(&fixture, MAC, "10.0.0.5", NOW_S);
		if (cases[i].is_named)
			json_decref(api_fixture_ask(&fixture, "POST", SESSIONS,
						    "{\"mac\":\"" MAC "\",\"username\":\"ann\","
						    "\"device_description\":\"said\"}",
						    201));
		answer = api_fixture_ask(&fixture, "POST", "/api/v1/bindings", cases[i].body, 200);
		item = json_array_get(json_object_get(answer, "data"), 0);
		cr_assert_eq(number_of(item, "status"), 200);
		host_name = session_engine_host_name(fixture.engine, &mac);
		cr_assert(host_name == cases[i].host_name ||
				  (host_name && cases[i].host_name && strcmp(host_name, cases[i].host_name) == 0),
			  "%s: %s", cases[i].body, host_name);
		item = json_object_get(item, "session");
		if (cases[i].shown)
			expect_text(item, "guest_device_description", cases[i].shown);
		else
			expect_null(item, "guest_device_description");
		cr_assert_eq(json_is_null(json_object_get(item, "username")), 0);
		api_fixture_clean(&fixture);
	}
}

/* A device that is nobody yet has a name, and no session. */
Test(api_write, bindings_of_absent_devices)
{
	struct api_fixture fixture;
	json_auto_t *answer = NULL;

	api_fixture_init(&fixture, 0);
	answer = api_fixture_ask(&fixture, "POST", "/api/v1/bindings",
				 "[{\"mac\":\"" MAC "\",\"host_name\":\"phone\"}]", 200);
	expect_null(json_array_get(json_object_get(answer, "data"), 0), "session");
	api_fixture_expect(&fixture, SESSIONS "/count", 200, "{\"count\":0}");
	api_fixture_clean(&fixture);
}
