/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "io/source_bpf_private.h"

/* Collections between two looks at which MACs are this machine's. */
#define LOCAL_MACS_EVERY 5

static void sum_counters(const struct octet_counters *values, int n_cpus, struct counter_reading *reading)
{
	for (int cpu = 0; cpu < n_cpus; cpu++) {
		const struct octet_counters *value = &values[cpu];

		reading->total.up_bytes += value->up_bytes;
		reading->total.up_packets += value->up_packets;
		reading->total.down_bytes += value->down_bytes;
		reading->total.down_packets += value->down_packets;
		if (reading->last_up_ns < (int64_t)value->last_up_ns)
			reading->last_up_ns = (int64_t)value->last_up_ns;
		if (reading->last_down_ns < (int64_t)value->last_down_ns)
			reading->last_down_ns = (int64_t)value->last_down_ns;
	}
}

static struct counter_key key_of4(const struct octet_key4 *key)
{
	struct counter_key out = {.vlan = key->vlan, .ifindex = key->ifindex};

	memcpy(out.mac.octets, key->mac, sizeof(out.mac.octets));
	if (!(key->vlan & OCTET_VLAN_MAC_ONLY))
		out.ip = ip_from_v4(key->ip);
	return out;
}

static struct counter_key key_of6(const struct octet_key6 *key)
{
	struct counter_key out = {.vlan = key->vlan, .ifindex = key->ifindex};

	memcpy(out.mac.octets, key->mac, sizeof(out.mac.octets));
	memcpy(out.ip.octets, key->ip, sizeof(out.ip.octets));
	return out;
}

static uint32_t bridge_of(const struct source_bpf *source, uint32_t ifindex)
{
	for (size_t i = 0; i < source->n_interfaces; i++)
		if (source->interfaces[i].ifindex == ifindex)
			return source->interfaces[i].bridge;
	return 0;
}

static struct counter_key key_at(const struct source_bpf *source, enum source_map map, size_t index)
{
	if (map == MAP_CLIENTS4)
		return key_of4((const struct octet_key4 *)source->keys + index);
	return key_of6(source->keys + index);
}

static int collect_map(struct source_bpf *source, enum source_map map, source_reading reading, void *context)
{
	/* the kernel's cursor: a bucket number, at most as large as a key */
	struct octet_key6 cursor;
	void *previous = NULL;
	int r;

	do {
		__u32 n_entries = SOURCE_BATCH_ENTRIES;

		r = bpf_map_lookup_batch(source->map_fds[map], previous, &cursor, source->keys, source->values,
					 &n_entries, NULL);
		if (r && r != -ENOENT)
			return r;
		for (__u32 i = 0; i < n_entries; i++) {
			struct counter_reading out = {.key = key_at(source, map, i)};

			out.bridge = bridge_of(source, out.key.ifindex);
			sum_counters(source->values + (size_t)i * (size_t)source->n_cpus, source->n_cpus, &out);
			reading(context, &out);
		}
		previous = &cursor;
	} while (r != -ENOENT);
	return 0;
}

int source_bpf_collect(struct source_bpf *source, source_reading reading, void *context)
{
	int r;

	if (source->n_collections++ % LOCAL_MACS_EVERY == 0)
		source_local_macs_refresh(source);
	r = collect_map(source, MAP_CLIENTS4, reading, context);
	if (!r)
		r = collect_map(source, MAP_CLIENTS6, reading, context);
	if (r && !source->has_failed)
		log_errno(r, "reading the counters");
	source->has_failed = r != 0;
	return r;
}

int source_bpf_arrivals_fd(const struct source_bpf *source)
{
	return ring_buffer__epoll_fd(source->ring);
}

int source_on_arrival(void *context, void *data, size_t size)
{
	struct source_bpf *source = context;
	const struct octet_arrival *arrival = data;
	struct counter_reading out;
	int r;

	assert(size >= sizeof(*arrival));
	if (arrival->is_v4) {
		struct octet_key4 key = {.vlan = arrival->vlan, .ifindex = arrival->ifindex};

		memcpy(key.mac, arrival->mac, sizeof(key.mac));
		memcpy(key.ip, arrival->ip + 12, sizeof(key.ip));
		out = (struct counter_reading){.key = key_of4(&key)};
		r = bpf_map_lookup_elem(source->map_fds[MAP_CLIENTS4], &key, source->values);
	} else {
		struct octet_key6 key = {.vlan = arrival->vlan, .ifindex = arrival->ifindex};

		memcpy(key.mac, arrival->mac, sizeof(key.mac));
		memcpy(key.ip, arrival->ip, sizeof(key.ip));
		out = (struct counter_reading){.key = key_of6(&key)};
		r = bpf_map_lookup_elem(source->map_fds[MAP_CLIENTS6], &key, source->values);
	}
	if (r)
		return 0;
	out.bridge = bridge_of(source, out.key.ifindex);
	sum_counters(source->values, source->n_cpus, &out);
	source->reading(source->reading_context, &out);
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
