/* SPDX-License-Identifier: MIT */
#include "io/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "io/host.h"
#include "io/now.h"
#include "io/text_file.h"

#define LOCK_PATIENCE_MS 1000
#define LOCK_PAUSE_MS 10

static void pause_ms(int64_t ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS};

	nanosleep(&pause, NULL);
}

static int make_path(char path[PATH_MAX], const char *state_dir, const char *name)
{
	const int length = snprintf(path, PATH_MAX, "%s/spool%s%s", state_dir, *name ? "/" : "", name);

	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static void close_directory(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

struct spool_listing {
	size_t n_files;
	uint64_t first; /* their numbers, when there are any */
	uint64_t last;
};

/* 0 or -errno. */
static int list_files(const char *state_dir, struct spool_listing *out)
{
	CLEANUP(close_directory) DIR *directory = NULL;
	char path[PATH_MAX];
	const struct dirent *file;
	const int error = make_path(path, state_dir, "");

	memset(out, 0, sizeof(*out));
	if (error)
		return error;
	directory = opendir(path);
	if (!directory)
		return -errno;
	errno = 0;
	while ((file = readdir(directory))) {
		uint64_t number;

		if (!spool_name_parse(file->d_name, &number))
			continue;
		if (out->n_files == 0 || number < out->first)
			out->first = number;
		if (out->n_files == 0 || number > out->last)
			out->last = number;
		out->n_files++;
	}
	return -errno;
}

bool spool_is_empty(const char *state_dir)
{
	struct spool_listing listing;

	return list_files(state_dir, &listing) != 0 || listing.n_files == 0;
}

/* The descriptor that holds the lock; -EWOULDBLOCK when it is taken, or another -errno. */
static int take_lock(const char *state_dir, const char *name, int how)
{
	CLEANUP_CLOSE int fd = -1;
	char path[PATH_MAX];
	const int error = make_path(path, state_dir, name);

	if (error)
		return error;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, how) != 0)
		if (errno != EINTR)
			return -errno;
	return TAKE_FD(fd);
}

static int take_append_lock(const char *state_dir)
{
	for (int waited_ms = 0; waited_ms < LOCK_PATIENCE_MS; waited_ms += LOCK_PAUSE_MS) {
		const int fd = take_lock(state_dir, "append.lock", LOCK_EX | LOCK_NB);

		if (fd != -EWOULDBLOCK)
			return fd;
		pause_ms(LOCK_PAUSE_MS);
	}
	return -ETIMEDOUT;
}

static int write_file(const char *state_dir, uint64_t number, const char *text)
{
	char name[SPOOL_NAME_SIZE];
	char path[PATH_MAX], new_path[PATH_MAX], directory[PATH_MAX];
	int error = make_path(path, state_dir, spool_name_format(number, name));

	if (!error)
		error = make_path(new_path, state_dir, "new");
	if (!error)
		error = make_path(directory, state_dir, "");
	if (!error)
		error = text_file_replace(path, new_path, text);
	return error ? error : text_file_sync_directory(directory);
}

int spool_append(const char *state_dir, const struct spool_entry *entry)
{
	CLEANUP_CLOSE int lock = -1;
	CLEANUP_FREE char *text = spool_entry_print(entry);
	struct spool_listing listing;
	char directory[PATH_MAX];
	int error = make_path(directory, state_dir, "");

	if (!text)
		return -ENOMEM;
	if (strlen(text) > SPOOL_MAX_BYTES)
		return -EMSGSIZE;
	if (!error)
		error = host_make_directories(state_dir);
	if (!error)
		error = host_make_directories(directory);
	if (error)
		return error;
	lock = take_append_lock(state_dir);
	if (lock < 0)
		return lock;
	error = list_files(state_dir, &listing);
	if (error)
		return error;
	if (listing.n_files >= SPOOL_MAX_FILES)
		return -ENOBUFS;
	return write_file(state_dir, listing.last + 1, text);
}

/* 0 and the number of the oldest; -ENOENT: nothing is there, and the deliverer's lock is free again; or -errno. */
static int find_oldest(const char *state_dir, int *deliver_lock, uint64_t *number)
{
	CLEANUP_CLOSE const int append_lock = take_lock(state_dir, "append.lock", LOCK_EX);
	struct spool_listing listing;

	if (append_lock < 0)
		return append_lock;

	const int error = list_files(state_dir, &listing);
	if (error)
		return error;
	if (listing.n_files == 0) {
		close(*deliver_lock);
		*deliver_lock = -1;
		return -ENOENT;
	}
	*number = listing.first;
	return 0;
}

/* 1 when it is over, 0 when it has to be tried again. */
static int handle(const char *path, const char *boot_id, const struct spool_port *port)
{
	CLEANUP(spool_entry_clean) struct spool_entry entry = {0};
	CLEANUP_FREE char *text = NULL;
	int error = text_file_read(path, SPOOL_MAX_BYTES, &text);

	if (!error)
		error = spool_entry_parse(text, &entry);
	if (error == -ENOMEM)
		return 0;
	if (error) {
		port->drop(port->context, NULL, path);
		return 1;
	}
	switch (spool_entry_judge(&entry, boot_id, now_read().mono_ns)) {
	case SPOOL_FRESH:
		return port->send(port->context, &entry) == SPOOL_SENT;
	case SPOOL_EXPIRED:
		port->drop(port->context, &entry, "the agent was not there in time");
		break;
	case SPOOL_OTHER_BOOT:
		port->drop(port->context, &entry, "the machine has been restarted since");
		break;
	}
	return 1;
}

int spool_deliver(const char *state_dir, const char *boot_id, const struct spool_port *port)
{
	CLEANUP_CLOSE int lock = take_lock(state_dir, "deliver.lock", LOCK_EX | LOCK_NB);

	if (lock < 0)
		return lock == -EWOULDBLOCK ? 0 : lock;
	for (;;) {
		char name[SPOOL_NAME_SIZE];
		char path[PATH_MAX];
		uint64_t number;
		int error = find_oldest(state_dir, &lock, &number);

		if (error)
			return error == -ENOENT ? 0 : error;
		error = make_path(path, state_dir, spool_name_format(number, name));
		if (error)
			return error;
		if (!handle(path, boot_id, port))
			pause_ms(port->retry_ms);
		else if (unlink(path) != 0 && errno != ENOENT)
			return -errno;
	}
}
