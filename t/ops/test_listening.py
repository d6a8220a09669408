"""Listening sockets over reloads and upgrades: reuseport with changing numbers of workers, and how workers share them."""
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from lib import processes
from lib.client import Connection, request
from lib.daemon import workers_of
from lib.wait import takes, wait_for

OWN = 'location /own { return 200 $pid; }'


def listeners(port):
    """How many sockets listen on the port."""
    out = subprocess.run(['ss', '-Hltn', f'sport = :{port}'], capture_output=True, text=True, timeout=10, check=True).stdout
    return len(out.splitlines())


class Newcomers(threading.Thread):
    """Makes one connection after the other, asks once on each, and remembers failures and who has answered."""

    def __init__(self, port):
        super().__init__()
        self.address = ('127.0.0.1', port)
        self.stopped = threading.Event()
        self.failures = []
        self.workers = {}

    def run(self):
        while not self.stopped.is_set():
            try:
                with Connection(self.address) as connection:
                    answer = connection.send(request('GET', '/own', {'Connection': 'close'})).response()
                    assert answer.status == 200
                    self.workers[int(answer.body)] = self.workers.get(int(answer.body), 0) + 1
            except Exception as problem:  # every failure counts, whatever it is
                self.failures.append(repr(problem))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join(20)


def with_workers(s, count):
    """Reloads with another number of workers, and waits until the old ones are gone."""
    before = set(s.workers())
    s.write('conf/nginx.conf', re.sub(r'worker_processes \d+;', f'worker_processes {count};', s.read('conf/nginx.conf')))
    s.signal('HUP')
    wait_for(lambda: len(workers_of(s.process.pid)) == count and not before & set(processes.children(s.process.pid)),
             lambda: f'{count} new workers alone:\n{s.log()[-2000:]}')


def answered_by_all(newcomers, workers):
    """Waits until each of the workers has answered a new connection."""
    newcomers.workers = {}
    wait_for(lambda: set(newcomers.workers) >= set(workers), lambda: f'answers of {workers}: {newcomers.workers}')


def test_reuseport_gives_each_worker_a_socket(server, conf):
    text = conf(main='worker_processes 3;', server=OWN).replace('%%main%%;', '%%main%% reuseport;')
    s = server(text)
    assert listeners(s.port()) == 3
    with Newcomers(s.port()) as newcomers:
        answered_by_all(newcomers, s.workers())
    assert newcomers.failures == []


@pytest.mark.sluice_only('connections in the queue of a socket that is closed are lost')
def test_reuseport_while_the_number_of_workers_changes(server, conf):
    s = server(conf(main='worker_processes 2;', server=OWN).replace('%%main%%;', '%%main%% reuseport;'))
    with Newcomers(s.port()) as newcomers, Newcomers(s.port()) as others:
        most = 2
        for count in (4, 1, 3, 2, 5, 1):
            with_workers(s, count)
            most = max(most, count)
            assert listeners(s.port()) == most  # those that are too many are for all
            answered_by_all(newcomers, s.workers())
    assert newcomers.failures + others.failures == []
    s._base = {}


@pytest.mark.sluice_only('connections in the queue of a socket that is closed are lost')
def test_reuseport_over_an_upgrade(daemon, conf):
    s = daemon(conf(main='worker_processes 3;', server=OWN).replace('%%main%%;', '%%main%% reuseport;'))
    with Newcomers(s.port()) as newcomers:
        old, new = s.upgrade()
        wait_for(lambda: len(workers_of(new.pid)) == 3, 'workers of the new binary')
        assert listeners(s.port()) == 3
        old.send_signal(signal.SIGQUIT)
        wait_for(lambda: not processes.alive(old.pid), 'the end of the old master')
        s.follow(new)
        answered_by_all(newcomers, s.workers())
        with_workers(s, 1)
        answered_by_all(newcomers, s.workers())
    assert newcomers.failures == []
    s.follow(new)


def test_reuseport_comes_and_goes(server, conf):
    """An address that is taken by a plain socket may get several, and serve as one again."""
    s = server(conf(main='worker_processes 2;', server=OWN))
    plain = s.read('conf/nginx.conf')
    shared = re.sub(r'(listen [\d.:]+);', r'\1 reuseport;', plain)
    for text in (shared, plain, shared):
        s.write('conf/nginx.conf', text)
        s.reload()
        assert text == plain or listeners(s.port()) == 2
        with Newcomers(s.port()) as newcomers, Newcomers(s.port()) as others:
            wait_for(lambda: set(newcomers.workers) | set(others.workers) >= set(s.workers()), 'answers of both workers')
        assert newcomers.failures + others.failures == []


@pytest.mark.sluice_only('connections hang in the sockets of workers that are not there')
def test_reuseport_of_one_process_alone(server, conf):
    """`worker_processes` means nothing then, and no connection waits for a worker that is not there."""
    s = server(conf(main='master_process off;\nworker_processes 3;', server=OWN).replace('%%main%%;', '%%main%% reuseport;'))
    for _ in range(20):
        assert int(s.get('/own').body) == s.process.pid


def test_workers_that_leave_are_not_woken_for_new_connections(server, conf):
    """Of those that share a socket, the kernel wakes one for a connection: it must be one that accepts."""
    s = server(conf(main='worker_processes 2;', server=OWN))
    old = s.workers()
    busy = []
    while len({pid for pid, _ in busy}) < 2:
        connection = s.connect()
        busy.append((int(connection.get('/own').body), connection.send('GET /own HTTP/1.1\r\n')))
    s.signal('HUP')
    wait_for(lambda: len(workers_of(s.process.pid)) == 2 and not set(old) & set(workers_of(s.process.pid)), 'new workers')
    new = set(workers_of(s.process.pid))
    used = sum(map(processes.cpu_seconds, old))
    with takes(0, 5):
        for _ in range(100):
            assert int(s.get('/own').body) in new
    assert sum(map(processes.cpu_seconds, old)) - used < 0.05
    for pid, connection in busy:
        assert int(connection.send('Host: a\r\n\r\n').response().body) == pid
    wait_for(lambda: set(s.workers()) == new, 'the end of the old workers')
    s._base = {}


@pytest.mark.parametrize('events', ['multi_accept on;', 'multi_accept off;', 'accept_mutex on; accept_mutex_delay 20ms;'])
def test_a_hundred_connections_at_once(server, conf, events):
    s = server(conf(events=f'{events} worker_connections 256;', server=OWN))
    sockets = [socket.create_connection(('127.0.0.1', s.port())) for _ in range(100)]
    for one in sockets:
        one.sendall(request('GET', '/own', {'Connection': 'close'}))
    seen = set()
    for one in sockets:
        with one:
            one.settimeout(10)
            data = b''
            while piece := one.recv(4096):
                data += piece
            assert data.startswith(b'HTTP/1.1 200 ')
            seen.add(int(data.rpartition(b'\n')[2]))
    assert seen <= set(s.workers())


def test_no_worker_starves(server, conf):
    """Connections that stay open spread over the workers."""
    s = server(conf(events='accept_mutex off;', server=OWN))
    with Newcomers(s.port()) as newcomers, Newcomers(s.port()) as others:
        wait_for(lambda: set(newcomers.workers) | set(others.workers) == set(s.workers()), 'answers of both workers')
    assert newcomers.failures + others.failures == []


def kept(s):
    """A connection that stays open, and which worker has accepted it."""
    connection = s.connect()
    return connection, int(connection.get('/own').body)


def test_one_worker_at_a_time_accepts(server, conf):
    """accept_mutex: whoever has the turn keeps it until somebody else asks, and nobody does for a minute."""
    s = server(conf(events='accept_mutex on; accept_mutex_delay 60s;', server=OWN))
    assert len(s.workers()) == 2
    connections = [kept(s) for _ in range(20)]
    assert len({pid for _, pid in connections}) == 1
    for connection, pid in connections:
        assert int(connection.get('/own').body) == pid


def test_the_turn_of_a_worker_that_fails_passes_on(server, conf):
    s = server(conf(events='accept_mutex on; accept_mutex_delay 20ms;', server=OWN))
    s.excuse('exited on signal 9')
    connection, owner = kept(s)
    other = next(pid for pid in s.workers() if pid != owner)
    os.kill(owner, signal.SIGKILL)  # it has the turn while it waits
    wait_for(lambda: not processes.alive(owner), 'its end')
    assert int(s.get('/own').body) in {other, *s.workers()} - {owner}
    wait_for(lambda: len(set(s.workers()) - {owner}) == 2, 'a successor')
    connection.close()
    s._base = {}


@pytest.mark.sluice_only('it closes connections that it has no room for')
def test_a_full_worker_leaves_its_turn_to_others(server, conf):
    s = server(conf(events='accept_mutex on; accept_mutex_delay 20ms; worker_connections 12;',
                    server='location / { limit_rate 1k; add_header X-Worker $pid; }'), files={'html/long': 'x' * 1_000_000})
    busy = [s.connect().send(request('GET', '/long')) for _ in range(20)]  # more than one worker takes: 12, with io_uring a few more
    assert {int(connection.reader.head()[1]['X-Worker']) for connection in busy} == set(s.workers())
    for connection in busy:
        connection.close()


def test_reuseport_takes_no_turns(server, conf):
    text = conf(events='accept_mutex on; accept_mutex_delay 60s;', server=OWN)
    s = server(text.replace('%%main%%;', '%%main%% reuseport;'))
    with Newcomers(s.port()) as newcomers:
        wait_for(lambda: set(newcomers.workers) == set(s.workers()), 'answers of both workers')
    assert newcomers.failures == []
