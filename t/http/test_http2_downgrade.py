"""What goes from HTTP/2 down to HTTP/1.1 is one request with the fields it had, byte for byte, whatever a client puts in; and what comes up is a message of HTTP/2."""
import re

import pytest

from lib import h2
from lib.h2 import INTERNAL_ERROR, PROTOCOL_ERROR, Peer
from lib.messages import reply

pytestmark = pytest.mark.sluice_only('nginx 1.22 is laxer, or answers with pages')

CONF = r'''
    underscores_in_headers on;  ignore_invalid_headers off;
    server {
        listen 127.0.0.1:%%main%% http2;
        server_name localhost;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location / { proxy_pass http://127.0.0.1:%%up%%; proxy_set_header Host $http_host; }
        location /streamed/ { proxy_pass http://127.0.0.1:%%up%%; proxy_request_buffering off; }
    }
    server { listen 127.0.0.1:%%main%%; server_name other; location / { proxy_pass http://127.0.0.1:%%up%%; proxy_set_header Host $http_host; } }
'''
EVERY_BYTE = range(256)
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Recorder:
    """An upstream that keeps what it gets, as bytes, and answers each head that ends: a second one would be a request too many."""

    def __init__(self):
        self.heads = []

    def __call__(self, up, _):
        data = b''
        while piece := up.socket.recv(65536):
            data += piece
            while b'\r\n\r\n' in data:
                head, _, data = data.partition(b'\r\n\r\n')
                self.heads.append(head)
                up.send(reply('ok'))


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def peer(server, scripted, recorder):
    """A connection, or one after the other: many malformed requests on one are a flood."""
    address = ('127.0.0.1', server(CONF, ports={'up': scripted(recorder).port}).port())
    made = [Peer(address)]

    def current():
        if made[-1]._next > 50:
            made.pop().close()
            made.append(Peer(address))
        return made[-1]
    yield current
    made[-1].close()


def ask(connection, changes=(), fields=()):
    peer = connection()
    head = {b':method': b'GET', b':scheme': b'http', b':path': b'/x', b':authority': b'localhost', **dict(changes)}
    stream = peer.new_stream()
    peer.headers(stream, [*((name, value) for name, value in head.items() if value is not None), *fields])
    return peer.response(stream)


def lines_of(head):
    """The request line's words and the fields of a head, which must be well-formed down to its bytes."""
    first, *lines = head.split(b'\r\n')
    assert not re.search(rb'[\r\n\0]', b''.join([first, *lines])), head
    words = first.split(b' ')
    assert len(words) == 3 and words[2] == b'HTTP/1.1' and TOKEN.fullmatch(words[0]), head
    fields = [line.partition(b': ')[::2] for line in lines]
    assert all(TOKEN.fullmatch(name) for name, _ in fields), head
    return words, fields


def passed(peer, recorder, byte, changes, fields):
    """What the upstream got of one request, or None when it was refused; there is never more than that."""
    before = len(recorder.heads)
    response = ask(peer, changes, fields)
    got = recorder.heads[before:]
    if response.reset is not None or response.status != 200:
        assert response.reset in (None, PROTOCOL_ERROR) and not got, f'byte {byte}: {got}'
        return None
    assert len(got) == 1, f'byte {byte}: {got}'
    return lines_of(got[0])


PLAIN = [(b'Host', b'localhost')]


def test_names(peer, recorder):
    """RFC 9113 §8.2.1: a name goes through as it is, or the request is malformed; ignore_invalid_headers is off."""
    seen = set()
    for byte in EVERY_BYTE:
        for name in (b'x%cy' % byte, b'%cxy' % byte, b'xy%c' % byte):
            if (got := passed(peer, recorder, byte, (), [(name, b'v')])) is not None:
                assert got[1] == [*PLAIN, (name, b'v')]
                seen.add(byte)
    assert seen == {byte for byte in EVERY_BYTE if TOKEN.fullmatch(bytes([byte])) and not 65 <= byte <= 90}


def test_values(peer, recorder):
    seen = set()
    for byte in EVERY_BYTE:
        for value in (b'a%cb' % byte, b'%cab' % byte, b'ab%c' % byte, b'a%cX-Own: 1' % byte):
            if (got := passed(peer, recorder, byte, (), [(b'x-a', value)])) is not None:
                assert got[1] == [*PLAIN, (b'x-a', value)]
                seen.add(byte)
    assert seen == {byte for byte in EVERY_BYTE if byte == 9 or (byte >= 32 and byte != 127)}


def test_paths(peer, recorder):
    """As sent, but for what begins another part."""
    for byte in EVERY_BYTE:
        for path in (b'/a%cb' % byte, b'/a?b%cc' % byte, b'%c/a' % byte, b'/a%c HTTP/1.1' % byte):
            if (got := passed(peer, recorder, byte, {b':path': path}, ())) is not None:
                assert got[0][1] == path and got[1] == PLAIN
                assert byte > 32 and byte != 127 and byte != ord('#')


def test_methods(peer, recorder):
    for byte in EVERY_BYTE:
        for method in (b'G%cT' % byte, b'%cGET' % byte, b'GET%c' % byte):
            if (got := passed(peer, recorder, byte, {b':method': method}, ())) is not None:
                assert got[0][0] == method and got[1] == PLAIN
                assert TOKEN.fullmatch(bytes([byte]))


@pytest.mark.parametrize('name', [b':authority', b'host'])
def test_authorities(peer, recorder, name):
    for byte in EVERY_BYTE:
        for value in (b'a%cb' % byte, b'%ca' % byte, b'a%c' % byte, b'a:%c' % byte, b'a%cX-Own: 1' % byte):
            changes, fields = ({name: value}, ()) if name == b':authority' else ({b':authority': None}, [(name, value)])
            if (got := passed(peer, recorder, byte, changes, fields)) is not None:
                assert got[1] == [(b'Host', value)]
                assert byte > 32 and byte != 127 and byte not in b'/?#@,\\"<>^`{|}', value


def test_schemes(peer, recorder):
    """They go nowhere: what the connection is decides."""
    for byte in EVERY_BYTE:
        if (got := passed(peer, recorder, byte, {b':scheme': b'a%cb' % byte}, ())) is not None:
            assert got[1] == PLAIN


@pytest.mark.parametrize('fields', [
    [(b'transfer-encoding', b'chunked')], [(b'content-length', b'5')], [(b'content-length', b'0'), (b'content-length', b'5')], [(b'host', b'other')],
    [(b'host', b'localhost'), (b'host', b'other')], [(b'connection', b'x-a')], [(b'te', b'chunked')], [(b'upgrade', b'websocket')],
    [(b'x-a', b'b\r\n\r\nGET /own HTTP/1.1\r\nHost: x\r\n\r\n')], [(b'x-a\r\n\r\nGET /own HTTP/1.1\r\nhost', b'x')], [(b'x-a: b\r\ny', b'c')],
    [(b'content-length ', b'5')], [(b'content-length:', b'5')], [(b'transfer-encoding', b'identity')], [(b'Transfer-Encoding', b'chunked')]], ids=str)
def test_forged_fields(peer, recorder, fields):
    """RFC 9113 §8.2.2, §10.3: what frames, routes or keeps a message of HTTP/1.1 is decided here."""
    assert ask(peer, fields=fields).reset == PROTOCOL_ERROR and not recorder.heads
    assert ask(peer).text == 'ok' and len(recorder.heads) == 1


def test_names_that_look_like_others(peer, recorder):
    """They are other fields, and stay so."""
    fields = [(b'content_length', b'5'), (b'transfer_encoding', b'chunked'), (b'content-length-', b'5'), (b'xtransfer-encoding', b'chunked')]
    assert ask(peer, fields=[*fields, (b'te', b'trailers'), (b'cookie', b'a=1'), (b'cookie', b'b=2')]).text == 'ok'
    assert lines_of(recorder.heads[0])[1] == [*PLAIN, *fields, (b'Cookie', b'a=1; b=2')]


def test_the_server_that_authority_names(peer, recorder):
    """RFC 9113 §8.3.1: it is the one that chooses the server and what the upstream hears as Host."""
    assert ask(peer, {b':authority': b'other'}).text == 'ok'
    assert ask(peer, {b':authority': b'other'}, [(b'host', b'localhost')]).reset == PROTOCOL_ERROR
    assert [lines_of(head)[1] for head in recorder.heads] == [[(b'Host', b'other')]]


@pytest.mark.parametrize('length, pieces', [('10', [b'12345']), ('10', [b'12345', b'6789012345']), ('3', [b'12345']), ('1', [b''])], ids=str)
def test_a_body_that_is_passed_on_has_its_length(server, scripted, length, pieces):
    """RFC 9113 §8.1.1: with the first bytes on their way, the upstream must not take what there is for a whole request, nor the rest for another."""
    got = []

    def script(up, _):
        data = b''
        while piece := up.socket.recv(65536):
            data += piece
        got.append(data)
    instance = server(CONF, ports={'up': scripted(script).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        stream = peer.ask('/streamed/', 'POST', [('content-length', length)], end=False)
        for piece in pieces:
            peer.data(stream, piece, piece is pieces[-1])
        assert peer.reset_code(stream) == PROTOCOL_ERROR and not peer.goaways
        peer.ping()
    for data in filter(None, got):
        head, _, body = data.partition(b'\r\n\r\n')
        assert b'Content-Length: %s' % length.encode() in head.split(b'\r\n') and len(body) < int(length)


# What comes up

def test_fields_of_the_connection_stay_behind(server, upstream):
    """RFC 9113 §8.2.2: also those that Connection names (RFC 9110 §7.6.1)."""
    raw = (b'HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nConnection: x-other\r\nX-Hop: 1\r\nX-Other: 2\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n'
           b'Upgrade: h2c\r\nTransfer-Encoding: chunked\r\nX-Stays: 3\r\nX-UPPER: 4\r\n\r\n2\r\nok\r\n0\r\n\r\n')
    instance = server(CONF, ports={'up': upstream(raw).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        answer = peer.get('/x')
    assert answer.text == 'ok'
    assert {name for name, _ in answer.fields} == {':status', 'server', 'date', 'x-stays', 'x-upper'}


def test_early_hints_of_a_connection(server, upstream):
    raw = b'HTTP/1.1 103 Early Hints\r\nConnection: x-hop\r\nX-Hop: 1\r\nLink: </a>\r\n\r\n' + reply('final')
    instance = server(CONF.replace('location / {', 'location / { early_hints 1;'), ports={'up': upstream(raw).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        assert peer.get('/x').interim == [[(':status', '103'), ('link', '</a>')]]


def test_fields_of_a_clients_connection(server, scripted):
    """The same on the way from HTTP/1.1 to an upstream of HTTP/2."""
    from lib import h2_upstream
    up = scripted(h2_upstream.answering(b'ok'))
    instance = server('server { listen 127.0.0.1:%%main%%; location / { grpc_pass grpc://127.0.0.1:%%up%%; } }', ports={'up': up.port})
    with instance.connect() as c:
        c.send(b'GET / HTTP/1.1\r\nHost: x\r\nConnection: X-Hop, te, X-hop2\r\nConnection: close, X-Late\r\nX-Hop: 1\r\nX-Hop2: 1\r\nx-late: 1\r\nX-Stays: 1\r\n'
               b'Keep-Alive: 5\r\nProxy-Connection: close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\nTE: gzip\r\n\r\n')
        assert c.response().text == 'ok'
    assert {name for name, _ in up.last.fields} == {':method', ':scheme', ':path', ':authority', 'x-stays'}


@pytest.mark.parametrize('target, path', [('/a%20b?c', '/a%20b?c'), ('http://own/x?y', '/x?y'), ('http://own', '/'), ('http://own?x', '/?x'), ('/a#b', '/a'), ('*', None)])
@pytest.mark.parametrize('where', ['grpc_pass grpc://127.0.0.1:%%up%%', 'proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 2'], ids=['grpc', 'proxy'])
def test_targets(server, scripted, where, target, path):
    """RFC 9113 §8.3.1: path and query, never empty; the rest of an absolute target is in :authority, or nowhere."""
    from lib import h2_upstream
    up = scripted(h2_upstream.answering(b'ok'))
    instance = server(f'server {{ listen 127.0.0.1:%%main%%; location / {{ {where}; }} }}', ports={'up': up.port})
    with instance.connect() as c:
        c.send(f'OPTIONS {target} HTTP/1.1\r\nHost: own\r\n\r\n')
        assert c.response().status == (200 if path else 400)
    assert [request[':path'] for request in up.requests] == ([path] if path else [])
    assert all(request.fields[3] == (':authority', f'127.0.0.1:{up.port}') for request in up.requests)


def test_fields_that_the_configuration_makes(server):
    """RFC 9113 §8.2.1: what can't be a field stays behind, what may be one is made so (RFC 9110 §5.5)."""
    instance = server(r'''server { listen 127.0.0.1:%%main%% http2; location / {
        add_header "X Space" 1; add_header X:Colon 1; add_header "X-Feed" "a
b"; add_header X-Padded "  a b  "; add_header X-UPPER 1; add_trailer "X Space" 1; add_trailer X-Sum " 1 ";
        root html; } }''', files={'html/a': 'text'})
    with Peer(('127.0.0.1', instance.port())) as peer:
        answer = peer.get('/a')
    assert answer.text == 'text' and answer['x-padded'] == 'a b' and answer['x-feed'] == 'a b' and answer['x-upper'] == '1' and answer.trailers == [('x-sum', '1')]
    assert not {'x space', 'x:colon'} & {name for name, _ in answer.fields}


def breaking_off(raw):
    def script(up, _):
        up.request()
        up.send(b'HTTP/1.1 200 OK\r\n' + raw)
    return script


@pytest.mark.parametrize('raw', [b'Content-Length: 10\r\n\r\n12345', b'Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n', b'Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nx'],
                         ids=['a length', 'chunks', 'bad chunks'])
@pytest.mark.parametrize('buffering', ['on', 'off'])
def test_a_body_that_breaks_off(server, scripted, raw, buffering):
    """RFC 9113 §8.1: the end of what there is must not look like the end of the answer."""
    instance = server(CONF.replace('location / {', f'location / {{ proxy_buffering {buffering};'), ports={'up': scripted(breaking_off(raw)).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        answer = peer.get('/x')
        assert (answer.reset, answer.ended) == (INTERNAL_ERROR, False)
        peer.ping()


@pytest.mark.parametrize('raw', [b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'], ids=['101'])
def test_no_switch_of_protocols(server, upstream, raw):
    """RFC 9113 §8.6"""
    instance = server(CONF, ports={'up': upstream(raw).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        assert peer.get('/x').status == 502


@pytest.mark.parametrize('method, status', [('HEAD', '200 OK'), ('GET', '204 No Content'), ('GET', '304 Not Modified')])
def test_answers_without_a_body_end_with_their_head(server, upstream, method, status):
    """RFC 9113 §8.1: no DATA, whatever length is told."""
    raw = f'HTTP/1.1 {status}\r\nContent-Length: {0 if status[:3] == "204" else 5}\r\n\r\n'.encode()
    instance = server(CONF, ports={'up': upstream(raw).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        answer = peer.response(peer.ask('/x', method))
        assert answer.status == int(status[:3]) and answer.ended
        assert not [frame for frame in peer.frames if frame[0] == h2.DATA]
