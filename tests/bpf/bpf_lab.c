/* SPDX-License-Identifier: MIT */
#include "bpf/bpf_lab.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "octet.skel.h"

#define CPUS_MAX 1024
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

void bpf_lab_open(struct bpf_lab *lab, uint32_t max_entries, const uint8_t *own_mac)
{
	bpf_lab_require();
	*lab = (struct bpf_lab){.skeleton = octet__open(), .n_cpus = libbpf_num_possible_cpus()};
	cr_assert(lab->skeleton);
	cr_assert(lab->n_cpus > 0 && lab->n_cpus <= CPUS_MAX);
	bpf_map__set_max_entries(lab->skeleton->maps.octet_clients4, max_entries);
	bpf_map__set_max_entries(lab->skeleton->maps.octet_clients6, max_entries);
	if (own_mac) {
		lab->skeleton->rodata->octet_has_own_mac = 1;
		memcpy((void *)lab->skeleton->rodata->octet_own_mac, own_mac, 6);
	}
	cr_assert_eq(octet__load(lab->skeleton), 0, "the programs do not load: %s", strerror(errno));
}

void bpf_lab_close(struct bpf_lab *lab)
{
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
	static struct octet_iface values[CPUS_MAX];
	const __u32 index = direction;

	memset(sum, 0, sizeof(*sum));
	cr_assert_eq(bpf_map_lookup_elem(bpf_map__fd(lab->skeleton->maps.octet_ifaces), &index, values), 0);
	for (int cpu = 0; cpu < lab->n_cpus; cpu++) {
		sum->passed.frames += values[cpu].passed.frames;
		sum->passed.wire_bytes += values[cpu].passed.wire_bytes;
		for (int i = 0; i < OCTET_N_CLASSES; i++) {
			sum->classes[i].frames += values[cpu].classes[i].frames;
			sum->classes[i].wire_bytes += values[cpu].classes[i].wire_bytes;
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

static bool client_sum(int map_fd, int n_cpus, const void *key, struct octet_counters *sum)
{
	static struct octet_counters values[CPUS_MAX];

	memset(sum, 0, sizeof(*sum));
	if (bpf_map_lookup_elem(map_fd, key, values))
		return false;
	for (int cpu = 0; cpu < n_cpus; cpu++) {
		sum->up_bytes += values[cpu].up_bytes;
		sum->up_packets += values[cpu].up_packets;
		sum->down_bytes += values[cpu].down_bytes;
		sum->down_packets += values[cpu].down_packets;
		sum->last_up_ns = later(sum->last_up_ns, values[cpu].last_up_ns);
		sum->last_down_ns = later(sum->last_down_ns, values[cpu].last_down_ns);
	}
	return true;
}

bool bpf_lab_client4(const struct bpf_lab *lab, const struct octet_key4 *key, struct octet_counters *sum)
{
	return client_sum(bpf_map__fd(lab->skeleton->maps.octet_clients4), lab->n_cpus, key, sum);
}

bool bpf_lab_client6(const struct bpf_lab *lab, const struct octet_key6 *key, struct octet_counters *sum)
{
	return client_sum(bpf_map__fd(lab->skeleton->maps.octet_clients6), lab->n_cpus, key, sum);
}

static size_t count_keys(int map_fd)
{
	struct octet_key6 key; /* the larger one */
	size_t n = 0;

	for (const void *previous = NULL; bpf_map_get_next_key(map_fd, previous, &key) == 0; previous = &key)
		n++;
	return n;
}

size_t bpf_lab_n_clients4(const struct bpf_lab *lab)
{
	return count_keys(bpf_map__fd(lab->skeleton->maps.octet_clients4));
}

size_t bpf_lab_n_clients6(const struct bpf_lab *lab)
{
	return count_keys(bpf_map__fd(lab->skeleton->maps.octet_clients6));
}

struct octet_key4 bpf_lab_key4(uint16_t guest, uint16_t vlan)
{
	struct octet_key4 key = {.vlan = vlan, .ifindex = LOOPBACK_IFINDEX};

	frame_guest_mac(guest, key.mac);
	if (!(vlan & OCTET_VLAN_MAC_ONLY))
		frame_guest_ip4(guest, key.ip);
	return key;
}

struct octet_key6 bpf_lab_key6(uint16_t guest, uint16_t vlan)
{
	struct octet_key6 key = {.vlan = vlan, .ifindex = LOOPBACK_IFINDEX};

	frame_guest_mac(guest, key.mac);
	frame_guest_ip6(guest, key.ip);
	return key;
}

static void delete_keys(int map_fd)
{
	struct octet_key6 key;

	while (bpf_map_get_next_key(map_fd, NULL, &key) == 0)
		cr_assert_eq(bpf_map_delete_elem(map_fd, &key), 0);
}

void bpf_lab_reset(struct bpf_lab *lab)
{
	static const struct octet_iface zero[CPUS_MAX];

	delete_keys(bpf_map__fd(lab->skeleton->maps.octet_clients4));
	delete_keys(bpf_map__fd(lab->skeleton->maps.octet_clients6));
	for (__u32 index = 0; index < OCTET_N_DIRECTIONS; index++)
		cr_assert_eq(bpf_map_update_elem(bpf_map__fd(lab->skeleton->maps.octet_ifaces), &index, zero, BPF_ANY),
			     0);
}
