# Micro-benchmarks of the core: no lab, no privileges.
BENCH_FORWARD := $(B)/bench/bench_forward
$(BENCH_FORWARD): $(B)/tests/bench/bench_forward.o $(CORE_LIBS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(CRYPTO_LIBS) -lm

.PHONY: bench-forward
bench-forward: $(BENCH_FORWARD)
	$(Q)$(BENCH_FORWARD)
