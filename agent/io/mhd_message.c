/* SPDX-License-Identifier: MIT */
#include "io/mhd_message.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/strbuf.h"

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
	{"X-Forwarded-For", offsetof(struct http_request, forwarded_for), REPEATED_JOINED},
	{"X-Forwarded-Proto", offsetof(struct http_request, forwarded_proto), REPEATED_LAST},
	{"X-Forwarded-Host", offsetof(struct http_request, forwarded_host), REPEATED_LAST},
};

/* Without memory the value stays what it was: the part that is farther from us. */
static void join(struct mhd_request *out, const char *value)
{
	struct strbuf joined = STRBUF_INIT;

	strbuf_append_format(&joined, "%s, %s", out->request.forwarded_for, value);

	char *text = strbuf_steal(&joined);
	if (!text)
		return;
	free(out->forwarded_for);
	out->forwarded_for = text;
	out->request.forwarded_for = text;
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct mhd_request *out = context;

	(void)kind;
	if (!name || !value)
		return MHD_YES;
	for (size_t i = 0; i < ARRAY_LENGTH(known_headers); i++) {
		if (strcasecmp(name, known_headers[i].name) != 0)
			continue;

		const char **field = (const char **)((char *)&out->request + known_headers[i].offset);
		if (!*field || known_headers[i].rule == REPEATED_LAST)
			*field = value;
		else if (known_headers[i].rule == REPEATED_JOINED)
			join(out, value);
	}
	return MHD_YES;
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

void mhd_request_read(struct MHD_Connection *connection, const char *method, struct mhd_request *out)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	uint16_t port;

	memset(out, 0, sizeof(*out));
	out->request.method = method;
	MHD_get_connection_values(connection, MHD_HEADER_KIND, take_header, out);
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

void mhd_request_clean(struct mhd_request *request)
{
	free(request->forwarded_for);
	request->forwarded_for = NULL;
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

enum MHD_Result mhd_response_send(struct MHD_Connection *connection, struct http_response *response)
{
	struct MHD_Response *created = create_response(response);
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
	http_response_clean(response);

	enum MHD_Result result = MHD_queue_response(connection, (unsigned int)status, created);
	MHD_destroy_response(created); /* the connection has a reference of its own */
	return result;
}
