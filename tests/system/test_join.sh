# shellcheck shell=bash
# Joining under odd circumstances, and what pias-join says when it is refused.

# Every other packet from behind r1 goes to ap4 instead of ap1, each on its own.
flip() {
	lab_exec r1 nft -f - <<-END
		table inet flip {
			chain pre {
				type filter hook prerouting priority mangle;
				ip daddr 198.18.0.0/24 iifname { s1, c1 } numgen random mod 100 < $1 meta mark set 77
				ip6 daddr 2001:db8:a::/48 iifname { s1, c1 } numgen random mod 100 < $1 meta mark set 77
			}
		}
	END
	lab_exec r1 ip rule add fwmark 77 lookup 77 pref 77
	lab_exec r1 ip -6 rule add fwmark 77 lookup 77 pref 77
	lab_exec r1 ip route add 198.18.0.0/24 via "$(lab_addr4 ap4)" table 77
	lab_exec r1 ip -6 route add 2001:db8:a::/48 via "$(lab_addr6 ap4)" table 77
}

unflip() {
	lab_exec r1 nft flush ruleset
	lab_exec r1 ip rule del pref 77
	lab_exec r1 ip -6 rule del pref 77
	lab_exec r1 ip route flush table 77
	lab_exec r1 ip -6 route flush table 77
}

test_join_while_routing_flips() {
	local a=198.18.0.80 i

	flip 50
	for i in 1 2 3 4 5; do
		serve s1 $a 100$i
		lab_wait 3 answers c1 $a 100$i s1 || { unflip; fail "join $i of 5 took too long"; }
	done
	meter_start c1 $a 1001
	sleep 2 # two seconds of flipping
	meter_stop c1 1001
	unflip
	equal "$(meter_value lost)" 0 "requests lost"
}

test_join_over_a_lossy_wire() {
	local a=198.18.0.81 i

	# s3 enters at ap3; the groups live all over the ring, across lossy wires.
	lab_wire r1 r3 8 5
	lab_wire r2 r3 12 5
	for i in 1 2 3 4; do
		serve s3 $a 100$i
	done
	for i in 1 2 3 4; do
		lab_wait 5 answers c3 $a 100$i s3 || fail "join $i of 4 took too long"
	done
}

test_unknown_group_needs_create() {
	lab_join s1 s1-join 198.18.0.82:1000/udp
	eventually 5 lab_log_has s1-join "no such group|not found|does not exist|--create"
}

test_refused_outside_the_prefix() {
	lab_join s1 s1-join --create 198.18.5.1:1000/udp
	# Nothing there announces it: no AP ever hears of it.
	eventually 10 lab_log_has s1-join "no answer from an anycast proxy"
}

# A host that may join, but the table is full (max-group-members = 3 in this lab).
test_full_group_tells_why() {
	local a=198.18.0.83 i

	for i in 1 2 3; do serve s$i $a 1000; done
	for i in 1 2 3; do answered_by c$i $a 1000 s$i; done
	lab_join c1 c1-join --create $a:1000/udp
	eventually 5 lab_log_has c1-join "full"
	at_least "$(counter_sum drop_member_full)" 1 drop_member_full
	lab_stop c1-join # and with it the address on its loopback
	answered_by c1 $a 1000 s1
	# Room again: the refused one gets in.
	unserve s3 1000
	lab_join c1 c1-join --create $a:1000/udp
	eventually 10 member_is_listed $a:1000/udp c1
}

member_is_listed() {
	local ap addr=${1%%:*} port=${1#*:}

	ap=$(owners_of "$addr" "${port%/*}" udp | cut -d' ' -f1)
	lab_ctl "$ap" members "$1" | grep -qw "$2"
}

# Strict reverse path filtering would drop every packet of the tunnel: it must be said,
# not left to be found out.
test_rp_filter_is_explained() {
	lab_exec s1 sysctl -qw net.ipv4.conf.all.rp_filter=1
	lab_join s1 s1-join --create 198.18.0.84:1000/udp
	lab_wait 5 lab_log_has s1-join rp_filter
	local rc=$?
	lab_exec s1 sysctl -qw net.ipv4.conf.all.rp_filter=0
	[ $rc = 0 ] || fail "pias-join does not mention rp_filter: $(cat "$LAB_STATE/log/s1-join")"
}

test_privileges_are_explained() {
	local out

	cp -r "$LAB_STATE/pki" "$LAB_STATE/open"
	chmod -R a+rX "$LAB_STATE/open"
	out=$(lab_exec s1 setpriv --bounding-set=-all --inh-caps=-all --reuid=65534 --regid=65534 \
		--clear-groups "$PIAS_BUILD/pias-join" --cert "$LAB_STATE/open/s1.crt" \
		--key "$LAB_STATE/open/s1.key" --ca "$LAB_STATE/open/ca.crt" 198.18.0.85:1000/udp 2>&1)
	[ $? != 0 ] || fail "exit 0 without privileges"
	has "$out" "privilege|permi|root|CAP_|not permitted"
}

test_usage_errors() {
	local rc

	for args in "" "--bogus" "--cert" "--encap tcp x" "notagroup" "198.18.0.1:99999/udp" \
		"198.18.0.1:53/icmp" "--lease never 198.18.0.1:53/udp"; do
		# shellcheck disable=SC2086 # words
		"$PIAS_BUILD/pias-join" --cert "$LAB_STATE/pki/s1.crt" --key "$LAB_STATE/pki/s1.key" \
			--ca "$LAB_STATE/pki/ca.crt" $args >"$LAB_STATE/out" 2>&1
		rc=$?
		equal $rc 2 "exit code of: pias-join $args"
		[ -s "$LAB_STATE/out" ] || fail "nothing said about: pias-join $args"
	done
}
