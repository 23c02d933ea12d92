/* SPDX-License-Identifier: MIT */
#include "core/api_origin.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"

static struct ip_prefix proxies[2];

/* 10.0.0.0/8 and 2001:db8::1 are trusted. */
static struct api_settings settings(void)
{
	cr_assert_eq(ip_prefix_parse("10.0.0.0/8", &proxies[0]), 0);
	cr_assert_eq(ip_prefix_parse("2001:db8::1", &proxies[1]), 0);
	return (struct api_settings){.mount = "/api/v1", .trusted_proxies = proxies, .n_trusted_proxies = 2};
}

static void expect_client(const char *peer, const char *forwarded_for, const char *expected)
{
	const struct api_settings trusted = settings();
	struct http_request request = {.forwarded_for = forwarded_for};
	struct ip_addr client;
	char text[IP_TEXT_SIZE];

	cr_assert_eq(ip_parse(peer, &request.peer), 0);
	client = api_client_address(&trusted, &request);
	cr_assert_str_eq(ip_format(&client, text), expected, "%s through %s: %s", peer, forwarded_for, text);
}

Test(api_origin, client_address)
{
	expect_client("192.0.2.1", NULL, "192.0.2.1");
	expect_client("192.0.2.1", "198.51.100.7", "192.0.2.1"); /* a stranger's claim */
	expect_client("10.0.0.1", NULL, "10.0.0.1");
	expect_client("10.0.0.1", "", "10.0.0.1");
	expect_client("10.0.0.1", "198.51.100.7", "198.51.100.7");
	expect_client("2001:db8::1", "198.51.100.7", "198.51.100.7");
	expect_client("2001:db8::2", "198.51.100.7", "2001:db8::2");
	/* from the right; what is further left was written by the client itself */
	expect_client("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7");
	expect_client("10.0.0.1", "203.0.113.9 ,\t198.51.100.7 , 10.0.0.2,10.0.0.3", "198.51.100.7");
	expect_client("10.0.0.1", "10.0.0.9, 10.0.0.8", "10.0.0.9");
	/* with ports and brackets */
	expect_client("10.0.0.1", "198.51.100.7:4711", "198.51.100.7");
	expect_client("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7");
	expect_client("10.0.0.1", "[2001:db8::7]", "2001:db8::7");
	expect_client("10.0.0.1", "2001:db8::7", "2001:db8::7");
	/* nonsense: the last that is known stands for it */
	expect_client("10.0.0.1", "unknown", "10.0.0.1");
	expect_client("10.0.0.1", "198.51.100.7, unknown, 10.0.0.2", "10.0.0.2");
	expect_client("10.0.0.1", ",", "10.0.0.1");
	expect_client("10.0.0.1", "198.51.100.7,", "10.0.0.1");
	expect_client("10.0.0.1",
		      "111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
		      "10.0.0.1");
}

static void expect_url(const struct http_request *request, const char *authority, const char *expected)
{
	const struct api_settings trusted = settings();
	const struct api_target target = {.authority = (char *)authority};
	CLEANUP_FREE char *url = api_base_url(&trusted, request, &target);

	cr_assert_str_eq(url, expected);
}

Test(api_origin, host_is_repeated_only_when_it_is_one)
{
	static const char *const good[] = {"a",           "hotspot.example", "Hot_Spot-1.example:8087",
					   "10.0.0.1:80", "[2001:db8::1]",   "[::ffff:10.0.0.1]:8443",
					   "a:1"};
	static const char *const bad[] = {
		NULL,  "",    "a b",       "a/b",         "a\"b",  "<script>", "a?b",    "a#b",    "user@host",
		"a:b", "a:",  "a:123456",  "a:80:80",     "[::1",  "[::1]x",   "[::1]:", "[]",     "[fe80::1%eth0]",
		"::1", ":80", "a\r\nX: y", "caf\xc3\xa9", "a%20b", "a\\b",     "-a/..",  "[g::1]", "[::1]:99999999",
	};
	char expected[512];
	char long_host[300];

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		const struct http_request request = {.host = good[i], .local_authority = "10.9.9.9:8087"};

		snprintf(expected, sizeof(expected), "http://%s/api/v1", good[i]);
		expect_url(&request, NULL, expected);
		/* RFC 9112, 3.2.2 */
		expect_url(&request, "of.target", "http://of.target/api/v1");
		expect_url(&request, "of target", expected);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		const struct http_request request = {.host = bad[i], .local_authority = "10.9.9.9:8087"};

		expect_url(&request, NULL, "http://10.9.9.9:8087/api/v1");
	}
	memset(long_host, 'a', sizeof(long_host) - 1);
	long_host[sizeof(long_host) - 1] = '\0';
	expect_url(&(struct http_request){.host = long_host}, NULL, "http://localhost/api/v1");
}

Test(api_origin, forwarded_host_and_proto_of_trusted_proxies)
{
	struct http_request request = {
		.host = "inner:8087", .forwarded_host = "portal.example, inner.proxy", .forwarded_proto = "HTTPS,http"};

	cr_assert_eq(ip_parse("10.0.0.1", &request.peer), 0);
	expect_url(&request, NULL, "https://portal.example/api/v1");
	request.forwarded_host = "a b";
	expect_url(&request, NULL, "https://inner:8087/api/v1");
	request.forwarded_proto = "javascript";
	expect_url(&request, NULL, "http://inner:8087/api/v1");
	request.forwarded_host = "portal.example";
	request.forwarded_proto = "https";
	cr_assert_eq(ip_parse("192.0.2.1", &request.peer), 0);
	expect_url(&request, NULL, "http://inner:8087/api/v1");
	/* the Unix socket has no peer that could be a proxy */
	cr_assert_eq(ip_parse("10.0.0.1", &request.peer), 0);
	request.is_local_socket = true;
	expect_url(&request, NULL, "http://inner:8087/api/v1");
}
