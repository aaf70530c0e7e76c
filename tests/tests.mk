# What `make demo`, `check`, `system` and `bench` need beside the programs.

TOOL_SRCS := $(wildcard tests/tools/*.c)
TOOLS     := $(TOOL_SRCS:tests/tools/%.c=$(B)/tools/%)
$(TOOLS): $(B)/tools/%: $(B)/tests/tools/%.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^

.PHONY: tools deps build-deps bench-deps demo check system swarm bench lint
tools: $(TOOLS) $(SIMGRID_CHORD)

deps:
	$(Q)tests/deps
build-deps:
	$(Q)tests/deps build
bench-deps:
	$(Q)tests/deps bench

# With -j, make would build before the libraries are there: each goal asks again.
demo: deps
	$(Q)$(MAKE) --no-print-directory -j2 all tools
	$(Q)PIAS_BUILD=$(CURDIR)/$(B) tests/system/demo.sh

check: deps
	$(Q)MAKE="$(MAKE)" WERROR=$(WERROR) tests/check

system: deps
	$(Q)$(MAKE) --no-print-directory -j2 all
	$(Q)$(MAKE) --no-print-directory -j2 MODE=release tools
	$(Q)PIAS_BUILD=$(CURDIR)/$(B) tests/system/run $(TESTS)

SEEDS ?= 200
swarm: all
	$(Q)$(SIMULATOR) swarm --seeds 1..$(SEEDS)

# Every experiment of the simulator, small: do they end well, do they make sense?
.PHONY: experiments-small
experiments-small: $(SIMULATOR)
	$(Q)tests/experiments $(B)

bench: bench-deps
	$(Q)$(MAKE) --no-print-directory -j2 all tools
	$(Q)PIAS_BUILD=$(CURDIR)/$(B) tests/bench/run $(BENCH)

lint:
	$(Q)tests/lint
