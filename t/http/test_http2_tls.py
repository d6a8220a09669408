"""HTTP/2 over TLS: ALPN chooses it, servers are chosen by SNI and :authority."""
import contextlib
import socket
import ssl
import subprocess

import hpack
import pytest

from lib import binary, h2, tls
from lib.h2 import Peer
from lib.messages import reply

SWITCH = 'http2 on;' if not binary.is_nginx(binary.path()) else ''
CONF = r'''
    ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;
    log_format h2 '$request|$status|$http2|$scheme|$server_name';
    access_log logs/h2.log h2;
    log_format sizes '$status $body_bytes_sent $request_completion';
    access_log logs/sizes.log sizes;
    server {
        listen 127.0.0.1:%%main%% ssl http2;
        server_name a.test;
        location / { root html; }
        location /text { return 200 "$http2|$scheme|$https|$server_name|$ssl_protocol"; }
        location /up/ { client_max_body_size 100m; proxy_pass http://127.0.0.1:%%up%%/; }
    }
    server { listen 127.0.0.1:%%main%% ssl; server_name b.test; location / { return 200 b; } }
'''
BIG = (bytes(i * 11 % 251 for i in range(251)) * 8000)[:2_000_000]
FILES = {**tls.files('a.test,b.test,localhost'), 'html/big': BIG, 'html/small': 'small'}


@pytest.fixture
def site(server, upstream):
    return server(CONF, files=FILES, ports={'up': upstream(lambda request: reply(request.body)).port})


def secured(site, name='a.test', alpn=('h2', 'http/1.1')):
    return Peer(('127.0.0.1', site.port()), wrap=lambda sock: tls.context(alpn=alpn).wrap_socket(sock, server_hostname=name))


def test_alpn_chooses_it(site):
    with secured(site) as peer:
        assert peer.socket.selected_alpn_protocol() == 'h2'
        assert peer.get('/text', authority='a.test').text.startswith('h2|https|on|a.test|TLSv1.')
        assert peer.get('/x', authority='b.test').text == 'b'
    assert site.access(2, 'logs/h2.log')[0] == 'GET /text HTTP/2.0|200|h2|https|a.test'


def test_without_alpn_it_is_http1(site):
    assert tls.connect(site).get('/text', host='a.test').text.startswith('|https|on|')


def test_what_alpn_has_chosen_is_spoken(site):
    """RFC 9113 §3.2, §3.4: whatever the first bytes look like."""
    with Peer(('127.0.0.1', site.port()), preface=False,
              wrap=lambda sock: tls.context(alpn=('h2',)).wrap_socket(sock, server_hostname='a.test')) as peer:
        peer.send(b'GET /text HTTP/1.1\r\nHost: a.test\r\n\r\n')
        assert peer.goaway() == h2.PROTOCOL_ERROR and not peer.streams
    with secured(site, alpn=('http/1.1',)) as peer:
        assert peer.socket.selected_alpn_protocol() == 'http/1.1'
        assert b'HTTP/1.1 400' in peer.socket.recv(1000)


def test_bodies(site):
    with secured(site) as peer:
        assert peer.get('/big', authority='a.test').body == BIG
        assert peer.post('/up/', BIG[:500_000]).body == BIG[:500_000]
        streams = [peer.ask('/small', authority='a.test') for _ in range(100)]
        assert {answer.text for answer in peer.responses(streams)} == {'small'}


def test_a_client_that_ends_right_behind_its_request(site):
    """RFC 8446 §6.1: its close_notify says nothing about the other direction."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls.context(alpn=('h2',)).wrap_bio(incoming, outgoing, server_hostname='a.test')
    with socket.create_connection(('127.0.0.1', site.port())) as peer:
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
                break
            peer.sendall(outgoing.read())
            incoming.write(peer.recv(65536))
        fields = [(':method', 'GET'), (':scheme', 'https'), (':path', '/small'), (':authority', 'a.test')]
        client.write(h2.PREFACE + h2.settings({}) + h2.frame(h2.HEADERS, h2.END_STREAM | h2.END_HEADERS, 1, hpack.Encoder().encode(fields)))
        with contextlib.suppress(ssl.SSLError):  # it wants to see the server's end, too
            client.unwrap()
        peer.sendall(outgoing.read())
        assert site.access(1, 'logs/sizes.log') == ['200 5 OK']


def test_other_programs(site):
    site.write('conf/curl.pem', site.read('conf/ca.pem'))
    url = f'https://localhost:{site.port()}'
    curl = ['curl', '-sS', '-m', '20', '--http2', '--cacert', f'{site.prefix}/conf/ca.pem']
    got = subprocess.run([*curl, '-o', '/dev/null', '-w', '%{http_version} %{http_code} %{size_download}', f'{url}/big'],
                         capture_output=True, text=True, check=True).stdout
    assert got == f'2 200 {len(BIG)}'
    done = subprocess.run(['h2load', '-n', '2000', '-c', '4', '-m', '32', f'{url}/small'], capture_output=True, text=True, check=True).stdout
    assert '2000 succeeded, 0 failed, 0 errored' in done and 'Application protocol: h2' in done


@pytest.mark.sluice_only('the directive came with 1.25; before, any server of the address decided')
def test_the_server_that_is_named_decides(server):
    instance = server(r'''
        ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;
        server { listen 127.0.0.1:%%main%% ssl; server_name a.test; http2 on; return 200 a; }
        server { listen 127.0.0.1:%%main%% ssl; server_name b.test; return 200 b; }''', files=FILES)
    with secured(instance) as peer:
        assert peer.socket.selected_alpn_protocol() == 'h2' and peer.get().text == 'a'
    with secured(instance, 'b.test') as peer:
        assert peer.socket.selected_alpn_protocol() == 'http/1.1'


def test_errors_are_told(site):
    with secured(site) as peer:
        peer.send(h2.frame(h2.DATA, 0, 0, b'x'))
        assert peer.goaway() == h2.PROTOCOL_ERROR


def test_keepalive_timeout(server):
    instance = server(r'''
        ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;
        server { listen 127.0.0.1:%%main%% ssl http2; keepalive_timeout 300ms; return 200 x; }''', files=FILES)
    with secured(instance) as peer:
        assert peer.get().text == 'x'
        assert peer.goaway() == h2.NO_ERROR
