"""What the upstream is asked: URI rules of proxy_pass, headers, bodies, method, version."""
import socket

import pytest

from lib.client import request
from lib.messages import chunk, reply
from lib.wait import wait_for

CONF = r'''
    upstream named { server 127.0.0.1:%%up%%; }
    server {
        listen 127.0.0.1:%%main%%;
        location /plain/ { proxy_pass http://127.0.0.1:%%up%%; }
        location /slash/ { proxy_pass http://127.0.0.1:%%up%%/; }
        location /uri/ { proxy_pass http://127.0.0.1:%%up%%/base/; }
        location /nosl { proxy_pass http://127.0.0.1:%%up%%/base; }
        location = /exact { proxy_pass http://127.0.0.1:%%up%%/other; }
        location /query/ { proxy_pass http://127.0.0.1:%%up%%/q?fixed=1; }
        location ~ ^/re/(.*)$ { proxy_pass http://127.0.0.1:%%up%%; }
        location ~ ^/recap/(.*)$ { proxy_pass http://127.0.0.1:%%up%%/cap/$1; }
        location /var/ { set $to 127.0.0.1:%%up%%; proxy_pass http://$to; }
        location /varuri/ { set $to 127.0.0.1:%%up%%; proxy_pass http://$to/made$uri?$args; }
        location /varname/ { set $to named; proxy_pass http://$to; }
        location /whole/ { proxy_pass http://127.0.0.1:%%up%%$request_uri; }
        location /rewritten/ { rewrite ^/rewritten/(.*)$ /new/$1 break; proxy_pass http://127.0.0.1:%%up%%/ignored/; }
        location /rewriteargs/ { rewrite ^ /new?x=1 break; proxy_pass http://127.0.0.1:%%up%%; }
        location /if/ { if ($arg_x) { proxy_pass http://127.0.0.1:%%up%%; } }
        location /named/ { proxy_pass http://named; }
        location /unix/ { proxy_pass http://unix:%%PREFIX%%/up.sock; }
        location /unixuri/ { proxy_pass http://unix:%%PREFIX%%/up.sock:/inner/; }
        location /limit/ { limit_except GET { proxy_pass http://named; } proxy_pass http://127.0.0.1:%%up%%/get/; }
        location /h/default { proxy_pass http://named; }
        location /h/set { proxy_pass http://named; proxy_set_header Host $http_host; proxy_set_header X-Set "a $arg_v b"; proxy_set_header Accept ""; proxy_set_header X-Empty $arg_none; }
        location /h/conn { proxy_pass http://named; proxy_http_version 1.1; proxy_set_header Connection ""; }
        location /h/off { proxy_pass http://named; proxy_pass_request_headers off; }
        location /b/off { proxy_pass http://named; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
        location /b/set { proxy_pass http://named; proxy_set_body "made $request_method"; }
        location /b/method { proxy_pass http://named; proxy_method PUT; }
        location /b/stream { proxy_pass http://named; proxy_request_buffering off; proxy_http_version 1.1; }
        location /h/vars { proxy_pass http://named; proxy_set_header X-Vars "$proxy_host $proxy_port $proxy_add_x_forwarded_for"; }
        location /h/inherit/ { proxy_set_header X-Outer o; proxy_pass http://named; location /h/inherit/in { proxy_pass http://named; } location /h/inherit/own { proxy_set_header X-Own o; proxy_pass http://named; } }
    }
'''


@pytest.fixture
def site(server, upstream):
    up = upstream(lambda r: reply(r.target))
    s = server(CONF, ports={'up': up.port})
    s.spare_descriptors(2)
    s.up = up
    return s


@pytest.mark.parametrize('target, seen', [
    ('/plain/a?b', '/plain/a?b'), ('/plain/a%20b/%2e/c', '/plain/a%20b/%2e/c'), ('/plain//x', '/plain//x'), ('/slash/a?b', '/a?b'),
    ('/slash/a%20b', '/a%20b'), ('/slash/a%2Fb', '/a/b'), ('/slash/%3Fx', '/%3Fx'), ('/slash/a%25b', '/a%25b'), ('/slash/a/../b', '/b'),
    ('/uri/x/y', '/base/x/y'), ('/nosl', '/base'), ('/noslx', '/basex'), ('/nosl/x?y', '/base/x?y'), ('/exact?z', '/other?z'),
    ('/query/x?y', '/q?fixed=1x?y'), ('/re/x%20y', '/re/x%20y'), ('/recap/x', '/cap/x'), ('/recap/x?a=b', '/cap/x'),
    ('/var/a%20?b', '/var/a%20?b'), ('/varuri/a?b', '/made/varuri/a?b'), ('/varname/x', '/varname/x'), ('/whole/a%2Fb?c', '/whole/a%2Fb?c'),
    ('/rewritten/x?y', '/new/x?y'), ('/rewriteargs/?y=2', '/new?x=1&y=2'), ('/if/?x=1', '/if/?x=1'), ('/named/', '/named/'),
    ('/limit/x', '/get/x'), ('/slash/%C3%A4', '/%C3%A4'), ('/slash/a;b=c', '/a;b=c'), ('/slash/a+b', '/a+b'),
])
def test_uri(site, target, seen):
    assert site.get(target).text == seen


def test_absolute_form_is_passed_as_a_path(site):
    assert site.get('http://localhost/plain/a?b').text == '/plain/a?b'


@pytest.mark.parametrize('target, seen', [('http://localhost', '/'), ('http://localhost?a', '/?a'), ('http://localhost/?a', '/?a')])
def test_absolute_form_without_a_path(server, upstream, target, seen):
    s = server('server { listen 127.0.0.1:%%main%%; location / { proxy_pass http://127.0.0.1:%%up%%; } }', ports={'up': upstream(lambda r: reply(r.target)).port})
    assert s.get(target).text == seen


def test_limit_except(site):
    assert site.request('POST', '/limit/x').text == '/limit/x'


def test_unix_socket(server, upstream, tmp_path):
    up = upstream(lambda r: reply(f'{r.target} {r.headers["Host"]}'), path=tmp_path / 'up.sock')
    s = server(CONF.replace('%%PREFIX%%/up.sock', f'{tmp_path}/up.sock'), ports={'up': 1})
    assert s.get('/unix/a').text == '/unix/a localhost'
    assert s.get('/unixuri/a').text == '/inner/a localhost'
    assert up.connections >= 1


def test_default_headers(site):
    site.get('/h/default', {'Accept': 'text/x', 'X-Own': 'kept', 'Keep-Alive': '5', 'TE': 'trailers', 'Proxy-Connection': 'x',
                            'Upgrade': 'foo', 'Connection': 'close, X-Own'})
    headers = site.up.last.headers
    assert headers['Host'] == 'named' and headers['Accept'] == 'text/x' and headers['X-Own'] == 'kept'
    for name in ('Keep-Alive', 'TE', 'Upgrade', 'Expect', 'Transfer-Encoding'):
        assert name not in headers


def test_host_of_an_address(site):
    site.get('/plain/')
    assert site.up.last.headers['Host'] == f'127.0.0.1:{site.up.port}'


def test_set_headers(site):
    site.get('/h/set?v=1', {'Accept': 'x'}, host='h.example:99')
    headers = site.up.last.headers
    assert headers['Host'] == 'h.example:99' and headers['X-Set'] == 'a 1 b'
    assert 'Accept' not in headers and 'X-Empty' not in headers
    site.get('/h/conn')
    assert 'Connection' not in site.up.last.headers and site.up.last.version == 'HTTP/1.1'
    site.get('/h/off', {'X-A': 'a'})
    assert 'X-A' not in site.up.last.headers and site.up.last.headers['Host'] == 'named'
    site.get('/h/vars', {'X-Forwarded-For': '9.9.9.9'})
    assert site.up.last.headers['X-Vars'] == 'named 80 9.9.9.9, 127.0.0.1'


@pytest.mark.sluice_only('nginx 1.22 has no $proxy_add_via')
def test_add_via(server, upstream):
    """RFC 9110 §7.6.3: each one adds what it was spoken to with, and its name, behind those before it."""
    up = upstream(lambda r: reply('ok'))
    site = server('server { listen 127.0.0.1:%%main%%; location / { proxy_pass http://127.0.0.1:%%up%%; proxy_set_header Via $proxy_add_via; } }',
                  ports={'up': up.port})
    host = socket.gethostname()
    site.get('/')
    assert up.last.headers['Via'] == f'1.1 {host}'
    site.raw(b'GET / HTTP/1.0\r\nVia: 1.0 fred, HTTP/2 p.example (x)\r\nVia: 1.1 other\r\n\r\n')
    assert up.last.headers['Via'] == f'1.0 fred, HTTP/2 p.example (x), 1.1 other, 1.0 {host}'


def test_set_header_inheritance(site):
    site.get('/h/inherit/in')
    assert site.up.last.headers['X-Outer'] == 'o'
    site.get('/h/inherit/own')
    assert site.up.last.headers['X-Own'] == 'o' and 'X-Outer' not in site.up.last.headers


def test_bodies(site):
    site.request('POST', '/b/off', body=b'secret')
    assert site.up.last.body == b'' and 'Content-Length' not in site.up.last.headers
    site.request('POST', '/b/set', body=b'original')
    assert site.up.last.body == b'made POST' and site.up.last.headers['Content-Length'] == '9'
    site.get('/b/method')
    assert site.up.last.method == 'PUT'


@pytest.mark.parametrize('method', ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND', 'LOCK', 'CUSTOM'])
def test_methods(site, method):
    site.request(method, '/plain/m')
    assert site.up.last.method == method


def test_unbuffered_request_body(server, scripted):
    seen = []

    def script(peer, _):
        head = peer.request(with_body=False)
        while b'first' not in peer.reader.buffer:
            peer.reader.fill()
        seen.append(head.headers)
        while b'second' not in peer.reader.buffer:
            peer.reader.fill()
        peer.send(reply('got both', headers={'Connection': 'close'}))
        peer.wait_closed()
    up = scripted(script)
    s = server(CONF, ports={'up': up.port})
    c = s.connect().send(request('POST', '/b/stream', {'Content-Length': 11}) + b'first')
    wait_for(lambda: seen, 'the first half at the upstream')
    c.send(b'second')
    assert c.response().text == 'got both'
    c = s.connect().send(request('POST', '/b/stream', {'Transfer-Encoding': 'chunked'}) + chunk('first', end=False))
    wait_for(lambda: len(seen) == 2, 'the first chunk at the upstream')
    assert seen[1]['Transfer-Encoding'] == 'chunked'
    c.send(chunk('second'))
    assert c.response().text == 'got both'
