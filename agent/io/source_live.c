/* SPDX-License-Identifier: MIT */
#include "io/source_live.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/instant.h"
#include "base/log.h"

#define POLL_NS (5 * NS_PER_MS)
/* Frames of one ring before others have their turn: less than a millisecond. */
#define READ_FRAMES 4096
/* Turns in a collection: more than a ring holds, so that all that was there when it began is in it. */
#define COLLECT_TURNS 8
/* Collections between two looks at the links. */
#define REFRESH_EVERY 5

static int64_t clock_ns(clockid_t clock)
{
	struct timespec time = {0, 0};

	clock_gettime(clock, &time);
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

static void read_clock(struct source_live *source)
{
	source->clock = (struct live_clock){clock_ns(CLOCK_REALTIME), clock_ns(CLOCK_MONOTONIC)};
}

static const char *live_epoch(const void *self)
{
	const struct source_live *source = self;

	return source->epoch;
}

static bool live_is_resumed(const void *self)
{
	(void)self;
	return false;
}

static void live_occupancy(const void *self, uint64_t *n_used, uint64_t *n_max)
{
	const struct source_live *source = self;
	size_t n_entries;

	(void)meter_entries(source->meter, &n_entries);
	*n_used = n_entries;
	*n_max = source->max_keys;
}

static int take_locals(struct source_live *source, const struct link_facts *facts, size_t n_facts)
{
	struct mac_addr *locals = calloc(n_facts + 1, sizeof(*locals));

	if (!locals)
		return -ENOMEM;
	for (size_t i = 0; i < n_facts; i++)
		locals[i] = facts[i].mac;
	free(source->locals);
	source->locals = locals;
	source->n_locals = n_facts;
	for (size_t i = 0; i < source->n_interfaces; i++) {
		source->interfaces[i].view.locals = locals;
		source->interfaces[i].view.n_locals = n_facts;
	}
	return 0;
}

static void say_offload(const struct live_interface *interface)
{
	if (*interface->offload)
		log_warning("interface %s: %s shows packets to captures joined together, so their number is estimated: "
			    "`ethtool -K %s %.3s off`, or source = \"bpf\"",
			    interface->name, interface->offload, strrchr(interface->offload, ' ') + 1,
			    interface->offload);
}

static void say_loss(struct live_interface *interface)
{
	uint64_t lost = 0;

	for (int i = 0; i < OCTET_N_DIRECTIONS; i++)
		lost += live_interface_loss(interface, (enum octet_direction)i).ring;
	if (lost && !interface->has_lost)
		log_warning("interface %s: %" PRIu64
			    " packets were lost to the capture: the agent is too slow for them; "
			    "/healthz goes on counting them",
			    interface->name, lost);
	interface->has_lost = lost > 0;
}

/* Who has gone and who is back, the MACs of this machine, offloads. */
static void refresh(struct source_live *source)
{
	CLEANUP_FREE struct link_facts *facts = NULL;
	size_t n_facts = 0;

	if (link_list(&facts, &n_facts) || take_locals(source, facts, n_facts))
		return;
	for (size_t i = 0; i < source->n_interfaces; i++) {
		struct live_interface *interface = &source->interfaces[i];
		char before[LINK_OFFLOAD_SIZE];

		if (!interface->captures[OCTET_UP])
			continue;
		memcpy(before, interface->offload, sizeof(before));
		(void)live_interface_refresh(interface, facts, n_facts);
		if (strcmp(before, interface->offload) != 0)
			say_offload(interface);
		say_loss(interface);
	}
}

static int live_attach(void *self, const char *name, enum config_attach mode)
{
	struct source_live *source = self;
	struct live_interface *interface = &source->interfaces[source->n_interfaces];
	uint32_t counted[OCTET_SLOTS_MAX];
	struct link_facts facts;
	int r;

	(void)mode;
	if (source->n_interfaces == OCTET_SLOTS_MAX)
		return log_errno(-ENOSPC, "interface %s: no more than %d interfaces can be counted on", name,
				 OCTET_SLOTS_MAX);
	for (size_t i = 0; i < source->n_interfaces; i++)
		counted[i] = source->interfaces[i].view.ifindex;
	r = link_look_up(name, counted, source->n_interfaces, &facts);
	if (r)
		return r;
	*interface = (struct live_interface){.source = source, .view.ifindex = facts.ifindex};
	snprintf(interface->name, sizeof(interface->name), "%s", name);
	read_clock(source);
	r = live_interface_open(interface, false);
	if (r)
		return r;
	source->n_interfaces++;
	refresh(source);
	return 0;
}

/* An interface that had vanished may be back, as another. */
static void reopen(struct live_interface *interface)
{
	struct link_facts facts;

	if (interface->captures[OCTET_UP] || link_query(interface->name, &facts) || facts.hardware != ARPHRD_ETHER)
		return;
	interface->view.ifindex = facts.ifindex;
	if (live_interface_open(interface, true))
		return;
	log_info("interface %s is back and counted again", interface->name);
	interface->source->n_collections = 0; /* look at the links */
}

static void deliver(const struct source_live *source, const struct meter_entry *entries, size_t index,
		    source_reading reading, void *context)
{
	const struct meter_entry *entry = &entries[index];
	struct counter_reading out = {
		.slot = (uint32_t)index,
		.sequence = source->sequence,
		.key = entry->key,
		.total = entry->total,
		.last_up_ns = entry->last_up_ns,
		.last_down_ns = entry->last_down_ns,
	};

	for (size_t i = 0; i < source->n_interfaces; i++)
		if (source->interfaces[i].view.ifindex == out.key.ifindex)
			out.bridge = source->interfaces[i].bridge;
	reading(context, &out);
}

static int open_meter(const struct source_live *source, struct meter **out)
{
	struct meter_options meter_options = {
		.max_keys = source->max_keys,
		.max_addresses = source->max_addresses_per_mac,
		.is_tracking_presence = true,
		.arrival_gap_ns = source->arrival_gap_ns,
	};

	if (getrandom(&meter_options.seed, sizeof(meter_options.seed), 0) != sizeof(meter_options.seed))
		return -errno;
	return meter_new(&meter_options, out);
}

/* Without memory for it, it stays as it is. */
static void begin_anew(struct source_live *source)
{
	struct meter *meter = NULL;

	if (open_meter(source, &meter))
		return;
	meter_free(&source->meter);
	source->meter = meter;
	source->sequence += 2;
}

static int live_collect(void *self, source_reading reading, void *context)
{
	struct source_live *source = self;
	size_t n_entries;

	for (size_t i = 0; !source->is_detached && i < source->n_interfaces; i++)
		reopen(&source->interfaces[i]);
	if (source->n_collections++ % REFRESH_EVERY == 0)
		refresh(source);
	for (size_t i = 0; i < source->n_interfaces; i++) {
		bool is_whole = false;

		for (int turn = 0; !is_whole && turn < COLLECT_TURNS; turn++) {
			is_whole = true;
			read_clock(source);
			(void)live_interface_read(&source->interfaces[i], READ_FRAMES, &is_whole);
		}
	}
	const struct meter_entry *entries = meter_entries(source->meter, &n_entries);
	for (size_t i = 0; i < n_entries; i++)
		deliver(source, entries, i, reading, context);
	source->n_arrived = 0; /* they were among them */
	/* all of it is booked now: a table that fills begins anew, so that there is room for newcomers */
	if (n_entries >= source->max_keys - source->max_keys / 4)
		begin_anew(source);
	return 0;
}

static int live_arrivals_fd(const void *self)
{
	const struct source_live *source = self;

	return source->epoll_fd;
}

static void arm_timer(const struct source_live *source, int64_t after_ns)
{
	const struct itimerspec once = {.it_value = {.tv_nsec = after_ns}};

	timerfd_settime(source->timer_fd, 0, &once, NULL);
}

/* From now on the first frame wakes us. */
static void watch_captures(const struct source_live *source)
{
	for (size_t i = 0; i < source->n_interfaces; i++)
		for (int k = 0; k < OCTET_N_DIRECTIONS; k++) {
			const struct pcap_capture *capture = source->interfaces[i].captures[k];
			struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};

			if (capture)
				epoll_ctl(source->epoll_fd, EPOLL_CTL_MOD, pcap_capture_fd(capture), &event);
		}
}

static int live_arrivals(void *self, source_reading reading, void *context)
{
	struct source_live *source = self;
	uint64_t n_expired = 0;
	bool is_whole = true;
	size_t n_entries;
	int n_frames = 0;

	const bool was_polling = read(source->timer_fd, &n_expired, sizeof(n_expired)) > 0;
	read_clock(source);
	for (size_t i = 0; i < source->n_interfaces; i++)
		n_frames += live_interface_read(&source->interfaces[i], READ_FRAMES, &is_whole);
	if (!is_whole)
		arm_timer(source, 1);
	else if (n_frames > 0 || !was_polling)
		arm_timer(source, POLL_NS);
	else
		watch_captures(source);
	const struct meter_entry *entries = meter_entries(source->meter, &n_entries);
	for (size_t i = 0; i < source->n_arrived; i++)
		deliver(source, entries, source->arrived[i], reading, context);
	source->n_arrived = 0;
	return 0;
}

static size_t live_health(void *self, struct health_interface *interfaces, size_t n_max)
{
	struct source_live *source = self;
	size_t n = source->n_interfaces < n_max ? source->n_interfaces : n_max;

	for (size_t i = 0; i < n; i++) {
		const struct live_interface *interface = &source->interfaces[i];

		interfaces[i] = (struct health_interface){
			.name = interface->name,
			.ifindex = interface->view.ifindex,
			.attach_name = "pcap",
			.offload = interface->offload,
		};
		for (int k = 0; k < OCTET_N_DIRECTIONS; k++) {
			const struct pcap_loss loss = live_interface_loss(interface, (enum octet_direction)k);

			interfaces[i].is_attached[k] = interface->captures[k] != NULL;
			interfaces[i].lost_frames[k] = loss.ring;
			interfaces[i].dropped_frames[k] = loss.interface;
			interfaces[i].estimated_frames[k] = interface->estimated_frames[k];
			interfaces[i].classes[k] = interface->classes[k];
		}
	}
	return n;
}

/* What is in the rings is counted still. */
static void live_detach(void *self)
{
	struct source_live *source = self;
	bool is_whole = true;

	source->is_detached = true;
	read_clock(source);
	for (size_t i = 0; i < source->n_interfaces; i++) {
		(void)live_interface_read(&source->interfaces[i], READ_FRAMES * COLLECT_TURNS, &is_whole);
		live_interface_close(&source->interfaces[i]);
	}
}

static void source_live_free(struct source_live *source)
{
	for (size_t i = 0; i < source->n_interfaces; i++)
		live_interface_close(&source->interfaces[i]);
	meter_free(&source->meter);
	if (source->timer_fd >= 0)
		close(source->timer_fd);
	if (source->epoll_fd >= 0)
		close(source->epoll_fd);
	free(source->locals);
	free(source->arrived);
	free(source);
}

static void live_close(void *self, bool keep)
{
	(void)keep;
	source_live_free(self);
}

static void live_abort(void *self)
{
	source_live_free(self);
}

static const struct source_operations operations = {
	.name = "pcap",
	.epoch = live_epoch,
	.is_resumed = live_is_resumed,
	.occupancy = live_occupancy,
	.attach = live_attach,
	.collect = live_collect,
	.arrivals_fd = live_arrivals_fd,
	.arrivals = live_arrivals,
	.health = live_health,
	.detach = live_detach,
	.close = live_close,
	.abort = live_abort,
};

static int open_descriptors(struct source_live *source)
{
	struct epoll_event event = {.events = EPOLLIN};

	source->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	source->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (source->epoll_fd < 0 || source->timer_fd < 0 ||
	    epoll_ctl(source->epoll_fd, EPOLL_CTL_ADD, source->timer_fd, &event))
		return -errno;
	return 0;
}

int source_live_new(const struct source_options *options, struct source *out)
{
	struct source_live *source = calloc(1, sizeof(*source));
	uint64_t nonce = 0;
	int r = 0;

	if (!source)
		return log_errno(-ENOMEM, "captures");
	source->epoll_fd = source->timer_fd = -1;
	source->max_keys = options->max_addresses;
	source->max_addresses_per_mac = options->max_addresses_per_mac;
	source->arrival_gap_ns = options->arrival_gap_ns;
	source->sequence = 2;
	if (getrandom(&nonce, sizeof(nonce), 0) != sizeof(nonce))
		r = -errno;
	/* new at each start: what was counted before is in the store, and nothing goes on from there */
	snprintf(source->epoch, sizeof(source->epoch), "pcap:%.36s:%016" PRIx64, options->boot_id, nonce);
	if (!r)
		r = open_descriptors(source);
	if (!r)
		r = open_meter(source, &source->meter);
	if (r) {
		source_live_free(source);
		return log_errno(r, "captures");
	}
	*out = (struct source){.operations = &operations, .self = source};
	return 0;
}
