/* SPDX-License-Identifier: MIT */
#include "core/api_origin.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

#define ALNUM "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
/* A DNS name has at most 253 characters (RFC 1035, 2.3.4), a port six with its colon. */
#define AUTHORITY_MAX 260

static bool is_trusted(const struct api_settings *settings, const struct ip_addr *ip)
{
	for (size_t i = 0; i < settings->n_trusted_proxies; i++) {
		if (ip_prefix_contains(&settings->trusted_proxies[i], ip))
			return true;
	}
	return false;
}

static bool is_behind_trusted(const struct api_settings *settings, const struct http_request *request)
{
	return !request->is_local_socket && is_trusted(settings, &request->peer);
}

/* One element of a list header: its text without blanks around it. */
struct element {
	const char *text;
	size_t length;
};

static struct element trimmed(const char *text, size_t length)
{
	while (length && strchr(" \t", *text)) {
		text++;
		length--;
	}
	while (length && strchr(" \t", text[length - 1]))
		length--;
	return (struct element){text, length};
}

/* "10.0.0.1", "10.0.0.1:4711", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:4711" */
static int parse_hop(struct element hop, struct ip_addr *out)
{
	char text[IP_TEXT_SIZE + sizeof("[]:65535")];
	const char *begin = text;
	char *colon;

	if (hop.length >= sizeof(text))
		return -EINVAL;
	memcpy(text, hop.text, hop.length);
	text[hop.length] = '\0';
	colon = strchr(text, ':');
	if (*text == '[') {
		begin++;
		text[strcspn(text, "]")] = '\0';
	} else if (colon && !strchr(colon + 1, ':')) {
		*colon = '\0';
	}
	return ip_parse(begin, out);
}

struct ip_addr api_client_address(const struct api_settings *settings, const struct http_request *request)
{
	struct ip_addr client = request->peer;
	const char *list = request->forwarded_for;
	size_t end = list ? strlen(list) : 0;

	if (!is_behind_trusted(settings, request))
		return client;
	while (end > 0 && is_trusted(settings, &client)) {
		size_t begin = end;

		while (begin > 0 && list[begin - 1] != ',')
			begin--;
		if (parse_hop(trimmed(list + begin, end - begin), &client))
			break; /* whom a proxy did not name properly, it vouches for itself */
		end = begin > 0 ? begin - 1 : 0;
	}
	return client;
}

/* The first of a list is what the client asked the outermost proxy for. */
static struct element first_of(const char *list)
{
	return list ? trimmed(list, strcspn(list, ",")) : (struct element){"", 0};
}

static bool is_span(const char *text, size_t length, const char *set)
{
	return length > 0 && strspn(text, set) >= length;
}

/* host[:port] of letters, digits, '.', '-' and '_', or [IPv6][:port] */
static bool is_authority(struct element authority)
{
	const char *host_end =
		memchr(authority.text, authority.length && *authority.text == '[' ? ']' : ':', authority.length);
	size_t host_length = host_end ? (size_t)(host_end - authority.text) : authority.length;
	const char *port = authority.text + host_length;
	size_t port_length;

	if (authority.length == 0 || authority.length > AUTHORITY_MAX)
		return false;
	if (*authority.text == '[') {
		if (!host_end || !is_span(authority.text + 1, host_length - 1, "0123456789ABCDEFabcdef:."))
			return false;
		port++;
	} else if (!is_span(authority.text, host_length, ALNUM ".-_")) {
		return false;
	}
	port_length = authority.length - (size_t)(port - authority.text);
	return port_length == 0 ||
	       (*port == ':' && port_length <= sizeof("65535") && is_span(port + 1, port_length - 1, "0123456789"));
}

static struct element authority_of(const struct api_settings *settings, const struct http_request *request,
				   const struct api_target *target)
{
	const char *candidates[] = {
		is_behind_trusted(settings, request) ? request->forwarded_host : NULL,
		target->authority, /* RFC 9112, 3.2.2: it overrides Host */
		request->host,
		request->local_authority,
	};

	for (size_t i = 0; i < ARRAY_LENGTH(candidates); i++) {
		struct element authority = first_of(candidates[i]);

		if (is_authority(authority))
			return authority;
	}
	return (struct element){"localhost", sizeof("localhost") - 1};
}

static const char *scheme_of(const struct api_settings *settings, const struct http_request *request)
{
	static const char *const schemes[] = {"http", "https"};
	struct element proto = first_of(is_behind_trusted(settings, request) ? request->forwarded_proto : NULL);

	for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
		if (proto.length == strlen(schemes[i]) && strncasecmp(proto.text, schemes[i], proto.length) == 0)
			return schemes[i];
	}
	return schemes[request->is_tls ? 1 : 0];
}

static bool ends_with(const char *text, size_t length, const char *end)
{
	size_t end_length = strlen(end);

	return length >= end_length && memcmp(text + length - end_length, end, end_length) == 0;
}

char *api_base_url(const struct api_settings *settings, const struct http_request *request,
		   const struct api_target *target)
{
	CLEANUP(strbuf_clean) struct strbuf url = STRBUF_INIT;
	const char *configured = settings->base_url ? settings->base_url : "";
	size_t length = strlen(configured);

	while (length && configured[length - 1] == '/')
		length--;
	if (length) {
		strbuf_append_bytes(&url, configured, length);
	} else {
		struct element authority = authority_of(settings, request, target);

		strbuf_append(&url, scheme_of(settings, request));
		strbuf_append(&url, "://");
		strbuf_append_bytes(&url, authority.text, authority.length);
	}
	if (length == 0 || !ends_with(configured, length, settings->mount))
		strbuf_append(&url, settings->mount);
	return strbuf_steal(&url);
}
