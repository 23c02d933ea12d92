/* SPDX-License-Identifier: MIT */
/*
 * Ownership by scope: a local that owns something says so with CLEANUP(), and TAKE_PTR() marks each
 * place where the ownership leaves the scope.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Runs fn(&variable) at the end of the scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Evaluates to the pointer and leaves NULL behind. */
#define TAKE_PTR(pointer)                                    \
	__extension__({                                      \
		__typeof__(pointer) *take_ptr_ = &(pointer); \
		__typeof__(pointer) taken_ = *take_ptr_;     \
		*take_ptr_ = NULL;                           \
		taken_;                                      \
	})

/* Evaluates to the file descriptor and leaves -1 behind. */
#define TAKE_FD(fd)                     \
	__extension__({                 \
		int *take_fd_ = &(fd);  \
		int taken_ = *take_fd_; \
		*take_fd_ = -1;         \
		taken_;                 \
	})

static inline void cleanup_free(void *pointer_to_pointer)
{
	void **owner = pointer_to_pointer;
	free(*owner);
	*owner = NULL;
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
	*file = NULL;
}

#define CLEANUP_FREE CLEANUP(cleanup_free)
#define CLEANUP_CLOSE CLEANUP(cleanup_close)
#define CLEANUP_FCLOSE CLEANUP(cleanup_fclose)

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
