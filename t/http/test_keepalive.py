"""Kept connections: when they stay, when they close, pipelining, timeouts, limits and lingering."""
import ctypes
import os
import socket
import struct
import time

import pytest

from lib.client import request
from lib.wait import takes, wait_for

PLAIN = 'server { listen 127.0.0.1:%%main%%; location / { return 200 $uri; } location /f { root html; } }'


@pytest.fixture(scope='module')
def site(module_server):
    return module_server(PLAIN, files={'html/f': 'file'})


@pytest.mark.parametrize('version, header, kept', [
    ('HTTP/1.1', None, True), ('HTTP/1.1', 'close', False), ('HTTP/1.1', 'keep-alive', True), ('HTTP/1.1', 'Close', False),
    ('HTTP/1.0', None, False), ('HTTP/1.0', 'keep-alive', True), ('HTTP/1.0', 'Keep-Alive', True), ('HTTP/1.0', 'close', False),
    ('HTTP/1.1', 'foo, close', False), ('HTTP/1.1', 'upgrade', True),
])
def test_connection_field(site, version, header, kept):
    c = site.connect().send(request('GET', '/', {'Connection': header}, version=version))
    assert c.response().headers['Connection'] == ('keep-alive' if kept else 'close')
    if kept:
        assert c.get('/again').text == '/again'
    else:
        assert c.is_closed()


def test_pipelining(site):
    c = site.connect().send(b''.join(request('GET', f'/{n}') for n in range(50)))
    assert [r.text for r in c.responses(50)] == [f'/{n}' for n in range(50)]
    assert c.is_open()


def test_pipelined_byte_by_byte(site):
    c = site.connect()
    for byte in b''.join(request('GET', f'/{n}', {'X': 'y'}) for n in range(3)):
        c.send(bytes([byte]))
    assert [r.text for r in c.responses(3)] == ['/0', '/1', '/2']


def test_pipelined_bodies(site):
    c = site.connect()
    c.send(request('POST', '/a', body='x' * 5000) + request('POST', '/b', body='GET /no HTTP/1.1\r\n\r\n') + request('GET', '/c'))
    assert [r.text for r in c.responses(3)] == ['/a', '/b', '/c']


def test_pipelined_then_half_closed(site):
    c = site.connect().send(request('GET', '/1') + request('GET', '/2')).finish_sending()
    assert [r.text for r in c.responses(2)] == ['/1', '/2'] and c.is_closed()


def test_close_in_the_middle_of_a_pipeline(site):
    c = site.connect().send(request('GET', '/1') + request('GET', '/2', {'Connection': 'close'}) + request('GET', '/3'))
    assert [r.text for r in c.responses(2)] == ['/1', '/2'] and c.is_closed()


def test_head_and_file_in_a_pipeline(site):
    c = site.connect().send(request('HEAD', '/f') + request('GET', '/f') + request('GET', '/none'))
    assert c.response('HEAD').headers['Content-Length'] == '4'
    assert [r.text for r in c.responses(2)] == ['file', '/none']


def test_requests_limit(server):
    s = server('keepalive_requests 3;' + PLAIN)
    c = s.connect()
    assert [c.get('/').headers['Connection'] for _ in range(3)] == ['keep-alive', 'keep-alive', 'close'] and c.is_closed()


def test_timeout(server):
    s = server('keepalive_timeout 300ms 7s;' + PLAIN)
    c = s.connect()
    r = c.get('/')
    assert r.headers['Keep-Alive'] == 'timeout=7'
    with takes(0.1, 2):
        assert c.is_closed()


def test_timeout_zero_disables(server):
    s = server('keepalive_timeout 0;' + PLAIN)
    c = s.connect()
    assert c.get('/').headers['Connection'] == 'close' and c.is_closed()


def test_time_of_a_connection_is_limited(server):
    s = server('keepalive_time 200ms;' + PLAIN)
    c = s.connect()
    wait_for(lambda: c.get('/').headers['Connection'] == 'close', 'the end of the connection', 3)
    assert c.is_closed()


def test_disable_for_browsers(server):
    s = server('keepalive_disable msie6; keepalive_disable safari;' + PLAIN)
    msie = {'User-Agent': 'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)'}
    safari = {'User-Agent': 'Mozilla/5.0 (Macintosh; Intel Mac OS X) AppleWebKit/5 (KHTML, like Gecko) Version/3.0 Safari/5'}
    assert s.connect().request('POST', '/', msie, 'x').headers['Connection'] == 'close'
    assert s.connect().request('GET', '/', msie).headers['Connection'] == 'keep-alive'
    assert s.connect().get('/', safari).headers['Connection'] == 'close'


def test_header_timeout(server):
    s = server('client_header_timeout 300ms;' + PLAIN)
    c = s.connect().send('GET / HTTP/1.1\r\nHost: a\r\n')
    with takes(0.1, 2):
        assert c.is_closed()
    wait_for(lambda: '" 408 0 ' in s.read('logs/access.log'), '408 in the access log')
    s.wait_log(r'\[info\] .* client timed out \(110: Connection timed out\) while reading client request headers, client')
    silent = s.connect()
    with takes(0.1, 2):
        assert silent.is_closed()


def test_reset_timedout_connection(server):
    s = server('client_header_timeout 200ms; reset_timedout_connection on;' + PLAIN)
    c = s.connect().send('GET / HTTP/1.1\r\n')
    with pytest.raises(ConnectionResetError):
        c.socket.recv(1)


@pytest.mark.parametrize('asked', [
    request('GET', '/silent'), request('POST', '/body', {'Content-Length': 9}) + b'abc',
    request('POST', '/body', {'Transfer-Encoding': 'chunked'}) + b'5\r\nab',
])
@pytest.mark.parametrize('resets', [True, False])
def test_reset_of_requests_that_end_without_an_answer(server, asked, resets):
    s = server(f'''reset_timedout_connection {"on" if resets else "off"};
        server {{ listen 127.0.0.1:%%main%%; location /silent {{ return 444; }}
                  location /body {{ client_body_timeout 200ms; proxy_pass http://127.0.0.1:1; }} }}''')
    with s.connect() as c:
        c.send(asked)
        if resets:
            with pytest.raises(ConnectionResetError):
                c.socket.recv(1)
        else:
            assert c.socket.recv(1) == b''


def test_send_timeout(server):
    s = server('send_timeout 300ms; server { listen 127.0.0.1:%%main%% sndbuf=8k; }', files={'html/big': b'x' * (8 << 20)})
    c = s.connect(receive_buffer=4096).send(request('GET', '/big'))
    s.wait_log(r'\[info\] .* client timed out \(110: Connection timed out\) while sending response to client')
    with pytest.raises(AssertionError, match='early'):
        c.response()


def test_send_timeout_counts_from_the_last_progress(server):
    s = server('send_timeout 2s; server { listen 127.0.0.1:%%main%% sndbuf=8k; }', files={'html/big': b'x' * (8 << 20)})
    c = s.connect(receive_buffer=4096).send(request('GET', '/big'))
    read = 0
    while read < 500_000:  # the server has waited, and gone on
        read += len(c.socket.recv(65536))
    with takes(1.8, 3.4):
        s.wait_log('client timed out')


@pytest.mark.parametrize('mode', ['on', 'always', 'off'])
def test_lingering_close(server, mode):
    s = server(f'lingering_close {mode}; lingering_timeout 200ms; client_max_body_size 1k;' + PLAIN)
    c = s.connect().send(request('POST', '/f', {'Content-Length': 100000}))
    assert c.response().status == 413
    c.send(b'x' * 1000)
    with takes(0, 3):
        c.rest()


def test_lingering_time(server):
    """However much still comes, reading it has an end. It is counted in seconds that may have begun before."""
    s = server('lingering_close always; lingering_timeout 9s; lingering_time 2s; client_max_body_size 1k;' + PLAIN)
    c = s.connect().send(request('POST', '/f', {'Content-Length': 100_000_000}))
    assert c.response().status == 413

    def is_refused():
        try:
            c.socket.sendall(b'x')
        except OSError:
            return True
        return False
    with takes(0.9, 8):
        wait_for(is_refused, 'the end of its patience')


def trickle(c, least):
    """A byte each 100 ms, for at least so many seconds; fails when the server has closed. How many there were."""
    end = time.monotonic() + least
    count = 0
    while time.monotonic() < end:
        count += 1
        c.socket.sendall(b'x')
        due = time.monotonic() + 0.1
        wait_for(lambda: time.monotonic() > due)
    return count


def test_lingering_goes_on_while_something_comes(server):
    """lingering_timeout is for silence."""
    s = server('lingering_timeout 1s; client_max_body_size 1k;' + PLAIN)
    c = s.connect().send(request('POST', '/f', {'Content-Length': 100_000}))
    assert c.response().status == 413
    trickle(c, 1.8)


@pytest.mark.parametrize('rest', [True, False])
def test_a_body_that_nobody_wanted_comes_slowly(server, rest):
    """The connection is kept: what is left of the body may come in pieces, but not after silence."""
    s = server('lingering_timeout 1s;' + PLAIN)
    c = s.connect().send(request('POST', '/', {'Content-Length': 100}))
    assert c.response().text == '/'
    sent = trickle(c, 1.8)
    if rest:
        c.send(b'x' * (100 - sent))
        assert c.get('/next').text == '/next'
    else:
        with takes(0.05, 5):
            assert c.is_closed()


def test_lingering_reads_what_is_still_coming(server):
    s = server('lingering_timeout 1s; client_max_body_size 1k;' + PLAIN)
    c = s.connect()
    c.send(request('POST', '/f', {'Content-Length': 500000}))
    c.send(b'x' * 500000)
    assert c.response().status == 413 and c.is_closed()


@pytest.mark.parametrize('begin, status', [(b'GET /', 414), (b'GET / HTTP/1.1\r\nHost: a\r\nX-Long: ', 400)])
def test_lingering_behind_a_head_that_is_too_large(server, begin, status):
    """A reset would cost the client the answer, and tell it of an error where there was one."""
    s = server('lingering_timeout 1s;' + PLAIN)
    c = s.connect()
    c.socket.sendall(begin + b'x' * 2_000_000)
    assert c.response().status == status
    assert c.socket.recv(1) == b''


def test_client_that_closes_at_once(site):
    for _ in range(20):
        site.connect().close()
        site.connect().reset()
        site.connect().send('GET ').reset()
        site.connect().send(request('GET', '/f')).reset()


def test_client_that_resets_right_behind_a_part(site):
    """However close the two come, the server hears of both; the audit finds connections that did not."""
    for _ in range(10_000):
        client = socket.create_connection(('127.0.0.1', site.port()))
        client.send(b'GET ')
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.close()


def test_worker_connections_make_room(server):
    s = server(PLAIN, events='worker_connections 12;')
    kept = [s.connect() for _ in range(30)]
    for c in kept:
        c.send(request('GET', '/'))
        c.wait_readable()
    assert s.get('/last').text == '/last'
    s.wait_log('worker_connections are not enough, reusing connections')


def no_delay_of(s, client):
    """TCP_NODELAY of the server's end of a connection: its worker's descriptor, borrowed."""
    libc, pidfd_getfd = ctypes.CDLL(None, use_errno=True), 438
    worker, = s.workers()
    pidfd = os.pidfd_open(worker)
    for fd in os.listdir(f'/proc/{worker}/fd'):
        borrowed = libc.syscall(pidfd_getfd, pidfd, int(fd), 0)
        try:
            with socket.socket(fileno=borrowed) as end:
                if end.family == socket.AF_INET and end.getpeername() == client.getsockname():
                    os.close(pidfd)
                    return end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        except OSError:
            continue
    raise AssertionError('no such connection in the worker')


def test_tcp_nodelay(server):
    s = server('server { listen 127.0.0.1:%%main%%; location /on { return 200 on; } location /off { tcp_nodelay off; return 200 off; } }')
    with s.connect() as c:
        for target, expected in (('/off', False), ('/off', False), ('/on', True)):
            assert c.get(target).text == target[1:]
            assert s.get('/off').text == 'off'  # the worker is past the first answer, not only at its last byte
            assert no_delay_of(s, c.socket) == expected


TCP_CLOSE_WAIT = 8  # the peer has said that it sends nothing more


def end_came_with_the_answer(client, sent):
    client.settimeout(10)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(sent)
    assert client.recv(65536).startswith(b'HTTP/1.1 200')
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO) == TCP_CLOSE_WAIT


@pytest.mark.sluice_only('its end is a packet of its own')
@pytest.mark.parametrize('version, header', [('HTTP/1.1', 'close'), ('HTTP/1.0', None)])
def test_the_last_packet_carries_the_end(site, version, header):
    """There is no moment between the two."""
    for _ in range(50):
        with socket.create_connection(('127.0.0.1', site.port())) as client:
            assert end_came_with_the_answer(client, request('GET', '/', {'Connection': header}, version=version))


@pytest.mark.parametrize('sent, more', [(request('POST', '/', {'Connection': 'close'}, body='x' * 100), b'\r\n'),
                                        (request('GET', '/ended'), request('GET', '/2'))], ids=['a line too many', 'the next request'])
def test_an_answer_is_not_lost_to_what_follows_its_request(server, sent, more):
    """It comes at any time, also between the answer and the end, and then resets the connection (RFC 9112 §2.2, §9.6)."""
    site = server('''server { listen 127.0.0.1:%%main%%; location / { return 200 ok; }
                     location /ended { keepalive_timeout 0; return 200 ok; } }''')
    for _ in range(500):
        with socket.create_connection(('127.0.0.1', site.port())) as client:
            client.settimeout(10)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.sendall(sent)
            client.sendall(more)
            assert client.recv(65536).endswith(b'ok')
