/* SPDX-License-Identifier: MIT */
/*
 * Puts a program in the way of an interface's packets: by a TCX link where the kernel has them (6.6), else as
 * a filter on clsact with a handle of our own, never touching what others own. It goes in front of all others:
 * behind a program that ends the chain it would see nothing, and what the guest sends is counted as it came.
 *
 * Links are pinned and outlive the agent; a filter does so by itself. Attaching where an earlier agent has
 * attached replaces its program atomically: no packet passes uncounted. (A change between the two kinds has a
 * gap of microseconds.)
 */
#ifndef IO_ATTACH_H
#define IO_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "octet/abi.h"

enum attach_kind { ATTACH_NONE, ATTACH_TCX, ATTACH_CLSACT };

struct attach_point {
	const char *interface; /* for messages; borrowed */
	uint32_t ifindex;
	enum octet_direction direction;
	const char *pin_dir; /* a path on bpffs; borrowed */
};

struct attachment {
	enum attach_kind kind;
	uint32_t ifindex;
	enum octet_direction direction;
	int link_fd; /* TCX, else -1 */
	bool is_new; /* made by this process, not taken over */
};

#define ATTACHMENT_INIT                            \
	{                                          \
		.kind = ATTACH_NONE, .link_fd = -1 \
	}

const char *attach_kind_name(enum attach_kind kind);

/* Attaches or takes over; 0 or -errno, logged. *out is untouched on failure. */
int attach_program(const struct attach_point *point, enum config_attach mode, int program_fd, struct attachment *out);

/* Whether the kernel still runs it. */
bool attach_is_alive(const struct attachment *attachment);

/* Lets go of the attachment and leaves it in place. */
void attach_release(struct attachment *attachment);

/* Ends it: the link and its pin, or the filter, and the clsact qdisc if an octetd made it and nobody uses it. */
void attach_remove(const struct attach_point *point, struct attachment *attachment);

/* Ends whatever an earlier agent, which may be long gone, has attached to an interface with these pins. */
void attach_forget(const char *pin_dir, uint32_t ifindex);

#endif
