/* SPDX-License-Identifier: MIT */
#include "io/bpffs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "io/host.h"

#define USUAL_MOUNT_POINT "/sys/fs/bpf"
/* Longer chains of ancestors are cut: the eldest of these is good enough. */
#define ANCESTORS_MAX 64

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

static pid_t parent_of(pid_t pid)
{
	static const char key[] = "PPid:"; /* proc(5) */
	char path[64], line[256];
	CLEANUP_FCLOSE FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, sizeof(key) - 1) == 0)
			return (pid_t)strtol(line + sizeof(key) - 1, NULL, 10);
	return 0;
}

static bool mount_namespace_of(pid_t pid, struct stat *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	return stat(path, out) == 0;
}

/* The eldest ancestor whose mount namespace may be entered, if that is not our own; else 0. */
static pid_t find_outer(void)
{
	struct stat own, other;
	pid_t outer = 0, pid = getppid();

	if (!mount_namespace_of(getpid(), &own))
		return 0;
	for (int i = 0; pid > 0 && i < ANCESTORS_MAX; i++) {
		if (mount_namespace_of(pid, &other))
			outer = other.st_ino == own.st_ino ? 0 : pid;
		pid = parent_of(pid);
	}
	if (mount_namespace_of(1, &other))
		outer = other.st_ino == own.st_ino ? 0 : 1;
	return outer;
}

/* In a child, so that the agent's own namespace stays what it is; returns its errno. */
static int mount_in_child(const char *mount_point, pid_t outer)
{
	char path[64];
	int error = 0;

	if (outer) {
		CLEANUP_CLOSE int namespace_fd = -1;

		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", outer);
		namespace_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (namespace_fd < 0 || setns(namespace_fd, CLONE_NEWNS))
			return errno;
	}
	error = -host_make_directories(mount_point);
	if (!error && mount("bpffs", mount_point, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		error = errno;
	return error;
}

static int mount_bpffs(const char *mount_point, pid_t outer)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0)
		_exit(mount_in_child(mount_point, outer));
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* The ancestor may be gone before we are: from here on its directories are reached by our own descriptor. */
static int keep_open(char *path, size_t path_size)
{
	char name[NAME_MAX + 1];
	char *slash = strrchr(path, '/');
	int fd;

	snprintf(name, sizeof(name), "%s", slash + 1);
	*slash = '\0';
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(path, path_size, "/proc/self/fd/%d/%s", fd, name);
	return 0;
}

int bpffs_prepare(const char *dir, char *path, size_t path_size)
{
	bool is_usual = strncmp(dir, USUAL_MOUNT_POINT "/", sizeof(USUAL_MOUNT_POINT)) == 0;
	const char *mount_point = is_usual ? USUAL_MOUNT_POINT : dir;
	char root[64] = "", seen[PATH_MAX];
	pid_t outer = find_outer();
	int r = 0;

	if (outer)
		snprintf(root, sizeof(root), "/proc/%d/root", outer);
	snprintf(seen, sizeof(seen), "%s%s", root, mount_point);
	if (!is_bpffs(seen))
		r = mount_bpffs(mount_point, outer);
	if (r)
		return log_errno(r, "no bpffs at %s and none could be mounted (mount -t bpf bpffs %s as root)",
				 mount_point, mount_point);
	if (outer && is_same_mount(seen, mount_point))
		root[0] = '\0';
	if ((size_t)snprintf(path, path_size, "%s%s", root, dir) >= path_size)
		return log_errno(-ENAMETOOLONG, "bpffs directory %s", dir);
	r = host_make_directories(path);
	if (!r && root[0])
		r = keep_open(path, path_size);
	if (r)
		return log_errno(r, "cannot make %s (is this root?)", path);
	return 0;
}
