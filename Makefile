# Every command a person needs; `make help` lists them. The build itself is mk/build.mk.
BUILDDIR ?= $(or $(shell cat .builddir 2>/dev/null),build)
export BUILDDIR

# As many jobs as there are cores, unless the caller said how many.
build = $(MAKE) $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc)) --no-print-directory -f mk/build.mk

.PHONY: all unit help clean
all:
	@+$(build) all

help:
	@sed -n 's/^#: /  make /p' Makefile

clean:
	rm -rf $(BUILDDIR) build-asan build-fuzz

# build/sluice, build/modules/http_proxy.so, ...
$(BUILDDIR)/%: FORCE
	@+$(build) $@
FORCE:
Makefile: ;

unit:
	@+$(build) unit
	@for tests in $(BUILDDIR)/unit $(BUILDDIR)/unit-*; do if [ -x $$tests ]; then $$tests || exit 1; fi; done
