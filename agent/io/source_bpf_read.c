/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "io/source_bpf_private.h"

/* Collections between two looks at which MACs are this machine's. */
#define LOCAL_MACS_EVERY 5

static uint32_t bridge_of(const struct source_bpf *source, uint32_t ifindex)
{
	for (size_t i = 0; i < source->n_interfaces; i++)
		if (source->interfaces[i].ifindex == ifindex)
			return source->interfaces[i].bridge;
	return 0;
}

static void on_slot(void *context, const struct counter_reading *reading)
{
	struct source_bpf *source = context;
	struct counter_reading out = *reading;

	out.bridge = bridge_of(source, out.key.ifindex);
	source->reading(source->reading_context, &out);
}

static int read_table(struct source_bpf *source, const struct source_table *table, source_reading reading,
		      void *context)
{
	int r;

	source->reading = reading;
	source->reading_context = context;
	r = source_table_read(table, on_slot, source);
	if (r && !source->has_failed)
		log_errno(r, "reading the counters");
	source->has_failed = r != 0;
	return r;
}

int source_bpf_collect(struct source_bpf *source, source_reading reading, void *context)
{
	if (source->n_collections++ % LOCAL_MACS_EVERY == 0)
		source_local_macs_refresh(source);
	return read_table(source, &source->table, reading, context);
}

void source_bpf_collect_some(struct source_bpf *source, const struct mac_set *macs, source_reading reading,
			     void *context)
{
	source->reading = reading;
	source->reading_context = context;
	source_table_read_some(&source->table, macs, on_slot, source);
}

/* A program that was replaced may still be at work on another CPU; this returns when it cannot be any more. */
static void wait_for_programs(void)
{
	/* a grace period of RCU (sys_membarrier, kernel/sched/membarrier.c), under which the programs run */
	if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(20 * 1000);
}

int source_bpf_collect_previous(struct source_bpf *source, source_reading reading, void *context)
{
	wait_for_programs();
	return read_table(source, &source->previous, reading, context);
}

void source_bpf_retire(struct source_bpf *source, const struct counter_reading *booked)
{
	source_table_retire(&source->table, booked);
}

int source_bpf_arrivals_fd(const struct source_bpf *source)
{
	return ring_buffer__epoll_fd(source->ring);
}

int source_on_arrival(void *context, void *data, size_t size)
{
	struct source_bpf *source = context;
	struct counter_reading out;

	assert(size >= sizeof(struct octet_arrival));
	if (source_table_read_one(&source->table, data, &out))
		on_slot(source, &out);
	return 0;
}

int source_bpf_arrivals(struct source_bpf *source, source_reading reading, void *context)
{
	int r;

	source->reading = reading;
	source->reading_context = context;
	r = ring_buffer__consume(source->ring);
	return r < 0 ? r : 0;
}
