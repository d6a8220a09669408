"""The memory of a worker is flat: over a million requests, over connections that come and go, over bodies without end."""
import contextlib
import itertools
import re
import resource
import shutil
import socket
import subprocess
import time

import pytest

from lib import binary, processes
from lib.client import request
from lib.upstream import Held
from lib.wait import wait_for

WRK = shutil.which('wrk')
SLACK = 256  # KiB: a page of an arena here and there; a byte lost per request is more
PATIENCE = 150  # seconds that a load may take on a machine which does other things as well
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
    done, end = 0, time.monotonic() + PATIENCE
    while done < least:
        assert time.monotonic() < end, f'only {done} requests in {PATIENCE} s'
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
IP_BIND_ADDRESS_NO_PORT = 24  # of <linux/in.h>: python 3.11 has no name for it


@contextlib.contextmanager
def idle_connections(s, count):
    """So many connections, each of which had an answer."""
    sockets = []
    try:
        for number in range(count):
            client = socket.socket()
            sockets.append(client)
            client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)  # bind would look long for a port that nothing has
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
        after = []
        for _ in range(4):
            with idle_connections(s, count):
                each = (memory(worker) - start) * 1024 / count
            wait_for(lambda: len(processes.descriptors(worker)) <= len(s._base[worker]), 'the end of the connections')
            after.append(memory(worker))
            assert each < 1024, f'{each:.0f} bytes for an idle connection'
        # What is kept for the next burst depends on how fast this one came, so one may add to it; what is lost adds up in each.
        assert min(later - earlier for earlier, later in itertools.pairwise(after)) <= SLACK // 4, after
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def settled_memory(pid):
    """Memory when it does not change any more."""
    readings = []

    def is_settled():
        readings.append(memory(pid))
        return len(readings) > 10 and len(set(readings[-10:])) == 1
    wait_for(is_settled, 'an end of the changes')
    return readings[-1]


SLOW = 150
SLOW_CONF = '''
    access_log off;  proxy_max_temp_file_size 0;
    server { listen 127.0.0.1:%%origin%%;  root html; }
    server { listen 127.0.0.1:%%main%% sndbuf=64k;  location / { proxy_pass http://127.0.0.1:%%origin%%;  OPTIONS } }
'''


@pytest.mark.parametrize('options', ['', 'proxy_buffering off;', 'proxy_buffers 4 16k;'], ids=['buffered', 'streamed', 'larger'])
def test_memory_of_clients_that_read_nothing(server, options):
    """What the directives promise, and what a connection costs: the rest waits in the upstream."""
    most = 192 if '16k' in options else 160  # KiB for both its ends, and for the origin's
    s = server(SLOW_CONF.replace('OPTIONS', options), files={'html/file': 'x' * 4_000_000},
               main='worker_processes 1;', events=f'worker_connections {4 * SLOW};')
    worker, = s.workers()
    before, sockets = memory(worker), []
    try:
        for _ in range(SLOW):
            sockets.append(client := socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(('127.0.0.1', s.port()))
            client.sendall(request('GET', '/file'))
        for client in sockets:
            client.settimeout(20)
            assert client.recv(1, socket.MSG_PEEK)
        assert (settled_memory(worker) - before) / SLOW < most
    finally:
        for client in sockets:
            client.close()


PIECES = 6000


class Ends:
    """Both ends of one exchange through the proxy, which the test holds in its hands."""

    def __init__(self, server, scripted, conf, options=''):
        self._peers, self._gate = [], Held()

        def script(peer, _):
            self._peers.append(peer)
            self._gate.pass_()
        self._up = scripted(script)
        self.server = server(conf(main='worker_processes 1;', http=f'access_log off; {TEMP_PATHS}',
                                  server=f'location / {{ proxy_pass http://127.0.0.1:%%up%%; {options} }}'), ports={'up': self._up.port})
        self.server.spare_descriptors(1)
        self.client = self.server.connect().socket
        self.worker, = self.server.workers()

    def peer(self):
        return wait_for(lambda: self._peers and self._peers[0].socket, 'a connection to the upstream')

    def end(self):
        self._gate.open()
        self.client.close()


def read_until(sock, end):
    data = b''
    while not data.endswith(end):
        piece = sock.recv(65536)
        assert piece, f'closed after {data[-100:]!r}'
        data += piece


def growth(ends, send, receive, data):
    """What the worker's memory grows by while pieces go one by one from an end to the other."""
    def pass_on(count):
        for _ in range(count):
            send.sendall(data)
            left = data.count(b'x')
            while left > 0:
                piece = receive.recv(65536)
                assert piece, 'closed'
                left -= piece.count(b'x')
    pass_on(500)
    before = memory(ends.worker)
    pass_on(PIECES)
    grown = memory(ends.worker) - before
    ends.end()
    return grown


CHUNK = b'4\r\nxxxx\r\n'
BULK = b'800\r\n' + b'x' * 2048 + b'\r\n'


@pytest.mark.parametrize('options, data', [('proxy_buffering off;', CHUNK), ('', BULK), ('proxy_buffering off; limit_rate 100m;', CHUNK)],
                         ids=['streamed', 'buffered', 'limited'])
def test_memory_of_an_endless_answer(server, scripted, conf, options, data):
    ends = Ends(server, scripted, conf, f'proxy_http_version 1.1; {options}')
    ends.client.sendall(request('GET', '/'))
    peer = ends.peer()
    read_until(peer, b'\r\n\r\n')
    peer.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    assert growth(ends, peer, ends.client, data) <= SLACK


@pytest.mark.parametrize('data', [CHUNK, BULK], ids=['small', 'large'])
def test_memory_of_an_endless_request(server, scripted, conf, data):
    ends = Ends(server, scripted, conf, 'proxy_http_version 1.1; proxy_request_buffering off; client_max_body_size 0;')
    ends.client.sendall(b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' + CHUNK)
    peer = ends.peer()
    read_until(peer, b'xxxx\r\n')
    assert growth(ends, ends.client, peer, data) <= SLACK


@pytest.mark.parametrize('is_upload', [False, True], ids=['down', 'up'])
def test_memory_of_a_tunnel(server, scripted, conf, is_upload):
    ends = Ends(server, scripted, conf, 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;')
    ends.client.sendall(request('GET', '/', {'Upgrade': 'x', 'Connection': 'upgrade'}))
    peer = ends.peer()
    read_until(peer, b'\r\n\r\n')
    peer.sendall(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n')
    read_until(ends.client, b'\r\n\r\n')
    assert growth(ends, *((ends.client, peer) if is_upload else (peer, ends.client)), b'xxxx') <= SLACK
