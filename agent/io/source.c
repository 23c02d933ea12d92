/* SPDX-License-Identifier: MIT */
#include "io/source.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

/* Refused for want of privileges is not the same as missing: that is said, and nobody slides into inexactness. */
static int open_best(const struct source_options *options, struct source *out)
{
	int r = source_bpf_probe();

	if (r != -ENOSYS && r != -EINVAL)
		return source_bpf_new(options, out);
	log_warning("this kernel lacks the BPF that exact counting needs (%s): counting by packet capture (source = "
		    "\"pcap\"), which costs more, misses what passes while the agent is down, and can lose packets; "
		    "/healthz shows how many",
		    strerror(-r));
	return source_live_new(options, out);
}

int source_open(const struct source_options *options, struct source *out)
{
	static int (*const openers[])(const struct source_options *options, struct source *out) = {
		[CONFIG_SOURCE_AUTO] = open_best,
		[CONFIG_SOURCE_BPF] = source_bpf_new,
		[CONFIG_SOURCE_PCAP] = source_live_new,
	};
	_Static_assert(sizeof(openers) / sizeof(openers[0]) == CONFIG_N_SOURCES, "an opener for each");
	int r = openers[options->kind](options, out);

	if (!r)
		out->attach = options->attach;
	return r;
}

const char *source_epoch(const struct source *source)
{
	return source->operations->epoch(source->self);
}

bool source_is_resumed(const struct source *source)
{
	return source->operations->is_resumed(source->self);
}

void source_occupancy(const struct source *source, uint64_t *n_used, uint64_t *n_max)
{
	source->operations->occupancy(source->self, n_used, n_max);
}

bool source_has_previous(const struct source *source)
{
	return source->operations->has_previous && source->operations->has_previous(source->self);
}

int source_collect_previous(struct source *source, source_reading reading, void *context)
{
	return source->operations->collect_previous(source->self, reading, context);
}

void source_drop_previous(struct source *source)
{
	source->operations->drop_previous(source->self);
}

void source_observe(struct source *source, int64_t now_mono_ns)
{
	if (source->operations->observe)
		source->operations->observe(source->self, now_mono_ns);
}

bool source_can_retire(const struct source *source)
{
	return source->operations->retire != NULL;
}

void source_retire(struct source *source, const struct counter_reading *booked)
{
	source->operations->retire(source->self, booked);
}

int source_attach(struct source *source, const char *interface)
{
	return source->operations->attach(source->self, interface, source->attach);
}

int source_collect(struct source *source, source_reading reading, void *context)
{
	return source->operations->collect(source->self, reading, context);
}

int source_collect_some(struct source *source, const struct mac_set *macs, source_reading reading, void *context)
{
	if (!source->operations->collect_some)
		return source_collect(source, reading, context);
	source->operations->collect_some(source->self, macs, reading, context);
	return 0;
}

int source_arrivals_fd(const struct source *source)
{
	return source->operations->arrivals_fd(source->self);
}

int source_arrivals(struct source *source, source_reading reading, void *context)
{
	return source->operations->arrivals(source->self, reading, context);
}

size_t source_health(struct source *source, struct health_interface *interfaces, size_t n_max)
{
	return source->operations->health(source->self, interfaces, n_max);
}

void source_detach(struct source *source)
{
	source->operations->detach(source->self);
}

void source_close(struct source *source, bool keep)
{
	if (source->operations)
		source->operations->close(source->self, keep);
	*source = (struct source){0};
}

void source_abort(struct source *source)
{
	if (source->operations)
		source->operations->abort(source->self);
	*source = (struct source){0};
}
