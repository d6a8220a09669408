"""grpc_next_upstream: which of its words stands for an upstream that breaks HTTP/2 itself."""
import pytest

from lib import h2, h2_upstream
from lib.h2 import Peer

CONF = '''
    upstream both { server 127.0.0.1:%%broken%% max_fails=0; server 127.0.0.1:%%up%% max_fails=0; }
    server { listen 127.0.0.1:%%main%% http2; location / { grpc_pass grpc://both; grpc_next_upstream RULE; } }
'''
BROKEN = {
    'no HTTP/2': lambda stream: b'HTTP/1.1 200 OK\r\n\r\nbody of a server that speaks something else',
    'settings too short': lambda stream: h2.frame(h2.SETTINGS, 0, 0, b'abc'),
    'settings that are wrong': lambda stream: h2.settings({h2.INITIAL_WINDOW_SIZE: 0x80000000}),
    'bad hpack': lambda stream: h2.frame(h2.HEADERS, h2.END_HEADERS, stream, b'\xff\xff\xff\xff\xff\xff'),
    'bad padding': lambda stream: h2.frame(h2.HEADERS, h2.END_HEADERS | h2.PADDED, stream, b'\xff\x88'),
    'frame too large': lambda stream: h2.frame(h2.DATA, 0, stream, b'd' * 20000),
    'data without head': lambda stream: h2.frame(h2.DATA, 0, stream, b'data'),
    'data on an idle stream': lambda stream: h2.frame(h2.DATA, 0, 999, b'data'),
    'continuation of nothing': lambda stream: h2.frame(h2.CONTINUATION, h2.END_HEADERS, stream, b'\x88'),
    'push': lambda stream: h2.frame(h2.PUSH_PROMISE, h2.END_HEADERS, stream, b'\0\0\0\2\x82\x84\x86'),
}


@pytest.fixture
def behind(server, scripted):
    """behind(script, rule): the answer of two servers, of which the first runs the script, what the second was asked, and the server."""
    def start(script, rule):
        up = scripted(h2_upstream.answering(b'found'))
        s = server(CONF.replace('RULE', rule), ports={'broken': scripted(script).port, 'up': up.port})
        with Peer(('127.0.0.1', s.port())) as peer:
            return peer.get('/'), up.requests, s
    return start


@pytest.mark.parametrize('name', BROKEN)
@pytest.mark.parametrize('rule, goes_on', [('invalid_header', True), ('error timeout', False)])
def test_upstream_that_breaks_http2(behind, name, rule, goes_on):
    def act(served, request):
        served.send(BROKEN[name](request.stream))
    answer, asked, _ = behind(h2_upstream.misbehaving(act), rule)
    assert (answer.status, len(asked)) == ((200, 1) if goes_on else (502, 0))


@pytest.mark.sluice_only('our own words')
@pytest.mark.parametrize('name', BROKEN)
def test_what_is_wrong_is_logged(behind, name):
    """It has not just closed the connection."""
    def act(served, request):
        served.send(BROKEN[name](request.stream))
    _, _, s = behind(h2_upstream.misbehaving(act), 'off')
    s.wait_log(r'\[error\] .* upstream sent invalid HTTP/2: \S')


@pytest.mark.sluice_only('nginx does not wait for SETTINGS, and takes what comes instead for an answer')
@pytest.mark.parametrize('rule, goes_on', [('invalid_header', True), ('error timeout', False)])
def test_upstream_that_does_not_begin_with_settings(behind, rule, goes_on):
    def script(peer, _):
        served = h2_upstream.Served(peer, greets=False)
        served.send(h2.frame(h2.PING, 0, 0, bytes(8)))
        served.rest()
    answer, asked, _ = behind(script, rule)
    assert (answer.status, len(asked)) == ((200, 1) if goes_on else (502, 0))


@pytest.mark.parametrize('rule, goes_on', [('error', True), ('invalid_header', False)])
def test_upstream_that_closes(behind, rule, goes_on):
    answer, asked, _ = behind(h2_upstream.misbehaving(lambda served, request: False), rule)
    assert (answer.status, len(asked)) == ((200, 1) if goes_on else (502, 0))
