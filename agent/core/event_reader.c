/* SPDX-License-Identifier: MIT */
#include "core/event_reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static void empty(struct strbuf *buffer)
{
	buffer->length = 0;
	if (buffer->text)
		buffer->text[0] = '\0';
}

static void set(struct strbuf *buffer, const char *value)
{
	empty(buffer);
	strbuf_append(buffer, value);
}

static void take_kind(struct event_reader *reader, const char *value)
{
	set(&reader->kind, value);
}

static void take_data(struct event_reader *reader, const char *value)
{
	strbuf_append(&reader->data, value);
	strbuf_append(&reader->data, "\n");
}

/* In force at once, not only with the event's end: a line without data serves to tell it. */
static void take_id(struct event_reader *reader, const char *value)
{
	set(&reader->id, value);
}

static const struct {
	const char *name;
	void (*take)(struct event_reader *reader, const char *value);
} fields[] = {{"event", take_kind}, {"data", take_data}, {"id", take_id}};

static void take_field(struct event_reader *reader, char *line)
{
	char *value = strchr(line, ':');

	if (value == line) /* a comment */
		return;
	if (value) {
		*value++ = '\0';
		value += *value == ' ';
	}
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
		if (strcmp(line, fields[i].name) == 0)
			fields[i].take(reader, value ? value : "");
}

static bool dispatch(struct event_reader *reader, event_reader_got got, void *context)
{
	bool wants_more = true;

	if (reader->id.text)
		snprintf(reader->last_id, sizeof(reader->last_id), "%s", reader->id.text);
	if (reader->data.length > 0) {
		reader->data.text[reader->data.length - 1] = '\0';
		wants_more = got(context, reader->kind.length ? reader->kind.text : "message", reader->data.text);
	}
	empty(&reader->data);
	empty(&reader->kind);
	return wants_more;
}

/* The line is whole. */
static int take_line(struct event_reader *reader, event_reader_got got, void *context)
{
	int error = 0;

	if (reader->line.length == 0)
		error = dispatch(reader, got, context) ? 0 : -ECANCELED;
	else
		take_field(reader, reader->line.text);
	empty(&reader->line);
	if (reader->line.has_failed || reader->data.has_failed || reader->kind.has_failed || reader->id.has_failed)
		error = -ENOMEM;
	return error;
}

int event_reader_feed(struct event_reader *reader, const char *bytes, size_t length, event_reader_got got,
		      void *context)
{
	for (const char *at = bytes, *end = bytes + length; at < end;) {
		const char *stop = at;
		int error;

		if (reader->has_cr && *at == '\n') {
			reader->has_cr = false;
			at++;
			continue;
		}
		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		if (reader->line.length + reader->data.length + (size_t)(stop - at) > EVENT_READER_MAX_BYTES)
			return -EMSGSIZE;
		strbuf_append_bytes(&reader->line, at, (size_t)(stop - at));
		reader->has_cr = stop < end && *stop == '\r';
		if (stop == end)
			return reader->line.has_failed ? -ENOMEM : 0;
		error = take_line(reader, got, context);
		if (error)
			return error;
		at = stop + 1;
	}
	return 0;
}

void event_reader_restart(struct event_reader *reader)
{
	strbuf_clean(&reader->line);
	strbuf_clean(&reader->kind);
	strbuf_clean(&reader->data);
	strbuf_clean(&reader->id);
	reader->has_cr = false;
}

void event_reader_clean(struct event_reader *reader)
{
	event_reader_restart(reader);
	reader->last_id[0] = '\0';
}
