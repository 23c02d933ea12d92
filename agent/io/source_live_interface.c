/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "core/super_packet.h"
#include "io/source_live.h"

/*
 * When the frame passed, on the clock of the readings. Captures stamp by the wall clock, which may have stepped since;
 * but it was not before its ring was last seen empty, and not after now.
 */
static int64_t frame_time_ns(const struct live_interface *interface, int64_t wall_ns)
{
	const struct live_clock *clock = &interface->source->clock;
	const int64_t earliest_ns = interface->emptied_ns[interface->reading];
	int64_t age_ns;

	if (__builtin_sub_overflow(clock->wall_ns, wall_ns, &age_ns) || age_ns < 0)
		return clock->mono_ns;
	return age_ns > clock->mono_ns - earliest_ns ? earliest_ns : clock->mono_ns - age_ns;
}

/* Without memory for it the next collection finds the guest all the same. */
static void note_arrival(struct source_live *source, uint32_t entry)
{
	if (source->n_arrived == source->arrived_capacity) {
		const size_t capacity = source->arrived_capacity ? 2 * source->arrived_capacity : 64;
		uint32_t *arrived = reallocarray(source->arrived, capacity, sizeof(*arrived));

		if (!arrived)
			return;
		source->arrived = arrived;
		source->arrived_capacity = capacity;
	}
	source->arrived[source->n_arrived++] = entry;
}

static void count_frame(void *context, const struct octet_input *input, int64_t wall_ns)
{
	struct live_interface *interface = context;
	struct source_live *source = interface->source;
	const enum octet_direction direction = interface->reading;
	struct octet_input live = *input;
	struct octet_frame frame;
	uint32_t entry;

	live.is_strict = 1;
	enum octet_parse result = octet_parse_frame(&live, &frame);
	if (interface->mtu && frame.bytes > interface->mtu) {
		interface->estimated_frames[direction]++;
		live.gso_size = super_packet_segment_bytes(input, &frame, interface->mtu);
		if (live.gso_size)
			result = octet_parse_frame(&live, &frame);
	}
	const enum octet_class class = meter_count_one_way(source->meter, &interface->view, direction, result, &frame,
							   frame_time_ns(interface, wall_ns));
	interface->classes[direction].classes[class].frames += frame.packets;
	interface->classes[direction].classes[class].wire_bytes += frame.wire_bytes;
	if (meter_has_arrived(source->meter, &entry))
		note_arrival(source, entry);
}

static int watch(struct live_interface *interface, enum octet_direction direction, int operation)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};

	return epoll_ctl(interface->source->epoll_fd, operation, pcap_capture_fd(interface->captures[direction]),
			 &event)
		       ? -errno
		       : 0;
}

int live_interface_open(struct live_interface *interface, bool is_quiet)
{
	int r = 0;

	for (int i = 0; !r && i < OCTET_N_DIRECTIONS; i++) {
		const enum octet_direction direction = (enum octet_direction)i;

		r = pcap_capture_open(interface->name, direction, is_quiet, &interface->captures[direction]);
		if (!r)
			r = watch(interface, direction, EPOLL_CTL_ADD);
		interface->emptied_ns[direction] = interface->source->clock.mono_ns;
	}
	if (r)
		live_interface_close(interface);
	return r;
}

struct pcap_loss live_interface_loss(const struct live_interface *interface, enum octet_direction direction)
{
	struct pcap_loss loss = interface->lost[direction];

	if (interface->captures[direction]) {
		const struct pcap_loss more = pcap_capture_loss(interface->captures[direction]);

		loss.ring += more.ring;
		loss.interface += more.interface;
	}
	return loss;
}

void live_interface_close(struct live_interface *interface)
{
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++) {
		interface->lost[i] = live_interface_loss(interface, (enum octet_direction)i);
		/* closing its descriptor takes it out of the epoll set */
		pcap_capture_close(&interface->captures[i]);
	}
}

bool live_interface_refresh(struct live_interface *interface, const struct link_facts *facts, size_t n_facts)
{
	for (size_t i = 0; i < n_facts; i++) {
		if (facts[i].ifindex != interface->view.ifindex)
			continue;
		interface->view.own = facts[i].mac;
		interface->view.is_bridge = strcmp(facts[i].kind, "bridge") == 0;
		interface->bridge = strcmp(facts[i].master_kind, "bridge") == 0 ? facts[i].master : 0;
		interface->mtu = link_mtu(facts[i].ifindex);
		link_offload_describe(facts, n_facts, facts[i].ifindex, interface->offload);
		return true;
	}
	return false;
}

int live_interface_read(struct live_interface *interface, int n_max, bool *is_whole)
{
	int n_frames = 0;

	/* up first: who asks is there before what is answered */
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++) {
		if (!interface->captures[i])
			continue;
		interface->reading = (enum octet_direction)i;
		const int n = pcap_capture_read(interface->captures[i], n_max, count_frame, interface);
		if (n < 0) {
			log_warning("interface %s: the capture has ended; it is taken up again when there is an "
				    "interface of that name",
				    interface->name);
			live_interface_close(interface);
			return n_frames;
		}
		n_frames += n;
		if (n == n_max)
			*is_whole = false;
		else
			interface->emptied_ns[i] = interface->source->clock.mono_ns;
	}
	return n_frames;
}
