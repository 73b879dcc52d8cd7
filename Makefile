# hookcast — one flat makefile. `make`, `make check`, `make demo`; see README.md.
#
# MODE=release (default) | asan | debug picks the flags and the folder below build/.

MODE     ?= release
CC       ?= gcc
PYTHON   := /usr/bin/python3
PREFIX   ?= /usr
SYSCONFDIR ?= /etc
DESTDIR  ?=

VERSION  := 0.1.0

ifeq ($(MODE),release)
  B := build
  MODEFLAGS := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
  MODELINK  := -pie -Wl,-z,relro,-z,now
else ifeq ($(MODE),asan)
  B := build/asan
  MODEFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
  MODELINK  := -fsanitize=address,undefined
else ifeq ($(MODE),debug)
  B := build/debug
  MODEFLAGS := -O0 -g3
  MODELINK  :=
else
  $(error MODE is release, asan or debug)
endif

CFLAGS_ALL := -std=c17 -D_GNU_SOURCE -DHOOKCAST_VERSION='"$(VERSION)"' -Isrc \
	-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror \
	$(MODEFLAGS) $(CFLAGS)
LDFLAGS_ALL := $(MODELINK) $(LDFLAGS)
LIBS := -lev -ljansson -lyaml -lpcre2-8 -lsystemd -lm

# Rooms below the loop go into one library; daemon/ and ctl/ hold a main.c each.
ROOMS    := base json schema registry rpc fanout plugin
LIB_SRC  := $(foreach r,$(ROOMS),$(wildcard src/$(r)/*.c))
DAEMON_SRC := $(filter-out src/daemon/main.c,$(wildcard src/daemon/*.c))
CTL_SRC  := $(filter-out src/ctl/main.c,$(wildcard src/ctl/*.c))
TEST_SRC := $(wildcard tests/unit/test_*.c)

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

LIB_OBJ := $(call obj,$(LIB_SRC))
DAEMON_OBJ := $(call obj,$(DAEMON_SRC))
CTL_OBJ := $(call obj,$(CTL_SRC))
TESTS   := $(patsubst tests/unit/%.c,$(B)/tests/%,$(TEST_SRC))

.PHONY: all check check-unit check-blackbox check-python check-asan check-house tidy format demo install deps clean
.DELETE_ON_ERROR:

all: $(B)/hookcastd $(B)/hookcastctl

$(B)/hookcastd: $(call obj,src/daemon/main.c) $(DAEMON_OBJ) $(B)/libhookcast.a
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(B)/hookcastctl: $(call obj,src/ctl/main.c) $(CTL_OBJ) $(B)/libhookcast.a
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(B)/libhookcast.a: $(LIB_OBJ)
	rm -f $@ && ar rcs $@ $^

# A unit test sees the library and the daemon's rooms, never a main().
$(B)/tests/%: $(B)/obj/tests/unit/%.o $(DAEMON_OBJ) $(CTL_OBJ) $(B)/libhookcast.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $< $(DAEMON_OBJ) $(CTL_OBJ) $(B)/libhookcast.a $(LIBS) -lcheck -lsubunit -lrt -lpthread

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(DAEMON_OBJ) $(CTL_OBJ) $(call obj,$(TEST_SRC) src/daemon/main.c src/ctl/main.c))

clean:
	rm -rf build
