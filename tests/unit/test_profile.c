/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/config.h"

#define MAX_BYTES UINT64_C(9223372036854775807)

static const struct {
	enum login_limit limit;
	const char *value;
	uint64_t wanted;
	const char *says; /* NULL: is accepted */
} cases[] = {
	{LOGIN_SESSION_TIMEOUT, "0", 0, NULL},
	{LOGIN_SESSION_TIMEOUT, "3600", UINT64_C(3600000000000), NULL},
	{LOGIN_SESSION_TIMEOUT, "4294967295", UINT64_C(4294967295000000000), NULL},
	{LOGIN_SESSION_TIMEOUT, "4294967296", 0, "'4294967296' is out of range; give a whole number of seconds from 0"},
	{LOGIN_SESSION_TIMEOUT, "-1", 0, "'-1' is out of range"},
	{LOGIN_SESSION_TIMEOUT, "18446744073709551617", 0, "is out of range"}, /* 1 in 64 bits */
	{LOGIN_SESSION_TIMEOUT, "", 0, "'' is no time; give whole seconds from 0 to 4294967295"},
	{LOGIN_SESSION_TIMEOUT, "60 ", 0, "is no time"},
	{LOGIN_SESSION_TIMEOUT, "60s", 0, "'60s' is no time"},
	{LOGIN_SESSION_TIMEOUT, "60 B", 0, "is no time"},
	{LOGIN_SESSION_TIMEOUT, "1.5", 0, "is no time"},
	{LOGIN_IDLE_TIMEOUT, "2592000", UINT64_C(2592000000000000), NULL},
	{LOGIN_IDLE_TIMEOUT, "2592001", 0, "out of range; give a whole number of seconds from 0 to 2592000"},
	{LOGIN_MAX_BYTES_TOTAL, "0", 0, NULL},
	{LOGIN_MAX_BYTES_TOTAL, "+7", 7, NULL},
	{LOGIN_MAX_BYTES_TOTAL, "7B", 7, NULL},
	{LOGIN_MAX_BYTES_TOTAL, "7 kB", 7000, NULL},
	{LOGIN_MAX_BYTES_DOWN, "500 MB", UINT64_C(500000000), NULL},
	{LOGIN_MAX_BYTES_UP, "2GB", UINT64_C(2000000000), NULL},
	{LOGIN_MAX_BYTES_UP, "9223372TB", UINT64_C(9223372000000000000), NULL},
	{LOGIN_MAX_BYTES_UP, "9223373TB", 0,
	 "'9223373TB' is out of range; give a whole number of octets from 0 to 9223"},
	{LOGIN_MAX_BYTES_UP, "18446745TB", 0, "out of range"}, /* little in 64 bits */
	{LOGIN_MAX_BYTES_UP, "9223372036854775807", MAX_BYTES, NULL},
	{LOGIN_MAX_BYTES_UP, "9223372036854775808", 0, "out of range"},
	{LOGIN_MAX_BYTES_UP, "-1 MB", 0, "out of range"},
	{LOGIN_MAX_BYTES_UP, "5  MB", 0, "is no number of octets"},
	{LOGIN_MAX_BYTES_UP, "5 ", 0, "is no number of octets"},
	{LOGIN_MAX_BYTES_UP, "5 MiB", 0,
	 "'5 MiB' is no number of octets; give a whole number, alone or with one of B,"},
	{LOGIN_MAX_BYTES_UP, "5 mb", 0, "is no number of octets"},
	{LOGIN_MAX_BYTES_UP, "MB", 0, "is no number of octets"},
	{LOGIN_MAX_BYTES_UP, "1.5 GB", 0, "is no number of octets"},
};

static uint64_t limit_of(const struct login_limits *limits, enum login_limit limit)
{
	const uint64_t values[] = {
		[LOGIN_SESSION_TIMEOUT] = (uint64_t)limits->session_timeout_ns,
		[LOGIN_IDLE_TIMEOUT] = (uint64_t)limits->idle_timeout_ns,
		[LOGIN_MAX_BYTES_TOTAL] = limits->max_bytes_total,
		[LOGIN_MAX_BYTES_DOWN] = limits->max_bytes_down,
		[LOGIN_MAX_BYTES_UP] = limits->max_bytes_up,
	};

	return values[limit];
}

Test(profile, values_are_accepted_or_refused_with_value_and_remedy)
{
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct login_limits limits = {5, 5, 5, 5, 5};
		char error[CONFIG_ERROR_SIZE];
		const int result = profile_set(&limits, cases[i].limit, cases[i].value, error, sizeof(error));
		cr_expect_eq(result, cases[i].says ? -EINVAL : 0, "%s: %s", cases[i].value, error);
		cr_expect_eq(limit_of(&limits, cases[i].limit), cases[i].says ? 5 : cases[i].wanted, "%s",
			     cases[i].value);
		cr_expect(!cases[i].says || strstr(error, cases[i].says), "%s: %s", cases[i].value, error);
		for (int k = 0; k < LOGIN_N_LIMITS; k++)
			cr_expect(k == (int)cases[i].limit || limit_of(&limits, (enum login_limit)k) == 5, "%s",
				  cases[i].value);
	}
}

Test(profile, names_are_one_line_of_utf_8)
{
	char error[CONFIG_ERROR_SIZE];
	char name[257];

	memset(name, 'x', sizeof(name));
	name[256] = '\0';
	cr_expect_eq(profile_check_name("60 minutes", error, sizeof(error)), 0);
	cr_expect_eq(profile_check_name("Caf\xc3\xa9", error, sizeof(error)), 0);
	cr_expect_eq(profile_check_name("", error, sizeof(error)), -EINVAL);
	cr_expect(strstr(error, "'' is an empty name"), "%s", error);
	cr_expect_eq(profile_check_name("a\nb", error, sizeof(error)), -EINVAL);
	cr_expect_eq(profile_check_name("Caf\xe9", error, sizeof(error)), -EINVAL);
	cr_expect_eq(profile_check_name(name, error, sizeof(error)), -EINVAL);
	name[255] = '\0';
	cr_expect_eq(profile_check_name(name, error, sizeof(error)), 0);
}

Test(profile, names_are_found_as_they_are_spelt)
{
	char hour[] = "60 minutes", day[] = "day";
	const struct profile profiles[] = {{.name = hour}, {.name = day}};

	cr_expect_eq(profile_find(profiles, 2, "day"), &profiles[1]);
	cr_expect_null(profile_find(profiles, 2, "Day"));
	cr_expect_null(profile_find(profiles, 1, "day"));
	cr_expect_null(profile_find(NULL, 0, "day"));
}

Test(profile, keys_are_found_and_suggested)
{
	size_t n_keys;
	const struct profile_key *keys = profile_keys(&n_keys);

	cr_assert_eq(n_keys, LOGIN_N_LIMITS);
	for (size_t i = 0; i < n_keys; i++)
		cr_expect_eq(profile_key_find(keys[i].name), (int)i);
	cr_expect_eq(profile_key_find("session_timeout_s"), -1);
	cr_expect_str_eq(profile_key_suggest("session_timeout_s"), "session_timeout");
	cr_expect_str_eq(profile_key_suggest("max_byte_up"), "max_bytes_up");
	cr_expect_null(profile_key_suggest("mount"));
}

static void collect(void *context, int line, const char *text)
{
	char *last = context;

	snprintf(last, CONFIG_ERROR_SIZE + 96, "%d: %s", line, text);
}

/* Whoever fills a configuration by hand is told the same. */
Test(profile, a_configuration_is_checked_with_its_profiles)
{
	static const struct {
		struct login_limits limits;
		const char *says; /* NULL: is good */
	} profiles[] = {
		{{.session_timeout_ns = 3600 * NS_PER_S, .max_bytes_up = MAX_BYTES}, NULL},
		{{.idle_timeout_ns = NS_PER_S}, NULL},
		{{.idle_timeout_ns = NS_PER_S - 1}, "7: profile 'a': idle_timeout is shorter than collect_interval_ms"},
		{{.session_timeout_ns = -1}, "7: profile 'a': session_timeout is out of range; give a whole number"},
		{{.idle_timeout_ns = INT64_MAX}, "7: profile 'a': idle_timeout is out of range"},
		{{.max_bytes_down = MAX_BYTES + 1}, "7: profile 'a': max_bytes_down is out of range"},
	};
	char error[CONFIG_ERROR_SIZE];

	for (size_t i = 0; i < ARRAY_LENGTH(profiles); i++) {
		CLEANUP(config_clean) struct config config;
		char last[CONFIG_ERROR_SIZE + 96] = "";
		cr_assert_eq(config_init(&config), 0);
		cr_assert_eq(config_set(&config, "interfaces", "br-guest", error, sizeof(error)), 0);
		config.profiles = calloc(2, sizeof(*config.profiles));
		cr_assert_not_null(config.profiles);
		config.n_profiles = 2;
		config.profiles[0] = (struct profile){strdup("a"), profiles[i].limits, 7};
		config.profiles[1] = (struct profile){strdup("b"), {0}, 8};
		cr_expect_eq(config_check(&config, collect, last), profiles[i].says ? 1 : 0, "%zu: %s", i, last);
		cr_expect(!profiles[i].says || strncmp(last, profiles[i].says, strlen(profiles[i].says)) == 0,
			  "%zu: %s", i, last);
		config.profiles[1].name[0] = 'a';
		cr_expect_eq(config_check(&config, collect, last), profiles[i].says ? 2 : 1);
		cr_expect_str_eq(last, "8: profile 'a': is there twice; remove or rename one of them");
	}
}
