"""./configure: nginx's own lines are accepted, mistakes are named, what is missing comes with its remedy."""
import os
import shutil
import subprocess

import pytest
from staging import ROOT

# `nginx -V` on Debian 12, and what nginx.org's packages print.
DEBIAN = [
    "--with-cc-opt=-g -O2 -ffile-prefix-map=/build/reproducible-path/nginx-1.22.1=. -fstack-protector-strong -Wformat "
    "-Werror=format-security -fPIC -Wdate-time -D_FORTIFY_SOURCE=2", "--with-ld-opt=-Wl,-z,relro -Wl,-z,now -fPIC",
    "--prefix=/usr/share/nginx", "--conf-path=/etc/nginx/nginx.conf", "--http-log-path=/var/log/nginx/access.log",
    "--error-log-path=stderr", "--lock-path=/var/lock/nginx.lock", "--pid-path=/run/nginx.pid",
    "--modules-path=/usr/lib/nginx/modules", "--http-client-body-temp-path=/var/lib/nginx/body",
    "--http-fastcgi-temp-path=/var/lib/nginx/fastcgi", "--http-proxy-temp-path=/var/lib/nginx/proxy",
    "--http-scgi-temp-path=/var/lib/nginx/scgi", "--http-uwsgi-temp-path=/var/lib/nginx/uwsgi", "--with-compat",
    "--with-debug", "--with-pcre-jit", "--with-http_ssl_module", "--with-http_stub_status_module",
    "--with-http_realip_module", "--with-http_auth_request_module", "--with-http_v2_module", "--with-http_dav_module",
    "--with-http_slice_module", "--with-threads", "--with-http_addition_module", "--with-http_flv_module",
    "--with-http_gunzip_module", "--with-http_gzip_static_module", "--with-http_mp4_module",
    "--with-http_random_index_module", "--with-http_secure_link_module", "--with-http_sub_module",
    "--with-mail_ssl_module", "--with-stream_ssl_module", "--with-stream_ssl_preread_module",
    "--with-stream_realip_module", "--with-http_geoip_module=dynamic", "--with-http_image_filter_module=dynamic",
    "--with-http_perl_module=dynamic", "--with-http_xslt_module=dynamic", "--with-mail=dynamic",
    "--with-stream=dynamic", "--with-stream_geoip_module=dynamic",
    "--add-dynamic-module=/build/nginx/debian/modules/http-geoip2",
]
NGINX_ORG = [
    "--prefix=/etc/nginx", "--sbin-path=/usr/sbin/nginx", "--user=nginx", "--group=nginx", "--with-file-aio",
    "--with-mail", "--with-stream", "--with-http_v3_module", "--with-cc-opt=-O2 -D_FORTIFY_SOURCE=3 -fPIC",
    "--with-ld-opt=-Wl,-z,now -pie", "--without-http_uwsgi_module", "--without-select_module", "--without-quic_bpf_module",
    "--build=nightly build", "--with-cc=gcc",
]


class Configured:
    """The outcome of one run of ./configure in a folder of its own."""

    def __init__(self, folder, *options, **environment):
        self.folder = folder
        done = subprocess.run(
            ['./configure', f'--builddir={folder}', *options], cwd=ROOT, capture_output=True, text=True, timeout=120,
            env={**os.environ, 'BUILDDIR_FIXED': '1', **environment}, check=False)
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def macro(self, name):
        for line in (self.folder / 'config.h').read_text().splitlines():
            if line.startswith(f'#define {name} '):
                return line.split(' ', 2)[2].strip('"')
        raise KeyError(name)


@pytest.fixture
def configure(tmp_path):
    return lambda *options, **environment: Configured(tmp_path / 'b', *options, **environment)


def test_debians_own_line_is_accepted(configure):
    done = configure(*DEBIAN)
    assert done.status == 0, done.err
    assert done.macro('SLUICE_CONF_PATH') == '/etc/nginx/nginx.conf'
    assert done.macro('SLUICE_ERROR_LOG_PATH') == 'stderr'
    assert done.macro('SLUICE_PREFIX') == '/usr/share/nginx/'
    assert done.macro('SLUICE_DEBUG') == '1'
    assert "--with-ld-opt='-Wl,-z,relro -Wl,-z,now -fPIC' --prefix=" in done.macro('SLUICE_CONFIGURE_ARGS')
    assert 'http-geoip2" holds no module' in done.out


def test_nginx_orgs_line_is_accepted(configure):
    done = configure(*NGINX_ORG)
    assert done.status == 0, done.err
    assert (done.macro('SLUICE_USER'), done.macro('SLUICE_BUILD_NAME')) == ('nginx', 'nightly build')
    assert done.macro('SLUICE_COMPILER').startswith('gcc ')
    flags = (done.folder / 'flags').read_text()
    assert '-D_FORTIFY_SOURCE=3' in flags and '-D_FORTIFY_SOURCE=2' not in flags and '\ng++\n' in flags


def test_what_it_says_can_be_compiled(configure, tmp_path):
    done = configure('--build=a "quoted" \\ name', "--with-cc-opt=-DX='1 2'")
    probe = tmp_path / 'probe.cpp'
    probe.write_text('#include "config.h"\n#include <cstdio>\nint main() { std::puts(SLUICE_BUILD_NAME); }\n')
    subprocess.run(['g++', '-I', done.folder, probe, '-o', tmp_path / 'probe'], check=True, timeout=60)
    said = subprocess.run([tmp_path / 'probe'], capture_output=True, text=True, check=True, timeout=10).stdout
    assert said == 'a "quoted" \\ name\n'


def test_an_empty_value_is_none(configure):
    """As with nginx, whose packagers' scripts may have variables there that are empty."""
    macros = [f'SLUICE_{name}' for name in ('CONF_PATH', 'PID_PATH', 'SBIN_PATH', 'HTTP_LOG_PATH', 'USER', 'GROUP', 'SCGI_TEMP_PATH')]
    plain = configure()
    usual = [plain.macro(name) for name in macros]
    names = ('sbin', 'modules', 'conf', 'error-log', 'http-log', 'pid', 'lock', 'http-client-body-temp', 'http-proxy-temp', 'http-fastcgi-temp',
             'http-uwsgi-temp', 'http-scgi-temp')
    done = configure(*(f'--{name}-path=' for name in names), '--user=', '--group=')
    assert done.status == 0, done.err
    assert [done.macro(name) for name in macros] == usual and all(usual)


@pytest.mark.parametrize('option', ['--with-htp_ssl_module', '--prefx=/usr', '--without-http_nonsense_module', 'plain'])
def test_an_unknown_option_is_named(configure, option):
    done = configure(option)
    assert done.status == 1
    assert f'./configure: error: invalid option "{option}"' in done.err


@pytest.mark.parametrize('option', ['--prefix=/opt/a b', '--pid-path=/run/$USER.pid', '--conf-path=a&b', "--sbin-path=it's", '--prefix=a|b',
                                    '--add-dynamic-module=/a\tb'])
def test_a_path_that_can_not_be_built_is_named(configure, option):
    done = configure(option)
    assert done.status == 1 and f'./configure: error: "{option}": a path with blanks, ' in done.err


def test_sources_that_can_not_be_built_where_they_are(tmp_path):
    tree = tmp_path / 'a b'
    for name in ('mk/configure', 'src/core/base'):
        shutil.copytree(ROOT / name, tree / name)
    for name in ('configure', 'mk/build.mk'):
        shutil.copy(ROOT / name, tree / name)
    done = subprocess.run(['./configure'], cwd=tree, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and f'./configure: error: "{tree}": sources in a folder with blanks, ' in done.stderr
    done = subprocess.run(['make', '-f', 'mk/build.mk'], cwd=tree, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and f'make can\'t build in "{tree}", a folder with blanks in its name' in done.stderr


def test_a_module_is_added_once_by_its_whole_name(configure, tmp_path):
    module = tmp_path / 'http_added'
    module.mkdir()
    (module / 'a.cpp').write_text('// a\n')
    relative = os.path.relpath(module, ROOT)
    done = configure(*(f'--add-dynamic-module={name}' for name in (f'{module}/', f'./{relative}', f'{relative}//', module)))
    assert done.status == 0
    lines = (done.folder / 'config.mk').read_text().splitlines()
    assert [line.split() for line in lines if line.startswith('EXTRA_')] == [['EXTRA_MODULE_DIRS', ':=', str(module)]]


def test_a_module_of_a_name_that_is_taken_is_refused(configure, tmp_path):
    module = tmp_path / 'http_proxy'
    module.mkdir()
    (module / 'a.cpp').write_text('// a\n')
    done = configure(f'--add-dynamic-module={module}')
    assert done.status == 1 and f'"{module}": there is a module of that name already, modules/http_proxy' in done.err


def test_a_compiler_that_does_not_work_is_named(configure):
    done = configure('--with-cc=/nonexistent/c++')
    assert done.status == 1 and '"/nonexistent/c++" does not build' in done.err


@pytest.mark.parametrize('option', ['--with-ld-opt=-lnothing_of_this_name', '--with-cc-opt=-fnothing-of-this-name'])
def test_options_that_the_compiler_does_not_take_are_told_as_such(configure, option):
    done = configure(option)
    assert done.status == 1 and '"g++" does not build a C++20 program with the given options' in done.err
    assert 'nothing' in done.err and 'apt-get' not in done.err


@pytest.mark.parametrize('library, package', [('-luring', 'liburing-dev'), ('-lpcre2-8', 'libpcre2-dev'),
                                              ('-lz', 'zlib1g-dev')])
def test_a_missing_library_comes_with_its_remedy(configure, tmp_path, library, package):
    compiler = tmp_path / 'c++'
    compiler.write_text(f'#!/bin/sh\nfor a; do [ "$a" != {library} ] || exit 1; done\nexec g++ "$@"\n')
    compiler.chmod(0o755)
    done = configure(f'--with-cc={compiler}')
    assert done.status == 1
    assert f'apt-get install {package}\n' in done.err


def test_no_compiler_at_all_comes_with_its_remedy(configure, tmp_path):
    tools = tmp_path / 'tools'
    tools.mkdir()
    for tool in ('sh', 'dirname', 'mktemp', 'mkdir', 'rm', 'cat', 'sed', 'grep', 'basename', 'find', 'head'):
        (tools / tool).symlink_to(shutil.which(tool))
    done = configure(PATH=str(tools), CXX='')
    assert done.status == 1 and 'apt-get install g++\n' in done.err


def test_the_same_outcome_touches_nothing(configure):
    first = configure('--user=www')
    times = {name: (first.folder / name).stat().st_mtime_ns for name in ('config.h', 'flags')}
    second = configure('--user=www')
    assert times == {name: (second.folder / name).stat().st_mtime_ns for name in times}
    assert configure('--user=other').macro('SLUICE_USER') == 'other'


def test_a_module_whose_library_is_missing_is_skipped(configure, tmp_path):
    module = tmp_path / 'http_wishful'
    module.mkdir()
    (module / 'a.cpp').write_text('// a\n')
    (module / 'module.mk').write_text('MODULE_PKGS := libwishful\n')
    done = configure(f'--add-dynamic-module={module}')
    assert done.status == 0
    assert 'module http_wishful is skipped: it needs libwishful (apt-get install libwishful-dev)' in done.out
    assert 'SKIPPED_MODULES :=  http_wishful' in (done.folder / 'config.mk').read_text()


def without_library(folder, name):
    """A PATH where pkg-config does not know this one."""
    folder.mkdir()
    tool = folder / 'pkg-config'
    tool.write_text(f'#!/bin/sh\nfor a; do [ "$a" != {name} ] || exit 1; done\nexec {shutil.which("pkg-config")} "$@"\n')
    tool.chmod(0o755)
    return f'{folder}:{os.environ["PATH"]}'


@pytest.mark.parametrize('module, library, package', [('http_ssl', 'libssl', 'libssl-dev'), ('http_v2', 'libnghttp2', 'libnghttp2-dev')])
def test_a_module_that_was_asked_for_is_not_skipped(configure, tmp_path, module, library, package):
    path = without_library(tmp_path / 'tools', library)
    assert f'module {module} is skipped: it needs {library} (apt-get install {package})\n' in configure(PATH=path).out
    for option in (f'--with-{module}_module', f'--with-{module}_module=dynamic'):
        done = configure(option, PATH=path)
        assert done.status == 1 and f'./configure: error: {library} for --with-{module}_module not found.' in done.err
        assert f'apt-get install {package}\n' in done.err
    both = configure(f'--with-{module}_module', f'--without-{module}_module', PATH=path)
    assert both.status == 0 and f'left out by --without-{module}_module' in both.out
