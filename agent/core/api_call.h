/* SPDX-License-Identifier: MIT */
/* Inside the API: how api.c hands a request to the endpoints (api_list.c, api_login.c, ...). */
#ifndef CORE_API_CALL_H
#define CORE_API_CALL_H

#include "core/api.h"
#include "core/api_target.h"
#include "core/json.h"
#include "core/rate_limit.h"

/* A request that may be answered: it is authenticated, within its limit, and its method is one of the path's. */
struct api_request {
	const struct api *api;
	struct instant now;
	const struct http_request *http;
	const struct api_target *target;
};

/* How much of a session is shown. */
struct api_view {
	bool is_raw;
	bool is_detailed;
};

struct api_pending {
	struct rate_verdict rate; /* for the headers of the answer */
	/*
	 * Sessions that the store was told to leave out, as they were when the question was put: for a list those
	 * that match, in its order; for HISTORY_AT those that ever had one of the addresses.
	 */
	struct session_record *unsaved;
	size_t n_unsaved;
	size_t unsaved_capacity;
	uint64_t n_matching; /* HISTORY_COUNT needs no more of them than this */
	/* HISTORY_LIST */
	struct api_view view;
	uint64_t page;
	uint64_t per_page;
	uint64_t first;   /* offset of the page in the merged list */
	char *base_url;   /* owned */
	char *link_query; /* owned; see api_links_query */
	/* HISTORY_AT: an array was asked for */
	bool is_array;
	/* HISTORY_SEQ: whose session it was is to be forgotten; or it is the answer; else it was to be changed */
	bool is_forget;
	bool is_login;
	bool is_in_memory; /* it is forgotten there, and need not be in the store yet */
};

struct api_finish {
	const struct api *api;
	struct instant now;
	struct api_call *call;
	struct history_result *result;
};

/* Zeroed pending for *call; 0 or -ENOMEM. */
int api_call_init(struct api_call *call);

typedef bool (*api_wants)(const struct history_query *query, const struct session_record *record);

/*
 * Tells the store to leave out every session whose row is out of date (query.excluded_seqs), and keeps a copy of
 * those that are wanted; for HISTORY_COUNT only their number. 0 or -ENOMEM.
 */
int api_call_take_unsaved(const struct session_engine *engine, struct api_call *call, api_wants wants);

typedef enum api_step (*api_handler)(const struct api_request *request, struct api_call *call,
				     struct http_response *response);

enum api_step api_list_begin(const struct api_request *request, struct api_call *call, struct http_response *response);
enum api_step api_count_begin(const struct api_request *request, struct api_call *call, struct http_response *response);
enum api_step api_address_begin(const struct api_request *request, struct api_call *call,
				struct http_response *response);
enum api_step api_events_begin(const struct api_request *request, struct api_call *call,
			       struct http_response *response);
void api_list_finish(const struct api_finish *finish, struct http_response *response);
void api_count_finish(const struct api_finish *finish, struct http_response *response);
void api_address_finish(const struct api_finish *finish, struct http_response *response);
void api_health_reply(const struct api *api, struct http_response *response);
enum api_step api_unauthenticated(const struct api_request *request, struct api_call *call,
				  struct http_response *response);

/* ---- writes */

enum api_step api_login(const struct api_request *request, struct api_call *call, struct http_response *response);
enum api_step api_bindings(const struct api_request *request, struct api_call *call, struct http_response *response);
enum api_step api_change(const struct api_request *request, struct api_call *call, struct http_response *response);
enum api_step api_forget(const struct api_request *request, struct api_call *call, struct http_response *response);
enum api_step api_disconnect(const struct api_request *request, struct api_call *call, struct http_response *response);
enum api_step api_logout(const struct api_request *request, struct api_call *call, struct http_response *response);
enum api_step api_lost(const struct api_request *request, struct api_call *call, struct http_response *response);

/* After HISTORY_SEQ (api_write.h). */
enum api_step api_session_finish(const struct api_finish *finish, struct http_response *response);

/* The login under which the session goes on; NULL: it has ended, or is nobody's. */
const struct login *api_login_in_use(const struct session_engine *engine, const struct session_record *record);

json_t *api_json_session(const struct api *api, struct instant now, struct api_view view,
			 const struct session_record *record);
/* The same shape for a login whose session has yet to begin, or has ended. */
json_t *api_json_login(const struct api *api, struct instant now, struct api_view view, const struct login *login);

#endif
