# shellcheck shell=bash
# What clients and servers see when nothing goes wrong: every protocol, both families,
# every encapsulation, the nearest server.

# shellcheck source=tests/system/services.sh
. tests/system/services.sh

test_udp_nearest_v4() {
	local i

	for i in 1 2 3; do serve s$i 198.18.0.10 1000; done
	for i in 1 2 3; do answered_by c$i 198.18.0.10 1000 s$i; done
}

test_udp_nearest_v6() {
	local i

	for i in 1 2 3; do serve s$i 2001:db8:a::10 1000; done
	for i in 1 2 3; do answered_by c$i 2001:db8:a::10 1000 s$i; done
}

test_v4_group_with_v6_servers() {
	serve s1 198.18.0.11 1000 --unicast "$(lab_addr6 s1)"
	answered_by c1 198.18.0.11 1000 s1
	answered_by c3 198.18.0.11 1000 s1
	has "$(lab_ctl ap1 members 198.18.0.11:1000/udp)" "2001:db8:21::1"
}

test_v6_group_with_v4_servers() {
	serve s1 2001:db8:a::11 1000 --unicast "$(lab_addr4 s1)"
	answered_by c1 2001:db8:a::11 1000 s1
	answered_by c3 2001:db8:a::11 1000 s1
	has "$(lab_ctl ap1 members '[2001:db8:a::11]:1000/udp')" "198.19.21.1"
}

# Each of the two encapsulations, in each outer family, carrying each inner family; the
# wire between ap1 and s1 is watched for what it should be.
encap_case() {
	local encap=$1 group=$2 unicast=$3 filter=$4

	lab_spawn s1 "dump" tcpdump --immediate-mode -ni eth0 -c 1 -Q in "$filter"
	lab_wait 5 lab_log_has dump listening || fail "tcpdump does not start"
	serve s1 "$group" 1000 --encap "$encap" --unicast "$unicast"
	answered_by c1 "$group" 1000 s1
	eventually 2 lab_is_gone dump
	has "$(cat "$LAB_STATE/log/dump")" "1 packet captured"
	unserve s1 1000
	rm "$LAB_STATE/log/dump"
}

test_encap_ipip() {
	encap_case ipip 198.18.0.12 "$(lab_addr4 s1)" "ip proto 4 and src host 198.19.11.1"
	encap_case ipip 2001:db8:a::12 "$(lab_addr4 s1)" "ip proto 41 and src host 198.19.11.1"
	encap_case ipip 198.18.0.12 "$(lab_addr6 s1)" "ip6 proto 4 and src host 2001:db8:11::1"
	encap_case ipip 2001:db8:a::12 "$(lab_addr6 s1)" "ip6 proto 41 and src host 2001:db8:11::1"
}

test_encap_gue() {
	encap_case gue 198.18.0.13 "$(lab_addr4 s1)" "udp dst port 6080 and src host 198.19.11.1"
	encap_case gue 2001:db8:a::13 "$(lab_addr4 s1)" "udp dst port 6080 and src host 198.19.11.1"
	encap_case gue 198.18.0.13 "$(lab_addr6 s1)" "udp dst port 6080 and src host 2001:db8:11::1"
	encap_case gue 2001:db8:a::13 "$(lab_addr6 s1)" "udp dst port 6080 and src host 2001:db8:11::1"
}

test_tcp() {
	local a4=198.18.0.14 a6=2001:db8:a::14 i

	for i in 1 2; do
		lab_join s$i s$i-join --create $a4:80/tcp "[$a6]:80/tcp"
		eventually 5 has_addr s$i $a4
		eventually 5 has_addr s$i $a6
		web_server s$i $a4 $a6
	done
	for i in 1 2; do
		eventually 10 web_answers c$i $a4 s$i
		eventually 10 web_answers c$i $a6 s$i
	done
}

test_dns_udp_and_tcp() {
	local a4=198.18.0.15 a6=2001:db8:a::15

	lab_join s2 s2-join --create $a4:53/udp $a4:53/tcp "[$a6]:53/udp" "[$a6]:53/tcp"
	eventually 5 has_addr s2 $a4
	eventually 5 has_addr s2 $a6
	dns_server s2 $a4 $a6
	eventually 10 dns_answers c1 $a4 s2
	eventually 10 dns_answers c1 $a4 s2 +tcp
	eventually 10 dns_answers c3 $a6 s2
	eventually 10 dns_answers c3 $a6 s2 +tcp
}

# A whole address: every protocol and port, ICMP echo among them, with one join.
test_whole_address_v4() {
	local a=198.18.0.16

	lab_join s1 s1-join --create $a
	echo_server s1 $a 1000 $a 2000
	eventually 5 has_addr s1 $a
	web_server s1 $a
	answered_by c1 $a 1000 s1
	answered_by c3 $a 2000 s1
	eventually 5 web_answers c2 $a s1
	has "$(lab_exec c2 ping -c 5 -i 0.05 -W 2 $a)" "5 received"
}

test_whole_address_v6() {
	local a=2001:db8:a::16

	lab_join s1 s1-join --create $a
	echo_server s1 $a 1000
	eventually 5 has_addr s1 $a
	web_server s1 $a
	answered_by c3 $a 1000 s1
	eventually 5 web_answers c2 $a s1
	has "$(lab_exec c2 ping -c 5 -i 0.05 -W 2 $a)" "5 received"
}

# A port that has a group of its own is not the whole address's business.
test_exact_group_before_whole_address() {
	local a=198.18.0.17

	lab_join s1 s1-join --create $a
	echo_server s1 $a 1000 $a 2000
	answered_by c2 $a 1000 s1
	serve s3 $a 2000
	answered_by c2 $a 2000 s3
	answered_by c1 $a 2000 s3
	answered_by c1 $a 1000 s1
}

test_no_such_group_is_silence() {
	silent c1 198.18.0.18 1000 || fail "somebody answers for a group that does not exist"
	[ "$(counter ap1 drop_no_group)" -gt 0 ] || fail "drop_no_group does not count"
}

# An unknown group must not stay unknown once it exists.
test_group_created_while_asked_for() {
	silent c1 198.18.0.19 1000 || fail "answered too early"
	lab_spawn c1 meter-c1-1000 "$PIAS_TOOLS/udp-meter" -r 200 198.18.0.19 1000
	serve s2 198.18.0.19 1000
	eventually 3 lab_log_has meter-c1-1000 ready
	meter_stop c1 1000
}

# A server asks its own group and reaches another member, never itself; a server of one
# group asks another. Through eth0, because its own address is on its loopback.
test_server_is_also_client() {
	local a=198.18.0.20

	serve s1 $a 1000 --also-client
	serve s2 $a 1000
	serve s3 198.18.0.21 1000
	answered_by c1 $a 1000 s1
	answered_by c2 $a 1000 s2
	answered_by s1 $a 1000 s2
	answered_by s1 198.18.0.21 1000 s3
	unserve s2 1000
	silent s1 $a 1000 || fail "s1 reached itself or a server that left"
}

test_exec_runs_the_server() {
	local a=198.18.0.22

	lab_join s1 s1-join --create $a:1000/udp --exec "$PIAS_TOOLS/udp-echo" s1 $a 1000
	answered_by c1 $a 1000 s1
	lab_stop s1-join TERM
	[ -z "$(ip netns pids "$(lab_ns s1)")" ] || fail "the server outlives pias-join"
	eventually 2 silent c1 $a 1000
}

# What a leaving pias-join must take away again: address, tunnel, routes, rules.
test_leave_restores_the_host() {
	local before after

	before=$(host_state)
	serve s1 198.18.0.23 1000
	serve s1 2001:db8:a::23 1001
	answered_by c1 198.18.0.23 1000 s1
	answered_by c1 2001:db8:a::23 1001 s1
	unserve s1 1000
	unserve s1 1001
	after=$(host_state)
	equal "$after" "$before" "the host's network"
}

host_state() {
	lab_exec s1 sh -c 'ip -o addr; ip -o link; ip rule; ip -6 rule; ip route show table all;
		ip -6 route show table all' | sed -E 's/[0-9]+sec|link-netns.*//g' |
		grep -v 'cache' | sort
}

test_first_packet_three_hops_then_two() {
	local ap port two three

	ap=$(lab_ingress c1)
	port=$(find_port 198.18.0.24 1000 is_outsider "$ap")
	serve s2 198.18.0.24 "$port"
	answered_by c2 198.18.0.24 "$port" s2
	two=$(counter_sum packets_two_hops) three=$(counter_sum packets_three_hops)
	answers_once c1 198.18.0.24 "$port" s2 || fail "no answer"
	equal "$(($(counter_sum packets_three_hops) - three))" 1 "packets over three hops"
	equal "$(($(counter_sum packets_two_hops) - two))" 0 "packets over two hops"
	eventually 2 cached_at "$ap" "198.18.0.24:$port/udp"
	three=$(counter_sum packets_three_hops)
	answers_once c1 198.18.0.24 "$port" s2 || fail "no answer"
	equal "$(($(counter_sum packets_two_hops) - two))" 1 "packets over two hops"
	equal "$(($(counter_sum packets_three_hops) - three))" 0 "packets over three hops"
}

cached_at() {
	lab_ctl "$1" groups | grep -F "$2" | grep -q cache
}
