"""Fixtures of the tests that hold the server to the letter of HTTP/2: `strict`, a server for a whole module, and `peer`, a connection to it."""
import pytest

from .h2 import Peer
from .messages import reply

CONF = r'''
    server {
        listen 127.0.0.1:%%main%% http2;
        location / { add_header X-Long "$arg_long"; return 200 "$request_uri"; }
        location /file { root html; }
        location /up/ { proxy_pass http://127.0.0.1:%%up%%; proxy_http_version 1.1; }
    }
'''


@pytest.fixture(scope='module')
def strict(module_server):
    return module_server(CONF, files={'html/file': 'x' * 100_000}, ports={'up': 1})


@pytest.fixture
def peer(strict):
    """Behind the server's SETTINGS."""
    with Peer(('127.0.0.1', strict.port())) as made:
        made.until(lambda: made.settings is not None, 'SETTINGS')
        yield made


def begun(peer):
    """A stream whose body goes on."""
    return peer.ask('/up/x', 'POST', end=False)


def waiting(peer):
    """A stream whose request is complete, and whose answer is not."""
    peer.opens_windows = False
    stream = peer.ask('/file')
    peer.until(lambda: peer.stream(stream).body, 'some of the body')
    return stream


def held(gate):
    """A script of an upstream of HTTP/1 that answers when the gate opens."""
    def script(up, upstream):
        upstream.requests.append(up.request())
        gate.pass_()
        up.send(reply('done'))
    return script
