/* SPDX-License-Identifier: MIT */
/*
 * The memory of an agent that has so many guests: private and resident memory of its process, and what its maps take
 * in the kernel. Clean private pages are those of files that no other process maps just now, so that part depends on
 * what else runs; the dirty ones are the agent's own.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench_contender.h"
#include "bench_stat.h"

#define PATIENCE_MS 60000
#define CALM_MS 500
#define MAPS_MAX 256
#define WHAT_SIZE 64

struct setting {
	uint32_t n_clients;
	uint32_t max_addresses;
};

struct memory {
	double private_kib;
	double dirty_kib;
	double resident_kib;
	double peak_kib;
	double kernel_kib;
};

/* The sum of "KEY: N kB" lines of a file below /proc/PID. */
static double read_kib(pid_t pid, const char *name, const char *key)
{
	CLEANUP_FCLOSE FILE *file = NULL;
	char path[64], line[256];
	double sum = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	if (!file)
		bench_fail("%s cannot be read: has octetd ended?", path);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			sum += strtod(line + strlen(key), NULL);
	return sum;
}

static bool is_new(long id, long *ids, size_t *n_ids)
{
	for (size_t i = 0; i < *n_ids; i++)
		if (ids[i] == id)
			return false;
	if (*n_ids < MAPS_MAX)
		ids[(*n_ids)++] = id;
	return true;
}

/* Each map once, however many descriptors lead to it. "memlock" is what a map takes (Linux 6.4; before: about that). */
static double read_maps_kib(pid_t pid)
{
	long ids[MAPS_MAX];
	size_t n_ids = 0;
	char path[64], name[320];
	double sum = 0;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	DIR *directory = opendir(path);
	for (const struct dirent *entry; directory && (entry = readdir(directory));) {
		snprintf(name, sizeof(name), "fdinfo/%s", entry->d_name);
		if (entry->d_name[0] == '.')
			continue;
		const double id = read_kib(pid, name, "map_id:");
		if (id > 0 && is_new((long)id, ids, &n_ids))
			sum += read_kib(pid, name, "memlock:") / 1024;
	}
	if (directory)
		closedir(directory);
	return sum;
}

static struct memory read_memory(pid_t pid)
{
	return (struct memory){.dirty_kib = read_kib(pid, "smaps_rollup", "Private_Dirty:"),
			       .private_kib = read_kib(pid, "smaps_rollup", "Private_Clean:") +
					      read_kib(pid, "smaps_rollup", "Private_Dirty:"),
			       .resident_kib = read_kib(pid, "smaps_rollup", "Rss:"),
			       .peak_kib = read_kib(pid, "status", "VmHWM:"),
			       .kernel_kib = read_maps_kib(pid)};
}

static void await_guests(const char *name, const struct bench_process *process, uint32_t n_clients)
{
	int64_t before_ns = 0, used_ns = 0;

	for (long waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += CALM_MS) {
		const bool is_there = contender_ask_octetd(name, "sessions", "online") == n_clients;

		bench_sleep_ms(CALM_MS);
		used_ns = bench_process_cpu_ns(process);
		/* calm: what was to be written is written */
		if (is_there && used_ns - before_ns < CALM_MS * 1000000 / 10)
			return;
		before_ns = used_ns;
	}
	bench_fail("octetd knows %lld of %u guests", (long long)contender_ask_octetd(name, "sessions", "online"),
		   n_clients);
}

static void run(const struct setting *setting, struct bench_traffic *traffic)
{
	const struct bench_load up = {.direction = OCTET_UP, .n_clients = setting->n_clients};
	const struct bench_load down = {.direction = OCTET_DOWN, .n_clients = setting->n_clients};
	struct bench_process process;
	struct bench_lane lane;
	struct memory memory;
	char name[WHAT_SIZE];

	snprintf(name, sizeof(name), "octetd-%u", setting->n_clients);
	bench_lane_open(&lane);
	bench_traffic_add_lane(traffic, &lane);
	bench_lane_neighbours(&lane, setting->n_clients);
	contender_start_octetd(&lane, name, "auto", setting->max_addresses, &process);
	for (int i = 0; i < 3 && setting->n_clients; i++) {
		bench_traffic_send(traffic, &lane, &up, setting->n_clients, 1);
		bench_traffic_send(traffic, &lane, &down, setting->n_clients, 1);
		bench_sleep_ms(1100);
	}
	await_guests(name, &process, setting->n_clients);
	memory = read_memory(process.pid);
	bench_stop(&process, SIGTERM);
	bench_lane_close(&lane);
	snprintf(name, sizeof(name), "memory, %u clients", setting->n_clients);
	bench_print_figure('e', name,
			   "%.1f MiB private (%.1f dirty), %.1f resident (peak %.1f); maps for %u: %.1f in the kernel",
			   memory.private_kib / 1024, memory.dirty_kib / 1024, memory.resident_kib / 1024,
			   memory.peak_kib / 1024, setting->max_addresses, memory.kernel_kib / 1024);
}

int main(void)
{
	static const struct setting settings[] = {{0, 16384}, {1000, 16384}, {10000, 24576}};
	struct bench_traffic *traffic;

	bench_init();
	bench_traffic_open(&traffic);
	for (size_t i = 0; i < ARRAY_LENGTH(settings); i++)
		run(&settings[i], traffic);
	bench_traffic_close(&traffic);
	return 0;
}
