"""With and without a master, in the background and in the foreground; where the pid file is."""
import os
import pathlib
import re
import resource
import signal
import subprocess

import pytest

from lib import binary, processes
from lib.daemon import workers_of
from lib.messages import Malformed
from lib.wait import wait_for


def ended(s):
    """Waits for the end, and gives the exit code."""
    code = s.process.wait(10)
    s.process = None
    return code


# One process alone

@pytest.fixture
def alone(server, conf):
    """A server without a master."""
    def start(main='', **parts):
        return server(conf(main=f'master_process off;\n{main}', **parts))
    return start


def test_alone_it_is_one_process(alone):
    s = alone()
    assert processes.children(s.process.pid) == []
    assert s.get('/none').status == 404
    assert s.read('logs/server.pid') == f'{s.process.pid}\n'
    assert 'start worker process' not in s.log()


@pytest.mark.parametrize('name', ['TERM', 'INT', 'QUIT'])
def test_alone_it_stops(alone, name):
    s = alone()
    idle = s.connect()
    assert idle.get('/none').status == 404
    s.signal(name)
    assert ended(s) == 0
    assert idle.is_closed() and not (s.prefix / 'logs/server.pid').exists()


@pytest.mark.sluice_only('after a reload it has no connections to give away')
def test_alone_it_reloads(alone):
    s = alone(server='location /old { return 204; }')
    s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace('location /old', 'location /new'))
    s.signal('HUP')

    def changed():
        try:
            return s.get('/new').status == 204
        except Malformed:  # its connections end with the old configuration
            return False
    wait_for(changed, lambda: f'the new configuration:\n{s.log()}')
    assert s.get('/old').status == 404 and processes.children(s.process.pid) == []
    s._base = {}


def test_alone_it_survives_a_bad_configuration(alone):
    s = alone()
    s.excuse('unknown directive')
    good = s.read('conf/nginx.conf')
    s.write('conf/nginx.conf', good + 'nonsense on;\n')
    s.signal('HUP')
    s.wait_log('unknown directive "nonsense"')
    assert s.get('/none').status == 404
    s.write('conf/nginx.conf', good)


def test_alone_it_reopens_its_logs(alone):
    s = alone()
    s.get('/one')
    s.access(1)
    (s.prefix / 'logs/access.log').rename(s.prefix / 'logs/access.1')
    s.signal('USR1')
    wait_for((s.prefix / 'logs/access.log').exists, 'the new log')
    s.get('/two')
    assert '/two' in s.access(1)[0]


# In the background

def test_a_daemon_leaves_its_terminal(daemon, conf):
    s = daemon(conf())
    assert s.get('/none').status == 404
    master = s.process.pid
    session = int(processes.read(master, 'stat').rpartition(b') ')[2].split()[3])
    assert session == master != os.getsid(0)
    assert {os.readlink(f'/proc/{master}/fd/{number}') for number in (0, 1)} == {'/dev/null'}
    assert os.readlink(f'/proc/{master}/fd/2') == str(s.prefix / 'logs/error.log')
    umask = re.search(rb'^Umask:\s*(\d+)', processes.read(master, 'status'), re.M)[1]
    assert int(umask, 8) == 0


def test_the_command_returns_when_the_sockets_accept(daemon, conf):
    s = daemon(conf())  # has seen the command's exit code 0
    assert s.get('/none').status == 404


@pytest.mark.parametrize('broken', ['nonsense;', pytest.param('pid /nowhere/at/all.pid;', marks=pytest.mark.sluice_only(
    "in Debian's, the command that started it writes the pid file, and the daemon runs on without one"))])
def test_a_daemon_that_cannot_start_says_so(conf, tmp_path, broken):
    for name in ('logs', 'conf'):
        (tmp_path / name).mkdir()
    text = conf(main=broken if 'pid' in broken else '').replace('127.0.0.1:%%main%%', f'unix:{tmp_path}/main.sock')
    text = text.replace('pid logs/server.pid;', '') if 'pid' in broken else text + broken
    (tmp_path / 'conf/nginx.conf').write_text(text)
    done = subprocess.run([binary.path(), '-p', str(tmp_path), '-c', 'conf/nginx.conf', '-e', 'logs/error.log'],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1 and '[emerg]' in done.stderr
    assert not any(str(tmp_path) in processes.title(int(path.name)) for path in pathlib.Path('/proc').glob('[0-9]*'))


def test_a_daemon_alone(daemon, conf):
    s = daemon(conf(main='master_process off;'))
    assert s.get('/none').status == 404 and processes.children(s.process.pid) == []


def test_foreground_keeps_its_streams(server, conf):
    s = server(conf())
    assert os.readlink(f'/proc/{s.process.pid}/fd/1') == str(s.prefix / 'logs/output')


def test_the_address_is_in_use(server, conf):
    """Five tries in two seconds, and then the reason; the one that has it goes on."""
    first = server(conf())
    folder = first.prefix / 'second'
    for name in ('logs', 'conf'):
        (folder / name).mkdir(parents=True)
    (folder / 'conf/nginx.conf').write_text(first.read('conf/nginx.conf'))
    done = subprocess.run([binary.path(), '-p', str(folder), '-c', 'conf/nginx.conf', '-e', 'logs/error.log'],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    address = f'127.0.0.1:{first.port()}'
    line = f'nginx: [emerg] bind() to {address} failed (98: Address already in use)'
    lines = [re.sub(r'^sluice', 'nginx', text) for text in done.stderr.splitlines()]
    assert lines.count(line) == 5 and lines[-1] == 'nginx: [emerg] still could not bind()'
    assert not (folder / 'logs/server.pid').exists()
    assert first.get('/none').status == 404


def test_alone_it_stops_where_a_reload_was_wanted_too(alone):
    s = alone()
    s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace('pid logs/server.pid;', 'pid logs/other.pid;'))
    s.signal('STOP')  # so that both are there when it looks
    s.signal('HUP')
    s.signal('QUIT')
    s.signal('CONT')
    assert ended(s) == 0
    assert not list((s.prefix / 'logs').glob('*.pid'))


# The pid file

def test_pid_file_moves_on_reload(server, conf):
    s = server(conf())
    s.reload(s.read('conf/nginx.conf').replace('pid logs/server.pid;', 'pid logs/other.pid;'))
    wait_for(lambda: not (s.prefix / 'logs/server.pid').exists(), 'the end of the old pid file')
    assert s.read('logs/other.pid') == f'{s.process.pid}\n'
    done = subprocess.run([s.binary, '-p', f'{s.prefix}/', '-c', 'conf/nginx.conf', '-e', 'logs/error.log', '-s', 'quit'],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert ended(s) == 0 and not (s.prefix / 'logs/other.pid').exists()


@pytest.mark.sluice_only('a TERM that comes as the reload ends waits for the next event')
def test_pid_file_moves_on_reload_without_a_master(alone):
    s = alone()
    s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace('pid logs/server.pid;', 'pid logs/other.pid;'))
    s.signal('HUP')
    wait_for(lambda: not (s.prefix / 'logs/server.pid').exists(), 'the end of the old pid file')
    assert s.read('logs/other.pid') == f'{s.process.pid}\n'
    s.signal('TERM')
    assert ended(s) == 0 and not (s.prefix / 'logs/other.pid').exists()


def test_pid_file_that_cannot_move_leaves_all_as_it_was(server, conf):
    s = server(conf())
    s.excuse('open.* "/nowhere/server.pid" failed')
    before = s.workers()
    good = s.read('conf/nginx.conf')
    s.write('conf/nginx.conf', good.replace('pid logs/server.pid;', 'pid /nowhere/server.pid;'))
    s.signal('HUP')
    s.wait_log(r'\[emerg\] .*open\(\) "/nowhere/server.pid" failed \(2: No such file or directory\)')
    assert s.workers() == before and s.read('logs/server.pid') == f'{s.process.pid}\n'
    assert s.get('/none').status == 404
    s.write('conf/nginx.conf', good)
    s.reload()


def test_pid_file_that_cannot_move_without_a_master(alone):
    s = alone()
    s.excuse('open.* "/nowhere/server.pid" failed')
    s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace('pid logs/server.pid;', 'pid /nowhere/server.pid;'))
    s.signal('HUP')
    s.wait_log(r'\[emerg\] .*open\(\) "/nowhere/server.pid" failed \(2: No such file or directory\)')
    assert s.get('/none').status == 404 and s.read('logs/server.pid') == f'{s.process.pid}\n'


def test_no_pid_file_stays_where_the_end_comes_while_it_moves(server, conf):
    s = server(conf(main='worker_processes 1;'))
    moved = s.read('conf/nginx.conf').replace('pid logs/server.pid;', 'pid logs/other.pid;')
    s.write('conf/nginx.conf', moved.replace('worker_processes 1;', 'worker_processes 24;'))
    s.signal('HUP')
    wait_for(lambda: (s.prefix / 'logs/other.pid').exists(), 'the new pid file')
    s.signal('QUIT')
    assert ended(s) == 0
    assert not list((s.prefix / 'logs').glob('*.pid'))


def test_upgrade_moves_the_pid_file_and_back(daemon, conf):
    s = daemon(conf())
    old, new = s.upgrade()
    assert s.read('logs/server.pid.oldbin') == f'{old.pid}\n' and s.read('logs/server.pid') == f'{new.pid}\n'
    new.send_signal(signal.SIGTERM)
    wait_for(lambda: s.read('logs/server.pid') == f'{old.pid}\n', lambda: f'the way back:\n{s.log()}')
    assert not (s.prefix / 'logs/server.pid.oldbin').exists()
    assert len(workers_of(old.pid)) == 2 and s.get('/none').status == 404
    s.follow(old)


def test_a_second_upgrade_meanwhile_is_refused(daemon, conf):
    s = daemon(conf())
    old, new = s.upgrade()
    for master in (old, new):
        before = s.log().count('the changing binary signal is ignored')
        master.send_signal(signal.SIGUSR2)
        wait_for(lambda before=before: s.log().count('the changing binary signal is ignored') > before, 'the refusal')
    old.send_signal(signal.SIGQUIT)
    wait_for(lambda: not processes.alive(old.pid), 'the end of the old master')
    s.follow(new)
    assert s.get('/none').status == 404


# Event methods

@pytest.mark.sluice_only('it has no io_uring')
def test_workers_that_may_not_use_io_uring_say_so(server, conf):
    """The master may: root needs no right to lock memory."""
    s = server(conf(main='user nobody daemon;' if os.geteuid() == 0 else ''))
    s.write('conf/nginx.conf', re.sub(r'\buse \w+;', '', s.read('conf/nginx.conf')))
    resource.prlimit(s.process.pid, resource.RLIMIT_MEMLOCK, (0, 0))
    s.reload()
    s.wait_log(r'\[notice\] \d+#\d+: io_uring does not work here, the "epoll" event method is used: \w+.* \(\d+: ')
    assert s.get('/none').status == 404
