# octetd - SPDX-License-Identifier: MIT
# Each tests/<suite>/test_X.c becomes a binary of its own. tests/support/run-suites builds what it needs with these
# rules, runs it and counts. What a suite shares stands beside it in files not named test_*, or in tests/support.
SUITES := lint purity unit io bpf sanitize canaries valgrind fuzz e2e

test_binaries = $(patsubst %.c,$(BUILD)/%,$(wildcard $(1)))
UNIT_TESTS := $(call test_binaries,tests/unit/test_*.c)
IO_TESTS := $(call test_binaries,tests/io/test_*.c)
BPF_TESTS := $(call test_binaries,tests/bpf/test_*.c)
FUZZERS := $(call test_binaries,tests/fuzz/fuzz_*.c)
CANARIES := $(call test_binaries,tests/support/canary/*.c)

# an archive per directory, so that a test takes only what it uses
shared = $(foreach directory,$(1),$(if $(call shared_sources,$(directory)),$(BUILD)/$(directory)/libshared.a))
shared_sources = $(filter-out $(wildcard $(1)/test_*.c $(1)/fuzz_*.c),$(wildcard $(1)/*.c))
define shared_rule
$(BUILD)/$(1)/libshared.a: $(call objects,$(call shared_sources,$(1)))
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach directory,$(addprefix tests/,unit io bpf fuzz support),$(eval $(call shared_rule,$(directory))))

$(BUILD)/tests/%.o: tests/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(CFLAGS) -c -o $@ $<
# the tests of the kernel half load the same skeleton
$(call objects,tests/bpf/*.c): | $(BUILD)/octet.skel.h

# core's tests link with core, base, jansson and the test library: a core that reached for more would not link
$(UNIT_TESTS): %: %.o $(call shared,tests/unit tests/support) $(LIB_CORE) $(LIB_BASE)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_CORE) -lcriterion
$(IO_TESTS): %: %.o $(call shared,tests/io tests/support) $(LIB_IO) $(LIB_CORE) $(LIB_BASE)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_ALL) -lcriterion
$(BPF_TESTS): %: %.o $(call shared,tests/bpf tests/support) $(LIB_IO) $(LIB_CORE) $(LIB_BASE)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_ALL) -lcriterion
$(FUZZERS): %: %.o $(call shared,tests/fuzz tests/support) $(LIB_IO) $(LIB_CORE) $(LIB_BASE)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS_ALL)
# where a fuzzer begins, if make-seeds knows it; what it finds it adds there
$(BUILD)/tests/fuzz/fuzz_%.seeds: tests/fuzz/make-seeds
	@rm -rf $@
	tests/fuzz/make-seeds $* $@ || mkdir -p $@
$(CANARIES): %: %.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_ALL) -lcriterion

build-unit: $(UNIT_TESTS)
build-io: $(IO_TESTS)
build-bpf: $(BPF_TESTS)
build-fuzz: $(FUZZERS) $(FUZZERS:%=%.seeds)
build-canaries: $(CANARIES)
# for LD_PRELOAD: what a program of an end-to-end test gets instead of libc's
PRELOADS := $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/support/preload/*.c))
$(PRELOADS): $(BUILD)/%.so: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -shared -o $@ $<
build-e2e: all $(PRELOADS)
build-purity: $(LIB_CORE) $(LIB_BASE)
build-lint: $(BUILD)/octet.skel.h $(BUILD)/bench_programs.skel.h $(BUILD)/bench_attach.skel.h

# what counting costs. PARTS="b d": some of it (see tests/bench/run), QUICK=1: in two minutes
BENCH := $(BUILD)/tests/bench
BENCHES := $(addprefix $(BENCH)/bench_,forward collect memory replay)
$(BENCH)/programs.bpf.o: tests/bench/programs.bpf.c bpf/octet.bpf.c bpf/table.h include/octet/abi.h include/octet/parse.h
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
$(BENCH)/attach_programs.bpf.o: tests/bench/attach_programs.bpf.c tests/bench/attach_abi.h
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
$(BUILD)/bench_programs.skel.h: $(BENCH)/programs.bpf.o
	$(BPFTOOL) gen skeleton $< name bench > $@.tmp && mv $@.tmp $@
$(BUILD)/bench_attach.skel.h: $(BENCH)/attach_programs.bpf.o
	$(BPFTOOL) gen skeleton $< name bench_attach > $@.tmp && mv $@.tmp $@
$(BENCH)/bench_packet.o: $(BUILD)/bench_programs.skel.h
$(BENCH)/bench_traffic.o $(BENCH)/bench_contender.o: $(BUILD)/bench_attach.skel.h
$(BENCH)/bench_packet: $(BENCH)/bench_packet.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)
$(BENCHES): %: %.o $(addprefix $(BENCH)/bench_,contender.o lab.o stat.o tcp.o traffic.o) $(LIB_IO) $(LIB_CORE) $(LIB_BASE)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_ALL) -lm
build-bench: all $(BENCH)/bench_packet $(BENCHES)
bench:
	scripts/install-deps bench || echo 'bench: what is missing is left out' >&2
	$(MAKE) build-bench
	BUILD=$(BUILD) tests/bench/run $(PARTS)

RUN_SUITES = BUILD=$(BUILD) tests/support/run-suites
test:
	scripts/install-deps test
	@$(RUN_SUITES) $(SUITES)
$(SUITES):
	@$(RUN_SUITES) $@
fuzz-smoke: fuzz

format:
	clang-format -i $$(scripts/lint files)

help:
	@sed -n '/^#   make/s/^#   //p' Makefile
	@echo 'make install  PREFIX=$(PREFIX) DESTDIR=: the binary, a configuration to begin with, man pages, the systemd unit'
	@echo 'make clean    removes $(BUILD)'
	@echo 'make format   clang-format over all C'
	@echo 'make SUITE    one suite, with V=1 all of its output: $(SUITES)'
	@echo 'SANITIZE=1    with any target: AddressSanitizer and UndefinedBehaviorSanitizer, in build/sanitize'
	@echo 'make bench    what counting costs, beside other ways to count; QUICK=1, PARTS="b d": see tests/bench/run'

.PHONY: test format help bench build-bench fuzz-smoke $(SUITES) $(addprefix build-,$(SUITES))
