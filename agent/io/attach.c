/* SPDX-License-Identifier: MIT */
#include "io/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"

/* include/uapi/linux/bpf.h since 6.6; older headers lack the names */
#define LINK_TYPE_TCX 11
static const enum bpf_attach_type tcx_types[OCTET_N_DIRECTIONS] = {
	[OCTET_UP] = (enum bpf_attach_type)46,   /* BPF_TCX_INGRESS */
	[OCTET_DOWN] = (enum bpf_attach_type)47, /* BPF_TCX_EGRESS */
};
static const enum bpf_tc_attach_point tc_points[OCTET_N_DIRECTIONS] = {
	[OCTET_UP] = BPF_TC_INGRESS,
	[OCTET_DOWN] = BPF_TC_EGRESS,
};
static const char *const direction_names[OCTET_N_DIRECTIONS] = {[OCTET_UP] = "up", [OCTET_DOWN] = "down"};

/* Our filter's name on clsact: first in line, and a handle ("oct") that nobody else would choose. */
#define FILTER_PRIORITY 1
#define FILTER_HANDLE 0x6f6374

/* BPF_F_BEFORE (include/uapi/linux/bpf.h since 6.6): with no other program named, in front of all */
#define LINK_BEFORE_ALL (1u << 3)
/* the kernel's bound for one hook (BPF_MPROG_MAX) */
#define PROGRAMS_MAX 64

/* struct bpf_link_info up to the part for TCX */
struct link_info_tcx {
	__u32 type;
	__u32 id;
	__u32 prog_id;
	__u32 padding;
	__u32 ifindex; /* 0 once the interface has gone */
	__u32 attach_type;
};

const char *attach_kind_name(enum attach_kind kind)
{
	static const char *const names[] = {[ATTACH_NONE] = "none", [ATTACH_TCX] = "tcx", [ATTACH_CLSACT] = "clsact"};

	return names[kind];
}

static void pin_path(const struct attach_point *point, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/link-%u-%s", point->pin_dir, point->ifindex, direction_names[point->direction]);
}

/* A directory says what no pin can: that the clsact qdisc of this interface was made by an octetd. */
static void marker_path(const struct attach_point *point, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/clsact-%u", point->pin_dir, point->ifindex);
}

static int link_info(int link_fd, struct link_info_tcx *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(link_fd, info, &size);
}

/* An index alone could be another interface's, in another network namespace: so this namespace's hook is asked. */
static bool runs_here(const struct link_info_tcx *info)
{
	__u32 programs[PROGRAMS_MAX], n = PROGRAMS_MAX;

	if (bpf_prog_query((int)info->ifindex, (enum bpf_attach_type)info->attach_type, 0, NULL, programs, &n))
		return false;
	for (__u32 i = 0; i < n; i++)
		if (programs[i] == info->prog_id)
			return true;
	return false;
}

static bool is_link_of(int link_fd, uint32_t ifindex, enum octet_direction direction)
{
	struct link_info_tcx info;

	return link_info(link_fd, &info) == 0 && info.type == LINK_TYPE_TCX && info.ifindex == ifindex &&
	       info.attach_type == (__u32)tcx_types[direction] && runs_here(&info);
}

/* The pinned link of an earlier agent, with our program put in; -ENOENT when there is none to take over. */
static int tcx_take_over(const struct attach_point *point, const char *path, int program_fd)
{
	CLEANUP_CLOSE int link_fd = bpf_obj_get(path);
	int r;

	if (link_fd < 0)
		return -ENOENT;
	r = is_link_of(link_fd, point->ifindex, point->direction) ? bpf_link_update(link_fd, program_fd, NULL)
								  : -ESTALE;
	if (r) {
		log_info("interface %s: the pinned link %s is of no use any more (%s) and is replaced",
			 point->interface, path, strerror(-r));
		unlink(path);
		return -ENOENT;
	}
	return TAKE_FD(link_fd);
}

/* -EINVAL and -EOPNOTSUPP, unlogged: this kernel has no TCX. */
static int tcx_attach(const struct attach_point *point, int program_fd, struct attachment *out)
{
	/* first of all: a program in front that ends the chain would hide guests */
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = LINK_BEFORE_ALL);
	char path[PATH_MAX];
	CLEANUP_CLOSE int link_fd = -1;
	bool is_new = false;

	pin_path(point, path);
	link_fd = tcx_take_over(point, path, program_fd);
	if (link_fd < 0) {
		is_new = true;
		link_fd = bpf_link_create(program_fd, (int)point->ifindex, tcx_types[point->direction], &opts);
		if (link_fd == -EINVAL || link_fd == -EOPNOTSUPP)
			return link_fd;
		if (link_fd < 0)
			return log_errno(link_fd, "interface %s: cannot attach (is this root?)", point->interface);
		if (bpf_obj_pin(link_fd, path))
			return log_errno(-errno, "interface %s: cannot pin the link as %s", point->interface, path);
	}
	*out = (struct attachment){.kind = ATTACH_TCX,
				   .ifindex = point->ifindex,
				   .direction = point->direction,
				   .link_fd = TAKE_FD(link_fd),
				   .is_new = is_new};
	return 0;
}

/* Filled in place: libbpf checks the padding too, which a copy of the struct need not preserve. */
static void hook_fill(struct bpf_tc_hook *hook, uint32_t ifindex, enum bpf_tc_attach_point point)
{
	memset(hook, 0, sizeof(*hook));
	hook->sz = sizeof(*hook);
	hook->ifindex = (int)ifindex;
	hook->attach_point = point;
}

static int clsact_attach(const struct attach_point *point, int program_fd, struct attachment *out)
{
	struct bpf_tc_hook hook;
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, query, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
			    .prog_fd = program_fd, .flags = BPF_TC_F_REPLACE);
	char marker[PATH_MAX];
	bool is_new;
	int r;

	marker_path(point, marker);
	hook_fill(&hook, point->ifindex, tc_points[point->direction]);
	r = bpf_tc_hook_create(&hook);
	if (r == 0)
		mkdir(marker, 0700);
	else if (r != -EEXIST)
		return log_errno(r, "interface %s: cannot add a clsact qdisc", point->interface);
	is_new = bpf_tc_query(&hook, &query) != 0;
	r = bpf_tc_attach(&hook, &opts);
	if (r)
		return log_errno(r, "interface %s: cannot add a tc filter (is priority %d taken by another kind?)",
				 point->interface, FILTER_PRIORITY);
	*out = (struct attachment){.kind = ATTACH_CLSACT,
				   .ifindex = point->ifindex,
				   .direction = point->direction,
				   .link_fd = -1,
				   .is_new = is_new};
	return 0;
}

/* Whether anybody has a filter on this hook of the clsact qdisc; true when that cannot be told. */
static bool has_filters(uint32_t ifindex, enum octet_direction direction)
{
	CLEANUP_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const __u32 minor = direction == OCTET_UP ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS;
	struct {
		struct nlmsghdr header;
		struct tcmsg message;
	} request = {.header = {.nlmsg_len = sizeof(request),
				.nlmsg_type = RTM_GETTFILTER,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		     .message = {.tcm_ifindex = (int)ifindex, .tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor)}};
	_Alignas(struct nlmsghdr) char answer[8192];
	ssize_t n;

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		return true;
	n = recv(fd, answer, sizeof(answer), 0);
	/* a dump of nothing is its end alone */
	return n < (ssize_t)sizeof(struct nlmsghdr) || ((struct nlmsghdr *)answer)->nlmsg_type != NLMSG_DONE;
}

/* Ends our filter there, and the qdisc if an octetd made it and nobody uses it. */
static void clsact_remove(const struct attach_point *point)
{
	struct bpf_tc_hook hook, both;
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	char marker[PATH_MAX];

	hook_fill(&hook, point->ifindex, tc_points[point->direction]);
	hook_fill(&both, point->ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	bpf_tc_detach(&hook, &opts);
	marker_path(point, marker);
	if (access(marker, F_OK) || has_filters(point->ifindex, OCTET_UP) || has_filters(point->ifindex, OCTET_DOWN))
		return;
	bpf_tc_hook_destroy(&both);
	rmdir(marker);
}

static void tcx_remove(const struct attach_point *point)
{
	char path[PATH_MAX];

	pin_path(point, path);
	unlink(path);
}

static bool clsact_is_there(const struct attach_point *point)
{
	struct bpf_tc_hook hook;
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, query, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	hook_fill(&hook, point->ifindex, tc_points[point->direction]);
	return bpf_tc_query(&hook, &query) == 0;
}

void attach_forget(const char *pin_dir, uint32_t ifindex)
{
	for (int i = 0; i < OCTET_N_DIRECTIONS; i++) {
		const struct attach_point point = {"", ifindex, (enum octet_direction)i, pin_dir};

		tcx_remove(&point);
		if (clsact_is_there(&point))
			clsact_remove(&point);
	}
}

static int attach_by_clsact(const struct attach_point *point, int program_fd, struct attachment *out)
{
	tcx_remove(point);
	return clsact_attach(point, program_fd, out);
}

int attach_program(const struct attach_point *point, enum config_attach mode, int program_fd, struct attachment *out)
{
	int r;

	if (mode == CONFIG_ATTACH_CLSACT)
		return attach_by_clsact(point, program_fd, out);
	r = tcx_attach(point, program_fd, out);
	/* of an agent that was configured otherwise: both would count */
	if (r == 0 && clsact_is_there(point))
		clsact_remove(point);
	if (r != -EINVAL && r != -EOPNOTSUPP)
		return r;
	if (mode == CONFIG_ATTACH_AUTO)
		return attach_by_clsact(point, program_fd, out);
	log_error("interface %s: this kernel has no TCX (6.6 and newer have): set attach = \"auto\"", point->interface);
	return r;
}

bool attach_is_alive(const struct attachment *attachment)
{
	struct bpf_tc_hook hook;
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, query, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	if (attachment->kind == ATTACH_TCX)
		return is_link_of(attachment->link_fd, attachment->ifindex, attachment->direction);
	if (attachment->kind != ATTACH_CLSACT)
		return false;
	hook_fill(&hook, attachment->ifindex, tc_points[attachment->direction]);
	return bpf_tc_query(&hook, &query) == 0;
}

void attach_release(struct attachment *attachment)
{
	if (attachment->link_fd >= 0)
		close(attachment->link_fd);
	attachment->link_fd = -1;
	attachment->kind = ATTACH_NONE;
}

void attach_remove(const struct attach_point *point, struct attachment *attachment)
{
	if (attachment->kind == ATTACH_TCX)
		tcx_remove(point);
	else if (attachment->kind == ATTACH_CLSACT)
		clsact_remove(point);
	attach_release(attachment);
}
