"""`error_log ... debug` and `debug_connection`: what a build with --with-debug says, and for whom."""
import re

import pytest

from lib import binary
from lib.client import Connection, request
from lib.messages import reply
from lib.ports import free_port
from lib.wait import wait_for

HAS_DEBUG = '--with-debug' in binary.version_text(binary.path())
with_debug = pytest.mark.skipif(not HAS_DEBUG, reason='this build was configured without --with-debug')


def ask_from(s, source, target, port=None):
    """A request from this address; the connection is closed when it was answered."""
    with Connection(port or ('127.0.0.1', s.port()), source=source) as connection:
        assert connection.send(request('GET', target, {'X-Seen': 'here', 'Connection': 'close'})).response().status == 404
        connection.rest()


def lines_about(s, target):
    """Lines at level debug, or below the level of the log, of connections that asked for the target."""
    numbers = set(re.findall(rf'\[error\] \S+ (\*\d+) .*"GET {target} ', s.log()))
    assert numbers, s.log()
    return [line for line in s.log().splitlines() if '[debug]' in line and numbers & set(re.findall(r'\*\d+', line))]


@pytest.mark.skipif(HAS_DEBUG, reason='this build was configured with --with-debug')
def test_debug_connection_needs_a_debug_build(server, conf):
    s = server(conf(events='debug_connection 127.0.0.1;'))
    assert re.search(r'\[warn\] .*"debug_connection" is ignored, you need to rebuild .* using --with-debug option to enable it in '
                     rf'{s.prefix}/conf/nginx.conf:\d+', s.read('logs/output'))


@with_debug
def test_debug_level(server, conf):
    s = server(conf(main='error_log logs/error.log debug;'))
    ask_from(s, None, '/seen')
    assert any(line.endswith('http request line: "GET /seen HTTP/1.1"') for line in lines_about(s, '/seen'))
    assert any(line.endswith('http header: "X-Seen: here"') for line in lines_about(s, '/seen'))


@with_debug
@pytest.mark.parametrize('written, seen, unseen', [
    ('127.0.0.2', '127.0.0.2', '127.0.0.3'),
    ('127.0.4.0/24', '127.0.4.77', '127.0.5.77'),
])
def test_debug_connection(server, conf, written, seen, unseen):
    s = server(conf(main='error_log logs/error.log error;', events=f'debug_connection {written};'))
    ask_from(s, unseen, '/unseen')
    ask_from(s, seen, '/seen')
    assert lines_about(s, '/unseen') == []
    assert any('http request line: "GET /seen HTTP/1.1"' in line for line in lines_about(s, '/seen'))


@with_debug
def test_debug_connection_of_unix_sockets(server, conf):
    s = server(conf(main='error_log logs/error.log error;', events='debug_connection unix:;', server='listen unix:%%PREFIX%%/main.sock;'))
    ask_from(s, None, '/unseen')
    ask_from(s, None, '/seen', str(s.prefix / 'main.sock'))
    assert lines_about(s, '/unseen') == [] and lines_about(s, '/seen')


STEPS = [
    r'accepted connection, fd: \d+', r'received \d+ bytes', r'http request line: "GET /old/x HTTP/1.1"', r'http header: "X-Seen: here"',
    r'server rewrite phase: \d+: decline', r'using location "/old/" of server "a.test"', r'"\^/old/\(\.\*\)" matches "/old/x"', r'set: "x"',
    r'rewrite phase: \d+: (pass|decline)', r'using location "/new/" of server "a.test"', r'access phase: \d+: pass',
    r'upstream try 1: 127\.0\.0\.1:\d+', r'upstream: connecting, fd: \d+', r'upstream: try 1 failed, status: 502, tries left: 1',
    r'upstream try 2: 127\.0\.0\.1:\d+', r'upstream: connecting, fd: \d+', r'upstream: sending \d+ bytes: ', r'upstream: status 404, content length: 4',
    r'upstream: try ended, received: \d+, keeping connection', r'http output: 4 bytes, last', r'sending \d+ bytes: ', r'http finalize request: 0, "/new/x"',
]
FOLLOWED = '''
    upstream back { server 127.0.0.1:%%dead%%; server 127.0.0.1:%%up%%; keepalive 4; }
    server {
        listen 127.0.0.1:%%main%%; server_name a.test; if ($arg_none) { return 400; }
        location /old/ { rewrite ^/old/(.*) /new/$1; set $rest $1; }
        location /new/ { allow 127.0.0.1; deny all; proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }
'''


@pytest.mark.sluice_only('its debug lines have other words')
@with_debug
def test_a_request_from_beginning_to_end(server, upstream):
    up = upstream(reply('none', status='404 Not Found'))
    s = server(FOLLOWED, main='error_log logs/error.log debug;', ports={'up': up.port, 'dead': free_port()})
    s.spare_descriptors(1)
    assert s.get('/old/x', {'X-Seen': 'here'}).text == 'none'
    wait_for(lambda: 'http finalize request: 0' in s.log(), 'the end of the request')
    number = re.search(r'(\*\d+) http request line', s.log())[1]
    lines = [line for line in s.log().splitlines() if f' {number} ' in line]
    at = 0
    for step in STEPS:
        found = next((n for n in range(at, len(lines)) if re.search(step, lines[n])), None)
        assert found is not None, f'{step} is not among:\n' + '\n'.join(lines[at:])
        at = found + 1
    assert s.get('/old/x').text == 'none'
    s.wait_log(r'upstream: kept connection, fd: \d+, requests: 1')
