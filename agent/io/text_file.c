/* SPDX-License-Identifier: MIT */
#include "io/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

static int read_all(int fd, size_t max_bytes, struct strbuf *content)
{
	char block[4096];
	ssize_t n_bytes;

	do {
		n_bytes = read(fd, block, sizeof(block));
		if (n_bytes > 0)
			strbuf_append_bytes(content, block, (size_t)n_bytes);
	} while ((n_bytes > 0 && content->length <= max_bytes) || (n_bytes < 0 && errno == EINTR));
	if (n_bytes < 0)
		return -errno;
	return content->length > max_bytes ? -EFBIG : 0;
}

int text_file_read(const char *path, size_t max_bytes, char **out)
{
	CLEANUP_CLOSE const int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP(strbuf_clean) struct strbuf content = STRBUF_INIT;
	struct stat status;
	int error;

	if (fd < 0 || fstat(fd, &status) != 0)
		return -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	error = read_all(fd, max_bytes, &content);
	if (error)
		return error;
	if (content.length && memchr(content.text, '\0', content.length))
		return -EILSEQ;
	*out = strbuf_steal(&content);
	return *out ? 0 : -ENOMEM;
}

static int write_new(const char *path, const char *text)
{
	CLEANUP_CLOSE const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t left = strlen(text);

	/* the mode of a file that an interrupted run left behind is not trusted */
	if (fd < 0 || fchmod(fd, 0600) != 0)
		return -errno;
	while (left) {
		const ssize_t n_bytes = write(fd, text, left);
		if (n_bytes < 0 && errno != EINTR)
			return -errno;
		if (n_bytes > 0) {
			text += n_bytes;
			left -= (size_t)n_bytes;
		}
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

int text_file_replace(const char *path, const char *new_path, const char *text)
{
	int error = write_new(new_path, text);

	if (!error && rename(new_path, path) != 0)
		error = -errno;
	if (error)
		unlink(new_path);
	return error;
}

int text_file_sync_directory(const char *directory)
{
	CLEANUP_CLOSE const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0 ? 0 : -errno;
}
