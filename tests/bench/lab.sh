# shellcheck shell=bash
# R1, R3, R4, R5 and P3, in the lab.

# R1: from the HELLO to the first client's packet out of the tunnel, with a client that
# asks 2,000 times a second all along, for groups that each of the five APs owns.
r1_joins() {
	local ap port addr=198.18.0.200 rounds=$1

	for ap in $LAB_APS; do
		port=$(find_port $addr 1000 is_first "$ap")
		lab_spawn c1 "meter-c1-$port" "$PIAS_TOOLS/udp-meter" -r 2000 $addr "$port"
		lab_exec s1 "$PIAS_TOOLS/join-meter" -n "$rounds" $addr "$port" \
			"$PIAS_BUILD/pias-join" --cert "$LAB_STATE/pki/s1.crt" \
			--key "$LAB_STATE/pki/s1.key" --ca "$LAB_STATE/pki/ca.crt" --create \
			"$addr:$port/udp" 2>>"$LAB_STATE/log/r1"
		lab_stop "meter-c1-$port" KILL
	done
}

is_first() {
	[ "$1" = "$2" ]
}

bench_r1() {
	local out n

	# The figure is about what pias does, not about how long the wires are.
	lab_wire r1 r2 0 0
	lab_wire r1 r3 0 0
	lab_wire r2 r3 0 0
	out=$(r1_joins 24)
	n=$(grep -c join_us <<<"$out")
	figure R1 "join to first deliverable packet, p50 of $n" "$(r1_ms 0.5 "$out")" ms "<= 10" - r1_join_ms_p50
	figure R1 "join to first deliverable packet, p99 of $n" "$(r1_ms 0.99 "$out")" ms "<= 50" - r1_join_ms_p99
	figure R1 "joins without a packet in 10 s" "$(grep -c timeout <<<"$out")" "" "<= 0" - r1_timeouts
	lab_wire r1 r2 5 0
	lab_wire r1 r3 8 0
	lab_wire r2 r3 12 0
	out=$(r1_joins 6)
	figure R1 "the same over wires of 10 to 24 ms RTT, p50" "$(r1_ms 0.5 "$out")" ms - - r1_wan_join_ms_p50
}

r1_ms() {
	local us

	us=$(sed -n 's/^join_us=//p' <<<"$2" | quantile "$1")
	[ "$us" = none ] && echo none || awk -v us="$us" 'BEGIN { printf "%.1f\n", us / 1000 }'
}

# R3: a server is killed; a server leaves.
bench_r3() {
	local a=198.18.0.201 i gaps="" leaves="" lost=0 t0

	serve s2 $a 1000
	for i in 1 2 3 4 5; do
		serve s1 $a 1000
		answered_by c1 $a 1000 s1
		meter_start c1 $a 1000
		lab_signal s1-join-1000 KILL
		lab_signal s1-echo-1000 KILL
		eventually 10 meter_is_at c1 1000 s2
		meter_stop c1 1000
		gaps="$gaps $(meter_value longest_gap_ms)"
		lab_stop s1-echo-1000 KILL
	done
	for i in 1 2 3 4 5; do
		serve s1 $a 1000
		answered_by c1 $a 1000 s1
		meter_start c1 $a 1000
		t0=$EPOCHREALTIME
		lab_signal s1-join-1000 TERM
		eventually 10 meter_is_at c1 1000 s2
		meter_stop c1 1000
		lost=$((lost + $(meter_value lost)))
		leaves="$leaves $(sed -nE 's/^server=s2 at=//p' "$LAB_STATE/log/meter-c1-1000" |
			awk -v t0="$t0" 'END { printf "%.1f", ($1 - t0) * 1000 }')"
		unserve s1 1000
	done
	unserve s2 1000
	figure R3 "server killed to last packet sent its way, median" "$(tr ' ' '\n' <<<"${gaps# }" | median)" \
		ms "<= 1000" - r3_crash_ms_p50
	figure R3 "the same, worst of 5" "$(tr ' ' '\n' <<<"${gaps# }" | quantile 1)" ms "<= 1000" - r3_crash_ms_max
	figure R3 "clean leave to last packet sent its way, worst of 5" \
		"$(tr ' ' '\n' <<<"${leaves# }" | quantile 1)" ms "<= 100" - r3_leave_ms_max
	figure R3 "requests lost in 5 clean leaves" $lost "" "<= 0" - r3_leave_lost
}

enters_at() {
	[ "$(lab_ingress "$1")" = "$2" ]
}

# R4: the AP where c1 enters is killed, vanishes without a word, drains.
bench_r4() {
	local a=198.18.0.202 i lost=""

	serve s1 $a 1000
	answered_by c1 $a 1000 s1
	for i in 1 2 3; do
		meter_start c1 $a 1000
		lab_signal ap1 KILL
		eventually 5 enters_at c1 ap4
		answered_by c1 $a 1000 s1
		sleep 0.5
		meter_stop c1 1000
		lost="$lost $(meter_value lost)"
		lab_ap_spawn ap1
		lab_ap_wait ap1
		eventually 5 enters_at c1 ap1
		answered_by c1 $a 1000 s1
	done
	figure R4 "requests lost when the ingress AP is killed, worst of 3" \
		"$(tr ' ' '\n' <<<"${lost# }" | quantile 1)" "at 1 kHz" "<= 50" - r4_kill_lost_max
	meter_start c1 $a 1000
	black_hole ap1
	eventually 5 enters_at c1 ap4
	answered_by c1 $a 1000 s1
	meter_stop c1 1000
	figure R4 "requests lost in a silent black hole, BFD 100 ms x 3" "$(meter_value lost)" "at 1 kHz" "<= 500" \
		- r4_black_hole_lost
	lab_exec ap1 nft flush ruleset
	lab_ap_wait ap1
	eventually 5 enters_at c1 ap1
	meter_start c1 $a 1000
	lab_signal ap1 TERM
	eventually 5 enters_at c1 ap4
	eventually 40 lab_is_gone ap1
	meter_stop c1 1000
	figure R4 "requests lost when the ingress AP drains" "$(meter_value lost)" "at 1 kHz" "<= 0" - r4_drain_lost
	lab_ap_spawn ap1
	lab_ap_wait ap1
	unserve s1 1000
}

black_hole() {
	lab_exec "$1" nft -f - <<-END
		table netdev hole {
			chain in { type filter hook ingress device eth0 priority 0; policy drop; }
			chain out { type filter hook egress device eth0 priority 0; policy drop; }
		}
	END
}

is_spare() {
	[ "$1" = ap4 ] || [ "$1" = ap5 ]
}

# R5: the rendezvous AP is killed: what cached groups lose, when a join and a client's
# first packet to another of its groups are served again, and who is still a member.
bench_r5() {
	local a=198.18.0.203 port other new rv i t0 members

	port=$(find_port $a 1000 is_spare)
	rv=$(owners_of $a "$port" udp | cut -d' ' -f1)
	other=$(find_port $a $((port + 1)) is_first "$rv")
	new=$(find_port $a $((other + 1)) is_first "$rv")
	for i in 1 2 3; do serve s$i $a "$port"; done
	serve s3 $a "$other"
	for i in 1 2 3; do answered_by c$i $a "$port" s$i; done
	answered_by c3 $a "$other" s3
	meter_start c1 $a "$port"
	lab_signal "$rv" KILL
	t0=${EPOCHREALTIME/./}
	serve s2 $a "$new"
	answered_by c2 $a "$new" s2
	r5_join_ms=$(((${EPOCHREALTIME/./} - t0) / 1000))
	answered_by c1 $a "$other" s3
	r5_unknown_ms=$(((${EPOCHREALTIME/./} - t0) / 1000))
	meter_stop c1 "$port"
	members=$(lab_ctl "$(owners_of $a "$port" udp | cut -d' ' -f2)" -j members "$a:$port/udp" |
		jq '.members | length')
	figure R5 "requests a cached group loses when its rendezvous AP dies" "$(meter_value lost)" "at 1 kHz" \
		"<= 0" - r5_cached_lost
	figure R5 "killed to a new join served" "$r5_join_ms" ms "<= 2000" - r5_join_ms
	figure R5 "killed to an uncached group served" "$r5_unknown_ms" ms "<= 2000" - r5_unknown_ms
	figure R5 "memberships lost, of 3" $((3 - members)) "" "<= 0" - r5_members_lost
	lab_ap_spawn "$rv"
	lab_ap_wait "$rv"
	for i in 1 2 3; do unserve s$i "$port"; done
	unserve s3 "$other"
	unserve s2 "$new"
}

# P3: one TCP stream from c1 to s1, through ap1 and the tunnel, and without.
bench_p3() {
	local a=198.18.0.204 i direct="" through=""

	lab_join s1 s1-join --create $a:5201/tcp
	lab_spawn s1 s1-iperf iperf3 -s
	for i in 1 2 3; do
		direct="$direct $(p3_gbit "$(lab_addr4 s1)")"
		lab_wait 5 iperf_answers $a
		through="$through $(p3_gbit $a)"
	done
	direct=$(tr ' ' '\n' <<<"${direct# }" | median)
	through=$(tr ' ' '\n' <<<"${through# }" | median)
	figure P3 "one TCP stream, without an AP, median of 3" "$direct" Gbit/s - - p3_direct_gbit
	figure P3 "one TCP stream through AP and tunnel, median of 3" "$through" Gbit/s - - p3_pias_gbit
	figure P3 "the same, of kernel routing" "$(ratio "$through" "$direct")" "" ">= 0.5" \
		"iperf3 without an AP" p3_ratio
	lab_stop s1-join
	lab_stop s1-iperf KILL
}

iperf_answers() {
	lab_exec c1 iperf3 -c "$1" -n 1K --connect-timeout 1000
}

p3_gbit() {
	lab_exec c1 iperf3 -c "$1" -t 4 -J --connect-timeout 2000 |
		jq '(.end.sum_received.bits_per_second // 0) / 1e9 * 100 | round / 100'
}
