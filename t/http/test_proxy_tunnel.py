"""After 101: however a tunnel ends, by the client, by the upstream or by time, all of it is given back and logged."""
import socket
import struct
import threading

import pytest

from lib import tls
from lib.client import request
from lib.wait import takes, wait_for

SWITCH = b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n'
ASK = request('GET', '/', {'Upgrade': 'echo', 'Connection': 'upgrade'})
MUCH = b'x' * 4_000_000  # more than what the kernel takes for a client that reads nothing
COUNT = 6  # more than the descriptors that the audit would overlook

CONF = '''ssl_certificate a.test.pem; ssl_certificate_key a.test.key;
    server { listen 127.0.0.1:%%main%% sndbuf=64k; listen 127.0.0.1:%%tls%% ssl; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
    location / { proxy_pass http://127.0.0.1:%%up%%; OPTIONS } }'''


@pytest.fixture
def tunnels(server, scripted):
    """tunnels(script, options) is a server whose upstream switches and then runs the script."""
    def start(script, options=''):
        def switch(peer, upstream):
            assert peer.request().headers['Upgrade'] == 'echo'
            peer.send(SWITCH)
            script(peer, upstream)
        up = scripted(switch)
        return server(CONF.replace('OPTIONS', options), ports={'up': up.port}, files=tls.files('a.test')), up
    return start


def opened(s, port='main', **options):
    c = (tls.connect(s, port, **options) if port == 'tls' else s.connect(port, **options)).send(ASK)
    assert c.response().status == 101
    return c


def reset(c):
    """By TLS as well: without a word."""
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    c.socket.close()


def assert_over(s, up, count=1):
    """Without the help of any timeout."""
    lines = s.access(count)
    assert len(lines) == count and all('"GET / HTTP/1.1" 101 ' in line for line in lines)
    wait_for(lambda: up.open == 0, 'the end of the upstream connections')


def echo(peer, _):
    while data := peer.socket.recv(65536):
        peer.send(data)


@pytest.mark.parametrize('port', ['main', 'tls'])
@pytest.mark.parametrize('way', ['silent', 'talking', 'unread'])
def test_client_resets(tunnels, port, way):
    s, up = tunnels(echo)
    for _ in range(COUNT):
        c = opened(s, port)
        if way != 'silent':
            c.send(b'hello')
        if way == 'unread':
            c.wait_readable()
        reset(c)
    assert_over(s, up, COUNT)
    if port == 'main' and way == 'silent':
        s.wait_log(r'\[info\] \d+#\d+: \*\d+ recv\(\) failed \(104: Connection reset by peer\) while proxying upgraded connection, client: 127.0.0.1, '
                   r'server: , request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:\d+/", host: "localhost"')


@pytest.mark.parametrize('port', ['main', 'tls'])
def test_client_resets_while_bytes_wait_for_it(tunnels, port):
    s, up = tunnels(lambda peer, _: peer.send(MUCH))
    for _ in range(COUNT):
        c = opened(s, port)
        c.wait_readable()
        reset(c)
    assert_over(s, up, COUNT)


def test_a_request_of_http_1_0_switches_too(tunnels):
    """As an nginx in front sends it, which speaks HTTP/1.0 to its upstreams unless told otherwise."""
    s, up = tunnels(echo)
    c = s.connect().send(ASK.replace(b'HTTP/1.1', b'HTTP/1.0'))
    assert c.response().status == 101
    c.send(b'hello')
    assert c.reader.take(5) == b'hello'
    c.close()
    assert '"GET / HTTP/1.0" 101 ' in s.access()[0]
    wait_for(lambda: up.open == 0, 'the end of the upstream connection')


def test_client_takes_nothing(tunnels):
    s, up = tunnels(lambda peer, _: peer.send(MUCH), 'send_timeout 300ms;')
    c = opened(s, receive_buffer=4096)
    assert_over(s, up)
    s.wait_log(r'\[info\] .* client timed out \(110: Connection timed out\) while ')
    c.close()


def test_slow_client_is_no_silent_upstream(tunnels):
    """`proxy_read_timeout` counts while the upstream may send."""
    s, up = tunnels(lambda peer, up: peer.send(MUCH) if up.connections == 1 else peer.socket.recv(1), 'proxy_read_timeout 300ms;')
    slow = opened(s)
    slow.wait_readable()  # the upstream knows which is the first
    silent = opened(s)
    assert silent.is_closed()  # the time of the one before is over, too
    assert len(slow.rest()) == len(MUCH)
    assert_over(s, up, 2)
    assert s.log().count('timed out (') == 1


@pytest.mark.parametrize('end', ['closes', 'resets'])
@pytest.mark.parametrize('port', ['main', 'tls'])
def test_upstream_ends(tunnels, port, end):
    s, up = tunnels(lambda peer, _: (peer.socket.recv(1), peer.reset() if end == 'resets' else None))
    for _ in range(COUNT):
        c = opened(s, port).send(b'x')
        assert c.is_closed()
    assert_over(s, up, COUNT)


def test_upstream_ends_while_bytes_wait_for_the_client(tunnels):
    has_ended = threading.Event()
    s, up = tunnels(lambda peer, _: (peer.send(MUCH), has_ended.set()))
    c = opened(s)
    size = 0
    while not has_ended.is_set():
        size += len(c.socket.recv(1024))
    assert size < len(MUCH), 'nothing waits'
    assert size + len(c.rest()) == len(MUCH)
    assert_over(s, up)


@pytest.mark.parametrize('port', ['main', 'tls'])
def test_client_closes_while_bytes_wait_for_it(tunnels, port):
    """It has said all it wants to say, and takes nothing."""
    s, up = tunnels(lambda peer, _: peer.send(MUCH), 'send_timeout 500ms;')
    c = opened(s, port, receive_buffer=4096)
    c.wait_readable()
    c.socket.shutdown(socket.SHUT_WR)
    with takes(0, 5):
        assert_over(s, up)
    c.close()


def test_idle(tunnels):
    s, up = tunnels(echo, 'proxy_read_timeout 300ms;')
    c = opened(s)
    with takes(0.2, 3):
        assert c.is_closed()
    assert_over(s, up)
    s.wait_log(r'\[info\] .* upstream timed out \(110: Connection timed out\) while proxying upgraded connection, client: ')


def test_leaving_worker_does_not_wait_for_a_dead_tunnel(tunnels):
    s, up = tunnels(echo)
    opened(s).reset()
    assert_over(s, up)
    old = s.workers()
    s.reload()
    wait_for(lambda: not set(old) & set(s.workers()), 'the end of the old worker')
