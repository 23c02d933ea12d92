/* SPDX-License-Identifier: MIT */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "io/link.h"
#include "io/now.h"
#include "io/source_bpf_private.h"
#include "octet.skel.h"

/* Which of the attached interfaces would see the same frames again; NULL for none. */
static const char *find_overlap(const struct source_bpf *source, uint32_t ifindex)
{
	CLEANUP_FREE struct link_facts *facts = NULL;
	size_t n_facts = 0;

	if (link_list(&facts, &n_facts))
		return NULL;
	for (size_t i = 0; i < source->n_interfaces; i++) {
		const struct source_interface *other = &source->interfaces[i];

		if (link_is_above(facts, n_facts, ifindex, other->ifindex) ||
		    link_is_above(facts, n_facts, other->ifindex, ifindex))
			return other->name;
	}
	return NULL;
}

/* Refuses what cannot be counted on, or not beside the others. */
static int interface_look_up(const struct source_bpf *source, const char *name, struct link_facts *facts)
{
	const char *overlap;
	int r = link_query(name, facts);

	if (r == -ENODEV) {
		log_error("interface %s: there is no such interface here: see `ip link`, then set interfaces", name);
		return r;
	}
	if (r)
		return log_errno(r, "interface %s", name);
	if (facts->hardware != LINK_HARDWARE_ETHERNET) {
		log_error("interface %s: it has no Ethernet headers, so its guests have no MACs to be told apart by",
			  name);
		return -EPROTONOSUPPORT;
	}
	/* `ip link` knows alternative names too; what changes is told by the first */
	if (strcmp(facts->name, name) != 0) {
		log_error("interface %s: it is called %s: set interfaces to that name", name, facts->name);
		return -EINVAL;
	}
	overlap = find_overlap(source, facts->ifindex);
	if (overlap) {
		log_error("interfaces %s and %s: one is a part of the other, and every octet would count twice: name "
			  "the bridge or its ports, never both",
			  overlap, name);
		return -EINVAL;
	}
	return 0;
}

static void fill_rodata(const struct source_bpf *source, const struct link_facts *facts, uint32_t slot,
			struct octet *skeleton)
{
	skeleton->rodata->octet_slot = slot;
	skeleton->rodata->octet_is_bridge = strcmp(facts->kind, "bridge") == 0;
	skeleton->rodata->octet_has_own_mac = 1;
	memcpy((void *)skeleton->rodata->octet_own_mac, facts->mac.octets, sizeof(facts->mac.octets));
	skeleton->rodata->octet_arrival_gap_ns = (uint64_t)source->arrival_gap_ns;
	skeleton->rodata->octet_tick_ns = source->clock.tick_ns;
	skeleton->rodata->octet_tick_offset_ns = source->clock.offset_ns;
}

static int load_programs(const struct source_bpf *source, const struct link_facts *facts, uint32_t slot,
			 struct octet **out)
{
	struct octet *skeleton = octet__open();
	int r = 0;

	if (!skeleton)
		return source_log_refusal(-errno);
	bpf_program__set_autoload(skeleton->progs.octet_clock, false);
	fill_rodata(source, facts, slot, skeleton);
	for (int i = 0; !r && i < N_MAPS; i++)
		r = bpf_map__reuse_fd(source_skeleton_map(skeleton, (enum source_map)i), source->map_fds[i]);
	if (!r)
		r = octet__load(skeleton);
	if (r) {
		octet__destroy(skeleton);
		return source_log_refusal(r);
	}
	*out = skeleton;
	return 0;
}

struct attach_point source_interface_point(const struct source_bpf *source, const struct source_interface *interface,
					   enum octet_direction direction)
{
	return (struct attach_point){interface->name, interface->ifindex, direction, source->pin_dir};
}

static void close_program(struct source_interface *interface, int direction)
{
	if (interface->program_fds[direction] >= 0)
		close(interface->program_fds[direction]);
	interface->program_fds[direction] = -1;
}

void source_interface_release(struct source_interface *interface)
{
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++) {
		attach_release(&interface->attachments[i]);
		close_program(interface, i);
	}
}

void source_interface_remove(const struct source_bpf *source, struct source_interface *interface, bool only_new)
{
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++) {
		struct attach_point point = source_interface_point(source, interface, (enum octet_direction)i);
		struct attachment *attachment = &interface->attachments[i];

		if (attachment->kind != ATTACH_NONE && (!only_new || attachment->is_new))
			attach_remove(&point, attachment);
	}
	source_interface_release(interface);
}

int source_interface_attach(const struct source_bpf *source, struct source_interface *interface,
			    enum octet_direction direction)
{
	struct attach_point point = source_interface_point(source, interface, direction);
	struct attachment fresh, *attachment = &interface->attachments[direction];
	int r = attach_program(&point, interface->mode, interface->program_fds[direction], &fresh);

	if (r)
		return r;
	/* what this process has made stays so when it is taken over from itself */
	fresh.is_new |= attachment->kind != ATTACH_NONE && attachment->is_new;
	attach_release(attachment);
	*attachment = fresh;
	return 0;
}

/* Loads programs for what facts say of the interface, and attaches them. */
static int attach_programs(const struct source_bpf *source, struct source_interface *interface,
			   const struct link_facts *facts)
{
	struct octet *skeleton = NULL;
	int r = load_programs(source, facts, interface->slot, &skeleton);

	for (int i = 0; !r && i < OCTET_N_DIRECTIONS; i++) {
		const struct bpf_program *program =
			i == OCTET_UP ? skeleton->progs.octet_up : skeleton->progs.octet_down;

		close_program(interface, i);
		interface->program_fds[i] = fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 0);
		r = interface->program_fds[i] < 0 ? -errno
						  : source_interface_attach(source, interface, (enum octet_direction)i);
	}
	octet__destroy(skeleton);
	if (!r)
		interface->mac = facts->mac;
	return r;
}

static uint32_t bridge_in(const struct link_facts *facts)
{
	return strcmp(facts->master_kind, "bridge") == 0 ? facts->master : 0;
}

static void note_name_and_bridge(struct source_interface *interface, const struct link_facts *facts)
{
	snprintf(interface->name, sizeof(interface->name), "%s", facts->name);
	interface->bridge = bridge_in(facts);
}

int source_bpf_attach_link(struct source_bpf *source, const struct link_facts *facts, enum config_attach mode)
{
	struct source_interface *interface = &source->interfaces[source->n_interfaces];
	const int64_t now_ns = now_read().mono_ns;
	int r;

	if (source->n_interfaces == OCTET_SLOTS_MAX)
		return log_errno(-ENOSPC, "interface %s: too many", facts->name);
	*interface = (struct source_interface){
		.ifindex = facts->ifindex,
		.mode = mode,
		.program_fds = {-1, -1},
		.attachments = {ATTACHMENT_INIT, ATTACHMENT_INIT},
		.care = {{.attached_mono_ns = now_ns}, {.attached_mono_ns = now_ns}},
	};
	note_name_and_bridge(interface, facts);
	r = source_slot_assign(source, interface);
	if (r)
		return r;
	r = attach_programs(source, interface, facts);
	if (r) {
		source_interface_remove(source, interface, true);
		return r;
	}
	source->n_interfaces++;
	source_local_macs_refresh(source);
	return 0;
}

int source_bpf_attach(struct source_bpf *source, const char *name, enum config_attach mode)
{
	struct link_facts facts;
	int r = interface_look_up(source, name, &facts);

	if (r)
		return r;
	r = source_bpf_attach_link(source, &facts, mode);
	if (r == -ENODEV)
		log_error("interface %s: it has just vanished", name);
	return r;
}

bool source_bpf_link_has_moved(const struct source_bpf *source, const struct link_facts *facts)
{
	for (size_t i = 0; i < source->n_interfaces; i++)
		if (source->interfaces[i].ifindex == facts->ifindex)
			return source->interfaces[i].bridge != bridge_in(facts);
	return false;
}

static struct source_interface *find_interface(struct source_bpf *source, uint32_t ifindex)
{
	for (size_t i = 0; i < source->n_interfaces; i++)
		if (source->interfaces[i].ifindex == ifindex)
			return &source->interfaces[i];
	return NULL;
}

int source_bpf_follow_link(struct source_bpf *source, const struct link_facts *facts)
{
	struct source_interface *interface = find_interface(source, facts->ifindex);

	if (!interface)
		return -ENODEV;
	if (strcmp(interface->name, facts->name) != 0)
		log_info("interface %s: it is called %s now, and goes on", interface->name, facts->name);
	note_name_and_bridge(interface, facts);
	if (memcmp(&interface->mac, &facts->mac, sizeof(facts->mac)) == 0)
		return 0;
	log_info("interface %s: its MAC address has changed", interface->name);
	source_local_macs_refresh(source);
	return attach_programs(source, interface, facts);
}

void source_bpf_drop_link(struct source_bpf *source, uint32_t ifindex)
{
	struct source_interface *interface = find_interface(source, ifindex);

	if (!interface)
		return;
	log_info("interface %s: not counted on any more; what was counted there stays", interface->name);
	source_interface_remove(source, interface, false);
	source_slot_release(source, interface);
	source->n_interfaces--;
	memmove(interface, interface + 1,
		(size_t)(&source->interfaces[source->n_interfaces] - interface) * sizeof(*interface));
}

size_t source_bpf_links(const struct source_bpf *source, uint32_t ifindexes[OCTET_SLOTS_MAX])
{
	for (size_t i = 0; i < source->n_interfaces; i++)
		ifindexes[i] = source->interfaces[i].ifindex;
	return source->n_interfaces;
}

void source_local_macs_refresh(const struct source_bpf *source)
{
	CLEANUP_FREE struct link_facts *facts = NULL;
	size_t n_facts = 0;

	if (link_list(&facts, &n_facts))
		return;
	for (size_t i = 0; i < n_facts; i++) {
		struct octet_mac key = {0};
		__u8 one = 1;

		memcpy(key.mac, facts[i].mac.octets, sizeof(key.mac));
		bpf_map_update_elem(source->map_fds[MAP_LOCAL_MACS], &key, &one, BPF_ANY);
	}
}

static void read_classes(const struct source_bpf *source, uint32_t index, struct octet_iface *sum)
{
	CLEANUP_FREE struct octet_iface *values = calloc((size_t)source->n_cpus, sizeof(*values));

	*sum = (struct octet_iface){0};
	if (!values || bpf_map_lookup_elem(source->map_fds[MAP_IFACES], &index, values))
		return;
	for (int cpu = 0; cpu < source->n_cpus; cpu++)
		for (int class = 0; class < OCTET_N_CLASSES; class ++) {
			sum->classes[class].frames += values[cpu].classes[class].frames;
			sum->classes[class].wire_bytes += values[cpu].classes[class].wire_bytes;
		}
}

size_t source_bpf_health(struct source_bpf *source, struct health_interface *interfaces, size_t n_max)
{
	const size_t n = source->n_interfaces < n_max ? source->n_interfaces : n_max;
	const int64_t now_ns = now_read().mono_ns;

	for (size_t i = 0; i < n; i++) {
		const struct source_interface *interface = &source->interfaces[i];

		interfaces[i] = (struct health_interface){
			.name = interface->name,
			.ifindex = interface->ifindex,
			.attach_name = attach_kind_name(interface->attachments[OCTET_UP].kind),
		};
		for (uint32_t direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
			const struct source_care *care = &interface->care[direction];
			const struct attach_state state = attach_look(&interface->attachments[direction]);

			interfaces[i].is_attached[direction] = state.is_alive;
			interfaces[i].is_behind[direction] = state.is_alive && !state.is_first;
			interfaces[i].attached_s[direction] = (now_ns - care->attached_mono_ns) / NS_PER_S;
			interfaces[i].n_reattached[direction] = care->n_reattached;
			read_classes(source, interface->slot * OCTET_N_DIRECTIONS + direction,
				     &interfaces[i].classes[direction]);
		}
	}
	return n;
}
