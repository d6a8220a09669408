"""The order of answers on one connection (RFC 9218)."""
import pytest

from lib import h2
from lib.h2 import Peer

pytestmark = pytest.mark.sluice_only('RFC 9218 is younger than nginx 1.22')

BIG = (bytes(i * 7 % 251 for i in range(251)) * 8000)[:2_000_000]


@pytest.fixture
def h2server(server):
    return server('server { listen 127.0.0.1:%%main%% http2; root html; }', files={'html/big': BIG})


@pytest.mark.parametrize('is_late', [False, True])
@pytest.mark.parametrize('urgent', [0, 1])
def test_urgent_streams_leave_nothing_to_others(h2server, urgent, is_late):
    """Though their bodies come in pieces that are smaller than what leaves at once."""
    with Peer(('127.0.0.1', h2server.port()), {h2.INITIAL_WINDOW_SIZE: 1 << 24}) as peer:
        peer.opens_windows = False
        first = peer.ask('/big')
        peer.until(lambda: len(peer.stream(first).body) == 65535, 'a full window of the connection')
        streams = [peer.ask('/big', fields=[('priority', 'u=0' if i == urgent and not is_late else 'u=5')]) for i in range(2)]
        if is_late:
            peer.send(h2.frame(h2.PRIORITY_UPDATE, 0, 0, streams[urgent].to_bytes(4, 'big') + b'u=1'))
        peer.send(h2.reset(first))
        peer.ping()
        begin = len(peer.frames)
        peer.send(h2.window_update(0, 1 << 24))
        peer.responses(streams)
        data = [stream for kind, _, stream, _ in peer.frames[begin:] if kind == h2.DATA]
        last = max(i for i, stream in enumerate(data) if stream == streams[urgent])
        assert streams[1 - urgent] not in data[:last]
        assert all(peer.stream(stream).body == BIG for stream in streams)


@pytest.mark.parametrize('value, first', [(b'u=0', 1), (b'', 1), (b'u=0,,', 0)])
def test_a_priority_before_the_request(h2server, value, first):
    """PRIORITY_UPDATE overrides the field, even where it came first (RFC 9218 §7); what is no dictionary says nothing."""
    with Peer(('127.0.0.1', h2server.port()), {h2.INITIAL_WINDOW_SIZE: 1 << 24}) as peer:
        peer.opens_windows = False
        begun = peer.ask('/big')
        peer.until(lambda: len(peer.stream(begun).body) == 65535, 'a full window of the connection')
        peer.send(h2.frame(h2.PRIORITY_UPDATE, 0, 0, (begun + 4).to_bytes(4, 'big') + value))
        streams = [peer.ask('/big', fields=[('priority', urgency)]) for urgency in ('u=4', 'u=5')]
        peer.send(h2.reset(begun))
        peer.ping()
        peer.send(h2.window_update(0, 60_000))
        peer.until(lambda: len(peer.stream(streams[first]).body) == 60_000, 'the urgent one')
        assert peer.stream(streams[1 - first]).body == b''
