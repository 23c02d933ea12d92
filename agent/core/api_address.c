/* SPDX-License-Identifier: MIT */
/*
 * GET /sessions/{ip[,ip...]}: who uses an address now, from memory; or who used it ?at= some time, from memory
 * and store.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "core/api_call.h"
#include "core/api_params.h"
#include "core/api_reply.h"
#include "core/json.h"

#define TOKENS_MAX 100
#define FIELD "ip_address"
/* What is repeated of a token that is no address. */
#define TOKEN_SHOWN_MAX 64

struct addresses {
	struct ip_addr ips[TOKENS_MAX]; /* each once, in the order of the request */
	size_t n_ips;
	size_t n_tokens; /* that are not empty */
};

static bool is_among(const struct ip_addr *ip, const struct ip_addr *ips, size_t n_ips)
{
	for (size_t i = 0; i < n_ips; i++) {
		if (ip_compare(ip, &ips[i]) == 0)
			return true;
	}
	return false;
}

static size_t count_tokens(const char *list)
{
	size_t n_tokens = 0;

	for (; *list; list += strcspn(list, ",")) {
		list += strspn(list, ",");
		if (*list)
			n_tokens++;
	}
	return n_tokens;
}

/* Cuts list up in place; it has no more than TOKENS_MAX tokens. */
static void read_tokens(char *list, struct addresses *out, struct api_errors *errors)
{
	char *rest = NULL;

	for (char *token = strtok_r(list, ",", &rest); token; token = strtok_r(NULL, ",", &rest)) {
		struct ip_addr ip;

		if (ip_parse(token, &ip))
			api_errors_add(errors, FIELD, "The ip address \"%.*s\" is not a valid IP address.",
				       text_shown_length(token, TOKEN_SHOWN_MAX), token);
		else if (!is_among(&ip, out->ips, out->n_ips))
			out->ips[out->n_ips++] = ip;
	}
}

static void read_addresses(char *list, struct addresses *out, struct api_errors *errors)
{
	out->n_tokens = count_tokens(list);
	if (out->n_tokens == 0)
		api_errors_add(errors, FIELD, "The ip address is required.");
	else if (out->n_tokens > TOKENS_MAX)
		api_errors_add(errors, FIELD, "The ip address must not have more than %d items.", TOKENS_MAX);
	else
		read_tokens(list, out, errors);
}

static const struct session_address *find_address(const struct session_record *record, const struct ip_addr *ip)
{
	for (size_t i = 0; i < record->n_addresses; i++) {
		if (ip_compare(&record->addresses[i].ip, ip) == 0)
			return &record->addresses[i];
	}
	return NULL;
}

/* Appends an answer for ip, with the seconds of a duration that cannot be negative. */
static int append_holder(json_t *holders, const struct ip_addr *ip, const struct session_record *record,
			 int64_t duration_ns)
{
	int64_t duration_s = duration_ns > 0 ? duration_ns / NS_PER_S : 0;

	return json_array_append_new(holders, json_address_holder(ip, &record->identity, duration_s));
}

/* Takes holders; one object when one address was asked for. */
static void reply(struct http_response *response, json_t *holders, bool is_array)
{
	json_auto_t *owned = holders;

	if (!owned || is_array)
		api_reply_json(response, 200, TAKE_PTR(owned));
	else if (json_array_size(owned) == 0)
		api_reply_message(response, 404, "No active session found for the given IP address.");
	else
		api_reply_json(response, 200, json_incref(json_array_get(owned, 0)));
}

static json_t *holders_now(const struct api_request *request, const struct addresses *addresses)
{
	json_auto_t *holders = json_array();
	int r = 0;

	for (size_t i = 0; i < addresses->n_ips; i++) {
		const struct ip_addr *ip = &addresses->ips[i];
		const struct session_record *record = session_engine_by_ip(request->api->engine, ip);
		const struct session_address *address = record ? find_address(record, ip) : NULL;
		const struct instant *since = address ? &address->since : record ? &record->start : NULL;

		if (record && session_record_is_online(record))
			r |= append_holder(holders, ip, record, request->now.mono_ns - since->mono_ns);
	}
	return r ? NULL : TAKE_PTR(holders);
}

static bool has_wanted_address(const struct history_query *query, const struct session_record *record)
{
	for (size_t i = 0; i < record->n_addresses; i++) {
		if (is_among(&record->addresses[i].ip, query->ips, query->n_ips))
			return true;
	}
	return false;
}

/* 0 or -ENOMEM. */
static int ask_history(const struct api_request *request, const struct addresses *addresses,
		       const struct calendar_span *at, struct api_call *call)
{
	CLEANUP(api_call_clean) struct api_call own = {0};
	struct history_query *query = &own.query;
	int64_t now_wall_ns = request->now.wall_ns;
	int r = api_call_init(&own);

	if (r)
		return r;
	query->kind = HISTORY_AT;
	/* nobody knows the future; a clock that is ahead of ours means now */
	query->at_wall_ns = at->begin_wall_ns < now_wall_ns ? at->begin_wall_ns : now_wall_ns;
	query->at_end_wall_ns = at->end_wall_ns < now_wall_ns ? at->end_wall_ns : now_wall_ns;
	query->ips = malloc(sizeof(addresses->ips));
	if (!query->ips)
		return -ENOMEM;
	memcpy(query->ips, addresses->ips, sizeof(addresses->ips));
	query->n_ips = addresses->n_ips;
	own.pending->is_array = addresses->n_tokens > 1;
	r = api_call_take_unsaved(request->api->engine, &own, has_wanted_address);
	if (r)
		return r;
	*call = own;
	own = (struct api_call){0};
	return 0;
}

enum api_step api_address_begin(const struct api_request *request, struct api_call *call,
				struct http_response *response)
{
	CLEANUP(api_arguments_clean) struct api_arguments arguments = {0};
	CLEANUP(api_params_clean) struct api_params params = {0};
	CLEANUP(api_errors_clean) struct api_errors errors = {0};
	struct addresses addresses = {0};

	if (api_arguments_parse(request->target->query, &arguments)) {
		api_reply_message(response, 500, NULL);
		return API_ANSWERED;
	}
	api_params_read(&arguments, API_USE_ADDRESS, &request->api->zone, &params, &errors);
	read_addresses(request->target->segments[1], &addresses, &errors);
	if (errors.n_errors) {
		api_reply_errors(response, &errors);
		return API_ANSWERED;
	}
	if (!params.has_at) {
		reply(response, holders_now(request, &addresses), addresses.n_tokens > 1);
		return API_ANSWERED;
	}
	if (ask_history(request, &addresses, &params.at, call)) {
		api_reply_message(response, 500, NULL);
		return API_ANSWERED;
	}
	return API_NEEDS_HISTORY;
}

/* A session's claim on an address, as of some time. */
struct claim {
	const struct session_record *record;
	const struct session_address *address;
	int64_t proof_wall_ns; /* the last that is known not to be later than that time */
};

/* The latest proof wins; among equals, as within a time that several cover, the latest comer. */
static bool is_better(const struct claim *claim, const struct claim *best)
{
	if (!best->record || claim->proof_wall_ns != best->proof_wall_ns)
		return !best->record || claim->proof_wall_ns > best->proof_wall_ns;
	return claim->address->since.wall_ns > best->address->since.wall_ns;
}

static void consider(struct claim *best, const struct session_record *record, const struct ip_addr *ip,
		     int64_t at_end_wall_ns)
{
	struct claim claim = {.record = record, .address = find_address(record, ip)};

	if (!claim.address || claim.address->since.wall_ns > at_end_wall_ns)
		return;
	claim.proof_wall_ns = claim.address->last.wall_ns;
	if (claim.proof_wall_ns > at_end_wall_ns)
		claim.proof_wall_ns = at_end_wall_ns;
	if (is_better(&claim, best))
		*best = claim;
}

static struct claim best_claim(const struct api_finish *finish, const struct ip_addr *ip)
{
	const struct session_engine *engine = finish->api->engine;
	const struct api_pending *pending = finish->call->pending;
	const struct history_query *query = &finish->call->query;
	const struct session_record *live = session_engine_by_ip(engine, ip);
	struct claim best = {0};

	for (size_t i = 0; i < finish->result->n_rows; i++) {
		const struct session_record *row = &finish->result->rows[i];
		const struct session_record *fresh = session_engine_by_seq(engine, row->seq);

		if (fresh)
			consider(&best, fresh, ip, query->at_end_wall_ns);
		/* also when fresh: memory forgets an earlier claim of an address that went and came back */
		consider(&best, row, ip, query->at_end_wall_ns);
	}
	for (size_t i = 0; i < pending->n_unsaved; i++)
		consider(&best, &pending->unsaved[i], ip, query->at_end_wall_ns);
	if (live)
		consider(&best, live, ip, query->at_end_wall_ns);
	/* who claimed it last may have gone by then: it was nobody's, not that of who had it before */
	if (best.record && !session_record_is_online(best.record) && best.record->end.wall_ns < query->at_wall_ns)
		return (struct claim){0};
	return best;
}

void api_address_finish(const struct api_finish *finish, struct http_response *response)
{
	const struct history_query *query = &finish->call->query;
	json_auto_t *holders = json_array();
	int r = 0;

	for (size_t i = 0; i < query->n_ips; i++) {
		struct claim claim = best_claim(finish, &query->ips[i]);

		/* to the end of a whole second: the difference of two times that are rounded down to it */
		if (claim.record)
			r |= append_holder(holders, &query->ips[i], claim.record,
					   query->at_end_wall_ns - claim.address->since.wall_ns);
	}
	reply(response, r ? NULL : TAKE_PTR(holders), finish->call->pending->is_array);
}
