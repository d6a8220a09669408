"""Modules as an operator meets them: what loads, what is refused and in which words, and files replaced while we run."""
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess

import pytest

from lib import binary, processes
from lib.traffic import Traffic
from lib.wait import takes, wait_for

pytestmark = pytest.mark.sluice_only('modules are files of our own')

BUILD = (binary.ROOT / os.environ.get('BUILDDIR', 'build')).resolve()
ABI = int(re.search(r'kAbiMajor = (\d+)', (binary.ROOT / 'src/core/module/descriptor.h').read_text())[1])
OF_NGINX = 'module "{path}" was built for nginx, not for this server'


class Install:
    """A server with a folder of modules of its own: the binary, and `modules` beside it."""

    def __init__(self, folder):
        self.folder = folder
        self.modules = folder / 'modules'
        self.binary = folder / 'sluice'
        self.prefix = folder / 'prefix'
        for path in (self.modules, self.prefix / 'conf', self.prefix / 'logs'):
            path.mkdir(parents=True)
        try:
            os.link(BUILD / 'sluice', self.binary)
        except OSError:  # another file system
            shutil.copy(BUILD / 'sluice', self.binary)

    def put(self, source, name=None):
        """Installs a module as install(1) does: a new file takes the place of the old one."""
        path = pathlib.Path(source) if '/' in str(source) else BUILD / 'modules' / f'{source}.so'
        return self.write(name or path.name, path.read_bytes())

    def put_test(self, source, name):
        path = BUILD / 'test-modules' / f'{source}.so'
        assert path.exists(), 'make test-modules'
        return self.put(path, f'{name}.so')

    def write(self, name, content):
        path = self.modules / name
        fresh = self.modules / f'{name}.fresh'
        fresh.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.replace(fresh, path)
        return path

    def run(self, *options):
        """(exit code, stdout, stderr), the folder written as F."""
        done = subprocess.run([self.binary, *options], capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, *(text.replace(str(self.folder), 'F') for text in (done.stdout, done.stderr))

    def index(self):
        code, out, err = self.run('-m')
        assert (code, err) == (0, '')
        return out

    def test(self, conf):
        """(exit code, stderr) of -t."""
        (self.prefix / 'conf/nginx.conf').write_text(conf)
        code, _, err = self.run('-t', '-p', f'{self.prefix}/', '-c', 'conf/nginx.conf', '-e', 'logs/error.log', '-g', 'pid logs/pid;')
        return code, err

    def refusal(self, conf):
        """The one sentence that -t says, without its place; the line, a caret and the verdict come behind it."""
        code, err = self.test(conf)
        lines = err.splitlines()
        assert code == 1 and re.search(r'^ +\| +\^$', err, re.M) and lines[-1].endswith('test failed'), err
        assert err.count('[emerg]') == 1 and err.startswith('nginx: [emerg] ')
        return re.sub(r' in F/prefix/conf/nginx\.conf:\d+$', '', lines[0].removeprefix('nginx: [emerg] '))

    def advice(self, conf):
        """What stands under the caret."""
        _, err = self.test(conf)
        return re.search(r'^ +\| +\^\n +(.*)\n', err, re.M)[1]


@pytest.fixture
def install(tmp_path):
    return Install(tmp_path)


def loading(file):
    return f'load_module {file};\nevents {{}}\n'


# --- what is refused ---

def dlopen_failed(path, reason):
    return f'dlopen() "{path}" failed ({path}: {reason})'


def test_what_is_no_module_is_refused_in_one_sentence(install):
    whole = (BUILD / 'modules/http_access.so').read_bytes()
    other_machine = bytearray(whole)
    other_machine[18] ^= 0x40  # e_machine
    other_class = bytearray(whole)
    other_class[4] ^= 3  # EI_CLASS: 32 bits
    contents = {'empty': (b'', 'file too short'), 'text': (b'a module, but only in words\n' * 9, 'invalid ELF header'),
                'cut': (whole[:8192], 'file too short'), 'head': (whole[:64], 'file too short'),
                'machine': (other_machine, 'built for another kind of machine'),
                'bits': (other_class, 'built for another kind of machine')}
    for name, (content, reason) in contents.items():
        install.write(f'{name}.so', bytes(content))
        assert install.refusal(loading(f'{name}.so')) == dlopen_failed(f'F/modules/{name}.so', reason)
    missing = 'cannot open shared object file: No such file or directory'
    assert install.refusal(loading('none.so')) == dlopen_failed('F/prefix/none.so', missing)
    assert install.refusal(loading('/nowhere/none.so')) == dlopen_failed('/nowhere/none.so', missing)
    assert install.refusal(loading('modules/ngx_http_none_module.so')) == dlopen_failed(
        'F/prefix/modules/ngx_http_none_module.so', missing)
    assert install.refusal(loading('/tmp')) == dlopen_failed('/tmp', 'cannot read file data: Is a directory')
    assert install.refusal(loading('/bin/true')).startswith('dlopen() "/bin/true" failed (/bin/true: cannot dynamically load ')


def test_what_is_no_file_or_never_ends_is_refused_at_once(install):
    """It would hold the master of a running server, or take all its memory."""
    os.mkfifo(install.modules / 'pipe.so')
    with open(install.modules / 'large.so', 'wb') as large:
        large.truncate(1 << 40)
    with takes(0, 5):
        assert install.refusal(loading('pipe.so')) == dlopen_failed('F/modules/pipe.so', 'not a regular file')
        assert install.refusal(loading('/dev/zero')) == dlopen_failed('/dev/zero', 'not a regular file')
        assert install.refusal(loading('large.so')) == dlopen_failed('F/modules/large.so', 'invalid ELF header')
        assert install.run('-m')[0] == 1


def test_what_was_built_for_another_server_is_refused_in_one_sentence(install):
    for name in ('from_the_future', 'needs_the_future', 'of_nginx', 'without_symbol', 'incomplete'):
        install.put_test(name, name)
    future = install.refusal(loading('from_the_future.so'))
    assert re.fullmatch(rf'module "F/modules/from_the_future\.so" was built for ABI {ABI + 1}\.7 \(gnu-\d+-8\), this server has '
                        r"ABI \d\.\d \(gnu-\d+-8\): build the module anew with this server's headers", future)
    assert re.fullmatch(rf'module "F/modules/needs_the_future\.so" was built for ABI {ABI}\.\d+, this server has ABI \d\.\d+: '
                        r"build the module anew with this server's headers", install.refusal(loading('needs_the_future.so')))
    assert install.refusal(loading('of_nginx.so')) == OF_NGINX.format(path='F/modules/of_nginx.so')
    assert install.refusal(loading('incomplete.so')) == dlopen_failed('F/modules/incomplete.so',
                                                                      'undefined symbol: sluice_test_nobody_has_this')
    path = 'F/modules/without_symbol.so'
    assert install.refusal(loading('without_symbol.so')) == (
        f'dlsym() "{path}", "sluice_module" failed ({path}: undefined symbol: sluice_module)')


PAGE = 4096
SEAL = 8
UNSANITIZED = pytest.mark.skipif('-fsanitize' in binary.version_text(binary.path()), reason='the sanitizer trips over the damage, and reports that')


def test_modules_load_although_children_are_ignored(tmp_path):
    """As `trap '' CHLD` leaves it to who is started."""
    (tmp_path / 'a.conf').write_text('pid a.pid;\nevents {}\nhttp { access_log off; server { listen 127.0.0.1:1; location / { return 200; } } }\n')
    told = subprocess.run([BUILD / 'sluice', '-p', f'{tmp_path}/', '-c', 'a.conf', '-e', 'stderr', '-t'], capture_output=True, text=True,
                          preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert told.returncode == 0, told.stderr


def test_a_byte_that_is_another_one_is_seen_wherever_it_is(install):
    """Most of a module is code, and none of it runs until a configuration or a request asks for it."""
    whole = (BUILD / 'modules/http_autoindex.so').read_bytes()
    for at in random.Random(7).sample(range(PAGE, len(whole) - SEAL // 2), 30):
        content = bytearray(whole)
        content[at] ^= 1 << at % 8
        install.write('http_autoindex.so', bytes(content))
        assert install.refusal(loading('http_autoindex.so')) == 'module "F/modules/http_autoindex.so" is corrupt: its checksum is wrong', at


def test_a_module_without_its_symbols_loads(install):
    path = install.put('http_autoindex')
    before = path.stat().st_size
    subprocess.run(['strip', path], check=True)
    assert path.stat().st_size < before
    assert install.test(loading('http_autoindex.so'))[0] == 0


@UNSANITIZED
def test_corrupt_files_are_refused_in_one_sentence(install):
    """Damage that the dynamic linker trips over, and then some that is nowhere in particular, in a file without a seal."""
    whole = (BUILD / 'modules/http_autoindex.so').read_bytes()[:-SEAL]
    damaged = {f'zeroed {at}': whole[:at] + bytes(PAGE) + whole[at + PAGE:] for at in range(PAGE, min(len(whole), 40 * PAGE), PAGE)}
    for seed in range(30):
        content = bytearray(whole)
        for at in random.Random(seed).sample(range(64, len(whole)), 40):
            content[at] ^= 0xff
        damaged[f'seed {seed}'] = bytes(content)
    told = []
    for name, content in damaged.items():
        install.write('http_autoindex.so', content)
        code, err = install.test(loading('http_autoindex.so'))
        assert code in (0, 1), f'{name}: {err}'
        if code == 1:
            assert len(re.findall('^nginx: ', err, re.M)) == 2 and 'F/modules/http_autoindex.so"' in err.splitlines()[0], f'{name}: {err}'
            told.append(err.splitlines()[0])
    signals = [line for line in told if re.search(r'\] module "F/modules/http_autoindex\.so" is corrupt: loading it ends with signal (7|11) in ', line)]
    assert len(signals) >= 5, told


def test_a_module_that_does_not_come_back_is_refused(install):
    install.put_test('endless', 'http_endless')
    with takes(4, 20):
        assert install.refusal(loading('http_endless.so')) == 'module "F/modules/http_endless.so" is corrupt: loading it does not end'


def test_a_module_without_the_directive_of_the_index_is_named(install):
    """Damage may leave a module that loads."""
    install.put('http_access')
    install.index()
    path = install.modules / 'modules.index'
    path.write_text(path.read_text().replace('\tallow ', '\tallow forbid '))
    assert install.refusal('events {}\nhttp { forbid all; }\n') == (
        'module "F/modules/http_access.so" does not have the directive "forbid" that the index says: it is corrupt, or -m writes the index anew')


def test_a_module_loads_once(install):
    install.put('http_access')
    install.put('http_access', 'again.so')
    for twice in ('modules/ngx_http_access_module.so', 'http_access.so', str(install.modules / 'http_access.so'), 'again.so'):
        conf = f'load_module http_access.so;\nload_module {twice};\nevents {{}}\n'
        assert install.refusal(conf) == 'module "http_access" is already loaded'


# --- what loads ---

@pytest.fixture
def start(server, install):
    """start(location, main) starts a server of the install with this in its `location /`."""
    def run(location, main='', **options):
        workers = '' if 'worker_processes' in main else 'worker_processes 1;'
        text = (f'{workers}\nerror_log logs/error.log info;\npid logs/server.pid;\n{main}\nevents {{ worker_connections 128; }}\n'
                'http { client_body_temp_path temp/client_body; access_log logs/access.log;\n'
                f'server {{ listen 127.0.0.1:%%main%%; location / {{ {location} }} }}\n}}\n')
        return server(text, server_binary=str(install.binary), **options)
    return run


@pytest.mark.parametrize('file', ['{modules}/http_answering.so', 'http_answering.so', 'modules/http_answering.so',
                                  'modules/ngx_http_answering_module.so', '/usr/lib/nginx/modules/ngx_http_answering_module.so',
                                  'ngx_http_answering_filter_module.so'])
def test_load_module_finds_the_file(install, start, file):
    install.put_test('answering_old', 'http_answering')
    s = start('answering;', main=f'autoload_modules off; load_module {file.format(modules=install.modules)};')
    assert s.get('/').body == b'old'


def test_a_relative_file_starts_from_the_prefix(install, start):
    install.put_test('answering_old', 'http_answering')
    s = start('answering;', main='load_module mine/answers.so;',
              files={'mine/answers.so': (BUILD / 'test-modules/answering_new.so').read_bytes()})
    assert s.get('/').body == b'new'


def test_modules_enabled_as_debian_has_it(install, start):
    enabled = ('http_rewrite', 'http_stub_status', 'http_core')  # the last one is part of the server
    for name in enabled[:2]:
        install.put(name)
    s = start('return 200 $connections_active;', main='include modules-enabled/*.conf;', files={
        f'conf/modules-enabled/50-mod-{name}.conf': f'load_module modules/ngx_{name}_module.so;\n' for name in enabled})
    assert s.get('/').body == b'1'


def is_mapped(s, module):
    return f'{module}.so' in pathlib.Path(f'/proc/{s.workers()[0]}/maps').read_text()


def test_a_directive_loads_its_module_and_no_other(install, start):
    install.put('http_rewrite')
    install.put('http_access')
    install.put('http_stub_status')
    install.index()
    s = start('return 200 "$connections_active";')
    assert s.get('/').body == b'1'
    assert is_mapped(s, 'http_rewrite') and is_mapped(s, 'http_stub_status') and not is_mapped(s, 'http_access')


def test_autoload_can_be_turned_off(install):
    install.put('http_access')
    install.put('http_stub_status')
    install.put('http_rewrite')
    install.index()
    conf = 'autoload_modules off;\nevents {}\nhttp { deny all; }\n'
    assert install.refusal(conf) == 'unknown directive "deny"'
    assert install.advice(conf) == 'it belongs to a module: load_module F/modules/http_access.so;'
    assert install.test('load_module http_access.so;\n' + conf)[0] == 0
    assert install.test('autoload_modules on;\nevents {}\nhttp { deny all; }\n')[0] == 0
    variable = 'load_module http_rewrite.so;\nevents {}\nhttp { server { return 200 $connections_active; } }\n'
    assert install.test(variable)[0] == 0
    assert install.refusal('autoload_modules off;\n' + variable) == 'unknown "connections_active" variable'


def test_https_finds_who_speaks_tls(install):
    """No directive of the module's stands in the configuration."""
    install.put('http_proxy')
    install.index()
    conf = 'events {}\nhttp { server { location / { proxy_pass https://127.0.0.1; } } }\n'
    assert install.refusal(conf) == 'https protocol requires SSL support'
    install.put('http_ssl')
    install.index()
    assert install.test(conf)[0] == 0
    off = 'autoload_modules off;\nload_module http_proxy.so;\n' + conf
    assert install.refusal(off) == 'https protocol requires SSL support'
    assert install.advice(off) == 'it belongs to a module: load_module F/modules/http_ssl.so;'
    assert install.test('load_module http_ssl.so;\n' + off)[0] == 0


def test_a_module_of_an_older_interface_has_less_to_say(install, start):
    install.put_test('older', 'http_older')
    install.index()
    assert start('older;').get('/').body == b'older'


@pytest.mark.parametrize('name', ['abi_same', 'abi_smaller'])
def test_a_module_of_this_or_an_older_version_loads(install, start, name):
    """What lies behind the end of a shorter descriptor is not read."""
    install.put_test(name, 'http_abi')
    install.index()
    assert start('abi;').get('/').body == b'abi'


@pytest.mark.parametrize('name, version', [
    ('abi_larger', rf'{ABI}\.\d+ \(gnu-\d+-8\)'), ('abi_newer_minor', rf'{ABI}\.\d+ \(gnu-\d+-8\)'), ('abi_older_major', rf'{ABI - 1}\.9 \(gnu-\d+-8\)'),
    ('abi_other_compiler', rf'{ABI}\.\d+ \(gnu-1002-4\)'),
])
def test_a_module_of_another_version_is_refused_though_it_could_be_loaded(install, name, version):
    install.put_test(name, name)
    told = install.refusal(loading(f'{name}.so'))
    assert re.fullmatch(rf'module "F/modules/{name}\.so" was built for ABI {version}, this server has ABI {ABI}\.\d+ \(gnu-\d+-8\): '
                        r"build the module anew with this server's headers", told)


def test_waiting_is_a_value(install, start):
    """Verdict::resume_after in the access phase, and in a location's own handler that has nothing to say then."""
    install.put_test('answering_old', 'http_answering')
    install.index()
    s = start('answering_delay 100ms; answering; location /late { answering_late; }')
    with takes(0.09, 5):
        assert s.get('/').body == b'old'
    with takes(0.19, 5):
        assert s.get('/late').status == 404


def test_waiting_ends_with_the_client(install, start):
    install.put_test('answering_old', 'http_answering')
    install.index()
    s = start('answering_delay 1h; answering;')
    s.connect().send('GET /gone HTTP/1.1\r\nHost: a\r\n\r\n').close()
    assert s.access()[0].split('"')[1:3] == ['GET /gone HTTP/1.1', ' 499 0 ']
    s.wait_log(r'\[info\] .*client prematurely closed connection, client: 127\.0\.0\.1, server: , request: "GET /gone HTTP/1\.1"')


# --- the index ---

def test_m_lists_and_writes_the_index(install):
    install.put('http_access')
    assert 'http_access\thttp\thttp_access.so\n' in install.index()
    conf = 'events {}\nhttp { answering_delay 1s; deny all; }\n'
    assert install.refusal(conf) == 'unknown directive "answering_delay"'
    install.put_test('answering_old', 'http_answering')
    assert install.refusal(conf) == 'unknown directive "answering_delay"'
    assert install.advice(conf) == 'the index does not know http_answering.so: -m writes it anew'
    listed = install.index()
    assert 'http_answering\thttp\thttp_answering.so\n' in listed and 'http_core\thttp\tbuilt in\n' in listed
    assert install.test(conf)[0] == 0
    told = install.run('--help-directive', 'answering_delay')
    assert told[0] == 0 and told[1].startswith('syntax:  answering_delay time;\n') and told[1].count('http_answering') == 1
    assert 'http_answering\t$answering_version\thttp\t\n' in install.run('--list-variables')[1]


def test_m_tells_what_does_not_load_and_indexes_the_rest(install):
    install.put('http_access')
    install.write('http_broken.so', 'nonsense')
    code, out, err = install.run('-m')
    assert code == 1 and 'http_access\thttp\thttp_access.so\n' in out
    assert err == f'nginx: [warn] {dlopen_failed("F/modules/http_broken.so", "file too short")}\n'
    assert install.test('events {}\nhttp { deny all; }\n')[0] == 0
    code, out, err = install.run('--help-directive', 'denny')
    assert code == 1 and out == '' and err.endswith('nginx: unknown directive "denny"; did you mean "deny"?\n')


def test_an_index_that_can_not_be_written(install):
    install.put('http_access')
    (install.modules / 'modules.index').mkdir()
    code, _, err = install.run('-m')
    assert code == 1 and re.fullmatch(r'nginx: \[warn\] rename\(\) "F/modules/modules\.index\.\d+\.new" to "F/modules/modules\.index" failed '
                                      r'\(21: Is a directory\)\n', err)
    assert {path.name for path in install.modules.iterdir()} == {'http_access.so', 'modules.index'}


def test_a_stale_index(install):
    install.put('http_access')
    install.put('http_rewrite')
    install.put('http_stub_status')
    install.index()
    (install.modules / 'http_access.so').unlink()
    gone = 'module "F/modules/{}.so" is in the index but not there: -m writes the index anew'
    assert install.refusal('events {}\nhttp { deny all; }\n') == gone.format('http_access')
    (install.modules / 'http_stub_status.so').unlink()
    assert install.refusal('events {}\nhttp { server { return 200 $connections_active; } }\n') == gone.format('http_stub_status')
    install.index()
    assert install.refusal('events {}\nhttp { deny all; }\n') == 'unknown directive "deny"'
    # One that names what the module does not have is not believed twice.
    path = install.modules / 'modules.index'
    path.write_text(path.read_text().replace('\treturn ', '\tdeny return '))
    assert install.refusal('events {}\nhttp { deny all; }\n') == (
        'module "F/modules/http_rewrite.so" does not have the directive "deny" that the index says: it is corrupt, or -m writes the index anew')


def test_a_file_that_is_another_module_than_the_index_says(install):
    install.put('http_access')
    install.put('http_stub_status')
    install.index()
    path = install.put('http_access', 'http_stub_status.so')
    conf = 'events {{}}\nhttp {{ {} server {{ location / {{ stub_status; }} }} }}\n'
    assert install.refusal(conf.format('')) == ('module "F/modules/http_stub_status.so" is not the "http_stub_status" that the index has: '
                                                '-m writes the index anew')
    twin = 'module "F/modules/http_stub_status.so" has the name of another that is loaded: "http_access"'
    assert install.refusal(conf.format('deny all;')) == twin
    code, _, err = install.run('-m')
    assert (code, err) == (1, f'nginx: [warn] {twin}\n')
    path.unlink()
    assert install.index()


def test_no_modules_at_all(install):
    assert install.advice('events {}\nhttp { deny all; }\n') == 'there are no modules in F/modules/'
    assert 'no modules' not in install.test('autoload_modules off;\nevents {}\nhttp { deny all; }\n')[1]


# --- while the server runs ---

def test_a_replaced_file_is_taken_up_by_the_next_reload(install, start):
    path = install.put_test('answering_old', 'http_answering')
    install.index()
    s = start('answering;', main='worker_processes 2;')
    with Traffic(s.port(), target='/', expected=200) as traffic:
        for version in ('new', 'old', 'new'):
            install.put_test(f'answering_{version}', 'http_answering')
            s.reload()
            assert s.get('/').text == version
        # Written over in place, which pulls the file away from under whoever has mapped it.
        path.write_bytes(b'\0' * path.stat().st_size)
        answered = traffic.answered
        wait_for(lambda: traffic.answered >= answered + 100, 'a hundred answers')
        assert s.get('/').text == 'new'
    assert traffic.failures == []


def zero_a_page(path, at):
    """In place, as a bad disk would: who runs has a copy of its own."""
    with path.open('r+b') as file:
        file.seek(at)
        file.write(bytes(PAGE))


def zero_a_page_unseen(path):
    os.truncate(path, path.stat().st_size - SEAL)
    zero_a_page(path, PAGE)


@pytest.mark.parametrize('spoil, told', [
    (lambda install: install.write('http_answering.so', 'nonsense'), r'dlopen\(\) ".*/http_answering\.so" failed \(.*: file too short\)'),
    (lambda install: zero_a_page(install.modules / 'http_answering.so', 2 * PAGE), r'module ".*/http_answering\.so" is corrupt: its checksum is wrong'),
    pytest.param(lambda install: zero_a_page_unseen(install.modules / 'http_answering.so'),
                 r'module ".*/http_answering\.so" is corrupt: loading it ends with signal \d+',
                 marks=UNSANITIZED),
    (lambda install: install.put_test('from_the_future', 'http_answering'), rf'module ".*/http_answering\.so" was built for ABI {ABI + 1}\.7'),
    (lambda install: (install.modules / 'http_answering.so').unlink(), r'module ".*/http_answering\.so" is in the index but not there'),
], ids=['nonsense', 'wrong-checksum', 'corrupt', 'wrong-abi', 'missing'])
def test_a_reload_that_fails_on_a_module_disturbs_nobody(install, start, spoil, told):
    install.put_test('answering_old', 'http_answering')
    install.index()
    s = start('answering;')
    s.excuse(told)
    before = s.workers()
    with Traffic(s.port(), clients=3, target='/', expected=200) as traffic:
        spoil(install)
        s.signal('HUP')
        s.wait_log(rf'\[emerg\] \d+#\d+: {told}.* in {s.prefix}/conf/nginx\.conf:\d+')
        answered = traffic.answered
        wait_for(lambda: traffic.answered >= answered + 50, 'fifty answers')
        assert s.workers() == before and processes.alive(before[0])
        install.put_test('answering_new', 'http_answering')
        s.reload()
        assert s.get('/').body == b'new'
    assert traffic.failures == []
