"""Directives and variables whose effect no other test shows, with values that are not the default: the same bytes and log lines from both servers."""
import re

import pytest

from lib.client import request
from lib.messages import reply
from lib.upstream import Upstream

MSIE = {'User-Agent': 'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)'}
LARGE = b'0123456789' * 30_000
CONF = r'''
    uninitialized_variable_warn off;
    log_format v '$upstream_status|$upstream_response_length|$upstream_http_x_own|$upstream_http_none|$upstream_cookie_a|$upstream_cookie_b|$proxy_host|$proxy_port|'
                 '$proxy_add_x_forwarded_for|$content_type|$document_uri|$query_string|$is_args|$realpath_root|$arg_x|$cookie_c|$http_via';
    log_format t '$upstream_connect_time|$upstream_header_time|$upstream_response_time|$upstream_bytes_sent|$upstream_bytes_received';
    access_log logs/v.log v;
    proxy_http_version 1.1; proxy_set_header Connection "";
    keepalive_timeout 60s 33s;
    server {
        listen 127.0.0.1:%%main%%; server_name own.example; root html;
        location /chunked { proxy_pass http://127.0.0.1:%%up%%; }
        location /unchunked { chunked_transfer_encoding off; proxy_pass http://127.0.0.1:%%up%%; }
        location /padded { return 404; }
        location /unpadded { msie_padding off; return 404; }
        location /refresh { msie_refresh on; return 301 /x; }
        location /warn { uninitialized_variable_warn on; if ($arg_y) { set $warned y; } return 200 "[$warned]"; }
        location /silent { if ($arg_y) { set $silent y; } return 200 "[$silent]"; }
        location /sockets { proxy_socket_keepalive on; proxy_send_lowat 4k; proxy_pass http://127.0.0.1:%%up%%; }
        location /files { proxy_buffer_size 4k; proxy_buffers 2 4k; proxy_busy_buffers_size 4k; proxy_temp_file_write_size 8k; proxy_pass http://127.0.0.1:%%up%%; }
        location /times { access_log logs/t.log t; proxy_pass http://127.0.0.1:%%up%%; }
        location /lowat { send_lowat 1k; postpone_output 100; tcp_nodelay off; tcp_nopush on; }
        location /notfound { log_not_found off; }
        location /found { add_header X-Connection "$sent_http_connection $sent_http_keep_alive"; }
        location /hashes { types_hash_max_size 64; types_hash_bucket_size 64; proxy_headers_hash_max_size 64; proxy_headers_hash_bucket_size 64; proxy_set_header A b;
                           proxy_pass http://127.0.0.1:%%up%%; }
        location /single { client_body_in_single_buffer on; client_body_buffer_size 32k; proxy_set_body "<$request_body>"; proxy_pass http://127.0.0.1:%%up%%; }
        location /cookies { proxy_cookie_path /up /down; proxy_cookie_domain up.example $server_name; proxy_cookie_flags a secure samesite=strict; proxy_cookie_flags b nosecure;
                            proxy_pass http://127.0.0.1:%%up%%; server_name_in_redirect on; }
        location /types/ { types { text/odd odd; } default_type text/none; alias html/; }
        connection_pool_size 256; request_pool_size 8k;
    }
    server_names_hash_max_size 1024; server_names_hash_bucket_size 128; variables_hash_max_size 2048; variables_hash_bucket_size 128;
'''
FILES = {'html/lowat': b'y' * 50_000, 'html/found': 'found', 'html/a.odd': 'odd', 'html/b': 'none'}


def script(peer, upstream):
    while (asked := peer.request()) is not None:
        upstream.requests.append(asked)
        if 'chunked' in asked.target:
            peer.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n')
        else:
            body = b'' if asked.method == 'HEAD' else LARGE if asked.target.startswith(('/files', '/sockets')) else asked.body[:100]
            peer.send(reply(body, headers=[('X-Own', 'own'), ('X-Size', str(len(asked.body))), ('Set-Cookie', 'a=1; Path=/up/x; Domain=up.example'),
                                           ('Set-Cookie', 'b=2; path=/up; secure'), ('Set-Cookie', 'c=3; domain=other.example; HttpOnly')]))


@pytest.fixture(scope='module')
def servers(pair):
    upstream = Upstream(script)
    yield pair(CONF, FILES, {'up': upstream.port})
    upstream.close()


def answer(server, target, headers=(), method='GET', body=None, version='HTTP/1.1', closes=True):
    fields = {**({'Connection': 'close'} if closes else {}), **dict(headers)}
    with server.connect() as c:
        c.send(request(method, target, fields, body, version=version))
        return c.rest().decode('latin-1') if closes else c.response().raw.decode('latin-1')


@pytest.mark.parametrize('version', ['HTTP/1.1', 'HTTP/1.0'])
@pytest.mark.parametrize('target', ['/chunked', '/unchunked', '/padded', '/unpadded', '/refresh', '/warn', '/silent', '/sockets', '/files', '/lowat', '/hashes', '/cookies', '/single',
                                    '/types/a.odd', '/types/b', '/notfound', '/found', '/times'])
def test_answers(servers, target, version):
    for headers in ({}, MSIE, {'Accept-Encoding': 'gzip'}):
        for method in ('GET', 'HEAD'):
            ours, theirs = servers.both(lambda server: answer(server, target, headers, method, version=version))
            assert ours == theirs, (headers, method)


@pytest.mark.parametrize('size', [0, 1, 20_000, 40_000])
def test_body_in_a_variable(servers, size):
    ours, theirs = servers.both(lambda server: answer(server, '/single', method='POST', body=b'z' * size))
    assert ours == theirs
    if size <= 20_000:
        assert f'X-Size: {size + 2}\r\n' in ours  # one that is in a file has no value


def test_a_connection_that_cannot_persist(servers):
    """Without chunks, the end of the connection is the end of the body."""
    for target in ('/unchunked', '/chunked', '/found'):
        ours, theirs = servers.both(lambda server: answer(server, target, closes=False))
        assert ours == theirs
        assert ('Connection: close\r\n' in ours) == (target == '/unchunked')


def lines(server, name, act):
    server.write(f'logs/{name}.log', '')
    act()
    return server.access(1, f'logs/{name}.log')[0]


def test_variables(servers):
    def logged(server):
        headers = {'X-Forwarded-For': '1.2.3.4, 5.6.7.8', 'Content-Type': 'text/odd', 'Cookie': 'c=d; e=f', 'Via': '1.1 x'}
        return lines(server, 'v', lambda: answer(server, '/cookies?x=%20y&x=z', headers, 'POST', b'12345', closes=False))
    ours, theirs = servers.both(logged)
    assert ours == theirs
    assert '|own|-|1|2|' in ours


def test_times_and_sizes(servers):
    logged = [lines(server, 't', lambda server=server: answer(server, '/times')).split('|') for server in servers.servers]
    for fields in logged:
        assert all(re.fullmatch(r'\d\.\d{3}', field) for field in fields[:3]), fields
    ours, theirs = logged
    assert ours[3:] == theirs[3:] and '0' not in ours[3:]


def test_warnings(servers):
    """What the error log says, and does not say."""
    def said(server):
        answer(server, '/warn')
        answer(server, '/silent')
        answer(server, '/notfound')
        answer(server, '/nowhere')
        server.wait_log(r'open\(\) "[^"]*/nowhere" failed')
        log = server.log()
        return '\n'.join(f'{text} {text in log}' for text in ('using uninitialized "warned" variable', 'using uninitialized "silent" variable', '/html/notfound" failed', '/html/nowhere" failed'))
    ours, theirs = servers.both(said)
    assert ours == theirs
    assert ours.splitlines()[0].endswith('True') and ours.splitlines()[1].endswith('False')
