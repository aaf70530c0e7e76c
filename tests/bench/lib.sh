# shellcheck shell=bash
# Figures: each is printed as one row of the table and one line of key=value.

# shellcheck source=tests/system/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"

figures=()
missed=0

# figure ID NAME VALUE UNIT TARGET COMPARED [KEY]: TARGET as "<= 50", ">= 0.5" or "-".
figure() {
	local id=$1 name=$2 value=$3 unit=$4 target=$5 compared=$6 verdict=-

	# shellcheck disable=SC2034 # for `run`
	[ "$value" != none ] || broken=1
	if [ "$target" != - ]; then
		if [ "$value" != none ] &&
			awk -v v="$value" -v t="${target#* }" -v op="${target% *}" \
				'BEGIN { exit !(op == "<=" ? v <= t : v >= t) }'; then
			verdict=met
		else
			verdict=missed
			missed=$((missed + 1))
		fi
	fi
	figures+=("$(printf '%-3s  %-48s %10s %-9s %-9s %-7s %s' "$id" "$name" "$value" "$unit" \
		"$target" $verdict "$compared")")
	echo "$7=$value"
}

# absent ID NAME WHY: no figure, and no failure: what would be compared with is not here.
absent() {
	figures+=("$(printf '%-3s  %-48s %10s %-9s %-9s %-7s %s' "$1" "$2" - "" - - "$3")")
}

print_table() {
	printf '\n%-3s  %-48s %10s %-9s %-9s %-7s %s\n' id figure value unit target verdict \
		"compared with, in this run"
	printf '%s\n' "${figures[@]}"
}

# quantile Q: of the numbers on standard input.
quantile() {
	sort -n | awk -v q="$1" '{ v[NR] = $1 } END {
		if (!NR) { print "none"; exit }
		i = int(q * NR + 0.999999); print v[i < 1 ? 1 : i] }'
}

median() {
	quantile 0.5
}

ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { if (a != "none" && b > 0) printf "%.2f\n", a / b; else print "none" }'
}
