# shellcheck shell=bash
# P2: 64-byte UDP through one AP, in packets per second of CPU time the forwarder used,
# against the kernel's own IP forwarding in the same place.
#
#     gen g0 ---- f0 forwarder f1 ---- s0 sink
#
# The generator has processor 0; the forwarder's receive thread (threaded NAPI at f0),
# piasd and whatever they call have processor 1 and are all counted. The sink drops at
# its interface, which is work done on processor 1 as well, in both cases.

p2_ns() {
	ip netns exec "${LAB_PREFIX}p2-$1" "${@:2}"
}

p2_up() {
	local n

	p2_state=$(mktemp -d "/tmp/${LAB_PREFIX}p2.XXXXXX")
	mkdir "$p2_state"/{etc,run,log,pid}
	for n in gen fwd sink; do ip netns add "${LAB_PREFIX}p2-$n" || return 1; done
	ip link add g0 netns "${LAB_PREFIX}p2-gen" type veth peer name f0 netns "${LAB_PREFIX}p2-fwd"
	ip link add s0 netns "${LAB_PREFIX}p2-sink" type veth peer name f1 netns "${LAB_PREFIX}p2-fwd"
	p2_ns gen ip addr add 198.19.1.1/24 dev g0
	p2_ns fwd ip addr add 198.19.1.254/24 dev f0
	p2_ns fwd ip addr add 198.19.2.254/24 dev f1
	p2_ns sink ip addr add 198.19.2.1/24 dev s0
	for n in "gen g0" "fwd f0" "fwd f1" "sink s0" "gen lo" "fwd lo" "sink lo"; do
		# shellcheck disable=SC2086 # two words
		set -- $n
		p2_ns "$1" ip link set "$2" up
	done
	p2_ns sink ip route add default via 198.19.2.254
	for n in gen fwd sink; do
		p2_ns $n sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
			net.ipv4.conf.default.rp_filter=0
	done
	p2_ns fwd ip route add 198.19.3.0/24 via 198.19.2.1
	p2_ns fwd ip neigh replace 198.19.2.1 dev f1 lladdr \
		"$(p2_ns sink cat /sys/class/net/s0/address)"
	# Frames, not super-packets, through NAPI of its own thread.
	p2_ns gen ethtool -K g0 tso off gso off >/dev/null 2>&1
	p2_ns fwd ethtool -K f0 gro on >/dev/null
	p2_ns fwd sh -c 'echo 1 >/sys/class/net/f0/threaded'
	p2_ns sink nft -f - <<-END
		table netdev sink {
			counter kernel { }
			counter tunnel { }
			chain in {
				type filter hook ingress device s0 priority 0;
				ip daddr 198.19.3.1 udp dport 5555 counter name kernel drop
				udp dport 6080 @th,336,16 5555 counter name tunnel drop
			}
		}
	END
}

p2_down() {
	local n pid

	for n in gen fwd sink; do
		for pid in $(ip netns pids "${LAB_PREFIX}p2-$n" 2>/dev/null); do
			kill -KILL "$pid" 2>/dev/null
		done
		ip netns del "${LAB_PREFIX}p2-$n" 2>/dev/null
	done
	[ -z "$p2_state" ] || rm -rf "$p2_state"
	p2_state=
}

# The threads that forward: those of f0's NAPI, piasd's, and processor 1's ksoftirqd.
p2_threads() {
	local t

	for t in /proc/[0-9]*; do
		case $(cat "$t/comm" 2>/dev/null) in
		napi/f0-* | ksoftirqd/1) echo "${t#/proc/}" ;;
		esac
	done
	[ -z "${p2_piasd:-}" ] || ls "/proc/$p2_piasd/task"
}

p2_cpu_ns() {
	local t sum=0 ns

	for t in $(p2_threads); do
		read -r ns _ <"/proc/$t/schedstat" && sum=$((sum + ns))
	done
	echo $sum
}

# How many 18-byte payloads the sink saw by counter $1; what surrounds each once per
# super-packet, and in each.
p2_packets() {
	p2_ns sink nft -j list counter netdev sink "$1" |
		jq --arg which "$1" '.nftables[] | .counter? // empty |
			if $which == "kernel" then .packets
			else (.bytes - 28 * .packets) / 58 | floor end'
}

# p2_run kernel|tunnel BURST RATE: "Mpps-per-CPU-second Mpps CPU-share".
p2_run() {
	local to=198.18.0.1 before cpu t0 t1 n

	[ "$1" = kernel ] && to=198.19.3.1
	for t in $(p2_threads); do taskset -pc 1 "$t" >/dev/null 2>&1; done
	before=$(p2_packets "$1") cpu=$(p2_cpu_ns) t0=${EPOCHREALTIME/./}
	p2_ns gen taskset -c 0 "$PIAS_TOOLS/udp-flood" -r "$3" -t 1.5 -b "$2" g0 \
		"$(p2_ns fwd cat /sys/class/net/f0/address)" 198.19.1.1 $to 5555 >/dev/null
	sleep 0.05 # what is still queued
	t1=${EPOCHREALTIME/./} cpu=$(($(p2_cpu_ns) - cpu)) n=$(($(p2_packets "$1") - before))
	awk -v n=$n -v cpu=$cpu -v us=$((t1 - t0)) 'BEGIN {
		printf "%.3f %.3f %.0f%%\n", cpu ? n * 1000 / cpu : 0, n / us, cpu / us / 10 }'
}

# The best of some rates: below saturation nothing is thrown away half done.
p2_best() {
	local rate best=0 line

	for rate in 100000 300000 600000 0; do
		line=$(p2_run "$1" "$2" $rate)
		echo "p2 $1 burst=$2 rate=$rate mpps_per_cpu_s,mpps,cpu=$line" >&2
		best=$(printf '%s\n' "$best" "${line%% *}" | sort -n | tail -n 1)
	done
	echo "$best"
}

p2_piasd_up() {
	local pki=$p2_state/pki

	"$PIAS_BUILD/piasctl" pki init --ring p2 "$pki" >/dev/null &&
		"$PIAS_BUILD/piasctl" pki ap "$pki" ap >/dev/null &&
		"$PIAS_BUILD/piasctl" pki as "$pki" as >/dev/null || return 1
	cat >"$p2_state/piasd.conf" <<-END
		ring = "p2"
		address = {"198.19.2.254"}
		prefix = {"198.18.0.0/24"}
		certificate = "pki/ap.crt"
		key = "pki/ap.key"
		ca = "pki/ca.crt"
		ring-key = "pki/ring.key"
		seeds = {}
		control-socket = "$p2_state/piasd.sock"
	END
	p2_ns fwd taskset -c 1 "$PIAS_BUILD/piasd" -c "$p2_state/piasd.conf" 2>"$p2_state/log/piasd" &
	p2_piasd=$!
	lab_wait 10 p2_ns fwd ip link show pias0 up || return 1
	lab_wait 5 p2_route || return 1
	p2_ns sink "$PIAS_BUILD/pias-join" --cert "$pki/as.crt" --key "$pki/as.key" --ca "$pki/ca.crt" \
		--create 198.18.0.1:5555/udp 2>"$p2_state/log/join" &
	lab_wait 10 p2_forwards
}

# piasd leaves routes to its TUN to the routing daemon, or has put it there itself.
p2_route() {
	p2_ns fwd ip route get 198.18.0.1 | grep -q pias0 ||
		p2_ns fwd ip route replace 198.18.0.0/24 dev pias0
}

p2_forwards() {
	local before

	before=$(p2_packets tunnel)
	p2_ns gen "$PIAS_TOOLS/udp-flood" -r 100 -t 0.1 g0 \
		"$(p2_ns fwd cat /sys/class/net/f0/address)" 198.19.1.1 198.18.0.1 5555 >/dev/null
	[ "$(p2_packets tunnel)" -gt "$before" ]
}

bench_p2() {
	local kernel1 kernel32 pias1 pias32

	p2_piasd=
	p2_up || { p2_down; return 1; }
	kernel1=$(p2_best kernel 1)
	kernel32=$(p2_best kernel 32)
	# What an AP's host should have set: the kernel gathers small UDP packets on arrival.
	p2_ns fwd ethtool -K f0 rx-udp-gro-forwarding on >/dev/null
	if p2_piasd_up; then
		pias1=$(p2_best tunnel 1)
		pias32=$(p2_best tunnel 32)
	else
		echo "p2: no packet came through piasd:" >&2
		cat "$p2_state"/log/* >&2
	fi
	p2_down
	figure P2 "64-byte UDP, kernel forwarding, flows interleaved" "$kernel1" Mpps/CPU-s - - p2_kernel_mpps_burst1
	figure P2 "64-byte UDP, kernel forwarding, bursts of 32" "$kernel32" Mpps/CPU-s - - p2_kernel_mpps_burst32
	figure P2 "64-byte UDP, piasd, flows interleaved" "${pias1:-none}" Mpps/CPU-s - - p2_pias_mpps_burst1
	figure P2 "64-byte UDP, piasd, bursts of 32" "${pias32:-none}" Mpps/CPU-s - - p2_pias_mpps_burst32
	figure P2 "the same, interleaved, of kernel forwarding" "$(ratio "${pias1:-none}" "$kernel1")" "" \
		- "kernel IP forwarding" p2_ratio_burst1
	figure P2 "the same, bursts, of kernel forwarding" "$(ratio "${pias32:-none}" "$kernel32")" "" \
		">= 0.5" "kernel IP forwarding" p2_ratio_burst32
}
