# shellcheck shell=bash
# Stock servers in the lab: knot for DNS, nginx for HTTP, each saying on which host it
# runs. They are bound to anycast addresses and know nothing of pias.

# dns_server HOST ADDRESS...: host.lab TXT "HOST", over UDP and TCP.
dns_server() {
	local host=$1 dir=$LAB_STATE/etc/knot-$1 addr

	shift
	mkdir -p "$dir"
	cat >"$dir/zone" <<-END
		lab. 60 SOA ns.lab. root.lab. 1 3600 600 86400 60
		lab. 60 NS ns.lab.
		host.lab. 60 TXT "$host"
	END
	{
		echo "server:"
		echo "    rundir: \"$dir\""
		for addr; do echo "    listen: $addr@53"; done
		echo "    udp-workers: 1"
		echo "    tcp-workers: 1"
		echo "    background-workers: 1"
		echo "log:"
		echo "  - target: stderr"
		echo "    any: warning"
		echo "database:"
		echo "    storage: \"$dir\""
		echo "zone:"
		echo "  - domain: lab"
		echo "    file: \"$dir/zone\""
		echo "    zonefile-sync: -1"
	} >"$dir/knot.conf"
	lab_spawn "$host" "$host-knot" knotd -c "$dir/knot.conf"
}

# web_server HOST ADDRESS...: /host says HOST; files by GET and PUT under www-HOST.
web_server() {
	local host=$1 dir=$LAB_STATE/etc/nginx-$1 addr

	shift
	mkdir -p "$dir" "$LAB_STATE/www-$host"
	{
		echo "user root; daemon off; master_process off; pid $dir/pid;"
		echo "error_log $LAB_STATE/log/$host-nginx-errors warn;"
		echo "events { worker_connections 256; }"
		echo "http {"
		echo "    access_log off; client_max_body_size 0; keepalive_timeout 5;"
		for name in client_body proxy fastcgi uwsgi scgi; do
			echo "    ${name}_temp_path $dir/$name;"
		done
		echo "    server {"
		for addr; do
			case $addr in *:*) addr="[$addr]" ;; esac
			echo "        listen $addr:80;"
		done
		echo "        root $LAB_STATE/www-$host; dav_methods PUT;"
		echo "        location = /host { return 200 \"$host\"; }"
		echo "    }"
		echo "}"
	} >"$dir/nginx.conf"
	lab_spawn "$host" "$host-nginx" nginx -e "$LAB_STATE/log/$host-nginx-errors" \
		-p "$dir" -c "$dir/nginx.conf"
}

has_addr() {
	[ -n "$(ip -n "$(lab_ns "$1")" addr show to "$2")" ]
}

# Who answers? dns_who HOST ADDRESS [kdig option...]; web_who HOST ADDRESS.
dns_who() {
	local host=$1 addr=$2

	shift 2
	lab_exec "$host" kdig +short +timeout=1 +retry=0 "$@" "@$addr" host.lab TXT 2>&1 | tr -d '"'
}

web_url() {
	case $1 in
	*:*) echo "http://[$1]/$2" ;;
	*) echo "http://$1/$2" ;;
	esac
}

web_who() {
	lab_exec "$1" curl -sS --max-time 2 "$(web_url "$2" host)" 2>&1
}

dns_answers() {
	[ "$(dns_who "$1" "$2" "${@:4}")" = "$3" ]
}

web_answers() {
	[ "$(web_who "$1" "$2")" = "$3" ]
}
