/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What attach_programs.bpf.c and the bench share. */
#ifndef BENCH_ATTACH_ABI_H
#define BENCH_ATTACH_ABI_H

#include <linux/types.h>

#define BENCH_HEADER_SIZE 42 /* Ethernet, IPv4, UDP */
#define BENCH_PROTOCOL 17    /* UDP */

/*
 * The address of client k is 10 and these 24 bits; its MAC is 02:be:0c:00:HH:LL. Scattered over the net, because the
 * kernel's hash of neighbours (arp_hashfn) puts a row of addresses into an eighth of its buckets, and whichever eighth
 * an interface gets decides then how fast it is. The multiplier is the golden ratio's (Knuth 6.4), odd and
 * therefore without collisions; no client gets an address that others have.
 */
#define BENCH_CLIENT_ADDRESS(k) (((k)*0x9e3779u + 0x345678u) & 0xffffffu)

/* What the generator makes. */
struct bench_flow {
	__u8 header[BENCH_HEADER_SIZE]; /* last octets of the client's addresses and checksum: 0 */
	__u16 is_down;                  /* to the clients; else from them */
	__u32 header_sum;               /* the header's 16-bit words, added up */
	__u32 n_clients;                /* up to 65,536 */
	__u32 is_random;                /* else in turn */
	__u32 state;                    /* of the random sequence, not 0 */
	__u32 index;                    /* of the next packet */
	__u32 begin;                    /* the packets before which the stamps are taken */
	__u32 end;
};

/* Taken by the generator itself: what starting and ending it costs is no part of the time between two. */
struct bench_stamp {
	__u64 mono_ns;
	__u64 waited_ns; /* of this thread, for a CPU that others had */
	__u64 n_sunk;
};

/* What has arrived behind the router, in L3 bytes. */
struct bench_sunk {
	__u64 packets;
	__u64 bytes;
};

#endif
