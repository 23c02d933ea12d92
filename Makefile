# octetd - SPDX-License-Identifier: MIT
#
#   make          the agent: build/octetd
#   make run      installs what is missing, builds, shows a virtual hotspot with the agent on its gateway
#   make test     installs what is missing, builds, runs every suite and prints "N passed, N failed"
#   make help     the other targets
VERSION := 0.1.0
CC ?= cc
CLANG ?= clang
# Ubuntu's /usr/sbin/bpftool only passes on to a tool of the running kernel's version, which may be absent
BPFTOOL ?= $(firstword $(wildcard /usr/lib/linux-tools/*/bpftool /usr/sbin/bpftool /sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wundef
OPTIMISE ?= -O2 -g
# not with the sanitizers: what they insert into the code sets off warnings of its own (gcc's manual says so)
ifeq ($(CI)$(SANITIZE)$(FUZZ),true)
WERROR := -Werror
endif
ifeq ($(SANITIZE),1)
BUILD ?= build/sanitize
OPTIMISE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ifeq ($(FUZZ),1)
BUILD ?= build/fuzz
CC := $(CLANG)
OPTIMISE := -O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
BUILD ?= build

LIBRARIES := libbpf libpcap libuv libmicrohttpd gnutls jansson sqlite3 libconfuse ncursesw
CPPFLAGS += -Iagent -Iinclude -I$(BUILD) -D_GNU_SOURCE -DOCTETD_VERSION='"$(VERSION)"'
CFLAGS += -std=gnu17 $(OPTIMISE) $(WARNINGS) $(WERROR) -MMD -MP
LDFLAGS += $(filter -fsanitize%,$(OPTIMISE))
# what each layer may link with; the purity check holds core to its line
LIBS_CORE := $(shell $(PKG_CONFIG) --libs jansson 2>/dev/null)
LIBS_ALL := $(shell $(PKG_CONFIG) --libs $(LIBRARIES) 2>/dev/null)

objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)))
LIB_BASE := $(BUILD)/libbase.a
LIB_CORE := $(BUILD)/libcore.a
LIB_IO := $(BUILD)/libio.a
MAIN_OBJECTS := $(call objects,agent/*.c)

all: $(BUILD)/octetd

$(BUILD)/octetd: $(MAIN_OBJECTS) $(LIB_IO) $(LIB_CORE) $(LIB_BASE)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_ALL)

$(LIB_BASE): $(call objects,agent/base/*.c)
$(LIB_CORE): $(call objects,agent/core/*.c)
$(LIB_IO): $(call objects,agent/io/*.c)
$(BUILD)/lib%.a:
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/agent/%.o: agent/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Objects of other flags are built anew; and without the libraries there is one clear line instead of many.
$(BUILD)/flags: export FLAGS = $(CC) $(CPPFLAGS) $(CFLAGS)
$(BUILD)/flags: FORCE
	@$(PKG_CONFIG) --exists --print-errors $(LIBRARIES) || \
		{ echo 'octetd: libraries are missing; as root, "scripts/install-deps build" installs them' >&2; exit 1; }
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS" | cmp -s - $@ || printf '%s\n' "$$FLAGS" >$@

# the kernel half: built for the BPF target, wrapped into a skeleton header
BPF_TRIPLET := $(shell $(CC) -print-multiarch 2>/dev/null || gcc -print-multiarch 2>/dev/null)
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Iinclude $(addprefix -I/usr/include/,$(BPF_TRIPLET))
$(BUILD)/octet.bpf.o: bpf/octet.bpf.c bpf/table.h include/octet/abi.h include/octet/parse.h
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
$(BUILD)/octet.skel.h: $(BUILD)/octet.bpf.o
	$(BPFTOOL) gen skeleton $< name octet > $@.tmp && mv $@.tmp $@
# before the first compilation, which then writes down who includes it
$(call objects,agent/io/*.c): | $(BUILD)/octet.skel.h

run:
	scripts/install-deps run
	$(MAKE) all
	BUILD=$(BUILD) IFACE=$(IFACE) scripts/run

# a configuration that is there is left alone; the systemd unit only where there is one to install
install: all
	install -D -m 755 $(BUILD)/octetd $(DESTDIR)$(PREFIX)/sbin/octetd
	install -D -m 644 scripts/octetd.conf $(DESTDIR)$(PREFIX)/share/doc/octetd/octetd.conf
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 scripts/octetd.8
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 scripts/octetd.conf.5
	install -D -m 644 scripts/octetd.bash-completion $(DESTDIR)$(PREFIX)/share/bash-completion/completions/octetd
	test -e $(DESTDIR)/etc/octetd.conf || install -D -m 644 scripts/octetd.conf $(DESTDIR)/etc/octetd.conf
	test ! -e scripts/octetd.service || install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system scripts/octetd.service
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/lib/octetd scripts/opennds-hook scripts/hostapd-hook scripts/dnsmasq-hook
	install -D -m 755 scripts/coovachilli-hook $(DESTDIR)$(PREFIX)/lib/octetd/coovachilli-conup
	ln -sf coovachilli-conup $(DESTDIR)$(PREFIX)/lib/octetd/coovachilli-condown

clean:
	rm -rf $(BUILD)

FORCE:
include tests/tests.mk
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all run install clean FORCE
.DELETE_ON_ERROR:
