/* SPDX-License-Identifier: MIT */
#include "bpf/bpf_lab.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "octet.skel.h"

#define CPUS_MAX 1024
#define N_BUCKETS 64u
#define LOOPBACK_IFINDEX 1
#define VERDICT_NEXT ((__u32)-1) /* TC_ACT_UNSPEC, TCX_NEXT */

static int keep_silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

void bpf_lab_require(void)
{
	/* r0 = 0; exit */
	const struct bpf_insn insns[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
	int fd;

	if (geteuid() != 0)
		cr_skip_test("needs root");
	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "probe", "GPL", insns, ARRAY_LENGTH(insns), NULL);
	if (fd < 0)
		cr_skip_test("this kernel refuses BPF: %s", strerror(-fd));
	close(fd);
	libbpf_set_print(keep_silent);
}

static void set_up_table(struct bpf_lab *lab)
{
	struct octet *skeleton = lab->skeleton;
	__u64 *seeds = (__u64 *)skeleton->rodata->octet_seeds;

	bpf_map__set_max_entries(skeleton->maps.octet_slots, lab->n_cpus * lab->n_slots);
	bpf_map__set_max_entries(skeleton->maps.octet_index, lab->n_cpus * N_BUCKETS);
	bpf_map__set_max_entries(skeleton->maps.octet_regions, lab->n_cpus);
	bpf_map__set_max_entries(skeleton->maps.octet_retired, lab->n_cpus * BPF_LAB_QUEUE);
	bpf_map__set_max_entries(skeleton->maps.octet_ifaces, lab->n_cpus * OCTET_SLOTS_MAX * OCTET_N_DIRECTIONS);
	/* any odd numbers do */
	for (unsigned int i = 0; i < ARRAY_LENGTH(skeleton->rodata->octet_seeds); i++)
		seeds[i] = 0x9e3779b97f4a7c15u * (2 * i + 1);
	skeleton->rodata->octet_ifindex = LOOPBACK_IFINDEX;
	skeleton->rodata->octet_n_regions = lab->n_cpus;
	skeleton->rodata->octet_n_slots = lab->n_slots;
	skeleton->rodata->octet_bucket_mask = N_BUCKETS - 1;
	skeleton->rodata->octet_queue_mask = BPF_LAB_QUEUE - 1;
	skeleton->rodata->octet_max_addresses_per_mac = BPF_LAB_MAX_PER_MAC;
	skeleton->rodata->octet_hash_base6 = seeds[7] + seeds[6] * LOOPBACK_IFINDEX;
	skeleton->rodata->octet_hash_base4 = skeleton->rodata->octet_hash_base6 + seeds[4] * OCTET_V4_PREFIX;
}

static size_t map_bytes(const struct bpf_map *map)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t bytes = (size_t)bpf_map__max_entries(map) * ((bpf_map__value_size(map) + 7) & ~7u);

	return (bytes + page - 1) / page * page;
}

static void *map_memory(const struct bpf_map *map)
{
	void *memory = mmap(NULL, map_bytes(map), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	cr_assert_neq(memory, MAP_FAILED, "%s: %s", bpf_map__name(map), strerror(errno));
	return memory;
}

static void stay_on_this_cpu(void)
{
	const int cpu = sched_getcpu();
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((size_t)cpu, &cpus);
	cr_assert_eq(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
}

void bpf_lab_open(struct bpf_lab *lab, uint32_t n_slots, const uint8_t *own_mac)
{
	const int n_cpus = libbpf_num_possible_cpus();

	bpf_lab_require();
	cr_assert(n_cpus > 0 && n_cpus <= CPUS_MAX);
	cr_assert_leq(n_slots, BPF_LAB_QUEUE);
	*lab = (struct bpf_lab){.skeleton = octet__open(), .n_cpus = (uint32_t)n_cpus, .n_slots = n_slots};
	cr_assert(lab->skeleton);
	set_up_table(lab);
	if (own_mac) {
		__u64 mac = 0;

		memcpy(&mac, own_mac, 6);
		lab->skeleton->rodata->octet_own_mac = mac;
	}
	cr_assert_eq(octet__load(lab->skeleton), 0, "the programs do not load: %s", strerror(errno));
	lab->slots = map_memory(lab->skeleton->maps.octet_slots);
	lab->regions = map_memory(lab->skeleton->maps.octet_regions);
	lab->queue = map_memory(lab->skeleton->maps.octet_retired);
	lab->ifaces = map_memory(lab->skeleton->maps.octet_ifaces);
	stay_on_this_cpu();
}

static void unmap(const struct bpf_map *map, void *memory)
{
	munmap(memory, map_bytes(map));
}

void bpf_lab_close(struct bpf_lab *lab)
{
	unmap(lab->skeleton->maps.octet_slots, lab->slots);
	unmap(lab->skeleton->maps.octet_regions, lab->regions);
	unmap(lab->skeleton->maps.octet_retired, lab->queue);
	unmap(lab->skeleton->maps.octet_ifaces, lab->ifaces);
	octet__destroy(lab->skeleton);
	lab->skeleton = NULL;
}

bool bpf_lab_loads_with_strict_alignment(void)
{
	struct octet *skeleton = octet__open();
	int r;

	cr_assert(skeleton);
	bpf_program__set_flags(skeleton->progs.octet_up, BPF_F_STRICT_ALIGNMENT);
	bpf_program__set_flags(skeleton->progs.octet_down, BPF_F_STRICT_ALIGNMENT);
	r = octet__load(skeleton);
	octet__destroy(skeleton);
	return r == 0;
}

static int program_fd(const struct bpf_lab *lab, enum octet_direction direction)
{
	return bpf_program__fd(direction == OCTET_UP ? lab->skeleton->progs.octet_up : lab->skeleton->progs.octet_down);
}

static int run_frame(struct bpf_lab *lab, const struct frame *frame, const struct bpf_lab_run *run, struct frame *out,
		     __u32 *verdict)
{
	struct __sk_buff context = {.gso_size = run->gso_size, .gso_segs = run->gso_segs, .ifindex = run->ifindex};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->octets, .data_size_in = (__u32)frame->length,
			    .data_out = out->octets, .data_size_out = sizeof(out->octets), .ctx_in = &context,
			    .ctx_size_in = sizeof(context), .repeat = run->repeat);
	const int r = bpf_prog_test_run_opts(program_fd(lab, run->direction), &opts);

	out->length = opts.data_size_out;
	*verdict = opts.retval;
	return r;
}

int bpf_lab_try(struct bpf_lab *lab, const struct frame *frame, const struct bpf_lab_run *run)
{
	static struct frame out;
	__u32 verdict;

	return run_frame(lab, frame, run, &out, &verdict);
}

void bpf_lab_run(struct bpf_lab *lab, const char *name, const struct frame *frame, const struct bpf_lab_run *run)
{
	static struct frame out;
	__u32 verdict = 0;
	const int r = run_frame(lab, frame, run, &out, &verdict);

	cr_assert_eq(r, 0, "%s: test run: %s", name, strerror(-r));
	cr_expect_eq(verdict, VERDICT_NEXT, "%s: verdict %d", name, (int)verdict);
	cr_expect_eq(out.length, frame->length, "%s: length became %zu", name, out.length);
	cr_expect(memcmp(out.octets, frame->octets, frame->length) == 0, "%s: the frame was changed", name);
}

void bpf_lab_classes(const struct bpf_lab *lab, enum octet_direction direction, struct octet_iface *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t cpu = 0; cpu < lab->n_cpus; cpu++) {
		const struct octet_iface *of_cpu = &lab->ifaces[cpu * OCTET_SLOTS_MAX * OCTET_N_DIRECTIONS + direction];

		sum->passed.frames += of_cpu->passed.frames;
		sum->passed.wire_bytes += of_cpu->passed.wire_bytes;
		for (int i = 0; i < OCTET_N_CLASSES; i++) {
			sum->classes[i].frames += of_cpu->classes[i].frames;
			sum->classes[i].wire_bytes += of_cpu->classes[i].wire_bytes;
			sum->passed.frames += of_cpu->classes[i].frames;
			sum->passed.wire_bytes += of_cpu->classes[i].wire_bytes;
		}
	}
}

struct octet_tally bpf_lab_all_classes(const struct bpf_lab *lab, enum octet_direction direction)
{
	struct octet_tally all = {0};
	struct octet_iface sum;

	bpf_lab_classes(lab, direction, &sum);
	for (int i = 0; i < OCTET_N_CLASSES; i++) {
		all.frames += sum.classes[i].frames;
		all.wire_bytes += sum.classes[i].wire_bytes;
	}
	return all;
}

static __u64 later(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

bool bpf_lab_client(const struct bpf_lab *lab, const struct octet_key *key, struct octet_slot *sum)
{
	bool is_found = false;

	*sum = (struct octet_slot){.key = *key};
	for (uint32_t i = 0; i < lab->n_cpus * lab->n_slots; i++) {
		const struct octet_slot *slot = &lab->slots[i];

		if (slot->sequence == 0 || memcmp(&slot->key, key, sizeof(*key)) != 0)
			continue;
		is_found = true;
		sum->sequence += slot->sequence;
		sum->n_keys += slot->n_keys;
		sum->up_bytes += slot->up_bytes;
		sum->up_packets += slot->up_packets;
		sum->down_bytes += slot->down_bytes;
		sum->down_packets += slot->down_packets;
		sum->last_up_ns = later(sum->last_up_ns, slot->last_up_ns);
		sum->last_down_ns = later(sum->last_down_ns, slot->last_down_ns);
	}
	return is_found;
}

static size_t count_keys(const struct bpf_lab *lab, bool is_mac_only)
{
	size_t n = 0;

	for (uint32_t i = 0; i < lab->n_cpus * lab->n_slots; i++)
		n += lab->slots[i].sequence && !(lab->slots[i].key.vlan & OCTET_VLAN_MAC_ONLY) == !is_mac_only;
	return n;
}

size_t bpf_lab_n_clients(const struct bpf_lab *lab)
{
	return count_keys(lab, false);
}

size_t bpf_lab_n_macs(const struct bpf_lab *lab)
{
	return count_keys(lab, true);
}

struct octet_key bpf_lab_key(uint16_t guest, uint16_t vlan, bool is_ipv6)
{
	struct octet_key key = {.vlan = vlan, .ifindex = LOOPBACK_IFINDEX};

	frame_guest_mac(guest, key.mac);
	if (vlan & OCTET_VLAN_MAC_ONLY)
		return key;
	if (is_ipv6) {
		frame_guest_ip6(guest, key.ip);
	} else {
		key.ip[10] = 0xff;
		key.ip[11] = 0xff;
		frame_guest_ip4(guest, key.ip + 12);
	}
	return key;
}

struct octet_region *bpf_lab_region(const struct bpf_lab *lab)
{
	return &lab->regions[sched_getcpu()];
}

void bpf_lab_retire(struct bpf_lab *lab, const struct octet_key *key)
{
	const uint32_t cpu = (uint32_t)sched_getcpu();
	struct octet_region *region = &lab->regions[cpu];

	for (uint32_t number = 0; number < lab->n_slots; number++) {
		struct octet_slot *slot = &lab->slots[cpu * lab->n_slots + number];

		if (slot->sequence == 0 || memcmp(&slot->key, key, sizeof(*key)) != 0)
			continue;
		slot->booked_up_ns = slot->last_up_ns;
		slot->booked_down_ns = slot->last_down_ns;
		lab->queue[cpu * BPF_LAB_QUEUE + (region->retired_head & (BPF_LAB_QUEUE - 1))] = number;
		region->retired_head++;
		return;
	}
	cr_assert_fail("no such key");
}

void bpf_lab_reset(struct bpf_lab *lab)
{
	const struct bpf_map *index = lab->skeleton->maps.octet_index;
	void *buckets = map_memory(index);

	memset(buckets, 0, map_bytes(index));
	unmap(index, buckets);
	memset(lab->slots, 0, map_bytes(lab->skeleton->maps.octet_slots));
	memset(lab->regions, 0, map_bytes(lab->skeleton->maps.octet_regions));
	memset(lab->queue, 0, map_bytes(lab->skeleton->maps.octet_retired));
	memset(lab->ifaces, 0, map_bytes(lab->skeleton->maps.octet_ifaces));
}
