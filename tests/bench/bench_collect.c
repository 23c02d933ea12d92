/* SPDX-License-Identifier: MIT */
/*
 * What a whole collection costs the agent for each client: reading the kernel's counters alone (a callback that does
 * nothing), and the whole way through ledger and sessions, when no counter has changed and when all have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "bench_lab.h"
#include "bench_stat.h"
#include "bench_traffic.h"
#include "core/ledger.h"
#include "core/session.h"
#include "io/now.h"
#include "io/source_bpf.h"

#define ROUNDS_MAX 200
#define WHAT_SIZE 64

/* The agent's way, as app_account.c goes it. */
struct account {
	struct ledger *ledger;
	struct session_engine *engine;
	struct event_list events;
	struct instant now;
	uint64_t n_readings;
	uint64_t n_changed;
	int error;
};

struct setting {
	uint32_t n_clients;
	uint32_t max_addresses;
	size_t n_rounds;
};

static void count_reading(void *context, const struct counter_reading *reading)
{
	struct account *account = context;

	(void)reading;
	account->n_readings++;
}

static void book_reading(void *context, const struct counter_reading *reading)
{
	struct account *account = context;
	struct instant seen = account->now;
	struct ledger_delta delta;
	int r = ledger_observe(account->ledger, reading, &delta);

	account->n_readings++;
	if (r == 0)
		return;
	account->n_changed++;
	if (r > 0 && delta.has_up)
		seen = now_from_kernel(account->now, delta.last_up_ns);
	if (r > 0)
		r = session_engine_apply(account->engine, account->now, seen, &delta, &account->events);
	if (r)
		account->error = r;
}

/* Nanoseconds that one collection takes. */
static double collect(struct source_bpf *source, struct account *account, source_reading reading)
{
	const int64_t waited_ns = bench_waited_ns(), begin_ns = bench_wall_ns();

	account->n_readings = 0;
	account->n_changed = 0;
	account->now = now_read();
	if (source_bpf_collect(source, reading, account))
		bench_fail("the counters cannot be read");
	if (reading == book_reading) {
		session_engine_tick(account->engine, account->now, &account->events);
		event_list_clear(&account->events);
	}
	return (double)(bench_wall_ns() - begin_ns - (bench_waited_ns() - waited_ns));
}

static void print(const struct setting *setting, const char *what, double *ns, const struct account *account,
		  uint64_t n_expected)
{
	const struct bench_spread spread = bench_spread_of(ns, setting->n_rounds);
	char text[WHAT_SIZE];

	if (account->n_readings < setting->n_clients || account->n_changed != n_expected || account->error)
		bench_fail("a collection had %llu readings and %llu changes of %u clients, error %d",
			   (unsigned long long)account->n_readings, (unsigned long long)account->n_changed,
			   setting->n_clients, account->error);
	snprintf(text, sizeof(text), "collection, %u clients: %s", setting->n_clients, what);
	bench_print_figure('c', text, "%.0f ns a client (95 %%: %.0f - %.0f), %.2f ms in all", spread.median,
			   spread.low, spread.high, spread.median * setting->n_clients / 1e6);
}

/* Collects in rounds, after traffic from every client where everything is to change. */
static void measure(const struct setting *setting, struct bench_traffic *traffic, const struct bench_lane *lane,
		    struct source_bpf *source, struct account *account, bool is_busy, source_reading reading,
		    double *ns)
{
	const struct bench_load load = {.direction = OCTET_UP, .n_clients = setting->n_clients};

	for (size_t round = 0; round < setting->n_rounds; round++) {
		if (is_busy)
			bench_traffic_send(traffic, lane, &load, setting->n_clients, 1);
		ns[round] = collect(source, account, reading) / setting->n_clients;
	}
}

static void account_open(struct account *account)
{
	static const struct session_rules rules = {.idle_timeout_ns = 3600 * NS_PER_S};

	if (ledger_new(&account->ledger) || session_engine_new(&rules, 1, &account->engine))
		bench_fail("out of memory");
}

static void run(const struct setting *setting, struct bench_traffic *traffic, const struct bench_lane *lane)
{
	const struct bench_load load = {.direction = OCTET_UP, .n_clients = setting->n_clients};
	char pins[256];
	const struct source_bpf_options options = {.pin_dir = pins,
						   .boot_id = "62656e63-682d-6f66-2d6f-637465746400",
						   .known_epoch = "",
						   .max_addresses = setting->max_addresses,
						   .max_addresses_per_mac = 32,
						   .arrival_gap_ns = 3600 * NS_PER_S};
	struct source_bpf *source = NULL;
	struct account account = {0};
	double ns[ROUNDS_MAX];

	snprintf(pins, sizeof(pins), "%s/bpf/collect", bench_dir());
	mkdir(pins, 0700);
	bench_enter(lane->router_ns);
	if (source_bpf_open(&options, &source) || source_bpf_attach(source, BENCH_ROUTER_IF, CONFIG_ATTACH_AUTO))
		bench_fail("the agent's programs cannot be attached");
	account_open(&account);
	bench_traffic_send(traffic, lane, &load, setting->n_clients, 1);
	collect(source, &account, count_reading);
	measure(setting, traffic, lane, source, &account, false, count_reading, ns);
	print(setting, "reading alone", ns, &account, 0);
	collect(source, &account, book_reading);
	measure(setting, traffic, lane, source, &account, false, book_reading, ns);
	print(setting, "nothing changed", ns, &account, 0);
	measure(setting, traffic, lane, source, &account, true, book_reading, ns);
	print(setting, "everything changed", ns, &account, setting->n_clients);
	event_list_clean(&account.events);
	session_engine_free(&account.engine);
	ledger_free(&account.ledger);
	source_bpf_close(&source, false);
}

int main(void)
{
	const bool is_quick = bench_is_quick();
	const struct setting settings[] = {
		{1000, 8192, is_quick ? 50 : ROUNDS_MAX},
		{10000, 32768, is_quick ? 20 : 100},
		{65536, 262144, 30},
	};
	struct bench_traffic *traffic;
	struct bench_lane lane;

	bench_init();
	bench_traffic_open(&traffic);
	bench_lane_open(&lane);
	bench_traffic_add_lane(traffic, &lane);
	bench_pin();
	for (size_t i = 0; i < ARRAY_LENGTH(settings) - (is_quick ? 1 : 0); i++)
		run(&settings[i], traffic, &lane);
	bench_lane_close(&lane);
	bench_traffic_close(&traffic);
	return 0;
}
