# What a large service takes of one machine, phase by phase.
load "style.gp"
eval start(960, 360)
phases = results . "/phases.csv"

set multiplot layout 1,3
set xlabel ""
set style fill solid 0.6
set boxwidth 0.6
set key off
set yrange [0:*]
set xrange [-0.6:*]
set ylabel "CPU time, s"
plot phases using 0:"cpu_s":xtic(strcol("phase")) with boxes ls 1
set ylabel "events, million"
plot phases using 0:(column("events") / 1e6):xtic(strcol("phase")) with boxes ls 2
set ylabel "memory asked for by the end, MB"
plot phases using 0:(column("allocated_bytes") / 1e6):xtic(strcol("phase")) with boxes ls 3
unset multiplot
