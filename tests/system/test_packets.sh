# shellcheck shell=bash
# Sizes, lifetimes, errors: what the IP of real hosts brings along.

# shellcheck source=tests/system/services.sh
. tests/system/services.sh

wide_server() {
	local addr

	lab_join s1 s1-join --create "$@"
	echo_server s1 "$1" 1000
	answered_by c1 "$1" 1000 s1
	for addr; do eventually 5 pings c1 "$addr"; done
}

# 1472 bytes of payload fill an IPv4 packet of 1500: with DF it must come back as
# packet-too-big with the tunnel's MTU, and what fits must pass.
test_too_big_v4() {
	local a=198.18.0.40 out mtu

	wide_server $a
	out=$(lab_exec c1 ping -c 2 -i 0.2 -W 1 -M "do" -s 1472 $a 2>&1)
	mtu=$(sed -nE 's/.*mtu ?= ?([0-9]+).*/\1/p' <<<"$out" | head -n 1)
	equal "$mtu" 1460 "MTU told to the client"
	has "$(lab_exec c1 ping -c 2 -i 0.1 -W 1 -M "do" -s $((mtu - 28)) $a 2>&1)" "2 received"
	at_least "$(counter ap1 packet_too_big)" 1 packet_too_big
}

test_too_big_v6() {
	local a=2001:db8:a::40 out mtu

	wide_server $a
	out=$(lab_exec c1 ping -c 2 -i 0.2 -W 1 -M "do" -s 1452 $a 2>&1)
	mtu=$(sed -nE 's/.*mtu ?= ?([0-9]+).*/\1/p' <<<"$out" | head -n 1)
	equal "$mtu" 1440 "MTU told to the client"
	has "$(lab_exec c1 ping -c 2 -i 0.1 -W 1 -M "do" -s $((mtu - 48)) $a 2>&1)" "2 received"
}

# UDP as applications send it: the kernel sets DF, learns from the packet-too-big, and
# cuts what follows into fragments.
test_full_size_udp() {
	local a=198.18.0.41 v6=2001:db8:a::41

	serve s1 $a 1000
	serve s1 $v6 1001
	answered_by c1 $a 1000 s1
	answered_by c1 $v6 1001 s1
	meter_once c1 -r 50 -t 2 -s 1472 $a 1000
	at_most "$(meter_value lost)" 10 "IPv4, of 100"
	meter_once c1 -r 50 -t 2 -s 1452 $v6 1001
	at_most "$(meter_value lost)" 10 "IPv6, of 100"
}

test_fragments() {
	local a=198.18.0.42 v6=2001:db8:a::42

	serve s1 $a 1000
	serve s1 $v6 1001
	answered_by c1 $a 1000 s1
	answered_by c1 $v6 1001 s1
	meter_once c1 -r 50 -t 2 -s 4000 $a 1000
	at_most "$(meter_value lost)" 10 "IPv4, of 100"
	meter_once c1 -r 50 -t 2 -s 4000 $v6 1001
	at_most "$(meter_value lost)" 10 "IPv6, of 100"
}

# Uploads fill packets towards the server, downloads back: both at MTU 1500, to a server
# next door and to one across a long wire.
test_tcp_bulk() {
	local a=198.18.0.43 v6=2001:db8:a::43 addr c

	lab_join s1 s1-join --create $a:80/tcp "[$v6]:80/tcp"
	eventually 5 has_addr s1 $a
	eventually 5 has_addr s1 $v6
	web_server s1 $a $v6
	head -c 5000000 /dev/urandom >"$LAB_STATE/www-s1/file"
	for c in c1 c2; do
		for addr in $a $v6; do
			eventually 10 web_answers $c $addr s1
			lab_exec $c curl -sS --max-time 15 -o "$LAB_STATE/got" "$(web_url $addr file)" ||
				fail "$c: download from $addr"
			cmp "$LAB_STATE/www-s1/file" "$LAB_STATE/got" || fail "$c: download from $addr"
			lab_exec $c curl -sS --max-time 15 -T "$LAB_STATE/www-s1/file" \
				"$(web_url $addr up)" || fail "$c: upload to $addr"
			cmp "$LAB_STATE/www-s1/file" "$LAB_STATE/www-s1/up" || fail "$c: upload to $addr"
		done
	done
	rm -f "$LAB_STATE/got" "$LAB_STATE"/www-s1/*
}

# The second router on the way is the AP: it answers for a packet whose time is up.
test_ttl_runs_out() {
	local a=198.18.0.44 v6=2001:db8:a::44

	wide_server $a $v6
	has "$(lab_exec c1 ping -c 1 -W 1 -t 2 $a)" "From 198.19.11.1 .*Time to live exceeded"
	has "$(lab_exec c1 ping -c 1 -W 1 -t 2 $v6)" "From 2001:db8:11::1 .*Time exceeded"
	has "$(lab_exec c1 ping -c 1 -W 1 -t 3 $a)" "1 received"
	has "$(lab_exec c1 ping -c 1 -W 1 -t 3 $v6)" "1 received"
}

# A server without a listener says so itself, from the anycast address.
test_server_icmp_reaches_the_client() {
	local a=198.18.0.45 v6=2001:db8:a::45

	lab_join s1 s1-join --create $a $v6
	eventually 5 has_addr s1 $a
	eventually 5 has_addr s1 $v6
	eventually 10 pings c1 $a
	eventually 10 pings c1 $v6
	meter_once c1 -r 20 -t 0.5 $a 1234
	at_least "$(meter_value icmp)" 1 "ICMP errors over IPv4"
	meter_once c1 -r 20 -t 0.5 $v6 1234
	at_least "$(meter_value icmp)" 1 "ICMP errors over IPv6"
}

pings() {
	lab_exec "$1" ping -qc 1 -W 1 "$2"
}

# IP options and IPv6 extension headers are rare, not wrong.
test_odd_headers() {
	local a=198.18.0.46

	wide_server $a
	has "$(lab_exec c1 ping -c 2 -i 0.1 -W 1 -R $a 2>&1)" "2 received"
}

# Rubbish at every open door: nothing breaks, and it is counted.
test_rubbish_is_dropped_and_counted() {
	local a=198.18.0.47 before i

	serve s1 $a 1000
	answered_by c1 $a 1000 s1
	before=$(dropped ap1)
	for i in 1 7 40 200 1200; do
		head -c $i /dev/urandom | lab_exec c1 socat -u - UDP4:198.18.0.47:7427
		head -c $i /dev/urandom | lab_exec c1 socat -u - "UDP4:198.19.11.1:7427"
		printf '\1' | cat - <(head -c $i /dev/urandom) |
			lab_exec c1 socat -u - "UDP4:198.19.11.1:7427"
		head -c $i /dev/urandom | lab_exec c1 socat -u - "UDP4:198.19.21.1:6080"
	done
	head -c 2000 /dev/urandom | lab_exec c1 socat -u - TCP4:198.19.11.1:7427,connect-timeout=2
	at_least "$(dropped ap1)" $((before + 10)) "drops counted at ap1"
	answered_by c1 $a 1000 s1
}

dropped() {
	lab_ctl "$1" -j counters | jq '[.. | objects | to_entries[] |
		select((.key | startswith("drop_")) and (.value | type == "number")) | .value] | add'
}
