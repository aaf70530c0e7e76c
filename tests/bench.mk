# Micro-benchmarks of the core: no lab, no privileges.
BENCH_FORWARD := $(B)/bench/bench_forward
$(BENCH_FORWARD): $(B)/tests/bench/bench_forward.o $(CORE_LIBS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(CRYPTO_LIBS) -lm

# The Chord lookup load in SimGrid, where that is installed.
ifneq ($(wildcard /usr/include/simgrid/engine.h),)
SIMGRID_CHORD := $(B)/bench/simgrid_chord
$(SIMGRID_CHORD): $(B)/tests/bench/simgrid_chord.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lsimgrid
endif

.PHONY: bench-forward
bench-forward: $(BENCH_FORWARD)
	$(Q)$(BENCH_FORWARD)
