"""add_header, add_trailer, expires: on which answers, with which values, inherited how."""
import email.utils
import time

import pytest

STATUSES = [200, 201, 202, 204, 205, 206, 301, 302, 303, 304, 307, 308, 400, 403, 404, 500, 503]
SHOWN = [200, 201, 204, 206, 301, 302, 303, 304, 307, 308]
CONF = r'''
    types { text/html html; image/png png; }
    add_header X-Http main;
    server {
        listen 127.0.0.1:%%main%%;
        location /inherit { return 200 x; }
        location /own { add_header X-Own one; add_header X-Own two; return 200 x; }
        location /status/ { add_header X-Own a; add_header X-Always b always; ANSWERS }
        location /var { add_header X-Var "$arg_v-$status"; add_header X-Empty $arg_none; return 200 x; }
        location /cache { add_header Cache-Control private; add_header Last-Modified "Mon, 01 Jan 2001 00:00:00 GMT"; add_header Link a; return 200 x; }
        location /etag { add_header ETag '"own"'; return 200 x; }
        location /html/ { alias html/; expires 1h; add_header Last-Modified ""; }
        location /trailer { add_trailer X-T "t-$status"; add_trailer X-E ""; proxy_pass http://127.0.0.1:%%main%%/chunk; }
        location /lines/own { add_header X-Uri $uri; add_header X-Folded "one;
            two"; return 200 x; }
        location /lines/moved { return 302 http://other$uri; }
        location /lines/rewritten { rewrite ^ http://other$uri? permanent; }
        location /lines/page { error_page 404 http://other$uri; return 404; }
        location /lines/trailer { add_trailer X-Uri $uri; proxy_pass http://127.0.0.1:%%main%%/chunk/$arg_none; }
        location /trailer/html/ { add_trailer X-T "t-$status"; alias html/; }
        location /trailerlen { add_trailer X-T t; return 200 body; }
        location /trailerplain { chunked_transfer_encoding off; add_trailer X-T t; return 200 body; }
        location /chunk { autoindex on; root %%PREFIX%%; }
        location /e/pos { expires 1h; return 200 x; }
        location /e/neg { expires -1; return 200 x; }
        location /e/zero { expires 0; return 200 x; }
        location /e/max { expires max; return 200 x; }
        location /e/epoch { expires epoch; return 200 x; }
        location /e/off { expires off; return 200 x; }
        location /e/daily { expires @15h30m; return 200 x; }
        location /e/mod/ { expires modified +24h; alias html/; }
        location /e/var { expires $arg_e; return 200 x; }
        location /e/status/ { expires 1h; E_ANSWERS }
        location /e/inherit/ { expires 5m; location /e/inherit/in { return 200 x; } location /e/inherit/off { expires off; return 200 x; } }
    }
'''


def each_status(folder):
    return ' '.join(f'location = {folder}/{status} {{ return {status}; }}' for status in STATUSES)


@pytest.fixture(scope='module')
def site(module_server):
    return module_server(CONF.replace('E_ANSWERS', each_status('/e/status')).replace('ANSWERS', each_status('/status')), files={'html/a.html': 'a', 'html/digits.png': '0123456789', 'chunk/x': 'x'})


def test_inheritance(site):
    assert site.get('/inherit').headers['X-Http'] == 'main'
    r = site.get('/own')
    assert 'X-Http' not in r.headers and r.headers.all('X-Own') == ['one', 'two']


@pytest.mark.parametrize('status', STATUSES)
def test_statuses(site, status):
    r = site.get(f'/status/{status}')
    assert (r.status, 'X-Own' in r.headers, r.headers.get('X-Always')) == (status, status in SHOWN, 'b')


def test_values(site):
    r = site.get('/var?v=a')
    assert r.headers['X-Var'] == 'a-200' and 'X-Empty' not in r.headers
    r = site.get('/cache')
    assert r.headers.all('Cache-Control') == ['private'] and r.headers['Last-Modified'] == 'Mon, 01 Jan 2001 00:00:00 GMT'
    assert 'Last-Modified' not in site.get('/html/a.html').headers


def test_trailer(site):
    r = site.get('/trailer/')
    assert r.headers['Transfer-Encoding'] == 'chunked' and list(r.trailers) == [('X-T', 't-200')]


@pytest.mark.sluice_only('nginx writes what a variable has: whoever asks may write the answer')
@pytest.mark.parametrize('target, name, value', [
    ('own', 'X-Uri', '/lines/own'), ('moved', 'Location', 'http://other/lines/moved'), ('rewritten', 'Location', 'http://other/lines/rewritten'),
    ('page', 'Location', 'http://other/lines/page')])
def test_values_are_one_line(site, target, name, value):
    """RFC 9110 §5.5: a space for each CR, LF and NUL."""
    r = site.get(f'/lines/{target}%0d%0aSet-Cookie:%20a=b%0a')
    assert r.headers[name].rstrip() == f'{value}  Set-Cookie: a=b' and 'Set-Cookie' not in r.headers
    assert 'X-Folded' not in r.headers or r.headers['X-Folded'] == 'one;             two'


@pytest.mark.parametrize('value, body', [('1-2', '12'), ('-1', '9'), ('0-0,-1', None)])
def test_trailers_behind_ranges(site, value, body):
    r = site.get('/trailer/html/digits.png', {'Range': f'bytes={value}'})
    assert (r.status, r.headers['Transfer-Encoding'], list(r.trailers)) == (206, 'chunked', [('X-T', 't-206')])
    assert r.text == body if body else r.body.count(b'Content-Range: bytes') == 2
    assert site.get('/trailer/html/digits.png').headers['Accept-Ranges'] == 'bytes'


def test_trailers_of_a_later_version(site):
    r = site.raw(b'GET /trailerlen HTTP/1.2\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert r.text == 'body' and list(r.trailers) == [('X-T', 't')]


def test_no_trailers_without_chunks(site):
    r = site.get('/trailerplain')
    assert (r.text, r.headers['Content-Length']) == ('body', '4') and not list(r.trailers)


@pytest.mark.sluice_only('nginx writes what a variable has')
def test_trailers_are_one_line(site):
    r = site.get('/lines/trailer%0d%0aSet-Cookie:%20a=b')
    assert list(r.trailers) == [('X-Uri', '/lines/trailer  Set-Cookie: a=b')]


def test_expires(site):
    now = time.time()
    r = site.get('/e/pos')
    assert r.headers['Cache-Control'] == 'max-age=3600'
    assert abs(email.utils.parsedate_to_datetime(r.headers['Expires']).timestamp() - now - 3600) < 3
    assert site.get('/e/neg').headers['Cache-Control'] == 'no-cache'
    assert email.utils.parsedate_to_datetime(site.get('/e/neg').headers['Expires']).timestamp() < now
    assert site.get('/e/zero').headers['Cache-Control'] == 'max-age=0'
    assert (site.get('/e/max').headers['Expires'], site.get('/e/max').headers['Cache-Control']) == ('Thu, 31 Dec 2037 23:55:55 GMT', 'max-age=315360000')
    assert (site.get('/e/epoch').headers['Expires'], site.get('/e/epoch').headers['Cache-Control']) == ('Thu, 01 Jan 1970 00:00:01 GMT', 'no-cache')
    assert 'Expires' not in site.get('/e/off').headers
    daily = int(site.get('/e/daily').headers['Cache-Control'].partition('=')[2])
    assert 0 <= daily <= 86400
    local = time.localtime(now + daily)
    assert (local.tm_hour, local.tm_min) in ((15, 30), (15, 29))


@pytest.mark.parametrize('value, expected', [
    ('10s', 'max-age=10'), ('epoch', 'no-cache'), ('max', 'max-age=315360000'), ('-5', 'no-cache'), ('off', None), ('', None), ('1d', 'max-age=86400'),
    ('nonsense', None),
])
def test_expires_variable(site, value, expected):
    assert site.get(f'/e/var?e={value}').headers.get('Cache-Control') == expected


def test_expires_modified(site):
    r = site.get('/e/mod/a.html')
    modified = email.utils.parsedate_to_datetime(r.headers['Last-Modified']).timestamp()
    assert email.utils.parsedate_to_datetime(r.headers['Expires']).timestamp() == modified + 86400


def test_expires_statuses_and_inheritance(site):
    assert 'Expires' in site.get('/e/status/201').headers
    assert 'Expires' not in site.get('/e/status/404').headers
    assert site.get('/e/inherit/in').headers['Cache-Control'] == 'max-age=300'
    assert 'Expires' not in site.get('/e/inherit/off').headers


def test_general_headers(site):
    r = site.get('/e/off')
    assert r.headers.names() == ['Server', 'Date', 'Content-Type', 'Content-Length', 'Connection', 'X-Http']
    assert abs(email.utils.parsedate_to_datetime(r.headers['Date']).timestamp() - time.time()) < 3
    with site.connect() as c:
        assert c.get('/e/off').headers['Connection'] == 'keep-alive'
