"""make install: what lands where, what is left alone, and a third party's module built against it."""
import os
import pathlib
import re
import shutil
import struct
import subprocess
import zlib

import pytest
from staging import BUILD, ROOT, config_value, make

TRIVIAL = '''\
#include <sluice/core/base/text.h>
#include <charconv>
int local_helper(const char* text);
int local_helper(const char* text) {
    int value = 0;
    std::from_chars(text, text + 1, value);
    return value;
}
extern "C" __attribute__((visibility("default"))) const int sluice_module;
const int sluice_module = 1;
'''
BALANCER = '''
namespace {
using namespace sluice;
class LastFirst final : public balance::RoundRobinSelection {
 public:
    using RoundRobinSelection::RoundRobinSelection;

 private:
    size_t choose(balance::States& states, const balance::Group& group, Seconds now) override {
        for (size_t i = group.peers.size(); i-- > 0;) {
            if (is_usable(states, group, i, now)) return i;
        }
        return kNone;
    }
};
class Balancer final : public balance::Balancer {
 public:
    explicit Balancer(const balance::Peers& peers) : peers_(peers) {}
    balance::Selection& begin(script::Subject& subject) const override {
        return *subject.arena().make<LastFirst>(peers_, subject);
    }

 private:
    const balance::Peers& peers_;
};
Result<void> last_first(conf::Parser&, http::upstream::GroupConf& group, conf::Arguments) {
    group.method.set({.make = [](Arena& arena, const balance::Peers& peers, const http::upstream::Group&)
                          -> const balance::Balancer* { return arena.make<Balancer>(peers); }});
    return {};
}
constexpr std::array kDirectives{conf::action<http::upstream::GroupConf, last_first>(
    "last_first", {.where = conf::Context::http_upstream, .help = "the last server that is up"})};
constexpr http::Module kModule{.name = "http_trivial", .directives = kDirectives};
}  // namespace
SLUICE_EXPORT_MODULE(kModule);
'''
MAKEFILE = 'MODULE := http_trivial\ninclude $(shell pkg-config --variable=module_mk sluice)\n'


def exported(file):
    names = subprocess.run(['nm', '-D', '--defined-only', file], capture_output=True, text=True, timeout=10, check=True).stdout
    return [line.split()[-1] for line in names.splitlines()]


def test_the_parts_are_there(stage):
    for path in (stage.path('SBIN_PATH'), stage.path('MODULES_PATH') / 'modules.index', stage.path('CONF_PATH'),
                 stage.path('CONF_PATH').parent / 'mime.types', stage.prefix / 'html/index.html',
                 stage.prefix / 'include/sluice/core/base/text.h', stage.prefix / 'share/sluice/module.mk'):
        assert path.exists(), path


def test_every_built_module_is_installed(stage):
    built = {p.name for p in (BUILD / 'modules').glob('*.so')}
    assert {p.name for p in stage.path('MODULES_PATH').glob('*.so')} == built


def test_the_installed_binary_runs(stage):
    done = subprocess.run([stage.path('SBIN_PATH'), '-v'], capture_output=True, text=True, timeout=10, check=True)
    assert done.stderr == f'nginx version: sluice/{config_value("VERSION")}\n'


def test_no_template_is_left_unfilled(stage):
    for path in [*(stage.prefix / 'share/sluice').rglob('*'), stage.prefix / 'lib/pkgconfig/sluice.pc']:
        if path.is_file():
            assert not re.search(r'@[A-Z_]+@', path.read_text()), path


def test_man_pages(stage):
    listed = subprocess.run([stage.path('SBIN_PATH'), '--list-directives'], capture_output=True, text=True, timeout=10, check=True).stdout
    page = (stage.prefix / 'share/man/man5/sluice.conf.5').read_text()
    for row in listed.splitlines():
        assert f'.B {row.split(chr(9))[1]}' in page
    for name in ('man8/sluice.8', 'man5/sluice.conf.5'):
        path = stage.prefix / 'share/man' / name
        assert not re.search(r'@[A-Z_]+@', path.read_text()), path
        done = subprocess.run(['groff', '-man', '-ww', '-z', '-Tutf8', path], capture_output=True, text=True, timeout=20, check=True)
        assert done.stderr == ''


def test_a_second_install_keeps_what_the_operator_changed(tmp_path, stage):
    copy = tmp_path / 'copy'
    shutil.copytree(stage.destdir, copy)
    conf = copy / stage.path('CONF_PATH').relative_to(stage.destdir)
    page = copy / stage.prefix.relative_to(stage.destdir) / 'html/index.html'
    conf.write_text('# mine\n')
    page.write_text('mine')
    conf.with_name('sluice.conf.default').unlink()
    make('install', f'DESTDIR={copy}')
    assert conf.read_text() == '# mine\n' and page.read_text() == 'mine'
    assert conf.with_name('sluice.conf.default').read_text() == (ROOT / 'conf/sluice.conf').read_text()

    make('uninstall', f'DESTDIR={copy}')
    left = {str(p.relative_to(copy / stage.prefix.relative_to(stage.destdir)))
            for p in copy.rglob('*') if p.is_file()}
    assert left == {'html/index.html', 'html/50x.html'} | {
        f'conf/{p.name}' for p in (ROOT / 'conf').iterdir() if p.name != 'quickstart.conf'}


def test_a_second_install_keeps_modules_of_others_in_the_index(tmp_path, stage):
    shutil.copytree(stage.destdir, tmp_path / 'copy')
    modules = pathlib.Path(f'{tmp_path}/copy{config_value("MODULES_PATH")}')
    shutil.copy(BUILD / 'test-modules/collecting.so', modules / 'collecting.so')
    (modules / 'broken.so').write_text('no module')
    done = subprocess.run(['make', '-s', '-f', 'mk/install.mk', 'install', f'DESTDIR={tmp_path}/copy'], cwd=ROOT, env={**os.environ, 'BUILDDIR': str(BUILD)},
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and "such a module has to be built anew with this server's headers" in done.stderr, done.stderr
    known = (modules / 'modules.index').read_text()
    assert set((BUILD / 'modules/modules.index').read_text().splitlines()) < set(known.splitlines())
    assert re.search('^collecting\\.so\t', known, re.M) and 'broken.so' in done.stderr


def test_every_installed_header_compiles_against_the_install(tmp_path, stage):
    """`make lint` compiles each alone, but within the tree, where more is found."""
    flags = subprocess.run(['pkg-config', '--cflags', 'sluice'], env={**os.environ, **stage.sdk_environment}, capture_output=True, text=True,
                           timeout=10, check=True).stdout.split()
    folder = stage.prefix / 'include'
    headers = sorted(path.relative_to(folder) for path in (folder / 'sluice').rglob('*.h'))
    (tmp_path / 'all.cpp').write_text(''.join(f'#include <{path}>\n' for path in headers))
    done = subprocess.run([*config_value('CXX').split(), *flags, '-fsyntax-only', 'all.cpp'], cwd=tmp_path, capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert len(headers) > 100


def test_a_module_builds_with_the_flags_of_pkg_config(tmp_path, stage):
    def ask(what):
        return subprocess.run(['pkg-config', what, 'sluice'], env={**os.environ, **stage.sdk_environment}, capture_output=True, text=True,
                              timeout=10, check=True).stdout.split()
    flags = ask('--cflags')
    assert {'-fPIC', '-fvisibility=hidden', '-fno-exceptions', '-fno-rtti', '-std=c++20'} <= set(flags)
    assert '-fno-gnu-unique' in flags or 'clang' in config_value('CXX')
    (tmp_path / 'http_trivial.cpp').write_text(TRIVIAL)
    subprocess.run([*config_value('CXX').split(), *flags, '-shared', 'http_trivial.cpp', f'-Wl,--version-script={ask("--variable=module_map")[0]}',
                    '-o', 'http_trivial.so'], cwd=tmp_path, timeout=60, check=True)
    assert exported(tmp_path / 'http_trivial.so') == ['sluice_module']


def test_install_says_what_must_be_told_to_pkg_config_and_man(tmp_path, stage):
    """Where they do not look by themselves; in a package's stage it is the folder of later that counts."""
    shutil.copytree(stage.destdir, tmp_path / 'copy')
    said = [make('-f', 'mk/install.mk', 'install', f'DESTDIR={tmp_path}/copy', f'PREFIX={prefix}') for prefix in ('/opt/sluice', '/usr')]
    assert 'modules are built with PKG_CONFIG_PATH=/opt/sluice/lib/pkgconfig\n' in said[0]
    assert 'the manual is shown by man -M /opt/sluice/share/man sluice\n' in said[0]
    assert 'PKG_CONFIG_PATH' not in said[1] and (shutil.which('manpath') is None or 'man -M' not in said[1])


@pytest.mark.parametrize('example', sorted(path.parent for path in (ROOT / 'examples/modules').glob('*/Makefile')), ids=lambda path: path.name)
def test_an_example_says_that_pkg_config_must_be_told(example, tmp_path):
    clean = {k: v for k, v in os.environ.items() if k not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL')}
    done = subprocess.run(['make', '-f', example / 'Makefile'], cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False,
                          env={**clean, 'PKG_CONFIG_LIBDIR': str(tmp_path)})
    assert done.returncode == 2 and '*** PKG_CONFIG_PATH must name lib/pkgconfig of the installed server.  Stop.' in done.stderr


def test_a_load_balancer_builds_out_of_tree(tmp_path, stage):
    """With the headers that the guide names."""
    includes = re.search(r'^## Load balancers\n.*?```\n(.*?)```', (ROOT / 'docs/writing-a-module.md').read_text(), re.M | re.S)[1]
    (tmp_path / 'balancer.cpp').write_text(f'#include <sluice/sdk.h>\n{includes}{BALANCER}')
    (tmp_path / 'Makefile').write_text(MAKEFILE)
    make('CXXFLAGS=-O1 -Wall -Wextra -Werror', cwd=tmp_path, **stage.sdk_environment)
    assert exported(tmp_path / 'http_trivial.so') == ['sluice_module']


@pytest.mark.parametrize('compiler', ['g++', 'clang++'])
def test_a_module_builds_with_a_makefile_of_two_lines(tmp_path, stage, compiler):
    if shutil.which(compiler) is None:
        pytest.skip(f'{compiler} is not installed')
    (tmp_path / 'trivial.cpp').write_text(TRIVIAL)
    (tmp_path / 'Makefile').write_text(MAKEFILE)
    make(f'CXX={compiler}', cwd=tmp_path, **stage.sdk_environment)
    module = tmp_path / 'http_trivial.so'
    assert exported(module) == ['sluice_module']
    content = module.read_bytes()
    assert content[-8:] == struct.pack('<LL', zlib.crc32(content[:-8]), len(content) - 8)


TURNS = '''\
all test-modules: %: %.a %.b ; @rmdir $@.busy
%.a: %.begun ; @mkdir $@; until [ -e $*.b ]; do :; done
%.b: %.begun ; @mkdir $@; until [ -e $*.a ]; do :; done
%.begun: ; @! ls -d *.busy 2>/dev/null && mkdir $*.busy
'''


def test_goals_take_turns(tmp_path):
    """Two makes at once configure over each other, and compile everything twice. The jobs are for what each of them makes."""
    shutil.copy(ROOT / 'Makefile', tmp_path)
    (tmp_path / 'mk').mkdir()
    (tmp_path / 'mk/build.mk').write_text(TURNS)
    clean = {k: v for k, v in os.environ.items() if k not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL')}
    subprocess.run(['make', '-s', '-j2', 'all', 'test-modules'], cwd=tmp_path, env=clean, timeout=60, check=True)


def test_a_build_folder_has_one_name(stage):
    """However it is written: objects that are known by another name lose their header dependencies."""
    assert stage.destdir.exists()  # everything was built for it
    for name in (str(BUILD), os.path.relpath(BUILD, ROOT), f'{os.path.relpath(BUILD, ROOT)}/'):
        make('-q', '-f', 'mk/build.mk', 'server', 'modules', BUILDDIR=name)
    absolute = [path for path in (BUILD / 'obj/src').rglob('*.d') if path.read_text().startswith('/')]
    assert not BUILD.is_relative_to(ROOT) or not absolute, 'objects of an earlier build have no dependencies: make clean'
