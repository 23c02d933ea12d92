/* SPDX-License-Identifier: MIT */
#include "io/link.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

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

static void copy_text(char to[16], const struct rtattr *attribute)
{
	snprintf(to, 16, "%.*s", (int)RTA_PAYLOAD(attribute), (const char *)RTA_DATA(attribute));
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
	case IFLA_LINKINFO:
		read_kinds(attribute, out);
		break;
	default:
		break;
	}
}

static int read_answer(const struct nlmsghdr *header, size_t size, struct link_facts *out)
{
	const struct ifinfomsg *info = NLMSG_DATA(header);
	int length;

	if (!NLMSG_OK(header, size))
		return -EBADMSG;
	if (header->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
	if (header->nlmsg_type != RTM_NEWLINK)
		return -EBADMSG;
	*out = (struct link_facts){.ifindex = (uint32_t)info->ifi_index, .hardware = info->ifi_type};
	length = (int)IFLA_PAYLOAD(header);
	for (const struct rtattr *attribute = IFLA_RTA(info); RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length))
		read_attribute(attribute, out);
	/* of a veth it is the peer's index, perhaps in another namespace */
	if (strcmp(out->kind, "vlan") != 0 && strcmp(out->kind, "macvlan") != 0)
		out->lower = 0;
	return 0;
}

int link_query(const char *name, struct link_facts *out)
{
	CLEANUP_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct link_request request = {
		.header = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
		.info = {.ifi_index = (int)if_nametoindex(name)},
	};
	_Alignas(struct nlmsghdr) char answer[16384];
	ssize_t size;

	if (request.info.ifi_index == 0)
		return -ENODEV;
	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	size = recv(fd, answer, sizeof(answer), 0);
	if (size < 0)
		return -errno;
	return read_answer((const struct nlmsghdr *)answer, (size_t)size, out);
}
