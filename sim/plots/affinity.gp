# Sessions that break: per move of a client to another ingress AP, and without any move.
load "style.gp"
eval start(820, 400)
affinity = results . "/affinity.csv"
# Before any range is set, for statistics heed it.
stats affinity using "breaks_unmoved_per_1000_client_hours" name "unmoved" nooutput
causes = "days packets reroute"
sizes = system("grep -v '^#' " . affinity . " | tail -n +2 | cut -d, -f1 | sort -nu | tr '\\n' ' '")
group = words(sizes) + 1
place(i, cause) = (cause - 1) * group + i
bar(i, cause) = only(column("aps") == word(sizes, i) && strcol("cause") eq word(causes, cause), \
	place(i, cause))
colour(i) = word("'#56b4e9' '#0072b2' '#009e73' '#000000'", 1 + (i - 1) % 4)

set multiplot layout 1,2
set boxwidth 0.9
set style fill solid
set grid noxtics
set xrange [0:3 * group]
set xtics ()
set for [c=1:3] xtics add (word(causes, c) place((words(sizes) + 1) / 2.0, c))
set xlabel "what moves clients"
set ylabel "sessions broken per move"
set yrange [0:1]
set key top right title "APs"
plot for [i=1:words(sizes)] for [c=1:3] affinity using (bar(i, c)):"breaks_per_move" \
	with boxes lc rgb colour(i) title (c == 1 ? word(sizes, i) : "")
set ylabel "broken without a move,\nper 1,000 sessions and hour"
set yrange [0:unmoved_max > 0 ? 1.1 * unmoved_max : 1]
set key off
plot for [i=1:words(sizes)] for [c=1:3] affinity using (bar(i, c)):"breaks_unmoved_per_1000_client_hours" \
	with boxes lc rgb colour(i)
unset multiplot
