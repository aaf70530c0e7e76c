# Manual pages from scdoc's form, and `make install`.

MAN_SRCS := $(wildcard doc/man/*.scd)
MAN      := $(MAN_SRCS:doc/man/%.scd=$(B)/man/%)
$(B)/man/%: doc/man/%.scd doc/man/tidy.awk
	@mkdir -p $(@D)
	@echo "  MAN     $@"
	$(Q)scdoc <$< >$@.tmp && awk -f doc/man/tidy.awk $@.tmp >$@ && rm $@.tmp

UNITS := $(patsubst contrib/systemd/%,$(B)/systemd/%,$(wildcard contrib/systemd/*.service))
# Made anew each time: prefix may be another one than last time.
.PHONY: $(UNITS)
$(UNITS): $(B)/systemd/%: contrib/systemd/%
	@mkdir -p $(@D)
	$(Q)sed 's|@prefix@|$(prefix)|' $< >$@

sbindir   := $(DESTDIR)$(prefix)/sbin
sharedir  := $(DESTDIR)$(prefix)/share
# systemd looks in /usr/local/lib as well.
unitdir   := $(DESTDIR)$(prefix)/lib/systemd/system

.PHONY: man install
man: $(MAN)

install: all man $(UNITS)
	install -d $(sbindir) $(unitdir) $(sharedir)/bash-completion/completions
	install -m 755 $(PROGRAMS) $(sbindir)
	install -D -m 755 -t $(DESTDIR)$(prefix)/bin $(SIMULATOR)
	for page in $(MAN); do \
		install -D -m 644 -t $(sharedir)/man/man$${page##*.} $$page || exit 1; \
	done
	install -m 644 $(UNITS) $(unitdir)
	for name in piasd piasctl pias-join; do \
		install -m 644 contrib/completion/pias.bash \
			$(sharedir)/bash-completion/completions/$$name || exit 1; \
	done
	install -D -m 644 -t $(sharedir)/doc/pias README.md LICENSE doc/PROTOCOL.md \
		doc/DESIGN.md
	install -D -m 644 -t $(sharedir)/doc/pias/contrib/bird contrib/bird/pias.conf
	install -D -m 644 -t $(sharedir)/doc/pias/contrib/frr contrib/frr/frr.conf
