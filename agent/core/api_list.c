/* SPDX-License-Identifier: MIT */
/*
 * GET /sessions and GET /sessions/count. The listing is the merge of two ordered lists: the store's rows D and
 * the sessions M that match, but whose rows in the store are out of date and which it is told to leave out.
 *
 * The page begins at offset O of the merged list. Before its element O there are O elements, at most |M| of them
 * from M, so at least q = max(0, O - |M|) rows of D. Those q rows can be skipped by the store: what remains of D,
 * merged with all of M, is the merged list without q of its first O elements, and the page begins at O - q in it.
 * The page and the one element that shows whether another follows need no rows beyond the first
 * per_page + 1 + (O - q) of what remains.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/api_call.h"
#include "core/api_links.h"
#include "core/api_origin.h"
#include "core/api_params.h"
#include "core/api_reply.h"
#include "core/json.h"

/* Beyond any number of sessions, and far enough from 2^63 for the store to add to it. */
#define OFFSET_MAX (UINT64_C(1) << 62)

static bool is_match(const struct history_query *query, const struct session_record *record)
{
	return session_filter_matches(&query->filter, record);
}

static int compare_oldest_first(const void *a, const void *b)
{
	const struct session_record *left = a;
	const struct session_record *right = b;

	if (left->start.wall_ns != right->start.wall_ns)
		return left->start.wall_ns < right->start.wall_ns ? -1 : 1;
	return (left->seq > right->seq) - (left->seq < right->seq);
}

static int compare_newest_first(const void *a, const void *b)
{
	return compare_oldest_first(b, a);
}

static int (*order_of(const struct history_query *query))(const void *, const void *)
{
	return query->is_newest_first ? compare_newest_first : compare_oldest_first;
}

static uint64_t page_offset(const struct api_params *params)
{
	uint64_t n_pages_before = params->page - 1;

	return n_pages_before > OFFSET_MAX / params->per_page ? OFFSET_MAX : n_pages_before * params->per_page;
}

/* Moves the filter out of params and puts the question to the store together. 0 or -ENOMEM. */
static int prepare(const struct api_request *request, const struct api_arguments *arguments, struct api_params *params,
		   struct api_call *call)
{
	struct api_pending *pending = call->pending;
	struct history_query *query = &call->query;
	int r;

	query->filter = params->filter;
	params->filter = (struct session_filter){0};
	query->is_newest_first = params->is_newest_first;
	pending->view = (struct api_view){params->is_raw, params->is_detailed};
	pending->page = params->page;
	pending->per_page = params->per_page;
	pending->first = page_offset(params);
	pending->base_url = api_base_url(&request->api->settings, request->http, request->target);
	pending->link_query = api_links_query(arguments);
	if (!pending->base_url || !pending->link_query)
		return -ENOMEM;
	r = api_call_take_unsaved(request->api->engine, call, is_match);
	if (r)
		return r;
	if (pending->n_unsaved > 1)
		qsort(pending->unsaved, pending->n_unsaved, sizeof(*pending->unsaved), order_of(query));
	query->offset = pending->first > pending->n_unsaved ? pending->first - pending->n_unsaved : 0;
	query->limit = pending->per_page + 1 + (pending->first - query->offset);
	return 0;
}

static enum api_step begin(const struct api_request *request, enum history_kind kind, struct api_call *call,
			   struct http_response *response)
{
	CLEANUP(api_arguments_clean) struct api_arguments arguments = {0};
	CLEANUP(api_params_clean) struct api_params params = {0};
	CLEANUP(api_errors_clean) struct api_errors errors = {0};
	CLEANUP(api_call_clean) struct api_call own = {0};

	if (api_call_init(&own) || api_arguments_parse(request->target->query, &arguments)) {
		api_reply_message(response, 500, NULL);
		return API_ANSWERED;
	}
	own.query.kind = kind;
	api_params_read(&arguments, kind == HISTORY_COUNT ? API_USE_COUNT : API_USE_LIST, &request->api->zone, &params,
			&errors);
	if (errors.n_errors) {
		api_reply_errors(response, &errors);
		return API_ANSWERED;
	}
	if (prepare(request, &arguments, &params, &own)) {
		api_reply_message(response, 500, NULL);
		return API_ANSWERED;
	}
	*call = own;
	own = (struct api_call){0};
	return API_NEEDS_HISTORY;
}

enum api_step api_list_begin(const struct api_request *request, struct api_call *call, struct http_response *response)
{
	return begin(request, HISTORY_LIST, call, response);
}

enum api_step api_count_begin(const struct api_request *request, struct api_call *call, struct http_response *response)
{
	return begin(request, HISTORY_COUNT, call, response);
}

/*
 * What memory knows better of a session that was on line when the question was put. One that has ended since
 * shows its end, unless the filter asks for sessions on line. 0 or -ENOMEM.
 */
static int refresh(const struct session_engine *engine, const struct session_filter *filter,
		   struct session_record *record)
{
	const struct session_record *live = session_engine_by_seq(engine, record->seq);

	if (!live || !session_record_is_online(record))
		return 0;
	if (session_record_copy_addresses(record, live))
		return -ENOMEM;
	record->start = live->start;
	record->last_seen = live->last_seen;
	record->traffic = live->traffic;
	record->primary_ip = live->primary_ip;
	if (session_record_is_online(live) || !session_filter_matches(filter, live))
		return 0;
	record->end = live->end;
	record->duration_ns = live->duration_ns;
	record->cause = live->cause;
	return 0;
}

/* A walk through the merged list. */
struct merge {
	const struct history_query *query;
	struct session_record *rows;
	size_t n_rows;
	struct session_record *unsaved;
	size_t n_unsaved;
};

/* The next record, NULL at the end. */
static struct session_record *merge_next(struct merge *merge)
{
	bool is_row = merge->n_rows > 0;

	if (merge->n_rows > 0 && merge->n_unsaved > 0)
		is_row = order_of(merge->query)(merge->rows, merge->unsaved) < 0;
	if (is_row) {
		merge->n_rows--;
		return merge->rows++;
	}
	if (merge->n_unsaved > 0) {
		merge->n_unsaved--;
		return merge->unsaved++;
	}
	return NULL;
}

/* The array of the page's sessions, NULL without memory; *has_more when another page follows. */
static json_t *json_page(const struct api_finish *finish, bool *has_more)
{
	const struct api_pending *pending = finish->call->pending;
	const struct history_query *query = &finish->call->query;
	struct merge merge = {query, finish->result->rows, finish->result->n_rows, pending->unsaved,
			      pending->n_unsaved};
	json_auto_t *page = json_array();
	struct session_record *record;

	for (uint64_t skip = pending->first - query->offset; skip > 0 && merge_next(&merge); skip--)
		;
	for (uint64_t i = 0; i < pending->per_page && (record = merge_next(&merge)); i++) {
		if (refresh(finish->api->engine, &query->filter, record) ||
		    json_array_append_new(page, api_json_session(finish->api, finish->now, pending->view, record)))
			return NULL;
	}
	*has_more = merge_next(&merge) != NULL;
	return TAKE_PTR(page);
}

static json_t *json_links(const struct api_pending *pending, bool has_more)
{
	json_auto_t *links = json_object();
	const char *base = pending->base_url;
	const char *query = pending->link_query;
	int r = 0;

	r |= json_object_set_new(links, "first", json_page_link(base, query, 1));
	r |= json_object_set_new(links, "last", json_null());
	r |= json_object_set_new(links, "prev",
				 pending->page > 1 ? json_page_link(base, query, pending->page - 1) : json_null());
	r |= json_object_set_new(links, "next",
				 has_more ? json_page_link(base, query, pending->page + 1) : json_null());
	return r ? NULL : TAKE_PTR(links);
}

static json_t *json_meta(const struct api_pending *pending, size_t n_records)
{
	json_auto_t *meta = json_object();
	int r = 0;

	r |= json_object_set_new(meta, "current_page", json_uint(pending->page));
	r |= json_object_set_new(meta, "from", n_records ? json_uint(pending->first + 1) : json_null());
	r |= json_object_set_new(meta, "path", json_sprintf("%s/sessions", pending->base_url));
	r |= json_object_set_new(meta, "per_page", json_uint(pending->per_page));
	r |= json_object_set_new(meta, "to", n_records ? json_uint(pending->first + n_records) : json_null());
	return r ? NULL : TAKE_PTR(meta);
}

void api_list_finish(const struct api_finish *finish, struct http_response *response)
{
	const struct api_pending *pending = finish->call->pending;
	bool has_more = false;
	json_auto_t *answer = json_object();
	json_t *page = json_page(finish, &has_more);
	int r = json_object_set_new(answer, "data", page);

	r |= json_object_set_new(answer, "links", json_links(pending, has_more));
	r |= json_object_set_new(answer, "meta", json_meta(pending, json_array_size(page)));
	api_reply_json(response, 200, r ? NULL : TAKE_PTR(answer));
}

void api_count_finish(const struct api_finish *finish, struct http_response *response)
{
	json_auto_t *answer = json_object();
	uint64_t count = finish->result->count + finish->call->pending->n_matching;
	int r = json_object_set_new(answer, "count", json_uint(count));

	api_reply_json(response, 200, r ? NULL : TAKE_PTR(answer));
}
