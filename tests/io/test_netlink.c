/* SPDX-License-Identifier: MIT */
/* That every change of links and filters is told of, lost messages included; in a network namespace of its own. */
#include "io/netlink.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "command.h"
#include "io/link.h"

#define PATIENCE_MS 5000
#define MANY 400

struct lab {
	uv_loop_t loop;
	uv_timer_t patience;
	struct netlink_monitor *monitor;
	int n_told;
	size_t n_links; /* of the list that was taken when it was told */
};

static void on_changed(void *context)
{
	struct lab *lab = context;
	CLEANUP_FREE struct link_facts *facts = NULL;

	lab->n_told++;
	cr_assert_eq(link_list(&facts, &lab->n_links), 0);
	uv_stop(&lab->loop);
}

static void on_patience(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void lab_open(struct lab *lab)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0)
		cr_skip_test("needs root and network namespaces");
	memset(lab, 0, sizeof(*lab));
	cr_assert_eq(uv_loop_init(&lab->loop), 0);
	uv_timer_init(&lab->loop, &lab->patience);
	cr_assert_eq(netlink_monitor_new(&lab->loop, on_changed, lab, &lab->monitor), 0);
}

static void lab_close(struct lab *lab)
{
	netlink_monitor_close(&lab->monitor);
	cr_expect_null(lab->monitor);
	uv_close((uv_handle_t *)&lab->patience, NULL);
	uv_run(&lab->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&lab->loop), 0);
}

/* Runs the loop until something is told; whether it was. */
static bool is_told(struct lab *lab, uint64_t patience_ms)
{
	const int before = lab->n_told;

	uv_timer_start(&lab->patience, on_patience, patience_ms, 0);
	uv_run(&lab->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&lab->patience);
	return lab->n_told > before;
}

/* Runs it until nothing more is told. */
static void settle(struct lab *lab)
{
	while (is_told(lab, 4 * NETLINK_SPACING_MS))
		;
}

Test(netlink, each_kind_of_change_is_told)
{
	static const char *const changes[] = {
		"ip link add a0 type veth peer name b0",
		"ip link set a0 name a1",
		"ip link set a1 address 02:00:00:00:00:07",
		"ip link add br0 type bridge",
		"ip link set a1 master br0",
		"ip link set a1 nomaster",
		"tc qdisc add dev a1 clsact",
		"tc qdisc del dev a1 clsact",
		"ip link del a1",
	};
	struct lab lab;

	lab_open(&lab);
	cr_expect_not(is_told(&lab, 2 * NETLINK_SPACING_MS), "nothing has happened yet");
	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		command_run(changes[i]);
		cr_expect(is_told(&lab, PATIENCE_MS), "not told: %s", changes[i]);
		settle(&lab);
	}
	lab_close(&lab);
}

/* While nobody reads, far more changes than the kernel keeps messages of. */
Test(netlink, lost_messages_are_a_change_too)
{
	char path[] = "/tmp/octetd-netlink-XXXXXX", command[64];
	const int fd = mkstemp(path);
	FILE *batch = fdopen(fd, "w");
	struct lab lab;

	lab_open(&lab);
	cr_assert(batch);
	for (int i = 0; i < MANY; i++)
		fprintf(batch, "link add d%d type veth peer name e%d\n", i, i);
	fclose(batch);
	snprintf(command, sizeof(command), "ip -batch %s", path);
	command_run(command);
	unlink(path);
	settle(&lab);
	cr_expect_geq(netlink_monitor_n_overruns(lab.monitor), 1, "no message was lost: the test shows nothing");
	cr_expect_eq(lab.n_links, 2 * MANY + 1, "%zu links were seen", lab.n_links);
	cr_expect_leq(lab.n_told, 10, "a burst is one change, not %d", lab.n_told);
	command_run("ip link del d0");
	cr_expect(is_told(&lab, PATIENCE_MS), "it is deaf after that");
	lab_close(&lab);
}

Test(netlink, an_interface_is_what_the_kernel_says)
{
	struct lab lab;
	struct link_facts facts;

	lab_open(&lab);
	command_run("ip link add br0 type bridge");
	command_run("ip link add a0 address 02:00:00:00:00:09 type veth peer name b0");
	command_run("ip link set a0 master br0");
	command_run("ip link add link br0 name m0 type macvlan mode private");
	cr_assert_eq(link_query("a0", &facts), 0);
	cr_expect_str_eq(facts.name, "a0");
	cr_expect_str_eq(facts.kind, "veth");
	cr_expect_str_eq(facts.master_kind, "bridge");
	cr_expect_eq(facts.master, if_nametoindex("br0"));
	cr_expect_eq(facts.hardware, LINK_HARDWARE_ETHERNET);
	cr_expect_eq(facts.mac.octets[5], 9);
	cr_assert_eq(link_query("m0", &facts), 0);
	cr_expect_eq(facts.lower, if_nametoindex("br0"));
	cr_assert_eq(link_query("lo", &facts), 0);
	cr_expect_neq(facts.hardware, LINK_HARDWARE_ETHERNET);
	cr_expect_eq(link_query("a1", &facts), -ENODEV);
	lab_close(&lab);
}
