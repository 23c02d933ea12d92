/* SPDX-License-Identifier: MIT */
#include "io/link_stats.h"

#include <errno.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

/* what the kernel fills at most (netlink_dump), and more than one link's message */
#define ANSWER_SIZE 32768

struct wanted {
	struct link_stats *stats;
	size_t n;
};

typedef void (*message_reader)(const struct nlmsghdr *header, const struct wanted *wanted);

static struct link_stats *find(const struct wanted *wanted, int ifindex)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (wanted->stats[i].ifindex == (uint32_t)ifindex)
			return &wanted->stats[i];
	return NULL;
}

static void read_counters(const struct rtattr *attribute, struct link_stats *out)
{
	struct rtnl_link_stats64 counters = {0};
	size_t size = RTA_PAYLOAD(attribute);

	/* it has grown with the kernels, and is not aligned to 64 bits in the message */
	memcpy(&counters, RTA_DATA(attribute), size < sizeof(counters) ? size : sizeof(counters));
	out->device[OCTET_UP] = (struct octet_tally){counters.rx_packets, counters.rx_bytes};
	out->device[OCTET_DOWN] = (struct octet_tally){counters.tx_packets, counters.tx_bytes};
	out->driver_drops = counters.tx_dropped + counters.tx_errors;
	out->is_there = true;
}

static void read_xdp(const struct rtattr *attribute, struct link_stats *out)
{
	int length = (int)RTA_PAYLOAD(attribute);

	for (const struct rtattr *inner = RTA_DATA(attribute); RTA_OK(inner, length); inner = RTA_NEXT(inner, length))
		if (inner->rta_type == IFLA_XDP_ATTACHED && RTA_PAYLOAD(inner) >= 1)
			out->has_xdp = *(const uint8_t *)RTA_DATA(inner) != XDP_ATTACHED_NONE;
}

static void read_link(const struct nlmsghdr *header, const struct wanted *wanted)
{
	const struct ifinfomsg *info = NLMSG_DATA(header);
	struct link_stats *out = find(wanted, info->ifi_index);
	int length = (int)IFLA_PAYLOAD(header);

	if (!out || header->nlmsg_type != RTM_NEWLINK)
		return;
	for (const struct rtattr *attribute = IFLA_RTA(info); RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length))
		if (attribute->rta_type == IFLA_STATS64)
			read_counters(attribute, out);
		else if ((attribute->rta_type & NLA_TYPE_MASK) == IFLA_XDP)
			read_xdp(attribute, out);
}

static void read_queue(const struct rtattr *attribute, struct link_stats *out)
{
	int length = (int)RTA_PAYLOAD(attribute);
	struct gnet_stats_queue queue = {0};

	for (const struct rtattr *inner = RTA_DATA(attribute); RTA_OK(inner, length); inner = RTA_NEXT(inner, length)) {
		if (inner->rta_type != TCA_STATS_QUEUE || RTA_PAYLOAD(inner) < sizeof(queue))
			continue;
		memcpy(&queue, RTA_DATA(inner), sizeof(queue));
		out->queue_drops = queue.drops;
		out->queued = queue.qlen;
	}
}

static void read_qdisc(const struct nlmsghdr *header, const struct wanted *wanted)
{
	const struct tcmsg *message = NLMSG_DATA(header);
	struct link_stats *out = find(wanted, message->tcm_ifindex);
	int length = (int)NLMSG_PAYLOAD(header, sizeof(*message));

	/* what is below the root, the root has in its own numbers (qdisc_tree_reduce_backlog, net/sched/sch_api.c) */
	if (!out || header->nlmsg_type != RTM_NEWQDISC || message->tcm_parent != TC_H_ROOT)
		return;
	for (const struct rtattr *attribute = TCA_RTA(message); RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length))
		if ((attribute->rta_type & NLA_TYPE_MASK) == TCA_STATS2)
			read_queue(attribute, out);
}

/* 1 when there is more to come, 0 at the end, or -errno. */
static int read_messages(const char *answer, size_t size, message_reader read_one, const struct wanted *wanted)
{
	int r = 1;

	for (const struct nlmsghdr *header = (const struct nlmsghdr *)answer; r == 1 && NLMSG_OK(header, size);
	     header = NLMSG_NEXT(header, size)) {
		if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (header->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
		read_one(header, wanted);
		/* the answer to a question about one interface is one message without an end */
		if (!(header->nlmsg_flags & NLM_F_MULTI))
			r = 0;
	}
	return r;
}

static int ask(int fd, const void *request, size_t request_size, message_reader read_one, const struct wanted *wanted)
{
	_Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
	int r = 1;

	if (send(fd, request, request_size, 0) < 0)
		return -errno;
	while (r == 1) {
		ssize_t size = recv(fd, answer, sizeof(answer), MSG_TRUNC);

		if (size < 0)
			return -errno;
		if ((size_t)size > sizeof(answer))
			return -EMSGSIZE;
		r = read_messages(answer, (size_t)size, read_one, wanted);
	}
	return r;
}

static int ask_link(int fd, const struct link_stats *entry, const struct wanted *wanted)
{
	const struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} request = {
		.header = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
		.info = {.ifi_index = (int)entry->ifindex},
	};
	int r = ask(fd, &request, sizeof(request), read_link, wanted);

	/* it has gone, as interfaces do */
	return r == -ENODEV ? 0 : r;
}

static int ask_qdiscs(int fd, const struct wanted *wanted)
{
	const struct {
		struct nlmsghdr header;
		struct tcmsg message;
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = RTM_GETQDISC,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	};

	return ask(fd, &request, sizeof(request), read_qdisc, wanted);
}

int link_stats_read(struct link_stats *stats, size_t n)
{
	CLEANUP_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const struct wanted wanted = {stats, n};
	int r = fd < 0 ? -errno : 0;

	for (size_t i = 0; i < n; i++)
		stats[i] = (struct link_stats){.ifindex = stats[i].ifindex};
	for (size_t i = 0; !r && i < n; i++)
		r = ask_link(fd, &stats[i], &wanted);
	/* a kernel without queues answers -EOPNOTSUPP: then nothing is lost there */
	if (!r)
		r = ask_qdiscs(fd, &wanted);
	if (r == -EOPNOTSUPP)
		r = 0;
	for (size_t i = 0; r && i < n; i++)
		stats[i].is_there = false;
	return r;
}

static int ethtool(const char *name, void *command)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = command;
	return ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
}

/* The kernel numbers its features as it likes, and tells their names; -1 for a feature that it does not have. */
static int find_feature(const char *name, const char *feature, uint32_t *n_features)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t length;
	} set = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES}};
	CLEANUP_FREE struct ethtool_gstrings *strings = NULL;

	if (ethtool(name, &set) || !set.info.sset_mask)
		return -1;
	strings = calloc(1, sizeof(*strings) + (size_t)set.length * ETH_GSTRING_LEN);
	if (!strings)
		return -1;
	*strings = (struct ethtool_gstrings){.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = set.length};
	if (ethtool(name, strings))
		return -1;
	*n_features = strings->len < set.length ? strings->len : set.length;
	for (uint32_t i = 0; i < *n_features; i++)
		if (strncmp((const char *)strings->data + (size_t)i * ETH_GSTRING_LEN, feature, ETH_GSTRING_LEN) == 0)
			return (int)i;
	return -1;
}

bool link_offloads_flows(const char *name)
{
	CLEANUP_FREE struct ethtool_gfeatures *features = NULL;
	uint32_t n_features = 0;
	int feature = find_feature(name, "hw-tc-offload", &n_features);
	uint32_t n_blocks = (n_features + 31) / 32;

	if (feature < 0)
		return false;
	features = calloc(1, sizeof(*features) + n_blocks * sizeof(features->features[0]));
	if (!features)
		return false;
	*features = (struct ethtool_gfeatures){.cmd = ETHTOOL_GFEATURES, .size = n_blocks};
	return ethtool(name, features) == 0 && features->features[feature / 32].active >> (feature % 32) & 1;
}

bool link_is_wireless(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/class/net/%s/phy80211", name);
	return access(path, F_OK) == 0;
}
