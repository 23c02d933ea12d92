#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The networks of one lab: namespaces, links, offloads, addresses, NAT. Sourced by scripts/hotspot-lab.
# Every command names its namespace; nothing here can reach the host's own network.
#
# The line. Senders are held to a rate before anybody counts or captures. Unbounded, some Gbit/s overflow veth's
# ring of 256 packets, and what is lost between gateway and guest makes two true counts differ.
#
# Offloads. The gateway is to see super-packets, as a real one does, while a capture at a guest's wlan0
# is to see what went over the air:
#   down  gw hands super-packets over; radioN cannot segment in "hardware" (tso off), so the kernel does it there
#   up    the guest's wlan0 has tso off, so its segments exist one by one; the gateway's port joins them (gro on).
#         veth does gro only for a peer without tso (veth_skb_is_eligible_for_gro), so wireN has none either

# lab_ip NODE: an ip batch from stdin inside a node
lab_ip() { ip -n "$(netns_name "$1")" -batch -; }

# lab_sysctl NODE PATH=VALUE...: below /proc/sys/net, which shows the network of who looks
lab_sysctl() {
	local node=$1
	shift
	# shellcheck disable=SC2016
	in_node "$node" sh -c 'for setting; do
		path=/proc/sys/net/${setting%%=*}
		[ ! -e "$path" ] || echo "${setting#*=}" >"$path" || exit 1
	done' sh "$@"
}

net_create_namespaces() {
	local node
	exec 9<"$LAB_ROOT" && flock -w 10 9 # ip netns add makes /run/netns a mount of its own, which races
	for node in "${LAB_NODES[@]}"; do
		ip netns add "$(netns_name "$node")" ||
			die "cannot make a network namespace: needs a kernel with CONFIG_NET_NS and, in a container, a privileged one"
	done
	exec 9<&-
	[ -d /proc/sys/net/ipv6 ] || die "the kernel runs without IPv6: boot it without ipv6.disable=1"
}

# Before any link exists: addresses are usable at once (no duplicate detection), autoconfiguration is predictable
net_set_sysctls() {
	local quick=(ipv6/conf/default/{accept_dad,dad_transmits,use_tempaddr,addr_gen_mode}"=0")
	local node
	lab_sysctl uplink "${quick[@]}"
	lab_sysctl gw "${quick[@]}" ipv4/ip_forward=1 ipv6/conf/{all,default}/forwarding=1 \
		bridge/bridge-nf-call-{iptables,ip6tables,arptables}=0
	lab_sysctl ap ipv6/conf/{all,default}/disable_ipv6=1 bridge/bridge-nf-call-{iptables,ip6tables,arptables}=0
	for node in "${LAB_GUESTS[@]}"; do
		# a solicitation that finds a bridge not yet forwarding would cost seconds: see net_is_connected
		lab_sysctl "$node" "${quick[@]}" ipv6/conf/default/{disable_ipv6=1,accept_ra=2,router_solicitation_delay=0}
	done
}

net_create_uplink() {
	lab_ip gw <<-BATCH
		link set lo up
		link add wan address $GW_WAN_MAC type veth peer name net0 address $UPLINK_MAC netns $(netns_name uplink)
		link set wan up
		address add $GW_WAN_IP4/24 dev wan
		address add $GW_WAN_IP6/64 dev wan nodad
		route add default via $UPLINK_IP4
		link add br-guest address $GW_MAC type bridge forward_delay 0 mcast_snooping 0
		link set br-guest up
		address add $GW_IP4/24 dev br-guest
		address add $GW_IP6/64 dev br-guest nodad
	BATCH
	lab_ip uplink <<-BATCH
		link set lo up
		link set net0 up
		address add $UPLINK_IP4/24 dev net0
		address add $UPLINK_IP6/64 dev net0 nodad
		route add $GUEST_NET6 via $GW_WAN_IP6
	BATCH
}

# net_create_guest GUEST: its cable from the gateway through the access point
net_create_guest() {
	local guest=$1 n=${1#g}
	lab_ip gw <<-BATCH
		link add port$n type veth peer name wire$n netns $(netns_name ap)
		link set port$n master br-guest
	BATCH
	lab_ip ap <<-BATCH
		link add ap$n type bridge forward_delay 0 mcast_snooping 0
		link add radio$n type veth peer name wlan0 address ${GUEST_MAC[$guest]} netns $(netns_name "$guest")
		link set wire$n master ap$n
		link set radio$n master ap$n
	BATCH
	net_guest_offloads "$guest" on
	printf 'link set %s up\n' "ap$n" "wire$n" "radio$n" | lab_ip ap
	lab_ip gw <<<"link set port$n up"
	printf 'link set %s up\n' lo wlan0 | lab_ip "$guest"
}

# True when every port of every bridge forwards, which follows the link by some milliseconds
net_is_connected() {
	local node
	for node in gw ap; do
		bridge -n "$(netns_name "$node")" link show
	done | awk '/state forwarding/ { n++ } END { exit n != 3 * '"${#LAB_GUESTS[@]}"' }'
}

# net_guest_offloads GUEST on|off: super-packets at the gateway (on), or wire packets everywhere (off)
net_guest_offloads() {
	local guest=$1 state=$2 n=${1#g}
	local segmenting=(tso off tx-udp-segmentation off tx-sctp-segmentation off)
	in_node "$guest" ethtool -K wlan0 "${segmenting[@]}" gro off
	in_node ap ethtool -K "radio$n" "${segmenting[@]}" gro off
	in_node ap ethtool -K "wire$n" "${segmenting[@]}" gro off
	in_node gw ethtool -K "port$n" gro "$state" tso "$state" tx-udp-segmentation "$state"
}

# net_offloads on|off
net_offloads() {
	local guest
	for guest in "${LAB_GUESTS[@]}"; do
		net_guest_offloads "$guest" "$1" >/dev/null || return 1
	done
	in_node gw ethtool -K wan gro "$1" tso "$1" tx-udp-segmentation "$1"
	in_node uplink ethtool -K net0 tso "$1" tx-udp-segmentation "$1"
}

# net_limit_rate RATE|none: each guest's sending, and what the Internet sends; tbf lets super-packets pass whole
net_limit_rate() {
	local node device
	[ "$1" != none ] || return 0
	for node in uplink "${LAB_GUESTS[@]}"; do
		device=wlan0
		[ "$node" != uplink ] || device=net0
		in_node "$node" tc qdisc replace dev "$device" root tbf rate "$1" burst 128kb latency 200ms ||
			die "cannot limit the line to $1: needs a rate as tc knows it, and a kernel with sch_tbf (or: up --rate none)"
	done
}

# Guests' IPv4 leaves with the gateway's address; their IPv6 is routed as it is
net_create_nat() {
	in_node gw nft -f - <<-RULES
		table ip lab_nat {
			chain postrouting {
				type nat hook postrouting priority srcnat; policy accept;
				ip saddr $GUEST_NET4 oifname "wan" masquerade
			}
		}
	RULES
}

net_remove() {
	local node
	for node in "${LAB_NODES[@]}"; do
		[ ! -e "$(netns_path "$node")" ] || ip netns del "$(netns_name "$node")" || return 1
	done
}
