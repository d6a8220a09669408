"""proxy_pass with `proxy_http_version 2`: what the upstream is asked, answers, bodies, TLS with ALPN, and configurations side by side."""
import contextlib
import re

import pytest
from OpenSSL import SSL, crypto

from lib import h2_upstream, tls, tls_upstream
from lib.client import request
from lib.messages import reply
from lib.upstream import answering
from lib.wait import assert_pace, wait_for

pytestmark = pytest.mark.sluice_only('nginx 1.22 has no HTTP/2 to upstreams by proxy_pass')
CONF = '''
    upstream up { server 127.0.0.1:%%up%%; keepalive 8; }
    server {
        listen 127.0.0.1:%%main%%;  client_max_body_size 100m;  proxy_http_version 2;
        location / { proxy_pass http://up; INSIDE }
        location /changed/ { proxy_pass http://up/other/; INSIDE }
    }
'''


@pytest.fixture
def passing(server, scripted):
    def start(script, inside='', conf=CONF, files=None, **options):
        up = scripted(script, **options)
        return server(conf.replace('INSIDE', inside), files=files, ports={'up': up.port}), up
    return start


def test_request(passing):
    s, up = passing(h2_upstream.answering(b'text', 201, [('x-a', '1'), ('content-length', '4')]), 'proxy_set_header X-Host $proxy_host;')
    response = s.get('/a%20b?c', headers={'X-Own': 'v', 'Keep-Alive': '1', 'Cookie': 'a=b'})
    assert response.status == 201 and response.text == 'text' and response.headers['X-A'] == '1' and response.headers['Content-Length'] == '4'
    asked = up.last
    assert asked.fields[:4] == [(':method', 'GET'), (':scheme', 'http'), (':path', '/a%20b?c'), (':authority', 'up')]
    assert asked['x-own'] == 'v' and asked['x-host'] == 'up' and asked['cookie'] == 'a=b' and 'connection' not in asked and 'keep-alive' not in asked and 'content-length' not in asked


def test_uri_and_host(passing):
    s, up = passing(h2_upstream.answering(b'x'), 'proxy_set_header Host $host; proxy_method PUT; proxy_set_body "own body";')
    assert s.get('/changed/x?y', host='own.test').text == 'x'
    assert up.last[':path'] == '/other/x?y' and up.last[':authority'] == 'own.test' and up.last[':method'] == 'PUT'
    assert up.last.body == b'own body' and up.last['content-length'] == '8'


def test_host_that_is_set(passing):
    s, up = passing(h2_upstream.answering(b'x'), 'set $proxy_host own.test;')
    assert s.get('/').text == 'x' and up.last[':authority'] == 'own.test'


@pytest.mark.parametrize('buffering', ['on', 'off'])
@pytest.mark.parametrize('size', [0, 1, 20_000, 3_000_000])
def test_request_bodies(passing, buffering, size):
    """The largest comes out of a file, where it is buffered."""
    s, up = passing(h2_upstream.answering(b'x'), f'proxy_request_buffering {buffering}; client_body_buffer_size 16k;')
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    assert s.request('POST', '/', body=body).text == 'x'
    assert up.last.body == body and up.last['content-length'] == str(size)


@pytest.mark.parametrize('rate', [20_000, 200_000])
def test_pace(passing, rate):
    """proxy_limit_rate holds for each stream, though the upstream may send a window of it at once."""
    s, _ = passing(h2_upstream.answering(b'x' * rate * 2), f'proxy_limit_rate {rate}; proxy_buffers 8 4k;')
    for _ in range(2):
        assert_pace(s.connect().send(request('GET', '/', {'Connection': 'close'})).socket, rate * 2, rate)


@pytest.mark.parametrize('buffering', ['on', 'off'])
def test_large_answers(passing, buffering):
    body = bytes(range(256)) * 8000

    s, _ = passing(h2_upstream.answering(body), f'proxy_buffering {buffering}; proxy_buffers 4 8k;')
    assert s.get('/').body == body


def test_no_body(passing):
    s, _ = passing(h2_upstream.misbehaving(lambda served, request: served.headers(
        request.stream, [(':status', '304' if request[':method'] == 'GET' else '200'), ('content-length', '10')]) and None))
    assert s.get('/').status == 304
    answer = s.request('HEAD', '/')
    assert answer.status == 200 and answer.headers['Content-Length'] == '10'


@pytest.mark.parametrize('buffering', ['on', 'off'])
@pytest.mark.parametrize('method, status', [('GET', 304), ('HEAD', 200), ('POST', 204)])
def test_no_body_and_no_end_of_the_stream(passing, method, status, buffering):
    s, up = passing(h2_upstream.misbehaving(lambda served, request: served.headers(
        request.stream, [(':status', str(status))], end=False) and None), f'proxy_buffering {buffering};')
    with s.connect() as c:
        for _ in range(2):
            assert c.request(method, '/', body='x' if method == 'POST' else None).status == status
    assert up.connections == 1  # whose other streams have nothing to do with it


@pytest.mark.parametrize('passes', [True, False])
def test_trailers(passing, passes):
    s, up = passing(h2_upstream.answering(b'x', trailers=[('x-behind', 'b')]), 'proxy_pass_trailers on;' if passes else '')
    connection = s.connect()
    connection.send(b'GET / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: close, te\r\n\r\n')
    text = connection.rest()
    assert (b'0\r\nx-behind: b\r\n\r\n' in text.lower()) == passes and b'\r\n1\r\nx\r\n' in text
    assert up.last['te'] == 'trailers'


def test_rewriting(passing):
    s, up = passing(h2_upstream.answering(b'', 302, [('location', 'http://up/x'), ('set-cookie', 'a=b; path=/x')]), 'proxy_cookie_path /x /y;')
    response = s.get('/')
    assert response.headers['Location'].endswith('/x') and response.headers['Set-Cookie'] == 'a=b; path=/y'
    assert not response.headers['Location'].startswith('http://up')


def test_redirect_inside(passing):
    conf = CONF.replace('location /changed/', 'location /inside { internal; return 200 inside; } location /changed/')
    s, _ = passing(h2_upstream.answering(b'', fields=[('x-accel-redirect', '/inside')]), conf=conf)
    assert s.get('/').text == 'inside'


def test_requests_share_a_connection(passing):
    s, up = passing(h2_upstream.answering(b'x'))
    for _ in range(5):
        assert s.get('/').text == 'x'
    assert up.connections == 1


def test_versions_side_by_side(passing):
    """Kept connections of one version are not taken for the other."""
    def script(peer, upstream):
        if peer.socket.recv(3, 2) == b'PRI':
            h2_upstream.answering(b'two')(peer, upstream)
        else:
            answering(reply('one'))(peer, upstream)
    conf = CONF.replace('location /changed/ {', 'location /changed/ { proxy_http_version 1.1; proxy_set_header Connection "";')
    s, up = passing(script, conf=conf)
    for _ in range(3):
        assert s.get('/').text == 'two'
        assert s.get('/changed/').text == 'one'
    assert up.connections == 2


SECURE = CONF.replace('http://up', 'https://up').replace('proxy_http_version 2;', 'proxy_http_version 2; proxy_ssl_verify on; proxy_ssl_name a.test; '
                                                         'proxy_ssl_trusted_certificate ca.pem; proxy_ssl_server_name on;')


@pytest.mark.parametrize('protocols', [['h2'], ['http/1.1', 'h2']])
def test_tls(passing, protocols):
    context = tls_upstream.context()
    context.set_alpn_protocols(protocols)
    agreed = []

    def script(peer, upstream):
        agreed.append(peer.socket.selected_alpn_protocol())
        h2_upstream.answering(b'secure')(peer, upstream)
    s, up = passing(script, conf=SECURE, files=tls.files('a.test'), tls=context)
    for _ in range(3):
        assert s.get('/').text == 'secure'
    assert agreed == ['h2'] and up.last[':scheme'] == 'https'


def choosing(protocol):
    """A server that chooses that protocol whatever it is offered, which Python's own would not."""
    context = SSL.Context(SSL.TLS_METHOD)
    certificate, key = tls.pem('a.test')
    context.use_certificate(crypto.load_certificate(crypto.FILETYPE_PEM, certificate))
    context.use_privatekey(crypto.load_privatekey(crypto.FILETYPE_PEM, key))
    context.set_alpn_select_callback(lambda *_: protocol)

    def script(peer, _):
        peer.socket.settimeout(None)
        connection = SSL.Connection(context, peer.socket)
        connection.set_accept_state()
        with contextlib.suppress(SSL.Error):
            connection.do_handshake()
            peer.said = connection.recv(1000)
            raise AssertionError(f'the server has said {peer.said}')
    return script


ANOTHER = {'nothing': (SSL.NO_OVERLAPPING_PROTOCOLS, 'upstream has not chosen HTTP/2 by ALPN'),
           'http/1.1': (b'http/1.1', r'SSL_do_handshake\(\) failed \(SSL: .*\)')}  # OpenSSL refuses what was not offered


@pytest.mark.parametrize('name', ANOTHER)
def test_another_protocol(passing, name):
    """Over TLS, ALPN decides (RFC 9113 §3.2): nothing is said to a server that has not chosen HTTP/2, and the log tells why."""
    protocol, line = ANOTHER[name]
    s, up = passing(choosing(protocol), conf=SECURE, files=tls.files('a.test'))
    assert s.get('/').status == 502
    errors = [one for one in s.log().splitlines() if '[error]' in one]
    assert len(errors) == 1 and re.search(line + ' while SSL handshaking to upstream', errors[0])


def test_another_protocol_goes_to_the_next(passing, scripted):
    context = tls_upstream.context()
    context.set_alpn_protocols(['h2'])
    other = scripted(h2_upstream.answering(b'other'), tls=context)
    s, _ = passing(choosing(b'http/1.1'), conf=SECURE.replace('keepalive 8;', f'server 127.0.0.1:{other.port} backup;'), files=tls.files('a.test'))
    assert s.request('POST', '/', body=b'x').text == 'other'


def test_no_module(server):
    with pytest.raises(AssertionError, match='"proxy_http_version 2" requires HTTP/2 support in .*nginx.conf:'):
        server('server { listen 127.0.0.1:%%main%%; proxy_http_version 2; location / { proxy_pass http://127.0.0.1:1; } }',
               main='autoload_modules off; load_module http_proxy.so;')


def test_client_gone(passing):
    """The stream is reset, the connection stays."""
    resets = []

    def act(served, request):
        if request[':path'] == '/wait':
            served.until(lambda: request.reset is not None, 'the reset')
            resets.append(request.reset)
        else:
            served.answer(request, b'x')
    s, up = passing(h2_upstream.misbehaving(act))
    assert s.get('/').text == 'x'
    connection = s.connect()
    connection.send(b'GET /wait HTTP/1.1\r\nHost: x\r\n\r\n')
    wait_for(lambda: len(up.requests) == 2, 'the request')
    connection.close()
    wait_for(lambda: resets, 'the reset')
    assert s.get('/').text == 'x' and up.connections == 1
