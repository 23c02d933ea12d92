/* SPDX-License-Identifier: MIT */
/* Frames and what they must count as, up and down alike: sums written out by hand. */
#ifndef TESTS_BPF_COUNT_CASES_H
#define TESTS_BPF_COUNT_CASES_H

#include "octet/abi.h"
#include "support/frames.h"

struct count_case {
	const char *name;
	struct frame_spec spec;
	uint32_t gso_size, gso_segs;
	enum octet_class class;
	uint32_t packets;
	uint32_t bytes; /* of the client; 0 where nobody is counted */
	uint32_t wire_bytes;
	uint16_t vlan; /* of the key */
};

enum count_table_name { COUNT_IP, COUNT_CARRIER, COUNT_MALFORMED, COUNT_GSO, N_COUNT_TABLES };

struct count_table {
	const struct count_case *cases;
	size_t n_cases;
};

extern const struct count_table count_tables[N_COUNT_TABLES];

#endif
