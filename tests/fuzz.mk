# Fuzz targets: tests/fuzz/fuzz_X.c, each of bytes as they come from outside.
#
#   make fuzz FUZZ_S=60           every target for a minute (clang)
#   make fuzz FUZZ="proxy decap"  only these
#
# `make unit` replays corpus/X with the ordinary compiler. What `make fuzz` finds is
# kept in build/fuzz/corpus/X, a failing input as build/fuzz/X-crash-...

FUZZ_ALL := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ     ?= $(FUZZ_ALL)
FUZZ_S   ?= 60

FUZZ_LIBS := $(SIM_LIB) $(CLI_LIB) $(CORE_LIBS)

# --- replay: one program and one line of `make unit` for each target ---------
REPLAYS := $(FUZZ_ALL:%=$(B)/unit/fuzz/%)
$(REPLAYS): $(B)/unit/fuzz/%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(FUZZ_LIBS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@.bin $^ $(HOST_LIBS)
	$(Q)printf '#!/bin/sh\nexec "$$0.bin" $(CURDIR)/tests/fuzz/corpus/$*/*\n' > $@
	$(Q)chmod +x $@
UNIT_TESTS += $(REPLAYS)
unit: $(REPLAYS)

# --- libFuzzer: a build of its own, with coverage in the core -----------------
ifeq ($(MODE),fuzz)
FUZZERS := $(FUZZ:%=$(B)/fuzz_%)
$(FUZZERS): $(B)/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(FUZZ_LIBS)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer,address,undefined -o $@ $^ $(HOST_LIBS)

fuzz: $(FUZZERS)
	$(Q)tests/fuzz/run $(B) $(FUZZ_S) $(FUZZ)
else
fuzz:
	$(Q)if command -v clang >/dev/null; then \
		$(MAKE) --no-print-directory MODE=fuzz CC=clang fuzz; \
	else \
		echo "skip  fuzz: no clang" && echo "0 passed, 0 failed, 1 skipped"; \
	fi
endif
.PHONY: fuzz
