/* SPDX-License-Identifier: MIT */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "io/attach_private.h"

/* include/uapi/linux/bpf.h since 6.6; older headers lack the names */
#define LINK_TYPE_TCX 11
static const enum bpf_attach_type hooks[OCTET_N_DIRECTIONS] = {
	[OCTET_UP] = (enum bpf_attach_type)46,   /* BPF_TCX_INGRESS */
	[OCTET_DOWN] = (enum bpf_attach_type)47, /* BPF_TCX_EGRESS */
};

/* BPF_F_BEFORE (include/uapi/linux/bpf.h since 6.6): with no other program named, in front of all */
#define LINK_BEFORE_ALL (1u << 3)
/* the kernel's bound for one hook (BPF_MPROG_MAX) */
#define PROGRAMS_MAX 64
#define VERDICT_NEXT (-1) /* TCX_NEXT */

/* struct bpf_link_info up to the part for TCX */
struct link_info_tcx {
	__u32 type;
	__u32 id;
	__u32 prog_id;
	__u32 padding;
	__u32 ifindex; /* 0 once the interface has gone */
	__u32 attach_type;
};

static void pin_path(const struct attach_point *point, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/link-%u-%s", point->pin_dir, point->ifindex,
		 attach_direction_name(point->direction));
}

static int link_info(int link_fd, struct link_info_tcx *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(link_fd, info, &size);
}

/* An index alone could be another interface's, in another network namespace: so this namespace's hook is asked. */
static struct attach_state look_at_hook(uint32_t ifindex, enum octet_direction direction, uint32_t program_id)
{
	struct attach_state state = {false, false};
	__u32 programs[PROGRAMS_MAX], n = PROGRAMS_MAX;

	if (bpf_prog_query((int)ifindex, hooks[direction], 0, NULL, programs, &n))
		return state;
	/* in the order in which they run */
	for (__u32 i = 0; i < n; i++)
		if (programs[i] == program_id)
			return (struct attach_state){true, i == 0};
	return state;
}

struct attach_state attach_tcx_look(const struct attachment *attachment)
{
	return look_at_hook(attachment->ifindex, attachment->direction, attachment->program_id);
}

bool attach_tcx_is_used(uint32_t ifindex, enum octet_direction direction)
{
	__u32 programs[PROGRAMS_MAX], n = PROGRAMS_MAX;

	return bpf_prog_query((int)ifindex, hooks[direction], 0, NULL, programs, &n) == 0 && n > 0;
}

static bool is_link_of(int link_fd, const struct attach_point *point)
{
	struct link_info_tcx info;

	return link_info(link_fd, &info) == 0 && info.type == LINK_TYPE_TCX && info.ifindex == point->ifindex &&
	       info.attach_type == (__u32)hooks[point->direction] &&
	       look_at_hook(point->ifindex, point->direction, info.prog_id).is_alive;
}

/* The pinned link of an earlier agent, with our program put in; -ENOENT when there is none to take over. */
static int take_over(const struct attach_point *point, const char *path, int program_fd)
{
	CLEANUP_CLOSE int link_fd = bpf_obj_get(path);
	int r;

	if (link_fd < 0)
		return -ENOENT;
	r = is_link_of(link_fd, point) ? bpf_link_update(link_fd, program_fd, NULL) : -ESTALE;
	if (r) {
		log_debug("interface %s: the pinned link %s is of no use any more (%s) and is replaced",
			  point->interface, path, strerror(-r));
		unlink(path);
		return -ENOENT;
	}
	return TAKE_FD(link_fd);
}

/* A link in front of all others. */
static int make_link(const struct attach_point *point, int program_fd)
{
	/* first of all: a program in front that ends the chain would hide guests */
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = LINK_BEFORE_ALL);

	return bpf_link_create(program_fd, (int)point->ifindex, hooks[point->direction], &opts);
}

int attach_tcx_add(const struct attach_point *point, int program_fd, struct attachment *out)
{
	char path[PATH_MAX];
	CLEANUP_CLOSE int link_fd = -1;
	bool is_new = false;

	pin_path(point, path);
	link_fd = take_over(point, path, program_fd);
	if (link_fd < 0) {
		is_new = true;
		link_fd = make_link(point, program_fd);
		if (link_fd == -EINVAL || link_fd == -EOPNOTSUPP || link_fd == -ENODEV)
			return link_fd;
		if (link_fd < 0)
			return log_errno(link_fd, "interface %s: cannot attach (is this root?)", point->interface);
		if (bpf_obj_pin(link_fd, path))
			return log_errno(-errno, "interface %s: cannot pin the link as %s", point->interface, path);
	}
	*out = (struct attachment){.kind = ATTACH_TCX,
				   .ifindex = point->ifindex,
				   .direction = point->direction,
				   .program_id = attach_program_id(program_fd),
				   .link_fd = TAKE_FD(link_fd),
				   .is_new = is_new};
	return 0;
}

/* A program that lets everything pass and counts nothing. */
static int load_stand_in(void)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = VERDICT_NEXT},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "octet_stand_in", "GPL", insns, ARRAY_LENGTH(insns), NULL);
}

/*
 * A link cannot be moved, and a program cannot be on a hook twice. So stand-ins hold the places: one in the new link,
 * in front, and one in the old link while the program changes over. Between the two updates, each of which is one store
 * in the kernel, nothing counts; the other order would count twice.
 */
static int change_over(int old_fd, int new_fd, int program_fd)
{
	CLEANUP_CLOSE int stand_in_fd = load_stand_in();
	int r;

	if (stand_in_fd < 0)
		return stand_in_fd;
	r = bpf_link_update(old_fd, stand_in_fd, NULL);
	if (r)
		return r;
	r = bpf_link_update(new_fd, program_fd, NULL);
	if (r)
		bpf_link_update(old_fd, program_fd, NULL);
	return r;
}

int attach_tcx_move_to_front(const struct attach_point *point, int program_fd, struct attachment *attachment)
{
	CLEANUP_CLOSE int stand_in_fd = load_stand_in();
	CLEANUP_CLOSE int new_fd = -1;
	char path[PATH_MAX];
	int r;

	if (stand_in_fd < 0)
		return stand_in_fd;
	new_fd = make_link(point, stand_in_fd);
	if (new_fd < 0)
		return new_fd;
	/* until it is pinned the new link ends with the agent, and the old one, pinned, is taken over by the next */
	r = change_over(attachment->link_fd, new_fd, program_fd);
	if (r)
		return r;
	attach_tcx_remove(point, attachment->link_fd);
	close(attachment->link_fd);
	attachment->link_fd = TAKE_FD(new_fd);
	pin_path(point, path);
	if (bpf_obj_pin(attachment->link_fd, path))
		return log_errno(-errno, "interface %s: cannot pin the link as %s", point->interface, path);
	return 0;
}

void attach_tcx_remove(const struct attach_point *point, int link_fd)
{
	char path[PATH_MAX];

	pin_path(point, path);
	unlink(path);
	/* the last close ends a link too, but a moment later; one whose interface has gone is over */
	if (link_fd >= 0)
		bpf_link_detach(link_fd);
}
