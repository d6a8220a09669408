"""HTTP/2 clients that stop in the middle of anything: time-outs end them, and the worker has nothing to do then."""
import contextlib
import os
import random

import pytest

from lib import h2
from lib.h2 import Peer
from lib.messages import BrokenOff, reply
from lib.processes import cpu_seconds
from lib.wait import wait_for

CLIENTS = int(os.environ.get('SOAK_CLIENTS', 60))

CONF = r'''
    client_header_timeout 300ms;  client_body_timeout 300ms;  send_timeout 300ms;  keepalive_timeout 300ms;  lingering_timeout 300ms;
    server {
        listen 127.0.0.1:%%main%% http2;
        location / { return 200 text; }
        location /file { root html; }
        location /up/ { proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.1; proxy_request_buffering off; }
        location /whole/ { proxy_pass http://127.0.0.1:%%up%%; proxy_ignore_client_abort on; }
    }
'''

pytestmark = pytest.mark.sluice_only('a soak of ours')


def descriptors_of(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


def half_head(peer):
    peer.send(h2.frame(h2.HEADERS, h2.END_STREAM, peer.new_stream(), peer.block([(':method', 'GET')])))


def some_frame(peer, dice):
    """Something that a client may do before it stops."""
    dice.choice([
        lambda: peer.ask(dice.choice(['/x', '/file', '/up/a', '/whole/a'])),
        lambda: peer.data(peer.ask(dice.choice(['/x', '/up/a', '/whole/a']), 'POST', end=False), b'b' * dice.randrange(3000), dice.random() < 0.3),
        lambda: half_head(peer),
        lambda: peer.send(h2.frame(h2.HEADERS, 0x25, 1, b'')[:dice.randrange(9)]),
        lambda: peer.send(h2.reset(1, 8)),
        lambda: peer.send(h2.frame(h2.GOAWAY, 0, 0, bytes(8))),
        lambda: peer.socket.shutdown(1),
    ])()


def answer_once(up, _):
    """And close, so that no connection is kept; bodies that break off are what this is about."""
    with contextlib.suppress(BrokenOff):
        up.request()
        up.send(reply('y' * 1000, headers={'Connection': 'close'}))


def test_the_worker_rests(server, scripted):
    s = server(CONF, files={'html/file': 'x' * 3_000_000}, ports={'up': scripted(answer_once).port})
    dice = random.Random(int(os.environ.get('SOAK_SEED', 7)))
    worker, = s.workers()
    idle = descriptors_of(worker)
    peers = []
    for _ in range(CLIENTS):
        peer = Peer(('127.0.0.1', s.port()), {h2.INITIAL_WINDOW_SIZE: dice.choice([0, 1000, 65535, 1 << 24])},
                    preface=dice.random() < 0.95, source_buffer=4096)
        peers.append(peer)
        for _ in range(dice.randrange(6)):
            try:
                some_frame(peer, dice)
            except OSError:
                break
        if dice.random() < 0.3:
            peer.close()
    wait_for(lambda: descriptors_of(worker) <= idle + 2, 'the end of all connections')
    before = cpu_seconds(worker)
    for _ in range(3):
        with Peer(('127.0.0.1', s.port())) as peer:
            assert peer.get('/x').text == 'text'
            peer.goaway()  # after keepalive_timeout
    assert cpu_seconds(worker) - before < 0.2, 'the worker is busy with nothing'
    for peer in peers:
        peer.close()
