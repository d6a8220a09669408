"""Paths that try to leave the root, in every encoding: each stays inside, whatever the server makes of it."""
import itertools
import os

import pytest

SECRET = b'top secret'
CONF = '''
    server {
        listen 127.0.0.1:%%main%%; root %%PREFIX%%/html/site;
        location /alias/ { alias %%PREFIX%%/html/site/sub/; }
        location /aliasbare { alias %%PREFIX%%/html/site/sub/; }
        location ~ ^/re/(.*)$ { alias %%PREFIX%%/html/site/sub/$1; }
        location /try/ { try_files $uri /sub/f; }
        location /index/ { index ../../secret f; }
    }
    server { listen 127.0.0.1:%%nomerge%%; root %%PREFIX%%/html/site; merge_slashes off; }
'''
DOTS = ['..', '%2e%2e', '.%2e', '%2E.', '%2e.', '%252e%252e', '..%00', '..;', '. .', '%c0%ae%c0%ae', '%e0%80%ae%e0%80%ae', '%uff0e%uff0e', '..%20', '...']
SLASHES = ['/', '%2f', '%2F', '\\', '%5c', '//', '/./', '%252f', '%c0%af', ';/']
STARTS = ['/', '/sub/', '/alias/', '/aliasbare', '/re/', '/try/', '/sub/%2e/']
TARGETS = [start + (dots + slash) * depth + 'secret'
           for start, dots, slash, depth in itertools.product(STARTS, DOTS, SLASHES, (1, 2, 3))]


@pytest.fixture(scope='module')
def site(module_server):
    s = module_server(CONF, files={'html/secret': SECRET, 'html/site/sub/f': 'inside', 'html/site/f': 'inside', 'secret': SECRET})
    os.makedirs(s.prefix / 'html/site/try', exist_ok=True)
    return s


@pytest.mark.parametrize('port', ['main', 'nomerge'])
@pytest.mark.parametrize('start', STARTS)
def test_stays_inside(site, start, port):
    c = site.connect(port)
    for target in (target for target in TARGETS if target.startswith(start)):
        if c.reader.ended:
            c = site.connect(port)
        c.send(f'GET {target} HTTP/1.1\r\nHost: a\r\n\r\n'.encode('latin-1'))
        r = c.response()
        assert SECRET not in r.body and r.status in (200, 301, 400, 403, 404, 405), (target, r)
        if r.headers.get('Connection') == 'close':
            assert c.is_closed()
            c.close()


@pytest.mark.parametrize('target, status', [
    ('/../secret', 400), ('/%2e%2e/secret', 400), ('/sub/../../secret', 400), ('/sub/..%2f..%2fsecret', 400), ('/sub/..', 403), ('/sub/../f', 200),
    ('/sub/%2e%2e/f', 200), ('/sub/.../f', 404), ('/sub/..f', 404), ('/sub//../f', 200), ('/sub/./f', 200), ('/.%2e/secret', 400),
    ('/sub/%2e%2e%2ff', 200), ('/sub%2ff', 200), ('/sub/..;/f', 404), ('/%2f..%2fsecret', 400),
])
def test_answer(site, target, status):
    assert site.get(target).status == status


def test_off_by_slash_alias_is_as_in_nginx(site):
    """`location /x { alias /dir/; }` is the administrator's mistake; it opens what lies below dir's parent, no more."""
    assert site.get('/aliasbare../f').status == 200
    assert SECRET not in site.get('/aliasbare../../secret').body


def test_absolute_and_query_forms(site):
    for data in (b'GET http://a/../secret HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
                 b'GET http://a/%2e%2e/secret HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'):
        assert site.raw(data).status == 400
    assert site.get('/f?../../secret').body == b'inside'
    assert site.get('/f#/../../secret').body in (b'inside',)
