/* SPDX-License-Identifier: MIT */
/*
 * Real captures against what two independent tools found in them. They are found through OCTETD_CAPTURES, by
 * default beside the checkout; without them these tests are skipped.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "replay_lab.h"

#define PATH_SIZE 1024
#define GATEWAYS_MAX 8

static const char *captures_directory(void)
{
	const char *directory = getenv("OCTETD_CAPTURES");
	return directory && *directory ? directory : "../shared/captures";
}

static void skip_without_captures(void)
{
	if (access(captures_directory(), R_OK) != 0)
		cr_skip_test("no captures: OCTETD_CAPTURES names no directory, nor is there ../shared/captures");
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	cr_assert_not_null(text, "no %s", key);
	return text;
}

static const json_t *find_client(const json_t *clients, const json_t *wanted)
{
	const json_t *found = NULL;
	const json_t *client;
	size_t i;

	json_array_foreach(clients, i, client)
	{
		if (strcmp(text_of(client, "mac"), text_of(wanted, "mac")) == 0 &&
		    strcmp(text_of(client, "ip"), text_of(wanted, "ip")) == 0)
			found = client;
	}
	return found;
}

/* The truth has null where a direction saw nothing. */
static void check_direction(const json_t *client, const json_t *truth, const char *direction, const char *name)
{
	const json_t *counted = json_object_get(client, direction);
	const json_t *expected = json_object_get(truth, direction);
	const json_int_t packets = json_integer_value(json_object_get(counted, "packets"));
	const json_int_t bytes = json_integer_value(json_object_get(counted, "bytes"));

	cr_assert_not_null(expected, "%s", name);
	cr_assert_eq(packets, json_integer_value(json_object_get(expected, "frames")), "%s %s: %lld packets", name,
		     direction, (long long)packets);
	cr_assert_eq(bytes, json_integer_value(json_object_get(expected, "l3_bytes")), "%s %s: %lld bytes", name,
		     direction, (long long)bytes);
}

/* Decimal texts of equal form: the longer one is the later. */
static int time_compare(const char *a, const char *b)
{
	const size_t length_a = strlen(a);
	const size_t length_b = strlen(b);
	return length_a == length_b ? strcmp(a, b) : (length_a > length_b) - (length_a < length_b);
}

/* The earliest "first" (sign 1) or the latest "last" (sign -1) of both directions. */
static const char *extreme_time(const json_t *truth, const char *key, int sign)
{
	const char *up = json_string_value(json_object_get(json_object_get(truth, "up"), key));
	const char *down = json_string_value(json_object_get(json_object_get(truth, "down"), key));

	cr_assert(up || down);
	if (!up || !down)
		return up ? up : down;
	return sign * time_compare(up, down) < 0 ? up : down;
}

static void check_client(const json_t *clients, const json_t *truth)
{
	char name[128];

	snprintf(name, sizeof(name), "%s %s", text_of(truth, "mac"), text_of(truth, "ip"));
	const json_t *client = find_client(clients, truth);
	cr_assert_not_null(client, "%s is missing", name);
	check_direction(client, truth, "up", name);
	check_direction(client, truth, "down", name);
	cr_assert_str_eq(text_of(client, "first"), extreme_time(truth, "first", 1), "%s", name);
	cr_assert_str_eq(text_of(client, "last"), extreme_time(truth, "last", -1), "%s", name);
}

static void check_totals(const json_t *document, const json_t *truth)
{
	const json_t *totals = json_object_get(truth, "totals");

	cr_assert(json_equal(json_object_get(document, "frames"), json_object_get(totals, "frames")));
	cr_assert(json_equal(json_object_get(document, "wire_bytes"), json_object_get(totals, "wire_bytes")));
	cr_assert_str_eq(text_of(document, "link_type"), "EN10MB");
	cr_assert(json_is_null(json_object_get(document, "error")));
}

static void check_truth(const char *truth_path)
{
	json_auto_t *truth = json_load_file(truth_path, 0, NULL);
	const char *gateways[GATEWAYS_MAX];
	char path[PATH_SIZE];
	const json_t *item;
	size_t i;

	cr_assert_not_null(truth, "%s", truth_path);
	const json_t *macs = json_object_get(json_object_get(truth, "gateway"), "macs");
	cr_assert_leq(json_array_size(macs), GATEWAYS_MAX);
	json_array_foreach(macs, i, item) gateways[i] = json_string_value(item);
	snprintf(path, sizeof(path), "%s/%s", captures_directory(), text_of(truth, "file"));

	json_auto_t *document = replay_lab_run(path, gateways, json_array_size(macs));
	const json_t *clients = json_object_get(document, "clients");
	check_totals(document, truth);
	cr_assert_eq(json_array_size(clients), json_array_size(json_object_get(truth, "clients")), "%s: %zu clients",
		     path, json_array_size(clients));
	json_array_foreach(json_object_get(truth, "clients"), i, item) check_client(clients, item);
}

Test(replay_truth, every_pair_equals)
{
	char pattern[PATH_SIZE];
	glob_t found;

	skip_without_captures();
	snprintf(pattern, sizeof(pattern), "%s/truth/*.json", captures_directory());
	cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "%s", pattern);
	cr_assert_geq(found.gl_pathc, 8);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_truth(found.gl_pathv[i]);
	globfree(&found);
}

struct robust {
	const char *file;
	json_int_t frames;
	json_int_t wire_bytes;
	uint64_t malformed;
	const char *error; /* part of it; NULL for none */
};

static void check_robust(const struct robust *row)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/robust/%s", captures_directory(), row->file);
	json_auto_t *document = replay_lab_run(path, NULL, 0);
	cr_assert_eq(json_integer_value(json_object_get(document, "frames")), row->frames, "%s", row->file);
	cr_assert_eq(json_integer_value(json_object_get(document, "wire_bytes")), row->wire_bytes, "%s", row->file);
	cr_assert_eq(replay_lab_class_frames(document, "malformed"), row->malformed, "%s", row->file);
	const char *error = json_string_value(json_object_get(document, "error"));
	if (row->error)
		cr_assert(error && strstr(error, row->error), "%s: '%s'", row->file, error ? error : "");
	else
		cr_assert_null(error, "%s: '%s'", row->file, error);
}

Test(replay_truth, robust)
{
	static const struct robust rows[] = {
		/* 104 of 107 records claim 262144 octets */
		{"babel_update_oobr.pcap", 107, 27263204, 0, NULL},
		{"bgp_vpn_rt-oobr.pcap", 38, 524288, 37, NULL},
		{"time_2106_max.pcap", 1, 98, 0, NULL},
		{"bigtcp-ipv4.pcap", 1, 80066, 0, NULL},
		{"test202.pcapng", 0, 0, 0, "different from the type of the first interface"},
		{"http-mime-truncated.pcap", 2696, 2672299, 0, "truncated"},
	};

	skip_without_captures();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check_robust(&rows[i]);
}

/* What those files say, to the octet and to the second. */
Test(replay_truth, robust_extremes)
{
	char path[PATH_SIZE];

	skip_without_captures();
	snprintf(path, sizeof(path), "%s/robust/time_2106_max.pcap", captures_directory());
	json_auto_t *latest = replay_lab_run(path, NULL, 0);
	const json_t *client = json_array_get(json_object_get(latest, "clients"), 0);
	cr_assert_str_eq(text_of(client, "first"), "4294967295.000000000");

	snprintf(path, sizeof(path), "%s/robust/bigtcp-ipv4.pcap", captures_directory());
	json_auto_t *big = replay_lab_run(path, NULL, 0);
	client = json_array_get(json_object_get(big, "clients"), 0);
	const json_t *down = json_object_get(client, "down");
	cr_assert_eq(json_integer_value(json_object_get(down, "bytes")), 80066 - 14, "the frame without Ethernet");
}
