# scdoc breaks paragraphs behind headings and at the end of indented blocks, where there
# is nothing to break; mandoc -T lint minds. Moves each break to where it counts.
/^\.P$/ { held = 1; next }
/^\.RE$/ { print; next }
held && (!/^\./ || /^\.nf$/) && last !~ /^\.S[HS]/ { print ".P" }
{ held = 0; print }
!/^$/ { last = $0 }
