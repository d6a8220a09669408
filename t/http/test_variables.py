"""The variables of http_core, and how unknown, empty and prefixed ones behave."""
import os
import re

import pytest

from lib.client import request
from lib.messages import reply
from lib.wait import wait_for

CONF = r'''
    log_format bytes escape=none '$bytes_sent $body_bytes_sent $request_length $request_time $status $connection_requests $request_completion $pipe';
    server {
        listen 127.0.0.1:%%main%%; server_name site.example ~^(?<sub>\w+)\.re\.example$;
        root %%PREFIX%%/html;
        location = /var { default_type text/plain; return 200 "VALUE"; }
    }
'''
VALUES = {
    'arg_a': '1', 'arg_A': '1', 'arg_none': '', 'args': 'a=1&b=%20x&a=2', 'query_string': 'a=1&b=%20x&a=2', 'is_args': '?',
    'binary_remote_addr': '\x7f\0\0\x01', 'content_length': '4', 'content_type': 'text/x', 'cookie_one': 'first', 'cookie_two': 'second',
    'cookie_none': '', 'document_root': '{prefix}/html', 'document_uri': '/var', 'host': 'site.example', 'hostname': '{hostname}',
    'http_x_custom': 'custom', 'http_user_agent': 'agent', 'http_cookie': 'one=first; two=second', 'http_host': 'SITE.example:1234',
    'http_content_length': '4', 'https': '', 'limit_rate': '0', 'nginx_version': '{version}', 'proxy_protocol_addr': '',
    'realpath_root': '{prefix}/html', 'remote_addr': '127.0.0.1', 'remote_port': '{port}', 'remote_user': 'user', 'request': 'POST /var?a=1&b=%20x&a=2 HTTP/1.1',
    'request_method': 'POST', 'request_uri': '/var?a=1&b=%20x&a=2', 'request_filename': '{prefix}/html/var', 'scheme': 'http',
    'server_addr': '127.0.0.1', 'server_name': 'site.example', 'server_port': '{server}', 'server_protocol': 'HTTP/1.1', 'status': '200',
    'uri': '/var', 'request_completion': '', 'pipe': '.', 'connection_requests': '1', 'request_body': '', 'request_body_file': '',
    'tcpinfo_rtt': r'~\d+', 'tcpinfo_rttvar': r'~\d+', 'tcpinfo_snd_cwnd': r'~\d+', 'tcpinfo_rcv_space': r'~\d+',
    'msec': r'~\d{{10}}\.\d{{3}}', 'pid': r'~\d+', 'connection': r'~\d+', 'request_id': r'~[0-9a-f]{{32}}', 'request_time': r'~0\.\d{{3}}',
    'time_iso8601': r'~\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d', 'time_local': r'~\d\d/\w{{3}}/\d{{4}}:\d\d:\d\d:\d\d [+-]\d{{4}}',
    'request_length': r'~\d+', 'bytes_sent': '0', 'body_bytes_sent': '0', 'connection_time': r'~\d\.\d{{3}}', 'sent_http_content_type': '',
}


@pytest.mark.parametrize('name', VALUES)
def test_variable(server, name):
    s = server(CONF.replace('VALUE', f'[${name}]'))
    with s.connect() as c:
        r = c.request('POST', '/var?a=1&b=%20x&a=2', {
            'X-Custom': 'custom', 'User-Agent': 'agent', 'Cookie': 'one=first; two=second', 'Content-Type': 'text/x',
            'Authorization': 'Basic dXNlcjpwYXNz'}, b'body', host='SITE.example:1234')
        port = c.port
    version = re.search(r'/([\d.]+)', r.headers['Server'])[1]
    expected = VALUES[name].format(prefix=s.prefix, hostname=os.uname().nodename.lower(), version=version, port=port, server=s.port())
    value = r.body.decode('latin-1')[1:-1]
    if expected.startswith('~'):
        assert re.fullmatch(expected[1:], value), value
    else:
        assert value == expected


def test_the_length_of_a_body_that_was_not_announced(server, upstream):
    """It is known when the body is there, whatever a rewrite has seen before."""
    up = upstream(lambda request: reply(request.headers.get('X-Length', '-')))
    s = server(r'''server { listen 127.0.0.1:%%main%%; proxy_set_header X-Length "$early[$content_length]";
        location / { set $early "[$content_length]"; proxy_pass http://127.0.0.1:%%up%%; mirror /copy; }
        location = /copy { internal; proxy_pass http://127.0.0.1:%%up%%/copied; proxy_set_header X-Length $content_length; }
        location /file { set $early "[$content_length]"; client_body_in_file_only clean; proxy_pass http://127.0.0.1:%%up%%; } }''', ports={'up': up.port})
    with s.connect() as c:
        for path in '/', '/file':
            c.send(f'POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n')
            assert c.response().text == '[][5]'
        assert c.request('POST', '/', {}, b'abcd').text == '[4][4]'
        assert c.get('/').text == '[][]'
    wait_for(lambda: sum(request.target == '/copied' for request in up.requests) == 3)
    assert [request.headers.get('X-Length', '-') for request in up.requests if request.target == '/copied'] == ['5', '4', '-']


@pytest.mark.parametrize('sendfile', ['on', 'off'])
def test_completion_of_what_a_client_does_not_take(server, sendfile):
    s = server(r'''log_format done '$status|$request_completion'; access_log logs/done.log done;
        server { listen 127.0.0.1:%%main%% sndbuf=16k; root html; sendfile SENDFILE; }'''.replace('SENDFILE', sendfile),
        files={'html/big': bytes(8_000_000), 'html/small': 'small'})
    with s.connect() as c:
        assert c.get('/small').text == 'small'
        c.send('GET /big HTTP/1.1\r\nHost: a\r\n\r\n')
        assert c.socket.recv(1) == b'H'
        c.reset()
    assert s.access(2, 'logs/done.log') == ['200|OK', '200|']


def test_realpath_of_a_root_that_is_not_there(server):
    s = server(CONF.replace('html;', 'nowhere;').replace('VALUE', '[$realpath_root]'))
    assert s.get('/var').text == '[]'
    s.wait_log(rf'\[crit\] .* realpath\(\) "{s.prefix}/nowhere" failed \(2: No such file or directory\), client: 127.0.0.1, .*request: "GET /var ')


def test_log_time_variables(server):
    s = server(CONF.replace('VALUE', 'twelve bytes') + 'access_log logs/bytes.log bytes;')
    with s.connect() as c:
        first = c.get('/var')
        second = c.get('/var?longer')
    lines = [line.split(' ') for line in s.access(2, 'logs/bytes.log')]
    assert [line[0] for line in lines] == [str(len(first.raw)), str(len(second.raw))]
    assert {line[1] for line in lines} == {'12'} and {line[4] for line in lines} == {'200'} and {line[6] for line in lines} == {'OK'}
    assert int(lines[1][2]) == int(lines[0][2]) + 7 == len('GET /var?longer HTTP/1.1\r\nHost: localhost\r\n\r\n')
    assert [line[5] for line in lines] == ['1', '2']
    assert re.fullmatch(r'0\.\d{3}', lines[0][3])


def test_pipelined_is_told(server):
    s = server('log_format p "$pipe $uri"; access_log logs/p.log p; server { listen 127.0.0.1:%%main%%; return 200 x; }')
    with s.connect() as c:
        c.send('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n').responses(3)
    assert s.access(3, 'logs/p.log') == ['. /1', 'p /2', 'p /3']


def test_sent_headers(server):
    s = server('log_format h escape=none "$sent_http_content_type|$sent_http_content_length|$sent_http_location|$sent_http_x_own'
               '|$sent_http_last_modified|$sent_http_etag|$sent_http_none|$sent_http_cache_control|$sent_http_transfer_encoding";'
               'access_log logs/h.log h; server { listen 127.0.0.1:%%main%%; keepalive_timeout 9 8;'
               'location /r { add_header X-Own own; add_header Cache-Control a; add_header Cache-Control b; return 302 /x; } location /f { } }',
               files={'html/f': 'file'})
    redirect = s.get('/r')
    with s.connect() as c:
        r = c.get('/f')
    lines = s.access(2, 'logs/h.log')
    assert lines[0] == f'text/html|{redirect.headers["Content-Length"]}|http://localhost:{s.port()}/x|own||||a, b|'
    assert lines[1] == f'text/plain|4|||{r.headers["Last-Modified"]}|{r.headers["ETag"]}|||'
    assert r.headers['Keep-Alive'] == 'timeout=8'


def test_request_body(server, upstream):
    up = upstream(reply('x'))
    s = server('log_format b escape=none "[$request_body]"; access_log logs/b.log b; client_body_buffer_size 100;'
               'server { listen 127.0.0.1:%%main%%; location / { proxy_pass http://127.0.0.1:%%up%%; }'
               ' location /file { client_body_in_file_only clean; proxy_pass http://127.0.0.1:%%up%%; proxy_set_header X-File $request_body_file; } }',
               ports={'up': up.port})
    s.request('POST', '/', body=b'hello "body"\n')
    s.request('POST', '/', body=b'x' * 5000)
    s.request('POST', '/file', body=b'in a file')
    assert re.match(rf'{s.prefix}/temp/client_body/\d{{10}}$', up.last.headers['X-File'])
    assert up.last.body == b'in a file'
    assert s.access(3, 'logs/b.log')[:3] == ['[hello "body"', ']', '[]']
    wait_for(lambda: not os.path.exists(up.last.headers['X-File']), 'removal of the body file')


@pytest.mark.parametrize('buffering', ['on', 'off'])
def test_lengths_of_a_chunked_body(server, upstream, buffering):
    """$content_length is that of the body, as CGI wants it; $request_length is what came."""
    up = upstream(reply('x'))
    s = server('log_format l "$content_length $request_length"; server { listen 127.0.0.1:%%main%%; access_log logs/l.log l; proxy_http_version 1.1;'
               f'proxy_request_buffering {buffering}; proxy_set_header X-Length $content_length; location / {{ proxy_pass http://127.0.0.1:%%up%%; }} }}',
               ports={'up': up.port})
    head = b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
    body = b'5;ext=1\r\nhello\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n'
    assert s.raw(head + body).status == 200
    assert s.access(1, 'logs/l.log') == [f'8 {len(head + body)}']
    assert buffering == 'off' or up.last.headers['X-Length'] == '8'


@pytest.mark.parametrize('ahead', [b'', b'\r\n', b'\n', b'\r\n\r\n\n'])
@pytest.mark.parametrize('size', [0, 1500])
def test_empty_lines_ahead_are_no_part_of_the_request(server, ahead, size):
    s = server('log_format l $request_length; server { listen 127.0.0.1:%%main%%; access_log logs/l.log l; return 200 x; }')
    kept = request('GET', '/')
    last = f'GET /{"x" * size} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'.encode()  # with 1500, in a larger buffer
    s.connect().send(ahead + kept + ahead + last).rest()
    assert s.access(2, 'logs/l.log') == [str(len(kept)), str(len(last))]
    assert s.raw(ahead + b'nonsense\r\n\r\n').status == 400
    assert s.access(3, 'logs/l.log')[2] == '0'


def test_named_server_capture_and_host_rules(server):
    s = server('server { listen 127.0.0.1:%%main%%; server_name ~^(?<sub>\\w+)\\.re$; return 200 "$sub|$host|$http_host|$server_name"; }'
               'server { listen 127.0.0.1:%%two%%; server_name name.example; return 200 "$host|$http_host"; }')
    assert s.get('/', host='ABC.re').text == 'abc|abc.re|ABC.re|~^(?<sub>\\w+)\\.re$'
    assert s.raw(b'GET / HTTP/1.0\r\n\r\n', port='two').text == 'name.example|'
    assert s.raw(b'GET http://Abs.Example:81/x HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n', port='two').text == 'abs.example|other'
    assert s.get('/', host='tail.example.', port='two').text == 'tail.example|tail.example.'


def test_repeated_request_fields(server):
    s = server('server { listen 127.0.0.1:%%main%%; return 200 "$http_x_forwarded_for|$http_cookie|$cookie_b|$http_x_twice"; }')
    r = s.get('/', [('X-Forwarded-For', '1'), ('Cookie', 'a=1'), ('X-Twice', 'one'), ('X-Forwarded-For', '2'), ('Cookie', 'b=2'), ('X-Twice', 'two')])
    assert r.text.startswith('1, 2|a=1; b=2|2|one')


def test_set_args_and_limit_rate(server):
    s = server('server { listen 127.0.0.1:%%main%%; location / { set $args "x=$arg_y"; set $limit_rate 5k; return 200 "$query_string $arg_x $limit_rate $uri$is_args$args"; } }')
    assert s.get('/p?y=9').text == 'x=9 9 5120 /p?x=9'
