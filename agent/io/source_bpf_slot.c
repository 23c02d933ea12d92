/* SPDX-License-Identifier: MIT */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "io/source_bpf_private.h"

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

static void marker_path(const struct source_bpf *source, const struct source_interface *interface, char path[PATH_MAX])
{
	char name[64];

	snprintf(name, sizeof(name), "slot-%u-%u", interface->slot, interface->ifindex);
	source_pin_path(source, name, path);
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
			attach_forget(source->pin_dir, seen_ifindex);
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

int source_slot_assign(struct source_bpf *source, struct source_interface *interface)
{
	bool is_taken[OCTET_SLOTS_MAX];
	char path[PATH_MAX];
	uint32_t slot = 0;

	if (slot_find(source, interface->ifindex, &interface->slot, is_taken))
		return 0;
	while (slot < OCTET_SLOTS_MAX && is_taken[slot])
		slot++;
	if (slot == OCTET_SLOTS_MAX)
		return log_errno(-ENOSPC, "interface %s: no more than %d interfaces can be counted on", interface->name,
				 OCTET_SLOTS_MAX);
	interface->slot = slot;
	marker_path(source, interface, path);
	if (mkdir(path, 0700))
		return log_errno(-errno, "cannot make %s", path);
	source_table_clear_classes(&source->table, slot);
	return 0;
}

void source_slot_release(const struct source_bpf *source, const struct source_interface *interface)
{
	char path[PATH_MAX];

	marker_path(source, interface, path);
	rmdir(path);
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
