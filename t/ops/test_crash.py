"""Processes that are killed: nobody else notices, a successor takes the place, and none is started without end."""
import os
import signal
import subprocess
import threading
import time

import pytest

from lib import binary, processes
from lib.client import Connection, request
from lib.messages import Malformed
from lib.wait import wait_for

KILLED = r'worker process \d+ exited on signal 9'
TEMP_PATHS = ''.join(f'{kind}_temp_path temp/{kind};' for kind in (
    'proxy', *(('fastcgi', 'uwsgi', 'scgi') if binary.is_nginx(binary.path()) else ())))


class Client(threading.Thread):
    """Asks for its target on a kept connection, or each time on a new one. A failure is excused if the worker that served
    the connection, or may have taken it, was killed meanwhile."""

    def __init__(self, port, target, keeps, victims):
        super().__init__()
        self.port, self.target, self.keeps, self.victims = port, target, keeps, victims
        self.stopped = threading.Event()
        self.answered = 0
        self.excused = 0
        self.failures = []
        self.start()

    def run(self):
        while not self.stopped.is_set():
            killed, worker = len(self.victims), None
            try:
                with Connection(('127.0.0.1', self.port)) as connection:
                    for _ in range(10000 if self.keeps else 1):
                        killed = len(self.victims)
                        answer = connection.send(request('GET', self.target)).response()
                        assert answer.status == 200, answer
                        worker = int(answer.headers['X-Worker'])
                        self.answered += 1
                        if self.stopped.wait(0.002):
                            return
            except (AssertionError, Malformed, OSError) as problem:
                # The last of those before may not have been dead yet.
                suspects = self.victims[max(killed - 1, 0):] if worker is None else self.victims
                if suspects and worker in (None, *suspects):
                    self.excused += 1
                else:
                    self.failures.append(f'{problem!r}: {self.target}, served by {worker}, killed: {self.victims}')


def kill(s, pid, victims=None):
    """Kills a worker and waits for its successor."""
    before = set(s.workers())
    if victims is not None:
        victims.append(pid)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: pid not in s.workers() and len(s.workers()) == len(before), lambda: f'a successor:\n{s.log()[-2000:]}')
    assert before - {pid} <= set(s.workers())


@pytest.mark.parametrize('mutex', ['on', 'off'])
def test_killed_workers_under_traffic(server, conf, upstream, mutex):
    up = upstream(b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback')
    s = server(conf(
        main='worker_processes 3;', events=f'accept_mutex {mutex}; accept_mutex_delay 50ms;',
        http=f'{TEMP_PATHS} upstream back {{ zone back 64k; server 127.0.0.1:{up.port}; }}',
        server='add_header X-Worker $pid; location /own { return 200 own; } location /proxied { proxy_pass http://back; }'))
    s.excuse(KILLED)
    victims = []
    clients = [Client(s.port(), target, keeps, victims) for target in ('/own', '/proxied') for keeps in (True, True, True, False)]
    try:
        for _ in range(8):
            until = {client: client.answered + 10 for client in clients}
            wait_for(lambda until=until: all(client.answered >= count for client, count in until.items()), 'ten answers for everybody')
            kill(s, min(s.workers()), victims)  # the oldest
    finally:
        for client in clients:
            client.stopped.set()
        for client in clients:
            client.join(20)
    assert [failure for client in clients for failure in client.failures] == []
    assert sum(client.excused for client in clients) <= len(clients) * len(victims)
    assert s.log().count('exited on signal 9') == len(victims)
    assert s.get('/proxied').status == 200
    s._base = {}


def test_all_workers_killed_at_once(server, conf):
    s = server(conf(main='worker_processes 3;'))
    s.excuse(KILLED)
    before = s.workers()
    waiting = s.connect()
    assert waiting.get('/none').status == 404
    waiting.send('GET /none HTTP/1.1\r\nHost: a\r\n')
    s.signal('STOP')
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(map(processes.alive, before)), 'the end of all workers')
    late = s.connect().send(request('GET', '/none'))  # waits in the queue of the listening socket
    s.signal('CONT')
    wait_for(lambda: len(s.workers()) == 3 and not set(before) & set(s.workers()), 'three successors')
    assert waiting.rest() == b'' and late.response().status == 404
    s._base = {}


def test_one_killed_while_it_leaves_is_not_replaced(server, conf):
    s = server(conf(main='worker_processes 1;'))
    s.excuse(KILLED)
    old = s.workers()[0]
    busy = s.connect().send('GET /none HTTP/1.1\r\n')
    assert s.get('/none').status == 404
    s.signal('HUP')
    wait_for(lambda: 'shutting down' in processes.title(old), 'the old worker that leaves')
    started = s.log().count(': start worker process ')
    os.kill(old, signal.SIGKILL)
    s.wait_log(f'worker process {old} exited on signal 9')
    assert busy.rest() == b'' and s.get('/none').status == 404
    assert s.log().count(': start worker process ') == started and len(s.workers()) == 1
    s._base = {}


def test_the_upgrade_survives_killed_workers(daemon, conf):
    s = daemon(conf())
    s.excuse(KILLED)
    old, new = s.upgrade()
    for master in (old, new):
        s.follow(master)
        wait_for(lambda: len(s.workers()) == 2, 'both workers')
        kill(s, s.workers()[0])
    assert s.get('/none').status == 404
    old.send_signal(signal.SIGQUIT)
    wait_for(lambda: not processes.alive(old.pid), 'the end of the old master')
    s.follow(new)


def test_workers_outlive_a_killed_master(daemon, conf):
    s = daemon(conf())
    workers = s.workers()
    s.process.send_signal(signal.SIGKILL)
    wait_for(lambda: not processes.alive(s.process.pid), 'the end of the master')
    for _ in range(10):
        assert s.get('/none').status == 404
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not any(map(processes.alive, workers)), 'the end of the workers')
    s.process = None


# Workers that die at once

@pytest.mark.sluice_only('it starts workers again without limit')
def test_a_worker_that_dies_at_once_is_started_at_longer_and_longer_intervals(server, conf):
    s = server(conf(main='worker_processes 1;'))
    s.excuse(KILLED)
    before, end = s.log().count(': start worker process '), time.monotonic() + 2
    killed = set()
    while time.monotonic() < end:
        for pid in set(processes.children(s.process.pid)) - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        wait_for(lambda: set(processes.children(s.process.pid)) - killed or time.monotonic() >= end, 'the next one')
    assert 3 <= s.log().count(': start worker process ') - before <= 8
    wait_for(s.workers, 'a worker after all')
    wait_for(lambda: s.get('/none').status == 404, 'an answer')
    s._base = {}


def test_workers_that_cannot_run_are_not_started_again(conf, tmp_path):
    """The master goes on without, and a better configuration brings workers."""
    for name in ('logs', 'conf'):
        (tmp_path / name).mkdir()
    socket = f'{tmp_path}/main.sock'
    broken = f'working_directory {tmp_path}/none;'
    text = conf(main=broken).replace('127.0.0.1:%%main%%', f'unix:{socket}')
    (tmp_path / 'conf/nginx.conf').write_text(text)
    log = tmp_path / 'logs/error.log'
    directives = 'daemon off;' + (' user root;' if os.geteuid() == 0 else '')
    master = subprocess.Popen([binary.path(), '-p', str(tmp_path), '-c', 'conf/nginx.conf', '-e', 'logs/error.log', '-g', directives],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: log.exists() and log.read_text().count('exited with fatal code 2 and cannot be respawned') == 2, 'two dead workers')
        assert not processes.children(master.pid)
        (tmp_path / 'conf/nginx.conf').write_text(text.replace(broken, ''))
        master.send_signal(signal.SIGHUP)
        wait_for(lambda: len(processes.children(master.pid)) == 2, lambda: f'workers:\n{log.read_text()}')
        with Connection(socket) as connection:
            assert connection.get('/none').status == 404
        master.send_signal(signal.SIGQUIT)
        assert master.wait(10) == 0
        assert log.read_text().count(': start worker process ') == 4
    finally:
        if master.poll() is None:
            for pid in [*processes.children(master.pid), master.pid]:
                os.kill(pid, signal.SIGKILL)
            master.wait()
