/* SPDX-License-Identifier: MIT */
/* Small facts and services of the machine: its boot, the state directory and the lock on it. */
#ifndef IO_HOST_H
#define IO_HOST_H

#define HOST_BOOT_ID_SIZE 37 /* 36 characters and the NUL */

/* Reads /proc/sys/kernel/random/boot_id. 0 or -errno, logged. */
int host_boot_id(char boot_id[HOST_BOOT_ID_SIZE]);

/* Makes what is missing of the path: the directory with mode 0700, its parents with 0755. 0 or -errno, not logged. */
int host_make_directories(const char *directory);

/*
 * Makes the directory (as host_make_directories) if it is missing and locks it for this process: two agents on
 * one state would book every octet twice. The descriptor to keep, or -errno, logged with the remedy.
 */
int host_lock_directory(const char *directory);

/* Makes large blocks go back to the system when they are freed: batches for the store are large, and short-lived. */
void host_tame_heap(void);

/*
 * Lets go of the pages of programs and libraries that were touched until now. Most of them only the start has needed;
 * the others come back from the page cache, one by one.
 */
void host_forget_startup(void);

#endif
