# How long clients, or servers that join, go without the service: median, 90th
# percentile and maximum of each kind of failure.
load "style.gp"
eval start(820, 440)
failover = results . "/failover.csv"
# No packet lost is drawn at the axis.
least = 1
shown(v) = v < least ? least : v
ms(which) = shown(strstrt(strcol("kind"), "-join") ? column("joined_ms_" . which) \
						   : column("outage_ms_" . which))
row = 0

set xlabel "ms until the service is there again"
set logscale x
set xrange [least * 0.9:*]
set xtics ("0" least, "10" 10, "100" 100, "1,000" 1000, "10,000" 10000)
set yrange [*:*] reverse
set offsets 0, 0, 0.5, 0.5
set grid noytics
set key outside top center horizontal
plot failover using (ms("max")):0:yticlabels(strcol("kind")) with points pt 2 ps 0.9 lw 2 lc rgb vermilion title "maximum", \
	failover using (ms("p50")):0:(ms("max") - ms("p50")):(0) with vectors nohead lw 1.5 lc rgb grey, \
	failover using (ms("p90")):0 with points pt 9 ps 1 lc rgb blue title "90th percentile", \
	failover using (ms("p50")):0 with points pt 7 ps 0.9 lc rgb black title "median"
