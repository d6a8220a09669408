"""What the client gets of an upstream's answer: framings, buffering, header rewriting, odd and lying upstreams."""
import os
import re
import threading
import time

import pytest

from lib import h2
from lib.client import request
from lib.messages import chunk, reply
from lib.upstream import Held
from lib.wait import DEADLINE, assert_pace, wait_for

CONF = r'''
    server {
        listen 127.0.0.1:%%main%%; listen 127.0.0.1:%%narrow%% sndbuf=16k; root %%PREFIX%%/html;
        location / { proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.1; proxy_set_header Connection ""; }
        location /old/ { proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.0; }
        location /stream/ { proxy_pass http://127.0.0.1:%%up%%; proxy_buffering off; proxy_http_version 1.1; }
        location /tiny/ { proxy_pass http://127.0.0.1:%%up%%; proxy_buffers 2 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 4k; }
        location /nofile/ { proxy_pass http://127.0.0.1:%%up%%; proxy_max_temp_file_size 0; proxy_buffers 2 4k; proxy_busy_buffers_size 4k; }
        location /hide/ { proxy_pass http://127.0.0.1:%%up%%; proxy_hide_header X-Secret; proxy_pass_header Server; proxy_pass_header Date; }
        location /ignore/ { proxy_pass http://127.0.0.1:%%up%%; proxy_ignore_headers X-Accel-Redirect; }
        location /errors/ { proxy_pass http://127.0.0.1:%%up%%; proxy_intercept_errors on; error_page 404 503 /page.html; }
        location /redirect/ { proxy_pass http://127.0.0.1:%%up%%/app/; }
        location /redirect2/ { proxy_pass http://127.0.0.1:%%up%%; proxy_redirect http://inner.example/ /outer/; proxy_redirect ~^http://re(\d)\.example/(.*)$ http://$host/$1/$2; }
        location /redirectoff/ { proxy_pass http://127.0.0.1:%%up%%/app/; proxy_redirect off; }
        location /cookie/ { proxy_pass http://127.0.0.1:%%up%%; proxy_cookie_domain inner.example outer.example; proxy_cookie_path /app/ /; proxy_cookie_flags one secure samesite=lax; }
        location /kept/ { proxy_pass http://127.0.0.1:%%up%%; proxy_cookie_path /app/ /; proxy_ignore_headers X-Accel-Limit-Rate; }
        location /said/ { internal; return 200 "said $limit_rate"; }
        location /inner/ { internal; alias html/; add_header X-Inner yes; }
        location /told/ { internal; return 200 told; }
        location /page.html { internal; }
        location /ranges/ { proxy_pass http://127.0.0.1:%%up%%; proxy_force_ranges on; }
    }
'''


@pytest.fixture
def proxied(server, upstream, scripted):
    """proxied(answer or script=...) starts an upstream and the server before it."""
    def start(answer=None, script=None):
        up = scripted(script) if script else upstream(answer)
        s = server(CONF, ports={'up': up.port}, files={'html/file': 'local file', 'html/page.html': 'error page'})
        s.up = up
        return s
    return start


WAYS = ['/', '/old/', '/stream/', '/tiny/', '/nofile/']


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('size', [0, 1, 4000, 100_000, 2_000_000])
def test_with_length(proxied, way, size):
    body = os.urandom(size)
    s = proxied(reply(body))
    with s.connect() as c:
        for _ in range(2):
            r = c.get(way)
            assert r.body == body and r.headers['Content-Length'] == str(size)


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('size', [0, 1, 4000, 500_000])
def test_chunked(proxied, way, size):
    body = os.urandom(size)
    data = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + chunk(*[body[n:n + 7000] for n in range(0, size, 7000)])
    s = proxied(data)
    with s.connect() as c:
        for _ in range(2):
            r = c.get(way)
            assert r.body == body and r.headers['Transfer-Encoding'] == 'chunked' and 'Content-Length' not in r.headers


@pytest.mark.parametrize('way', WAYS)
def test_until_close(proxied, way):
    body = os.urandom(300_000)

    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.0 200 OK\r\nX-A: b\r\n\r\n' + body)
    s = proxied(script=script)
    r = s.get(way)
    assert r.body == body and r.headers['Transfer-Encoding'] == 'chunked'
    r = s.raw(request('GET', way, version='HTTP/1.0'))
    assert r.body == body and 'Transfer-Encoding' not in r.headers


@pytest.mark.parametrize('way', ['/', '/stream/'])
@pytest.mark.parametrize('status, headers', [('204 No Content', ''), ('304 Not Modified', 'ETag: "x"\r\n'), ('304 Not Modified', 'Content-Length: 100\r\n')])
def test_without_body(proxied, way, status, headers):
    s = proxied(f'HTTP/1.1 {status}\r\n{headers}\r\n')
    with s.connect() as c:
        assert [c.get(way).status for _ in range(2)] == [int(status[:3])] * 2


@pytest.mark.parametrize('way', ['/', '/stream/', '/tiny/'])
def test_head(proxied, way):
    s = proxied(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-A: b\r\n\r\n')
    with s.connect() as c:
        for _ in range(2):
            r = c.request('HEAD', way)
            assert r.headers['Content-Length'] == '1000' and r.headers['X-A'] == 'b' and r.body == b''


@pytest.mark.sluice_only('it takes the first interim answer for the final one')
def test_interim_answers_are_swallowed(proxied):
    s = proxied(b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX: y\r\n\r\n' + reply('final'))
    r = s.get('/')
    assert (r.status, r.text, r.interim) == (200, 'final', [])


def test_slow_answer_streams(proxied):
    gate = Held()

    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst')
        gate.pass_()
        peer.send(b'later')
    s = proxied(script=script)
    c = s.connect().send(request('GET', '/stream/'))
    while not c.reader.buffer.endswith(b'first'):
        assert c.reader.fill()
    gate.open()
    assert c.response().text == 'firstlater'


def test_x_accel_buffering_no_streams(proxied):
    gate = Held()

    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-Accel-Buffering: no\r\n\r\nfirst')
        gate.pass_()
        peer.send(b'later')
    s = proxied(script=script)
    c = s.connect().send(request('GET', '/'))
    while not c.reader.buffer.endswith(b'first'):
        assert c.reader.fill()
    assert b'X-Accel' not in c.reader.buffer
    gate.open()
    assert c.response().text == 'firstlater'


def test_head_byte_by_byte(proxied):
    def script(peer, _):
        peer.request()
        for byte in reply('body', headers={'X-A': 'b'}):
            peer.send(bytes([byte]))
    assert proxied(script=script).get('/').text == 'body'


def test_temp_file_for_a_slow_reader(proxied):
    body = os.urandom(3_000_000)
    s = proxied(reply(body))
    c = s.connect('narrow', receive_buffer=4096).send(request('GET', '/tiny/'))
    s.wait_log(r'\[warn\] .* an upstream response is buffered to a temporary file ' + str(s.prefix) + r'/temp/proxy/\d{10} while reading upstream, client: ')
    assert c.response().body == body


def test_slow_reader_without_a_file(proxied):
    body = os.urandom(3_000_000)
    s = proxied(reply(body))
    for way in ('/nofile/', '/stream/'):
        c = s.connect('narrow', receive_buffer=4096).send(request('GET', way))
        c.wait_readable()
        assert c.response().body == body
    assert 'buffered to a temporary file' not in s.log()


@pytest.mark.parametrize('head', [
    b'HTTP/1.1 200 OK\r\nBad Header\0: x\r\n\r\n', b'', b'HTTP/1.1 200 OK\r\nX: y\r\n', b'HTTP/1.1 200 OK\r\nX-Long: ' + b'x' * 9000 + b'\r\n\r\n',
])
def test_broken_head_is_502(proxied, head):
    def script(peer, _):
        peer.request()
        peer.send(head)
    s = proxied(script=script)
    assert s.get('/').status == 502


@pytest.mark.sluice_only('it passes the bytes on as an HTTP/0.9 body, and ignores a length it cannot read')
@pytest.mark.parametrize('head', [
    b'nonsense\r\n\r\n', b'HTTP/1.1 abc OK\r\n\r\n', b'SSH-2.0-x\r\n', b'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
])
def test_what_is_not_http_is_502(proxied, head):
    def script(peer, _):
        peer.request()
        peer.send(head)
    assert proxied(script=script).get('/').status == 502


def test_short_body_closes_the_client(proxied):
    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort')
    s = proxied(script=script)
    for way in ('/', '/stream/'):
        c = s.connect().send(request('GET', way))
        data = c.rest()
        assert data.endswith(b'\r\n\r\nshort') and b'Content-Length: 100' in data
    s.wait_log(r'upstream prematurely closed connection while reading upstream, client: 127.0.0.1')


def test_unfinished_chunks_close_the_client(proxied):
    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
    s = proxied(script=script)
    for way in ('/', '/stream/'):
        data = s.connect().send(request('GET', way)).rest()
        assert b'hello' in data and not data.endswith(b'0\r\n\r\n')


def test_bad_chunks(proxied):
    s = proxied(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n')
    data = s.connect().send(request('GET', '/')).rest()
    assert not data.endswith(b'0\r\n\r\n')
    s.wait_log(r'upstream sent invalid chunked response')


FORGED = '2026/11/29 03:00:00 [crit] 1#1: *1 disk on fire, client: 10.0.0.1'


@pytest.mark.sluice_only('it quotes the names of fields as they come')
@pytest.mark.parametrize('head', [
    f'HTTP/1.1 2x0 OK\n{FORGED}\r\n\r\n', f'HTTP/1.1 200 OK\x00\n{FORGED}\r\n\r\n', f'HTTP/1.1 200 OK\r\nX: \x00\n{FORGED}\r\n\r\n',
    f'HTTP/1.1 200 OK\r\nX: \x7f\x1b[31m\r{FORGED}\r\n\r\n', f'HTTP/1.1 200 OK\r\nX-Accel-Redirect: /../"{FORGED}\r\n\r\n',
])
def test_no_line_of_the_log_is_forged(proxied, head):
    s = proxied(head.encode())
    s.connect().send(request('GET', '/')).wait_readable()
    s.wait_log('upstream sent |unsafe URI ')
    for line in s.log().splitlines():
        assert re.match(r'20\d\d/\d\d/\d\d \d\d:\d\d:\d\d \[(notice|info|warn|error)\] \d+#\d+: ', line), line
        assert line.isprintable(), line


@pytest.mark.sluice_only('it takes it for HTTP/0.9, and its bytes for the body')
def test_status_line_that_is_quoted(proxied):
    s = proxied(b'HTTP/1.1 2x0 "OK"\n\r\n\r\n')
    assert s.get('/').status == 502
    s.wait_log(re.escape(r'upstream sent no valid HTTP/1.0 header: "HTTP/1.1 2x0 \x22OK\x22\x0A\x0D\x0A\x0D\x0A" while reading response header from upstream, '))


@pytest.mark.sluice_only('it takes it for HTTP/0.9, and its bytes for the body')
@pytest.mark.parametrize('version', ['0.9', '0.1', '00.9'])
def test_versions_that_have_no_head(proxied, version):
    s = proxied(f'HTTP/{version} 200 OK\r\nContent-Length: 2\r\n\r\nhi'.encode())
    assert s.get('/').status == 502
    s.wait_log('upstream sent no valid HTTP/1.0 header: ')


@pytest.mark.parametrize('name', ['url', 'URL', 'Url'])
def test_refresh_in_any_case(proxied, name):
    s = proxied(reply('x', headers={'Refresh': f'5; {name}=http://inner.example/x'}))
    assert s.get('/redirect2/').headers['Refresh'] == f'5; {name}=/outer/x'


def test_lines_behind_a_redirect(proxied):
    """What another location says has nothing to do with the head of the upstream's answer."""
    s = proxied(lambda r: reply('x', headers={'X-Accel-Redirect': '/inner/missing'}))
    assert s.get('/').status == 404
    s.wait_log(r'open\(\) ".*missing" failed \(2: No such file or directory\), client: .*, upstream: "http://127.0.0.1:\d+/", host')


def test_lines_behind_an_intercepted_error(proxied):
    s = proxied(reply('x', status='503 Service Unavailable'))
    (s.prefix / 'html/page.html').unlink()
    assert s.get('/errors/').status == 404
    s.wait_log(r'open\(\) ".*page.html" failed \(2: No such file or directory\), client: .*, upstream: "http://127.0.0.1:\d+/errors/", host')


def test_more_than_the_length_is_dropped(proxied):
    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\nevil')
        peer.wait_closed()
    s = proxied(script=script)
    with s.connect() as c:
        assert [c.get(way).text for way in ('/', '/stream/', '/')] == ['hello'] * 3
    s.wait_log('upstream sent more data than specified in "Content-Length" header')


def test_both_framings_from_an_upstream(proxied):
    s = proxied(b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n' + chunk('hello'))
    r = s.get('/')
    assert r.status == 502 or (r.text == 'hello' and 'Content-Length' not in r.headers)


def test_hidden_and_passed_headers(proxied):
    s = proxied(reply('x', headers=[('X-Secret', 's'), ('Server', 'inner/1'), ('Date', 'Mon, 01 Jan 2001 00:00:00 GMT'), ('X-Pad', 'p'),
                                    ('X-Accel-Expires', '5'), ('Connection', 'keep-alive'), ('Keep-Alive', 'x'), ('X-Two', '1'), ('X-Two', '2')]))
    r = s.get('/')
    assert r.headers['X-Secret'] == 's' and 'inner' not in r.headers['Server'] and r.headers['Date'] != 'Mon, 01 Jan 2001 00:00:00 GMT'
    assert not {'X-Pad', 'X-Accel-Expires', 'Keep-Alive'} & set(r.headers.names()) and r.headers.all('X-Two') == ['1', '2']
    r = s.get('/hide/')
    assert 'X-Secret' not in r.headers and r.headers['Server'] == 'inner/1' and r.headers['Date'] == 'Mon, 01 Jan 2001 00:00:00 GMT'


def test_status_and_reason(proxied):
    s = proxied(reply('x', status='299 Very Own'))
    r = s.get('/')
    assert (r.status, r.reason) == (299, 'Very Own')


def test_x_accel_redirect(proxied):
    s = proxied(reply('upstream body', headers={'X-Accel-Redirect': '/inner/file', 'Content-Type': 'text/x', 'Set-Cookie': 'a=b'}))
    r = s.get('/')
    assert r.text == 'local file' and r.headers['X-Inner'] == 'yes' and r.headers['Content-Type'] == 'text/x' and r.headers['Set-Cookie'] == 'a=b'
    assert s.get('/ignore/').text == 'upstream body'


def test_an_x_accel_redirect_to_nowhere(proxied):
    """Nothing of the upstream's answer reaches the client."""
    s = proxied(b'HTTP/1.1 200 OK\r\nX-Accel-Redirect: \r\nContent-Length: 13\r\n\r\nupstream body')
    assert s.get('/').status == 404
    s.wait_log('unsafe URI "" was detected while reading response header from upstream')
    assert s.get('/ignore/').text == 'upstream body'


def test_fields_that_an_x_accel_redirect_keeps(proxied):
    kept = {'Content-Type': 'text/x', 'Content-Disposition': 'inline', 'Accept-Ranges': 'none', 'Cache-Control': 'private', 'Set-Cookie': 'a=b; path=/app/x'}
    s = proxied(reply('', headers=kept | {'X-Accel-Redirect': '/said/', 'X-Accel-Limit-Rate': '50000', 'X-Other': '1'}))
    r = s.get('/')
    assert r.text == 'said 50000' and 'X-Other' not in r.headers and {name: r.headers[name] for name in kept} == kept
    r = s.get('/kept/')
    assert r.text == 'said 0' and r.headers['Set-Cookie'] == 'a=b; path=/x'


def test_x_accel_redirect_to_a_text_of_the_configuration(proxied):
    r = proxied(reply('upstream body', headers={'X-Accel-Redirect': '/told/', 'Content-Type': 'text/x; charset=utf-8'})).get('/')
    assert r.text == 'told' and r.headers['Content-Type'] == 'text/x; charset=utf-8'


def test_x_accel_limit_rate(proxied):
    s = proxied(reply(b'x' * 60_000, headers={'X-Accel-Limit-Rate': '50000'}))
    start = time.monotonic()
    assert len(s.get('/').body) == 60_000 and time.monotonic() - start > 0.1


def test_intercepted_errors(proxied):
    s = proxied(lambda r: reply('from upstream', status='404 Not Found' if '404' in r.target else '500 Oops'))
    assert s.get('/errors/404').text == 'error page' and s.get('/errors/500').text == 'from upstream'
    assert s.get('/404').text == 'from upstream'


@pytest.mark.parametrize('target, location, seen', [
    ('/redirect/x', 'http://127.0.0.1:{up}/app/y', 'http://localhost:{main}/redirect/y'), ('/redirect/x', '/app/y', '/app/y'),
    ('/redirect/x', 'http://other.example/app/y', 'http://other.example/app/y'), ('/redirectoff/x', 'http://127.0.0.1:{up}/app/y', 'http://127.0.0.1:{up}/app/y'),
    ('/redirect2/', 'http://inner.example/a', 'http://localhost:{main}/outer/a'), ('/redirect2/', 'http://re5.example/a', 'http://localhost/5/a'),
    ('/', 'http://127.0.0.1:{up}/x', 'http://localhost:{main}/x'),
])
def test_redirect(proxied, target, location, seen):
    s = proxied(lambda r: reply('', status='302 Found', headers={'Location': location.format(up=s.up.port, main=s.port())}))
    assert s.get(target).location == seen.format(up=s.up.port, main=s.port())


def test_cookies(proxied):
    s = proxied(reply('', headers=[('Set-Cookie', 'one=1; Domain=inner.example; Path=/app/x'), ('Set-Cookie', 'two=2; path=/other; domain=.inner.example')]))
    assert s.get('/cookie/').headers.all('Set-Cookie') == ['one=1; Domain=outer.example; Path=/x; Secure; SameSite=Lax', 'two=2; path=/other; domain=.outer.example']


COOKIES = '''
    server {
        listen 127.0.0.1:%%main%%; set $flag "$arg_flag";
        proxy_cookie_domain inner.example outer.example; proxy_cookie_flags ~^SES secure $flag;
        location / { proxy_pass http://127.0.0.1:%%up%%; proxy_cookie_path /app/ /; }
        location /off/ { proxy_pass http://127.0.0.1:%%up%%; proxy_cookie_flags off; }
    }
'''


@pytest.mark.parametrize('target, cookie, seen', [
    ('/', 'session=1; Domain=inner.example; Path=/app/x', 'session=1; Domain=outer.example; Path=/x; Secure'),
    ('/?flag=SameSite=Strict', 'session=1; samesite=Lax; HttpOnly', 'session=1; SameSite=Strict; HttpOnly; Secure'),
    ('/?flag=nohttponly', 'session=1;httponly;Secure;x= y ', 'session=1; Secure; x=y'), ('/?flag=nonsense', 'session=1', 'session=1; Secure'),
    ('/?flag=nohttponly', 'other=1; httponly', 'other=1; httponly'),
    ('/off/?flag=httponly', 'session=1; Domain=inner.example; Path=/app/x', 'session=1; Domain=outer.example; Path=/app/x'),
])
def test_cookie_rules_are_inherited_one_by_one_and_flags_may_be_variables(server, upstream, target, cookie, seen):
    s = server(COOKIES, ports={'up': upstream(reply('', headers={'Set-Cookie': cookie})).port})
    assert s.get(target).headers['Set-Cookie'] == seen


TRAILERS = (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n'
            b'X-Sum: abc\r\nContent-Length: 5\r\nX-Hidden: h\r\nX-Empty:\r\nX-Sum: def\r\n\r\n')


@pytest.mark.sluice_only('it has no proxy_pass_trailers before 1.27')
@pytest.mark.parametrize('pieces', [[TRAILERS], [TRAILERS[n:n + 1] for n in range(len(TRAILERS))]], ids=['whole', 'bytes'])
def test_trailers(server, scripted, pieces):
    def script(peer, _):
        while peer.request():
            for piece in pieces:
                peer.send(piece)
    s = server('''server { listen 127.0.0.1:%%main%%;
        location /pass { proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.1; proxy_pass_trailers on; proxy_hide_header X-Hidden;
            add_trailer X-Own own; add_trailer X-Seen "$upstream_trailer_x_sum; $upstream_trailer_x_hidden"; }
        location /drop { proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.1; } }''', ports={'up': scripted(script).port})
    with s.connect() as c:
        for _ in range(2):  # the connection to the upstream goes on behind them
            r = c.get('/pass')
            assert r.text == 'hello' and r.trailers == [('X-Sum', 'abc'), ('X-Empty', ''), ('X-Sum', 'def'), ('X-Own', 'own'), ('X-Seen', 'abc, def; h')]
            r = c.get('/drop')
            assert r.text == 'hello' and not r.trailers
    old = s.raw(request('GET', '/pass', version='HTTP/1.0'))
    assert old.text == 'hello'


@pytest.mark.sluice_only('it has no proxy_pass_trailers before 1.27')
@pytest.mark.parametrize('trailer, told', [
    (b'X Sum: a\r\n\r\n', 'upstream sent invalid trailer'), (b'X-Sum: a\n\r\n\r\n', 'upstream sent invalid trailer'),
    (b'X-Sum: ' + b'a' * 5000 + b'\r\n\r\n', 'upstream sent too big trailers'),
])
def test_trailers_that_are_none(server, scripted, trailer, told):
    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n' + trailer)
        peer.wait_closed()
    s = server('''server { listen 127.0.0.1:%%main%%; location / { proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.1;
        proxy_pass_trailers on; } }''', ports={'up': scripted(script).port})
    data = s.connect().send(request('GET', '/')).rest()
    assert b'hello' in data and not data.endswith(b'0\r\n\r\n')
    s.wait_log(told)


@pytest.mark.parametrize('rate', [20_000, 200_000])
def test_pace_of_the_upstream(server, scripted, rate):
    """At no time has more been read than the rate allows, and it does not take longer than it must."""
    size = rate * 2
    peers = []

    def script(peer, _):
        peers.append(peer)
        while peer.request():
            peer.send(reply(b'x' * size))
    s = server(f'''server {{ listen 127.0.0.1:%%main%%; location / {{ proxy_pass http://127.0.0.1:%%up%%; proxy_limit_rate {rate};
        proxy_buffers 8 4k; }} }}''', ports={'up': scripted(script).port})
    for _ in range(2):  # the second one on a connection that was kept
        assert_pace(s.connect().send(request('GET', '/', {'Connection': 'close'})).socket, size, rate)


EVENTS = [b'data: %d\n\n' % at for at in range(5)]


def trickle(peer, seen):
    """Says one thing, and the next when the client has it."""
    peer.request()
    peer.send(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n')
    for event in EVENTS:
        peer.send(chunk(event, end=False))
        assert seen.acquire(timeout=DEADLINE), f'{event} did not reach the client'
    peer.send(chunk())


@pytest.mark.parametrize('options', ['', 'postpone_output 100k;', 'postpone_output 0;', 'proxy_buffering off;'])
@pytest.mark.parametrize('version', ['1', '2'])
def test_trickling_answer(server, scripted, options, version):
    """Each piece leaves when it has come: it does not wait for more."""
    seen = threading.Semaphore(0)
    s = server(f'''server {{ listen 127.0.0.1:%%main%%; listen 127.0.0.1:%%h2%% http2;
        location / {{ proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.1; {options} }} }}''',
               ports={'up': scripted(lambda peer, _: trickle(peer, seen)).port})
    if version == '2':
        with h2.Peer(('127.0.0.1', s.port('h2'))) as c:
            answer = c.stream(c.ask())
            for count in range(len(EVENTS)):
                c.until(lambda: answer.body == b''.join(EVENTS[:count + 1]), 'the next event')  # noqa: B023
                seen.release()
            c.until(lambda: answer.ended, 'the end')
        return
    c = s.connect().send(request('GET', '/'))
    for event in EVENTS:
        while not c.reader.buffer.endswith(chunk(event, end=False)):
            assert c.reader.fill()
        seen.release()
    assert c.response().body == b''.join(EVENTS)


@pytest.mark.sluice_only('it waits for a whole buffer of proxy_buffers')
def test_trickling_answer_of_known_length(server, scripted):
    gate = Held()

    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
        gate.pass_()
        peer.send(b'world')
    s = server('server { listen 127.0.0.1:%%main%%; location / { proxy_pass http://127.0.0.1:%%up%%; } }', ports={'up': scripted(script).port})
    c = s.connect().send(request('GET', '/'))
    while not c.reader.buffer.endswith(b'hello'):
        assert c.reader.fill()
    gate.open()
    assert c.response().text == 'helloworld'


HEADS = {'length': b'Content-Length: 10\r\n', 'chunks': b'Transfer-Encoding: chunked\r\n', 'close': b''}


@pytest.mark.parametrize('head', HEADS.values(), ids=HEADS)
@pytest.mark.parametrize('end', ['closes', 'resets', 'is silent'])
@pytest.mark.parametrize('buffering', ['on', 'off'])
def test_head_without_its_body(server, scripted, head, end, buffering):
    """The client gets the head, and the end of its connection instead of the end of the body."""
    gate = Held()

    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nX-A: b\r\n' + head + b'\r\n')
        if end == 'is silent':
            gate.pass_()
        elif end == 'resets':
            gate.pass_()
            peer.reset()
    s = server(f'''server {{ listen 127.0.0.1:%%main%%; location / {{ proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.1;
        proxy_read_timeout {'300ms' if end == 'is silent' else '60s'}; proxy_buffering {buffering}; }}
        location = /barrier {{ return 204; }} }}''', ports={'up': scripted(script).port})
    c = s.connect().send(request('GET', '/', {'Connection': 'close'}))
    if end == 'resets':
        wait_for(lambda: s.get('/barrier').status == 204 and s.get('/barrier').status == 204)  # the head was seen by then
        gate.open()
    answer = c.rest()
    gate.open()
    assert answer.startswith(b'HTTP/1.1 200 OK\r\n') and b'\r\nX-A: b\r\n' in answer
    is_complete = end == 'closes' and not head
    assert answer.partition(b'\r\n\r\n')[2] == (b'0\r\n\r\n' if is_complete else b'')
    s.wait_log(r'"GET / HTTP/1.1" 200 ', 'logs/access.log')


@pytest.mark.sluice_only('it takes no variables for it before 1.27')
def test_limit_rate_of_the_upstream_from_a_variable(server, upstream):
    up = upstream(reply(b'x' * 400_000))
    s = server('''server { listen 127.0.0.1:%%main%%; set $rate $arg_rate; location / { proxy_pass http://127.0.0.1:%%up%%;
        proxy_limit_rate $rate; } }''', ports={'up': up.port})
    start = time.monotonic()
    assert len(s.get('/?rate=200k').body) == 400_000 and time.monotonic() - start > 0.5
    start = time.monotonic()
    assert len(s.get('/?rate=').body) == len(s.get('/?rate=fast').body) == 400_000 and time.monotonic() - start < 0.5
    s.wait_log('invalid size "fast"')


def test_ranges(proxied):
    s = proxied(reply('0123456789', headers={'Accept-Ranges': 'bytes'}))
    r = s.get('/', {'Range': 'bytes=2-4'})
    assert r.status in (200, 206)
    s2 = s.get('/ranges/', {'Range': 'bytes=2-4'})
    assert (s2.status, s2.text, s2.headers['Content-Range']) == (206, '234', 'bytes 2-4/10')


@pytest.mark.parametrize('way', ['/', '/stream/', '/tiny/'])
def test_client_that_vanishes_frees_the_upstream(proxied, way):
    ended = []

    def script(peer, _):
        peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst')
        ended.append(peer.wait_closed())
    s = proxied(script=script)
    c = s.connect().send(request('GET', way))
    if way == '/stream/':
        c.wait_readable()
    else:
        wait_for(lambda: s.up.open, 'the request at the upstream')
    c.close()
    wait_for(lambda: ended, 'the end of the upstream connection')
    s.wait_log('client prematurely closed connection')


def test_upgrade(server, scripted):
    def script(peer, upstream):
        upstream.requests.append(peer.request())
        peer.send(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhello')
        while data := peer.socket.recv(65536):
            peer.send(data.upper())
    up = scripted(script)
    s = server('server { listen 127.0.0.1:%%main%%; listen 127.0.0.1:%%narrow%% sndbuf=16k; location / { proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.1;'
               ' proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; } }', ports={'up': up.port})
    c = s.connect().send(request('GET', '/', {'Upgrade': 'echo', 'Connection': 'upgrade'}) + b'early')
    r = c.response()
    assert r.status == 101 and r.headers['Upgrade'] == 'echo' and r.headers['Connection'] == 'upgrade'
    assert up.last.headers['Upgrade'] == 'echo'
    assert c.reader.take(10) == b'helloEARLY'
    blob = os.urandom(200_000).hex().encode()
    c.send(blob)
    assert c.reader.take(len(blob)) == blob.upper()
    c.finish_sending()
    assert c.rest() == b''
    assert '"GET / HTTP/1.1" 101 ' in s.access()[0]
