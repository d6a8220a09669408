"""HTTP/2 connections that are idle give their memory back, and are none the worse for it."""
import contextlib
import re

import pytest

from lib import binary, h2, processes
from lib.h2 import Peer
from lib.wait import wait_for

pytestmark = [pytest.mark.sluice_only('memory of ours'),
              pytest.mark.skipif('-fsanitize' in binary.version_text(binary.path()), reason='a sanitizer keeps what is freed')]

COUNT = 90
EACH = 5 * 1024  # bytes, of the session and all
CONF = r'''
    keepalive_timeout 60;
    server {
        listen 127.0.0.1:%%main%% http2;
        location / { add_header X-Answer $arg_a; add_header X-Long $http_x_long; return 200 "$http_x_long"; }
        location /file { root html; }
    }
'''


def memory(pid):
    return int(re.search(rb'^RssAnon:\s*(\d+)', processes.read(pid, 'status'), re.M)[1]) * 1024


def ask_all(peers, turn):
    """What stands in the tables of HPACK is named by its index from the second time on."""
    for number, peer in enumerate(peers):
        stream = peer.ask(f'/?a={turn}', fields=[('x-long', f'{number}-' + 'v' * 60), ('user-agent', 'a test')])
        answer = peer.response(stream)
        assert answer.text == f'{number}-' + 'v' * 60 and answer['x-answer'] == str(turn) and answer['x-long'] == answer.text


def test_idle_connections_are_small_and_go_on(server):
    s = server(CONF, files={'html/file': 'x' * 200_000})
    worker, = s.workers()
    s.spare_descriptors(COUNT)
    with contextlib.ExitStack() as stack:
        def connect(count):
            return [stack.enter_context(Peer(('127.0.0.1', s.port()))) for _ in range(count)]
        some = connect(10)
        ask_all(some, 0)
        start = memory(worker)
        peers = connect(COUNT)
        most = start + COUNT * EACH
        for turn in range(3):
            ask_all(peers, turn)
            wait_for(lambda: memory(worker) < most, lambda: f'less memory than {(memory(worker) - start) / COUNT:.0f} bytes for each')
        for peer in peers:
            peer.ping()
        # A stream that a window holds up is not idle: its connection is not touched.
        slow = stack.enter_context(Peer(('127.0.0.1', s.port()), {h2.INITIAL_WINDOW_SIZE: 1000}))
        slow.opens_windows = False
        stream = slow.ask('/file')
        slow.until(lambda: len(slow.stream(stream).body) == 1000, 'the first window')
        wait_for(lambda: memory(worker) < most, 'the end of all but one')
        slow.opens_windows = True
        slow.send(h2.window_update(stream, 300_000) + h2.window_update(0, 300_000))
        assert len(slow.response(stream).body) == 200_000
        # The end of a worker finds them all.
        s.signal('HUP')
        for peer in peers:
            peer.goaway()
            peer.rest()
            assert peer.is_closed
