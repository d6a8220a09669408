"""Subrequests of requests that came over HTTP/2: many at once on one connection."""
import pytest

from lib.h2 import Peer
from lib.messages import reply
from lib.wait import wait_for

BIG = bytes(i * 13 % 251 for i in range(300_000))

CONF = r'''
    server {
        listen 127.0.0.1:%%main%% http2; root html; default_type text/html;
        location / { add_before_body /head; add_after_body /part; }
        location = /head { alias html/head; }
        location = /part { internal; proxy_pass http://127.0.0.1:%%up%%/part; }
        location = /big { add_before_body /bytes; add_after_body /bytes; }
        location = /bytes { internal; alias html/big; }
        location /guarded/ { auth_request /part; alias html/; }
        location /closed/ { auth_request /no; alias html/; }
        location = /no { internal; return 403; }
        location /mirrored/ { mirror /copy; alias html/; }
        location /noted/ { post_action /copy; alias html/; }
        location = /copy { internal; proxy_pass http://127.0.0.1:%%up%%/copy; }
    }
'''
FILES = {'html/page': 'PAGE', 'html/head': '<head>', 'html/big': BIG}


@pytest.fixture
def site(server, upstream):
    up = upstream(lambda asked: reply('part'))
    s = server(CONF, files=FILES, ports={'up': up.port})
    s.up = up
    return s


@pytest.mark.parametrize('path, status, text', [
    ('/page', 200, '<head>PAGEpart'), ('/guarded/page', 200, 'PAGE'), ('/closed/page', 403, None), ('/noted/page', 200, 'PAGE'),
    ('/mirrored/page', 200, 'PAGE')])
def test_many_at_once(site, path, status, text):
    with Peer(('127.0.0.1', site.port())) as peer:
        for answer in peer.responses([peer.ask(path) for _ in range(20)]):
            assert answer.status == status and (text is None or answer.text == text)


def test_large_parts_share_a_connection(site):
    with Peer(('127.0.0.1', site.port())) as peer:
        for answer in peer.responses([peer.ask('/big') for _ in range(4)]):
            assert answer.body == BIG * 3


def test_copies_and_notes_are_sent(site):
    with Peer(('127.0.0.1', site.port())) as peer:
        assert peer.get('/noted/page').text == 'PAGE'
        wait_for(lambda: [asked.target for asked in site.up.requests] == ['/copy'], 'the note')
        assert peer.get('/mirrored/page?a').text == 'PAGE'
        wait_for(lambda: len(site.up.requests) == 2, 'the copy')
