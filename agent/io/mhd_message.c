/* SPDX-License-Identifier: MIT */
#include "io/mhd_message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "io/now.h"

/*
 * Of a repeated header. Proxies that append a line of their own (as haproxy does) put it last: the client's
 * lines before it must not win, so X-Forwarded-For is the list of all of them in order (RFC 9110, 5.3).
 */
enum repeated { REPEATED_FIRST, REPEATED_LAST, REPEATED_JOINED };

static const struct {
	const char *name;
	size_t offset;
	enum repeated rule;
} known_headers[] = {
	{"Host", offsetof(struct http_request, host), REPEATED_FIRST},
	{"Authorization", offsetof(struct http_request, authorization), REPEATED_FIRST},
	{"Content-Type", offsetof(struct http_request, content_type), REPEATED_FIRST},
	{"X-Forwarded-For", offsetof(struct http_request, forwarded_for), REPEATED_JOINED},
	{"X-Forwarded-Proto", offsetof(struct http_request, forwarded_proto), REPEATED_LAST},
	{"X-Forwarded-Host", offsetof(struct http_request, forwarded_host), REPEATED_LAST},
	{"Last-Event-ID", offsetof(struct http_request, last_event_id), REPEATED_LAST},
};
_Static_assert(ARRAY_LENGTH(known_headers) == MHD_N_HEADERS, "a place for each header");

/* White space around a value is no part of it (RFC 9110, 5.5); the library leaves what stands behind. */
static char *copy_trimmed(const char *value)
{
	size_t length;

	value += strspn(value, " \t");
	length = strlen(value);
	while (length && strchr(" \t", value[length - 1]))
		length--;
	return strndup(value, length);
}

/* Consumes value. NULL: no memory. */
static char *join(const char *list, char *value)
{
	struct strbuf joined = STRBUF_INIT;

	strbuf_append_format(&joined, "%s, %s", list, value);
	free(value);
	return strbuf_steal(&joined);
}

/* 0 or -ENOMEM. */
static int take_value(char **field, enum repeated rule, const char *value)
{
	char *text;

	if (*field && rule == REPEATED_FIRST)
		return 0;
	text = copy_trimmed(value);
	if (text && *field && rule == REPEATED_JOINED)
		text = join(*field, text);
	if (!text)
		return -ENOMEM;
	free(*field);
	*field = text;
	return 0;
}

struct header_reader {
	struct mhd_request *out;
	int error;
};

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct header_reader *reader = context;

	(void)kind;
	if (!name || !value)
		return MHD_YES;
	for (size_t i = 0; i < MHD_N_HEADERS; i++)
		if (strcasecmp(name, known_headers[i].name) == 0)
			reader->error = take_value(&reader->out->headers[i], known_headers[i].rule, value);
	return reader->error ? MHD_NO : MHD_YES; /* MHD_NO: no more of them */
}

/* A header that was left out for want of memory could let in somebody else: then the whole request fails. */
static int read_headers(struct MHD_Connection *connection, struct mhd_request *out)
{
	struct header_reader reader = {.out = out};

	MHD_get_connection_values(connection, MHD_HEADER_KIND, take_header, &reader);
	for (size_t i = 0; i < MHD_N_HEADERS; i++)
		*(const char **)((char *)&out->request + known_headers[i].offset) = out->headers[i];
	if (reader.error)
		mhd_request_clean(out);
	return reader.error;
}

static struct ip_addr ip_from_sockaddr(const struct sockaddr *address, uint16_t *port)
{
	struct ip_addr ip = {0};

	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
		uint8_t octets[4];

		memcpy(octets, &v4->sin_addr, sizeof(octets));
		ip = ip_from_v4(octets);
		*port = ntohs(v4->sin_port);
	} else {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

		memcpy(ip.octets, &v6->sin6_addr, sizeof(ip.octets));
		*port = ntohs(v6->sin6_port);
	}
	return ip;
}

/* Only asked for when the client sent no Host (HTTP/1.0). */
static void read_local_authority(struct MHD_Connection *connection, struct mhd_request *out)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	char text[IP_TEXT_SIZE];
	uint16_t port = 0;

	memset(&address, 0, sizeof(address));
	if (!info || getsockname(info->connect_fd, (struct sockaddr *)&address, &length) != 0)
		return;

	struct ip_addr ip = ip_from_sockaddr((const struct sockaddr *)&address, &port);
	snprintf(out->local_authority, sizeof(out->local_authority), ip_is_v4(&ip) ? "%s:%u" : "[%s]:%u",
		 ip_format(&ip, text), (unsigned int)port);
	out->request.local_authority = out->local_authority;
}

static void read_peer(struct MHD_Connection *connection, struct mhd_request *out)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	uint16_t port;

	if (!info || !info->client_addr)
		return;
	/* an unnamed Unix peer is a family and nothing more: look at no other field */
	if (info->client_addr->sa_family == AF_UNIX) {
		out->request.is_local_socket = true;
		return;
	}
	out->request.peer = ip_from_sockaddr(info->client_addr, &port);
	if (!out->request.host)
		read_local_authority(connection, out);
}

int mhd_request_read(struct MHD_Connection *connection, const char *method, struct mhd_request *out)
{
	int error;

	memset(out, 0, sizeof(*out));
	out->request.method = method;
	error = read_headers(connection, out);
	if (!error)
		read_peer(connection, out);
	return error;
}

void mhd_request_clean(struct mhd_request *request)
{
	for (size_t i = 0; i < MHD_N_HEADERS; i++) {
		free(request->headers[i]);
		request->headers[i] = NULL;
	}
}

static struct MHD_Response *create_response(struct http_response *response)
{
	struct MHD_Response *created;

	if (!response->body)
		return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	created = MHD_create_response_from_buffer(response->body_length, response->body, MHD_RESPMEM_MUST_FREE);
	if (created)
		response->body = NULL;
	return created;
}

static void add_header(struct MHD_Response *created, const char *name, const char *value)
{
	if (MHD_add_response_header(created, name, value) != MHD_YES)
		log_warning("http: answer without its header %s: the value cannot be sent", name);
}

/* Who does not know the time leaves it out (RFC 9110, 6.6.1). */
static void add_date(struct MHD_Response *created)
{
	const time_t now_s = (time_t)(now_read().wall_ns / NS_PER_S);
	struct tm utc;
	char text[sizeof("Sun, 06 Nov 1994 08:49:37 GMT")];

	if (now_is_clock_trusted() && gmtime_r(&now_s, &utc) &&
	    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc) > 0)
		add_header(created, MHD_HTTP_HEADER_DATE, text);
}

/* Consumes both. */
static enum MHD_Result send_with_head(struct MHD_Connection *connection, struct http_response *response,
				      struct MHD_Response *created)
{
	const int status = response->status;
	bool has_cache_control = false;

	if (!created) {
		http_response_clean(response);
		return MHD_NO;
	}
	for (size_t i = 0; i < response->n_headers; i++) {
		const struct http_header *header = &response->headers[i];

		has_cache_control |= strcasecmp(header->name, MHD_HTTP_HEADER_CACHE_CONTROL) == 0;
		add_header(created, header->name, header->value);
	}
	if (!has_cache_control)
		add_header(created, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache, private");
	if (response->content_type)
		add_header(created, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type);
	add_date(created);
	http_response_clean(response);

	enum MHD_Result result = MHD_queue_response(connection, (unsigned int)status, created);
	MHD_destroy_response(created); /* the connection has a reference of its own */
	return result;
}

enum MHD_Result mhd_response_send(struct MHD_Connection *connection, struct http_response *response)
{
	return send_with_head(connection, response, create_response(response));
}

enum MHD_Result mhd_response_send_stream(struct MHD_Connection *connection, struct http_response *response,
					 MHD_ContentReaderCallback reader, void *context)
{
	/* the size of a block matters only to answers of known length */
	return send_with_head(connection, response,
			      MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1024, reader, context, NULL));
}
