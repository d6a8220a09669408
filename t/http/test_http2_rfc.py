"""What RFC 9113 and RFC 7541 demand beyond test_http2_errors.py and test_http2_states.py, by section: what ends a connection, what is fine."""
import struct

import pytest

from lib import h2
from lib.h2 import COMPRESSION_ERROR, FRAME_SIZE_ERROR, PROTOCOL_ERROR, Peer
from lib.h2_strict import begun, held, peer, strict, waiting  # noqa: F401 (fixtures)
from lib.upstream import Held
from lib.wait import wait_for

pytestmark = pytest.mark.sluice_only('nginx 1.22 is laxer, or chooses other codes')

HEAD_END = h2.END_HEADERS | h2.END_STREAM
GET = b'\x82\x86\x84\x41\x09localhost'  # fields of the static table, and one that is added: RFC 7541 §C.3


def headers(block, stream=1, flags=HEAD_END):
    return h2.frame(h2.HEADERS, flags, stream, block)


CONNECTION_ERRORS = {
    'RFC 9113 §4.2: an unknown frame larger than we allow': (lambda p: h2.frame(0x77, 0, 0, bytes(16385)), FRAME_SIZE_ERROR),
    'RFC 9113 §4.2: settings larger than we allow': (lambda p: h2.frame(h2.SETTINGS, 0, 0, bytes(16386)), FRAME_SIZE_ERROR),
    'RFC 9113 §4.2: a continuation larger than we allow': (lambda p: headers(GET, flags=h2.END_STREAM) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, bytes(16385)), FRAME_SIZE_ERROR),
    'RFC 9113 §4.2: a continuation larger than we allow, whose fields are fine': (
        lambda p: headers(GET, flags=h2.END_STREAM) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, b''.join(b'\x00\x01%c\x7f\xe9\x06' % c + 1000 * b'v' for c in b'abcdefghijklmnopq')),
        FRAME_SIZE_ERROR),
    'RFC 9113 §4.2: the largest frame there is': (lambda p: h2.frame(h2.DATA, 0, begun(p), bytes(2**24 - 1))[:100], FRAME_SIZE_ERROR),
    'RFC 9113 §4.3: trailers that do not decode': (lambda p: headers(b'\xff\x80\x01', begun(p)), COMPRESSION_ERROR),
    'RFC 9113 §4.3: a malformed head that does not decode either': (lambda p: headers(b'\x82\x00\x01X\x01y\xff\x80\x01'), COMPRESSION_ERROR),
    'RFC 9113 §4.3: a continuation that does not decode': (lambda p: headers(GET, flags=h2.END_STREAM) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, b'\xff\x80\x01'), COMPRESSION_ERROR),
    'RFC 9113 §5.1.1: data on an even stream': (lambda p: h2.frame(h2.DATA, 0, 2, b'x'), PROTOCOL_ERROR),
    'RFC 9113 §5.1.1: a window for an even stream': (lambda p: h2.window_update(2, 1), PROTOCOL_ERROR),
    'RFC 9113 §5.1.1: a reset of an even stream': (lambda p: h2.reset(2), PROTOCOL_ERROR),
    'RFC 9113 §6.1: padding as long as the rest, on stream 0': (lambda p: h2.frame(h2.DATA, h2.PADDED, 0, b'\0x'), PROTOCOL_ERROR),
    'RFC 9113 §6.10: data within a head': (lambda p: headers(GET, begun(p), 0) + h2.frame(h2.DATA, 0, 1, b'x'), PROTOCOL_ERROR),
    'RFC 9113 §6.10: another head within a head': (lambda p: headers(GET, flags=0) + headers(GET, 3), PROTOCOL_ERROR),
    'RFC 9113 §6.10: settings within a head': (lambda p: headers(GET, flags=0) + h2.settings({}), PROTOCOL_ERROR),
    'RFC 9113 §6.10: a reset within a head': (lambda p: headers(GET, flags=0) + h2.reset(1), PROTOCOL_ERROR),
    'RFC 9113 §6.10: an update within a head': (lambda p: headers(GET, flags=0) + h2.window_update(0, 1), PROTOCOL_ERROR),
    'RFC 9113 §6.10: priority within a head': (lambda p: headers(GET, flags=0) + h2.frame(h2.PRIORITY, 0, 1, bytes(5)), PROTOCOL_ERROR),
    'RFC 7541 §2.3.3: a name beyond the tables': (lambda p: headers(b'\x82\x86\x84\x7f\x00\x01x'), COMPRESSION_ERROR),
    'RFC 7541 §4.1: an entry that has fallen out': (lambda p: headers(GET + b''.join(
        b'\x40\x01%c\x7f\xe1\x06' % (97 + i) + bytes([48 + i]) * 992 for i in range(4))) + headers(b'\x82\x86\x84\xc1', 3), COMPRESSION_ERROR),
    'RFC 7541 §5.1: a length that is larger than any number': (lambda p: headers(b'\x82\x86\x84\x41\x7f\xff\xff\xff\xff\xff\x0f'), COMPRESSION_ERROR),
    'RFC 7541 §5.1: an index that is larger than any number': (lambda p: headers(b'\x82\x86\x84\xff\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01'), COMPRESSION_ERROR),
    'RFC 7541 §5.1: a size that is larger than any number': (lambda p: headers(b'\x3f\xff\xff\xff\xff\xff\x0f' + GET), COMPRESSION_ERROR),
    'RFC 7541 §5.1: a number that is cut off': (lambda p: headers(b'\x82\x86\x84\xff'), COMPRESSION_ERROR),
    'RFC 7541 §5.2: a name of Huffman codes with EOS in the middle': (lambda p: headers(GET + b'\x40\x85\x1f\xff\xff\xff\xe3\x01x'), COMPRESSION_ERROR),
    'RFC 7541 §5.2: a value longer than the block': (lambda p: headers(GET + b'\x00\x01x\x05y'), COMPRESSION_ERROR),
    'RFC 7541 §6.2: a literal without its value': (lambda p: headers(GET + b'\x00\x01x'), COMPRESSION_ERROR),
    'RFC 7541 §6.3: a table size in the middle of a block': (lambda p: headers(b'\x82\x86\x20\x84\x41\x09localhost'), COMPRESSION_ERROR),
    'RFC 7541 §6.3: a table size in a continuation, behind fields': (
        lambda p: headers(GET, flags=h2.END_STREAM) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, b'\x20'), COMPRESSION_ERROR),
    'RFC 9113 §4.2: a reset that is too long': (lambda p: h2.frame(h2.RST_STREAM, 0, begun(p), bytes(5)), FRAME_SIZE_ERROR),
    'RFC 9113 §6.2: priority without its fields': (lambda p: headers(b'\0\0\0', flags=HEAD_END | h2.WITH_PRIORITY), FRAME_SIZE_ERROR),
    'RFC 9113 §6.2: padding longer than a head': (lambda p: headers(b'\xff' + GET, flags=HEAD_END | h2.PADDED), PROTOCOL_ERROR),
    'RFC 9113 §6.5: settings with half a pair': (lambda p: h2.frame(h2.SETTINGS, 0, 0, bytes(9)), FRAME_SIZE_ERROR),
    'RFC 9113 §6.7: a ping that is too long': (lambda p: h2.frame(h2.PING, 0, 0, bytes(9)), FRAME_SIZE_ERROR),
    'RFC 9113 §6.8: a goaway that is too short': (lambda p: h2.frame(h2.GOAWAY, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    'RFC 9113 §6.9: an update of a wrong size on a stream': (lambda p: h2.frame(h2.WINDOW_UPDATE, 0, begun(p), bytes(5)), FRAME_SIZE_ERROR),
    'RFC 9113 §6.10: a continuation behind the end of a head': (
        lambda p: headers(GET, flags=h2.END_HEADERS) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, b'\x82'), PROTOCOL_ERROR),
    'RFC 9113 §6.10: a continuation on stream 0': (
        lambda p: headers(GET, flags=0) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, 0, b'\x82'), PROTOCOL_ERROR),
    'RFC 7541 §4.4: what does not fit empties the table': (
        lambda p: headers(b'\x20' + GET) + headers(b'\x82\x86\x84\xbe', 3), COMPRESSION_ERROR),
    'RFC 7541 §5.2: padding of more than 7 bits': (lambda p: headers(GET + b'\x00\x01x\x82\x07\xff'), COMPRESSION_ERROR),
    'RFC 7541 §6.2.2: a literal without indexing is not in the table': (
        lambda p: headers(b'\x82\x86\x84\x01\x09localhost') + headers(b'\x82\x86\x84\xbe', 3), COMPRESSION_ERROR),
    'RFC 7541 §6.2.3: a literal that is never indexed is not in the table': (
        lambda p: headers(b'\x82\x86\x84\x11\x09localhost') + headers(b'\x82\x86\x84\xbe', 3), COMPRESSION_ERROR),
    'RFC 7541 §6.3: a table size beyond the limit, and then one below': (lambda p: headers(b'\x3f\xff\xff\x7f\x20' + GET), COMPRESSION_ERROR),
}


@pytest.mark.parametrize('name', CONNECTION_ERRORS)
def test_errors_of_the_connection(peer, name):
    make, code = CONNECTION_ERRORS[name]
    peer.send(make(peer))
    assert peer.goaway() == code


FINE = {
    'RFC 9113 §6.2: priority and padding': headers(b'\x03' + struct.pack('>IB', 0, 5) + GET + bytes(3), flags=HEAD_END | h2.PADDED | h2.WITH_PRIORITY),
    'RFC 9113 §6.2: a head in a continuation': headers(b'', flags=h2.END_STREAM) + h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, GET),
    'RFC 9113 §6.3: priority of an idle stream': h2.frame(h2.PRIORITY, 0, 99, struct.pack('>IB', 0, 5)) + headers(GET),
    'RFC 9113 §6.5.2: the largest frames there are': h2.settings({h2.MAX_FRAME_SIZE: 2**24 - 1, h2.ENABLE_PUSH: 1}) + headers(GET),
    'RFC 9113 §6.7: an acknowledgement of no ping': h2.frame(h2.PING, h2.ACK, 0, bytes(8)) + headers(GET),
    'RFC 9113 §4.1: frames of extensions': h2.frame(0x0a, 0, 0, b'\0\1ab') + h2.frame(0x0c, 0, 0, b'\0\1a') + h2.frame(0xff, 0xff, 99, b'x') + headers(GET),
    'RFC 9113 §6.5.3: a setting twice': h2.frame(h2.SETTINGS, 0, 0, struct.pack('>HIHI', h2.INITIAL_WINDOW_SIZE, 0, h2.INITIAL_WINDOW_SIZE, 1000)) + headers(GET),
    'RFC 9113 §6.8: a goaway with a code that nobody knows': h2.frame(h2.GOAWAY, 0, 0, struct.pack('>II', 0, 0xfeedbeef) + b'why') + headers(GET),
    'RFC 9113 §8.3.1: a scheme of another kind': headers(b'\x82\x84\x41\x09localhost\x06\x06coap+t'),
    'RFC 7541 §2.3.2: an entry twice': headers(GET + b'\x40\x01a\x01b\x40\x01a\x01b\xbe\xbf'),
    'RFC 7541 §4.4: a name of an entry that makes room for its own': headers(
        GET + b'\x40\x04name\x7f\xb9\x1e' + b'v' * 4024 + b'\x7e\x7f\xb9\x1e' + b'w' * 4024),
    'RFC 7541 §4.2: two sizes of the table': headers(b'\x20\x3f\xe1\x1f' + GET),
    'RFC 7541 §5.1: an integer with more bytes than it needs': headers(b'\x82\x86\x84\x41\x7f\x80\x80\x00' + b'l' * 127),
}


@pytest.mark.parametrize('name', FINE)
def test_what_is_fine(peer, name):
    peer._next = 3
    peer.send(FINE[name])
    assert peer.response(1).status == 200 and peer.response(1).text == '/'
    assert not peer.goaways and not peer.pongs


@pytest.mark.parametrize('code', [h2.NO_ERROR, h2.CANCEL, 0xffffffff])
def test_any_code_of_a_reset(peer, code):
    """RFC 9113 §7: codes that nobody knows are no errors."""
    peer.send(h2.reset(begun(peer), code))
    assert peer.get('/after').text == '/after'


def test_padding_counts_for_the_window(peer):
    """RFC 9113 §6.1: all of a DATA frame does, and is given back."""
    stream = begun(peer)
    for _ in range(400):  # 400 × 256 bytes are more than the window
        peer.send(h2.frame(h2.DATA, h2.PADDED, stream, b'\xff' + bytes(255)))
    peer.until(lambda: peer.windows.get(stream) or peer.stream(stream).reset is not None or peer.stream(stream).ended, 'a window or an answer')
    assert not peer.goaways and peer.get('/after').text == '/after'


@pytest.mark.parametrize('first', [h2.settings({}, h2.ACK), h2.window_update(0, 1), headers(GET), h2.frame(0x77, 0, 0), h2.frame(h2.GOAWAY, 0, 0, bytes(8))],
                         ids=['acknowledgement', 'window', 'head', 'unknown', 'goaway'])
def test_what_begins_without_settings(strict, first):
    """RFC 9113 §3.4"""
    with Peer(('127.0.0.1', strict.port()), preface=False) as peer:
        peer.send(h2.PREFACE + first)
        assert peer.goaway() == PROTOCOL_ERROR
        assert not peer.streams


def test_our_settings(peer):
    """RFC 9113 §6.5.2: a server neither pushes nor says that it would."""
    assert peer.settings.get(h2.ENABLE_PUSH, 0) == 0
    assert peer.settings[h2.INITIAL_WINDOW_SIZE] < 2**31 and 2**14 <= peer.settings.get(h2.MAX_FRAME_SIZE, 2**14) < 2**24


def test_more_bodies_than_the_connections_window_allows(server, scripted):
    """RFC 9113 §5.2.1, §6.9.1: it is counted apart from those of the streams, and is an error of the connection."""
    gate = Held()

    def script(up, _):
        gate.pass_()
    instance = server('''server { listen 127.0.0.1:%%main%% http2; http2_body_preread_size 200m; client_max_body_size 1g; location / {
        proxy_pass http://127.0.0.1:%%up%%; proxy_request_buffering off; proxy_http_version 1.1; } }''', ports={'up': scripted(script).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        peer.until(lambda: peer.settings is not None and 0 in peer.windows, 'the windows')
        streams = [peer.ask('/', 'POST', end=False) for _ in range(2)]
        sent = 0
        while not peer.goaways:
            assert sent < 150_000_000, 'the window never closed'
            room = 65535 + peer.windows[0] - sent
            for at in range(0, room, 16384):
                peer.data(streams[at // 16384 % 2], bytes(min(16384, room - at)))
            peer.settle()  # all that the window allows is fine
            sent += room + 1
            peer.data(streams[0], b'x')
            peer.send(h2.frame(h2.PING, 0, 0, bytes(8)))
            peer.until(lambda: peer.pongs or peer.goaways, 'a reaction')
            peer.pongs.clear()  # the window has grown meanwhile: the upstream's buffers take some
        assert peer.goaway() == h2.FLOW_CONTROL_ERROR
        gate.open()


RESETS = {
    'RFC 9113 §5.4.2: a fragment': [(':path', '/a#b')], 'RFC 9113 §5.4.2: upper case': [('X-A', '1')], 'RFC 9113 §5.4.2: another Host': [('host', 'other')],
    'RFC 9113 §5.4.2: no scheme': [(':scheme', None)], 'RFC 9113 §5.4.2: a length': [('content-length', '5')], 'RFC 9113 §5.4.2: two of all': [('X-A', '1'), ('X-B', '1'), ('te', 'x')],
}


@pytest.mark.parametrize('name', RESETS)
def test_a_stream_is_reset_once(peer, name):
    fields = {':method': 'GET', ':scheme': 'http', ':path': '/', ':authority': 'localhost', **dict(RESETS[name])}
    stream = peer.new_stream()
    peer.headers(stream, [field for field in fields.items() if field[1] is not None])
    assert peer.reset_code(stream) == PROTOCOL_ERROR
    peer.settle()
    assert len([frame for frame in peer.frames if frame[0] == h2.RST_STREAM and frame[2] == stream]) == 1


@pytest.mark.parametrize('begin', [begun, waiting])
@pytest.mark.parametrize('code', [h2.CANCEL, h2.NO_ERROR, PROTOCOL_ERROR])
def test_no_reset_for_a_reset(peer, begin, code):
    """RFC 9113 §5.4.2: nor for what comes behind it."""
    stream = begin(peer)
    peer.send(h2.reset(stream, code) + h2.window_update(stream, 1) + h2.reset(stream, code))
    peer.settle()
    assert not [frame for frame in peer.frames if frame[0] == h2.RST_STREAM] and not peer.goaways


def test_what_is_refused_is_decoded(server, scripted):
    """RFC 9113 §4.3, §5.1.2: heads of streams that are one too many go into the table all the same, their bodies into the connection's window."""
    gate = Held()
    instance = server('server { listen 127.0.0.1:%%main%% http2; http2_max_concurrent_streams 1; location / { proxy_pass http://127.0.0.1:%%up%%; } }', ports={'up': scripted(held(gate)).port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        peer.until(lambda: peer.settings is not None and 0 in peer.windows, 'SETTINGS')
        peer.ping()
        first = peer.ask()
        for turn in range(20):
            stream = peer.ask('/', 'POST', [('x-new', f'{turn}' * 20)], end=False)
            assert peer.reset_code(stream) == h2.REFUSED_STREAM
            for _ in range(16):
                peer.data(stream, bytes(16384))
        peer.settle()
        assert peer.windows[0] > 4_128_769 + 2_000_000, 'the windows open for what nobody takes'
        gate.open()
        assert peer.response(first).text == 'done'
        assert peer.get('/', [('x-new', '19' * 20)]).text == 'done' and not peer.goaways


def test_streams_behind_our_goaway(server, scripted):
    """RFC 9113 §6.8: they are not looked at, only decoded; those before it have their answers."""
    gate = Held()
    up = scripted(held(gate))
    instance = server('server { listen 127.0.0.1:%%main%% http2; keepalive_requests 2; location / { proxy_pass http://127.0.0.1:%%up%%; } location /text { return 200 text; } }',
                      ports={'up': up.port})
    with Peer(('127.0.0.1', instance.port())) as peer:
        first = peer.ask('/first')
        wait_for(lambda: up.requests, 'the first request')
        assert peer.get('/text').text == 'text'
        peer.until(lambda: peer.goaways and peer.goaways[-1][0] < 2**31 - 1, 'the last stream that counts')
        late = peer.ask('/late', 'POST', [('x-new', 'v' * 50)], end=False)
        for _ in range(10):
            peer.data(late, bytes(16000))
        peer.settle()
        assert late not in peer.windows and peer.stream(late).reset is None and peer.stream(late).fields is None
        gate.open()
        assert peer.response(first).text == 'done'
        assert peer.goaway() == h2.NO_ERROR and peer.goaways[-1][0] < late
    assert [request.target for request in up.requests] == ['/first']


EXAMPLES = {
    'RFC 7541 §C.3': ('828684410f7777772e6578616d706c652e636f6d', '828684be58086e6f2d6361636865', '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565'),
    'RFC 7541 §C.4': ('828684418cf1e3c2e5f23a6ba0ab90f4ff', '828684be5886a8eb10649cbf', '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf'),
}


@pytest.mark.parametrize('name', EXAMPLES)
def test_the_examples_of_hpack(server, name):
    instance = server('server { listen 127.0.0.1:%%main%% http2; location / { return 200 "$request_method|$request_uri|$host|$http_cache_control|$http_custom_key"; } }')
    with Peer(('127.0.0.1', instance.port())) as peer:
        for block in EXAMPLES[name]:
            peer.send(headers(bytes.fromhex(block), peer.new_stream()))
        assert [peer.response(stream).text for stream in (1, 3, 5)] == [
            'GET|/|www.example.com||', 'GET|/|www.example.com|no-cache|', 'GET|/index.html|www.example.com||custom-value']


STATIC = ('''accept-charset accept-encoding accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control
    content-disposition content-encoding content-language content-length content-location content-range content-type cookie date etag expect expires from host
    if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range
    referer refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate''').split()
FRAMING = ['content-length', 'host', 'transfer-encoding']


def test_the_names_of_the_static_table(server):
    """RFC 7541 §A: 15 to 61, by what the log has of fields of these names."""
    plain = [name for name in STATIC if name not in FRAMING]
    variables = '|'.join('$http_' + name.replace('-', '_') for name in plain)
    instance = server(f'log_format all "{variables}"; access_log logs/all.log all; server {{ listen 127.0.0.1:%%main%% http2; location / {{ return 200 x; }} }}')
    block = b''.join(b'\x0f%c\x02%d' % (STATIC.index(name), STATIC.index(name) + 15) for name in plain)
    with Peer(('127.0.0.1', instance.port())) as peer:
        peer.send(headers(GET + block))
        peer.response(1)
        for name in FRAMING:
            stream = peer.new_stream() + 2
            peer.send(headers(b'\x82\x86\x84\xbe' + b'\x0f%c\x01x' % STATIC.index(name), stream))
            assert peer.reset_code(stream) == PROTOCOL_ERROR
    assert instance.access(1, 'logs/all.log')[0].split('|') == [str(STATIC.index(name) + 15) for name in plain]


@pytest.mark.parametrize('index', range(1, 15))
def test_the_pseudo_header_fields_of_the_static_table(peer, index):
    """RFC 7541 §A, RFC 9113 §8.3: 1 to 14 have no place behind other fields."""
    stream = peer.new_stream()
    peer.send(headers(GET + b'\x00\x01a\x00' + bytes([0x80 | index]), stream))
    assert peer.reset_code(stream) == PROTOCOL_ERROR and not peer.goaways
