"""error_page in all its forms, and what the client then sees."""
import re

import pytest

from lib.messages import reply

CONF = r'''
    server {
        listen 127.0.0.1:%%main%%;
        location = /page.html { internal; add_header X-From "$request_uri $uri $request_method" always; }
        location /plain { error_page 404 /page.html; return 404; }
        location /missing { error_page 404 /page.html; root %%PREFIX%%/none; }
        location /code { error_page 404 =200 /page.html; return 404; }
        location /code403 { error_page 404 =403 /page.html; return 404; }
        location /code1000 { error_page 404 =1000 /page.html; return 404; }
        location /taken { error_page 404 = /made; return 404; }
        location = /made { return 202 made; }
        location /named { error_page 404 500 @fallback; return 500; }
        location /namedcode { error_page 404 =204 @fallback; return 404; }
        location /namedequal { error_page 404 = @fallback; return 404; }
        location @fallback { return 201 "fallback $uri $status"; }
        location /abs { error_page 404 http://other.example/x; return 404; }
        location /abs301 { error_page 404 =301 http://other.example/x; return 404; }
        location /abs307 { error_page 404 =307 http://other.example/x?$args; return 404; }
        location /var { error_page 404 /$arg_page.html; return 404; }
        location /args { error_page 404 /echo?from=$arg_x; return 404; }
        location /noargs { error_page 404 /echo; return 404; }
        location /echo { return 200 "args=$args uri=$uri"; }
        location /status { error_page 404 /echo?s=$status; return 404; }
        location /statuscode { error_page 404 =201 /echo?s=$status; return 404; }
        location /statusurl { error_page 404 http://other.example/$status; return 404; }
        location /once { recursive_error_pages on; error_page 404 /second; return 404; }
        location /second { error_page 404 /third; return 404; }
        location /third { return 200 "third $status"; }
        location /several { error_page 401 403 404 /page.html; return 403; }
        location /broken { error_page 404 /alsomissing; root %%PREFIX%%/none; }
        location /alsomissing { error_page 404 /page.html; root %%PREFIX%%/none; }
        location /recursive { recursive_error_pages on; error_page 404 /alsomissing2; root %%PREFIX%%/none; }
        location /alsomissing2 { recursive_error_pages on; error_page 404 /page.html; root %%PREFIX%%/none; }
        location /loop { recursive_error_pages on; error_page 404 /loop; root %%PREFIX%%/none; }
        location /inherit/ { error_page 500 /other; return 404; }
        location /internal/ { internal; return 200 secret; }
        error_page 404 = /servermade;
        location = /servermade { return 200 servermade; }
        location /nothing { root %%PREFIX%%/none; }
        location /method { error_page 405 /page.html; return 405; }
        location /length { error_page 413 /page.html; client_max_body_size 1; proxy_pass http://127.0.0.1:1; }
    }
'''


@pytest.fixture(scope='module')
def site(module_server):
    return module_server(CONF, files={'html/page.html': 'the page'})


@pytest.mark.parametrize('target, status, body', [
    ('/plain', 404, 'the page'), ('/missing', 404, 'the page'), ('/code', 200, 'the page'), ('/code403', 403, 'the page'),
    ('/taken', 202, 'made'), ('/named', 500, 'fallback /named 500'), ('/namedequal', 201, 'fallback /namedequal 201'),
    ('/var?page=page', 404, 'the page'), ('/args?x=1', 404, 'args=from=1 uri=/echo'), ('/noargs?x=1', 404, 'args= uri=/echo'),
    ('/status', 404, 'args=s=404 uri=/echo'), ('/statuscode', 201, 'args=s=201 uri=/echo'), ('/once', 404, 'third 404'),
    ('/several', 403, 'the page'), ('/recursive', 404, 'the page'), ('/nothing', 200, 'servermade'), ('/method', 405, 'the page'),
])
def test_page(site, target, status, body):
    r = site.get(target)
    assert (r.status, r.text) == (status, body)


@pytest.mark.sluice_only('nginx answers with status 1000, which clients refuse')
def test_a_status_that_http_does_not_have(site):
    assert (site.get('/code1000').status, site.get('/code1000').text) == (404, 'the page')
    assert re.search(r'\[warn\] .*"=1000" is ignored: HTTP has no such status in ', site.log() + site.read('logs/output'))


def test_named_with_code(site):
    r = site.get('/namedcode')
    assert (r.status, r.body) == (204, b'')


@pytest.mark.parametrize('target, status, location', [
    ('/statusurl', 302, 'http://other.example/404'),
    ('/abs', 302, 'http://other.example/x'), ('/abs301', 301, 'http://other.example/x'), ('/abs307?a=b', 307, 'http://other.example/x?a=b'),
])
def test_redirect(site, target, status, location):
    r = site.get(target)
    assert (r.status, r.location) == (status, location)


def test_page_keeps_the_request_line_and_becomes_get(site):
    assert site.get('/plain?q').headers['X-From'] == '/plain?q /page.html GET'
    assert site.request('POST', '/plain').headers['X-From'] == '/plain /page.html GET'
    assert site.request('HEAD', '/plain').headers['X-From'] == '/plain /page.html HEAD'


def test_not_recursive(site):
    r = site.get('/broken')
    assert r.status == 404 and '<center><h1>404 Not Found</h1></center>' in r.text


def test_loop_ends(site):
    assert site.get('/loop').status == 500
    site.wait_log('rewrite or internal redirection cycle')


def test_inner_level_replaces_outer(site):
    assert 'servermade' not in site.get('/inherit/').text


def test_internal_is_404(site):
    assert site.get('/internal/x').text == 'servermade'


WITH_BODY = r'''
    server {
        listen 127.0.0.1:%%main%%;
        location /chosen { error_page 418 = @up; return 418; }
        location /twice { recursive_error_pages on; error_page 418 = @between; return 418; }
        location @between { recursive_error_pages on; error_page 419 = @up; return 419; }
        location /missing { error_page 404 = @up; root %%PREFIX%%/none; }
        location /denied { limit_except GET { deny all; } error_page 403 =200 @up; }
        location /dispatched { error_page 418 = @up; if ($request_method = POST) { return 418; } }
        location /unbuffered { error_page 418 = @streamed; return 418; }
        location /page { error_page 418 =200 /up; return 418; }
        location /up { proxy_pass http://127.0.0.1:%%up%%; }
        location @up { proxy_pass http://127.0.0.1:%%up%%; }
        location @streamed { proxy_request_buffering off; proxy_pass http://127.0.0.1:%%up%%; }
        location /large { client_max_body_size 2; error_page 413 =200 @up; proxy_pass http://127.0.0.1:%%up%%; }
        location /nobody { return 418; }
    }
'''


@pytest.fixture
def with_body(server, upstream):
    return server(WITH_BODY, ports={'up': upstream(lambda r: reply(f'{r.method} {r.body.decode()}')).port})


@pytest.mark.parametrize('target', ['chosen', 'twice', 'missing', 'denied', 'dispatched', 'unbuffered', 'page'])
def test_the_body_goes_where_an_error_page_leads(with_body, target):
    method = 'GET' if target == 'page' else 'POST'
    with with_body.connect() as c:
        for body in ['first', 'x' * 100_000]:
            answer = c.request('POST', f'/{target}', body=body)
            assert (answer.status, answer.text) == (200, f'{method} {body}')
        c.send(f'POST /{target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n')
        assert c.response('POST').text == f'{method} abc'


@pytest.mark.parametrize('body', ['Content-Length: 4\r\n\r\nmore', 'Transfer-Encoding: chunked\r\n\r\n4\r\nmore\r\n0\r\n\r\n'], ids=['length', 'chunked'])
def test_a_body_that_was_refused_goes_nowhere(with_body, body):
    with with_body.connect() as c:
        c.send(f'POST /large HTTP/1.1\r\nHost: a\r\n{body}')
        assert c.response('POST').text == 'POST '


def test_a_body_that_nobody_takes_is_no_request(with_body):
    with with_body.connect() as c:
        assert c.request('POST', '/nobody', body='x' * 20_000).status == 418
        assert c.request('POST', '/up', body='next').text == 'POST next'


def test_too_large_body(site):
    r = site.request('POST', '/length', body=b'12345')
    assert (r.status, r.text) == (413, 'the page')


@pytest.mark.parametrize('status, reason', [
    (400, 'Bad Request'), (401, 'Authorization Required'), (402, 'Payment Required'), (403, 'Forbidden'), (404, 'Not Found'),
    (405, 'Not Allowed'), (406, 'Not Acceptable'), (409, 'Conflict'), (410, 'Gone'),
    (411, 'Length Required'), (412, 'Precondition Failed'), (413, 'Request Entity Too Large'), (414, 'Request-URI Too Large'),
    (415, 'Unsupported Media Type'), (416, 'Requested Range Not Satisfiable'), (421, 'Misdirected Request'),
    (429, 'Too Many Requests'), (500, 'Internal Server Error'), (501, 'Not Implemented'), (502, 'Bad Gateway'),
    (503, 'Service Temporarily Unavailable'), (504, 'Gateway Time-out'), (505, 'HTTP Version Not Supported'), (507, 'Insufficient Storage'),
])
def test_special_response(server, status, reason):
    s = server(f'server {{ listen 127.0.0.1:%%main%%; server_tokens off; return {status}; }}')
    r = s.get('/')
    name = r.headers['Server']
    assert r.status == status and r.headers['Content-Type'] == 'text/html'
    assert r.text == (f'<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n'
                      f'<hr><center>{name}</center>\r\n</body>\r\n</html>\r\n')


@pytest.mark.parametrize('status', [408, 444, 499])
def test_closes_without_a_word(server, status):
    s = server(f'server {{ listen 127.0.0.1:%%main%%; return {status}; }}')
    c = s.connect().send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    assert c.is_closed()
    assert f'" {status} 0 ' in s.access()[0]


@pytest.mark.parametrize('tokens, pattern', [('on', r'\w+/[\d.]+'), ('off', r'\w+'), ('build', r'\w+/[\d.]+')])
def test_server_tokens(server, tokens, pattern):
    s = server(f'server {{ listen 127.0.0.1:%%main%%; server_tokens {tokens}; return 404; }}')
    r = s.get('/')
    assert re.fullmatch(pattern, r.headers['Server'])
    assert f'<hr><center>{r.headers["Server"]}</center>' in r.text


def test_msie_refresh(server):
    s = server(r'''server { listen 127.0.0.1:%%main%%; msie_refresh on; location /dir/ { proxy_pass http://127.0.0.1:1; }
        location /a { return 301 'http://x.example/"<a b>?c=d&e'; } location /b { return 307 /x; } }''')
    msie = {'User-Agent': 'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)'}
    r = s.get('/a', msie)
    assert r.status == 200 and 'Location' not in r.headers and r.headers['Content-Type'] == 'text/html'
    assert r.text == ('<html><head><meta http-equiv="Refresh" content="0; URL=http://x.example/%22%3Ca%20b%3E?c=d&e"></head>'
                      '<body></body></html>\r\n')
    assert 'URL=/dir/"' in s.get('/dir', msie).text
    assert s.get('/b', msie).status == 307 and s.get('/a').status == 301


def test_msie_padding(server):
    s = server('server { listen 127.0.0.1:%%main%%; return 404; }')
    padded = s.get('/', {'User-Agent': 'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)'})
    assert padded.text.count('<!-- a padding to disable MSIE and Chrome friendly error page -->') == 6
    assert len(padded.body) > 512
