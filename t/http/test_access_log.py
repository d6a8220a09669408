"""The access log: formats, escaping, conditions, buffers, gzip, variable paths, syslog, several logs; error_log levels and syslog."""
import gzip
import re
import socket

import pytest

from lib.wait import wait_for

HEAD = 'log_format u "$uri";\n'


def test_combined(server):
    s = server('server { listen 127.0.0.1:%%main%%; return 200 body; }')
    s.get('/a?b', {'User-Agent': 'agent "x"', 'Referer': 'http://r/\\'})
    assert re.fullmatch(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /a\?b HTTP/1\.1" 200 4 "http://r/\\x5C" "agent \\x22x\\x22"',
                        s.access()[0])


@pytest.mark.parametrize('escape, expected', [
    ('', r'q\x22 b\x5C t\x09 h\xE4 -'), ('escape=default', r'q\x22 b\x5C t\x09 h\xE4 -'),
    ('escape=json', 'q\\" b\\\\ t\\t h\ufffd '), ('escape=none', 'q" b\\ t\t h\ufffd '),
])
def test_escape(server, escape, expected):
    s = server(f'log_format e {escape} "$http_x $http_none"; access_log logs/e.log e; server {{ listen 127.0.0.1:%%main%%; return 200; }}')
    s.raw(b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: q" b\\ t\t h\xe4\r\n\r\n')
    assert s.access(1, 'logs/e.log')[0] == expected


def test_condition_off_and_inheritance(server):
    s = server(HEAD + '''
        server { listen 127.0.0.1:%%main%%; access_log logs/u.log u;
            location /off { access_log off; return 200; }
            location /if { access_log logs/u.log u if=$arg_log; return 200; }
            location /two { access_log logs/u.log u; access_log logs/second.log u; return 200; }
            location /in { if ($arg_x) { access_log logs/second.log u; return 200; } return 200; }
        }''')
    for target in ('/off', '/if', '/if?log=0', '/if?log=1', '/two', '/in', '/in?x=1', '/end'):
        s.get(target)
    assert s.access(4, 'logs/u.log') == ['/if', '/two', '/in', '/end']
    assert s.access(2, 'logs/second.log') == ['/two', '/in']


def test_buffer_and_flush(server):
    s = server(HEAD + 'access_log logs/u.log u buffer=4k flush=200ms; access_log logs/now.log u; server { listen 127.0.0.1:%%main%%; return 200; }')
    s.get('/one')
    s.access(1, 'logs/now.log')
    assert s.read('logs/u.log') == ''
    assert s.access(1, 'logs/u.log') == ['/one']


@pytest.mark.sluice_only('nginx makes its error log of its stderr first')
def test_an_empty_name_is_stderr(server):
    s = server(HEAD + 'access_log "" u; server { listen 127.0.0.1:%%main%%; return 200; }')
    s.get('/one')
    s.access(1, 'logs/output')
    s.signal('USR1')
    wait_for(lambda: s.log().count('reopening logs') >= 2, 'master and worker to open the logs anew')
    s.get('/two')
    assert s.access(2, 'logs/output')[-2:] == ['/one', '/two']


def test_full_buffer_is_written(server):
    s = server(HEAD + 'access_log logs/u.log u buffer=64; server { listen 127.0.0.1:%%main%%; return 200; }')
    with s.connect() as c:
        for n in range(20):
            c.get(f'/request/{n}')
    lines = s.access(15, 'logs/u.log')
    assert lines == [f'/request/{n}' for n in range(len(lines))]


def test_buffer_is_written_at_the_end(server, tmp_path):
    s = server(f'log_format u "$uri"; access_log {tmp_path}/u.log u buffer=4k; server {{ listen 127.0.0.1:%%main%%; return 200; }}')
    s.get('/kept')
    s.quit()
    assert (tmp_path / 'u.log').read_text() == '/kept\n'


def test_gzip(server):
    s = server(HEAD + 'access_log logs/u.log.gz u gzip=1 flush=100ms; server { listen 127.0.0.1:%%main%%; return 200; }')
    s.get('/zipped')
    path = s.prefix / 'logs/u.log.gz'
    wait_for(lambda: path.stat().st_size, 'the compressed log')
    assert gzip.decompress(path.read_bytes()) == b'/zipped\n'


def test_variable_path(server):
    s = server(HEAD + 'open_log_file_cache max=2 inactive=10s min_uses=1 valid=10s; server { listen 127.0.0.1:%%main%%; '
               'root %%PREFIX%%/html; access_log logs/$arg_name.log u; location / { return 200; } }')
    s.spare_descriptors(2)
    for name in ('one', 'two', 'three', 'one'):
        s.get(f'/{name}?name={name}')
    assert s.access(2, 'logs/one.log') == ['/one', '/one']
    assert s.access(1, 'logs/two.log') == ['/two'] and s.access(1, 'logs/three.log') == ['/three']


def test_variable_path_where_the_alias_is_a_file(server):
    s = server(HEAD + 'server { listen 127.0.0.1:%%main%%; access_log logs/$arg_name.log u; '
               'location = /icon { alias %%PREFIX%%/html/file; } location /in { root %%PREFIX%%/html/file; return 200; } }', files={'html/file': 'x'})
    assert s.get('/icon?name=icon').text == 'x'
    assert s.access(1, 'logs/icon.log') == ['/icon']
    assert 'existence failed' not in s.log()
    s.get('/in?name=in')
    s.wait_log(r'testing "[^"]*/html/file" existence failed \(20: Not a directory\) while logging request')
    assert s.read('logs/in.log') == ''


def test_variable_path_without_root_is_not_written(server):
    s = server(HEAD + 'server { listen 127.0.0.1:%%main%%; root %%PREFIX%%/nowhere; access_log logs/$arg_name.log u; location / { return 200; } }')
    s.get('/x?name=x')
    s.get('/y')
    s.wait_log(r'\[error\] .* testing "[^"]*/nowhere" existence failed \(2: No such file or directory\) while logging request, client: 127\.0\.0\.1, server: ')
    assert s.read('logs/x.log') == ''
    s.wait_log(r'\[error\] .* testing ".*/nowhere" existence failed \(2: No such file or directory\) while logging request, client: ')


def test_aborted_and_bad_requests_are_logged(server):
    s = server('server { listen 127.0.0.1:%%main%%; return 200; }')
    s.raw(b'BAD\r\n\r\n')
    assert re.search(r'\] "BAD" 400 \d+ "-" "-"$', s.access()[0])
    s.connect().send(b'GET / HTTP/1.1\r\nHos').close()
    wait_for(lambda: re.search(r'\] "GET / HTTP/1\.1" 400 0 ', s.read('logs/access.log')), 'the aborted request')


@pytest.fixture
def syslog():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(('127.0.0.1', 0))
        sock.settimeout(5)
        yield sock


def test_syslog(server, syslog):
    s = server(HEAD + 'access_log syslog:server=127.0.0.1:%%log%%,facility=local3,tag=mytag,severity=warn u; server { listen 127.0.0.1:%%main%%; return 200; }',
               ports={'log': syslog.getsockname()[1]})
    s.spare_descriptors(1)
    s.get('/sys')
    host = socket.gethostname()
    assert re.fullmatch(rf'<156>\w{{3}} [ \d]\d \d\d:\d\d:\d\d {re.escape(host)} mytag: /sys'.encode(), syslog.recv(2000))


def test_syslog_without_hostname(server, syslog):
    s = server(HEAD + 'access_log syslog:server=127.0.0.1:%%log%%,nohostname u; server { listen 127.0.0.1:%%main%%; return 200; }',
               ports={'log': syslog.getsockname()[1]})
    s.spare_descriptors(1)
    s.get('/sys')
    assert re.fullmatch(rb'<190>\w{3} [ \d]\d \d\d:\d\d:\d\d nginx: /sys', syslog.recv(2000))


def test_error_log_to_syslog(server, syslog):
    s = server('error_log syslog:server=127.0.0.1:%%log%%,tag=err error; error_log logs/error.log info; server { listen 127.0.0.1:%%main%%; }',
               ports={'log': syslog.getsockname()[1]})
    s.spare_descriptors(1)
    s.get('/none')
    line = syslog.recv(2000)
    assert re.match(rb'<187>\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ err: \d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[error\] \d+#\d+: \*\d+ open\(\) "', line)


def test_error_log_level_and_several_targets(server):
    s = server('error_log logs/crit.log crit; error_log logs/all.log info; server { listen 127.0.0.1:%%main%%; location /own { error_log logs/own.log; } }')
    s.get('/none')
    s.wait_log('/none" failed', 'logs/all.log')
    s.get('/own')
    s.wait_log('/own" failed', 'logs/own.log')
    assert s.read('logs/crit.log') == '' and '/own"' not in s.read('logs/all.log').replace('"GET', '')


def test_log_subrequest_and_status_of_client_close(server, scripted):
    gone = []

    def never(peer, _):
        peer.request()
        gone.append(peer.wait_closed())
    up = scripted(never)
    s = server('server { listen 127.0.0.1:%%main%%; location / { proxy_pass http://127.0.0.1:%%up%%; } }', ports={'up': up.port})
    c = s.connect().send('GET /left HTTP/1.1\r\nHost: a\r\n\r\n')
    wait_for(lambda: up.open, 'the request at the upstream')
    c.close()
    assert re.search(r'"GET /left HTTP/1.1" 499 0 ', s.access()[0])
    wait_for(lambda: gone, 'the end of the upstream connection')
    s.wait_log(r'\[info\] .* epoll_wait\(\) reported that client prematurely closed connection, so upstream connection is closed too '
               r'while sending request to upstream|client prematurely closed connection')


@pytest.mark.parametrize('head, line', [
    (b'GET /a HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n', '200|-||b|/a|/a|HTTP/1.1'),
    (b'GET /a? HTTP/1.0\r\nHost: b\r\n\r\n', '200|-||b|/a|/a?|HTTP/1.0'), (b'GET /a?x HTTP/1.0\r\n\r\n', '200|x|?|name|/a|/a?x|HTTP/1.0'),
    (b'GET /a\r\n', '200|-||name|/a|/a|-'), (b'GET /a HTTP/1.1\r\n\r\n', '400|-||name|/a|/a|HTTP/1.1'),
    (b'GET /a HTTP/1.1\r\nHost: b\r\nHost: c\r\n\r\n', '400|-||b|/a|/a|HTTP/1.1'),
    (b'GET /a HTTP/1.1\r\nHost: b\r\nx: ' + b'x' * 9000 + b'\r\n\r\n', '400|-||b|/a|/a|HTTP/1.1'),
])
def test_what_was_read_of_a_request_is_logged(server, head, line):
    s = server('log_format l "$status|$args|$is_args|$host|$uri|$request_uri|$server_protocol"; access_log logs/l.log l;'
               'server { listen 127.0.0.1:%%main%%; server_name name; return 200; }')
    with s.connect() as c:
        c.send(head).rest()
    wait_for(lambda: s.read('logs/l.log').endswith('\n'), 'a line in the log')
    assert s.read('logs/l.log') == line + '\n'
