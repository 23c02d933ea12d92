/* SPDX-License-Identifier: MIT */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "io/link.h"
#include "io/now.h"
#include "io/source_bpf_private.h"

struct attach_point source_interface_point(const struct source_bpf *source, const struct source_interface *interface,
					   enum octet_direction direction)
{
	return (struct attach_point){interface->name, interface->ifindex, direction, source->pin_dir};
}

void source_interface_close_program(struct source_interface *interface, enum octet_direction direction)
{
	if (interface->program_fds[direction] >= 0)
		close(interface->program_fds[direction]);
	interface->program_fds[direction] = -1;
}

void source_interface_release(struct source_interface *interface)
{
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++) {
		attach_release(&interface->attachments[i]);
		source_interface_close_program(interface, (enum octet_direction)i);
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

static uint32_t bridge_in(const struct link_facts *facts)
{
	return strcmp(facts->master_kind, "bridge") == 0 ? facts->master : 0;
}

void source_interface_note(struct source_interface *interface, const struct link_facts *facts)
{
	snprintf(interface->name, sizeof(interface->name), "%s", facts->name);
	interface->bridge = bridge_in(facts);
}

int source_bpf_attach(struct source_bpf *source, const char *name, enum config_attach mode)
{
	uint32_t counted[OCTET_SLOTS_MAX];
	struct link_facts facts;
	int r = link_look_up(name, counted, source_bpf_links(source, counted), &facts);

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

struct source_interface *source_interface_find(struct source_bpf *source, uint32_t ifindex)
{
	for (size_t i = 0; i < source->n_interfaces; i++)
		if (source->interfaces[i].ifindex == ifindex)
			return &source->interfaces[i];
	return NULL;
}

bool source_bpf_follow_link(struct source_bpf *source, const struct link_facts *facts)
{
	struct source_interface *interface = source_interface_find(source, facts->ifindex);

	if (!interface)
		return false;
	if (strcmp(interface->name, facts->name) != 0)
		log_info("interface %s: it is called %s now, and goes on", interface->name, facts->name);
	source_interface_note(interface, facts);
	return memcmp(&interface->mac, &facts->mac, sizeof(facts->mac)) != 0;
}

void source_interface_unlist(struct source_bpf *source, struct source_interface *interface)
{
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
		bpf_map_update_elem(source->table.fds[MAP_LOCAL_MACS], &key, &one, BPF_ANY);
	}
}

static void read_health(const struct source_bpf *source, const struct source_interface *interface,
			struct health_interface *out)
{
	const int64_t now_ns = now_read().mono_ns;

	*out = (struct health_interface){
		.name = interface->name,
		.ifindex = interface->ifindex,
		.attach_name = attach_kind_name(interface->attachments[OCTET_UP].kind),
	};
	for (uint32_t direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
		const struct source_care *care = &interface->care[direction];
		const struct attach_state state = attach_look(&interface->attachments[direction]);

		out->is_attached[direction] = state.is_alive;
		out->is_behind[direction] = state.is_alive && !state.is_first;
		out->attached_s[direction] = (now_ns - care->attached_mono_ns) / NS_PER_S;
		out->n_reattached[direction] = care->n_reattached;
		out->coverage[direction] = *coverage_report(&interface->coverage[direction]);
		source_table_classes(&source->table, interface->slot, (enum octet_direction)direction,
				     &out->classes[direction]);
	}
}

size_t source_bpf_health(struct source_bpf *source, struct health_interface *interfaces, size_t n_max)
{
	size_t n = 0;

	for (size_t i = 0; i < source->n_interfaces && n < n_max; i++)
		if (!source->interfaces[i].is_pending)
			read_health(source, &source->interfaces[i], &interfaces[n++]);
	return n;
}
