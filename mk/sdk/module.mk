# Builds a third-party module against an installed Sluice. A whole Makefile is
#
#   MODULE := http_hello
#   LIBS := -lz                    (only if it needs any; CXXFLAGS likewise)
#   include $(shell pkg-config --variable=module_mk sluice)
#
# (PKG_CONFIG_PATH must name PREFIX/lib/pkgconfig where pkg-config does not look there by itself), which compiles every *.cpp beside it into http_hello.so; without MODULE it is named like its folder. `make install`
# puts that where the server looks for modules and writes the index anew, so that the first directive of the module in a
# configuration loads it. Libraries may stand in a module.mk instead, which ./configure --add-dynamic-module reads, too:
#
#   MODULE_PKGS := zlib            names that pkg-config knows
#   MODULE_LIBS := -lm             what it does not know
SLUICE_SHARE := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
include $(SLUICE_SHARE)/paths.mk
include $(wildcard module.mk)

MODULE ?= $(notdir $(CURDIR))
SOURCES ?= $(wildcard *.cpp)
OBJECTS := $(SOURCES:.cpp=.o)
ifeq ($(origin CXX),default)
CXX := g++
endif
CXXFLAGS ?= -O2 -g -Wall -Wextra

# Unique symbols, which <charconv> alone emits, would keep a module from ever being unmapped.
SLUICE_CXXFLAGS := -std=c++20 -fno-exceptions -fno-rtti -fPIC -fvisibility=hidden \
    $(if $(findstring clang,$(shell $(CXX) --version)),,-fno-gnu-unique) \
    -I$(SLUICE_SHARE)/$(SLUICE_INCLUDE) -iquote$(SLUICE_SHARE)/$(SLUICE_INCLUDE)/sluice
PKGS_CXXFLAGS := $(if $(MODULE_PKGS),$(shell pkg-config --cflags $(MODULE_PKGS)))
PKGS_LIBS := $(if $(MODULE_PKGS),$(shell pkg-config --libs $(MODULE_PKGS))) $(MODULE_LIBS)

.PHONY: all install clean
all: $(MODULE).so

$(MODULE).so: $(OBJECTS)
	$(CXX) $(CXXFLAGS) -shared $^ -Wl,--version-script=$(SLUICE_SHARE)/module.map -Wl,-z,relro,-z,now $(LDFLAGS) $(LIBS) $(PKGS_LIBS) -o $@
	@$(SLUICE_SHARE)/seal $@

%.o: %.cpp
	$(CXX) $(CXXFLAGS) $(SLUICE_CXXFLAGS) $(PKGS_CXXFLAGS) $(CPPFLAGS) -MMD -MP -c $< -o $@

install: $(MODULE).so
	install -d $(DESTDIR)$(SLUICE_MODULES)
	install -m 644 $(MODULE).so $(DESTDIR)$(SLUICE_MODULES)/
	@if [ -x $(DESTDIR)$(SLUICE_SBIN) ]; then $(DESTDIR)$(SLUICE_SBIN) -m > /dev/null; \
	else echo "no server is installed there: $(SLUICE_SBIN) -m has to write the index anew later"; fi

clean:
	rm -f $(MODULE).so $(OBJECTS) $(OBJECTS:.o=.d)

-include $(OBJECTS:.o=.d)
