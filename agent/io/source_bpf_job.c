/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/now.h"
#include "io/source_bpf_private.h"
#include "octet.skel.h"

enum job_kind {
	JOB_ATTACH,
	JOB_REPLACE, /* it is counted on already, and only its programs are to be others */
	JOB_DROP,    /* it is not listed any more */
};

/*
 * Between "new" and "finish" a new interface is listed as pending, so that arrivals find its bridge, and nobody but the
 * job touches what it works on: a copy.
 */
struct source_job {
	const struct source_bpf *source; /* only what never changes after opening is read */
	struct link_facts facts;
	struct source_interface interface;
	enum job_kind kind;
	int error;
};

static void fill_rodata(const struct source_bpf *source, const struct link_facts *facts, uint32_t slot,
			struct octet *skeleton)
{
	const struct octet_table *table = &source->table.facts;
	const uint64_t base = table->seeds[7] + table->seeds[6] * facts->ifindex;
	uint64_t mac = 0;

	memcpy(&mac, facts->mac.octets, sizeof(facts->mac.octets));
	skeleton->rodata->octet_iface_slot = slot;
	skeleton->rodata->octet_ifindex = facts->ifindex;
	skeleton->rodata->octet_is_bridge = strcmp(facts->kind, "bridge") == 0;
	skeleton->rodata->octet_own_mac = mac;
	skeleton->rodata->octet_arrival_gap_ns = (uint64_t)source->arrival_gap_ns;
	skeleton->rodata->octet_max_addresses_per_mac = source->max_addresses_per_mac;
	skeleton->rodata->octet_tick_ns = source->clock.tick_ns;
	skeleton->rodata->octet_tick_offset_ns = source->clock.offset_ns;
	skeleton->rodata->octet_n_regions = table->n_regions;
	skeleton->rodata->octet_n_slots = table->n_slots;
	skeleton->rodata->octet_bucket_mask = table->n_buckets - 1;
	skeleton->rodata->octet_queue_mask = table->n_queue - 1;
	memcpy((void *)skeleton->rodata->octet_seeds, table->seeds, sizeof(table->seeds));
	skeleton->rodata->octet_hash_base4 = base + table->seeds[4] * OCTET_V4_PREFIX;
	skeleton->rodata->octet_hash_base6 = base;
}

static int open_skeleton(const struct source_bpf *source, const struct link_facts *facts, uint32_t slot,
			 struct octet **out)
{
	struct octet *skeleton = octet__open();
	int r = 0;

	if (!skeleton)
		return source_log_refusal(-errno);
	bpf_program__set_autoload(skeleton->progs.octet_clock, false);
	fill_rodata(source, facts, slot, skeleton);
	for (int i = 0; !r && i < N_MAPS; i++)
		r = bpf_map__reuse_fd(source_skeleton_map(skeleton, (enum source_map)i), source->table.fds[i]);
	if (!r)
		r = octet__load(skeleton);
	if (r) {
		octet__destroy(skeleton);
		return source_log_refusal(r);
	}
	*out = skeleton;
	return 0;
}

static int load_programs(struct source_job *job)
{
	struct source_interface *interface = &job->interface;
	struct octet *skeleton = NULL;
	int r = open_skeleton(job->source, &job->facts, interface->slot, &skeleton);

	if (r)
		return r;
	assert(skeleton);
	for (int i = 0; !r && i < OCTET_N_DIRECTIONS; i++) {
		const struct bpf_program *program =
			i == OCTET_UP ? skeleton->progs.octet_up : skeleton->progs.octet_down;

		interface->program_fds[i] = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0);
		if (interface->program_fds[i] < 0)
			r = log_errno(-errno, "interface %s: cannot keep its programs", interface->name);
	}
	octet__destroy(skeleton);
	return r;
}

void source_job_run(struct source_job *job)
{
	int r = job->kind == JOB_DROP ? 0 : load_programs(job);

	for (int i = 0; !r && job->kind == JOB_ATTACH && i < OCTET_N_DIRECTIONS; i++)
		r = source_interface_attach(job->source, &job->interface, (enum octet_direction)i);
	if (r || job->kind == JOB_DROP)
		source_interface_remove(job->source, &job->interface, job->kind != JOB_DROP);
	job->error = r;
}

static int list_pending(struct source_bpf *source, struct source_job *job)
{
	const int64_t now_ns = now_read().mono_ns;
	int r;

	if (source->n_interfaces == OCTET_SLOTS_MAX)
		return log_errno(-ENOSPC, "interface %s: too many", job->facts.name);
	job->interface.care[OCTET_UP].attached_mono_ns = now_ns;
	job->interface.care[OCTET_DOWN].attached_mono_ns = now_ns;
	r = source_slot_assign(source, &job->interface);
	if (r)
		return r;
	source->interfaces[source->n_interfaces] = job->interface;
	source->interfaces[source->n_interfaces++].is_pending = true;
	return 0;
}

int source_job_new(struct source_bpf *source, const struct link_facts *facts, enum config_attach mode,
		   struct source_job **out)
{
	const struct source_interface *counted = source_interface_find(source, facts->ifindex);
	struct source_job *job = calloc(1, sizeof(*job));
	int r = 0;

	if (!job)
		return log_errno(-ENOMEM, "interface %s", facts->name);
	job->source = source;
	job->facts = *facts;
	job->kind = counted ? JOB_REPLACE : JOB_ATTACH;
	job->interface = (struct source_interface){
		.ifindex = facts->ifindex,
		.slot = counted ? counted->slot : 0,
		.mode = mode,
		.mac = facts->mac,
		.program_fds = {-1, -1},
		.attachments = {ATTACHMENT_INIT, ATTACHMENT_INIT},
	};
	source_interface_note(&job->interface, facts);
	if (!counted)
		r = list_pending(source, job);
	if (r) {
		free(job);
		return r;
	}
	*out = job;
	return 0;
}

/* Puts the job's programs in place of those that run; an update of a link or filter, which loses no packet. */
static int replace_programs(const struct source_bpf *source, struct source_interface *interface, struct source_job *job)
{
	int r = 0;

	for (int i = 0; !r && i < OCTET_N_DIRECTIONS; i++) {
		source_interface_close_program(interface, (enum octet_direction)i);
		interface->program_fds[i] = job->interface.program_fds[i];
		job->interface.program_fds[i] = -1;
		r = source_interface_attach(source, interface, (enum octet_direction)i);
	}
	source_interface_release(&job->interface);
	if (!r)
		interface->mac = job->interface.mac;
	return r;
}

int source_job_new_drop(struct source_bpf *source, uint32_t ifindex, struct source_job **out)
{
	struct source_interface *interface = source_interface_find(source, ifindex);
	struct source_job *job = interface ? calloc(1, sizeof(*job)) : NULL;

	if (!job)
		return interface ? -ENOMEM : -ENODEV;
	log_info("interface %s: not counted on any more; what was counted there stays", interface->name);
	job->kind = JOB_DROP;
	job->source = source;
	job->facts.ifindex = ifindex;
	job->interface = *interface;
	source_interface_unlist(source, interface);
	*out = job;
	return 0;
}

static int finish(struct source_bpf *source, struct source_job *job)
{
	struct source_interface *interface = source_interface_find(source, job->facts.ifindex);

	if (job->kind == JOB_DROP) {
		source_slot_release(source, &job->interface);
		return 0;
	}
	if (!interface) {
		source_interface_release(&job->interface);
		return -ENODEV;
	}
	if (job->kind == JOB_REPLACE)
		return job->error ? job->error : replace_programs(source, interface, job);
	if (job->error)
		source_interface_unlist(source, interface);
	else
		*interface = job->interface;
	if (!job->error)
		source_coverage_init(interface, job->facts.kind);
	return job->error;
}

int source_job_finish(struct source_bpf *source, struct source_job **job)
{
	const int r = finish(source, *job);

	source_local_macs_refresh(source);
	free(*job);
	*job = NULL;
	return r;
}

uint32_t source_job_ifindex(const struct source_job *job)
{
	return job->facts.ifindex;
}

int source_bpf_attach_link(struct source_bpf *source, const struct link_facts *facts, enum config_attach mode)
{
	struct source_job *job = NULL;
	int r = source_job_new(source, facts, mode, &job);

	if (r)
		return r;
	assert(job);
	source_job_run(job);
	return source_job_finish(source, &job);
}

void source_bpf_drop_link(struct source_bpf *source, uint32_t ifindex)
{
	struct source_job *job = NULL;

	if (source_job_new_drop(source, ifindex, &job))
		return;
	assert(job);
	source_job_run(job);
	(void)source_job_finish(source, &job);
}
