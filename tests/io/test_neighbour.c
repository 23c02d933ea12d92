/* SPDX-License-Identifier: MIT */
/* What the kernel's own messages are read as; and that no message, however broken, is read beyond its end. */
#include "io/neighbour.h"

#include <criterion/criterion.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "command.h"

#define PATIENCE_MS 5000
#define SIGNS_MAX 64
/* Far more than what the socket holds. */
#define STORM 16000

struct lab {
	uv_loop_t loop;
	uv_timer_t patience;
	struct neighbour_monitor *monitor;
	const struct presence_sign *wanted; /* stops the loop */
	bool is_told;
	size_t n_signs;
	size_t n_of[PRESENCE_LINK + 1]; /* of each kind */
};

static const struct neighbour_wants everything = {true, true, true};

static bool is_same(const struct presence_sign *a, const struct presence_sign *b)
{
	return a->kind == b->kind && a->is_back == b->is_back && a->ifindex == b->ifindex && a->master == b->master &&
	       ip_compare(&a->ip, &b->ip) == 0 && mac_compare(&a->mac, &b->mac) == 0;
}

static void on_told(void *context, const struct presence_sign *sign)
{
	struct lab *lab = context;

	lab->n_signs++;
	lab->n_of[sign->kind]++;
	if (!lab->wanted || !is_same(sign, lab->wanted))
		return;
	lab->is_told = true;
	uv_stop(&lab->loop);
}

static void on_patience(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void lab_open(struct lab *lab, const struct neighbour_wants *wants)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0)
		cr_skip_test("needs root and network namespaces");
	memset(lab, 0, sizeof(*lab));
	cr_assert_eq(uv_loop_init(&lab->loop), 0);
	uv_timer_init(&lab->loop, &lab->patience);
	command_run("ip link add br0 type bridge");
	command_run("ip link add a0 type veth peer name b0");
	command_run("ip link set a0 master br0");
	command_run("ip link set a0 up");
	command_run("ip link set b0 up");
	command_run("ip link set br0 up");
	cr_assert_eq(neighbour_monitor_new(&lab->loop, wants, on_told, lab, &lab->monitor), 0);
}

static void lab_close(struct lab *lab)
{
	neighbour_monitor_close(&lab->monitor);
	cr_expect_null(lab->monitor);
	uv_close((uv_handle_t *)&lab->patience, NULL);
	uv_run(&lab->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&lab->loop), 0);
}

/* Runs the loop until the sign is told; whether it was. */
static bool is_told(struct lab *lab, const struct presence_sign *sign, uint64_t patience_ms)
{
	lab->wanted = sign;
	lab->is_told = false;
	uv_timer_start(&lab->patience, on_patience, patience_ms, 0);
	uv_run(&lab->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&lab->patience);
	return lab->is_told;
}

static void expect(struct lab *lab, const char *command, const struct presence_sign *sign)
{
	command_run(command);
	cr_expect(is_told(lab, sign, PATIENCE_MS), "not told: %s", command);
}

Test(neighbour, the_kernels_messages_are_understood)
{
	struct lab lab;
	struct presence_sign sign;

	lab_open(&lab, &everything);
	sign = (struct presence_sign){PRESENCE_NEIGHBOUR, true, if_nametoindex("br0"), 0, {{0}}, {{0}}};
	cr_assert_eq(ip_parse("10.9.0.1", &sign.ip), 0);
	expect(&lab, "ip neigh add 10.9.0.1 lladdr 02:00:00:00:00:01 dev br0 nud reachable", &sign);
	sign.is_back = false;
	expect(&lab, "ip neigh del 10.9.0.1 dev br0", &sign);
	cr_assert_eq(ip_parse("2001:db8::9", &sign.ip), 0);
	command_run("ip neigh add 2001:db8::9 lladdr 02:00:00:00:00:01 dev br0 nud stale");
	expect(&lab, "ip neigh del 2001:db8::9 dev br0", &sign);

	sign = (struct presence_sign){PRESENCE_BRIDGE,       true,  if_nametoindex("a0"),
				      if_nametoindex("br0"), {{0}}, {{2, 0, 0, 0, 0, 5}}};
	expect(&lab, "bridge fdb add 02:00:00:00:00:05 dev a0 master dynamic", &sign);
	sign.is_back = false;
	expect(&lab, "bridge fdb del 02:00:00:00:00:05 dev a0 master", &sign);

	sign = (struct presence_sign){.kind = PRESENCE_LINK, .ifindex = if_nametoindex("a0")};
	expect(&lab, "ip link set b0 down", &sign);
	command_run("ip link set b0 up");
	(void)is_told(&lab, NULL, 50);
	command_run("ip link set a0 nomaster");
	cr_expect_not(is_told(&lab, &sign, 50), "it has left its bridge, and is there");
	expect(&lab, "ip link del a0", &sign);
	lab_close(&lab);
}

Test(neighbour, only_what_is_wanted_is_told)
{
	static const struct neighbour_wants links = {.links = true}, bridges = {.bridges = true};
	struct lab lab;

	lab_open(&lab, &bridges);
	command_run("ip neigh add 10.9.0.1 lladdr 02:00:00:00:00:01 dev br0 nud reachable");
	command_run("ip neigh del 10.9.0.1 dev br0");
	(void)is_told(&lab, NULL, 50);
	/* the bridge learns of the kernel's own frames meanwhile */
	cr_expect_eq(lab.n_of[PRESENCE_NEIGHBOUR] + lab.n_of[PRESENCE_LINK], 0u);
	memset(lab.n_of, 0, sizeof(lab.n_of));
	neighbour_monitor_close(&lab.monitor);
	cr_assert_eq(neighbour_monitor_new(&lab.loop, &links, on_told, &lab, &lab.monitor), 0);
	command_run("ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:01 dev br0 nud reachable");
	command_run("ip neigh del 10.9.0.2 dev br0");
	command_run("bridge fdb add 02:00:00:00:00:05 dev a0 master dynamic");
	command_run("bridge fdb del 02:00:00:00:00:05 dev a0 master");
	command_run("ip link set a0 alias known");
	(void)is_told(&lab, NULL, 50);
	cr_expect_eq(lab.n_of[PRESENCE_NEIGHBOUR] + lab.n_of[PRESENCE_BRIDGE], 0u);
	lab_close(&lab);
}

/* While nobody reads, far more than the kernel keeps. */
Test(neighbour, a_storm_costs_its_messages_and_nothing_more)
{
	static const struct presence_sign any_link = {.kind = PRESENCE_LINK};
	struct presence_sign sign = {PRESENCE_BRIDGE, false, 0, 0, {{0}}, {{2, 0, 0, 0, 0, 5}}};
	char path[] = "/tmp/octetd-neighbour-XXXXXX", command[64];
	struct lab lab;
	FILE *batch;

	lab_open(&lab, &everything);
	batch = fdopen(mkstemp(path), "w");
	cr_assert(batch);
	for (int i = 0; i < STORM; i++)
		fprintf(batch, "link set dev b0 alias %d\n", i);
	fclose(batch);
	snprintf(command, sizeof(command), "ip -batch %s", path);
	command_run(command);
	unlink(path);
	cr_expect(is_told(&lab, &any_link, PATIENCE_MS), "what was lost stands for any link");
	cr_expect_geq(neighbour_monitor_n_overruns(lab.monitor), 1u);
	sign.ifindex = if_nametoindex("a0");
	sign.master = if_nametoindex("br0");
	lab.is_told = false;
	/* what is queued is read at its pace, and until then more is lost */
	for (int attempt = 0; attempt < 50 && !lab.is_told; attempt++) {
		command_run("bridge fdb add 02:00:00:00:00:05 dev a0 master dynamic");
		command_run("bridge fdb del 02:00:00:00:00:05 dev a0 master");
		(void)is_told(&lab, &sign, 200);
	}
	cr_expect(lab.is_told, "it is deaf after that");
	lab_close(&lab);
}

/* A message at the end of readable memory. */
struct page {
	uint8_t *begin;
	size_t size;
};

static struct page page_open(void)
{
	struct page page = {.size = (size_t)sysconf(_SC_PAGESIZE)};

	page.begin = mmap(NULL, 2 * page.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq((void *)page.begin, MAP_FAILED);
	cr_assert_eq(mprotect(page.begin + page.size, page.size, PROT_NONE), 0);
	return page;
}

static void count(void *context, const struct presence_sign *sign)
{
	(void)sign;
	++*(size_t *)context;
}

static size_t n_signs_of(const void *message, size_t size)
{
	size_t n_signs = 0;

	neighbour_read(message, size, &everything, count, &n_signs);
	return n_signs;
}

struct neighbour_message {
	struct nlmsghdr header;
	struct ndmsg entry;
	struct rtattr mac;
	uint8_t mac_octets[8];
	struct rtattr ip;
	uint8_t ip_octets[4];
};

static const struct neighbour_message whole = {
	.header = {.nlmsg_len = sizeof(whole), .nlmsg_type = RTM_NEWNEIGH},
	.entry = {.ndm_family = AF_INET, .ndm_ifindex = 3, .ndm_state = NUD_FAILED},
	.mac = {RTA_LENGTH(6), NDA_LLADDR},
	.ip = {RTA_LENGTH(4), NDA_DST},
	.ip_octets = {10, 0, 0, 1},
};

Test(neighbour, a_message_that_is_cut_short_is_none)
{
	const struct page page = page_open();

	cr_assert_eq(n_signs_of(&whole, sizeof(whole)), 1u);
	for (size_t size = 0; size < sizeof(whole); size += 4) {
		struct neighbour_message cut = whole;

		/* by the datagram, and by its own word */
		memcpy(page.begin + page.size - size, &whole, size);
		cr_expect_eq(n_signs_of(page.begin + page.size - size, size), 0u, "%zu octets", size);
		cut.header.nlmsg_len = (uint32_t)size;
		memcpy(page.begin + page.size - size, &cut, size);
		cr_expect_eq(n_signs_of(page.begin + page.size - size, size), 0u, "%zu octets", size);
	}
	munmap(page.begin, 2 * page.size);
}

Test(neighbour, an_attribute_of_another_length_is_no_address)
{
	struct neighbour_message odd = whole;

	odd.ip.rta_len = RTA_LENGTH(3);
	cr_expect_eq(n_signs_of(&odd, sizeof(odd)), 0u);
	odd.ip.rta_len = RTA_LENGTH(5);
	cr_expect_eq(n_signs_of(&odd, sizeof(odd)), 0u);
	odd = whole;
	odd.entry.ndm_family = AF_INET6;
	cr_expect_eq(n_signs_of(&odd, sizeof(odd)), 0u);
	odd.entry.ndm_family = AF_BRIDGE;
	cr_expect_eq(n_signs_of(&odd, sizeof(odd)), 1u);
	odd.mac.rta_len = RTA_LENGTH(8);
	cr_expect_eq(n_signs_of(&odd, sizeof(odd)), 0u);
}

/* One that is deleted without having been asked for made room, and nothing more. */
Test(neighbour, an_entry_that_is_stale_when_it_goes_is_no_sign)
{
	struct neighbour_message gone = whole;

	gone.header.nlmsg_type = RTM_DELNEIGH;
	cr_expect_eq(n_signs_of(&gone, sizeof(gone)), 1u);
	gone.entry.ndm_state = NUD_STALE;
	cr_expect_eq(n_signs_of(&gone, sizeof(gone)), 0u);
	gone.header.nlmsg_type = RTM_NEWNEIGH;
	gone.entry.ndm_state = NUD_PROBE;
	cr_expect_eq(n_signs_of(&gone, sizeof(gone)), 0u);
}

Test(neighbour, noise_is_read_to_its_end_and_no_further)
{
	const struct page page = page_open();
	unsigned int seed = 20261124;

	for (int round = 0; round < 200000; round++) {
		const size_t size = sizeof(whole) - 4 * (size_t)(rand_r(&seed) % 8);
		uint8_t *message = page.begin + page.size - size;

		memcpy(message, &whole, size);
		for (int n = rand_r(&seed) % 6; n >= 0; n--)
			message[(size_t)rand_r(&seed) % size] = (uint8_t)rand_r(&seed);
		(void)n_signs_of(message, size);
	}
	munmap(page.begin, 2 * page.size);
}
