/* SPDX-License-Identifier: MIT */
/* Attaching beside programs of others, and where it must be refused: nothing of anybody else's is touched. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/net_lab.h"

#define UDP 17
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define VERDICT_NEXT (-1)
#define VERDICT_PASS 0 /* TCX_PASS, TC_ACT_OK: nobody after it is asked */
#define FOREIGN_PRIORITY 7
#define FOREIGN_HANDLE 3

static struct net_lab lab;
static uint32_t ifindex;
static int guest_fd;

static void set_up(void)
{
	net_lab_open(&lab);
	ifindex = net_lab_veth(&lab, "gw0", "cl0");
	guest_fd = net_lab_socket(&lab, lab.guest_ns, "cl0");
}

static void tear_down(void)
{
	close(guest_fd);
	net_lab_close(&lab);
}

static void send_up(int fd, size_t n)
{
	net_lab_send_spec(fd, &(struct frame_spec){.guest = 1, .protocol = UDP}, n);
}

static int foreign_program(int verdict)
{
	/* r0 = verdict; exit */
	const struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = verdict},
					 {.code = BPF_JMP | BPF_EXIT}};
	const int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", insns, ARRAY_LENGTH(insns), NULL);

	cr_assert_geq(fd, 0);
	return fd;
}

static bool has_foreign_filter(enum bpf_tc_attach_point point)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, query, .handle = FOREIGN_HANDLE, .priority = FOREIGN_PRIORITY);

	return bpf_tc_query(&hook, &query) == 0;
}

static void add_foreign_filter(bool has_qdisc)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FOREIGN_HANDLE, .priority = FOREIGN_PRIORITY);
	CLEANUP_CLOSE int fd = foreign_program(VERDICT_NEXT);

	opts.prog_fd = fd;
	cr_assert_eq(bpf_tc_hook_create(&hook), has_qdisc ? -EEXIST : 0);
	cr_assert_eq(bpf_tc_attach(&hook, &opts), 0);
}

/* Frames counted on interface 0 while n are sent by fd. */
static void expect_all_counted(struct source_bpf *source, int fd, size_t n)
{
	struct health_interface health;

	cr_assert_eq(source_bpf_health(source, &health, 1), 1);
	const uint64_t before = health.classes[OCTET_UP].classes[OCTET_CLASS_COUNTED].frames;
	send_up(fd, n);
	net_lab_await(source, 0, OCTET_UP, before + n);
}

Test(attach_others, foreign_clsact_stays)
{
	struct source_bpf *source;

	set_up();
	add_foreign_filter(false);
	source = net_lab_source("");
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_CLSACT), 0);
	cr_expect(has_foreign_filter(BPF_TC_INGRESS));
	expect_all_counted(source, guest_fd, 3);
	source_bpf_close(&source, false);
	cr_expect(has_foreign_filter(BPF_TC_INGRESS), "a filter of somebody else was removed");
	tear_down();
}

Test(attach_others, foreign_filter_on_the_clsact_that_we_made_stays)
{
	struct source_bpf *source;

	set_up();
	source = net_lab_source("");
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_CLSACT), 0);
	add_foreign_filter(true);
	expect_all_counted(source, guest_fd, 3);
	source_bpf_close(&source, false);
	cr_expect(has_foreign_filter(BPF_TC_INGRESS), "a filter of somebody else was removed");
	tear_down();
}

static void beside_foreign_link(int verdict)
{
	uint32_t ids[4], foreign_id;
	struct source_bpf *source;

	set_up();
	net_lab_require_tcx();
	CLEANUP_CLOSE int program_fd = foreign_program(verdict);
	CLEANUP_CLOSE int link_fd = bpf_link_create(program_fd, (int)ifindex, TCX_INGRESS, NULL);
	cr_assert_geq(link_fd, 0);
	cr_assert_eq(net_lab_tcx_links(ifindex, OCTET_UP, &foreign_id, 1), 1);
	source = net_lab_source("");
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_TCX), 0);
	cr_expect_eq(net_lab_tcx_links(ifindex, OCTET_UP, ids, 4), 2);
	expect_all_counted(source, guest_fd, 3);
	source_bpf_close(&source, false);
	cr_expect_eq(net_lab_n_tcx_links(ifindex, OCTET_UP, 1), 1);
	cr_expect_eq(net_lab_tcx_links(ifindex, OCTET_UP, ids, 4), 1);
	cr_expect_eq(ids[0], foreign_id, "a link of somebody else was removed");
	tear_down();
}

Test(attach_others, foreign_tcx_link_stays)
{
	beside_foreign_link(VERDICT_NEXT);
}

/* Most programs accept what they like with "pass", which ends the chain: so counting must come before them. */
Test(attach_others, foreign_tcx_link_that_passes_hides_no_guest)
{
	beside_foreign_link(VERDICT_PASS);
}

/* Everything in the directory of pins but the maps. */
static size_t n_pins_of_interfaces(void)
{
	DIR *directory = opendir(NET_LAB_PINS);
	const struct dirent *entry;
	size_t n = 0;

	cr_assert(directory);
	while ((entry = readdir(directory)))
		n += strchr(entry->d_name, '-') && strncmp(entry->d_name, "table-", 6) != 0;
	closedir(directory);
	return n;
}

Test(attach_others, what_has_no_guests_is_refused_and_leaves_nothing)
{
	static const enum config_attach modes[] = {CONFIG_ATTACH_AUTO, CONFIG_ATTACH_CLSACT};
	struct source_bpf *source;

	set_up();
	source = net_lab_source("");
	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
		cr_expect_eq(source_bpf_attach(source, "nowhere", modes[i]), -ENODEV);
		cr_expect_eq(source_bpf_attach(source, "a name that is far too long", modes[i]), -ENODEV);
		cr_expect_eq(source_bpf_attach(source, "", modes[i]), -ENODEV);
		cr_expect_eq(source_bpf_attach(source, "lo", modes[i]), -EPROTONOSUPPORT);
	}
	cr_expect_eq(source_bpf_health(source, NULL, 0), 0);
	cr_expect_eq(n_pins_of_interfaces(), 0);
	source_bpf_close(&source, false);
	tear_down();
}

Test(attach_others, tun_is_refused)
{
	struct source_bpf *source;

	net_lab_open(&lab);
	if (access("/dev/net/tun", F_OK) != 0)
		cr_skip_test("no /dev/net/tun");
	net_lab_do("ip tuntap add dev tun0 mode tun");
	source = net_lab_source("");
	cr_expect_eq(source_bpf_attach(source, "tun0", CONFIG_ATTACH_AUTO), -EPROTONOSUPPORT);
	cr_expect_eq(n_pins_of_interfaces(), 0);
	source_bpf_close(&source, false);
	net_lab_close(&lab);
}

/* A start that fails at the second interface: nothing of it remains. */
static void abort_fresh_start(enum config_attach mode)
{
	struct source_bpf *source;

	set_up();
	source = net_lab_source("");
	cr_assert_eq(source_bpf_attach(source, "gw0", mode), 0);
	cr_assert_eq(source_bpf_attach(source, "nowhere", mode), -ENODEV);
	source_bpf_abort(&source);
	cr_expect_null(source);
	cr_expect_leq(net_lab_n_tcx_links(ifindex, OCTET_UP, 0), 0);
	cr_expect_leq(net_lab_n_tcx_links(ifindex, OCTET_DOWN, 0), 0);
	CLEANUP_FREE char *qdiscs = net_lab_output("tc qdisc show dev gw0");
	cr_expect_not(strstr(qdiscs, "clsact"));
	cr_expect_neq(access(NET_LAB_PINS, F_OK), 0, "the directory of pins remains");
	tear_down();
}

Test(attach_others, failed_start_removes_its_tcx_links)
{
	abort_fresh_start(CONFIG_ATTACH_AUTO);
}

Test(attach_others, failed_start_removes_its_filters)
{
	abort_fresh_start(CONFIG_ATTACH_CLSACT);
}

/* The same when an earlier agent counts on the first: it goes on, and the new one on the second interface ends. */
static void abort_resumed_start(enum config_attach mode)
{
	char epoch[SOURCE_EPOCH_SIZE];
	struct source_bpf *source;
	uint32_t second;

	set_up();
	second = net_lab_veth(&lab, "gw1", "cl1");
	source = net_lab_source("");
	snprintf(epoch, sizeof(epoch), "%s", source_bpf_epoch(source));
	cr_assert_eq(source_bpf_attach(source, "gw0", mode), 0);
	source_bpf_close(&source, true);

	source = net_lab_source(epoch);
	cr_assert_eq(source_bpf_attach(source, "gw0", mode), 0);
	cr_assert_eq(source_bpf_attach(source, "gw1", mode), 0);
	cr_assert_eq(source_bpf_attach(source, "nowhere", mode), -ENODEV);
	source_bpf_abort(&source);
	cr_expect_leq(net_lab_n_tcx_links(second, OCTET_UP, 0), 0);
	CLEANUP_FREE char *qdiscs = net_lab_output("tc qdisc show dev gw1");
	cr_expect_not(strstr(qdiscs, "clsact"));

	send_up(guest_fd, 5);
	source = net_lab_source(epoch);
	cr_expect(source_bpf_is_resumed(source));
	cr_assert_eq(source_bpf_attach(source, "gw0", mode), 0);
	net_lab_await(source, 0, OCTET_UP, 5);
	source_bpf_close(&source, false);
	tear_down();
}

Test(attach_others, failed_start_keeps_the_links_taken_over)
{
	abort_resumed_start(CONFIG_ATTACH_AUTO);
}

Test(attach_others, failed_start_keeps_the_filters_taken_over)
{
	abort_resumed_start(CONFIG_ATTACH_CLSACT);
}

Test(attach_others, lost_attachments_are_noticed)
{
	struct health_interface health[2];
	struct source_bpf *source;

	set_up();
	net_lab_veth(&lab, "gw1", "cl1");
	source = net_lab_source("");
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_CLSACT), 0);
	cr_assert_eq(source_bpf_attach(source, "gw1", CONFIG_ATTACH_AUTO), 0);
	cr_assert_eq(source_bpf_health(source, health, 2), 2);
	for (int i = 0; i < 2; i++)
		cr_expect(health[i].is_attached[OCTET_UP] && health[i].is_attached[OCTET_DOWN], "interface %d", i);
	net_lab_do("tc filter del dev gw0 egress");
	net_lab_do("ip link del gw1");
	cr_assert_eq(source_bpf_health(source, health, 2), 2);
	cr_expect(health[0].is_attached[OCTET_UP]);
	cr_expect_not(health[0].is_attached[OCTET_DOWN]);
	cr_expect_not(health[1].is_attached[OCTET_UP]);
	cr_expect_not(health[1].is_attached[OCTET_DOWN]);
	source_bpf_close(&source, false);
	tear_down();
}

#define GENERATION 40 /* two of them are more than OCTET_SLOTS_MAX */

/* Makes many interfaces, counts on all, and lets them vanish; returns what the first refused attachment said. */
static int live_and_vanish(const char *known_epoch, char epoch[SOURCE_EPOCH_SIZE])
{
	struct source_bpf *source = net_lab_source(known_epoch);
	char name[IF_NAMESIZE];
	int r = 0;

	for (int i = 0; !r && i < GENERATION; i += 2) {
		net_lab_do("ip link add gw%d group 7 type veth peer name gw%d group 7", i, i + 1);
		for (int end = 0; !r && end < 2; end++) {
			snprintf(name, sizeof(name), "gw%d", i + end);
			r = source_bpf_attach(source, name, CONFIG_ATTACH_AUTO);
		}
	}
	snprintf(epoch, SOURCE_EPOCH_SIZE, "%s", source_bpf_epoch(source));
	source_bpf_close(&source, true);
	net_lab_do("ip link del group 7");
	return r;
}

/* Access points come and go: interfaces that are no more must not use the places up. */
Test(attach_others, places_of_vanished_interfaces_are_used_again)
{
	char first[SOURCE_EPOCH_SIZE], second[SOURCE_EPOCH_SIZE];

	net_lab_open(&lab);
	cr_assert_eq(live_and_vanish("", first), 0);
	cr_expect_eq(live_and_vanish(first, second), 0);
	cr_expect_str_eq(second, first);
	net_lab_close(&lab);
}

/* An interface index says nothing without its network namespace: the pinned link may belong to another one's. */
Test(attach_others, same_index_in_another_namespace_is_another_interface)
{
	char epoch[SOURCE_EPOCH_SIZE];
	struct source_bpf *source;
	uint32_t ids[4];

	set_up();
	net_lab_require_tcx();
	source = net_lab_source("");
	snprintf(epoch, sizeof(epoch), "%s", source_bpf_epoch(source));
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_TCX), 0);
	source_bpf_close(&source, true);

	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	net_lab_do("ip link add name gw0 index %u type veth peer name cl0 index 999", ifindex);
	source = net_lab_source(epoch);
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_TCX), 0);
	cr_expect_eq(net_lab_tcx_links(ifindex, OCTET_UP, ids, 4), 1, "it counts on an interface elsewhere");
	source_bpf_close(&source, false);
	tear_down();
}
