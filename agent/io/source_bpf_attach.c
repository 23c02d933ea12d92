/* SPDX-License-Identifier: MIT */
#include "io/source_bpf_private.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "io/link.h"
#include "octet.skel.h"

bool source_slot_parse(const char *name, uint32_t *slot, uint32_t *ifindex)
{
	static const char prefix[] = "slot-";
	unsigned long slot_number, ifindex_number;
	char *end;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
		return false;
	slot_number = strtoul(name + sizeof(prefix) - 1, &end, 10);
	if (*end != '-' || slot_number >= OCTET_SLOTS_MAX)
		return false;
	ifindex_number = strtoul(end + 1, &end, 10);
	*slot = (uint32_t)slot_number;
	*ifindex = (uint32_t)ifindex_number;
	return *end == '\0';
}

/* The counters' place of an interface survives restarts as a directory "slot-N-IFINDEX". */
static bool slot_find(const struct source_bpf *source, uint32_t ifindex, uint32_t *slot, bool *is_taken)
{
	DIR *directory = opendir(source->pin_dir);
	struct dirent *entry;
	bool is_found = false;
	uint32_t seen_slot, seen_ifindex;

	memset(is_taken, 0, OCTET_SLOTS_MAX * sizeof(*is_taken));
	if (!directory)
		return false;
	while ((entry = readdir(directory))) {
		if (!source_slot_parse(entry->d_name, &seen_slot, &seen_ifindex))
			continue;
		/* its interface is no more, and whatever comes back under this index is another */
		if (!if_indextoname(seen_ifindex, (char[IF_NAMESIZE]){0})) {
			unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
			continue;
		}
		is_taken[seen_slot] = true;
		if (seen_ifindex == ifindex) {
			*slot = seen_slot;
			is_found = true;
		}
	}
	closedir(directory);
	return is_found;
}

static int slot_assign(struct source_bpf *source, struct source_interface *interface)
{
	bool is_taken[OCTET_SLOTS_MAX];
	char name[64], path[PATH_MAX];
	uint32_t slot = 0;

	if (slot_find(source, interface->ifindex, &interface->slot, is_taken))
		return 0;
	while (slot < OCTET_SLOTS_MAX && is_taken[slot])
		slot++;
	if (slot == OCTET_SLOTS_MAX)
		return log_errno(-ENOSPC, "interface %s: no more than %d interfaces can be counted on", interface->name,
				 OCTET_SLOTS_MAX);
	snprintf(name, sizeof(name), "slot-%u-%u", slot, interface->ifindex);
	source_pin_path(source, name, path);
	if (mkdir(path, 0700))
		return log_errno(-errno, "cannot make %s", path);
	interface->slot = slot;
	source_table_clear_classes(&source->table, slot);
	return 0;
}

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
	if (facts->hardware != ARPHRD_ETHER) {
		log_error("interface %s: it has no Ethernet headers, so its guests have no MACs to be told apart by",
			  name);
		return -EPROTONOSUPPORT;
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
	skeleton->rodata->octet_n_slots = table->n_slots;
	skeleton->rodata->octet_bucket_mask = table->n_buckets - 1;
	skeleton->rodata->octet_queue_mask = table->n_queue - 1;
	memcpy((void *)skeleton->rodata->octet_seeds, table->seeds, sizeof(table->seeds));
	skeleton->rodata->octet_hash_base4 = base + table->seeds[4] * OCTET_V4_PREFIX;
	skeleton->rodata->octet_hash_base6 = base;
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

static struct attach_point point_of(const struct source_bpf *source, const struct source_interface *interface,
				    enum octet_direction direction)
{
	return (struct attach_point){interface->name, interface->ifindex, direction, source->pin_dir};
}

void source_interface_remove(const struct source_bpf *source, struct source_interface *interface, bool only_new)
{
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++) {
		struct attach_point point = point_of(source, interface, (enum octet_direction)i);
		struct attachment *attachment = &interface->attachments[i];

		if (attachment->kind == ATTACH_NONE)
			continue;
		if (only_new && !attachment->is_new)
			attach_release(attachment);
		else
			attach_remove(&point, attachment);
	}
}

int source_bpf_attach(struct source_bpf *source, const char *name, enum config_attach mode)
{
	struct source_interface *interface = &source->interfaces[source->n_interfaces];
	struct octet *skeleton = NULL;
	struct link_facts facts;
	int r;

	if (source->n_interfaces == OCTET_SLOTS_MAX)
		return log_errno(-ENOSPC, "interface %s: too many", name);
	*interface = (struct source_interface){.attachments = {ATTACHMENT_INIT, ATTACHMENT_INIT}};
	snprintf(interface->name, sizeof(interface->name), "%s", name);
	r = interface_look_up(source, name, &facts);
	if (r)
		return r;
	interface->ifindex = facts.ifindex;
	interface->bridge = strcmp(facts.master_kind, "bridge") == 0 ? facts.master : 0;
	r = slot_assign(source, interface);
	if (r)
		return r;
	r = load_programs(source, &facts, interface->slot, &skeleton);
	if (r)
		return r;
	assert(skeleton);
	for (int i = 0; !r && i < OCTET_N_DIRECTIONS; i++) {
		struct attach_point point = point_of(source, interface, (enum octet_direction)i);
		struct bpf_program *program = i == OCTET_UP ? skeleton->progs.octet_up : skeleton->progs.octet_down;

		r = attach_program(&point, mode, bpf_program__fd(program), &interface->attachments[i]);
	}
	octet__destroy(skeleton);
	if (r) {
		source_interface_remove(source, interface, true);
		return r;
	}
	source_coverage_init(interface, facts.kind);
	source->n_interfaces++;
	source_local_macs_refresh(source);
	return 0;
}

static bool is_attached(const struct source_bpf *source, uint32_t ifindex)
{
	for (size_t i = 0; i < source->n_interfaces; i++)
		if (source->interfaces[i].ifindex == ifindex)
			return true;
	return false;
}

void source_bpf_forget_others(struct source_bpf *source)
{
	DIR *directory = opendir(source->pin_dir);
	struct dirent *entry;
	uint32_t slot, ifindex;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (!source_slot_parse(entry->d_name, &slot, &ifindex) || is_attached(source, ifindex))
			continue;
		attach_forget(source->pin_dir, ifindex);
		unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	}
	closedir(directory);
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

size_t source_bpf_health(struct source_bpf *source, struct health_interface *interfaces, size_t n_max)
{
	size_t n = source->n_interfaces < n_max ? source->n_interfaces : n_max;

	for (size_t i = 0; i < n; i++) {
		const struct source_interface *interface = &source->interfaces[i];

		interfaces[i] = (struct health_interface){
			.name = interface->name,
			.ifindex = interface->ifindex,
			.attach_name = attach_kind_name(interface->attachments[OCTET_UP].kind),
		};
		for (uint32_t direction = 0; direction < OCTET_N_DIRECTIONS; direction++) {
			interfaces[i].is_attached[direction] = attach_is_alive(&interface->attachments[direction]);
			source_table_classes(&source->table, interface->slot, (enum octet_direction)direction,
					     &interfaces[i].classes[direction]);
			interfaces[i].coverage[direction] = *coverage_report(&interface->coverage[direction]);
		}
	}
	return n;
}
