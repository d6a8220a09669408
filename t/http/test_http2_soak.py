"""HTTP/2 under connections that do anything at all: streams that are reset at any time, and frames made at random."""
import contextlib
import os
import random

import pytest

from lib import h2
from lib.h2 import Peer
from lib.messages import BrokenOff, reply

STREAMS = int(os.environ.get('SOAK', 4000))  # in all; `make soak` says how many
AT_MOST = 100  # on each connection
CONNECTIONS = STREAMS // AT_MOST

CONF = r'''
    server {
        listen 127.0.0.1:%%main%% http2;
        location / { return 200 text; }
        location /file { root html; }
        location /slow { limit_rate 100k; alias html/file; }
        location /up/ { proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.1; proxy_request_buffering off; }
    }
'''

pytestmark = [pytest.mark.sluice_only('a soak of ours'), pytest.mark.soak]


def script(up, _):
    """Answers; a request that is broken off in its body is what this is about."""
    with contextlib.suppress(BrokenOff):
        while (request := up.request()) is not None:
            up.send(reply(request.body))


@pytest.fixture
def soaked(server, scripted):
    instance = server(CONF, files={'html/file': 'x' * 300_000}, ports={'up': scripted(script).port})
    instance.spare_descriptors(12)
    yield instance
    with Peer(('127.0.0.1', instance.port())) as peer:
        assert peer.get('/x').text == 'text'


def test_random_resets(soaked):
    dice = random.Random(1)
    asked = 0
    while asked < STREAMS:
        with Peer(('127.0.0.1', soaked.port()), {h2.INITIAL_WINDOW_SIZE: dice.choice([0, 1000, 65535, 1 << 20])}) as peer:
            open_streams = []
            for _ in range(AT_MOST):
                path = dice.choice(['/x', '/file', '/slow', '/up/a', '/missing'])
                has_body = dice.random() < 0.3
                stream = peer.ask(path, 'POST' if has_body else 'GET', end=not has_body)
                open_streams.append(stream)
                asked += 1
                if has_body:
                    peer.data(stream, b'b' * dice.randrange(2000), dice.random() < 0.5)
                if dice.random() < 0.1:
                    peer.send(h2.window_update(stream, dice.randrange(1, 100_000)) + h2.window_update(0, 1000))
                if dice.random() < 0.15:
                    peer.send(h2.reset(dice.choice(open_streams), dice.randrange(14)))
                if dice.random() < 0.05:
                    peer.ping()
                if peer.is_closed or len(open_streams) - sum(peer.stream(s).ended for s in open_streams) > 100:
                    break
            if dice.random() < 0.5:
                peer.ping()


def random_frame(dice, peer):
    kind = dice.choice([*range(10), 0x10, dice.randrange(256)])
    size = dice.choice([0, 1, 4, 5, 6, 8, 9, dice.randrange(200)])
    stream = dice.choice([0, 1, 1, 3, 5, dice.randrange(1 << 31)])
    payload = dice.randbytes(size)
    if kind == h2.HEADERS and dice.random() < 0.8:
        payload = peer.block([(':method', dice.choice(['GET', 'POST', 'HEAD'])), (':scheme', 'http'), (':path', dice.choice(['/x', '/file', '/up/'])),
                              (':authority', 'a')][:dice.choice([4, 4, 4, 3])])
        return h2.frame(kind, dice.choice([4, 5, 5, 0, 0x2d]), dice.choice([1, 3, 5, 7, 9, 11]), payload)
    return h2.frame(kind, dice.choice([0, 1, 4, 5, 8, dice.randrange(256)]), stream, payload)


def test_random_frames(soaked):
    dice = random.Random(2)
    for _ in range(CONNECTIONS * 10):
        with Peer(('127.0.0.1', soaked.port())) as peer:
            data = b''.join(random_frame(dice, peer) for _ in range(dice.randrange(1, 12)))
            while data:
                cut = dice.randrange(1, len(data) + 1)
                peer.send(data[:cut])
                data = data[cut:]
            if dice.random() < 0.3:
                peer.acknowledges = False
                peer.socket.settimeout(0.05)
                try:
                    peer.rest()
                except TimeoutError:
                    pass
