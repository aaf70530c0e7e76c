# shellcheck shell=bash
# P4, P5, P6 and R7, in the simulator: neither lab nor privileges.

# value KEY: of a line of key=value on standard input.
value() {
	sed -nE "s/(.* )?$1=([^ ]*).*/\2/p"
}

# sim NAME CMD...: the line that CMD prints, if it succeeds; shown as well, under NAME.
sim() {
	local name=$1 line

	shift
	line=$("$@") || { echo "$name: failed: $*: $line" >&2 && return 1; }
	echo "$name: $line" >&2
	echo "$line"
}

# Lookups per CPU-second of all lines on standard input together, in thousands.
p4_rate() {
	awk '{
		for (i = 1; i <= NF; i++) {
			split($i, pair, "=")
			sum[pair[1]] += pair[2]
		}
	} END { if (sum["cpu_s"]) printf "%.1f\n", sum["correct"] / sum["cpu_s"] / 1000; else print "none" }'
}

# P4: the Chord lookup load (see pias-sim(1)), by the daemon's code in pias-sim and by
# the textbook protocol in SimGrid. pias-sim runs before and after, for both to meet the
# same neighbours on this machine.
bench_p4() {
	local n=10000 rate_target=">= 100" times_target=">= 10" ours theirs
	local load=("$PIAS_BUILD/pias-sim" chord-load --nodes)

	# shellcheck disable=SC2154 # set by `run`
	[ "$quick" = 0 ] || n=1000 rate_target=- times_target=-
	if [ ! -x "$PIAS_BUILD/bench/simgrid_chord" ]; then
		ours=$(sim p4_pias "${load[@]}" $n) || return 1
		absent P4 "the same work in SimGrid" "not built: needs libsimgrid-dev, make tools"
	else
		[ "$quick" = 1 ] || echo "p4: SimGrid takes two to four minutes" >&2
		ours=$(sim p4_pias "${load[@]}" $n) &&
			theirs=$(sim p4_simgrid "$PIAS_BUILD/bench/simgrid_chord" $n) &&
			ours="$ours"$'\n'$(sim p4_pias "${load[@]}" $n) || return 1
		figure P4 "Chord lookups answered, $n nodes, SimGrid" "$(p4_rate <<<"$theirs")" k/CPU-s - - \
			p4_simgrid_klookups_per_cpu_s
	fi
	figure P4 "Chord lookups answered, $n APs, pias-sim" "$(p4_rate <<<"$ours")" k/CPU-s \
		"$rate_target" - p4_pias_klookups_per_cpu_s
	[ -n "${theirs:-}" ] || return 0
	figure P4 "the same, of SimGrid" "$(ratio "$(p4_rate <<<"$ours")" "$(p4_rate <<<"$theirs")")" times \
		"$times_target" "SimGrid, same work" p4_times_simgrid
	ours=${ours%%$'\n'*}
	figure P4 "messages for it, of the textbook protocol's" \
		"$(ratio "$(value messages <<<"$ours")" "$(value messages <<<"$theirs")")" "" - \
		"the SimGrid program" p4_messages_ratio
	figure P4 "hops of a lookup, of the textbook protocol's" \
		"$(ratio "$(value hops <<<"$ours")" "$(value hops <<<"$theirs")")" "" - \
		"the SimGrid program" p4_hops_ratio
}

# P5: the largest ring there is a scenario for. Memory at its peak, of the process.
bench_p5() {
	local aps=10000 target="<= 8" out line less=() key

	if [ "$quick" = 1 ]; then
		aps=100 target=- less=(--set aps=100 --set groups=1000 --set servers=10000)
	else
		echo "p5: ten to thirty minutes" >&2
	fi
	out=$(mktemp -d) || return 1
	line=$(sim p5 "$PIAS_BUILD/pias-sim" run sim/scenarios/scale.conf --out "$out" "${less[@]}")
	rm -rf "$out"
	[ -n "$line" ] || return 1
	figure P5 "memory of $aps APs, $(p5_number groups) groups, $(p5_number servers) servers" \
		"$(ratio "$(value rss_mb <<<"$line")" 1024)" GiB "$target" - p5_peak_gib
	figure P5 "wall time of it" "$(p5_number wall_s)" s - - p5_wall_s
	figure P5 "CPU time of it" "$(value cpu_s <<<"$line")" s - - p5_cpu_s
	for key in joined held watched; do
		figure P5 "servers not $key" $(($(p5_number servers) - $(p5_number $key))) "" "<= 0" - p5_not_$key
	done
	figure P5 "packets lost, of $(p5_number sent)" $(($(p5_number sent) - $(p5_number delivered))) "" \
		"<= 0" - p5_lost
}

# A value of bench_p5's line, to the unit.
p5_number() {
	printf '%.0f\n' "$(value "$1_$aps" <<<"$line")"
}

# P6: one pop and push with a million events pending.
bench_p6() {
	local line

	line=$(sim p6 "$PIAS_BUILD/pias-sim" queue-bench --pending 1000000) || return 1
	figure P6 "event queue, 10^6 pending, pop and push" "$(value radix_ns <<<"$line")" ns "<= 150" - p6_radix_ns
	figure P6 "the same, 4-ary heap" "$(value heap_ns <<<"$line")" ns - - p6_heap_ns
	figure P6 "the same, of the 4-ary heap" "$(value ratio <<<"$line")" "" - "4-ary heap" p6_ratio
}

# R7: rings with drawn faults, each held to the specification.
bench_r7() {
	local seeds=200 line

	[ "$quick" = 0 ] || seeds=20
	line=$(sim r7 "$PIAS_BUILD/pias-sim" swarm --seeds 1..$seeds)
	figure R7 "seeds with a broken invariant, of $seeds" \
		"$(value violations <<<"${line:-violations=none}")" "" "<= 0" - r7_violations
}
