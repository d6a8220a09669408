"""allow, deny, satisfy, and the delay of refusals."""
import os
import time

import pytest

from lib import binary
from lib.client import request

CONF = r'''
    server {
        listen 127.0.0.1:%%main%%; listen 127.0.0.2:%%main%%;
        location /all { deny all; alias html/; }
        location /one/ { allow 127.0.0.1; deny all; alias html/; }
        location /net/ { allow 127.0.0.0/31; deny all; alias html/; }
        location /order/ { deny 127.0.0.1; allow all; alias html/; }
        location /first/ { allow 127.0.0.1; deny 127.0.0.1; deny all; alias html/; }
        location /v6/ { allow ::1; deny all; alias html/; }
        location /nomatch/ { deny 10.0.0.0/8; deny 2001:db8::/32; alias html/; }
        location /inherit/ { deny all; location /inherit/open/ { allow all; alias html/; } location /inherit/same/ { alias html/; } }
        location /any/ { satisfy any; allow 127.0.0.1; deny all; alias html/; }
    }
    server { listen unix:%%PREFIX%%/s.sock; location /no/ { deny unix:; alias html/; } location /yes/ { allow unix:; deny all; alias html/; } }
'''


@pytest.fixture(scope='module')
def site(module_server):
    return module_server(CONF, files={'html/f': 'f'})


@pytest.mark.parametrize('target, from_one, from_two', [
    ('/all/f', 403, 403), ('/one/f', 200, 403), ('/net/f', 200, 403), ('/order/f', 403, 200), ('/first/f', 200, 403),
    ('/v6/f', 403, 403), ('/nomatch/f', 200, 200), ('/inherit/open/f', 200, 200), ('/inherit/same/f', 403, 403), ('/any/f', 200, 403),
])
def test_rule(site, target, from_one, from_two):
    for source, status in (('127.0.0.1', from_one), ('127.0.0.2', from_two)):
        assert site.connect(source=source).get(target).status == status


def test_refusal_is_logged(site):
    site.get('/all/f')
    site.wait_log(r'\[error\] \d+#\d+: \*\d+ access forbidden by rule, client: 127.0.0.1, server: , request: "GET /all/f HTTP/1.1", host: "localhost"')


def test_unix(site):
    assert site.get('/no/f', port='s.sock').status == 403
    assert site.get('/yes/f', port='s.sock').status == 200


# nginx has passwords; of ours, a module of the tests refuses in their place.
IS_NGINX = binary.is_nginx(binary.path())
TEST_MODULES = binary.ROOT / os.environ.get('BUILDDIR', 'build') / 'test-modules'
UNAUTHORIZED = 'auth_basic x; auth_basic_user_file none;' if IS_NGINX else 'unauthorized on;'
DELAYS = f"""
    error_page 401 /page;
    server {{
        listen 127.0.0.1:%%main%%; auth_delay 300ms; {UNAUTHORIZED}
        location /at/once {{ auth_delay 0; }}
        location /any {{ satisfy any; deny all; }}
        location /open {{ satisfy any; allow all; return 200 open; }}
        location /first {{ satisfy any; allow all; alias html/; }}
        location /forbidden {{ deny all; }}
        location /returned {{ return 401; }}
        location = /page {{ internal; return 401 page; }}
    }}
"""


@pytest.fixture(scope='module')
def delaying(module_server):
    main = '' if IS_NGINX else f'load_module {TEST_MODULES}/unauthorized.so;'
    return module_server(DELAYS, main=main + 'error_log logs/error.log info;', files={'html/f': 'f'})


@pytest.mark.parametrize('target, status, waits', [
    ('/', 401, True), ('/any', 401, True), ('/at/once', 401, False), ('/open', 200, False), ('/first/f', 200, False), ('/forbidden', 403, False),
    ('/returned', 401, False),
])
def test_auth_delay(delaying, target, status, waits):
    with delaying.connect() as c:
        for _ in range(2):
            start = time.monotonic()
            r = c.get(target)
            took = time.monotonic() - start
            assert r.status == status and (took >= 0.29 if waits else took < 0.25)
            assert r.text == 'page' or status != 401
    if waits:
        delaying.wait_log(r'\[info\] .* delaying unauthorized request, client: 127.0.0.1')


def test_client_that_goes_while_its_refusal_is_delayed(delaying):
    delaying.connect().send(request('GET', '/')).close()
    assert delaying.get('/').status == 401
