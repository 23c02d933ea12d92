/* SPDX-License-Identifier: MIT */
/*
 * Thousands of guests come and go through a table that is far too small for all of them at once, on two CPUs, while
 * their slots are read, booked, given back and taken again as fast as that can be: the sums equal what was sent.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/net_lab.h"
#include "core/ledger.h"
#include "io/now.h"

#define UDP 17
#define N_SENDERS 2
#define N_GUESTS 20000u
#define N_SLOTS 8192u
#define N_FRAMES 1000000u
#define FRAMES_PER_VISIT 10u
#define FRAME_BYTES 28u
/* Whoever has made so many visits in one turn of the agent waits for it: a busy machine may have taken its CPU away. */
#define VISITS_PER_TURN 1000u
/* Several ticks, so that a stamp of before is not one of now. */
#define SILENCE_NS (INT64_C(20) * 1000 * 1000)

struct sender {
	int socket_fd;
	int cpu;
	uint32_t first_guest;
	uint64_t n_sent[N_GUESTS];
};

static struct net_lab lab;
static struct source_bpf *source;
static struct ledger *ledger;
static atomic_int n_running;
static atomic_uint n_turns_begun;
static struct sender senders[N_SENDERS];
static struct traffic booked[N_GUESTS];
static uint64_t n_booked_elsewhere;

/* Visits the guests in turn; a guest is visited by both CPUs, at times that are far apart and that are near. */
static void *send_visits(void *context)
{
	struct sender *sender = context;
	uint32_t n_visits = 0;
	unsigned int n_turns = 0;
	struct frame frame;

	net_lab_pin_to_cpu(sender->cpu);
	for (uint32_t i = 0; i < N_FRAMES / FRAMES_PER_VISIT; i++) {
		const uint16_t guest = (uint16_t)((sender->first_guest + i) % N_GUESTS);

		if (n_visits++ >= VISITS_PER_TURN)
			while (n_turns == atomic_load(&n_turns_begun))
				usleep(100);
		if (n_turns != atomic_load(&n_turns_begun)) {
			n_turns = atomic_load(&n_turns_begun);
			n_visits = 0;
		}
		frame_build(&(struct frame_spec){.guest = guest, .is_down = true, .protocol = UDP}, &frame);
		for (uint32_t j = 0; j < FRAMES_PER_VISIT; j++)
			if (send(sender->socket_fd, frame.octets, frame.length, 0) == (ssize_t)frame.length)
				sender->n_sent[guest]++;
	}
	atomic_fetch_sub(&n_running, 1);
	return NULL;
}

static void on_reading(void *context, const struct counter_reading *reading)
{
	struct ledger_delta delta;
	uint32_t guest;

	(void)context;
	if (ledger_observe(ledger, reading, &delta) != 1)
		return;
	/* frame_guest_mac numbers the guest in the last two octets */
	guest = (uint32_t)delta.key.mac.octets[4] << 8 | delta.key.mac.octets[5];
	if (guest < N_GUESTS)
		traffic_add(&booked[guest], &delta.traffic);
	else
		n_booked_elsewhere++;
}

static void on_idle(void *context, const struct counter_reading *reading)
{
	(void)context;
	source_bpf_retire(source, reading);
}

/* One turn of the agent: reads, "commits", and gives back what is silent. */
static void turn(void)
{
	struct ledger_baseline *changed = NULL;
	size_t n_changed = 0;

	atomic_fetch_add(&n_turns_begun, 1);
	cr_assert_eq(source_bpf_collect(source, on_reading, NULL), 0);
	cr_assert_eq(ledger_changed(ledger, NULL, NULL, &changed, &n_changed), 0);
	ledger_mark_saved(ledger, changed, n_changed);
	free(changed);
	ledger_each_idle(ledger, now_kernel_mono_ns() - SILENCE_NS, on_idle, NULL);
}

static void expect_sums(const struct octet_iface *classes)
{
	uint64_t n_sent = 0, n_booked = 0;
	uint32_t n_wrong = 0;

	for (uint32_t guest = 0; guest < N_GUESTS; guest++) {
		const uint64_t sent = senders[0].n_sent[guest] + senders[1].n_sent[guest];

		n_sent += sent;
		n_booked += booked[guest].down_packets;
		n_wrong += booked[guest].down_packets != sent || booked[guest].down_bytes != sent * FRAME_BYTES;
	}
	cr_expect_eq(n_sent, (uint64_t)N_SENDERS * N_FRAMES);
	cr_expect_eq(n_booked + classes->classes[OCTET_CLASS_TABLE_FULL].frames, n_sent, "%zu booked",
		     (size_t)n_booked);
	cr_expect_eq(n_booked_elsewhere, 0);
	/* nobody was without room, or what follows would say nothing */
	cr_expect_eq(classes->classes[OCTET_CLASS_TABLE_FULL].frames, 0);
	cr_expect_eq(n_wrong, 0, "%u guests have not what they were sent", n_wrong);
}

Test(lifecycle, nothing_is_lost_while_slots_go_round, .timeout = 110)
{
	struct health_interface health;
	pthread_t threads[N_SENDERS];
	uint64_t n_used, n_max;
	size_t n_turns = 0;

	net_lab_open(&lab);
	if (sysconf(_SC_NPROCESSORS_ONLN) < N_SENDERS)
		cr_skip_test("needs two CPUs");
	net_lab_veth(&lab, "gw0", "cl0");
	source = net_lab_source_sized("", N_SLOTS);
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_AUTO), 0);
	cr_assert_eq(ledger_new(&ledger), 0);
	atomic_store(&n_running, N_SENDERS);
	for (int i = 0; i < N_SENDERS; i++) {
		senders[i].socket_fd = net_lab_socket(&lab, lab.gateway_ns, "gw0");
		senders[i].cpu = i;
		senders[i].first_guest = (uint32_t)i * 100;
		cr_assert_eq(pthread_create(&threads[i], NULL, send_visits, &senders[i]), 0);
	}
	while (atomic_load(&n_running)) {
		turn();
		n_turns++;
	}
	for (int i = 0; i < N_SENDERS; i++)
		pthread_join(threads[i], NULL);
	turn();
	cr_assert_eq(source_bpf_health(source, &health, 1), 1);
	expect_sums(&health.classes[OCTET_DOWN]);
	source_bpf_occupancy(source, &n_used, &n_max);
	cr_expect_gt(n_turns, 10);
	fprintf(stderr, "%zu turns; %zu of %zu slots in use at the end\n", n_turns, (size_t)n_used, (size_t)n_max);
	ledger_free(&ledger);
	source_bpf_close(&source, false);
	net_lab_close(&lab);
}
