/* SPDX-License-Identifier: MIT */
#include "core/replay_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/instant.h"
#include "core/calendar.h"
#include "core/json.h"

#define TIME_TEXT_SIZE 32

/* A client in the order of its texts. */
struct row {
	char mac[MAC_TEXT_SIZE];
	char ip[IP_TEXT_SIZE];
	const struct meter_entry *entry;
};

void replay_report_clean(struct replay_report *report)
{
	meter_free(&report->meter);
}

static int row_compare(const void *left, const void *right)
{
	const struct row *a = left;
	const struct row *b = right;
	const int order = strcmp(a->mac, b->mac);
	return order ? order : strcmp(a->ip, b->ip);
}

/* The caller frees *out. 0 or -ENOMEM. */
static int sorted_rows(const struct replay_report *report, struct row **out, size_t *n_out)
{
	size_t n_entries = 0;
	const struct meter_entry *entries = report->meter ? meter_entries(report->meter, &n_entries) : NULL;

	*out = NULL;
	*n_out = n_entries;
	if (!n_entries)
		return 0;
	struct row *rows = calloc(n_entries, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < n_entries; i++) {
		mac_format(&entries[i].reading.key.mac, rows[i].mac);
		ip_format(&entries[i].reading.key.ip, rows[i].ip);
		rows[i].entry = &entries[i];
	}
	qsort(rows, n_entries, sizeof(*rows), row_compare);
	*out = rows;
	return 0;
}

static struct octet_tally class_tally(const struct replay_report *report, enum octet_class class)
{
	return report->meter ? meter_classes(report->meter)->classes[class] : (struct octet_tally){0};
}

/* Decimal seconds with nine places. */
static json_t *json_time(int64_t time_ns)
{
	char text[TIME_TEXT_SIZE];

	snprintf(text, sizeof(text), "%" PRId64 ".%09" PRId64, time_ns / NS_PER_S, time_ns % NS_PER_S);
	return json_string(text);
}

static json_t *json_direction(uint64_t packets, uint64_t bytes)
{
	json_auto_t *object = json_object();
	int r = 0;

	r |= json_object_set_new(object, "packets", json_uint(packets));
	r |= json_object_set_new(object, "bytes", json_uint(bytes));
	return r ? NULL : TAKE_PTR(object);
}

static json_t *json_client(const struct row *row)
{
	const struct traffic *total = &row->entry->reading.total;
	json_auto_t *object = json_object();
	int r = 0;

	r |= json_object_set_new(object, "mac", json_string(row->mac));
	r |= json_object_set_new(object, "ip", json_string(row->ip));
	r |= json_object_set_new(object, "up", json_direction(total->up_packets, total->up_bytes));
	r |= json_object_set_new(object, "down", json_direction(total->down_packets, total->down_bytes));
	r |= json_object_set_new(object, "first", json_time(row->entry->first_ns));
	r |= json_object_set_new(object, "last", json_time(meter_entry_last_ns(row->entry)));
	return r ? NULL : TAKE_PTR(object);
}

static json_t *json_clients(const struct replay_report *report)
{
	CLEANUP_FREE struct row *rows = NULL;
	json_auto_t *array = json_array();
	size_t n_rows;
	int r = sorted_rows(report, &rows, &n_rows);

	for (size_t i = 0; !r && i < n_rows; i++)
		r = json_array_append_new(array, json_client(&rows[i]));
	return r ? NULL : TAKE_PTR(array);
}

static json_t *json_classes(const struct replay_report *report)
{
	json_auto_t *object = json_object();
	int r = 0;

	for (int class = 0; class < OCTET_N_CLASSES; class ++) {
		const struct octet_tally tally = class_tally(report, (enum octet_class) class);
		json_t *counts = json_object();

		r |= json_object_set_new(object, meter_class_name((enum octet_class) class), counts);
		r |= json_object_set_new(counts, "frames", json_uint(tally.frames));
		r |= json_object_set_new(counts, "wire_bytes", json_uint(tally.wire_bytes));
	}
	return r ? NULL : TAKE_PTR(object);
}

json_t *json_replay_report(const struct replay_report *report)
{
	json_auto_t *object = json_object();
	int r = 0;

	r |= json_object_set_new(object, "file", json_text(report->file));
	r |= json_object_set_new(object, "link_type", json_text(report->link_type));
	r |= json_object_set_new(object, "frames", json_uint(report->frames));
	r |= json_object_set_new(object, "wire_bytes", json_uint(report->wire_bytes));
	r |= json_object_set_new(object, "error", json_text(report->error));
	r |= json_object_set_new(object, "clients", json_clients(report));
	r |= json_object_set_new(object, "classes", json_classes(report));
	return r ? NULL : TAKE_PTR(object);
}

/* "2013-05-02 20:20:33", UTC; returns text. */
static char *format_utc(int64_t time_ns, char text[TIME_TEXT_SIZE])
{
	const struct zone_time utc = calendar_from_unix(calendar_seconds(time_ns));

	snprintf(text, TIME_TEXT_SIZE, "%04d-%02d-%02d %02d:%02d:%02d", utc.year, utc.month, utc.day, utc.hour,
		 utc.minute, utc.second);
	return text;
}

static void print_row(const struct row *row, int ip_width, struct strbuf *out)
{
	const struct traffic *total = &row->entry->reading.total;
	char first[TIME_TEXT_SIZE];
	char last[TIME_TEXT_SIZE];

	format_utc(row->entry->first_ns, first);
	format_utc(meter_entry_last_ns(row->entry), last);
	strbuf_append_format(out, "  %-17s  %-*s  %10" PRIu64 "  %14" PRIu64 "  %12" PRIu64 "  %14" PRIu64 "  %s  %s\n",
			     row->mac, ip_width, row->ip, total->up_packets, total->up_bytes, total->down_packets,
			     total->down_bytes, first, last);
}

static void print_clients(const struct row *rows, size_t n_rows, struct strbuf *out)
{
	size_t ip_width = strlen("255.255.255.255");

	for (size_t i = 0; i < n_rows; i++) {
		const size_t length = strlen(rows[i].ip);
		ip_width = length > ip_width ? length : ip_width;
	}
	strbuf_append_format(out, "  %-17s  %-*s  %10s  %14s  %12s  %14s  %-19s  %s\n", "MAC", (int)ip_width, "IP",
			     "UP PACKETS", "UP BYTES", "DOWN PACKETS", "DOWN BYTES", "FIRST (UTC)", "LAST (UTC)");
	for (size_t i = 0; i < n_rows; i++)
		print_row(&rows[i], (int)ip_width, out);
}

int replay_report_print(const struct replay_report *report, struct strbuf *out)
{
	CLEANUP_FREE struct row *rows = NULL;
	size_t n_rows;

	int error = sorted_rows(report, &rows, &n_rows);
	if (error)
		return error;
	strbuf_append_format(out, "%s: %s%s%" PRIu64 " frames, %" PRIu64 " wire bytes, %zu clients\n", report->file,
			     report->link_type, *report->link_type ? ", " : "", report->frames, report->wire_bytes,
			     n_rows);
	if (n_rows)
		print_clients(rows, n_rows, out);
	for (int class = 0; class < OCTET_N_CLASSES; class ++) {
		const struct octet_tally tally = class_tally(report, (enum octet_class) class);
		if (tally.frames)
			strbuf_append_format(out, "  %-10s  %llu frames, %llu wire bytes\n",
					     meter_class_name((enum octet_class) class),
					     (unsigned long long)tally.frames, (unsigned long long)tally.wire_bytes);
	}
	if (*report->error)
		strbuf_append_format(out, "  error       %s\n", report->error);
	return out->has_failed ? -ENOMEM : 0;
}
