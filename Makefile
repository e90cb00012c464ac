# tallyd. `make run` serves the December contest, `make test` tests everything, `make help` lists the rest.

BUILD   ?= build$(if $(SAN),-san)
PORT    ?= 8080
VAR     ?= var
CONTEST ?= config/contests/kai-stage1.yaml
N       ?= 2000
RATE    ?= 50
PREFIX  ?= /usr/local
VERSION := 0.1.0

LLHTTP  ?= /usr/share/llhttp
PKGS    := libevent hiredis libcrypto jansson yaml-0.1 zlib libbrotlienc libseccomp cjose libqrencode libcurl

CC      ?= cc
OPT     ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wvla -Wstrict-prototypes -Wmissing-prototypes \
           $(if $(CI),-Werror)
HARDEN  := -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection \
           $(if $(SAN),,-D_FORTIFY_SOURCE=2)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
CFLAGS  += -std=c11 $(OPT) $(WARN) $(HARDEN) $(SANFLAGS)
CPPFLAGS += -D_GNU_SOURCE -DTALLYD_VERSION='"$(VERSION)"' -Idaemon -isystem /usr/share/include/llhttp \
           $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SANFLAGS)
LDLIBS  += $(shell pkg-config --libs $(PKGS) 2>/dev/null) -levent_extra -lcsv -lunistring -lm

MAINS   := daemon/main.c daemon/ctl/tallyctl.c
SOURCES := $(filter-out $(MAINS),$(wildcard daemon/*/*.c))
OBJECTS := $(SOURCES:daemon/%.c=$(BUILD)/obj/%.o) \
           $(patsubst daemon/%,$(BUILD)/obj/%.o,$(wildcard daemon/store/*.lua) daemon/FORMAT.md) \
           $(patsubst %,$(BUILD)/obj/llhttp/%.o,api http llhttp)
UNITS   := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*_test.c))
REPLAYS := $(patsubst tests/fuzz/%_fuzz.c,$(BUILD)/replay/%,$(wildcard tests/fuzz/*_fuzz.c))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
Q       := $(if $(V),,@)

## all               build/tallyd and build/tallyctl
all: $(BUILD)/tallyd $(BUILD)/tallyctl
	@:

$(BUILD)/tallyd: $(BUILD)/obj/main.o $(BUILD)/libtallyd.a
$(BUILD)/tallyctl: $(BUILD)/obj/ctl/tallyctl.o $(BUILD)/libtallyd.a
$(BUILD)/tallyd $(BUILD)/tallyctl:
	@echo "  LD    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libtallyd.a: $(OBJECTS)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/obj/%.o: daemon/%.c
	@mkdir -p $(@D); echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.lua.o: daemon/%.lua
	@mkdir -p $(@D); echo "  EMBED $<"
	$(Q)ld -r -b binary -z noexecstack -o $@ $<
$(BUILD)/obj/FORMAT.md.o: daemon/FORMAT.md
	@mkdir -p $(@D); echo "  EMBED $<"
	$(Q)ld -r -b binary -z noexecstack -o $@ $<

$(BUILD)/obj/llhttp/%.o: $(LLHTTP)/%.c
	@mkdir -p $(@D); echo "  CC    llhttp/$*.c"
	$(Q)$(CC) -std=c11 $(OPT) -w $(HARDEN) $(SANFLAGS) -isystem /usr/share/include/llhttp -c -o $@ $<

$(BUILD)/tests/%: tests/unit/%.c $(BUILD)/libtallyd.a
	@mkdir -p $(@D); echo "  TEST  $*"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(BUILD)/libtallyd.a -lcmocka -lbrotlidec -lssl $(LDLIBS)

# It has the harness of a fuzz target in it.
$(BUILD)/tests/starved_vote_test: LDFLAGS += -Wl,-z,muldefs

# A fuzz target without libFuzzer; it may put functions of its own in the place of the library's.
$(BUILD)/replay/%: tests/fuzz/%_fuzz.c tests/fuzz/replay.c $(BUILD)/libtallyd.a
	@mkdir -p $(@D); echo "  FUZZ  $*"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -Wl,-z,muldefs -o $@ $^ $(LDLIBS)

$(BUILD)/bench/%: tests/bench/%.c $(BUILD)/libtallyd.a
	@mkdir -p $(@D); echo "  BENCH $*"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(BUILD)/libtallyd.a $(LDLIBS)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

## run               serve a rehearsal; PORT=8080 VAR=var CONTEST=config/contests/kai-stage1.yaml
run:
	$(Q)ops/install run
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD=$(BUILD) exec ops/run "$(PORT)" "$(VAR)" "$(CONTEST)"

## voters            synthetic citizens vote on what `make run` serves; N=2000 RATE=50 VAR=var
voters: $(BUILD)/tallyctl
	@test -r "$(VAR)/tallyd.yaml" || { echo "nothing was served from VAR=$(VAR) yet: make run first" >&2; exit 66; }
	$(Q)$(BUILD)/tallyctl -c $(VAR)/tallyd.yaml voters --count $(N) --rate $(RATE)

## experts           synthetic experts rate in what `make run` serves; VAR=var
experts: $(BUILD)/tallyctl
	@test -r "$(VAR)/tallyd.yaml" || { echo "nothing was served from VAR=$(VAR) yet: make run first" >&2; exit 66; }
	$(Q)$(BUILD)/tallyctl -c $(VAR)/tallyd.yaml experts

## test              everything: lint, unit, live, browser, and units and live again under sanitizers
test:
	$(Q)ops/install test
	$(Q)BUILD=$(BUILD) tests/run all

## unit live browser one part of the tests
unit: $(UNITS) $(BUILD)/tallyd
	$(Q)BUILD=$(BUILD) tests/run unit
live browser: all
	$(Q)BUILD=$(BUILD) tests/run $@
units: $(UNITS)
replays: $(REPLAYS)

## bench             CPU per vote, delivery, sealed ballot and proof, against the floor in the same run
bench:
	$(Q)ops/install run
	$(Q)$(MAKE) --no-print-directory all $(BENCHES)
	$(Q)BUILD=$(BUILD) tests/bench/run

## bench-peers       casting beside webdis, fastify and Redis itself, streams beside nchan, into tests/bench/RESULTS.md
bench-peers:
	$(Q)ops/install test
	$(Q)ops/install bench
	$(Q)$(MAKE) --no-print-directory all $(BUILD)/bench/relay $(BUILD)/bench/fanout
	$(Q)ulimit -n $$(ulimit -Hn) && TALLYD_BUILD=$(BUILD) node tests/bench/peers.mjs

## campaign          kills, torn files, faults under voters, into tests/RESULTS.md; CAMPAIGN=redis-kills SEED= COUNT=1000 (fewer: a trial, not recorded)
campaign:
	$(Q)ops/install test
	$(Q)$(MAKE) --no-print-directory all $(BUILD)/bench/fill
	$(Q)TALLYD_BUILD=$(BUILD) nice -n 10 node tests/campaign/run.mjs $(CAMPAIGN)

## fuzz              libFuzzer over all that comes from outside, SECONDS_EACH=60 or RUNS=; RECORD=1: into tests/fuzz/RESULTS.md
fuzz:
	$(Q)ops/install test
	$(Q)tests/fuzz/run

## valgrind          unit tests under memcheck (Debian: valgrind)
valgrind: units
	$(Q)command -v valgrind >/dev/null || { echo "valgrind is not there: apt-get install valgrind" >&2; exit 69; }
	$(Q)BUILD=$(BUILD) tests/memcheck

## lint              formatting, clang-tidy, cppcheck, layers, banned calls, pages, OpenAPI
lint:
	$(Q)ops/lint
## format            clang-format over the C sources
format:
	$(Q)clang-format -i daemon/*.c daemon/*/*.[ch] tests/unit/*.c $(wildcard tests/bench/*.c tests/fuzz/*.c)

## install           tallyd, tallyctl, configuration, pages, and a systemd unit under PREFIX
install: all
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(BUILD)/tallyd $(BUILD)/tallyctl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/tallyd ops/redis.conf config/tallyd.yaml
	sed 's|/usr/local|$(PREFIX)|g' ops/tallyd.service | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/systemd/system/tallyd.service
	cp -r --no-preserve=ownership static config/contests $(DESTDIR)$(PREFIX)/share/tallyd/
	test ! -d ops/pages/vendor || cp -r --no-preserve=ownership ops/pages/vendor $(DESTDIR)$(PREFIX)/share/tallyd/static/

print-cppflags:
	@echo $(CPPFLAGS)
print-ldlibs:
	@echo $(LDLIBS)
## clean             removes what was built; VAR stays
clean:
	rm -rf build build-san build-fuzz
help:
	@sed -n 's/^## //p' Makefile

.PHONY: print-cppflags print-ldlibs all run voters experts test unit units replays live browser bench bench-peers campaign fuzz valgrind lint format install clean help
.DELETE_ON_ERROR:
.SECONDARY:
