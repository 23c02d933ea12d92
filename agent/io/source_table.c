/* SPDX-License-Identifier: MIT */
#include "io/source_table.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The ring of arrivals holds some thousand announcements, a second of a busy evening. */
#define ARRIVALS_BYTES (64 * 1024)
#define LOCAL_MACS_MAX 1024

struct map_spec {
	const char *name; /* of the map, and of its pin */
	enum bpf_map_type type;
	uint32_t key_bytes, value_bytes;
	uint32_t flags;
};

/* As in bpf/octet.bpf.c. */
static const struct map_spec specs[N_MAPS] = {
	[MAP_SLOTS] = {"octet_slots", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct octet_slot), BPF_F_MMAPABLE},
	[MAP_INDEX] = {"octet_index", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct octet_bucket), BPF_F_MMAPABLE},
	[MAP_REGIONS] = {"octet_regions", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct octet_region), BPF_F_MMAPABLE},
	[MAP_RETIRED] = {"octet_retired", BPF_MAP_TYPE_ARRAY, 4, sizeof(uint64_t), BPF_F_MMAPABLE},
	[MAP_IFACES] = {"octet_ifaces", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct octet_iface), BPF_F_MMAPABLE},
	[MAP_TABLE] = {"octet_table", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct octet_table), 0},
	[MAP_ARRIVALS] = {"octet_arrivals", BPF_MAP_TYPE_RINGBUF, 0, 0, 0},
	[MAP_LOCAL_MACS] = {"octet_local_mac", BPF_MAP_TYPE_HASH, sizeof(struct octet_mac), 1, 0},
};

static const uint32_t field_offsets[OCTET_N_FIELDS] = {
	[OCTET_FIELD_MAC] = offsetof(struct octet_slot, key.mac),
	[OCTET_FIELD_VLAN] = offsetof(struct octet_slot, key.vlan),
	[OCTET_FIELD_IP] = offsetof(struct octet_slot, key.ip),
	[OCTET_FIELD_IFINDEX] = offsetof(struct octet_slot, key.ifindex),
	[OCTET_FIELD_UP_BYTES] = offsetof(struct octet_slot, up_bytes),
	[OCTET_FIELD_UP_PACKETS] = offsetof(struct octet_slot, up_packets),
	[OCTET_FIELD_LAST_UP_NS] = offsetof(struct octet_slot, last_up_ns),
	[OCTET_FIELD_SEQUENCE] = offsetof(struct octet_slot, sequence),
	[OCTET_FIELD_DOWN_BYTES] = offsetof(struct octet_slot, down_bytes),
	[OCTET_FIELD_DOWN_PACKETS] = offsetof(struct octet_slot, down_packets),
	[OCTET_FIELD_LAST_DOWN_NS] = offsetof(struct octet_slot, last_down_ns),
};

void source_table_init(struct source_table *table)
{
	memset(table, 0, sizeof(*table));
	for (int i = 0; i < N_MAPS; i++)
		table->fds[i] = -1;
}

static uint32_t n_elements(const struct octet_table *facts, enum source_map map)
{
	switch (map) {
	case MAP_SLOTS:
		return facts->n_regions * facts->n_slots;
	case MAP_INDEX:
		return facts->n_regions * facts->n_buckets;
	case MAP_REGIONS:
		return facts->n_regions;
	case MAP_RETIRED:
		return facts->n_regions * facts->n_queue;
	case MAP_IFACES:
		return facts->n_regions * OCTET_SLOTS_MAX * OCTET_N_DIRECTIONS;
	case MAP_ARRIVALS:
		return ARRIVALS_BYTES;
	case MAP_LOCAL_MACS:
		return LOCAL_MACS_MAX;
	default:
		return 1;
	}
}

/* The kernel maps whole pages of such an array, no less and no more (array_map_mmap, kernel/bpf/arraymap.c). */
static size_t map_bytes(const struct octet_table *facts, enum source_map map)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t value_bytes = map == MAP_SLOTS ? facts->slot_bytes : (specs[map].value_bytes + 7) & ~7u;
	const size_t bytes = n_elements(facts, map) * value_bytes;

	return (bytes + page - 1) / page * page;
}

static void *map_memory(const struct source_table *table, enum source_map map, int protection)
{
	void *memory = mmap(NULL, map_bytes(&table->facts, map), protection, MAP_SHARED, table->fds[map], 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* A multiple of every page size. */
#define PIECE_BYTES ((size_t)64 * 1024)

static size_t n_pieces(const struct octet_table *facts)
{
	return (map_bytes(facts, MAP_SLOTS) + PIECE_BYTES - 1) / PIECE_BYTES;
}

static int map_piece(const struct source_table *table, size_t piece)
{
	const size_t begin = piece * PIECE_BYTES, left = map_bytes(&table->facts, MAP_SLOTS) - begin;
	const int protection = table->regions ? PROT_READ | PROT_WRITE : PROT_READ;
	const void *memory = mmap(table->slots + begin, left < PIECE_BYTES ? left : PIECE_BYTES, protection,
				  MAP_SHARED | MAP_FIXED, table->fds[MAP_SLOTS], (off_t)begin);

	if (memory == MAP_FAILED)
		return -errno;
	table->is_mapped[piece] = true;
	return 0;
}

int source_table_reach(const struct source_table *table, uint32_t first, uint32_t end)
{
	const size_t slot_bytes = table->facts.slot_bytes;

	for (size_t piece = first * slot_bytes / PIECE_BYTES; piece * PIECE_BYTES < end * slot_bytes; piece++) {
		int r = table->is_mapped[piece] ? 0 : map_piece(table, piece);

		if (r)
			return r;
	}
	return 0;
}

/* Addresses for all slots, with nothing behind them yet. */
static int reserve_slots(struct source_table *table)
{
	void *memory = mmap(NULL, map_bytes(&table->facts, MAP_SLOTS), PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	table->slots = memory;
	table->is_mapped = calloc(n_pieces(&table->facts), sizeof(*table->is_mapped));
	return table->is_mapped ? 0 : -ENOMEM;
}

static void unmap_memory(const struct source_table *table, enum source_map map, const void *memory)
{
	if (memory)
		munmap((void *)memory, map_bytes(&table->facts, map));
}

void source_table_clean(struct source_table *table)
{
	unmap_memory(table, MAP_SLOTS, table->slots);
	unmap_memory(table, MAP_REGIONS, table->regions);
	unmap_memory(table, MAP_RETIRED, table->queue);
	unmap_memory(table, MAP_IFACES, table->ifaces);
	free(table->is_mapped);
	free(table->queued_at);
	free(table->seen);
	free(table->fresh);
	for (int i = 0; i < N_MAPS; i++)
		if (table->fds[i] >= 0)
			close(table->fds[i]);
	source_table_init(table);
}

static void pin_path(const char *dir, enum source_map map, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.4000s/%s", dir, specs[map].name);
}

void source_table_remove(struct source_table *table)
{
	char path[PATH_MAX];

	for (int i = 0; table->dir[0] && i < N_MAPS; i++) {
		pin_path(table->dir, (enum source_map)i, path);
		unlink(path);
	}
	if (table->dir[0])
		rmdir(table->dir);
	source_table_clean(table);
}

void source_table_epoch(uint32_t id, const char *boot_id, char epoch[SOURCE_EPOCH_SIZE])
{
	snprintf(epoch, SOURCE_EPOCH_SIZE, "%.36s:%u", boot_id, id);
}

bool source_table_is_current(const struct source_table *table)
{
	return table->facts.abi_version == OCTET_ABI_VERSION && table->facts.slot_bytes == sizeof(struct octet_slot) &&
	       table->facts.n_regions == (uint32_t)libbpf_num_possible_cpus();
}

/* After a restart, what an earlier agent has put into the queues is still there. */
static void recall_queues(struct source_table *table)
{
	const struct octet_table *facts = &table->facts;

	for (uint32_t region = 0; region < facts->n_regions; region++) {
		const struct octet_region *state = &table->regions[region];
		const uint64_t *queue = table->queue + (size_t)region * facts->n_queue;
		const uint32_t head = state->retired_head;

		for (uint32_t at = __atomic_load_n(&state->retired_tail, __ATOMIC_ACQUIRE); at != head; at++) {
			const uint64_t number = queue[at & (facts->n_queue - 1)];

			if (number < facts->n_slots)
				table->queued_at[(size_t)region * facts->n_slots + number] = at + 1;
		}
	}
}

static int map_current(struct source_table *table)
{
	const size_t n_slots = (size_t)table->facts.n_regions * table->facts.n_slots;
	int r = reserve_slots(table);

	if (r)
		return r;
	table->regions = map_memory(table, MAP_REGIONS, PROT_READ | PROT_WRITE);
	table->queue = map_memory(table, MAP_RETIRED, PROT_READ | PROT_WRITE);
	table->ifaces = map_memory(table, MAP_IFACES, PROT_READ | PROT_WRITE);
	if (!table->regions || !table->queue || !table->ifaces)
		return -errno;
	table->queued_at = calloc(n_slots, sizeof(*table->queued_at));
	table->seen = calloc(n_slots, sizeof(*table->seen));
	table->fresh = calloc(n_slots, sizeof(*table->fresh));
	if (!table->queued_at || !table->seen || !table->fresh)
		return -ENOMEM;
	recall_queues(table);
	return 0;
}

/* For a table of another layout only the slots and what describes them are of use. */
static int map_foreign(struct source_table *table)
{
	const size_t n_slots = (size_t)table->facts.n_regions * table->facts.n_slots;
	int r = reserve_slots(table);

	if (r)
		return r;
	table->seen = calloc(n_slots, sizeof(*table->seen));
	table->fresh = calloc(n_slots, sizeof(*table->fresh));
	return table->seen && table->fresh ? 0 : -ENOMEM;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.id : 0;
}

/* Whether the description fits the map that it describes: what lies in a file system may be anything. */
static bool is_plausible(const struct source_table *table)
{
	const struct octet_table *facts = &table->facts;
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(table->fds[MAP_SLOTS], &info, &size) || info.value_size != facts->slot_bytes ||
	    !(info.map_flags & BPF_F_MMAPABLE) || (uint64_t)facts->n_regions * facts->n_slots != info.max_entries)
		return false;
	if (facts->n_buckets == 0 || facts->n_queue < facts->n_slots)
		return false;
	for (size_t i = 0; i < OCTET_N_FIELDS; i++)
		if (facts->offsets[i] + sizeof(uint64_t) > facts->slot_bytes)
			return false;
	return facts->offsets[OCTET_FIELD_IP] + sizeof(((struct octet_key *)0)->ip) <= facts->slot_bytes;
}

int source_table_open(const char *parent, const char *name, struct source_table *out)
{
	CLEANUP(source_table_clean) struct source_table table;
	const uint32_t zero = 0;
	char path[PATH_MAX];
	int r;

	source_table_init(&table);
	snprintf(table.dir, sizeof(table.dir), "%.3900s/%.64s", parent, name);
	for (int i = 0; i < N_MAPS; i++) {
		pin_path(table.dir, (enum source_map)i, path);
		table.fds[i] = bpf_obj_get(path);
	}
	if (table.fds[MAP_SLOTS] < 0 || table.fds[MAP_TABLE] < 0 ||
	    bpf_map_lookup_elem(table.fds[MAP_TABLE], &zero, &table.facts) || !is_plausible(&table))
		return -ENOENT;
	table.id = map_id(table.fds[MAP_SLOTS]);
	if (source_table_is_current(&table))
		for (int i = 0; i < N_MAPS; i++)
			if (table.fds[i] < 0)
				return -ENOENT;
	r = source_table_is_current(&table) ? map_current(&table) : map_foreign(&table);
	if (r)
		return r;
	*out = table;
	source_table_init(&table);
	return 0;
}

static uint32_t power_of_two(uint32_t at_least)
{
	uint32_t power = 1;

	while (power < at_least)
		power *= 2;
	return power;
}

static int describe(uint32_t n_slots, uint32_t follows, struct octet_table *facts)
{
	*facts = (struct octet_table){
		.abi_version = OCTET_ABI_VERSION,
		.n_regions = (uint32_t)libbpf_num_possible_cpus(),
		.n_slots = n_slots,
		.slot_bytes = sizeof(struct octet_slot),
		/* a quarter to a half of a full table's entries are in use, so two full buckets are next to impossible
		 */
		.n_buckets = power_of_two(n_slots / 8 + 2),
		.n_queue = power_of_two(n_slots),
		.follows = follows,
	};
	memcpy(facts->offsets, field_offsets, sizeof(field_offsets));
	if (getrandom(facts->seeds, sizeof(facts->seeds), 0) != (ssize_t)sizeof(facts->seeds))
		return -EIO;
	return 0;
}

static int make_map(struct source_table *table, enum source_map map)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = specs[map].flags);

	table->fds[map] = bpf_map_create(specs[map].type, specs[map].name, specs[map].key_bytes, specs[map].value_bytes,
					 n_elements(&table->facts, map), &opts);
	return table->fds[map] < 0 ? table->fds[map] : 0;
}

static int pin_maps(struct source_table *table, const char *parent)
{
	char path[PATH_MAX];

	table->id = map_id(table->fds[MAP_SLOTS]);
	snprintf(table->dir, sizeof(table->dir), "%.3900s/table-%u", parent, table->id);
	if (mkdir(table->dir, 0700))
		return -errno;
	/* the description last: without it, it is no table */
	for (int i = 0; i < N_MAPS; i++) {
		if (i == MAP_TABLE)
			continue;
		pin_path(table->dir, (enum source_map)i, path);
		if (bpf_obj_pin(table->fds[i], path))
			return -errno;
	}
	pin_path(table->dir, MAP_TABLE, path);
	return bpf_obj_pin(table->fds[MAP_TABLE], path) ? -errno : 0;
}

int source_table_create(const char *parent, uint32_t n_slots, uint32_t follows, struct source_table *out)
{
	struct source_table table;
	const uint32_t zero = 0;
	int r;

	source_table_init(&table);
	r = describe(n_slots, follows, &table.facts);
	for (int i = 0; !r && i < N_MAPS; i++)
		r = make_map(&table, (enum source_map)i);
	if (!r && bpf_map_update_elem(table.fds[MAP_TABLE], &zero, &table.facts, BPF_ANY))
		r = -errno;
	if (!r)
		r = map_current(&table);
	if (!r)
		r = pin_maps(&table, parent);
	if (r) {
		source_table_remove(&table);
		return r;
	}
	*out = table;
	return 0;
}
