"""Same configuration, same requests: every byte of our answer is nginx's, but for what names the server and the moment."""
import itertools

import pytest

from lib.client import request
from lib.messages import reply
from lib.upstream import Upstream, answering

FILES = {
    'html/index.html': '<p>index', 'html/a.css': 'a{}', 'html/data': bytes(range(256)) * 8, 'html/empty.txt': '', 'html/dir/index.html': 'dir',
    'html/list/one.txt': '1', 'html/list/t wo.txt': '22', 'html/list/sub/x': 'x', 'html/nolist/x': 'x', 'html/page.html': 'page', 'html/ä.txt': 'ae',
}
CONF = r'''
    types { text/html html; text/css css; text/plain txt; image/png png; }
    default_type application/octet-stream;
    log_format all escape=json '$request|$status|$body_bytes_sent|$uri|$args|$host|$http_range|$content_length';
    access_log logs/all.log all;
    server {
        listen 127.0.0.1:%%main%%; server_name main.example *.main.example;
        location /list/ { autoindex on; }
        location /text { return 200 "text $request_method $uri $args"; }
        location /r301 { return 301 /a.css; }
        location /r302 { return 302 http://other.example/$uri; }
        location /r307 { return 307 /x?y=z; }
        location /e403 { return 403; }
        location /e500 { return 500; }
        location /e404text { return 404 "none here"; }
        location /e204 { return 204; }
        location /e503page { error_page 503 /page.html; return 503; }
        location /e404ok { error_page 404 =200 /page.html; root /nowhere; }
        location /denied/ { deny all; }
        location /headers { add_header X-A "a $status"; add_header X-B b always; expires 1h; return 200 x; }
        location /nocache { expires -1; alias html/a.css; }
        location /max { expires max; alias html/a.css; }
        location /rewrite/ { rewrite ^/rewrite/(.*)$ /text?was=$1 last; }
        location /redirect/ { rewrite ^/redirect/(.*)$ /new/$1 redirect; }
        location /permanent/ { rewrite ^/permanent/(.*)$ http://x.example/$1 permanent; }
        location /try/ { try_files $uri /page.html; }
        location /trycode/ { try_files $uri =418; }
        location /only/ { limit_except GET { deny all; } alias html/; }
        location ~ ^/regex/(\d+)$ { return 200 "number $1"; }
        location /proxy/ { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:%%up%%/; }
        location /proxied { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://127.0.0.1:%%up%%; }
        location /dead/ { proxy_pass http://127.0.0.1:1; }
        location /stub { stub_status; }
        location /tokens { server_tokens off; return 404; }
        location /small { client_max_body_size 1; root html; }
        location /noetag/ { etag off; alias html/; }
        location /oneRange/ { max_ranges 1; alias html/; }
        location /closed { return 444; }
    }
    server { listen 127.0.0.1:%%main%%; server_name second.example; return 200 "second $host"; }
'''
TARGETS = [
    '/', '/?q', '/index.html', '/a.css', '/data', '/empty.txt', '/dir', '/dir/', '/dir?x=y', '/list/', '/list/one.txt', '/nolist/', '/none', '/%C3%A4.txt',
    '/text', '/text?a=b', '/r301', '/r302', '/r307', '/e403', '/e500', '/e404text', '/e204', '/e503page', '/e404ok', '/denied/x', '/headers', '/nocache',
    '/max', '/rewrite/x', '/redirect/x?y', '/permanent/x', '/try/none', '/trycode/none', '/only/a.css', '/regex/12', '/regex/x', '/proxy/a?b',
    '/proxied', '/dead/', '/tokens', '/small', '/noetag/a.css', '/oneRange/data', '/closed', '//a.css', '/./a.css', '/dir/../a.css', '/../x', '/a.css%00',
    '/a%2ecss', '/%zz', '/a.css?', '/a.css#f', '/A.CSS', '/a.css/', '/list', '/proxy', '*', 'http://second.example/x', 'x', '/dir//', '/proxied/%2e%2e/x',
]
METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'MKCOL', 'FOO']
CONDITIONS = [
    {'Range': 'bytes=0-9'}, {'Range': 'bytes=-5'}, {'Range': 'bytes=5-'}, {'Range': 'bytes=0-1,4-5'}, {'Range': 'bytes=99999-'}, {'Range': 'bytes=x'},
    {'If-None-Match': '*'}, {'If-None-Match': '"5f5e1000-3"'}, {'If-Match': '"no"'}, {'If-Match': '*'}, {'If-Modified-Since': 'Sun, 13 Sep 2020 12:26:40 GMT'},
    {'If-Modified-Since': 'Mon, 01 Jan 2001 00:00:00 GMT'}, {'If-Unmodified-Since': 'Mon, 01 Jan 2001 00:00:00 GMT'},
    {'Range': 'bytes=0-1', 'If-Range': '"5f5e1000-3"'}, {'Range': 'bytes=0-1', 'If-Range': 'Sun, 13 Sep 2020 12:26:40 GMT'},
    {'X_Under': 'x'}, {'Accept-Encoding': 'gzip'}, {'Connection': 'close'}, {'Connection': 'keep-alive'}, {'Cookie': 'a=b'},
]
HOSTS = ['main.example', 'x.main.example', 'second.example', 'second.example:99', 'SECOND.example', 'second.example.', 'other', '1.2.3.4', '[::1]', '[::1]:80']


@pytest.fixture(scope='module')
def servers(pair):
    upstream = Upstream(answering(answer))
    yield pair(CONF, FILES, {'up': upstream.port})
    upstream.close()


def answer(r):
    fields = [('X-Method', r.method), ('X-Target', r.target), ('X-Version', r.version), ('X-Names', ','.join(sorted(r.headers.names()))),
              ('X-Host', r.headers['Host']), ('Set-Cookie', 'a=b; Path=/x'), ('Location', 'http://elsewhere.example/'), ('Last-Modified', 'Mon, 01 Jan 2001 00:00:00 GMT')]
    body = b'' if r.method == 'HEAD' else b'body of ' + r.body
    return reply(body, headers=[*fields, ('Connection', 'close')])


def bytes_of(server, data):
    """Everything that the server says to these bytes, a connection of its own for them."""
    with server.connect() as c:
        return c.send(data).rest().decode('latin-1')


def compare(servers, data):
    ours, theirs = servers.both(lambda server: bytes_of(server, data))
    assert ours == theirs, f'to {data[:200]!r}'


def closing(method, target, headers=(), body=None, host='main.example', version='HTTP/1.1'):
    """A request after whose answer every server closes."""
    fields = {'Connection': 'close', **dict(headers)}
    if fields['Connection'] == 'close':
        return request(method, target, fields, body, host, version)
    return request(method, target, fields, body, host, version) + request('GET', '/text', {'Connection': 'close'}, host=host)


@pytest.mark.parametrize('target', TARGETS)
def test_methods(servers, target):
    for method, version in itertools.product(METHODS, ('HTTP/1.1', 'HTTP/1.0')):
        compare(servers, closing(method, target, version=version))


@pytest.mark.parametrize('target', ['/a.css', '/data', '/', '/empty.txt', '/text', '/list/', '/noetag/a.css', '/oneRange/data', '/none', '/nocache', '/proxied', '/e503page'])
def test_conditions(servers, target):
    for headers, method in itertools.product(CONDITIONS, ('GET', 'HEAD')):
        compare(servers, closing(method, target, headers))


@pytest.mark.parametrize('target', ['/text', '/a.css'])
def test_expectation_without_a_body(servers, target):
    """nginx asks for a body that will not come; RFC 9110 section 10.1.1 lets us answer at once."""
    ours, theirs = servers.both(lambda server: bytes_of(server, closing('GET', target, {'Expect': '100-continue'})))
    assert 'HTTP/1.1 100 Continue\r\n\r\n' + ours == theirs


@pytest.mark.parametrize('target', ['/text', '/a.css', '/proxied', '/small', '/e403', '/none', '/only/a.css', '/r301'])
def test_bodies(servers, target):
    for body, method in itertools.product((b'', b'x', b'x' * 5000, b'x' * 100_000), ('GET', 'POST', 'PUT')):
        compare(servers, closing(method, target, body=body))


@pytest.mark.parametrize('host', HOSTS)
def test_hosts(servers, host):
    for target in ('/text', '/dir', '/r301', '/none', '/proxied'):
        compare(servers, closing('GET', target, host=host))


def test_access_logs(servers):
    for server in servers.servers:
        server.write('logs/all.log', '')
    targets = [target for target in TARGETS if target != '/tokens']  # its page has the server's name, and so another size
    for target in targets:
        for server in servers.servers:
            bytes_of(server, closing('GET', target))
    logs = servers.both(lambda server: '\n'.join(server.access(len(targets) - 1, 'logs/all.log')))
    assert logs[0] == logs[1]
