# Which folders of modules/ get built: all of them, less those left out by an option or for want of a library.
#
# A module that needs libraries says so in modules/NAME/module.mk, by plain assignments on one line each:
#   MODULE_PKGS := openssl libbrotlienc      names that pkg-config knows
#   MODULE_LIBS := -lm                       what pkg-config does not know

SKIPPED_MODULES=
SKIPPED_LINES=
MODULE_LINES=

# The value that a module.mk gives to a name.
module_setting() {
    sed -n "s/^$2[[:space:]]*:\{0,1\}=[[:space:]]*//p" "$1" | tail -n 1
}

# The Debian package behind a pkg-config name.
package_of() {
    case "$1" in
        openssl | libssl | libcrypto) printf 'libssl-dev' ;;
        libbrotli*) printf 'libbrotli-dev' ;;
        libpcre2*) printf 'libpcre2-dev' ;;
        libcares) printf 'libc-ares-dev' ;;
        zlib) printf 'zlib1g-dev' ;;
        lib*) printf '%s-dev' "$1" ;;
        *) printf 'lib%s-dev' "$1" ;;
    esac
}

skip_module() {
    SKIPPED_MODULES="$SKIPPED_MODULES $1"
    printf 'module %s is skipped: %s\n' "$1" "$2"
}

# A library is missing: an error where the module was asked for by name.
do_without() {
    if is_one_of "$1" "$WITH_MODULES"; then
        MISSING_NAMES="$MISSING_NAMES${MISSING_NAMES:+, }$2 for --with-$1_module"
        MISSING_PACKAGES="$MISSING_PACKAGES $(package_of "$2")"
    else
        skip_module "$1" "it needs $2 (apt-get install $(package_of "$2"))"
    fi
}

probe_module() {
    dir=$1
    name=$(basename "$dir")
    if is_one_of "$name" "$WITHOUT_MODULES"; then
        skip_module "$name" "left out by --without-${name}_module"
        return 0
    fi
    [ -f "$dir/module.mk" ] || return 0
    packages=$(module_setting "$dir/module.mk" MODULE_PKGS)
    cflags= libs=$(module_setting "$dir/module.mk" MODULE_LIBS)
    for package in $packages; do
        if ! pkg-config --exists "$package" 2>/dev/null; then
            do_without "$name" "$package"
            return 0
        fi
        cflags="$cflags $(pkg-config --cflags "$package")"
        libs="$(pkg-config --libs "$package") $libs"
    done
    MODULE_LINES="$MODULE_LINES
MODULE_CFLAGS_$name := $cflags
MODULE_LIBS_$name := $libs"
}

probe_modules() {
    for dir in modules/*/ $EXTRA_MODULE_DIRS; do
        [ -d "$dir" ] && probe_module "${dir%/}"
    done
    return 0
}
