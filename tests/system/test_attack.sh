# shellcheck shell=bash
# Strangers who mean harm: others are served all the same, and nobody dies of it.

# c1_addresses add|del N: its own and the N - 1 after it.
c1_addresses() {
	local i

	for i in $(seq 2 "$2"); do
		echo "addr $1 198.19.31.$i/24 dev eth0"
	done | ip -n "$(lab_ns c1)" -batch -
}

# Connections that never end their handshake, from one place or from 200: a server joins
# beside them, whether the AP has to throw them out or not.
loitered() {
	local a=198.18.0.140

	c1_addresses add "$1" || fail "no addresses"
	lab_spawn c1 loiter "$PIAS_TOOLS/loiter" -n 600 -a "$1" -t 8 "$(lab_addr4 c1)" \
		"$(lab_addr4 ap1)" 7427
	eventually 5 lab_log_has loiter ready
	serve s1 $a 1000
	answered_by c2 $a 1000 s1
	lab_log_has ap1 "handshakes under way" || fail "ap1 did not mind"
	lab_wait 10 lab_is_gone loiter
	c1_addresses del "$1"
	lab_log_has loiter "opened=" || fail "loiter: $(cat "$LAB_STATE/log/loiter")"
}

test_half_open_links_from_one_place() {
	loitered 1
}

test_half_open_links_from_everywhere() {
	loitered 200
}

# Everything that the fuzz targets found interesting, as datagrams to every door and as
# the first bytes of a connection.
test_garbage_to_every_door() {
	local a=198.18.0.141 v6=2001:db8:a::141 file door

	serve s1 $a 1000
	serve s1 $v6 1001
	answered_by c1 $a 1000 s1
	answered_by c1 $v6 1001 s1
	for door in $a/7427 $v6/7427 "$(lab_addr4 ap1)/7427" "$(lab_addr6 ap1)/7427" \
		"$(lab_addr4 s1)/6080" "$(lab_addr6 s1)/6081" $a/1000; do
		# shellcheck disable=SC2016 # for the inner shell
		lab_exec c1 bash -c 'for file in tests/fuzz/corpus/*/*; do
			cat "$file" >"/dev/udp/$0"
		done 2>/dev/null' "$door"
	done
	for file in tests/fuzz/corpus/overlay_message/*; do
		# shellcheck disable=SC2016
		lab_exec c1 bash -c 'cat "$1" >"/dev/tcp/$0"' "$(lab_addr4 ap1)/7427" "$file" \
			2>/dev/null
	done
	answered_by c1 $a 1000 s1
	answered_by c1 $v6 1001 s1
	at_least "$(counter ap1 drop_server_datagram)" 1 "malformed datagrams"
	for door in ap1 s1-join-1000 s1-join-1001; do
		! lab_is_gone $door || fail "$door died of it"
	done
	! lab_log_has s1-join-1000 "lost" || fail "s1 lost its lease"
}

# Packets to random ports cost a resolve each, up to a rate. Groups that are cached do not
# notice, and new ones are served the long way meanwhile.
test_flood_of_unknown_groups() {
	local a=198.18.0.142 ap mac limited

	ap=$(lab_ingress c1)
	limited=$(counter "$ap" drop_resolve_limit)
	serve s1 $a 1000
	answered_by c1 $a 1000 s1
	mac=$(ip -n "$(lab_ns r1)" -o link show c1 | sed -nE 's#.*link/ether ([^ ]+).*#\1#p')
	lab_spawn c1 flood "$PIAS_TOOLS/udp-flood" -r 15000 -t 4 -f 60000 -p 60000 eth0 \
		"$mac" 198.19.31.9 198.18.0.143 2000
	sleep 1
	serve s1 $a 1001
	answered_by c1 $a 1001 s1
	answered_by c1 $a 1000 s1
	lab_wait 10 lab_is_gone flood
	at_least $(($(counter "$ap" drop_resolve_limit) - limited)) 1000 "resolves refused"
	equal "$(counter "$ap" drop_no_memory)" 0 "messages lost for lack of memory"
}
