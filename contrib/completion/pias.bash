# bash completion for piasd, piasctl and pias-join               -*- shell-script -*-
# shellcheck shell=bash

# Groups that the local daemon knows.
_pias_groups() {
	piasctl -j groups 2>/dev/null |
		sed -n 's/.*"group":[[:space:]]*"\(.*\)".*/\1/p'
}

_piasd() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

	case $prev in
	-c | --config)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W '-c --config -t --test -d --debug -h --help
		-V --version' -- "$cur")
}

_piasctl_pki() {
	local cur=$1

	case $COMP_CWORD in
	2) mapfile -t COMPREPLY < <(compgen -W 'init ap as' -- "$cur") ;;
	*)
		mapfile -t COMPREPLY < <(
			compgen -W '--ring --days --not-before' -- "$cur"
			compgen -d -- "$cur"
		)
		;;
	esac
}

_piasctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands='status ring peers groups members flows counters trace drain pki'

	if [ "${COMP_WORDS[1]}" = pki ] && [ "$COMP_CWORD" -gt 1 ]; then
		_piasctl_pki "$cur"
		return
	fi
	case $prev in
	-s | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	members)
		mapfile -t COMPREPLY < <(compgen -W "$(_pias_groups)" -- "$cur")
		return
		;;
	esac
	if [ "$COMP_CWORD" -gt 1 ] && [ "${COMP_WORDS[COMP_CWORD - 2]}" = trace ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_pias_groups)" -- "$cur")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$commands -s --socket -j --json -a --all
		-h --help -V --version" -- "$cur")
}

_pias_join() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

	case $prev in
	--cert | --key | --ca)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--encap)
		mapfile -t COMPREPLY < <(compgen -W 'gue ipip' -- "$cur")
		return
		;;
	--exec)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return
		;;
	--unicast | --port | --tun | --lease | --mtu)
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W '--cert --key --ca --create --unicast --encap
		--port --tun --lease --mtu --no-address --no-route --also-client --exec
		-v --verbose -h --help -V --version' -- "$cur")
}

complete -F _piasd piasd
complete -F _piasctl piasctl
complete -o default -F _pias_join pias-join
