/* SPDX-License-Identifier: MIT */
/*
 * Live captures as a source of counters, for kernels without eBPF: frames through the parser of the kernel half into
 * the meter of the replay (core/meter.h), by the rules of bpf/octet.bpf.c.
 *
 * What it cannot do, and shows (core/health.h): it counts only while the agent runs, so its epoch is new at each start;
 * what finds the ring full is lost; super-packets are estimated (core/super_packet.h).
 *
 * Each interface has two captures, of what it receives and of what it sends, so that direction is a fact and not a
 * guess by MACs, and a frame that passes two ports of a bridge counts once up and once down. An interface that
 * vanishes is opened again when one of its name is back.
 *
 * Waking up. The first frame after a silence wakes the loop at once; then the rings are read every POLL_NS until they
 * have been empty for that long. So a guest is seen in milliseconds, and a flood costs 200 wake-ups a second, not one
 * for each packet.
 *
 * The meter never removes an entry; but when it fills, and all in it is booked, it begins anew. Within one collection
 * it is bounded by max_addresses: beyond, a known MAC counts on its own entry, and another is class TABLE_FULL.
 *
 * source_live.c owns it all, source_live_interface.c is about one interface.
 */
#ifndef IO_SOURCE_LIVE_H
#define IO_SOURCE_LIVE_H

#include <net/if.h>

#include "core/meter.h"
#include "io/link_offload.h"
#include "io/pcap_capture.h"
#include "io/source.h"

struct source_live;

struct live_interface {
	char name[IF_NAMESIZE];
	struct source_live *source;
	struct meter_view view;                            /* locals are the source's */
	uint32_t bridge;                                   /* the master, if it is a bridge */
	uint32_t mtu;                                      /* 0: not known */
	struct pcap_capture *captures[OCTET_N_DIRECTIONS]; /* NULL: closed */
	int64_t emptied_ns[OCTET_N_DIRECTIONS];            /* CLOCK_MONOTONIC when the ring was last seen empty */
	enum octet_direction reading;                      /* which one is being read */
	bool has_lost;                                     /* and that was said */
	char offload[LINK_OFFLOAD_SIZE];
	struct pcap_loss lost[OCTET_N_DIRECTIONS]; /* by captures that are closed */
	uint64_t estimated_frames[OCTET_N_DIRECTIONS];
	struct octet_iface classes[OCTET_N_DIRECTIONS];
};

/* Both clocks at once, when a ring is read. */
struct live_clock {
	int64_t wall_ns;
	int64_t mono_ns; /* CLOCK_MONOTONIC, as the stamps of the kernel half */
};

struct source_live {
	char epoch[SOURCE_EPOCH_SIZE];
	struct meter *meter;
	uint32_t max_keys;
	uint32_t max_addresses_per_mac;
	int64_t arrival_gap_ns;
	uint32_t sequence; /* of every entry: another one when the table has begun anew */
	int epoll_fd;      /* the captures' descriptors and the timer's: polls readable when there is something to do */
	int timer_fd;
	struct live_clock clock;
	uint32_t n_collections;
	bool is_detached; /* for good: nothing is opened again */
	struct live_interface interfaces[OCTET_SLOTS_MAX];
	size_t n_interfaces;
	struct mac_addr *locals; /* the MACs of all links of this machine; owned */
	size_t n_locals;
	uint32_t *arrived; /* entries whose guests have, since they were last delivered; owned */
	size_t n_arrived;
	size_t arrived_capacity;
};

/* Opens both captures and learns what the links say; 0 or -errno, logged unless is_quiet. */
int live_interface_open(struct live_interface *interface, bool is_quiet);
/* What was lost until then is kept. */
void live_interface_close(struct live_interface *interface);
/* Learns about the interface anew; false when it is not there any more. facts are those of link_list. */
bool live_interface_refresh(struct live_interface *interface, const struct link_facts *facts, size_t n_facts);
/* Counts what is in both rings, n_max frames of each at most. How many that were; false in *is_whole: there may be
 * more. */
int live_interface_read(struct live_interface *interface, int n_max, bool *is_whole);
struct pcap_loss live_interface_loss(const struct live_interface *interface, enum octet_direction direction);

#endif
