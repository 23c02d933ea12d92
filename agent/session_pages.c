/* SPDX-License-Identifier: MIT */
#include "session_pages.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/hook_answer.h"
#include "io/local_client.h"
#include "io/local_connect.h"

#define PER_PAGE_MAX 100 /* of the API */

void query_append(struct strbuf *query, const char *key, const char *value)
{
	static const char unreserved[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"; /* RFC 3986 */

	strbuf_append_format(query, "&%s=", key);
	for (; *value; value++) {
		if (strchr(unreserved, *value))
			strbuf_append_bytes(query, value, 1);
		else
			strbuf_append_format(query, "%%%02X", (unsigned int)(unsigned char)*value);
	}
}

static int refuse(int status, const char *body)
{
	CLEANUP(strbuf_clean) struct strbuf reason = STRBUF_INIT;

	hook_answer_explain(status, body, &reason);
	log_error("the agent refuses: %s", reason.text ? reason.text : "out of memory");
	return -EPROTO;
}

int page_get(const struct page_source *source, const char *target, json_t **document)
{
	CLEANUP(strbuf_clean) struct strbuf path = STRBUF_INIT;
	CLEANUP_FREE char *body = NULL;
	int status = 0;

	strbuf_append_format(&path, "%s%s", source->mount, target);
	if (path.has_failed)
		return log_errno(-ENOMEM, "GET %s", target);

	const struct local_request request = {.method = "GET", .target = path.text, .timeout_ms = source->timeout_ms};
	const int error = local_client_ask(source->socket_path, &request, &status, &body);
	if (error)
		return local_client_is_passing(error) ? error : local_complain(source->socket_path, error);
	if (status != 200)
		return refuse(status, body);
	*document = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	if (*document)
		return 0;
	log_error("the answer to GET %s is no JSON: is it octetd's? (--socket-path)", path.text);
	return -EPROTO;
}

/* -ENODATA after the last page. */
static int visit_page(const struct page_source *source, size_t page, size_t per_page,
		      int (*visit)(void *context, const json_t *sessions), void *context)
{
	CLEANUP(strbuf_clean) struct strbuf target = STRBUF_INIT;
	json_auto_t *document = NULL;

	strbuf_append_format(&target, "/sessions?raw=true&details=true&per_page=%zu&page=%zu%s", per_page, page,
			     source->query);
	if (target.has_failed)
		return log_errno(-ENOMEM, "GET /sessions");

	int error = page_get(source, target.text, &document);
	if (error)
		return error;
	error = visit(context, json_object_get(document, "data"));
	if (error)
		return error;
	return json_is_string(json_object_get(json_object_get(document, "links"), "next")) ? 0 : -ENODATA;
}

int session_pages_each(const struct page_source *source, int (*visit)(void *context, const json_t *sessions),
		       void *context, bool *has_more)
{
	/* pages of one size, so the last one may bring more than are wanted: visit is to count */
	const size_t per_page = source->n_max && source->n_max < PER_PAGE_MAX ? source->n_max : PER_PAGE_MAX;
	const size_t n_pages = (source->n_max + per_page - 1) / per_page;
	int error = 0;

	for (size_t page = 1; !error && (!n_pages || page <= n_pages); page++)
		error = visit_page(source, page, per_page, visit, context);
	if (error && error != -ENODATA)
		return error;
	*has_more = !error;
	return 0;
}
