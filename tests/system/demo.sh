#!/bin/bash
# What pias does, step by step, on real packets between network namespaces (see lab.sh
# for the picture). Fails if any step fails; every figure is measured in this run.

export LAB_PREFIX=${LAB_PREFIX:-pias-demo-}
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/services.sh
. "$(dirname "$0")/services.sh"

# A step that fails returns; the next ones still have their say.
fail() {
	echo "$*" >&2
	return 1
}

A4=198.18.0.1
A6=2001:db8:a::1
passed=0 failed=0
first_packet_hops=0 cached_hops=0 as_failover_ms=-1 rendezvous_lost=-1 ap_failover_lost=-1

if [ -t 1 ]; then
	bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m'
else
	bold='' green='' red='' dim='' plain=''
fi

say() {
	printf '    %s%s%s\n' "$dim" "$*" "$plain"
}

# step FUNCTION TITLE: runs it and says how it went.
step() {
	local start=${EPOCHREALTIME/./} why

	printf '%s%s%s\n' "$bold" "$2" "$plain"
	if why=$LAB_STATE/why && "$1" 2>"$why"; then
		passed=$((passed + 1))
		printf '    %sok%s  %s%d ms%s\n' "$green" "$plain" "$dim" \
			$(((${EPOCHREALTIME/./} - start) / 1000)) "$plain"
	else
		failed=$((failed + 1))
		printf '    %sFAILED%s\n' "$red" "$plain"
		sed 's/^/    /' "$why"
		return 1
	fi
}

finish() {
	lab_down
	echo "demo: passed=$passed failed=$failed first_packet_hops=$first_packet_hops" \
		"cached_hops=$cached_hops as_failover_ms=$as_failover_ms" \
		"rendezvous_lost=$rendezvous_lost ap_failover_lost=$ap_failover_lost"
	[ $failed -eq 0 ] && [ $passed -gt 0 ] && exit 0
	exit 1
}

# --- the steps -------------------------------------------------------------------

ring_forms() {
	local ap n

	lab_aps_start || return 1
	lab_ctl ap1 ring
	for ap in $LAB_APS; do
		lab_wait 10 sees_all "$ap" || fail "$ap does not see all five" || return 1
	done
}

sees_all() {
	[ "$(lab_ctl "$1" -j peers | jq '[.. | objects | select(.status? == "alive")] | length')" -ge 4 ]
}

servers_join() {
	local s

	for s in $LAB_SERVERS; do
		lab_join "$s" "$s-join" --create "$A4:53/udp" "$A4:53/tcp" "$A4:80/tcp" \
			"[$A6]:53/udp" "[$A6]:53/tcp" "[$A6]:80/tcp"
		lab_wait 5 has_addr "$s" "$A4" && lab_wait 5 has_addr "$s" "$A6" ||
			fail "$s: no anycast address; $(tail -n 3 "$LAB_STATE/log/$s-join")" || return 1
		dns_server "$s" "$A4" "$A6"
		web_server "$s" "$A4" "$A6"
	done
	say "on each of s1 s2 s3: pias-join ... --create $A4:53/udp $A4:80/tcp [$A6]:53/udp ..."
	say "and stock knot and nginx, bound to $A4 and $A6"
}

nearest_answers() {
	local i addr

	for i in 1 2 3; do
		for addr in $A4 $A6; do
			lab_wait 10 dns_answers "c$i" $addr "s$i" ||
				fail "c$i: kdig @$addr: '$(dns_who "c$i" $addr)'" || return 1
			lab_wait 10 dns_answers "c$i" $addr "s$i" +tcp ||
				fail "c$i: kdig +tcp @$addr: '$(dns_who "c$i" $addr +tcp)'" || return 1
			lab_wait 10 web_answers "c$i" $addr "s$i" ||
				fail "c$i: curl $addr: '$(web_who "c$i" $addr)'" || return 1
		done
		say "c$i: kdig @$A4, kdig +tcp, curl, and the same over $A6: s$i, the nearest"
	done
}

hop_counts() {
	local port ap before after names="packets_two_hops packets_three_hops packets_four_hops" i

	# The ingress AP of c1 must not hold a copy of the group, or it answers at once.
	ap=$(lab_ingress c1)
	port=$(find_port $A4 7001 is_outsider "$ap")
	serve s2 $A4 "$port"
	answered_by c2 $A4 "$port" s2 || return 1
	before=$(for i in $names; do counter_sum "$i"; done)
	answers_once c1 $A4 "$port" s2 || fail "c1 gets no answer" || return 1
	after=$(for i in $names; do counter_sum "$i"; done)
	first_packet_hops=$(hops_between "$before" "$after")
	lab_wait 5 is_cached "$ap" "$(group $A4 "$port" udp)" ||
		fail "$ap does not cache the group" || return 1
	before=$(for i in $names; do counter_sum "$i"; done)
	answers_once c1 $A4 "$port" s2 || fail "c1 gets no answer" || return 1
	after=$(for i in $names; do counter_sum "$i"; done)
	cached_hops=$(hops_between "$before" "$after")
	say "c1 enters at $ap; $A4:$port/udp is held by $(owners_of $A4 "$port" udp)"
	say "first packet: $first_packet_hops hops; once cached: $cached_hops hops"
	unserve s2 "$port"
	[ "$first_packet_hops" = 3 ] && [ "$cached_hops" = 2 ] || fail "expected 3 and 2"
}

# The hops of the one packet that was counted between the two readings.
hops_between() {
	paste <(echo "$1") <(echo "$2") |
		awk '{ if ($2 - $1 == 1) hops = NR + 1; n += $2 - $1 } END { print n == 1 ? hops : "?" }'
}

is_cached() {
	lab_ctl "$1" -j trace "$(lab_addr4 c1)" "$2" | grep -q cached
}

bulk() {
	local file=$LAB_STATE/bulk sum got

	head -c 20000000 /dev/urandom >"$file"
	cp "$file" "$LAB_STATE/www-s1/bulk"
	sum=$(sha256sum <"$file")
	got=$(lab_exec c1 curl -sS --max-time 20 "$(web_url $A4 bulk)" | sha256sum)
	[ "$got" = "$sum" ] || fail "download: checksums differ" || return 1
	lab_exec c1 curl -sS --max-time 20 -T "$file" "$(web_url $A4 upload)" || return 1
	got=$(sha256sum <"$LAB_STATE/www-s1/upload")
	[ "$got" = "$sum" ] || fail "upload: checksums differ" || return 1
	lab_exec c1 curl -sS --max-time 20 -T "$file" "$(web_url $A6 upload6)" || return 1
	got=$(sha256sum <"$LAB_STATE/www-s1/upload6")
	[ "$got" = "$sum" ] || fail "upload over IPv6: checksums differ" || return 1
	rm -f "$file" "$LAB_STATE"/www-s1/*
	say "20 MB down and up through the tunnel at MTU 1500: checksums agree"
}

# The echo group that the failures below are watched with: its rendezvous AP is nobody's
# ingress AP, so that its crash shows by itself.
is_spare() {
	[ "$1" = ap4 ] || [ "$1" = ap5 ]
}

echo_servers_join() {
	local s

	echo_port=$(find_port $A4 7101 is_spare)
	rendezvous=$(owners_of $A4 "$echo_port" udp | cut -d' ' -f1)
	for s in $LAB_SERVERS; do
		serve "$s" $A4 "$echo_port" || return 1
	done
	for s in 1 2 3; do
		answered_by "c$s" $A4 "$echo_port" "s$s" || return 1
	done
}

server_dies() {
	local now

	echo_servers_join || return 1
	meter_start c1 $A4 "$echo_port" || return 1
	lab_signal "s1-echo-$echo_port" KILL
	lab_signal "s1-join-$echo_port" KILL
	lab_wait 10 meter_left c1 "$echo_port" s1 || fail "c1 is not moved" || return 1
	now=$(meter_server c1 "$echo_port")
	meter_stop c1 "$echo_port" || return 1
	as_failover_ms=$(printf '%.0f' "$(meter_value longest_gap_ms)")
	say "c1 asks 1,000 times a second; s1 is killed; $now answers after $as_failover_ms ms"
	serve s1 $A4 "$echo_port"
	answered_by c1 $A4 "$echo_port" s1 || return 1
	say "s1 joins again and is c1's nearest again"
}

rendezvous_dies() {
	local heir

	heir=$(owners_of $A4 "$echo_port" udp | cut -d' ' -f2)
	unserve s1 "$echo_port"
	lab_wait 5 answered_by_other c1 $A4 "$echo_port" s1 || fail "s1 does not leave" || return 1
	meter_start c1 $A4 "$echo_port" || return 1
	meter_start c3 $A4 "$echo_port" || return 1
	lab_signal "$rendezvous" KILL
	serve s1 $A4 "$echo_port"
	answered_by c1 $A4 "$echo_port" s1 || return 1
	meter_stop c1 "$echo_port" || return 1
	rendezvous_lost=$(meter_value lost)
	meter_stop c3 "$echo_port" || return 1
	rendezvous_lost=$((rendezvous_lost + $(meter_value lost)))
	say "$rendezvous, the rendezvous AP, is killed while c1 and c3 ask: $rendezvous_lost lost"
	say "s1 joins at its successor $heir; nobody's membership is lost:"
	lab_ctl "$heir" members "$(group $A4 "$echo_port" udp)"
	lab_ap_spawn "$rendezvous"
	lab_ap_wait "$rendezvous" || return 1
	[ "$rendezvous_lost" = 0 ] || fail "cached groups lost requests"
}

ingress_dies() {
	local ap heir

	ap=$(lab_ingress c1)
	meter_start c1 $A4 "$echo_port" || return 1
	lab_signal "$ap" KILL
	lab_wait 5 enters_elsewhere c1 "$ap" || fail "no other route for c1" || return 1
	heir=$(lab_ingress c1)
	lab_wait 10 answers c1 $A4 "$echo_port" s1 || fail "no answer through $heir" || return 1
	sleep 1 # a second at the new ingress AP belongs to the measurement
	meter_stop c1 "$echo_port" || return 1
	ap_failover_lost=$(meter_value lost)
	say "$ap, where c1 enters, is killed: pias0 vanishes, BIRD withdraws, c1 enters at $heir"
	say "$ap_failover_lost of $(meter_value sent) requests lost"
	at_most_lost "$ap_failover_lost" 50
}

enters_elsewhere() {
	local now

	now=$(lab_ingress "$1")
	[ -n "$now" ] && [ "$now" != "$2" ]
}

at_most_lost() {
	[ "$1" -le "$2" ] || fail "$1 lost, expected at most $2"
}

# --- all of it -------------------------------------------------------------------

if ! why=$(lab_refusal); then
	echo "demo: this machine $why" >&2
	exit 1
fi
lab_claim || exit 1
trap 'exit 130' INT TERM
trap 'lab_down' EXIT
lab_up || { failed=1 && finish; }
sed -n '/^#        c1/,/^#  *c3/s/^#//p' "$LAB_TOP/tests/system/lab.sh"
step ring_forms "Five anycast proxies form a ring and announce $LAB_PREFIX4 and $LAB_PREFIX6" || finish
step servers_join "Stock DNS and web servers on three hosts join, with one command each" || finish
step nearest_answers "Every client is answered by the nearest server" || finish
step hop_counts "The first packet takes three hops, the next ones two"
step bulk "20 MB each way, byte for byte"
step server_dies "A server is killed"
step rendezvous_dies "The rendezvous AP is killed"
step ingress_dies "An ingress AP is killed"
finish
