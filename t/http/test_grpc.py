"""grpc_pass: what upstreams are asked, what becomes of their answers, whom else is tried, and upstreams that break HTTP/2."""
import os
import random
import struct

import pytest

from lib import h2, h2_upstream
from lib.h2 import Peer
from lib.ports import free_port
from lib.upstream import Held
from lib.wait import takes, wait_for

CONF = '''
    underscores_in_headers on;
    server {
        listen 127.0.0.1:%%main%% http2;  listen 127.0.0.1:%%h1%%;
        OUTSIDE
        location / { grpc_pass grpc://127.0.0.1:%%up%%; INSIDE }
    }
'''
sluice_only = pytest.mark.sluice_only


@pytest.fixture
def passing(server, scripted):
    """passing(script, inside) starts a server and the upstream behind it: (connection to the server, upstream, server)."""
    def start(script, inside='', outside='', conf=None, **ports):
        up = scripted(script)
        s = server((conf or CONF).replace('OUTSIDE', outside).replace('INSIDE', inside), ports={'up': up.port, **ports})
        peer = Peer(('127.0.0.1', s.port()))
        s._connections.append(peer)
        return peer, up, s
    return start


# The request

def test_request_fields(passing):
    peer, up, s = passing(h2_upstream.answering(b'text'), 'grpc_set_header X-Set $request_method; grpc_set_header X-Gone ""; grpc_set_header Both 2;')
    stream = peer.ask('/a.b/C?d=%41', 'POST', [('te', 'trailers'), ('x-own', 'v'), ('x-gone', '1'), ('both', '1'), ('content-type', 'application/grpc')], end=False)
    peer.upload(stream, b'12345')
    assert peer.response(stream).text == 'text'
    asked = up.last
    assert asked.fields[:4] == [(':method', 'POST'), (':scheme', 'http'), (':path', '/a.b/C?d=%41'), (':authority', f'127.0.0.1:{up.port}')]
    assert asked['te'] == 'trailers' and asked['x-own'] == 'v' and asked['x-set'] == 'POST' and asked['content-type'] == 'application/grpc'
    assert [value for name, value in asked.fields if name == 'both'] == ['2']
    assert 'x-gone' not in asked and 'content-length' not in asked and 'host' not in asked and 'connection' not in asked
    assert asked.body == b'12345'


def test_host(passing):
    peer, up, _ = passing(h2_upstream.answering(b'x'), 'grpc_set_header Host $host;')
    assert peer.get('/', authority='own.test:12').status == 200
    assert dict(up.last.fields).get(':authority', dict(up.last.fields).get('host')) == 'own.test'  # nginx sends the second


def test_rewritten_path(passing):
    peer, up, _ = passing(h2_upstream.answering(b'x'), 'rewrite ^/a(.*) /b$1?x=y;')
    assert peer.get('/a%20c?d').status == 200
    assert up.last[':path'] == '/b%20c?x=y&d'


def test_http1_client(passing):
    _, up, s = passing(h2_upstream.answering(b'text', fields=[('x-a', 'b'), ('content-length', '4')]))
    response = s.request('POST', '/x', body=b'body', headers={'X-Own': 'v'}, port='h1')
    assert response.status == 200 and response.text == 'text' and response.headers['x-a'] == 'b' and response.headers['Content-Length'] == '4'
    assert up.last['content-length'] == '4' and up.last.body == b'body' and 'connection' not in up.last and 'te' not in up.last


@sluice_only('nginx drops them')
def test_request_trailers(passing):
    peer, up, _ = passing(h2_upstream.answering(b'x'))
    stream = peer.ask('/', 'POST', end=False)
    peer.data(stream, b'abc')
    peer.headers(stream, [('x-trailer', 'behind'), ('x-two', '2')])
    assert peer.response(stream).status == 200
    assert up.last.body == b'abc' and up.last.trailers == [('x-trailer', 'behind'), ('x-two', '2')]


@sluice_only('nginx says that the length is 0')
def test_head_request(passing):
    peer, up, _ = passing(h2_upstream.answering(fields=[('content-length', '10')]))
    answer = peer.get('/', method='HEAD')
    assert answer.status == 200 and answer['content-length'] == '10' and not answer.body


def test_variables_in_the_address(server, scripted):
    up = scripted(h2_upstream.answering(b'found'))
    s = server('''server { listen 127.0.0.1:%%main%% http2; location / { grpc_pass $arg_scheme$arg_to; } }''')
    with Peer(('127.0.0.1', s.port())) as peer:
        assert peer.get(f'/?to=127.0.0.1:{up.port}').text == 'found'
        assert peer.get(f'/?scheme=grpc://&to=127.0.0.1:{up.port}').text == 'found'
        assert peer.get('/?to=').status == 500
        assert peer.get('/?to=127.0.0.1:x').status == 500
    s.wait_log('no host in upstream ""')
    s.wait_log('invalid port in upstream "127.0.0.1:x"')


def test_unix_socket(server, scripted, tmp_path):
    path = tmp_path / 'up'
    up = scripted(h2_upstream.answering(b'text'), path=path)
    s = server(f'server {{ listen 127.0.0.1:%%main%% http2; location / {{ grpc_pass grpc://unix:{path}; }} location /bare {{ grpc_pass unix:{path}; }} }}')
    with Peer(('127.0.0.1', s.port())) as peer:
        assert peer.get('/').text == 'text' and peer.get('/bare').text == 'text'
    assert up.last[':authority'] == 'localhost'


# The answer

def test_answer(passing):
    peer, _, _ = passing(h2_upstream.answering(b'body', 201, [('x-a', '1'), ('server', 'theirs'), ('date', 'then'), ('x-accel-expires', '1')],
                                               [('grpc-status', '0'), ('x-behind', 'b')]))
    answer = peer.get('/')
    assert answer.status == 201 and answer['x-a'] == '1' and answer['server'] != 'theirs' and answer['date'] != 'then' and 'x-accel-expires' not in answer
    assert answer.text == 'body' and answer.trailers == [('grpc-status', '0'), ('x-behind', 'b')]


def test_answer_of_a_head_only(passing):
    peer, _, _ = passing(h2_upstream.answering(fields=[('grpc-status', '12'), ('content-type', 'application/grpc')]))
    answer = peer.get('/')
    assert answer.status == 200 and answer['grpc-status'] == '12' and answer.trailers is None and not answer.body


def test_hidden_fields(passing):
    peer, _, _ = passing(h2_upstream.answering(b'x', fields=[('x-a', '1'), ('x-b', '2'), ('server', 'theirs')]), 'grpc_hide_header X-A; grpc_pass_header Server;')
    answer = peer.get('/')
    assert 'x-a' not in answer and answer['x-b'] == '2' and answer['server'] == 'theirs'


def test_variables_of_the_answer(passing):
    """Fields behind the body are there for the log, hidden or not; names may have underscores of their own."""
    peer, _, s = passing(h2_upstream.answering(b'x', fields=[('x_a-b', 'head')], trailers=[('grpc-status', '5'), ('x_t-b', 't'), ('x-hidden', 'h')]),
                         'grpc_hide_header X-Hidden;', 'access_log logs/own.log own;',
                         conf='log_format own "$upstream_http_x_a_b|$upstream_trailer_grpc_status|$upstream_trailer_x_t_b|$upstream_trailer_x_hidden|'
                              '$upstream_trailer_none|$sent_trailer_x_hidden";' + CONF)
    assert peer.get('/').trailers == [('grpc-status', '5'), ('x_t-b', 't')]
    assert s.access(name='logs/own.log') == ['head|5|t|h|-|-']


@sluice_only('nginx 1.22 takes interim answers for errors')
def test_interim_answers(passing):
    def act(served, request):
        served.headers(request.stream, [(':status', '100')], end=False)
        served.headers(request.stream, [(':status', '103'), ('link', 'x')], end=False)
        served.answer(request, b'final')
    peer, _, _ = passing(h2_upstream.misbehaving(act))
    assert peer.get('/').text == 'final'


def test_intercepted(passing):
    peer, _, _ = passing(h2_upstream.answering(b'theirs', 503), 'grpc_intercept_errors on; error_page 503 /own;', 'location /own { return 200 ours; }')
    answer = peer.get('/')
    assert answer.text == 'ours'


@sluice_only('nginx opens all windows as far as they go')
def test_large_answer_to_a_slow_client(passing):
    """What the client does not take stays with the upstream: here, that it may send no more."""
    body = bytes(range(256)) * 8000
    sent = []

    def act(served, request):
        served.opens_windows = False
        served.headers(request.stream, [(':status', '200')], end=False)
        at = 0
        while at < len(body):
            def room():
                own = served.settings.get(h2.INITIAL_WINDOW_SIZE, 65535) + served.windows.get(request.stream, 0)
                return min(own - at, 65535 + served.windows.get(0, 0) - at, 16384)
            served.until(lambda: served.settings is not None and room() > 0, 'a window')
            piece = body[at:at + room()]
            at += len(piece)
            sent.append(len(piece))
            served.data(request.stream, piece, at == len(body))
    peer, _, _ = passing(h2_upstream.misbehaving(act))
    peer.opens_windows = False
    stream = peer.ask('/')
    peer.until(lambda: len(peer.stream(stream).body) == 65535, 'as much as the client takes')
    peer.ping()
    assert sum(sent) < len(body)
    peer.opens_windows = True
    peer.send(h2.window_update(0, 1 << 24) + h2.window_update(stream, 1 << 24))
    assert peer.response(stream).body == body


# Upstreams that fail

def refusing(code):
    return lambda served, request: served.send(h2.reset(request.stream, code)) and None


def raw_head(*fields):
    """A head of literal fields, which no encoder would write."""
    block = b''.join(b'\x00' + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in fields)
    return lambda served, request: served.send(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, request.stream, b'\x88' + block)) and None


def head(*fields, end=True):
    return lambda served, request: served.headers(request.stream, list(fields), end) and None


def frames(make):
    return lambda served, request: served.send(make(request.stream)) and None


BROKEN = {
    'closed': lambda served, request: False,
    'reset': refusing(h2.INTERNAL_ERROR),
    'goaway': lambda served, request: served.send(h2.frame(h2.GOAWAY, 0, 0, struct.pack('>II', 0, h2.PROTOCOL_ERROR))) and False,
    'no status': head(('x-a', 'b')),
    'status that is no number': head((':status', 'abc')),
    'status 101': head((':status', '101')),
    'upper case': raw_head((b'X-Upper', b'v')),
    'line feed': raw_head((b'x-a', b'v\ninjected: 1')),
    'carriage return': raw_head((b'x-a', b'v\r')),
    'nul': raw_head((b'x-a', b'v\0w')),
    'space in a name': raw_head((b'x a', b'v')),
    'colon in a name': raw_head((b'x:a', b'v')),
    'empty name': raw_head((b'', b'v')),
    'connection': raw_head((b'connection', b'close')),
    'transfer-encoding': raw_head((b'transfer-encoding', b'chunked')),
    'pseudo-header behind': head((':status', '200'), ('x-a', 'b'), (':status', '200')),
    'too large': head((':status', '200'), *((f'x-{i}', 'v' * 100) for i in range(200))),
    'two lengths': head((':status', '200'), ('content-length', '5'), ('content-length', '6')),
    'bad hpack': frames(lambda stream: h2.frame(h2.HEADERS, h2.END_HEADERS, stream, b'\xff\xff\xff\xff\xff\xff')),
    'data without head': frames(lambda stream: h2.frame(h2.DATA, 0, stream, b'data')),
    'data on an idle stream': frames(lambda stream: h2.frame(h2.DATA, 0, 999, b'data')),
    'oversized frame': frames(lambda stream: h2.frame(h2.DATA, 0, stream, b'd' * 20000)),
    'continuation first': frames(lambda stream: h2.frame(h2.CONTINUATION, h2.END_HEADERS, stream, b'\x88')),
    'something within a block': frames(lambda stream: h2.frame(h2.HEADERS, 0, stream, b'\x88') + h2.frame(h2.PING, 0, 0, bytes(8))),
    'push': frames(lambda stream: h2.frame(h2.PUSH_PROMISE, h2.END_HEADERS, stream, b'\0\0\0\2\x82\x84\x86')),
    'window of 0': frames(lambda stream: h2.window_update(0, 0)),
    'large window': frames(lambda stream: h2.window_update(0, 0x7fffffff) * 2),
    'bad settings': frames(lambda stream: h2.settings({h2.INITIAL_WINDOW_SIZE: 0x80000000})),
    'short settings': frames(lambda stream: h2.frame(h2.SETTINGS, 0, 0, b'abc')),
    'bad padding': frames(lambda stream: h2.frame(h2.HEADERS, h2.END_HEADERS | h2.PADDED, stream, b'\xff\x88')),
    'no HTTP/2': frames(lambda stream: b'HTTP/1.1 200 OK\r\n\r\nbody of a server that speaks something else'),
    'endless continuation': frames(lambda stream: h2.frame(h2.HEADERS, 0, stream, b'\x88') + b''.join(
        h2.frame(h2.CONTINUATION, 0, stream, b'\x00\x01a\x01b' * 100) for _ in range(200))),
}


@sluice_only('nginx is not as strict')
@pytest.mark.parametrize('name', BROKEN)
def test_broken_answer(passing, name):
    peer, up, s = passing(h2_upstream.misbehaving(BROKEN[name]))
    assert peer.get('/').status == 502
    s.wait_log(r'\[error\] .*upstream (sent|rejected|prematurely|closed) .* upstream: "grpc://')
    assert peer.get('/').status == 502  # the server goes on


BROKEN_BODIES = {
    'closed': lambda served, request: served.data(request.stream, b'some') and False,
    'reset': lambda served, request: served.data(request.stream, b'some').send(h2.reset(request.stream, h2.INTERNAL_ERROR)) and None,
    'short': lambda served, request: served.data(request.stream, b'some', True) and None,
    'long': lambda served, request: served.data(request.stream, b'some' * 5, True) and None,
    'trailers with a pseudo-header': lambda served, request: served.data(request.stream, b'0123456789').headers(request.stream, [(':status', '200')]) and None,
    'trailers too large': lambda served, request: served.data(request.stream, b'0123456789').headers(
        request.stream, [(f'x-{i}', 'v' * 100) for i in range(200)]) and None,
}


@sluice_only('nginx is not as strict')
@pytest.mark.parametrize('name', BROKEN_BODIES)
def test_broken_body(passing, name):
    def act(served, request):
        served.headers(request.stream, [(':status', '200'), ('content-length', '10')], end=False)
        return BROKEN_BODIES[name](served, request)
    peer, _, s = passing(h2_upstream.misbehaving(act))
    answer = peer.get('/')
    assert answer.reset is not None and not answer.ended
    what = {'closed': 'prematurely', 'reset': 'rejected request'}.get(name, 'sent')
    s.wait_log(rf'\[error\] .*upstream {what} .* while reading upstream')


def test_goaway_instead_of_an_answer(passing):
    peer, _, s = passing(h2_upstream.misbehaving(
        lambda served, request: served.send(h2.frame(h2.GOAWAY, 0, 0, struct.pack('>II', 0, h2.ENHANCE_YOUR_CALM))) and None))
    assert peer.get('/').status == 502
    s.wait_log(r'\[error\] .*upstream sent goaway with error 11 while reading response header from upstream')


def test_send_timeout(passing):
    """The window that the upstream never opens: from the last byte that went."""
    gate = Held()

    def script(peer, _):
        h2_upstream.Served(peer)
        gate.pass_()
    _, _, s = passing(script, 'grpc_send_timeout 1500ms;')
    with takes(1.4, 2.9):
        assert s.request('POST', '/', body=b'x' * 500_000, port='h1').status == 504
    s.wait_log(r'upstream timed out \(110: Connection timed out\) while sending request to upstream')
    gate.open()


def speaking(gate, size):
    """To "/" it says so many bytes at once, and never takes more than 1000 of the request; others get nothing."""
    def script(peer, _):
        served = h2_upstream.Served(peer, {h2.INITIAL_WINDOW_SIZE: 1000})
        served.opens_windows = False
        request = served.request(whole=False)
        if request[':path'] == '/':
            served.headers(request.stream, [(':status', '200')], end=False)
            served.upload_answer(request.stream, b'x' * size, False)
        gate.pass_()
    return script


def test_send_timeout_behind_the_head_of_the_answer(passing):
    gate = Held()
    peer, _, s = passing(speaking(gate, 4), 'grpc_send_timeout 1500ms;')
    stream = peer.ask('/', 'POST', end=False)
    peer.until(lambda: peer.stream(stream).body == b'xxxx', 'the beginning of the answer')
    with takes(1.4, 4):
        peer.upload(stream, b'y' * 500_000)
        assert peer.response(stream).reset is not None
    s.wait_log(r'upstream timed out \(110: Connection timed out\) while ')
    gate.open()


@sluice_only('nginx does not ask why')
def test_no_send_timeout_while_the_answer_waits_for_its_client(passing):
    """Where we do not take what it sends, the upstream may have no room for what we send."""
    gate = Held()
    peer, _, s = passing(speaking(gate, 200_000), 'grpc_send_timeout 300ms;', 'location /late { grpc_pass grpc://127.0.0.1:%%up%%; grpc_read_timeout 1500ms; }')
    peer.opens_windows = False
    stream = peer.ask('/', 'POST', end=False)
    peer.until(lambda: len(peer.stream(stream).body) == 65535, 'as much as the client takes')
    peer.data(stream, b'y' * 16384)
    assert s.get('/late', port='h1').status == 504
    assert peer.stream(stream).reset is None
    gate.open()


def test_timeouts(passing):
    peer, up, s = passing(h2_upstream.misbehaving(lambda served, request: None), 'grpc_read_timeout 200ms;')
    assert peer.get('/').status == 504
    s.wait_log(r'upstream timed out .* while reading response header from upstream')


def test_status_of_ours_by_error_page(passing):
    peer, _, _ = passing(h2_upstream.misbehaving(lambda served, request: False), 'error_page 502 = /grpc;',
                         'location /grpc { default_type application/grpc; add_header grpc-status 14; return 204; }')
    answer = peer.get('/')
    assert answer.status == 204 and answer['grpc-status'] == '14'


TWO = '''
    upstream both { server 127.0.0.1:%%down%% max_fails=0; server 127.0.0.1:%%up%% max_fails=0; }
    server { listen 127.0.0.1:%%main%% http2; location / { grpc_pass grpc://both; INSIDE } }
'''


@pytest.mark.parametrize('first,inside,tried', [
    (None, '', 2),
    (lambda served, request: False, '', 2),
    (lambda served, request: False, 'grpc_next_upstream off;', 1),
    (lambda served, request: False, 'grpc_next_upstream_tries 1;', 1),
    (lambda served, request: served.answer(request, b'', 503), 'grpc_next_upstream http_503;', 2),
    (lambda served, request: served.answer(request, b'', 503), '', 1),
    (raw_head((b'x a', b'v')), 'grpc_next_upstream invalid_header;', 2),
    (head(('x-a', 'b')), 'grpc_next_upstream invalid_header;', 2),
    (head(('x-a', 'b')), '', 1),
])
def test_next_upstream(passing, scripted, first, inside, tried):
    down = scripted(h2_upstream.misbehaving(first)).port if first else free_port()
    peer, up, s = passing(h2_upstream.answering(b'found'), inside, conf=TWO, down=down)
    answer = peer.get('/')
    assert (answer.text == 'found') == (tried == 2)
    assert len(up.requests) == tried - 1


# Many on a connection

SHARED = '''
    upstream shared { server 127.0.0.1:%%up%%; keepalive 8; KEEP }
    server { listen 127.0.0.1:%%main%% http2; location / { grpc_pass grpc://shared; } }
'''


@sluice_only('nginx has one request at a time on a connection')
def test_as_many_as_the_upstream_allows(passing):
    """With 3 streams at once, 10 requests at once need 4 connections at least; none has more than it may."""
    most, waiting = [], []

    def script(peer, upstream):
        served = h2_upstream.Served(peer, {h2.MAX_CONCURRENT_STREAMS: 3})
        own = 0
        while (request := served.request(whole=False)) is not None:
            upstream.requests.append(request)
            if request[':path'] == '/first':
                served.answer(request, b'first')
                continue
            own += 1
            most.append(own)
            waiting.append((served, request))
            if len(waiting) == 10:
                for connection, one in waiting:
                    connection.answer(one, b'held')
    peer, up, _ = passing(script, conf=SHARED.replace('KEEP', ''))
    assert peer.get('/first').text == 'first'
    streams = []
    for i in range(10):
        streams.append(peer.ask(f'/{i}'))
        wait_for(lambda: len(up.requests) == i + 2, f'request {i}')
    assert [answer.text for answer in peer.responses(streams)] == ['held'] * 10
    assert max(most) == 3 and up.connections >= 4


def test_keepalive_requests(passing):
    peer, up, _ = passing(h2_upstream.answering(b'x'), conf=SHARED.replace('KEEP', 'keepalive_requests 3;'))
    for _ in range(7):
        assert peer.get('/').text == 'x'
    assert up.connections == 3


def test_kept_connection(passing):
    peer, up, _ = passing(h2_upstream.answering(b'x'), conf=SHARED.replace('KEEP', ''))
    for _ in range(5):
        assert peer.get('/').text == 'x'
    assert up.connections == 1


def test_kept_connection_that_was_closed(passing):
    def script(peer, upstream):
        served = h2_upstream.Served(peer)
        request = served.request()
        upstream.requests.append(request)
        served.answer(request, b'x')
        served.finish()
    peer, up, _ = passing(script, conf=SHARED.replace('KEEP', ''))
    for _ in range(3):
        assert peer.get('/').text == 'x'
        wait_for(lambda: up.open == 0, 'the end of the connection')


@sluice_only('nginx has one request at a time on a connection')
def test_connections_that_others_break(passing):
    """Only the request for which a connection was made answers for its end; others move on, even more than once."""
    def script(peer, upstream):
        served = h2_upstream.Served(peer)
        number = upstream.connections
        own = []
        while (request := served.request()) is not None:
            upstream.requests.append(request)
            own.append(request)
            if len(upstream.requests) == 1 or number == 4:
                served.answer(request, b'%d' % number)
            elif len(own) == 5 - number:
                return
    peer, up, _ = passing(script, conf=SHARED.replace('KEEP', ''))
    assert peer.get('/').text == '1'
    answers = peer.responses([peer.ask(f'/{i}') for i in range(3)])
    assert [answer.status for answer in answers] == [502, 502, 200] and answers[2].text == '4'


@sluice_only('safe repetition is ours')
@pytest.mark.parametrize('size', [0, 10, 60_000])
@pytest.mark.parametrize('how', ['refused', 'goaway'])
def test_requests_that_were_not_acted_on(passing, how, size):
    """Behind a refusal nothing has happened: even what must not be repeated is asked again, on another connection."""
    def script(peer, upstream):
        served = h2_upstream.Served(peer)
        number = upstream.connections
        while (request := served.request(whole=number != 1)) is not None:
            if number == 1 and upstream.requests:
                if how == 'refused':
                    served.send(h2.reset(request.stream, h2.REFUSED_STREAM))
                    continue
                served.send(h2.frame(h2.GOAWAY, 0, 0, struct.pack('>II', request.stream - 2, 0)))
                continue
            upstream.requests.append(request)
            served.answer(request, b'%d' % number)
    peer, up, _ = passing(script, conf=SHARED.replace('KEEP', ''))
    assert peer.get('/').text == '1'
    body = b'abcdefghij' * (size // 10)
    assert peer.post('/', body).text == '2'
    assert up.last.body == body


@sluice_only('safe repetition is ours')
def test_a_body_that_goes_on_between_two_tries(passing):
    """Pieces that come while nobody is there to take them are not lost."""
    def script(peer, upstream):
        served = h2_upstream.Served(peer)
        number = upstream.connections
        while (request := served.request(whole=number != 1)) is not None:
            upstream.requests.append(request)
            if number == 1:
                served.until(lambda: request.body, 'the beginning of the body')
                served.send(h2.reset(request.stream, h2.REFUSED_STREAM))
            else:
                served.answer(request, b'second')
    peer, up, _ = passing(script, conf=SHARED.replace('127.0.0.1:%%up%%; keepalive', '127.0.0.1:%%up%%; server 127.0.0.1:%%up%%; keepalive').replace('KEEP', ''))
    stream = peer.ask('/', 'POST', end=False)
    for letter in b'abc':
        peer.data(stream, bytes([letter]))
    wait_for(lambda: len(up.requests) == 2 or up.connections == 2, 'the second try')
    for letter in b'def':
        peer.data(stream, bytes([letter]), letter == ord('f'))
    assert peer.response(stream).text == 'second' and up.last.body == b'abcdef'


@sluice_only('safe repetition is ours')
def test_a_body_that_is_too_large_to_be_sent_again(passing):
    def act(served, request):
        served.until(lambda: len(request.body) > 100_000, 'much of the body')
        served.send(h2.reset(request.stream, h2.REFUSED_STREAM))
    peer, up, _ = passing(h2_upstream.misbehaving(act), conf=SHARED.replace('KEEP', ''), outside='')
    stream = peer.ask('/', 'POST', end=False)
    peer.upload(stream, b'x' * 150_000, end=False)
    assert peer.response(stream).status == 502 and len(up.requests) == 1


@sluice_only('one stream of many is ours')
def test_a_reset_stream_harms_no_other(passing):
    def act(served, request):
        if request[':path'] == '/bad':
            served.send(h2.reset(request.stream, h2.INTERNAL_ERROR))
            served.answer(next(r for r in served.streams.values() if r[':path'] == '/held'), b'held')
        elif request[':path'] != '/held':
            served.answer(request, b'x')
    peer, up, _ = passing(h2_upstream.misbehaving(act), conf=SHARED.replace('KEEP', ''))
    assert peer.get('/').text == 'x'
    held = peer.ask('/held')
    wait_for(lambda: len(up.requests) == 2, 'the request that is held')
    assert peer.get('/bad').status == 502
    assert peer.response(held).text == 'held' and up.connections == 1


@sluice_only('one stream of many is ours')
def test_a_slow_client_stops_no_other(passing):
    body = b'b' * 200_000

    def act(served, request):
        served.answer(request, body if request[':path'] == '/large' else b'x')
    peer, up, _ = passing(h2_upstream.misbehaving(act), conf=SHARED.replace('KEEP', ''))
    assert peer.get('/').text == 'x'
    with Peer(peer.socket.getpeername(), {h2.INITIAL_WINDOW_SIZE: 0}) as slow:
        stream = slow.ask('/large')
        slow.until(lambda: slow.stream(stream).fields, 'a head')
        for _ in range(3):
            assert peer.get('/').text == 'x'
        assert up.connections == 1
        slow.send(h2.window_update(stream, 1 << 20) + h2.window_update(0, 1 << 20))
        assert slow.response(stream).body == body


def test_pings_are_answered_while_idle(passing):
    answered = []

    def act(served, request):
        served.answer(request, b'x')
        served.ping()
        answered.append(True)
    peer, _, _ = passing(h2_upstream.misbehaving(act), conf=SHARED.replace('KEEP', ''))
    assert peer.get('/').text == 'x'
    wait_for(lambda: answered, 'the answer to a PING')


@sluice_only('a soak of ours')
def test_random_calls(passing):
    """Both sides do anything at any time; in the end calls go through, and nothing is left (the fixture's audit)."""
    dice = random.Random(int(os.environ.get('SOAK_SEED', 3)))

    def act(served, request):
        if request[':path'] == '/sure':
            return served.answer(request, b'sure') and None
        how = dice.randrange(8)
        if how == 0:
            served.send(h2.reset(request.stream, dice.choice([h2.REFUSED_STREAM, h2.CANCEL, h2.INTERNAL_ERROR])))
        elif how == 1:
            served.headers(request.stream, [(':status', '200')], end=False)
            served.data(request.stream, b'd' * dice.randrange(5000)).send(h2.reset(request.stream))
        elif how == 2 and dice.random() < 0.3:
            served.send(h2.frame(h2.GOAWAY, 0, 0, struct.pack('>II', request.stream, 0)))
        elif how == 3 and dice.random() < 0.3:
            return False
        elif how < 7:
            served.answer(request, b'd' * dice.randrange(20_000), trailers=[('grpc-status', '0')] if dice.random() < 0.5 else None)
        return None
    peer, up, s = passing(h2_upstream.misbehaving(act), conf=SHARED.replace('KEEP', '').replace('keepalive 8', 'keepalive 2').replace(
        'grpc://shared; }', 'grpc://shared; grpc_read_timeout 300ms; } location = /status { stub_status; }'))
    for _ in range(int(os.environ.get('SOAK_CLIENTS', 25))):
        with Peer(peer.socket.getpeername(), {h2.INITIAL_WINDOW_SIZE: dice.choice([0, 1000, 65535])}) as client:
            streams = [client.ask(f'/{i}', 'POST', end=False) for i in range(20)]
            for stream in dice.sample(streams, 12):
                if dice.random() < 0.5:
                    client.send(h2.reset(stream))
                else:
                    client.data(stream, b'b' * dice.randrange(2000), dice.random() < 0.5)
            if dice.random() < 0.7:
                client.ping()
    wait_for(lambda: 'Active connections: 1 ' in peer.get('/status').text, 'the end of all that may break connections')
    assert peer.get('/sure').text == 'sure'
