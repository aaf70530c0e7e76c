#!/bin/bash
# The lab: three networks, five anycast proxies, three servers and three clients, each in
# a network namespace of its own, with BGP (BIRD) and BFD between them.
#
#        c1   s1   ap1  ap4                     c2   s2   ap2  ap5
#         \    \   /    /                        \    \   /    /
#          \____\_/____/                          \____\_/____/
#             r1 AS64501 -------- 5 ms ----------- r2 AS64502
#                   \                             /
#                    \___ 8 ms            12 ms__/
#                         \               /
#                          r3 AS64503 ___/
#                         /   |   \
#                        c3   s3   ap3
#
#   Host number H: apN = 10+N, sN = 20+N, cN = 30+N.
#   Addresses: 198.19.H.1/24 and 2001:db8:H::1/64; its router is .254 and ::fe.
#   Between routers: 198.19.1IJ.0/24 and 2001:db8:1IJ::/64, I < J; router N is .N.
#   APs (AS65011 to AS65015, so that no AS path loops) announce 198.18.0.0/24 and
#   2001:db8:a::/48 while the interface pias0 is up, and nothing else, ever.
#   The delays (one way) are made by tests/tools/shaper in the namespace "wan".
#
# By hand (root), after `make`:
#   tests/system/lab.sh up            the networks
#   tests/system/lab.sh start         credentials, and piasd on all five APs
#   tests/system/lab.sh exec c1 CMD   runs CMD on host c1
#   tests/system/lab.sh ctl ap1 ring  runs piasctl against ap1's piasd
#   tests/system/lab.sh status        who runs, who announces
#   tests/system/lab.sh down          removes exactly what `up` and `start` made
#
# Sourced, it gives tests the functions below. LAB_PREFIX keeps several labs apart,
# PIAS_BUILD says whose programs run (default build/release).

LAB_PREFIX=${LAB_PREFIX:-pias-}
LAB_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PIAS_BUILD=${PIAS_BUILD:-$LAB_TOP/build/release}
PIAS_TOOLS=${PIAS_TOOLS:-$LAB_TOP/build/release/tools}
LAB_LINK=/run/${LAB_PREFIX}lab # -> the state folder of the lab that is up
LAB_STATE=$(readlink "$LAB_LINK" 2>/dev/null)

LAB_ROUTERS="r1 r2 r3"
LAB_APS="ap1 ap2 ap3 ap4 ap5"
LAB_SERVERS="s1 s2 s3"
LAB_CLIENTS="c1 c2 c3"
LAB_HOSTS="$LAB_APS $LAB_SERVERS $LAB_CLIENTS"
LAB_WIRES="r1:r2:5 r1:r3:8 r2:r3:12"
LAB_PREFIX4=198.18.0.0/24
LAB_PREFIX6=2001:db8:a::/48

# --- names and addresses -----------------------------------------------------

lab_ns() {
	echo "$LAB_PREFIX$1"
}

lab_number() {
	case $1 in
	ap*) echo $((10 + ${1#ap})) ;;
	s*) echo $((20 + ${1#s})) ;;
	c*) echo $((30 + ${1#c})) ;;
	esac
}

lab_addr4() {
	echo "198.19.$(lab_number "$1").1"
}

lab_addr6() {
	echo "2001:db8:$(lab_number "$1")::1"
}

lab_router() {
	case $1 in
	ap4) echo r1 ;;
	ap5) echo r2 ;;
	*) echo "r${1: -1}" ;;
	esac
}

# Which AP do packets of router or host $1 enter at? Empty while there is no route.
lab_ingress() {
	local host=$1 to=198.18.0.1 hop ap

	[ "${2:-4}" = 6 ] && to=2001:db8:a::1
	while :; do
		hop=$(ip -n "$(lab_ns "$host")" route get "$to" 2>/dev/null |
			sed -nE '1s/.* via ([^ ]+) dev ([^ ]+) .*/\1 \2/p')
		[ -n "$hop" ] || return 0
		ap=${hop#* }
		case $ap in
		eth0) host=$(lab_router "$host") ;;
		r?) host=$ap ;;
		ap?) echo "$ap" && return ;;
		*) return ;;
		esac
	done
}

# --- processes: recorded by pid and start time, killed by nothing else ---------

lab_start_time() {
	sed -E 's/.*\) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

# lab_spawn HOST NAME CMD...: in the background on HOST; output in log/NAME.
lab_spawn() {
	local host=$1 name=$2

	shift 2
	ip netns exec "$(lab_ns "$host")" "$@" \
		</dev/null >>"$LAB_STATE/log/$name" 2>&1 9>&- &
	echo "$! $(lab_start_time $!)" >"$LAB_STATE/pid/$name"
	disown $!
}

# The pid of NAME, if it still runs.
lab_pid() {
	lab_recorded_pid "$LAB_STATE/pid/$1"
}

lab_recorded_pid() {
	local pid start

	read -r pid start 2>/dev/null <"$1" || return 1
	[ -n "$start" ] && [ "$(lab_start_time "$pid")" = "$start" ] || return 1
	[ "$(sed -E 's/.*\) (.).*/\1/' "/proc/$pid/stat" 2>/dev/null)" != Z ] || return 1
	echo "$pid"
}

lab_signal() {
	local pid

	pid=$(lab_pid "$1") && kill "-$2" "$pid" 2>/dev/null
}

lab_is_gone() {
	! lab_pid "$1" >/dev/null
}

# lab_stop NAME [SIGNAL [SECONDS]]: signals, waits, and kills what does not go.
lab_stop() {
	lab_signal "$1" "${2:-TERM}" || return 0
	if ! lab_wait "${3:-5}" lab_is_gone "$1"; then
		lab_signal "$1" KILL
		lab_wait 5 lab_is_gone "$1"
	fi
	rm -f "$LAB_STATE/pid/$1"
}

# lab_wait SECONDS CMD...: until CMD succeeds; fails when it does not in time.
lab_wait() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
		sleep 0.03
	done
}

lab_log_has() {
	grep -qE -- "$2" "$LAB_STATE/log/$1"
}

# --- up ----------------------------------------------------------------------

# Why there can be no lab here; silent and true when there can.
lab_refusal() {
	local tool why

	[ "$(id -u)" = 0 ] || { echo "needs root" && return 1; }
	for tool in ip bird birdc nft; do
		command -v $tool >/dev/null || { echo "needs $tool (make deps)" && return 1; }
	done
	why=$(ip netns add "${LAB_PREFIX}try" 2>&1) ||
		{ echo "may not make network namespaces: $why" && return 1; }
	why=$(ip -n "${LAB_PREFIX}try" link add x type veth peer name y 2>&1) ||
		{ ip netns del "${LAB_PREFIX}try" && echo "may not make veth pairs: $why" && return 1; }
	ip netns del "${LAB_PREFIX}try"
	[ -c /dev/net/tun ] || { echo "has no /dev/net/tun" && return 1; }
	[ -x "$PIAS_TOOLS/shaper" ] || { echo "needs $PIAS_TOOLS/shaper (make tools)" && return 1; }
}

lab_make_namespace() {
	local forward=0

	case $1 in r? | ap?) forward=1 ;; esac
	ip netns add "$(lab_ns "$1")" || return 1
	# Before there are interfaces, which take over the defaults. A reply leaves a server
	# with the anycast source by another way than the request came: strict reverse path
	# filtering anywhere near would drop it.
	ip netns exec "$(lab_ns "$1")" sysctl -qw \
		net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv4.ip_forward=$forward net.ipv6.conf.all.forwarding=$forward \
		net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
}

# The `ip -batch` of all links.
lab_make_links() {
	local h r i j wire

	for h in $LAB_HOSTS; do
		r=$(lab_router "$h")
		echo "link add eth0 netns $(lab_ns "$h") type veth peer name $h netns $(lab_ns "$r")"
	done
	for wire in $LAB_WIRES; do
		IFS=: read -r i j _ <<<"$wire"
		echo "link add $j netns $(lab_ns "$i") type veth peer name $i-$j netns $(lab_ns wan)"
		echo "link add $i netns $(lab_ns "$j") type veth peer name $j-$i netns $(lab_ns wan)"
	done
}

# The `ip -batch` of one host.
lab_host_links() {
	local n

	n=$(lab_number "$1")
	echo "link set lo up"
	echo "addr add 198.19.$n.1/24 dev eth0"
	echo "addr add 2001:db8:$n::1/64 dev eth0"
	echo "link set eth0 up"
	echo "route add default via 198.19.$n.254"
	echo "route add default via 2001:db8:$n::fe"
}

lab_router_links() {
	local r=$1 h n i j wire net

	echo "link set lo up"
	for h in $LAB_HOSTS; do
		[ "$(lab_router "$h")" = "$r" ] || continue
		n=$(lab_number "$h")
		echo "addr add 198.19.$n.254/24 dev $h"
		echo "addr add 2001:db8:$n::fe/64 dev $h"
		echo "link set $h up"
	done
	for wire in $LAB_WIRES; do
		IFS=: read -r i j _ <<<"$wire"
		net=1${i#r}${j#r}
		[ "$i" = "$r" ] || { [ "$j" = "$r" ] && j=$i; } || continue
		echo "addr add 198.19.$net.${r#r}/24 dev $j"
		echo "addr add 2001:db8:$net::${r#r}/64 dev $j"
		echo "link set $j up"
	done
}

lab_bird_common() {
	cat <<-END
		log "$LAB_STATE/log/bird-$1" all;
		router id $2;
		protocol device { scan time 10; }
		protocol bfd {
		    # 50 ms and less flaps on a busy machine
		    interface "*" { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; };
		}
		template bgp peer {
		    hold time 9; connect delay time 1; connect retry time 2; error wait time 1, 3;
		    graceful restart off;
		    bfd on;
		}
	END
}

# lab_bgp NAME AS NEIGHBOUR AS IMPORT EXPORT: a session each for IPv4 and IPv6.
lab_bgp() {
	cat <<-END
		protocol bgp $1_4 from peer {
		    local as $2; neighbor $3 as $5;
		    ipv4 { import ${6//PREFIX/$LAB_PREFIX4}; export ${7//PREFIX/$LAB_PREFIX4}; };
		}
		protocol bgp $1_6 from peer {
		    local as $2; neighbor $4 as $5;
		    ipv6 { import ${6//PREFIX/$LAB_PREFIX6}; export ${7//PREFIX/$LAB_PREFIX6}; };
		}
	END
}

lab_bird_router() {
	local r=$1 h n i j wire net

	lab_bird_common "$r" "198.19.0.${r#r}"
	cat <<-END
		protocol direct { ipv4; ipv6; }
		protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
		protocol kernel { ipv6 { import none; export where source = RTS_BGP; }; }
	END
	for h in $LAB_APS; do
		[ "$(lab_router "$h")" = "$r" ] || continue
		n=$(lab_number "$h")
		lab_bgp "$h" $((64500 + ${r#r})) "198.19.$n.1" "2001:db8:$n::1" $((65000 + n)) \
			"where net = PREFIX" none
	done
	for wire in $LAB_WIRES; do
		IFS=: read -r i j _ <<<"$wire"
		net=1${i#r}${j#r}
		[ "$i" = "$r" ] || { [ "$j" = "$r" ] && j=$i; } || continue
		lab_bgp "$j" $((64500 + ${r#r})) "198.19.$net.${j#r}" "2001:db8:$net::${j#r}" \
			$((64500 + ${j#r})) all all
	done
}

# What an operator writes on an AP's host: the prefix exists while pias0 is up.
lab_bird_ap() {
	local n r

	n=$(lab_number "$1")
	r=$(lab_router "$1")
	lab_bird_common "$1" "198.19.$n.1"
	cat <<-END
		protocol static anycast4 { ipv4; route $LAB_PREFIX4 via "pias0"; }
		protocol static anycast6 { ipv6; route $LAB_PREFIX6 via "pias0"; }
		protocol kernel { ipv4 { import none; export where proto = "anycast4"; }; }
		protocol kernel { ipv6 { import none; export where proto = "anycast6"; }; }
	END
	lab_bgp up $((65000 + n)) "198.19.$n.254" "2001:db8:$n::fe" $((64500 + ${r#r})) \
		none "where net = PREFIX && source = RTS_STATIC"
}

lab_start_bird() {
	local h

	for h in $LAB_ROUTERS; do
		lab_bird_router "$h" >"$LAB_STATE/etc/bird-$h.conf"
	done
	for h in $LAB_APS; do
		lab_bird_ap "$h" >"$LAB_STATE/etc/bird-$h.conf"
	done
	for h in $LAB_ROUTERS $LAB_APS; do
		lab_spawn "$h" "bird-$h-out" bird -f -c "$LAB_STATE/etc/bird-$h.conf" \
			-s "$LAB_STATE/run/bird-$h.ctl"
	done
}

lab_birdc() {
	local h=$1

	shift
	birdc -s "$LAB_STATE/run/bird-$h.ctl" "$@"
}

lab_start_wires() {
	local i j ms wire end

	for wire in $LAB_WIRES; do
		IFS=: read -r i j ms <<<"$wire"
		echo "$i-$j $j-$i $ms 0"
		for end in $i-$j $j-$i; do
			ip netns exec "$(lab_ns wan)" sysctl -qw "net.ipv6.conf.$end.disable_ipv6=1"
			ip -n "$(lab_ns wan)" link set "$end" arp off up
		done
	done >"$LAB_STATE/etc/wires"
	lab_spawn wan shaper "$PIAS_TOOLS/shaper" "$LAB_STATE/etc/wires"
	lab_wait 5 lab_log_has shaper ready
}

# lab_wire R1 R2 DELAY_MS LOSS_PERCENT: changes a wire while it is in use.
lab_wire() {
	sed -i "s/^$1-$2 .*/$1-$2 $2-$1 $3 $4/" "$LAB_STATE/etc/wires"
	lab_signal shaper HUP
}

# All seven or more networks behind other routers, in both families.
lab_router_knows() {
	[ "$(ip -n "$(lab_ns "$1")" -4 route show proto bird | grep -c '^198.19')" -ge 7 ] &&
		[ "$(ip -n "$(lab_ns "$1")" -6 route show proto bird | grep -c '^2001')" -ge 7 ]
}

# Was the lab that is up left behind by a script that was killed? One that somebody
# keeps on purpose has no owner.
lab_is_orphan() {
	[ -d "$LAB_STATE" ] || return 0
	[ -e "$LAB_STATE/owner" ] && ! lab_recorded_pid "$LAB_STATE/owner" >/dev/null
}

# Are this prefix's names ours to use? Removes an orphan, leaves alone a lab in use.
lab_claim() {
	[ -n "$LAB_STATE" ] || return 0
	lab_is_orphan || { echo "lab: in use: $LAB_LINK; LAB_PREFIX=$LAB_PREFIX lab.sh down" >&2 && return 1; }
	echo "lab: removing what a killed run left in $LAB_STATE" >&2
	lab_down
}

# The lab outlives the script that made it.
lab_keep() {
	rm -f "$LAB_STATE/owner"
}

lab_up() {
	local h why

	why=$(lab_refusal) || { echo "lab: this machine $why" >&2 && return 1; }
	LAB_STATE=$(mktemp -d "/tmp/${LAB_PREFIX}lab.XXXXXX")
	chmod 755 "$LAB_STATE" # nginx and knot drop privileges
	echo "$$ $(lab_start_time $$)" >"$LAB_STATE/owner"
	ln -sfn "$LAB_STATE" "$LAB_LINK"
	mkdir "$LAB_STATE"/{etc,run,log,pid}
	for h in wan $LAB_ROUTERS $LAB_HOSTS; do
		lab_make_namespace "$h" || return 1
	done
	lab_make_links | ip -batch - || return 1
	for h in $LAB_ROUTERS; do
		lab_router_links "$h" | ip -n "$(lab_ns "$h")" -batch - || return 1
	done
	for h in $LAB_HOSTS; do
		lab_host_links "$h" | ip -n "$(lab_ns "$h")" -batch - || return 1
	done
	lab_start_wires || { echo "lab: the shaper did not start" >&2 && return 1; }
	lab_start_bird
	for h in $LAB_ROUTERS; do
		lab_wait 30 lab_router_knows "$h" ||
			{ echo "lab: no BGP routes at $h; see $LAB_STATE/log/bird-$h" >&2 && return 1; }
	done
}

lab_down() {
	local f h pid

	[ -n "$LAB_STATE" ] || return 0
	for f in "$LAB_STATE"/pid/*; do
		[ -e "$f" ] && lab_signal "${f##*/}" KILL
	done
	for h in $LAB_HOSTS $LAB_ROUTERS wan; do
		# What our processes started lives in our namespaces, and only that does.
		for pid in $(ip netns pids "$(lab_ns "$h")" 2>/dev/null); do
			kill -KILL "$pid" 2>/dev/null
		done
		ip netns del "$(lab_ns "$h")" 2>/dev/null
	done
	rm -f "$LAB_LINK"
	rm -rf "$LAB_STATE"
	LAB_STATE=
}

lab_exec() {
	local host=$1

	shift
	ip netns exec "$(lab_ns "$host")" "$@"
}

# --- pias in the lab ---------------------------------------------------------

# Credentials of the ring "lab": apN, and sN and cN as servers (owner = host name).
lab_pki() {
	local h

	[ -d "$LAB_STATE/pki" ] && return
	"$PIAS_BUILD/piasctl" pki init --ring lab "$LAB_STATE/pki" >>"$LAB_STATE/log/pki" || return 1
	for h in $LAB_APS; do
		"$PIAS_BUILD/piasctl" pki ap "$LAB_STATE/pki" "$h" >>"$LAB_STATE/log/pki" || return 1
	done
	for h in $LAB_SERVERS $LAB_CLIENTS; do
		"$PIAS_BUILD/piasctl" pki as "$LAB_STATE/pki" "$h" >>"$LAB_STATE/log/pki" || return 1
	done
}

# lab_ap_config AP [LINE...]: all APs share the list of seeds; extra lines go last.
lab_ap_config() {
	local ap=$1 seeds="" h

	shift
	for h in $LAB_APS; do
		seeds="$seeds${seeds:+, }\"$(lab_addr4 "$h")\""
	done
	cat >"$LAB_STATE/etc/$ap.conf" <<-END
		ring = "lab"
		address = {"$(lab_addr4 "$ap")", "$(lab_addr6 "$ap")"}
		prefix = {"$LAB_PREFIX4", "$LAB_PREFIX6"}
		certificate = "$LAB_STATE/pki/$ap.crt"
		key = "$LAB_STATE/pki/$ap.key"
		ca = "$LAB_STATE/pki/ca.crt"
		ring-key = "$LAB_STATE/pki/ring.key"
		seeds = {$seeds}
		control-socket = "$LAB_STATE/run/$ap.sock"
	END
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$LAB_STATE/etc/$ap.conf"
}

lab_ap_spawn() {
	lab_spawn "$1" "$1" "$PIAS_BUILD/piasd" -c "$LAB_STATE/etc/$1.conf"
}

lab_ap_is_announcing() {
	[ -n "$(ip -n "$(lab_ns "$1")" link show pias0 up 2>/dev/null)" ] &&
		lab_has_route "$(lab_router "$1")" "$1"
}

# Does router $1 have a route for both prefixes learnt from AP $2? Not only the best one.
lab_has_route() {
	lab_birdc "$1" show route "$LAB_PREFIX4" protocol "$2_4" | grep -q unicast &&
		lab_birdc "$1" show route "$LAB_PREFIX6" protocol "$2_6" | grep -q unicast
}

lab_ap_wait() {
	lab_wait "${2:-20}" lab_ap_is_announcing "$1" && return
	echo "lab: $1 does not announce its prefix; the end of its log:" >&2
	tail -n 5 "$LAB_STATE/log/$1" >&2
	return 1
}

# Do all APs that run know each other?
lab_ring_is_whole() {
	local ap n=0

	for ap in $LAB_APS; do
		lab_is_gone "$ap" || n=$((n + 1))
	done
	for ap in $LAB_APS; do
		lab_is_gone "$ap" || lab_ctl "$ap" status | grep -qE "^APs +$n in the ring" || return 1
	done
}

lab_ring_wait() {
	lab_wait 10 lab_ring_is_whole && return
	echo "lab: the APs do not all know each other" >&2
	return 1
}

# lab_aps_start [LINE...]: every AP with those extra lines of configuration, and wait.
lab_aps_start() {
	local ap

	lab_pki || return 1
	for ap in $LAB_APS; do
		lab_ap_config "$ap" "$@"
		lab_ap_spawn "$ap"
	done
	for ap in $LAB_APS; do
		lab_ap_wait "$ap" || return 1
	done
	lab_ring_wait
}

lab_ctl() {
	local ap=$1

	shift
	"$PIAS_BUILD/piasctl" -s "$LAB_STATE/run/$ap.sock" "$@"
}

# lab_join HOST NAME [OPTION...] GROUP...: pias-join on HOST with HOST's credentials.
lab_join() {
	local host=$1 name=$2

	shift 2
	lab_spawn "$host" "$name" "$PIAS_BUILD/pias-join" --cert "$LAB_STATE/pki/$host.crt" \
		--key "$LAB_STATE/pki/$host.key" --ca "$LAB_STATE/pki/ca.crt" "$@"
}

lab_status() {
	local h

	[ -n "$LAB_STATE" ] || { echo "lab: down" && return 1; }
	echo "state    $LAB_STATE"
	for h in $LAB_APS; do
		printf '%-8s piasd %-8s %s\n' "$h" "$(lab_pid "$h" || echo -)" \
			"$(lab_ap_is_announcing "$h" && echo announces || echo silent)"
	done
	for h in $LAB_CLIENTS; do
		printf '%-8s enters at %s (IPv4), %s (IPv6)\n' "$h" "$(lab_ingress "$h")" \
			"$(lab_ingress "$h" 6)"
	done
}

lab_usage() {
	sed -n '/^# By hand/,/^# Sourced/p' "${BASH_SOURCE[0]}" | sed '$d; s/^# \{0,1\}//'
	exit 2
}

lab_main() {
	local verb=${1:-}

	[ $# -eq 0 ] || shift
	case $verb in
	up)
		lab_claim || exit 1
		lab_up || { lab_down; exit 1; }
		lab_keep
		;;
	down) lab_down ;;
	status) lab_status ;;
	start | exec | ctl)
		[ -n "$LAB_STATE" ] || { echo "lab: not up" >&2; exit 1; }
		case $verb in
		start) lab_aps_start "$@" ;;
		exec) [ $# -ge 2 ] || lab_usage && lab_exec "$@" ;;
		ctl) [ $# -ge 2 ] || lab_usage && lab_ctl "$@" ;;
		esac
		;;
	*) lab_usage ;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	lab_main "$@"
fi
