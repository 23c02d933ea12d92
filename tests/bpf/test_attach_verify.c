/* SPDX-License-Identifier: MIT */
/* What others do to attachments while the agent runs is noticed and mended, by TCX and by clsact. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/net_lab.h"
#include "io/link.h"

#define UDP 17
#define TCX_EGRESS ((enum bpf_attach_type)47)
#define BEFORE_ALL (1u << 3) /* BPF_F_BEFORE */
#define VERDICT_NEXT (-1)
#define VERDICT_PASS 0

static struct net_lab lab;
static uint32_t ifindex;
static int guest_fd;   /* sends up */
static int gateway_fd; /* sends down */
static struct source_bpf *source;

static void set_up(enum config_attach mode)
{
	net_lab_open(&lab);
	if (mode == CONFIG_ATTACH_TCX)
		net_lab_require_tcx();
	ifindex = net_lab_veth(&lab, "gw0", "cl0");
	guest_fd = net_lab_socket(&lab, lab.guest_ns, "cl0");
	gateway_fd = net_lab_socket(&lab, lab.gateway_ns, "gw0");
	source = net_lab_source("");
	cr_assert_eq(source_bpf_attach(source, "gw0", mode), 0);
}

static void tear_down(void)
{
	source_bpf_close(&source, false);
	cr_expect_leq(net_lab_n_tcx_links(ifindex, OCTET_UP, 0), 0);
	close(guest_fd);
	close(gateway_fd);
	net_lab_close(&lab);
}

static struct health_interface health_of_first(void)
{
	struct health_interface health = {0};

	cr_assert_eq(source_bpf_health(source, &health, 1), 1);
	return health;
}

static void expect_state(bool is_attached, bool is_behind, uint64_t n_reattached)
{
	const struct health_interface health = health_of_first();

	for (int i = 0; i < OCTET_N_DIRECTIONS; i++) {
		cr_expect_eq(health.is_attached[i], is_attached, "direction %d", i);
		cr_expect_eq(health.is_behind[i], is_behind, "direction %d", i);
		cr_expect_eq(health.n_reattached[i], n_reattached, "direction %d: %zu times", i,
			     (size_t)health.n_reattached[i]);
	}
}

/* All that is sent now is counted, and once. */
static void expect_counting(void)
{
	const struct health_interface before = health_of_first();

	net_lab_send_spec(guest_fd, &(struct frame_spec){.guest = 1, .protocol = UDP}, 5);
	net_lab_send_spec(gateway_fd, &(struct frame_spec){.guest = 1, .is_down = true, .protocol = UDP}, 7);
	net_lab_await(source, 0, OCTET_UP, before.classes[OCTET_UP].classes[OCTET_CLASS_COUNTED].frames + 5);
	net_lab_await(source, 0, OCTET_DOWN, before.classes[OCTET_DOWN].classes[OCTET_CLASS_COUNTED].frames + 7);
}

static void detach_links(void)
{
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++) {
		uint32_t id = 0;

		cr_assert_eq(net_lab_tcx_links(ifindex, (enum octet_direction)i, &id, 1), 1);
		CLEANUP_CLOSE int link_fd = bpf_link_get_fd_by_id(id);
		cr_assert_eq(bpf_link_detach(link_fd), 0);
	}
}

Test(attach_verify, detached_links_are_attached_again)
{
	set_up(CONFIG_ATTACH_TCX);
	for (uint64_t round = 1; round <= 3; round++) {
		detach_links();
		expect_state(false, false, round - 1);
		source_bpf_verify(source);
		expect_state(true, false, round);
		expect_counting();
	}
	cr_expect_eq(net_lab_n_tcx_links(ifindex, OCTET_UP, 1), 1);
	/* nothing to mend, nothing is done */
	source_bpf_verify(source);
	expect_state(true, false, 3);
	tear_down();
}

Test(attach_verify, tcx_needs_no_qdisc)
{
	set_up(CONFIG_ATTACH_TCX);
	net_lab_do("tc qdisc add dev gw0 ingress");
	net_lab_do("tc qdisc del dev gw0 ingress");
	source_bpf_verify(source);
	expect_state(true, false, 0);
	expect_counting();
	tear_down();
}

Test(attach_verify, a_qdisc_that_was_deleted_is_made_again)
{
	set_up(CONFIG_ATTACH_CLSACT);
	net_lab_do("tc qdisc del dev gw0 clsact");
	expect_state(false, false, 0);
	source_bpf_verify(source);
	expect_state(true, false, 1);
	expect_counting();
	net_lab_do("tc filter del dev gw0 ingress");
	net_lab_do("tc filter del dev gw0 egress");
	source_bpf_verify(source);
	expect_state(true, false, 2);
	expect_counting();
	source_bpf_detach(source);
	CLEANUP_FREE char *qdiscs = net_lab_output("tc qdisc show dev gw0");
	cr_expect_not(strstr(qdiscs, "clsact"), "the qdisc that was made again stays behind");
	tear_down();
}

/* As traffic shapers do. An ingress qdisc has one place for both directions: "down" must not count what comes in. */
Test(attach_verify, an_ingress_qdisc_leaves_no_place_for_down)
{
	struct health_interface health;

	set_up(CONFIG_ATTACH_CLSACT);
	net_lab_do("tc qdisc del dev gw0 clsact");
	net_lab_do("tc qdisc add dev gw0 ingress");
	source_bpf_verify(source);
	health = health_of_first();
	cr_expect(health.is_attached[OCTET_UP]);
	cr_expect_not(health.is_attached[OCTET_DOWN]);
	net_lab_send_spec(guest_fd, &(struct frame_spec){.guest = 1, .protocol = UDP}, 5);
	net_lab_await(source, 0, OCTET_UP, 5);
	net_lab_await(source, 0, OCTET_DOWN, 0);
	/* once the place is free again, so is the way: at the next try after the first failure's second */
	net_lab_do("tc qdisc del dev gw0 ingress");
	for (int i = 0; i < 100 && !health_of_first().is_attached[OCTET_DOWN]; i++) {
		usleep(50000);
		source_bpf_verify(source);
	}
	cr_expect(health_of_first().is_attached[OCTET_DOWN]);
	cr_expect(health_of_first().is_attached[OCTET_UP]);
	expect_counting();
	tear_down();
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

/* A program before all others, going down, that lets nobody after it see a frame. */
static int come_before(void)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = BEFORE_ALL);
	CLEANUP_CLOSE int program_fd = foreign_program(VERDICT_PASS);
	const int link_fd = bpf_link_create(program_fd, (int)ifindex, TCX_EGRESS, &opts);

	cr_assert_geq(link_fd, 0);
	return link_fd;
}

Test(attach_verify, tcx_moves_before_a_program_that_came_before_it)
{
	struct health_interface health;
	uint32_t ids[4], foreign_id = 0;

	set_up(CONFIG_ATTACH_TCX);
	CLEANUP_CLOSE int foreign_fd = come_before();
	cr_assert_eq(net_lab_tcx_links(ifindex, OCTET_DOWN, &foreign_id, 1), 2);
	cr_expect(health_of_first().is_behind[OCTET_DOWN]);
	source_bpf_verify(source);
	health = health_of_first();
	cr_expect(health.is_attached[OCTET_DOWN] && !health.is_behind[OCTET_DOWN]);
	cr_expect_eq(health.n_reattached[OCTET_DOWN], 1);
	cr_expect_eq(health.n_reattached[OCTET_UP], 0);
	cr_assert_eq(net_lab_tcx_links(ifindex, OCTET_DOWN, ids, 4), 2);
	cr_expect_eq(ids[1], foreign_id, "the other one must stay");
	expect_counting();
	/* one that insists gets a place in between: no quarrel at each collection */
	CLEANUP_CLOSE int second_fd = come_before();
	source_bpf_verify(source);
	cr_expect(health_of_first().is_behind[OCTET_DOWN]);
	cr_expect_eq(health_of_first().n_reattached[OCTET_DOWN], 1);
	/* the moved link is pinned as the first one was: the next agent takes it over */
	char epoch[SOURCE_EPOCH_SIZE];
	snprintf(epoch, sizeof(epoch), "%s", source_bpf_epoch(source));
	source_bpf_close(&source, true);
	source = net_lab_source(epoch);
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_TCX), 0);
	cr_expect_eq(net_lab_n_tcx_links(ifindex, OCTET_DOWN, 3), 3);
	source_bpf_verify(source);
	cr_expect_not(health_of_first().is_behind[OCTET_DOWN]);
	expect_counting();
	tear_down();
}

/* Frames that pass during a move are never counted twice, and nearly all of them once. */
Test(attach_verify, tcx_moves_under_traffic)
{
	enum { FRAMES = 50000 };
	static struct net_lab_readings readings;
	const struct counter_reading *guest;
	int status;
	pid_t child;

	set_up(CONFIG_ATTACH_TCX);
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = BEFORE_ALL);
	CLEANUP_CLOSE int program_fd = foreign_program(VERDICT_NEXT);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		net_lab_send_spec(gateway_fd, &(struct frame_spec){.guest = 1, .is_down = true, .protocol = UDP},
				  FRAMES);
		_exit(0);
	}
	usleep(10000);
	CLEANUP_CLOSE int foreign_fd = bpf_link_create(program_fd, (int)ifindex, TCX_EGRESS, &opts);
	cr_assert_geq(foreign_fd, 0);
	source_bpf_verify(source);
	cr_expect_not(health_of_first().is_behind[OCTET_DOWN]);
	cr_assert_eq(waitpid(child, &status, 0), child);
	net_lab_collect(source, &readings);
	guest = net_lab_find(&readings, ifindex, 1, false);
	cr_assert(guest);
	cr_log_info("%zu of %d frames", (size_t)guest->total.down_packets, FRAMES);
	cr_expect_leq(guest->total.down_packets, FRAMES);
	cr_expect_geq(guest->total.down_packets, FRAMES * 99 / 100, "%zu of %d frames were counted",
		      (size_t)guest->total.down_packets, FRAMES);
	tear_down();
}

Test(attach_verify, clsact_says_that_a_tcx_program_comes_first)
{
	set_up(CONFIG_ATTACH_CLSACT);
	net_lab_require_tcx();
	expect_state(true, false, 0);
	CLEANUP_CLOSE int foreign_fd = come_before();
	source_bpf_verify(source);
	cr_expect(health_of_first().is_attached[OCTET_DOWN]);
	cr_expect(health_of_first().is_behind[OCTET_DOWN]);
	cr_expect_not(health_of_first().is_behind[OCTET_UP]);
	bpf_link_detach(foreign_fd);
	cr_expect_not(health_of_first().is_behind[OCTET_DOWN]);
	tear_down();
}

/* Of filters with the same priority the latest runs first. */
Test(attach_verify, clsact_moves_before_a_filter_that_came_before_it)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 3, .priority = 1);

	set_up(CONFIG_ATTACH_CLSACT);
	CLEANUP_CLOSE int fd = foreign_program(VERDICT_PASS);
	hook.ifindex = (int)ifindex;
	opts.prog_fd = fd;
	cr_assert_eq(bpf_tc_attach(&hook, &opts), 0);
	cr_expect(health_of_first().is_behind[OCTET_UP]);
	source_bpf_verify(source);
	cr_expect(health_of_first().is_attached[OCTET_UP]);
	cr_expect_not(health_of_first().is_behind[OCTET_UP]);
	cr_expect_eq(health_of_first().n_reattached[OCTET_UP], 1);
	expect_counting();
	opts.prog_fd = 0;
	opts.prog_id = 0;
	cr_expect_eq(bpf_tc_query(&hook, &opts), 0, "the other filter must stay");
	tear_down();
}

/* Our link runs somebody else's program, put there through the link itself. */
Test(attach_verify, a_program_that_was_exchanged_is_put_back)
{
	uint32_t id = 0;

	set_up(CONFIG_ATTACH_TCX);
	CLEANUP_CLOSE int program_fd = foreign_program(VERDICT_NEXT);
	cr_assert_eq(net_lab_tcx_links(ifindex, OCTET_DOWN, &id, 1), 1);
	CLEANUP_CLOSE int link_fd = bpf_link_get_fd_by_id(id);
	cr_assert_eq(bpf_link_update(link_fd, program_fd, NULL), 0);
	cr_expect_not(health_of_first().is_attached[OCTET_DOWN]);
	source_bpf_verify(source);
	cr_expect(health_of_first().is_attached[OCTET_DOWN]);
	expect_counting();
	cr_expect_eq(net_lab_n_tcx_links(ifindex, OCTET_DOWN, 1), 1);
	tear_down();
}
