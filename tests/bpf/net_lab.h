/* SPDX-License-Identifier: MIT */
/*
 * A gateway and its guests for one test: two network namespaces joined by veth pairs, and a bpffs, all of which belong
 * to the test's process alone and end with it, however it ends. The test runs in the gateway's namespace. No interface
 * has an address and IPv6 is off, so that no packet passes but the test's own.
 */
#ifndef TESTS_NET_LAB_H
#define TESTS_NET_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/counter.h"
#include "io/source_bpf.h"
#include "support/frames.h"

#define NET_LAB_BOOT_ID "6d6f756e-7461-696e-2d6c-616273746573"
#define NET_LAB_PINS "/mnt/bpf/octetd" /* on the lab's own bpffs */

struct net_lab {
	int gateway_ns;
	int guest_ns;
};

/* Skips the running test where root or BPF are missing. */
void net_lab_open(struct net_lab *lab);
/* Skips the running test on kernels without TCX links. */
void net_lab_require_tcx(void);
void net_lab_close(struct net_lab *lab);

/* Runs a command; fails the test unless it succeeds. Words are separated by single spaces. */
void net_lab_do(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, with its output; to be freed. */
char *net_lab_output(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A veth pair: name on the gateway, peer with the guests; returns the gateway's ifindex. */
uint32_t net_lab_veth(const struct net_lab *lab, const char *name, const char *peer);

/* A socket on an interface of a namespace, for whole frames. */
int net_lab_socket(const struct net_lab *lab, int namespace_fd, const char *interface);
void net_lab_send(int socket_fd, const struct frame *frame);
void net_lab_send_spec(int socket_fd, const struct frame_spec *spec, size_t n_times);

/* The first n_max ids of the TCX links on an interface, in their order; returns how many there are, or -errno. */
int net_lab_tcx_links(uint32_t ifindex, enum octet_direction direction, uint32_t *ids, uint32_t n_max);
/* How many there are once those that are being taken down have gone: the kernel does that a moment later. */
int net_lab_n_tcx_links(uint32_t ifindex, enum octet_direction direction, int expected);

/* The source of the agent under test, as the agent opens it; fails the test when that fails. */
struct source_bpf *net_lab_source(const char *known_epoch);
/* The same with a table of so many slots on each CPU. */
struct source_bpf *net_lab_source_sized(const char *known_epoch, uint32_t n_slots);

#define NET_LAB_READINGS_MAX 4096
struct net_lab_readings {
	struct counter_reading readings[NET_LAB_READINGS_MAX];
	size_t n_readings;
};
void net_lab_take_reading(void *context, const struct counter_reading *reading);
void net_lab_collect(struct source_bpf *source, struct net_lab_readings *out);
/* Of a guest on an interface; NULL when there is none. */
const struct counter_reading *net_lab_find(const struct net_lab_readings *readings, uint32_t ifindex, uint16_t guest,
					   bool is_ipv6);

/* The calling thread stays on one CPU. */
void net_lab_pin_to_cpu(int cpu);

/* Waits until an interface (by its place in source_bpf_health) has seen n frames; the classes then. */
struct octet_iface net_lab_await(struct source_bpf *source, size_t interface, enum octet_direction direction,
				 uint64_t n_frames);

#endif
