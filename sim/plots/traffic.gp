# What clients notice, second by second, of what the script does.
load "style.gp"
eval start(960, 560)
seconds = results . "/seconds.csv"
# "10s crash server 0,15s crash ap 3" -> "10 crash_server_0 15 crash_ap_3"
events = system("sed -n 's/^# options:.* events=\"\\([^\"]*\\)\".*/\\1/p' " . seconds . \
	" | tr ',' '\\n' | awk '{ t = $1; $1 = \"\"; gsub(/ /, \"_\"); print t + 0, substr($0, 2) }' | tr '\\n' ' '")
do for [i=1:words(events) / 2] {
	set arrow from first real(word(events, 2 * i - 1)), graph 0 \
		to first real(word(events, 2 * i - 1)), graph 1 nohead lc rgb grey dt 3
}

set multiplot layout 2,1
set ylabel "packets delivered, %"
set yrange [0:105]
was = -1
up = 0
do for [i=1:words(events) / 2] {
	up = real(word(events, 2 * i - 1)) == was ? up + 0.4 : 0.03
	was = real(word(events, 2 * i - 1))
	set label i system("echo " . word(events, 2 * i) . " | tr _ ' '") \
		at first real(word(events, 2 * i - 1)), graph up rotate left font ",9" offset 0.6, 0
}
plot seconds using "second":(100.0 * column("delivered") / column("sent")) with lines ls 4
unset label
set xlabel "s"
set ylabel "delay to the server, ms, mean"
set yrange [0:*]
plot seconds using "second":"mean_delay_ms" with lines ls 2
unset multiplot
