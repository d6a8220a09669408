"""TLS upstreams that misbehave: no TLS at all, cut short, broken records, ends without a goodbye, handshakes that never come to an end."""
import contextlib
import socket
import threading

import pytest

from lib import tls, tls_upstream
from lib.messages import reply
from lib.wait import DEADLINE, takes, wait_for

CONF = '''log_format v "$status|$upstream_status"; access_log logs/v.log v;
    server { listen 127.0.0.1:%%main%%; location / { proxy_pass https://127.0.0.1:%%up%%; proxy_http_version 1.1; OPTIONS } }'''


@pytest.fixture
def behind(server, scripted):
    """behind(script, options) is a server whose upstream runs the script, behind a handshake if `secure`."""
    def start(script, options='', secure=True, context=None):
        up = scripted(script, tls=(context or tls_upstream.context()) if secure else None)
        return server(CONF.replace('OPTIONS', options), files=tls.files('a.test'), ports={'up': up.port}), up
    return start


# Instead of a handshake

@pytest.mark.parametrize('answer, why', [
    (b'HTTP/1.1 400 Bad Request\r\n\r\n', 'wrong version number'),
    (b'\0' * 300, 'wrong version number'),
    (bytes(range(255, 100, -1)), 'wrong version number'),
    (b'\x16\x03\x03\xff\xff' + b'x' * 70000, '(packet length too long|record overflow)'),
    (b'\x16\x03\x03\x00\x04\x02\0\xff\xff', None),
    (b'\x15\x03\x03\x00\x02\x02\x28', 'alert handshake failure'),
    (b'\x16\x03\x03\x00\x04\x0e\0\0\0', 'unexpected message'),
    (b'\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x10' + b'y' * 16, None),
], ids=['http', 'zeros', 'bytes', 'oversized record', 'cut hello', 'alert', 'wrong message', 'data'])
def test_no_handshake(behind, answer, why):
    def script(peer, _):
        peer.socket.recv(9999)
        peer.send(answer)
    s, _ = behind(script, secure=False)
    assert s.get('/').status == 502
    if why:
        s.wait_log(rf'\[(error|crit)\] .* SSL_do_handshake\(\) failed \(SSL: error:\w+:SSL routines::.*{why}.*\) while SSL handshaking to upstream')
    else:
        s.wait_log(r'\[error\] .* (SSL_do_handshake\(\) failed|peer closed connection in SSL handshake).* while SSL handshaking to upstream')


def test_close_in_handshake(behind):
    s, _ = behind(lambda peer, _: peer.socket.recv(9999), secure=False)
    assert s.get('/').status == 502
    s.wait_log(r'\[error\] .* peer closed connection in SSL handshake while SSL handshaking to upstream')


def test_reset_in_handshake(behind):
    s, _ = behind(lambda peer, _: (peer.socket.recv(9999), peer.reset()), secure=False)
    assert s.get('/').status == 502
    s.wait_log(r'\[error\] .* peer closed connection in SSL handshake \(104: Connection reset by peer\) while SSL handshaking to upstream')


def test_silence_in_handshake(behind):
    s, _ = behind(lambda peer, _: peer.wait_closed(), 'proxy_connect_timeout 300ms;', secure=False)
    with takes(0.25, 5):
        assert s.get('/').status == 504
    s.wait_log(r'\[error\] .* upstream timed out \(110: Connection timed out\) while SSL handshaking to upstream')


def test_connecting_and_handshake_share_their_time(server):
    """A queue that is full lets the server in when it asks again, after a second. The handshake has what is left of two."""
    with socket.socket() as listener, contextlib.ExitStack() as others:
        listener.bind(('127.0.0.1', 0))
        listener.listen(0)
        port = listener.getsockname()[1]

        def waiting():
            """Those who were not let in yet (SYN_SENT)."""
            with open('/proc/net/tcp', encoding='ascii') as table:
                return sum(line.split()[2].endswith(f':{port:04X}') and line.split()[3] == '02' for line in table.readlines()[1:])
        while not waiting():
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(listener.getsockname())
        before = waiting()
        s = server(CONF.replace('OPTIONS', 'proxy_connect_timeout 2s;'), ports={'up': port})
        with s.connect() as c, takes(1.8, 2.9):
            c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
            wait_for(lambda: waiting() > before, 'the server in the queue')
            others.close()
            listener.settimeout(DEADLINE)
            accepted = []
            while not any(sock.recv(1, socket.MSG_PEEK) for sock in accepted):
                sock = others.enter_context(listener.accept()[0])
                sock.settimeout(DEADLINE)
                accepted.append(sock)
            assert c.response().status == 504
        s.wait_log(r'\[error\] .* upstream timed out \(110: Connection timed out\) while SSL handshaking to upstream')


def test_client_leaves_in_handshake(behind):
    s, up = behind(lambda peer, _: peer.wait_closed(), secure=False)
    c = s.connect()
    c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    wait_for(lambda: up.open == 1, 'the connection to the upstream')
    c.reset()
    wait_for(lambda: up.open == 0, 'its end')


# Within an answer

@pytest.mark.sluice_only('it loses the bytes before the garbage when both are read at once')
def test_garbage_within_an_answer(behind):
    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789')
        tls_upstream.send_raw(peer, b'\x17\x03\x03\x00\x20' + b'z' * 32)
    s, _ = behind(script)
    assert cut(s) == b'0123456789'
    s.wait_log(r'\[(error|crit)\] .* SSL_read\(\) failed \(SSL: error:.*:SSL routines::decryption failed or bad record mac\) while reading ')


def cut(s):
    """What comes of an answer that never ends as it should."""
    c = s.connect()
    c.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    head, _, body = c.rest().partition(b'\r\n\r\n')
    assert b'200 OK' in head and not body.endswith(b'0\r\n\r\n')
    return body


@pytest.mark.parametrize('goodbye', [True, False], ids=['goodbye', 'cut'])
def test_end_within_a_known_length(behind, goodbye):
    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789')
        if not goodbye:
            peer.socket.close()
    s, _ = behind(script)
    assert cut(s) == b'0123456789'
    s.wait_log(r'\[error\] .* upstream prematurely closed connection while reading upstream')


@pytest.mark.parametrize('goodbye', [True, False], ids=['goodbye', 'cut'])
def test_end_within_chunks(behind, goodbye):
    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56')
        if not goodbye:
            peer.socket.close()
    s, _ = behind(script)
    assert b'01234' in cut(s)
    s.wait_log(r'\[error\] .* upstream prematurely closed connection while reading upstream')


UNTIL_CLOSE = b'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n0123456789'


def test_goodbye_ends_a_body_of_unknown_length(behind):
    def script(peer, _):
        peer.request()
        peer.send(UNTIL_CLOSE)
    s, _ = behind(script)
    assert s.get('/').body == b'0123456789'


@pytest.mark.sluice_only('RFC 9112 section 9.8: without close_notify such a body may have been cut by anybody; nginx takes it for complete')
def test_no_goodbye_breaks_a_body_of_unknown_length(behind):
    def script(peer, _):
        peer.request()
        peer.send(UNTIL_CLOSE)
        peer.socket.close()
    s, _ = behind(script)
    assert b'0123456789' in cut(s)
    s.wait_log(r'\[error\] .* upstream prematurely closed connection while reading upstream')


def test_no_goodbye_behind_a_complete_answer(behind):
    def script(peer, _):
        peer.request()
        peer.send(reply('whole', headers=[('Connection', 'close')]))
        peer.socket.close()
    s, _ = behind(script)
    assert s.get('/').text == 'whole' and '[error]' not in s.log()


@pytest.mark.parametrize('how', ['goodbye', 'cut', 'reset'])
def test_end_instead_of_an_answer(behind, how):
    def script(peer, _):
        peer.request()
        if how == 'cut':
            peer.socket.close()
        if how == 'reset':
            peer.reset()
    s, _ = behind(script)
    assert s.get('/').status == 502
    s.wait_log(r'\[error\] .* (upstream prematurely closed connection|recv\(\) failed \(104: Connection reset by peer\)) '
               'while reading response header from upstream')


def test_silence_instead_of_an_answer(behind):
    s, _ = behind(lambda peer, _: peer.wait_closed(), 'proxy_read_timeout 300ms;')
    assert s.get('/').status == 504
    s.wait_log(r'upstream timed out \(110: Connection timed out\) while reading response header from upstream')


@pytest.mark.parametrize('size', [1, 7, 100])
def test_answer_in_small_records(behind, size):
    body = bytes(range(256)) * 4

    def script(peer, _):
        peer.request()
        data = reply(body, headers=[('Connection', 'close')])
        for at in range(0, len(data), size):
            peer.send(data[at:at + size])
    s, _ = behind(script)
    assert s.get('/').body == body


def test_records_in_small_packets(behind, scripted):
    """Each byte of the upstream's in a packet of its own: no record is ever complete when it begins to come."""
    inner = scripted(tls_upstream.telling(), tls=tls_upstream.context())
    s, _ = behind(tls_upstream.dribbling(inner.port), secure=False)
    assert s.get('/').status == 200


# Kept connections that have come to an end meanwhile

KEEP = '''upstream u { server 127.0.0.1:%%up%%; keepalive 4; }
    server { listen 127.0.0.1:%%main%%; location / { proxy_pass https://u; proxy_http_version 1.1; proxy_set_header Connection ""; } }'''


@pytest.mark.parametrize('how', ['goodbye', 'goodbye without an end', 'cut', 'reset', 'data'])
def test_kept_connection_that_has_ended(server, scripted, how):
    answered = threading.Semaphore(0)

    def script(peer, upstream):
        upstream.requests.append(peer.request())
        peer.send(reply(str(upstream.connections)))
        assert answered.acquire(timeout=DEADLINE)
        if how == 'goodbye without an end':
            raw = peer.socket.unwrap()
            raw.recv(1)
            raw.close()
        elif how == 'cut':
            peer.socket.close()
        elif how == 'reset':
            peer.reset()
        elif how == 'data':
            peer.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nunasked..')
            peer.wait_closed()
    up = scripted(script, tls=tls_upstream.context())
    s = server(KEEP, ports={'up': up.port})
    for count in range(1, 4):
        assert s.get('/').text == str(count)
        answered.release()
        wait_for(lambda: up.open == 0, 'the end of the connection')
