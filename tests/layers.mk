# What is built from what. A folder's sources are found by wildcard; each layer is an
# archive that may use only the archives below it, and its unit tests link only those.

LAYERS   := overlay/base overlay rendezvous forwarder
PROGRAM_MAINS := piasd pias-join piasctl

layer_lib = $(B)/lib$(subst /,-,$(1)).a
BASE_LIB := $(call layer_lib,overlay/base)
OVERLAY_LIB := $(call layer_lib,overlay)
RENDEZVOUS_LIB := $(call layer_lib,rendezvous)
FORWARDER_LIB := $(call layer_lib,forwarder)
CORE_LIBS := $(FORWARDER_LIB) $(RENDEZVOUS_LIB) $(OVERLAY_LIB) $(BASE_LIB)

objs = $(patsubst %.c,$(B)/%.o,$(1))

define layer_rule
$(call layer_lib,$(1)): $(call objs,$(wildcard $(1)/*.c))
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))

$(B)/lib%.a:
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# --- programs ---------------------------------------------------------------
CLI_SRCS := $(filter-out $(PROGRAM_MAINS:%=cli/%.c),$(wildcard cli/*.c))
CLI_LIB  := $(B)/libcli.a
$(CLI_LIB): $(call objs,$(CLI_SRCS))

# --- simulator ----------------------------------------------------------------
SIM_LIB  := $(B)/libsim.a
$(SIM_LIB): $(call objs,$(filter-out sim/pias-sim.c,$(wildcard sim/*.c)))
$(B)/sim/city.o: sim/data/cities.tsv

# Of the programs' library it takes how settings are read, nothing that does I/O.
SIM_LIBS := $(CRYPTO_LIBS) -lconfuse -lm
SIMULATOR := $(B)/pias-sim
$(SIMULATOR): $(B)/sim/pias-sim.o $(SIM_LIB) $(CLI_LIB) $(CORE_LIBS)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(SIM_LIBS)

PROGRAMS := $(PROGRAM_MAINS:%=$(B)/%)
$(PROGRAMS): $(B)/%: $(B)/cli/%.o $(CLI_LIB) $(CORE_LIBS)
	@echo "  LD      $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(HOST_LIBS)

# --- unit tests: tests/unit/<layer>/test_x.c, one Check program each --------
UNIT_base       := $(BASE_LIB)
UNIT_overlay    := $(OVERLAY_LIB) $(BASE_LIB)
UNIT_rendezvous := $(RENDEZVOUS_LIB) $(OVERLAY_LIB) $(BASE_LIB)
UNIT_forwarder  := $(CORE_LIBS)
UNIT_cli        := $(CLI_LIB) $(CORE_LIBS)
UNIT_LIBS_cli   := $(HOST_LIBS)
UNIT_sim        := $(SIM_LIB) $(CLI_LIB) $(CORE_LIBS)
UNIT_LIBS_sim   := $(SIM_LIBS)

FIXTURE_OBJS := $(call objs,$(wildcard tests/fixture/*.c))
UNIT_TESTS :=
define unit_rule
UNIT_TESTS += $(patsubst tests/unit/$(1)/%.c,$(B)/unit/$(1)/%,$(wildcard tests/unit/$(1)/test_*.c))
$(B)/unit/$(1)/%: $(B)/tests/unit/$(1)/%.o $(FIXTURE_OBJS) $(UNIT_$(1))
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	$(Q)$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $(or $(UNIT_LIBS_$(1)),$(CRYPTO_LIBS)) $(CHECK_LIBS)
endef
$(foreach l,base overlay rendezvous forwarder cli sim,$(eval $(call unit_rule,$(l))))

# tests/fixture/memory.h
$(B)/unit/forwarder/test_memory: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=_mark_point

.SECONDARY:
DEPFILES = $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: unit
unit: $(UNIT_TESTS)
	$(Q)tests/run-unit $(UNIT_TESTS)

# --- layering: what the core's archives call, hold and include ---------------
.PHONY: layers
ifeq ($(MODE),release)
layers: $(CORE_LIBS)
	$(Q)tests/check-layers $(B)
else
layers:
	$(Q)$(MAKE) --no-print-directory MODE=release layers
endif
