/* SPDX-License-Identifier: MIT */
/* What the replay tests share: capture files made on the spot, and the answer about a file as JSON. */
#ifndef IO_REPLAY_LAB_H
#define IO_REPLAY_LAB_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/replay_report.h"
#include "support/raw_frame.h"

#define REPLAY_LAB_CLIENT "02:00:00:00:00:01"
#define REPLAY_LAB_GATEWAY "02:00:00:00:00:fe"

/* A directory of its own under /tmp, gone after replay_lab_clean. */
struct replay_lab {
	char directory[64];
	char path[96]; /* of the one capture in it */
};

void replay_lab_init(struct replay_lab *lab);
void replay_lab_clean(struct replay_lab *lab);

struct replay_lab_record {
	const void *octets;
	uint32_t n_captured;
	uint32_t n_original;
	int64_t seconds;
	int64_t fraction_ns;
};

/* Writes lab->path as pcap with nanoseconds, by libpcap. */
void replay_lab_write(const struct replay_lab *lab, int link_type, const struct replay_lab_record *records,
		      size_t n_records);

/* Writes lab->path from octets. */
void replay_lab_write_octets(const struct replay_lab *lab, const void *octets, size_t length);

/* Reads a file whole; the caller frees it. */
uint8_t *replay_lab_read_octets(const char *path, size_t *length);

/*
 * The document of replay_file(), with what holds for every one of them asserted: the classes sum up to frames
 * and wire bytes, clients are sorted, and an error is said exactly when it is returned.
 */
json_t *replay_lab_run(const char *path, const char *const *gateways, size_t n_gateways);

/* What `octetd replay --json` prints, read back; asserts that it is one line of JSON. */
json_t *replay_lab_document(const struct replay_report *report);

uint64_t replay_lab_class_frames(const json_t *document, const char *class);

#endif
