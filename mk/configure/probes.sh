# What the machine offers: the compiler and the libraries, each tried by compiling a few lines against it.

MISSING_PACKAGES=
MISSING_NAMES=

BASE_CXXFLAGS="-std=c++20 -O2 -g -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fno-exceptions -fno-rtti \
-fstack-protector-strong"
BASE_LDFLAGS="-Wl,-z,relro -Wl,-z,now"

say_checking() {
    printf 'checking for %s ... ' "$1"
}

# A library that the server cannot do without, and the Debian package that brings it.
missing() {
    printf 'not found\n'
    MISSING_NAMES="$MISSING_NAMES${MISSING_NAMES:+, }$1"
    MISSING_PACKAGES="$MISSING_PACKAGES $2"
}

require_nothing_missing() {
    [ -n "$MISSING_PACKAGES" ] || return 0
    fail "$MISSING_NAMES not found. On Debian or Ubuntu:

    apt-get install$MISSING_PACKAGES
"
}

# Compiles and links the program on standard input with the further arguments as flags. The operator's own options
# are read as the shell reads them in the build: they may hold quotes.
links() {
    cat > "$PROBE_DIR/probe.cpp"
    eval "$COMPILER -std=c++20 $CC_OPT \"\$PROBE_DIR/probe.cpp\" -o \"\$PROBE_DIR/probe\" $LD_OPT \"\$@\"" \
        > "$PROBE_DIR/log" 2>&1
}

compiles_cxx20() {
    COMPILER=$1
    links <<'PROGRAM'
#include <concepts>
#include <span>
#include <string_view>
constinit int counter = 0;
template <std::integral T> T half(T value) { return value / 2; }
int main() { std::string_view text{"ok"}; return half(counter) + static_cast<int>(text.size()) - 2; }
PROGRAM
}

# --with-cc names a C compiler in nginx: gcc stands for g++ here, and so on.
cxx_sibling() {
    printf '%s' "$1" | sed -e 's/\(^\|[ /-]\)gcc\(-[0-9.]*\)\{0,1\}$/\1g++\2/' \
        -e 's/\(^\|[ /-]\)clang\(-[0-9.]*\)\{0,1\}$/\1clang++\2/' -e 's/\(^\|[ /]\)cc$/\1c++/'
}

# What the compiler says, and the end.
fail_with_compiler() {
    printf 'not found\n'
    sed 's/^/    /' "$PROBE_DIR/log" >&2
    fail "the compiler \"$1\" does not build a C++20 program with the given options"
}

probe_compiler() {
    say_checking "a C++20 compiler"
    if [ -n "$CC_GIVEN" ]; then
        compiles_cxx20 "$(cxx_sibling "$CC_GIVEN")" || fail_with_compiler "$CC_GIVEN"
    else
        for candidate in g++ clang++ c++; do
            command -v "$candidate" > /dev/null 2>&1 && compiles_cxx20 "$candidate" && break
            COMPILER=
        done
        if [ -z "$COMPILER" ]; then
            # One that is there needs no installing: it is the options, or its age.
            if command -v g++ > /dev/null 2>&1; then
                compiles_cxx20 g++ || fail_with_compiler g++
            fi
            missing "a C++20 compiler" "g++"
            require_nothing_missing
        fi
    fi
    name_compiler
    printf '%s (%s)\n' "$COMPILER" "$COMPILER_NAME"
    choose_flags
}

# As in nginx -V: "gcc 12.2.0 (Debian 12.2.0-14+deb12u1)".
name_compiler() {
    COMPILER_NAME=$($COMPILER -v 2>&1 | sed -n -e 's/^gcc version /gcc /p' \
        -e 's/^.*clang version \([^ ]*\).*/clang \1/p' | sed -e 's/ *$//' -e q)
    [ -n "$COMPILER_NAME" ] || COMPILER_NAME=$COMPILER
}

# Hardening steps aside where the operator's options or a sanitizer bring their own.
choose_flags() {
    case " $CC_OPT " in
        *_FORTIFY_SOURCE* | *-fsanitize=* | *' -O0 '*) ;;
        *) BASE_CXXFLAGS="$BASE_CXXFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2" ;;
    esac
    case "$COMPILER_NAME" in
        gcc*) NO_UNIQUE=-fno-gnu-unique ;;
        *) NO_UNIQUE= ;;
    esac
}

# probe_library VARIABLE NAME PKG_CONFIG_NAME FALLBACK_FLAGS PACKAGE, the program on standard input.
# Sets VARIABLE_CFLAGS and VARIABLE_LIBS; false, and the package noted, where it does not link.
probe_library() {
    say_checking "$2"
    probed_cflags=$(pkg-config --cflags "$3" 2>/dev/null) || probed_cflags=
    probed_libs=$(pkg-config --libs "$3" 2>/dev/null) || probed_libs=$4
    if links $probed_cflags $probed_libs; then
        printf 'found\n'
        eval "$1_CFLAGS=\$probed_cflags $1_LIBS=\$probed_libs"
        return 0
    fi
    missing "$2" "$5"
    return 1
}

probe_libraries() {
    probe_library PCRE2 "PCRE2" libpcre2-8 -lpcre2-8 libpcre2-dev <<'PROGRAM' || :
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
int main() { return pcre2_config_8(PCRE2_CONFIG_JIT, nullptr) < 0; }
PROGRAM
    probe_library ZLIB "zlib" zlib -lz zlib1g-dev <<'PROGRAM' || :
#include <zlib.h>
int main() { return zlibVersion() == nullptr; }
PROGRAM
    probe_library URING "liburing 2.2 or newer" liburing -luring liburing-dev <<'PROGRAM' || :
#include <liburing.h>
int main() { io_uring_sqe sqe{}; io_uring_prep_multishot_accept(&sqe, 0, nullptr, nullptr, 0); return 0; }
PROGRAM
    say_checking "pkg-config"
    if command -v pkg-config > /dev/null 2>&1; then printf 'found\n'; else missing "pkg-config" "pkg-config"; fi
    probe_gtest
}

# Unit tests are the only ones to need it; the server builds without.
probe_gtest() {
    say_checking "GoogleTest"
    GTEST_CFLAGS=$(pkg-config --cflags gtest_main 2>/dev/null) || GTEST_CFLAGS=
    GTEST_LIBS=$(pkg-config --libs gtest_main 2>/dev/null) || GTEST_LIBS="-lgtest_main -lgtest"
    if links $GTEST_CFLAGS $GTEST_LIBS -pthread <<'PROGRAM'
#if !__has_include(<gtest/gtest.h>)
#error "no header"
#endif
namespace testing { void InitGoogleTest(); }
void (*probe)() = &testing::InitGoogleTest;
PROGRAM
    then
        printf 'found\n'
    else
        printf 'not found: unit tests cannot be built (apt-get install libgtest-dev)\n'
        GTEST_LIBS=
    fi
}
