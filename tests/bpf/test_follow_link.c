/* SPDX-License-Identifier: MIT */
/* Interfaces change while they are counted on, and go: the counters stay right, and nothing of them stays behind. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bpf/net_lab.h"
#include "io/link.h"

#define UDP 17

static struct net_lab lab;
static struct source_bpf *source;

static void set_up(enum config_attach mode)
{
	net_lab_open(&lab);
	if (mode == CONFIG_ATTACH_TCX)
		net_lab_require_tcx();
	source = net_lab_source("");
}

static void tear_down(void)
{
	source_bpf_close(&source, false);
	net_lab_close(&lab);
}

static int attach(const char *name, enum config_attach mode)
{
	struct link_facts facts;

	cr_assert_eq(link_query(name, &facts), 0);
	return source_bpf_attach_link(source, &facts, mode);
}

/* Whether its programs want to be replaced. */
static bool follow(const char *name)
{
	struct link_facts facts;

	cr_assert_eq(link_query(name, &facts), 0);
	return source_bpf_follow_link(source, &facts);
}

static size_t n_entries(const char *path, char mark)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	size_t n = 0;

	cr_assert(directory);
	while ((entry = readdir(directory)))
		n += mark == '\0' || strchr(entry->d_name, mark) != NULL;
	closedir(directory);
	return n;
}

/* Everything in the directory of pins but the maps. */
static size_t n_pins(void)
{
	return n_entries(NET_LAB_PINS, '-');
}

static size_t n_fds(void)
{
	return n_entries("/proc/self/fd", '\0');
}

/* Frames with the gateway's address as source are its own, by the address that it has now. */
static void change_mac(enum config_attach mode)
{
	struct frame_spec from_gateway = {.guest = 9, .protocol = UDP};
	struct octet_iface classes;
	uint8_t mac[6];
	int fd;

	set_up(mode);
	net_lab_veth(&lab, "gw0", "cl0");
	fd = net_lab_socket(&lab, lab.guest_ns, "cl0");
	cr_assert_eq(attach("gw0", mode), 0);
	net_lab_send_spec(fd, &from_gateway, 3);
	classes = net_lab_await(source, 0, OCTET_UP, 3);
	cr_expect_eq(classes.classes[OCTET_CLASS_COUNTED].frames, 3);
	frame_guest_mac(9, mac);
	net_lab_do("ip link set gw0 address %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		   mac[5]);
	cr_assert(follow("gw0"));
	cr_assert_eq(attach("gw0", mode), 0);
	cr_expect_not(follow("gw0"));
	net_lab_send_spec(fd, &from_gateway, 4);
	classes = net_lab_await(source, 0, OCTET_UP, 7);
	cr_expect_eq(classes.classes[OCTET_CLASS_COUNTED].frames, 3);
	cr_expect_eq(classes.classes[OCTET_CLASS_OWN].frames, 4);
	source_bpf_verify(source);
	struct health_interface health;
	cr_assert_eq(source_bpf_health(source, &health, 1), 1);
	cr_expect_eq(health.n_reattached[OCTET_UP], 0, "that was no attack");
	close(fd);
	tear_down();
}

Test(follow_link, a_new_mac_is_known_by_tcx)
{
	change_mac(CONFIG_ATTACH_TCX);
}

Test(follow_link, a_new_mac_is_known_by_clsact)
{
	change_mac(CONFIG_ATTACH_CLSACT);
}

Test(follow_link, a_new_name_and_a_new_bridge)
{
	static struct net_lab_readings readings;
	struct health_interface health;
	struct link_facts facts;
	const struct counter_reading *guest;
	uint32_t ifindex, bridge;
	int fd;

	set_up(CONFIG_ATTACH_AUTO);
	ifindex = net_lab_veth(&lab, "gw0", "cl0");
	fd = net_lab_socket(&lab, lab.guest_ns, "cl0");
	cr_assert_eq(attach("gw0", CONFIG_ATTACH_AUTO), 0);
	net_lab_do("ip link add br0 type bridge");
	bridge = if_nametoindex("br0");
	net_lab_do("ip link set gw0 name gw7");
	net_lab_do("ip link set gw7 master br0");
	cr_assert_eq(link_query("gw7", &facts), 0);
	cr_expect(source_bpf_link_has_moved(source, &facts));
	cr_expect_not(follow("gw7"));
	cr_expect_not(source_bpf_link_has_moved(source, &facts));
	cr_assert_eq(source_bpf_health(source, &health, 1), 1);
	cr_expect_str_eq(health.name, "gw7");
	net_lab_send_spec(fd, &(struct frame_spec){.guest = 1, .protocol = UDP}, 3);
	net_lab_await(source, 0, OCTET_UP, 3);
	net_lab_collect(source, &readings);
	guest = net_lab_find(&readings, ifindex, 1, false);
	cr_assert(guest);
	cr_expect_eq(guest->bridge, bridge);
	close(fd);
	tear_down();
}

/* Interfaces of the same name, one after the other: each is counted, nothing of them stays. */
static void come_and_go(enum config_attach mode)
{
	enum { ROUNDS = 12 };
	static struct net_lab_readings readings;
	uint32_t ifindexes[OCTET_SLOTS_MAX];
	size_t n_fds_before = 0;

	set_up(mode);
	net_lab_veth(&lab, "gw9", "cl9");
	cr_assert_eq(attach("gw9", mode), 0);
	const size_t n_pins_before = n_pins();
	for (int round = 0; round < ROUNDS; round++) {
		if (round == 1)
			n_fds_before = n_fds();
		const uint32_t ifindex = net_lab_veth(&lab, "gw0", "cl0");
		CLEANUP_CLOSE int fd = net_lab_socket(&lab, lab.guest_ns, "cl0");

		cr_assert_eq(attach("gw0", mode), 0, "round %d", round);
		net_lab_send_spec(fd, &(struct frame_spec){.guest = 1, .protocol = UDP}, 1);
		/* the place is one that was used before, and empty */
		net_lab_await(source, 1, OCTET_UP, 1);
		/* now and then it leaves without vanishing */
		if (round % 3)
			net_lab_do("ip link del gw0");
		source_bpf_drop_link(source, ifindex);
		if (round % 3 == 0) {
			cr_expect_leq(net_lab_tcx_links(ifindex, OCTET_UP, NULL, 0), 0, "it is still counted on");
			net_lab_do("ip link del gw0");
		}
		cr_expect_eq(source_bpf_links(source, ifindexes), 1);
		cr_expect_eq(n_pins(), n_pins_before, "round %d: %zu pins", round, n_pins());
	}
	cr_expect_eq(n_fds(), n_fds_before);
	/* what was counted on them is still there */
	net_lab_collect(source, &readings);
	uint64_t n_packets = 0;
	for (size_t i = 0; i < readings.n_readings; i++)
		n_packets += readings.readings[i].total.up_packets;
	cr_expect_eq(n_packets, ROUNDS);
	tear_down();
}

Test(follow_link, many_come_and_go_by_tcx)
{
	come_and_go(CONFIG_ATTACH_TCX);
}

Test(follow_link, many_come_and_go_by_clsact)
{
	come_and_go(CONFIG_ATTACH_CLSACT);
}

/* While the agent was away: the pins of what has vanished go, all of them. */
Test(follow_link, pins_of_what_has_vanished_go)
{
	static const enum config_attach modes[] = {CONFIG_ATTACH_AUTO, CONFIG_ATTACH_CLSACT};
	char epoch[SOURCE_EPOCH_SIZE];

	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
		set_up(modes[i]);
		net_lab_veth(&lab, "gw0", "cl0");
		net_lab_veth(&lab, "gw1", "cl1");
		cr_assert_eq(attach("gw0", modes[i]), 0);
		const size_t n_one = n_pins();
		cr_assert_eq(attach("gw1", modes[i]), 0);
		snprintf(epoch, sizeof(epoch), "%s", source_bpf_epoch(source));
		source_bpf_close(&source, true);
		net_lab_do("ip link del gw1");
		source = net_lab_source(epoch);
		cr_assert_eq(attach("gw0", modes[i]), 0);
		source_bpf_forget_others(source);
		cr_expect_eq(n_pins(), n_one);
		tear_down();
	}
}

Test(follow_link, one_that_has_gone_meanwhile_is_no_mistake)
{
	struct link_facts facts;

	set_up(CONFIG_ATTACH_AUTO);
	net_lab_veth(&lab, "gw0", "cl0");
	cr_assert_eq(link_query("gw0", &facts), 0);
	net_lab_do("ip link del gw0");
	cr_expect_eq(source_bpf_attach_link(source, &facts, CONFIG_ATTACH_AUTO), -ENODEV);
	cr_expect_eq(source_bpf_attach_link(source, &facts, CONFIG_ATTACH_CLSACT), -ENODEV);
	cr_expect_not(source_bpf_follow_link(source, &facts));
	source_bpf_drop_link(source, facts.ifindex);
	tear_down();
}
