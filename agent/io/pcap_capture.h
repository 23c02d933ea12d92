/* SPDX-License-Identifier: MIT */
/*
 * One direction of one interface, captured by libpcap: what it receives, or what it sends. Of each frame as much as
 * the parser looks at. The kernel keeps what has not been read in a ring; what finds it full is lost, and counted.
 */
#ifndef IO_PCAP_CAPTURE_H
#define IO_PCAP_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "octet/abi.h"
#include "octet/parse.h"

struct pcap_capture;

/* input is borrowed for the call; its frame_length is that on the interface. time_ns counts from 1970. */
typedef void (*pcap_capture_handler)(void *context, const struct octet_input *input, int64_t time_ns);

/*
 * Captures from now on: OCTET_UP what comes in, OCTET_DOWN what goes out. 0 or -errno; is_quiet: not logged.
 * -ENODEV: no such interface; -ENETDOWN: it is down; -EPERM: not privileged; -EPROTONOSUPPORT: not Ethernet.
 */
int pcap_capture_open(const char *interface, enum octet_direction direction, bool is_quiet, struct pcap_capture **out);
void pcap_capture_close(struct pcap_capture **capture);

/* Polls readable when there are frames. */
int pcap_capture_fd(const struct pcap_capture *capture);

/*
 * Hands over up to n_max frames that are there, without waiting: how many, or -errno when the capture has broken (its
 * interface has gone); it is of no use then.
 */
int pcap_capture_read(struct pcap_capture *capture, int n_max, pcap_capture_handler handler, void *context);

/* Frames that nobody counted, so far. */
struct pcap_loss {
	uint64_t ring;      /* that found our ring full */
	uint64_t interface; /* that the interface itself dropped on reception, as far as it says so */
};
struct pcap_loss pcap_capture_loss(struct pcap_capture *capture);

#endif
