/* SPDX-License-Identifier: MIT */
#include "io/bpffs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/log.h"

#define USUAL_MOUNT_POINT "/sys/fs/bpf"
#define INIT_ROOT "/proc/1/root"

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* Whether both paths lead to the same file system. */
static bool is_same_mount(const char *a, const char *b)
{
	struct stat stat_a, stat_b;

	return stat(a, &stat_a) == 0 && stat(b, &stat_b) == 0 && stat_a.st_dev == stat_b.st_dev;
}

static bool is_own_mount_namespace_private(void)
{
	struct stat own, init;

	return stat("/proc/self/ns/mnt", &own) == 0 && stat("/proc/1/ns/mnt", &init) == 0 && own.st_ino != init.st_ino;
}

static int make_directories(const char *path)
{
	char partial[PATH_MAX];

	if ((size_t)snprintf(partial, sizeof(partial), "%s", path) >= sizeof(partial))
		return -ENAMETOOLONG;
	for (char *slash = strchr(partial + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(partial, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	if (mkdir(partial, 0700) && errno != EEXIST)
		return -errno;
	return 0;
}

/* In a child, so that the agent's own namespace stays what it is; returns its errno. */
static int mount_in_child(const char *mount_point, bool is_private)
{
	int error = 0;

	if (is_private) {
		CLEANUP_CLOSE int namespace_fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

		if (namespace_fd < 0 || setns(namespace_fd, CLONE_NEWNS))
			return errno;
	}
	error = -make_directories(mount_point);
	if (!error && mount("bpffs", mount_point, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		error = errno;
	return error;
}

static int mount_bpffs(const char *mount_point, bool is_private)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0)
		_exit(mount_in_child(mount_point, is_private));
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

int bpffs_prepare(const char *dir, char *path, size_t path_size)
{
	bool is_usual = strncmp(dir, USUAL_MOUNT_POINT "/", sizeof(USUAL_MOUNT_POINT)) == 0;
	const char *mount_point = is_usual ? USUAL_MOUNT_POINT : dir;
	bool is_private = is_own_mount_namespace_private();
	char seen[PATH_MAX];
	int r = 0;

	snprintf(seen, sizeof(seen), "%s%s", is_private ? INIT_ROOT : "", mount_point);
	if (!is_bpffs(seen))
		r = mount_bpffs(mount_point, is_private);
	if (r)
		return log_errno(r, "no bpffs at %s and none could be mounted (mount -t bpf bpffs %s as root)",
				 mount_point, mount_point);
	if (is_private && is_same_mount(seen, mount_point))
		is_private = false;
	if ((size_t)snprintf(path, path_size, "%s%s", is_private ? INIT_ROOT : "", dir) >= path_size)
		return log_errno(-ENAMETOOLONG, "bpffs directory %s", dir);
	r = make_directories(path);
	if (r)
		return log_errno(r, "cannot make %s (is this root?)", path);
	return 0;
}
