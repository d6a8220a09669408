"""HTTP/2 frames that are right by themselves and wrong where they come: states of streams, windows, tables (RFC 9113 §5, §6; RFC 7541 §4)."""
import struct

import pytest

from lib import h2
from lib.h2 import CANCEL, COMPRESSION_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, PROTOCOL_ERROR, STREAM_CLOSED, Peer
from lib.h2_strict import begun, peer, strict, waiting  # noqa: F401 (fixtures)

pytestmark = pytest.mark.sluice_only('nginx 1.22 is laxer, or chooses other codes')


def head(peer, path='/x'):
    return peer.block([(':method', 'GET'), (':scheme', 'http'), (':path', path), (':authority', 'localhost')])


STREAM_ERRORS = {
    'a window update of nothing': (begun, lambda p, s: h2.window_update(s, 0), PROTOCOL_ERROR),
    'a window that overflows': (begun, lambda p, s: h2.window_update(s, 2**31 - 1), FLOW_CONTROL_ERROR),
    'a window update of nothing in an answer': (waiting, lambda p, s: h2.window_update(s, 0), PROTOCOL_ERROR),
    'a window that overflows in an answer': (waiting, lambda p, s: 2 * h2.window_update(s, 2**31 - 1), FLOW_CONTROL_ERROR),
    'a window update with the reserved bit': (begun, lambda p, s: h2.window_update(s, 2**31), PROTOCOL_ERROR),
}


@pytest.mark.parametrize('name', STREAM_ERRORS)
def test_errors_of_a_stream(peer, name):
    """The connection lives on."""
    begin, make, code = STREAM_ERRORS[name]
    stream = begin(peer)
    peer.send(make(peer, stream))
    peer.until(lambda: peer.stream(stream).reset is not None or peer.goaways, 'an error')
    peer.send(h2.window_update(0, 1000))
    assert (peer.stream(stream).reset, peer.goaways) == (code, [])
    assert peer.get('/after').text == '/after'


@pytest.mark.parametrize('cut', range(1, 13))
def test_a_window_update_of_nothing_in_two_pieces(peer, cut):
    """However its bytes come, it is the stream's error."""
    stream = begun(peer)
    peer.send_cut(h2.window_update(stream, 0), cut)
    assert peer.reset_code(stream) == PROTOCOL_ERROR and not peer.goaways
    assert peer.get('/after').text == '/after'


@pytest.mark.parametrize('cut', [3, 9, 11])
@pytest.mark.parametrize('stream', [0, 99], ids=['the connection', 'no stream'])
def test_a_window_update_of_nothing_for_others_in_two_pieces(peer, cut, stream):
    peer.send_cut(h2.window_update(stream, 0), cut)
    assert peer.goaway() == PROTOCOL_ERROR


CONNECTION_ERRORS = {
    # Errors of a stream, of which an endpoint may make one of the connection (§5.4.1): so does nghttp2.
    'data behind the end': (lambda p: h2.frame(h2.DATA, 0, waiting(p), b'more'), STREAM_CLOSED),
    'a head behind the end': (lambda p: h2.frame(h2.HEADERS, 5, waiting(p), head(p)), STREAM_CLOSED),
    'a priority of a wrong size': (lambda p: h2.frame(h2.PRIORITY, 0, begun(p), b'\0\0\0\0'), FRAME_SIZE_ERROR),
    'a head on a lower stream': (lambda p: h2.frame(h2.HEADERS, 5, 5, head(p)) + h2.frame(h2.HEADERS, 5, 3, head(p)), PROTOCOL_ERROR),
    'data on a lower stream': (lambda p: h2.frame(h2.HEADERS, 5, 5, head(p)) + h2.frame(h2.DATA, 0, 7, b'x'), PROTOCOL_ERROR),
    'padding of data': (lambda p: h2.frame(h2.DATA, h2.PADDED, begun(p), b'\x05abc'), PROTOCOL_ERROR),
    'padding without a length': (lambda p: h2.frame(h2.DATA, h2.PADDED, begun(p), b''), (PROTOCOL_ERROR, FRAME_SIZE_ERROR)),
    'a head without its priority': (lambda p: h2.frame(h2.HEADERS, 4 | h2.WITH_PRIORITY, 1, b'\0\0'), (PROTOCOL_ERROR, FRAME_SIZE_ERROR)),
    'a priority on stream 0': (lambda p: h2.frame(h2.PRIORITY, 0, 0, b'\0\0\0\0\x10'), PROTOCOL_ERROR),
    'a short goaway': (lambda p: h2.frame(h2.GOAWAY, 0, 0, b'\0' * 7), FRAME_SIZE_ERROR),
    'windows that a setting makes overflow': (lambda p: h2.window_update(waiting(p), 2**31 - 1 - 65535) + h2.settings({h2.INITIAL_WINDOW_SIZE: 2**31 - 1}),
                                              FLOW_CONTROL_ERROR),
    'continuation behind the end of a head': (lambda p: h2.frame(h2.HEADERS, 4, 1, head(p)) + h2.frame(h2.CONTINUATION, 4, 1, b''), PROTOCOL_ERROR),
    'continuation on stream 0': (lambda p: h2.frame(h2.CONTINUATION, 4, 0, b''), PROTOCOL_ERROR),
    'a promise on stream 0': (lambda p: h2.frame(h2.PUSH_PROMISE, 4, 0, struct.pack('>I', 2)), PROTOCOL_ERROR),
    'a priority update on a stream': (lambda p: h2.frame(h2.PRIORITY_UPDATE, 0, 1, b'\0\0\0\1u=1'), PROTOCOL_ERROR),
    'a priority update of stream 0': (lambda p: h2.frame(h2.PRIORITY_UPDATE, 0, 0, b'\0\0\0\0u=1'), PROTOCOL_ERROR),
    'a block that does not decode, on a stream that is closed': (lambda p: h2.frame(h2.HEADERS, 5, 1, head(p)) + h2.frame(h2.HEADERS, 5, 1, b'\xff\x10'),
                                                                 (COMPRESSION_ERROR, STREAM_CLOSED)),
}


@pytest.mark.parametrize('name', CONNECTION_ERRORS)
def test_errors_of_the_connection(peer, name):
    make, code = CONNECTION_ERRORS[name]
    peer.send(make(peer))
    assert peer.goaway() in (code if isinstance(code, tuple) else (code,))


def test_data_behind_trailers(peer):
    stream = begun(peer)
    peer.send(h2.frame(h2.HEADERS, 5, stream, b'') + h2.frame(h2.DATA, 0, stream, b'x'))
    peer.until(lambda: peer.stream(stream).reset is not None or peer.stream(stream).ended or peer.goaways, 'an end')
    assert peer.stream(stream).ended or STREAM_CLOSED in (peer.stream(stream).reset, *(code for _, code in peer.goaways))


@pytest.mark.parametrize('late', [lambda s: h2.window_update(s, 10), lambda s: h2.reset(s), lambda s: h2.frame(h2.PRIORITY, 0, s, b'\0\0\0\0\x10')])
def test_what_may_come_behind_the_end(peer, late):
    """§5.1: these may be on their way when a stream ends."""
    stream = peer.ask('/x')
    peer.response(stream)
    peer.send(late(stream))
    assert peer.get('/after').text == '/after' and peer.goaways == []


def test_frames_behind_our_reset_are_ignored(peer):
    """§5.1, closed: the client may not have heard of it. What it sends counts for the window of the connection, which opens again."""
    stream = peer.new_stream()
    peer.headers(stream, [(':method', 'POST'), (':scheme', 'http'), (':path', 'bad'), (':authority', 'a')], end=False)
    assert peer.reset_code(stream) == PROTOCOL_ERROR
    for _ in range(300):
        peer.data(stream, b'x' * 16000)
    peer.ping()
    assert peer.windows[0] > 4_200_000, 'what nobody took is lost for the connection'
    peer.headers(stream, [('x-a', '1')])
    assert peer.get('/after').text == '/after' and peer.goaways == []


def test_data_behind_the_clients_reset(peer):
    stream = begun(peer)
    peer.send(h2.reset(stream) + h2.frame(h2.DATA, 0, stream, b'x'))
    peer.send(h2.frame(h2.PING, 0, 0, b'87654321'))
    peer.until(lambda: peer.stream(stream).reset is not None or peer.goaways or peer.pongs, 'a reaction')
    assert {peer.stream(stream).reset, *(code for _, code in peer.goaways)} <= {None, STREAM_CLOSED, CANCEL}


def test_a_window_that_becomes_negative(peer):
    """§6.9.2: a smaller initial size takes away from streams what they may have used already."""
    peer.opens_windows = False
    stream = peer.ask('/file')
    peer.until(lambda: len(peer.stream(stream).body) == 65535, 'the whole window')
    peer.send(h2.settings({h2.INITIAL_WINDOW_SIZE: 1000}) + h2.window_update(0, 1_000_000) + h2.window_update(stream, 64535))
    peer.ping()
    assert len(peer.stream(stream).body) == 65535
    peer.send(h2.window_update(stream, 5))
    peer.until(lambda: len(peer.stream(stream).body) == 65540, 'five bytes')
    peer.send(h2.settings({h2.INITIAL_WINDOW_SIZE: 50_000}))
    assert len(peer.response(stream).body) == 100_000


def test_settings_and_pings_are_acknowledged_once(peer):
    peer.send(h2.settings({h2.MAX_FRAME_SIZE: 16384}) + h2.settings({}) + h2.frame(h2.PING, h2.ACK, 0, b'unasked!'))
    peer.ping()
    acks = [frame for frame in peer.frames if frame[:2] == (h2.SETTINGS, h2.ACK)]
    assert len(acks) == 3, 'of the preface and of two more'
    assert b'unasked!' not in peer.pongs


def test_the_first_frame_is_settings(peer):
    assert peer.frames[0][:3] == (h2.SETTINGS, 0, 0)


def test_frames_are_as_large_as_the_client_allows(strict):
    with Peer(('127.0.0.1', strict.port()), {h2.MAX_FRAME_SIZE: 16384}) as peer:
        assert len(peer.get('/file').body) == 100_000
        assert max(size for _, _, _, size in peer.frames) <= 16384


def test_the_reserved_bit_is_ignored(peer):
    """§4.1, of streams; §6.9 of sizes."""
    stream = peer.new_stream()
    peer.send(h2.frame(h2.HEADERS, 5, stream | 1 << 31, head(peer)))
    assert peer.response(stream).text == '/x'


def test_unknown_flags_are_ignored(peer):
    stream = peer.new_stream()
    peer.send(h2.frame(h2.HEADERS, 5 | 0xd2, stream, head(peer)) + h2.frame(h2.PING, 0xfe, 0, b'12345678'))
    assert peer.response(stream).text == '/x'


def test_a_client_that_says_goaway_gets_its_answers(peer):
    """§6.8: streams that it has opened go on."""
    stream = waiting(peer)
    peer.send(h2.frame(h2.GOAWAY, 0, 0, struct.pack('>II', 0, 0)) + h2.window_update(0, 1 << 20) + h2.window_update(stream, 1 << 20))
    assert len(peer.response(stream).body) == 100_000


@pytest.mark.parametrize('size', [0, 100, 4096, 1 << 20])
def test_our_table_is_as_small_as_the_client_wants(strict, size):
    """RFC 7541 §4.2: the first block behind the acknowledgement begins with the new size, if it is smaller."""
    with Peer(('127.0.0.1', strict.port()), {h2.HEADER_TABLE_SIZE: size}) as peer:
        peer.decoder.max_allowed_table_size = size
        for turn in range(4):
            path = f'/?long={turn}' + 'v' * 90
            answer = peer.get(path)
            assert answer.text == path and answer['x-long'] == path[7:]
            assert peer.decoder.header_table_size <= size


def test_the_clients_table_may_shrink_and_grow(peer):
    """RFC 7541 §4.2, §6.3: at the beginning of a block, also twice; what was in it is gone."""
    for prefix in (b'', b'\x20\x3f\xe1\x1f', b'\x20', b'\x3f\x01', b'\x3f\xe1\x1f'):
        stream = peer.new_stream()
        peer.send(h2.frame(h2.HEADERS, 5, stream, prefix + b'\x82\x86\x41\x01a\x44\x02/t'))
        assert peer.response(stream).text == '/t'
    stream = peer.new_stream()
    peer.send(h2.frame(h2.HEADERS, 5, stream, b'\x20\x82\x86\xbe\xbf'))  # 62 and 63 are not there any more
    assert peer.goaway() == COMPRESSION_ERROR


@pytest.mark.parametrize('fields', [
    [(':method', 'CONNECT'), (':scheme', 'http'), (':authority', 'a:1')], [(':method', 'CONNECT'), (':path', '/'), (':authority', 'a:1')],
    [(':method', 'CONNECT')]], ids=str)
def test_malformed_connects(peer, fields):
    """§8.5"""
    stream = peer.new_stream()
    peer.headers(stream, fields)
    assert peer.reset_code(stream) == PROTOCOL_ERROR
    assert peer.get('/after').text == '/after'
