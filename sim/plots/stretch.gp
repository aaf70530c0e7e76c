# Stretch: all ways at 100 APs (or the largest ring below), pias by the ring's size, and
# two percentiles against the ring's size.
load "style.gp"
eval start(960, 800)
cdf = results . "/cdf.csv"
percentiles = results . "/percentiles.csv"
ways = "pias-first pias-cached pias-cached-round-trip two-hops-ideal native-anycast dns"
titles = "'pias, first packet' 'pias, cached' 'pias, round trip' 'ideal table, 2 hops' 'native anycast' 'DNS'"
wanted(n, way) = column("aps") == n && strcol("members") eq "all" && strcol("way") eq way
point(n, way) = only(wanted(n, way), column("stretch"))
stats percentiles using (only(column("aps") <= 100, column("aps"))) name "N" nooutput
stats percentiles using "aps" name "A" nooutput
sizes = system("grep -v '^#' " . percentiles . " | tail -n +2 | cut -d, -f1 | uniq | sort -nu | tr '\\n' ' '")

set multiplot layout 2,2
set xlabel "stretch: delay / delay to the best server"
set ylabel "part of all pairs"
set logscale x
set xrange [1:100]
set xtics (1, 2, 3, 5, 10, 20, 30, 50, 100)
set yrange [0:1]
set key bottom right
set title sprintf("%d APs", N_max)
plot for [i=1:words(ways)] cdf using (point(N_max, word(ways, i))):"part" \
	with lines ls i title word(titles, i)

set title "pias by APs: cached (lines), first packet (dashes)"
shade(i) = word("'#9ecae1' '#6baed6' '#3182bd' '#08519c' '#000000'", 1 + (i - 1) % 5)
plot for [i=1:words(sizes)] cdf using (point(word(sizes, i), "pias-cached")):"part" every 2 \
		with lines lw 2 lc rgb shade(i) title word(sizes, i), \
	for [i=1:words(sizes)] cdf using (point(word(sizes, i), "pias-first")):"part" every 2 \
		with lines lw 1.5 dt 2 lc rgb shade(i)

set xlabel "APs"
set ylabel "stretch"
set xrange [0.9 * A_min:1.1 * A_max]
set xtics (10, 30, 100, 300, 1000)
set key off
set title "median, colours as above"
set logscale y
set yrange [0.95:*] noextend
set ytics (1, 1.2, 1.5, 2, 3, 5, 7, 10, 20, 30, 50)
plot for [i=1:words(ways)] percentiles using \
	(only(strcol("members") eq "all" && strcol("way") eq word(ways, i), column("aps"))):"p50" \
	with linespoints ls i
set title "90th percentile, colours as above"
plot for [i=1:words(ways)] percentiles using \
	(only(strcol("members") eq "all" && strcol("way") eq word(ways, i), column("aps"))):"p90" \
	with linespoints ls i
unset multiplot
