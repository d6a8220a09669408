# Every command a person needs; `make help` lists them. The build itself is mk/build.mk.
#: run         install what is missing, build, and serve the quickstart site in the foreground
#: test        install what is missing, build, and run every test: what CI runs
#: all         build build/sluice and build/modules/*.so (the default)
#: unit        the unit tests
#: test-modules  the modules that t/ops/test_modules.py loads
#: functional  the tests against the running server, on both event backends
#: compat      the same requests to real nginx and to us; the functional tests on real nginx
#: sanitize    unit and functional tests under AddressSanitizer and UndefinedBehaviorSanitizer
#: soak        the tests that do one thing 100,000 times, under sanitizers
#: fuzz        each parser under libFuzzer for FUZZ_SECONDS=20
#: bench       measure side by side with nginx
#: lint        layers, sizes, headers, formatting
#: format      rewrite the C++ files with clang-format
#: docs        generate the directive reference from the server's own tables
#: install     install into PREFIX of ./configure; DESTDIR is honoured
#: uninstall   remove what install put there, but for configuration, pages and logs
#: clean       remove the build folders
BUILDDIR ?= $(or $(shell cat .builddir 2>/dev/null),build)
FUZZ_SECONDS ?= 20
export BUILDDIR

# As many jobs as there are cores, unless the caller said how many.
jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
build = $(MAKE) $(jobs) --no-print-directory -f mk/build.mk
# $(call build_in,FOLDER,TARGETS,CONFIGURE OPTIONS): a build beside the usual one, configured when it is new.
build_in = { [ -f $(1)/config.mk ] || BUILDDIR_FIXED=1 ./configure --builddir=$(1) $(3); } && $(build) BUILDDIR=$(1) $(2)

CCACHE = $(if $(shell command -v ccache 2>/dev/null),ccache )
SANITIZE := -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-sanitize=vptr -fno-omit-frame-pointer
# clang 14 does not define what gcc tells our allocators by.
FUZZ := -O1 -D__SANITIZE_ADDRESS__=1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-sanitize=vptr -Wno-error

# Two goals are two makes over one build folder: they take turns, and each has all the jobs.
.NOTPARALLEL:
.PHONY: all run test unit test-modules functional compat sanitize soak fuzz bench lint format docs install uninstall clean help
all:
	@+$(build) all

run:
	@mk/deps build
	@+$(build) all
	@exec mk/run

test:
	@mk/deps build test
	@+$(build) all unit
	@mk/run_tests unit lint install functional compat

unit:
	@+$(build) unit
	@mk/run_tests unit

test-modules:
	@+$(build) test-modules

functional compat:
	@+$(build) all test-modules
	@mk/run_tests $@

lint:
	@mk/run_tests lint

sanitize:
	@mk/deps build test
	@+$(call build_in,build-asan,all unit,--with-debug --with-cc='$(CCACHE)g++' --with-cc-opt='$(SANITIZE)')
	@BUILDDIR=build-asan mk/run_tests unit functional

soak:
	@mk/deps build test
	@+$(call build_in,build-asan,all,--with-debug --with-cc='$(CCACHE)g++' --with-cc-opt='$(SANITIZE)')
	@BUILDDIR=build-asan mk/run_tests soak

fuzz:
	@mk/deps build fuzz
	@+$(call build_in,build-fuzz,fuzzers,--with-cc='$(CCACHE)clang++' --with-cc-opt='$(FUZZ)')
	@BUILDDIR=build-fuzz mk/fuzz $(FUZZ_SECONDS)

bench:
	@mk/deps build bench
	@+$(build) all
	@exec bench/run

format:
	@find src modules t bench examples \( -name '*.cpp' -o -name '*.h' \) 2>/dev/null | xargs -r clang-format -i

docs:
	@+$(build) all
	@mk/docs

install:
	@+$(build) all
	@+$(build) -f mk/install.mk install

uninstall:
	@+$(build) -f mk/install.mk uninstall

clean:
	rm -rf $(BUILDDIR) build-asan build-fuzz

help:
	@sed -n 's/^#: /  make /p' Makefile

# make build/sluice, make build/modules/http_proxy.so, ...
$(BUILDDIR)/%: FORCE
	@+$(build) $@
FORCE:
Makefile: ;
