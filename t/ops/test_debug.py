"""`error_log ... debug` and `debug_connection`: what a build with --with-debug says, and for whom."""
import re

import pytest

from lib import binary
from lib.client import Connection, request

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
