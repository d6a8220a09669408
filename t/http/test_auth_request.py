"""auth_request: a location is asked whether a client may come in; subrequests that are heads only."""
import contextlib
import os
import signal

import pytest

from lib.client import request
from lib.h2 import Peer
from lib.messages import reply
from lib.upstream import Held
from lib.wait import wait_for

CONF = r'''
    log_format both '$uri|$status';
    server {
        listen 127.0.0.1:%%main%%; root %%PREFIX%%/html;
        location / { auth_request /auth; auth_request_set $who $upstream_http_x_user; add_header X-Who "[$who]" always; }
        location = /auth { internal; proxy_pass http://127.0.0.1:%%up%%/check; proxy_pass_request_body off;
            proxy_set_header Content-Length ""; proxy_set_header X-Original-URI $request_uri; proxy_set_header X-Method $request_method; }
        location /logged/ { auth_request /ask; alias html/; access_log logs/both.log both; }
        location = /ask { proxy_pass http://127.0.0.1:%%up%%; log_subrequest on; access_log logs/both.log both; }
        location /fixed/ { auth_request /say; alias html/; }
        location = /say { internal; return 204; }
        location /closed/ { auth_request /say403; alias html/; }
        location = /say403 { internal; return 403; }
        location /teapot/ { auth_request /say418; alias html/; }
        location = /say418 { return 418; }
        location /missing/ { auth_request /nowhere; alias html/; }
        location /paged/ { auth_request /say403; alias html/; error_page 403 /denied.html; }
        location /login/ { auth_request /auth; error_page 401 = @login; alias html/; }
        location @login { return 302 /sign-in?from=$request_uri; }
        location /either/ { satisfy any; allow 127.0.0.1; deny all; auth_request /say403; alias html/; }
        location /both/ { satisfy any; deny all; auth_request /say; alias html/; }
        location /post/ { auth_request /auth; proxy_pass http://127.0.0.1:%%up%%; }
        location /off/ { auth_request off; alias html/; }
        location /protected-auth/ { auth_request /denied-auth; alias html/; }
        location = /denied-auth { deny all; return 204; }
    }
'''
FILES = {'html/page': 'the page', 'html/denied.html': 'denied page'}


@pytest.fixture
def guarded(server, upstream):
    def start(answer):
        up = upstream(answer)
        s = server(CONF, ports={'up': up.port}, files=FILES)
        s.up = up
        return s
    return start


def test_who_may_come_in_does(guarded):
    s = guarded(reply('x', headers={'X-User': 'alice'}))
    with s.connect() as c:
        for _ in range(2):
            r = c.get('/page?a=1', {'Authorization': 'Bearer t'})
            assert (r.status, r.text, r.headers['X-Who']) == (200, 'the page', '[alice]')
    asked = s.up.last
    assert (asked.method, asked.target) == ('GET', '/check')
    assert asked.headers['X-Original-URI'] == '/page?a=1' and asked.headers['Authorization'] == 'Bearer t'


@pytest.mark.parametrize('status, shown', [(401, 401), (403, 403), (200, 200), (201, 200), (204, 200), (302, 500), (404, 500), (500, 500), (502, 500)])
def test_the_answer_decides(guarded, status, shown):
    head = f'HTTP/1.1 {status} X\r\nWWW-Authenticate: Basic realm="x"\r\nX-User: bob\r\nContent-Length: 0\r\n\r\n'
    s = guarded(head.encode())
    with s.connect() as c:
        r = c.get('/page')
        assert r.status == shown
        assert r.headers['X-Who'] == '[bob]'
        assert r.headers.get('WWW-Authenticate') == ('Basic realm="x"' if shown == 401 else None)
    if shown == 500:
        s.wait_log(rf'\[error\].*auth request unexpected status: {status}')


@pytest.mark.parametrize('target, status, text', [
    ('/fixed/page', 200, 'the page'), ('/paged/page', 403, 'denied page'), ('/off/page', 200, 'the page'),
    ('/either/page', 200, 'the page'), ('/both/page', 200, 'the page'), ('/protected-auth/page', 200, 'the page')])
def test_local_answers(guarded, target, status, text):
    r = guarded(reply('')).get(target)
    assert (r.status, r.text) == (status, text)


@pytest.mark.parametrize('target, status', [('/closed/page', 403), ('/teapot/page', 500), ('/missing/page', 500)])
def test_local_refusals(guarded, target, status):
    assert guarded(reply('')).get(target).status == status


def test_a_named_location_shows_the_way(guarded):
    s = guarded(b'HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n')
    r = s.get('/login/page')
    assert (r.status, r.location) == (302, f'http://localhost:{s.port()}/sign-in?from=/login/page')


def test_the_body_reaches_only_the_real_upstream(guarded):
    s = guarded(reply('done'))
    with s.connect() as c:
        for size in (10, 100_000):
            r = c.request('POST', '/post/x', body=b'b' * size)
            assert (r.status, r.text) == (200, 'done')
            check, real = s.up.requests[-2:]
            assert (check.target, check.body, check.headers.get('Content-Length')) == ('/check', b'', None)
            assert (real.target, len(real.body)) == ('/post/x', size)


def test_a_silent_authority_keeps_nothing_when_the_client_leaves(server, scripted):
    held = Held()

    def script(peer, up):
        up.requests.append(peer.request())
        assert peer.wait_closed() == b''
        held.open()
    up = scripted(script)
    s = server(CONF, ports={'up': up.port}, files=FILES)
    c = s.connect().send(request('GET', '/logged/page'))
    wait_for(lambda: up.requests, 'the question')
    c.close()
    held.pass_()
    assert s.access(1, 'logs/both.log') == ['/logged/page|499']


GONE = r'''
    log_format gone '$uri|$status'; access_log logs/gone.log gone;
    server {
        listen 127.0.0.1:%%main%%; listen 127.0.0.1:%%h2%% http2;
        location / { auth_request /say; proxy_pass http://127.0.0.1:%%up%%; }
        location /asked/ { auth_request /ask; proxy_pass http://127.0.0.1:%%up%%; }
        location /unread/ { auth_request /say; proxy_request_buffering off; proxy_pass http://127.0.0.1:%%up%%; }
        location /ignoring/ { auth_request /say; proxy_ignore_client_abort on; proxy_pass http://127.0.0.1:%%up%%; }
        location = /say { internal; return 204; }
        location = /ask { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://127.0.0.1:%%up%%; }
    }
'''


@contextlib.contextmanager
def standing_still(s):
    """The worker sees all of what its peers did meanwhile at once."""
    worker, = s.workers()
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


@pytest.fixture
def forsaken(server, scripted):
    held = Held()

    def script(peer, up):
        up.requests.append(peer.request())
        held.pass_()
    up = scripted(script)
    s = server(GONE, ports={'up': up.port})
    s.up, s.held = up, held
    yield s
    held.open()


@pytest.mark.parametrize('how', ['close', 'reset'])
@pytest.mark.parametrize('path', ['/', '/asked/'])
def test_a_client_that_leaves_behind_its_request_is_missed(forsaken, path, how):
    with standing_still(forsaken):
        getattr(forsaken.connect().send(request('GET', path)), how)()
    assert forsaken.access(1, 'logs/gone.log') in ([f'{path}|499'], [f'{path}|400'])


@pytest.mark.parametrize('how', ['close', 'reset'])
@pytest.mark.parametrize('path', ['/', '/asked/', '/unread/'])
def test_a_client_that_leaves_within_its_body_is_missed(forsaken, path, how):
    with standing_still(forsaken):
        getattr(forsaken.connect().send(request('POST', path, {'Content-Length': '10'}) + b'half'), how)()
    assert forsaken.access(1, 'logs/gone.log') in ([f'{path}|499'], [f'{path}|400'])


@pytest.mark.parametrize('has_body', [False, True])
@pytest.mark.parametrize('path', ['/', '/asked/'])
def test_a_client_of_http2_that_leaves_is_missed(forsaken, path, has_body):
    with standing_still(forsaken):
        with Peer(('127.0.0.1', forsaken.port('h2'))) as peer:
            peer.ask(path, 'POST' if has_body else 'GET', end=not has_body)
    assert forsaken.access(1, 'logs/gone.log') in ([f'{path}|499'], [f'{path}|400'])


def test_a_client_that_left_and_is_not_needed(forsaken):
    with standing_still(forsaken):
        forsaken.connect().send(request('GET', '/ignoring/')).close()
    wait_for(lambda: forsaken.up.requests, 'the request')
    forsaken.held.open()
    assert forsaken.access(1, 'logs/gone.log')
