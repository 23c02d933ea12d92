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

/* A client; its MAC as a number, whose order is that of the text. */
struct row {
	uint64_t mac_order;
	const struct meter_entry *entry;
};

void replay_report_clean(struct replay_report *report)
{
	meter_free(&report->meter);
}

/* By MAC and IP as text. */
static int row_compare(const void *left, const void *right)
{
	const struct row *a = left;
	const struct row *b = right;
	char a_text[IP_TEXT_SIZE], b_text[IP_TEXT_SIZE];

	if (a->mac_order != b->mac_order)
		return a->mac_order < b->mac_order ? -1 : 1;
	return strcmp(ip_format(&a->entry->key.ip, a_text), ip_format(&b->entry->key.ip, b_text));
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
		for (size_t k = 0; k < sizeof(entries[i].key.mac.octets); k++)
			rows[i].mac_order = rows[i].mac_order << 8 | entries[i].key.mac.octets[k];
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

/*
 * Rows are written by hand: with many clients printf, and a json_t for each number, would take longer than the
 * counting.
 */
struct line {
	char text[320]; /* the longest, of JSON, has some 280 */
	size_t length;
};

static void line_text(struct line *line, const char *text)
{
	const size_t length = strlen(text);

	memcpy(line->text + line->length, text, length);
	line->length += length;
}

static void line_mac(struct line *line, const struct row *row)
{
	mac_format(&row->entry->key.mac, line->text + line->length);
	line->length += MAC_TEXT_SIZE - 1;
}

static void line_ip(struct line *line, const struct row *row)
{
	line->length += strlen(ip_format(&row->entry->key.ip, line->text + line->length));
}

/* At least width digits, with what is before the number's own. */
static void line_number(struct line *line, uint64_t number, size_t width, char filler)
{
	char digits[20];
	size_t n_digits = 0;

	do {
		digits[n_digits++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	for (size_t i = n_digits; i < width; i++)
		line->text[line->length++] = filler;
	while (n_digits)
		line->text[line->length++] = digits[--n_digits];
}

static void line_pad(struct line *line, size_t from, size_t width)
{
	while (line->length < from + width)
		line->text[line->length++] = ' ';
}

/* Decimal seconds with nine places. */
static void line_time(struct line *line, const char *name, int64_t time_ns)
{
	line_text(line, name);
	line_number(line, (uint64_t)(time_ns / NS_PER_S), 1, '0');
	line_text(line, ".");
	line_number(line, (uint64_t)(time_ns % NS_PER_S), 9, '0');
	line_text(line, "\"");
}

/* JSON integers end at 2^63 - 1, as in json_uint(). */
static void line_count(struct line *line, const char *name, uint64_t count)
{
	line_text(line, name);
	line_number(line, count > INT64_MAX ? INT64_MAX : count, 1, '0');
}

/* Nothing in it needs to be escaped. */
static void print_json_client(const struct row *row, struct strbuf *out)
{
	const struct traffic *total = &row->entry->total;
	struct line line;

	line.length = 0;
	line_text(&line, "{\"mac\":\"");
	line_mac(&line, row);
	line_text(&line, "\",\"ip\":\"");
	line_ip(&line, row);
	line_count(&line, "\",\"up\":{\"packets\":", total->up_packets);
	line_count(&line, ",\"bytes\":", total->up_bytes);
	line_count(&line, "},\"down\":{\"packets\":", total->down_packets);
	line_count(&line, ",\"bytes\":", total->down_bytes);
	line_time(&line, "},\"first\":\"", row->entry->first_ns);
	line_time(&line, ",\"last\":\"", meter_entry_last_ns(row->entry));
	line_text(&line, "}");
	strbuf_append_bytes(out, line.text, line.length);
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

static json_t *json_head(const struct replay_report *report)
{
	json_auto_t *object = json_object();
	int r = 0;

	r |= json_object_set_new(object, "file", json_text(report->file));
	r |= json_object_set_new(object, "link_type", json_text(report->link_type));
	r |= json_object_set_new(object, "frames", json_uint(report->frames));
	r |= json_object_set_new(object, "wire_bytes", json_uint(report->wire_bytes));
	r |= json_object_set_new(object, "error", json_text(report->error));
	return r ? NULL : TAKE_PTR(object);
}

int replay_report_print_json(const struct replay_report *report, struct strbuf *out)
{
	json_auto_t *head = json_head(report);
	json_auto_t *classes = json_classes(report);
	CLEANUP_FREE char *head_text = json_dumps(head, JSON_COMPACT);
	CLEANUP_FREE char *classes_text = json_dumps(classes, JSON_COMPACT);
	CLEANUP_FREE struct row *rows = NULL;
	size_t n_rows;

	int error = sorted_rows(report, &rows, &n_rows);
	if (error || !head_text || !classes_text)
		return -ENOMEM;
	/* without its brace: the object goes on */
	strbuf_append_bytes(out, head_text, strlen(head_text) - 1);
	strbuf_append(out, ",\"clients\":[");
	for (size_t i = 0; i < n_rows; i++) {
		if (i)
			strbuf_append_bytes(out, ",", 1);
		print_json_client(&rows[i], out);
	}
	strbuf_append(out, "],\"classes\":");
	strbuf_append(out, classes_text);
	strbuf_append(out, "}\n");
	return out->has_failed ? -ENOMEM : 0;
}

/* "2013-05-02 20:20:33", UTC. */
static void line_utc(struct line *line, int64_t time_ns)
{
	const struct zone_time utc = calendar_from_unix(calendar_seconds(time_ns));
	const struct {
		int number;
		size_t width;
		const char *separator;
	} parts[] = {{utc.year, 4, "-"}, {utc.month, 2, "-"},  {utc.day, 2, " "},
		     {utc.hour, 2, ":"}, {utc.minute, 2, ":"}, {utc.second, 2, ""}};

	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		line_number(line, (uint64_t)parts[i].number, parts[i].width, '0');
		line_text(line, parts[i].separator);
	}
}

static void line_column(struct line *line, uint64_t number, size_t width)
{
	line_text(line, "  ");
	line_number(line, number, width, ' ');
}

static void print_row(const struct row *row, size_t ip_width, struct strbuf *out)
{
	const struct traffic *total = &row->entry->total;
	struct line line;

	line.length = 0;
	line_text(&line, "  ");
	line_mac(&line, row);
	line_text(&line, "  ");
	const size_t ip_start = line.length;
	line_ip(&line, row);
	line_pad(&line, ip_start, ip_width);
	line_column(&line, total->up_packets, 10);
	line_column(&line, total->up_bytes, 14);
	line_column(&line, total->down_packets, 12);
	line_column(&line, total->down_bytes, 14);
	line_text(&line, "  ");
	line_utc(&line, row->entry->first_ns);
	line_text(&line, "  ");
	line_utc(&line, meter_entry_last_ns(row->entry));
	line_text(&line, "\n");
	strbuf_append_bytes(out, line.text, line.length);
}

static void print_clients(const struct row *rows, size_t n_rows, struct strbuf *out)
{
	size_t ip_width = strlen("255.255.255.255");

	for (size_t i = 0; i < n_rows; i++) {
		char ip[IP_TEXT_SIZE];
		const size_t length = strlen(ip_format(&rows[i].entry->key.ip, ip));
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
