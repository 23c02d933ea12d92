/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/meter.h"

static const struct mac_addr client = {{0x02, 0, 0, 0, 0, 0x01}};
static const struct mac_addr neighbour = {{0x02, 0, 0, 0, 0, 0x02}};
static const struct mac_addr gateways[] = {{{0x02, 0, 0, 0, 0, 0xfe}}, {{0x02, 0, 0, 0, 0, 0xfd}}};
static const struct mac_addr multicast = {{0x01, 0, 0x5e, 0, 0, 1}};
static const struct mac_addr zero = {{0}};

static const uint8_t client_ip[4] = {10, 0, 0, 1};
static const uint8_t other_ip[4] = {192, 0, 2, 1};

#define GATEWAY (&gateways[0])
#define GATEWAY_2 (&gateways[1])

static struct meter *make_meter(const struct meter_options *limits)
{
	struct meter_options options = *limits;
	struct meter *meter = NULL;

	options.gateways = gateways;
	options.n_gateways = ARRAY_LENGTH(gateways);
	if (!options.max_keys)
		options.max_keys = 1000;
	cr_assert_eq(meter_new(&options, &meter), 0);
	return meter;
}

static struct octet_frame ipv4_frame(const struct mac_addr *src, const struct mac_addr *dst)
{
	return (struct octet_frame){
		.src_mac = src->octets,
		.dst_mac = dst->octets,
		.src_ip = client_ip,
		.dst_ip = other_ip,
		.ip_version = 4,
		.packets = 1,
		.bytes = 100,
		.wire_bytes = 114,
	};
}

static struct octet_frame non_ip_frame(const struct mac_addr *src, const struct mac_addr *dst)
{
	return (struct octet_frame){.src_mac = src->octets, .dst_mac = dst->octets, .packets = 1, .wire_bytes = 60};
}

/* The entry of that MAC and IPv4 address, NULL for the MAC's own; asserts that there is exactly one. */
static const struct meter_entry *entry_of(const struct meter *meter, const struct mac_addr *mac, const uint8_t *v4)
{
	const struct ip_addr ip = v4 ? ip_from_v4(v4) : (struct ip_addr){{0}};
	const struct meter_entry *found = NULL;
	size_t n_entries;
	const struct meter_entry *entries = meter_entries(meter, &n_entries);

	for (size_t i = 0; i < n_entries; i++) {
		const struct counter_key *key = &entries[i].key;
		if (mac_compare(&key->mac, mac) != 0 || ip_compare(&key->ip, &ip) != 0)
			continue;
		cr_assert_null(found, "two entries");
		found = &entries[i];
	}
	cr_assert_not_null(found, "no entry");
	return found;
}

static size_t n_entries_of(const struct meter *meter)
{
	size_t n_entries;
	meter_entries(meter, &n_entries);
	return n_entries;
}

static void check_traffic(const struct meter_entry *entry, struct traffic expected)
{
	cr_assert_eq(memcmp(&entry->total, &expected, sizeof(expected)), 0, "up %lu/%lu down %lu/%lu instead",
		     (unsigned long)entry->total.up_packets, (unsigned long)entry->total.up_bytes,
		     (unsigned long)entry->total.down_packets, (unsigned long)entry->total.down_bytes);
}

static void check_class(const struct meter *meter, enum octet_class class, uint64_t frames, uint64_t wire_bytes)
{
	const struct octet_tally *tally = &meter_classes(meter)->classes[class];

	cr_assert_eq(tally->frames, frames, "%s: %llu frames", meter_class_name(class),
		     (unsigned long long)tally->frames);
	cr_assert_eq(tally->wire_bytes, wire_bytes, "%s: %llu wire bytes", meter_class_name(class),
		     (unsigned long long)tally->wire_bytes);
}

Test(meter, up_and_down)
{
	CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){.ifindex = 7});
	struct octet_frame up = ipv4_frame(&client, GATEWAY);
	struct octet_frame down = ipv4_frame(GATEWAY_2, &client);

	down.src_ip = other_ip;
	down.dst_ip = client_ip;
	down.bytes = 1500;
	down.wire_bytes = 1514;
	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &up, 1000), OCTET_CLASS_COUNTED);
	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &down, 2000), OCTET_CLASS_COUNTED);
	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &down, 3000), OCTET_CLASS_COUNTED);

	cr_assert_eq(n_entries_of(meter), 1, "a gateway is no client");
	const struct meter_entry *entry = entry_of(meter, &client, client_ip);
	check_traffic(entry, (struct traffic){.up_packets = 1, .up_bytes = 100, .down_packets = 2, .down_bytes = 3000});
	cr_assert_eq(entry->key.ifindex, 7);
	cr_assert_eq(entry->key.vlan, 0);
	cr_assert_eq(entry->last_up_ns, 1000);
	cr_assert_eq(entry->last_down_ns, 3000);
	cr_assert_eq(entry->first_ns, 1000);
	cr_assert_eq(meter_entry_last_ns(entry), 3000);
	check_class(meter, OCTET_CLASS_COUNTED, 3, 114 + 2 * 1514);
}

Test(meter, between_two_clients_counts_for_both)
{
	CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){0});
	const struct octet_frame frame = ipv4_frame(&client, &neighbour);

	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &frame, 1), OCTET_CLASS_COUNTED);
	check_traffic(entry_of(meter, &client, client_ip), (struct traffic){.up_packets = 1, .up_bytes = 100});
	check_traffic(entry_of(meter, &neighbour, other_ip), (struct traffic){.down_packets = 1, .down_bytes = 100});
	check_class(meter, OCTET_CLASS_COUNTED, 1, 114);
}

/* A group bit or zeros in the source occur in captures; they are somebody. */
Test(meter, odd_sources_are_clients)
{
	CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){0});
	const struct octet_frame from_group = ipv4_frame(&multicast, GATEWAY);
	const struct octet_frame from_zero = ipv4_frame(&zero, &multicast);
	const struct octet_frame to_zero = ipv4_frame(GATEWAY, &zero);

	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &from_group, 1), OCTET_CLASS_COUNTED);
	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &from_zero, 1), OCTET_CLASS_COUNTED);
	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &to_zero, 1), OCTET_CLASS_COUNTED);
	check_traffic(entry_of(meter, &multicast, client_ip), (struct traffic){.up_packets = 1, .up_bytes = 100});
	check_traffic(entry_of(meter, &zero, client_ip), (struct traffic){.up_packets = 1, .up_bytes = 100});
	check_traffic(entry_of(meter, &zero, other_ip), (struct traffic){.down_packets = 1, .down_bytes = 100});
	cr_assert_eq(n_entries_of(meter), 3, "a group address receives nothing");
}

Test(meter, nobody_s_frames)
{
	CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){.is_tracking_presence = true});
	const struct octet_frame to_group = ipv4_frame(GATEWAY, &multicast);
	const struct octet_frame arp_to_group = non_ip_frame(GATEWAY, &multicast);
	const struct octet_frame own = ipv4_frame(GATEWAY, GATEWAY_2);
	const struct octet_frame without_macs = {.packets = 1, .wire_bytes = 9};

	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &to_group, 1), OCTET_CLASS_GROUP);
	cr_assert_eq(meter_count(meter, OCTET_PARSE_NON_IP, &arp_to_group, 1), OCTET_CLASS_GROUP);
	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &own, 1), OCTET_CLASS_OWN);
	cr_assert_eq(meter_count(meter, OCTET_PARSE_MALFORMED, &without_macs, 1), OCTET_CLASS_MALFORMED);
	cr_assert_eq(meter_count(meter, OCTET_PARSE_SHORT, &without_macs, 1), OCTET_CLASS_MALFORMED);
	cr_assert_eq(n_entries_of(meter), 0);
	check_class(meter, OCTET_CLASS_GROUP, 2, 114 + 60);
	check_class(meter, OCTET_CLASS_OWN, 1, 114);
	check_class(meter, OCTET_CLASS_MALFORMED, 2, 18);
	check_class(meter, OCTET_CLASS_COUNTED, 0, 0);
}

Test(meter, malformed_from_a_client)
{
	CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){.is_tracking_presence = true});
	const struct octet_frame frame = non_ip_frame(&client, GATEWAY);

	cr_assert_eq(meter_count(meter, OCTET_PARSE_MALFORMED, &frame, 1), OCTET_CLASS_MALFORMED);
	cr_assert_eq(meter_count(meter, OCTET_PARSE_SHORT, &frame, 1), OCTET_CLASS_MALFORMED);
	cr_assert_eq(n_entries_of(meter), 0);
	check_class(meter, OCTET_CLASS_MALFORMED, 2, 120);
}

Test(meter, presence)
{
	CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){.is_tracking_presence = true});
	CLEANUP(meter_free) struct meter *blunt = make_meter(&(struct meter_options){0});
	const struct octet_frame arp = non_ip_frame(&client, GATEWAY);
	const struct octet_frame answer = non_ip_frame(GATEWAY, &client);

	cr_assert_eq(meter_count(meter, OCTET_PARSE_NON_IP, &arp, 5000), OCTET_CLASS_NON_IP);
	cr_assert_eq(meter_count(meter, OCTET_PARSE_NON_IP, &answer, 6000), OCTET_CLASS_NON_IP);
	const struct meter_entry *own = entry_of(meter, &client, NULL);
	check_traffic(own, (struct traffic){0});
	cr_assert_eq(own->key.vlan, OCTET_VLAN_MAC_ONLY);
	cr_assert_eq(own->last_up_ns, 5000, "only what the guest sends proves that it is there");
	cr_assert_eq(own->last_down_ns, 0);
	cr_assert_eq(n_entries_of(meter), 1);
	check_class(meter, OCTET_CLASS_NON_IP, 2, 120);

	cr_assert_eq(meter_count(blunt, OCTET_PARSE_NON_IP, &arp, 5000), OCTET_CLASS_NON_IP);
	cr_assert_eq(n_entries_of(blunt), 0);
}

Test(meter, vlans)
{
	CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){0});
	CLEANUP(meter_free) struct meter *blind = make_meter(&(struct meter_options){.is_vlan_blind = true});
	struct octet_frame frame = ipv4_frame(&client, GATEWAY);
	size_t n_entries;

	for (uint32_t vlan = 0; vlan < 3; vlan++) {
		frame.vlan = 100 * vlan;
		meter_count(meter, OCTET_PARSE_IP, &frame, 1);
		meter_count(blind, OCTET_PARSE_IP, &frame, 1);
	}
	const struct meter_entry *entries = meter_entries(meter, &n_entries);
	cr_assert_eq(n_entries, 3);
	for (size_t i = 0; i < n_entries; i++)
		cr_assert_eq(entries[i].key.vlan, 100 * i, "entries come in the order of their creation");
	check_traffic(entry_of(blind, &client, client_ip), (struct traffic){.up_packets = 3, .up_bytes = 300});
}

Test(meter, ipv6_and_ipv4_are_apart)
{
	/* ::10.0.0.1 ends like 10.0.0.1 */
	static const uint8_t v6[16] = {[12] = 10, [15] = 1};
	CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){0});
	struct octet_frame frame = ipv4_frame(&client, GATEWAY);
	size_t n_entries;

	meter_count(meter, OCTET_PARSE_IP, &frame, 1);
	frame.ip_version = 6;
	frame.src_ip = v6;
	meter_count(meter, OCTET_PARSE_IP, &frame, 1);
	const struct meter_entry *entries = meter_entries(meter, &n_entries);
	cr_assert_eq(n_entries, 2);
	cr_assert(ip_is_v4(&entries[0].key.ip));
	cr_assert_arr_eq(entries[1].key.ip.octets, v6, 16);
	cr_assert_eq(mac_compare(&entries[1].key.mac, &client), 0);
}

Test(meter, super_packets_count_as_on_the_wire)
{
	CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){0});
	struct octet_frame frame = ipv4_frame(&client, GATEWAY);

	frame.packets = 45;
	frame.bytes = 66340;
	frame.wire_bytes = 66970;
	meter_count(meter, OCTET_PARSE_IP, &frame, 1);
	check_traffic(entry_of(meter, &client, client_ip), (struct traffic){.up_packets = 45, .up_bytes = 66340});
	check_class(meter, OCTET_CLASS_COUNTED, 45, 66970);
}

Test(meter, time_goes_backwards)
{
	CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){0});
	const struct octet_frame up = ipv4_frame(&client, GATEWAY);
	static const int64_t times_ns[] = {5000, 3000, 4000, 0, 9000, 8000};

	for (size_t i = 0; i < ARRAY_LENGTH(times_ns); i++)
		meter_count(meter, OCTET_PARSE_IP, &up, times_ns[i]);
	const struct meter_entry *entry = entry_of(meter, &client, client_ip);
	cr_assert_eq(entry->first_ns, 0);
	cr_assert_eq(entry->last_up_ns, 9000);
	cr_assert_eq(meter_entry_last_ns(entry), 9000);
}

/* A flood of one MAC's addresses leaves the others alone and keeps the MAC's total. */
Test(meter, too_many_addresses_of_one_mac)
{
	CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){.max_addresses = 4});
	struct octet_frame frame = ipv4_frame(&client, GATEWAY);
	const struct octet_frame innocent = ipv4_frame(&neighbour, GATEWAY);

	for (unsigned int round = 0; round < 2; round++) {
		for (uint8_t i = 0; i < 10; i++) {
			const uint8_t ip[4] = {10, 9, 9, i};
			frame.src_ip = ip;
			cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &frame, 1),
				     i < 4 ? OCTET_CLASS_COUNTED : OCTET_CLASS_OVERFLOW);
		}
	}
	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &innocent, 1), OCTET_CLASS_COUNTED);
	const struct meter_entry *own = entry_of(meter, &client, NULL);
	check_traffic(own, (struct traffic){.up_packets = 12, .up_bytes = 1200});
	cr_assert_eq(own->n_addresses, 4);
	check_traffic(entry_of(meter, &client, (const uint8_t[]){10, 9, 9, 3}),
		      (struct traffic){.up_packets = 2, .up_bytes = 200});
	check_traffic(entry_of(meter, &neighbour, client_ip), (struct traffic){.up_packets = 1, .up_bytes = 100});
	check_class(meter, OCTET_CLASS_OVERFLOW, 12, 12 * 114);
	check_class(meter, OCTET_CLASS_COUNTED, 9, 9 * 114);
}

Test(meter, full_table)
{
	CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){.max_keys = 3});
	struct octet_frame frame = ipv4_frame(&client, GATEWAY);

	for (uint8_t i = 0; i < 5; i++) {
		const uint8_t ip[4] = {10, 9, 9, i};
		frame.src_ip = ip;
		cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &frame, 1),
			     i < 3 ? OCTET_CLASS_COUNTED : OCTET_CLASS_TABLE_FULL);
	}
	cr_assert_eq(n_entries_of(meter), 3);
	check_class(meter, OCTET_CLASS_COUNTED, 3, 3 * 114);
	check_class(meter, OCTET_CLASS_TABLE_FULL, 2, 2 * 114);

	/* who has a key goes on; with one side counted and one without room, the frame is not fully counted */
	const uint8_t known[4] = {10, 9, 9, 1};
	frame.src_ip = known;
	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &frame, 1), OCTET_CLASS_COUNTED);
	frame.dst_mac = neighbour.octets;
	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &frame, 1), OCTET_CLASS_TABLE_FULL);
	check_traffic(entry_of(meter, &client, known), (struct traffic){.up_packets = 3, .up_bytes = 300});
	check_class(meter, OCTET_CLASS_TABLE_FULL, 3, 3 * 114);
}

/* A MAC that has its own entry falls back on it when the table is full. */
Test(meter, full_table_with_an_entry_of_its_own)
{
	CLEANUP(meter_free)
	struct meter *meter = make_meter(&(struct meter_options){.max_keys = 2, .max_addresses = 10});
	struct octet_frame frame = ipv4_frame(&client, GATEWAY);
	const struct octet_frame stranger = ipv4_frame(&neighbour, GATEWAY);

	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &frame, 1), OCTET_CLASS_COUNTED);
	frame.src_ip = other_ip;
	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &frame, 1), OCTET_CLASS_OVERFLOW);
	cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &stranger, 1), OCTET_CLASS_TABLE_FULL);
	check_traffic(entry_of(meter, &client, NULL), (struct traffic){.up_packets = 1, .up_bytes = 100});
	check_traffic(entry_of(meter, &client, client_ip), (struct traffic){.up_packets = 1, .up_bytes = 100});
}

/* Growth moves entries and slots: every key must still be found, and found once. */
Test(meter, many_keys)
{
	enum { N_KEYS = 20000, N_ROUNDS = 3 };
	CLEANUP(meter_free)
	struct meter *meter = make_meter(
		&(struct meter_options){.max_keys = METER_KEYS_MAX, .seed = {{1, 2, 3, 5, 7, 11, 13, 17}, 19}});
	struct octet_frame frame = ipv4_frame(&client, GATEWAY);
	size_t n_entries;

	for (unsigned int round = 1; round <= N_ROUNDS; round++) {
		for (uint32_t i = 0; i < N_KEYS; i++) {
			const struct mac_addr mac = {{0x06, 0, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
			frame.src_mac = mac.octets;
			frame.bytes = i + 1;
			cr_assert_eq(meter_count(meter, OCTET_PARSE_IP, &frame, round), OCTET_CLASS_COUNTED);
		}
	}
	const struct meter_entry *entries = meter_entries(meter, &n_entries);
	cr_assert_eq(n_entries, N_KEYS);
	for (size_t i = 0; i < n_entries; i++) {
		check_traffic(&entries[i], (struct traffic){.up_packets = N_ROUNDS, .up_bytes = N_ROUNDS * (i + 1)});
		cr_assert_eq(entries[i].first_ns, 1);
		cr_assert_eq(entries[i].last_up_ns, N_ROUNDS);
	}
}

/* What is counted later is counted the same, whatever grows or overflows meanwhile. */
Test(meter, later_is_the_same)
{
	enum { N_FRAMES = 5000 };
	const struct meter_options limits = {.max_keys = 700, .max_addresses = 20, .is_tracking_presence = true};
	CLEANUP(meter_free) struct meter *now = make_meter(&limits);
	CLEANUP(meter_free) struct meter *later = make_meter(&limits);
	size_t n_now, n_later;
	uint32_t random = 1;

	for (int i = 0; i < N_FRAMES; i++) {
		random = random * 1664525 + 1013904223;
		/* ever more of them come */
		struct mac_addr mac = {{0x02, 0, 0, 0, 1, (uint8_t)((random >> 16) % (1 + (uint32_t)i / 25))}};
		struct mac_addr other = {{0x02, 0, 0, 0, 1, (uint8_t)(random >> 20 & 15)}};
		uint8_t ip[4] = {10, 0, 0, (uint8_t)(random >> 8 & 31)};
		struct octet_frame frame = ipv4_frame(&mac, random & 64 ? GATEWAY : &other);

		frame.src_ip = ip;
		const enum octet_parse result = i % 10 ? OCTET_PARSE_IP : OCTET_PARSE_NON_IP;
		meter_count(now, result, &frame, i);
		meter_count_later(later, result, &frame, i);
		memset(&mac, 0xee, sizeof(mac)); /* nothing of the frame is borrowed */
		memset(&other, 0xee, sizeof(other));
		memset(ip, 0xee, sizeof(ip));
	}
	meter_settle(later);
	const struct meter_entry *a = meter_entries(now, &n_now);
	const struct meter_entry *b = meter_entries(later, &n_later);
	cr_assert_eq(n_now, 700, "a full table is part of it");
	cr_assert_eq(n_now, n_later);
	cr_assert_eq(memcmp(a, b, n_now * sizeof(*a)), 0);
	cr_assert_eq(memcmp(meter_classes(now), meter_classes(later), sizeof(struct octet_iface)), 0);
	cr_assert_gt(meter_classes(now)->classes[OCTET_CLASS_OVERFLOW].frames, 0);
	cr_assert_gt(meter_classes(now)->classes[OCTET_CLASS_TABLE_FULL].frames, 0);
}

struct one_way {
	enum octet_direction direction;
	const struct mac_addr *src, *dst;
	bool is_bridge;
	enum octet_class class;
};

/* As classify() in bpf/octet.bpf.c: the direction is known, so one side counts. */
Test(meter, one_way)
{
	const struct mac_addr *const own = GATEWAY, *const macvlan = GATEWAY_2;
	const struct one_way rows[] = {
		{OCTET_UP, &client, own, false, OCTET_CLASS_COUNTED},
		{OCTET_UP, &client, &neighbour, false, OCTET_CLASS_COUNTED}, /* on a port, to another port */
		{OCTET_UP, &client, &multicast, true, OCTET_CLASS_COUNTED},
		{OCTET_UP, &client, own, true, OCTET_CLASS_COUNTED},
		{OCTET_UP, &client, macvlan, true, OCTET_CLASS_COUNTED},
		{OCTET_UP, &client, &neighbour, true, OCTET_CLASS_TRANSIT},
		{OCTET_UP, own, &client, false, OCTET_CLASS_OWN},
		{OCTET_DOWN, own, &client, true, OCTET_CLASS_COUNTED},
		{OCTET_DOWN, &neighbour, &client, false, OCTET_CLASS_COUNTED},
		{OCTET_DOWN, own, &multicast, true, OCTET_CLASS_GROUP},
		{OCTET_DOWN, &neighbour, own, false, OCTET_CLASS_OWN},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		CLEANUP(meter_free) struct meter *meter = make_meter(&(struct meter_options){.ifindex = 99});
		const struct meter_view view = {
			.ifindex = 7, .own = *own, .is_bridge = rows[i].is_bridge, .locals = macvlan, .n_locals = 1};
		struct octet_frame frame = ipv4_frame(rows[i].src, rows[i].dst);
		size_t n_entries;

		cr_assert_eq(meter_count_one_way(meter, &view, rows[i].direction, OCTET_PARSE_IP, &frame, 5),
			     rows[i].class, "row %zu", i);
		const struct meter_entry *entries = meter_entries(meter, &n_entries);
		cr_assert_eq(n_entries, rows[i].class == OCTET_CLASS_COUNTED, "row %zu", i);
		if (n_entries == 0)
			continue;
		const bool is_up = rows[i].direction == OCTET_UP;
		cr_assert_eq(mac_compare(&entries[0].key.mac, is_up ? rows[i].src : rows[i].dst), 0, "row %zu", i);
		cr_assert_eq(entries[0].key.ifindex, 7);
		cr_assert_eq(entries[0].total.up_bytes, is_up ? 100 : 0, "row %zu", i);
		cr_assert_eq(entries[0].total.down_bytes, is_up ? 0 : 100, "row %zu", i);
	}
}

/* The first packet, and the first after a silence that is longer than the gap; nothing that is sent to the guest. */
Test(meter, arrivals)
{
	CLEANUP(meter_free)
	struct meter *meter = make_meter(&(struct meter_options){.arrival_gap_ns = 10, .is_tracking_presence = true});
	const struct meter_view view = {.ifindex = 7, .own = *GATEWAY};
	const struct octet_frame up = ipv4_frame(&client, GATEWAY);
	struct octet_frame down = ipv4_frame(GATEWAY, &client);
	const struct octet_frame arp = non_ip_frame(&client, GATEWAY);
	static const struct {
		int64_t time_ns;
		bool has_arrived;
	} rows[] = {{100, true}, {105, false}, {115, false}, {126, true}, {126, false}, {90, false}};
	uint32_t entry;

	down.dst_ip = client_ip;
	meter_count_one_way(meter, &view, OCTET_DOWN, OCTET_PARSE_IP, &down, 50);
	cr_assert(!meter_has_arrived(meter, &entry), "a packet to the guest is no sign of it");
	meter_count_one_way(meter, &view, OCTET_UP, OCTET_PARSE_NON_IP, &arp, 60);
	cr_assert(!meter_has_arrived(meter, &entry), "nor is ARP a beginning");
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		meter_count_one_way(meter, &view, OCTET_UP, OCTET_PARSE_IP, &up, rows[i].time_ns);
		cr_assert_eq(meter_has_arrived(meter, &entry), rows[i].has_arrived, "row %zu", i);
		if (rows[i].has_arrived)
			cr_assert_eq(entry, 0);
		meter_count_one_way(meter, &view, OCTET_DOWN, OCTET_PARSE_IP, &down, rows[i].time_ns);
		cr_assert(!meter_has_arrived(meter, &entry), "row %zu", i);
	}
}

/* By hand, from the definition: the sum of four products, times the multiplier, its middle. */
Test(meter, nh_reference)
{
	static const struct nh_seed zero_seed;
	static const struct nh_seed seed = {{1, 2, 3, 4, 5, 6, UINT32_MAX, 8}, UINT64_C(0x10000000000)};
	const uint64_t words[3] = {UINT64_C(0x0000000200000001), UINT64_C(0xffffffff00000003), 0};
	const uint64_t sum = (uint64_t)(1 + 1) * (2 + 2) + (uint64_t)(3 + 3) * 3 + (uint64_t)5 * 6 +
			     (uint64_t)8 * 8; /* each addition is modulo 2^32 */

	cr_assert_eq(nh_hash_28(&seed, words, 9), (uint32_t)(sum * UINT64_C(0x10000000001) >> 32));
	cr_assert_eq(nh_hash_28(&zero_seed, words, 9), (uint32_t)((2 + UINT64_C(3) * 0xffffffff) >> 32));
}
