# pias: one Makefile. Everything built lies under build/<mode>/.
#
#   make            the programs (release)
#   make check      deps, unit tests, ASan and UBSan, layering, system tests
#   make demo       deps, the whole service on real packets, step by step
#   make help       the rest

MODE    ?= release
CC      ?= cc
V       ?= 0
WERROR  ?= 0
prefix  ?= /usr/local
DESTDIR ?=

B       := build/$(MODE)
Q       := $(if $(filter 1,$(V)),,@)

CSTD    := -std=gnu11 -D_GNU_SOURCE -I. -I$(B)
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wpointer-arith -Wvla -Wwrite-strings -Wno-unused-parameter
ifeq ($(WERROR),1)
WARN    += -Werror
endif
# Coordinates are the only floating point of the core; traces must not depend on
# the compiler's liberties with them.
COMMON  := -g -fno-strict-aliasing -ffp-contract=off -fno-omit-frame-pointer \
           -fstack-protector-strong

OPT_release := -O2
OPT_debug   := -O0
OPT_asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
OPT_tsan    := -O1 -fsanitize=thread
OPT_cov     := -O0 --coverage
OPT_fuzz    := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
OPT     := $(OPT_$(MODE))
ifeq ($(origin OPT_$(MODE)),undefined)
$(error MODE=$(MODE) is not one of: release debug asan tsan cov fuzz)
endif

CFLAGS  ?=
LDFLAGS ?=
CFLAGS_ALL  = $(CSTD) $(COMMON) $(OPT) $(WARN) $(CFLAGS)
LDFLAGS_ALL = $(OPT) $(LDFLAGS)

CRYPTO_LIBS := -lcrypto -lgcrypt
HOST_LIBS   := -levent_core -levent_extra -levent_openssl -lssl $(CRYPTO_LIBS) \
               -lconfuse -lcjson -lmnl -lm
CHECK_LIBS  := -lcheck -lsubunit -lm -lrt -lpthread

include tests/layers.mk
include tests/fuzz.mk
include doc/man/man.mk
include tests/bench.mk
include tests/tests.mk
include sim/plots/plots.mk

.DEFAULT_GOAL := all
all: $(PROGRAMS) $(SIMULATOR)

help:
	@echo 'make             build piasd, pias-join, piasctl and pias-sim into $(B)/'
	@echo 'make demo        show the whole service on real packets (root)'
	@echo 'make check       every test: unit, sanitizers, layering, system'
	@echo 'make unit        unit tests only'
	@echo 'make system      system tests only (root, namespaces); TESTS="name ..."'
	@echo 'make lint        shell scripts and man pages'
	@echo 'make fuzz        libFuzzer on every parser (clang); FUZZ_S=60 FUZZ="proxy ..."'
	@echo 'make swarm       simulated rings with faults; SEEDS=10000'
	@echo 'make experiments-small  every experiment of the simulator at a small size'
	@echo 'make evaluation  every experiment at full size, and its plot, into doc/evaluation'
	@echo 'make plots       plots of the results in DIR=build/evaluation'
	@echo 'make bench       measure the figures of the service; BENCH="p4 p6" (those need no'
	@echo '                 root) or BENCH="-q p4": quick; see tests/bench/run'
	@echo 'make bench-forward  what a packet costs in the forwarder, without a lab'
	@echo 'make man         man pages from doc/man'
	@echo 'make install     programs, man pages, units, completions (DESTDIR, prefix)'
	@echo 'make deps        install what all of this needs through apt (Debian, root)'
	@echo 'make build-deps  install only what make install needs'
	@echo 'make format      clang-format over the tree'
	@echo 'MODE=release|debug|asan|tsan|cov|fuzz   V=1 shows commands   WERROR=1'

clean:
	rm -rf build

-include $(DEPFILES)
.PHONY: all help clean
