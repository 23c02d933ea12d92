/* SPDX-License-Identifier: MIT */
/* Two CPUs count at once while a third party reads: nothing is lost, and no reading ever goes back. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/net_lab.h"

#define UDP 17
#define N_SENDERS 2
#define N_FRAMES 200000u
#define N_GUESTS 3u /* one of each sender's own, and one that both send for */
#define SHARED_GUEST 2u
#define N_NEW_GUESTS 2000u

struct sender {
	int socket_fd;
	int cpu;
	uint16_t own_guest;
	bool is_down;
	uint32_t n_failed;
};

static struct net_lab lab;
static uint32_t ifindex;
static struct source_bpf *source;
static atomic_int n_running;
static pthread_barrier_t start_line;
static struct net_lab_readings readings, before;

static void set_up(void)
{
	net_lab_open(&lab);
	if (sysconf(_SC_NPROCESSORS_ONLN) < N_SENDERS)
		cr_skip_test("needs two CPUs");
	ifindex = net_lab_veth(&lab, "gw0", "cl0");
	source = net_lab_source("");
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_AUTO), 0);
	cr_assert_eq(pthread_barrier_init(&start_line, NULL, N_SENDERS), 0);
}

static void tear_down(void)
{
	pthread_barrier_destroy(&start_line);
	source_bpf_close(&source, false);
	net_lab_close(&lab);
}

static void send_frame(struct sender *sender, const struct frame *frame)
{
	if (send(sender->socket_fd, frame->octets, frame->length, 0) != (ssize_t)frame->length)
		sender->n_failed++;
}

/* Alternates between its own guest and the shared one. */
static void *send_many(void *context)
{
	struct sender *sender = context;
	struct frame own, shared;

	frame_build(&(struct frame_spec){.guest = sender->own_guest, .is_down = sender->is_down, .protocol = UDP},
		    &own);
	frame_build(
		&(struct frame_spec){
			.guest = SHARED_GUEST, .is_down = sender->is_down, .is_ipv6 = true, .protocol = UDP},
		&shared);
	net_lab_pin_to_cpu(sender->cpu);
	pthread_barrier_wait(&start_line);
	for (uint32_t i = 0; i < N_FRAMES; i++)
		send_frame(sender, i % 2 ? &shared : &own);
	atomic_fetch_sub(&n_running, 1);
	return NULL;
}

/* Both make the same new clients at the same moment. */
static void *send_new(void *context)
{
	struct sender *sender = context;
	struct frame frame;

	net_lab_pin_to_cpu(sender->cpu);
	pthread_barrier_wait(&start_line);
	for (uint16_t guest = 0; guest < N_NEW_GUESTS; guest++) {
		frame_build(&(struct frame_spec){.guest = guest, .is_down = sender->is_down, .protocol = UDP}, &frame);
		send_frame(sender, &frame);
	}
	atomic_fetch_sub(&n_running, 1);
	return NULL;
}

static bool has_gone_back(const struct traffic *now, const struct traffic *then)
{
	return now->up_bytes < then->up_bytes || now->up_packets < then->up_packets ||
	       now->down_bytes < then->down_bytes || now->down_packets < then->down_packets;
}

/* Collects, and holds every reading against the one before. */
static void collect_and_compare(void)
{
	net_lab_collect(source, &readings);
	cr_assert_geq(readings.n_readings, before.n_readings, "a client has vanished");
	for (size_t i = 0; i < before.n_readings; i++) {
		const struct counter_reading *then = &before.readings[i];
		size_t at = 0;

		while (at < readings.n_readings &&
		       memcmp(&readings.readings[at].key, &then->key, sizeof(then->key)) != 0)
			at++;
		cr_assert_lt(at, readings.n_readings, "a client has vanished");
		cr_assert_not(has_gone_back(&readings.readings[at].total, &then->total), "a reading went back");
		cr_assert_geq(readings.readings[at].last_up_ns, then->last_up_ns);
		cr_assert_geq(readings.readings[at].last_down_ns, then->last_down_ns);
	}
	before = readings;
}

/* Runs the senders on a CPU each; meanwhile collects again and again. Returns how often. */
static size_t run_senders(struct sender senders[N_SENDERS], void *(*run)(void *))
{
	pthread_t threads[N_SENDERS];
	size_t n_collections = 0;

	before.n_readings = 0;
	atomic_store(&n_running, N_SENDERS);
	for (int i = 0; i < N_SENDERS; i++) {
		const char *interface = senders[i].is_down ? "gw0" : "cl0";

		senders[i].socket_fd =
			net_lab_socket(&lab, senders[i].is_down ? lab.gateway_ns : lab.guest_ns, interface);
		senders[i].cpu = i;
		senders[i].own_guest = (uint16_t)i;
		cr_assert_eq(pthread_create(&threads[i], NULL, run, &senders[i]), 0);
	}
	while (atomic_load(&n_running)) {
		collect_and_compare();
		n_collections++;
	}
	for (int i = 0; i < N_SENDERS; i++) {
		pthread_join(threads[i], NULL);
		close(senders[i].socket_fd);
	}
	return n_collections;
}

/* Frames that reached the interface, by its own count: a full backlog drops some in front of the program. */
static uint64_t received_frames(void)
{
	CLEANUP_FREE char *text = net_lab_output("cat /proc/net/dev");
	const char *line = strstr(text, "gw0:");
	unsigned long long bytes, packets;

	cr_assert(line && sscanf(line, "gw0: %llu %llu", &bytes, &packets) == 2);
	return packets;
}

static const struct traffic *total_of(uint16_t guest, bool is_ipv6)
{
	const struct counter_reading *reading = net_lab_find(&readings, ifindex, guest, is_ipv6);

	cr_assert_not_null(reading, "guest %u", guest);
	return &reading->total;
}

/* Egress runs within send(): every frame sent has been counted. */
Test(concurrency, down_sums_are_exact, .timeout = 100)
{
	struct sender senders[N_SENDERS] = {{.is_down = true}, {.is_down = true}};
	size_t n_collections;

	set_up();
	n_collections = run_senders(senders, send_many);
	collect_and_compare();
	cr_expect_gt(n_collections, 10, "it was read while it grew");
	cr_expect_eq(senders[0].n_failed + senders[1].n_failed, 0);
	cr_expect_eq(readings.n_readings, N_GUESTS);
	for (uint16_t guest = 0; guest < N_SENDERS; guest++) {
		cr_expect_eq(total_of(guest, false)->down_packets, N_FRAMES / 2);
		cr_expect_eq(total_of(guest, false)->down_bytes, N_FRAMES / 2 * 28);
	}
	cr_expect_eq(total_of(SHARED_GUEST, true)->down_packets, N_FRAMES);
	cr_expect_eq(total_of(SHARED_GUEST, true)->down_bytes, N_FRAMES * 48);
	net_lab_await(source, 0, OCTET_DOWN, N_SENDERS * N_FRAMES);
	tear_down();
}

/* Up and down at once, of the same guest: the same values on both CPUs. */
Test(concurrency, both_directions_at_once_are_exact, .timeout = 100)
{
	struct sender senders[N_SENDERS] = {{.is_down = true}, {.is_down = false}};
	uint64_t n_received;

	set_up();
	run_senders(senders, send_many);
	n_received = received_frames();
	cr_expect_gt(n_received, N_FRAMES / 2);
	net_lab_await(source, 0, OCTET_UP, n_received);
	net_lab_await(source, 0, OCTET_DOWN, N_FRAMES);
	collect_and_compare();
	cr_expect_eq(total_of(0, false)->down_packets, N_FRAMES / 2);
	cr_expect_eq(total_of(SHARED_GUEST, true)->down_bytes, N_FRAMES / 2 * 48);
	cr_expect_eq(total_of(1, false)->up_packets + total_of(SHARED_GUEST, true)->up_packets, n_received);
	cr_expect_eq(total_of(1, false)->up_bytes, total_of(1, false)->up_packets * 28);
	cr_expect_eq(total_of(SHARED_GUEST, true)->up_bytes, total_of(SHARED_GUEST, true)->up_packets * 48);
	tear_down();
}

Test(concurrency, clients_made_by_two_cpus_at_once_are_exact, .timeout = 100)
{
	struct sender senders[N_SENDERS] = {{.is_down = true}, {.is_down = true}};

	set_up();
	run_senders(senders, send_new);
	collect_and_compare();
	cr_expect_eq(readings.n_readings, N_NEW_GUESTS);
	for (uint16_t guest = 0; guest < N_NEW_GUESTS; guest++)
		cr_expect_eq(total_of(guest, false)->down_packets, N_SENDERS, "guest %u", guest);
	tear_down();
}
