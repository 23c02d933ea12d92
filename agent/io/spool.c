/* SPDX-License-Identifier: MIT */
#include "io/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
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

/* 0 and what is there; -ENOENT: nothing is, and the deliverer's lock is free again; or -errno. */
static int list_or_leave(const char *state_dir, int *deliver_lock, struct spool_listing *listing)
{
	CLEANUP_CLOSE const int append_lock = take_lock(state_dir, "append.lock", LOCK_EX);

	if (append_lock < 0)
		return append_lock;

	const int error = list_files(state_dir, listing);
	if (error)
		return error;
	if (listing->n_files == 0) {
		close(*deliver_lock);
		*deliver_lock = -1;
		return -ENOENT;
	}
	return 0;
}

struct round {
	const char *state_dir;
	const char *boot_id;
	const struct spool_port *port;
	char **passed_over; /* subjects of this round; owned */
	size_t n_passed_over;
	bool is_held_up;
};

static void round_clean(struct round *round)
{
	for (size_t i = 0; i < round->n_passed_over; i++)
		free(round->passed_over[i]);
	free(round->passed_over);
}

static bool has_to_wait(const struct round *round, const struct spool_entry *entry)
{
	for (size_t i = 0; i < round->n_passed_over; i++)
		if (strcmp(round->passed_over[i], entry->subject) == 0)
			return true;
	return false;
}

/* Without memory nobody may pass. */
static enum spool_result pass_over(struct round *round, const struct spool_entry *entry)
{
	char **subjects = realloc(round->passed_over, (round->n_passed_over + 1) * sizeof(*subjects));

	if (!subjects)
		return SPOOL_TRY_LATER;
	round->passed_over = subjects;
	subjects[round->n_passed_over] = strdup(entry->subject);
	if (!subjects[round->n_passed_over])
		return SPOOL_TRY_LATER;
	round->n_passed_over++;
	return SPOOL_PASS_OVER;
}

static enum spool_result judge(struct round *round, const struct spool_entry *entry)
{
	const struct spool_port *port = round->port;

	switch (spool_entry_judge(entry, round->boot_id, now_read().mono_ns)) {
	case SPOOL_EXPIRED:
		port->drop(port->context, entry, "the agent did not take it in time");
		return SPOOL_SENT;
	case SPOOL_OTHER_BOOT:
		port->drop(port->context, entry, "the machine has been restarted since");
		return SPOOL_SENT;
	case SPOOL_FRESH:
		break;
	}
	if (has_to_wait(round, entry))
		return SPOOL_PASS_OVER;

	const enum spool_result result = port->send(port->context, entry);
	return result == SPOOL_PASS_OVER ? pass_over(round, entry) : result;
}

static enum spool_result handle(struct round *round, const char *path)
{
	CLEANUP(spool_entry_clean) struct spool_entry entry = {0};
	CLEANUP_FREE char *text = NULL;
	int error = text_file_read(path, SPOOL_MAX_BYTES, &text);

	if (!error)
		error = spool_entry_parse(text, &entry);
	if (error == -ENOMEM)
		return SPOOL_TRY_LATER;
	if (!error)
		return judge(round, &entry);
	if (error != -ENOENT)
		round->port->drop(round->port->context, NULL, path);
	return SPOOL_SENT;
}

/* 0, or -errno when the directory fails. */
static int run_round(struct round *round, const struct spool_listing *listing)
{
	for (uint64_t number = listing->first; number <= listing->last; number++) {
		char name[SPOOL_NAME_SIZE];
		char path[PATH_MAX];
		const int error = make_path(path, round->state_dir, spool_name_format(number, name));

		if (error)
			return error;

		const enum spool_result result = handle(round, path);
		if (result != SPOOL_SENT)
			round->is_held_up = true;
		if (result == SPOOL_TRY_LATER)
			return 0;
		if (result == SPOOL_SENT && unlink(path) != 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

int spool_deliver(const char *state_dir, const char *boot_id, const struct spool_port *port)
{
	CLEANUP_CLOSE int lock = take_lock(state_dir, "deliver.lock", LOCK_EX | LOCK_NB);

	if (lock < 0)
		return lock == -EWOULDBLOCK ? 0 : lock;
	for (;;) {
		CLEANUP(round_clean) struct round round = {.state_dir = state_dir, .boot_id = boot_id, .port = port};
		struct spool_listing listing;
		int error = list_or_leave(state_dir, &lock, &listing);

		if (error)
			return error == -ENOENT ? 0 : error;
		error = run_round(&round, &listing);
		if (error)
			return error;
		if (round.is_held_up)
			pause_ms(port->retry_ms);
	}
}
