/* SPDX-License-Identifier: MIT */
/* The kernel half behind the common face of sources. */
#include <bpf/bpf.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "io/bpffs.h"
#include "io/source.h"
#include "io/source_bpf.h"

static const char *bpf_epoch(const void *self)
{
	return source_bpf_epoch(self);
}

static bool bpf_is_resumed(const void *self)
{
	return source_bpf_is_resumed(self);
}

static void bpf_occupancy(const void *self, uint64_t *n_used, uint64_t *n_max)
{
	source_bpf_occupancy(self, n_used, n_max);
}

static bool bpf_has_previous(const void *self)
{
	return source_bpf_has_previous(self);
}

static void bpf_collect_some(void *self, const struct mac_set *macs, source_reading reading, void *context)
{
	source_bpf_collect_some(self, macs, reading, context);
}

static int bpf_collect_previous(void *self, source_reading reading, void *context)
{
	return source_bpf_collect_previous(self, reading, context);
}

static void bpf_drop_previous(void *self)
{
	source_bpf_drop_previous(self);
}

static void bpf_observe(void *self, int64_t now_mono_ns)
{
	source_bpf_observe(self, now_mono_ns);
}

static void bpf_retire(void *self, const struct counter_reading *booked)
{
	source_bpf_retire(self, booked);
}

static int bpf_attach(void *self, const char *interface, enum config_attach mode)
{
	return source_bpf_attach(self, interface, mode);
}

static int bpf_collect(void *self, source_reading reading, void *context)
{
	return source_bpf_collect(self, reading, context);
}

static int bpf_arrivals_fd(const void *self)
{
	return source_bpf_arrivals_fd(self);
}

static int bpf_arrivals(void *self, source_reading reading, void *context)
{
	return source_bpf_arrivals(self, reading, context);
}

static size_t bpf_health(void *self, struct health_interface *interfaces, size_t n_max)
{
	return source_bpf_health(self, interfaces, n_max);
}

static void bpf_detach(void *self)
{
	source_bpf_detach(self);
}

static void bpf_close(void *self, bool keep)
{
	struct source_bpf *source = self;

	source_bpf_close(&source, keep);
}

static void bpf_abort(void *self)
{
	struct source_bpf *source = self;

	source_bpf_abort(&source);
}

static const struct source_operations operations = {
	.name = "bpf",
	.epoch = bpf_epoch,
	.is_resumed = bpf_is_resumed,
	.occupancy = bpf_occupancy,
	.attach = bpf_attach,
	.collect = bpf_collect,
	.arrivals_fd = bpf_arrivals_fd,
	.arrivals = bpf_arrivals,
	.health = bpf_health,
	.detach = bpf_detach,
	.close = bpf_close,
	.abort = bpf_abort,
	.has_previous = bpf_has_previous,
	.collect_previous = bpf_collect_previous,
	.drop_previous = bpf_drop_previous,
	.retire = bpf_retire,
	.observe = bpf_observe,
	.collect_some = bpf_collect_some,
};

struct source_bpf *source_bpf_of(const struct source *source)
{
	return source->operations == &operations ? source->self : NULL;
}

int source_bpf_new(const struct source_options *options, struct source *out)
{
	char dir[PATH_MAX], path[PATH_MAX];
	struct source_bpf_options bpf_options = {
		.pin_dir = path,
		.boot_id = options->boot_id,
		.known_epoch = options->known_epoch,
		.max_addresses = options->max_addresses,
		.max_addresses_per_mac = options->max_addresses_per_mac,
		.arrival_gap_ns = options->arrival_gap_ns,
	};
	struct source_bpf *source = NULL;
	int r;

	/* a directory for each store: agents on other stores, say in other network namespaces, have their own */
	snprintf(dir, sizeof(dir), "%s/%s", options->bpffs_dir, options->instance);
	r = bpffs_prepare(dir, path, sizeof(path));
	if (!r)
		r = source_bpf_open(&bpf_options, &source);
	if (!r)
		*out = (struct source){.operations = &operations, .self = source};
	return r;
}

int source_bpf_probe(void)
{
	/* the youngest of what is needed (Linux 5.8); of one page, the smallest */
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, (__u32)sysconf(_SC_PAGESIZE), NULL);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}
