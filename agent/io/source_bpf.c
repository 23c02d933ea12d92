/* SPDX-License-Identifier: MIT */
#include "io/source_bpf_private.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "octet.skel.h"

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[512];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_debug("libbpf: %s", line);
	return 0;
}

void source_pin_path(const struct source_bpf *source, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", source->pin_dir, name);
}

struct bpf_map *source_skeleton_map(const struct octet *skeleton, enum source_map map)
{
	struct bpf_map *const maps[N_MAPS] = {
		[MAP_SLOTS] = skeleton->maps.octet_slots,       [MAP_INDEX] = skeleton->maps.octet_index,
		[MAP_REGIONS] = skeleton->maps.octet_regions,   [MAP_RETIRED] = skeleton->maps.octet_retired,
		[MAP_IFACES] = skeleton->maps.octet_ifaces,     [MAP_TABLE] = skeleton->maps.octet_table,
		[MAP_ARRIVALS] = skeleton->maps.octet_arrivals, [MAP_LOCAL_MACS] = skeleton->maps.octet_local_macs,
	};

	return maps[map];
}

/* One sentence for the reasons why BPF does not work at all. */
int source_log_refusal(int error)
{
	if (error == -EPERM || error == -EACCES)
		log_error("the kernel refuses BPF: run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON");
	else if (error == -EINVAL || error == -ENOSYS)
		log_error("this kernel lacks BPF features that octetd needs (mapped arrays, ring buffer: Linux 5.10 or "
			  "newer, CONFIG_BPF_SYSCALL, CONFIG_NET_CLS_ACT)");
	else if (error == -ENOMEM)
		log_error("not enough kernel memory for the tables: lower max_addresses");
	else
		log_errno(error, "loading the BPF programs");
	return error;
}

/* Removes every pin and marker; links without a pin and a holder end. */
static void clear_pins(const struct source_bpf *source)
{
	DIR *directory = opendir(source->pin_dir);
	uint32_t slot, ifindex;
	struct dirent *entry;

	if (!directory)
		return;
	/* first the filters, which no pin holds, while the markers still say whose they are */
	while ((entry = readdir(directory)))
		if (source_slot_parse(entry->d_name, &slot, &ifindex))
			attach_forget(source->pin_dir, ifindex);
	rewinddir(directory);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		/* a marker is a directory */
		if (unlinkat(dirfd(directory), entry->d_name, 0))
			unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	}
	closedir(directory);
}

static const char table_prefix[] = "table-";

/* Calls visit with each table that is pinned, readable or not, under its directory's name. */
static void each_table(struct source_bpf *source, void (*visit)(struct source_bpf *source, const char *name))
{
	DIR *directory = opendir(source->pin_dir);
	struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (strncmp(entry->d_name, table_prefix, sizeof(table_prefix) - 1) == 0)
			visit(source, entry->d_name);
	closedir(directory);
}

/* Which of the pinned tables the store knows, and which one is to follow it, if an earlier start came so far. */
static void take_known(struct source_bpf *source, const char *name)
{
	CLEANUP(source_table_clean) struct source_table table;
	char epoch[SOURCE_EPOCH_SIZE];

	source_table_init(&table);
	if (source_table_open(source->pin_dir, name, &table))
		return;
	source_table_epoch(table.id, source->boot_id, epoch);
	if (strcmp(epoch, source->epoch) != 0)
		return;
	source->table = table;
	source_table_init(&table);
}

static void take_follower(struct source_bpf *source, const char *name)
{
	CLEANUP(source_table_clean) struct source_table table;

	source_table_init(&table);
	if (source->previous.id || source_table_open(source->pin_dir, name, &table) ||
	    table.facts.follows != source->table.id || !source_table_is_current(&table))
		return;
	source->previous = source->table;
	source->table = table;
	source_table_init(&table);
}

/* Only what is in use stays. */
static void remove_other(struct source_bpf *source, const char *name)
{
	struct source_table table;
	DIR *directory;
	char path[PATH_MAX];
	struct dirent *entry;

	source_table_init(&table);
	snprintf(table.dir, sizeof(table.dir), "%.3900s/%.64s", source->pin_dir, name);
	if (strcmp(table.dir, source->table.dir) == 0 || strcmp(table.dir, source->previous.dir) == 0)
		return;
	/* a table of a later version may have maps of other names */
	directory = opendir(table.dir);
	while (directory && (entry = readdir(directory))) {
		snprintf(path, sizeof(path), "%.4000s/%.64s", table.dir, entry->d_name);
		unlink(path);
	}
	if (directory)
		closedir(directory);
	rmdir(table.dir);
}

static int open_tables(struct source_bpf *source, const struct source_bpf_options *options)
{
	int r = 0;

	snprintf(source->epoch, sizeof(source->epoch), "%s", options->known_epoch);
	if (source->epoch[0])
		each_table(source, take_known);
	if (source->table.id)
		each_table(source, take_follower);
	if (source->table.id && !source->previous.id &&
	    (!source_table_is_current(&source->table) || source->table.facts.n_slots != options->max_addresses)) {
		source->previous = source->table;
		source_table_init(&source->table);
		log_info("the table of clients is made anew, for %u addresses on each CPU; the old one is booked to "
			 "its end",
			 options->max_addresses);
	}
	source->is_resumed = source->table.id || source->previous.id;
	if (!source->is_resumed)
		clear_pins(source);
	if (!source->table.id)
		r = source_table_create(source->pin_dir, options->max_addresses, source->previous.id, &source->table);
	if (r)
		return source_log_refusal(r);
	each_table(source, remove_other);
	source_table_epoch(source->table.id, source->boot_id, source->epoch);
	return 0;
}

static void source_free(struct source_bpf *source)
{
	if (source->ring)
		ring_buffer__free(source->ring);
	source_table_clean(&source->table);
	source_table_clean(&source->previous);
	free(source);
}

int source_bpf_open(const struct source_bpf_options *options, struct source_bpf **out)
{
	struct source_bpf *source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return -ENOMEM;
	libbpf_set_print(print_libbpf);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	snprintf(source->pin_dir, sizeof(source->pin_dir), "%s", options->pin_dir);
	snprintf(source->boot_id, sizeof(source->boot_id), "%s", options->boot_id);
	source_table_init(&source->table);
	source_table_init(&source->previous);
	source->arrival_gap_ns = options->arrival_gap_ns;
	source->max_addresses_per_mac = options->max_addresses_per_mac;
	source_clock_calibrate(&source->clock);
	r = open_tables(source, options);
	if (!r) {
		source->ring = ring_buffer__new(source->table.fds[MAP_ARRIVALS], source_on_arrival, source, NULL);
		if (!source->ring)
			r = log_errno(-errno, "cannot map the ring of arrivals");
	}
	if (r) {
		source_free(source);
		return r;
	}
	*out = source;
	return 0;
}

void source_bpf_occupancy(const struct source_bpf *source, uint64_t *n_used, uint64_t *n_max)
{
	*n_used = source_table_n_used(&source->table);
	*n_max = source->table.facts.n_slots;
}

bool source_bpf_has_previous(const struct source_bpf *source)
{
	return source->previous.id != 0;
}

void source_bpf_drop_previous(struct source_bpf *source)
{
	source_table_remove(&source->previous);
}

const char *source_bpf_epoch(const struct source_bpf *source)
{
	return source->epoch;
}

bool source_bpf_is_resumed(const struct source_bpf *source)
{
	return source->is_resumed;
}

void source_bpf_detach(struct source_bpf *source)
{
	for (size_t i = 0; i < source->n_interfaces; i++)
		source_interface_remove(source, &source->interfaces[i], false);
}

void source_bpf_close(struct source_bpf **source_pointer, bool keep)
{
	struct source_bpf *source = *source_pointer;

	if (!source)
		return;
	if (!keep)
		source_bpf_detach(source);
	for (size_t i = 0; i < source->n_interfaces; i++)
		source_interface_release(&source->interfaces[i]);
	if (!keep) {
		source_table_remove(&source->previous);
		source_table_remove(&source->table);
		clear_pins(source);
		rmdir(source->pin_dir);
	}
	source_free(source);
	*source_pointer = NULL;
}

void source_bpf_abort(struct source_bpf **source_pointer)
{
	struct source_bpf *source = *source_pointer;
	bool keep;

	if (!source)
		return;
	keep = source->is_resumed;
	for (size_t i = 0; i < source->n_interfaces; i++)
		source_interface_remove(source, &source->interfaces[i], true);
	source_bpf_close(source_pointer, keep);
}
