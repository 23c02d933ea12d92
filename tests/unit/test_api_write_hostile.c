/* SPDX-License-Identifier: MIT */
/*
 * Bodies that no portal should send: each gets an answer that says what is wrong and where, and changes nothing. What
 * a body says is checked at its bounds on both sides.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/api_fixture.h"

#define SESSIONS "/api/v1/sessions"
#define MAC "14:2d:27:00:00:01"
#define ABSENT "14:2d:27:00:00:77"

struct scene {
	struct api_fixture fixture;
	char path[64]; /* of a session on line */
	size_t n_changes;
	size_t n_events;
};

/* Everything that a refused request could have touched. */
static size_t count_changes(const struct api_fixture *fixture)
{
	struct session_change *sessions = NULL;
	struct login_save *logins = NULL;
	size_t n_sessions = 0, n_logins = 0, sum = 0;

	cr_assert_eq(session_engine_changed(fixture->engine, SESSION_SCOPE_ALL, &sessions, &n_sessions), 0);
	cr_assert_eq(session_engine_changed_logins(fixture->engine, &logins, &n_logins), 0);
	for (size_t i = 0; i < n_sessions; i++)
		sum += sessions[i].version;
	for (size_t i = 0; i < n_logins; i++)
		sum += 1000 * logins[i].version;
	session_changes_free(sessions, n_sessions);
	login_saves_free(logins, n_logins);
	return sum + 1000000 * guest_register_size(fixture->guests);
}

static void scene_init(struct scene *scene)
{
	json_auto_t *session = NULL;

	api_fixture_init(&scene->fixture, 0);
	api_fixture_packet(&scene->fixture, MAC, "10.0.0.5", NOW_S);
	session = api_fixture_ask(&scene->fixture, "POST", SESSIONS, "{\"mac\":\"" MAC "\",\"username\":\"ann\"}", 201);
	snprintf(scene->path, sizeof(scene->path), SESSIONS "/%s", json_string_value(json_object_get(session, "id")));
	scene->n_changes = count_changes(&scene->fixture);
	scene->n_events = scene->fixture.events.n_items;
}

static void scene_clean(struct scene *scene)
{
	api_fixture_clean(&scene->fixture);
}

/* Sends, expects the status, and that nothing has changed. The answer; the caller frees. */
static json_t *refused(struct scene *scene, const char *method, const char *target, const char *body, int status)
{
	json_t *answer = api_fixture_ask(&scene->fixture, method, target, body, status);

	cr_assert(!scene->fixture.has_changed, "%s", body);
	cr_assert_eq(count_changes(&scene->fixture), scene->n_changes, "%s has changed something", body);
	cr_assert_eq(scene->fixture.events.n_items, scene->n_events, "%s has changed something", body);
	cr_assert(json_is_string(json_object_get(answer, "message")), "%s", body);
	return answer;
}

/* ... that the only field that is wrong is this one. */
static void expect_wrong(struct scene *scene, const char *method, const char *target, const char *body,
			 const char *field)
{
	json_auto_t *answer = refused(scene, method, target, body, 422);
	json_t *errors = json_object_get(answer, "errors");

	cr_assert(json_is_array(json_object_get(errors, field)), "%s: no error on %s in %s", body, field,
		  json_string_value(json_object_get(answer, "message")));
	cr_assert_eq(json_object_size(errors), 1, "%s: %s", body,
		     json_string_value(json_object_get(answer, "message")));
}

static char *repeat(const char *head, const char *text, size_t n_times, const char *tail)
{
	const size_t length = strlen(text);
	char *body = malloc(strlen(head) + length * n_times + strlen(tail) + 1);
	char *end = body;

	cr_assert(body != NULL);
	end = stpcpy(end, head);
	for (size_t i = 0; i < n_times; i++)
		end = stpcpy(end, text);
	stpcpy(end, tail);
	return body;
}

Test(api_write_hostile, what_is_no_json_is_a_400)
{
	static const char *const bodies[] = {
		"",
		" ",
		"{",
		"}",
		"{\"mac\"}",
		"{\"mac\":}",
		"{\"mac\":\"" ABSENT "\"",
		"{\"mac\":\"" ABSENT "\",}",
		"{\"mac\":\"" ABSENT "\"} trailing",
		"{\"mac\":\"" ABSENT "\"}{}",
		"{'mac':'" ABSENT "'}",
		"mac=" ABSENT,
		"<mac/>",
		"nul",
		"{\"mac\":\"" ABSENT "\",\"mac\":\"" ABSENT "\"}",
		"{\"mac\":\"" ABSENT "\",\"limits\":{\"max_bytes_up\":1,\"max_bytes_up\":2}}",
		/* a NUL, lone surrogates, no UTF-8 (overlong, cut off, surrogate, beyond the last), a raw control */
		"{\"mac\":\"" ABSENT "\",\"name\":\"a\\u0000b\"}",
		"{\"mac\":\"" ABSENT "\",\"name\":\"\\ud800\"}",
		"{\"mac\":\"" ABSENT "\",\"name\":\"\\udc00\\ud800\"}",
		"{\"mac\":\"" ABSENT "\",\"name\":\"\xff\"}",
		"{\"mac\":\"" ABSENT "\",\"name\":\"\xc0\xaf\"}",
		"{\"mac\":\"" ABSENT "\",\"name\":\"\xc3\"}",
		"{\"mac\":\"" ABSENT "\",\"name\":\"\xed\xa0\x80\"}",
		"{\"mac\":\"" ABSENT "\",\"name\":\"\xf4\x90\x80\x80\"}",
		"{\"mac\":\"" ABSENT "\",\"name\":\"a\tb\"}",
		"{\"mac\":\"" ABSENT "\",\"\xff\":1}",
		"{\"mac\":\"" ABSENT "\",\"limits\":{\"max_bytes_up\":1e999}}",
		"{\"mac\":\"" ABSENT "\",\"limits\":{\"max_bytes_up\":01}}",
		"{\"mac\":\"" ABSENT "\",\"limits\":{\"max_bytes_up\":NaN}}",
		"\xef\xbb\xbf{\"mac\":\"" ABSENT "\"}",
	};
	struct scene scene;

	scene_init(&scene);
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		json_decref(refused(&scene, "POST", SESSIONS, bodies[i], 400));
		json_decref(refused(&scene, "POST", "/api/v1/bindings", bodies[i], 400));
		json_decref(refused(&scene, "PATCH", scene.path, bodies[i], 400));
		json_decref(refused(&scene, "POST", "/api/v1/logout", bodies[i], 400));
		json_decref(refused(&scene, "POST", "/api/v1/lost", bodies[i], 400));
	}
	scene_clean(&scene);
}

/* People read it: nothing of the library's flags and functions. */
Test(api_write_hostile, why_it_is_no_json_is_said_in_words)
{
	static const char *const bodies[] = {"{\"name\":\"a\\u0000b\"}", "{\"a\\u0000b\":1}",  "{\"name\":\"a\tb\"}",
					     "{\"mac\":1,\"mac\":1}",    "{\"limits\":1e999}", "{"};
	struct scene scene;

	scene_init(&scene);
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		json_auto_t *answer = refused(&scene, "POST", SESSIONS, bodies[i], 400);
		const char *message = json_string_value(json_object_get(answer, "message"));

		cr_assert(strncmp(message, "The body is not valid JSON: ", 28) == 0, "%s", message);
		cr_assert_not(strstr(message, "JSON_") || strstr(message, "json_") || strstr(message, "NUL"), "%s",
			      message);
		if (i < 2)
			cr_assert(strstr(message, "a string cannot have the character \\u0000 (line 1, "), "%s",
				  message);
	}
	scene_clean(&scene);
}

Test(api_write_hostile, a_nul_octet_ends_no_body)
{
	static const char body[] = "{\"mac\":\"" ABSENT "\"}\0garbage";
	struct scene scene;
	struct http_response response;

	scene_init(&scene);
	scene.fixture.request.method = "POST";
	scene.fixture.request.authorization = "Bearer other-secret";
	scene.fixture.request.body = body;
	scene.fixture.request.body_length = sizeof(body) - 1;
	response = api_fixture_get(&scene.fixture, SESSIONS);
	cr_assert_eq(response.status, 400, "%s", response.body);
	http_response_clean(&response);
	scene_clean(&scene);
}

Test(api_write_hostile, nesting_without_end)
{
	CLEANUP_FREE char *arrays = repeat("", "[", 30000, "");
	CLEANUP_FREE char *closed = repeat("{\"mac\":\"" ABSENT "\",\"name\":[[[[[[[[[[", "[", 1000, "");
	CLEANUP_FREE char *objects = repeat("", "{\"limits\":", 6000, "");
	CLEANUP_FREE char *half = repeat("{\"mac\":\"" ABSENT "\",\"name\":", "[", 1000, "");
	CLEANUP_FREE char *deep = repeat(half, "]", 1000, "}");
	struct scene scene;

	scene_init(&scene);
	json_decref(refused(&scene, "POST", SESSIONS, arrays, 400));
	json_decref(refused(&scene, "POST", SESSIONS, closed, 400));
	json_decref(refused(&scene, "POST", SESSIONS, objects, 400));
	expect_wrong(&scene, "POST", SESSIONS, deep, "name");
	scene_clean(&scene);
}

/* What may stand behind a MAC, and what is wrong with it. */
static const struct {
	const char *rest, *field;
} wrong_fields[] = {
	{"\"ip\":\"10.0.0\"", "ip"},
	{"\"ip\":\"10.0.0.256\"", "ip"},
	{"\"ip\":\"[2001:db8::1]\"", "ip"},
	{"\"ip\":\"fe80::1%eth0\"", "ip"},
	{"\"ip\":\"0.0.0.0\"", "ip"},
	{"\"ip\":\"::\"", "ip"},
	{"\"ip\":\"127.0.0.1\"", "ip"},
	{"\"ip\":\"255.255.255.255\"", "ip"},
	{"\"ip\":\"ff02::1\"", "ip"},
	{"\"ip\":7", "ip"},
	{"\"username\":7", "username"},
	{"\"name\":true", "name"},
	{"\"email\":{}", "email"},
	{"\"guest_id\":[]", "guest_id"},
	{"\"yas_id\":1.5", "yas_id"},
	{"\"access_code\":123456", "access_code"},
	{"\"login_type_name\":false", "login_type_name"},
	{"\"service_profile_name\":[\"x\"]", "service_profile_name"},
	{"\"location_id\":{\"x\":1}", "location_id"},
	{"\"device_description\":0", "device_description"},
	{"\"external_id\":-1", "external_id"},
	/* C0, DEL and C1, escaped and as they are */
	{"\"name\":\"a\\nb\"", "name"},
	{"\"name\":\"\\u001b[31m\"", "name"},
	{"\"name\":\"\\u007f\"", "name"},
	{"\"name\":\"\x7f\"", "name"},
	{"\"name\":\"\\u0080\"", "name"},
	{"\"name\":\"\xc2\x9f\"", "name"},
	{"\"external_id\":\"\\t\"", "external_id"},
	{"\"limits\":7", "limits"},
	{"\"limits\":\"unlimited\"", "limits"},
	{"\"limits\":[1]", "limits"},
	{"\"limits\":{\"session_timeout_s\":\"60\"}", "limits.session_timeout_s"},
	{"\"limits\":{\"session_timeout_s\":-1}", "limits.session_timeout_s"},
	{"\"limits\":{\"session_timeout_s\":1.5}", "limits.session_timeout_s"},
	{"\"limits\":{\"session_timeout_s\":4294967296.0}", "limits.session_timeout_s"},
	{"\"limits\":{\"session_timeout_s\":4294967296}", "limits.session_timeout_s"},
	{"\"limits\":{\"idle_timeout_s\":9223372037}", "limits.idle_timeout_s"},
	{"\"limits\":{\"idle_timeout_s\":true}", "limits.idle_timeout_s"},
	{"\"limits\":{\"max_bytes_total\":9223372036854775808}", "limits.max_bytes_total"},
	{"\"limits\":{\"max_bytes_total\":99999999999999999999999,\"idle_timeout_s\":5}", "limits.max_bytes_total"},
	{"\"limits\":{\"max_bytes_down\":-9223372036854775808}", "limits.max_bytes_down"},
	{"\"limits\":{\"max_bytes_down\":-9223372036854775809}", "limits.max_bytes_down"},
	{"\"limits\":{\"max_bytes_up\":9007199254740992.0}", "limits.max_bytes_up"},
	{"\"limits\":{\"max_bytes_up\":{}}", "limits.max_bytes_up"},
	{"\"limits\":{\"max_bytes\":1}", "limits.max_bytes"},
	{"\"limits\":{\"\":1}", "limits."},
	{"\"id\":\"FGb78eHFodg\"", "id"},
	{"\"start_time\":null", "start_time"},
	{"\"MAC\":\"x\"", "MAC"},
	{"\"mac \":\"x\"", "mac "},
	{"\"host_name\":\"x\"", "host_name"},
	{"\"reason\":\"x\"", "reason"},
	{"\"\":1", ""},
	{"\"\xc3\xa9\":99999999999999999999", "\xc3\xa9"},
};

Test(api_write_hostile, wrong_fields_are_named)
{
	struct scene scene;

	scene_init(&scene);
	for (size_t i = 0; i < ARRAY_LENGTH(wrong_fields); i++) {
		char body[256];
		json_auto_t *answer = NULL;
		json_t *item;

		snprintf(body, sizeof(body), "{\"mac\":\"" ABSENT "\",%s}", wrong_fields[i].rest);
		expect_wrong(&scene, "POST", SESSIONS, body, wrong_fields[i].field);
		if (strcmp(wrong_fields[i].field, "host_name") == 0)
			continue;
		/* in a list each item has its own answer */
		snprintf(body, sizeof(body), "[{\"mac\":\"" ABSENT "\",%s}]", wrong_fields[i].rest);
		answer = api_fixture_ask(&scene.fixture, "POST", "/api/v1/bindings", body, 200);
		item = json_array_get(json_object_get(answer, "data"), 0);
		cr_assert_eq(json_integer_value(json_object_get(item, "status")), 422, "%s", body);
		cr_assert(json_object_get(json_object_get(item, "errors"), wrong_fields[i].field) != NULL, "%s", body);
		cr_assert_eq(count_changes(&scene.fixture), scene.n_changes, "%s", body);
	}
	scene_clean(&scene);
}

/* A misspelt profile must not be one without limits. */
Test(api_write_hostile, profiles_that_are_not_configured)
{
	static const struct profile profiles[] = {{.name = "60 minutes"}, {.name = "gold"}};
	static const char *const unknown[] = {"Gold", "gold ", "60 minute", "\xc3\xa9"};
	CLEANUP_FREE char *too_long = repeat("{\"mac\":\"" ABSENT "\",\"service_profile_name\":\"", "x", 256, "\"}");
	struct scene scene;
	json_auto_t *answer = NULL;
	char body[160];

	scene_init(&scene);
	scene.fixture.api.profiles = profiles;
	scene.fixture.api.n_profiles = ARRAY_LENGTH(profiles);
	for (size_t i = 0; i < ARRAY_LENGTH(unknown); i++) {
		snprintf(body, sizeof(body), "{\"mac\":\"" ABSENT "\",\"service_profile_name\":\"%s\"}", unknown[i]);
		expect_wrong(&scene, "POST", SESSIONS, body, "service_profile_name");
		snprintf(body, sizeof(body), "{\"limits\":null,\"service_profile_name\":\"%s\"}", unknown[i]);
		expect_wrong(&scene, "PATCH", scene.path, body, "service_profile_name");
	}
	answer = refused(&scene, "POST", SESSIONS, "{\"mac\":\"" ABSENT "\",\"service_profile_name\":\"Gold\"}", 422);
	cr_assert_str_eq(
		json_string_value(json_object_get(answer, "message")),
		"The service_profile_name \"Gold\" is not configured; name a profile of the configuration, or none.");
	json_decref(answer);
	/* what is no name at all has no second error for it */
	answer = refused(&scene, "POST", SESSIONS, too_long, 422);
	cr_assert_eq(json_array_size(json_object_get(json_object_get(answer, "errors"), "service_profile_name")), 1);
	json_decref(answer);
	/* the items beside it are carried out */
	answer = api_fixture_ask(&scene.fixture, "POST", "/api/v1/bindings",
				 "[{\"mac\":\"" ABSENT "\",\"service_profile_name\":\"Gold\"},"
				 "{\"mac\":\"14:2d:27:00:00:78\",\"service_profile_name\":\"gold\"},"
				 "{\"mac\":\"14:2d:27:00:00:79\",\"service_profile_name\":\"\"}]",
				 200);
	for (size_t i = 0; i < 3; i++) {
		json_t *item = json_array_get(json_object_get(answer, "data"), i);

		cr_assert_eq(json_integer_value(json_object_get(item, "status")), i == 0 ? 422 : 201, "item %zu", i);
	}
	scene_clean(&scene);
}

Test(api_write_hostile, what_is_no_device)
{
	static const char *const bodies[] = {
		"{}",
		"{\"mac\":null}",
		"{\"mac\":\"\"}",
		"{\"mac\":7}",
		"{\"mac\":[\"14:2d:27:00:00:77\"]}",
		"{\"mac\":\"14:2d:27:00:00\"}",
		"{\"mac\":\"14:2d:27:00:00:01:02\"}",
		"{\"mac\":\"00:00:00:00:00:00\"}",
		"{\"mac\":\"ff:ff:ff:ff:ff:ff\"}",
		"{\"mac\":\"01:00:5e:00:00:01\"}",
		"{\"mac\":\"3333.0000.0001\"}",
	};
	struct scene scene;

	scene_init(&scene);
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		expect_wrong(&scene, "POST", SESSIONS, bodies[i], "mac");
		expect_wrong(&scene, "POST", "/api/v1/logout", bodies[i], "mac");
		expect_wrong(&scene, "POST", "/api/v1/lost", bodies[i], "mac");
	}
	scene_clean(&scene);
}

Test(api_write_hostile, bodies_of_the_other_calls)
{
	static const struct {
		const char *method, *target, *body, *field; /* target NULL: the session's */
	} cases[] = {
		{"PATCH", NULL, "{\"mac\":\"" MAC "\"}", "mac"},
		{"PATCH", NULL, "{\"ip\":\"10.0.0.7\"}", "ip"},
		{"PATCH", NULL, "{\"external_id\":\"x\"}", "external_id"},
		{"PATCH", NULL, "{\"name\":\"x\",\"location_id\":\"x\"}", "location_id"},
		{"PATCH", NULL, "{\"name\":\"x\",\"limits\":{\"max_bytes_up\":-1}}", "limits.max_bytes_up"},
		{"PATCH", NULL, "[]", "body"},
		{"POST", SESSIONS, "[]", "body"},
		{"POST", SESSIONS, "null", "body"},
		{"POST", SESSIONS, "\"" ABSENT "\"", "body"},
		{"POST", SESSIONS, "7", "body"},
		{"POST", SESSIONS "?raw=2", "{\"mac\":\"" ABSENT "\"}", "raw"},
		{"POST", SESSIONS "?details[]=1", "{\"mac\":\"" ABSENT "\"}", "details"},
		{"POST", "/api/v1/logout", "{\"mac\":\"" MAC "\",\"ip\":\"10.0.0.5\"}", "mac"},
		{"POST", "/api/v1/logout", "{\"mac\":\"" MAC "\",\"id\":\"x\"}", "mac"},
		{"POST", "/api/v1/logout", "{\"reason\":\"x\"}", "mac"},
		{"POST", "/api/v1/logout", "{\"ip\":\"bogus\"}", "ip"},
		{"POST", "/api/v1/logout", "{\"id\":5}", "id"},
		{"POST", "/api/v1/logout", "{\"mac\":\"" MAC "\",\"reason\":5}", "reason"},
		{"POST", "/api/v1/logout", "{\"mac\":\"" MAC "\",\"username\":\"ann\"}", "username"},
		{"POST", "/api/v1/lost", "{\"mac\":\"" MAC "\",\"reason\":\"x\"}", "reason"},
		{"POST", "/api/v1/lost", "{\"mac\":\"" MAC "\",\"interface\":1}", "interface"},
		{"POST", "/api/v1/bindings", "{}", "bindings"},
		{"POST", "/api/v1/bindings", "7", "bindings"},
		{"POST", "/api/v1/bindings", "{\"bindings\":{}}", "bindings"},
		{"POST", "/api/v1/bindings", "{\"bindings\":[{\"mac\":\"" ABSENT "\"}],\"x\":1}", "x"},
		{"POST", "/api/v1/bindings?raw=x", "[{\"mac\":\"" ABSENT "\"}]", "raw"},
	};
	static const struct {
		const char *body, *field;
	} disconnects[] = {{"[]", "body"}, {"{\"cause\":\"x\"}", "cause"}, {"{\"reason\":{}}", "reason"}};
	struct scene scene;
	char path[128];

	scene_init(&scene);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		expect_wrong(&scene, cases[i].method, cases[i].target ? cases[i].target : scene.path, cases[i].body,
			     cases[i].field);
	snprintf(path, sizeof(path), "%s/disconnect", scene.path);
	for (size_t i = 0; i < ARRAY_LENGTH(disconnects); i++)
		expect_wrong(&scene, "POST", path, disconnects[i].body, disconnects[i].field);
	/* too long, in octets and not in characters; a name of 10 kB is no answer of 10 kB */
	for (size_t n = 256; n < 20000; n += 9744) {
		CLEANUP_FREE char *reason = repeat("{\"reason\":\"", "x", n, "\"}");
		CLEANUP_FREE char *name = repeat("{\"name\":\"", "\xc3\xa9", n / 2, "\"}");
		CLEANUP_FREE char *key = repeat("{\"", "\xc3\xa9", n, "\":1}");
		json_auto_t *answer = refused(&scene, "PATCH", scene.path, key, 422);

		expect_wrong(&scene, "POST", path, reason, "reason");
		expect_wrong(&scene, "PATCH", scene.path, name, "name");
		cr_assert_lt(strlen(json_string_value(json_object_get(answer, "message"))), 200);
	}
	scene_clean(&scene);
}

/* What is just right is taken. */
Test(api_write_hostile, bounds_from_within)
{
	CLEANUP_FREE char *name = repeat("{\"mac\":\"" ABSENT "\",\"name\":\"x", "\xc3\xa9", 127,
					 "\",\"limits\":{\"session_timeout_s\":4294967295,\"idle_timeout_s\":0,"
					 "\"max_bytes_total\":9223372036854775807,\"max_bytes_up\":1.5e3}}");
	CLEANUP_FREE char *items = repeat("[{\"mac\":\"" ABSENT "\"}", ",{\"mac\":\"" ABSENT "\"}", 99, "]");
	CLEANUP_FREE char *too_many = repeat("[{\"mac\":\"" ABSENT "\"}", ",{\"mac\":\"" ABSENT "\"}", 100, "]");
	struct scene scene;
	json_auto_t *session = NULL;
	json_auto_t *answer = NULL;
	json_t *limits;

	scene_init(&scene);
	expect_wrong(&scene, "POST", "/api/v1/bindings", too_many, "bindings");
	session = api_fixture_ask(&scene.fixture, "POST", SESSIONS "?details=1", name, 201);
	cr_assert_eq(json_string_length(json_object_get(session, "name")), 255);
	limits = json_object_get(session, "limits");
	cr_assert_eq(json_integer_value(json_object_get(limits, "session_timeout_s")), 4294967295);
	cr_assert_eq(json_integer_value(json_object_get(limits, "max_bytes_total")), INT64_MAX);
	/* a whole number is one in each of JSON's spellings, as far as that is exact */
	cr_assert_eq(json_integer_value(json_object_get(limits, "max_bytes_up")), 1500);
	answer = api_fixture_ask(&scene.fixture, "POST", "/api/v1/bindings", items, 200);
	cr_assert_eq(json_array_size(json_object_get(answer, "data")), 100);
	/* the device comes, with limits so large: nothing of them may overflow */
	api_fixture_packet(&scene.fixture, ABSENT, "10.0.0.77", NOW_S + 1);
	session_engine_tick(scene.fixture.engine, api_fixture_at(NOW_S + 1), &scene.fixture.events);
	cr_assert_eq(session_engine_n_online(scene.fixture.engine), 2);
	/* format characters, other scripts and what looks like an escape are text */
	json_decref(api_fixture_ask(&scene.fixture, "PATCH", scene.path,
				    "{\"name\":\"\\ud83d\\ude00 \\u00a0%s'\\\"\\\\;--\",\"email\":\"\"}", 200));
	scene_clean(&scene);
}

Test(api_write_hostile, all_that_is_wrong_is_said_at_once)
{
	struct scene scene;
	json_auto_t *answer = NULL;

	scene_init(&scene);
	answer = refused(&scene, "POST", SESSIONS "?raw=x",
			 "{\"zz\":1,\"ip\":\"x\",\"name\":\"\\u0001\",\"limits\":{\"max_bytes_up\":-1,\"yy\":2}}", 422);
	api_fixture_expect_golden_json(answer, "login_errors.json");
	scene_clean(&scene);
}

Test(api_write_hostile, types_of_content)
{
	static const struct {
		const char *type;
		int status;
	} cases[] = {
		{NULL, 200},
		{"application/json", 200},
		{"Application/JSON; charset=utf-8", 200},
		{"application/json ;charset=utf-8", 200},
		{"", 415},
		{"application/jsonp", 415},
		{"application/x-www-form-urlencoded", 415},
		{"text/plain", 415},
		{"multipart/form-data; boundary=application/json", 415},
	};
	struct scene scene;
	char path[128];

	scene_init(&scene);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		scene.fixture.request.content_type = cases[i].type;
		json_decref(api_fixture_ask(&scene.fixture, "POST", SESSIONS,
					    "{\"mac\":\"" MAC "\",\"username\":\"ann\"}", cases[i].status));
	}
	/* where there is no body it has no type, whatever a client says */
	snprintf(path, sizeof(path), "%s/disconnect", scene.path);
	json_decref(api_fixture_ask(&scene.fixture, "POST", path, NULL, 202));
	scene_clean(&scene);
}

/* A body of a request that has none by its method is not looked at. */
Test(api_write_hostile, bodies_where_none_belongs)
{
	struct scene scene;

	scene_init(&scene);
	scene.fixture.request.content_type = "text/plain";
	json_decref(api_fixture_ask(&scene.fixture, "GET", SESSIONS, "{\"per_page\":0,", 200));
	cr_assert(api_fixture_ask(&scene.fixture, "DELETE", scene.path, "nonsense", 204) == NULL);
	scene_clean(&scene);
}

Test(api_write_hostile, every_octet_in_a_text)
{
	struct scene scene;

	scene_init(&scene);
	for (unsigned int first = 1; first < 256; first++) {
		for (unsigned int second = 1; second < 256; second++) {
			char body[64];
			struct http_response response;
			json_auto_t *answer = NULL;

			snprintf(body, sizeof(body), "{\"name\":\"%c%c\"}", (int)first, (int)second);
			response = api_fixture_send(&scene.fixture, "PATCH", scene.path, body);
			answer = json_loads(response.body, 0, NULL);
			cr_assert(answer &&
					  (response.status == 200 || response.status == 400 || response.status == 422),
				  "%02x %02x: %d", first, second, response.status);
			http_response_clean(&response);
		}
	}
	scene_clean(&scene);
}

/* Each body cut after each octet is no JSON. */
Test(api_write_hostile, every_truncation)
{
	static const char whole[] = "{\"mac\":\"" ABSENT "\",\"name\":\"\xf0\x9f\x98\x80\\ud83d\\ude00\","
				    "\"limits\":{\"max_bytes_up\":12}}";
	struct scene scene;

	scene_init(&scene);
	for (size_t length = 0; length < strlen(whole); length++) {
		CLEANUP_FREE char *body = strndup(whole, length);

		json_decref(refused(&scene, "POST", SESSIONS, body, 400));
	}
	scene_clean(&scene);
}
