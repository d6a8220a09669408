"""How heads and trailers leave: the decoder's table, heads of many frames, and what stands behind a full buffer."""
import pytest

from lib import h2
from lib.h2 import Peer
from lib.messages import reply

LONG = 'l' * 7000
CONF = r'''
    server {
        listen 127.0.0.1:%%main%% http2;
        location / { root html; http2_chunk_size 16k; }
        location /t { root html; http2_chunk_size 16k; SUM }
        location /up/ { proxy_pass http://127.0.0.1:%%up%%; proxy_buffer_size 256k; proxy_buffers 8 256k; proxy_busy_buffers_size 256k; }
    }
'''
FILES = {'html/small': 'small', 'html/a': b'a' * 48_800, 'html/t': b't' * 16_384, 'html/many': b'm' * 200_000}


@pytest.fixture
def served(server, scripted):
    def script(peer, upstream):
        while (request := peer.request()) is not None:
            count = int(request.target.rsplit('/', 1)[1])
            peer.send(reply('long', headers={f'X-Long-{i}': LONG for i in range(count)}))
    up = scripted(script)
    long_sum = ' '.join(f'add_trailer X-Sum-{i} {"s" * 500};' for i in range(3))
    return server(CONF.replace('SUM', long_sum), files=FILES, ports={'up': up.port})


@pytest.fixture
def peer(served):
    with Peer(('127.0.0.1', served.port())) as connection:
        yield connection


def head_size(peer, stream):
    return next(size for kind, _, of, size in peer.frames if kind == h2.HEADERS and of == stream)


@pytest.mark.sluice_only('nginx writes nearly all lines anew')
def test_heads_that_repeat_shrink(peer):
    streams = []
    for _ in range(4):
        streams.append(peer.ask('/small'))
        answer = peer.response(streams[-1])
        assert answer.status == 200 and answer['content-length'] == '5' and answer.text == 'small'
    sizes = [head_size(peer, stream) for stream in streams]
    assert sizes[3] < sizes[0] / 3, sizes


@pytest.mark.parametrize('sizes', [[0], [0, 4096], [100], [4000], [65536], [65536, 4096], [65536, 50]])
def test_the_clients_table(peer, sizes):
    """SETTINGS_HEADER_TABLE_SIZE in the middle of a connection: the decoder takes nothing that it does not allow."""
    fields = [peer.get('/small').fields for _ in range(3)]
    peer.send(b''.join(h2.settings({h2.HEADER_TABLE_SIZE: size}) for size in sizes))
    peer.ping()
    peer.decoder.max_allowed_table_size = sizes[-1]
    for _ in range(3):
        answer = peer.get('/small')
        assert [name for name, _ in answer.fields] == [name for name, _ in fields[0]] and answer.text == 'small'
        assert peer.decoder.header_table._current_size <= sizes[-1]


@pytest.mark.parametrize('count', [1, 2, 3, 9, 20])
def test_heads_of_many_frames(peer, count):
    """Nothing comes between their frames, though another answer is on its way."""
    other = peer.ask('/many')
    peer.until(lambda: peer.stream(other).body, 'the beginning of a body')
    stream = peer.ask(f'/up/{count}')
    answer = peer.response(stream)
    assert [value for name, value in answer.fields if name.startswith('x-long-')] == [LONG] * count and answer.text == 'long'
    kinds = [(kind, of) for kind, _, of, _ in peer.frames]
    first = kinds.index((h2.HEADERS, stream))
    more = kinds.count((h2.CONTINUATION, stream))
    assert kinds[first + 1:first + 1 + more] == [(h2.CONTINUATION, stream)] * more
    assert all(size <= 16384 for *_, size in peer.frames)
    assert peer.response(other).body == FILES['html/many']


@pytest.mark.sluice_only('nginx sends trailers only where the length is unknown')
@pytest.mark.parametrize('size', [48_800, 49_100, 49_150])
def test_trailers_behind_a_full_buffer(served, size):
    """The frame that fills the server's buffer is the last of its body, and trailers follow it."""
    served.write('html/a', b'a' * size)
    with Peer(('127.0.0.1', served.port()), {h2.INITIAL_WINDOW_SIZE: 0}) as peer:
        first, second = peer.ask('/a'), peer.ask('/t')
        peer.until(lambda: peer.stream(second).fields and peer.stream(first).fields, 'heads')
        peer.send(h2.window_update(0, 1 << 20) + h2.settings({h2.INITIAL_WINDOW_SIZE: 1 << 20}))
        assert peer.response(first).body == b'a' * size
        answer = peer.response(second)
        assert answer.body == FILES['html/t'] and [value for _, value in answer.trailers] == ['s' * 500] * 3


@pytest.mark.parametrize('method, path, why', [('GET', '/../x', 'client sent invalid request'), ('TRACE', '/', 'client sent TRACE method')])
def test_the_log_says_that_it_was_the_head(server, method, path, why):
    s = server('server { listen 127.0.0.1:%%main%% http2; }')
    with h2.Peer(('127.0.0.1', s.port())) as peer:
        assert peer.response(peer.ask(path, method)).status in (400, 405)
    s.wait_log(rf'\[info\] .* {why} while reading client request headers, client: 127\.0\.0\.1')
