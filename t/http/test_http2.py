"""HTTP/2 with clients that do as they should: requests and answers, bodies both ways, priorities, the end of connections."""
import subprocess

import pytest

from lib import binary, h2
from lib.h2 import Peer
from lib.messages import reply
from lib.wait import takes, wait_for

BIG = (bytes(i * 7 % 251 for i in range(251)) * 8000)[:2_000_000]

CONF = r'''
    large_client_header_buffers 4 8k;
    log_format h2 '$request|$status|$body_bytes_sent|$http2|$server_protocol|$connection_requests|$request_length';
    access_log logs/h2.log h2;
    server {
        listen 127.0.0.1:%%main%% http2;
        server_name localhost;
        location / { root html; }
        location /text { return 200 "text\n"; }
        location /vars { return 200 "$http2|$server_protocol|$request_method|$http_host|$host|$scheme|$http_cookie|$http_x_a"; }
        location /none { return 204; }
        location /fields { add_header X-One 1; add_header Connection upgrade; return 200 x; }
        location /limited { limit_rate 20k; alias html; }
        location /up/ { proxy_pass http://127.0.0.1:%%up%%/; client_max_body_size 100m; }
        location /tight/ { proxy_pass http://127.0.0.1:%%up%%/; client_max_body_size 1k; }
        location /streamed/ {
            proxy_pass http://127.0.0.1:%%up%%/; proxy_http_version 1.1; proxy_request_buffering off; client_max_body_size 100m;
        }
        location /unbuffered/ { proxy_pass http://127.0.0.1:%%up%%/; proxy_buffering off; }
    }
    server { listen 127.0.0.1:%%main%%; server_name other; location / { return 200 other; } }
'''


def echo(request):
    return reply(request.body, headers={'X-Method': request.method, 'X-Target': request.target,
                                'X-Length': request.headers.get('Content-Length', '-')})


@pytest.fixture
def h2server(server, upstream):
    return server(CONF, files={'html/small': 'small', 'html/big': BIG}, ports={'up': upstream(echo).port})


@pytest.fixture
def peer(h2server):
    with Peer(('127.0.0.1', h2server.port())) as made:
        yield made


def test_a_request_by_prior_knowledge(h2server, peer):
    answer = peer.get('/text')
    assert (answer.status, answer.text) == (200, 'text\n')
    assert answer['content-length'] == '5' and 'connection' not in answer
    assert peer.get('/text?a=1').status == 200
    lines = h2server.access(2, 'logs/h2.log')
    assert lines[0].startswith('GET /text HTTP/2.0|200|5|h2c|HTTP/2.0|1|')
    assert lines[1].startswith('GET /text?a=1 HTTP/2.0|200|5|h2c|HTTP/2.0|2|')


def test_what_variables_say(peer):
    fields = [('cookie', 'a=1'), ('x-a', 'yes'), ('cookie', 'b=2')]
    assert peer.get('/vars', fields).text == 'h2c|HTTP/2.0|GET|localhost|localhost|http|a=1; b=2|yes'


def test_the_server_is_chosen_by_authority(peer):
    assert peer.get('/x', authority='other').text == 'other'
    stream = peer.new_stream()
    peer.headers(stream, [(':method', 'GET'), (':scheme', 'http'), (':path', '/x'), ('host', 'OTHER:80')])
    assert peer.response(stream).text == 'other', 'Host serves where there is no :authority'


@pytest.mark.parametrize('method', ['get', 'Get', 'G3T'])
def test_a_method_has_upper_case_only(h2server, peer, method):
    """As with HTTP/1: who is asked next may take it for another one."""
    assert peer.get('/text', method=method).status == 400
    h2server.wait_log(f'client sent invalid method: "{method}"')


@pytest.mark.parametrize('cut', range(1, len(h2.PREFACE) + 10))
def test_the_preface_in_two_pieces(h2server, cut):
    data = h2.PREFACE + h2.settings({})
    with Peer(('127.0.0.1', h2server.port()), preface=False) as peer:
        peer.send(data[:cut])
        peer.send(data[cut:])
        assert peer.get('/text').text == 'text\n'


@pytest.mark.sluice_only('nginx 1.22 speaks nothing but HTTP/2 where listen says http2')
@pytest.mark.parametrize('pieces', [('GET / HT', 'TP/1.1'), ('P', 'OST / HTTP/1.1'), ('PRI', 'NT / HTTP/1.1')])
def test_http1_on_the_same_port(h2server, pieces):
    with h2server.connect() as c:
        c.send(pieces[0])
        c.send(pieces[1] + '\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n')
        assert c.response().status in (200, 403, 405, 404)


def test_many_streams_at_once(peer):
    streams = [peer.ask('/small' if i % 2 else '/text') for i in range(100)]
    assert [answer.text for answer in peer.responses(streams)] == ['text\n', 'small'] * 50


def test_a_large_file(peer):
    assert peer.get('/big').body == BIG


def test_head_and_no_content(peer):
    answer = peer.response(peer.ask('/big', 'HEAD'))
    assert (answer.status, answer.body, answer['content-length']) == (200, b'', str(len(BIG)))
    assert (peer.get('/none').status, peer.get('/none').body) == (204, b'')


def test_conditions_and_ranges(peer):
    first = peer.get('/small')
    assert peer.get('/small', [('if-none-match', first['etag'])]).status == 304
    part = peer.get('/big', [('range', 'bytes=1000-1999')])
    assert (part.status, part.body) == (206, BIG[1000:2000])


@pytest.mark.sluice_only('nginx lets add_header write them')
def test_fields_of_connections_stay_behind(peer):
    answer = peer.get('/fields')
    assert answer['x-one'] == '1' and 'connection' not in answer
    assert all(name == name.lower() for name, _ in answer.fields)


def test_error_pages_and_missing_files(peer):
    assert peer.get('/missing').status == 404
    assert peer.response(peer.ask('/text', 'TRACE')).status == 405


# Bodies of requests


@pytest.mark.parametrize('size', [0, 1, 16384, 70_000, 1_000_000])
@pytest.mark.parametrize('path', ['/up/', '/streamed/'])
def test_bodies_of_any_size(peer, path, size):
    answer = peer.post(path + 'x', BIG[:size])
    assert (answer.status, answer.body, answer['x-method']) == (200, BIG[:size], 'POST')


def test_a_body_with_its_length(peer):
    answer = peer.post('/up/', b'12345', [('content-length', '5')])
    assert (answer.body, answer['x-length']) == (b'12345', '5')


def test_a_body_with_padding(peer):
    stream = peer.ask('/up/', 'POST', end=False)
    peer.send(h2.frame(h2.DATA, h2.PADDED, stream, b'\x03abc\0\0\0'))
    peer.send(h2.frame(h2.DATA, h2.PADDED | h2.END_STREAM, stream, b'\x00def'))
    assert peer.response(stream).body == b'abcdef'


@pytest.mark.parametrize('name, status', [('authorization', 400), ('if-none-match', 400), ('expect', 400), ('content-range', 400), ('user-agent', 200)])
def test_a_field_twice(peer, name, status):
    assert peer.get('/text', [(name, '"a"'), (name, '"b"')]).status == status
    assert peer.get('/text').status == 200, 'the connection goes on'


def test_a_body_that_is_too_large(peer):
    stream = peer.ask('/tight/', 'POST', [('content-length', '2000')], end=False)
    assert peer.response(stream).status == 413
    stream = peer.ask('/tight/', 'POST', end=False)
    peer.data(stream, b'x' * 2000)
    assert peer.response(stream).status == 413
    assert peer.get('/text').status == 200, 'the connection goes on'


@pytest.mark.parametrize('is_reset', [True, False])
def test_completion_of_what_a_client_does_not_take(server, is_reset):
    instance = server(r'''log_format done '$status|$request_completion'; access_log logs/done.log done;
        server { listen 127.0.0.1:%%main%% http2; location / { return 200 "answer"; } }''')
    with Peer(('127.0.0.1', instance.port()), {h2.INITIAL_WINDOW_SIZE: 2}) as peer:
        stream = peer.ask('/')
        peer.until(lambda: peer.stream(stream).body == b'an', 'what the window allows')
        if is_reset:
            peer.send(h2.reset(stream))
            peer.ping()
    assert instance.access(1, 'logs/done.log') == ['200|']


def test_an_answer_before_the_body_ends_the_stream(peer):
    stream = peer.ask('/text', 'POST', end=False)
    assert peer.response(stream).text == 'text\n'
    assert peer.reset_code(stream) == h2.NO_ERROR


def test_bodies_of_many_streams_together(peer):
    streams = [peer.ask('/up/', 'POST', end=False) for _ in range(20)]
    for start in range(0, 3000, 1000):
        for stream in streams:
            peer.data(stream, BIG[start:start + 1000], start == 2000)
    assert {answer.body for answer in peer.responses(streams)} == {BIG[:3000]}


def test_a_slow_upstream_closes_the_window(server, scripted):
    """What the upstream does not take is not asked for: the body waits with the client."""
    from lib.upstream import Held
    gate = Held()
    got = []

    def slow(up, _):
        head = up.reader.until(b'\r\n\r\n') if hasattr(up.reader, 'until') else None
        gate.pass_()
        up.socket.settimeout(10)
        data = head or b''
        while b'\r\n0\r\n\r\n' not in data[-20:]:
            piece = up.socket.recv(65536)
            if not piece:
                break
            data += piece
        got.append(len(data))
        up.send(reply('done'))
    up = scripted(slow)
    instance = server(CONF, ports={'up': up.port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = peer.ask('/streamed/', 'POST', end=False)
        peer.until(lambda: peer.settings is not None, 'SETTINGS')
        sent = 0
        peer.socket.settimeout(0.3)
        try:
            while sent < 30_000_000:
                before = sent
                peer.ping(b'%08d' % sent)
                room = min(peer.settings[h2.INITIAL_WINDOW_SIZE] + peer.windows.get(stream, 0) - sent,
                           65535 + peer.windows.get(0, 0) - sent)
                while room > 0:
                    size = min(room, 16384)
                    peer.data(stream, b'x' * size)
                    sent += size
                    room -= size
                if sent == before:
                    break
        finally:
            peer.socket.settimeout(10)
        assert sent < 30_000_000, 'the windows never closed'
        gate.open()
        peer.data(stream, b'', True)
        assert peer.response(stream).text == 'done'
        assert got and got[0] > sent


@pytest.mark.sluice_only('nginx drops them')
@pytest.mark.parametrize('path', ['/up/', '/streamed/'])
def test_trailers_of_requests_go_on(server, scripted, path):
    """In chunks, since HTTP/1.1 knows no others. What has its place in front of a body does not come in behind it."""
    got = []

    def script(up, _):
        data = b''
        while not data.endswith(b'\r\n\r\n') or b'\r\n0\r\n' not in data:
            data += up.socket.recv(65536)
        got.append(data)
        up.send(reply('ok'))
    instance = server(CONF.replace('/up/ { proxy_pass', '/up/ { proxy_http_version 1.1; proxy_set_header X-Set yes; proxy_pass'),
                      ports={'up': scripted(script).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = peer.ask(path, 'POST', end=False)
        peer.data(stream, b'body')
        peer.headers(stream, [('x-sum', '1234'), ('x-other', 'a b'), ('cookie', 'evil=1'), ('x_under', '1'),
                              *([('x-set', 'evil')] if path == '/up/' else [])])
        assert peer.response(stream).text == 'ok'
    [request] = got
    assert b'\r\nTransfer-Encoding: chunked\r\n' in request and b'Content-Length' not in request
    assert request.partition(b'\r\n\r\n')[2] == b'4\r\nbody\r\n0\r\nx-sum: 1234\r\nx-other: a b\r\n\r\n'


@pytest.mark.sluice_only('nginx drops them')
@pytest.mark.parametrize('announced, fields, framing, sent', [
    (True, [('x-sum', '1')], b'Transfer-Encoding: chunked', b'4\r\nbody\r\n0\r\nx-sum: 1\r\n\r\n'),
    (True, [], b'Transfer-Encoding: chunked', b'4\r\nbody\r\n0\r\n\r\n'),
    (False, [('x-sum', '1')], b'Content-Length: 4', b'body'),
], ids=['announced', 'announced in vain', 'not announced'])
def test_trailers_behind_a_length(server, scripted, announced, fields, framing, sent):
    """A body that is passed on as it comes is framed before its trailers are there: the Trailer field tells of them."""
    got = []

    def script(up, _):
        data = b''
        while not data.endswith(sent):
            data += up.socket.recv(65536)
        got.append(data)
        up.send(reply('ok'))
    instance = server(CONF, ports={'up': scripted(script).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = peer.ask('/streamed/', 'POST', [('content-length', '4'), *([('trailer', 'x-sum')] if announced else [])], end=False)
        peer.data(stream, b'body', end=not fields)
        if fields:
            peer.headers(stream, fields)
        assert peer.response(stream).text == 'ok'
    head, _, body = got[0].partition(b'\r\n\r\n')
    assert framing in head.split(b'\r\n') and body == sent
    assert (b'Content-Length' in head) != (b'Transfer-Encoding' in head)


# Output and its limits


def test_flow_control_of_a_stream(h2server):
    with Peer(('127.0.0.1', h2server.port()), {h2.INITIAL_WINDOW_SIZE: 1000}) as peer:
        peer.opens_windows = False
        stream = peer.ask('/big')
        peer.until(lambda: len(peer.stream(stream).body) == 1000, 'a full window')
        peer.ping()
        assert len(peer.stream(stream).body) == 1000
        assert peer.response(peer.ask('/text')).text == 'text\n', 'others are not held up'
        peer.send(h2.window_update(stream, 500))
        peer.until(lambda: len(peer.stream(stream).body) == 1500, 'the rest of the window')
        peer.send(h2.settings({h2.INITIAL_WINDOW_SIZE: 2000}))
        peer.until(lambda: len(peer.stream(stream).body) == 2500, 'the window grew for streams that are open')


def test_flow_control_of_the_connection(h2server):
    with Peer(('127.0.0.1', h2server.port()), {h2.INITIAL_WINDOW_SIZE: 1 << 20}) as peer:
        peer.opens_windows = False
        streams = [peer.ask('/big'), peer.ask('/big')]
        bodies = lambda: sum(len(peer.stream(stream).body) for stream in streams)
        peer.until(lambda: bodies() == 65535, 'a full window')
        peer.ping()
        assert bodies() == 65535
        peer.send(h2.window_update(0, 1000))
        peer.until(lambda: bodies() == 66535, 'the rest')


def test_limit_rate(peer, h2server):
    with takes(1.5, 6):
        stream = peer.ask('/limited/big', fields=[('range', 'bytes=0-49999')])
        peer.until(lambda: peer.stream(stream).fields, 'the head')
        assert peer.get('/text').status == 200, 'others go on'
        assert len(peer.response(stream).body) == 50000


@pytest.mark.sluice_only('RFC 9218 is younger than nginx 1.22')
def test_urgent_streams_come_first(h2server):
    with Peer(('127.0.0.1', h2server.port()), {h2.INITIAL_WINDOW_SIZE: 1 << 20}) as peer:
        peer.opens_windows = False
        first = peer.ask('/big')
        peer.until(lambda: len(peer.stream(first).body) == 65535, 'a full window of the connection')
        late = peer.ask('/big', fields=[('priority', 'u=7')])
        soon = peer.ask('/big', fields=[('priority', 'u=0')])
        peer.send(h2.frame(h2.PRIORITY_UPDATE, 0, 0, first.to_bytes(4, 'big') + b'u=6'))
        peer.ping()
        peer.send(h2.window_update(0, 60000))
        peer.until(lambda: len(peer.stream(soon).body) == 60000, 'the urgent one')
        assert peer.stream(late).body == b''
        peer.send(h2.frame(h2.PRIORITY_UPDATE, 0, 0, late.to_bytes(4, 'big') + b'u=0'))
        peer.send(h2.reset(soon) + h2.window_update(0, 60000))
        peer.until(lambda: len(peer.stream(late).body) == 60000, 'the one that became urgent')


def test_unbuffered_answers_come_as_they_are_made(server, scripted):
    from lib.upstream import Held
    gate = Held()

    def script(up, _):
        up.request()
        up.send('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nfirst')
        gate.pass_()
        up.send('second')
    instance = server(CONF, ports={'up': scripted(script).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = peer.ask('/unbuffered/')
        peer.until(lambda: peer.stream(stream).body == b'first', 'the first part')
        gate.open()
        assert peer.response(stream).text == 'firstsecond'


def test_trailers_of_answers(server):
    instance = server(r'''log_format sizes "$body_bytes_sent $bytes_sent"; access_log logs/sizes.log sizes; server {
        listen 127.0.0.1:%%main%% http2;
        location / { root html; add_trailer X-Sum "$status"; }
        location /e { root html; add_trailer X-Sum "$status"; }
    }''', files={'html/a': BIG[:100_000], 'html/empty': ''})
    if binary.is_nginx(binary.path()):
        pytest.skip('nginx sends trailers only where the length is unknown')
    with Peer(('127.0.0.1', instance.port())) as peer:
        answer = peer.get('/a')
        assert answer.body == BIG[:100_000] and answer.trailers == [('x-sum', '200')]
        assert answer['content-length'] == '100000', 'only HTTP/1 has no trailers behind a known length'
        sizes = [9 + size for kind, _, stream, size in peer.frames if stream == 1 and kind in (h2.HEADERS, h2.DATA)]
    assert instance.access(1, 'logs/sizes.log') == [f'100000 {sum(sizes)}'], 'trailers are no body, and frames are sent, too'


@pytest.mark.sluice_only('nginx 1.22 does not send it by HTTP/2')
def test_an_expectation_is_met(peer):
    stream = peer.ask('/up/', 'POST', [('expect', '100-continue')], end=False)
    peer.until(lambda: peer.stream(stream).interim, '100')
    assert peer.stream(stream).interim == [[(':status', '100')]]
    peer.data(stream, b'body', True)
    assert peer.response(stream).body == b'body'
    assert peer.get('/text', [('expect', 'more')]).status == 417


@pytest.mark.sluice_only('early_hints came with 1.29')
def test_early_hints(server, upstream):
    hints = b'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'
    instance = server(r'''log_format sizes '$body_bytes_sent'; access_log logs/sizes.log sizes;
    server {
        listen 127.0.0.1:%%main%% http2;
        location / { proxy_pass http://127.0.0.1:%%up%%; early_hints 1; }
    }''', ports={'up': upstream(hints + reply('final')).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        answer = peer.get('/')
        assert answer.interim == [[(':status', '103'), ('link', '</a.css>; rel=preload')]]
        assert answer.text == 'final'
    assert instance.access(1, 'logs/sizes.log') == ['5'], 'an interim head is no body'


# The end of connections


def test_keepalive_requests(server):
    instance = server(r'''server { listen 127.0.0.1:%%main%% http2; keepalive_requests 3; location / { return 200 x; } }''')
    with Peer(('127.0.0.1', instance.port())) as peer:
        for _ in range(3):
            assert peer.get().text == 'x'
        assert peer.goaway() == h2.NO_ERROR
        assert peer.goaways[-1][0] == 5, 'the last stream that was served'


def test_keepalive_timeout(server):
    instance = server(r'''server { listen 127.0.0.1:%%main%% http2; keepalive_timeout 400ms; location / { return 200 x; } }''')
    with Peer(('127.0.0.1', instance.port())) as peer:
        assert peer.get().text == 'x'
        with takes(0.3, 5):
            assert peer.goaway() == h2.NO_ERROR


@pytest.mark.sluice_only('client_header_timeout does not limit a head that has begun')
def test_a_head_that_never_ends(server):
    instance = server(r'''server { listen 127.0.0.1:%%main%% http2; client_header_timeout 400ms; location / { return 200 x; } }''')
    with Peer(('127.0.0.1', instance.port())) as peer:
        peer.acknowledges = False  # nothing may come between HEADERS and CONTINUATION
        block = peer.block([(':method', 'GET'), (':scheme', 'http'), (':path', '/'), (':authority', 'a')])
        peer.send(h2.frame(h2.HEADERS, h2.END_STREAM, 1, block))
        with takes(0.2, 5):
            peer.rest()
    instance.wait_log('client timed out')


def test_a_body_that_never_ends(server, upstream):
    instance = server(r'''server { listen 127.0.0.1:%%main%% http2; client_body_timeout 400ms;
        location / { proxy_pass http://127.0.0.1:%%up%%; } }''', ports={'up': upstream(echo).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = peer.ask('/', 'POST', end=False)
        peer.data(stream, b'begun')
        with takes(0.2, 5):
            answer = peer.response(stream)
        assert answer.reset is not None or answer.status == 408


def test_a_client_that_does_not_read(server):
    """It has until send_timeout from the last of what its windows let through."""
    instance = server(r'''server { listen 127.0.0.1:%%main%% http2; send_timeout 2s; location / { root html; } }''',
                      files={'html/big': BIG})
    with Peer(('127.0.0.1', instance.port())) as peer:
        peer.opens_windows = False
        stream = peer.ask('/big')
        for size in (65535, 66535, 67535):
            peer.until(lambda size=size: len(peer.stream(stream).body) == size, 'what the windows let through')
            peer.send(h2.window_update(0, 1000) + h2.window_update(stream, 1000))
        with takes(1.8, 3.4):
            assert peer.reset_code(stream) is not None
    instance.wait_log('client timed out')


@pytest.mark.sluice_only('nginx 1.22 names the last stream at once')
def test_quit_announces_the_end_first(h2server, peer):
    """RFC 9113 §6.8: requests that are on their way are still served."""
    peer.opens_windows = False
    peer.acknowledges = False
    stream = peer.ask('/big')
    peer.until(lambda: peer.stream(stream).body, 'the response')
    h2server.signal('HUP')
    peer.until(lambda: peer.goaways, 'GOAWAY')
    assert peer.goaways[0] == (2**31 - 1, h2.NO_ERROR)
    late = peer.ask('/text')
    peer.opens_windows = peer.acknowledges = True
    peer.send(h2.window_update(0, 1 << 20) + h2.window_update(stream, len(BIG)))
    assert peer.response(stream).body == BIG
    peer.send(h2.window_update(0, 1 << 20))
    assert peer.response(late).text == 'text\n'
    assert peer.goaway() == h2.NO_ERROR
    assert peer.goaways[-1][0] == late


@pytest.mark.sluice_only('the oracle does not announce it')
def test_behind_the_last_stream_nothing_is_acted_on(h2server, peer):
    """The PING whose answer tells that the client has heard of the end follows what announces it. A request right behind that answer is one too
    many: it is refused, and not served behind the client's back."""
    peer.opens_windows = peer.acknowledges = False
    stream = peer.ask('/big')
    peer.until(lambda: peer.stream(stream).body, 'the response')
    h2server.signal('HUP')
    peer.until(lambda: any(kind == h2.PING for kind, *_ in peer.frames), 'PING')
    assert [kind for kind, *_ in peer.frames if kind in (h2.PING, h2.GOAWAY)] == [h2.GOAWAY, h2.PING]
    late = peer.new_stream()
    fields = [(':method', 'GET'), (':scheme', 'http'), (':path', '/text'), (':authority', 'localhost')]
    peer.send(h2.frame(h2.PING, h2.ACK, 0, b'sluice\x00\x01') + h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, late, peer.block(fields)))
    assert peer.reset_code(late) == h2.REFUSED_STREAM
    peer.send(h2.reset(stream))
    assert peer.goaway() == h2.NO_ERROR and peer.goaways[-1][0] == stream
    assert [line.split('|')[0] for line in h2server.access(1, 'logs/h2.log')] == ['GET /big HTTP/2.0']


@pytest.mark.sluice_only('the oracle does not wait')
def test_an_idle_connection_ends_with_the_worker(h2server, peer):
    assert peer.get('/text').status == 200
    h2server.reload()
    assert peer.goaway() == h2.NO_ERROR


def test_a_client_that_cancels(server, scripted):
    from lib.upstream import Held
    gate = Held()
    seen = []

    def script(up, _):
        up.request()
        seen.append(1)
        seen.append(up.socket.recv(10))
        gate.open()
    instance = server(CONF, ports={'up': scripted(script).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = peer.ask('/up/')
        wait_for(lambda: seen, 'the request at the upstream')
        peer.send(h2.reset(stream))
        gate.pass_()
        assert seen[-1] == b'', 'the upstream hears of it'
        assert peer.get('/text').status == 200
    assert '|499|' in instance.access(2, 'logs/h2.log')[0]


# Other programs


def test_curl(h2server):
    url = f'http://127.0.0.1:{h2server.port()}'
    run = lambda *words: subprocess.run(['curl', '-sS', '--http2-prior-knowledge', '-m', '20', *words], capture_output=True, check=True).stdout
    assert run(f'{url}/text') == b'text\n'
    assert run(f'{url}/big') == BIG
    assert run('--data-binary', f'@{h2server.prefix}/html/big', f'{url}/up/') == BIG
    assert b'HTTP/2 200' in run('-I', f'{url}/big')


def test_h2load(h2server):
    done = subprocess.run(['h2load', '-n', '2000', '-c', '4', '-m', '32', f'http://127.0.0.1:{h2server.port()}/small'],
                          capture_output=True, text=True, check=True).stdout
    assert '2000 succeeded, 0 failed, 0 errored' in done


# Configuration


@pytest.mark.sluice_only('the directive came with 1.25')
def test_the_directive_switches_it_on(server):
    instance = server(r'''
        server { listen 127.0.0.1:%%main%%; http2 on; location / { return 200 $http2; } }
        server { listen 127.0.0.1:%%off%%; location / { return 200 "[$http2]"; } }''')
    with Peer(('127.0.0.1', instance.port())) as peer:
        assert peer.get().text == 'h2c'
    assert instance.get('/').body == b''
    assert instance.get('/', port='off').body == b'[]'
    with instance.connect('off') as c:
        c.send(h2.PREFACE)
        assert b'HTTP/2' not in c.rest()


@pytest.mark.sluice_only('they became obsolete with 1.19.7 and 1.25.1')
@pytest.mark.parametrize('line, instead', [
    ('http2_max_field_size 4k', 'large_client_header_buffers'), ('http2_max_header_size 16k', 'large_client_header_buffers'),
    ('http2_max_requests 1000', 'keepalive_requests'), ('http2_recv_timeout 30s', 'client_header_timeout'),
    ('http2_idle_timeout 3m', 'keepalive_timeout'), ('http2_max_concurrent_pushes 10', None),
    ('http2_push_preload on', None), ('http2_push /x', None)])
def test_obsolete_directives_warn(server, line, instead):
    instance = server(f'{line}; server {{ listen 127.0.0.1:%%main%%; location / {{ return 200 x; }} }}')
    name = line.split()[0]
    what = f'use the "{instead}" directive instead' if instead else 'ignored'
    instance.wait_log(rf'\[warn\].*the "{name}" directive is obsolete, {what} in ')


def test_settings_follow_the_directives(server):
    instance = server(r'''
        http2_recv_buffer_size 128k;
        server {
            listen 127.0.0.1:%%main%% http2; http2_max_concurrent_streams 7; http2_body_preread_size 20000; http2_chunk_size 500;
            http2_pool_size 4k; http2_streams_index_size 32; location / { root html; }
        }''', files={'html/a': BIG[:5000]})
    with Peer(('127.0.0.1', instance.port())) as peer:
        assert peer.get('/a').body == BIG[:5000]
        assert peer.settings[h2.MAX_CONCURRENT_STREAMS] == 7 and peer.settings[h2.INITIAL_WINDOW_SIZE] == 20000
        assert max(size for kind, _, _, size in peer.frames if kind == h2.DATA) == 500
