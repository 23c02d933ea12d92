/* SPDX-License-Identifier: MIT */
#include "core/history.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void session_filter_clean(struct session_filter *filter)
{
	free(filter->guest_id);
	free(filter->location_id);
	free(filter->yas_id);
	*filter = (struct session_filter){0};
}

static bool is_any_or_equal(const char *wanted, const char *value, int (*compare)(const char *, const char *))
{
	return !wanted || (value && compare(wanted, value) == 0);
}

bool session_filter_matches(const struct session_filter *filter, const struct session_record *record)
{
	bool is_online = session_record_is_online(record);

	if (filter->has_online && filter->is_online != is_online)
		return false;
	if (filter->has_mac && mac_compare(&filter->mac, &record->mac) != 0)
		return false;
	if (filter->has_start_from && record->start.wall_ns < filter->start_from_wall_ns)
		return false;
	if (filter->has_end_before && (is_online || record->end.wall_ns >= filter->end_before_wall_ns))
		return false;
	return is_any_or_equal(filter->guest_id, record->identity.guest_id, strcmp) &&
	       is_any_or_equal(filter->location_id, record->location_id, strcmp) &&
	       is_any_or_equal(filter->yas_id, record->identity.yas_id, strcasecmp);
}

void history_query_clean(struct history_query *query)
{
	session_filter_clean(&query->filter);
	free(query->excluded_seqs);
	free(query->ips);
	*query = (struct history_query){0};
}

void history_result_clean(struct history_result *result)
{
	for (size_t i = 0; i < result->n_rows; i++)
		session_record_clean(&result->rows[i]);
	free(result->rows);
	*result = (struct history_result){0};
}
