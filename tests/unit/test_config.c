/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/config.h"
#include "core/config_text.h"

struct reports {
	int n;
	char last[512];
};

static void collect(void *context, int line, const char *text)
{
	struct reports *reports = context;

	(void)line;
	reports->n++;
	snprintf(reports->last, sizeof(reports->last), "%s", text);
}

Test(config, defaults_are_those_of_the_design)
{
	CLEANUP(config_clean) struct config config;

	cr_assert_eq(config_init(&config), 0);
	cr_expect_eq(config.n_interfaces, 0);
	cr_expect_eq(config.n_bridges, 0);
	cr_expect_not(config.wait_for_interfaces);
	cr_expect_eq(config.source, CONFIG_SOURCE_AUTO);
	cr_expect_eq(config.attach, CONFIG_ATTACH_AUTO);
	cr_expect_eq(config.max_addresses, 16384);
	cr_expect_str_eq(config.bpffs_dir, "/sys/fs/bpf/octetd");
	cr_expect(config.keep_counting);
	cr_expect_eq(config.collect_interval_ms, 1000);
	cr_expect_eq(config.max_staleness_ms, 250);
	cr_expect_eq(config.max_addresses_per_mac, 32);
	cr_expect_eq(config.idle_timeout_s, 300);
	cr_expect_eq(config.start, SESSION_START_TRAFFIC);
	cr_expect_eq(config.login_wait_s, 300);
	cr_expect_eq(config.relogin_s, 7200);
	cr_expect_eq(config.max_guests, 16384);
	cr_expect_not(config.lost_on_neighbour);
	cr_expect_not(config.lost_on_bridge);
	cr_expect_not(config.lost_on_interface);
	cr_expect_eq(config.n_profiles, 0);
	cr_expect_eq(config.history_max_days, 365);
	cr_expect_eq(config.history_max_sessions, 1000000);
	cr_expect_str_eq(config.state_dir, "/var/lib/octetd");
	cr_expect_eq(config.flush_interval_s, 60);
	cr_expect_null(config.location_id);
	cr_expect_null(config.location_name);
	cr_expect_str_eq(config.time_zone, "UTC");
	cr_expect_str_eq(config.listen_address, "127.0.0.1");
	cr_expect_eq(config.listen_port, 8087);
	cr_expect_str_eq(config.socket_path, "/run/octetd.sock");
	cr_expect_str_eq(config.mount, "/api/v1");
	cr_expect_null(config.base_url);
	cr_expect_eq(config.rate_limit_per_minute, 60);
	cr_expect_eq(config.n_trusted_proxies, 0);
	cr_expect_str_eq(config.log_level, "info");
}

/* The kinds of field differ; each range must fit the field it is stored in. */
Test(config, each_integer_takes_its_bounds_and_nothing_beyond)
{
	CLEANUP(config_clean) struct config config;
	size_t n_keys;
	const struct config_key *keys = config_keys(&n_keys);
	char error[CONFIG_ERROR_SIZE];
	char text[32];

	cr_assert_eq(config_init(&config), 0);
	for (size_t i = 0; i < n_keys; i++) {
		if (keys[i].type != CONFIG_INTEGER)
			continue;
		const int64_t values[] = {keys[i].min, keys[i].max, keys[i].min - 1, keys[i].max + 1};
		for (size_t k = 0; k < ARRAY_LENGTH(values); k++) {
			snprintf(text, sizeof(text), "%lld", (long long)values[k]);
			cr_expect_eq(config_set(&config, keys[i].name, text, error, sizeof(error)), k < 2 ? 0 : -EINVAL,
				     "%s = %s", keys[i].name, text);
		}
	}
	cr_expect_eq(config.listen_port, 65535);
	cr_expect_eq(config.max_addresses, 1048575);
	cr_expect_eq(config.idle_timeout_s, 2592000);
	cr_expect_eq(config.rate_limit_per_minute, 1000000);
}

static const struct {
	const char *key;
	const char *value;
	const char *says; /* NULL: is accepted */
} cases[] = {
	{"idle_timeout_s", "60", NULL},
	{"idle_timeout_s", "+60", NULL},
	{"idle_timeout_s", "abc", "'abc' is not a whole number; give one from 1 to 2592000"},
	{"idle_timeout_s", "", "'' is not a whole number"},
	{"idle_timeout_s", "-", "'-' is not a whole number"},
	{"idle_timeout_s", " 5", "' 5' is not a whole number"},
	{"idle_timeout_s", "5 ", "'5 ' is not a whole number"},
	{"idle_timeout_s", "5s", "'5s' is not a whole number"},
	{"idle_timeout_s", "1e3", "'1e3' is not a whole number"},
	{"idle_timeout_s", "0x10", "'0x10' is not a whole number"},
	{"idle_timeout_s", "2.5", "'2.5' is not a whole number"},
	{"idle_timeout_s", "0", "'0' is out of range; give a whole number from 1 to 2592000"},
	{"idle_timeout_s", "-5", "'-5' is out of range"},
	{"idle_timeout_s", "9223372036854775808", "'9223372036854775808' is out of range"},
	{"listen_port", "65536", "out of range"},
	{"listen_port", "-1", "out of range"},
	{"max_addresses", "4294967297", "out of range"}, /* 1 in 32 bits */
	{"max_addresses", "99999999999999999999999999", "out of range"},
	{"keep_counting", "FALSE", NULL},
	{"keep_counting", "on", NULL},
	{"keep_counting", "maybe", "'maybe' is neither true nor false"},
	{"keep_counting", "", "neither true nor false"},
	{"source", "pcap", NULL},
	{"source", "bpf", NULL},
	{"source", "PCAP", "give one of auto, bpf, pcap"},
	{"source", "", "give one of auto, bpf, pcap"},
	{"attach", "clsact", NULL},
	{"attach", "TCX", "give one of auto, tcx, clsact"},
	{"start", "login", NULL},
	{"start", "Login", "'Login' is no choice here; give one of traffic, login"},
	{"start", "", "give one of traffic, login"},
	{"login_wait_s", "0", "out of range; give a whole number from 1 to 86400"},
	{"relogin_s", "0", NULL},
	{"relogin_s", "2592001", "out of range"},
	{"lost_on_bridge", "yes", NULL},
	{"history_max_days", "0", NULL},
	{"history_max_days", "36501", "out of range"},
	{"history_max_sessions", "-1", "out of range"},
	{"log_level", "debug", NULL},
	{"log_level", "loud", "give one of error, warning, info, debug"},
	{"interfaces", "br-guest,wlan0.20", NULL},
	{"interfaces", "abcdefghijklmno", NULL},
	{"interfaces", "abcdefghijklmnop", "longer than the 15 characters"},
	{"interfaces", "a,,b", "empty interface name"},
	{"interfaces", "a,", "empty interface name"},
	{"interfaces", "a,b,a", "'a' is named twice"},
	{"interfaces", "br guest", "'br guest' cannot be an interface name"},
	{"interfaces", "a/b", "cannot be an interface name"},
	{"interfaces", "..", "cannot be an interface name"},
	{"interfaces", "wlan*,eth?,wlan[!01]", NULL},
	{"interfaces", "wlan[0123456789]", NULL},
	{"interfaces", "wlan[]a]", NULL},
	{"interfaces", "wlan[0", "has a '[' without its ']'"},
	{"interfaces", "wlan[]", "has a '[' without its ']'"},
	{"interfaces", "wlan[0]x[", "has a '[' without its ']'"},
	{"interfaces", "wlan\\*", "cannot be an interface name"},
	{"interfaces", "*234567890123456789012345678901234567890123456789012345678901234", "is longer than"},
	{"bridges", "br-guest,br-*", NULL},
	{"bridges", "a/b", "cannot be an interface name"},
	{"wait_for_interfaces", "true", NULL},
	{"trusted_proxies", "10.0.0.0/8,fd00::/8,192.0.2.1", NULL},
	{"trusted_proxies", "", NULL},
	{"trusted_proxies", "10.0.0.0/33", "'10.0.0.0/33' is not an address range"},
	{"trusted_proxies", "proxy.example.com", "not an address range"},
	{"listen_address", "::", NULL},
	{"listen_address", "0.0.0.0", NULL},
	{"listen_address", "localhost", "'localhost' is not an IP address"},
	{"listen_address", "127.0.0.1:80", "not an IP address"},
	{"listen_address", "", "not an IP address"},
	{"listen_address", "239.1.2.3", "multicast"},
	{"mount", "/guest-api/v1.0", NULL},
	{"mount", "api/v1", "does not begin with '/'"},
	{"mount", "/api/v1/", "ends with '/'"},
	{"mount", "/", "ends with '/'"},
	{"mount", "", "does not begin with '/'"},
	{"mount", "/api//v1", "empty part"},
	{"mount", "/api?x", "letters, digits"},
	{"mount", "/a b", "letters, digits"},
	{"base_url", "https://portal.example.com:8443/x", NULL},
	{"base_url", "HTTP://[fd00::1]", NULL},
	{"base_url", "", NULL},
	{"base_url", "portal.example.com", "does not begin with http:// or https://"},
	{"base_url", "ftp://portal", "does not begin with http:// or https://"},
	{"base_url", "https://", "names no host"},
	{"base_url", "https:///x", "names no host"},
	{"base_url", "https://portal/", "ends with '/'"},
	{"base_url", "https://portal/?a=b", "not the beginning of a URL"},
	{"state_dir", "state", "not an absolute path"},
	{"state_dir", "/", "root directory"},
	{"state_dir", "", "not an absolute path"},
	{"bpffs_dir", "/sys/fs/bpf/x\n", "control character"},
	{"socket_path", "/run/", "directory's name"},
	{"socket_path", "run/x", "not an absolute path"},
	{"location_name", "Cafe \xc3\xa9toile", NULL},
	{"location_name", "Caf\xe9", "not UTF-8"},
	{"location_name", "a\nb", "'a?b' has a control character"},
	{"time_zone", "Europe/Istanbul", NULL},
	{"time_zone", "", "is no time zone"},
	{"no_such_key", "1", "is not a key"},
	{"idle_timout_s", "1", "did you mean idle_timeout_s?"},
};

Test(config, values_are_accepted_or_refused_with_value_and_remedy)
{
	char error[CONFIG_ERROR_SIZE];

	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		CLEANUP(config_clean) struct config config;
		cr_assert_eq(config_init(&config), 0);
		const int result = config_set(&config, cases[i].key, cases[i].value, error, sizeof(error));
		const bool is_refused = result == -EINVAL || result == -ENOENT;
		cr_expect_eq(is_refused, cases[i].says != NULL, "%s = '%s': %s", cases[i].key, cases[i].value, error);
		cr_expect(!cases[i].says || strstr(error, cases[i].says), "%s = '%s': %s", cases[i].key, cases[i].value,
			  error);
	}
}

Test(config, paths_end_where_the_kernel_ends_them)
{
	CLEANUP(config_clean) struct config config;
	char error[CONFIG_ERROR_SIZE];
	char path[5000] = "/";

	cr_assert_eq(config_init(&config), 0);
	memset(path + 1, 'x', sizeof(path) - 2);
	cr_expect_eq(config_set(&config, "state_dir", path, error, sizeof(error)), -EINVAL);
	path[108] = '\0'; /* sun_path has 108 bytes with the NUL (unix(7)) */
	cr_expect_eq(config_set(&config, "socket_path", path, error, sizeof(error)), -EINVAL);
	cr_expect(strstr(error, "...'"), "a long value is shortened: %s", error);
	path[107] = '\0';
	cr_expect_eq(config_set(&config, "socket_path", path, error, sizeof(error)), 0);
	cr_expect_str_eq(config.socket_path, path);
}

Test(config, lists_replace_what_was_there_and_a_refusal_changes_nothing)
{
	CLEANUP(config_clean) struct config config;
	char error[CONFIG_ERROR_SIZE];
	char many[1024] = "";

	cr_assert_eq(config_init(&config), 0);
	cr_assert_eq(config_set(&config, "interfaces", "a,b,c", error, sizeof(error)), 0);
	cr_assert_eq(config_set(&config, "interfaces", "d,e", error, sizeof(error)), 0);
	cr_expect_eq(config_set(&config, "interfaces", "f,,", error, sizeof(error)), -EINVAL);
	cr_assert_eq(config.n_interfaces, 2);
	cr_expect_str_eq(config.interfaces[0], "d");
	cr_expect_str_eq(config.interfaces[1], "e");

	cr_assert_eq(config_set(&config, "trusted_proxies", "10.0.0.0/8", error, sizeof(error)), 0);
	cr_assert_eq(config.n_trusted_proxies, 1);
	cr_expect_eq(config.trusted_proxies[0].n_bits, 104);
	cr_assert_eq(config_set(&config, "trusted_proxies", "", error, sizeof(error)), 0);
	cr_expect_eq(config.n_trusted_proxies, 0);

	for (int i = 0; i < 65; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "%si%d", i ? "," : "", i);
	cr_expect_eq(config_set(&config, "interfaces", many, error, sizeof(error)), -EINVAL);
	cr_expect(strstr(error, "more than 64"), "%s", error);
	*strrchr(many, ',') = '\0';
	cr_expect_eq(config_set(&config, "interfaces", many, error, sizeof(error)), 0);
	cr_expect_eq(config.n_interfaces, 64);
}

Test(config, empty_text_unsets_what_has_no_default)
{
	CLEANUP(config_clean) struct config config;
	char error[CONFIG_ERROR_SIZE];

	cr_assert_eq(config_init(&config), 0);
	cr_assert_eq(config_set(&config, "location_id", "L1", error, sizeof(error)), 0);
	cr_expect_str_eq(config.location_id, "L1");
	cr_assert_eq(config_set(&config, "location_id", "", error, sizeof(error)), 0);
	cr_expect_null(config.location_id);
}

Test(config, check_demands_interfaces_and_nothing_else_of_the_defaults)
{
	CLEANUP(config_clean) struct config config;
	struct reports reports = {0};
	char error[CONFIG_ERROR_SIZE];

	cr_assert_eq(config_init(&config), 0);
	cr_expect_eq(config_check(&config, collect, &reports), 1);
	cr_expect_eq(reports.n, 1);
	cr_expect(strncmp(reports.last, "interfaces: ", 12) == 0, "%s", reports.last);
	cr_assert_eq(config_set(&config, "interfaces", "br-guest", error, sizeof(error)), 0);
	cr_expect_eq(config_check(&config, collect, &reports), 0);
}

Test(config, check_takes_a_bridge_or_its_ports)
{
	CLEANUP(config_clean) struct config config;
	struct reports reports = {0};
	char error[CONFIG_ERROR_SIZE];

	cr_assert_eq(config_init(&config), 0);
	cr_assert_eq(config_set(&config, "bridges", "br-guest,br-b", error, sizeof(error)), 0);
	cr_expect_eq(config_check(&config, collect, &reports), 0, "%s", reports.last);
	cr_expect_str_eq(config.bridges[1], "br-b");
	cr_assert_eq(config_set(&config, "interfaces", "wlan0,br-b", error, sizeof(error)), 0);
	cr_expect_eq(config_check(&config, collect, &reports), 1);
	cr_expect(strncmp(reports.last, "bridges: 'br-b' is among interfaces too", 39) == 0, "%s", reports.last);
}

Test(config, check_sees_combinations_and_fields_set_by_hand)
{
	CLEANUP(config_clean) struct config config;
	struct reports reports = {0};
	char error[CONFIG_ERROR_SIZE];

	cr_assert_eq(config_init(&config), 0);
	cr_assert_eq(config_set(&config, "interfaces", "a,b", error, sizeof(error)), 0);
	config.collect_interval_ms = 2000;
	config.idle_timeout_s = 1;
	cr_expect_eq(config_check(&config, collect, &reports), 1);
	cr_expect(strstr(reports.last, "idle_timeout_s: '1' is shorter than collect_interval_ms (2000 ms)"), "%s",
		  reports.last);
	config.idle_timeout_s = 2;
	cr_expect_eq(config_check(&config, collect, &reports), 0);

	config.idle_timeout_s = INT64_MAX;
	config.attach = CONFIG_N_ATTACH;
	config.interfaces[1][0] = 'a';
	free(config.mount);
	config.mount = NULL;
	reports = (struct reports){0};
	config.lines[CONFIG_KEY_MOUNT] = 7;
	cr_expect_eq(config_check(&config, collect, &reports), 4);
	cr_expect_eq(reports.n, 4);
}

Test(config, suggestions_are_near_or_absent)
{
	cr_expect_str_eq(config_key_suggest("interface"), "interfaces");
	cr_expect_str_eq(config_key_suggest("idle_timeout"), "idle_timeout_s");
	cr_expect_str_eq(config_key_suggest("collect_interval_s"), "collect_interval_ms");
	cr_expect_null(config_key_suggest("x"));
	cr_expect_null(config_key_suggest(""));
	cr_expect_null(config_key_suggest("profile"));
	cr_expect_null(config_key_suggest("an_option_with_a_name_longer_than_any_key_could_reasonably_have_at_all"));
}

/* The index of a choice is the value of its enum. */
Test(config, choices_are_stored_as_what_they_are_called)
{
	CLEANUP(config_clean) struct config config;
	char error[CONFIG_ERROR_SIZE];
	size_t n_keys;
	const struct config_key *keys = config_keys(&n_keys);
	int n_choices = 0;

	cr_assert_eq(config_init(&config), 0);
	for (size_t i = 0; i < n_keys; i++)
		for (size_t k = 0; keys[i].choices && keys[i].choices[k]; k++, n_choices++)
			cr_expect_eq(config_set(&config, keys[i].name, keys[i].choices[k], error, sizeof(error)), 0,
				     "%s", error);
	cr_expect_eq(n_choices, 12);
	cr_expect_eq(config.source, CONFIG_SOURCE_PCAP);
	cr_expect_eq(config.attach, CONFIG_ATTACH_CLSACT);
	cr_expect_eq(config.start, SESSION_START_LOGIN);
	for (size_t k = 0; keys[CONFIG_KEY_LOG_LEVEL].choices[k]; k++)
		cr_expect_eq(log_level_parse(keys[CONFIG_KEY_LOG_LEVEL].choices[k]), (int)k);
	cr_expect_eq(config_set(&config, "source", "bpf", error, sizeof(error)), 0);
	cr_expect_eq(config.source, CONFIG_SOURCE_BPF);
	cr_expect_eq(config_set(&config, "attach", "tcx", error, sizeof(error)), 0);
	cr_expect_eq(config.attach, CONFIG_ATTACH_TCX);
}

Test(config, every_key_is_told_in_one_line)
{
	size_t n_keys;
	const struct config_key *keys = config_keys(&n_keys);

	for (size_t i = 0; i < n_keys; i++) {
		cr_expect(keys[i].help && *keys[i].help && !strchr(keys[i].help, '\n'), "%s", keys[i].name);
		cr_expect_eq(config_key_find(keys[i].name), &keys[i]);
	}
	cr_expect_null(config_key_find("no_such_key"));
}

static const struct {
	const char *text;
	const char *blanked; /* NULL: a mistake */
	int line;
	const char *reason;
} texts[] = {
	{"a = 1 # one\nb = 2\n", "a = 1      \nb = 2\n", 0, NULL},
	{"// x\n/* y\n z */c", "    \n    \n     c", 0, NULL},
	{"a = \"# no // comment /* here\"", "a = \"# no // comment /* here\"", 0, NULL},
	{"a = '#' \"\\\"#\" '\\'#'", "a = '#' \"\\\"#\" '\\'#'", 0, NULL},
	{"a = \"${X:-\"}#\"", "a = \"${X:-\"}#\"", 0, NULL},
	{"a = ${X:-'}#", "a = ${X:-'} ", 0, NULL},
	{"/**/ a /*/ b */", "     a         ", 0, NULL},
	{"", "", 0, NULL},
	{"a = \"\\x41\\x0a\\101\\n\\\\\"", "a = \"\\x41\\x0a\\101\\n\\\\\"", 0, NULL},
	{"a = 1\n/* open\n", NULL, 2, "a comment"},
	{"/*/", NULL, 1, "a comment"},
	{"a\n\nb = \"open\nc = 1\n", NULL, 3, "a text in quotes"},
	{"b = 'open\\'", NULL, 1, "a text in quotes"},
	{"b = \"open\\", NULL, 1, "a text in quotes"},
	{"a\nb = \"\n\\400\"", NULL, 3, "these digits"},
	{"b = \"\\8\"", NULL, 1, "these digits"},
	{"b = \"\\1234\"", NULL, 1, "these digits"},
	{"b = \"x\\0y\"", NULL, 1, "these digits"},
	{"b = \"x\\x00y\"", NULL, 1, "these digits"},
	{"b = \"x\\x0\"", NULL, 1, "these digits"},
};

Test(config_text, comments_are_blanked_and_what_is_not_closed_is_found)
{
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		CLEANUP_FREE char *text = strdup(texts[i].text);
		const char *reason = NULL;
		cr_assert_not_null(text);
		const char *bad = config_text_blank_comments(text, &reason);
		cr_assert_eq(bad == NULL, texts[i].blanked != NULL, "%s", texts[i].text);
		if (!bad) {
			cr_expect_str_eq(text, texts[i].blanked);
			continue;
		}
		cr_expect_eq(config_text_line(text, bad), texts[i].line, "%s", texts[i].text);
		cr_expect(strncmp(reason, texts[i].reason, strlen(texts[i].reason)) == 0, "%s: %s", texts[i].text,
			  reason);
	}
}

Test(config_text, words_are_found_whole)
{
	static const char text[] = "a = 1\nmount_x = 2\nmount\nb\nmount";

	cr_expect_eq(config_text_line_of_word(text, "mount", 4), 3);
	cr_expect_eq(config_text_line_of_word(text, "mount", 9), 5);
	cr_expect_eq(config_text_line_of_word(text, "zone", 4), 4);
	cr_expect_eq(config_text_line_of_word(text, "", 2), 2);
}

Test(config_text, the_last_assignment_to_a_key_is_found)
{
	char text[] = "mount_x = 1\nnot_mount = 2\n mount=3\nmount\n += {}\nb = \"mount = '5\"\nc = 'mount = 6' \nd = "
		      "mount\n";

	cr_expect_eq(config_text_line_of_key(text, "mount"), 4);
	cr_expect_eq(config_text_line_of_key(text, "mount_x"), 1);
	cr_expect_eq(config_text_line_of_key(text, "d"), 8);
	cr_expect_eq(config_text_line_of_key(text, "zone"), 0);
}
