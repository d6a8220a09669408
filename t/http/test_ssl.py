"""TLS of clients: handshakes, records, names, protocols, and what is no TLS at all."""
import contextlib
import re
import socket
import ssl
import struct
import subprocess

import pytest

from lib import tls
from lib.client import request
from lib.messages import reply
from lib.upstream import Held
from lib.wait import DEADLINE, wait_for

CONF = '''
    ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    server {
        listen 127.0.0.1:%%main%% ssl;
        server_name a.test;
        root html;
        location /what { return 200 "$scheme|$https|$server_name|$server_port"; }
        location /upload { client_max_body_size 10m; return 200 "$request_length"; }
        location /redirect { return 302 /elsewhere; }
    }
    server {
        listen 127.0.0.1:%%main%% ssl;
        server_name b.test *.wild.test;
        ssl_certificate b.test.pem;  ssl_certificate_key b.test.key;
        return 200 "other";
    }
'''
FILES = {**tls.files('a.test,localhost'), **tls.files('b.test,x.wild.test'), 'html/small': 'small', 'html/large': b'0123456789abcdef' * 65536 * 3}


@pytest.fixture(scope='module')
def site(module_server):
    return module_server(CONF, files=FILES)


def test_variables(site):
    assert tls.connect(site).get('/what', host='a.test').text == f'https|on|a.test|{site.port()}'


def test_variables_without_a_value(server):
    """An exchange of keys by RSA knows no curve."""
    s = server('ssl_certificate rsa.pem;  ssl_certificate_key rsa.key;  log_format v "$ssl_cipher [$ssl_curve] [$ssl_curves]";  access_log logs/v.log v;'
               'server { listen 127.0.0.1:%%main%% ssl;  return 200 "[$ssl_curve]"; }',
               files={name.replace('a.test', 'rsa'): content for name, content in tls.files('a.test', rsa=True).items()})
    context = tls.context(maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers('AES128-GCM-SHA256')
    assert tls.connect(s, tls=context).get('/', host='a.test').text == '[]'
    assert s.access(1, 'logs/v.log') == ['AES128-GCM-SHA256 [-] [-]']


def test_variables_that_are_set(server):
    """In the location that sets one it is that; elsewhere the connection says."""
    s = server('ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;  ssl_protocols TLSv1.2;'
               'server { listen 127.0.0.1:%%main%% ssl;  location / { return 200 "$ssl_protocol"; }'
               ' location /set { set $ssl_protocol own; return 200 "$ssl_protocol"; }'
               ' location ~ ^/captured/(?<ssl_client_verify>.*)$ { return 200 "$ssl_protocol $ssl_client_verify"; } }', files=FILES)
    assert [tls.connect(s).get(target, host='a.test').text for target in ('/', '/set', '/captured/x')] == ['TLSv1.2', 'own', 'TLSv1.2 x']


@pytest.mark.parametrize('version', ['TLSv1_2', 'TLSv1_3'])
def test_versions(site, version):
    wanted = getattr(ssl.TLSVersion, version)
    with tls.connect(site, tls=tls.context(minimum_version=wanted, maximum_version=wanted)) as c:
        assert c.socket.version() == version.replace('_', '.')
        assert c.get('/small', host='a.test').text == 'small'


def test_old_version(site):
    context = tls.context()
    context.set_ciphers('ALL:@SECLEVEL=0')
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    assert 'PROTOCOL_VERSION' in tls.handshake_error(site, tls=context)
    site.wait_log(r'\[info\].*SSL_do_handshake\(\) failed \(SSL: error:\w+:SSL routines::unsupported protocol\) while SSL handshaking')


def test_kept_connection(site):
    c = tls.connect(site)
    for _ in range(3):
        assert c.get('/small', host='a.test').text == 'small'
        assert len(c.get('/large', host='a.test').body) == 16 * 65536 * 3


def test_pipelined(site):
    c = tls.connect(site)
    c.send(request('GET', '/small', host='a.test') * 5)
    assert [r.text for r in c.responses(5)] == ['small'] * 5


def test_large_body_of_a_slow_client(site):
    c = tls.connect(site, receive_buffer=4096)
    c.send(request('GET', '/large', host='a.test'))
    assert c.response().body == FILES['html/large']


def test_upload(site):
    c = tls.connect(site)
    assert c.request('POST', '/upload', body=b'x' * 3_000_000, host='a.test').status == 200
    assert c.get('/small', host='a.test').text == 'small'


def test_redirect_has_scheme_and_port(site):
    location = tls.connect(site).get('/redirect', host='a.test').headers['Location']
    assert location == f'https://a.test:{site.port()}/elsewhere'


@pytest.mark.parametrize('name, subject', [('a.test', 'a.test'), ('b.test', 'b.test'), ('x.wild.test', 'b.test'), ('B.TEST', 'b.test'),
                                           ('unknown.test', 'a.test'), (None, 'a.test')])
def test_name_chooses_the_server(site, name, subject):
    context = tls.context()
    context.check_hostname = False
    with tls.connect(site, tls=context, name=name) as c:
        names = [value for part in c.socket.getpeercert()['subject'] for key, value in part if key == 'commonName']
        assert names == [subject]
        # The name of the request counts, not that of the handshake; without one, the default server answers.
        assert c.get('/small', host='a.test').text == 'small'
        assert c.get('/small', host='b.test').text == 'other'
        assert c.get('/small', host='unknown.test').text == 'small'
        c.send(request('GET', '/small', host=None, version='HTTP/1.0'))
        assert c.response().text == 'small'


@pytest.mark.parametrize('offered, chosen', [(['http/1.1'], 'http/1.1'), (['foo', 'http/1.1'], 'http/1.1'), ((), None)])
def test_alpn(site, offered, chosen):
    with tls.connect(site, tls=tls.context(alpn=offered)) as c:
        assert c.socket.selected_alpn_protocol() == chosen
        assert c.get('/small', host='a.test').text == 'small'


def test_alpn_without_a_common_protocol(site):
    assert 'no application protocol' in tls.handshake_error(site, tls=tls.context(alpn=['foo']))


def test_close_notify_both_ways(site):
    c = tls.connect(site)
    c.send(request('GET', '/small', {'Connection': 'close'}, host='a.test'))
    assert c.response().text == 'small'
    assert c.socket.recv(10) == b''  # a missing close_notify would be an SSLEOFError
    d = tls.connect(site)
    assert d.get('/small', host='a.test').text == 'small'
    assert d.close_notify().recv(10) == b''


def proxied(server, upstream):
    """A connection with a request that waits for its answer, and the site."""
    s = server('ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;  ssl_protocols TLSv1.2 TLSv1.3;'
               'server { listen 127.0.0.1:%%main%% ssl;  location / { proxy_pass http://127.0.0.1:%%up%%; } }', files=FILES, ports={'up': upstream.port})
    s.spare_descriptors(1)
    c = tls.connect(s).send(request('GET', '/', host='a.test'))
    wait_for(lambda: upstream.requests, 'the request')
    # close_notify, without waiting for the same.
    c.socket.settimeout(0)
    with pytest.raises(ssl.SSLWantReadError):
        c.socket.unwrap()
    c.socket.settimeout(DEADLINE)
    return s, c


def test_client_listens_behind_its_close_notify(server, upstream):
    """RFC 8446 §6.1: it says nothing about the other direction."""
    gate = Held()
    s, c = proxied(server, upstream(lambda _: (gate.pass_(), reply('late'))[1]))
    gate.open()
    assert c.response().text == 'late'
    assert c.is_closed()
    assert ' 200 ' in s.access()[0]


def test_client_leaves_behind_its_close_notify(server, upstream):
    gate = Held()
    s, c = proxied(server, upstream(lambda _: (gate.pass_(), reply('late'))[1]))
    c.close()
    s.wait_log(r'client prematurely closed connection, so upstream connection is closed too')
    assert ' 499 ' in s.access()[0]
    gate.open()


def test_client_closes_in_the_middle_of_a_record(site):
    c = tls.connect(site)
    c.send(request('GET', '/small', host='a.test'))
    assert c.response().text == 'small'
    c.plain = socket.socket(fileno=c.socket.detach())
    c.plain.sendall(b'\x17\x03\x03\x01\x00' + b'x' * 10)
    c.plain.shutdown(socket.SHUT_WR)
    c.plain.settimeout(5)
    while c.plain.recv(1000):
        pass
    c.plain.close()


def test_bad_record_in_an_established_connection(site):
    c = tls.connect(site)
    c.send(request('GET', '/small', host='a.test'))
    assert c.response().text == 'small'
    plain = socket.socket(fileno=c.socket.detach())
    plain.settimeout(5)
    plain.sendall(b'\x17\x03\x03\x00\x40' + b'x' * 64)
    while plain.recv(1000):
        pass
    plain.close()
    site.wait_log(r'SSL_read\(\) failed \(SSL: error:.*SSL routines::(decryption failed or bad record mac|bad record mac)\)')


def send_until_closed(site, data):
    with tls.raw_socket(site) as plain:
        plain.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            while plain.recv(1000):
                pass
    assert tls.connect(site).get('/small', host='a.test').text == 'small'


GARBAGE = {
    'short hello': b'\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00', 'oversized record': b'\x16\x03\x01\xff\xff' + b'x' * 70000,
    'version': b'\x16\xff\xff\x00\x04xxxx', 'server hello': b'\x16\x03\x01\x00\x04\x02\0\0\0', 'noise': b'\xff' * 300,
}


@pytest.mark.parametrize('garbage', GARBAGE.values(), ids=GARBAGE)
def test_garbage(site, garbage):
    send_until_closed(site, garbage)
    assert re.search(r'SSL_do_handshake\(\) failed \(SSL: error:', site.log())


@pytest.mark.sluice_only('it logs a hello that is too short at crit')
@pytest.mark.parametrize('garbage', [*GARBAGE.values(), b'\x80\x2e\x01\x00\x02' + b'\0' * 60], ids=[*GARBAGE, 'ssl2'])
def test_garbage_is_no_alarm(server, garbage):
    site = server(CONF, files=FILES)
    send_until_closed(site, garbage)
    assert re.findall(r'\[(\w+)\].*SSL_do_handshake\(\) failed', site.log()) == ['info']


def test_end_during_the_handshake(site):
    with tls.raw_socket(site) as plain:
        plain.sendall(b'\x16\x03\x01')
        plain.shutdown(socket.SHUT_WR)
        assert plain.recv(10) == b''
    site.wait_log(r'\[info\].*peer closed connection in SSL handshake while SSL handshaking, client: 127.0.0.1, server: ')


def client_hello():
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        tls.context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname='a.test').do_handshake()
    return outgoing.read()


def test_close_notify_during_the_handshake(server):
    site = server(CONF, files=FILES)
    with tls.raw_socket(site) as plain:
        plain.sendall(client_hello() + b'\x15\x03\x03\x00\x02\x01\x00')
        while plain.recv(10000):
            pass
    site.wait_log(r'\[info\].*peer closed connection in SSL handshake while SSL handshaking, client: 127.0.0.1, server: ')


def reset(plain):
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


@pytest.mark.parametrize('before', [b'', b'PROXY TCP4 1.2.3.4 5.6.7.8 1111 80\r\n'], ids=['', 'behind a proxy'])
def test_end_before_the_handshake(server, before):
    site = server('ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;'
                  f'server {{ listen 127.0.0.1:%%main%% ssl {"proxy_protocol" if before else ""};  return 200; }}', files=FILES)
    with tls.raw_socket(site) as plain:
        plain.sendall(before)
    site.wait_log(r'\[info\].*: \*\d+ client closed connection while SSL handshaking, client: 127.0.0.1, server: ')


def test_reset_before_the_handshake(site):
    with tls.raw_socket(site) as plain:
        reset(plain)
    site.wait_log(r'\[info\].*: \*\d+ recv\(\) failed \(104: Connection reset by peer\) while SSL handshaking, client: 127.0.0.1, server: ')


def test_reset_during_the_handshake(site):
    with tls.raw_socket(site) as plain:
        plain.sendall(b'\x16\x03\x01')
        reset(plain)
    site.wait_log(r'\[info\].*peer closed connection in SSL handshake \(104: Connection reset by peer\) while SSL handshaking, client: ')


def test_client_that_never_shakes_hands(server):
    s = server('client_header_timeout 300ms;' + CONF, files=FILES)
    with tls.raw_socket(s) as plain:
        plain.sendall(b'\x16\x03\x01')
        assert plain.recv(10) == b''
    s.wait_log(r'client timed out \(110: Connection timed out\) while SSL handshaking')


def test_renegotiation_is_refused(site):
    done = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{site.port()}', '-tls1_2', '-servername', 'a.test'],
                          input=b'R\n', stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10, check=False)
    assert b'no renegotiation' in done.stdout
    assert tls.connect(site).get('/small', host='a.test').text == 'small'


def test_proxy_protocol_in_front_of_the_handshake(server):
    s = server('''ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;
                  server { listen 127.0.0.1:%%main%% ssl proxy_protocol;  return 200 "$proxy_protocol_addr $scheme"; }''', files=FILES)
    plain = tls.raw_socket(s)
    plain.sendall(b'PROXY TCP4 1.2.3.4 5.6.7.8 1111 80\r\n')
    with tls.context().wrap_socket(plain, server_hostname='a.test') as secure:
        secure.sendall(request('GET', '/', {'Connection': 'close'}, host='a.test'))
        assert b'1.2.3.4 https' in secure.recv(10000)


def test_sent_bytes_are_counted_without_tls(server):
    s = server('log_format short "$status $body_bytes_sent $bytes_sent"; access_log logs/short.log short;' + CONF, files=FILES)
    response = tls.connect(s).get('/large', host='a.test')
    status, body, total = s.access(name='logs/short.log')[0].split()
    assert (status, int(body)) == ('200', len(response.body))
    assert int(body) < int(total) < int(body) + 1000
