/* SPDX-License-Identifier: MIT */
#include "bench_traffic.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "attach_abi.h"
#include "bench_attach.skel.h"

#define BATCH 64 /* NAPI_POLL_WEIGHT, a driver's */

struct bench_traffic {
	struct bench_attach *skeleton;
	uint32_t n_calls;
};

/* include/uapi/linux/bpf.h since 6.6: BPF_TCX_INGRESS, BPF_TCX_EGRESS */
static const enum bpf_attach_type tcx_types[OCTET_N_DIRECTIONS] = {
	[OCTET_UP] = (enum bpf_attach_type)46,
	[OCTET_DOWN] = (enum bpf_attach_type)47,
};

static int attach_tcx(uint32_t ifindex, enum octet_direction direction, int program_fd)
{
	/* the link's descriptor is left to the process: the link ends with it */
	int r = bpf_link_create(program_fd, (int)ifindex, tcx_types[direction], NULL);

	return r < 0 ? r : 0;
}

static int attach_clsact(uint32_t ifindex, enum octet_direction direction, int program_fd)
{
	struct bpf_tc_hook hook;
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1, .prog_fd = program_fd);
	int r;

	memset(&hook, 0, sizeof(hook));
	hook.sz = sizeof(hook);
	hook.ifindex = (int)ifindex;
	hook.attach_point = direction == OCTET_UP ? BPF_TC_INGRESS : BPF_TC_EGRESS;
	r = bpf_tc_hook_create(&hook);
	return r && r != -EEXIST ? r : bpf_tc_attach(&hook, &opts);
}

void bench_attach(uint32_t ifindex, enum octet_direction direction, bool is_tcx, int program_fd)
{
	const int r =
		is_tcx ? attach_tcx(ifindex, direction, program_fd) : attach_clsact(ifindex, direction, program_fd);

	if (r)
		bench_fail("cannot attach by %s: %s", is_tcx ? "TCX" : "clsact", strerror(-r));
}

bool bench_has_tcx(void)
{
	__u32 programs[1], n = 0;

	return bpf_prog_query(1, tcx_types[OCTET_UP], 0, NULL, programs, &n) == 0 || errno == ENOENT;
}

/* A clsact that is there already makes the kernel say so: no news. */
static int keep_silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

void bench_traffic_open(struct bench_traffic **out)
{
	struct bench_traffic *traffic = calloc(1, sizeof(*traffic));

	if (!traffic)
		bench_fail("out of memory");
	libbpf_set_print(keep_silent);
	traffic->skeleton = bench_attach__open();
	if (traffic->skeleton)
		bpf_map__set_max_entries(traffic->skeleton->maps.bench_clients, 1);
	if (!traffic->skeleton || bench_attach__load(traffic->skeleton))
		bench_fail("the generator cannot be loaded: %s", strerror(errno));
	*out = traffic;
}

void bench_traffic_close(struct bench_traffic **traffic)
{
	if (!*traffic)
		return;
	bench_attach__destroy((*traffic)->skeleton);
	free(*traffic);
	*traffic = NULL;
}

void bench_traffic_add_lane(struct bench_traffic *traffic, const struct bench_lane *lane)
{
	const int program_fd = bpf_program__fd(traffic->skeleton->progs.bench_sink);
	const bool is_tcx = bench_has_tcx();

	bench_enter(lane->uplink_ns);
	bench_attach(if_nametoindex(BENCH_UPLINK_IF), OCTET_UP, is_tcx, program_fd);
	bench_enter(lane->guest_ns);
	bench_attach(if_nametoindex(BENCH_GUEST_IF), OCTET_UP, is_tcx, program_fd);
	bench_enter(lane->router_ns);
}

static void put_mac(uint8_t to[6], uint8_t third, uint8_t last)
{
	const uint8_t mac[6] = {0x02, 0xbe, third, 0, 0, last};

	memcpy(to, mac, sizeof(mac));
}

static void make_flow(struct bench_flow *flow, const struct bench_load *load)
{
	static const uint8_t ipv4[20] = {0x45, 0, 0, BENCH_FRAME_SIZE - 14, 0, 0, 0, 0, 64, BENCH_PROTOCOL};
	static const uint8_t udp[8] = {0x27, 0x10, 0x00, 0x09, 0x00, BENCH_FRAME_SIZE - 34};
	static const uint8_t client[4] = {10}, server[4] = {198, 18, 0, 2};
	const bool is_down = load->direction == OCTET_DOWN;
	uint8_t *header = flow->header;

	memset(flow, 0, sizeof(*flow));
	put_mac(header, 0, is_down ? 0xfd : 0xfe);
	put_mac(header + 6, is_down ? 0 : 0x0c, is_down ? 0xfc : 0);
	header[12] = 0x08;
	memcpy(header + 14, ipv4, sizeof(ipv4));
	memcpy(header + 26, is_down ? server : client, 4);
	memcpy(header + 30, is_down ? client : server, 4);
	memcpy(header + 34, udp, sizeof(udp));
	for (size_t i = 14; i < 34; i += 2)
		flow->header_sum += (uint32_t)header[i] << 8 | header[i + 1];
	flow->is_down = is_down;
	flow->n_clients = load->n_clients;
	flow->is_random = load->is_random;
}

static uint32_t whole_batches(uint32_t n_packets)
{
	return (n_packets + BATCH - 1) / BATCH * BATCH;
}

static void inject(struct bench_traffic *traffic, uint32_t ifindex, uint32_t n_packets)
{
	uint8_t packet[BENCH_FRAME_SIZE] = {0};
	struct xdp_md context = {.data_end = sizeof(packet), .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet), .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = (int)n_packets, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = BATCH);

	if (bpf_prog_test_run_opts(bpf_program__fd(traffic->skeleton->progs.bench_generate), &opts))
		bench_fail("cannot generate packets (BPF_F_TEST_XDP_LIVE_FRAMES needs Linux 5.18): %s",
			   strerror(errno));
}

struct bench_slice bench_traffic_send(struct bench_traffic *traffic, const struct bench_lane *lane,
				      const struct bench_load *load, uint32_t n_warm, uint32_t n_measured)
{
	const uint32_t ifindex = load->direction == OCTET_UP ? lane->router_ifindex : lane->wan_ifindex;
	const struct bench_stamp *begin = &traffic->skeleton->bss->bench_begin;
	const struct bench_stamp *end = &traffic->skeleton->bss->bench_end;
	struct bench_flow *flow = &traffic->skeleton->bss->bench_flow;
	/* the last batch only ends the one before */
	const uint32_t n = whole_batches(n_warm) + whole_batches(n_measured) + BATCH;

	bench_enter(lane->router_ns);
	make_flow(flow, load);
	/* every call goes another way through the clients */
	flow->state = (++traffic->n_calls * 2654435761u) | 1;
	flow->begin = whole_batches(n_warm);
	flow->end = n - BATCH;
	inject(traffic, ifindex, n);
	return (struct bench_slice){.n_sent = n,
				    .n_arrived = end->n_sunk - begin->n_sunk,
				    .time_ns = (int64_t)(end->mono_ns - begin->mono_ns) -
					       (int64_t)(end->waited_ns - begin->waited_ns)};
}
