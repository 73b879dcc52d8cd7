# hookcast — one flat makefile. `make`, `make check`, `make demo`; see README.md.
#
# MODE=release (default) | asan | debug picks the flags and the folder below build/.

MODE     ?= release
ifeq ($(origin CC),default)
  CC := gcc
endif
PYTHON   := /usr/bin/python3
PREFIX   ?= /usr
SYSCONFDIR ?= /etc
PYDIR    ?= $(PREFIX)/lib/python3/dist-packages
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
LDFLAGS_ALL := $(MODELINK) -Wl,--as-needed $(LDFLAGS)
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

FUZZ    := $(patsubst tests/fuzz/fuzz_%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
# Each folder by itself: they have helper modules of the same name.
PYTESTS := $(filter-out tests/npm,$(patsubst %/,%,$(dir $(wildcard tests/*/conftest.py))))
PYTEST  := $(PYTHON) -m pytest -q -rs -p no:cacheprovider

.PHONY: all check check-asan check-run check-unit check-fuzz check-python check-faults check-npm check-house \
	check-instructions 	bench tidy format demo install man deps clean fuzzers
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
	$(CC) $(LDFLAGS_ALL) -o $@ $< $(DAEMON_OBJ) $(CTL_OBJ) $(B)/libhookcast.a $(LIBS) -lcheck -lsubunit -lrt -lpthread -lm

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# A header that is gone must not stop the build (-MP), and objects are kept between test links.
.SECONDARY:

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(DAEMON_OBJ) $(CTL_OBJ) $(call obj,$(TEST_SRC) $(wildcard tests/fuzz/*.c) src/daemon/main.c src/ctl/main.c))

# --- tests ---------------------------------------------------------------------------------------------------------
# `make check` installs what is missing, builds, and runs every test; check-asan does the same under ASan and UBSan.

check:
	@scripts/deps check
	@$(MAKE) --no-print-directory all check-run

check-asan:
	@scripts/deps check
	@$(MAKE) --no-print-directory MODE=asan all check-run

check-run: check-unit check-fuzz check-python

check-unit: $(TESTS)
	@set -e; for t in $(TESTS); do $$t; done

$(B)/fuzz/%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay.o $(B)/libhookcast.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# The corpora of the fuzz targets, replayed as plain tests.
check-fuzz: $(FUZZ)
	@set -e; for f in $(FUZZ); do $$f tests/fuzz/corpus/$$(basename $$f); done

check-python: all
	@set -e; for d in $(PYTESTS); do echo "$$d:"; \
		HOOKCAST_BUILD=$(B) PYTHONDONTWRITEBYTECODE=1 $(PYTEST) $$d; done

# The fault cases of RELIABILITY alone (they are part of check-python).
check-faults: all
	HOOKCAST_BUILD=$(B) PYTHONDONTWRITEBYTECODE=1 $(PYTEST) tests/faults

# hookcastctl mcp with MCP clients that others wrote: installs them by npm, from the network, into build/npm.
check-npm: all
	HOOKCAST_NPM=1 HOOKCAST_BUILD=$(B) PYTHONDONTWRITEBYTECODE=1 $(PYTEST) -rs tests/npm

check-house:
	@scripts/deps lint
	@scripts/check-house
	@clang-format --dry-run -Werror $(C_FILES)

# Coverage-guided fuzzing, for people: build/fuzzers/<name> tests/fuzz/corpus/<name>
fuzzers:
	@mkdir -p build/fuzzers
	@set -e; for f in $(wildcard tests/fuzz/fuzz_*.c); do n=$$(basename $$f .c); n=$${n#fuzz_}; \
		clang $(filter-out -fstack-protector-strong -fPIE,$(CFLAGS_ALL)) -U_FORTIFY_SOURCE -fsanitize=fuzzer,address,undefined \
		-o build/fuzzers/$$n $$f $(LIB_SRC) $(LIBS); done

tidy:
	@scripts/deps lint
	clang-tidy --quiet $(C_SRC) -- $(CFLAGS_ALL)
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppressions-list=.cppcheck --error-exitcode=1 --include=.cppcheck.h -Isrc -D_GNU_SOURCE src

C_SRC   := $(LIB_SRC) $(DAEMON_SRC) $(CTL_SRC) src/daemon/main.c src/ctl/main.c
C_FILES  = $(wildcard src/*/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch] bench/*.[ch] bench/peers/*.[ch])

format:
	clang-format -i $(C_FILES)

# --- use -----------------------------------------------------------------------------------------------------------

deps:
	@scripts/deps build

bench: all $(addprefix $(B)/bench/,publish sink copyloop)
	bench/fanout

$(addprefix $(B)/bench/,publish sink copyloop): $(B)/bench/%: bench/%.c $(wildcard bench/peers/*.h)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $<

# What needs the code itself: the stages of the event path, and the load whose instructions are counted.
$(addprefix $(B)/bench/,micro guard): $(B)/bench/%: bench/%.c bench/rig.h bench/front.h $(wildcard bench/peers/*.h) \
		$(call obj,src/daemon/events.c src/daemon/intake.c src/daemon/reply.c) $(B)/libhookcast.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< $(filter %.o %.a,$^) $(LIBS)

# Instructions per event, which do not depend on what else the machine does, against bench/guard.txt.
check-instructions:
	@command -v valgrind >/dev/null || scripts/deps lint || true
	@bench/guard

demo:
	@scripts/deps demo
	@$(MAKE) --no-print-directory all
	@demo/run

# Everything below $(DESTDIR); see README.md, "Run it as a service". Plugins go to /usr/share: nothing runs that was not
# copied below /etc/hookcast/plugins, or named in plugin_dirs, on purpose.
install:
	@scripts/deps install
	@$(MAKE) --no-print-directory all man
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(B)/hookcastd $(B)/hookcastctl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system systemd/hookcastd.service
	sed -i 's|/usr/bin/hookcast|$(PREFIX)/bin/hookcast|' $(DESTDIR)$(PREFIX)/lib/systemd/system/hookcastd.service
	install -D -m 644 systemd/hookcast.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/hookcast.conf
	install -d $(DESTDIR)$(SYSCONFDIR)/hookcast/hookspecs $(DESTDIR)$(SYSCONFDIR)/hookcast/plugins
	test -e $(DESTDIR)$(SYSCONFDIR)/hookcast/hookcastd.yaml || \
		install -D -m 644 -t $(DESTDIR)$(SYSCONFDIR)/hookcast systemd/hookcastd.yaml
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/hookcast/hookspecs/lifecycle_listener hookspecs/lifecycle_listener/*.yaml
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/hookcast/hookspecs/lifecycle_listener/schemas \
		hookspecs/lifecycle_listener/schemas/*.json
	install -D -m 644 -t $(DESTDIR)$(PYDIR)/hookcast plugins-python/hookcast/*.py
	install -d $(DESTDIR)$(PREFIX)/lib/hookcast/plugins
	set -e; for d in metrics_exporter audit_logger tracer; do \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/hookcast/plugins/$$d plugins-python/$$d/*.*; done
	install -D -m 644 completions/hookcastctl.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/hookcastctl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/hookcast README.md LICENSE
	set -e; for s in 1 5 7 8; do \
		install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$$s $(B)/man/*.$$s.gz; done

MAN := $(patsubst docs/man/%.scd,$(B)/man/%.gz,$(wildcard docs/man/*.scd))
man: $(MAN)

$(B)/man/%.gz: docs/man/%.scd
	@mkdir -p $(@D)
	scdoc < $< | gzip -9n > $@

clean:
	rm -rf build
