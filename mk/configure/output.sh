# The files that ./configure leaves in BUILDDIR. Each is written only where its content changes, so that a second
# configure with the same outcome rebuilds nothing.

# Said in one place, for the program and its packages alike.
product_version() {
    sed -n 's/.*kVersion = "\([^"]*\)".*/\1/p' src/core/base/version.h
}

# Replaces $1 by standard input if they differ.
write_if_changed() {
    cat > "$1.new"
    if cmp -s "$1.new" "$1"; then rm -f "$1.new"; else mv "$1.new" "$1"; fi
}

c_string() {
    printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

define() {
    printf '#define %s %s\n' "$1" "$(c_string "$2")"
}

write_config_h() {
    {
        printf '// Written by ./configure. Paths without a leading slash are relative to the prefix (or to -p).\n'
        printf '#pragma once\n\n'
        define SLUICE_PREFIX "$PREFIX/"
        define SLUICE_SBIN_PATH "$SBIN_PATH"
        define SLUICE_MODULES_PATH "$MODULES_PATH"
        define SLUICE_CONF_PATH "$CONF_PATH"
        define SLUICE_ERROR_LOG_PATH "$ERROR_LOG_PATH"
        define SLUICE_HTTP_LOG_PATH "$HTTP_LOG_PATH"
        define SLUICE_PID_PATH "$PID_PATH"
        define SLUICE_LOCK_PATH "$LOCK_PATH"
        define SLUICE_CLIENT_BODY_TEMP_PATH "$CLIENT_BODY_TEMP_PATH"
        define SLUICE_PROXY_TEMP_PATH "$PROXY_TEMP_PATH"
        define SLUICE_FASTCGI_TEMP_PATH "$FASTCGI_TEMP_PATH"
        define SLUICE_UWSGI_TEMP_PATH "$UWSGI_TEMP_PATH"
        define SLUICE_SCGI_TEMP_PATH "$SCGI_TEMP_PATH"
        define SLUICE_USER "$RUN_USER"
        define SLUICE_GROUP "$RUN_GROUP"
        define SLUICE_BUILD_NAME "$BUILD_NAME"
        define SLUICE_CONFIGURE_ARGS "$CONFIGURE_ARGS"
        define SLUICE_COMPILER "$COMPILER_NAME"
        printf '#define SLUICE_DEBUG %s\n' "$DEBUG"
    } | write_if_changed "$BUILDDIR/config.h"
}

# An absolute path stays; a relative one lies in the prefix.
installed() {
    case "$1" in
        /*) printf '%s' "$1" ;;
        *) printf '%s/%s' "$PREFIX" "$1" ;;
    esac
}

# An assignment that make reads back as it is.
assign() {
    printf '%s := %s\n' "$1" "$(printf '%s' "$2" | sed -e 's/\$/$$/g' -e 's/#/\\#/g')"
}

write_config_mk() {
    {
        printf '# Written by ./configure.\n'
        assign VERSION "$(product_version)"
        assign CXX "$COMPILER"
        assign CXXFLAGS "$BASE_CXXFLAGS -DSLUICE_DEBUG=$DEBUG $CC_OPT"
        assign MODULE_CXXFLAGS "-fPIC -fvisibility=hidden $NO_UNIQUE"
        assign LDFLAGS "$BASE_LDFLAGS $LD_OPT"
        assign SERVER_CXXFLAGS "$PCRE2_CFLAGS $ZLIB_CFLAGS $URING_CFLAGS"
        assign SERVER_LIBS "$PCRE2_LIBS $ZLIB_LIBS $URING_LIBS -pthread -ldl"
        assign GTEST_CXXFLAGS "$GTEST_CFLAGS"
        assign GTEST_LIBS "$GTEST_LIBS"
        assign SKIPPED_MODULES "$SKIPPED_MODULES"
        assign EXTRA_MODULE_DIRS "$EXTRA_MODULE_DIRS"
        printf '%s\n\n' "$MODULE_LINES"
        assign PREFIX "$PREFIX"
        assign SBIN_PATH "$(installed "$SBIN_PATH")"
        assign MODULES_PATH "$(installed "$MODULES_PATH")"
        assign CONF_PATH "$(installed "$CONF_PATH")"
        assign ERROR_LOG_PATH "$(installed "$ERROR_LOG_PATH")"
        assign HTTP_LOG_PATH "$(installed "$HTTP_LOG_PATH")"
        assign PID_PATH "$(installed "$PID_PATH")"
    } > "$BUILDDIR/config.mk"
}

# Objects depend on this file: other flags, another build.
write_flags_stamp() {
    printf '%s\n' "$COMPILER_NAME" "$COMPILER" "$BASE_CXXFLAGS $CC_OPT" "$DEBUG" | write_if_changed "$BUILDDIR/flags"
}

# How make configures again, with the same options, when configure itself or a module.mk has changed.
write_reconfigure() {
    printf '#!/bin/sh\n%sBUILDDIR_FIXED=1 exec ./configure%s\n' \
        "${CXX:+CXX=$(shell_quoted "$CXX") }" "$RECONFIGURE_ARGS" > "$BUILDDIR/reconfigure"
    chmod +x "$BUILDDIR/reconfigure"
}

# A plain make after ./configure --builddir=DIR builds in DIR. Builds beside it (sanitizers) leave that alone.
remember_builddir() {
    [ -z "${BUILDDIR_FIXED:-}" ] || return 0
    if [ "$BUILDDIR" = build ]; then rm -f .builddir; else printf '%s\n' "$BUILDDIR" > .builddir; fi
}

print_summary() {
    cat <<TEXT

Configuration summary
  build directory: $BUILDDIR
  prefix: $PREFIX
  binary: $(installed "$SBIN_PATH")
  modules: $(installed "$MODULES_PATH")
  configuration: $(installed "$CONF_PATH")
  error log: $(case "$ERROR_LOG_PATH" in stderr) printf stderr ;; *) installed "$ERROR_LOG_PATH" ;; esac)
  access log: $(installed "$HTTP_LOG_PATH")
  pid file: $(installed "$PID_PATH")
TEXT
    [ -z "$SKIPPED_MODULES" ] || printf '  modules not built:%s\n' "$SKIPPED_MODULES"
}
