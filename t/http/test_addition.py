"""add_before_body, add_after_body: subrequests whose answers stand in the response of another request."""
import os

import pytest

from lib.client import request
from lib.messages import chunk, reply
from lib.upstream import Held

CONF = r'''
    server {
        listen 127.0.0.1:%%main%%; listen 127.0.0.1:%%narrow%% sndbuf=16k; root %%PREFIX%%/html;
        location / { add_before_body /head; add_after_body /foot; }
        location /before/ { alias html/; add_before_body /head; }
        location /after/ { alias html/; add_after_body /foot; }
        location /types/ { alias html/; add_after_body /foot; addition_types text/plain; default_type image/png; types { text/plain txt; } }
        location /any/ { alias html/; add_after_body /foot; addition_types *; }
        location /untyped/ { alias html/; add_after_body /foot; addition_types *; types { } default_type ""; }
        location /missing/ { alias html/; add_before_body /nowhere; add_after_body /foot; }
        location /proxied/ { proxy_pass http://127.0.0.1:%%up%%; add_before_body /head; add_after_body /remote; }
        location /unbuffered/ { proxy_pass http://127.0.0.1:%%up%%; proxy_buffering off; add_before_body /head; add_after_body /remote; }
        location /remote { internal; proxy_pass http://127.0.0.1:%%up%%/part; proxy_buffering off; }
        location /large/ { alias html/; add_before_body /big; add_after_body /big; }
        location /inmemory/ { alias html/; sendfile off; add_before_body /big; add_after_body /big; }
        location /empty/ { alias html/; add_before_body /nothing; add_after_body /nothing; }
        location /nested/ { alias html/; add_before_body /nested-head/head; add_after_body /foot; }
        location /nested-head/ { alias html/; default_type text/html; add_before_body /foot; }
        location /vars/ { alias html/; set $x outer; add_before_body /setter; add_after_body /getter; }
        location /setter { set $x inner; return 200 "[$x:$uri:$request_uri:$request_method:$http_x_a]"; }
        location /getter { return 200 "[$x]"; }
        location = /head { alias html/head; }
        location = /nothing { return 200 ""; }
        location /error/ { return 404; }
        location /made/ { default_type text/html; return 200 made; add_before_body /head; add_after_body /foot; }
        location /redirected/ { alias html/; add_before_body /moved; }
        location = /moved { rewrite ^ /foot last; }
    }
'''
BIG = os.urandom(700_000)
FILES = {'html/page.html': 'PAGE', 'html/head': '<head>', 'html/foot': '<foot>', 'html/page.txt': 'text', 'html/page.css': 'css',
         'html/empty.html': '', 'html/big': BIG, 'html/big.html': BIG}


@pytest.fixture
def site(server, upstream):
    up = upstream(lambda asked: reply('part' if asked.target == '/part' else 'remote', headers={'Content-Type': 'text/html', 'Last-Modified': 'Mon, 28 Sep 1970 06:00:00 GMT', 'ETag': '"e"'}))
    return server(CONF, ports={'up': up.port}, files=FILES)


@pytest.mark.parametrize('target, text', [
    ('/page.html', '<head>PAGE<foot>'), ('/before/page.html', '<head>PAGE'), ('/after/page.html', 'PAGE<foot>'),
    ('/types/page.txt', 'text<foot>'), ('/types/page.html', 'PAGE'), ('/any/page.css', 'css<foot>'), ('/untyped/page.css', 'css<foot>'), ('/page.css', 'css'),
    ('/proxied/', '<head>remotepart'), ('/unbuffered/', '<head>remotepart'), ('/empty/page.html', 'PAGE'),
    ('/empty.html', '<head><foot>'), ('/empty/empty.html', ''), ('/made/', '<head>made<foot>'),
    ('/vars/page.html', '[inner:/setter:/vars/page.html:GET:y]PAGE[inner]'), ('/redirected/page.html', '<foot>PAGE')])
def test_what_stands_around_the_page(site, target, text):
    with site.connect() as c:
        for _ in range(2):
            r = c.get(target, {'X-A': 'y'})
            assert (r.status, r.text) == (200, text)
    r = site.raw(request('GET', target, {'X-A': 'y'}, version='HTTP/1.0'))
    assert r.text == text


def test_the_head_is_that_of_the_changed_page(site):
    for target in ('/page.html', '/proxied/'):
        r = site.get(target)
        assert 'Content-Length' not in r.headers and 'Accept-Ranges' not in r.headers
        assert r.headers['Transfer-Encoding'] == 'chunked'
        assert r.headers['ETag'].startswith('W/"') and 'Last-Modified' in r.headers
        assert site.request('HEAD', target).body == b''
    assert site.get('/page.html', {'Range': 'bytes=0-1'}).text == '<head>PAGE<foot>'
    assert site.get('/page.css').headers['Content-Length'] == '3'


def test_a_missing_part_shows_its_error_page(site):
    r = site.get('/missing/page.html')
    assert r.status == 200 and '404 Not Found' in r.text and r.text.endswith('PAGE<foot>')


def test_error_pages_get_nothing(site):
    r = site.get('/error/page.html')
    assert r.status == 404 and '<head>' not in r.text.replace('<head><title>', '')


@pytest.mark.parametrize('target', ['/large/big.html', '/inmemory/big.html'])
def test_large_parts_for_a_slow_client(site, target):
    with site.connect('narrow', receive_buffer=4096) as c:
        for _ in range(2):
            assert c.get(target).body == BIG * 3


def test_a_part_that_comes_slowly(server, scripted):
    held = [Held(), Held()]

    def script(peer, up):
        asked = peer.request()
        if asked.target != '/part':
            peer.send(reply('page', headers={'Content-Type': 'text/html'}))
            return
        peer.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + chunk('one', end=False))
        held[0].pass_()
        peer.send(chunk('two', end=False))
        held[1].pass_()
        peer.send(chunk())
    up = scripted(script)
    s = server(CONF, ports={'up': up.port}, files=FILES)
    with s.connect() as c:
        c.send(request('GET', '/unbuffered/'))
        held[0].open()
        held[1].open()
        assert c.response().text == '<head>pageonetwo'


@pytest.mark.parametrize('body', [b'', b'BODY', os.urandom(200_000)], ids=['none', 'short', 'file'])
def test_parts_get_the_body_that_the_page_has_read(server, upstream, body):
    """By GET nevertheless. Unless the page's body was read, there is none."""
    up = upstream(lambda asked: reply(asked.target, headers={'Content-Type': 'text/html'}))
    s = server(CONF, ports={'up': up.port}, files=FILES)
    answer = s.request('POST', '/proxied/', body=body)
    assert answer.text == '<head>/proxied//part'
    page, part = up.requests
    assert (page.method, page.body) == ('POST', body) and (part.method, part.body) == ('GET', body)


@pytest.mark.sluice_only('it ends the page as if it were whole')
def test_a_part_that_breaks_off_breaks_the_page(server, scripted):
    def script(peer, up):
        if peer.request().target == '/part':
            peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort')
        else:
            peer.send(reply('page', headers={'Content-Type': 'text/html'}))
    s = server(CONF, ports={'up': scripted(script).port}, files=FILES)
    with s.connect() as c:
        data = c.send(request('GET', '/proxied/')).rest()
        assert b'short' in data and not data.endswith(b'0\r\n\r\n')
    s.wait_log('upstream prematurely closed connection')


def test_nothing_stays_behind_when_the_client_leaves(server, scripted):
    held = Held()
    seen = []

    def script(peer, up):
        asked = peer.request()
        if asked.target != '/part':
            peer.send(reply('page', headers={'Content-Type': 'text/html'}))
            return
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort')
        seen.append(peer.wait_closed())
        held.open()
    s = server(CONF, ports={'up': scripted(script).port}, files=FILES)
    with s.connect() as c:
        c.send(request('GET', '/unbuffered/'))
        c.reader.take(1)
        while b'short' not in c.reader.buffer:
            c.reader.fill()
        c.reset()
        held.pass_()
    assert len(s.access()) == 1
