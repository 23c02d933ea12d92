#!/bin/bash
# shellcheck disable=SC2034
# SPDX-License-Identifier: MIT
#
# Who is who in the virtual hotspot; sourced by scripts/hotspot-lab, scripts/run and tests/e2e/lib.sh.
#
#   uplink ---- gw ---- ap ---- g1, g2, g3
#
#   uplink  the Internet: web server on port 80, iperf3 on 5201
#   gw      the gateway: bridge br-guest (ports port1..3), NAT on wan, DHCP, router advertisements, DNS
#   ap      the access point: one two-port bridge for each guest, port wireN to gw, radioN to the guest
#   g1..g3  the guests, each with wlan0
#
# MAC addresses are those that RFC 7042 keeps for documentation, but for g2's, which is locally
# administered as phones make them up. IPv6 addresses of guests follow from the MAC (EUI-64).

readonly LAB_ROOT=/run/octetd-lab
readonly LAB_GUESTS=(g1 g2 g3)
readonly LAB_NODES=(uplink gw ap g1 g2 g3)

readonly UPLINK_MAC=00:00:5e:00:53:f0 UPLINK_IP4=198.51.100.1 UPLINK_IP6=2001:db8:ffff::1
readonly GW_WAN_MAC=00:00:5e:00:53:f1 GW_WAN_IP4=198.51.100.2 GW_WAN_IP6=2001:db8:ffff::2
readonly GW_MAC=00:00:5e:00:53:fe GW_IP4=10.55.0.1 GW_IP6=2001:db8:55::1
readonly GUEST_NET4=10.55.0.0/24 GUEST_NET6=2001:db8:55::/64

readonly -A GUEST_MAC=([g1]=00:00:5e:00:53:01 [g2]=9a:5c:1e:00:53:02 [g3]=00:00:5e:00:53:03)
readonly -A GUEST_IP4=([g1]=10.55.0.101 [g2]=10.55.0.102 [g3]=10.55.0.103)
readonly -A GUEST_IP6=(
	[g1]=2001:db8:55:0:200:5eff:fe00:5301
	[g2]=2001:db8:55:0:985c:1eff:fe00:5302
	[g3]=2001:db8:55:0:200:5eff:fe00:5303
)
readonly -A GUEST_HOSTNAME=([g1]=anna-laptop [g2]=bens-phone [g3]=lobby-tablet)

readonly WEB4=http://$UPLINK_IP4 WEB6="http://[$UPLINK_IP6]"
