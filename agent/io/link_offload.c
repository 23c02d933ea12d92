/* SPDX-License-Identifier: MIT */
#include "io/link_offload.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"

/* False too when the driver cannot say. */
static bool is_on(int fd, uint32_t ifindex, uint32_t command, char name[IF_NAMESIZE])
{
	struct ethtool_value value = {.cmd = command};
	struct ifreq request = {.ifr_data = (char *)&value};

	if (!if_indextoname(ifindex, name))
		return false;
	memcpy(request.ifr_name, name, IF_NAMESIZE);
	return ioctl(fd, SIOCETHTOOL, &request) == 0 && value.data != 0;
}

void link_offload_describe(const struct link_facts *facts, size_t n_facts, uint32_t ifindex,
			   char text[LINK_OFFLOAD_SIZE])
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[IF_NAMESIZE];

	text[0] = '\0';
	for (size_t i = 0; i < n_facts; i++)
		if (link_is_above(facts, n_facts, facts[i].ifindex, ifindex) &&
		    is_on(fd, facts[i].ifindex, ETHTOOL_GGRO, name)) {
			snprintf(text, LINK_OFFLOAD_SIZE, "gro on %s", name);
			/* of a bridge's own it has no effect: what it receives its ports have joined already */
			if (facts[i].ifindex != ifindex || strcmp(facts[i].kind, "bridge") != 0)
				return;
			text[0] = '\0';
		}
	if (is_on(fd, ifindex, ETHTOOL_GTSO, name))
		snprintf(text, LINK_OFFLOAD_SIZE, "tso on %s", name);
}

uint32_t link_mtu(uint32_t ifindex)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	if (!if_indextoname(ifindex, request.ifr_name) || ioctl(fd, SIOCGIFMTU, &request))
		return 0;
	return (uint32_t)request.ifr_mtu;
}
