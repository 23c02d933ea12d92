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

#include "base/log.h"
#include "octet.skel.h"

#define TEXT_OF(number) #number
#define VERSION_TEXT(number) "v" TEXT_OF(number) "_"
/* maps of another ABI version are not found under these names */
static const char *const map_pins[N_MAPS] = {
	[MAP_CLIENTS4] = VERSION_TEXT(OCTET_ABI_VERSION) "clients4",
	[MAP_CLIENTS6] = VERSION_TEXT(OCTET_ABI_VERSION) "clients6",
	[MAP_IFACES] = VERSION_TEXT(OCTET_ABI_VERSION) "ifaces",
	[MAP_ARRIVALS] = VERSION_TEXT(OCTET_ABI_VERSION) "arrivals",
	[MAP_LOCAL_MACS] = VERSION_TEXT(OCTET_ABI_VERSION) "local_macs",
};

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
		[MAP_CLIENTS4] = skeleton->maps.octet_clients4,     [MAP_CLIENTS6] = skeleton->maps.octet_clients6,
		[MAP_IFACES] = skeleton->maps.octet_ifaces,         [MAP_ARRIVALS] = skeleton->maps.octet_arrivals,
		[MAP_LOCAL_MACS] = skeleton->maps.octet_local_macs,
	};

	return maps[map];
}

/* One sentence for the reasons why BPF does not work at all. */
int source_log_refusal(int error)
{
	if (error == -EPERM || error == -EACCES)
		log_error("the kernel refuses BPF: run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON");
	else if (error == -EINVAL || error == -ENOSYS)
		log_error("this kernel lacks BPF features that octetd needs (per-CPU hash, ring buffer: Linux 5.10 or "
			  "newer, CONFIG_BPF_SYSCALL, CONFIG_NET_CLS_ACT)");
	else if (error == -ENOMEM)
		log_error("not enough kernel memory for the tables: lower max_addresses");
	else
		log_errno(error, "loading the BPF programs");
	return error;
}

static void epoch_of(const struct source_bpf *source, const char *boot_id, char epoch[SOURCE_EPOCH_SIZE])
{
	struct bpf_map_info info4 = {0}, info6 = {0};
	__u32 size4 = sizeof(info4), size6 = sizeof(info6);

	bpf_obj_get_info_by_fd(source->map_fds[MAP_CLIENTS4], &info4, &size4);
	bpf_obj_get_info_by_fd(source->map_fds[MAP_CLIENTS6], &info6, &size6);
	/* map ids are never given twice within a boot (kernel/bpf/syscall.c, bpf_map_alloc_id: cyclic) */
	snprintf(epoch, SOURCE_EPOCH_SIZE, "%.36s:%u:%u", boot_id, info4.id, info6.id);
}

static void close_maps(struct source_bpf *source)
{
	for (int i = 0; i < N_MAPS; i++) {
		if (source->map_fds[i] >= 0)
			close(source->map_fds[i]);
		source->map_fds[i] = -1;
	}
}

static bool has_layout(int fd, enum source_map map)
{
	static const struct {
		__u32 key_size, value_size;
	} layouts[N_MAPS] = {
		[MAP_CLIENTS4] = {sizeof(struct octet_key4), sizeof(struct octet_counters)},
		[MAP_CLIENTS6] = {sizeof(struct octet_key6), sizeof(struct octet_counters)},
		[MAP_IFACES] = {sizeof(__u32), sizeof(struct octet_iface)},
		[MAP_ARRIVALS] = {0, 0},
		[MAP_LOCAL_MACS] = {sizeof(struct octet_mac), sizeof(__u8)},
	};
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.key_size == layouts[map].key_size &&
	       info.value_size == layouts[map].value_size;
}

static void warn_about_size(const struct source_bpf *source, uint32_t max_addresses)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(source->map_fds[MAP_CLIENTS4], &info, &size) == 0 &&
	    info.max_entries != max_addresses)
		log_warning("the tables go on with %u addresses; max_addresses = %u takes effect after a reboot, or a "
			    "run with --keep-counting=false",
			    info.max_entries, max_addresses);
}

/* Takes the pinned maps over; false when one is missing, or the store does not know them. */
static bool resume_maps(struct source_bpf *source, const struct source_bpf_options *options)
{
	char path[PATH_MAX];

	for (int i = 0; i < N_MAPS; i++) {
		source_pin_path(source, map_pins[i], path);
		source->map_fds[i] = bpf_obj_get(path);
		if (source->map_fds[i] < 0 || !has_layout(source->map_fds[i], (enum source_map)i)) {
			close_maps(source);
			return false;
		}
	}
	epoch_of(source, options->boot_id, source->epoch);
	if (strcmp(source->epoch, options->known_epoch) != 0) {
		close_maps(source);
		return false;
	}
	warn_about_size(source, options->max_addresses);
	return true;
}

static int create_maps(struct source_bpf *source, const struct source_bpf_options *options)
{
	struct octet *skeleton = octet__open();
	int r = 0;

	if (!skeleton)
		return source_log_refusal(-errno);
	bpf_program__set_autoload(skeleton->progs.octet_up, false);
	bpf_program__set_autoload(skeleton->progs.octet_down, false);
	bpf_program__set_autoload(skeleton->progs.octet_clock, false);
	bpf_map__set_max_entries(skeleton->maps.octet_clients4, options->max_addresses);
	bpf_map__set_max_entries(skeleton->maps.octet_clients6, options->max_addresses);
	r = octet__load(skeleton);
	if (r)
		source_log_refusal(r);
	for (int i = 0; !r && i < N_MAPS; i++) {
		char path[PATH_MAX];

		source_pin_path(source, map_pins[i], path);
		unlink(path);
		source->map_fds[i] = dup(bpf_map__fd(source_skeleton_map(skeleton, (enum source_map)i)));
		if (source->map_fds[i] < 0 || bpf_obj_pin(source->map_fds[i], path))
			r = log_errno(-errno, "cannot pin a map as %s", path);
	}
	octet__destroy(skeleton);
	if (r)
		close_maps(source);
	else
		epoch_of(source, options->boot_id, source->epoch);
	return r;
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

static int open_rest(struct source_bpf *source)
{
	source->n_cpus = libbpf_num_possible_cpus();
	if (source->n_cpus < 1)
		return log_errno(-EIO, "cannot tell the number of CPUs");
	source->keys = calloc(SOURCE_BATCH_ENTRIES, sizeof(*source->keys));
	source->values = calloc((size_t)SOURCE_BATCH_ENTRIES * (size_t)source->n_cpus, sizeof(*source->values));
	if (!source->keys || !source->values)
		return log_errno(-ENOMEM, "tables");
	source->ring = ring_buffer__new(source->map_fds[MAP_ARRIVALS], source_on_arrival, source, NULL);
	if (!source->ring)
		return log_errno(-errno, "cannot map the ring of arrivals");
	return 0;
}

static void source_free(struct source_bpf *source)
{
	if (source->ring)
		ring_buffer__free(source->ring);
	close_maps(source);
	free(source->keys);
	free(source->values);
	free(source);
}

int source_bpf_open(const struct source_bpf_options *options, struct source_bpf **out)
{
	struct source_bpf *source = calloc(1, sizeof(*source));
	int r = 0;

	if (!source)
		return -ENOMEM;
	libbpf_set_print(print_libbpf);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	snprintf(source->pin_dir, sizeof(source->pin_dir), "%s", options->pin_dir);
	for (int i = 0; i < N_MAPS; i++)
		source->map_fds[i] = -1;
	source->arrival_gap_ns = options->arrival_gap_ns;
	source_clock_calibrate(&source->clock);
	source->is_resumed = resume_maps(source, options);
	if (!source->is_resumed) {
		clear_pins(source);
		r = create_maps(source, options);
	}
	if (!r)
		r = open_rest(source);
	if (r) {
		source_free(source);
		return r;
	}
	*out = source;
	return 0;
}

uint64_t source_bpf_max_keys(const struct source_bpf *source)
{
	uint64_t max_keys = 0;

	for (int i = MAP_CLIENTS4; i <= MAP_CLIENTS6; i++) {
		struct bpf_map_info info = {0};
		__u32 size = sizeof(info);

		if (bpf_obj_get_info_by_fd(source->map_fds[i], &info, &size) == 0)
			max_keys += info.max_entries;
	}
	return max_keys;
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
