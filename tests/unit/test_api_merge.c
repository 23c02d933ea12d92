/* SPDX-License-Identifier: MIT */
/*
 * A listing is merged from the store's rows and from sessions that memory knows better. Here both are random, and
 * every page is compared with one plain sorted list.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit/api_fixture.h"

#define N_SEEDS 400
#define SESSIONS_MAX 80

/* One session as both sides should agree on it. */
struct truth {
	uint64_t seq;
	int64_t start_s;
	bool is_online;
};

struct world {
	struct api_fixture fixture;
	struct truth sessions[SESSIONS_MAX];
	size_t n_sessions;
	uint64_t random; /* xorshift64 (Marsaglia, 2003) */
};

static uint64_t draw(struct world *world, uint64_t n)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return world->random % n;
}

static void add_truth(struct world *world, uint64_t seq, int64_t start_s, bool is_online)
{
	cr_assert_lt(world->n_sessions, SESSIONS_MAX);
	world->sessions[world->n_sessions++] = (struct truth){seq, start_s, is_online};
}

/* Starts are few, so that many are equal and numbers decide. */
static int64_t draw_start(struct world *world)
{
	return START_S + (int64_t)draw(world, 12);
}

/* What the store has of a session that memory knows better: another start, another state. Nobody may see it. */
static void store_stale(struct world *world, uint64_t seq)
{
	struct session_record *row = api_fixture_store(&world->fixture, seq, draw_start(world));

	if (draw(world, 2))
		row->cause = END_CAUSE_NONE;
}

static void add_stored(struct world *world, uint64_t seq)
{
	int64_t start_s = draw_start(world);
	bool is_online = draw(world, 4) == 0;
	struct session_record record = api_fixture_record(seq, start_s, NULL);

	if (is_online)
		api_fixture_resume(&world->fixture, &record);
	else
		api_fixture_store(&world->fixture, seq, start_s);
	add_truth(world, seq, start_s, is_online);
}

static void add_unsaved(struct world *world, uint64_t seq)
{
	int64_t start_s = draw_start(world);
	bool is_online = draw(world, 2) == 0;
	char mac[MAC_TEXT_SIZE];
	char ip[IP_TEXT_SIZE];

	snprintf(mac, sizeof(mac), "02:00:00:00:00:%02x", (unsigned int)seq);
	snprintf(ip, sizeof(ip), "10.0.0.%u", (unsigned int)seq);
	api_fixture_packet(&world->fixture, mac, ip, start_s);
	if (!is_online)
		cr_assert_eq(session_engine_end(world->fixture.engine, seq, api_fixture_at(start_s + 1),
						END_CAUSE_USER_REQUEST, &world->fixture.events),
			     0);
	if (draw(world, 2))
		store_stale(world, seq);
	add_truth(world, seq, start_s, is_online);
}

static void world_init(struct world *world, uint64_t seed)
{
	size_t n_stored;
	size_t n_unsaved;

	*world = (struct world){.random = seed * 0x9e3779b97f4a7c15u + 1};
	api_fixture_init(&world->fixture, 0);
	n_stored = draw(world, SESSIONS_MAX / 2);
	n_unsaved = draw(world, 3) == 0 ? 0 : draw(world, SESSIONS_MAX / 2);
	/* the engine goes on counting after the numbers of the store */
	for (uint64_t seq = 1; seq <= n_stored; seq++)
		add_stored(world, seq);
	session_engine_free(&world->fixture.engine);
	cr_assert_eq(session_engine_new(&(struct session_rules){.idle_timeout_ns = NS_PER_S}, n_stored + 1,
					&world->fixture.engine),
		     0);
	world->fixture.api.engine = world->fixture.engine;
	for (uint64_t seq = n_stored + 1; seq <= n_stored + n_unsaved; seq++)
		add_unsaved(world, seq);
}

static bool comes_first(const struct truth *a, const struct truth *b)
{
	return a->start_s != b->start_s ? a->start_s < b->start_s : a->seq < b->seq;
}

/* The whole listing in order; the number of sessions in it. */
static size_t brute_force(const struct world *world, const bool *is_online, bool is_newest_first,
			  const struct truth **list)
{
	size_t n = 0;

	for (size_t i = 0; i < world->n_sessions; i++) {
		const struct truth *session = &world->sessions[i];
		size_t place = n;

		if (is_online && *is_online != session->is_online)
			continue;
		for (; place > 0 && comes_first(session, list[place - 1]) != is_newest_first; place--)
			list[place] = list[place - 1];
		list[place] = session;
		n++;
	}
	return n;
}

static void expect_page(struct world *world, const char *filter, size_t per_page, size_t page,
			const struct truth *const *list, size_t n_list)
{
	char target[256];
	struct http_response response;
	json_auto_t *answer = NULL;
	json_t *data;
	size_t first = per_page * (page - 1);
	size_t n_expected = first >= n_list ? 0 : n_list - first < per_page ? n_list - first : per_page;
	bool has_next = first + per_page < n_list;

	snprintf(target, sizeof(target), "/api/v1/sessions?%sper_page=%zu&page=%zu", filter, per_page, page);
	response = api_fixture_get(&world->fixture, target);
	answer = json_loads(response.body, 0, NULL);
	data = json_object_get(answer, "data");
	cr_assert_eq(json_array_size(data), n_expected, "%s: %s", target, response.body);
	for (size_t i = 0; i < n_expected; i++) {
		const char *id = json_string_value(json_object_get(json_array_get(data, i), "id"));
		uint64_t seq = 0;

		cr_assert_eq(public_id_parse(&world->fixture.api.id_key, id, &seq), 0);
		cr_assert_eq(seq, list[first + i]->seq, "%s: place %zu", target, i);
	}
	cr_assert_eq(!json_is_null(json_object_get(json_object_get(answer, "links"), "next")), has_next, "%s", target);
	http_response_clean(&response);
}

static void expect_count(struct world *world, const char *filter, size_t count)
{
	char target[128];
	char body[64];

	snprintf(target, sizeof(target), "/api/v1/sessions/count?%s", filter);
	snprintf(body, sizeof(body), "{\"count\":%zu}", count);
	api_fixture_expect(&world->fixture, target, 200, body);
}

static void check_world(struct world *world)
{
	static const bool yes = true;
	static const bool no = false;
	static const struct {
		const char *filter;
		const bool *is_online;
		bool is_newest_first;
	} listings[] = {
		{"", NULL, false},
		{"last_session_first=1&", NULL, true},
		{"online=1&", &yes, false},
		{"online=0&last_session_first=true&", &no, true},
	};
	const struct truth *list[SESSIONS_MAX];

	for (size_t i = 0; i < ARRAY_LENGTH(listings); i++) {
		size_t n_list = brute_force(world, listings[i].is_online, listings[i].is_newest_first, list);
		size_t per_page = 1 + draw(world, draw(world, 2) ? 8 : 100);

		for (size_t page = 1; page <= n_list / per_page + 3; page++)
			expect_page(world, listings[i].filter, per_page, page, list, n_list);
		expect_count(world, listings[i].filter, n_list);
	}
}

Test(api_merge, every_page_is_a_slice_of_one_list)
{
	static struct world world;

	for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
		world_init(&world, seed);
		check_world(&world);
		api_fixture_clean(&world.fixture);
	}
}

Test(api_merge, the_store_is_asked_for_no_more_than_needed)
{
	struct api_fixture fixture;
	char mac[MAC_TEXT_SIZE];

	api_fixture_init(&fixture, 0);
	for (unsigned int i = 0; i < 7; i++) {
		snprintf(mac, sizeof(mac), "02:00:00:00:00:%02x", i);
		api_fixture_packet(&fixture, mac, "10.0.0.1", START_S);
	}
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?per_page=2&page=9", (const uint64_t[]){0});
	cr_assert_eq(fixture.last_query.offset, 16 - 7);
	cr_assert_eq(fixture.last_query.limit, 2 + 1 + 7);
	cr_assert_eq(fixture.last_query.n_excluded, 7);
	/* what does not match is left out by the store, but shifts no page */
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?per_page=2&page=9&online=0", (const uint64_t[]){0});
	cr_assert_eq(fixture.last_query.offset, 16);
	cr_assert_eq(fixture.last_query.limit, 2 + 1);
	cr_assert_eq(fixture.last_query.n_excluded, 7);
	/* no page number is too large */
	api_fixture_expect_seqs(&fixture, "/api/v1/sessions?per_page=100&page=9223372036854775807",
				(const uint64_t[]){0});
	cr_assert_leq(fixture.last_query.offset, INT64_MAX / 2 + 1);
	cr_assert_leq(fixture.last_query.limit, 100 + 1 + 7);
	api_fixture_clean(&fixture);
}
