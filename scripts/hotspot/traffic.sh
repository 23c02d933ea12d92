#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the guests of the virtual hotspot do with their time: three habits, each one bounded round after
# the other until the time is over. Sourced by scripts/hotspot-lab.

# guest_curl GUEST ARGUMENT...: a transfer that cannot hang
guest_curl() {
	local guest=$1
	shift
	in_node "$guest" curl -sS -g -o /dev/null --connect-timeout 3 --max-time 20 "$@"
}

guest_ping() { in_node "$1" ping -q -c "$3" -i 0.2 -W 1 -w 5 "$2" >/dev/null; }

# Streams at a few Mbit/s, and sends a photograph now and then
habit_g1() {
	guest_curl g1 --limit-rate 1M "$WEB4/bytes/4000000"
	head -c 700000 /dev/zero | guest_curl g1 --limit-rate 500K -T - -X POST -H 'Content-Length: 700000' \
		-H 'Transfer-Encoding:' "$WEB4/upload"
	pause_s 1
}

# Reads pages over IPv6, with pauses
habit_g2() {
	local page
	for page in 1 2 3; do
		guest_curl g2 "$WEB6/bytes/$((page * 150000))"
		pause_s 0.7
	done
	guest_ping g2 "$UPLINK_IP6" 3
	pause_s 2
}

# Mostly asleep
habit_g3() {
	guest_ping g3 "$UPLINK_IP4" 2
	guest_ping g3 "$UPLINK_IP6" 2
	guest_curl g3 "$WEB4/"
	pause_s 4
}

# A namespace of the same name in a later lab is another one
traffic_has_lab() { [ "$(stat -c %i "$(netns_path gw)" 2>/dev/null)" = "$1" ]; }

traffic_of() { # GUEST SECONDS
	local lab deadline=$(($(now_ms) + $2 * 1000))
	lab=$(stat -c %i "$(netns_path gw)")
	while traffic_has_lab "$lab" && [ "$(now_ms)" -lt "$deadline" ]; do
		"habit_$1" || pause_s 0.5
	done
}

# traffic_run SECONDS: each guest in a process group of its own, so that an early end takes its transfers along
traffic_run() {
	local guest pids=()
	daemon_record $$ traffic
	set -m
	trap 'exit 143' TERM
	trap 'exit 130' INT
	trap 'traffic_stop "${pids[@]}"' EXIT
	for guest in "${LAB_GUESTS[@]}"; do
		traffic_of "$guest" "$1" &
		pids+=($!)
	done
	wait
	trap - EXIT
}

traffic_stop() { # LEADER OF A GROUP...
	local pid
	for pid in "$@"; do
		kill -TERM -- "-$pid" 2>/dev/null || true
	done
}
