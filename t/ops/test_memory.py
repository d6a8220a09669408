"""The memory of a worker is flat: over a million requests, and over connections that come and go."""
import contextlib
import re
import resource
import shutil
import socket
import subprocess
import time

import pytest

from lib import binary, processes
from lib.client import request
from lib.wait import wait_for

WRK = shutil.which('wrk')
SLACK = 256  # KiB: a page of an arena here and there; a byte lost per request is more
TEMP_PATHS = ''.join(f'{kind}_temp_path temp/{kind};' for kind in (
    'proxy', *(('fastcgi', 'uwsgi', 'scgi') if binary.is_nginx(binary.path()) else ())))


def is_sanitized():
    return '-fsanitize' in binary.version_text(binary.path())


pytestmark = pytest.mark.skipif(is_sanitized(), reason='a sanitizer keeps what is freed')


def memory(pid):
    """Resident private memory in KiB; files that are mapped are no concern of ours."""
    return int(re.search(rb'^RssAnon:\s*(\d+)', processes.read(pid, 'status'), re.M)[1])


def load(s, target, least):
    """So many requests at least, by wrk; none may fail."""
    done, end = 0, time.monotonic() + 40
    while done < least:
        assert time.monotonic() < end, f'only {done} requests in 40 s'
        out = subprocess.run([WRK, '-t1', '-c16', '-d1', f'http://127.0.0.1:{s.port()}{target}'],
                             capture_output=True, text=True, timeout=60, check=True).stdout
        assert 'Socket errors' not in out and 'Non-2xx' not in out, out
        done += int(re.search(r'(\d+) requests in', out)[1])
    return done


@pytest.mark.skipif(not WRK, reason='wrk is not installed (mk/deps test)')
@pytest.mark.parametrize('target, count', [('/fixed', 500_000), ('/file', 400_000), ('/proxied', 100_000)])
def test_memory_is_flat_over_a_million_requests(server, conf, target, count):
    s = server(conf(main='worker_processes 1;', http=f'access_log off; {TEMP_PATHS} keepalive_requests 1000000;', server='''
        location /fixed { return 200 fixed; }
        location /file { root html; }
        location /proxied { proxy_pass http://127.0.0.1:%%main%%/file; }'''), files={'html/file': 'x' * 1024})
    s.spare_descriptors(40)  # of connections to itself
    worker, = s.workers()
    load(s, target, 1000)
    before = memory(worker)
    load(s, target, count)
    assert memory(worker) - before <= SLACK


IDLE = 10_000


@contextlib.contextmanager
def idle_connections(s, count):
    """So many connections, each of which had an answer."""
    sockets = []
    try:
        for number in range(count):
            client = socket.socket()
            sockets.append(client)
            client.bind((f'127.0.1.{number % 8 + 1}', 0))  # ports of one address are few
            client.connect(('127.0.0.1', s.port()))
            client.sendall(request('GET', '/fixed'))
        for client in sockets:
            client.settimeout(20)
            data = b''
            while not data.endswith(b'fixed'):
                piece = client.recv(4096)
                assert piece, 'closed'
                data += piece
        yield
    finally:
        for client in sockets:
            client.close()


def test_memory_of_idle_connections(server, conf):
    """Each costs little, and nothing when it is gone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = IDLE if hard == resource.RLIM_INFINITY else min(IDLE, hard - 300)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        s = server(conf(main=f'worker_processes 1; worker_rlimit_nofile {count + 200};', events=f'worker_connections {count + 100};',
                        server='location /fixed { return 200 fixed; }', http='access_log off; keepalive_timeout 300;'))
        worker, = s.workers()
        with idle_connections(s, 50):
            start = memory(worker)
        with idle_connections(s, count):
            each = (memory(worker) - start) * 1024 / count
        wait_for(lambda: len(processes.descriptors(worker)) <= len(s._base[worker]), 'the end of the connections')
        before = memory(worker)
        with idle_connections(s, count):
            pass
        wait_for(lambda: len(processes.descriptors(worker)) <= len(s._base[worker]), 'the end of the connections')
        assert each < 1024, f'{each:.0f} bytes for an idle connection'
        assert memory(worker) - before <= SLACK
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
