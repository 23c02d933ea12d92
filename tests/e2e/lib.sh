#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034 # read by the tests
#
# For tests/e2e/test_*: executables that print TAP. A test reads
#
#   . "$(dirname "$0")/lib.sh"
#   need_bpf                                   # or need_root; a test that cannot run skips itself
#   lab_up && capture_start g1 wlan0 && agent_start --idle-timeout-s=2
#   node g1 curl -sS -o /dev/null "$WEB4/bytes/1000000"
#   wait_until '[ "$(session_totals g1)" = "$(truth_totals g1)" ]' 3000
#   tap_is 'octets and packets are the wire'"'"'s' "$(session_totals g1)" "$(truth_totals g1)"
#   tap_done
#
# Each test has a lab of its own, which goes when the test ends, however it ends. Who is who, and every
# address, stands in scripts/hotspot/addresses.sh. Set E2E_KEEP=1 to look at a lab after a test.
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
for part in addresses process; do
	# shellcheck source=/dev/null
	. "$TOP/scripts/hotspot/$part.sh"
done
HOTSPOT_LAB=$TOP/scripts/hotspot-lab
BUILD=${BUILD:-build}
[[ $BUILD == /* ]] || BUILD=$TOP/$BUILD
OCTETD=${OCTETD:-$BUILD/octetd}

# ---- TAP ----
tap_count=0
tap_failures=0
is_done=""

tap_diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

tap_pass() { # NAME
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s\n' "$tap_count" "$1"
}

tap_fail() { # NAME [DIAGNOSTICS]
	tap_count=$((tap_count + 1))
	tap_failures=$((tap_failures + 1))
	printf 'not ok %d - %s\n' "$tap_count" "$1"
	[ -z "${2-}" ] || tap_diag "$2"
}

tap_skip() { # NAME REASON
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_count" "$1" "$2"
}

# tap_ok NAME COMMAND...: passes when the command succeeds; what it printed is shown when it does not
tap_ok() {
	local name=$1
	shift
	if "$@" >"$LOG_DIR/output" 2>&1; then
		tap_pass "$name"
	else
		tap_fail "$name" "failed: $*"$'\n'"$(cat "$LOG_DIR/output")"
	fi
}

tap_is() { # NAME GOT WANTED
	if [ "$2" = "$3" ]; then
		tap_pass "$1"
	else
		tap_fail "$1" "     got: $2"$'\n'"expected: $3"
	fi
}

tap_like() { # NAME GOT REGEX
	if [[ $2 =~ $3 ]]; then
		tap_pass "$1"
	else
		tap_fail "$1" "           got: $2"$'\n'"does not match: $3"
	fi
}

tap_done() {
	is_done=1
	printf '1..%d\n' "$tap_count"
	[ "$tap_failures" -eq 0 ]
	exit
}

skip_all() {
	is_done=1
	printf '1..0 # SKIP %s\n' "$*"
	exit 0
}

bail_out() {
	printf 'Bail out! %s\n' "$*"
	exit 1
}

# ---- what a test needs ----
need_tools() {
	local tool
	for tool in "$@"; do
		command -v "$tool" >/dev/null || skip_all "$tool is not installed"
	done
}

need_root() {
	[ "$(id -u)" -eq 0 ] || skip_all "needs root"
	unshare --net true 2>/dev/null || skip_all "network namespaces are refused here"
	need_tools ip tc nft dnsmasq ethtool tcpdump curl jq python3
}

# BPF_MAP_CREATE of an array with one value of four bytes
need_bpf() {
	need_root
	python3 - <<-'PROBE' || skip_all "bpf(2) is refused here"
		import ctypes, os, sys
		attributes = (ctypes.c_uint32 * 32)(2, 4, 4, 1)
		number = 321 if os.uname().machine == "x86_64" else 280
		sys.exit(ctypes.CDLL(None).syscall(number, 0, attributes, ctypes.sizeof(attributes)) < 0)
	PROBE
	[ -x "$OCTETD" ] || bail_out "$OCTETD is not there: make first"
}

# wait_until 'SHELL CODE' TIMEOUT_MS: polls every 5 ms
wait_until() {
	local deadline=$(($(now_ms) + $2))
	until eval "$1"; do
		[ "$(now_ms)" -lt "$deadline" ] || return 1
		pause_s 0.005
	done
}

# ---- the lab: named after this very process, so that a later test can tell a left-over from a neighbour ----
NAME=e2e-$$-$(process_start_time $$)
STATE=$LAB_ROOT/$NAME
LOG_DIR=$(mktemp -d "/tmp/octetd-$NAME.XXXXXX")

node() { in_node "$@"; }

# Removes what tests have left that were killed before they could do it
lab_sweep() {
	local path name pid start_time
	for path in "$LAB_ROOT"/e2e-*-* /run/netns/octetd-e2e-*-uplink /tmp/octetd-e2e-*; do
		name=${path##*/}
		name=${name#octetd-}
		name=${name%-uplink}
		IFS=-. read -r _ pid start_time _ <<<"$name"
		[[ $start_time =~ ^[0-9]+$ && $pid =~ ^[0-9]+$ ]] || continue
		[ "$(process_start_time "$pid")" != "$start_time" ] || continue
		case $path in
		/tmp/*) rm -rf "$path" ;;
		*) "$HOTSPOT_LAB" down --name "$name" || true ;;
		esac
	done
}

lab_up() { # [ARGUMENT of hotspot-lab up]...
	lab_sweep >>"$LOG_DIR/lab.log" 2>&1
	"$HOTSPOT_LAB" up --name "$NAME" "$@" >>"$LOG_DIR/lab.log" 2>&1 || {
		tap_diag "$(tail -n 20 "$LOG_DIR/lab.log")"
		bail_out "the lab does not come up"
	}
}

lab_down() { "$HOTSPOT_LAB" down --name "$NAME"; }

# Neighbours that need no asking: no ARP and no NDP between guests and gateway after this
lab_pin_neighbours() {
	local guest link_local
	link_local=$(node gw ip -6 -json address show dev br-guest scope link | jq -r '.[].addr_info[].local // empty')
	for guest in "${LAB_GUESTS[@]}"; do
		local guest_link_local
		guest_link_local=$(node "$guest" ip -6 -json address show dev wlan0 scope link |
			jq -r '.[].addr_info[].local // empty')
		printf 'neighbour replace %s lladdr %s dev wlan0 nud permanent\n' \
			"$GW_IP4" "$GW_MAC" "$link_local" "$GW_MAC" | node "$guest" ip -batch - || return 1
		printf 'neighbour replace %s dev br-guest lladdr '"${GUEST_MAC[$guest]}"' nud permanent\n' \
			"${GUEST_IP4[$guest]}" "${GUEST_IP6[$guest]}" "$guest_link_local" | node gw ip -batch - || return 1
	done
}

# The same between guests, by IPv4
lab_pin_guests() {
	local from to
	for from in "${LAB_GUESTS[@]}"; do
		for to in "${LAB_GUESTS[@]}"; do
			[ "$from" = "$to" ] || node "$from" ip neighbour replace "${GUEST_IP4[$to]}" \
				lladdr "${GUEST_MAC[$to]}" dev wlan0 nud permanent || return 1
		done
	done
}

packets_sent_by_guests() {
	local guest
	for guest in "${LAB_GUESTS[@]}"; do
		node "$guest" sed -n 's/^ *wlan0://p' /proc/net/dev | {
			read -ra counters && printf '%s\n' "${counters[9]}"
		}
	done
}

# lab_await_quiet [MS]: until no guest has sent anything for so long (1200: the reports of multicast
# memberships that follow a guest's arrival are at most 1 s apart, RFC 3810 9.11)
lab_await_quiet() {
	local quiet_ms=${1-1200} before now since deadline=$(($(now_ms) + 15000))
	before=$(packets_sent_by_guests)
	since=$(now_ms)
	while [ $(($(now_ms) - since)) -lt "$quiet_ms" ]; do
		[ "$(now_ms)" -lt "$deadline" ] || return 1
		pause_s 0.05
		now=$(packets_sent_by_guests)
		[ "$now" = "$before" ] || since=$(now_ms)
		before=$now
	done
}

# Packets lost between the gateway's bridge and the guests since boot of the lab; where this grows, two true
# counts may differ
lab_dropped() {
	local where
	for where in gw ap "${LAB_GUESTS[@]}"; do
		node "$where" ip -json -statistics link show
	done | jq -s '[.[][] | .stats64 | .rx.dropped, .rx.errors, .tx.dropped, .tx.errors] | add'
}

# ---- captures: beyond the last hop with offloads, so what they hold is what went over the wire ----
declare -A capture_pid capture_file

# capture_start NODE INTERFACE [FILE]: returns when it captures. One at a time for each node and interface.
capture_start() {
	local key=$1/$2 file=${3:-$LOG_DIR/$1-$2.pcap}
	: >"$file.log"
	nsenter --net="$(netns_path "$1")" -- tcpdump -i "$2" -w "$file" -s 128 -B 65536 --immediate-mode -U -n -Z root \
		</dev/null 2>"$file.log" 8>&- &
	capture_pid[$key]=$!
	capture_file[$key]=$file
	wait_until "grep -q 'listening on' '$file.log' || ! kill -0 $! 2>/dev/null" 5000
	grep -q 'listening on' "$file.log" || bail_out "no capture on $key: $(cat "$file.log")"
}

# SIGUSR1 makes tcpdump say "N packets captured, N packets received by filter, ..."
capture_is_drained() { # KEY
	local log=${capture_file[$1]}.log n_lines captured received
	n_lines=$(wc -l <"$log")
	kill -USR1 "${capture_pid[$1]}" 2>/dev/null || return 1
	wait_until "[ \$(wc -l <'$log') -gt $n_lines ]" 1000 || return 1
	read -r captured received < <(tail -n 1 "$log" | sed -n 's/[^0-9]*\([0-9]*\) packets* captured, \([0-9]*\) .*/\1 \2/p')
	[ -n "$captured" ] && [ "$captured" = "$received" ]
}

# capture_flush NODE INTERFACE: what has been captured so far is in the file when it returns (SIGUSR2: tcpdump(8))
capture_flush() {
	wait_until "capture_is_drained '$1/$2'" 5000
	kill -USR2 "${capture_pid[$1/$2]}"
	pause_s 0.1
}

# capture_stop [NODE INTERFACE]: all of them without arguments; fails when a packet was missed
capture_stop() {
	local key keys=("${!capture_pid[@]}") log failed=0
	[ $# -eq 0 ] || keys=("$1/$2")
	for key in "${keys[@]}"; do
		log=${capture_file[$key]}.log
		wait_until "capture_is_drained '$key'" 5000 || failed=1
		kill -TERM "${capture_pid[$key]}" 2>/dev/null
		wait "${capture_pid[$key]}" 2>/dev/null || failed=1
		unset "capture_pid[$key]"
		tail -n 1 "$log" | grep -q '^0 packets dropped by kernel' || failed=1
		[ "$failed" -eq 0 ] || tap_diag "capture on $key: $(tail -n 3 "$log")"
	done
	return "$failed"
}

# truth NODE...: the clients that captures of these guests (or of gw) saw, as octetd replay would list them; may be
# asked while a capture runs, and then tells of all that had gone over the wire until then
truth() {
	local node key arguments
	for node in "$@"; do
		key=$node/wlan0 arguments=(--client "${GUEST_MAC[$node]-}")
		[ "$node" != gw ] || key=gw/br-guest arguments=(--gateway-mac "$GW_MAC")
		[ -z "${capture_pid[$key]-}" ] || wait_until "capture_is_drained '$key'" 5000 || return 1
		"$TOP/tests/support/pcap-truth" "${arguments[@]}" "${capture_file[$key]}" || return 1
	done | jq -s 'map(.clients) | add | sort_by(.mac, .ip)'
}

readonly JQ_TOTALS='"up \(.up.packets) \(.up.bytes) down \(.down.packets) \(.down.bytes)"'

# truth_totals GUEST [IP]: "up PACKETS BYTES down PACKETS BYTES", of one address or of all
truth_totals() {
	truth "$1" | jq -r --arg ip "${2-}" 'map(select($ip == "" or .ip == $ip)) |
		def sum(field): map(field) | add // 0;
		{up: {packets: sum(.up.packets), bytes: sum(.up.bytes)},
		 down: {packets: sum(.down.packets), bytes: sum(.down.bytes)}} | '"$JQ_TOTALS"
}

# ---- the agent, on the gateway ----
AGENT_PID=""
AGENT_EXIT=""
AGENT_PORT=8087
agent_flags=()

# agent_start [FLAG]...: returns when it answers; the flags serve agent_restart too
agent_start() {
	agent_flags=("$@")
	agent_launch "$@"
	wait_until 'agent_answers || ! agent_runs' 10000
	agent_answers || {
		tap_diag "$(tail -n 20 "$LOG_DIR/agent.log")"
		agent_runs || agent_reap
		return 1
	}
}

# The same without waiting; for tests of start-up itself
agent_launch() {
	mkdir -p "$STATE/state"
	nsenter --net="$(netns_path gw)" -- "$OCTETD" run --config=/dev/null --interfaces=br-guest --state-dir="$STATE/state" \
		--bpffs-dir="$STATE/bpf" --socket-path="$STATE/octetd.sock" --listen-port="$AGENT_PORT" \
		--rate-limit-per-minute=0 "$@" </dev/null >>"$LOG_DIR/agent.log" 2>&1 8>&- &
	AGENT_PID=$!
}

agent_runs() { [ -n "$AGENT_PID" ] && process_start_time "$AGENT_PID" >/dev/null; }

agent_reap() {
	wait "$AGENT_PID" 2>/dev/null
	AGENT_EXIT=$?
	AGENT_PID=""
}

# agent_stop [SIGNAL]: AGENT_EXIT has the exit status; by force after 10 s, and then fails
agent_stop() {
	local late=0
	[ -n "$AGENT_PID" ] || return 0
	{ # the shell says "Killed" to whom it may concern
		kill -s "${1-TERM}" "$AGENT_PID"
		wait_until '! agent_runs' 10000 || {
			late=1
			kill -KILL "$AGENT_PID"
		}
		agent_reap
	} 2>/dev/null
	return "$late"
}

agent_kill9() { agent_stop KILL; }

agent_restart() { agent_stop && agent_start "${agent_flags[@]}"; }

agent_token() { cat "$STATE/state/admin.token"; }

agent_answers() { node gw curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$AGENT_PORT/healthz"; }

# api_curl PATH [CURL ARGUMENT]...: PATH below /api/v1, or absolute
api_curl() {
	local path=$1
	shift
	[[ $path == /* ]] || path=/api/v1/$path
	printf 'header = "Authorization: Bearer %s"\n' "$(agent_token)" |
		node gw curl -sS -g --max-time 5 -K - "$@" "http://127.0.0.1:$AGENT_PORT$path"
}

api() { api_curl "$@"; }                                                # the body
api_status() { api_curl "$1" -o /dev/null -w '%{http_code}' "${@:2}"; } # the status
api_headers() { api_curl "$1" -o /dev/null -D - "${@:2}"; }             # the head, as it came
api_local() { curl -sS --max-time 5 --unix-socket "$STATE/octetd.sock" "http://localhost/api/v1/$1"; }

# session_of GUEST [FILTER OF JQ]: the guest's online session with raw numbers, or null
session_of() {
	api "sessions?online=true&raw=true&guest_device_mac=${GUEST_MAC[$1]}" | jq -c ".data[0] | ${2-.}"
}

# session_totals GUEST: in the shape of truth_totals
session_totals() {
	api "sessions?raw=true&last_session_first=true&per_page=1&guest_device_mac=${GUEST_MAC[$1]}" |
		jq -r '.data[0] | {up: {packets: .uploaded_packets, bytes: .uploaded_bytes},
			down: {packets: .downloaded_packets, bytes: .downloaded_bytes}} | '"$JQ_TOTALS"
}

# Sends one packet from a guest that is not on line, polls the API on one connection; milliseconds until "Online"
first_packet_to_online_ms() { # GUEST IP
	node gw python3 - "$AGENT_PORT" "$(agent_token)" "$(netns_path "$1")" "$2" <<-'PROBE'
		import ctypes, http.client, os, socket, sys, time
		port, token, guest_ns, ip = sys.argv[1:5]
		own = os.open("/proc/self/ns/net", os.O_RDONLY)
		libc = ctypes.CDLL(None)
		api = http.client.HTTPConnection("127.0.0.1", int(port))
		api.connect()
		def status():
		    api.request("GET", f"/api/v1/sessions/{ip}", headers={"Authorization": f"Bearer {token}"})
		    answer = api.getresponse()
		    answer.read()
		    return answer.status
		assert status() == 404, "the guest is on line already"
		libc.setns(os.open(guest_ns, os.O_RDONLY), 0)
		out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		libc.setns(own, 0)
		begin = time.monotonic()
		out.sendto(b"hello", ("198.51.100.1", 9))
		while status() != 200 and time.monotonic() - begin < 3:
		    pass
		print(round((time.monotonic() - begin) * 1000))
	PROBE
}

# ---- the end ----
clean_up() {
	local status=$? key
	trap '' INT TERM
	trap - EXIT
	[ -z "${E2E_KEEP-}" ] || {
		tap_diag "kept: lab $NAME ($HOTSPOT_LAB down --name $NAME), $LOG_DIR"
		exit "$status"
	}
	for key in "${!capture_pid[@]}"; do
		kill -TERM "${capture_pid[$key]}" 2>/dev/null
	done
	agent_stop || true
	if [ -e "$STATE" ] || [ -e "$(netns_path uplink)" ]; then
		lab_down 2>&1 | sed 's/^/# /'
	fi
	if [ "$tap_failures" -gt 0 ] && [ -s "$LOG_DIR/agent.log" ]; then
		tap_diag "the agent's last words:"$'\n'"$(tail -n 30 "$LOG_DIR/agent.log")"
	fi
	rm -rf "$LOG_DIR"
	if [ -z "$is_done" ]; then
		printf 'Bail out! the test ended before tap_done\n'
		[ "$status" -ne 0 ] || status=1
	fi
	exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
