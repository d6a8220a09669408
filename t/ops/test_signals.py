"""Signals to the master and to workers, the pid file, and what a stop means for connections."""
import os
import re
import signal
import time

import pytest

from lib import h2, processes
from lib.client import request
from lib.daemon import workers_of
from lib.wait import takes, wait_for

GET = request('GET', '/none')


def ended(s):
    """Waits for the master's end, and gives its exit code."""
    code = s.process.wait(10)
    s.process = None
    return code


@pytest.mark.parametrize('name', ['TERM', 'INT'])
def test_fast_stop(server, conf, name):
    s = server(conf())
    family = [s.process.pid, *s.workers()]
    open_one = s.connect().send(b'GET / HT')
    idle = s.connect()
    assert idle.get('/none').status == 404
    s.signal(name)
    with takes(0, 1.4):
        assert ended(s) == 0
    assert open_one.rest() == b'' and idle.is_closed()
    wait_for(lambda: not any(map(processes.alive, family)), 'the end of all processes')
    assert not (s.prefix / 'logs/server.pid').exists()
    assert re.search(rf'signal {getattr(signal, "SIG" + name):d} \(SIG{name}\) received from {os.getpid()}, exiting', s.log())


def test_quit_lets_requests_end_and_closes_idle_connections(server, conf):
    s = server(conf())
    idle = s.connect()
    assert idle.get('/none').status == 404
    busy = s.connect().send(GET[:-2])
    assert s.connect().get('/none').status == 404
    s.signal('QUIT')
    with takes(0, 0.9):
        assert idle.is_closed()
    wait_for(lambda: s.log().count('gracefully shutting down') == 2, 'both workers')
    assert busy.is_open()
    answer = busy.send(b'\r\n').response()
    assert answer.status == 404 and answer.headers.get('Connection') == 'close'
    assert busy.is_closed()
    assert ended(s) == 0


def test_quit_closes_the_listening_sockets(server, conf):
    s = server(conf())
    busy = s.connect().send(GET[:-2])
    s.signal('QUIT')
    s.wait_log('gracefully shutting down')

    def refused():
        try:
            s.connect().close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            pass  # it met the closing
        return False
    wait_for(refused, 'a refused connection')
    assert busy.send(b'\r\n').response().status == 404
    assert ended(s) == 0


@pytest.mark.sluice_only('it lets a connection within its head wait for client_header_timeout instead')
def test_shutdown_timeout(server, conf):
    s = server(conf(main='worker_shutdown_timeout 300ms;'))
    stuck = s.connect().send(GET[:-2])
    wait_for(lambda: len(processes.descriptors(s.workers()[0])), 'a worker')
    s.signal('QUIT')
    with takes(0.2, 3):
        assert stuck.rest() == b''
        assert ended(s) == 0


@pytest.mark.parametrize('listen', ['', ' http2'])
def test_requests_that_the_shutdown_timeout_ends_are_logged(server, conf, listen):
    s = server(conf(main='worker_shutdown_timeout 300ms;', http='log_format short "$request_uri $status";',
                    server=f'listen 127.0.0.1:%%slow%%{listen}; access_log logs/access.log short; location / {{ root html; limit_rate 1k; }}'),
               files={'html/slow': 'x' * 100_000})
    if listen:
        with h2.Peer(('127.0.0.1', s.port('slow'))) as peer:
            stream = peer.ask('/slow')
            peer.until(lambda: peer.stream(stream).body, 'the begin of the answer')
            s.signal('QUIT')
            assert ended(s) == 0
    else:
        slow = s.connect('slow').send(request('GET', '/slow'))
        assert b' 200 ' in slow.reader.line()
        s.signal('QUIT')
        assert ended(s) == 0
    assert s.access() == ['/slow 200']


def test_pid_file(server, conf):
    s = server(conf())
    path = s.prefix / 'logs/server.pid'
    assert path.read_text() == f'{s.process.pid}\n' and path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize('name', ['TERM', 'INT', 'QUIT'])
def test_signal_to_a_worker(server, conf, name):
    s = server(conf())
    before = s.workers()
    idle = s.connect()
    assert idle.get('/none').status == 404
    os.kill(before[0], getattr(signal, 'SIG' + name))
    wait_for(lambda: before[0] not in s.workers() and len(s.workers()) == 2, lambda: f'a successor:\n{s.log()}')
    assert before[1] in s.workers()
    s.wait_log(f'worker process {before[0]} exited with code 0')
    assert s.get('/none').status == 404
    s._base = {}


def test_worker_reopens_its_logs_on_its_own(server, conf):
    s = server(conf(main='worker_processes 1;'))
    s.get('/one')
    s.access(1)
    (s.prefix / 'logs/access.log').rename(s.prefix / 'logs/access.1')
    os.kill(s.workers()[0], signal.SIGUSR1)
    wait_for((s.prefix / 'logs/access.log').exists, 'the new log')
    s.get('/two')
    assert '/two' in s.access(1)[0]


def test_logs_are_reopened(server, conf):
    s = server(conf())
    s.get('/one')
    s.access(1)
    for name in ('access', 'error'):
        (s.prefix / f'logs/{name}.log').rename(s.prefix / f'logs/{name}.1')
    s.signal('USR1')
    wait_for(lambda: s.read('logs/error.1').count(': reopening logs') == 3, 'the master and both workers')
    def written():
        s.get('/two')
        return '/two' in s.read('logs/access.log')
    wait_for(written, 'a line in the new log')
    assert '/two' not in s.read('logs/access.1') or s.read('logs/access.1').count('/one') == 1


def test_hangup_to_a_worker_is_ignored(server, conf):
    s = server(conf())
    before = s.workers()
    os.kill(before[0], signal.SIGHUP)
    s.wait_log(r'signal 1 \(SIGHUP\) received from \d+, ignoring')
    assert s.workers() == before


def test_winch_in_the_foreground_says_nothing(server, conf):
    s = server(conf())
    before = s.workers()
    s.signal('WINCH')
    s.signal('USR1')
    s.wait_log('reopening logs')
    assert s.workers() == before and s.get('/none').status == 404


def test_winch_drains_a_daemon_and_hangup_brings_workers_back(daemon, conf):
    s = daemon(conf())
    before = s.workers()
    s.signal('WINCH')
    wait_for(lambda: not processes.children(s.process.pid), lambda: f'the end of all workers:\n{s.log()}')
    s.signal('HUP')
    wait_for(lambda: len(workers_of(s.process.pid)) == 2, lambda: f'workers:\n{s.log()}')
    assert not set(before) & set(s.workers())
    assert s.get('/none').status == 404
    s.follow(s.process)


def test_killed_worker_is_replaced(server, conf):
    s = server(conf())
    s.excuse(r'worker process \d+ exited on signal 9')
    before = s.workers()
    kept = []
    for _ in range(20):
        kept.append(s.connect())
        assert kept[-1].get('/none').status == 404
    os.kill(before[0], signal.SIGKILL)
    wait_for(lambda: before[0] not in s.workers() and len(s.workers()) == 2, 'a successor')
    assert before[1] in s.workers()
    for _ in range(20):
        assert s.get('/none').status == 404
    of_the_other = 0
    for connection in kept:
        connection.send(GET)
        connection.wait_readable()
        if connection.reader.buffer or connection.reader.fill():
            assert connection.response().status == 404
            of_the_other += 1
    log = s.log()
    assert f'[alert] {s.process.pid}#{s.process.pid}: worker process {before[0]} exited on signal 9' in log
    assert of_the_other < 20 or len(kept) == of_the_other
    s._base = {}


@pytest.mark.sluice_only('it starts workers again without limit')
def test_respawn_storm_is_limited(server, conf):
    s = server(conf(main='worker_processes 1;'))
    s.excuse(r'worker process \d+ exited on signal 9')
    for _ in range(6):
        pid = wait_for(s.workers, lambda: f'a worker:\n{s.log()}')[0]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: not processes.alive(pid), 'its end')
    s.wait_log(r'worker process died \d+ times in a row right after its start, next start in \d+ ms')
    wait_for(s.workers, 'a worker after all')
    wait_for(lambda: s.get('/none').status == 404, 'an answer')
    s._base = {}


def test_stop_through_the_command_line(server, conf):
    import subprocess
    s = server(conf())

    def send(name):
        done = subprocess.run([s.binary, '-p', f'{s.prefix}/', '-c', 'conf/nginx.conf', '-e', 'logs/error.log', '-s', name],
                              capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr
    before = s.workers()
    send('reload')
    wait_for(lambda: s.workers() and not set(before) & set(s.workers()), 'new workers')
    send('reopen')
    s.wait_log('reopening logs')
    send('quit')
    assert ended(s) == 0


def test_stop_kills_a_worker_that_hangs(server, conf):
    s = server(conf(main='worker_processes 1;'))
    s.excuse('exited on signal 9')
    pid = s.workers()[0]
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    s.signal('TERM')
    assert ended(s) == 0 and time.monotonic() - start < 6
    assert not processes.alive(pid)
