# Hops and time to a key's owner, against the ring's size.
load "style.gp"
eval start(960, 400)
summary = results . "/summary.csv"
size_in(table) = only(strcol("table") eq table, column("aps"))

set multiplot layout 1,2
set xlabel "APs"
set logscale x
set xtics (10, 30, 100, 300, 1000, 3000, 10000)
set key top left
set ylabel "hops to the owner, mean"
set yrange [0:*]
stats summary using "aps" name "N" nooutput
set xrange [0.9 * N_min:1.1 * N_max]
set offsets 0, 0, graph 0.25, 0
plot summary using (size_in("fingers")):"hops_mean" with linespoints ls 2 title "fingers", \
	summary using (size_in("full")):"hops_mean" with linespoints ls 4 title "full table", \
	0.5 * log(x) / log(2) with lines lc rgb grey lw 1.5 dt 3 title "0.5 log2 N"
set ylabel "time to the answer, ms"
plot summary using (size_in("fingers")):"ms_p90" with linespoints ls 2 dt 2 title "fingers, 90th percentile", \
	summary using (size_in("fingers")):"ms_p50" with linespoints ls 2 title "fingers, median", \
	summary using (size_in("full")):"ms_p90" with linespoints ls 4 dt 2 title "full table, 90th percentile", \
	summary using (size_in("full")):"ms_p50" with linespoints ls 4 title "full table, median"
unset multiplot
