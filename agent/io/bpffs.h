/* SPDX-License-Identifier: MIT */
/*
 * Where maps and links are pinned, so that they outlive the agent. A bpffs is mounted where it is missing, and
 * always in the outermost mount namespace that can be reached (of process 1, else of the eldest ancestor): in a
 * private one, as `ip netns exec` makes, the mount and every counter behind it would end with the agent.
 */
#ifndef IO_BPFFS_H
#define IO_BPFFS_H

#include <stddef.h>

/*
 * Makes sure that dir exists on a bpffs and writes the path under which this process reaches it (through a
 * descriptor that stays open, where its own mount namespace does not show it). 0 or -errno, logged with the remedy.
 */
int bpffs_prepare(const char *dir, char *path, size_t path_size);

#endif
