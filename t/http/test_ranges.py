"""Range and If-Range: single, suffix, several, unsatisfiable, too many (RFC 9110 section 14)."""
import re

import pytest

DATA = bytes(range(100)) * 10  # 1000 bytes
CONF = '''
    types { text/plain txt; }
    server { listen 127.0.0.1:%%main%%;
        location /none/ { max_ranges 0; alias html/; }
        location /one/ { max_ranges 1; alias html/; }
    }
'''


@pytest.fixture(scope='module')
def site(module_server):
    return module_server(CONF, files={'html/f.txt': DATA, 'html/empty': ''})


@pytest.mark.parametrize('value, first, last', [
    ('bytes=0-0', 0, 0), ('bytes=0-99', 0, 99), ('bytes=10-', 10, 999), ('bytes=-10', 990, 999), ('bytes=-5000', 0, 999),
    ('bytes=999-', 999, 999), ('bytes=0-5000', 0, 999), ('bytes=0-999', 0, 999), ('bytes= 5 - 9 ', 5, 9), ('BYTES=5-9', 5, 9),
    ('bytes=5-9,2000-3000', 5, 9), ('bytes=0-', 0, 999),
])
def test_single(site, value, first, last):
    r = site.get('/f.txt', {'Range': value})
    assert r.status == 206 and r.body == DATA[first:last + 1]
    assert r.headers['Content-Range'] == f'bytes {first}-{last}/1000'
    assert r.headers['Content-Length'] == str(last + 1 - first)
    assert r.headers['Content-Type'] == 'text/plain' and 'Accept-Ranges' not in r.headers


@pytest.mark.parametrize('value', [
    'bytes=1000-', 'bytes=5-3', 'bytes=x', 'bytes=-', 'bytes=1-2x', 'bytes=99999999999999999999-', 'bytes=--5', 'bytes=-0',
    'bytes=2000-3000,4000-5000', 'bytes=5-9,',
])
def test_unsatisfiable(site, value):
    r = site.get('/f.txt', {'Range': value})
    assert r.status == 416 and r.headers['Content-Range'] == 'bytes */1000'


@pytest.mark.parametrize('value', ['items=0-5', '0-5', 'bytes', 'bytes=', 'byte=1-2', ''])
def test_other_units_are_ignored(site, value):
    r = site.get('/f.txt', {'Range': value})
    assert (r.status, r.body) == (200, DATA)


def multipart(r):
    """The parts of a multipart/byteranges body as (type, range, bytes), taken apart strictly."""
    boundary = re.fullmatch(r'multipart/byteranges; boundary=(\d{20})', r.headers['Content-Type'])[1].encode()
    pieces = r.body.split(b'\r\n--' + boundary)
    assert pieces[0] == b'' and pieces[-1] == b'--\r\n'
    parts = []
    for piece in pieces[1:-1]:
        head, _, body = piece.partition(b'\r\n\r\n')
        kind, content_range = re.fullmatch(rb'\r\nContent-Type: (.*)\r\nContent-Range: (.*)', head).groups()
        parts.append((kind.decode(), content_range.decode(), body))
    return parts


@pytest.mark.parametrize('value, ranges', [
    ('bytes=0-9,20-29', [(0, 9), (20, 29)]), ('bytes=20-29, 0-9', [(20, 29), (0, 9)]), ('bytes=0-0,-1', [(0, 0), (999, 999)]),
    ('bytes=0-9,5-14', [(0, 9), (5, 14)]), ('bytes=0-1,2000-2001,3-4', [(0, 1), (3, 4)]),
])
def test_several(site, value, ranges):
    r = site.get('/f.txt', {'Range': value})
    assert r.status == 206 and 'Content-Range' not in r.headers
    assert r.headers['Content-Length'] == str(len(r.body))
    assert multipart(r) == [('text/plain', f'bytes {a}-{b}/1000', DATA[a:b + 1]) for a, b in ranges]


def test_more_bytes_than_the_file_has(site):
    r = site.get('/f.txt', {'Range': 'bytes=0-,0-'})
    assert (r.status, r.body) == (200, DATA)


def test_max_ranges(site):
    r = site.get('/none/f.txt', {'Range': 'bytes=0-1'})
    assert (r.status, r.body) == (200, DATA) and 'Accept-Ranges' not in r.headers
    assert site.get('/one/f.txt', {'Range': 'bytes=0-1'}).status == 206
    assert site.get('/one/f.txt', {'Range': 'bytes=0-1,3-4'}).status == 200


def test_if_range(site):
    whole = site.get('/f.txt')
    for value, status in ((whole.headers['ETag'], 206), ('"other"', 200), (whole.headers['Last-Modified'], 206),
                          ('Mon, 01 Jan 2001 00:00:00 GMT', 200), ('W/' + whole.headers['ETag'], 200)):
        assert site.get('/f.txt', {'Range': 'bytes=0-1', 'If-Range': value}).status == status, value


def test_head(site):
    r = site.request('HEAD', '/f.txt', {'Range': 'bytes=0-9'})
    assert r.status == 206 and r.headers['Content-Length'] == '10'


def test_empty_file(site):
    assert site.get('/empty', {'Range': 'bytes=0-'}).status == 200


def test_return_has_no_ranges(server):
    s = server('server { listen 127.0.0.1:%%main%%; return 200 0123456789; }')
    assert s.get('/', {'Range': 'bytes=0-1'}).status == 200
