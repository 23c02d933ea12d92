/* SPDX-License-Identifier: MIT */
#include "core/api_call.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

int api_call_init(struct api_call *call)
{
	*call = (struct api_call){.pending = calloc(1, sizeof(*call->pending))};
	return call->pending ? 0 : -ENOMEM;
}

void api_call_clean(struct api_call *call)
{
	struct api_pending *pending = call->pending;

	history_query_clean(&call->query);
	if (!pending)
		return;
	for (size_t i = 0; i < pending->n_unsaved; i++)
		session_record_clean(&pending->unsaved[i]);
	free(pending->unsaved);
	free(pending->base_url);
	free(pending->link_query);
	free(pending);
	call->pending = NULL;
}

struct taking {
	struct api_call *call;
	api_wants wants;
	size_t excluded_capacity;
	int error;
};

static int exclude(struct taking *taking, uint64_t seq)
{
	struct history_query *query = &taking->call->query;

	if (query->n_excluded == taking->excluded_capacity) {
		size_t capacity = taking->excluded_capacity ? 2 * taking->excluded_capacity : 16;
		uint64_t *seqs = reallocarray(query->excluded_seqs, capacity, sizeof(*seqs));

		if (!seqs)
			return -ENOMEM;
		query->excluded_seqs = seqs;
		taking->excluded_capacity = capacity;
	}
	query->excluded_seqs[query->n_excluded++] = seq;
	return 0;
}

static int keep(struct api_pending *pending, const struct session_record *record)
{
	int r;

	if (pending->n_unsaved == pending->unsaved_capacity) {
		size_t capacity = pending->unsaved_capacity ? 2 * pending->unsaved_capacity : 4;
		struct session_record *records = reallocarray(pending->unsaved, capacity, sizeof(*records));

		if (!records)
			return -ENOMEM;
		pending->unsaved = records;
		pending->unsaved_capacity = capacity;
	}
	r = session_record_copy(&pending->unsaved[pending->n_unsaved], record);
	if (r)
		return r;
	pending->n_unsaved++;
	return 0;
}

static void take(void *context, const struct session_record *record)
{
	struct taking *taking = context;
	struct api_pending *pending = taking->call->pending;

	if (!taking->error)
		taking->error = exclude(taking, record->seq);
	if (taking->error || !taking->wants(&taking->call->query, record))
		return;
	pending->n_matching++;
	if (taking->call->query.kind != HISTORY_COUNT)
		taking->error = keep(pending, record);
}

int api_call_take_unsaved(const struct session_engine *engine, struct api_call *call, api_wants wants)
{
	struct taking taking = {.call = call, .wants = wants};

	session_engine_each_unsaved(engine, take, &taking);
	return taking.error;
}
