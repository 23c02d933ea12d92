/* SPDX-License-Identifier: MIT */
/*
 * Where a request comes from and under which URL it sees the API. What a proxy says (X-Forwarded-For, -Proto
 * and -Host) counts only when the peer is a trusted one: anybody can write these headers.
 */
#ifndef CORE_API_ORIGIN_H
#define CORE_API_ORIGIN_H

#include "core/api.h"
#include "core/api_target.h"

/* The client itself: the last address in the chain of proxies that is not a trusted one. */
struct ip_addr api_client_address(const struct api_settings *settings, const struct http_request *request);

/*
 * A new string such as "http://10.0.0.1:8087/api/v1", or NULL without memory. The configured base URL may or may
 * not end in the mount. A Host that is no host[:port] is never repeated.
 */
char *api_base_url(const struct api_settings *settings, const struct http_request *request,
		   const struct api_target *target);

#endif
