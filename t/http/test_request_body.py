"""Request bodies: lengths, chunks, Expect, size limits, temp files, timeouts, and bodies nobody reads."""
import os
import re

import pytest

from lib.client import request
from lib.messages import chunk, reply
from lib.wait import takes, wait_for

CONF = '''
    client_max_body_size 1m; client_body_buffer_size 16k;
    server {
        listen 127.0.0.1:%%main%%;
        location / { proxy_pass http://127.0.0.1:%%up%%; }
        location /small { client_max_body_size 10; proxy_pass http://127.0.0.1:%%up%%; }
        location /any { client_max_body_size 0; proxy_pass http://127.0.0.1:%%up%%; }
        location /file { client_body_in_file_only on; proxy_pass http://127.0.0.1:%%up%%; proxy_set_header X-File $request_body_file; }
        location /levels { client_body_in_file_only clean; client_body_temp_path temp/leveled 1 2; proxy_pass http://127.0.0.1:%%up%%; proxy_set_header X-File $request_body_file; }
        location /single { client_body_in_single_buffer on; proxy_pass http://127.0.0.1:%%up%%; }
        location /unread { return 200 unread; }
        location /refused { return 403; }
        location /static { root html; }
    }
'''
SIZES = [0, 1, 100, 1000, 16384, 16385, 70_000, 1_000_000]


@pytest.fixture
def site(server, upstream):
    up = upstream(lambda request: reply(f'{len(request.body)}'))
    s = server(CONF, ports={'up': up.port}, files={'html/static': 's'})
    s.up = up
    return s


@pytest.mark.parametrize('size', SIZES)
def test_with_length(site, size):
    body = os.urandom(size)
    with site.connect() as c:
        for target in ('/', '/single', '/any'):
            assert c.request('POST', target, body=body).text == str(size)
            assert site.up.last.body == body and site.up.last.headers['Content-Length'] == str(size)


@pytest.mark.parametrize('size', SIZES)
def test_chunked(site, size):
    body = os.urandom(size)
    parts = [body[n:n + 30_000] for n in range(0, size, 30_000)]
    with site.connect() as c:
        for _ in range(2):
            c.send(request('POST', '/', {'Transfer-Encoding': 'chunked'}) + chunk(*parts))
            assert c.response().text == str(size)
            assert site.up.last.body == body
            assert site.up.last.headers['Content-Length'] == str(size) and 'Transfer-Encoding' not in site.up.last.headers


def test_chunked_byte_by_byte(site):
    c = site.connect()
    for byte in request('POST', '/', {'Transfer-Encoding': 'chunked'}) + b'5;ext=1\r\nhello\r\n00003\r\nabc\r\n0\r\nTrailer: x\r\n\r\n' + request('GET', '/next'):
        c.send(bytes([byte]))
    assert [r.text for r in c.responses(2)] == ['8', '0'] and site.up.requests[0].body == b'helloabc'


def test_limit(site):
    assert site.request('POST', '/small', body=b'x' * 10).status == 200
    assert site.request('POST', '/small', body=b'x' * 11).status == 413
    assert site.request('POST', '/any', body=b'x' * 2_000_000).text == '2000000'
    assert site.request('POST', '/', body=b'x' * 2_000_000).status == 413
    site.wait_log(r'\[error\] .* client intended to send too large body: 11 bytes, client: ')
    c = site.connect().send(request('POST', '/small', {'Transfer-Encoding': 'chunked'}) + chunk(b'x' * 6, b'x' * 6))
    assert c.response().status == 413
    site.wait_log(r'\[error\] .* client intended to send too large chunked body: \d+\+\d+ bytes')
    assert len(site.up.requests) == 2


def test_expect_continue(site):
    c = site.connect().send(request('POST', '/', {'Expect': '100-continue', 'Content-Length': 5}))
    c.wait_readable()
    c.reader.fill()
    assert c.reader.buffer == b'HTTP/1.1 100 Continue\r\n\r\n'
    c.send(b'hello')
    r = c.response()
    assert r.text == '5' and [interim.status for interim in r.interim] == [100]
    assert 'Expect' not in site.up.last.headers


def test_expect_with_the_body_at_once(site):
    c = site.connect().send(request('POST', '/', {'Expect': '100-continue'}, b'hello'))
    assert c.response().text == '5'


@pytest.mark.parametrize('target, status', [('/small', 413), ('/unread', 200), ('/refused', 403), ('/static', 405)])
def test_expect_of_a_body_nobody_wants(site, target, status):
    c = site.connect().send(request('POST', target, {'Expect': '100-continue', 'Content-Length': 500}))
    r = c.response()
    assert r.status == status and not r.interim or target == '/unread'


def test_expect_in_1_0_is_ignored(site):
    c = site.connect().send(request('POST', '/', {'Expect': '100-continue'}, b'hello', version='HTTP/1.0'))
    r = c.response()
    assert r.text == '5' and not r.interim


@pytest.mark.parametrize('target, status', [('/unread', 200), ('/refused', 403), ('/static', 405)])
def test_unread_body_does_not_become_a_request(site, target, status):
    with site.connect() as c:
        c.send(request('POST', target, body='GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n') + request('GET', '/after'))
        assert c.response().status == status and c.response().text == '0'
        c.send(request('POST', target, {'Transfer-Encoding': 'chunked'}) + chunk('GET /smuggled HTTP/1.1\r\n\r\n') + request('GET', '/after'))
        assert c.response().status == status and c.response().text == '0'
    assert all(r.target == '/after' for r in site.up.requests)


def test_unread_body_that_comes_later(site):
    with site.connect() as c:
        c.send(request('POST', '/unread', {'Content-Length': 100_000}))
        assert c.response().status == 200
        c.send(b'x' * 100_000 + request('GET', '/after'))
        assert c.response().text == '0'


def test_files(site):
    assert site.request('POST', '/file', body=b'kept').status == 200
    path = site.up.last.headers['X-File']
    site.wait_log(rf'\[notice\] .* a client request body is buffered to a temporary file {path}, client')
    assert open(path, 'rb').read() == b'kept' and os.stat(path).st_mode & 0o777 == 0o600
    assert site.request('POST', '/levels', body=b'x').status == 200
    assert re.fullmatch(rf'{site.prefix}/temp/leveled/\d/\d\d/\d{{10}}', site.up.last.headers['X-File'])
    wait_for(lambda: not os.path.exists(site.up.last.headers['X-File']), 'removal of the body file')
    assert site.request('POST', '/', body=b'x' * 100_000).status == 200
    site.wait_log(r'\[warn\] .* a client request body is buffered to a temporary file ' + str(site.prefix) + r'/temp/client_body/\d{10}, client')
    wait_for(lambda: os.listdir(site.prefix / 'temp/client_body') == [os.path.basename(path)], 'no other file left')


def test_timeout(server, upstream):
    up = upstream(reply())
    s = server('client_body_timeout 300ms;' + CONF, ports={'up': up.port})
    c = s.connect().send(request('POST', '/', {'Content-Length': 10}) + b'half')
    with takes(0.1, 2):
        c.rest()
    wait_for(lambda: '" 408 ' in s.read('logs/access.log'), '408 in the access log')
    assert not up.requests


def test_client_that_leaves_within_the_body(site):
    site.connect().send(request('POST', '/', {'Content-Length': 10}) + b'half').close()
    site.wait_log(r'\[info\] .* client prematurely closed connection, client: ')
    site.connect().send(request('POST', '/', {'Content-Length': 100_000}) + b'x' * 50_000).reset()
    wait_for(lambda: not os.listdir(site.prefix / 'temp/client_body'), 'removal of the body file')
    assert not site.up.requests


def test_no_length_is_411_where_it_must_be(site):
    c = site.connect().send('POST /x HTTP/1.1\r\nHost: a\r\n\r\n')
    assert c.response().status == 200 and site.up.last.headers.get('Content-Length') in (None, '0')


EARLY = '''
    client_max_body_size 1k; client_body_early_read $http_x_early $arg_early;
    server {
        listen 127.0.0.1:%%main%%;
        set $seen "<$request_body>";
        location / { return 200 $seen; }
        location /large { client_max_body_size 1m; proxy_pass http://127.0.0.1:%%up%%; }
        location /passed { proxy_pass http://127.0.0.1:%%up%%; }
    }
    server { listen 127.0.0.1:%%off%%; client_body_early_read off; set $seen "<$request_body>"; return 200 $seen; }
    server { listen 127.0.0.1:%%always%%; client_body_early_read on; set $seen "<$request_body>"; return 200 $seen; }
'''


@pytest.fixture
def early(server, upstream):
    up = upstream(lambda request: reply(request.body))
    return server(EARLY, ports={'up': up.port})


@pytest.mark.sluice_only('the oracle is older than client_body_early_read')
class TestEarlyRead:
    @pytest.mark.parametrize('port, target, headers, seen', [
        ('main', '/', [], '<>'), ('main', '/', [('X-Early', '1')], '<abc>'), ('main', '/', [('X-Early', '0')], '<>'), ('main', '/?early=y', [], '<abc>'),
        ('off', '/?early=y', [('X-Early', '1')], '<>'), ('always', '/', [], '<abc>')])
    def test_rules_of_the_server_see_it(self, early, port, target, headers, seen):
        assert early.request('POST', target, headers, b'abc', port=port).text == seen

    @pytest.mark.parametrize('pieces', [[b'Content-Length: 6\r\n\r\n', b'abc', b'def'],
                                        [b'Transfer-Encoding: chunked\r\n\r\n', chunk(b'abc', end=False), chunk(b'def')]])
    def test_of_a_body_that_comes_later(self, early, pieces):
        with early.connect() as c:
            c.send(b'POST /passed?early=1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n' + pieces[0])
            c.wait_readable()
            r = c.send(pieces[1]).send(pieces[2]).response()
            assert r.text == 'abcdef' and [interim.status for interim in r.interim] == [100]
            assert c.send(request('GET', '/?early=1')).response().text == '<>'

    def test_limits(self, early):
        assert early.request('POST', '/?early=1', body=b'x' * 1025).status == 413
        assert early.request('POST', '/large?early=1', body=b'x' * 1025).text == 'x' * 1025
        with early.connect() as c:
            c.send(b'POST /large?early=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n' + chunk(b'x' * 1025))
            assert c.response().status == 413

    def test_duplicate(self, server):
        for words in ('off; client_body_early_read $arg_a', '$arg_a; client_body_early_read off'):
            with pytest.raises(AssertionError, match='"client_body_early_read" directive is duplicate in'):
                server(f'client_body_early_read {words}; server {{ listen 127.0.0.1:%%main%%; }}')
