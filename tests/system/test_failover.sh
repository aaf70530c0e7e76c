# shellcheck shell=bash
# What dies, freezes, comes and goes while clients ask 1,000 times a second.

three_servers() {
	local i

	for i in 1 2 3; do serve s$i "$1" "$2"; done
	for i in 1 2 3; do answered_by c$i "$1" "$2" s$i; done
}

test_server_killed() {
	local a=198.18.0.60

	three_servers $a 1000
	meter_start c1 $a 1000
	lab_signal s1-echo-1000 KILL
	lab_signal s1-join-1000 KILL
	eventually 5 meter_left c1 1000 s1
	meter_stop c1 1000
	at_most "$(meter_value longest_gap_ms)" 1500 "outage in ms"
	# And back: what the killed run left on the host is in nobody's way.
	lab_stop s1-echo-1000 KILL
	serve s1 $a 1000
	answered_by c1 $a 1000 s1
}

# Frozen, it answers no probe and refreshes no lease: its packets go elsewhere at once,
# its membership ends with the lease, and it joins again when it wakes.
test_server_frozen_lease_expires() {
	local a=198.18.0.61 group=198.18.0.61:1000/udp

	serve s1 $a 1000 --lease 4s
	serve s2 $a 1000
	answered_by c1 $a 1000 s1
	equal "$(n_members $group)" 2 members
	meter_start c1 $a 1000
	lab_signal s1-join-1000 STOP
	eventually 3 meter_is_at c1 1000 s2
	meter_stop c1 1000
	at_most "$(meter_value longest_gap_ms)" 1500 "outage in ms"
	eventually 8 n_members_is $group 1
	lab_signal s1-join-1000 CONT
	answered_by c1 $a 1000 s1
	equal "$(n_members $group)" 2 members
}

# As the group's owner sees it.
n_members() {
	local ap addr=${1%%:*} port=${1#*:}

	ap=$(owners_of "$addr" "${port%/*}" udp | cut -d' ' -f1)
	lab_ctl "$ap" -j members "$1" | jq '.members | length'
}

n_members_is() {
	[ "$(n_members "$1")" = "$2" ]
}

test_server_leaves_nothing_lost() {
	local a=198.18.0.62

	serve s1 $a 1000
	serve s2 $a 1000
	answered_by c1 $a 1000 s1
	answered_by c2 $a 1000 s2 # it has joined too
	meter_start c1 $a 1000
	lab_signal s1-join-1000 TERM
	eventually 3 meter_is_at c1 1000 s2
	eventually 5 lab_is_gone s1-join-1000
	meter_stop c1 1000
	equal "$(meter_value lost)" 0 "requests lost"
}

is_spare() {
	[ "$1" = ap4 ] || [ "$1" = ap5 ]
}

test_rendezvous_killed() {
	local a=198.18.0.63 port owners ap heir group

	port=$(find_port $a 1000 is_spare)
	owners=$(owners_of $a "$port" udp)
	ap=${owners%% *}
	heir=$(cut -d' ' -f2 <<<"$owners")
	group=$a:$port/udp
	serve s1 $a "$port"
	serve s2 $a "$port"
	answered_by c1 $a "$port" s1
	answered_by c3 $a "$port" s1
	meter_start c1 $a "$port"
	meter_start c3 $a "$port"
	lab_signal "$ap" KILL
	# A new server joins, and a client who never asked before finds the group. (The
	# meters are one flow each and stay where they are.)
	serve s3 $a "$port"
	answered_by c3 $a "$port" s3
	answered_by c2 $a "$port" s2
	meter_stop c1 "$port"
	equal "$(meter_value lost)" 0 "c1: requests lost"
	meter_stop c3 "$port"
	equal "$(meter_value lost)" 0 "c3: requests lost"
	equal "$(lab_ctl "$heir" -j members "$group" | jq '.members | length')" 3 "members at $heir"
	# It comes back, and gets its groups back.
	lab_ap_spawn "$ap"
	lab_ap_wait "$ap" || fail "$ap does not come back"
	eventually 10 n_members_is "$group" 3
}

test_ingress_killed() {
	local a=198.18.0.64 port

	# Of a group with another rendezvous AP: ap4 need not know the group yet, and has
	# to wait for the heir of a dead one, which is another figure.
	port=$(find_port $a 1000 is_not_owned_by ap1)
	serve s1 $a "$port"
	answered_by c1 $a "$port" s1
	equal "$(lab_ingress c1)" ap1 "where c1 enters"
	meter_start c1 $a "$port"
	lab_signal ap1 KILL
	eventually 5 enters_at c1 ap4
	answered_by c1 $a "$port" s1
	sleep 1 # a second of the new way belongs to the measurement
	meter_stop c1 "$port"
	at_most "$(meter_value lost)" 50 "requests lost"
}

is_not_owned_by() {
	[ "$1" != "$2" ]
}

enters_at() {
	[ "$(lab_ingress "$1")" = "$2" ]
}

# Its server joined through it, and its health is that AP's business: somebody must
# take over the watch.
test_join_ap_killed_servers_watched_again() {
	local a=198.18.0.65

	serve s1 $a 1000
	serve s2 $a 1000
	answered_by c1 $a 1000 s1
	lab_signal ap1 KILL
	eventually 5 enters_at c1 ap4
	answered_by c1 $a 1000 s1
	# The next refresh tells another AP of it, which then watches.
	sleep 11
	meter_start c1 $a 1000
	lab_signal s1-join-1000 KILL
	lab_signal s1-echo-1000 KILL
	eventually 5 meter_is_at c1 1000 s2
	meter_stop c1 1000
	at_most "$(meter_value longest_gap_ms)" 2000 "outage in ms"
}

# Silence without an end of the link: what BFD is for.
test_ingress_black_hole() {
	local a=198.18.0.66

	serve s1 $a 1000
	answered_by c1 $a 1000 s1
	meter_start c1 $a 1000
	black_hole ap1
	eventually 5 enters_at c1 ap4
	answered_by c1 $a 1000 s1
	sleep 1
	meter_stop c1 1000
	at_most "$(meter_value lost)" 900 "requests lost"
}

# Drops everything that comes to or leaves the host, without loss of carrier.
black_hole() {
	lab_exec "$1" nft -f - <<-END
		table netdev hole {
			chain in {
				type filter hook ingress device eth0 priority 0; policy drop;
			}
			chain out {
				type filter hook egress device eth0 priority 0; policy drop;
			}
		}
	END
}

test_ap_drains_and_returns_nothing_lost() {
	local a=198.18.0.67

	serve s1 $a 1000
	answered_by c1 $a 1000 s1
	answered_by c3 $a 1000 s1
	equal "$(lab_ingress c1)" ap1 "where c1 enters"
	meter_start c1 $a 1000
	meter_start c3 $a 1000
	lab_signal ap1 TERM
	eventually 3 enters_at c1 ap4
	eventually 8 lab_is_gone ap1
	lab_ap_spawn ap1
	lab_ap_wait ap1 || fail "ap1 does not come back"
	eventually 5 enters_at c1 ap1
	sleep 1 # a second of the old way belongs to the measurement
	meter_stop c1 1000
	equal "$(meter_value lost)" 0 "c1: requests lost"
	meter_stop c3 1000
	equal "$(meter_value lost)" 0 "c3: requests lost"
}

test_piasctl_drain() {
	local a=198.18.0.68

	serve s1 $a 1000
	answered_by c1 $a 1000 s1
	meter_start c1 $a 1000
	lab_ctl ap1 drain || fail "piasctl drain: exit $?"
	eventually 3 enters_at c1 ap4
	eventually 8 lab_is_gone ap1
	meter_stop c1 1000
	equal "$(meter_value lost)" 0 "requests lost"
}

# The ring changes under a group again and again; nobody notices.
test_aps_come_and_go_under_traffic() {
	local a=198.18.0.69 ap

	three_servers $a 1000
	meter_start c1 $a 1000
	meter_start c2 $a 1000
	for ap in ap4 ap5; do
		lab_stop $ap TERM 8
		lab_ap_spawn $ap
		lab_ap_wait $ap || fail "$ap does not come back"
	done
	for ap in ap4 ap5; do
		lab_signal $ap KILL
		eventually 2 lab_is_gone $ap
		lab_ap_spawn $ap
		lab_ap_wait $ap || fail "$ap does not come back"
	done
	meter_stop c1 1000
	equal "$(meter_value lost)" 0 "c1: requests lost"
	meter_stop c2 1000
	equal "$(meter_value lost)" 0 "c2: requests lost"
	equal "$(n_members $a:1000/udp)" 3 members
}

# Servers join while the ring forms and keys still change hands: what an AP held for a
# moment must not answer for the group afterwards.
test_joins_while_the_ring_forms() {
	local a=198.18.0.72 ap i

	for ap in $LAB_APS; do lab_signal $ap KILL; done
	for ap in $LAB_APS; do
		eventually 3 lab_is_gone $ap
		lab_ap_spawn $ap
	done
	for i in 1 2 3; do serve s$i $a 1000; done
	for ap in $LAB_APS; do
		lab_ap_wait $ap || fail "$ap does not announce"
	done
	lab_ring_wait || fail "no ring"
	# By whichever server: the only AP to join through may have been a distant one.
	for i in 1 2 3; do eventually 5 is_answered c$i $a 1000; done
	for ap in $LAB_APS; do
		lab_wait 5 knows_all_or_nothing $ap $a:1000/udp ||
			fail "$ap knows but a part:" $'\n'"$(what_all_know $a:1000/udp)"
	done
}

# The members of a group as each AP has them.
what_all_know() {
	local ap

	for ap in $LAB_APS; do
		echo "$ap:"
		lab_ctl "$ap" members "$1" 2>&1
	done
}

is_answered() {
	[ -n "$(who "$@")" ]
}

knows_all_or_nothing() {
	local n

	n=$(lab_ctl "$1" -j members "$2" | jq '.members // [] | length')
	[ "${n:-0}" = 0 ] || [ "$n" = 3 ]
}

# Two APs at once: r = 3 copies are made for that.
test_two_aps_killed_at_once() {
	local a=198.18.0.70

	three_servers $a 1000
	lab_signal ap4 KILL
	lab_signal ap5 KILL
	sleep 0.2
	serve s1 198.18.0.71 1001
	answered_by c3 198.18.0.71 1001 s1
	equal "$(n_live_members $a:1000/udp)" 3 "members left"
	answered_by c1 $a 1000 s1
}

n_live_members() {
	local ap n best=0

	for ap in ap1 ap2 ap3; do
		n=$(lab_ctl $ap -j members "$1" | jq '.members | length')
		[ "${n:-0}" -gt $best ] && best=$n
	done
	echo $best
}
