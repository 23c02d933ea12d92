/* SPDX-License-Identifier: MIT */
#include "core/super_packet.h"

uint32_t super_packet_segment_bytes(const struct octet_input *in, const struct octet_frame *frame, uint32_t mtu)
{
	uint32_t l3_length, protocol;
	const uint8_t *l3;

	if (frame->ip_version == 0 || frame->bytes <= mtu)
		return 0;
	if (frame->ip_version == 4) {
		l3 = frame->src_ip - 12;
		l3_length = (uint32_t)(l3[0] & 0x0f) * 4;
		protocol = l3[9];
	} else {
		l3 = frame->src_ip - 8;
		l3_length = 40 + octet_extensions(l3, in->data_end, &protocol);
	}
	const uint8_t *l4 = l3 + l3_length;
	const uint32_t l4_length = l4 <= in->data_end ? octet_l4_length(l4, in->data_end, protocol) : 0;
	/* what the parser cannot cut either: one packet, however long */
	if (l4_length == 0 || l3_length + l4_length >= mtu)
		return 0;
	return mtu - l3_length - l4_length;
}
