/* SPDX-License-Identifier: MIT */
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "io/neighbour.h"

/* A length is compared as a signed number: the last message may be followed by less than its padding. */
static int length_of(size_t size)
{
	return size > INT32_MAX ? INT32_MAX : (int)size;
}

static uint32_t attribute_u32(const struct rtattr *attribute)
{
	uint32_t value = 0;

	if (RTA_PAYLOAD(attribute) == sizeof(value))
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

static bool read_ip(const struct rtattr *attribute, int family, struct ip_addr *out)
{
	uint8_t v4[4];

	if (family == AF_INET && RTA_PAYLOAD(attribute) == sizeof(v4)) {
		memcpy(v4, RTA_DATA(attribute), sizeof(v4));
		*out = ip_from_v4(v4);
		return true;
	}
	if (family == AF_INET6 && RTA_PAYLOAD(attribute) == sizeof(out->octets)) {
		memcpy(out->octets, RTA_DATA(attribute), sizeof(out->octets));
		return true;
	}
	return false;
}

static bool read_mac(const struct rtattr *attribute, struct mac_addr *out)
{
	if (RTA_PAYLOAD(attribute) != sizeof(out->octets))
		return false;
	memcpy(out->octets, RTA_DATA(attribute), sizeof(out->octets));
	return true;
}

/* What an entry is about is in its attributes; false when it is not there. */
static bool read_entry(const struct nlmsghdr *header, const struct ndmsg *entry, struct presence_sign *sign)
{
	int length = (int)header->nlmsg_len - (int)NLMSG_SPACE(sizeof(*entry));
	bool has_subject = false;

	for (const struct rtattr *attribute =
		     (const struct rtattr *)((const char *)entry + NLMSG_ALIGN(sizeof(*entry)));
	     RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length)) {
		if (attribute->rta_type == NDA_MASTER)
			sign->master = attribute_u32(attribute);
		else if (attribute->rta_type == NDA_DST && sign->kind == PRESENCE_NEIGHBOUR)
			has_subject |= read_ip(attribute, entry->ndm_family, &sign->ip);
		else if (attribute->rta_type == NDA_LLADDR && sign->kind == PRESENCE_BRIDGE)
			has_subject |= read_mac(attribute, &sign->mac);
	}
	return has_subject;
}

/* Asked, and no answer has come; a frame from it has come, or nobody need ask. In all other states it is not known. */
#define NUD_SILENT (NUD_FAILED | NUD_INCOMPLETE)
#define NUD_THERE (NUD_REACHABLE | NUD_STALE | NUD_PERMANENT)

/* Whether the state of a neighbour is a sign of either kind. An entry that is INCOMPLETE has been asked just now. */
static bool judge_state(const struct nlmsghdr *header, const struct ndmsg *entry, struct presence_sign *sign)
{
	sign->is_back = header->nlmsg_type == RTM_NEWNEIGH && (entry->ndm_state & NUD_THERE);
	return sign->is_back || (entry->ndm_state & (header->nlmsg_type == RTM_DELNEIGH ? NUD_SILENT : NUD_FAILED));
}

static bool read_neighbour(const struct nlmsghdr *header, const struct neighbour_wants *wants,
			   struct presence_sign *sign)
{
	const struct ndmsg *entry = NLMSG_DATA(header);

	if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*entry)))
		return false;
	*sign = (struct presence_sign){.kind = entry->ndm_family == AF_BRIDGE ? PRESENCE_BRIDGE : PRESENCE_NEIGHBOUR,
				       .ifindex = (uint32_t)entry->ndm_ifindex};
	if (sign->kind == PRESENCE_BRIDGE) {
		if (!wants->bridges)
			return false;
		sign->is_back = header->nlmsg_type == RTM_NEWNEIGH;
		return read_entry(header, entry, sign);
	}
	return wants->neighbours && judge_state(header, entry, sign) && read_entry(header, entry, sign);
}

static bool read_link(const struct nlmsghdr *header, const struct neighbour_wants *wants, struct presence_sign *sign)
{
	const struct ifinfomsg *info = NLMSG_DATA(header);

	/* those of a bridge's family say that a port has left its bridge, not that a link has gone */
	if (!wants->links || header->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) || info->ifi_family != AF_UNSPEC ||
	    info->ifi_index <= 0)
		return false;
	*sign = (struct presence_sign){.kind = PRESENCE_LINK, .ifindex = (uint32_t)info->ifi_index};
	return header->nlmsg_type == RTM_DELLINK || !(info->ifi_flags & IFF_RUNNING);
}

void neighbour_read(const void *datagram, size_t size, const struct neighbour_wants *wants, neighbour_told told,
		    void *context)
{
	int length = length_of(size);
	struct presence_sign sign;

	for (const struct nlmsghdr *header = datagram; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
		bool is_sign = false;

		if (header->nlmsg_type == RTM_NEWNEIGH || header->nlmsg_type == RTM_DELNEIGH)
			is_sign = read_neighbour(header, wants, &sign);
		else if (header->nlmsg_type == RTM_NEWLINK || header->nlmsg_type == RTM_DELLINK)
			is_sign = read_link(header, wants, &sign);
		if (is_sign)
			told(context, &sign);
	}
}
