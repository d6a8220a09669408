"""Which fields of an upstream's answer the client gets, in which order, and what variables and logs say of them."""
import re

import pytest

from lib import h2
from lib.messages import reply

CONF = r'''
    log_format sent '$sent_http_location|$sent_http_etag|$sent_http_set_cookie|$sent_http_content_type';
    access_log logs/sent.log sent;
    server {
        listen 127.0.0.1:%%main%%; listen 127.0.0.1:%%h2%% http2; root html;
        location / { proxy_pass http://127.0.0.1:%%up%%; proxy_redirect http://inner.example/ http://outer.example/; proxy_redirect http://path.example/ /in/; }
        location /bare/ { proxy_hide_header Set-Cookie; proxy_hide_header location; proxy_hide_header Refresh; proxy_hide_header ETag; proxy_hide_header Last-Modified;
                          proxy_hide_header content-type; proxy_hide_header Accept-Ranges; proxy_cookie_path / /x; proxy_redirect ~^(.*)$ /r$1; proxy_pass http://127.0.0.1:%%up%%; }
        location /relative/ { absolute_redirect off; proxy_pass http://127.0.0.1:%%up%%; proxy_redirect http://path.example/ /in/; }
        location /own/ { absolute_redirect off; return 302 /x; }
        location /tried/ { proxy_pass http://127.0.0.1:%%up%%; proxy_intercept_errors on; error_page 401 /page; error_page 404 = @other; }
        location /page { default_type text/plain; }
        location @other { proxy_set_header X-Before $upstream_status; proxy_set_header X-First $upstream_addr; proxy_pass http://127.0.0.1:%%up%%; }
        location /first { proxy_set_header X-Before "<$upstream_status$upstream_addr>"; proxy_pass http://127.0.0.1:%%up%%; }
    }
'''
ALL = [('Set-Cookie', 'a=b; path=/'), ('Location', '/moved'), ('Refresh', '5; url=/moved'), ('ETag', '"tag"'), ('Last-Modified', 'Mon, 01 Jan 2001 00:00:00 GMT'),
       ('Content-Type', 'text/odd'), ('Accept-Ranges', 'bytes'), ('X-Last', 'z')]


@pytest.fixture
def answered(server, upstream):
    """answered(status, fields): the server, before an upstream that answers so."""
    def start(fields=(), status='200 OK'):
        up = upstream(lambda r: reply(b'' if status[:3] in ('204', '304') else b'body', status, fields, length=status[:3] not in ('204', '304')))
        s = server(CONF, ports={'up': up.port}, files={'html/page': 'page'})
        s.up = up
        return s
    return start


def names(response):
    return [name for name in response.headers.names() if name not in ('Server', 'Date', 'Content-Length', 'Connection')]


@pytest.mark.parametrize('status', ['200 OK', '302 Found'])
def test_what_is_hidden_stays_behind(answered, status):
    """Whatever else is said of the field: proxy_cookie_path, proxy_redirect, or that the server itself writes one of that name."""
    s = answered(ALL, status)
    assert names(s.get('/bare/')) == ['X-Last']
    assert s.access(1, 'logs/sent.log') == ['-|-|-|-']
    with h2.Peer(('127.0.0.1', s.port('h2'))) as peer:
        assert {name for name, _ in peer.get('/bare/').fields} == {':status', 'server', 'date', 'content-length', 'x-last'}


def test_an_entity_tag_keeps_its_place(answered):
    s = answered([('X-A', 'a'), ('ETag', '"tag"'), ('X-B', 'b')])
    assert names(s.get('/')) == ['X-A', 'ETag', 'X-B']
    assert s.access(1, 'logs/sent.log') == ['-|\\x22tag\\x22|-|-']
    with h2.Peer(('127.0.0.1', s.port('h2'))) as peer:
        assert [name for name, _ in peer.get('/').fields][-3:] == ['x-a', 'etag', 'x-b']


def test_an_entity_tag_stands_behind_what_is_kept_of_another_answer(answered):
    s = answered([('WWW-Authenticate', 'Basic realm="x"'), ('ETag', '"tag"')], '401 Unauthorized')
    r = s.get('/tried/')
    assert (r.status, r.text) == (401, 'page') and names(r)[-2:] == ['WWW-Authenticate', 'ETag'] and r.headers['ETag'] != '"tag"'
    s = answered([('X-Accel-Redirect', '/page'), ('Set-Cookie', 'a=b'), ('ETag', '"tag"')])
    r = s.get('/')
    assert r.text == 'page' and names(r)[-3:] == ['Set-Cookie', 'ETag', 'Accept-Ranges'] and r.headers['ETag'] != '"tag"'


@pytest.mark.parametrize('location, sent, order', [
    ('/path', '/path', ['X-A', 'Location', 'X-B']), ('http://other.example/', 'http://other.example/', ['X-A', 'Location', 'X-B']),
    ('http://inner.example/a', 'http://outer.example/a', ['X-A', 'Location', 'X-B']), ('http://path.example/a', 'http://localhost:%%main%%/in/a', ['Location', 'X-A', 'X-B']),
])
def test_a_location_is_known_and_keeps_its_place(answered, location, sent, order):
    """One that is made absolute here has a place of its own."""
    s = answered([('X-A', 'a'), ('Location', location), ('X-B', 'b')], '302 Found')
    sent = sent.replace('%%main%%', str(s.port()))
    r = s.get('/')
    assert r.location == sent and names(r) == order
    assert s.access(1, 'logs/sent.log') == [f'{sent}|-|-|-']


def test_a_relative_location_stands_behind_connection(answered):
    s = answered([('X-A', 'a'), ('Location', 'http://path.example/a'), ('X-B', 'b')], '302 Found')
    r = s.get('/relative/')
    assert r.location == '/in/a' and r.headers.names()[-4:] == ['Connection', 'X-A', 'Location', 'X-B']
    assert s.get('/own/').headers.names()[-2:] == ['Connection', 'Location']


@pytest.mark.parametrize('status', ['204 No Content', '304 Not Modified'])
def test_the_type_of_what_is_not_there_goes_on(answered, status):
    s = answered([('Content-Type', 'text/odd'), ('X-A', 'a')], status)
    r = s.get('/')
    assert r.headers['Content-Type'] == 'text/odd' and r.headers['X-A'] == 'a'
    assert 'Content-Length' not in r.headers


def test_a_request_does_not_know_of_its_own_try(answered):
    """$upstream_* in what goes to an upstream are about those that were asked before."""
    s = answered(status='404 Not Found')
    s.get('/tried/x')
    first, second = s.up.requests
    assert 'X-Before' not in first.headers
    assert second.headers['X-Before'] == '404' and second.headers['X-First'] == f'127.0.0.1:{s.port("up")}'
    s.get('/first')
    assert s.up.last.headers['X-Before'] == '<>'


def test_the_log_shows_where_a_line_goes_wrong(answered):
    s = answered([('Bad Name', 'x')])
    assert s.get('/').status == 502
    s.wait_log(re.escape(r'upstream sent invalid header: "Bad\x20..." while reading response header from upstream, client: 127.0.0.1'))
