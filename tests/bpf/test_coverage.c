/* SPDX-License-Identifier: MIT */
/* What the programs saw against what real interfaces counted; the time is made up, so that nothing has to be awaited.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/instant.h"
#include "bpf/net_lab.h"
#include "io/link_stats.h"

#define TCP 6
#define UDP 17

static struct net_lab lab;
static struct source_bpf *source;
static int64_t now_ns;
static struct health_interface health;

static void open_scene(void)
{
	net_lab_open(&lab);
	net_lab_veth(&lab, "gw0", "cl0");
	now_ns = NS_PER_S;
}

static void close_scene(void)
{
	source_bpf_close(&source, false);
	net_lab_close(&lab);
}

static void observe_for(int seconds)
{
	for (int i = 0; i < seconds; i++) {
		now_ns += NS_PER_S;
		source_bpf_observe(source, now_ns);
	}
	cr_assert_eq(source_bpf_health(source, &health, 1), 1);
}

static void attach(const char *interface)
{
	source = net_lab_source("");
	cr_assert_eq(source_bpf_attach(source, interface, CONFIG_ATTACH_AUTO), 0);
	observe_for(4);
}

static void send_super(int fd)
{
	const int on = 1;
	struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					.hdr_len = 54,
					.gso_size = 1000,
					.csum_start = 34,
					.csum_offset = 16};
	const struct frame_spec spec = {.guest = 1, .protocol = TCP, .payload = 3001};
	struct frame frame;

	frame_build(&spec, &frame);
	const struct iovec parts[] = {{&header, sizeof(header)}, {frame.octets, frame.length}};
	cr_assert_eq(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	cr_assert_eq(writev(fd, parts, 2), (ssize_t)(sizeof(header) + frame.length), "%s", strerror(errno));
}

/* Frames of every kind that goes over a wire; returns how many pass a hook. */
static uint64_t send_all_kinds(int namespace_fd, const char *interface, bool is_down)
{
	CLEANUP_CLOSE int fd = net_lab_socket(&lab, namespace_fd, interface);
	CLEANUP_CLOSE int super_fd = net_lab_socket(&lab, namespace_fd, interface);
	const struct frame_spec specs[] = {
		{.guest = 1, .is_down = is_down, .protocol = UDP, .payload = 100},
		{.guest = 1, .is_down = is_down, .is_ipv6 = true, .protocol = TCP, .payload = 10},
		{.guest = 2, .is_down = is_down, .protocol = UDP, .payload = 1, .pad_to = 60},
		{.guest = 2, .is_down = is_down, .type = ETH_P_ARP, .payload = 28},
		{.guest = 3, .is_down = is_down, .protocol = UDP, .cut_to = 30},
		{.guest = 3, .is_down = is_down, .tags = {FRAME_TAG(0x8100, 5)}, .protocol = UDP},
		{.is_down = is_down, .dst = frame_broadcast_mac, .type = ETH_P_ARP, .payload = 28},
	};

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		net_lab_send_spec(fd, &specs[i], 10 + i);
	send_super(super_fd);
	return 7 * 10 + 6 * 7 / 2 + 1;
}

static uint64_t frames_of_classes(const struct octet_iface *classes)
{
	return coverage_seen_of(classes).frames.frames;
}

static void expect_complete(enum octet_direction direction, uint64_t passed, const char *name)
{
	const struct coverage_report *report = &health.coverage[direction];

	cr_expect_eq(report->verdict, COVERAGE_COMPLETE, "%s: %s: %s", name, coverage_verdict_name(report->verdict),
		     report->cause ? report->cause : "no cause");
	cr_expect_eq(report->percent_hundredths, 10000, "%s: %u", name, report->percent_hundredths);
	cr_expect_eq(report->missing_frames, 0, "%s", name);
	cr_expect_eq(report->excess_frames, 0, "%s", name);
	cr_expect_eq(report->seen.passed.frames, passed, "%s: %zu", name, (size_t)report->seen.passed.frames);
	/* the super-packet is four frames, and every other one */
	cr_expect_eq(report->seen.frames.frames, passed + 3, "%s: %zu", name, (size_t)report->seen.frames.frames);
	cr_expect_eq(frames_of_classes(&health.classes[direction]), passed + 3, "%s", name);
}

/* Both ways over gw0's wire, from an interface that counts what passes its hook. */
static void expect_both_ways(const char *interface, int64_t up_bytes_less)
{
	const struct coverage_report *up = &health.coverage[OCTET_UP], *down = &health.coverage[OCTET_DOWN];
	uint64_t n_up, n_down;

	attach(interface);
	n_up = send_all_kinds(lab.guest_ns, "cl0", false);
	n_down = send_all_kinds(lab.gateway_ns, interface, true);
	/* what is sent has arrived a moment later */
	net_lab_await(source, 0, OCTET_UP, n_up + 3);
	net_lab_await(source, 0, OCTET_DOWN, n_down + 3);
	observe_for(5);
	expect_complete(OCTET_UP, n_up, interface);
	expect_complete(OCTET_DOWN, n_down, interface);
	cr_expect_eq(up->device.frames, n_up);
	cr_expect_eq(down->device.frames, n_down);
	cr_expect_eq((int64_t)(up->seen.passed.wire_bytes - up->device.wire_bytes), up_bytes_less, "%zd",
		     (ssize_t)(up->seen.passed.wire_bytes - up->device.wire_bytes));
	cr_expect_eq(down->is_by_passed, false);
}

#define N_UP (7 * 10 + 6 * 7 / 2 + 1)

Test(coverage, veth)
{
	open_scene();
	/* a tag goes into metadata before our hook, and not before veth counts */
	expect_both_ways("gw0", -4 * 15);
	close_scene();
}

/* Wire frames that the interface counts before it aggregates them, without their Ethernet headers (veth_xdp_rcv). */
Test(coverage, veth_with_gro)
{
	const struct coverage_report *up = &health.coverage[OCTET_UP];

	open_scene();
	net_lab_do("ethtool -K gw0 gro on");
	cr_assert_eq(setns(lab.guest_ns, CLONE_NEWNET), 0);
	net_lab_do("ethtool -K cl0 tso off");
	cr_assert_eq(setns(lab.gateway_ns, CLONE_NEWNET), 0);
	attach("gw0");
	send_all_kinds(lab.guest_ns, "cl0", false);
	net_lab_await(source, 0, OCTET_UP, N_UP + 3);
	observe_for(5);
	cr_expect_eq(up->verdict, COVERAGE_COMPLETE);
	cr_expect_eq(up->percent_hundredths, 10000);
	cr_expect_eq(up->device.frames, N_UP + 3);
	cr_expect_eq(up->seen.frames.frames, N_UP + 3);
	cr_expect_eq(up->seen.frames.wire_bytes - up->device.wire_bytes, 14 * (N_UP + 3));
	cr_expect_lt(up->seen.passed.frames, N_UP + 3, "nothing was aggregated");
	close_scene();
}

Test(coverage, bridge)
{
	open_scene();
	/* where bridges ask iptables, malformed packets are dropped before they are counted */
	net_lab_do("sysctl -e -q -w net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0");
	net_lab_do("ip link add br0 type bridge mcast_snooping 0");
	/* the guests' frames are for this MAC */
	net_lab_do("ip link set br0 address %02x:%02x:%02x:%02x:%02x:%02x", frame_gateway_mac[0], frame_gateway_mac[1],
		   frame_gateway_mac[2], frame_gateway_mac[3], frame_gateway_mac[4], frame_gateway_mac[5]);
	net_lab_do("ip link set gw0 master br0");
	net_lab_do("ip link set br0 up");
	expect_both_ways("br0", 14 * N_UP);
	cr_expect(health.coverage[OCTET_UP].is_by_passed);
	close_scene();
}

Test(coverage, what_goes_past_the_queue_is_missing)
{
	const int on = 1;

	open_scene();
	attach("gw0");
	CLEANUP_CLOSE int fd = net_lab_socket(&lab, lab.gateway_ns, "gw0");
	cr_assert_eq(setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)), 0);
	net_lab_send_spec(fd, &(struct frame_spec){.guest = 1, .is_down = true, .protocol = UDP}, 30);
	observe_for(2);
	cr_expect_eq(health.coverage[OCTET_DOWN].verdict, COVERAGE_MISSING);
	cr_expect_eq(health.coverage[OCTET_DOWN].percent_hundredths, 0);
	cr_expect_eq(health.coverage[OCTET_DOWN].missing_frames, 30);
	cr_expect(strstr(health.coverage[OCTET_DOWN].cause, "PACKET_QDISC_BYPASS"));
	cr_expect_eq(health.coverage[OCTET_UP].verdict, COVERAGE_UNKNOWN);
	close_scene();
}

/* The queue drops most of them, says so, and they were counted before. */
Test(coverage, what_the_queue_drops_is_not_too_much)
{
	int n_refused = 0;
	FILE *file;
	struct frame frame;

	open_scene();
	net_lab_do("tc qdisc add dev gw0 root tbf rate 8kbit burst 2000 limit 3000");
	attach("gw0");
	CLEANUP_CLOSE int fd = net_lab_socket(&lab, lab.gateway_ns, "gw0");
	frame_build(&(struct frame_spec){.guest = 1, .is_down = true, .protocol = UDP, .payload = 900}, &frame);
	/* the queue's refusals come back as errors */
	for (int i = 0; i < 100; i++)
		n_refused += send(fd, frame.octets, frame.length, 0) < 0;
	cr_expect_gt(n_refused, 50);
	observe_for(6);
	cr_expect_eq(health.coverage[OCTET_DOWN].verdict, COVERAGE_COMPLETE, "%s",
		     coverage_verdict_name(health.coverage[OCTET_DOWN].verdict));
	cr_expect_eq(health.coverage[OCTET_DOWN].excess_frames, 0);
	cr_expect_lt(health.coverage[OCTET_DOWN].device.frames, 50);
	cr_expect_eq(health.coverage[OCTET_DOWN].seen.passed.frames, 100);
	/* a filter behind ours drops, and says so nowhere */
	net_lab_do("tc qdisc del dev gw0 root");
	net_lab_do("tc qdisc add dev gw0 clsact");
	file = fopen("/mnt/drop", "w");
	cr_assert(file && fputs("1,6 0 0 2", file) >= 0 && fclose(file) == 0);
	net_lab_do("tc filter add dev gw0 egress protocol all pref 9 bpf da bytecode-file /mnt/drop");
	for (int i = 0; i < 50; i++)
		(void)!send(fd, frame.octets, frame.length, 0);
	observe_for(6);
	cr_expect_eq(health.coverage[OCTET_DOWN].verdict, COVERAGE_EXCESS, "%s",
		     coverage_verdict_name(health.coverage[OCTET_DOWN].verdict));
	close_scene();
}

Test(coverage, a_program_that_was_taken_away)
{
	open_scene();
	source = net_lab_source("");
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_CLSACT), 0);
	observe_for(4);
	net_lab_do("tc filter del dev gw0 ingress");
	CLEANUP_CLOSE int fd = net_lab_socket(&lab, lab.guest_ns, "cl0");
	net_lab_send_spec(fd, &(struct frame_spec){.guest = 1, .protocol = UDP}, 30);
	observe_for(3);
	cr_expect_eq(health.coverage[OCTET_UP].verdict, COVERAGE_MISSING);
	cr_expect_eq(health.coverage[OCTET_UP].missing_frames, 30);
	cr_expect(strstr(health.coverage[OCTET_UP].cause, "not attached"));
	close_scene();
}

Test(coverage, an_interface_that_has_gone_is_not_compared)
{
	struct link_stats stats[2] = {{.ifindex = 1}, {.ifindex = 4711}};

	open_scene();
	attach("gw0");
	CLEANUP_CLOSE int fd = net_lab_socket(&lab, lab.guest_ns, "cl0");
	net_lab_send_spec(fd, &(struct frame_spec){.guest = 1, .protocol = UDP}, 30);
	observe_for(2);
	cr_expect_eq(health.coverage[OCTET_UP].verdict, COVERAGE_COMPLETE);
	net_lab_do("ip link del gw0");
	observe_for(1);
	cr_expect_eq(health.coverage[OCTET_UP].verdict, COVERAGE_UNKNOWN);
	cr_assert_eq(link_stats_read(stats, 2), 0);
	cr_expect(stats[0].is_there);
	cr_expect_not(stats[1].is_there);
	cr_expect_not(link_offloads_flows("lo"));
	cr_expect_not(link_offloads_flows("gw0"));
	cr_expect_not(link_is_wireless("lo"));
	close_scene();
}
