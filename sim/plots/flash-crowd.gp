# A flash crowd of joins: who has joined, and what the rendezvous AP (and the mean of all
# APs) receives and sends; each point is a mean of ten seconds.
load "style.gp"
eval start(960, 420)
seconds = results . "/seconds.csv"
step = 10
at(s) = step * floor(s / step) + step / 2.0

stats seconds using "second" name "T" nooutput

set multiplot layout 1,3
set xlabel "s since the first join"
set xtics T_max > 100 ? 100 * ceil(T_max / 400.0) : 20
set yrange [0:*]
set key bottom right
set ylabel "servers, thousands"
plot seconds using "second":(column("started") / 1000) every 5 with lines ls 5 title "started", \
	seconds using "second":(column("joined") / 1000) every 5 with lines ls 1 title "joined"
set key top right
set offsets 0, 0, graph 0.25, 0
set ylabel "messages per second"
plot seconds using (at(column("second"))):(column("rendezvous_messages_in") / step) \
		smooth frequency with lines ls 4 title "rendezvous, in", \
	seconds using (at(column("second"))):(column("rendezvous_messages_out") / step) \
		smooth frequency with lines ls 2 title "rendezvous, out", \
	seconds using (at(column("second"))):(column("mean_messages_in") / step) \
		smooth frequency with lines ls 6 title "mean AP, in"
set key off
set ylabel "kB per second"
plot seconds using (at(column("second"))):(column("rendezvous_bytes_in") / step / 1000) \
		smooth frequency with lines ls 4, \
	seconds using (at(column("second"))):(column("rendezvous_bytes_out") / step / 1000) \
		smooth frequency with lines ls 2, \
	seconds using (at(column("second"))):(column("mean_bytes_in") / step / 1000) \
		smooth frequency with lines ls 6
unset multiplot
