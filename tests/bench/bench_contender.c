/* SPDX-License-Identifier: MIT */
#include "bench_contender.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attach_abi.h"
#include "base/cleanup.h"
#include "bench_attach.skel.h"
#include "io/local_client.h"

#define PATIENCE_MS 15000
/* as many as the smallest counter has, twice what comes */
/* A client takes two entries, and some are kept for others. */
#define MAX_ADDRESSES 524288
#define FLOW_PORT 9995
/* the agent reads its counters every second, others write theirs as often */
#define SETTLE_MS 2500

struct kind {
	const char *name;
	const char *program; /* that must be installed, or NULL */
	bool is_tcx;         /* needs TCX */
	bool is_per_packet;
	void (*start)(struct contender *contender);
	int64_t (*count)(const struct contender *contender); /* NULL: does not count */
};

/* ---- programs ---- */

static void load_programs(struct contender *contender, bool has_clients)
{
	contender->skeleton = bench_attach__open();
	if (contender->skeleton && !has_clients)
		bpf_map__set_max_entries(contender->skeleton->maps.bench_clients, 1);
	if (!contender->skeleton || bench_attach__load(contender->skeleton))
		bench_fail("the programs of the bench cannot be loaded: %s", strerror(errno));
}

static void start_empty(struct contender *contender)
{
	const bool is_tcx = contender->kind == CONTENDER_EMPTY_TCX;
	int program_fd;

	load_programs(contender, false);
	program_fd = bpf_program__fd(contender->skeleton->progs.bench_attach_empty);
	bench_attach(contender->lane.router_ifindex, OCTET_UP, is_tcx, program_fd);
	bench_attach(contender->lane.router_ifindex, OCTET_DOWN, is_tcx, program_fd);
}

static void start_smallest(struct contender *contender)
{
	const bool is_tcx = contender->kind == CONTENDER_SMALLEST_TCX;

	load_programs(contender, true);
	bench_attach(contender->lane.router_ifindex, OCTET_UP, is_tcx,
		     bpf_program__fd(contender->skeleton->progs.bench_attach_smallest_up));
	bench_attach(contender->lane.router_ifindex, OCTET_DOWN, is_tcx,
		     bpf_program__fd(contender->skeleton->progs.bench_attach_smallest_down));
}

/* ---- octetd ---- */

int64_t contender_ask_octetd(const char *name, const char *object, const char *key)
{
	CLEANUP_FREE char *body = NULL;
	char path[256];
	int status;

	snprintf(path, sizeof(path), "%s/%s.sock", bench_dir(), name);
	if (access(path, F_OK) || local_client_get(path, "/healthz", &status, &body))
		return -1;
	json_auto_t *health = json_loads(body, 0, NULL);

	return json_integer_value(json_object_get(json_object_get(health, object), key));
}

void contender_start_octetd(const struct bench_lane *lane, const char *name, const char *attach, uint32_t max_addresses,
			    struct bench_process *out)
{
	char flags[6][320];
	const char *const words[] = {bench_octetd(),
				     "run",
				     "--config=/dev/null",
				     "--keep-counting=false",
				     "--listen-port=0",
				     "--log-level=warning",
				     "--max-guests=1000000",
				     flags[0],
				     flags[1],
				     flags[2],
				     flags[3],
				     flags[4],
				     flags[5],
				     NULL};

	snprintf(flags[0], sizeof(flags[0]), "--attach=%s", attach);
	snprintf(flags[1], sizeof(flags[1]), "--max-addresses=%u", max_addresses);
	snprintf(flags[2], sizeof(flags[2]), "--state-dir=%s/%s", bench_dir(), name);
	snprintf(flags[3], sizeof(flags[3]), "--bpffs-dir=%s/bpf/%s", bench_dir(), name);
	snprintf(flags[4], sizeof(flags[4]), "--socket-path=%s/%s.sock", bench_dir(), name);
	snprintf(flags[5], sizeof(flags[5]), "--interfaces=%s", BENCH_ROUTER_IF);
	bench_start(lane->router_ns, name, words, out);
	for (long waited_ms = 0; contender_ask_octetd(name, "sessions", "online") < 0; waited_ms += 20) {
		if (!bench_is_running(out) || waited_ms > PATIENCE_MS)
			bench_fail("octetd does not start; see %s/%s.log", bench_dir(), name);
		bench_sleep_ms(20);
	}
}

static void start_octetd(struct contender *contender)
{
	const bool is_tcx = contender->kind == CONTENDER_OCTETD_TCX;

	contender_start_octetd(&contender->lane, is_tcx ? "octetd-tcx" : "octetd-clsact", is_tcx ? "tcx" : "clsact",
			       MAX_ADDRESSES, &contender->process);
}

static int64_t count_octetd(const struct contender *contender)
{
	const char *name = contender->kind == CONTENDER_OCTETD_TCX ? "octetd-tcx" : "octetd-clsact";

	bench_sleep_ms(SETTLE_MS);
	return contender_ask_octetd(name, "totals", "up_packets") +
	       contender_ask_octetd(name, "totals", "down_packets");
}

/* ---- other ways ---- */

static int64_t output_number(int namespace_fd, const char *command)
{
	CLEANUP_FREE char *text = bench_output(namespace_fd, "%s", command);

	return text && *text ? strtoll(text, NULL, 10) : -1;
}

static void start_nft(struct contender *contender)
{
	bench_do(contender->lane.router_ns,
		 "table ip bench {\n"
		 "	set up { type ipv4_addr; size 131072; flags dynamic; }\n"
		 "	set down { type ipv4_addr; size 131072; flags dynamic; }\n"
		 "	chain forward {\n"
		 "		type filter hook forward priority 0;\n"
		 "		iifname \"g0\" add @up { ip saddr counter }\n"
		 "		oifname \"g0\" add @down { ip daddr counter }\n"
		 "	}\n"
		 "}\n",
		 "nft -f -");
}

static int64_t count_nft(const struct contender *contender)
{
	return output_number(contender->lane.router_ns, "nft list ruleset | grep -o 'counter packets [0-9]*' | "
							"awk '{n += $3} END {printf(\"%d\", n)}'");
}

static void start_conntrack(struct contender *contender)
{
	bench_do(contender->lane.router_ns,
		 "table ip bench {\n"
		 "	chain forward {\n"
		 "		type filter hook forward priority 0;\n"
		 "		ct state established,new accept\n"
		 "	}\n"
		 "}\n",
		 "nft -f -");
	bench_write(contender->lane.router_ns, "/proc/sys/net/netfilter/nf_conntrack_acct", "1");
	/* entries that end take their counters along; who counts so listens to events, which is not measured here */
	bench_write(contender->lane.router_ns, "/proc/sys/net/netfilter/nf_conntrack_udp_timeout", "3600");
	bench_write(contender->lane.router_ns, "/proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream", "3600");
}

static int64_t count_conntrack(const struct contender *contender)
{
	return output_number(contender->lane.router_ns,
			     "{ conntrack -L 2>/dev/null || cat /proc/net/nf_conntrack; } | grep -o 'packets=[0-9]*' | "
			     "awk -F = '{n += $2} END {printf(\"%d\", n)}'");
}

static void start_pmacct(struct contender *contender)
{
	char path[256];
	const char *const words[] = {"pmacctd", "-f", path, NULL};

	snprintf(path, sizeof(path), "%s/pmacctd.conf", bench_dir());
	bench_do(contender->lane.router_ns, NULL,
		 "cat >%s <<-END\n"
		 "	daemonize: false\n"
		 "	pcap_interface: " BENCH_ROUTER_IF "\n"
		 "	plugins: print\n"
		 "	aggregate: src_host, dst_host\n"
		 "	print_refresh_time: 1\n"
		 "	print_output: csv\n"
		 "	print_output_file: %s/pmacct.csv\n"
		 "	print_output_file_append: true\n"
		 "END",
		 path, bench_dir());
	bench_start(contender->lane.router_ns, "pmacct", words, &contender->process);
}

static int64_t count_pmacct(const struct contender *contender)
{
	bench_sleep_ms(SETTLE_MS);
	return output_number(contender->lane.router_ns,
			     "awk -F , '$3 ~ /^[0-9]+$/ {n += $3} END {printf(\"%d\", n)}' \"$BENCH_DIR/pmacct.csv\"");
}

static void start_softflowd(struct contender *contender)
{
	const struct sockaddr_in collector = {
		.sin_family = AF_INET, .sin_port = htons(FLOW_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char control[256], pid_file[256];
	const char *const words[] = {"softflowd", "-d",    "-i", BENCH_ROUTER_IF, "-v", "9", "-n", "127.0.0.1:9995",
				     "-c",        control, "-p", pid_file,        NULL};

	bench_do(contender->lane.router_ns, NULL, "ip link set lo up");
	/* a collector that takes everything in, so that no errors come back */
	contender->socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(contender->socket_fd, (const struct sockaddr *)&collector, sizeof(collector)))
		bench_fail("UDP port %d: %s", FLOW_PORT, strerror(errno));
	snprintf(control, sizeof(control), "%s/softflowd.ctl", bench_dir());
	snprintf(pid_file, sizeof(pid_file), "%s/softflowd.pid", bench_dir());
	bench_start(contender->lane.router_ns, "softflowd", words, &contender->process);
}

static int64_t count_softflowd(const struct contender *contender)
{
	bench_sleep_ms(SETTLE_MS);
	return output_number(contender->lane.router_ns, "softflowctl -c \"$BENCH_DIR/softflowd.ctl\" statistics | "
							"sed -n 's/^Packets processed: *//p'");
}

static void start_nothing(struct contender *contender)
{
	(void)contender;
}

static const struct kind kinds[CONTENDER_N_KINDS] = {
	[CONTENDER_NOTHING] = {.name = "nothing", .start = start_nothing},
	[CONTENDER_NOTHING_AGAIN] = {.name = "nothing, again", .start = start_nothing},
	[CONTENDER_EMPTY_TCX] = {.name = "empty, TCX", .is_tcx = true, .start = start_empty},
	[CONTENDER_EMPTY_CLSACT] = {.name = "empty, clsact", .start = start_empty},
	[CONTENDER_SMALLEST_TCX] = {.name = "per-CPU hash, TCX", .is_tcx = true, .start = start_smallest},
	[CONTENDER_SMALLEST_CLSACT] = {.name = "per-CPU hash, clsact", .start = start_smallest},
	[CONTENDER_OCTETD_TCX] = {.name = "octetd, TCX", .is_tcx = true, .start = start_octetd, .count = count_octetd},
	[CONTENDER_OCTETD_CLSACT] = {.name = "octetd, clsact", .start = start_octetd, .count = count_octetd},
	[CONTENDER_NFT] = {.name = "nftables sets", .program = "nft", .start = start_nft, .count = count_nft},
	[CONTENDER_CONNTRACK] = {.name = "conntrack",
				 .program = "nft",
				 .start = start_conntrack,
				 .count = count_conntrack},
	[CONTENDER_PMACCT] = {.name = "pmacctd",
			      .program = "pmacctd",
			      .is_per_packet = true,
			      .start = start_pmacct,
			      .count = count_pmacct},
	[CONTENDER_SOFTFLOWD] = {.name = "softflowd",
				 .program = "softflowd",
				 .is_per_packet = true,
				 .start = start_softflowd,
				 .count = count_softflowd},
};

const char *contender_name(enum contender_kind kind)
{
	return kinds[kind].name;
}

const char *contender_obstacle(enum contender_kind kind)
{
	if (kinds[kind].program && !bench_is_installed(kinds[kind].program))
		return "not installed";
	if (kinds[kind].is_tcx && !bench_has_tcx())
		return "no TCX before Linux 6.6";
	return NULL;
}

bool contender_is_per_packet(enum contender_kind kind)
{
	return kinds[kind].is_per_packet;
}

void contender_start(struct contender *contender, enum contender_kind kind, struct bench_traffic *traffic)
{
	*contender = (struct contender){.kind = kind, .socket_fd = -1};
	bench_lane_open(&contender->lane);
	bench_traffic_add_lane(traffic, &contender->lane);
	kinds[kind].start(contender);
}

int64_t contender_counted(const struct contender *contender)
{
	return kinds[contender->kind].count ? kinds[contender->kind].count(contender) : -1;
}

void contender_stop(struct contender *contender)
{
	bench_stop(&contender->process, SIGTERM);
	if (contender->socket_fd >= 0)
		close(contender->socket_fd);
	bench_attach__destroy(contender->skeleton);
	bench_lane_close(&contender->lane);
}
