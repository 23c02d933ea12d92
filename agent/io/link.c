/* SPDX-License-Identifier: MIT */
#include "io/link.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"

struct link_request {
	struct nlmsghdr header;
	struct ifinfomsg info;
};

static uint32_t attribute_u32(const struct rtattr *attribute)
{
	uint32_t value = 0;

	if (RTA_PAYLOAD(attribute) >= sizeof(value))
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

static void copy_text(char to[LINK_NAME_SIZE], const struct rtattr *attribute)
{
	snprintf(to, LINK_NAME_SIZE, "%.*s", (int)RTA_PAYLOAD(attribute), (const char *)RTA_DATA(attribute));
}

static void read_kinds(const struct rtattr *attribute, struct link_facts *out)
{
	int length = (int)RTA_PAYLOAD(attribute);

	for (const struct rtattr *inner = RTA_DATA(attribute); RTA_OK(inner, length); inner = RTA_NEXT(inner, length))
		if (inner->rta_type == IFLA_INFO_KIND)
			copy_text(out->kind, inner);
		else if (inner->rta_type == IFLA_INFO_SLAVE_KIND)
			copy_text(out->master_kind, inner);
}

static void read_attribute(const struct rtattr *attribute, struct link_facts *out)
{
	switch (attribute->rta_type) {
	case IFLA_IFNAME:
		copy_text(out->name, attribute);
		break;
	case IFLA_ADDRESS:
		if (RTA_PAYLOAD(attribute) == sizeof(out->mac.octets))
			memcpy(out->mac.octets, RTA_DATA(attribute), sizeof(out->mac.octets));
		break;
	case IFLA_MASTER:
		out->master = attribute_u32(attribute);
		break;
	case IFLA_LINK:
		out->lower = attribute_u32(attribute);
		break;
	case IFLA_LINK_NETNSID:
		out->is_lower_elsewhere = true;
		break;
	case IFLA_LINKINFO:
		read_kinds(attribute, out);
		break;
	default:
		break;
	}
}

static void read_link(const struct nlmsghdr *header, struct link_facts *out)
{
	const struct ifinfomsg *info = NLMSG_DATA(header);
	int length = (int)IFLA_PAYLOAD(header);

	*out = (struct link_facts){
		.ifindex = (uint32_t)info->ifi_index,
		.hardware = info->ifi_type,
		.is_running = (info->ifi_flags & IFF_RUNNING) != 0,
	};
	for (const struct rtattr *attribute = IFLA_RTA(info); RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length))
		read_attribute(attribute, out);
	/* of a veth it is the peer's index; with a namespace id, an index of another namespace */
	if ((strcmp(out->kind, "vlan") != 0 && strcmp(out->kind, "macvlan") != 0) || out->is_lower_elsewhere)
		out->lower = 0;
}

/* Dumps that changes have interrupted are taken anew so often. */
#define ATTEMPTS_MAX 8

struct link_dump {
	struct link_facts *facts;
	size_t n_facts;
	bool is_interrupted; /* links came or went meanwhile: some may be missing */
};

/* Appends what a message says; 1 when there is more to come, 0 at the end, or -errno. */
static int read_messages(const char *answer, size_t size, struct link_dump *dump)
{
	for (const struct nlmsghdr *header = (const struct nlmsghdr *)answer; NLMSG_OK(header, size);
	     header = NLMSG_NEXT(header, size)) {
		struct link_facts *grown;

		dump->is_interrupted |= (header->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (header->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
		if (header->nlmsg_type != RTM_NEWLINK)
			continue;
		grown = realloc(dump->facts, (dump->n_facts + 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		dump->facts = grown;
		read_link(header, &grown[dump->n_facts++]);
	}
	return 1;
}

static int take_dump(int fd, struct link_dump *dump)
{
	const struct link_request request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = RTM_GETLINK,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	};
	_Alignas(struct nlmsghdr) char answer[32768]; /* what the kernel fills at most (netlink_dump) */
	int r = 1;

	dump->n_facts = 0;
	dump->is_interrupted = false;
	if (send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	while (r == 1) {
		ssize_t size = recv(fd, answer, sizeof(answer), 0);

		r = size < 0 ? -errno : read_messages(answer, (size_t)size, dump);
	}
	return r ? r : (dump->is_interrupted ? -EINTR : 0);
}

int link_list(struct link_facts **out, size_t *n_out)
{
	CLEANUP_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct link_dump dump = {0};
	int r = fd < 0 ? -errno : -EINTR;

	for (int attempt = 0; fd >= 0 && r == -EINTR && attempt < ATTEMPTS_MAX; attempt++)
		r = take_dump(fd, &dump);
	if (r) {
		free(dump.facts);
		return r;
	}
	*out = dump.facts;
	*n_out = dump.n_facts;
	return 0;
}

int link_query(const char *name, struct link_facts *out)
{
	uint32_t ifindex = if_nametoindex(name);
	CLEANUP_FREE struct link_facts *facts = NULL;
	size_t n_facts = 0;
	int r;

	if (ifindex == 0)
		return -ENODEV;
	r = link_list(&facts, &n_facts);
	if (r)
		return r;
	for (size_t i = 0; i < n_facts; i++)
		if (facts[i].ifindex == ifindex) {
			*out = facts[i];
			return 0;
		}
	return -ENODEV;
}

/* Which of those that are counted on would see the same frames again; NULL for none. */
static const struct link_facts *find_overlap(const struct link_facts *facts, size_t n_facts, const uint32_t *counted,
					     size_t n_counted, uint32_t ifindex)
{
	for (size_t i = 0; i < n_facts; i++)
		for (size_t j = 0; j < n_counted; j++)
			if (facts[i].ifindex == counted[j] && (link_is_above(facts, n_facts, ifindex, counted[j]) ||
							       link_is_above(facts, n_facts, counted[j], ifindex)))
				return &facts[i];
	return NULL;
}

static int refuse_overlap(const char *name, const uint32_t *counted, size_t n_counted, uint32_t ifindex)
{
	CLEANUP_FREE struct link_facts *facts = NULL;
	const struct link_facts *overlap;
	size_t n_facts = 0;
	int r = link_list(&facts, &n_facts);

	if (r)
		return log_errno(r, "interface %s: the others cannot be listed", name);
	overlap = find_overlap(facts, n_facts, counted, n_counted, ifindex);
	if (!overlap)
		return 0;
	log_error(
		"interfaces %s and %s: one is a part of the other, and every octet would count twice: name the bridge "
		"or its ports, never both",
		overlap->name, name);
	return -EINVAL;
}

int link_look_up(const char *name, const uint32_t *counted, size_t n_counted, struct link_facts *out)
{
	int r = link_query(name, out);

	if (r == -ENODEV) {
		log_error("interface %s: there is no such interface here: see `ip link`, then set interfaces", name);
		return r;
	}
	if (r)
		return log_errno(r, "interface %s", name);
	if (out->hardware != LINK_HARDWARE_ETHERNET) {
		log_error("interface %s: it has no Ethernet headers, so its guests have no MACs to be told apart by",
			  name);
		return -EPROTONOSUPPORT;
	}
	/* `ip link` knows alternative names too; what changes is told by the first */
	if (strcmp(out->name, name) != 0) {
		log_error("interface %s: it is called %s: set interfaces to that name", name, out->name);
		return -EINVAL;
	}
	return refuse_overlap(name, counted, n_counted, out->ifindex);
}
