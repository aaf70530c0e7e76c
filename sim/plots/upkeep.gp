# What an AP at rest sends and holds, against the ring's size.
load "style.gp"
eval start(960, 360)
upkeep = results . "/upkeep.csv"
size_in(table) = only(strcol("table") eq table, column("aps"))

set multiplot layout 1,3
set xlabel "APs"
set logscale x
set xtics (10, 30, 100, 300, 1000, 3000, 10000)
stats upkeep using "aps" name "N" nooutput
set xrange [0.9 * N_min:1.1 * N_max]
set yrange [0:*]
set key bottom right
set ylabel "messages sent per AP and second"
plot upkeep using (size_in("full")):"messages_per_s_mean" with linespoints ls 4 title "full table", \
	upkeep using (size_in("fingers")):"messages_per_s_mean" with linespoints ls 2 title "fingers"
set key off
set ylabel "kB sent per AP and second"
plot upkeep using (size_in("full")):(column("bytes_per_s_mean") / 1000) with linespoints ls 4, \
	upkeep using (size_in("fingers")):(column("bytes_per_s_mean") / 1000) with linespoints ls 2
set ylabel "state of an AP, kB"
plot upkeep using (size_in("full")):(column("state_bytes") / 1000) with linespoints ls 4, \
	upkeep using (size_in("fingers")):(column("state_bytes") / 1000) with linespoints ls 2
unset multiplot
