/* SPDX-License-Identifier: MIT */
/* What the two programs count, frame by frame; the expected numbers are sums written out by hand. */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "bpf/bpf_lab.h"
#include "bpf/count_cases.h"

#define TCP 6
#define UDP 17
#define ANY_ENTRIES 64

static struct octet_slot counters_of(const struct count_case *c, enum octet_direction direction)
{
	struct octet_slot counters = {0};

	if (direction == OCTET_UP) {
		counters.up_packets = c->bytes ? c->packets : 0;
		counters.up_bytes = c->bytes;
	} else {
		counters.down_packets = c->packets;
		counters.down_bytes = c->bytes;
	}
	return counters;
}

static void expect_only_class(const struct bpf_lab *lab, const struct count_case *c, enum octet_direction direction)
{
	struct octet_iface sum;

	bpf_lab_classes(lab, direction, &sum);
	for (unsigned int i = 0; i < OCTET_N_CLASSES; i++) {
		const uint64_t frames = i == c->class ? c->packets : 0, wire_bytes = i == c->class ? c->wire_bytes : 0;

		cr_expect_eq(sum.classes[i].frames, frames, "%s: class %u: %llu frames", c->name, i,
			     sum.classes[i].frames);
		cr_expect_eq(sum.classes[i].wire_bytes, wire_bytes, "%s: class %u: %llu wire bytes", c->name, i,
			     sum.classes[i].wire_bytes);
	}
}

/* Numbers equal, and the stamp of this direction, and only that, is from between then and now. */
static void expect_counters(const struct count_case *c, enum octet_direction direction, const struct octet_slot *seen)
{
	const struct octet_slot wanted = counters_of(c, direction);
	const bool is_up = direction == OCTET_UP;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	cr_expect_eq(seen->up_packets, wanted.up_packets, "%s: %llu up packets", c->name, seen->up_packets);
	cr_expect_eq(seen->up_bytes, wanted.up_bytes, "%s: %llu up bytes", c->name, seen->up_bytes);
	cr_expect_eq(seen->down_packets, wanted.down_packets, "%s: %llu down packets", c->name, seen->down_packets);
	cr_expect_eq(seen->down_bytes, wanted.down_bytes, "%s: %llu down bytes", c->name, seen->down_bytes);

	const uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	const uint64_t stamp = is_up ? seen->last_up_ns : seen->last_down_ns;
	cr_expect(stamp <= now_ns && stamp + 1000000000u > now_ns, "%s: stamped %llu at %llu", c->name,
		  (unsigned long long)stamp, (unsigned long long)now_ns);
	cr_expect_eq(is_up ? seen->last_down_ns : seen->last_up_ns, 0, "%s: stamp of the other direction", c->name);
}

/* The one key that the frame may leave behind, and its numbers. */
static void expect_client(const struct bpf_lab *lab, const struct count_case *c, enum octet_direction direction)
{
	const bool is_presence = c->class == OCTET_CLASS_NON_IP && direction == OCTET_UP;
	const bool is_counted = c->class == OCTET_CLASS_COUNTED;
	const struct octet_key key = is_presence ? bpf_lab_key(c->spec.guest, c->vlan | OCTET_VLAN_MAC_ONLY, false)
						 : bpf_lab_key(c->spec.guest, c->vlan, c->spec.is_ipv6);
	struct octet_slot seen;

	cr_expect_eq(bpf_lab_n_clients(lab), is_counted, "%s: keys with an address", c->name);
	/* which every MAC with an address has as well */
	cr_expect_eq(bpf_lab_n_macs(lab), is_presence || is_counted, "%s: entries of MACs", c->name);
	if (!is_presence && !is_counted)
		return;
	if (bpf_lab_client(lab, &key, &seen))
		expect_counters(c, direction, &seen);
	else
		cr_expect_fail("%s: its key is not there", c->name);
}

static void run_cases(const struct count_table *table)
{
	struct bpf_lab lab;
	struct frame frame;

	bpf_lab_open(&lab, ANY_ENTRIES, NULL);
	for (size_t i = 0; i < table->n_cases; i++)
		for (int direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
			struct frame_spec spec = table->cases[i].spec;
			const struct bpf_lab_run run = {.direction = (enum octet_direction)direction,
							.gso_size = table->cases[i].gso_size,
							.gso_segs = table->cases[i].gso_segs};

			spec.is_down = direction == OCTET_DOWN;
			frame_build(&spec, &frame);
			bpf_lab_reset(&lab);
			bpf_lab_run(&lab, table->cases[i].name, &frame, &run);
			expect_only_class(&lab, &table->cases[i], run.direction);
			expect_client(&lab, &table->cases[i], run.direction);
		}
	bpf_lab_close(&lab);
}

Test(count, ip)
{
	run_cases(&count_tables[COUNT_IP]);
}

Test(count, carriers_and_non_ip)
{
	run_cases(&count_tables[COUNT_CARRIER]);
}

Test(count, malformed)
{
	run_cases(&count_tables[COUNT_MALFORMED]);
}

Test(count, super_packets)
{
	run_cases(&count_tables[COUNT_GSO]);
}

/* One case with the classes' own rules, in one direction. */
static void run_one(struct bpf_lab *lab, const struct count_case *c, enum octet_direction direction)
{
	struct frame frame;

	frame_build(&c->spec, &frame);
	bpf_lab_reset(lab);
	bpf_lab_run(lab, c->name, &frame, &(struct bpf_lab_run){.direction = direction});
	expect_only_class(lab, c, direction);
	expect_client(lab, c, direction);
}

Test(count, group_frames_up_are_the_senders_and_down_nobodys)
{
	static const uint8_t multicast[6] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb};
	struct count_case c = {"broadcast",
			       {.dst = frame_broadcast_mac, .protocol = UDP, .payload = 300},
			       0,
			       0,
			       OCTET_CLASS_COUNTED,
			       1,
			       328,
			       342,
			       0};
	struct bpf_lab lab;

	bpf_lab_open(&lab, ANY_ENTRIES, NULL);
	run_one(&lab, &c, OCTET_UP);
	c.spec.dst = multicast;
	run_one(&lab, &c, OCTET_UP);
	c.class = OCTET_CLASS_GROUP;
	c.spec.is_down = true;
	run_one(&lab, &c, OCTET_DOWN);
	c.spec.dst = frame_broadcast_mac;
	run_one(&lab, &c, OCTET_DOWN);
	/* an ARP request of the gateway is as much a group frame */
	c = (struct count_case){"arp down",
				{.is_down = true, .dst = frame_broadcast_mac, .type = 0x0806, .payload = 28},
				0,
				0,
				OCTET_CLASS_GROUP,
				1,
				0,
				42,
				0};
	run_one(&lab, &c, OCTET_DOWN);
	bpf_lab_close(&lab);
}

Test(count, own_frames_are_nobodys)
{
	struct count_case c = {
		"own", {.src = frame_gateway_mac, .protocol = UDP, .payload = 10}, 0, 0, OCTET_CLASS_OWN, 1, 0, 52, 0};
	struct bpf_lab lab;

	bpf_lab_open(&lab, ANY_ENTRIES, frame_gateway_mac);
	run_one(&lab, &c, OCTET_UP);
	c.spec.type = 0x0806;
	c.wire_bytes = 24;
	run_one(&lab, &c, OCTET_UP);
	c.spec = (struct frame_spec){.is_down = true, .dst = frame_gateway_mac, .protocol = UDP, .payload = 10};
	c.wire_bytes = 52;
	run_one(&lab, &c, OCTET_DOWN);
	/* to the gateway, and from it, is what guests do */
	c = (struct count_case){"to own", {.protocol = UDP, .payload = 10}, 0, 0, OCTET_CLASS_COUNTED, 1, 38, 52, 0};
	run_one(&lab, &c, OCTET_UP);
	c.spec.is_down = true;
	run_one(&lab, &c, OCTET_DOWN);
	bpf_lab_close(&lab);
}

Test(count, counters_of_both_directions_share_a_key_and_add_up)
{
	const struct frame_spec specs[] = {{.guest = 9, .protocol = UDP, .payload = 100},
					   {.guest = 9, .is_down = true, .protocol = TCP, .payload = 1000}};
	const struct octet_key key = bpf_lab_key(9, 0, false);
	struct octet_slot seen;
	struct bpf_lab lab;
	struct frame frame;

	bpf_lab_open(&lab, ANY_ENTRIES, NULL);
	for (int direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
		frame_build(&specs[direction], &frame);
		for (int i = 0; i < 2; i++)
			bpf_lab_run(&lab, "repeated", &frame,
				    &(struct bpf_lab_run){.direction = (enum octet_direction)direction, .repeat = 500});
	}
	cr_assert(bpf_lab_client(&lab, &key, &seen));
	cr_expect_eq(seen.up_packets, 1000);
	cr_expect_eq(seen.up_bytes, 1000 * 128);
	cr_expect_eq(seen.down_packets, 1000);
	cr_expect_eq(seen.down_bytes, 1000 * 1040);
	cr_expect_eq(bpf_lab_n_clients(&lab), 1);
	bpf_lab_close(&lab);
}

Test(count, classes_sum_up_to_what_was_seen)
{
	struct octet_tally wanted = {0}, seen;
	struct bpf_lab lab;
	struct frame frame;

	bpf_lab_open(&lab, 4, NULL); /* too small on purpose */
	for (size_t t = 0; t < N_COUNT_TABLES; t++)
		for (size_t i = 0; i < count_tables[t].n_cases; i++) {
			const struct count_case *c = &count_tables[t].cases[i];
			struct frame_spec spec = c->spec;

			spec.guest = (uint16_t)i;
			frame_build(&spec, &frame);
			bpf_lab_run(&lab, c->name, &frame,
				    &(struct bpf_lab_run){.gso_size = c->gso_size, .gso_segs = c->gso_segs});
			wanted.frames += c->packets;
			wanted.wire_bytes += c->wire_bytes;
		}
	seen = bpf_lab_all_classes(&lab, OCTET_UP);
	cr_expect_eq(seen.frames, wanted.frames);
	cr_expect_eq(seen.wire_bytes, wanted.wire_bytes);
	seen = bpf_lab_all_classes(&lab, OCTET_DOWN);
	cr_expect_eq(seen.frames, 0);
	bpf_lab_close(&lab);
}

/* Routers on MIPS and ARMv5 cannot load a word from an odd address, and their verifier insists on it. */
Test(count, loads_where_unaligned_access_is_refused)
{
	bpf_lab_require();
	cr_assert(bpf_lab_loads_with_strict_alignment());
}
