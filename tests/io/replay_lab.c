/* SPDX-License-Identifier: MIT */
#include "replay_lab.h"

#include <criterion/criterion.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/replay_file.h"

#define GATEWAYS_MAX 8

void replay_lab_init(struct replay_lab *lab)
{
	snprintf(lab->directory, sizeof(lab->directory), "/tmp/octetd-replay-XXXXXX");
	cr_assert_not_null(mkdtemp(lab->directory));
	snprintf(lab->path, sizeof(lab->path), "%s/made.pcap", lab->directory);
}

void replay_lab_clean(struct replay_lab *lab)
{
	unlink(lab->path);
	cr_assert_eq(rmdir(lab->directory), 0);
}

void replay_lab_write(const struct replay_lab *lab, int link_type, const struct replay_lab_record *records,
		      size_t n_records)
{
	pcap_t *pcap = pcap_open_dead_with_tstamp_precision(link_type, 262144, PCAP_TSTAMP_PRECISION_NANO);
	cr_assert_not_null(pcap);
	pcap_dumper_t *dumper = pcap_dump_open(pcap, lab->path);
	cr_assert_not_null(dumper, "%s", pcap_geterr(pcap));
	for (size_t i = 0; i < n_records; i++) {
		const struct pcap_pkthdr header = {
			.ts = {.tv_sec = records[i].seconds, .tv_usec = records[i].fraction_ns},
			.caplen = records[i].n_captured,
			.len = records[i].n_original,
		};
		pcap_dump((u_char *)dumper, &header, records[i].octets);
	}
	cr_assert_eq(pcap_dump_flush(dumper), 0);
	pcap_dump_close(dumper);
	pcap_close(pcap);
}

void replay_lab_write_octets(const struct replay_lab *lab, const void *octets, size_t length)
{
	CLEANUP_FCLOSE FILE *file = fopen(lab->path, "wb");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(octets, 1, length, file), length);
}

uint8_t *replay_lab_read_octets(const char *path, size_t *length)
{
	CLEANUP_FCLOSE FILE *file = fopen(path, "rb");

	cr_assert_not_null(file, "%s", path);
	cr_assert_eq(fseek(file, 0, SEEK_END), 0);
	const long size = ftell(file);
	cr_assert_geq(size, 0);
	rewind(file);
	uint8_t *octets = malloc((size_t)size + 1);
	cr_assert_not_null(octets);
	*length = fread(octets, 1, (size_t)size, file);
	cr_assert_eq(*length, (size_t)size);
	return octets;
}

uint64_t replay_lab_class_frames(const json_t *document, const char *class)
{
	const json_t *frames = json_object_get(json_object_get(json_object_get(document, "classes"), class), "frames");

	cr_assert(json_is_integer(frames), "no class %s", class);
	return (uint64_t)json_integer_value(frames);
}

static void check_sums(json_t *document, const char *path)
{
	json_int_t frames = 0;
	json_int_t wire_bytes = 0;
	const char *class;
	json_t *tally;

	cr_assert_eq(json_object_size(json_object_get(document, "classes")), OCTET_N_CLASSES, "%s", path);
	json_object_foreach(json_object_get(document, "classes"), class, tally)
	{
		frames += json_integer_value(json_object_get(tally, "frames"));
		wire_bytes += json_integer_value(json_object_get(tally, "wire_bytes"));
	}
	cr_assert_eq(frames, json_integer_value(json_object_get(document, "frames")), "%s: frames by class", path);
	cr_assert_eq(wire_bytes, json_integer_value(json_object_get(document, "wire_bytes")), "%s: bytes by class",
		     path);
}

static void check_order(const json_t *document, const char *path)
{
	const json_t *clients = json_object_get(document, "clients");

	cr_assert(json_is_array(clients), "%s", path);
	for (size_t i = 1; i < json_array_size(clients); i++) {
		const json_t *a = json_array_get(clients, i - 1);
		const json_t *b = json_array_get(clients, i);
		const int by_mac = strcmp(json_string_value(json_object_get(a, "mac")),
					  json_string_value(json_object_get(b, "mac")));
		const int by_ip = strcmp(json_string_value(json_object_get(a, "ip")),
					 json_string_value(json_object_get(b, "ip")));
		cr_assert(by_mac < 0 || (by_mac == 0 && by_ip < 0), "%s: client %zu is out of order", path, i);
	}
}

json_t *replay_lab_document(const struct replay_report *report)
{
	CLEANUP(strbuf_clean) struct strbuf text = STRBUF_INIT;
	json_error_t error;

	cr_assert_eq(replay_report_print_json(report, &text), 0);
	cr_assert_eq(text.text[text.length - 1], '\n');
	cr_assert_eq(strchr(text.text, '\n'), text.text + text.length - 1, "one line");
	json_t *document = json_loads(text.text, JSON_REJECT_DUPLICATES, &error);
	cr_assert_not_null(document, "%s: %s", error.text, text.text);
	return document;
}

json_t *replay_lab_run(const char *path, const char *const *gateways, size_t n_gateways)
{
	CLEANUP(replay_report_clean) struct replay_report report;
	struct mac_addr macs[GATEWAYS_MAX];

	cr_assert_leq(n_gateways, GATEWAYS_MAX);
	for (size_t i = 0; i < n_gateways; i++)
		cr_assert_eq(mac_parse(gateways[i], &macs[i]), 0, "%s", gateways[i]);
	const int error = replay_file(path, macs, n_gateways, &report);
	cr_assert_eq(error != 0, report.error[0] != '\0', "%s: %d, '%s'", path, error, report.error);
	json_t *document = replay_lab_document(&report);
	cr_assert_str_eq(json_string_value(json_object_get(document, "file")), path);
	cr_assert_eq(error != 0, json_is_string(json_object_get(document, "error")), "%s", path);
	check_sums(document, path);
	check_order(document, path);
	return document;
}
