#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The processes of one lab: started in a namespace, recorded in $STATE/pids as "PID START_TIME NAME",
# and ended only while they are still the ones recorded, or while they live in one of the lab's
# namespaces. Sourced by scripts/hotspot-lab, which sets NAME and STATE.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
	say "$@"
	exit 1
}

# A pause without a fork: nobody ever writes to this descriptor.
exec 8<> <(:)
pause_s() { read -rt "$1" -u 8 || true; }

now_ms() {
	local stamp=${EPOCHREALTIME/[.,]/}
	printf '%s' "$((stamp / 1000))"
}

# wait_for TIMEOUT_MS COMMAND...: polls until the command succeeds; 1 when the time is over
wait_for() {
	local deadline=$(($(now_ms) + $1))
	shift
	until "$@"; do
		[ "$(now_ms)" -lt "$deadline" ] || return 1
		pause_s 0.02
	done
}

netns_name() { printf 'octetd-%s-%s' "$NAME" "$1"; }
netns_path() { printf '/run/netns/octetd-%s-%s' "$NAME" "$1"; }

# in_node NODE COMMAND...: enters the network only; a mount namespace of its own (ip netns exec) would hide bpffs
in_node() {
	local node=$1
	shift
	nsenter --net="$(netns_path "$node")" -- "$@"
}

# When a process started, in clock ticks: with the PID it names a process for good (proc_pid_stat(5), field 22).
# Fails for one that has ended, be it a zombie still.
process_start_time() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	[ "$1" != Z ] && printf '%s' "${20}"
}

# daemon_start DAEMON NODE COMMAND...
daemon_start() {
	local daemon=$1 node=$2
	shift 2
	setsid nsenter --net="$(netns_path "$node")" -- "$@" </dev/null >>"$STATE/$daemon.log" 2>&1 8>&- &
	daemon_record "$!" "$daemon"
}

# daemon_record PID DAEMON: whoever is recorded goes with the lab, wherever it lives
daemon_record() { printf '%s %s %s\n' "$1" "$(process_start_time "$1")" "$2" >>"$STATE/pids"; }

daemon_pid() { awk -v daemon="$1" '$3 == daemon { pid = $1 } END { print pid }' "$STATE/pids"; }

# daemon_listens DAEMON PORT: true when the daemon's network has a listener there
daemon_listens() {
	local pid
	pid=$(daemon_pid "$1")
	[ -d "/proc/$pid" ] || return 1
	grep -qi ":$(printf '%04x' "$2") [0-9A-F]*:0000 0A" "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6" 2>/dev/null
}

# Recorded processes that still run, as "PID NAME"
lab_recorded() {
	local pid start_time daemon
	[ -r "$STATE/pids" ] || return 0
	while read -r pid start_time daemon; do
		[ "$(process_start_time "$pid")" = "$start_time" ] && printf '%s %s\n' "$pid" "$daemon"
	done <"$STATE/pids"
	return 0
}

# All processes in the lab's namespaces, but for this one and those that wait for it
lab_residents() {
	local node inode match=() pid ancestors=" "
	for node in "${LAB_NODES[@]}"; do
		inode=$(stat -c %i "$(netns_path "$node")" 2>/dev/null) || continue
		match+=(-o -lname "net:\[$inode\]")
	done
	[ "${#match[@]}" -gt 0 ] || return 0
	pid=$BASHPID
	while [ "$pid" -gt 1 ]; do
		ancestors+="$pid "
		pid=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status" 2>/dev/null || echo 0)
	done
	find /proc/[0-9]*/ns/net -maxdepth 0 \( "${match[@]:1}" \) 2>/dev/null | while IFS=/ read -r _ _ pid _; do
		[[ $ancestors == *" $pid "* ]] || printf '%s\n' "$pid"
	done
	return 0
}

lab_processes() {
	{
		lab_recorded | cut -d ' ' -f 1
		lab_residents
	} | sort -nu
}

have_ended() { # PID...
	local pid
	for pid in "$@"; do
		! process_start_time "$pid" >/dev/null || return 1
	done
}

# Ends every process of the lab: politely, after a while by force; again, for those that were just being started
lab_stop_processes() {
	local signal pids
	for signal in TERM KILL KILL; do
		mapfile -t pids < <(lab_processes)
		[ "${#pids[@]}" -gt 0 ] || return 0
		kill -s "$signal" "${pids[@]}" 2>/dev/null || true
		wait_for 2000 have_ended "${pids[@]}" || true
	done
	mapfile -t pids < <(lab_processes)
	[ "${#pids[@]}" -eq 0 ] || {
		say "these processes of lab $NAME do not end: ${pids[*]}"
		return 1
	}
}
