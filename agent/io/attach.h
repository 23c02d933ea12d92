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
	uint32_t program_id; /* the kernel's, of the program that is to run here */
	int link_fd;         /* TCX, else -1 */
	bool is_new;         /* made by this process, not taken over */
};

/* What has become of an attachment; others may do to it what they like. */
struct attach_state {
	bool is_alive; /* the kernel runs our program here */
	bool is_first; /* and no other one before it, which could end the chain */
};

#define ATTACHMENT_INIT                            \
	{                                          \
		.kind = ATTACH_NONE, .link_fd = -1 \
	}

const char *attach_kind_name(enum attach_kind kind);
/* "up", "down" */
const char *attach_direction_name(enum octet_direction direction);

/*
 * Attaches or takes over; 0 or -errno, logged. *out is untouched on failure. -ENODEV is not logged: the interface went
 * in the meantime.
 */
int attach_program(const struct attach_point *point, enum config_attach mode, int program_fd, struct attachment *out);

/* Looks after it: a system call for TCX, a few for clsact. */
struct attach_state attach_look(const struct attachment *attachment);

/*
 * Moves it in front of the others that have come before it. 0 or -errno; -EOPNOTSUPP, not logged, for clsact behind a
 * program on TCX, which always runs before.
 */
int attach_move_to_front(const struct attach_point *point, int program_fd, struct attachment *attachment);

/* Lets go of the attachment and leaves it in place. */
void attach_release(struct attachment *attachment);

/*
 * Ends it: the link and its pin, or the filter, and the clsact qdisc if an octetd made it and nobody uses it. It has
 * ended when this returns.
 */
void attach_remove(const struct attach_point *point, struct attachment *attachment);

/* Ends whatever an earlier agent, which may be long gone, has attached to an interface with these pins. */
void attach_forget(const char *pin_dir, uint32_t ifindex);

#endif
