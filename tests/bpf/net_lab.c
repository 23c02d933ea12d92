/* SPDX-License-Identifier: MIT */
#include "bpf/net_lab.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "bpf/bpf_lab.h"

#define WORDS_MAX 48
#define PATIENCE_MS 2000
#define MAX_ADDRESSES 8192
#define PROG_QUERY 16 /* BPF_PROG_QUERY */
#define LINKS_MAX 16

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void write_file(const char *path, const char *text)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s: %s", path, strerror(errno));
}

static int make_namespace(void)
{
	int fd;

	cr_assert_eq(unshare(CLONE_NEWNET), 0, "unshare: %s", strerror(errno));
	/* absent where the kernel is built without IPv6 */
	if (access("/proc/sys/net/ipv6", F_OK) == 0) {
		write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
		write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	}
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	return fd;
}

void net_lab_open(struct net_lab *lab)
{
	bpf_lab_require();
	/* mounts of this process only, on a directory that every system has */
	cr_assert_eq(unshare(CLONE_NEWNS), 0, "unshare: %s", strerror(errno));
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("none", "/mnt", "tmpfs", 0, NULL), 0, "tmpfs: %s", strerror(errno));
	cr_assert_eq(mkdir("/mnt/bpf", 0700), 0);
	cr_assert_eq(mount("none", "/mnt/bpf", "bpf", 0, NULL), 0, "bpffs: %s", strerror(errno));
	cr_assert_eq(mkdir(NET_LAB_PINS, 0700), 0);
	lab->guest_ns = make_namespace();
	lab->gateway_ns = make_namespace();
}

void net_lab_close(struct net_lab *lab)
{
	close(lab->gateway_ns);
	close(lab->guest_ns);
	cr_expect_eq(umount2("/mnt", MNT_DETACH), 0);
}

void net_lab_require_tcx(void)
{
	const int r = net_lab_tcx_links(1, OCTET_UP, NULL, 0);

	if (r < 0)
		cr_skip_test("no TCX links before Linux 6.6: %s", strerror(-r));
}

/* Starts it with its output into a pipe; returns the read end. */
static int start_command(char *line, pid_t *child)
{
	posix_spawn_file_actions_t actions;
	char *words[WORDS_MAX + 1] = {NULL};
	char *rest = line;
	size_t n = 0;
	int ends[2], r;

	while (n < WORDS_MAX && (words[n] = strsep(&rest, " ")))
		n++;
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	r = posix_spawnp(child, words[0], &actions, NULL, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	cr_assert_eq(r, 0, "%s: %s", words[0], strerror(r));
	return ends[0];
}

static char *run_command(const char *format, va_list args)
{
	CLEANUP(strbuf_clean) struct strbuf output = STRBUF_INIT;
	char line[512], words[512], buffer[4096];
	pid_t child;
	ssize_t n;
	int status;

	vsnprintf(line, sizeof(line), format, args);
	memcpy(words, line, sizeof(words));
	CLEANUP_CLOSE int fd = start_command(words, &child);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		strbuf_append_bytes(&output, buffer, (size_t)n);
	cr_assert_eq(waitpid(child, &status, 0), child);
	char *text = strbuf_steal(&output);
	cr_assert_eq(status, 0, "%s: status %d: %s", line, status, text);
	return text;
}

void net_lab_do(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	free(run_command(format, args));
	va_end(args);
}

char *net_lab_output(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = run_command(format, args);
	va_end(args);
	return text;
}

uint32_t net_lab_veth(const struct net_lab *lab, const char *name, const char *peer)
{
	net_lab_do("ip link add %s type veth peer name %s netns /proc/%d/fd/%d", name, peer, getpid(), lab->guest_ns);
	net_lab_do("ip link set %s up", name);
	cr_assert_eq(setns(lab->guest_ns, CLONE_NEWNET), 0);
	net_lab_do("ip link set %s up", peer);
	cr_assert_eq(setns(lab->gateway_ns, CLONE_NEWNET), 0);
	return if_nametoindex(name);
}

int net_lab_socket(const struct net_lab *lab, int namespace_fd, const char *interface)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET};
	int fd;

	cr_assert_eq(setns(namespace_fd, CLONE_NEWNET), 0);
	/* protocol 0: receives nothing */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	address.sll_ifindex = (int)if_nametoindex(interface);
	cr_assert(fd >= 0 && address.sll_ifindex > 0, "%s: %s", interface, strerror(errno));
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(setns(lab->gateway_ns, CLONE_NEWNET), 0);
	return fd;
}

void net_lab_send(int socket_fd, const struct frame *frame)
{
	cr_assert_eq(send(socket_fd, frame->octets, frame->length, 0), (ssize_t)frame->length, "sending: %s",
		     strerror(errno));
}

void net_lab_send_spec(int socket_fd, const struct frame_spec *spec, size_t n_times)
{
	struct frame frame;

	frame_build(spec, &frame);
	for (size_t i = 0; i < n_times; i++)
		net_lab_send(socket_fd, &frame);
}

int net_lab_tcx_links(uint32_t ifindex, enum octet_direction direction, uint32_t *ids, uint32_t n_max)
{
	uint32_t programs[LINKS_MAX] = {0}, links[LINKS_MAX] = {0};
	/* union bpf_attr's query since 6.6; older headers lack the last fields */
	struct {
		uint32_t ifindex, attach_type, query_flags, attach_flags;
		uint64_t prog_ids;
		uint32_t count, padding;
		uint64_t prog_attach_flags, link_ids, link_attach_flags, revision;
	} query = {.ifindex = ifindex,
		   .attach_type = direction == OCTET_UP ? 46 : 47, /* BPF_TCX_INGRESS, BPF_TCX_EGRESS */
		   .prog_ids = (uint64_t)(uintptr_t)programs,
		   .count = LINKS_MAX,
		   .link_ids = (uint64_t)(uintptr_t)links};

	if (syscall(SYS_bpf, PROG_QUERY, &query, sizeof(query)))
		return errno == ENOENT ? 0 : -errno;
	for (uint32_t i = 0; i < n_max && i < query.count; i++)
		ids[i] = links[i];
	return (int)query.count;
}

int net_lab_n_tcx_links(uint32_t ifindex, enum octet_direction direction, int expected)
{
	uint32_t ids[LINKS_MAX];
	int n = net_lab_tcx_links(ifindex, direction, ids, LINKS_MAX);

	for (long waited_ms = 0; n != expected && waited_ms < PATIENCE_MS; waited_ms += 10) {
		sleep_ms(10);
		n = net_lab_tcx_links(ifindex, direction, ids, LINKS_MAX);
	}
	return n;
}

struct source_bpf *net_lab_source(const char *known_epoch)
{
	return net_lab_source_sized(known_epoch, MAX_ADDRESSES);
}

struct source_bpf *net_lab_source_sized(const char *known_epoch, uint32_t n_slots)
{
	const struct source_bpf_options options = {.pin_dir = NET_LAB_PINS,
						   .boot_id = NET_LAB_BOOT_ID,
						   .known_epoch = known_epoch,
						   .max_addresses = n_slots,
						   .max_addresses_per_mac = 32};
	struct source_bpf *source = NULL;

	/* closing without keeping removes it */
	mkdir(NET_LAB_PINS, 0700);
	cr_assert_eq(source_bpf_open(&options, &source), 0);
	return source;
}

/* The sum of a key's slots on all CPUs; the entries that MACs have beside their addresses are left out while empty. */
void net_lab_take_reading(void *context, const struct counter_reading *reading)
{
	struct net_lab_readings *readings = context;
	struct counter_reading *sum;

	if (reading->key.vlan & OCTET_VLAN_MAC_ONLY && traffic_is_zero(&reading->total) && reading->last_up_ns == 0)
		return;
	for (size_t i = 0; i < readings->n_readings; i++) {
		sum = &readings->readings[i];
		if (memcmp(&sum->key, &reading->key, sizeof(sum->key)) != 0)
			continue;
		traffic_add(&sum->total, &reading->total);
		if (sum->last_up_ns < reading->last_up_ns)
			sum->last_up_ns = reading->last_up_ns;
		if (sum->last_down_ns < reading->last_down_ns)
			sum->last_down_ns = reading->last_down_ns;
		return;
	}
	cr_assert_lt(readings->n_readings, NET_LAB_READINGS_MAX);
	readings->readings[readings->n_readings++] = *reading;
}

void net_lab_collect(struct source_bpf *source, struct net_lab_readings *out)
{
	out->n_readings = 0;
	cr_assert_eq(source_bpf_collect(source, net_lab_take_reading, out), 0);
}

const struct counter_reading *net_lab_find(const struct net_lab_readings *readings, uint32_t ifindex, uint16_t guest,
					   bool is_ipv6)
{
	struct counter_key key = {.ifindex = ifindex};
	uint8_t ip4[4];

	frame_guest_mac(guest, key.mac.octets);
	frame_guest_ip4(guest, ip4);
	key.ip = ip_from_v4(ip4);
	if (is_ipv6)
		frame_guest_ip6(guest, key.ip.octets);
	for (size_t i = 0; i < readings->n_readings; i++)
		if (memcmp(&readings->readings[i].key, &key, sizeof(key)) == 0)
			return &readings->readings[i];
	return NULL;
}

void net_lab_pin_to_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

static uint64_t frames_of(const struct octet_iface *classes)
{
	uint64_t n = 0;

	for (int i = 0; i < OCTET_N_CLASSES; i++)
		n += classes->classes[i].frames;
	return n;
}

struct octet_iface net_lab_await(struct source_bpf *source, size_t interface, enum octet_direction direction,
				 uint64_t n_frames)
{
	struct health_interface interfaces[OCTET_SLOTS_MAX];
	uint64_t seen = 0;

	for (long waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms++) {
		cr_assert_gt(source_bpf_health(source, interfaces, OCTET_SLOTS_MAX), interface);
		seen = frames_of(&interfaces[interface].classes[direction]);
		if (seen >= n_frames)
			break;
		sleep_ms(1);
	}
	cr_expect_eq(seen, n_frames, "interface %zu, direction %d: %zu of %zu frames", interface, direction,
		     (size_t)seen, (size_t)n_frames);
	return interfaces[interface].classes[direction];
}
