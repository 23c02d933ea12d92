/* SPDX-License-Identifier: MIT */
/*
 * Inside attaching: attach_tcx.c has the links, attach_clsact.c the filters, attach.c chooses between them. Functions
 * take a point, say nothing of the other way, and return 0 or -errno.
 */
#ifndef IO_ATTACH_PRIVATE_H
#define IO_ATTACH_PRIVATE_H

#include "io/attach.h"

/* Attaches or takes over, logged but for -ENODEV, and for -EINVAL and -EOPNOTSUPP: this kernel has no TCX. */
int attach_tcx_add(const struct attach_point *point, int program_fd, struct attachment *out);
struct attach_state attach_tcx_look(const struct attachment *attachment);
int attach_tcx_move_to_front(const struct attach_point *point, int program_fd, struct attachment *attachment);
/* Takes the pin away, and ends the link at once if it is at hand: link_fd, or -1. */
void attach_tcx_remove(const struct attach_point *point, int link_fd);
/* Whether anybody has a TCX program there: those run before every filter. */
bool attach_tcx_is_used(uint32_t ifindex, enum octet_direction direction);

/* Attaches or replaces, logged but for -ENODEV. */
int attach_clsact_add(const struct attach_point *point, int program_fd, struct attachment *out);
struct attach_state attach_clsact_look(const struct attachment *attachment);
int attach_clsact_move_to_front(const struct attach_point *point, int program_fd, struct attachment *attachment);
/* Whether a filter with our name is there, of whatever agent. */
bool attach_clsact_is_there(const struct attach_point *point);
/* Ends that filter, and the qdisc if an octetd made it and nobody uses it. */
void attach_clsact_remove(const struct attach_point *point);

/* The kernel's id of a loaded program; 0 when it cannot be told. */
uint32_t attach_program_id(int program_fd);

#endif
