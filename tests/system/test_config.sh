# shellcheck shell=bash
# piasd's configuration: what is wrong is said with file and line, and exit 2.

# bad_config EXPECTED LINE: ap1's configuration with LINE added.
bad_config() {
	local file=$LAB_STATE/bad.conf out rc n

	lab_ap_config ap1
	{ cat "$LAB_STATE/etc/ap1.conf" && echo "$2"; } >"$file"
	n=$(wc -l <"$file")
	out=$("$PIAS_BUILD/piasd" -t -c "$file" 2>&1)
	rc=$?
	equal $rc 2 "exit code for: $2"
	has "$out" "bad\.conf:$n: .*$1"
}

test_config_unknown_key() {
	bad_config bogus 'bogus = "1"'
}

test_config_bad_values() {
	bad_config address 'address = {"192.0.2.300"}'
	bad_config prefix 'prefix = {"198.18.0.1/24"}'
	bad_config prefix 'prefix = {"198.18.0.0/33"}'
	bad_config lease 'lease = "soon"'
	bad_config port 'port = 70000'
	bad_config replicas 'replicas = 0'
	bad_config log-level 'log-level = "loud"'
	bad_config table 'table = "round"'
	bad_config seeds 'seeds = {"nowhere"}'
	bad_config mtu 'mtu = 100'
}

test_config_syntax() {
	bad_config "" 'lease "30s"'
	bad_config "" 'lease = "30s" }'
}

test_config_missing_files() {
	local file=$LAB_STATE/bad.conf out rc

	lab_ap_config ap1
	sed 's#ap1\.crt#none.crt#' "$LAB_STATE/etc/ap1.conf" >"$file"
	out=$("$PIAS_BUILD/piasd" -t -c "$file" 2>&1)
	rc=$?
	equal $rc 2 "exit code without a certificate"
	has "$out" "none\.crt"
	out=$("$PIAS_BUILD/piasd" -t -c "$LAB_STATE/none.conf" 2>&1)
	rc=$?
	equal $rc 2 "exit code without a configuration"
	has "$out" "none\.conf"
	# A key that is not the certificate's.
	sed 's#ap1\.key#ap2.key#' "$LAB_STATE/etc/ap1.conf" >"$file"
	out=$("$PIAS_BUILD/piasd" -t -c "$file" 2>&1)
	rc=$?
	equal $rc 2 "exit code with another key"
	has "$out" "ap2\.key|key"
}

test_config_good() {
	"$PIAS_BUILD/piasd" -t -c "$LAB_STATE/etc/ap1.conf" || fail "a good configuration: exit $?"
}

test_piasctl_usage() {
	local rc

	"$PIAS_BUILD/piasctl" bogus >/dev/null 2>&1
	rc=$?
	equal $rc 2 "piasctl bogus"
	"$PIAS_BUILD/piasctl" -s /nowhere status >"$LAB_STATE/out" 2>&1
	rc=$?
	equal $rc 1 "piasctl without a piasd"
	has "$(cat "$LAB_STATE/out")" "/nowhere"
	lab_ctl ap1 members notagroup >/dev/null 2>&1
	rc=$?
	equal $rc 2 "piasctl members notagroup"
	has "$(lab_ctl ap1 members 198.18.0.199:9/udp)" "knows nothing of"
}

# Every verb gives a table, and JSON that parses.
test_piasctl_verbs() {
	local verb a=198.18.0.120

	serve s1 $a 1000
	answered_by c1 $a 1000 s1
	for verb in status ring peers groups "members $a:1000/udp" flows counters \
		"trace $(lab_addr4 c1) $a:1000/udp"; do
		# shellcheck disable=SC2086 # words
		lab_ctl ap1 $verb >"$LAB_STATE/out" || fail "piasctl $verb: exit $?"
		[ -s "$LAB_STATE/out" ] || fail "piasctl $verb prints nothing"
		# shellcheck disable=SC2086
		lab_ctl ap1 -j $verb | jq . >/dev/null || fail "piasctl -j $verb is not JSON"
	done
}

# A second piasd on the same host must not take the first one's place.
test_second_piasd_is_refused() {
	local out rc

	out=$(lab_exec ap1 timeout 5 "$PIAS_BUILD/piasd" -c "$LAB_STATE/etc/ap1.conf" 2>&1)
	rc=$?
	equal $rc 1 "exit code of a second piasd"
	has "$out" "pias0|in use|socket|running"
	lab_ctl ap1 status >/dev/null || fail "the first one lost its control socket"
	lab_ap_is_announcing ap1 || fail "the first one stopped announcing"
}
