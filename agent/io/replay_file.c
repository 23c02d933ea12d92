/* SPDX-License-Identifier: MIT */
#include "io/replay_file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "io/source_pcap.h"

/* A million addresses are more than any network shows, and some 100 MB; beyond, frames are class table_full. */
#define REPLAY_KEYS_MAX (UINT32_C(1) << 20)

_Static_assert(SOURCE_PCAP_ERROR_SIZE == REPLAY_ERROR_SIZE, "one buffer serves both");

static int make_meter(const struct mac_addr *gateways, size_t n_gateways, struct replay_report *report)
{
	struct meter_options options = {
		.gateways = gateways,
		.n_gateways = n_gateways,
		.max_keys = REPLAY_KEYS_MAX,
		.is_vlan_blind = true,
	};

	if (getrandom(&options.seed, sizeof(options.seed), 0) != sizeof(options.seed))
		return -errno;
	return meter_new(&options, &report->meter);
}

static void take_frame(void *context, const struct octet_input *input, int64_t time_ns)
{
	struct replay_report *report = context;
	struct octet_frame frame;

	const enum octet_parse result = octet_parse_frame(input, &frame);
	report->frames++;
	report->wire_bytes += input->frame_length;
	meter_count_later(report->meter, result, &frame, time_ns);
}

int replay_file(const char *path, const struct mac_addr *gateways, size_t n_gateways, struct replay_report *out)
{
	CLEANUP(source_pcap_close) struct source_pcap *source = NULL;

	*out = (struct replay_report){.file = path};
	int error = source_pcap_open(path, &source, out->error);
	if (error)
		return error;
	snprintf(out->link_type, sizeof(out->link_type), "%s", source_pcap_link_type(source));
	error = source_pcap_check_link_type(source, out->error);
	if (error)
		return error;
	error = make_meter(gateways, n_gateways, out);
	if (error) {
		snprintf(out->error, sizeof(out->error), "out of memory");
		return error;
	}
	error = source_pcap_read(source, take_frame, out, out->error);
	meter_settle(out->meter);
	return error;
}
