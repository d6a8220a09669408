# The build proper; the Makefile in the root calls it. No list to edit: every src/**/*.cpp goes into the server, every
# folder of modules/ becomes one .so, every t/unit/**/*_test.cpp goes into the unit tests.
BUILDDIR ?= build
ifneq ($(words $(CURDIR)),1)
$(error make can't build in "$(CURDIR)", a folder with blanks in its name)
endif
# One name for one folder: objects and their header dependencies are found by it.
override BUILDDIR := $(patsubst $(CURDIR)/%,%,$(abspath $(BUILDDIR)))
include $(BUILDDIR)/config.mk

OBJDIR := $(BUILDDIR)/obj
SERVER := $(BUILDDIR)/sluice
INDEX := $(BUILDDIR)/modules/modules.index

# V=1 shows the commands.
ifeq ($(V),)
Q := @
say = @printf '  %-6s %s\n' $(1) $(2)
else
say = @:
endif

sources = $(shell find $(1) -name '*.cpp' 2>/dev/null | sort)
objects = $(patsubst %.cpp,$(OBJDIR)/%.o,$(patsubst /%,%,$(1)))
compile = $(CXX) $(CXXFLAGS) -MMD -MP -iquote src -iquote $(BUILDDIR)

# A file that changes when a list of objects does: a deleted source must relink what it was in.
remember = $(if $(subst x$(file <$(1))x,,x$(strip $(2))x),$(file >$(1),$(strip $(2))))
$(shell mkdir -p $(OBJDIR)/lists)

.PHONY: all server modules test-modules unit headers fuzzers
.DELETE_ON_ERROR:
.SUFFIXES:

all: $(SERVER) modules $(INDEX)
server: $(SERVER)

# --- configure ---
# Reads again when configure or a module's needs change; the objects rebuild only if the flags did.
CONFIGURE_FILES := configure src/core/base/version.h $(wildcard mk/configure/*.sh modules/*/module.mk)
$(BUILDDIR)/config.mk: $(CONFIGURE_FILES)
	@if [ -x $(BUILDDIR)/reconfigure ]; then $(BUILDDIR)/reconfigure; \
	else BUILDDIR_FIXED=1 ./configure --builddir=$(BUILDDIR); fi

# --- server ---
SERVER_SOURCES := $(call sources,src)
SERVER_OBJECTS := $(call objects,$(SERVER_SOURCES))
LIBRARY_OBJECTS := $(filter-out $(OBJDIR)/src/main.o,$(SERVER_OBJECTS))
$(call remember,$(OBJDIR)/lists/server,$(SERVER_OBJECTS))

$(OBJDIR)/src/%.o: src/%.cpp $(BUILDDIR)/flags
	$(call say,CXX,$<)
	@mkdir -p $(@D)
	$(Q)$(compile) -fPIE $(SERVER_CXXFLAGS) -c $< -o $@

# Objects, not an archive: modules use symbols that the server itself does not, and -rdynamic lets them.
$(SERVER): $(SERVER_OBJECTS) $(OBJDIR)/lists/server $(BUILDDIR)/config.mk
	$(call say,LINK,$@)
	$(Q)$(CXX) $(CXXFLAGS) -pie -rdynamic $(SERVER_OBJECTS) $(LDFLAGS) $(SERVER_LIBS) -o $@

# --- modules ---
# <sluice/x.h> is src/x.h, as it will be after an install; the headers' own includes are rooted there.
MODULE_DIRS := $(foreach dir,$(patsubst %/,%,$(wildcard modules/*/)) $(EXTRA_MODULE_DIRS),\
                 $(if $(filter $(notdir $(dir)),$(SKIPPED_MODULES)),,$(dir)))
MODULES := $(foreach dir,$(MODULE_DIRS),$(BUILDDIR)/modules/$(notdir $(dir)).so)
module_compile = $(compile) -I$(BUILDDIR)/include -iquote $(BUILDDIR)/include/sluice $(MODULE_CXXFLAGS)

modules: $(MODULES)

# The rules of one module: $(1) its folder, $(2) its name, $(3) its objects.
define module_rules
$(3): $(OBJDIR)/$(patsubst /%,%,$(1))/%.o: $(1)/%.cpp $(BUILDDIR)/flags | $(BUILDDIR)/include/sluice
	$$(call say,CXX,$$<)
	@mkdir -p $$(@D)
	$$(Q)$$(module_compile) $$(MODULE_CFLAGS_$(2)) -c $$< -o $$@

$(BUILDDIR)/modules/$(2).so: $(3) $(OBJDIR)/lists/$(2) mk/module.map mk/seal $(BUILDDIR)/config.mk
	$$(call say,MODULE,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CXX) $$(CXXFLAGS) -shared $(3) -Wl,--version-script=mk/module.map $$(LDFLAGS) $$(MODULE_LIBS_$(2)) -o $$@
	$$(Q)mk/seal $$@

$(call remember,$(OBJDIR)/lists/$(2),$(3))
MODULE_OBJECTS_$(2) := $(3)
MODULE_OBJECTS += $(3)
endef
MODULE_OBJECTS :=
$(foreach dir,$(MODULE_DIRS),$(eval $(call module_rules,$(dir),$(notdir $(dir)),$(call objects,$(call sources,$(dir))))))

$(BUILDDIR)/include/sluice:
	@mkdir -p $(@D)
	@ln -sfn $(abspath src) $@

# What autoload knows. A module that is gone must not linger in the folder.
$(INDEX): $(SERVER) $(MODULES)
	$(call say,INDEX,$@)
	@mkdir -p $(@D)
	@for file in $(BUILDDIR)/modules/*.so; do \
	    case " $(MODULES) " in *" $$file "*) ;; *) rm -f "$$file" ;; esac; done
	$(Q)$(SERVER) -m > /dev/null

# --- modules for the tests of loading ---
# Each t/data/modules/NAME.cpp becomes $(BUILDDIR)/test-modules/NAME.so.
TEST_MODULES := $(patsubst t/data/modules/%.cpp,$(BUILDDIR)/test-modules/%.so,$(wildcard t/data/modules/*.cpp))

$(BUILDDIR)/test-modules/%.so: t/data/modules/%.cpp $(BUILDDIR)/flags mk/module.map mk/seal | $(BUILDDIR)/include/sluice
	$(call say,MODULE,$@)
	@mkdir -p $(@D)
	$(Q)$(module_compile) -shared $< -Wl,--version-script=mk/module.map $(LDFLAGS) -o $@
	$(Q)mk/seal $@

test-modules: $(TEST_MODULES)

-include $(wildcard $(TEST_MODULES:.so=.d))

# --- unit tests ---
# $(BUILDDIR)/unit holds the server's, $(BUILDDIR)/unit-NAME those of t/unit/modules/NAME with that module and the
# fixtures of core/conf, core/script and event linked in. They run once, so that compiling is what they cost
# (_FORTIFY_SOURCE wants an optimizer).
UNIT_OPTIMIZATION ?= -O0 -g1 -U_FORTIFY_SOURCE
UNIT_FIXTURES := $(call objects,t/unit/core/conf/fixture.cpp t/unit/core/script/fixture.cpp t/unit/event/fixture.cpp)
UNIT_SOURCES := $(filter-out t/unit/modules/%,$(call sources,t/unit))
UNIT_MODULES := $(filter $(notdir $(MODULE_DIRS)),$(notdir $(patsubst %/,%,$(wildcard t/unit/modules/*/))))
$(call remember,$(OBJDIR)/lists/unit,$(LIBRARY_OBJECTS) $(call objects,$(UNIT_SOURCES)))
UNITS := $(if $(UNIT_SOURCES),$(BUILDDIR)/unit) $(UNIT_MODULES:%=$(BUILDDIR)/unit-%)

ifeq ($(strip $(GTEST_LIBS)),)
unit:
	@echo "GoogleTest is not installed (apt-get install libgtest-dev), then ./configure again" >&2; exit 1
else
unit: $(UNITS) $(TEST_MODULES)
	@for file in $(BUILDDIR)/unit $(BUILDDIR)/unit-*; do \
	    case " $(UNITS) " in *" $$file "*) ;; *) rm -f "$$file" ;; esac; done
endif

# Each test reads GoogleTest's header, which takes longer than the rest of it: it is compiled beforehand.
unit_compile = $(compile) -fPIE -iquote t/unit -iquote modules -I$(BUILDDIR)/include $(GTEST_CXXFLAGS) $(UNIT_OPTIMIZATION)
UNIT_PREFIX := $(OBJDIR)/t/unit/prefix.h

$(UNIT_PREFIX).gch: $(BUILDDIR)/flags
	$(call say,CXX,gtest/gtest.h)
	@mkdir -p $(@D)
	@echo '#include <gtest/gtest.h>' > $(UNIT_PREFIX)
	$(Q)$(unit_compile) -x c++-header $(UNIT_PREFIX) -o $@

$(OBJDIR)/t/unit/%.o: t/unit/%.cpp $(BUILDDIR)/flags $(UNIT_PREFIX).gch | $(BUILDDIR)/include/sluice
	$(call say,CXX,$<)
	@mkdir -p $(@D)
	$(Q)$(unit_compile) -include $(UNIT_PREFIX) -c $< -o $@

link_unit = $(CXX) $(CXXFLAGS) -pie -rdynamic $(1) $(LIBRARY_OBJECTS) $(LDFLAGS) $(GTEST_LIBS) $(SERVER_LIBS)

$(BUILDDIR)/unit: $(call objects,$(UNIT_SOURCES)) $(LIBRARY_OBJECTS) $(OBJDIR)/lists/unit
	$(call say,LINK,$@)
	$(Q)$(call link_unit,$(call objects,$(UNIT_SOURCES))) -o $@

define unit_module_rules
UNIT_OBJECTS_$(1) := $$(call objects,$$(call sources,t/unit/modules/$(1)))
$$(call remember,$(OBJDIR)/lists/unit-$(1),$$(UNIT_OBJECTS_$(1)) $$(MODULE_OBJECTS_$(1)) $$(LIBRARY_OBJECTS))
$(BUILDDIR)/unit-$(1): $$(UNIT_OBJECTS_$(1)) $$(MODULE_OBJECTS_$(1)) $$(LIBRARY_OBJECTS) $$(UNIT_FIXTURES) $(OBJDIR)/lists/unit-$(1)
	$$(call say,LINK,$$@)
	$$(Q)$$(call link_unit,$$(UNIT_OBJECTS_$(1)) $$(MODULE_OBJECTS_$(1)) $$(UNIT_FIXTURES)) $$(MODULE_LIBS_$(1)) -o $$@
UNIT_MODULE_OBJECTS += $$(UNIT_OBJECTS_$(1))
endef
$(foreach name,$(UNIT_MODULES),$(eval $(call unit_module_rules,$(name))))

# --- fuzz targets: every t/fuzz/*.cpp is one (make fuzz, with clang++ in a build folder of its own) ---
FUZZERS := $(patsubst t/fuzz/%.cpp,$(BUILDDIR)/fuzz/%,$(wildcard t/fuzz/*.cpp))

fuzzers: $(FUZZERS)

$(BUILDDIR)/fuzz/%: t/fuzz/%.cpp $(LIBRARY_OBJECTS)
	$(call say,FUZZER,$@)
	@mkdir -p $(@D)
	$(Q)$(compile) -MF $@.d -MT $@ $(SERVER_CXXFLAGS) -fsanitize=fuzzer $< $(LIBRARY_OBJECTS) -rdynamic $(LDFLAGS) \
	    $(SERVER_LIBS) -o $@

# It runs a whole worker, which loads them.
$(BUILDDIR)/fuzz/http2_session: | $(addprefix $(BUILDDIR)/modules/,http_v2.so http_proxy.so http_rewrite.so)

# --- each header compiles alone (make lint) ---
# A header that a source of its name includes before anything else has compiled alone there.
HEADERS := $(shell find src $(filter modules/%,$(MODULE_DIRS)) -name '*.h' | sort)
PROVEN_HEADERS := $(shell awk '/^\#include/ { first = $$2; gsub(/["<>]/, "", first); own = FILENAME; sub(/cpp$$/, "h", own); \
                    if (substr(own, length(own) - length(first)) == "/" first) print own; nextfile }' $(wildcard $(HEADERS:.h=.cpp)))
HEADER_STAMPS := $(patsubst %,$(OBJDIR)/alone/%.ok,$(filter-out $(PROVEN_HEADERS),$(HEADERS)))

headers: $(HEADER_STAMPS) $(call objects,$(PROVEN_HEADERS:.h=.cpp))

header_alone = printf '\#include "%s"\n' $(1) | $(2) -fsyntax-only -x c++ - -MF $@.d -MT $@ && touch $@

$(OBJDIR)/alone/src/%.h.ok: src/%.h $(BUILDDIR)/flags
	$(call say,HEADER,$<)
	@mkdir -p $(@D)
	$(Q)$(call header_alone,$*.h,$(compile) $(SERVER_CXXFLAGS))

$(OBJDIR)/alone/modules/%.h.ok: modules/%.h $(BUILDDIR)/flags | $(BUILDDIR)/include/sluice
	$(call say,HEADER,$<)
	@mkdir -p $(@D)
	$(Q)$(call header_alone,$<,$(module_compile) -iquote . -iquote modules/$(firstword $(subst /, ,$*)) \
	    $(MODULE_CFLAGS_$(firstword $(subst /, ,$*))))

# --- header dependencies ---
ALL_OBJECTS := $(SERVER_OBJECTS) $(MODULE_OBJECTS) $(call objects,$(UNIT_SOURCES)) $(UNIT_MODULE_OBJECTS)
-include $(wildcard $(ALL_OBJECTS:.o=.d) $(HEADER_STAMPS:=.d) $(FUZZERS:=.d))
