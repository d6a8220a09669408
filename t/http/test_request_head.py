"""Heads of requests: versions, forms, limits of size, unusual field names."""
import re
import time

import pytest

from lib.client import request

CONF = '''
    client_header_buffer_size 256; large_client_header_buffers 4 1k;
    server { listen 127.0.0.1:%%main%%; location / { return 200 "$uri|$args|$http_x_a|$http_x_under_score"; } location /f { root html; } }
    server { listen 127.0.0.1:%%under%%; underscores_in_headers on; return 200 "$http_x_under_score"; }
    server { listen 127.0.0.1:%%invalid%%; ignore_invalid_headers off; return 200 "$http_x_a"; }
    server { listen 127.0.0.1:%%slashes%%; merge_slashes off; location / { return 200 $uri; } location //x { return 200 double; } }
'''


@pytest.fixture(scope='module')
def site(module_server):
    return module_server(CONF, files={'html/f': 'file'})


def test_http_1_0(site):
    r = site.raw(b'GET /x HTTP/1.0\r\n\r\n')
    assert (r.status, r.version, r.headers['Connection']) == (200, 'HTTP/1.1', 'close')


@pytest.mark.parametrize('line', [b'GET /f\r\n', b'GET /f\n', b'GET /f \r\n'])
def test_http_0_9(site, line):
    assert site.connect().send(line).rest() == b'file'


@pytest.mark.parametrize('target, answer', [
    ('http://localhost/x?y', '/x|y||'), ('http://localhost', '/|||'), ('HTTP://localhost/x', '/x|||'), ('https://other:443/y', '/y|||'),
    ('/?', '/|||'), ('/x?', '/x|||'), ('/x?a?b', '/x|a?b||'), ('/a//b', '/a/b|||'), ('/x#frag', '/x|||'), ('/x?y#frag', '/x|y||'),
    ('/a%2Fb', '/a/b|||'), ('/%41', '/A|||'), ('/a+b', '/a+b|||'), ('/a;p=1', '/a;p=1|||'), ('/x?%41', '/x|%41||'), ('/a/./b/../c', '/a/c|||'),
    ('/%3f', '/?|||'), ('http://localhost?q', '/|q||'),
])
def test_target(site, target, answer):
    assert site.get(target).text == answer


def test_merge_slashes_off(site):
    assert site.get('//x', port='slashes').text == 'double'
    assert site.get('/a///b', port='slashes').text == '/a///b'


def test_field_names(site):
    assert site.get('/', {'X_Under_Score': 'u'}).text == '/|||'
    assert site.get('/', {'X_Under_Score': 'u'}, port='under').text == 'u'
    assert site.get('/', {'X@B': 'c', 'X-A': 'a'}).text == '/||a|'
    assert site.raw(b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-a:   spaces   \r\n\r\n').text == '/||spaces|'
    site.wait_log(r'\[info\] .* client sent invalid header line: "X@B: c" while reading client request headers')


@pytest.mark.sluice_only('it writes them as they came')
@pytest.mark.parametrize('line, logged', [
    (b'X: a\0b', r'client sent invalid header line: "X: a\\x00\.\.\."'), (b'no\x1bcolon\x7f', r'client sent invalid header line: "no\\x1b\.\.\."'),
    (b'X\r: a', r'client sent invalid header line: "X\\x0d\.\.\."'), (b'X-a: \x01\x1f', None), (b'X\ty: a', None),
])
def test_no_control_byte_of_a_client_gets_into_the_error_log(site, line, logged):
    answer = site.raw(b'GET /marked HTTP/1.1\r\nHost: a\r\nConnection: close\r\n' + line + b'\r\n\r\n')
    assert answer.status in (200, 400)
    if logged:
        site.wait_log(logged)
    log = (site.prefix / 'logs/error.log').read_bytes()
    assert not re.search(rb'[\x00-\x09\x0b-\x1f\x7f]', log)
    assert all(re.match(rb'\d{4}/\d\d/\d\d ', entry) for entry in log.splitlines())


@pytest.mark.parametrize('ends, status, why', [
    ('by the client', 400, 'client prematurely closed connection'), ('by the server', 408, 'client timed out (110: Connection timed out)')])
def test_the_logs_show_what_came_of_a_request_line(server, ends, status, why):
    s = server('client_header_timeout 300ms;' + CONF)
    c = s.connect().send('GET /slow HT')
    if ends == 'by the client':
        c.finish_sending()
    assert c.is_closed()
    assert s.access()[0].split('] ')[1].startswith(f'"GET /slow HT" {status} 0 ')
    s.wait_log(rf'\[info\] .* {re.escape(why)} while reading client request line, client: 127.0.0.1, .*request: "GET /slow HT"')


def test_the_log_shows_a_host_that_is_not_valid(server):
    s = server(CONF)
    assert s.raw(b'GET / HTTP/1.1\r\nHost: a b\r\n\r\n').status == 400
    s.wait_log(r'\[info\] .* client sent invalid host header while reading client request headers, .*request: "GET / HTTP/1.1", host: "a b"')


@pytest.mark.sluice_only('it keeps tabs around a value, which RFC 9110 section 5.5 calls no part of it')
def test_tabs_around_a_value(site):
    assert site.raw(b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-a:\t tabs \t\r\n\r\n').text == '/||tabs|'


def test_invalid_names_are_taken_on_demand(site):
    assert site.get('/', {'X@B': 'c'}, port='invalid').status == 200
    assert site.get('/', {'X-A': 'c'}, port='invalid').text == 'c'


def test_line_limits(site):
    assert site.get('/' + 'x' * 900).status == 200
    r = site.get('/' + 'x' * 1100)
    assert r.status == 414 and r.headers['Connection'] == 'close'
    assert site.get('/', {'X-A': 'a' * 900}).text == f'/||{"a" * 900}|'
    r = site.get('/', {'X-A': 'a' * 1100})
    assert r.status == 400 and '<center><h1>400 Bad Request</h1></center>\r\n<center>Request Header Or Cookie Too Large</center>' in r.text
    site.wait_log(r'\[info\] .* client sent too long header line: "X-A: a+\.\.\."')
    site.wait_log(r'\[info\] .* client sent too long URI while reading client request line')


def test_number_of_large_buffers(site):
    fields = [(f'X-{n}', str(n) * 700) for n in range(5)]
    assert site.get('/', fields[:3]).status == 200
    assert site.get('/', fields).status == 400


def test_large_heads_on_a_kept_connection(site):
    with site.connect() as c:
        for n in (10, 900, 10, 900, 900):
            assert c.get('/', {'X-A': 'a' * n}).text == f'/||{"a" * n}|'


def test_many_small_fields(site):
    assert site.get('/', [(f'X-{n}', 'v') for n in range(100)] + [('X-A', 'last')]).text == '/||last|'


def test_max_headers(server):
    s = server('max_headers 10; server { listen 127.0.0.1:%%main%%; return 200 ok; }')
    assert s.get('/', [(f'X-{n}', 'v') for n in range(5)]).status == 200
    assert s.get('/', [(f'X-{n}', 'v') for n in range(20)]).status == 400


def test_split_at_every_byte(site):
    data = request('GET', '/a%20b?c=d', {'X-A': 'value', 'Connection': 'close'})
    for cut in range(1, len(data)):
        c = site.connect().send(data[:cut])
        c.send(data[cut:])
        assert c.response().text == '/a b|c=d|value|'
        c.close()


def test_limit_rate(server):
    s = server('server { listen 127.0.0.1:%%main%%; limit_rate 100k; location /after { alias html/f; limit_rate_after 90k; } }', files={'html/f': b'x' * 100_000})
    start = time.monotonic()
    assert len(s.get('/f').body) == 100_000
    assert 0.5 <= time.monotonic() - start <= 3
    start = time.monotonic()
    assert len(s.get('/after').body) == 100_000
    assert time.monotonic() - start <= 0.9


@pytest.mark.parametrize('line, shown', [(b'no name: x', r'no\x20...'), (b': x', r'\x3a...'), (b'a\x01b: c', r'a\x01...')])
def test_the_log_shows_where_a_header_line_goes_wrong(site, line, shown):
    assert site.raw(b'GET / HTTP/1.1\r\nHost: a\r\n' + line + b'\r\n\r\n').status == 400
    site.wait_log(re.escape(f'client sent invalid header line: "{shown}" while reading client request headers, client: 127.0.0.1'))


def test_the_log_says_when_a_method_was_refused(site):
    assert site.request('TRACE', '/').status == 405
    site.wait_log(r'\[info\] .* client sent TRACE method while reading client request headers, client: 127.0.0.1')


def test_the_log_says_who_left_a_kept_connection(site):
    with site.connect() as c:
        c.get('/')
    site.wait_log(r'client 127\.0\.0\.1 closed keepalive connection\n')


def test_a_long_message_keeps_its_reason(server):
    """A line of the error log has 2048 bytes: what is too long is cut in front of the reason."""
    s = server('server { listen 127.0.0.1:%%main%%; }')
    assert s.get('/' + 'l' * 3000).status == 404
    s.wait_log(r'\[error\] .*open\(\) "[^"]*/html/l+\.\.\. \(36: File name too long\), client: 1.*\n')
