/* SPDX-License-Identifier: MIT */
/*
 * What counting costs a router: how fast packets are forwarded with something in their way, relative to nothing.
 * One run measures all lanes in turn, in an order drawn anew each round; the figure is the median of the
 * ratios within rounds.
 *
 * usage: bench_forward b|f     b: the agent and programs; f: other ways to count
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/instant.h"
#include "bench_contender.h"
#include "bench_stat.h"
#include "bench_tcp.h"

#define LANES_MAX CONTENDER_N_KINDS
#define ROUNDS_MAX 400
#define WHAT_SIZE 64
#define TCP_SLICE_NS (20 * NS_PER_MS)
#define TCP_WARM_NS (5 * NS_PER_MS)
/* until an agent that has learnt 65,536 guests at once has nothing to do but to count */
#define CALM_MS 300
#define CALM_SHARE 10 /* one tenth of that */
#define CALM_PATIENCE_MS 10000
/* on a machine that is too busy a stage is cut short, but not below so many rounds */
#define ROUNDS_MIN 8
#define STAGE_NS (30 * NS_PER_S)
#define TCP_STAGE_NS (15 * NS_PER_S)

static const enum contender_kind programs[] = {
	CONTENDER_NOTHING,      CONTENDER_NOTHING_AGAIN,   CONTENDER_EMPTY_TCX,  CONTENDER_EMPTY_CLSACT,
	CONTENDER_SMALLEST_TCX, CONTENDER_SMALLEST_CLSACT, CONTENDER_OCTETD_TCX, CONTENDER_OCTETD_CLSACT};
static const enum contender_kind others[] = {CONTENDER_NOTHING,   CONTENDER_NOTHING_AGAIN, CONTENDER_NFT,
					     CONTENDER_CONNTRACK, CONTENDER_PMACCT,        CONTENDER_SOFTFLOWD};

struct stage {
	const char *name;
	struct bench_load load;
	uint32_t n_warm;
	uint32_t n_measured;
	size_t n_rounds;
};

struct tcp_stage {
	const char *name;
	enum octet_direction direction;
	bool has_offloads;
};

struct bench {
	char part;
	struct bench_traffic *traffic;
	struct contender lanes[LANES_MAX];
	size_t n_lanes;
	/* of the stage under way: the cost of a packet, by round; the first lane is what the others are held against */
	double cost[LANES_MAX][ROUNDS_MAX];
	int64_t process_ns[LANES_MAX];
	uint64_t n_sent[LANES_MAX];
	uint64_t n_lost[LANES_MAX];
};

static void shuffle(size_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (size_t i = n - 1; i > 0; i--) {
		const size_t other = (size_t)random() % (i + 1), kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
}

static void await_calm(const struct bench_process *process)
{
	for (long waited_ms = 0; process->pid && waited_ms < CALM_PATIENCE_MS; waited_ms += CALM_MS) {
		const int64_t before_ns = bench_process_cpu_ns(process);

		bench_sleep_ms(CALM_MS);
		if (bench_process_cpu_ns(process) - before_ns < CALM_MS * NS_PER_MS / CALM_SHARE)
			return;
	}
}

static struct bench_slice send_slice(struct bench *bench, size_t lane, const struct stage *stage)
{
	struct contender *contender = &bench->lanes[lane];
	const struct bench_slice slice =
		bench_traffic_send(bench->traffic, &contender->lane, &stage->load, stage->n_warm, stage->n_measured);

	contender->n_sent += slice.n_sent;
	bench->n_sent[lane] += slice.n_sent;
	return slice;
}

/*
 * One table of the kernel holds the neighbours of all namespaces, and who comes later is found sooner: so they come in
 * turns, each lane's as often first as last.
 */
static void introduce_neighbours(struct bench *bench, uint32_t n_clients)
{
	const uint32_t step = n_clients / (4 * (uint32_t)bench->n_lanes) + 1;

	for (uint32_t n = step, turn = 0; n < n_clients + step; n += step, turn++)
		for (size_t i = 0; i < bench->n_lanes; i++)
			bench_lane_neighbours(&bench->lanes[(i + turn) % bench->n_lanes].lane,
					      n < n_clients ? n : n_clients);
}

/* Every client is known to everybody before anything is measured. */
static void introduce(struct bench *bench, const struct stage *stage)
{
	if (stage->load.direction == OCTET_DOWN)
		introduce_neighbours(bench, stage->load.n_clients);
	for (size_t i = 0; i < bench->n_lanes; i++) {
		const struct bench_load load = {.direction = stage->load.direction, .n_clients = stage->load.n_clients};

		bench->lanes[i].n_sent +=
			bench_traffic_send(bench->traffic, &bench->lanes[i].lane, &load, stage->load.n_clients, 1)
				.n_sent;
	}
	for (size_t i = 0; i < bench->n_lanes; i++) {
		await_calm(&bench->lanes[i].process);
		bench->process_ns[i] = -bench_process_cpu_ns(&bench->lanes[i].process);
		bench->n_sent[i] = 0;
		bench->n_lost[i] = 0;
	}
}

/* Whether there is another round to measure. */
static bool goes_on(size_t n_done, size_t n_wanted, int64_t end_ns)
{
	return n_done < ROUNDS_MIN || (n_done < n_wanted && bench_wall_ns() < end_ns);
}

/* How many rounds there were. */
static size_t measure_packets(struct bench *bench, const struct stage *stage)
{
	size_t order[LANES_MAX], round = 0;
	int64_t end_ns;

	introduce(bench, stage);
	end_ns = bench_wall_ns() + STAGE_NS;
	for (; goes_on(round, stage->n_rounds, end_ns); round++) {
		shuffle(order, bench->n_lanes);
		for (size_t i = 0; i < bench->n_lanes; i++) {
			const struct bench_slice slice = send_slice(bench, order[i], stage);

			if (slice.n_arrived == 0)
				bench_fail("nothing is forwarded with %s", contender_name(bench->lanes[order[i]].kind));
			bench->n_lost[order[i]] += stage->n_measured - slice.n_arrived;
			bench->cost[order[i]][round] = (double)slice.time_ns / (double)slice.n_arrived;
		}
	}
	for (size_t i = 0; i < bench->n_lanes; i++)
		bench->process_ns[i] += bench_process_cpu_ns(&bench->lanes[i].process);
	return round;
}

static struct bench_spread ratio_of(struct bench *bench, size_t lane, size_t n_rounds)
{
	double ratios[ROUNDS_MAX];

	for (size_t round = 0; round < n_rounds; round++)
		ratios[round] = bench->cost[0][round] / bench->cost[lane][round];
	return bench_spread_of(ratios, n_rounds);
}

static double median_cost(const struct bench *bench, size_t lane, size_t n_rounds)
{
	double costs[ROUNDS_MAX];

	memcpy(costs, bench->cost[lane], n_rounds * sizeof(*costs));
	return bench_spread_of(costs, n_rounds).median;
}

static void print_packets(struct bench *bench, const struct stage *stage, size_t n_rounds)
{
	char what[WHAT_SIZE], more[WHAT_SIZE];

	snprintf(what, sizeof(what), "%s: nothing", stage->name);
	bench_print_figure(bench->part, what, "%.0f ns a packet", median_cost(bench, 0, n_rounds));
	for (size_t i = 1; i < bench->n_lanes; i++) {
		const struct bench_spread ratio = ratio_of(bench, i, n_rounds);
		const enum contender_kind kind = bench->lanes[i].kind;

		snprintf(what, sizeof(what), "%s: %s", stage->name, contender_name(kind));
		more[0] = '\0';
		if (contender_is_per_packet(kind))
			snprintf(more, sizeof(more), ", and %.0f in its process",
				 (double)bench->process_ns[i] / (double)bench->n_sent[i]);
		if (bench->n_lost[i])
			snprintf(more + strlen(more), sizeof(more) - strlen(more), ", %llu lost",
				 (unsigned long long)bench->n_lost[i]);
		bench_print_ratio(bench->part, what, &ratio, "%.0f ns a packet%s", median_cost(bench, i, n_rounds),
				  more);
	}
}

static void measure_tcp(struct bench *bench, const struct tcp_stage *stage, size_t n_wanted)
{
	struct bench_tcp connections[LANES_MAX];
	char what[WHAT_SIZE];
	size_t order[LANES_MAX], n_rounds = 0;

	for (size_t i = 0; i < bench->n_lanes; i++) {
		bench_tcp_open(&connections[i], &bench->lanes[i].lane, stage->has_offloads);
		/* past the slow start */
		bench_tcp_run(&connections[i], stage->direction, 10 * TCP_SLICE_NS);
	}
	const int64_t end_ns = bench_wall_ns() + TCP_STAGE_NS;
	for (; goes_on(n_rounds, n_wanted, end_ns); n_rounds++) {
		shuffle(order, bench->n_lanes);
		for (size_t i = 0; i < bench->n_lanes; i++) {
			bench_tcp_run(&connections[order[i]], stage->direction, TCP_WARM_NS);
			bench->cost[order[i]][n_rounds] =
				1 / bench_tcp_run(&connections[order[i]], stage->direction, TCP_SLICE_NS);
		}
	}
	snprintf(what, sizeof(what), "%s: nothing", stage->name);
	bench_print_figure(bench->part, what, "%.2f Gbit/s", 8e-9 / median_cost(bench, 0, n_rounds));
	for (size_t i = 1; i < bench->n_lanes; i++) {
		const struct bench_spread ratio = ratio_of(bench, i, n_rounds);

		snprintf(what, sizeof(what), "%s: %s", stage->name, contender_name(bench->lanes[i].kind));
		bench_print_ratio(bench->part, what, &ratio, "%.2f Gbit/s", 8e-9 / median_cost(bench, i, n_rounds));
	}
	for (size_t i = 0; i < bench->n_lanes; i++)
		bench_tcp_close(&connections[i]);
}

/* What each says it has counted, held against what was sent. */
static void print_truth(struct bench *bench)
{
	char what[WHAT_SIZE];

	for (size_t i = 0; i < bench->n_lanes; i++) {
		const enum contender_kind kind = bench->lanes[i].kind;
		const uint64_t n_sent = bench->lanes[i].n_sent;
		const int64_t counted = contender_counted(&bench->lanes[i]);

		if (counted < 0)
			continue;
		snprintf(what, sizeof(what), "small packets counted: %s", contender_name(kind));
		bench_print_figure(bench->part, what, "%lld of %llu (%.4f %%)", (long long)counted,
				   (unsigned long long)n_sent, 100.0 * (double)counted / (double)n_sent);
	}
}

static void open_lanes(struct bench *bench, const enum contender_kind *kinds, size_t n_kinds)
{
	for (size_t i = 0; i < n_kinds; i++) {
		const char *obstacle = contender_obstacle(kinds[i]);

		if (obstacle)
			bench_print_figure(bench->part, contender_name(kinds[i]), "%s", obstacle);
		else
			contender_start(&bench->lanes[bench->n_lanes++], kinds[i], bench->traffic);
	}
}

int main(int argc, char **argv)
{
	static struct bench bench;
	const bool is_quick = bench_is_quick();
	const size_t n_few = is_quick ? 10 : 40, n_many = is_quick ? 8 : 25, n_tcp = is_quick ? 12 : 80;
	const struct stage stages[] = {
		{"up, 1,000 clients", {OCTET_UP, 1000, true}, 2048, 49984, n_few},
		{"down, 1,000 clients", {OCTET_DOWN, 1000, true}, 2048, 49984, n_few},
		{"up, 65,536 clients", {OCTET_UP, 65536, true}, 65536, 99968, n_many},
		{"down, 65,536 clients", {OCTET_DOWN, 65536, true}, 65536, 99968, n_many},
	};
	static const struct tcp_stage tcp_stages[] = {
		{"TCP down, super-packets", OCTET_DOWN, true},
		{"TCP down, 1,514 octets", OCTET_DOWN, false},
		{"TCP up, super-packets", OCTET_UP, true},
		{"TCP up, 1,514 octets", OCTET_UP, false},
	};
	const bool is_other = argc > 1 && strcmp(argv[1], "f") == 0;

	bench_init();
	bench_traffic_open(&bench.traffic);
	bench.part = is_other ? 'f' : 'b';
	if (is_other)
		open_lanes(&bench, others, ARRAY_LENGTH(others));
	else
		open_lanes(&bench, programs, ARRAY_LENGTH(programs));
	bench_pin();
	for (size_t i = 0; i < ARRAY_LENGTH(stages) - (is_quick ? 2 : 0); i++) {
		const size_t n_rounds = measure_packets(&bench, &stages[i]);

		print_packets(&bench, &stages[i], n_rounds);
	}
	print_truth(&bench);
	for (size_t i = 0; i < ARRAY_LENGTH(tcp_stages) - (is_quick ? 2 : 0); i++)
		measure_tcp(&bench, &tcp_stages[i], n_tcp);
	for (size_t i = 0; i < bench.n_lanes; i++)
		contender_stop(&bench.lanes[i]);
	bench_traffic_close(&bench.traffic);
	return 0;
}
