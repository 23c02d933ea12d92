/* SPDX-License-Identifier: MIT */
#include "core/config_value.h"

#include <ctype.h>
#include <jansson.h>
#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "core/link_choice.h"

#define LABEL_MAX_BYTES 255

static bool has_control_character(const char *value)
{
	for (; *value; value++)
		if (iscntrl((unsigned char)*value))
			return true;
	return false;
}

static bool has_space(const char *value)
{
	for (; *value; value++)
		if (isspace((unsigned char)*value))
			return true;
	return false;
}

static bool ends_with_slash(const char *value)
{
	const size_t length = strlen(value);

	return length && value[length - 1] == '/';
}

#define PATTERN_MAX_BYTES 63

/* Every bracket has an end behind at least one character (POSIX, 2.13.1); a lone one would mean itself, silently. */
static bool has_open_bracket(const char *value)
{
	for (const char *open = strchr(value, '['); open; open = strchr(open, '[')) {
		const char *set = open + 1 + (open[1] == '!' || open[1] == '^');

		open = *set ? strchr(set + 1, ']') : NULL;
		if (!open)
			return true;
	}
	return false;
}

/* The kernel's own rule: dev_valid_name() in net/core/dev.c; and shell patterns of such names. */
const char *config_value_interface(const char *value)
{
	if (!*value)
		return "is an empty interface name; name one interface in each pair of quotes";
	if (link_is_pattern(value) ? strlen(value) > PATTERN_MAX_BYTES : strlen(value) >= IFNAMSIZ)
		return "is longer than the 15 characters of an interface name; `ip link` lists the names";
	if (strcmp(value, ".") == 0 || strcmp(value, "..") == 0 || strpbrk(value, "/:\\") || has_space(value) ||
	    has_control_character(value))
		return "cannot be an interface name; `ip link` lists the names";
	if (has_open_bracket(value))
		return "has a '[' without its ']'; give a pattern such as wlan[01] or wlan*";
	return NULL;
}

static const char *check_path(const char *value)
{
	if (value[0] != '/')
		return "is not an absolute path; begin it with '/'";
	if (has_control_character(value))
		return "has a control character in it; give a plain path";
	return NULL;
}

const char *config_value_directory(const char *value)
{
	const char *reason = check_path(value);

	if (reason)
		return reason;
	/* room for the files inside */
	if (strlen(value) > PATH_MAX - NAME_MAX - 2)
		return "is too long for a directory; give a shorter path";
	if (value[strspn(value, "/")] == '\0')
		return "is the root directory; give a directory of its own";
	return NULL;
}

const char *config_value_socket(const char *value)
{
	const char *reason = check_path(value);

	if (reason)
		return reason;
	if (strlen(value) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return "is too long for a Unix socket; give a path of at most 107 characters";
	if (ends_with_slash(value))
		return "is a directory's name; give the path of the socket itself";
	return NULL;
}

/* Such text is handed out as JSON, which is UTF-8: jansson refuses what is not. */
static bool is_utf8(const char *value)
{
	json_t *probe = json_string(value);
	const bool is_valid = probe != NULL;

	json_decref(probe);
	return is_valid;
}

const char *config_value_label(const char *value)
{
	if (strlen(value) > LABEL_MAX_BYTES)
		return "is too long; give at most 255 bytes";
	if (has_control_character(value))
		return "has a control character in it; give one line of text";
	if (!is_utf8(value))
		return "is not UTF-8 text; save it in that encoding";
	return NULL;
}

/* Whether such a zone exists is for io/zone.c to say. */
const char *config_value_zone(const char *value)
{
	if (!*value)
		return "is no time zone; give a name such as Europe/Istanbul, or a POSIX string such as <+03>-3";
	if (strlen(value) > NAME_MAX || has_control_character(value) || has_space(value))
		return "is no time zone; give a name such as Europe/Istanbul, or a POSIX string such as <+03>-3";
	return NULL;
}

const char *config_value_address(const char *value)
{
	struct ip_addr ip;

	if (ip_parse(value, &ip) != 0)
		return "is not an IP address; give one of this machine, such as 127.0.0.1, or 0.0.0.0 or :: for all";
	if (ip_is_multicast(&ip))
		return "is a multicast address; give one of this machine, such as 127.0.0.1";
	return NULL;
}

const char *config_value_prefix(const char *value)
{
	struct ip_prefix prefix;

	if (ip_prefix_parse(value, &prefix) != 0)
		return "is not an address range; give an address or a range such as 10.0.0.0/8 or fd00::/8";
	return NULL;
}

const char *config_value_mount(const char *value)
{
	if (value[0] != '/')
		return "does not begin with '/'; give a path such as /api/v1";
	if (ends_with_slash(value))
		return "ends with '/'; give a path such as /api/v1, without a slash at its end";
	if (strlen(value) > NAME_MAX)
		return "is too long; give a path of at most 255 characters";
	if (strstr(value, "//"))
		return "has an empty part; give a path such as /api/v1";
	/* unreserved characters, which need no percent-encoding (RFC 3986, 2.3) */
	for (const char *c = value; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("/-._~", *c))
			return "may have letters, digits and -._~ between its slashes; give a path such as /api/v1";
	return NULL;
}

const char *config_value_base_url(const char *value)
{
	static const char *const schemes[] = {"https://", "http://"};
	const char *host = NULL;

	if (!*value)
		return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++)
		if (strncasecmp(value, schemes[i], strlen(schemes[i])) == 0)
			host = value + strlen(schemes[i]);
	if (!host)
		return "does not begin with http:// or https://; give a URL such as https://portal.example.com";
	if (!*host || strchr("/:?#", *host))
		return "names no host; give a URL such as https://portal.example.com";
	if (ends_with_slash(value))
		return "ends with '/'; leave that slash out";
	if (strlen(value) > LABEL_MAX_BYTES)
		return "is too long; give a URL of at most 255 characters";
	if (strpbrk(value, "?#\"<>\\^`{|}") || has_space(value) || has_control_character(value) || !is_utf8(value))
		return "is not the beginning of a URL; give scheme, host and path, such as https://portal.example.com";
	return NULL;
}

int config_value_boolean_parse(const char *value)
{
	static const struct {
		const char *text;
		int value;
	} words[] = {{"true", 1}, {"yes", 1}, {"on", 1}, {"1", 1}, {"false", 0}, {"no", 0}, {"off", 0}, {"0", 0}};

	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (strcasecmp(words[i].text, value) == 0)
			return words[i].value;
	return -1;
}
