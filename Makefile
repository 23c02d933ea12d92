# octetd - SPDX-License-Identifier: MIT
#
#   make          the agent: build/octetd
#   make run      installs what is missing, builds, shows a virtual hotspot with the agent on its gateway
#   make test     installs what is missing, builds, runs every suite and prints "N passed, N failed"
#   make help     the other targets
VERSION := 0.1.0
BUILD ?= build
CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wundef
OPTIMISE ?= -O2 -g
ifeq ($(CI),true)
WERROR := -Werror
endif
ifeq ($(SANITIZE),1)
OPTIMISE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

LIBRARIES := libbpf libpcap libuv libmicrohttpd gnutls jansson sqlite3 libconfuse
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

$(BUILD)/agent/%.o: agent/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# the kernel half: built for the BPF target, wrapped into a skeleton header
BPF_TRIPLET := $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Iinclude $(addprefix -I/usr/include/,$(BPF_TRIPLET))
$(BUILD)/octet.bpf.o: bpf/octet.bpf.c include/octet/abi.h include/octet/parse.h
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
$(BUILD)/octet.skel.h: $(BUILD)/octet.bpf.o
	$(BPFTOOL) gen skeleton $< name octet > $@.tmp && mv $@.tmp $@
$(call objects,agent/io/source_bpf.c agent/io/attach.c): $(BUILD)/octet.skel.h

clean:
	rm -rf $(BUILD)

-include tests/tests.mk
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: all clean
.DELETE_ON_ERROR:
