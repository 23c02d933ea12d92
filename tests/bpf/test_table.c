/* SPDX-License-Identifier: MIT */
/* How slots of the kernel's table are made, run out, are given back and taken again, without losing an octet. */
#include <criterion/criterion.h>
#include <string.h>

#include "bpf/bpf_lab.h"

#define UDP 17
#define PAYLOAD 20
#define IP4_BYTES 48u /* 20 + 8 + PAYLOAD */
#define N_SLOTS 200u

/* Offset of the last octet of the IPv4 source, behind an Ethernet header (RFC 791, 3.1). */
#define SOURCE_IP4_END 29

static struct bpf_lab lab;

/* A frame up from one of a guest's addresses; address 0 is the one that bpf_lab_key knows. */
static enum octet_class send_from(uint16_t guest, uint8_t address)
{
	struct frame_spec spec = {.guest = guest, .protocol = UDP, .payload = PAYLOAD};
	struct octet_iface before, after;
	struct frame frame;

	frame_build(&spec, &frame);
	frame.octets[SOURCE_IP4_END - 2] = (uint8_t)(frame.octets[SOURCE_IP4_END - 2] + address);
	bpf_lab_classes(&lab, OCTET_UP, &before);
	bpf_lab_run(&lab, "up", &frame, &(struct bpf_lab_run){.direction = OCTET_UP});
	bpf_lab_classes(&lab, OCTET_UP, &after);
	for (unsigned int class = 0; class < OCTET_N_CLASSES; class ++)
		if (after.classes[class].frames != before.classes[class].frames)
			return (enum octet_class) class;
	cr_assert_fail("in no class");
	return OCTET_N_CLASSES;
}

static struct octet_slot slot_of(uint16_t guest, uint16_t vlan)
{
	const struct octet_key key = bpf_lab_key(guest, vlan, false);
	struct octet_slot slot;

	cr_assert(bpf_lab_client(&lab, &key, &slot), "guest %u has no entry", guest);
	return slot;
}

static bool has_slot(uint16_t guest, uint16_t vlan)
{
	const struct octet_key key = bpf_lab_key(guest, vlan, false);
	struct octet_slot slot;

	return bpf_lab_client(&lab, &key, &slot);
}

static void retire(uint16_t guest, uint16_t vlan)
{
	const struct octet_key key = bpf_lab_key(guest, vlan, false);

	bpf_lab_retire(&lab, &key);
}

/* All octets in the table, whoever has them. */
static uint64_t sum_of_bytes(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < lab.n_cpus * lab.n_slots; i++)
		sum += lab.slots[i].up_bytes;
	return sum;
}

Test(table, addresses_beyond_the_bound_go_to_the_macs_own_entry)
{
	bpf_lab_open(&lab, N_SLOTS, NULL);
	for (uint8_t address = 0; address < BPF_LAB_MAX_PER_MAC; address++)
		cr_expect_eq(send_from(1, address), OCTET_CLASS_COUNTED);
	for (uint8_t address = BPF_LAB_MAX_PER_MAC; address < 200; address++)
		cr_expect_eq(send_from(1, address), OCTET_CLASS_OVERFLOW);
	/* those that are in stay in, and nobody else notices */
	cr_expect_eq(send_from(1, 1), OCTET_CLASS_COUNTED);
	cr_expect_eq(send_from(2, 0), OCTET_CLASS_COUNTED);
	cr_expect_eq(bpf_lab_n_clients(&lab), BPF_LAB_MAX_PER_MAC + 1);
	cr_expect_eq(slot_of(1, OCTET_VLAN_MAC_ONLY).up_bytes, (200 - BPF_LAB_MAX_PER_MAC) * IP4_BYTES);
	cr_expect_eq(slot_of(2, 0).up_bytes, IP4_BYTES);
	cr_expect_eq(sum_of_bytes(), 202 * IP4_BYTES);
	bpf_lab_close(&lab);
}

Test(table, a_full_table_is_said_and_hurts_nobody_else)
{
	bpf_lab_open(&lab, 2, NULL);
	cr_expect_eq(send_from(1, 0), OCTET_CLASS_COUNTED);
	/* the MAC's own entry takes its other addresses; another MAC has none */
	cr_expect_eq(send_from(1, 1), OCTET_CLASS_OVERFLOW);
	cr_expect_eq(send_from(2, 0), OCTET_CLASS_TABLE_FULL);
	cr_expect_eq(send_from(1, 0), OCTET_CLASS_COUNTED);
	cr_expect_eq(slot_of(1, 0).up_bytes, 2 * IP4_BYTES);
	cr_expect_eq(slot_of(1, OCTET_VLAN_MAC_ONLY).up_bytes, IP4_BYTES);
	cr_expect_eq(slot_of(1, OCTET_VLAN_MAC_ONLY).n_keys, 1);
	bpf_lab_close(&lab);
}

Test(table, of_one_slot_only_the_mac_is_counted)
{
	bpf_lab_open(&lab, 1, NULL);
	cr_expect_eq(send_from(1, 0), OCTET_CLASS_OVERFLOW);
	cr_expect_eq(send_from(1, 1), OCTET_CLASS_OVERFLOW);
	cr_expect_eq(send_from(2, 0), OCTET_CLASS_TABLE_FULL);
	cr_expect_eq(slot_of(1, OCTET_VLAN_MAC_ONLY).up_bytes, 2 * IP4_BYTES);
	cr_expect_eq(slot_of(1, OCTET_VLAN_MAC_ONLY).n_keys, 0);
	bpf_lab_close(&lab);
}

Test(table, a_slot_that_was_given_back_is_taken_only_when_needed)
{
	uint32_t sequence;

	bpf_lab_open(&lab, 4, NULL);
	send_from(1, 0);
	sequence = slot_of(1, 0).sequence;
	retire(1, 0);
	/* nobody needs it: the guest comes back into the same slot, and its sum goes on */
	send_from(1, 0);
	cr_expect_eq(slot_of(1, 0).sequence, sequence);
	cr_expect_eq(slot_of(1, 0).up_bytes, 2 * IP4_BYTES);
	bpf_lab_close(&lab);
}

/* Two keys need two slots, the second of which was given back and is not needed by its guest. */
Test(table, a_new_guest_takes_what_was_given_back)
{
	bpf_lab_open(&lab, 4, NULL);
	send_from(1, 0);
	send_from(2, 0);
	cr_expect_eq(send_from(3, 0), OCTET_CLASS_TABLE_FULL);
	retire(1, 0);
	retire(1, OCTET_VLAN_MAC_ONLY);
	cr_expect_eq(send_from(3, 0), OCTET_CLASS_COUNTED);
	cr_expect_not(has_slot(1, 0), "its key has gone");
	cr_expect_not(has_slot(1, OCTET_VLAN_MAC_ONLY));
	cr_expect_eq(slot_of(3, 0).up_bytes, IP4_BYTES, "it counts from zero");
	cr_expect_eq(slot_of(3, OCTET_VLAN_MAC_ONLY).n_keys, 1);
	cr_expect_eq(slot_of(2, 0).up_bytes, IP4_BYTES, "others are as they were");
	cr_expect_eq(bpf_lab_region(&lab)->n_reused, 2);
	cr_expect_eq(send_from(1, 0), OCTET_CLASS_TABLE_FULL, "and now there is no room for the first");
	bpf_lab_close(&lab);
}

/* What the agent has booked is not all that the slot holds: so it stays. */
Test(table, a_guest_who_came_back_keeps_its_slot)
{
	struct octet_slot *slot = NULL;

	bpf_lab_open(&lab, 4, NULL);
	send_from(1, 0);
	send_from(2, 0);
	retire(1, 0);
	for (uint32_t i = 0; i < lab.n_cpus * lab.n_slots; i++)
		if (lab.slots[i].up_bytes && lab.slots[i].key.mac[5] == slot_of(1, 0).key.mac[5])
			slot = &lab.slots[i];
	cr_assert_not_null(slot);
	slot->booked_up_ns--; /* as if it had sent a tick after it was booked */
	cr_expect_eq(send_from(3, 0), OCTET_CLASS_TABLE_FULL);
	cr_expect(has_slot(1, 0));
	/* its number has left the queue, and the agent puts it there again */
	retire(1, 0);
	cr_expect_eq(send_from(3, 0), OCTET_CLASS_OVERFLOW, "one slot is enough for a MAC, not for its address");
	cr_expect_not(has_slot(1, 0));
	bpf_lab_close(&lab);
}

Test(table, a_mac_goes_after_its_addresses)
{
	bpf_lab_open(&lab, 4, NULL);
	send_from(1, 0);
	send_from(2, 0);
	retire(1, OCTET_VLAN_MAC_ONLY);
	cr_expect_eq(send_from(3, 0), OCTET_CLASS_TABLE_FULL, "it counts an address");
	retire(1, 0);
	retire(1, OCTET_VLAN_MAC_ONLY);
	cr_expect_eq(send_from(3, 0), OCTET_CLASS_COUNTED);
	bpf_lab_close(&lab);
}

static enum octet_class send_to(uint16_t guest)
{
	struct octet_iface before, after;
	struct frame frame;

	frame_build(&(struct frame_spec){.guest = guest, .is_down = true, .protocol = UDP, .payload = PAYLOAD}, &frame);
	bpf_lab_classes(&lab, OCTET_DOWN, &before);
	bpf_lab_run(&lab, "down", &frame, &(struct bpf_lab_run){.direction = OCTET_DOWN});
	bpf_lab_classes(&lab, OCTET_DOWN, &after);
	return after.classes[OCTET_CLASS_COUNTED].frames > before.classes[OCTET_CLASS_COUNTED].frames
		       ? OCTET_CLASS_COUNTED
		       : OCTET_CLASS_TABLE_FULL;
}

/* 32 slots: 28 for anybody, the last 4 for two who are answered. */
Test(table, in_a_flood_of_macs_who_is_answered_comes_in)
{
	uint64_t n_counted = 0;

	bpf_lab_open(&lab, 32, NULL);
	for (uint16_t guest = 100; guest < 3000; guest++)
		n_counted += send_from(guest, 0) == OCTET_CLASS_COUNTED;
	cr_expect_eq(n_counted, 14);
	cr_expect_eq(send_from(1, 0), OCTET_CLASS_TABLE_FULL, "its first packet");
	cr_expect_eq(send_to(1), OCTET_CLASS_COUNTED, "the answer");
	cr_expect_eq(send_from(1, 0), OCTET_CLASS_COUNTED, "and from there on all");
	for (uint16_t guest = 3000; guest < 3100; guest++)
		cr_expect_eq(send_from(guest, 0), OCTET_CLASS_TABLE_FULL);
	cr_expect_eq(send_to(2), OCTET_CLASS_COUNTED);
	cr_expect_eq(send_to(3), OCTET_CLASS_TABLE_FULL, "the reserve has an end");
	/* what is given back fills the reserve first */
	retire(100, 0);
	cr_expect_eq(send_from(4, 0), OCTET_CLASS_TABLE_FULL);
	cr_expect_eq(send_from(102, 0), OCTET_CLASS_COUNTED, "who is in stays in");
	retire(100, OCTET_VLAN_MAC_ONLY);
	bpf_lab_close(&lab);
}

/* What a queue holds may be anything: it is a map that user space writes to. */
Test(table, nonsense_in_the_queue_is_passed_over)
{
	struct octet_region *region;

	bpf_lab_open(&lab, 2, NULL);
	send_from(1, 0);
	region = bpf_lab_region(&lab);
	for (uint32_t i = 0; i < lab.n_cpus * BPF_LAB_QUEUE; i++)
		lab.queue[i] = i % 3 ? i * 7919u : UINT32_MAX;
	region->retired_head = region->retired_tail + 5000;
	for (int i = 0; i < 1000; i++)
		cr_expect_eq(send_from(2, 0), OCTET_CLASS_TABLE_FULL);
	cr_expect_eq(slot_of(1, 0).up_bytes, IP4_BYTES);
	bpf_lab_close(&lab);
}

/* Thousands of guests through a table of few slots: every octet is in a slot, or was booked when its slot went. */
Test(table, nothing_is_lost_while_guests_come_and_go)
{
	uint64_t booked = 0, n_sent = 0;

	bpf_lab_open(&lab, 40, NULL);
	for (uint16_t guest = 0; guest < 5000; guest++) {
		for (int visit = 0; visit < 1 + guest % 3; visit++) {
			cr_assert_eq(send_from(guest, 0), OCTET_CLASS_COUNTED);
			n_sent++;
		}
		/* some come back */
		if (guest >= 5 && guest % 7 == 0) {
			cr_assert_eq(send_from((uint16_t)(guest - 5), 0), OCTET_CLASS_COUNTED);
			n_sent++;
		}
		if (guest < 8)
			continue;
		/* the agent books and gives back who was here before */
		const uint16_t gone = (uint16_t)(guest - 8);
		if (has_slot(gone, 0)) {
			booked += slot_of(gone, 0).up_bytes;
			retire(gone, 0);
		}
		if (has_slot(gone, OCTET_VLAN_MAC_ONLY))
			retire(gone, OCTET_VLAN_MAC_ONLY);
	}
	/* what is still there and was booked is counted once */
	for (uint32_t i = 0; i < lab.n_cpus * lab.n_slots; i++)
		if (lab.slots[i].up_bytes && lab.slots[i].booked_up_ns == lab.slots[i].last_up_ns)
			booked -= lab.slots[i].up_bytes;
	cr_expect_eq(booked + sum_of_bytes(), n_sent * IP4_BYTES);
	cr_expect_gt(bpf_lab_region(&lab)->n_reused, 9000);
	cr_expect_leq(bpf_lab_region(&lab)->n_used, 40);
	bpf_lab_close(&lab);
}

/* The parser of the common case and the whole parser name the same slots: else a guest would have two. */
Test(table, plain_and_other_frames_of_a_guest_share_a_slot)
{
	struct frame_spec spec = {.guest = 3, .protocol = UDP, .payload = PAYLOAD};
	struct frame frame;

	bpf_lab_open(&lab, N_SLOTS, NULL);
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		spec.is_ipv6 = is_ipv6;
		frame_build(&spec, &frame);
		bpf_lab_run(&lab, "plain", &frame, &(struct bpf_lab_run){.direction = OCTET_UP});
		/* options and extension headers are not plain */
		spec.options = is_ipv6 ? 0 : 4;
		spec.n_extensions = (uint8_t)is_ipv6;
		spec.extensions[0] = 0;
		frame_build(&spec, &frame);
		bpf_lab_run(&lab, "other", &frame, &(struct bpf_lab_run){.direction = OCTET_UP});
		spec.options = 0;
		spec.n_extensions = 0;
	}
	/* and a super-packet */
	bpf_lab_run(&lab, "super-packet", &frame, &(struct bpf_lab_run){.direction = OCTET_UP, .gso_size = 10});
	cr_expect_eq(bpf_lab_n_clients(&lab), 2);
	cr_expect_eq(bpf_lab_n_macs(&lab), 1);
	bpf_lab_close(&lab);
}
