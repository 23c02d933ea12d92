/* SPDX-License-Identifier: MIT */
/* Small files as text: read whole, replaced atomically. Nothing is logged here. */
#ifndef IO_TEXT_FILE_H
#define IO_TEXT_FILE_H

#include <stddef.h>

/*
 * The content, which the caller frees. 0; -EISDIR; -EFBIG beyond max_bytes; -EILSEQ for a NUL byte in it, where a
 * text would end; or another -errno.
 */
int text_file_read(const char *path, size_t max_bytes, char **out);

/*
 * All or nothing: a reader and a power cut see the old content or the new one, mode 0600. new_path is where it is
 * written first, in the same directory; only one at a time may do so. 0 or -errno, and then the old content stays.
 */
int text_file_replace(const char *path, const char *new_path, const char *text);

/* Makes durable what was renamed in the directory. 0 or -errno. */
int text_file_sync_directory(const char *directory);

#endif
