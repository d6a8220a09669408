"""allow, deny, satisfy."""
import pytest

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
