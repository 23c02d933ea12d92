/* SPDX-License-Identifier: MIT */
/* Capture files by libpcap (pcap and pcapng, any byte order); live captures are io/pcap_capture.h. */
#ifndef IO_SOURCE_PCAP_H
#define IO_SOURCE_PCAP_H

#include <stdint.h>

#include "octet/parse.h"

struct source_pcap;

#define SOURCE_PCAP_ERROR_SIZE 512

/*
 * input is borrowed for the call; its frame_length is the record's original length, however absurd. time_ns
 * counts from 1970, is never negative, and stops at 2262-04-11, where 63 bits of nanoseconds do.
 */
typedef void (*source_pcap_handler)(void *context, const struct octet_input *input, int64_t time_ns);

/*
 * Opens a capture; "-" is standard input. 0, or -errno with one sentence in error (-EBADMSG: not a capture).
 */
int source_pcap_open(const char *path, struct source_pcap **out, char error[SOURCE_PCAP_ERROR_SIZE]);
void source_pcap_close(struct source_pcap **source);

/* The link type as libpcap names it ("EN10MB"); borrowed for the source's life. */
const char *source_pcap_link_type(const struct source_pcap *source);

/*
 * Whether each record has the sender's and the receiver's MAC, where the parser looks for them: 0, or -ENOTSUP
 * with one sentence in error that says what is missing and what to do.
 */
int source_pcap_check_link_type(const struct source_pcap *source, char error[SOURCE_PCAP_ERROR_SIZE]);

/*
 * Hands over every record up to the end: 0, or -EBADMSG with libpcap's words in error when the file is
 * damaged or cut; the records before that have been handed over.
 */
int source_pcap_read(struct source_pcap *source, source_pcap_handler handler, void *context,
		     char error[SOURCE_PCAP_ERROR_SIZE]);

#endif
