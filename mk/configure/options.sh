# The options of ./configure: nginx's names, their defaults, and which of them only earn a note.

# Modules that nginx knows and an operator's line may name, whether or not a folder in modules/ offers them yet.
NGINX_MODULES="http_access http_addition http_auth_basic http_auth_request http_autoindex http_browser http_charset
    http_dav http_degradation http_empty_gif http_fastcgi http_flv http_geo http_geoip http_grpc http_gunzip http_gzip
    http_gzip_static http_image_filter http_limit_conn http_limit_req http_map http_memcached http_mirror http_mp4
    http_perl http_proxy http_random_index http_realip http_referer http_rewrite http_scgi http_secure_link http_slice
    http_split_clients http_ssi http_ssl http_status http_stub_status http_sub http_tunnel http_upstream_hash
    http_upstream_ip_hash http_upstream_keepalive http_upstream_least_conn http_upstream_least_time
    http_upstream_random http_upstream_sticky http_upstream_zone http_userid http_uwsgi http_v2 http_v3 http_xslt
    mail mail_ssl mail_pop3 mail_imap mail_smtp stream stream_access stream_geo stream_geoip stream_limit_conn
    stream_map stream_pass stream_realip stream_return stream_set stream_split_clients stream_ssl stream_ssl_preread
    stream_upstream_hash stream_upstream_least_conn stream_upstream_random stream_upstream_zone google_perftools
    cpp_test select poll quic_bpf"

PREFIX=/usr/local/sluice
SBIN_PATH=sbin/sluice
MODULES_PATH=modules
CONF_PATH=conf/sluice.conf
ERROR_LOG_PATH=logs/error.log
HTTP_LOG_PATH=logs/access.log
PID_PATH=logs/sluice.pid
LOCK_PATH=logs/sluice.lock
CLIENT_BODY_TEMP_PATH=client_body_temp
PROXY_TEMP_PATH=proxy_temp
FASTCGI_TEMP_PATH=fastcgi_temp
UWSGI_TEMP_PATH=uwsgi_temp
SCGI_TEMP_PATH=scgi_temp
RUN_USER=nobody
RUN_GROUP=
BUILD_NAME=
BUILDDIR=build
BUILDDIR_GIVEN=no
CC_GIVEN=${CXX:-}
CC_OPT=
LD_OPT=
DEBUG=0
WITHOUT_MODULES=
WITH_MODULES=
EXTRA_MODULE_DIRS=
CONFIGURE_ARGS=
RECONFIGURE_ARGS=

usage() {
    cat <<TEXT
usage: ./configure [option]...          (a make without it configures with the defaults)

  --prefix=PATH                  installation prefix [$PREFIX]
  --sbin-path=PATH               the program [PREFIX/$SBIN_PATH]
  --modules-path=PATH            modules [PREFIX/$MODULES_PATH]
  --conf-path=PATH               configuration [PREFIX/$CONF_PATH]
  --error-log-path=PATH          error log, or "stderr" [PREFIX/$ERROR_LOG_PATH]
  --http-log-path=PATH           access log [PREFIX/$HTTP_LOG_PATH]
  --pid-path=PATH                pid file [PREFIX/$PID_PATH]
  --lock-path=PATH               lock file [PREFIX/$LOCK_PATH]
  --http-client-body-temp-path=PATH, --http-proxy-temp-path=PATH, --http-fastcgi-temp-path=PATH,
  --http-uwsgi-temp-path=PATH, --http-scgi-temp-path=PATH
                                 temporary files [PREFIX/*_temp]
  --user=NAME, --group=NAME      whom the workers run as [$RUN_USER]
  --build=NAME                   a name that -v shows
  --builddir=DIR                 where the build goes [$BUILDDIR]
  --with-cc=COMMAND              the C++ compiler [g++]
  --with-cc-opt=OPTIONS          more compiler options
  --with-ld-opt=OPTIONS          more linker options
  --with-debug                   compile the debug log in
  --without-X_module             leave modules/X out, e.g. --without-http_autoindex_module
  --with-X_module                insist on modules/X: without, a module whose libraries are missing is skipped
  --add-dynamic-module=DIR       build the module whose sources lie in DIR, too
  --with-threads, --with-compat, --with-file-aio, --with-pcre, --with-pcre-jit, --with-stream, ...
                                 nginx's other options are accepted; what they ask for is always there, or a
                                 note says that it is not
TEXT
}

note() {
    printf 'note: %s\n' "$1"
}

fail() {
    printf '\n./configure: error: %s\n' "$1" >&2
    exit 1
}

# The value of --name=value.
value_of() {
    printf '%s' "${1#*=}"
}

# nginx's spelling of the arguments in -V: a value with a space in it is quoted.
record_argument() {
    case "$1" in
        --*=*' '*) CONFIGURE_ARGS="$CONFIGURE_ARGS ${1%%=*}='${1#*=}'" ;;
        *) CONFIGURE_ARGS="$CONFIGURE_ARGS $1" ;;
    esac
    RECONFIGURE_ARGS="$RECONFIGURE_ARGS $(shell_quoted "$1")"
}

shell_quoted() {
    printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

is_one_of() {
    for candidate in $2; do
        [ "$candidate" = "$1" ] && return 0
    done
    return 1
}

# A wish for a module: a note where nginx has one of that name and we do not.
want_module() {
    if [ -d "modules/$1" ]; then
        WITH_MODULES="$WITH_MODULES $1"
        return 0
    fi
    is_one_of "$1" "$NGINX_MODULES" || return 1
    note "there is no separate module \"$1\" here; continuing without it"
}

leave_out_module() {
    if [ ! -d "modules/$1" ]; then
        is_one_of "$1" "$NGINX_MODULES" || return 1
        note "there is no module \"$1\" to leave out"
        return 0
    fi
    WITHOUT_MODULES="$WITHOUT_MODULES $1"
}

# By its whole name: make builds objects of it by that, and one that begins with ".." would lead out of BUILDDIR.
add_module() {
    dir=$(cd "$1" 2> /dev/null && pwd) || dir=$1
    if is_one_of "$dir" "$EXTRA_MODULE_DIRS"; then
        return 0
    elif [ -d "modules/$(basename "$dir")" ]; then
        fail "\"$1\": there is a module of that name already, modules/$(basename "$dir")"
    elif [ -n "$(find "$dir" -name '*.cpp' 2>/dev/null | head -n 1)" ]; then
        EXTRA_MODULE_DIRS="$EXTRA_MODULE_DIRS $dir"
    else
        note "\"$dir\" holds no module for this server (no *.cpp); continuing without it"
    fi
}

module_option() {
    name=${1%%=*}
    name=${name%_module}
    case "$name" in
        --without-*) leave_out_module "${name#--without-}" ;;
        *) want_module "${name#--with-}" ;;
    esac || fail "invalid option \"$1\""
}

# make takes what a blank separates for two, and the rest means something to make, sed or the shell.
can_be_built() {
    case "$1" in
        *[[:space:]\"\'\$\`\\\|\&\;\#\*\?\<\>\(\)]*) return 1 ;;
    esac
}

check_path() {
    can_be_built "$(value_of "$1")" || fail "\"$1\": a path with blanks, quotes or signs of the shell in it can't be built"
}

parse_option() {
    case "$1" in
        --prefix=* | --*-path=* | --builddir=* | --add-module=* | --add-dynamic-module=*) check_path "$1" ;;
    esac
    case "$1" in
        # As nginx: an empty value is none.
        --*-path= | --user= | --group= | --builddir=) ;;
        --prefix=) PREFIX="$(pwd)" ;;
        --prefix=*) PREFIX=$(value_of "$1") ;;
        --sbin-path=*) SBIN_PATH=$(value_of "$1") ;;
        --modules-path=*) MODULES_PATH=$(value_of "$1") ;;
        --conf-path=*) CONF_PATH=$(value_of "$1") ;;
        --error-log-path=*) ERROR_LOG_PATH=$(value_of "$1") ;;
        --http-log-path=*) HTTP_LOG_PATH=$(value_of "$1") ;;
        --pid-path=*) PID_PATH=$(value_of "$1") ;;
        --lock-path=*) LOCK_PATH=$(value_of "$1") ;;
        --http-client-body-temp-path=*) CLIENT_BODY_TEMP_PATH=$(value_of "$1") ;;
        --http-proxy-temp-path=*) PROXY_TEMP_PATH=$(value_of "$1") ;;
        --http-fastcgi-temp-path=*) FASTCGI_TEMP_PATH=$(value_of "$1") ;;
        --http-uwsgi-temp-path=*) UWSGI_TEMP_PATH=$(value_of "$1") ;;
        --http-scgi-temp-path=*) SCGI_TEMP_PATH=$(value_of "$1") ;;
        --user=*) RUN_USER=$(value_of "$1") ;;
        --group=*) RUN_GROUP=$(value_of "$1") ;;
        --build=*) BUILD_NAME=$(value_of "$1") ;;
        --builddir=*) BUILDDIR=$(value_of "$1"); BUILDDIR_GIVEN=yes ;;
        --with-cc=*) CC_GIVEN=$(value_of "$1") ;;
        --with-cc-opt=*) CC_OPT=$(value_of "$1") ;;
        --with-ld-opt=*) LD_OPT=$(value_of "$1") ;;
        --with-debug) DEBUG=1 ;;
        --add-module=* | --add-dynamic-module=*) add_module "$(value_of "$1")" ;;
        --with-*_module | --with-*_module=dynamic | --without-*_module) module_option "$1" ;;
        *) accepted_option "$1" || fail "invalid option \"$1\"" ;;
    esac
}

# Options of nginx that change nothing here: either it is always so, or the libraries come from the system.
accepted_option() {
    case "$1" in
        --with-threads | --with-compat | --with-file-aio | --with-ipv6 | --with-pcre | --with-pcre-jit) ;;
        --with-stream | --with-stream=dynamic | --with-libatomic) ;;
        --with-mail | --with-mail=dynamic) note "the mail proxy is not part of this server; continuing without it" ;;
        --without-http | --without-http-cache | --without-pcre | --without-pcre2 | --without-stream)
            note "\"$1\" has no effect: what is not used is not loaded" ;;
        --with-cpp=* | --crossbuild=* | --with-cpu-opt=* | --with-libatomic=* | --with-perl=* | \
            --with-perl_modules_path=* | --with-pcre=* | --with-pcre-opt=* | --with-openssl=* | \
            --with-openssl-opt=* | --with-zlib=* | --with-zlib-opt=* | --with-zlib-asm=*)
            note "\"${1%%=*}\" has no effect: libraries come from the system" ;;
        *) return 1 ;;
    esac
}

parse_options() {
    can_be_built "$(pwd)" || fail "\"$(pwd)\": sources in a folder with blanks, quotes or signs of the shell in its name can't be built"
    for option in "$@"; do
        case "$option" in
            --help | -h) usage; exit 0 ;;
        esac
        parse_option "$option"
        record_argument "$option"
    done
    CONFIGURE_ARGS=${CONFIGURE_ARGS# }
    BUILDDIR=${BUILDDIR%/}
    PREFIX=${PREFIX%/}
    if [ -z "$RUN_GROUP" ]; then
        RUN_GROUP=$RUN_USER
        if [ "$RUN_USER" = nobody ] && grep -q '^nogroup:' /etc/group 2>/dev/null; then RUN_GROUP=nogroup; fi
    fi
}
