# The simulator's experiments at full size, and their plots. What has run with this
# simulator and scenario does not run again. All take half an hour of CPU time; scale,
# which takes as long alone and 8 GiB, is for who names it.

EVALUATION  := build/evaluation
EXPERIMENTS ?= $(filter-out scale,$(basename $(notdir $(wildcard sim/scenarios/*.conf))))
DIR         ?= $(EVALUATION)

$(EVALUATION)/%/result: sim/scenarios/%.conf $(SIMULATOR)
	@echo "  RUN     $<"
	@mkdir -p $(@D)
	$(Q)$(SIMULATOR) run $< --seed 1 --out $(@D) >$@.part
	@mv $@.part $@ && cat $@

.PHONY: evaluation plots
evaluation: $(EXPERIMENTS:%=$(EVALUATION)/%/result)
	$(Q)sim/plots/plot $(EVALUATION) doc/evaluation

plots:
	$(Q)sim/plots/plot $(DIR) $(DIR)
