/* SPDX-License-Identifier: MIT */
/*
 * One parser, two worlds: what octet_parse_frame says in user space is what the programs count in the kernel, for the
 * frames of count_cases.c and for random mutations of them. OCTETD_SEED repeats a run.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "bpf/bpf_lab.h"
#include "bpf/count_cases.h"
#include "octet/parse.h"

#define N_MUTATIONS 10000
#define MUTATED_OCTETS 110 /* headers are there */
#define ENTRIES 16
#define IFINDEX 1

/* What must have been counted, told by the parser in user space. */
struct verdict {
	enum octet_class class;
	uint32_t packets;
	uint64_t bytes;
	uint64_t wire_bytes;
	uint64_t passed_bytes; /* as one frame, aggregated or not */
	bool has_key;
	struct octet_key key;
};

static uint64_t random_state;

/* xorshift64 (G. Marsaglia, "Xorshift RNGs", 2003) */
static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16) % limit;
}

static uint64_t choose_seed(void)
{
	const char *text = getenv("OCTETD_SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return text ? strtoull(text, NULL, 0) : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void judge_ip(const struct octet_frame *parsed, bool is_down, struct verdict *out)
{
	const uint8_t *mac = is_down ? parsed->dst_mac : parsed->src_mac;
	const uint8_t *ip = is_down ? parsed->dst_ip : parsed->src_ip;

	out->class = OCTET_CLASS_COUNTED;
	out->has_key = true;
	out->bytes = parsed->bytes;
	memcpy(out->key.mac, mac, 6);
	if (parsed->ip_version == 6) {
		memcpy(out->key.ip, ip, 16);
	} else {
		out->key.ip[10] = 0xff;
		out->key.ip[11] = 0xff;
		memcpy(out->key.ip + 12, ip, 4);
	}
}

static struct verdict judge(const struct octet_frame *parsed, enum octet_parse result, bool is_down)
{
	const uint8_t *mac = is_down ? parsed->dst_mac : parsed->src_mac;
	struct verdict out = {.class = OCTET_CLASS_MALFORMED,
			      .packets = parsed->packets,
			      .wire_bytes = parsed->wire_bytes,
			      .key = {.vlan = (uint16_t)parsed->vlan, .ifindex = IFINDEX}};

	if (is_down && mac[0] & 1) {
		out.class = OCTET_CLASS_GROUP;
	} else if (memcmp(mac, frame_gateway_mac, 6) == 0) {
		out.class = OCTET_CLASS_OWN;
	} else if (result == OCTET_PARSE_NON_IP) {
		out.class = OCTET_CLASS_NON_IP;
		out.has_key = !is_down;
		out.packets = parsed->packets;
		out.key.vlan |= OCTET_VLAN_MAC_ONLY;
		memcpy(out.key.mac, mac, 6);
	} else if (result == OCTET_PARSE_IP) {
		judge_ip(parsed, is_down, &out);
	}
	return out;
}

/* In memory of exactly its length, where a sanitizer sees the first octet too many. */
static struct verdict parse_and_judge(const struct frame *frame, const struct bpf_lab_run *run)
{
	CLEANUP_FREE uint8_t *copy = malloc(frame->length);
	struct octet_frame parsed;
	enum octet_parse result;

	cr_assert(copy);
	memcpy(copy, frame->octets, frame->length);

	const struct octet_input in = {.data = copy,
				       .data_end = copy + frame->length,
				       .frame_length = (uint32_t)frame->length,
				       .is_strict = 1,
				       .gso_size = run->gso_size,
				       .gso_segs = run->gso_segs};
	result = octet_parse_frame(&in, &parsed);
	cr_assert_neq(result, OCTET_PARSE_SHORT, "all of it is readable");

	struct verdict verdict = judge(&parsed, result, run->direction == OCTET_DOWN);
	verdict.passed_bytes = frame->length;
	return verdict;
}

static bool is_key_as_judged(struct bpf_lab *lab, const struct verdict *wanted, bool is_down)
{
	const bool is_ip = wanted->class == OCTET_CLASS_COUNTED;
	const uint64_t packets = is_ip ? wanted->packets : 0;
	struct octet_slot seen;

	if (!bpf_lab_client(lab, &wanted->key, &seen))
		return false;
	if (is_down)
		return seen.down_packets == packets && seen.down_bytes == wanted->bytes && !seen.up_packets &&
		       !seen.up_bytes && seen.last_down_ns && !seen.last_up_ns;
	return seen.up_packets == packets && seen.up_bytes == wanted->bytes && !seen.down_packets && !seen.down_bytes &&
	       seen.last_up_ns && !seen.last_down_ns;
}

static bool is_as_judged(struct bpf_lab *lab, const struct verdict *wanted, enum octet_direction direction)
{
	const size_t n_clients = wanted->class == OCTET_CLASS_COUNTED;
	struct octet_iface sum;

	bpf_lab_classes(lab, direction, &sum);
	if (sum.passed.frames != 1 || sum.passed.wire_bytes != wanted->passed_bytes)
		return false;
	for (unsigned int i = 0; i < OCTET_N_CLASSES; i++) {
		const struct octet_tally *tally = &sum.classes[i];
		const bool is_it = i == wanted->class;

		if (tally->frames != (is_it ? wanted->packets : 0) ||
		    tally->wire_bytes != (is_it ? wanted->wire_bytes : 0))
			return false;
	}
	/* a MAC with an address has an entry of its own beside */
	if (bpf_lab_n_clients(lab) != n_clients || bpf_lab_n_macs(lab) != wanted->has_key)
		return false;
	return !wanted->has_key || is_key_as_judged(lab, wanted, direction == OCTET_DOWN);
}

static void print_frame(const struct frame *frame, const struct bpf_lab_run *run, const struct verdict *wanted)
{
	fprintf(stderr,
		"direction %d, gso_size %u, gso_segs %u, length %zu; in user space: class %d, %u packets, %" PRIu64
		" bytes, %" PRIu64 " on the wire\n",
		run->direction, run->gso_size, run->gso_segs, frame->length, wanted->class, wanted->packets,
		wanted->bytes, wanted->wire_bytes);
	for (size_t i = 0; i < frame->length && i < 256; i++)
		fprintf(stderr, "%02x%s", frame->octets[i], i % 32 == 31 ? "\n" : " ");
	fprintf(stderr, "\n");
}

/* 0, or -EINVAL when the kernel refuses to run such a frame. */
static int compare(struct bpf_lab *lab, const char *name, const struct frame *frame, const struct bpf_lab_run *run)
{
	const struct verdict wanted = parse_and_judge(frame, run);
	int r;

	bpf_lab_reset(lab);
	r = bpf_lab_try(lab, frame, run);
	if (r)
		return r;
	if (!is_as_judged(lab, &wanted, run->direction)) {
		print_frame(frame, run, &wanted);
		cr_assert_fail("%s: the kernel counted otherwise", name);
	}
	return 0;
}

Test(agreement, on_every_made_frame)
{
	struct bpf_lab lab;
	struct frame frame;

	bpf_lab_open(&lab, ENTRIES, frame_gateway_mac);
	for (size_t t = 0; t < N_COUNT_TABLES; t++)
		for (size_t i = 0; i < count_tables[t].n_cases; i++)
			for (int direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
				const struct count_case *c = &count_tables[t].cases[i];
				struct frame_spec spec = c->spec;

				spec.is_down = direction == OCTET_DOWN;
				frame_build(&spec, &frame);
				cr_assert_eq(compare(&lab, c->name, &frame,
						     &(struct bpf_lab_run){.direction = (enum octet_direction)direction,
									   .gso_size = c->gso_size,
									   .gso_segs = c->gso_segs}),
					     0);
			}
	bpf_lab_close(&lab);
}

static void mutate(struct frame *frame, struct bpf_lab_run *run)
{
	static const uint16_t sizes[] = {1, 2, 536, 1200, 1448, 0xfffe, 0xffff};
	const uint32_t n_changes = random_below(6);
	size_t reach = frame->length < MUTATED_OCTETS ? frame->length : MUTATED_OCTETS;

	for (uint32_t i = 0; i < n_changes; i++) {
		uint8_t *octet = &frame->octets[random_below((uint32_t)reach)];

		/* a bit, so that a version or a type stays near itself, or any value */
		*octet = random_below(2) ? *octet ^ (uint8_t)(1u << random_below(8)) : (uint8_t)random_below(256);
	}
	if (random_below(8) == 0)
		memcpy(frame->octets + 6 * random_below(2), frame_gateway_mac, 6);
	if (random_below(4) == 0)
		frame->length = 14 + random_below((uint32_t)frame->length - 14 + 1);
	if (random_below(4) == 0)
		run->gso_size = sizes[random_below(ARRAY_LENGTH(sizes))];
	if (random_below(4) == 0)
		run->gso_segs = random_below(60);
}

Test(agreement, on_random_mutations)
{
	const uint64_t seed = choose_seed();
	uint32_t n_refused = 0;
	struct bpf_lab lab;
	struct frame frame;
	char name[64];

	random_state = seed | 1;
	bpf_lab_open(&lab, ENTRIES, frame_gateway_mac);
	for (uint32_t i = 0; i < N_MUTATIONS; i++) {
		const struct count_table *table = &count_tables[random_below(N_COUNT_TABLES)];
		const struct count_case *c = &table->cases[random_below((uint32_t)table->n_cases)];
		struct bpf_lab_run run = {.direction = (enum octet_direction)random_below(OCTET_N_DIRECTIONS),
					  .gso_size = c->gso_size,
					  .gso_segs = c->gso_segs};
		struct frame_spec spec = c->spec;

		spec.is_down = run.direction == OCTET_DOWN;
		frame_build(&spec, &frame);
		mutate(&frame, &run);
		snprintf(name, sizeof(name), "OCTETD_SEED=%" PRIu64 ", mutation %u", seed, i);
		const int r = compare(&lab, name, &frame, &run);
		/* a frame that ends in its IP header, and what gso_segs may not be */
		cr_assert(r == 0 || r == -EINVAL, "%s: %s", name, strerror(-r));
		n_refused += r != 0;
	}
	fprintf(stderr, "OCTETD_SEED=%" PRIu64 ": %u of %d frames refused by BPF_PROG_TEST_RUN\n", seed, n_refused,
		N_MUTATIONS);
	cr_expect_lt(n_refused, N_MUTATIONS / 10, "most frames must have been compared");
	bpf_lab_close(&lab);
}
