# shellcheck shell=bash
# What system tests share, on top of lab.sh. A test is a function test_NAME in a file
# tests/system/test_*.sh; it runs in a subshell against a lab whose five APs are up and
# announce, fails by `fail` or by `|| fail`, and leaves no trace (see run).

# shellcheck source=tests/system/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh"

fail() {
	echo "$*" >&2
	exit 1
}

# eventually SECONDS CMD...: CMD succeeds in that time, or the test fails.
eventually() {
	lab_wait "$@" && return
	shift
	fail "not in time: $*"
}

# never SECONDS CMD...: CMD does not succeed for that long.
never() {
	lab_wait "$@" || return 0
	shift
	fail "should not be: $*"
}

equal() {
	[ "$1" = "$2" ] || fail "${3:+$3: }'$1', expected '$2'"
}

at_most() {
	awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 <= b + 0) }' ||
		fail "${3:+$3: }$1, expected at most $2"
}

at_least() {
	awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 >= b + 0) }' ||
		fail "${3:+$3: }$1, expected at least $2"
}

has() {
	grep -qE -- "$2" <<<"$1" || fail "no '$2' in: $1"
}

# --- groups and servers --------------------------------------------------------

# A group as piasctl and pias-join write it, from address, port and protocol.
group() {
	case $1 in
	*:*) echo "[$1]:$2/$3" ;;
	*) echo "$1:$2/$3" ;;
	esac
}

# echo_server HOST ADDRESS PORT [ADDRESS PORT ...]: a UDP echo that answers "HOST".
echo_server() {
	local host=$1

	shift
	lab_spawn "$host" "$host-echo-$2" "$PIAS_TOOLS/udp-echo" "$host" "$@"
}

# serve HOST ADDRESS PORT [pias-join option...]: the echo, and it joins the group. Each
# pias-join of a host needs a tunnel port of its own; port 1000 gets the usual one.
serve() {
	local host=$1 addr=$2 port=$3 tunnel=()

	shift 3
	[ "$port" = 1000 ] || tunnel=(--port $((5080 + port)))
	echo_server "$host" "$addr" "$port"
	lab_join "$host" "$host-join-$port" --create "${tunnel[@]}" "$@" \
		"$(group "$addr" "$port" udp)"
}

# unserve HOST PORT [SIGNAL]: the server leaves; with KILL it crashes, echo and all.
unserve() {
	lab_stop "$1-join-$2" "${3:-TERM}"
	lab_stop "$1-echo-$2" KILL
}

# Why would a packet from CLIENT for GROUP go where it goes?
explain() {
	local ap

	ap=$(lab_ingress "$1")
	[ -z "$ap" ] || lab_ctl "$ap" trace "$(lab_addr4 "$1")" "$2"
}

# Who answers HOST at ADDRESS PORT? Asks for two seconds at most.
who() {
	lab_exec "$1" "$PIAS_TOOLS/udp-meter" -n 1 -t 2 -r 100 -w 0 "$2" "$3" 2>&1 |
		sed -nE 's/^server=([^ ]+).*/\1/p'
}

# One packet, and its answer from SERVER: nothing is asked twice within half a second.
answers_once() {
	lab_exec "$1" "$PIAS_TOOLS/udp-meter" -n 1 -t 0.5 -r 2 -w 0 "$2" "$3" |
		grep -q "^server=$4 "
}

answers() {
	[ "$(who "$1" "$2" "$3")" = "$4" ]
}

# answered_by CLIENT ADDRESS PORT SERVER: in ten seconds at most.
answered_by() {
	lab_wait 10 answers "$@" && return
	explain "$1" "$(group "$2" "$3" udp)" >&2
	fail "$1 asks $2 port $3: '$(who "$1" "$2" "$3")' answers, expected '$4'"
}

silent() {
	[ -z "$(lab_exec "$1" "$PIAS_TOOLS/udp-meter" -n 1 -t 0.5 -r 50 -w 0 "$2" "$3" 2>&1 |
		sed -n 's/^server=//p')" ]
}

# --- measuring -----------------------------------------------------------------

# meter_start CLIENT ADDRESS PORT [option...]: 1,000 questions a second from now on.
meter_start() {
	local host=$1 addr=$2 port=$3

	shift 3
	: >"$LAB_STATE/log/meter-$host-$port"
	lab_spawn "$host" "meter-$host-$port" "$PIAS_TOOLS/udp-meter" "$@" "$addr" "$port"
	lab_wait 10 lab_log_has "meter-$host-$port" ready ||
		fail "no answer for $host from $addr port $port"
}

# meter_stop CLIENT PORT: its last line, as "meter_result" and through meter_value.
meter_stop() {
	lab_signal "meter-$1-$2" TERM
	lab_wait 10 lab_is_gone "meter-$1-$2" || fail "the meter of $1 hangs"
	meter_result=$(tail -n 1 "$LAB_STATE/log/meter-$1-$2")
	case $meter_result in sent=*) ;; *) fail "the meter of $1 died: $meter_result" ;; esac
}

# meter_once CLIENT option... ADDRESS PORT: from start to end.
meter_once() {
	local host=$1

	shift
	meter_result=$(lab_exec "$host" "$PIAS_TOOLS/udp-meter" "$@" | tail -n 1)
	case $meter_result in sent=*) ;; *) fail "udp-meter $*: $meter_result" ;; esac
}

meter_value() {
	sed -nE "s/(.* )?$1=([^ ]*).*/\2/p" <<<"$meter_result"
}

# The last server a running meter named.
meter_server() {
	sed -nE 's/^server=([^ ]+) .*/\1/p' "$LAB_STATE/log/meter-$1-$2" | tail -n 1
}

meter_is_at() {
	[ "$(meter_server "$1" "$2")" = "$3" ]
}

meter_left() {
	[ "$(meter_server "$1" "$2")" != "$3" ]
}

answered_by_other() {
	local server

	server=$(who "$1" "$2" "$3")
	[ -n "$server" ] && [ "$server" != "$4" ]
}

# counter AP NAME: its value.
counter() {
	lab_ctl "$1" -j counters | jq -r ".. | objects | .$2? // empty" | head -n 1
}

# Sum of a counter over all APs that run.
counter_sum() {
	local ap n=0

	for ap in $LAB_APS; do
		lab_is_gone "$ap" || n=$((n + $(counter "$ap" "$1")))
	done
	echo $n
}

# --- the ring, computed from certificates and names alone --------------------------

# Reckoned once: finding a port asks for it a hundred times.
ap_id() {
	local id=$LAB_STATE/pki/$1.id

	[ -s "$id" ] || openssl x509 -in "$LAB_STATE/pki/$1.crt" -noout -pubkey |
		openssl pkey -pubin -outform DER | sha256sum | cut -c1-40 >"$id"
	echo "$(<"$id")"
}

# The key of group ADDRESS (IPv4) PORT PROTOCOL.
group_key() {
	local a b c d proto=17

	[ "$3" = tcp ] && proto=6
	IFS=. read -r a b c d <<<"$1"
	# shellcheck disable=SC2059 # the format is made here
	printf "$(printf '\\x%02x' 4 $proto $(($2 >> 8)) $(($2 & 255)) "$a" "$b" "$c" "$d" \
		0 0 0 0 0 0 0 0 0 0 0 0)" | sha256sum | cut -c1-40
}

# The APs that hold the group, in order: the rendezvous AP and its two replicas.
owners_of() {
	local key ap

	key=$(group_key "$@")
	for ap in $LAB_APS; do
		echo "$(ap_id "$ap") $ap"
	done | LC_ALL=C sort | awk -v key="$key" '
		{ ap[NR] = $2; if (!first && $1 >= key) first = NR }
		END {
			if (!first) first = 1
			for (i = 0; i < 3; i++)
				printf "%s%s", ap[(first + i - 1) % NR + 1], i < 2 ? " " : "\n"
		}'
}

# find_port ADDRESS FIRST CONDITION...: the first UDP port from FIRST on for whose owners
# (appended as three words) CONDITION holds.
find_port() {
	local addr=$1 port=$2

	shift 2
	# shellcheck disable=SC2046 # three words
	until "$@" $(owners_of "$addr" "$port" udp); do
		port=$((port + 1))
	done
	echo "$port"
}

# The condition that AP $1 neither owns nor copies the group.
is_outsider() {
	[ "$1" != "$2" ] && [ "$1" != "$3" ] && [ "$1" != "$4" ]
}
