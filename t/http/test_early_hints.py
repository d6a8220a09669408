"""early_hints: 103 answers of an upstream on their way to the client (RFC 8297)."""
import pytest

from lib.client import request
from lib.messages import reply

pytestmark = pytest.mark.sluice_only('early_hints came with 1.29')

HINTS = (b'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>; rel=preload\r\nX-Hint: yes\r\n'
         b'Connection: close\r\nServer: origin\r\nX-Accel-Redirect: /other\r\n\r\n')

CONF = r'''
    server {
        listen 127.0.0.1:%%main%%;
        location / { proxy_pass http://127.0.0.1:%%up%%; }
        location /hints/ { proxy_pass http://127.0.0.1:%%up%%; early_hints $arg_h "0" $http_x_hints; }
        location /hidden/ { proxy_pass http://127.0.0.1:%%up%%; early_hints 1; proxy_hide_header X-Hint; }
    }
'''


@pytest.fixture
def hinted(server, upstream):
    return server(CONF, ports={'up': upstream(HINTS + reply('final')).port})


@pytest.mark.parametrize('target, headers', [('/hints/?h=1', {}), ('/hints/', {'X-Hints': 'a'})])
def test_a_true_condition_passes_them(hinted, target, headers):
    with hinted.connect() as c:
        for _ in range(2):
            r = c.get(target, headers)
            assert (r.status, r.text) == (200, 'final')
            [hints] = r.interim
            assert hints.status == 103 and hints.reason == 'Early Hints'
            assert hints.headers.all('Link') == ['</a.css>; rel=preload', '</b.js>; rel=preload']
            assert hints.headers['X-Hint'] == 'yes'
            assert hints.headers.names() == ['Link', 'Link', 'X-Hint']
            assert 'Link' not in r.headers, 'what the hints said is not said of the answer'


@pytest.mark.parametrize('target', ['/', '/hints/', '/hints/?h=0', '/hints/?h='])
def test_without_one_they_stay_behind(hinted, target):
    r = hinted.get(target)
    assert (r.status, r.text, r.interim) == (200, 'final', [])


def test_hidden_fields_are_hidden_there_too(hinted):
    [hints] = hinted.get('/hidden/').interim
    assert 'X-Hint' not in hints.headers and 'Link' in hints.headers


def test_an_old_client_gets_none(hinted):
    with hinted.connect() as c:
        r = c.send(request('GET', '/hints/?h=1', version='HTTP/1.0')).response()
        assert (r.status, r.text, r.interim) == (200, 'final', [])
