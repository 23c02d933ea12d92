/* SPDX-License-Identifier: MIT */
/*
 * Nanoseconds per packet in the kernel half, by BPF_PROG_TEST_RUN: 60-byte packets that come from each guest in
 * turn. Each figure is net of the empty program of the same row, measured in alternation; medians.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "bench_programs.skel.h"
#include "octet/abi.h"

#define N_ROUNDS 15
#define N_SLOTS 262144u /* each guest takes two */
#define N_BUCKETS 65536u
#define N_REPEATS 400000u

enum variant { EMPTY, SMALLEST, OCTET, N_VARIANTS };

static const uint32_t client_masks[] = {0, 1023, 65535};

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare_doubles);
	return values[n / 2];
}

static void make_packet(bool is_v6, uint8_t packet[74])
{
	static const uint8_t ethernet[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	static const uint8_t ipv4[20] = {0x45, [3] = 46, [8] = 64, [9] = 17, [12] = 10, [15] = 1, [16] = 10, [19] = 2};
	static const uint8_t ipv6[40] = {0x60,        [5] = 20,    [6] = 17,    [7] = 64,    [8] = 0x20,  [9] = 0x01,
					 [10] = 0x0d, [11] = 0xb8, [24] = 0x20, [25] = 0x01, [26] = 0x0d, [27] = 0xb8};

	memset(packet, 0, 74);
	memcpy(packet, ethernet, sizeof(ethernet));
	packet[12] = is_v6 ? 0x86 : 0x08;
	packet[13] = is_v6 ? 0xdd : 0x00;
	if (is_v6)
		memcpy(packet + 14, ipv6, sizeof(ipv6));
	else
		memcpy(packet + 14, ipv4, sizeof(ipv4));
}

static double run(int program_fd, bool is_v6, uint32_t n_repeats)
{
	uint8_t packet[74];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = is_v6 ? 74 : 60,
		    .repeat = (int)n_repeats);

	make_packet(is_v6, packet);
	if (bpf_prog_test_run_opts(program_fd, &opts)) {
		fprintf(stderr, "bench_packet: BPF_PROG_TEST_RUN: %s\n", strerror(errno));
		return -1;
	}
	return (double)opts.duration;
}

static int program_of(const struct bench *bench, enum variant variant, bool is_up)
{
	const struct bpf_program *const programs[N_VARIANTS][2] = {
		[EMPTY] = {bench->progs.bench_empty_down, bench->progs.bench_empty_up},
		[SMALLEST] = {bench->progs.bench_smallest_down, bench->progs.bench_smallest_up},
		[OCTET] = {bench->progs.bench_octet_down, bench->progs.bench_octet_up},
	};

	return bpf_program__fd(programs[variant][is_up]);
}

/* As large as the hashes that it is compared with. */
static void size_table(struct bench *bench)
{
	const uint32_t n_regions = (uint32_t)libbpf_num_possible_cpus();
	uint64_t *seeds = (uint64_t *)bench->rodata->octet_seeds;

	bpf_map__set_max_entries(bench->maps.octet_slots, n_regions * N_SLOTS);
	bpf_map__set_max_entries(bench->maps.octet_index, n_regions * N_BUCKETS);
	bpf_map__set_max_entries(bench->maps.octet_retired, n_regions * N_SLOTS);
	bpf_map__set_max_entries(bench->maps.octet_regions, n_regions);
	bpf_map__set_max_entries(bench->maps.octet_ifaces, n_regions * OCTET_SLOTS_MAX * OCTET_N_DIRECTIONS);
	bench->rodata->octet_n_slots = N_SLOTS;
	bench->rodata->octet_bucket_mask = N_BUCKETS - 1;
	bench->rodata->octet_queue_mask = N_SLOTS - 1;
	bench->rodata->octet_ifindex = 1;
	if (getrandom(seeds, sizeof(bench->rodata->octet_seeds), 0) < 0)
		seeds[0] = 1;
	bench->rodata->octet_hash_base4 = seeds[7] + seeds[6] + seeds[4] * OCTET_V4_PREFIX;
	bench->rodata->octet_hash_base6 = seeds[7] + seeds[6];
}

static struct bench *load(uint32_t client_mask)
{
	struct bench *bench = bench__open();

	if (!bench)
		return NULL;
	bench->rodata->bench_client_mask = client_mask;
	size_table(bench);
	bpf_program__set_autoload(bench->progs.octet_up, false);
	bpf_program__set_autoload(bench->progs.octet_down, false);
	bpf_program__set_autoload(bench->progs.octet_clock, false);
	bench->rodata->octet_tick_ns = 4000000;
	bench->rodata->octet_own_mac = 0;
	bench->rodata->octet_is_bridge = 0;
	if (bench__load(bench)) {
		bench__destroy(bench);
		return NULL;
	}
	return bench;
}

static void print_row(const struct bench *bench, uint32_t client_mask, bool is_v6, bool is_up)
{
	double ns[N_VARIANTS][N_ROUNDS], smallest[N_ROUNDS], octet[N_ROUNDS], ratio[N_ROUNDS];

	/* every guest is there, every cache is warm */
	for (int variant = 0; variant < N_VARIANTS; variant++)
		run(program_of(bench, (enum variant)variant, is_up), is_v6, 2 * (client_mask + 1) + N_REPEATS / 4);
	for (int round = 0; round < N_ROUNDS; round++) {
		for (int variant = 0; variant < N_VARIANTS; variant++)
			ns[variant][round] = run(program_of(bench, (enum variant)variant, is_up), is_v6, N_REPEATS);
		smallest[round] = ns[SMALLEST][round] - ns[EMPTY][round];
		octet[round] = ns[OCTET][round] - ns[EMPTY][round];
		ratio[round] = octet[round] / smallest[round];
	}
	printf("%8u  %-4s  %-4s  %8.0f  %12.0f  %9.0f  %8.2f\n", client_mask + 1, is_v6 ? "IPv6" : "IPv4",
	       is_up ? "up" : "down", median(ns[EMPTY], N_ROUNDS), median(smallest, N_ROUNDS), median(octet, N_ROUNDS),
	       median(ratio, N_ROUNDS));
}

int main(void)
{
	printf("ns per packet over the empty program (which itself took so many with its prologue)\n"
	       " clients                   empty  per-CPU hash     octetd     ratio\n");
	for (size_t i = 0; i < ARRAY_LENGTH(client_masks); i++) {
		struct bench *bench = load(client_masks[i]);

		if (!bench) {
			fprintf(stderr, "bench_packet: cannot load (root?)\n");
			return 1;
		}
		for (int kind = 0; kind < 4; kind++)
			print_row(bench, client_masks[i], kind & 2, kind & 1);
		bench__destroy(bench);
	}
	return 0;
}
