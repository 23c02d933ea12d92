/* SPDX-License-Identifier: MIT */
/*
 * octetd replay against tcpdump --count on the same file, by CPU time, in turn: real captures (directory CAPTURES)
 * repeated to some hundred MB, and the smallest frames of many clients.
 */
#include <dirent.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/instant.h"
#include "bench_lab.h"
#include "bench_stat.h"

#define SNAP_LENGTH 262144
#define ROUNDS_MAX 15
#define NAME_SIZE 512
#define WHAT_SIZE 64
#define PACKET_SPACING_US 10

struct writer {
	pcap_t *dead;
	pcap_dumper_t *dumper;
	char path[NAME_SIZE];
	uint64_t n_packets;
	uint64_t n_octets;
	uint64_t time_us; /* packets follow one another, whatever the captures' own times are */
};

static void writer_open(struct writer *writer)
{
	*writer = (struct writer){.dead = pcap_open_dead(DLT_EN10MB, SNAP_LENGTH)};
	snprintf(writer->path, sizeof(writer->path), "%s/bench.pcap", bench_dir());
	writer->dumper = pcap_dump_open(writer->dead, writer->path);
	if (!writer->dumper)
		bench_fail("%s: %s", writer->path, pcap_geterr(writer->dead));
}

static void writer_close(struct writer *writer)
{
	if (pcap_dump_flush(writer->dumper))
		bench_fail("%s cannot be written: %s", writer->path, strerror(errno));
	pcap_dump_close(writer->dumper);
	pcap_close(writer->dead);
	/* tcpdump gives up being root */
	chmod(writer->path, 0644);
}

static void write_packet(struct writer *writer, const struct pcap_pkthdr *header, const u_char *octets)
{
	struct pcap_pkthdr record = *header;

	writer->time_us += PACKET_SPACING_US;
	record.ts = (struct timeval){.tv_sec = (time_t)(1500000000 + writer->time_us / 1000000),
				     .tv_usec = (suseconds_t)(writer->time_us % 1000000)};
	pcap_dump((u_char *)writer->dumper, &record, octets);
	writer->n_packets++;
	writer->n_octets += record.caplen + 16;
}

static void on_packet(u_char *context, const struct pcap_pkthdr *header, const u_char *octets)
{
	write_packet((struct writer *)(void *)context, header, octets);
}

/* Whether it is an Ethernet capture; others are left out. */
static bool copy_capture(struct writer *writer, const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *capture = pcap_open_offline(path, error);
	bool is_ethernet = capture && pcap_datalink(capture) == DLT_EN10MB;

	if (is_ethernet)
		pcap_loop(capture, -1, on_packet, (u_char *)writer);
	if (capture)
		pcap_close(capture);
	return is_ethernet;
}

/* One round through the directory; how many captures it has. */
static size_t copy_captures(struct writer *writer, const char *directory_path)
{
	DIR *directory = opendir(directory_path);
	char path[NAME_SIZE];
	size_t n = 0;

	for (const struct dirent *entry; directory && (entry = readdir(directory));) {
		if (!strstr(entry->d_name, ".pcap"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory_path, entry->d_name);
		n += copy_capture(writer, path);
	}
	if (directory)
		closedir(directory);
	return n;
}

/* An UDP packet from a client, as large as asked for. */
static void write_frame(struct writer *writer, uint32_t client, uint32_t length)
{
	static u_char octets[1514] = {0x02, 0xbe, 0,    0, 0, 0xfe, 0x02, 0xbe, 0x0c, 0, 0,    0,
				      0x08, 0,    0x45, 0, 0, 0,    0,    0,    0,    0, 64,   17,
				      0,    0,    10,   1, 0, 0,    198,  18,   0,    2, 0x27, 0x10};
	const struct pcap_pkthdr header = {.caplen = length, .len = length};

	octets[10] = octets[28] = (u_char)(client >> 8);
	octets[11] = octets[29] = (u_char)client;
	octets[16] = (u_char)((length - 14) >> 8);
	octets[17] = (u_char)(length - 14);
	write_packet(writer, &header, octets);
}

static void write_frames(struct writer *writer, uint32_t n_clients, uint64_t n_octets, bool is_mixed)
{
	static const uint32_t mixed[] = {60, 60, 90, 576, 1514, 1514, 1514};

	for (uint32_t i = 0; writer->n_octets < n_octets; i++)
		write_frame(writer, (uint32_t)random() % n_clients, is_mixed ? mixed[i % ARRAY_LENGTH(mixed)] : 60);
}

static void write_captures(struct writer *writer, const char *directory, uint64_t n_octets)
{
	if (copy_captures(writer, directory) == 0) {
		write_frames(writer, 100, n_octets, true);
		return;
	}
	while (writer->n_octets < n_octets)
		copy_captures(writer, directory);
}

/* The CPU time of one run. */
static double run(const char *const *words)
{
	struct bench_process process;

	bench_start(bench_here(), "replay", words, &process);
	return (double)bench_finish(&process);
}

static void compare(const char *what, const struct writer *writer, size_t n_rounds)
{
	const char *const tcpdump[] = {"tcpdump", "--count", "-r", writer->path, NULL};
	const char *const replay[] = {bench_octetd(), "replay", writer->path, NULL};
	double ratios[ROUNDS_MAX], ns[ROUNDS_MAX];
	char text[WHAT_SIZE];

	run(tcpdump);
	for (size_t round = 0; round < n_rounds; round++) {
		const double tcpdump_ns = run(tcpdump);

		ns[round] = run(replay);
		ratios[round] = tcpdump_ns / ns[round];
	}
	const struct bench_spread ratio = bench_spread_of(ratios, n_rounds);
	const double replay_ns = bench_spread_of(ns, n_rounds).median;

	snprintf(text, sizeof(text), "replay / tcpdump --count: %s", what);
	bench_print_ratio('d', text, &ratio, "%.0f MB/s, %.0f ns a packet, %.1f M packets of %.0f MB",
			  (double)writer->n_octets / replay_ns * 1e3, replay_ns / (double)writer->n_packets,
			  (double)writer->n_packets / 1e6, (double)writer->n_octets / 1e6);
}

int main(void)
{
	const bool is_quick = bench_is_quick();
	const size_t n_rounds = is_quick ? 5 : 11;
	const uint64_t n_octets = (is_quick ? 60 : 300) * 1000000ull;
	const char *captures = getenv("CAPTURES");
	struct writer writer;

	bench_init();
	if (!bench_is_installed("tcpdump")) {
		bench_print_figure('d', "replay / tcpdump --count", "tcpdump is not installed");
		return 0;
	}
	writer_open(&writer);
	write_captures(&writer, captures ? captures : "../shared/captures", n_octets);
	writer_close(&writer);
	compare("captures", &writer, n_rounds);
	writer_open(&writer);
	write_frames(&writer, 1000, n_octets / 2, false);
	writer_close(&writer);
	compare("1,000 clients", &writer, n_rounds);
	if (is_quick)
		return 0;
	writer_open(&writer);
	write_frames(&writer, 65536, n_octets / 2, false);
	writer_close(&writer);
	compare("65,536 clients", &writer, n_rounds);
	return 0;
}
