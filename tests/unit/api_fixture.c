/* SPDX-License-Identifier: MIT */
#include "unit/api_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/calendar.h"

#define BOOT_S INT64_C(1483000000)

struct instant api_fixture_at(int64_t wall_s)
{
	return (struct instant){.mono_ns = (wall_s - BOOT_S) * NS_PER_S, .wall_ns = wall_s * NS_PER_S};
}

static int64_t offset_at(const struct api_fixture_zone *zone, int64_t wall_s)
{
	return wall_s < zone->change_s ? zone->offset_s : zone->later_offset_s;
}

static struct zone_time to_local(void *context, int64_t wall_s)
{
	return calendar_from_unix(wall_s + offset_at(context, wall_s));
}

static int64_t day_start(void *context, int year, int month, int day)
{
	const struct zone_time midnight = {.year = year, .month = month, .day = day};
	const struct api_fixture_zone *zone = context;
	int64_t as_utc_s = calendar_to_unix(&midnight);

	return as_utc_s - offset_at(zone, as_utc_s - zone->offset_s);
}

static bool check_token(void *context, const char *secret, struct token_grant *out)
{
	(void)context;
	if (strcmp(secret, "read-secret") == 0)
		*out = (struct token_grant){"reader", TOKEN_SCOPE_READ};
	else if (strcmp(secret, "other-secret") == 0)
		*out = (struct token_grant){"other", TOKEN_SCOPE_READ | TOKEN_SCOPE_WRITE};
	else if (strcmp(secret, "write-secret") == 0)
		*out = (struct token_grant){"writer", TOKEN_SCOPE_WRITE};
	else if (strcmp(secret, "metrics-secret") == 0)
		*out = (struct token_grant){"prometheus", TOKEN_SCOPE_METRICS};
	else
		return false;
	return true;
}

static const struct health *get_health(void *context)
{
	return &((struct api_fixture *)context)->health;
}

static uint32_t find_interface(void *context, const char *name)
{
	(void)context;
	return strcmp(name, "wlan0") == 0 ? 7 : strcmp(name, "wlan1") == 0 ? 8 : 0;
}

void api_fixture_init(struct api_fixture *fixture, uint32_t limit_per_minute)
{
	static const struct session_rules rules = {
		.idle_timeout_ns = 300 * NS_PER_S,
		.login_wait_ns = 300 * NS_PER_S,
		.relogin_ns = 7200 * NS_PER_S,
		.location_id = "oWNe6XWDPLM",
		.location_name = "IPERA",
	};
	static const struct public_id_key id_key = {{1, 2, 3, 4}};

	*fixture = (struct api_fixture){
		.now = api_fixture_at(NOW_S),
		.zone = {.offset_s = 10800, .later_offset_s = 10800},
		.health = {.version = "0.1.0", .is_store_ok = true, .collected_ms_ago = 120},
		.request = {.method = "GET", .host = "hotspot.example:8087", .authorization = "Bearer read-secret"},
	};
	cr_assert_eq(session_engine_new(&rules, 1, &fixture->engine), 0);
	cr_assert_eq(guest_register_new(100, &id_key, &fixture->guests), 0);
	cr_assert_eq(ip_parse("192.0.2.10", &fixture->request.peer), 0);
	if (limit_per_minute)
		cr_assert_eq(rate_limiter_new(limit_per_minute, 100, &fixture->limiter), 0);
	fixture->api = (struct api){
		.settings = {.mount = "/api/v1"},
		.engine = fixture->engine,
		.guests = fixture->guests,
		.events = &fixture->events,
		.location_id = rules.location_id,
		.location_name = rules.location_name,
		.zone = {&fixture->zone, to_local, day_start},
		.tokens = {NULL, check_token},
		.health = {fixture, get_health},
		.interfaces = {fixture, find_interface},
		.id_key = id_key,
		.limiter = fixture->limiter,
	};
}

void api_fixture_clean(struct api_fixture *fixture)
{
	for (size_t i = 0; i < fixture->n_stored; i++)
		session_record_clean(&fixture->stored[i]);
	fixture->n_stored = 0;
	event_list_clean(&fixture->events);
	rate_limiter_free(&fixture->limiter);
	guest_register_free(&fixture->guests);
	session_engine_free(&fixture->engine);
}

/* The store's side of the contract, in the plainest way. */
static bool is_excluded(const struct history_query *query, uint64_t seq)
{
	for (size_t i = 0; i < query->n_excluded; i++) {
		if (query->excluded_seqs[i] == seq)
			return true;
	}
	return false;
}

static const struct session_address *address_at(const struct history_query *query, const struct ip_addr *ip,
						const struct session_record *record)
{
	bool is_over = !session_record_is_online(record) && record->end.wall_ns < query->at_wall_ns;

	for (size_t i = 0; i < record->n_addresses && !is_over; i++) {
		if (ip_compare(&record->addresses[i].ip, ip) == 0 &&
		    record->addresses[i].since.wall_ns <= query->at_end_wall_ns)
			return &record->addresses[i];
	}
	return NULL;
}

static void answer_at(const struct api_fixture *fixture, const struct history_query *query,
		      struct history_result *result)
{
	result->rows = calloc(query->n_ips, sizeof(*result->rows));
	cr_assert(result->rows != NULL);
	result->n_rows = query->n_ips;
	for (size_t i = 0; i < query->n_ips; i++) {
		const struct session_record *best = NULL;
		int64_t best_wall_ns = INT64_MIN;

		for (size_t k = 0; k < fixture->n_stored; k++) {
			const struct session_record *record = &fixture->stored[k];
			const struct session_address *address = address_at(query, &query->ips[i], record);

			if (!address || is_excluded(query, record->seq) || address->since.wall_ns < best_wall_ns)
				continue;
			best = record;
			best_wall_ns = address->since.wall_ns;
		}
		if (best)
			cr_assert_eq(session_record_copy(&result->rows[i], best), 0);
	}
}

static bool comes_before(const struct history_query *query, const struct session_record *a,
			 const struct session_record *b)
{
	bool is_older =
		a->start.wall_ns < b->start.wall_ns || (a->start.wall_ns == b->start.wall_ns && a->seq < b->seq);

	return query->is_newest_first ? !is_older : is_older;
}

static void answer_listing(const struct api_fixture *fixture, const struct history_query *query,
			   struct history_result *result)
{
	const struct session_record *found[STORED_MAX];
	size_t n_found = 0;

	for (size_t i = 0; i < fixture->n_stored; i++) {
		const struct session_record *record = &fixture->stored[i];
		size_t place = n_found;

		if (is_excluded(query, record->seq) || !session_filter_matches(&query->filter, record))
			continue;
		for (; place > 0 && comes_before(query, record, found[place - 1]); place--)
			found[place] = found[place - 1];
		found[place] = record;
		n_found++;
	}
	if (query->kind == HISTORY_COUNT) {
		result->count = n_found;
		return;
	}
	result->rows = calloc(n_found + 1, sizeof(*result->rows));
	cr_assert(result->rows != NULL);
	for (size_t i = query->offset; i < n_found && i - query->offset < query->limit; i++)
		cr_assert_eq(session_record_copy(&result->rows[result->n_rows++], found[i]), 0);
}

static void answer_seq(const struct api_fixture *fixture, const struct history_query *query,
		       struct history_result *result)
{
	result->rows = calloc(1, sizeof(*result->rows));
	cr_assert(result->rows != NULL);
	for (size_t i = 0; i < fixture->n_stored; i++) {
		if (fixture->stored[i].seq == query->seq)
			cr_assert_eq(session_record_copy(&result->rows[result->n_rows++], &fixture->stored[i]), 0);
	}
}

/* As store_forget_person() does it. */
static int forget_stored(struct api_fixture *fixture, uint64_t seq)
{
	for (size_t i = 0; i < fixture->n_stored; i++) {
		if (fixture->stored[i].seq == seq) {
			identity_clean(&fixture->stored[i].identity);
			return 0;
		}
	}
	return -ENOENT;
}

static void answer(const struct api_fixture *fixture, const struct history_query *query, struct history_result *result)
{
	static void (*const by_kind[])(const struct api_fixture *, const struct history_query *,
				       struct history_result *) = {
		[HISTORY_LIST] = answer_listing,
		[HISTORY_COUNT] = answer_listing,
		[HISTORY_AT] = answer_at,
		[HISTORY_SEQ] = answer_seq,
	};

	by_kind[query->kind](fixture, query, result);
}

static void finish_forget(struct api_fixture *fixture, struct api_call *call, struct http_response *response)
{
	int error = fixture->store_error ? fixture->store_error : forget_stored(fixture, call->forget_seq);

	fixture->forgotten_seq = call->forget_seq;
	api_finish_forget(call, error, response);
	api_call_clean(call);
}

struct http_response api_fixture_get(struct api_fixture *fixture, const char *target)
{
	struct http_response response;
	struct history_result result;
	struct api_call call;
	enum api_step step;

	fixture->request.target = target;
	step = api_begin(&fixture->api, fixture->now, &fixture->request, &call, &response);
	fixture->has_changed = step == API_CHANGED || step == API_NEEDS_FORGET;
	if (step == API_ANSWERED || step == API_CHANGED)
		return response;
	if (step == API_NEEDS_FORGET) {
		finish_forget(fixture, &call, &response);
		return response;
	}
	fixture->last_query = (struct history_query){.kind = call.query.kind,
						     .offset = call.query.offset,
						     .limit = call.query.limit,
						     .n_excluded = call.query.n_excluded,
						     .at_wall_ns = call.query.at_wall_ns,
						     .at_end_wall_ns = call.query.at_end_wall_ns};
	result = (struct history_result){.error = fixture->store_error};
	if (!result.error)
		answer(fixture, &call.query, &result);
	if (fixture->meanwhile)
		fixture->meanwhile(fixture);
	step = api_finish(&fixture->api, fixture->now, &call, &result, &response);
	history_result_clean(&result);
	if (step == API_NEEDS_FORGET)
		finish_forget(fixture, &call, &response);
	else
		api_call_clean(&call);
	return response;
}

struct http_response api_fixture_send(struct api_fixture *fixture, const char *method, const char *target,
				      const char *body)
{
	const struct http_request usual = fixture->request;
	/* a copy of just that size: the sanitizer sees each octet read beyond it */
	CLEANUP_FREE char *copy = body ? malloc(strlen(body) + 1) : NULL;
	struct http_response response;

	fixture->request.method = method;
	if (copy) {
		fixture->request.body_length = strlen(body);
		fixture->request.body = memcpy(copy, body, strlen(body) + 1);
	}
	if (!usual.is_local_socket && strcmp(usual.authorization, "Bearer read-secret") == 0)
		fixture->request.authorization = "Bearer other-secret";
	response = api_fixture_get(fixture, target);
	fixture->request = usual;
	return response;
}

json_t *api_fixture_ask(struct api_fixture *fixture, const char *method, const char *target, const char *body,
			int status)
{
	struct http_response response = api_fixture_send(fixture, method, target, body);
	json_t *answer_json = response.body ? json_loads(response.body, JSON_REJECT_DUPLICATES, NULL) : NULL;

	cr_assert_eq(response.status, status, "%s %s %s: %d %s", method, target, body ? body : "", response.status,
		     response.body);
	cr_assert(answer_json != NULL || status == 204, "%s %s: %s", method, target, response.body);
	http_response_clean(&response);
	return answer_json;
}

const char *api_fixture_header(const struct http_response *response, const char *name)
{
	for (size_t i = 0; i < response->n_headers; i++) {
		if (strcmp(response->headers[i].name, name) == 0)
			return response->headers[i].value;
	}
	return NULL;
}

void api_fixture_expect(struct api_fixture *fixture, const char *target, int status, const char *body)
{
	struct http_response response = api_fixture_get(fixture, target);

	cr_assert_eq(response.status, status, "%s: %d %s", target, response.status, response.body);
	cr_assert_str_eq(response.body, body, "%s: %s", target, response.body);
	http_response_clean(&response);
}

void api_fixture_expect_invalid(struct api_fixture *fixture, const char *target, const char *field)
{
	struct http_response response = api_fixture_get(fixture, target);
	json_auto_t *answer_json = json_loads(response.body, 0, NULL);
	json_t *errors = json_object_get(answer_json, "errors");
	json_t *sentences = json_object_get(errors, field);

	cr_assert_eq(response.status, 422, "%s: %d %s", target, response.status, response.body);
	cr_assert_eq(json_object_size(errors), 1, "%s: %s", target, response.body);
	cr_assert_eq(json_array_size(sentences), 1, "%s: %s", target, response.body);
	cr_assert_str_eq(json_string_value(json_object_get(answer_json, "message")),
			 json_string_value(json_array_get(sentences, 0)), "%s", target);
	http_response_clean(&response);
}

void api_fixture_expect_seqs(struct api_fixture *fixture, const char *target, const uint64_t *seqs)
{
	struct http_response response = api_fixture_get(fixture, target);
	json_auto_t *answer_json = json_loads(response.body, 0, NULL);
	json_t *data = json_object_get(answer_json, "data");
	size_t n = 0;

	cr_assert_eq(response.status, 200, "%s: %d %s", target, response.status, response.body);
	for (; seqs[n]; n++) {
		const char *id = json_string_value(json_object_get(json_array_get(data, n), "id"));
		uint64_t seq = 0;

		cr_assert(id != NULL, "%s: %zu sessions in %s", target, n, response.body);
		cr_assert_eq(public_id_parse(&fixture->api.id_key, id, &seq), 0);
		cr_assert_eq(seq, seqs[n], "%s: session %zu is %llu", target, n, (unsigned long long)seq);
	}
	cr_assert_eq(json_array_size(data), n, "%s: %s", target, response.body);
	http_response_clean(&response);
}

char *api_fixture_golden(const char *name)
{
	CLEANUP_FREE char *path = NULL;
	json_error_t error;
	json_auto_t *golden = NULL;
	char *text;

	cr_assert(asprintf(&path, "%s/%s", getenv("OCTETD_GOLDEN") ? getenv("OCTETD_GOLDEN") : "tests/golden", name) >
		  0);
	golden = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	cr_assert(golden != NULL, "%s:%d: %s", path, error.line, error.text);
	text = json_dumps(golden, JSON_COMPACT | JSON_REAL_PRECISION(12));
	cr_assert(text != NULL);
	return text;
}

void api_fixture_expect_golden(const char *body, const char *name)
{
	CLEANUP_FREE char *text = api_fixture_golden(name);
	size_t same = 0;
	size_t shown;

	while (body[same] && body[same] == text[same])
		same++;
	shown = same > 40 ? same - 40 : 0;
	cr_assert(body[same] == text[same], "%s: expected ...%.100s\nbut got ...%.100s", name, text + shown,
		  body + shown);
}

void api_fixture_expect_golden_json(const json_t *value, const char *name)
{
	CLEANUP_FREE char *text = json_dumps(value, JSON_COMPACT);

	cr_assert(text != NULL);
	api_fixture_expect_golden(text, name);
}

void api_fixture_add_address(struct session_record *record, const char *ip, int64_t since_s, int64_t last_s)
{
	struct session_address address = {.since = api_fixture_at(since_s), .last = api_fixture_at(last_s)};

	cr_assert_eq(ip_parse(ip, &address.ip), 0);
	cr_assert_eq(session_record_add_address(record, &address), 0);
}

struct session_record api_fixture_record(uint64_t seq, int64_t start_s, const char *ip)
{
	struct session_record record = {
		.seq = seq,
		.mac = {{0x14, 0x2d, 0x27, (uint8_t)(seq >> 16), (uint8_t)(seq >> 8), (uint8_t)seq}},
		.start = api_fixture_at(start_s),
		.last_seen = api_fixture_at(start_s),
	};

	if (!ip)
		return record;
	api_fixture_add_address(&record, ip, start_s, start_s);
	record.primary_ip = record.addresses[0].ip;
	return record;
}

struct session_record *api_fixture_store(struct api_fixture *fixture, uint64_t seq, int64_t start_s)
{
	struct session_record *record = &fixture->stored[fixture->n_stored++];

	cr_assert_leq(fixture->n_stored, STORED_MAX);
	*record = api_fixture_record(seq, start_s, NULL);
	record->end = api_fixture_at(start_s + 60);
	record->last_seen = record->end;
	record->duration_ns = 60 * NS_PER_S;
	record->cause = END_CAUSE_IDLE_TIMEOUT;
	return record;
}

void api_fixture_resume(struct api_fixture *fixture, const struct session_record *record)
{
	cr_assert_eq(session_engine_resume(fixture->engine, record), 0);
	cr_assert_eq(session_record_copy(&fixture->stored[fixture->n_stored++], record), 0);
}

void api_fixture_packet(struct api_fixture *fixture, const char *mac, const char *ip, int64_t at_s)
{
	struct ledger_delta delta = {.traffic = {.up_bytes = 100, .up_packets = 1}, .has_up = true};

	cr_assert_eq(mac_parse(mac, &delta.key.mac), 0);
	cr_assert_eq(ip_parse(ip, &delta.key.ip), 0);
	cr_assert_eq(session_engine_apply(fixture->engine, api_fixture_at(at_s), api_fixture_at(at_s), &delta,
					  &fixture->events),
		     0);
}
