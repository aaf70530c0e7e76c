# shellcheck shell=bash
# What pias-join does to its host: put right when somebody disturbs it, in step with the
# main routing table, shared between several, undone at the end however that came.

# All that names the address $1 on s1, and the copied tables.
of_address() {
	lab_exec s1 sh -c "ip -o addr show dev lo; ip rule; ip -6 rule" | grep -wF "$1"
	lab_exec s1 sh -c "ip route show table all proto 74; ip -6 route show table all proto 74"
}

is_as_before() {
	[ "$(of_address "$1")" = "$2" ]
}

test_host_is_put_right() {
	local a=198.18.0.120 v6=2001:db8:a::120 want want6

	serve s1 $a 1000
	serve s1 $v6 1001
	answered_by c1 $a 1000 s1
	answered_by c1 $v6 1001 s1
	want=$(of_address $a)
	want6=$(of_address $v6)
	has "$want" "from $a lookup 74271460"
	has "$want" "default .* advmss 1420"
	has "$want6" "default .* advmss 1380" # its tunnel is over IPv6
	lab_exec s1 ip addr del $a/32 dev lo || fail "no address"
	lab_exec s1 ip rule del from $a || fail "no rule"
	lab_exec s1 ip rule del to $a ipproto udp dport 7427 || fail "no rule"
	lab_exec s1 ip -6 addr del $v6/128 dev lo || fail "no IPv6 address"
	lab_exec s1 ip -6 rule del from $v6 || fail "no IPv6 rule"
	eventually 3 is_as_before $a "$want"
	eventually 3 is_as_before $v6 "$want6"
	answered_by c1 $a 1000 s1
	answered_by c1 $v6 1001 s1
}

copied_routes_are() {
	local table

	table=$(lab_exec s1 ip route show table 74271460)
	[ "$(grep -cE "$1" <<<"$table")" = "$2" ]
}

test_host_follows_the_main_table() {
	local via

	serve s1 198.18.0.121 1000
	answered_by c1 198.18.0.121 1000 s1
	via=$(lab_exec s1 ip route show default | sed -nE 's/.* via ([^ ]+) .*/\1/p')
	lab_exec s1 ip route add 10.9.0.0/16 via "$via" mtu 1400 || fail "no route"
	lab_exec s1 ip route add 10.8.0.0/16 nexthop via "$via" weight 1 nexthop via "$via" weight 3
	lab_exec s1 ip route add blackhole 10.7.0.0/16
	eventually 3 copied_routes_are "^10.9.0.0/16 via $via .*mtu 1400 advmss 1420" 1
	eventually 3 copied_routes_are "^10.8.0.0/16 .*advmss 1420" 1
	eventually 3 copied_routes_are "^blackhole 10.7.0.0/16" 1
	copied_routes_are "weight 3" 1 || fail "a nexthop is lost"
	lab_exec s1 ip route del 10.9.0.0/16
	lab_exec s1 ip route del 10.8.0.0/16
	lab_exec s1 ip route del blackhole 10.7.0.0/16
	eventually 3 copied_routes_are "^(blackhole )?10[.][789][.]" 0
	copied_routes_are "^default via $via .*advmss 1420" 1 || fail "the default route is lost"
}

# Uploads fit the tunnel because the server asks for segments that do.
test_syn_ack_asks_for_segments_that_fit() {
	local a=198.18.0.122 v6=2001:db8:a::122

	lab_join s1 s1-join --create $a:80/tcp "[$v6]:80/tcp"
	eventually 5 has_addr s1 $a
	eventually 5 has_addr s1 $v6
	web_server s1 $a $v6
	lab_spawn c1 c1-dump tcpdump -lni eth0 port 80
	eventually 5 lab_log_has c1-dump "listening on"
	eventually 10 web_answers c1 $a s1
	eventually 10 web_answers c1 $v6 s1
	eventually 5 lab_log_has c1-dump "IP $a.80 > .*Flags \[S\.\].*mss 1420"
	eventually 5 lab_log_has c1-dump "IP6 $v6.80 > .*Flags \[S\.\].*mss 1400"
}

# Two serve one address, each a port: neither disturbs the other by coming or going.
test_two_on_one_host() {
	local a=198.18.0.123 before

	before=$(host_state)
	serve s1 $a 1000
	answered_by c1 $a 1000 s1
	meter_start c1 $a 1000
	serve s1 $a 1001
	answered_by c1 $a 1001 s1
	unserve s1 1001
	serve s1 $a 1001
	answered_by c1 $a 1001 s1
	meter_stop c1 1000
	equal "$(meter_value lost)" 0 "requests lost"
	unserve s1 1000
	answered_by c1 $a 1001 s1
	unserve s1 1001
	equal "$(host_state)" "$before" "the host's network"
}

# Nor would two for one group leave each other the membership.
test_second_for_one_group_is_refused() {
	local a=198.18.0.126 out rc

	serve s1 $a 1000
	answered_by c1 $a 1000 s1
	out=$(lab_exec s1 timeout 5 "$PIAS_BUILD/pias-join" --cert "$LAB_STATE/pki/s1.crt" \
		--key "$LAB_STATE/pki/s1.key" --ca "$LAB_STATE/pki/ca.crt" --port 6081 \
		$a:1001/udp $a:1000/udp 2>&1)
	rc=$?
	equal $rc 1 "exit code of the second"
	has "$out" "^pias-join: $a:1000/udp: another pias-join on this host"
	! lab_log_has s1-join-1000 lost || fail "the first one lost its lease"
}

# What a killed run left is taken over by the next, with other options, and cleared up.
test_killed_run_is_taken_over() {
	local a=198.18.0.124 before

	before=$(host_state)
	serve s1 $a 1000 --also-client
	answered_by c1 $a 1000 s1
	lab_exec s1 ip rule | grep -q "to $a iif lo" || fail "no rule of --also-client"
	unserve s1 1000 KILL
	has_addr s1 $a || fail "nothing left to take over"
	serve s1 $a 1000
	answered_by c1 $a 1000 s1
	! lab_exec s1 ip rule | grep -q "to $a iif lo" || fail "a rule of the killed run stays"
	unserve s1 1000
	equal "$(host_state)" "$before" "the host's network"
}

test_leaves_in_no_time() {
	local a=198.18.0.125 start

	serve s1 $a 1000
	answered_by c1 $a 1000 s1
	eventually 5 lab_log_has s1-join-1000 joined
	start=${EPOCHREALTIME/./}
	lab_signal s1-join-1000 TERM
	lab_wait 5 lab_is_gone s1-join-1000
	at_most $(((${EPOCHREALTIME/./} - start) / 1000)) 300 "ms to leave"
	lab_log_has s1-join-1000 "left $a:1000/udp" || fail "it does not say that it left"
}
