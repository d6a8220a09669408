# make install and make uninstall. DESTDIR is put in front of every path; what an operator may have changed (the
# configuration, the pages, the logs) is neither overwritten nor removed.
BUILDDIR ?= build
.SHELLFLAGS := -ec
include $(BUILDDIR)/config.mk

CONF_DIR := $(patsubst %/,%,$(dir $(CONF_PATH)))
INCLUDE_DIR := $(PREFIX)/include/sluice
SHARE_DIR := $(PREFIX)/share/sluice
MAN_DIR := $(PREFIX)/share/man
PC_FILE := $(PREFIX)/lib/pkgconfig/sluice.pc
PAGES := $(filter-out conf/sluice.conf conf/quickstart.conf,$(wildcard conf/*))
LOG_DIRS := $(sort $(dir $(filter /%,$(PID_PATH) $(HTTP_LOG_PATH) $(filter-out %/stderr,$(ERROR_LOG_PATH)))))

D = $(DESTDIR)
# What templates call by name in @...@.
fill = sed -e 's|@SBIN_PATH@|$(SBIN_PATH)|g' -e 's|@CONF_PATH@|$(CONF_PATH)|g' -e 's|@PID_PATH@|$(PID_PATH)|g' \
    -e 's|@MODULES_PATH@|$(MODULES_PATH)|g' -e 's|@LOG_DIR@|$(patsubst %/,%,$(dir $(HTTP_LOG_PATH)))|g' \
    -e 's|@ERROR_LOG_PATH@|$(ERROR_LOG_PATH)|g' -e 's|@HTTP_LOG_PATH@|$(HTTP_LOG_PATH)|g' -e 's|@PREFIX@|$(PREFIX)|g' \
    -e 's|@VERSION@|$(VERSION)|g' \
    -e 's|@MODULE_CXXFLAGS@|$(strip $(MODULE_CXXFLAGS))|g'
# $(call keep,FILE,TARGET): TARGET.default always, TARGET itself only where there is none yet.
keep = install -m 644 $(1) $(D)$(2).default; [ -e $(D)$(2) ] || install -m 644 $(1) $(D)$(2)

# $(call is_among,FOLDER,COMMAND): whether the command prints the folder, among others and with colons between.
is_among = case ":$$($(2) 2>/dev/null):" in *:$(1):*) ;; *) false ;; esac

.PHONY: install uninstall program conf pages man sdk contrib
install: program conf pages man sdk contrib
	@echo "installed under $(D)$(PREFIX); the configuration is $(D)$(CONF_PATH)"
	@$(call is_among,$(patsubst %/,%,$(dir $(PC_FILE))),pkg-config --variable=pc_path pkg-config) || \
	    echo "modules are built with PKG_CONFIG_PATH=$(patsubst %/,%,$(dir $(PC_FILE)))"
	@$(call is_among,$(MAN_DIR),manpath -q) || echo "the manual is shown by man -M $(MAN_DIR) sluice"

# install(1) replaces a file instead of writing into it: a running server keeps its own. Modules of others may lie in the
# folder, and stay in the index.
program:
	@install -d $(D)$(dir $(SBIN_PATH)) $(D)$(MODULES_PATH) $(LOG_DIRS:%=$(D)%)
	@install -m 755 $(BUILDDIR)/sluice $(D)$(SBIN_PATH)
	@for file in $(BUILDDIR)/modules/*.so; do [ ! -e "$$file" ] || install -m 644 "$$file" $(D)$(MODULES_PATH)/; done
	@install -m 644 $(BUILDDIR)/modules/modules.index $(D)$(MODULES_PATH)/
	@$(D)$(SBIN_PATH) -m > /dev/null || echo "such a module has to be built anew with this server's headers" >&2

conf:
	@install -d $(D)$(CONF_DIR)
	@$(call keep,conf/sluice.conf,$(CONF_PATH))
	@for file in $(PAGES); do $(call keep,$$file,$(CONF_DIR)/$${file#conf/}); done

pages:
	@[ -e $(D)$(PREFIX)/html ] || { install -d $(D)$(PREFIX)/html && install -m 644 html/*.html $(D)$(PREFIX)/html/; }

# The directives are those of the binary and its modules.
man:
	@install -d $(D)$(MAN_DIR)/man5 $(D)$(MAN_DIR)/man8
	@$(fill) man/sluice.8 > $(D)$(MAN_DIR)/man8/sluice.8
	@$(fill) man/sluice.conf.5 | mk/man $(BUILDDIR)/sluice > $(D)$(MAN_DIR)/man5/sluice.conf.5

sdk:
	@rm -rf $(D)$(INCLUDE_DIR)
	@cd src && find . -name '*.h' -exec install -D -m 644 {} $(D)$(INCLUDE_DIR)/{} \;
	@install -d $(D)$(SHARE_DIR) $(D)$(dir $(PC_FILE))
	@install -m 644 mk/sdk/module.mk mk/module.map $(D)$(SHARE_DIR)/
	@install -m 755 mk/seal $(D)$(SHARE_DIR)/
	@printf '# Written by make install.\nSLUICE_INCLUDE := ../../include\nSLUICE_MODULES := %s\nSLUICE_SBIN := %s\n' \
	    '$(MODULES_PATH)' '$(SBIN_PATH)' > $(D)$(SHARE_DIR)/paths.mk
	@$(fill) mk/sdk/sluice.pc.in > $(D)$(PC_FILE)

contrib:
	@install -d $(D)$(SHARE_DIR)/contrib
	@for file in contrib/*; do $(fill) $$file > $(D)$(SHARE_DIR)/contrib/$$(basename $$file .in); done

uninstall:
	rm -f $(D)$(SBIN_PATH) $(D)$(PC_FILE) $(D)$(MAN_DIR)/man8/sluice.8 $(D)$(MAN_DIR)/man5/sluice.conf.5
	rm -rf $(D)$(INCLUDE_DIR) $(D)$(SHARE_DIR)
	@for file in $(BUILDDIR)/modules/*; do rm -f $(D)$(MODULES_PATH)/$$(basename $$file); done
	rm -f $(D)$(CONF_PATH).default
	@for file in conf/*; do rm -f $(D)$(CONF_DIR)/$$(basename $$file).default; done
