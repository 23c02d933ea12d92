/* SPDX-License-Identifier: MIT */
/* From one table to another, of another size or layout, under traffic and through crashes: every octet is read once. */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/net_lab.h"

#define UDP 17
#define N_FRAMES 50
#define FRAME_BYTES 28 /* IPv4 and UDP, no payload */

static struct net_lab lab;
static uint32_t ifindex;
static int gateway_fd;
static struct net_lab_readings readings;

static void set_up(void)
{
	net_lab_open(&lab);
	ifindex = net_lab_veth(&lab, "gw0", "cl0");
	gateway_fd = net_lab_socket(&lab, lab.gateway_ns, "gw0");
}

static void tear_down(void)
{
	close(gateway_fd);
	net_lab_close(&lab);
}

static void send_down(uint16_t guest)
{
	net_lab_send_spec(gateway_fd, &(struct frame_spec){.guest = guest, .is_down = true, .protocol = UDP}, N_FRAMES);
}

static struct source_bpf *start(const char *epoch, uint32_t n_slots)
{
	struct source_bpf *source = net_lab_source_sized(epoch, n_slots);

	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_AUTO), 0);
	source_bpf_forget_others(source);
	return source;
}

static size_t n_tables(void)
{
	DIR *directory = opendir(NET_LAB_PINS);
	const struct dirent *entry;
	size_t n = 0;

	cr_assert(directory);
	while ((entry = readdir(directory)))
		n += strncmp(entry->d_name, "table-", 6) == 0;
	closedir(directory);
	return n;
}

static uint64_t packets_of(uint16_t guest)
{
	const struct counter_reading *reading = net_lab_find(&readings, ifindex, guest, false);

	if (!reading)
		return 0;
	cr_expect_eq(reading->total.down_bytes, reading->total.down_packets * FRAME_BYTES);
	return reading->total.down_packets;
}

static void collect_previous(struct source_bpf *source)
{
	readings.n_readings = 0;
	cr_assert_eq(source_bpf_collect_previous(source, net_lab_take_reading, &readings), 0);
}

Test(handover, a_table_of_another_size_is_read_to_its_end)
{
	char epoch[SOURCE_EPOCH_SIZE];
	struct source_bpf *source;

	set_up();
	source = start("", 64);
	cr_expect_not(source_bpf_is_resumed(source));
	snprintf(epoch, sizeof(epoch), "%s", source_bpf_epoch(source));
	send_down(1);
	source_bpf_close(&source, true);
	send_down(1); /* nobody is there, and it is counted */

	source = net_lab_source_sized(epoch, 128);
	cr_assert(source_bpf_has_previous(source));
	cr_expect(source_bpf_is_resumed(source));
	cr_expect_str_neq(source_bpf_epoch(source), epoch);
	send_down(2); /* the old program still counts */
	cr_assert_eq(source_bpf_attach(source, "gw0", CONFIG_ATTACH_AUTO), 0);
	source_bpf_forget_others(source);
	send_down(1);
	send_down(3);
	collect_previous(source);
	cr_expect_eq(packets_of(1), 2 * N_FRAMES);
	cr_expect_eq(packets_of(2), N_FRAMES);
	cr_expect_eq(packets_of(3), 0);
	source_bpf_drop_previous(source);
	cr_expect_not(source_bpf_has_previous(source));
	cr_expect_eq(n_tables(), 1);
	net_lab_collect(source, &readings);
	cr_expect_eq(packets_of(1), N_FRAMES);
	cr_expect_eq(packets_of(2), 0);
	cr_expect_eq(packets_of(3), N_FRAMES);
	source_bpf_close(&source, false);
	tear_down();
}

/* The agent dies after it has attached, before it has booked the old table. */
Test(handover, a_crash_in_between_goes_on_where_it_was)
{
	char epoch[SOURCE_EPOCH_SIZE], next[SOURCE_EPOCH_SIZE];
	struct source_bpf *source;

	set_up();
	source = start("", 64);
	snprintf(epoch, sizeof(epoch), "%s", source_bpf_epoch(source));
	send_down(1);
	source_bpf_close(&source, true);
	source = start(epoch, 128);
	snprintf(next, sizeof(next), "%s", source_bpf_epoch(source));
	send_down(1);
	source_bpf_close(&source, true); /* as a crash leaves it */

	source = start(epoch, 128);
	cr_assert(source_bpf_has_previous(source));
	cr_expect_str_eq(source_bpf_epoch(source), next, "the table that was begun goes on");
	cr_expect_eq(n_tables(), 2);
	send_down(1);
	collect_previous(source);
	cr_expect_eq(packets_of(1), N_FRAMES);
	net_lab_collect(source, &readings);
	cr_expect_eq(packets_of(1), 2 * N_FRAMES);
	source_bpf_close(&source, true); /* committed, and dead before the old table was dropped */

	source = start(next, 128);
	cr_expect_not(source_bpf_has_previous(source));
	cr_expect_eq(n_tables(), 1);
	net_lab_collect(source, &readings);
	cr_expect_eq(packets_of(1), 2 * N_FRAMES);
	source_bpf_close(&source, false);
	tear_down();
}

/* A slot as some other version may have it. */
struct other_slot {
	uint64_t new_things[4];
	uint64_t down_packets;
	uint64_t down_bytes;
	uint8_t ip[16];
	uint64_t up_packets;
	uint64_t up_bytes;
	uint8_t mac[6];
	uint16_t vlan;
	uint64_t last_up_ns;
	uint64_t last_down_ns;
	uint32_t ifindex;
	uint32_t sequence;
	uint64_t more[6];
};

static void pin(int fd, const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	cr_assert_geq(fd, 0, "%s", name);
	cr_assert_eq(bpf_obj_pin(fd, path), 0, "%s", path);
}

static uint32_t id_of(int fd)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	cr_assert_eq(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info.id;
}

/* Pins what an agent of another version would have left behind; returns the id of its table. */
static uint32_t make_other_table(uint32_t n_slots)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	struct octet_table facts = {
		.abi_version = OCTET_ABI_VERSION + 1,
		.n_regions = 1,
		.n_slots = n_slots,
		.slot_bytes = sizeof(struct other_slot),
		.n_buckets = 1,
		.n_queue = n_slots,
		.offsets = {[OCTET_FIELD_MAC] = offsetof(struct other_slot, mac),
			    [OCTET_FIELD_VLAN] = offsetof(struct other_slot, vlan),
			    [OCTET_FIELD_IP] = offsetof(struct other_slot, ip),
			    [OCTET_FIELD_IFINDEX] = offsetof(struct other_slot, ifindex),
			    [OCTET_FIELD_UP_BYTES] = offsetof(struct other_slot, up_bytes),
			    [OCTET_FIELD_UP_PACKETS] = offsetof(struct other_slot, up_packets),
			    [OCTET_FIELD_LAST_UP_NS] = offsetof(struct other_slot, last_up_ns),
			    [OCTET_FIELD_SEQUENCE] = offsetof(struct other_slot, sequence),
			    [OCTET_FIELD_DOWN_BYTES] = offsetof(struct other_slot, down_bytes),
			    [OCTET_FIELD_DOWN_PACKETS] = offsetof(struct other_slot, down_packets),
			    [OCTET_FIELD_LAST_DOWN_NS] = offsetof(struct other_slot, last_down_ns)}};
	const int slots_fd =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "other_slots", 4, sizeof(struct other_slot), n_slots, &opts);
	const int table_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "other_table", 4, sizeof(facts), 1, NULL);
	const uint32_t zero = 0, id = id_of(slots_fd);
	char dir[256];

	for (uint32_t i = 0; i < n_slots; i += 2) {
		struct other_slot slot = {.ifindex = ifindex,
					  .sequence = 2,
					  .up_packets = i + 1,
					  .up_bytes = 100 * i,
					  .down_packets = 7,
					  .down_bytes = UINT64_C(1) << 40,
					  .last_up_ns = 5,
					  .new_things = {1, 2, 3, 4}};

		frame_guest_mac((uint16_t)i, slot.mac);
		slot.ip[10] = slot.ip[11] = 0xff;
		frame_guest_ip4((uint16_t)i, slot.ip + 12);
		cr_assert_eq(bpf_map_update_elem(slots_fd, &i, &slot, BPF_ANY), 0);
	}
	cr_assert_eq(bpf_map_update_elem(table_fd, &zero, &facts, BPF_ANY), 0);
	mkdir(NET_LAB_PINS, 0700);
	snprintf(dir, sizeof(dir), "%s/table-%u", NET_LAB_PINS, id);
	cr_assert_eq(mkdir(dir, 0700), 0);
	pin(slots_fd, dir, "octet_slots");
	pin(table_fd, dir, "octet_table");
	pin(table_fd, dir, "octet_something_new");
	close(slots_fd);
	close(table_fd);
	return id;
}

Test(handover, a_table_of_another_layout_is_read_by_its_description)
{
	char epoch[SOURCE_EPOCH_SIZE];
	struct source_bpf *source;

	set_up();
	source_table_epoch(make_other_table(40), NET_LAB_BOOT_ID, epoch);
	source = start(epoch, 64);
	cr_assert(source_bpf_has_previous(source));
	send_down(2);
	collect_previous(source);
	cr_expect_eq(readings.n_readings, 20);
	for (uint16_t guest = 0; guest < 40; guest += 2) {
		const struct counter_reading *reading = net_lab_find(&readings, ifindex, guest, false);

		cr_assert_not_null(reading, "guest %u", guest);
		cr_expect_eq(reading->slot, guest);
		cr_expect_eq(reading->sequence, 2);
		cr_expect_eq(reading->total.up_packets, guest + 1u);
		cr_expect_eq(reading->total.up_bytes, 100u * guest);
		cr_expect_eq(reading->total.down_packets, 7);
		cr_expect_eq(reading->total.down_bytes, UINT64_C(1) << 40);
		cr_expect_eq(reading->last_up_ns, 5);
	}
	source_bpf_drop_previous(source);
	net_lab_collect(source, &readings);
	cr_expect_eq(packets_of(2), N_FRAMES);
	source_bpf_close(&source, true);
	/* and its remains, whatever they are called, go at the next start at the latest */
	source_table_epoch(0, NET_LAB_BOOT_ID, epoch);
	source = net_lab_source_sized(epoch, 64);
	cr_expect_eq(n_tables(), 1);
	source_bpf_close(&source, false);
	tear_down();
}

/* What describes itself wrongly is not believed, and not left lying about. */
Test(handover, nonsense_is_not_read)
{
	char epoch[SOURCE_EPOCH_SIZE], path[512];
	const uint32_t zero = 0;
	struct source_bpf *source;
	struct octet_table facts;
	uint32_t id;
	int fd;

	set_up();
	id = make_other_table(10);
	snprintf(path, sizeof(path), "%s/table-%u/octet_table", NET_LAB_PINS, id);
	fd = bpf_obj_get(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(bpf_map_lookup_elem(fd, &zero, &facts), 0);
	facts.offsets[OCTET_FIELD_DOWN_BYTES] = sizeof(struct other_slot);
	cr_assert_eq(bpf_map_update_elem(fd, &zero, &facts, BPF_ANY), 0);
	close(fd);
	source_table_epoch(id, NET_LAB_BOOT_ID, epoch);
	source = net_lab_source_sized(epoch, 64);
	cr_expect_not(source_bpf_has_previous(source));
	cr_expect_not(source_bpf_is_resumed(source));
	cr_expect_eq(n_tables(), 1);
	source_bpf_close(&source, false);
	tear_down();
}
