# What all plots share: terminal, colours that colour-blind people tell apart (Okabe and
# Ito), and how the result files are read. The caller sets `results`, the folder of one
# experiment's files, `out`, a file name without its ending, and `form`, svg or png.

set datafile separator comma
set datafile columnheaders
set datafile missing NaN

# start(WIDTH, HEIGHT): a file of that size.
start(w, h) = sprintf(form eq "png" ? \
	"set terminal pngcairo size %d,%d font 'sans,11' background 'white' noenhanced" : \
	"set terminal svg size %d,%d font 'sans-serif,12' background 'white' noenhanced", \
	w, h)
set output out . "." . form

black = "#000000"; orange = "#e69f00"; green = "#009e73"
blue = "#0072b2"; vermilion = "#d55e00"; purple = "#cc79a7"; grey = "#999999"

set style line 1 lc rgb black lw 2 dt 1 pt 7 ps 0.6
set style line 2 lc rgb vermilion lw 2 dt 1 pt 5 ps 0.6
set style line 3 lc rgb purple lw 2 dt 1 pt 3 ps 0.7
set style line 4 lc rgb blue lw 2 dt 1 pt 9 ps 0.7
set style line 5 lc rgb orange lw 2 dt 2 pt 11 ps 0.7
set style line 6 lc rgb green lw 2 dt 4 pt 13 ps 0.7

set border 3 lc rgb "#404040"
set tics nomirror out
set grid lc rgb "#dddddd" lt 1 lw 0.5
set key noautotitle
set title offset 0,-0.5

# A value where @wanted holds, else nothing.
only(wanted, v) = wanted ? v : NaN
