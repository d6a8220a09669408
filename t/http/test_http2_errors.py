"""HTTP/2 with clients that do as they should not: each violation gets the reaction and the code of RFC 9113 and RFC 7541."""
import struct

import pytest

from lib import h2
from lib.h2 import ENHANCE_YOUR_CALM, PROTOCOL_ERROR, Peer
from lib.h2_strict import CONF, held, peer, strict  # noqa: F401 (fixtures)
from lib.messages import reply
from lib.upstream import Held

pytestmark = pytest.mark.sluice_only('nginx 1.22 is laxer, answers with pages, or chooses other codes')


def head(**changes):
    """The pairs of a good request; changes replace pseudo-header fields, None takes one out."""
    fields = {':method': 'GET', ':scheme': 'http', ':path': '/x', ':authority': 'localhost'}
    fields.update({':' + name: value for name, value in changes.items()})
    return [(name, value) for name, value in fields.items() if value is not None]


def assert_malformed(peer, fields, end=True, code=PROTOCOL_ERROR):
    """A stream error; the connection and its compression state live on."""
    stream = peer.new_stream()
    peer.headers(stream, fields, end)
    assert peer.reset_code(stream) == code
    assert peer.stream(stream).fields is None, 'an answer to a malformed request'
    assert peer.get('/after').text == '/after'


# RFC 9113 §8: messages


@pytest.mark.parametrize('name', ['X-Upper', 'x upper', 'x:y', 'x\ry', 'x\ny', 'x\0y', '', 'x\x7f', 'x\x80', 'a,b', ' x', 'x '])
def test_names_of_fields(peer, name):
    assert_malformed(peer, head() + [(name, 'v')])


@pytest.mark.parametrize('value', ['a\rb', 'a\nb', 'a\0b', 'a\r\nX-Evil: 1', ' a', 'a ', '\ta', 'a\t', 'a\x01b', 'a\x7f'])
def test_values_of_fields(peer, value):
    assert_malformed(peer, head() + [('x-a', value)])


@pytest.mark.parametrize('field', [('connection', 'close'), ('connection', 'x-a'), ('keep-alive', 'timeout=1'), ('upgrade', 'h2c'),
                                   ('proxy-connection', 'close'), ('transfer-encoding', 'chunked'), ('te', 'gzip'), ('te', 'trailers, gzip')])
def test_fields_of_the_connection(peer, field):
    assert_malformed(peer, head() + [field])


def test_te_may_say_trailers(peer):
    assert peer.get('/x', [('te', 'trailers')]).status == 200


@pytest.mark.parametrize('fields', [
    head(method=None), head(scheme=None), head(path=None), head(path=''), head(path='x'), head(path='/a b'), head(path='/a\tb'),
    head(path='/a\r\nb'), head(path='/a#b'), head(path='http://other/'), head(method='G T'), head(method='GET\r\n'), head(method=''),
    head(method='G:T'), head(scheme='1http'), head(scheme='ht tp'), head(unknown='1'), head(status='200'), head(protocol='websocket'),
    head() + [(':path', '/y')], head() + [('x-a', '1'), (':path', '/y')], head(path=None) + [('x-a', '1'), (':path', '/y')],
    head() + [(':authority', 'other')], head(authority=None), head(authority=''), head(authority='a b'), head(authority='user@localhost'),
    head(authority='a/b'), head(authority='a:b'), head(authority='a\r\nb'), head(authority='a,b'), head(path='*'),
], ids=str)
def test_pseudo_header_fields(peer, fields):
    assert_malformed(peer, fields)


@pytest.mark.parametrize('fields', [
    head() + [('host', 'other')], head() + [('host', 'localhost:80')], head(authority=None) + [('host', 'a'), ('host', 'a')],
    head() + [('host', 'localhost'), ('host', 'localhost')], head(authority=None) + [('host', '')]], ids=str)
def test_host_and_authority(peer, fields):
    assert_malformed(peer, fields)


def test_host_may_say_the_same(peer):
    assert peer.get('/x', [('host', 'LOCALHOST')]).status == 200


@pytest.mark.parametrize('lengths', [['5', '6'], ['5', '5'], ['-1'], ['+5'], ['5x'], [''], ['99999999999999999999'], ['5, 5']])
def test_lengths(peer, lengths):
    assert_malformed(peer, head(method='POST') + [('content-length', length) for length in lengths], end=False)


@pytest.mark.parametrize('length, body', [('3', b'abcd'), ('5', b'abcd'), ('1', b'')])
def test_a_length_that_the_body_does_not_have(peer, length, body):
    stream = peer.new_stream()
    peer.headers(stream, head(method='POST', path='/up/x') + [('content-length', length)], end=False)
    peer.data(stream, body, True)
    assert peer.reset_code(stream) == PROTOCOL_ERROR
    assert peer.get('/after').status == 200


def test_a_length_without_a_body(peer):
    assert_malformed(peer, head() + [('content-length', '5')])


@pytest.mark.parametrize('fields', [[(':path', '/')], [('X-Upper', '1')], [('connection', 'close')], [('x-a', 'a\r\nb')], [('content-length', '4')]],
                         ids=str)
def test_trailers(peer, fields):
    stream = peer.new_stream()
    peer.headers(stream, head(method='POST', path='/up/x'), end=False)
    peer.data(stream, b'body')
    peer.headers(stream, fields)
    assert peer.reset_code(stream) == PROTOCOL_ERROR
    assert peer.get('/after').status == 200


def test_trailers_that_do_not_end_the_stream(peer):
    stream = peer.new_stream()
    peer.headers(stream, head(method='POST', path='/up/x'), end=False)
    peer.headers(stream, [('x-a', '1')], end=False)
    assert peer.reset_code(stream) == PROTOCOL_ERROR


@pytest.mark.parametrize('target, status', [('/a/%2e%2e/%2e%2e/x', 400), ('/%00', 400), ('/%zz', 400), ('/../x', 400)])
def test_targets_that_mean_nothing(peer, target, status):
    assert peer.get(target).status == status


def test_a_connect_is_refused(peer):
    stream = peer.new_stream()
    peer.headers(stream, [(':method', 'CONNECT'), (':authority', 'localhost:80')])
    assert peer.response(stream).status == 405


# What goes down to HTTP/1.1


def test_odd_names_never_reach_an_upstream(server, upstream):
    up = upstream(lambda request: reply('ok'))
    instance = server(CONF, ports={'up': up.port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        for name, value in [('x-a', 'b\r\nX-Evil: 1'), ('x\r\ny', 'v'), ('x: y\r\nz', 'v'), ('transfer-encoding', 'chunked')]:
            stream = peer.ask('/up/', fields=[(name, value)])
            assert peer.reset_code(stream) == PROTOCOL_ERROR
        for name in ['x_under', 'x.dot', 'x~tilde']:
            assert peer.get('/up/', [(name, '1'), ('x-good', '1')]).text == 'ok'
            assert name not in up.last.headers and up.last.headers['x-good'] == '1'
        stream = peer.ask('/up/', 'POST', end=False)
        peer.data(stream, b'0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n', True)
        assert peer.response(stream).text == 'ok'
        assert up.last.body == b'0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n'
    assert len(up.requests) == 4


# RFC 9113 §3 to §6: frames


@pytest.mark.parametrize('data', [b'PRI * HTTP/2.0\r\n\r\nSM\r\n\rX' + h2.settings({}), h2.PREFACE + h2.frame(h2.PING, 0, 0, b'12345678')])
def test_prefaces(strict, data):
    with Peer(('127.0.0.1', strict.port()), preface=False) as peer:
        peer.send(data)
        peer.rest()
        assert all(code == PROTOCOL_ERROR for _, code in peer.goaways)


def good_block(peer):
    return peer.block(head())


CONNECTION_ERRORS = {
    'frame too large': (lambda p: h2.frame(h2.DATA, 0, 1, b'x' * 16385), h2.FRAME_SIZE_ERROR),
    'headers too large': (lambda p: h2.frame(h2.HEADERS, 4, 1, b'x' * 16385), h2.FRAME_SIZE_ERROR),
    'data on stream 0': (lambda p: h2.frame(h2.DATA, 0, 0, b'x'), PROTOCOL_ERROR),
    'data on an idle stream': (lambda p: h2.frame(h2.DATA, 0, 1, b'x'), PROTOCOL_ERROR),
    'headers on stream 0': (lambda p: h2.frame(h2.HEADERS, 5, 0, good_block(p)), PROTOCOL_ERROR),
    'headers on an even stream': (lambda p: h2.frame(h2.HEADERS, 5, 2, good_block(p)), PROTOCOL_ERROR),
    'reset on stream 0': (lambda p: h2.reset(0), PROTOCOL_ERROR),
    'reset of an idle stream': (lambda p: h2.reset(9), PROTOCOL_ERROR),
    'reset of a wrong size': (lambda p: h2.frame(h2.RST_STREAM, 0, 1, b'\0\0\0'), h2.FRAME_SIZE_ERROR),
    'settings on a stream': (lambda p: h2.frame(h2.SETTINGS, 0, 1), PROTOCOL_ERROR),
    'settings of a wrong size': (lambda p: h2.frame(h2.SETTINGS, 0, 0, b'\0\0\0'), h2.FRAME_SIZE_ERROR),
    'an acknowledgement with settings': (lambda p: h2.frame(h2.SETTINGS, 1, 0, b'\0' * 6), h2.FRAME_SIZE_ERROR),
    'push that is neither on nor off': (lambda p: h2.settings({h2.ENABLE_PUSH: 2}), PROTOCOL_ERROR),
    'a window beyond the limit': (lambda p: h2.settings({h2.INITIAL_WINDOW_SIZE: 2**31}), h2.FLOW_CONTROL_ERROR),
    'a frame size below the limit': (lambda p: h2.settings({h2.MAX_FRAME_SIZE: 16383}), PROTOCOL_ERROR),
    'a frame size beyond the limit': (lambda p: h2.settings({h2.MAX_FRAME_SIZE: 2**24}), PROTOCOL_ERROR),
    'a push': (lambda p: h2.frame(h2.PUSH_PROMISE, 4, 1, struct.pack('>I', 2)), PROTOCOL_ERROR),
    'a ping on a stream': (lambda p: h2.frame(h2.PING, 0, 1, b'12345678'), PROTOCOL_ERROR),
    'a ping of a wrong size': (lambda p: h2.frame(h2.PING, 0, 0, b'1234567'), h2.FRAME_SIZE_ERROR),
    'goaway on a stream': (lambda p: h2.frame(h2.GOAWAY, 0, 1, b'\0' * 8), PROTOCOL_ERROR),
    'window update of a wrong size': (lambda p: h2.frame(h2.WINDOW_UPDATE, 0, 0, b'\0\0\1'), h2.FRAME_SIZE_ERROR),
    'window update of nothing': (lambda p: h2.window_update(0, 0), PROTOCOL_ERROR),
    'window update of an idle stream': (lambda p: h2.window_update(9, 1), PROTOCOL_ERROR),
    'a window that overflows': (lambda p: h2.window_update(0, 2**31 - 1), h2.FLOW_CONTROL_ERROR),
    'continuation of nothing': (lambda p: h2.frame(h2.CONTINUATION, 4, 1, good_block(p)), PROTOCOL_ERROR),
    'headers that are interrupted': (lambda p: h2.frame(h2.HEADERS, 1, 1, good_block(p)) + h2.frame(h2.PING, 0, 0, b'12345678'), PROTOCOL_ERROR),
    'headers interrupted by an unknown frame': (lambda p: h2.frame(h2.HEADERS, 1, 1, good_block(p)) + h2.frame(0x99, 0, 0), PROTOCOL_ERROR),
    'continuation on another stream': (lambda p: h2.frame(h2.HEADERS, 1, 1, b'') + h2.frame(h2.CONTINUATION, 4, 3, good_block(p)), PROTOCOL_ERROR),
    'padding longer than the frame': (lambda p: h2.frame(h2.HEADERS, 4 | 8, 1, b'\x20' + b'x' * 16), PROTOCOL_ERROR),
    'an index of 0': (lambda p: h2.frame(h2.HEADERS, 5, 1, b'\x80'), h2.COMPRESSION_ERROR),
    'an index beyond the tables': (lambda p: h2.frame(h2.HEADERS, 5, 1, b'\xff\x10'), h2.COMPRESSION_ERROR),
    'a block that is cut off': (lambda p: h2.frame(h2.HEADERS, 5, 1, b'\x40\x05ab'), h2.COMPRESSION_ERROR),
    'an integer without end': (lambda p: h2.frame(h2.HEADERS, 5, 1, b'\xff' + b'\xff' * 12), h2.COMPRESSION_ERROR),
    'bad Huffman padding': (lambda p: h2.frame(h2.HEADERS, 5, 1, b'\x40\x81\x00\x81\x00'), h2.COMPRESSION_ERROR),
    'Huffman with EOS': (lambda p: h2.frame(h2.HEADERS, 5, 1, b'\x40\x84\xff\xff\xff\xff\x01a'), h2.COMPRESSION_ERROR),
    'a table larger than allowed': (lambda p: h2.frame(h2.HEADERS, 5, 1, b'\x3f\xe2\x1f' + good_block(p)), h2.COMPRESSION_ERROR),
    'a table size behind a field': (lambda p: h2.frame(h2.HEADERS, 5, 1, good_block(p) + b'\x20'), h2.COMPRESSION_ERROR),
    'a long priority update': (lambda p: h2.frame(h2.PRIORITY_UPDATE, 0, 0, b'\0\0'), h2.FRAME_SIZE_ERROR),
}


@pytest.mark.parametrize('name', CONNECTION_ERRORS)
def test_errors_of_the_connection(peer, name):
    make, code = CONNECTION_ERRORS[name]
    peer.send(make(peer))
    assert peer.goaway() == code


@pytest.mark.parametrize('payload, code', [
    (lambda stream: h2.window_update(stream, 0), PROTOCOL_ERROR),
    (lambda stream: h2.window_update(stream, 2**31 - 1), h2.FLOW_CONTROL_ERROR),
    (lambda stream: h2.frame(h2.DATA, h2.PADDED, stream, b'\x05abc'), PROTOCOL_ERROR),
], ids=['no update', 'overflow', 'padding'])
def test_errors_of_a_stream(peer, payload, code):
    stream = peer.new_stream()
    peer.headers(stream, head(method='POST', path='/up/'), end=False)
    peer.send(payload(stream))
    peer.until(lambda: peer.stream(stream).reset is not None or peer.goaways, 'an error')
    got = peer.stream(stream).reset if peer.stream(stream).reset is not None else peer.goaways[-1][1]
    assert got == code


def test_data_behind_the_end(peer):
    stream = peer.ask('/file')
    peer.data(stream, b'more')
    peer.until(lambda: peer.stream(stream).ended or peer.stream(stream).reset is not None or peer.goaways, 'an end')
    assert peer.stream(stream).ended or peer.stream(stream).reset == h2.STREAM_CLOSED or peer.goaways[-1][1] == h2.STREAM_CLOSED


def test_more_body_than_the_window_allows(server):
    instance = server(r'''server { listen 127.0.0.1:%%main%% http2; http2_body_preread_size 1000; location / { return 200 x; } }''')
    with Peer(('127.0.0.1', instance.port())) as peer:
        peer.until(lambda: peer.settings is not None, 'SETTINGS')
        peer.ping()
        stream = peer.new_stream()
        peer.send(h2.frame(h2.HEADERS, h2.END_HEADERS, stream, peer.block(head(method='POST'))) + h2.frame(h2.DATA, 0, stream, b'x' * 1001))
        assert peer.reset_code(stream) == h2.FLOW_CONTROL_ERROR
        assert peer.get('/x').status == 200
    instance.wait_log('client violated flow control for stream ')
    assert 'client canceled stream' not in instance.log()


def test_unknown_frames_and_settings_are_ignored(peer):
    peer.send(h2.frame(0x77, 0xff, 0, b'abc') + h2.settings({0x7777: 1}) + h2.frame(h2.PRIORITY, 0, 1, b'\0\0\0\0\x10'))
    assert peer.get('/x').text == '/x'


def test_a_block_in_many_pieces(peer):
    stream = peer.new_stream()
    block = peer.block(head())
    peer.acknowledges = False
    peer.send(h2.frame(h2.HEADERS, h2.END_STREAM, stream, block[:1]))
    for byte in block[1:6]:
        peer.send(h2.frame(h2.CONTINUATION, 0, stream, bytes([byte])))
    peer.send(h2.frame(h2.CONTINUATION, h2.END_HEADERS, stream, block[6:]))
    assert peer.response(stream).text == '/x'


# Limits


def test_too_many_streams_at_once(server, scripted):
    gate = Held()
    instance = server(r'''server { listen 127.0.0.1:%%main%% http2; http2_max_concurrent_streams 3;
        location / { proxy_pass http://127.0.0.1:%%up%%; } }''', ports={'up': scripted(held(gate)).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        peer.until(lambda: peer.settings is not None, 'SETTINGS')
        peer.ping()
        streams = [peer.ask() for _ in range(4)]
        assert peer.reset_code(streams[3]) == h2.REFUSED_STREAM
        gate.open()
        assert [answer.text for answer in peer.responses(streams[:3])] == ['done'] * 3


@pytest.mark.parametrize('fields', [[('x-a', 'v' * 9000)], [(f'x-{i}', 'v' * 4000) for i in range(9)]], ids=['one', 'all'])
def test_large_heads(peer, fields):
    assert peer.get('/x', fields).status == 400
    assert peer.get('/x', [('x-a', 'v' * 7000)]).status == 200


def test_a_bomb(strict):
    """RFC 7541 §7.3: a little that becomes much. 4,000 bytes in the table, named again and again."""
    with Peer(('127.0.0.1', strict.port())) as peer:
        block = peer.block(head()) + b'\x40\x01a\x7f\xa1\x1e' + b'v' * 4000
        peer.acknowledges = False
        peer.send(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 1, block + b'\xbe' * 10_000))
        assert peer.goaway() == ENHANCE_YOUR_CALM


FLOODS = {
    'ping': lambda peer: h2.frame(h2.PING, 0, 0, b'12345678'),
    'settings': lambda peer: h2.settings({h2.HEADER_TABLE_SIZE: 4096}),
    'priority': lambda peer: h2.frame(h2.PRIORITY, 0, 1, b'\0\0\0\0\x10'),
    'priority update': lambda peer: h2.frame(h2.PRIORITY_UPDATE, 0, 0, b'\0\0\0\x01u=1'),
    'unknown': lambda peer: h2.frame(0x77, 0, 0),
    'window update': lambda peer: h2.window_update(0, 1),
}


@pytest.mark.parametrize('kind', FLOODS)
def test_floods(strict, kind):
    with Peer(('127.0.0.1', strict.port())) as peer:
        for _ in range(200):
            peer.send(FLOODS[kind](peer) * 1000)
        assert peer.goaway() == ENHANCE_YOUR_CALM
    strict.wait_log('http2 flood detected')


def test_a_flood_of_empty_data(strict):
    with Peer(('127.0.0.1', strict.port())) as peer:
        stream = peer.ask('/up/', 'POST', end=False)
        for _ in range(100):
            peer.send(h2.frame(h2.DATA, 0, stream) * 1000)
        assert peer.goaway() == ENHANCE_YOUR_CALM


def test_a_flood_of_continuations(strict):
    with Peer(('127.0.0.1', strict.port())) as peer:
        peer.acknowledges = False
        peer.send(h2.frame(h2.HEADERS, h2.END_STREAM, 1, peer.block(head())))
        peer.send(h2.frame(h2.CONTINUATION, 0, 1) * 1000)
        assert peer.goaway() == ENHANCE_YOUR_CALM


def test_resets_of_a_stream_that_is_over(strict):
    with Peer(('127.0.0.1', strict.port())) as peer:
        stream = peer.ask('/x')
        peer.response(stream)
        for _ in range(20):
            peer.send(h2.reset(stream) * 1000)
        assert peer.goaway() == ENHANCE_YOUR_CALM and len(peer.goaways) == 1


def test_data_that_is_all_padding(strict):
    with Peer(('127.0.0.1', strict.port())) as peer:
        stream = peer.ask('/up/', 'POST', end=False)
        for _ in range(200):
            peer.send(h2.frame(h2.DATA, h2.PADDED, stream, b'\x14' + bytes(20)) * 100)
        assert peer.goaway() == ENHANCE_YOUR_CALM


def test_a_window_that_opens_byte_by_byte(server):
    s = server('server { listen 127.0.0.1:%%main%% http2; }', files={'html/large': bytes(1 << 20)})
    with Peer(('127.0.0.1', s.port()), {h2.INITIAL_WINDOW_SIZE: 1}) as peer:
        peer.opens_windows = False
        peer.send(h2.window_update(0, 1 << 30))
        stream = peer.ask('/large')
        for size in range(1, 15_000):
            peer.send(h2.window_update(stream, 1))
            peer.until(lambda: len(peer.stream(stream).body) > size or peer.goaways, 'a byte')
            if peer.goaways:
                break
        assert peer.goaway() == ENHANCE_YOUR_CALM


def test_rapid_resets(strict):
    with Peer(('127.0.0.1', strict.port())) as peer:
        for _ in range(100):
            for _ in range(50):
                stream = peer.ask('/up/', 'POST', end=False)
                peer.send(h2.reset(stream))
        assert peer.goaway() == ENHANCE_YOUR_CALM


def test_resets_that_the_client_provokes(strict):
    """As before, but the server is made to reset them."""
    with Peer(('127.0.0.1', strict.port())) as peer:
        for _ in range(100):
            for _ in range(50):
                stream = peer.ask('/up/', 'POST', end=False)
                peer.send(h2.window_update(stream, 2**31 - 1))
        assert peer.goaway() == ENHANCE_YOUR_CALM


def test_patient_clients_are_not_taken_for_floods(peer):
    for turn in range(300):
        assert peer.get('/x').status == 200
        peer.ping(b'%08d' % turn)
        peer.send(h2.settings({h2.INITIAL_WINDOW_SIZE: 65535 + turn}))


def test_answers_that_nobody_reads(strict):
    """Pings of a client that does not read must not pile up."""
    with Peer(('127.0.0.1', strict.port()), source_buffer=4096) as peer:
        for _ in range(2000):
            try:
                peer.socket.settimeout(0.5)
                peer.send(h2.frame(h2.PING, 0, 0, b'12345678') * 1000)
            except TimeoutError:
                break
        peer.socket.settimeout(10)
        peer.rest()
        assert peer.is_closed


def test_a_field_that_would_forge_the_log(server):
    """What is refused is quoted in the log, and must not look like lines of it."""
    s = server('server { listen 127.0.0.1:%%main%% http2; }')
    with Peer(('127.0.0.1', s.port())) as peer:
        stream = peer.new_stream()
        block = peer.block([(':method', 'GET'), (':scheme', 'http'), (':path', '/'), (':authority', 'x')])
        peer.send(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, stream, block + b'\x00\x03x-a\x09v\n[x] own'))
        assert peer.reset_code(stream) == h2.PROTOCOL_ERROR
    s.wait_log(r'x-a: v\\x0A\[x\] own')
    assert '\n[x]' not in s.log()
