"""The client's side of HTTP/2, towards upstreams, held to RFC 9113 and RFC 7541 by section: what an upstream that breaks them is told, and what is fine."""
import struct

import pytest

from lib import h2, h2_upstream
from lib.h2 import (COMPRESSION_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, NO_ERROR, PROTOCOL_ERROR, STREAM_CLOSED, Peer)
from lib.wait import wait_for

pytestmark = pytest.mark.sluice_only('nginx is not as strict, and has one request at a time on a connection')

CONF = '''
    upstream up { server 127.0.0.1:%%up%%; keepalive 8; }
    server { listen 127.0.0.1:%%main%% http2; location / { grpc_pass grpc://up; grpc_read_timeout TIMEOUT; } }
'''
HEAD_END = h2.END_HEADERS | h2.END_STREAM
OK = b'\x88'  # :status 200


def headers(stream, block=OK, flags=HEAD_END):
    return h2.frame(h2.HEADERS, flags, stream, block)


def literal(name, value):
    return b'\x00' + bytes([len(name)]) + name + bytes([len(value)]) + value


def fields(*pairs):
    return b''.join(literal(name.encode('latin-1'), value.encode('latin-1')) for name, value in pairs)


def answer(stream, *pairs):
    return headers(stream, fields((':status', '200'), *pairs))


def body(stream, data, flags=0):
    return h2.frame(h2.DATA, flags, stream, data)


@pytest.fixture
def passing(server, scripted):
    """passing(script) starts the upstream and a server before it: (a client's connection, the upstream)."""
    peers = []

    def start(script, timeout='20s'):
        up = scripted(script)
        peers.append(Peer(('127.0.0.1', server(CONF.replace('TIMEOUT', timeout), ports={'up': up.port}).port())))
        return peers[-1], up
    yield start
    for peer in peers:
        peer.close()


# What ends the connection

CONNECTION_ERRORS = {
    'RFC 9113 §4.2: data larger than we allow': (lambda s: headers(s, flags=h2.END_HEADERS) + body(s, bytes(16385)), FRAME_SIZE_ERROR),
    'RFC 9113 §4.2: a head larger than we allow': (lambda s: headers(s, bytes(16385)), FRAME_SIZE_ERROR),
    'RFC 9113 §4.2: an unknown frame larger than we allow': (lambda s: h2.frame(0x77, 0, 0, bytes(16385)), FRAME_SIZE_ERROR),
    'RFC 9113 §4.2: a continuation larger than we allow': (lambda s: headers(s, flags=0) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, s, fields(('x-a', 'v' * 120)) * 140),
                                                           FRAME_SIZE_ERROR),
    'RFC 9113 §4.3: a block that is cut off': (lambda s: headers(s, b'\x88\x40\x05ab'), COMPRESSION_ERROR),
    'RFC 9113 §4.3: a block that does not decode behind the end': (lambda s: headers(s) + headers(s, b'\xff\xff\xff\xff\xff\xff'), (COMPRESSION_ERROR, STREAM_CLOSED)),
    'RFC 9113 §5.1: data on an idle stream': (lambda s: body(99, b'x'), PROTOCOL_ERROR),
    'RFC 9113 §5.1: a head on an idle stream': (lambda s: headers(99), PROTOCOL_ERROR),
    'RFC 9113 §5.1: a reset of an idle stream': (lambda s: h2.reset(99), PROTOCOL_ERROR),
    'RFC 9113 §5.1: a window for an idle stream': (lambda s: h2.window_update(99, 1), PROTOCOL_ERROR),
    'RFC 9113 §5.1.1: a head on a stream of the server\'s own': (lambda s: headers(2), PROTOCOL_ERROR),
    'RFC 9113 §5.1.1: data on a stream of the server\'s own': (lambda s: body(2, b'x'), PROTOCOL_ERROR),
    'RFC 9113 §6.1: data on stream 0': (lambda s: body(0, b'x'), PROTOCOL_ERROR),
    'RFC 9113 §6.1: padding of all the data': (lambda s: headers(s, flags=h2.END_HEADERS) + body(s, b'\x04abc', h2.PADDED), PROTOCOL_ERROR),
    'RFC 9113 §6.2: a head on stream 0': (lambda s: headers(0), PROTOCOL_ERROR),
    'RFC 9113 §6.2: padding longer than a head': (lambda s: headers(s, b'\xff\x88', HEAD_END | h2.PADDED), PROTOCOL_ERROR),
    'RFC 9113 §6.2: priority without its fields': (lambda s: headers(s, b'\0\0\0', HEAD_END | h2.WITH_PRIORITY), FRAME_SIZE_ERROR),
    'RFC 9113 §6.3: priority on stream 0': (lambda s: h2.frame(h2.PRIORITY, 0, 0, bytes(5)), PROTOCOL_ERROR),
    'RFC 9113 §6.3: priority of a wrong size': (lambda s: h2.frame(h2.PRIORITY, 0, s, bytes(4)), FRAME_SIZE_ERROR),
    'RFC 9113 §6.4: a reset on stream 0': (lambda s: h2.reset(0), PROTOCOL_ERROR),
    'RFC 9113 §6.4: a reset of a wrong size': (lambda s: h2.frame(h2.RST_STREAM, 0, s, bytes(3)), FRAME_SIZE_ERROR),
    'RFC 9113 §6.5: settings on a stream': (lambda s: h2.frame(h2.SETTINGS, 0, s), PROTOCOL_ERROR),
    'RFC 9113 §6.5: settings of a wrong size': (lambda s: h2.frame(h2.SETTINGS, 0, 0, bytes(5)), FRAME_SIZE_ERROR),
    'RFC 9113 §6.5: an acknowledgement with settings': (lambda s: h2.settings({h2.MAX_FRAME_SIZE: 16384}, h2.ACK), FRAME_SIZE_ERROR),
    'RFC 9113 §6.5.2: a server that would push': (lambda s: h2.settings({h2.ENABLE_PUSH: 1}), PROTOCOL_ERROR),
    'RFC 9113 §6.5.2: push that is neither on nor off': (lambda s: h2.settings({h2.ENABLE_PUSH: 2}), PROTOCOL_ERROR),
    'RFC 9113 §6.5.2: a window beyond the limit': (lambda s: h2.settings({h2.INITIAL_WINDOW_SIZE: 2**31}), FLOW_CONTROL_ERROR),
    'RFC 9113 §6.5.2: a frame size below the limit': (lambda s: h2.settings({h2.MAX_FRAME_SIZE: 16383}), PROTOCOL_ERROR),
    'RFC 9113 §6.5.2: a frame size beyond the limit': (lambda s: h2.settings({h2.MAX_FRAME_SIZE: 2**24}), PROTOCOL_ERROR),
    'RFC 9113 §6.6: a push that we have forbidden': (lambda s: h2.frame(h2.PUSH_PROMISE, h2.END_HEADERS, s, b'\0\0\0\2\x82\x84\x86'), PROTOCOL_ERROR),
    'RFC 9113 §6.6: a push on stream 0': (lambda s: h2.frame(h2.PUSH_PROMISE, h2.END_HEADERS, 0, b'\0\0\0\2\x82\x84\x86'), PROTOCOL_ERROR),
    'RFC 9113 §6.7: a ping on a stream': (lambda s: h2.frame(h2.PING, 0, s, bytes(8)), PROTOCOL_ERROR),
    'RFC 9113 §6.7: a ping of a wrong size': (lambda s: h2.frame(h2.PING, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    'RFC 9113 §6.8: goaway on a stream': (lambda s: h2.frame(h2.GOAWAY, 0, s, bytes(8)), PROTOCOL_ERROR),
    'RFC 9113 §6.8: a goaway that is too short': (lambda s: h2.frame(h2.GOAWAY, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    'RFC 9113 §6.8: a goaway that takes back an earlier one': (lambda s: h2.frame(h2.GOAWAY, 0, 0, struct.pack('>II', s, 0)) +
                                                               h2.frame(h2.GOAWAY, 0, 0, struct.pack('>II', s + 2, 0)), PROTOCOL_ERROR),
    'RFC 9113 §6.9: an update of nothing': (lambda s: h2.window_update(0, 0), PROTOCOL_ERROR),
    'RFC 9113 §6.9: an update of a wrong size': (lambda s: h2.frame(h2.WINDOW_UPDATE, 0, 0, bytes(3)), FRAME_SIZE_ERROR),
    'RFC 9113 §6.9.1: a window that overflows': (lambda s: h2.window_update(0, 2**31 - 1), FLOW_CONTROL_ERROR),
    'RFC 9113 §6.9.2: windows that a setting makes overflow': (lambda s: h2.window_update(s, 2**31 - 1 - 65535) + h2.settings({h2.INITIAL_WINDOW_SIZE: 65536}),
                                                               FLOW_CONTROL_ERROR),
    'RFC 9113 §6.10: a continuation of nothing': (lambda s: h2.frame(h2.CONTINUATION, h2.END_HEADERS, s, OK), PROTOCOL_ERROR),
    'RFC 9113 §6.10: a continuation behind the end of a head': (lambda s: headers(s, flags=h2.END_HEADERS) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, s, b''), PROTOCOL_ERROR),
    'RFC 9113 §6.10: a continuation on another stream': (lambda s: headers(s, flags=0) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, s + 2, b''), PROTOCOL_ERROR),
    'RFC 9113 §6.10: a head that is interrupted': (lambda s: headers(s, flags=0) + h2.frame(h2.PING, 0, 0, bytes(8)), PROTOCOL_ERROR),
    'RFC 9113 §6.10: a head that an unknown frame interrupts': (lambda s: headers(s, flags=0) + h2.frame(0x77, 0, 0), PROTOCOL_ERROR),
    # An error of the stream, of which an endpoint may make one of the connection (§5.4.2): so does nghttp2.
    'RFC 9113 §8.1: data before the head': (lambda s: body(s, b'x'), PROTOCOL_ERROR),
    'RFC 9113 §8.1: an end before the head': (lambda s: body(s, b'', h2.END_STREAM), PROTOCOL_ERROR),
    'RFC 7541 §2.3.3: an index beyond the tables': (lambda s: headers(s, b'\x88\xbe'), COMPRESSION_ERROR),
    'RFC 7541 §4.4: what does not fit empties the table': (lambda s: headers(s, b'\x20\x88\x40\x01a\x01b\xbe'), COMPRESSION_ERROR),
    'RFC 7541 §5.1: an integer without end': (lambda s: headers(s, b'\x88\x1f' + b'\xff' * 12), COMPRESSION_ERROR),
    'RFC 7541 §5.2: Huffman with EOS': (lambda s: headers(s, b'\x88\x40\x84\xff\xff\xff\xff\x01a'), COMPRESSION_ERROR),
    'RFC 7541 §5.2: padding that is not of EOS': (lambda s: headers(s, b'\x88\x40\x01a\x81\x18'), COMPRESSION_ERROR),
    'RFC 7541 §6.1: an index of 0': (lambda s: headers(s, b'\x88\x80'), COMPRESSION_ERROR),
    'RFC 7541 §6.3: a table larger than we allow': (lambda s: headers(s, b'\x3f\xe2\x1f\x88'), COMPRESSION_ERROR),
    'RFC 7541 §6.3: a table size behind a field': (lambda s: headers(s, b'\x88\x20'), COMPRESSION_ERROR),
}


def reactions(served, request):
    """What the server says of the request's stream and of the connection."""
    served.until(lambda: served.goaways or request.reset is not None, 'a reaction')
    return [code for _, code in served.goaways], request.reset


@pytest.mark.parametrize('name', CONNECTION_ERRORS)
def test_errors_of_the_connection(passing, name):
    make, code = CONNECTION_ERRORS[name]
    told = []

    def script(peer, upstream):
        served = h2_upstream.Served(peer)
        request = served.request()
        upstream.requests.append(request)
        served.send(make(request.stream))
        told.append(served.goaway())
    peer, up = passing(script)
    reply = peer.response(peer.ask())
    wait_for(lambda: told, 'the end of the connection')
    assert told[0] in (code if isinstance(code, tuple) else (code,))
    assert reply.ended or reply.reset is not None


@pytest.mark.parametrize('first', [h2.frame(h2.PING, 0, 0, bytes(8)), h2.settings({}, h2.ACK), h2.window_update(0, 1), h2.frame(0x77, 0, 0), b'HTTP/1.1 400 No\r\n\r\n'],
                         ids=['ping', 'acknowledgement', 'window', 'unknown', 'HTTP/1.1'])
def test_what_begins_without_settings(passing, first):
    """RFC 9113 §3.4"""
    told = []

    def script(peer, upstream):
        served = h2_upstream.Served(peer, greets=False)
        served.send(first)
        told.append(served.goaway())
    peer, _ = passing(script)
    assert peer.get().status == 502
    wait_for(lambda: told, 'the end of the connection')
    assert told[0] in (PROTOCOL_ERROR, FRAME_SIZE_ERROR)


# What ends a stream

STREAM_ERRORS = {
    'RFC 9113 §6.9.1: a window that overflows': (lambda s: h2.window_update(s, 2**31 - 1), FLOW_CONTROL_ERROR),
    'RFC 9113 §8.1: an interim answer that ends': (lambda s: headers(s, fields((':status', '103'))), PROTOCOL_ERROR),
    'RFC 9113 §8.1: data behind an interim answer': (lambda s: headers(s, fields((':status', '103')), h2.END_HEADERS) + body(s, b'x'), PROTOCOL_ERROR),
    'RFC 9113 §8.1: trailers that do not end': (lambda s: headers(s, flags=h2.END_HEADERS) + headers(s, fields(('x-a', 'b')), h2.END_HEADERS), PROTOCOL_ERROR),
    'RFC 9113 §8.1: a pseudo-header in trailers': (lambda s: headers(s, flags=h2.END_HEADERS) + headers(s), PROTOCOL_ERROR),
    'RFC 9113 §8.1.1: less than the length': (lambda s: headers(s, OK + fields(('content-length', '5')), h2.END_HEADERS) + body(s, b'four', h2.END_STREAM), PROTOCOL_ERROR),
    'RFC 9113 §8.1.1: more than the length': (lambda s: headers(s, OK + fields(('content-length', '3')), h2.END_HEADERS) + body(s, b'four', h2.END_STREAM), PROTOCOL_ERROR),
    'RFC 9113 §8.1.1: a length and no body': (lambda s: answer(s, ('content-length', '3')), PROTOCOL_ERROR),
    'RFC 9113 §8.1.1: a length and trailers only': (lambda s: headers(s, OK + fields(('content-length', '3')), h2.END_HEADERS) + headers(s, fields(('x-a', 'b'))), PROTOCOL_ERROR),
    'RFC 9113 §8.1.1: two lengths': (lambda s: answer(s, ('content-length', '0'), ('content-length', '0')), PROTOCOL_ERROR),
    'RFC 9113 §8.1.1: a length that is none': (lambda s: answer(s, ('content-length', '+0')), PROTOCOL_ERROR),
    'RFC 9113 §8.1.1: a length without end': (lambda s: answer(s, ('content-length', '9' * 30)), PROTOCOL_ERROR),
    'RFC 9113 §8.3: a pseudo-header behind a field': (lambda s: headers(s, fields(('x-a', 'b'), (':status', '200'))), PROTOCOL_ERROR),
    'RFC 9113 §8.3: an unknown pseudo-header': (lambda s: answer(s, (':own', 'x')), PROTOCOL_ERROR),
    'RFC 9113 §8.3: a pseudo-header of requests': (lambda s: answer(s, (':path', '/')), PROTOCOL_ERROR),
    'RFC 9113 §8.3.2: no status': (lambda s: headers(s, fields(('x-a', 'b'))), PROTOCOL_ERROR),
    'RFC 9113 §8.3.2: two of them': (lambda s: answer(s, (':status', '200')), PROTOCOL_ERROR),
    'RFC 9113 §8.6: 101': (lambda s: headers(s, fields((':status', '101'))), PROTOCOL_ERROR),
    **{f'RFC 9113 §8.2.1: the name {name!r}': (lambda s, name=name: answer(s, (name, 'v')), PROTOCOL_ERROR)
       for name in ['X-Upper', 'x y', 'x:y', 'x\r', 'x\n', 'x\0', 'x\x7f', 'x\xff', '', ' x', '\t']},
    **{f'RFC 9113 §8.2.1: the value {value!r}': (lambda s, value=value: answer(s, ('x-a', value)), PROTOCOL_ERROR)
       for value in ['a\rb', 'a\nb', 'a\0b', '\r\n', ' a', 'a ', '\ta', 'a\t']},
    **{f'RFC 9113 §8.2.1: in trailers, {name!r}: {value!r}': (
        lambda s, pair=(name, value): headers(s, flags=h2.END_HEADERS) + headers(s, fields(pair)), PROTOCOL_ERROR)
       for name, value in [('X-Upper', 'v'), ('x y', 'v'), ('x-a', 'a\r\nb'), ('connection', 'close')]},
    **{f'RFC 9113 §8.2.2: {name}: {value}': (lambda s, pair=(name, value): answer(s, pair), PROTOCOL_ERROR)
       for name, value in [('connection', 'close'), ('keep-alive', 'timeout=1'), ('proxy-connection', 'close'), ('transfer-encoding', 'chunked'), ('upgrade', 'h2c')]},
    **{f'RFC 9113 §8.3.2: the status {status!r}': (lambda s, status=status: headers(s, fields((':status', status))), PROTOCOL_ERROR)
       for status in ['', '20', '2000', 'abc', '2 0', '-20', '099', '20a']},
}


@pytest.mark.parametrize('name', STREAM_ERRORS)
def test_errors_of_a_stream(passing, name):
    """The connection lives on, and takes the next request."""
    make, code = STREAM_ERRORS[name]
    told = []

    def act(served, request):
        if request[':path'] == '/after':
            served.answer(request, b'after')
        else:
            served.send(make(request.stream))
            told.append(reactions(served, request))
    peer, up = passing(h2_upstream.misbehaving(act))
    assert peer.get('/after').text == 'after'
    reply = peer.get('/bad')
    assert reply.reset is not None or reply.status == 502
    assert peer.get('/after').text == 'after' and up.connections == 1
    assert told == [([], code)]


@pytest.mark.parametrize('method, block, status', [('GET', b'\x89', 204), ('GET', b'\x8b', 304), ('HEAD', OK, 200)])
def test_a_body_where_there_is_none(passing, method, block, status):
    """RFC 9113 §8.1: the head has gone on when it comes; nobody is told of it, and the next request is not harmed."""
    told = []

    def act(served, request):
        if request[':path'] == '/after':
            return served.answer(request, b'after') and None
        served.send(headers(request.stream, block, h2.END_HEADERS) + body(request.stream, b'x', h2.END_STREAM))
        served.settle()
        told.append((served.goaways, request.reset))
    peer, up = passing(h2_upstream.misbehaving(act))
    reply = peer.get('/bad', method=method)
    assert (reply.status, reply.body, reply.reset) == (status, b'', None)
    assert peer.get('/after').text == 'after' and up.connections == 1
    assert told in ([([], PROTOCOL_ERROR)], [([], h2.CANCEL)])


def test_more_than_a_streams_window(passing):
    """RFC 9113 §5.2.1: nobody reads the answer, and the upstream sends more than it may."""
    told = []

    def act(served, request):
        served.until(lambda: served.settings is not None, 'SETTINGS')
        size = served.settings[h2.INITIAL_WINDOW_SIZE] + served.windows.get(request.stream, 0)
        served.send(headers(request.stream, flags=h2.END_HEADERS))
        for _ in range(size // 16384 + 30):  # 65535 bytes of them the client takes
            served.send(body(request.stream, bytes(16384)))
        told.append(reactions(served, request))
    peer, _ = passing(h2_upstream.misbehaving(act))
    peer.opens_windows = False
    peer.ask()
    wait_for(lambda: told, 'an error')
    assert told == [([], FLOW_CONTROL_ERROR)]


def half_closed(passing, late):
    """An upstream that has answered all of a request that goes on, and goes on as well."""
    told = []

    def act(served, request):
        served.send(headers(request.stream) + late(request.stream))
        for _ in range(2):
            served.send(h2.frame(h2.PING, 0, 0, b'12345678'))
            served.until(lambda: served.pongs or served.goaways, 'a reaction')
            served.pongs.clear()
        told.append({request.reset, *(code for _, code in served.goaways)})
    peer, _ = passing(h2_upstream.misbehaving(act))
    peer.ask('/', 'POST', end=False)
    wait_for(lambda: told, 'a reaction')
    return told[0]


@pytest.mark.parametrize('late', [lambda s: body(s, b'x'), lambda s: headers(s), lambda s: body(s, b'', h2.END_STREAM)], ids=['data', 'head', 'end'])
def test_frames_behind_the_end(passing, late):
    """RFC 9113 §5.1, half-closed (remote)"""
    assert STREAM_CLOSED in half_closed(passing, late)


@pytest.mark.parametrize('late', [lambda s: h2.window_update(s, 1), lambda s: h2.frame(h2.PRIORITY, 0, s, bytes(5)), lambda s: h2.frame(0x77, 0, s)],
                         ids=['window', 'priority', 'unknown'])
def test_what_may_come_behind_the_end(passing, late):
    assert half_closed(passing, late) <= {None, NO_ERROR, h2.CANCEL}


def test_no_reset_for_a_reset(passing):
    """RFC 9113 §5.4.2"""
    frames = []

    def act(served, request):
        if request[':path'] == '/after':
            served.answer(request, b'after')
            return
        for make in (lambda s: h2.reset(s, h2.INTERNAL_ERROR), lambda s: h2.window_update(s, 10), lambda s: h2.reset(s)):
            served.send(make(request.stream))
        served.settle()
        frames.extend(served.frames)
    peer, up = passing(h2_upstream.misbehaving(act))
    assert peer.get('/bad').status == 502
    assert peer.get('/after').text == 'after' and up.connections == 1
    assert frames and not [frame for frame in frames if frame[0] == h2.RST_STREAM]


@pytest.mark.parametrize('size', [0, 1000, 60_000])
def test_an_answer_that_ends_before_the_request(passing, size):
    """RFC 9113 §8.1: the rest of the request is of no use, but the answer is."""
    over = []

    def act(served, request):
        served.until(lambda: request.body, 'a part of the body')
        served.headers(request.stream, [(':status', '200')], end=False)
        served.upload_answer(request.stream, b'a' * size, end=False)
        served.headers(request.stream, [('grpc-status', '0')])
        served.send(h2.reset(request.stream, NO_ERROR))
        served.ping()
        over.append(True)
    peer, _ = passing(h2_upstream.misbehaving(act))
    peer.send(h2.settings({h2.INITIAL_WINDOW_SIZE: 0}))
    stream = peer.ask('/', 'POST', end=False)
    peer.data(stream, b'\0\0\0\0\3abc')
    wait_for(lambda: over, 'the end of the answer')
    peer.data(stream, b'more')
    peer.settle()
    peer.data(stream, b'', end=True)
    peer.settle()
    peer.send(h2.window_update(stream, size + 1))
    answer = peer.response(stream)
    assert (answer.status, len(answer.body), dict(answer.trailers or answer.fields)['grpc-status']) == (200, size, '0')


# What is fine

FINE = {
    'RFC 9113 §4.1: unknown frames, also of extensions': lambda s: h2.frame(0x77, 0xff, s, b'x') + h2.frame(0x0a, 0, 0, b'\0\1ab') + h2.frame(0x0c, 0, 0, b'\0\1a'),
    'RFC 9113 §4.1: unknown flags and reserved bits': lambda s: h2.frame(h2.PING, 0xfe, 0, bytes(8)) + h2.window_update(0, 2**31 + 5),
    'RFC 9113 §6.3: priorities': lambda s: h2.frame(h2.PRIORITY, 0, 99, bytes(5)),
    'RFC 9113 §6.5.2: unknown settings, and one twice': lambda s: h2.frame(h2.SETTINGS, 0, 0, struct.pack('>HIHIHI', 0x7777, 1, h2.MAX_FRAME_SIZE, 16384, h2.MAX_FRAME_SIZE, 65536)),
    'RFC 9113 §6.5.2: no push': lambda s: h2.settings({h2.ENABLE_PUSH: 0, h2.MAX_HEADER_LIST_SIZE: 100_000}),
    'RFC 9113 §6.7: an acknowledgement of no ping': lambda s: h2.frame(h2.PING, h2.ACK, 0, bytes(8)),
    'RFC 9113 §8.1: interim answers': lambda s: headers(s, fields((':status', '100')), h2.END_HEADERS) + headers(s, fields((':status', '199'), ('x-a', 'b')), h2.END_HEADERS),
}
WHOLE = {
    'RFC 9113 §6.1: padding and empty pieces': lambda s: headers(s, flags=h2.END_HEADERS) + body(s, b'\x03te\0\0\0', h2.PADDED) + body(s, b'') + body(s, b'xt') + body(s, b'\0', h2.PADDED | h2.END_STREAM),
    'RFC 9113 §6.2: priority, padding and a continuation': lambda s: (
        headers(s, b'\x02' + bytes(5) + OK + bytes(2), h2.PADDED | h2.WITH_PRIORITY) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, s, fields(('x-a', 'b'))) + body(s, b'text', h2.END_STREAM)),
    'RFC 9113 §6.10: a head in many pieces': lambda s: headers(s, b'', 0) + h2.frame(h2.CONTINUATION, 0, s, OK) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, s) + body(s, b'text', h2.END_STREAM),
    'RFC 9113 §8.1: a reset without error behind the answer': lambda s: headers(s, flags=h2.END_HEADERS) + body(s, b'text', h2.END_STREAM) + h2.reset(s, NO_ERROR),
    'RFC 9113 §8.1.1: the right length': lambda s: headers(s, OK + fields(('content-length', '4')), h2.END_HEADERS) + body(s, b'te') + body(s, b'xt', h2.END_STREAM),
    'RFC 7541 §4.2: two sizes of the table': lambda s: headers(s, b'\x20\x3f\xe1\x1f\x88\x40\x01a\x01b\xbe', h2.END_HEADERS) + body(s, b'text', h2.END_STREAM),
}


@pytest.mark.parametrize('name', [*FINE, *WHOLE])
def test_what_is_fine(passing, name):
    """With a request whose body goes on meanwhile."""
    def act(served, request):
        served.send(WHOLE[name](request.stream) if name in WHOLE else FINE[name](request.stream))
        if name in FINE:
            served.answer(request, b'text')
    peer, up = passing(h2_upstream.misbehaving(act))
    for _ in range(2):
        reply = peer.response(peer.ask('/', 'POST', end=False))
        assert (reply.status, reply.text) == (200, 'text')
    assert up.connections == 1


def test_the_examples_of_hpack(passing):
    """RFC 7541 §C.6: Huffman codes, and a table of 256 bytes that things fall out of."""
    blocks = [bytes.fromhex(text) for text in (
        '3fe101 488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
        '4883640effc1c0bf', '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007')]

    def act(served, request):
        served.send(headers(request.stream, blocks[len(upstream_of[0].requests) - 1]))
    upstream_of = []
    peer, up = passing(h2_upstream.misbehaving(act))
    upstream_of.append(up)
    got = [{name: value for name, value in peer.get().fields if name not in ('server', 'date')} for _ in blocks]
    common = {'cache-control': 'private', 'location': 'https://www.example.com'}
    assert got == [{':status': '302', **common}, {':status': '307', **common},
                   {':status': '200', **common, 'content-encoding': 'gzip', 'set-cookie': 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'}]


# What an upstream is asked, and how

def test_the_preface(passing):
    """RFC 9113 §3.4, §6.5.2, §8.4: SETTINGS come first and forbid pushes; those of the upstream are acknowledged once."""
    seen = []

    def act(served, request):
        served.ping()
        seen.append((served.frames[0][:3], served.settings, [frame for frame in served.frames if frame[:2] == (h2.SETTINGS, h2.ACK)]))
        served.answer(request, b'x')
    peer, up = passing(h2_upstream.misbehaving(act))
    assert peer.get().text == 'x'
    [(first, values, acknowledged)] = seen
    assert first == (h2.SETTINGS, 0, 0) and values[h2.ENABLE_PUSH] == 0 and len(acknowledged) == 1
    assert values.get(h2.MAX_CONCURRENT_STREAMS, 0) == 0


def test_streams_have_odd_numbers_that_grow(passing):
    """RFC 9113 §5.1.1"""
    peer, up = passing(h2_upstream.answering(b'x'))
    for _ in range(4):
        assert peer.get().text == 'x'
    assert [request.stream for request in up.requests] == [1, 3, 5, 7]


@pytest.mark.parametrize('size', [0, 64, 1 << 20])
def test_our_table_is_as_small_as_the_upstream_wants(passing, size):
    """RFC 7541 §4.2: from the acknowledgement on."""
    sizes = []

    def script(peer, upstream):
        served = h2_upstream.Served(peer, {h2.HEADER_TABLE_SIZE: size})
        served.decoder.max_allowed_table_size = max(size, 4096)
        while (request := served.request()) is not None:
            upstream.requests.append(request)
            if len(upstream.requests) > 1:
                served.decoder.max_allowed_table_size = size
                sizes.append(served.decoder.header_table_size)
            served.ping()  # it has our SETTINGS
            served.answer(request, b'x')
    peer, up = passing(script)
    for turn in range(4):
        assert peer.get(f'/{turn}', [('x-long', 'v' * 90)]).text == 'x'
        assert up.last[':path'] == f'/{turn}' and up.last['x-long'] == 'v' * 90
    assert up.connections == 1 and sizes and max(sizes) <= size


@pytest.mark.parametrize('window', [0, 10, 20_000])
def test_bodies_as_the_windows_allow(passing, window):
    """RFC 9113 §5.2, §6.9.2: also those that a setting has made smaller than what was sent already."""
    sent = bytes(range(256)) * 300

    def act(served, request):
        if request[':path'] == '/first':
            served.send(h2.settings({h2.INITIAL_WINDOW_SIZE: window}))
            served.ping()
            return served.answer(request, b'x') and None
        served.opens_windows = False
        allowed = window
        while allowed < len(sent):
            served.until(lambda: len(request.body) >= allowed, 'as much as the window allows')
            served.ping()
            assert len(request.body) == allowed, 'and no more'
            allowed += 15_000
            served.send(h2.window_update(request.stream, 15_000) + h2.window_update(0, 15_000))
        served.until(lambda: request.ended, 'the end')
        served.answer(request, b'all')
    peer, up = passing(h2_upstream.misbehaving(act))
    assert peer.get('/first').text == 'x'
    assert peer.post('/second', sent).text == 'all'
    assert up.last.body == sent
    assert up.connections == 1


def test_frames_are_as_large_as_the_upstream_allows(passing):
    """RFC 9113 §4.2: 16,384 bytes as long as nothing else is said."""
    peer, up = passing(h2_upstream.misbehaving(lambda served, request: (
        served.until(lambda: request.ended, 'the body'), sizes.extend(size for *_, size in served.frames), served.answer(request, b'x')) and None))
    sizes = []
    assert peer.post('/', bytes(200_000), [('x-long', 'v' * 7000)]).text == 'x'
    assert max(sizes) <= 16384


def test_an_upstream_that_allows_no_streams(passing):
    """RFC 9113 §5.1.2: requests wait, and have their answer when it allows some, or an error in time."""
    def script(peer, upstream):
        served = h2_upstream.Served(peer, {h2.MAX_CONCURRENT_STREAMS: 0})
        while (request := served.request()) is not None:
            upstream.requests.append(request)
            served.answer(request, b'x')
    peer, up = passing(script, timeout='300ms')
    replies = peer.responses([peer.ask() for _ in range(3)])
    assert all(reply.status in (200, 502, 504) for reply in replies)


def test_codes_that_nobody_knows(passing):
    """RFC 9113 §7: of resets and of GOAWAY."""
    def act(served, request):
        if request[':path'] == '/reset':
            served.send(h2.reset(request.stream, 0xfeedbeef))
        else:
            served.send(h2.frame(h2.GOAWAY, 0, 0, struct.pack('>II', request.stream, 0xfeedbeef) + b'why'))
            served.answer(request, b'x')
    peer, _ = passing(h2_upstream.misbehaving(act))
    assert peer.get('/reset').status == 502
    assert peer.get('/goaway').text == 'x'


@pytest.mark.parametrize('begin', [lambda p: p.ask(), lambda p: p.ask('/', 'POST', end=False)], ids=['whole', 'with a body that goes on'])
def test_a_client_that_leaves(passing, begin):
    """RFC 9113 §8.1: its stream is cancelled, and nothing more is said of it."""
    told = []

    def act(served, request):
        if request[':path'] == '/after':
            return served.answer(request, b'after') and None
        served.until(lambda: request.reset is not None, 'a reset')
        served.send(body(request.stream, b'x') + h2.window_update(request.stream, 5))
        served.settle()
        told.append((request.reset, len([frame for frame in served.frames if frame[0] == h2.RST_STREAM]), served.goaways))
    peer, up = passing(h2_upstream.misbehaving(act))
    assert peer.get('/after').text == 'after'
    stream = begin(peer)
    wait_for(lambda: len(up.requests) == 2, 'the request')
    peer.send(h2.reset(stream))
    wait_for(lambda: told, 'the reset')
    assert told == [(h2.CANCEL, 1, [])]
    assert peer.get('/after').text == 'after' and up.connections == 1
