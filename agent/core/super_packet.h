/* SPDX-License-Identifier: MIT */
/*
 * Super-packets whose segment size nobody has told: a capture shows what GRO has joined, or what GSO is to cut, as one
 * frame. That it is one shows when it is longer than the interface's MTU; how it looked on the wire can then only
 * be estimated: as segments that each fill the MTU. True for bulk transfers whose path has no smaller MTU, too few
 * segments (and so too few octets of headers) otherwise. Joined packets that are not longer than the MTU do not show.
 */
#ifndef CORE_SUPER_PACKET_H
#define CORE_SUPER_PACKET_H

#include <stdint.h>

#include "octet/parse.h"

/*
 * The gso_size to parse a frame with: 0 when it is no super-packet, as far as can be seen. in and frame are a parser's
 * input without a gso_size, and what it made of it.
 */
uint32_t super_packet_segment_bytes(const struct octet_input *in, const struct octet_frame *frame, uint32_t mtu);

#endif
