/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "io/config_file.h"

#define EXAMPLE_FILE "scripts/octetd.conf"

static void collect(void *context, int line, const char *text)
{
	strbuf_append_format(context, "%d: %s\n", line, text);
}

static int read_path(const char *path, struct config *config, struct strbuf *reports)
{
	cr_assert_eq(config_init(config), 0);
	return config_file_read(path, config, collect, reports);
}

/* Reads the bytes as a file. The caller cleans config and reports. */
static int read_bytes(const char *bytes, size_t length, struct config *config, struct strbuf *reports)
{
	char path[] = "/tmp/octetd-config-XXXXXX";
	const int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, length), (ssize_t)length);
	close(fd);
	const int result = read_path(path, config, reports);
	unlink(path);
	return result;
}

static int read_text(const char *text, struct config *config, struct strbuf *reports)
{
	return read_bytes(text, strlen(text), config, reports);
}

Test(config_file, keys_are_set_and_the_others_keep_their_defaults)
{
	CLEANUP(config_clean) struct config config;
	CLEANUP(strbuf_clean) struct strbuf reports = STRBUF_INIT;

	const int result = read_text("# comment\n"
				     "interfaces = {\"br-guest\", 'wlan1', # in a list\n"
				     "  wlan2}\r\n"
				     "interfaces += {\"a,b\"}\n"
				     "idle_timeout_s = 60 // another\n"
				     "listen_port=\"0\"\n"
				     "keep_counting = no\n"
				     "attach = tcx\n"
				     "location_name = \"Caf\\xc3\\xa9 #1\"\n"
				     "time_zone = \"<+03>-3\"\n"
				     "trusted_proxies = 10.0.0.0/8\n",
				     &config, &reports);
	cr_assert_eq(result, 0, "%s", reports.text);
	cr_assert_eq(config.n_interfaces, 4);
	cr_expect_str_eq(config.interfaces[0], "br-guest");
	cr_expect_str_eq(config.interfaces[1], "wlan1");
	cr_expect_str_eq(config.interfaces[2], "wlan2");
	cr_expect_str_eq(config.interfaces[3], "a,b");
	cr_expect_eq(config.idle_timeout_s, 60);
	cr_expect_eq(config.listen_port, 0);
	cr_expect_not(config.keep_counting);
	cr_expect_eq(config.attach, CONFIG_ATTACH_TCX);
	cr_expect_str_eq(config.location_name, "Caf\xc3\xa9 #1");
	cr_expect_str_eq(config.time_zone, "<+03>-3");
	cr_expect_eq(config.n_trusted_proxies, 1);
	cr_expect_eq(config.flush_interval_s, 60);
	cr_expect_str_eq(config.mount, "/api/v1");
}

static const struct {
	const char *text;
	const char *reports; /* beginnings of the lines, in order */
} mistakes[] = {
	{"", ""},
	{"# only a comment", ""},
	{"\xef\xbb\xbfidle_timeout_s = 5\n", ""},
	{"trusted_proxies = {}\n", ""},
	/* values, each with its line, whatever comments stand before */
	{"# 1\n/* 2\n 3 */\nidle_timeout_s = abc\n", "4: idle_timeout_s: 'abc' is not a whole number; give one from"},
	{"idle_timeout_s = 0\nlisten_port = 70000\nlisten_port = -1\n",
	 "1: idle_timeout_s: '0' is out of range|2: listen_port: '70000' is out of range"
	 "|3: listen_port: is set already in line 2|3: listen_port: '-1' is out of range"},
	{"max_addresses = 99999999999999999999\n", "1: max_addresses: '99999999999999999999' is out of range"},
	{"keep_counting = maybe\nattach = xdp\n",
	 "1: keep_counting: 'maybe' is neither|2: attach: 'xdp' is no choice here; give one of auto, tcx, clsact"},
	{"time_zone = \"Mars/Olympus\"\n", "1: time_zone: 'Mars/Olympus' is no known time zone"},
	{"time_zone = \"../../etc/passwd\"\n", "1: time_zone: '../../etc/passwd' is no known time zone"},
	{"listen_address = localhost\nmount = api\n\nmount = \"/api/\"\n",
	 "1: listen_address: 'localhost' is not an IP|2: mount: 'api' does not begin|4: mount: is set already in line 2"
	 "|4: mount: '/api/' ends with"},
	{"base_url = portal.example.com", "1: base_url: 'portal.example.com' does not begin with http://"},
	{"trusted_proxies = {10.0.0.0/8,\n\n10.0.0.0/99}", "3: trusted_proxies: '10.0.0.0/99' is not an address range"},
	{"interfaces = {\"a\",\n\"\",\n\"sixteen-letters-\"}\n",
	 "2: interfaces: '' is an empty interface name|3: interfaces: 'sixteen-letters-' is longer"},
	{"interfaces = {\n\"a\",\n\"b\",\n\"a\"}", "4: interfaces: 'a' is named twice"},
	{"interfaces = {a}\ninterfaces = {b}\n", "2: interfaces: is set already in line 1"},
	{"interfaces = {a}\ninterfaces += {a}\n", "2: interfaces: 'a' is named twice"},
	/* unknown keys, all of them, beside bad values */
	{"idle_timout_s = 5\nfoo = {1, 2}\nlisten_port = x\nbar = {}\nfoo = 3\n",
	 "1: 'idle_timout_s' is not a key; did you mean idle_timeout_s?|2: 'foo' is not a key; the example"
	 "|3: listen_port: 'x' is not|4: 'bar' is not a key"},
	{"listen_port = x\nsection \"60 minutes\" {\n a = 1\n}\n", "1: listen_port: 'x'|2: 'section' is not a key"},
	{"start = now\n", "1: start: 'now' is no choice here; give one of traffic, login"},
	/* profiles: keys and values, each with its line, wherever the section began */
	{"profile a {\n session_timeout = -1 idle_timeout = 1h\n\n max_bytes_up = 9300000TB\n}\n",
	 "2: profile 'a': session_timeout: '-1' is out of range; give a whole number of seconds from 0 to 4294967295"
	 "|2: profile 'a': idle_timeout: '1h' is no time; give whole seconds"
	 "|4: profile 'a': max_bytes_up: '9300000TB' is out of range; give a whole number of octets"},
	{"profile a {\n idle_timeout = 1\n idle_timeout = 2\n}\nprofile b { idle_timeout = 3 }\n",
	 "3: profile 'a': idle_timeout: is set already in line 2"},
	{"# profile\nprofile a {\n max_byte_up = 1\n mount = 5\n}\nmount = 6\nmax_byte_up = 7\nidle_timeout = 4\n",
	 "3: 'max_byte_up' is not a key of a profile; did you mean max_bytes_up?"
	 "|4: 'mount' is not a key of a profile; those are session_timeout, idle_timeout, max_bytes_total, "
	 "max_bytes_down and max_bytes_up|6: mount: '6' does not begin|7: 'max_byte_up' is not a key;"
	 "|8: 'idle_timeout' is a key of a profile; write it in profile \"NAME\""},
	{"profile a {\n max = {1, 2}\n}\nprofile b {\n max = 3\n max = 4\n}\nprofile c { min = 1 max += 5\n}\n",
	 "2: 'max' is not a key of a profile|5: 'max' is not|6: 'max' is not|8: 'min' is not|8: 'max' is not"},
	/* their names */
	{"profile a {}\nprofile b\n{\n}\nprofile\na\n{\n idle_timeout = 3\n}\n",
	 "5: profile 'a': is there already in line 1; remove or rename one of them"},
	{"profile \"\" {}\nprofile \"a\\n\" {}\nprofile \"caf\\xe9\" {}\n",
	 "1: profile: '' is an empty name; give|2: profile: 'a?' has a control character"
	 "|3: profile: 'caf\xe9' is not UTF-8"},
	{"profil a {}\n", "1: 'profil' is not a key; did you mean profile \"NAME\" { ... }?"},
	/* their syntax */
	{"\nprofile\n{}\n", "2: missing title for section 'profile'; write profile \"NAME\" {"},
	{"profile = a\n", "1: missing title for section 'profile'; write profile \"NAME\" {"},
	{"profile a\n\nmount = \"/x\"\n", "1: missing opening brace for section 'profile'; write profile \"NAME\" {"},
	{"profile a {\n idle_timeout 5\n}\n", "2: missing equal sign after option 'idle_timeout'; write KEY"},
	{"profile a {\n profile b {}\n}\n", "2: 'profile' is not a key of a profile;"},
	{"profile a {\n profile|b = 1\n}\n", "2: no sub-section title/index for 'profile'; a key has no '"},
	{"profile|b = 1\n", "1: no sub-section title/index for 'profile'; a key has no '"},
	{"location_id = \"{\"\nprofile a {\n idle_timeout = 5\n\n", "2: a brace opens here and is not closed"},
	{"profile a {\n idle_timeout = \n\n", "2: premature end of file"},
	/* syntax: the first, after what can be said about the lines before it */
	{"listen_port = x\n\nidle_timeout_s 300\n", "1: listen_port: 'x'|3: missing equal sign after option 'idle_t"},
	{"idle_timeout_s\n\nlisten_port = 1\n", "1: missing equal sign after option 'idle_timeout_s'; write KEY"},
	{"# x\ninterfaces = {\"a\"\n\n", "2: premature end of file; a value or a closing brace is missing"},
	{"idle_timeout_s =\n", "1: premature end of file"},
	{"a_b = 1\n}\n", "1: 'a_b' is not a key|2: unexpected closing brace"},
	{"idle_timeout_s = {5}\n", "1: unexpected token '{'; write KEY = VALUE for one value"},
	{"idle_timeout_s += 5\n", "1: attempt to append to non-list option 'idle_timeout_s'; write KEY"},
	{"= 5\n", "1: unexpected token '='"},
	{"listen_port = x\n\nmount = \"/api\nlog_level = info\n",
	 "1: listen_port: 'x'|3: a text in quotes begins here"},
	{"mount = '/api\n", "1: a text in quotes begins here and is not closed"},
	{"listen_port = x\n/* open\n", "1: listen_port: 'x'|2: a comment begins here and is not closed"},
	{"mount = \"\\400\"\n", "1: these digits after a backslash"},
	{"\x01\x02\xff\xfe\x80", "1: '??\xff\xfe\x80' is not a key|1: premature end"},
};

/* Compares line by line with beginnings separated by '|'. */
static bool begins_like(const char *reports, const char *expected)
{
	while (*expected) {
		const size_t length = strcspn(expected, "|");
		if (strncmp(reports, expected, length) != 0)
			return false;
		reports = strchr(reports, '\n') + 1;
		expected += length + (expected[length] == '|');
	}
	return !*reports;
}

Test(config_file, each_mistake_is_reported_with_its_line)
{
	for (size_t i = 0; i < ARRAY_LENGTH(mistakes); i++) {
		CLEANUP(config_clean) struct config config;
		CLEANUP(strbuf_clean) struct strbuf reports = STRBUF_INIT;
		const int result = read_text(mistakes[i].text, &config, &reports);
		cr_expect_eq(result, *mistakes[i].reports ? -EINVAL : 0, "%s: %d", mistakes[i].text, result);
		cr_expect(begins_like(reports.text ? reports.text : "", mistakes[i].reports), "%s\n%s",
			  mistakes[i].text, reports.text ? reports.text : "(nothing)");
	}
}

Test(config_file, profiles_are_read_with_their_units)
{
	CLEANUP(config_clean) struct config config;
	CLEANUP(strbuf_clean) struct strbuf reports = STRBUF_INIT;

	const int result = read_text("profile \"60 minutes\" { # one hour\n"
				     "  session_timeout = 3600\n"
				     "  idle_timeout = 300 max_bytes_total = \"500 MB\"\n"
				     "  max_bytes_down = 2GB\n"
				     "  max_bytes_up = 9223372036854775807 }\n"
				     "mount = \"/profile\"\n"
				     "profile \"Caf\\xc3\\xa9\" {}\n"
				     "start = login\n",
				     &config, &reports);
	cr_assert_eq(result, 0, "%s", reports.text);
	cr_assert_eq(config.n_profiles, 2);
	const struct profile *hour = profile_find(config.profiles, config.n_profiles, "60 minutes");
	cr_assert_not_null(hour);
	cr_expect_eq(hour->line, 1);
	cr_expect_eq(hour->limits.session_timeout_ns, 3600 * NS_PER_S);
	cr_expect_eq(hour->limits.idle_timeout_ns, 300 * NS_PER_S);
	cr_expect_eq(hour->limits.max_bytes_total, UINT64_C(500000000));
	cr_expect_eq(hour->limits.max_bytes_down, UINT64_C(2000000000));
	cr_expect_eq(hour->limits.max_bytes_up, UINT64_C(9223372036854775807));
	const struct profile *free_profile = profile_find(config.profiles, config.n_profiles, "Caf\xc3\xa9");
	cr_assert_not_null(free_profile);
	cr_expect_eq(free_profile->line, 7);
	cr_expect_eq(free_profile->limits.session_timeout_ns, 0);
	cr_expect_eq(free_profile->limits.idle_timeout_ns, 0);
	cr_expect_eq(free_profile->limits.max_bytes_total, 0);
	cr_expect_eq(config.start, SESSION_START_LOGIN);
	cr_expect_str_eq(config.mount, "/profile");
}

Test(config_file, a_file_with_mistakes_leaves_no_profiles)
{
	CLEANUP(config_clean) struct config config;
	CLEANUP(strbuf_clean) struct strbuf reports = STRBUF_INIT;

	cr_assert_eq(read_text("profile a {}\nprofile b { idle_timeout = x }\n", &config, &reports), -EINVAL);
	cr_expect_eq(config.n_profiles, 0);
}

Test(config_file, there_are_256_profiles_at_most_and_names_of_255_octets)
{
	CLEANUP(config_clean) struct config config;
	CLEANUP(config_clean) struct config fuller;
	CLEANUP(strbuf_clean) struct strbuf text = STRBUF_INIT;
	CLEANUP(strbuf_clean) struct strbuf reports = STRBUF_INIT;

	for (int i = 0; i < 256; i++)
		strbuf_append_format(&text, "profile \"%0*d\" {}\n", i ? 3 : 255, i);
	cr_assert_eq(read_text(text.text, &config, &reports), 0, "%s", reports.text);
	cr_expect_eq(config.n_profiles, 256);
	strbuf_append_format(&text, "profile \"more\" {}\nprofile \"and more\" {}\nprofile %0256d {}\n", 0);
	cr_expect_eq(read_text(text.text, &fuller, &reports), -EINVAL);
	cr_expect(begins_like(reports.text, "257: profile: more than 256 are too many; leave some out"
					    "|259: profile: '0000"),
		  "%s", reports.text);
	cr_expect(strstr(reports.text, "is too long; give at most 255 bytes"));
}

/* What is only seen once the command line has had its say is still told with the line of the file. */
Test(config_file, keys_that_do_not_make_sense_are_reported_with_their_lines)
{
	static const struct {
		const char *text;
		const char *reports;
	} files[] = {
		{"interfaces = {}\n", "1: interfaces: none is named"},
		{"# interfaces = {}\n\nlocation_name = \"interfaces = 1\"\ninterfaces +=\n{ /* none */ }\n",
		 "4: interfaces: none is named"},
		{"mount = \"/api\"\n", "0: interfaces: none is named"},
		{"interfaces = {a}\nidle_timeout_s = 1\n\ncollect_interval_ms = 2000\n",
		 "2: idle_timeout_s: '1' is shorter than collect_interval_ms"},
		{"interfaces = {a}\ncollect_interval_ms = 2000\nprofile a { idle_timeout = 0 }\n\nprofile b\n{\n "
		 "idle_timeout = 1\n}\n",
		 "5: profile 'b': idle_timeout is shorter than collect_interval_ms (2000 ms); make that smaller"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		CLEANUP(config_clean) struct config config;
		CLEANUP(strbuf_clean) struct strbuf reports = STRBUF_INIT;
		cr_assert_eq(read_text(files[i].text, &config, &reports), 0, "%s", reports.text);
		cr_expect_eq(config_check(&config, collect, &reports), 1, "%s", files[i].text);
		cr_expect(begins_like(reports.text, files[i].reports), "%s\n%s", files[i].text, reports.text);
	}
}

Test(config_file, what_overrides_the_file_has_no_line)
{
	CLEANUP(config_clean) struct config config;
	CLEANUP(strbuf_clean) struct strbuf reports = STRBUF_INIT;
	char error[CONFIG_ERROR_SIZE];

	cr_assert_eq(read_text("\ninterfaces = {a}\nidle_timeout_s = 300\n", &config, &reports), 0, "%s", reports.text);
	cr_expect_eq(config.lines[CONFIG_KEY_INTERFACES], 2);
	cr_expect_eq(config.lines[CONFIG_KEY_IDLE_TIMEOUT_S], 3);
	cr_expect_eq(config.lines[CONFIG_KEY_MOUNT], 0);
	cr_assert_eq(config_set(&config, "interfaces", "", error, sizeof(error)), 0);
	cr_assert_eq(config_set(&config, "idle_timeout_s", "60", error, sizeof(error)), 0);
	cr_expect_eq(config_check(&config, collect, &reports), 1);
	cr_expect(begins_like(reports.text, "0: interfaces: none is named"), "%s", reports.text);
}

/* The lexer is global: a broken file must not colour the next. */
Test(config_file, a_broken_file_leaves_no_trace)
{
	static const char *const broken[] = {"mount = \"",     "mount = '",    "/*",     "mount = \"\\8\"",
					     "interfaces = {", "mount = \"${", "x = ${", "profile a { idle_timeout ="};

	for (size_t i = 0; i < ARRAY_LENGTH(broken); i++) {
		CLEANUP(config_clean) struct config first;
		CLEANUP(config_clean) struct config second;
		CLEANUP(strbuf_clean) struct strbuf reports = STRBUF_INIT;
		CLEANUP(strbuf_clean) struct strbuf none = STRBUF_INIT;
		cr_expect_eq(read_text(broken[i], &first, &reports), -EINVAL, "%s", broken[i]);
		cr_expect_eq(read_text("idle_timeout_s = 7\n", &second, &none), 0, "after %s: %s", broken[i],
			     none.text);
		cr_expect_eq(second.idle_timeout_s, 7);
	}
}

Test(config_file, floods_of_mistakes_are_bounded)
{
	CLEANUP(config_clean) struct config config;
	CLEANUP(strbuf_clean) struct strbuf text = STRBUF_INIT;
	CLEANUP(strbuf_clean) struct strbuf reports = STRBUF_INIT;
	int n_lines = 0;

	for (int i = 0; i < 300; i++)
		strbuf_append_format(&text, "unknown%d = %d\nlisten_port = x\n", i, i);
	cr_expect_eq(read_text(text.text, &config, &reports), -EINVAL);
	for (const char *c = reports.text; *c; c++)
		n_lines += *c == '\n';
	cr_expect_leq(n_lines, 100);
	cr_expect_geq(n_lines, 33);
}

Test(config_file, what_is_no_readable_text_is_refused_in_one_line)
{
	CLEANUP(strbuf_clean) struct strbuf reports = STRBUF_INIT;
	CLEANUP_FREE char *huge = malloc(1 << 20);
	static const char with_nul[] = "idle_timeout_s = 5\n\0\n";
	struct config config;

	cr_expect_eq(read_path("/tmp", &config, &reports), -EISDIR);
	config_clean(&config);
	cr_expect_eq(read_path("/nonexistent/octetd.conf", &config, &reports), -ENOENT);
	config_clean(&config);
	cr_expect_eq(read_bytes(with_nul, sizeof(with_nul), &config, &reports), -EILSEQ);
	config_clean(&config);
	cr_assert_not_null(huge);
	memset(huge, '\n', 1 << 20);
	cr_expect_eq(read_bytes(huge, 1 << 20, &config, &reports), -EFBIG);
	config_clean(&config);
	cr_expect(begins_like(reports.text, "0: cannot be read: Is a directory;|0: cannot be read: No such file"
					    "|0: cannot be read: it has a NUL byte|0: cannot be read: File too large"),
		  "%s", reports.text);
}

static char *slurp(const char *path)
{
	CLEANUP_FCLOSE FILE *file = fopen(path, "r");
	struct strbuf text = STRBUF_INIT;
	char block[1024];
	size_t length;

	cr_assert_not_null(file, "%s: tests run from the top of the tree", path);
	while ((length = fread(block, 1, sizeof(block), file)) > 0)
		strbuf_append_bytes(&text, block, length);
	return strbuf_steal(&text);
}

/* How many lines begin with KEY and an equal sign. */
static int count_settings(const char *text, const char *key)
{
	const size_t length = strlen(key);
	int n = 0;

	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		n += strncmp(line, key, length) == 0 && strncmp(line + length, " = ", 3) == 0;
	return n;
}

Test(config_file, the_example_names_every_key_once)
{
	CLEANUP_FREE char *text = slurp(EXAMPLE_FILE);
	size_t n_keys;
	const struct config_key *keys = config_keys(&n_keys);
	int n_settings = 0;

	for (size_t i = 0; i < n_keys; i++)
		cr_expect_eq(count_settings(text, keys[i].name), 1, "%s", keys[i].name);
	for (const char *c = text; *c; c++)
		n_settings += *c == '\n' && c[1] && c[1] != '\n' && c[1] != '#';
	cr_expect_eq(n_settings, (int)n_keys);
}

/* The example's profile is a comment; without its signs it must hold. */
Test(config_file, the_profile_of_the_example_names_every_limit)
{
	CLEANUP(config_clean) struct config config;
	CLEANUP(strbuf_clean) struct strbuf profile = STRBUF_INIT;
	CLEANUP(strbuf_clean) struct strbuf reports = STRBUF_INIT;
	CLEANUP_FREE char *text = slurp(EXAMPLE_FILE);
	size_t n_keys;
	const struct profile_key *keys = profile_keys(&n_keys);
	const char *line = strstr(text, "# profile \"");

	cr_assert_not_null(line);
	while (line && *line == '#') {
		strbuf_append_bytes(&profile, line + 1, strcspn(line, "\n"));
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	cr_assert_eq(read_text(profile.text, &config, &reports), 0, "%s%s", profile.text, reports.text);
	cr_expect_eq(config.n_profiles, 1);
	cr_expect_eq(config.profiles[0].limits.max_bytes_total, UINT64_C(500000000));
	for (size_t i = 0; i < n_keys; i++)
		cr_expect(strstr(profile.text, keys[i].name), "%s", keys[i].name);
}

static void expect_same_text(const char *key, const char *a, const char *b)
{
	cr_expect_eq(a == NULL, b == NULL, "%s", key);
	if (a && b)
		cr_expect_str_eq(a, b, "%s", key);
}

Test(config_file, the_example_is_valid_and_holds_the_defaults)
{
	CLEANUP(config_clean) struct config example;
	CLEANUP(config_clean) struct config defaults;
	CLEANUP(strbuf_clean) struct strbuf reports = STRBUF_INIT;

	cr_assert_eq(config_init(&defaults), 0);
	cr_assert_eq(read_path(EXAMPLE_FILE, &example, &reports), 0, "%s", reports.text);
	cr_assert_eq(config_check(&example, collect, &reports), 0, "%s", reports.text);
	cr_assert_eq(example.n_interfaces, 1);
	cr_expect_str_eq(example.interfaces[0], "br-guest");
	cr_expect_eq(example.n_bridges, defaults.n_bridges);
	cr_expect_eq(example.wait_for_interfaces, defaults.wait_for_interfaces);
	cr_expect_eq(example.attach, defaults.attach);
	cr_expect_eq(example.max_addresses, defaults.max_addresses);
	cr_expect_eq(example.keep_counting, defaults.keep_counting);
	cr_expect_eq(example.collect_interval_ms, defaults.collect_interval_ms);
	cr_expect_eq(example.max_staleness_ms, defaults.max_staleness_ms);
	cr_expect_eq(example.idle_timeout_s, defaults.idle_timeout_s);
	cr_expect_eq(example.start, defaults.start);
	cr_expect_eq(example.login_wait_s, defaults.login_wait_s);
	cr_expect_eq(example.relogin_s, defaults.relogin_s);
	cr_expect_eq(example.max_guests, defaults.max_guests);
	cr_expect_eq(example.lost_on_neighbour, defaults.lost_on_neighbour);
	cr_expect_eq(example.lost_on_bridge, defaults.lost_on_bridge);
	cr_expect_eq(example.lost_on_interface, defaults.lost_on_interface);
	cr_expect_eq(example.n_profiles, 0);
	cr_expect_eq(example.history_max_days, defaults.history_max_days);
	cr_expect_eq(example.history_max_sessions, defaults.history_max_sessions);
	cr_expect_eq(example.flush_interval_s, defaults.flush_interval_s);
	cr_expect_eq(example.listen_port, defaults.listen_port);
	cr_expect_eq(example.rate_limit_per_minute, defaults.rate_limit_per_minute);
	cr_expect_eq(example.n_trusted_proxies, defaults.n_trusted_proxies);
	expect_same_text("bpffs_dir", example.bpffs_dir, defaults.bpffs_dir);
	expect_same_text("state_dir", example.state_dir, defaults.state_dir);
	expect_same_text("location_id", example.location_id, defaults.location_id);
	expect_same_text("location_name", example.location_name, defaults.location_name);
	expect_same_text("time_zone", example.time_zone, defaults.time_zone);
	expect_same_text("listen_address", example.listen_address, defaults.listen_address);
	expect_same_text("socket_path", example.socket_path, defaults.socket_path);
	expect_same_text("mount", example.mount, defaults.mount);
	expect_same_text("base_url", example.base_url, defaults.base_url);
	expect_same_text("log_level", example.log_level, defaults.log_level);
}
