/* SPDX-License-Identifier: MIT */
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
#include "io/attach_private.h"

static const enum bpf_tc_attach_point points[OCTET_N_DIRECTIONS] = {
	[OCTET_UP] = BPF_TC_INGRESS,
	[OCTET_DOWN] = BPF_TC_EGRESS,
};

/* Our filter's name on clsact: first in line, and a handle ("oct") that nobody else would choose. */
#define FILTER_PRIORITY 1
#define FILTER_HANDLE 0x6f6374

/* A directory says what no pin can: that the clsact qdisc of this interface was made by an octetd. */
static void marker_path(const struct attach_point *point, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/clsact-%u", point->pin_dir, point->ifindex);
}

/* Filled in place: libbpf checks the padding too, which a copy of the struct need not preserve. */
static void hook_fill(struct bpf_tc_hook *hook, uint32_t ifindex, enum bpf_tc_attach_point point)
{
	memset(hook, 0, sizeof(*hook));
	hook->sz = sizeof(*hook);
	hook->ifindex = (int)ifindex;
	hook->attach_point = point;
}

/* The id of the program in the filter with our name; 0 for none. */
static uint32_t our_program(uint32_t ifindex, enum octet_direction direction)
{
	struct bpf_tc_hook hook;
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, query, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	hook_fill(&hook, ifindex, points[direction]);
	return bpf_tc_query(&hook, &query) ? 0 : query.prog_id;
}

bool attach_clsact_is_there(const struct attach_point *point)
{
	return our_program(point->ifindex, point->direction) != 0;
}

/* Where a dump says that a link has a qdisc in clsact's place: whether that is an ingress qdisc. */
static bool is_ingress_qdisc(const struct nlmsghdr *header, uint32_t ifindex)
{
	const struct tcmsg *message = NLMSG_DATA(header);
	int length = (int)TCA_PAYLOAD(header);

	if (header->nlmsg_type != RTM_NEWQDISC || (uint32_t)message->tcm_ifindex != ifindex ||
	    message->tcm_parent != TC_H_INGRESS)
		return false;
	for (const struct rtattr *attribute = TCA_RTA(message); RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length))
		if (attribute->rta_type == TCA_KIND)
			return strncmp(RTA_DATA(attribute), "ingress", RTA_PAYLOAD(attribute)) == 0;
	return false;
}

struct tc_request {
	struct nlmsghdr header;
	struct tcmsg message;
};

static int ask(uint16_t type, uint32_t ifindex, uint32_t parent)
{
	const struct tc_request request = {
		.header = {.nlmsg_len = sizeof(request), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.message = {.tcm_ifindex = (int)ifindex, .tcm_parent = parent},
	};
	CLEANUP_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/*
 * An ingress qdisc stands where clsact would, and has one place for filters, whatever the direction they ask for: the
 * filter for "down" would replace that for "up", and count what comes in.
 */
static bool has_ingress_qdisc(uint32_t ifindex)
{
	CLEANUP_CLOSE int fd = ask(RTM_GETQDISC, ifindex, 0);
	_Alignas(struct nlmsghdr) char answer[32768];
	size_t size;
	ssize_t n;

	while (fd >= 0 && (n = recv(fd, answer, sizeof(answer), 0)) > 0) {
		size = (size_t)n;
		for (const struct nlmsghdr *header = (const struct nlmsghdr *)answer; NLMSG_OK(header, size);
		     header = NLMSG_NEXT(header, size)) {
			if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
				return false;
			if (is_ingress_qdisc(header, ifindex))
				return true;
		}
	}
	return false;
}

static int make_qdisc(const struct attach_point *point)
{
	struct bpf_tc_hook hook;
	char marker[PATH_MAX];
	int r;

	hook_fill(&hook, point->ifindex, points[point->direction]);
	r = bpf_tc_hook_create(&hook);
	if (r == 0) {
		marker_path(point, marker);
		mkdir(marker, 0700);
	} else if (r == -EEXIST && point->direction == OCTET_DOWN && has_ingress_qdisc(point->ifindex)) {
		log_error("interface %s: somebody's ingress qdisc stands where clsact should, so what goes to guests "
			  "cannot be counted: remove it (tc qdisc del dev %s ingress)",
			  point->interface, point->interface);
		return -EBUSY;
	} else if (r == -ENODEV) {
		return r;
	} else if (r != -EEXIST) {
		return log_errno(r, "interface %s: cannot add a clsact qdisc", point->interface);
	}
	return 0;
}

int attach_clsact_add(const struct attach_point *point, int program_fd, struct attachment *out)
{
	struct bpf_tc_hook hook;
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
			    .prog_fd = program_fd, .flags = BPF_TC_F_REPLACE);
	bool is_new;
	int r = make_qdisc(point);

	if (r)
		return r;
	is_new = !attach_clsact_is_there(point);
	hook_fill(&hook, point->ifindex, points[point->direction]);
	r = bpf_tc_attach(&hook, &opts);
	if (r == -ENODEV)
		return r;
	if (r)
		return log_errno(r, "interface %s: cannot add a tc filter (is priority %d taken by another kind?)",
				 point->interface, FILTER_PRIORITY);
	*out = (struct attachment){.kind = ATTACH_CLSACT,
				   .ifindex = point->ifindex,
				   .direction = point->direction,
				   .program_id = attach_program_id(program_fd),
				   .link_fd = -1,
				   .is_new = is_new};
	return 0;
}

static uint32_t parent_of(enum octet_direction direction)
{
	return TC_H_MAKE(TC_H_CLSACT, direction == OCTET_UP ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

/* Whether anybody has a filter on this hook of the clsact qdisc; true when that cannot be told. */
static bool has_filters(uint32_t ifindex, enum octet_direction direction)
{
	CLEANUP_CLOSE int fd = ask(RTM_GETTFILTER, ifindex, parent_of(direction));
	_Alignas(struct nlmsghdr) char answer[8192];
	ssize_t n;

	if (fd < 0)
		return true;
	n = recv(fd, answer, sizeof(answer), 0);
	/* a dump of nothing is its end alone */
	return n < (ssize_t)sizeof(struct nlmsghdr) || ((struct nlmsghdr *)answer)->nlmsg_type != NLMSG_DONE;
}

/* Chain 0 is where frames begin; others are only jumped to. */
static bool is_in_first_chain(const struct nlmsghdr *header)
{
	const struct tcmsg *message = NLMSG_DATA(header);
	int length = (int)TCA_PAYLOAD(header);

	for (const struct rtattr *attribute = TCA_RTA(message); RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length))
		if (attribute->rta_type == TCA_CHAIN)
			return *(const uint32_t *)RTA_DATA(attribute) == 0;
	return true;
}

/* Whether the filter with our name is the first of the hook: a dump has them in the order in which they run. */
static bool is_first_filter(uint32_t ifindex, enum octet_direction direction)
{
	CLEANUP_CLOSE int fd = ask(RTM_GETTFILTER, ifindex, parent_of(direction));
	_Alignas(struct nlmsghdr) char answer[32768];
	ssize_t n = fd < 0 ? -1 : recv(fd, answer, sizeof(answer), 0);
	size_t size = n < 0 ? 0 : (size_t)n;

	for (const struct nlmsghdr *header = (const struct nlmsghdr *)answer; NLMSG_OK(header, size);
	     header = NLMSG_NEXT(header, size)) {
		const struct tcmsg *message = NLMSG_DATA(header);

		if (header->nlmsg_type != RTM_NEWTFILTER)
			return false;
		/* without a handle it is the head of a priority */
		if (message->tcm_handle && is_in_first_chain(header))
			return message->tcm_handle == FILTER_HANDLE &&
			       TC_H_MAJ(message->tcm_info) >> 16 == FILTER_PRIORITY;
	}
	return false;
}

struct attach_state attach_clsact_look(const struct attachment *attachment)
{
	struct attach_state state = {false, false};

	state.is_alive = our_program(attachment->ifindex, attachment->direction) == attachment->program_id;
	state.is_first = state.is_alive && !attach_tcx_is_used(attachment->ifindex, attachment->direction) &&
			 is_first_filter(attachment->ifindex, attachment->direction);
	return state;
}

/*
 * Filters of one priority run the latest first, so ours comes to the front by being added anew: a gap of microseconds.
 * There is no priority before ours, but there is TCX.
 */
int attach_clsact_move_to_front(const struct attach_point *point, int program_fd, struct attachment *attachment)
{
	struct bpf_tc_hook hook;
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	if (attach_tcx_is_used(point->ifindex, point->direction))
		return -EOPNOTSUPP;
	hook_fill(&hook, point->ifindex, points[point->direction]);
	bpf_tc_detach(&hook, &opts);
	return attach_clsact_add(point, program_fd, attachment);
}

void attach_clsact_remove(const struct attach_point *point)
{
	struct bpf_tc_hook hook, both;
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	char marker[PATH_MAX];

	hook_fill(&hook, point->ifindex, points[point->direction]);
	hook_fill(&both, point->ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	bpf_tc_detach(&hook, &opts);
	marker_path(point, marker);
	if (access(marker, F_OK) || has_filters(point->ifindex, OCTET_UP) || has_filters(point->ifindex, OCTET_DOWN))
		return;
	bpf_tc_hook_destroy(&both);
	rmdir(marker);
}
