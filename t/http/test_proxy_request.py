"""What the upstream is asked: URI rules of proxy_pass, headers, bodies, method, version."""
import socket
import threading

import pytest

from lib.client import request
from lib.messages import chunk, reply
from lib.upstream import Held
from lib.wait import DEADLINE, wait_for

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
        location /h/old/asked { proxy_pass http://named; proxy_http_version 1.0; proxy_set_header Connection keep-alive; }
        location /h/old/empty { proxy_pass http://named; proxy_http_version 1.0; proxy_set_header Connection ""; }
        location /h/off { proxy_pass http://named; proxy_pass_request_headers off; }
        location /b/off { proxy_pass http://named; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
        location /b/unchunked { proxy_pass http://named; proxy_set_header Transfer-Encoding ""; }
        location /b/unsized { proxy_pass http://named; proxy_set_header Content-Length ""; }
        location /b/unsizedset { proxy_pass http://named; proxy_set_header Content-Length ""; proxy_set_body mine; }
        location /b/unsizedstream { proxy_pass http://named; proxy_set_header Content-Length ""; proxy_request_buffering off; proxy_http_version 1.1; }
        location /b/missized { proxy_pass http://named; proxy_set_header Content-Length $arg_length; }
        location /b/set { proxy_pass http://named; proxy_set_body "made $request_method"; }
        location /b/method { proxy_pass http://named; proxy_method PUT; }
        location /b/stream { proxy_pass http://named; proxy_request_buffering off; proxy_http_version 1.1; }
        location /b/setstream { proxy_pass http://named; proxy_request_buffering off; proxy_set_body mine; }
        location /b/stream10 { proxy_pass http://named; proxy_request_buffering off; proxy_http_version 1.0; }
        location /b/toget { proxy_pass http://named; proxy_method GET; }
        location /b/tohead { proxy_pass http://named; proxy_method HEAD; }
        location /b/tovar { proxy_pass http://named; proxy_method $http_x_method; }
        location /h/decoded/ { proxy_pass http://named; proxy_set_header X-Decoded $uri; }
        location /h/folded/ { proxy_pass http://named; proxy_set_header X-Folded "one\n\t$arg_x"; }
        location /decoded/ { proxy_pass http://127.0.0.1:%%up%%$uri; }
        location /decodedargs/ { set $args uri=$uri; proxy_pass http://127.0.0.1:%%up%%/x; }
        location /rewhole/ { rewrite (.*) $1 break; proxy_pass http://127.0.0.1:%%up%%; }
        location /rewholeuri/ { rewrite (.*) $1 break; proxy_pass http://127.0.0.1:%%up%%/ignored/; }
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
    ('/rewhole/a%2Fb//%20?c', '/rewhole/a/b/%20?c'), ('/rewholeuri/x', '/rewholeuri/x'),
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


def fin_has_arrived(sock):
    """Whether the other side's kernel has the end of what this socket sends (and all that was before)."""
    fin_wait_2 = 5
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == fin_wait_2


def test_end_behind_a_body_that_waits(server, scripted, tmp_path):
    """The end of the stream is known before the server has taken all of the body in front of it."""
    gate = Held()
    body = b'0123456789abcdef' * 32768

    def script(peer, _):
        gate.pass_()
        peer.send(reply(str(len(peer.request().body)), headers={'Connection': 'close'}))
    scripted(script, path=str(tmp_path / 'u'))
    s = server(f'''server {{ listen 127.0.0.1:%%main%% rcvbuf=1m; client_max_body_size 0; proxy_http_version 1.1; proxy_request_buffering off;
                   proxy_ignore_client_abort on; location / {{ proxy_pass http://unix:{tmp_path}/u; }} }}''')
    s.spare_descriptors(1)
    c = s.connect().send(request('POST', '/', {'Connection': 'close'}, body))
    c.finish_sending()
    wait_for(lambda: fin_has_arrived(c.socket), 'the end of the stream at the server')
    gate.open()
    assert c.response().text == str(len(body))


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


def test_own_body_instead_of_an_unbuffered_one(site):
    """What the client sends must not follow it: on a kept connection it would be a request of its own."""
    smuggled = b'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
    for headers, body in (({'Content-Length': len(smuggled)}, smuggled), ({'Transfer-Encoding': 'chunked'}, chunk(smuggled))):
        with site.connect() as c:
            c.send(request('POST', '/b/setstream', headers) + body)
            assert c.response().text == '/b/setstream'
            assert c.get('/plain/x').text == '/plain/x'
        assert [r.target for r in site.up.requests[-2:]] == ['/b/setstream', '/plain/x']
        assert site.up.requests[-2].body == b'mine'


def test_one_field_of_framing_taken_away(site):
    """The other one still tells where the body ends."""
    assert site.request('POST', '/b/unchunked', body=b'abc').status == 200
    assert (site.up.last.headers['Content-Length'], site.up.last.body) == ('3', b'abc')


@pytest.mark.sluice_only('it sends the length of a body that has come at once')
def test_length_taken_away_from_chunks(site):
    assert site.raw(request('POST', '/b/unsizedstream', {'Transfer-Encoding': 'chunked', 'Connection': 'close'}) + chunk('abc')).status == 200
    assert site.up.last.headers['Transfer-Encoding'] == 'chunked' and site.up.last.body == b'abc'


@pytest.mark.sluice_only('nginx sends a body that the upstream takes for a request')
@pytest.mark.parametrize('target', ['/b/unsized', '/b/unsizedset', '/b/unsizedstream'])
def test_no_body_whose_end_is_not_told(site, target):
    """On a kept connection it would be the beginning of somebody else's request."""
    smuggled = b'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
    for _ in range(2):
        assert site.request('POST', target, body=smuggled).text == target
        assert site.get('/plain/x').text == '/plain/x'
    assert [r.target for r in site.up.requests] == [target, '/plain/x'] * 2


@pytest.mark.sluice_only('connections to an upstream are kept by default since 1.29.7')
@pytest.mark.parametrize('length, connections', [(38, 1), (3, 2)])
def test_length_of_the_configuration(site, length, connections):
    """A connection on which it is not the body's is not used again."""
    smuggled = b'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
    assert site.request('POST', f'/b/missized?length={length}', body=b'abc' + smuggled).text == f'/b/missized?length={length}'
    assert site.get('/b/missized').text == '/b/missized'
    assert site.up.connections == connections


@pytest.mark.sluice_only('connections to an upstream are kept by default since 1.29.7')
@pytest.mark.parametrize('target, connections', [('/h/old/asked', 1), ('/h/old/empty', 2)])
def test_http10_keeps_what_it_has_asked_to_keep(site, target, connections):
    for _ in range(2):
        assert site.get(target).text == target
    assert site.up.connections == connections


def test_no_chunks_for_http10(site):
    c = site.connect().send(request('POST', '/b/stream10', {'Transfer-Encoding': 'chunked'}) + chunk('first', end=False))
    c.send(chunk('second'))
    assert c.response().text == '/b/stream10'
    headers = site.up.last.headers
    assert headers['Content-Length'] == '11' and 'Transfer-Encoding' not in headers and site.up.last.body == b'firstsecond'


def test_method_that_has_a_body_for_a_client_that_wants_none(server, scripted):
    """The body comes when the client has its answer: it must not be the beginning of another one's."""
    asked_again = threading.Event()

    def script(peer, up):
        while (r := peer.request()) is not None:
            up.requests.append(r)
            if r.target == '/b/toget?again':
                peer.send(reply('good'))
                continue
            peer.send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n')
            assert asked_again.wait(DEADLINE)
            peer.send('evil')
    up = scripted(script)
    s = server(CONF, ports={'up': up.port})
    s.spare_descriptors(2)
    with s.connect() as c:
        assert c.request('HEAD', '/b/toget').status == 200
        assert up.last.method == 'GET'
        c.send(request('GET', '/b/toget?again'))
        wait_for(lambda: up.connections == 2, 'another connection')
        asked_again.set()
        assert c.response().text == 'good'


@pytest.mark.sluice_only('nginx passes the length on and leaves its client waiting')
def test_method_without_a_body_for_a_client_that_wants_one(server, upstream):
    up = upstream(lambda r: b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n' if r.method == 'HEAD' else reply(r.target))
    s = server(CONF, ports={'up': up.port})
    s.spare_descriptors(2)
    with s.connect() as c:
        assert c.get('/b/tohead').body == b'' and up.last.method == 'HEAD'
        assert c.get('/plain/x').text == '/plain/x'


@pytest.mark.sluice_only('nginx passes on what a variable says')
@pytest.mark.parametrize('method, status', [('PUT', 200), ('GET /other HTTP/1.1', 500), ('', 500)])
def test_method_of_a_variable(site, method, status):
    assert site.get('/b/tovar', {'X-Method': method}).status == status
    assert len(site.up.requests) == (status == 200)


@pytest.mark.sluice_only('nginx sends decoded line breaks: the client writes the request')
@pytest.mark.parametrize('target, seen', [
    ('/decoded/x%20HTTP/1.1%0D%0AX-Evil:%20y%7f', '/decoded/x%20HTTP/1.1%0D%0AX-Evil:%20y%7F'),
    ('/decodedargs/x%0D%0AX-Evil:%20y', '/xx%0D%0AX-Evil:%20y?uri=/decodedargs/x%0D%0AX-Evil:%20y'), ('/h/decoded/x%0D%0AX-Evil:%20y', '/h/decoded/x%0D%0AX-Evil:%20y'),
    ('/h/decoded/x%0AX-Evil:%20y', '/h/decoded/x%0AX-Evil:%20y'),
])
def test_variables_add_no_lines(site, target, seen):
    site.get(target)
    assert 'X-Evil' not in site.up.last.headers and site.up.last.target == seen
    assert len(site.up.requests) == 1
    site.get('/h/decoded/a%20b')
    assert site.up.last.headers['X-Decoded'] == '/h/decoded/a b'


def test_a_folded_value_is_passed(server, scripted):
    """$ssl_client_cert is one."""
    heads = []

    def script(peer, _):
        while b'\r\n\r\n' not in peer.reader.buffer:
            peer.reader.fill()
        heads.append(bytes(peer.reader.buffer))
        peer.send(reply('x', headers={'Connection': 'close'}))
    s = server(CONF, ports={'up': scripted(script).port})
    assert s.get('/h/folded/?x=2').text == 'x'
    assert b'\r\nX-Folded: one\n\t2\r\n' in heads[0]


def test_host_and_port_that_are_set(server, upstream):
    """Host is $proxy_host, whatever that is made."""
    up = upstream(lambda r: reply(r.target))
    s = server('server { listen 127.0.0.1:%%main%%; proxy_set_header X-Vars "$proxy_host $proxy_port";'
               ' location / { proxy_pass http://127.0.0.1:%%up%%; }'
               ' location /set { set $proxy_host own.test; set $proxy_port 5; proxy_pass http://127.0.0.1:%%up%%; }'
               ' location /by-name { set $proxy_host 127.0.0.1; set $proxy_port %%up%%; proxy_pass http://$proxy_host:$proxy_port; } }',
               ports={'up': up.port})
    for target, host, variables in [('/', f'127.0.0.1:{up.port}', f'127.0.0.1:{up.port} {up.port}'), ('/set', 'own.test', 'own.test 5'),
                                    ('/by-name', '127.0.0.1', f'127.0.0.1 {up.port}')]:
        assert s.get(target).status == 200
        assert (up.last.headers['Host'], up.last.headers['X-Vars']) == (host, variables)
