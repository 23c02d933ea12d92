/* SPDX-License-Identifier: MIT */
/* Real frames over a veth pair: what a test run cannot make, and the source's way from the maps to readings. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/net_lab.h"

#define TCP 6
#define UDP 17
#define ARRIVAL_MS 50

static struct net_lab lab;
static uint32_t ifindex;
static struct source_bpf *source;
static int guest_fd;   /* sends up */
static int gateway_fd; /* sends down */
static struct net_lab_readings readings;

static void set_up(void)
{
	net_lab_open(&lab);
	ifindex = net_lab_veth(&lab, "gw0", "cl0");
	guest_fd = net_lab_socket(&lab, lab.guest_ns, "cl0");
	gateway_fd = net_lab_socket(&lab, lab.gateway_ns, "gw0");
	source = net_lab_source("");
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_AUTO), 0);
}

static void tear_down(void)
{
	source_bpf_close(&source, false);
	close(guest_fd);
	close(gateway_fd);
	net_lab_close(&lab);
}

static int64_t mono_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void expect_total(uint16_t guest, bool is_ipv6, const struct traffic *wanted)
{
	const struct counter_reading *reading = net_lab_find(&readings, ifindex, guest, is_ipv6);

	cr_assert_not_null(reading, "guest %u has no reading", guest);
	cr_expect_eq(reading->total.up_packets, wanted->up_packets, "guest %u: %zu", guest,
		     (size_t)reading->total.up_packets);
	cr_expect_eq(reading->total.up_bytes, wanted->up_bytes, "guest %u: %zu", guest,
		     (size_t)reading->total.up_bytes);
	cr_expect_eq(reading->total.down_packets, wanted->down_packets, "guest %u: %zu", guest,
		     (size_t)reading->total.down_packets);
	cr_expect_eq(reading->total.down_bytes, wanted->down_bytes, "guest %u: %zu", guest,
		     (size_t)reading->total.down_bytes);
}

static void expect_class(const struct octet_iface *classes, enum octet_class class, uint64_t frames,
			 uint64_t wire_bytes)
{
	cr_expect_eq(classes->classes[class].frames, frames, "class %d: %zu frames", class,
		     (size_t)classes->classes[class].frames);
	cr_expect_eq(classes->classes[class].wire_bytes, wire_bytes, "class %d: %zu bytes", class,
		     (size_t)classes->classes[class].wire_bytes);
}

Test(traffic, both_families_both_directions_to_the_octet)
{
	const int64_t begin_ns = mono_ns();
	struct octet_iface up, down;

	set_up();
	net_lab_send_spec(guest_fd, &(struct frame_spec){.guest = 1, .protocol = UDP, .payload = 100}, 30);
	net_lab_send_spec(guest_fd, &(struct frame_spec){.guest = 1, .is_ipv6 = true, .protocol = TCP, .payload = 10},
			  20);
	net_lab_send_spec(guest_fd, &(struct frame_spec){.guest = 2, .protocol = UDP, .payload = 1, .pad_to = 60}, 10);
	net_lab_send_spec(gateway_fd,
			  &(struct frame_spec){.guest = 2, .is_down = true, .protocol = TCP, .payload = 1400}, 40);
	net_lab_send_spec(gateway_fd,
			  &(struct frame_spec){.guest = 3, .is_down = true, .is_ipv6 = true, .protocol = UDP}, 50);
	up = net_lab_await(source, 0, OCTET_UP, 60);
	down = net_lab_await(source, 0, OCTET_DOWN, 90);
	net_lab_collect(source, &readings);
	cr_expect_eq(readings.n_readings, 4);
	expect_total(1, false, &(struct traffic){.up_packets = 30, .up_bytes = 30 * 128});
	expect_total(1, true, &(struct traffic){.up_packets = 20, .up_bytes = 20 * 70});
	expect_total(2, false, &(struct traffic){10 * 29, 10, 40 * 1440, 40});
	expect_total(3, true, &(struct traffic){.down_packets = 50, .down_bytes = 50 * 48});
	expect_class(&up, OCTET_CLASS_COUNTED, 60, 30 * 142 + 20 * 84 + 10 * 60);
	expect_class(&down, OCTET_CLASS_COUNTED, 90, 40 * 1454 + 50 * 62);

	const struct counter_reading *both = net_lab_find(&readings, ifindex, 2, false);
	cr_expect(both->last_up_ns <= mono_ns() && both->last_up_ns + 1000000000 > begin_ns);
	cr_expect(both->last_down_ns <= mono_ns() && both->last_down_ns + 1000000000 > begin_ns);
	tear_down();
}

/* What a test run refuses: the shortest frames, and frames that end in their headers. */
Test(traffic, every_class_sums_up_to_what_the_interface_saw)
{
	uint64_t wire_bytes = 0;
	struct octet_iface up, down;
	struct frame frame;

	set_up();
	for (uint16_t length = 14; length <= 14 + 28; length++) {
		frame_build(&(struct frame_spec){.guest = 1, .protocol = UDP, .cut_to = length}, &frame);
		net_lab_send(guest_fd, &frame);
		wire_bytes += length <= 41 ? length : 0u;
	}
	net_lab_send_spec(guest_fd, &(struct frame_spec){.guest = 1, .type = ETH_P_ARP, .payload = 28}, 3);
	net_lab_send_spec(
		gateway_fd,
		&(struct frame_spec){.is_down = true, .dst = frame_broadcast_mac, .type = ETH_P_ARP, .payload = 28}, 2);
	up = net_lab_await(source, 0, OCTET_UP, 29 + 3);
	down = net_lab_await(source, 0, OCTET_DOWN, 2);
	/* only the last of them has all that its header says */
	expect_class(&up, OCTET_CLASS_MALFORMED, 28, wire_bytes);
	expect_class(&up, OCTET_CLASS_COUNTED, 1, 42);
	expect_class(&up, OCTET_CLASS_NON_IP, 3, 3 * 42);
	expect_class(&down, OCTET_CLASS_GROUP, 2, 2 * 42);
	net_lab_collect(source, &readings);
	expect_total(1, false, &(struct traffic){.up_packets = 1, .up_bytes = 28});

	/* the interface's own number, of the namespace that this process is in */
	CLEANUP_FREE char *text = net_lab_output("cat /proc/net/dev");
	const char *line = strstr(text, "gw0:");
	unsigned long long rx_bytes, rx_packets;
	cr_assert(line && sscanf(line, "gw0: %llu %llu", &rx_bytes, &rx_packets) == 2);
	cr_expect_eq(rx_packets, 32);
	tear_down();
}

/* The kernel moves the outer tag into metadata before the program sees an arriving frame. */
Test(traffic, vlan_tags_in_metadata)
{
	struct octet_iface up;

	set_up();
	net_lab_send_spec(guest_fd,
			  &(struct frame_spec){.guest = 1, .tags = {FRAME_TAG(0x8100, 0x6005)}, .protocol = UDP}, 4);
	net_lab_send_spec(guest_fd,
			  &(struct frame_spec){.guest = 1,
					       .tags = {FRAME_TAG(0x88a8, 6), FRAME_TAG(0x8100, 5)},
					       .is_ipv6 = true,
					       .protocol = UDP},
			  5);
	up = net_lab_await(source, 0, OCTET_UP, 9);
	expect_class(&up, OCTET_CLASS_COUNTED, 9, 4 * (14 + 4 + 28) + 5 * (14 + 8 + 48));
	net_lab_collect(source, &readings);
	cr_assert_eq(readings.n_readings, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct counter_reading *reading = &readings.readings[i];
		const bool is_v4 = ip_is_v4(&reading->key.ip);

		cr_expect_eq(reading->key.vlan, is_v4 ? 5 : 6, "vlan %u", reading->key.vlan);
		cr_expect_eq(reading->total.up_packets, is_v4 ? 4 : 5);
		cr_expect_eq(reading->total.up_bytes, is_v4 ? 4 * 28 : 5 * 48);
	}
	tear_down();
}

/* A frame from a packet ring has nothing but its Ethernet header in the linear part of its buffer. */
static void send_scattered(int namespace_fd, const char *interface, const struct frame *frame, unsigned int n)
{
	const struct tpacket_req request = {
		.tp_block_size = 65536, .tp_block_nr = 1, .tp_frame_size = 2048, .tp_frame_nr = 32};
	CLEANUP_CLOSE int fd = net_lab_socket(&lab, namespace_fd, interface);
	uint8_t *ring;

	cr_assert_leq(n, request.tp_frame_nr);
	cr_assert_eq(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof(request)), 0);
	ring = mmap(NULL, request.tp_block_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(ring, MAP_FAILED);
	for (unsigned int i = 0; i < n; i++) {
		struct tpacket_hdr *slot = (struct tpacket_hdr *)(ring + (size_t)i * request.tp_frame_size);

		/* where the kernel looks for it: Documentation/networking/packet_mmap.rst */
		memcpy((uint8_t *)slot + TPACKET_HDRLEN - sizeof(struct sockaddr_ll), frame->octets, frame->length);
		slot->tp_len = (unsigned int)frame->length;
		slot->tp_status = TP_STATUS_SEND_REQUEST;
	}
	cr_assert_eq(send(fd, NULL, 0, 0), (ssize_t)(n * frame->length), "%s", strerror(errno));
	munmap(ring, request.tp_block_size);
}

Test(traffic, headers_outside_the_linear_part)
{
	struct octet_iface up, down;
	struct frame frame;

	set_up();
	frame_build(&(struct frame_spec){.guest = 1, .is_ipv6 = true, .protocol = TCP, .payload = 1000}, &frame);
	send_scattered(lab.guest_ns, "cl0", &frame, 7);
	frame_build(&(struct frame_spec){.guest = 1, .is_down = true, .options = 40, .protocol = UDP}, &frame);
	send_scattered(lab.gateway_ns, "gw0", &frame, 8);
	up = net_lab_await(source, 0, OCTET_UP, 7);
	down = net_lab_await(source, 0, OCTET_DOWN, 8);
	expect_class(&up, OCTET_CLASS_COUNTED, 7, 7 * 1074);
	expect_class(&down, OCTET_CLASS_COUNTED, 8, 8 * 82);
	net_lab_collect(source, &readings);
	expect_total(1, true, &(struct traffic){.up_packets = 7, .up_bytes = 7 * 1060});
	expect_total(1, false, &(struct traffic){.down_packets = 8, .down_bytes = 8 * 68});
	tear_down();
}

/* Super-packets as a virtual machine sends them: gso_segs is 0 until somebody has to know. */
static void send_super(int namespace_fd, const char *interface, const struct frame_spec *spec, uint16_t gso_size)
{
	const int on = 1;
	const size_t l3_length = spec->is_ipv6 ? 40 : 20;
	CLEANUP_CLOSE int fd = net_lab_socket(&lab, namespace_fd, interface);
	struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					.gso_type = spec->is_ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
					.hdr_len = (uint16_t)(14 + l3_length + 20 + spec->tcp_options),
					.gso_size = gso_size,
					.csum_start = (uint16_t)(14 + l3_length),
					.csum_offset = 16};
	struct frame frame;

	frame_build(spec, &frame);
	const struct iovec parts[] = {{&header, sizeof(header)}, {frame.octets, frame.length}};
	cr_assert_eq(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	cr_assert_eq(writev(fd, parts, 2), (ssize_t)(sizeof(header) + frame.length), "%s", strerror(errno));
}

Test(traffic, super_packets)
{
	struct octet_iface up, down;

	set_up();
	send_super(lab.guest_ns, "cl0",
		   &(struct frame_spec){.guest = 1, .protocol = TCP, .tcp_options = 12, .payload = 3001}, 1000);
	send_super(lab.gateway_ns, "gw0",
		   &(struct frame_spec){.guest = 1, .is_down = true, .is_ipv6 = true, .protocol = TCP, .payload = 3500},
		   700);
	up = net_lab_await(source, 0, OCTET_UP, 4);
	down = net_lab_await(source, 0, OCTET_DOWN, 5);
	expect_class(&up, OCTET_CLASS_COUNTED, 4, 3001 + 4 * (14 + 52));
	expect_class(&down, OCTET_CLASS_COUNTED, 5, 3500 + 5 * (14 + 60));
	net_lab_collect(source, &readings);
	expect_total(1, false, &(struct traffic){.up_packets = 4, .up_bytes = 3001 + 4 * 52});
	expect_total(1, true, &(struct traffic){.down_packets = 5, .down_bytes = 3500 + 5 * 60});
	tear_down();
}

/* One frame up, and the reading that it must bring. */
static void expect_arrival(uint16_t guest, bool is_ipv6, const struct traffic *wanted)
{
	struct pollfd poller = {.fd = source_bpf_arrivals_fd(source), .events = POLLIN};

	readings.n_readings = 0;
	net_lab_send_spec(guest_fd, &(struct frame_spec){.guest = guest, .is_ipv6 = is_ipv6, .protocol = UDP}, 1);
	cr_assert_eq(poll(&poller, 1, ARRIVAL_MS), 1, "guest %u did not arrive within %d ms", guest, ARRIVAL_MS);
	cr_assert_eq(source_bpf_arrivals(source, net_lab_take_reading, &readings), 0);
	cr_expect_eq(readings.n_readings, 1);
	expect_total(guest, is_ipv6, wanted);
}

Test(traffic, arrivals_are_told_at_once)
{
	struct pollfd poller;

	set_up();
	expect_arrival(1, false, &(struct traffic){.up_packets = 1, .up_bytes = 28});
	expect_arrival(1, true, &(struct traffic){.up_packets = 1, .up_bytes = 48});
	expect_arrival(2, false, &(struct traffic){.up_packets = 1, .up_bytes = 28});
	/* downlink is no arrival */
	net_lab_send_spec(gateway_fd, &(struct frame_spec){.guest = 3, .is_down = true, .protocol = UDP}, 1);
	net_lab_await(source, 0, OCTET_DOWN, 1);
	poller = (struct pollfd){.fd = source_bpf_arrivals_fd(source), .events = POLLIN};
	cr_expect_eq(poll(&poller, 1, ARRIVAL_MS), 0);
	/* but the guest behind it is one, once it answers */
	expect_arrival(3, false, &(struct traffic){28, 1, 28, 1});
	tear_down();
}

static atomic_bool is_sending;

static void *send_arrivals(void *context)
{
	struct frame frame;

	(void)context;
	net_lab_pin_to_cpu(1);
	for (uint16_t guest = 0; guest < 2000; guest++) {
		frame_build(&(struct frame_spec){.guest = guest, .protocol = UDP}, &frame);
		if (send(guest_fd, frame.octets, frame.length, 0) < 0)
			break;
	}
	atomic_store(&is_sending, false);
	return NULL;
}

/* Whoever reads an arrival while the program is still at that packet must find the packet in it all the same. */
Test(traffic, arrivals_hold_their_first_packet)
{
	size_t n_empty = 0;
	pthread_t thread;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		cr_skip_test("needs two CPUs");
	set_up();
	net_lab_pin_to_cpu(0);
	readings.n_readings = 0;
	atomic_store(&is_sending, true);
	cr_assert_eq(pthread_create(&thread, NULL, send_arrivals, NULL), 0);
	while (atomic_load(&is_sending))
		cr_assert_eq(source_bpf_arrivals(source, net_lab_take_reading, &readings), 0);
	pthread_join(thread, NULL);
	net_lab_await(source, 0, OCTET_UP, 2000);
	cr_assert_eq(source_bpf_arrivals(source, net_lab_take_reading, &readings), 0);
	cr_expect_geq(readings.n_readings, 1000, "the ring holds more than a thousand arrivals");
	for (size_t i = 0; i < readings.n_readings; i++)
		n_empty += readings.readings[i].total.up_packets == 0;
	cr_expect_eq(n_empty, 0, "%zu of %zu arrivals were without a packet", n_empty, readings.n_readings);
	tear_down();
}

/* More clients than one batch of the map reads: each is delivered once. */
Test(traffic, many_clients_are_each_read_once)
{
	set_up();
	for (uint16_t guest = 0; guest < 1500; guest++)
		for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++)
			net_lab_send_spec(gateway_fd,
					  &(struct frame_spec){.guest = guest,
							       .is_down = true,
							       .is_ipv6 = is_ipv6,
							       .protocol = UDP,
							       .payload = guest % 1000},
					  1);
	net_lab_collect(source, &readings);
	cr_assert_eq(readings.n_readings, 3000);
	for (uint16_t guest = 0; guest < 1500; guest++)
		for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++)
			expect_total(guest, is_ipv6,
				     &(struct traffic){.down_packets = 1,
						       .down_bytes = (is_ipv6 ? 48u : 28u) + guest % 1000u});
	tear_down();
}
