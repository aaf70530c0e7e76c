# shellcheck shell=bash
# Credentials that are wrong, clocks that are off, peers that misbehave.

foreign_pki() {
	[ -d "$LAB_STATE/foreign" ] && return
	"$PIAS_BUILD/piasctl" pki init --ring lab "$LAB_STATE/foreign" >/dev/null &&
		"$PIAS_BUILD/piasctl" pki ap "$LAB_STATE/foreign" ap5 >/dev/null &&
		"$PIAS_BUILD/piasctl" pki as "$LAB_STATE/foreign" s1 >/dev/null
}

join_with() {
	lab_spawn s1 s1-join "$PIAS_BUILD/pias-join" --cert "$1/s1.crt" --key "$1/s1.key" \
		--ca "${2:-$1}/ca.crt" --create 198.18.0.100:1000/udp
}

test_server_of_another_authority() {
	foreign_pki || fail "piasctl pki"
	join_with "$LAB_STATE/foreign" "$LAB_STATE/pki"
	eventually 8 lab_log_has s1-join "certificate|unknown ca|authority"
	eventually 3 lab_log_has ap1 "certificate|authority"
	silent c1 198.18.0.100 1000 || fail "it was admitted"
}

# It trusts only its own authority: then it is the server who refuses.
test_server_refuses_a_foreign_ap() {
	foreign_pki || fail "piasctl pki"
	join_with "$LAB_STATE/foreign"
	eventually 8 lab_log_has s1-join "certificate|authority"
	silent c1 198.18.0.100 1000 || fail "it was admitted"
}

# expired DIR NAME KIND: a certificate of this ring whose time is over.
dated() {
	cp -r "$LAB_STATE/pki" "$LAB_STATE/dated" &&
		rm -f "$LAB_STATE/dated/$2".* &&
		"$PIAS_BUILD/piasctl" pki "$1" --not-before "$3" --days "$4" "$LAB_STATE/dated" "$2" >/dev/null
}

test_expired_server_certificate() {
	rm -rf "$LAB_STATE/dated"
	dated as s1 "$(date -u -d '3 days ago' +%Y-%m-%dT%H:%M:%SZ)" 1 || fail "piasctl pki"
	join_with "$LAB_STATE/dated"
	eventually 8 lab_log_has s1-join "expired"
	eventually 3 lab_log_has ap1 "expired"
	silent c1 198.18.0.100 1000 || fail "it was admitted"
}

test_server_certificate_not_yet_valid() {
	rm -rf "$LAB_STATE/dated"
	dated as s1 "$(date -u -d 'tomorrow' +%Y-%m-%dT%H:%M:%SZ)" 1 || fail "piasctl pki"
	join_with "$LAB_STATE/dated"
	eventually 8 lab_log_has s1-join "not yet valid"
	silent c1 198.18.0.100 1000 || fail "it was admitted"
}

# ap5 with other credentials: DIR, NAME.
ap5_as() {
	touch "$LAB_STATE/changed-ap5"
	lab_stop ap5 KILL
	: >"$LAB_STATE/log/ap5"
	eventually 3 is_silent ap5
	lab_ap_config ap5 'drain-time = "0s"'
	sed -i "s#$LAB_STATE/pki/ap5\.#$1/$2.#" "$LAB_STATE/etc/ap5.conf"
	lab_ap_spawn ap5
}

is_silent() {
	! lab_ap_is_announcing "$1"
}

test_ap_of_another_authority() {
	foreign_pki || fail "piasctl pki"
	ap5_as "$LAB_STATE/foreign" ap5
	eventually 8 lab_log_has ap5 "refused our certificate"
	eventually 5 any_ap_says "certificate"
	never 1 lab_ap_is_announcing ap5
	serve s1 198.18.0.101 1000
	answered_by c2 198.18.0.101 1000 s1
}

any_ap_says() {
	local ap

	for ap in ap1 ap2 ap3 ap4; do
		lab_log_has $ap "$1" && return
	done
	return 1
}

test_expired_ap_certificate() {
	rm -rf "$LAB_STATE/dated"
	dated ap ap5 "$(date -u -d '3 days ago' +%Y-%m-%dT%H:%M:%SZ)" 1 || fail "piasctl pki"
	ap5_as "$LAB_STATE/dated" ap5
	eventually 8 lab_log_has ap5 "expired"
	never 1 lab_ap_is_announcing ap5
}

# An AP's certificate makes no server and a server's no AP.
test_certificate_of_the_wrong_kind() {
	lab_spawn s1 s1-join "$PIAS_BUILD/pias-join" --cert "$LAB_STATE/pki/ap5.crt" \
		--key "$LAB_STATE/pki/ap5.key" --ca "$LAB_STATE/pki/ca.crt" --create 198.18.0.102:1000/udp
	eventually 5 lab_log_has s1-join "certificate|/ap/|server"
	ap5_as "$LAB_STATE/pki" s2
	eventually 5 lab_log_has ap5 "certificate|/as/"
	never 1 lab_ap_is_announcing ap5
}

test_two_aps_with_one_key() {
	serve s1 198.18.0.103 1000
	answered_by c2 198.18.0.103 1000 s1
	ap5_as "$LAB_STATE/pki" ap4
	eventually 10 lab_log_has ap5 "same key|another anycast proxy|duplicate"
	never 2 lab_ap_is_announcing ap5
	answered_by c2 198.18.0.103 1000 s1
	lab_ap_is_announcing ap4 || fail "the rightful ap4 went down"
}

# off_by OFFSET: in "offset", what to put before a command so that its clock is off.
off_by() {
	local lib

	lib=/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketime.so.1
	[ -e "$lib" ] || { echo "no libfaketime" && exit 77; }
	! grep -q __asan_init "$PIAS_BUILD/piasd" || { echo "libfaketime and ASan exclude each other" && exit 77; }
	offset=(env FAKETIME_DONT_FAKE_MONOTONIC=1 LD_PRELOAD="$lib" FAKETIME="$1")
}

# No wall clock is ever compared with another host's.
test_ap_clock_an_hour_off() {
	local offset

	off_by +1h
	touch "$LAB_STATE/changed-ap5"
	lab_stop ap5 TERM 8
	lab_spawn ap5 ap5 "${offset[@]}" "$PIAS_BUILD/piasd" -c "$LAB_STATE/etc/ap5.conf"
	lab_ap_wait ap5 || fail "an AP whose clock is an hour ahead is shut out"
	serve s2 198.18.0.104 1000
	answered_by c2 198.18.0.104 1000 s2
	answered_by c1 198.18.0.104 1000 s2
	# And back to the right time: an earlier incarnation by the clock, later in truth.
	lab_stop ap5 KILL
	lab_ap_spawn ap5
	lab_ap_wait ap5 || fail "an AP whose clock was set back is shut out"
}

test_server_clock_an_hour_off() {
	local offset addr=198.18.0.105

	off_by +1h
	echo_server s1 $addr 1000
	lab_spawn s1 s1-join-1000 "${offset[@]}" "$PIAS_BUILD/pias-join" \
		--cert "$LAB_STATE/pki/s1.crt" --key "$LAB_STATE/pki/s1.key" \
		--ca "$LAB_STATE/pki/ca.crt" --create $addr:1000/udp
	answered_by c1 $addr 1000 s1
	lab_stop s1-join-1000 KILL
	lab_join s1 s1-join-1000 --create $addr:1000/udp
	answered_by c1 $addr 1000 s1
	sleep 3 # health probes and all
	answers c1 $addr 1000 s1 || fail "admitted, and then forgotten"
}

# Frozen, ap5 reads nothing: the others must do without it, and not keep its mail.
test_peer_that_stops_reading() {
	local a=198.18.0.106 i before after

	serve s1 $a 1000
	answered_by c2 $a 1000 s1
	before=$(rss ap1)
	lab_signal ap5 STOP
	for i in 1 2 3 4 5 6 7 8; do
		serve s1 $a 200$i
	done
	for i in 1 2 3 4 5 6 7 8; do
		answered_by c1 $a 200$i s1
	done
	sleep 3 # of mail to the frozen one
	answered_by c2 $a 1000 s1
	after=$(rss ap1)
	at_most $((after - before)) 8192 "KB that ap1 grew"
	lab_signal ap5 CONT
	eventually 20 sees_all_alive ap5
	lab_ap_wait ap5 || fail "ap5 does not recover"
}

rss() {
	awk '/^VmRSS/ { print $2 }' "/proc/$(lab_pid "$1")/status"
}

sees_all_alive() {
	[ "$(lab_ctl "$1" -j peers | jq '[.. | objects | select(.status? == "alive")] | length')" -ge 4 ]
}
