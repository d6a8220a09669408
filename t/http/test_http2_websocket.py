"""WebSocket over HTTP/2 (RFC 8441): an extended CONNECT becomes an Upgrade of HTTP/1.1, and its 101 a 200."""
import socket
import struct
import time

import pytest

from lib import h2
from lib.h2 import Peer
from lib.messages import reply
from lib.upstream import Held
from lib.wait import wait_for

pytestmark = pytest.mark.sluice_only('nginx does not speak RFC 8441')

CONF = r'''
    log_format h2 '$request|$status|$request_method';
    access_log logs/h2.log h2;
    server {
        listen 127.0.0.1:%%main%% http2;
        location / {
            proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
        }
        location /text { return 200 text; }
    }
'''

SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\nX-A: 1\r\n\r\n'
WEBSOCKET = [(':protocol', 'websocket')]
VERSION = [('sec-websocket-version', '13'), ('sec-websocket-protocol', 'chat')]


def connect(peer, path='/chat', protocol='websocket', fields=VERSION):
    peer.until(lambda: peer.settings is not None, 'SETTINGS')
    assert peer.settings[h2.ENABLE_CONNECT_PROTOCOL] == 1
    return peer.ask(path, 'CONNECT', fields, end=False, pseudo=[(':protocol', protocol)])


def echoing(seen):
    """Switches, and sends back whatever comes up to "bye"; what the request was goes to `seen`."""
    def script(up, _):
        seen.append(up.request())
        up.send(SWITCH)
        while data := up.socket.recv(65536):
            up.socket.sendall(data)
            if data.endswith(b'bye'):
                break
    return script


@pytest.fixture
def seen():
    return []


@pytest.fixture
def tunnels(server, scripted, seen):
    return server(CONF, ports={'up': scripted(echoing(seen)).port})


@pytest.fixture
def peer(tunnels):
    with Peer(('127.0.0.1', tunnels.port())) as made:
        yield made


def test_bytes_go_both_ways(peer, tunnels, seen):
    stream = connect(peer)
    peer.until(lambda: peer.stream(stream).fields, 'the answer')
    answer = peer.stream(stream)
    assert answer.status == 200 and answer['x-a'] == '1'
    assert not {'upgrade', 'connection', 'sec-websocket-accept', 'content-length'} & set(dict(answer.fields))
    [request] = seen
    assert (request.method, request.target) == ('GET', '/chat')
    assert request.headers['Upgrade'] == 'websocket' and request.headers['Connection'].lower() == 'upgrade'
    assert request.headers['Sec-WebSocket-Version'] == '13' and request.headers['Sec-WebSocket-Protocol'] == 'chat'
    assert len(request.headers['Sec-WebSocket-Key']) == 24
    for piece in (b'hello', b'\x00\r\n\r\n', b'x' * 10_000):
        before = len(answer.body)
        peer.data(stream, piece)
        peer.until(lambda: len(answer.body) == before + len(piece), 'the echo')
        assert answer.body[before:] == piece
    assert peer.get('/text').text == 'text', 'others go on'
    peer.data(stream, b'bye', True)
    peer.response(stream)
    assert answer.ended and answer.body.endswith(b'bye')
    assert 'CONNECT /chat HTTP/2.0|200|GET' in tunnels.access(2, 'logs/h2.log')


def test_the_upstream_has_the_last_word(server, scripted):
    """As browsers close a WebSocket: END_STREAM with the closing frame, and the upstream's is still to come."""
    gate = Held()

    def script(up, _):
        up.request()
        up.send(SWITCH)
        assert up.socket.recv(5, socket.MSG_WAITALL) == b'close'
        gate.pass_()
        up.send(b'x' * 200_000 + b'closed')
    instance = server(CONF, ports={'up': scripted(script).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = connect(peer)
        peer.until(lambda: peer.stream(stream).fields, 'the answer')
        peer.data(stream, b'close', True)
        peer.ping()
        gate.open()
        answer = peer.response(stream)
        assert (len(answer.body), answer.body[-6:], answer.ended, answer.reset) == (200_006, b'closed', True, None)


@pytest.mark.parametrize('early', [False, True], ids=['after the switch', 'before it'])
def test_an_upstream_that_does_not_close(server, scripted, early):
    """It has five seconds for its last word, or proxy_read_timeout if that is less."""
    gate = Held()

    def script(up, _):
        up.request()
        if early:
            gate.pass_()
        up.send(SWITCH)
        assert up.socket.recv(5, socket.MSG_WAITALL) == b'close'
        assert up.socket.recv(1) == b'', 'the end comes at last'
    upstream = scripted(script)
    instance = server(CONF, ports={'up': upstream.port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = connect(peer)
        if not early:
            peer.until(lambda: peer.stream(stream).fields, 'the answer')
        peer.data(stream, b'close', True)
        peer.ping()
        gate.open()
        began = time.monotonic()
        answer = peer.response(stream)
        assert (answer.body, answer.ended, answer.reset) == (b'', True, None)
        assert time.monotonic() - began > 4
    wait_for(lambda: upstream.open == 0, 'the end of the upstream connection')


def test_what_comes_before_the_switch_waits(server, scripted):
    gate = Held()

    def script(up, _):
        up.request()
        gate.pass_()
        up.send(SWITCH)
        while data := up.socket.recv(65536):
            up.socket.sendall(data)
    instance = server(CONF, ports={'up': scripted(script).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = connect(peer)
        peer.data(stream, b'early')
        peer.ping()
        gate.open()
        peer.until(lambda: peer.stream(stream).body == b'early', 'the echo')


def test_no_window_before_the_body_is_wanted(server, scripted, seen):
    instance = server(CONF.replace('listen', 'http2_body_preread_size 0; listen'), ports={'up': scripted(echoing(seen)).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = connect(peer)
        peer.upload(stream, b'x' * 100_000, end=False)
        peer.until(lambda: len(peer.stream(stream).body) == 100_000, 'the echo')


def test_the_upstream_ends_it(server, scripted):
    def script(up, _):
        up.request()
        up.send(SWITCH + 'bye')
    instance = server(CONF, ports={'up': scripted(script).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        answer = peer.response(connect(peer))
        assert (answer.status, answer.body, answer.ended) == (200, b'bye', True)


def test_the_upstream_resets_it(server, scripted):
    """RFC 8441 §5: RST_STREAM with CANCEL stands for a TCP connection's reset."""
    arrived = Held()

    def script(up, _):
        up.request()
        up.send(SWITCH + 'part')
        arrived.pass_()
        up.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    instance = server(CONF, ports={'up': scripted(script).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = connect(peer)
        peer.until(lambda: peer.stream(stream).body == b'part', 'the bytes')
        arrived.open()
        answer = peer.response(stream)
        assert (answer.status, answer.reset, answer.ended) == (200, h2.CANCEL, False)
        assert peer.get('/text').text == 'text'
    assert instance.access(2, 'logs/h2.log')[0] == 'CONNECT /chat HTTP/2.0|200|GET'


def test_the_client_resets_it(peer, seen, tunnels):
    stream = connect(peer)
    peer.until(lambda: peer.stream(stream).fields, 'the answer')
    peer.send(h2.reset(stream))
    assert peer.get('/text').text == 'text'
    tunnels.access(2, 'logs/h2.log')


def test_a_slow_upstream_holds_the_client_up(server, scripted):
    gate = Held()

    def script(up, _):
        up.request()
        up.send(SWITCH)
        gate.pass_()
        tail = b''
        while not tail.endswith(b'end'):
            tail = (tail + up.socket.recv(65536))[-3:]
        up.send('got all')
        up.socket.recv(1)
    instance = server(CONF, ports={'up': scripted(script).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = connect(peer)
        peer.until(lambda: peer.stream(stream).fields, 'the answer')
        sent, piece = 0, b'x' * 10_000

        def has_room():
            return min(65536 + peer.windows.get(stream, 0), 65535 + peer.windows.get(0, 0)) - sent >= len(piece)
        while has_room() or (peer.ping(), has_room())[1]:
            assert sent < 100_000_000, 'the window never closed'  # the kernel's buffers take some millions
            peer.data(stream, piece)
            sent += len(piece)
        gate.open()
        peer.until(has_room, 'the window')
        peer.data(stream, b'end')
        peer.until(lambda: peer.stream(stream).body == b'got all', 'the answer')


@pytest.mark.parametrize('answer, status', [(reply('no', '403 Forbidden'), 403), (reply('fine'), 502)])
def test_an_upstream_that_does_not_switch(server, upstream, answer, status):
    """A 2xx would tell the client that the tunnel stands."""
    instance = server(CONF, ports={'up': upstream(answer).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        assert peer.response(connect(peer)).status == status


def test_other_protocols(peer):
    assert peer.response(connect(peer, protocol='chess')).status == 501


def test_protocol_is_for_connect_only(peer):
    assert peer.reset_code(peer.ask('/', 'GET', pseudo=WEBSOCKET)) == h2.PROTOCOL_ERROR


COUNT = 6  # more than the descriptors that the audit would overlook


@pytest.mark.parametrize('way', ['stream', 'connection'])
@pytest.mark.parametrize('waits', [False, True], ids=['silent', 'bytes wait'])
def test_a_reset_frees_it(server, scripted, way, waits):
    """Both sides of it, with and without bytes that wait for the client."""
    def script(up, _):
        up.request()
        up.send(SWITCH)
        if waits:
            up.send(b'x' * 10_000_000)
        up.socket.recv(1)
    upstream = scripted(script)
    instance = server(CONF, ports={'up': upstream.port})
    for _ in range(COUNT):
        with Peer(('127.0.0.1', instance.port())) as peer:
            peer.opens_windows = False
            stream = connect(peer)
            peer.until(lambda: peer.stream(stream).fields, 'the answer')
            if waits:
                peer.until(lambda: len(peer.stream(stream).body) == 65535, 'a full window')
            if way == 'stream':
                peer.send(h2.reset(stream))
                peer.ping()
            else:
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    assert instance.access(COUNT, 'logs/h2.log') == ['CONNECT /chat HTTP/2.0|200|GET'] * COUNT
    wait_for(lambda: upstream.open == 0, 'the end of the upstream connections')


def test_a_client_that_takes_nothing(server, scripted):
    upstream = scripted(lambda up, _: (up.request(), up.send(SWITCH), up.send(b'x' * 10_000_000)))
    instance = server(CONF.replace('listen', 'send_timeout 300ms; listen'), ports={'up': upstream.port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        peer.opens_windows = False
        connect(peer)
        instance.access(1, 'logs/h2.log')
        wait_for(lambda: upstream.open == 0, 'the end of the upstream connection')


def test_an_upstream_that_ends_while_bytes_wait(server, scripted):
    upstream = scripted(lambda up, _: (up.request(), up.send(SWITCH), up.send(b'x' * 200_000)))
    instance = server(CONF, ports={'up': upstream.port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        answer = peer.response(connect(peer))
        assert (answer.status, len(answer.body), answer.ended) == (200, 200_000, True)
    instance.access(1, 'logs/h2.log')
    wait_for(lambda: upstream.open == 0, 'the end of the upstream connection')
