/* SPDX-License-Identifier: MIT */
#include "io/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

int host_boot_id(char boot_id[HOST_BOOT_ID_SIZE])
{
	CLEANUP_CLOSE int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, boot_id, HOST_BOOT_ID_SIZE - 1);

	if (length < 0)
		return log_errno(-errno, "%s", BOOT_ID_PATH);
	boot_id[length] = '\0';
	return 0;
}

int host_make_directories(const char *directory)
{
	char partial[PATH_MAX];

	if ((size_t)snprintf(partial, sizeof(partial), "%s", directory) >= sizeof(partial))
		return -ENAMETOOLONG;
	for (char *slash = strchr(partial + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(partial, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(partial, 0700) && errno != EEXIST ? -errno : 0;
}

int host_lock_directory(const char *directory)
{
	CLEANUP_CLOSE int fd = -1;
	char path[PATH_MAX];
	int r = host_make_directories(directory);

	if (r)
		return log_errno(r, "cannot make the state directory %s: run as root or set state_dir", directory);
	snprintf(path, sizeof(path), "%s/lock", directory);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return log_errno(-errno, "the state directory %s is not writable: run as root or set state_dir",
				 directory);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		log_error("another octetd runs on the state directory %s: stop it, or set another state_dir",
			  directory);
		return -EBUSY;
	}
	return TAKE_FD(fd);
}

/* A mapping of /proc/self/smaps as far as it is told. */
struct mapping {
	unsigned long begin, end;
	bool is_pure; /* of a file, and not writable */
};

/*
 * A line of smaps (proc_pid_smaps(5)): the head of a mapping, or one of its figures. What is of a file and has no
 * anonymous page is in the page cache, and comes back from there when it is touched.
 */
static void forget_line(const char *line, struct mapping *mapping)
{
	static const char anonymous[] = "Anonymous:";
	char *at = NULL;
	const unsigned long begin = strtoul(line, &at, 16);
	const unsigned long end = *at == '-' ? strtoul(at + 1, &at, 16) : 0;

	/* "begin-end rwxp offset device inode path" */
	if (end > begin && at[0] == ' ' && strlen(at) > 4)
		*mapping = (struct mapping){begin, end, at[2] == '-' && strchr(at, '/')};
	else if (mapping->is_pure && strncmp(line, anonymous, sizeof(anonymous) - 1) == 0 &&
		 strtoul(line + sizeof(anonymous) - 1, NULL, 10) == 0)
		madvise((void *)mapping->begin, mapping->end - mapping->begin, MADV_DONTNEED); /* NOLINT: an address */
}

void host_forget_startup(void)
{
	CLEANUP_FCLOSE FILE *maps = fopen("/proc/self/smaps", "re");
	struct mapping mapping = {0};
	char line[512];

	while (maps && fgets(line, sizeof(line), maps))
		forget_line(line, &mapping);
}

void host_tame_heap(void)
{
#ifdef __GLIBC__
	/* the default, but kept: else glibc raises it to the size of the largest block that was freed (mallopt(3)) */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
#endif
}
