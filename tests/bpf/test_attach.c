/* SPDX-License-Identifier: MIT */
/* The life of attachments: made, taken over by the next agent, replaced, removed; by TCX and by clsact. */
#include <criterion/criterion.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/net_lab.h"

#define UDP 17
#define OUR_HANDLE "handle 0x6f6374"

static struct net_lab lab;
static uint32_t ifindex;
static int guest_fd;   /* sends up */
static int gateway_fd; /* sends down */

static void set_up(enum config_attach mode)
{
	net_lab_open(&lab);
	if (mode == CONFIG_ATTACH_TCX)
		net_lab_require_tcx();
	ifindex = net_lab_veth(&lab, "gw0", "cl0");
	guest_fd = net_lab_socket(&lab, lab.guest_ns, "cl0");
	gateway_fd = net_lab_socket(&lab, lab.gateway_ns, "gw0");
}

static void tear_down(void)
{
	close(guest_fd);
	close(gateway_fd);
	net_lab_close(&lab);
}

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		n++;
	return n;
}

/* Filters with our handle in both directions. */
static size_t n_our_filters(void)
{
	CLEANUP_FREE char *up = net_lab_output("tc filter show dev gw0 ingress");
	CLEANUP_FREE char *down = net_lab_output("tc filter show dev gw0 egress");

	return count_of(up, OUR_HANDLE) + count_of(down, OUR_HANDLE);
}

static bool has_clsact(void)
{
	CLEANUP_FREE char *qdiscs = net_lab_output("tc qdisc show dev gw0");

	return strstr(qdiscs, "clsact");
}

/* Exactly one of ours in each direction, by this mode and no other. */
static void expect_attached_once(enum config_attach mode)
{
	const int n_links = mode == CONFIG_ATTACH_TCX;

	cr_expect_eq(net_lab_n_tcx_links(ifindex, OCTET_UP, n_links), n_links);
	cr_expect_eq(net_lab_n_tcx_links(ifindex, OCTET_DOWN, n_links), n_links);
	cr_expect_eq(n_our_filters(), mode == CONFIG_ATTACH_CLSACT ? 2 : 0);
}

static void expect_nothing_attached(void)
{
	cr_expect_leq(net_lab_n_tcx_links(ifindex, OCTET_UP, 0), 0);
	cr_expect_leq(net_lab_n_tcx_links(ifindex, OCTET_DOWN, 0), 0);
	cr_expect_eq(n_our_filters(), 0);
	cr_expect_not(has_clsact());
}

/* Sends 28-octet packets of guest 1. */
static void send_up(size_t n)
{
	net_lab_send_spec(guest_fd, &(struct frame_spec){.guest = 1, .protocol = UDP}, n);
}

static void send_down(size_t n)
{
	net_lab_send_spec(gateway_fd, &(struct frame_spec){.guest = 1, .is_down = true, .protocol = UDP}, n);
}

/* What guest 1 has had since its counters began; waits for as many frames. */
static void expect_counted(struct source_bpf *source, uint64_t n_up, uint64_t n_down)
{
	static struct net_lab_readings readings;
	const struct counter_reading *guest;

	net_lab_await(source, 0, OCTET_UP, n_up);
	net_lab_await(source, 0, OCTET_DOWN, n_down);
	net_lab_collect(source, &readings);
	guest = net_lab_find(&readings, ifindex, 1, false);
	cr_assert_eq(guest != NULL, n_up + n_down > 0);
	if (!guest)
		return;
	cr_expect_eq(guest->total.up_packets, n_up, "%zu up", (size_t)guest->total.up_packets);
	cr_expect_eq(guest->total.up_bytes, n_up * 28);
	cr_expect_eq(guest->total.down_packets, n_down, "%zu down", (size_t)guest->total.down_packets);
	cr_expect_eq(guest->total.down_bytes, n_down * 28);
}

static const char *mode_name(enum config_attach mode)
{
	return mode == CONFIG_ATTACH_TCX ? "tcx" : "clsact";
}

static void attach_count_and_remove(enum config_attach mode)
{
	struct health_interface health;
	struct source_bpf *source;

	set_up(mode);
	source = net_lab_source("");
	cr_expect_not(source_bpf_is_resumed(source));
	send_up(3); /* nobody counts yet */
	cr_assert_eq(source_bpf_attach(source, "gw0", mode), 0);
	expect_attached_once(mode);
	cr_assert_eq(source_bpf_health(source, &health, 1), 1);
	cr_expect_str_eq(health.name, "gw0");
	cr_expect_eq(health.ifindex, ifindex);
	cr_expect_str_eq(health.attach_name, mode_name(mode));
	cr_expect(health.is_attached[OCTET_UP] && health.is_attached[OCTET_DOWN]);
	send_up(5);
	send_down(7);
	expect_counted(source, 5, 7);
	/* what was counted can still be read, and nothing more is counted */
	source_bpf_detach(source);
	expect_nothing_attached();
	send_up(2);
	expect_counted(source, 5, 7);
	source_bpf_close(&source, false);
	cr_expect_null(source);
	cr_expect_neq(access(NET_LAB_PINS, F_OK), 0, "the directory of pins remains");
	tear_down();
}

Test(attach, tcx_counts_and_leaves_nothing)
{
	attach_count_and_remove(CONFIG_ATTACH_TCX);
}

Test(attach, clsact_counts_and_leaves_nothing)
{
	attach_count_and_remove(CONFIG_ATTACH_CLSACT);
}

Test(attach, auto_takes_tcx_where_it_is)
{
	struct source_bpf *source;

	set_up(CONFIG_ATTACH_TCX);
	source = net_lab_source("");
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_AUTO), 0);
	expect_attached_once(CONFIG_ATTACH_TCX);
	source_bpf_close(&source, false);
	expect_nothing_attached();
	tear_down();
}

/* An agent that is killed once it counts; *epoch is what its store would know. */
static void crash_an_agent(enum config_attach mode, char epoch[SOURCE_EPOCH_SIZE])
{
	char *shared = mmap(NULL, SOURCE_EPOCH_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	cr_assert_neq(shared, MAP_FAILED);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		struct source_bpf *source = net_lab_source("");

		snprintf(shared, SOURCE_EPOCH_SIZE, "%s", source_bpf_epoch(source));
		if (source_bpf_attach(source, "gw0", mode))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status), "the agent did not come so far");
	snprintf(epoch, SOURCE_EPOCH_SIZE, "%s", shared);
	munmap(shared, SOURCE_EPOCH_SIZE);
}

static void take_over(enum config_attach mode)
{
	char epoch[SOURCE_EPOCH_SIZE];
	uint32_t before[OCTET_N_DIRECTIONS] = {0}, after[OCTET_N_DIRECTIONS] = {0};
	struct source_bpf *source;

	set_up(mode);
	crash_an_agent(mode, epoch);
	expect_attached_once(mode);
	send_up(10);
	send_down(20);
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++)
		net_lab_tcx_links(ifindex, (enum octet_direction)i, &before[i], 1);
	CLEANUP_FREE char *old_filter = net_lab_output("tc filter show dev gw0 ingress");

	source = net_lab_source(epoch);
	cr_assert(source_bpf_is_resumed(source));
	cr_expect_str_eq(source_bpf_epoch(source), epoch);
	cr_assert_eq(source_bpf_attach(source, "gw0", mode), 0);
	expect_attached_once(mode);
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++) {
		net_lab_tcx_links(ifindex, (enum octet_direction)i, &after[i], 1);
		cr_expect_eq(after[i], before[i], "the link was not updated but made anew");
	}
	CLEANUP_FREE char *new_filter = net_lab_output("tc filter show dev gw0 ingress");
	cr_expect_eq(strcmp(old_filter, new_filter) == 0, mode == CONFIG_ATTACH_TCX,
		     "a filter is replaced by the new agent's program");
	send_up(1);
	send_down(2);
	expect_counted(source, 11, 22);
	source_bpf_close(&source, false);
	expect_nothing_attached();
	tear_down();
}

Test(attach, tcx_is_taken_over_after_a_crash)
{
	take_over(CONFIG_ATTACH_TCX);
}

Test(attach, clsact_is_taken_over_after_a_crash)
{
	take_over(CONFIG_ATTACH_CLSACT);
}

/* Not one frame is lost or counted twice while the next agent takes over. */
static void take_over_under_traffic(enum config_attach mode)
{
	char epoch[SOURCE_EPOCH_SIZE];
	struct source_bpf *source;
	int status;
	pid_t child;

	set_up(mode);
	crash_an_agent(mode, epoch);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		send_down(50000);
		_exit(0);
	}
	for (int i = 0; i < 5; i++) {
		source = net_lab_source(epoch);
		cr_assert(source_bpf_is_resumed(source));
		cr_assert_eq(source_bpf_attach(source, "gw0", mode), 0);
		if (i < 4)
			source_bpf_close(&source, true);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	expect_counted(source, 0, 50000);
	source_bpf_close(&source, false);
	tear_down();
}

Test(attach, tcx_is_taken_over_under_traffic)
{
	take_over_under_traffic(CONFIG_ATTACH_TCX);
}

Test(attach, clsact_is_taken_over_under_traffic)
{
	take_over_under_traffic(CONFIG_ATTACH_CLSACT);
}

/* A store that does not know the maps begins anew, and of the agent before nothing stays attached. */
static void replace_unknown(enum config_attach old_mode, enum config_attach new_mode)
{
	char epoch[SOURCE_EPOCH_SIZE];
	struct source_bpf *source;

	set_up(CONFIG_ATTACH_TCX);
	crash_an_agent(old_mode, epoch);
	send_up(10);
	source = net_lab_source("another epoch");
	cr_expect_not(source_bpf_is_resumed(source));
	cr_expect_str_neq(source_bpf_epoch(source), epoch);
	cr_assert_eq(source_bpf_attach(source, "gw0", new_mode), 0);
	expect_attached_once(new_mode);
	send_up(4);
	send_down(5);
	expect_counted(source, 4, 5);
	source_bpf_close(&source, false);
	expect_nothing_attached();
	tear_down();
}

Test(attach, unknown_tcx_is_replaced)
{
	replace_unknown(CONFIG_ATTACH_TCX, CONFIG_ATTACH_TCX);
}

Test(attach, unknown_clsact_is_replaced)
{
	replace_unknown(CONFIG_ATTACH_CLSACT, CONFIG_ATTACH_CLSACT);
}

Test(attach, unknown_clsact_is_replaced_by_tcx)
{
	replace_unknown(CONFIG_ATTACH_CLSACT, CONFIG_ATTACH_TCX);
}

Test(attach, unknown_tcx_is_replaced_by_clsact)
{
	replace_unknown(CONFIG_ATTACH_TCX, CONFIG_ATTACH_CLSACT);
}

/* The config's attach key was changed between two starts: still every frame counts once. */
static void change_mode(enum config_attach old_mode, enum config_attach new_mode)
{
	char epoch[SOURCE_EPOCH_SIZE];
	struct source_bpf *source;

	set_up(CONFIG_ATTACH_TCX);
	crash_an_agent(old_mode, epoch);
	send_up(10);
	source = net_lab_source(epoch);
	cr_assert(source_bpf_is_resumed(source));
	cr_assert_eq(source_bpf_attach(source, "gw0", new_mode), 0);
	expect_attached_once(new_mode);
	send_up(4);
	expect_counted(source, 14, 0);
	source_bpf_close(&source, false);
	expect_nothing_attached();
	tear_down();
}

Test(attach, tcx_gives_way_to_clsact)
{
	change_mode(CONFIG_ATTACH_TCX, CONFIG_ATTACH_CLSACT);
}

Test(attach, clsact_gives_way_to_tcx)
{
	change_mode(CONFIG_ATTACH_CLSACT, CONFIG_ATTACH_TCX);
}
