/* SPDX-License-Identifier: MIT */
/* Captures made on the spot: damage, odd link types, odd frames, odd times. */
#include <criterion/criterion.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/replay_file.h"
#include "replay_lab.h"

static const char *const gateways[] = {REPLAY_LAB_GATEWAY};

static json_t *run(const struct replay_lab *lab)
{
	return replay_lab_run(lab->path, gateways, ARRAY_LENGTH(gateways));
}

static void make_up(struct raw_frame *frame, uint16_t total_length, size_t n_payload)
{
	raw_ethernet(frame, REPLAY_LAB_GATEWAY, REPLAY_LAB_CLIENT, OCTET_TYPE_IPV4);
	raw_ipv4(frame, &(struct raw_ip){.src = "10.0.0.1", .dst = "192.0.2.1", .length_field = total_length});
	raw_zeros(frame, n_payload);
}

static struct replay_lab_record whole_record(const struct raw_frame *frame, int64_t seconds, int64_t fraction_ns)
{
	return (struct replay_lab_record){frame->octets, (uint32_t)frame->length, (uint32_t)frame->length, seconds,
					  fraction_ns};
}

static const char *error_of(const json_t *document)
{
	const char *error = json_string_value(json_object_get(document, "error"));
	return error ? error : "";
}

static json_int_t integer_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	cr_assert(json_is_integer(value), "no %s", key);
	return json_integer_value(value);
}

/* The only client's number; direction "up" or "down", key "packets" or "bytes". */
static json_int_t only_client(const json_t *document, const char *direction, const char *key)
{
	const json_t *clients = json_object_get(document, "clients");
	cr_assert_eq(json_array_size(clients), 1);
	return integer_of(json_object_get(json_array_get(clients, 0), direction), key);
}

static void check_times(const json_t *document, const char *first, const char *last)
{
	const json_t *client = json_array_get(json_object_get(document, "clients"), 0);
	cr_assert_str_eq(json_string_value(json_object_get(client, "first")), first);
	cr_assert_str_eq(json_string_value(json_object_get(client, "last")), last);
}

/* The whole document, so that no key, type or order changes unseen. */
Test(replay_made, whole_document)
{
	struct replay_lab lab;
	struct raw_frame up;
	struct raw_frame down;
	struct raw_frame lan;
	struct raw_frame arp;
	char expected[2048];

	replay_lab_init(&lab);
	make_up(&up, 60, 40);
	raw_ethernet(&down, REPLAY_LAB_CLIENT, REPLAY_LAB_GATEWAY, OCTET_TYPE_IPV4);
	raw_ipv4(&down, &(struct raw_ip){.src = "192.0.2.1", .dst = "10.0.0.1", .length_field = 1500});
	raw_zeros(&down, 1480);
	raw_ethernet(&lan, "02:00:00:00:00:02", REPLAY_LAB_CLIENT, OCTET_TYPE_IPV6);
	raw_ipv6(&lan, &(struct raw_ip){.src = "fe80::1", .dst = "fe80::2", .protocol = 59, .length_field = 8});
	raw_zeros(&lan, 8);
	raw_ethernet(&arp, "ff:ff:ff:ff:ff:ff", "02:00:00:00:00:03", 0x0806);
	raw_zeros(&arp, 46);
	const struct replay_lab_record records[] = {
		whole_record(&up, 1700000000, 5),          whole_record(&down, 1700000001, 0),
		whole_record(&lan, 1700000002, 999999999), whole_record(&arp, 1700000003, 0),
		{up.octets, 0, 0, 1700000004, 0}, /* empty */
	};
	replay_lab_write(&lab, DLT_EN10MB, records, ARRAY_LENGTH(records));

	snprintf(expected, sizeof(expected),
		 "{\"file\":\"%s\",\"link_type\":\"EN10MB\",\"frames\":5,\"wire_bytes\":1710,\"error\":null,"
		 "\"clients\":["
		 "{\"mac\":\"02:00:00:00:00:01\",\"ip\":\"10.0.0.1\",\"up\":{\"packets\":1,\"bytes\":60},"
		 "\"down\":{\"packets\":1,\"bytes\":1500},\"first\":\"1700000000.000000005\","
		 "\"last\":\"1700000001.000000000\"},"
		 "{\"mac\":\"02:00:00:00:00:01\",\"ip\":\"fe80::1\",\"up\":{\"packets\":1,\"bytes\":48},"
		 "\"down\":{\"packets\":0,\"bytes\":0},\"first\":\"1700000002.999999999\","
		 "\"last\":\"1700000002.999999999\"},"
		 "{\"mac\":\"02:00:00:00:00:02\",\"ip\":\"fe80::2\",\"up\":{\"packets\":0,\"bytes\":0},"
		 "\"down\":{\"packets\":1,\"bytes\":48},\"first\":\"1700000002.999999999\","
		 "\"last\":\"1700000002.999999999\"}],\"classes\":{\"counted\":{\"frames\":3,\"wire_bytes\":1650},"
		 "\"non_ip\":{\"frames\":1,\"wire_bytes\":60},\"group\":{\"frames\":0,\"wire_bytes\":0},"
		 "\"own\":{\"frames\":0,\"wire_bytes\":0},\"transit\":{\"frames\":0,\"wire_bytes\":0},\"overflow\":{"
		 "\"frames\":0,\"wire_bytes\":0},"
		 "\"table_full\":{\"frames\":0,\"wire_bytes\":0},\"malformed\":{\"frames\":1,\"wire_bytes\":0}}}",
		 lab.path);
	json_auto_t *document = run(&lab);
	CLEANUP_FREE char *text = json_dumps(document, JSON_COMPACT);
	cr_assert_str_eq(text, expected);
	replay_lab_clean(&lab);
}

/* Whatever the cut leaves of the last record, the two before it count, and only a cut between records is none. */
Test(replay_made, cut_at_every_offset_of_the_last_record)
{
	struct replay_lab lab;
	struct raw_frame frame;
	size_t length;

	replay_lab_init(&lab);
	make_up(&frame, 60, 40);
	const struct replay_lab_record record = whole_record(&frame, 1, 0);
	const struct replay_lab_record records[] = {record, record, record};
	replay_lab_write(&lab, DLT_EN10MB, records, ARRAY_LENGTH(records));
	CLEANUP_FREE uint8_t *octets = replay_lab_read_octets(lab.path, &length);
	const size_t start = length - 16 - frame.length;

	for (size_t cut = start; cut <= length; cut++) {
		replay_lab_write_octets(&lab, octets, cut);
		json_auto_t *document = run(&lab);
		const bool is_clean = cut == start || cut == length;
		const json_int_t n_frames = cut == length ? 3 : 2;
		cr_assert_eq(integer_of(document, "frames"), n_frames, "cut at %zu", cut);
		cr_assert_eq(only_client(document, "up", "bytes"), n_frames * 60, "cut at %zu", cut);
		if (is_clean)
			cr_assert_str_empty(error_of(document), "cut at %zu", cut);
		else
			cr_assert_not_null(strstr(error_of(document), "truncated"), "cut at %zu: '%s'", cut,
					   error_of(document));
	}
	replay_lab_clean(&lab);
}

/* The file's own header: cut anywhere there is no capture, and nothing to count. */
Test(replay_made, cut_in_the_file_header)
{
	struct replay_lab lab;
	size_t length;

	replay_lab_init(&lab);
	replay_lab_write(&lab, DLT_EN10MB, NULL, 0);
	CLEANUP_FREE uint8_t *octets = replay_lab_read_octets(lab.path, &length);
	for (size_t cut = 0; cut <= length; cut++) {
		replay_lab_write_octets(&lab, octets, cut);
		json_auto_t *document = run(&lab);
		cr_assert_eq(error_of(document)[0] == '\0', cut == length, "cut at %zu: '%s'", cut, error_of(document));
		cr_assert_eq(integer_of(document, "frames"), 0);
		cr_assert_eq(json_is_null(json_object_get(document, "link_type")), cut < length);
	}
	replay_lab_clean(&lab);
}

Test(replay_made, what_is_no_capture)
{
	static const char text[] = "mac,ip,bytes\n02:00:00:00:00:01,10.0.0.1,60\n";
	struct replay_lab lab;

	replay_lab_init(&lab);
	replay_lab_write_octets(&lab, text, sizeof(text) - 1);
	json_auto_t *csv = run(&lab);
	cr_assert_not_null(strstr(error_of(csv), "unknown file format"), "'%s'", error_of(csv));
	cr_assert_eq(unlink(lab.path), 0);
	json_auto_t *absent = run(&lab);
	cr_assert_not_null(strstr(error_of(absent), "No such file"), "'%s'", error_of(absent));
	json_auto_t *directory = replay_lab_run(lab.directory, NULL, 0);
	cr_assert_not_null(strstr(error_of(directory), "directory"), "'%s'", error_of(directory));
	replay_lab_clean(&lab);
}

Test(replay_made, link_types_without_both_macs)
{
	static const struct {
		int link_type;
		const char *name;
		const char *reason;
	} rows[] = {
		{DLT_LINUX_SLL, "LINUX_SLL", "only the sender's MAC"},
		{DLT_LINUX_SLL2, "LINUX_SLL2", "only the sender's MAC"},
		{DLT_RAW, "RAW", "no MACs"},
		{DLT_NULL, "NULL", "no MACs"},
		{DLT_IEEE802_11, "IEEE802_11", "not Ethernet"},
		{DLT_USER0, "DLT_147", "not Ethernet"},
	};
	struct replay_lab lab;
	struct raw_frame frame;

	replay_lab_init(&lab);
	make_up(&frame, 60, 40);
	const struct replay_lab_record record = whole_record(&frame, 1, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		replay_lab_write(&lab, rows[i].link_type, &record, 1);
		json_auto_t *document = run(&lab);
		cr_assert_str_eq(json_string_value(json_object_get(document, "link_type")), rows[i].name);
		cr_assert_not_null(strstr(error_of(document), rows[i].name), "'%s'", error_of(document));
		cr_assert_not_null(strstr(error_of(document), rows[i].reason), "'%s'", error_of(document));
		cr_assert_eq(integer_of(document, "frames"), 0);
	}
	replay_lab_clean(&lab);
}

/* Captured octets end early, the original length says what was on the wire. */
Test(replay_made, cut_by_the_snapshot_length)
{
	enum { N_HEADERS = 14 + 20, N_WIRE = 14 + 1500 };
	struct replay_lab lab;
	struct raw_frame frame;

	replay_lab_init(&lab);
	make_up(&frame, 1500, 1480);
	for (uint32_t n_captured = 0; n_captured <= N_HEADERS + 1; n_captured++) {
		const struct replay_lab_record record = {frame.octets, n_captured, N_WIRE, 1, 0};
		replay_lab_write(&lab, DLT_EN10MB, &record, 1);
		json_auto_t *document = run(&lab);
		cr_assert_eq(integer_of(document, "wire_bytes"), N_WIRE);
		if (n_captured < N_HEADERS) {
			cr_assert_eq(replay_lab_class_frames(document, "malformed"), 1, "%u octets", n_captured);
			cr_assert_eq(json_array_size(json_object_get(document, "clients")), 0);
		} else {
			cr_assert_eq(replay_lab_class_frames(document, "counted"), 1, "%u octets", n_captured);
			cr_assert_eq(only_client(document, "up", "bytes"), 1500);
		}
	}
	replay_lab_clean(&lab);
}

/* One MAC and IP under several encapsulations is one client: VLAN, QinQ, PPPoE in it, LLC/SNAP, padding, TSO. */
Test(replay_made, encapsulations_add_up)
{
	const struct raw_ip ip = {.src = "10.0.0.1", .dst = "192.0.2.1", .length_field = 60};
	const struct raw_ip tso = {.src = "10.0.0.1", .dst = "192.0.2.1", .length_field = 0};
	const struct raw_ip short_ip = {.src = "10.0.0.1", .dst = "192.0.2.1", .length_field = 28};
	struct replay_lab lab;
	struct raw_frame frames[6];

	replay_lab_init(&lab);
	raw_ethernet(&frames[0], REPLAY_LAB_GATEWAY, REPLAY_LAB_CLIENT, OCTET_TYPE_8021Q);
	raw_tag(&frames[0], 100, OCTET_TYPE_IPV4);
	raw_ethernet(&frames[1], REPLAY_LAB_GATEWAY, REPLAY_LAB_CLIENT, OCTET_TYPE_8021AD);
	raw_tag(&frames[1], 200, OCTET_TYPE_8021Q);
	raw_tag(&frames[1], 100, OCTET_TYPE_IPV4);
	raw_ethernet(&frames[2], REPLAY_LAB_GATEWAY, REPLAY_LAB_CLIENT, OCTET_TYPE_8021AD);
	raw_tag(&frames[2], 200, OCTET_TYPE_8021Q);
	raw_tag(&frames[2], 100, OCTET_TYPE_PPPOE_SESSION);
	raw_pppoe(&frames[2], OCTET_PPP_IPV4);
	raw_ethernet(&frames[3], REPLAY_LAB_GATEWAY, REPLAY_LAB_CLIENT, 68);
	raw_snap(&frames[3], OCTET_TYPE_IPV4);
	for (size_t i = 0; i < 4; i++) {
		raw_ipv4(&frames[i], &ip);
		raw_zeros(&frames[i], 40);
	}
	raw_ethernet(&frames[4], REPLAY_LAB_GATEWAY, REPLAY_LAB_CLIENT, OCTET_TYPE_IPV4);
	raw_ipv4(&frames[4], &short_ip);
	raw_zeros(&frames[4], 26);
	raw_ethernet(&frames[5], REPLAY_LAB_GATEWAY, REPLAY_LAB_CLIENT, OCTET_TYPE_IPV4);
	raw_ipv4(&frames[5], &tso);
	raw_zeros(&frames[5], 1000);
	struct replay_lab_record records[ARRAY_LENGTH(frames)];
	for (size_t i = 0; i < ARRAY_LENGTH(frames); i++)
		records[i] = whole_record(&frames[i], 1, 0);
	replay_lab_write(&lab, DLT_EN10MB, records, ARRAY_LENGTH(records));

	json_auto_t *document = run(&lab);
	cr_assert_eq(only_client(document, "up", "packets"), 6);
	cr_assert_eq(only_client(document, "up", "bytes"), 4 * 60 + 28 + 1020);
	cr_assert_eq(replay_lab_class_frames(document, "counted"), 6);
	replay_lab_clean(&lab);
}

Test(replay_made, group_and_own_frames)
{
	const struct raw_ip ip = {.src = "192.0.2.1", .dst = "224.0.0.251", .length_field = 60};
	static const char *const two_gateways[] = {REPLAY_LAB_GATEWAY, "02:00:00:00:00:fd"};
	struct replay_lab lab;
	struct raw_frame frames[3];

	replay_lab_init(&lab);
	raw_ethernet(&frames[0], "01:00:5e:00:00:fb", REPLAY_LAB_GATEWAY, OCTET_TYPE_IPV4);
	raw_ethernet(&frames[1], "01:00:5e:00:00:fb", REPLAY_LAB_CLIENT, OCTET_TYPE_IPV4);
	raw_ethernet(&frames[2], two_gateways[1], REPLAY_LAB_GATEWAY, OCTET_TYPE_IPV4);
	struct replay_lab_record records[ARRAY_LENGTH(frames)];
	for (size_t i = 0; i < ARRAY_LENGTH(frames); i++) {
		raw_ipv4(&frames[i], &ip);
		raw_zeros(&frames[i], 40);
		records[i] = whole_record(&frames[i], 1, 0);
	}
	replay_lab_write(&lab, DLT_EN10MB, records, ARRAY_LENGTH(records));
	json_auto_t *document = replay_lab_run(lab.path, two_gateways, ARRAY_LENGTH(two_gateways));
	cr_assert_eq(replay_lab_class_frames(document, "group"), 1);
	cr_assert_eq(replay_lab_class_frames(document, "own"), 1);
	cr_assert_eq(replay_lab_class_frames(document, "counted"), 1);
	cr_assert_eq(only_client(document, "up", "packets"), 1, "up for the sender");
	cr_assert_eq(only_client(document, "down", "packets"), 0, "down for nobody");
	replay_lab_clean(&lab);
}

Test(replay_made, odd_times)
{
	struct replay_lab lab;
	struct raw_frame frame;

	replay_lab_init(&lab);
	make_up(&frame, 60, 40);
	const struct replay_lab_record backwards[] = {whole_record(&frame, 2000, 7), whole_record(&frame, 1000, 8),
						      whole_record(&frame, 3000, 9), whole_record(&frame, 1500, 0)};
	replay_lab_write(&lab, DLT_EN10MB, backwards, ARRAY_LENGTH(backwards));
	json_auto_t *document = run(&lab);
	check_times(document, "1000.000000008", "3000.000000009");

	/* 1970, the last second of 31 bits, the next one, the last of 32 */
	const struct replay_lab_record limits[] = {whole_record(&frame, 0, 0), whole_record(&frame, INT32_MAX, 1),
						   whole_record(&frame, INT64_C(1) << 31, 2),
						   whole_record(&frame, UINT32_MAX, 999999999)};
	for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
		char expected[64];
		snprintf(expected, sizeof(expected), "%lld.%09lld", (long long)limits[i].seconds,
			 (long long)limits[i].fraction_ns);
		replay_lab_write(&lab, DLT_EN10MB, &limits[i], 1);
		json_auto_t *limit = run(&lab);
		check_times(limit, expected, expected);
	}
	replay_lab_write(&lab, DLT_EN10MB, limits, ARRAY_LENGTH(limits));
	json_auto_t *all = run(&lab);
	check_times(all, "0.000000000", "4294967295.999999999");
	replay_lab_clean(&lab);
}

static void append(uint8_t *octets, size_t *length, const void *more, size_t n)
{
	memcpy(octets + *length, more, n);
	*length += n;
}

/* pcapng has 64 bits of whatever its resolution says: seconds beyond any calendar end at the last there is. */
Test(replay_made, times_beyond_the_calendar)
{
	static const uint32_t section[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28};
	/* Ethernet, snapshot length, option 9 (if_tsresol) of one octet: 10^0 */
	static const uint32_t interface[] = {1, 32, 1, 262144, 0x00010009, 0, 0, 32};
	static const struct {
		uint32_t high;
		const char *time;
	} rows[] = {
		{0, "4294967280.000000000"},          {1, "8589934576.000000000"},          {2, "9223372036.854775807"},
		{0x7fffffff, "9223372036.854775807"}, {0x80000000, "9223372036.854775807"},
	};
	struct replay_lab lab;
	struct raw_frame frame;

	replay_lab_init(&lab);
	make_up(&frame, 60, 42); /* a multiple of four octets */
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const uint32_t n_octets = (uint32_t)frame.length;
		const uint32_t n_block = 32 + n_octets;
		const uint32_t packet[] = {6, n_block, 0, rows[i].high, 0xfffffff0, n_octets, n_octets};
		uint8_t octets[512];
		size_t length = 0;

		append(octets, &length, section, sizeof(section));
		append(octets, &length, interface, sizeof(interface));
		append(octets, &length, packet, sizeof(packet));
		append(octets, &length, frame.octets, frame.length);
		append(octets, &length, &n_block, sizeof(n_block));
		replay_lab_write_octets(&lab, octets, length);
		json_auto_t *document = run(&lab);
		cr_assert_str_empty(error_of(document), "%s", error_of(document));
		check_times(document, rows[i].time, rows[i].time);
		cr_assert_eq(only_client(document, "up", "bytes"), 60);
	}
	replay_lab_clean(&lab);
}

/* Octets that are no text in a file's name must not cost the document. */
Test(replay_made, name_that_is_no_text)
{
	CLEANUP(replay_report_clean) struct replay_report report;

	cr_assert_neq(replay_file("/nonexistent/\xff\xfe.pcap", NULL, 0, &report), 0);
	json_auto_t *document = replay_lab_document(&report);
	cr_assert_str_eq(json_string_value(json_object_get(document, "file")), "/nonexistent/\?\?.pcap");
}

Test(replay_made, table_for_people)
{
	CLEANUP(replay_report_clean) struct replay_report report;
	CLEANUP(strbuf_clean) struct strbuf text = STRBUF_INIT;
	struct replay_lab lab;
	struct raw_frame frame;
	struct mac_addr gateway;

	replay_lab_init(&lab);
	make_up(&frame, 60, 40);
	const struct replay_lab_record records[] = {whole_record(&frame, 1700000000, 0),
						    {frame.octets, 0, 0, 1700000001, 0}};
	replay_lab_write(&lab, DLT_EN10MB, records, ARRAY_LENGTH(records));
	cr_assert_eq(mac_parse(REPLAY_LAB_GATEWAY, &gateway), 0);
	cr_assert_eq(replay_file(lab.path, &gateway, 1, &report), 0);
	cr_assert_eq(replay_report_print(&report, &text), 0);
	cr_assert_not_null(strstr(text.text, "made.pcap: EN10MB, 2 frames, 74 wire bytes, 1 clients\n"), "%s",
			   text.text);
	cr_assert_not_null(strstr(text.text,
				  "  02:00:00:00:00:01  10.0.0.1                  1              60  "
				  "           0               0  2023-11-14 22:13:20  2023-11-14 22:13:20\n"),
			   "%s", text.text);
	cr_assert_not_null(strstr(text.text, "  malformed   1 frames, 0 wire bytes\n"), "%s", text.text);
	cr_assert_null(strstr(text.text, "table_full"), "what is zero is not said");
	replay_lab_clean(&lab);
}
