"""TLS to upstreams: who the upstream is, what it is shown, versions and ciphers, sessions, addresses of the scheme https."""
import re
import ssl

import pytest

from lib import tls, tls_upstream
from lib.messages import reply
from lib.ports import free_port
from lib.wait import wait_for

FILES = {**tls.files('a.test', 'client.test', 'other.test'), 'conf/other-ca.pem': tls.authority('other').cert_pem.bytes()}
PASS = '''server { listen 127.0.0.1:%%main%%; proxy_ssl_protocols TLSv1.2 TLSv1.3; OUTSIDE
    location / { proxy_pass https://127.0.0.1:%%up%%; proxy_http_version 1.1; proxy_set_header Connection ""; INSIDE } }'''
VERIFY = 'proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem;'


def passing(inside='', outside=''):
    return PASS.replace('INSIDE', inside).replace('OUTSIDE', outside)


@pytest.fixture
def secure(server, scripted):
    """secure(inside) starts a server, and the upstream behind it, which tells what it has seen."""
    def start(inside='', outside='', context=None, script=None, conf=None, files=None, **ports):
        up = scripted(script or tls_upstream.telling(), tls=context or tls_upstream.context())
        s = server(conf or passing(inside, outside), files={**FILES, **(files or {})}, ports={'up': up.port, **ports})
        return s, up
    return start


@pytest.fixture(params=['proxy_ssl', 'grpc_ssl'])
def both(request, secure):
    """As secure(), for each of the two families: what says proxy_ssl_ says grpc_ssl_ for the other, whose upstream speaks HTTP/2."""
    if request.param == 'proxy_ssl':
        return secure

    def start(inside='', context=None, **options):
        conf = passing(inside).replace('proxy_ssl_', 'grpc_ssl_').replace('proxy_pass https:', 'grpc_pass grpcs:')
        context = context or tls_upstream.context()
        context.set_alpn_protocols(['h2'])
        return secure(conf=conf, context=context, script=tls_upstream.telling_by_http2, **options)
    return start


# Who the upstream is

def test_unverified(secure):
    s, up = secure(context=tls_upstream.context(pem=tls_upstream.expired('any.test', ca='unknown')))
    response = s.get('/x?y')
    assert response.status == 200 and response.text == 'TLSv1.3|False|None'
    assert up.last.target == '/x?y' and up.last.headers['Host'] == f'127.0.0.1:{up.port}'


def test_verified(both):
    s, _ = both(VERIFY + 'proxy_ssl_name a.test;')
    assert s.get('/').status == 200


@pytest.mark.parametrize('pem, name, why', [
    (lambda: tls.pem('a.test', ca='other'), 'a.test', r'verify error: \(2[01]:unable to [\w ]+ certificate\)'),
    (lambda: tls_upstream.expired('a.test'), 'a.test', r'verify error: \(10:certificate has expired\)'),
    (lambda: tls.pem('a.test'), 'b.test', r'does not match "b\.test"'),
    (lambda: tls.pem('*.wild.test'), 'a.b.wild.test', r'does not match "a\.b\.wild\.test"'),
    (lambda: tls_upstream.behind_two('a.test'), 'a.test', r'verify error: \(20:unable to get local issuer certificate\)'),
], ids=['unknown authority', 'expired', 'other name', 'wildcard too deep', 'long chain'])
def test_refused(both, pem, name, why):
    s, up = both(VERIFY + f'proxy_ssl_name {name};', context=tls_upstream.context(pem=pem()))
    assert s.get('/').status == 502
    s.wait_log(rf'\[error\] .* upstream SSL certificate {why} while SSL handshaking to upstream, client: 127.0.0.1, server: , '
               rf'request: "GET / HTTP/1.1", upstream: "\w+://127.0.0.1:{up.port}/?", host: "localhost"')
    assert not up.requests


def test_depth(both):
    s, _ = both(VERIFY + 'proxy_ssl_name a.test; proxy_ssl_verify_depth 2;', context=tls_upstream.context(pem=tls_upstream.behind_two('a.test')))
    assert s.get('/').status == 200


@pytest.mark.parametrize('name, identity', [('x.wild.test', '*.wild.test'), ('A.TEST', 'a.test'), ('a.test:8443', 'a.test'), ('$arg_n', 'a.test')])
def test_matching_names(both, name, identity):
    s, _ = both(VERIFY + f'proxy_ssl_name {name};', context=tls_upstream.context(identity))
    assert s.get('/?n=a.test').status == 200


def test_name_is_the_host_of_the_address(secure):
    conf = 'upstream a.test { server 127.0.0.1:%%up%%; } server { listen 127.0.0.1:%%main%%; location / { proxy_pass https://a.test; VERIFY } }'
    s, up = secure(conf=conf.replace('VERIFY', VERIFY))
    assert s.get('/').status == 200 and up.last.headers['Host'] == 'a.test'


@pytest.mark.sluice_only('X509_check_host() alone takes no address for a name, so that certificates for addresses never fit')
def test_certificate_for_an_address(secure):
    s, _ = secure(VERIFY, context=tls_upstream.context(pem=tls.pem('127.0.0.1', rsa=True)))
    assert s.get('/').status == 200


@pytest.mark.sluice_only('a certificate without a name fits no name: nginx says so too, but only the empty name is told as an error of ours')
def test_empty_name(secure):
    s, _ = secure(VERIFY + 'proxy_ssl_name $arg_n;')
    assert s.get('/').status == 502
    s.wait_log('upstream SSL certificate does not match ""')


# Revocation

def test_revoked(both):
    leaf, _ = tls.pem('a.test')
    s, up = both(VERIFY + 'proxy_ssl_name a.test; proxy_ssl_crl crl.pem;', files={'conf/crl.pem': tls_upstream.revocations(leaf)})
    assert s.get('/').status == 502 and not up.requests
    s.wait_log(r'upstream SSL certificate verify error: \(23:certificate revoked\)')


@pytest.mark.parametrize('old, status', [(False, 200), (True, 502)], ids=['good', 'overdue'])
def test_not_revoked(both, old, status):
    crl = tls_upstream.revocations(tls.pem('other.test')[0], is_old=old)
    s, _ = both(VERIFY + 'proxy_ssl_name a.test; proxy_ssl_crl crl.pem;', files={'conf/crl.pem': crl})
    assert s.get('/').status == status
    if old:
        s.wait_log(r'verify error: \(12:CRL has expired\)')


# What it is told and shown

@pytest.mark.parametrize('inside, name', [
    ('', None), ('proxy_ssl_name a.test;', None), ('proxy_ssl_server_name on;', None),
    ('proxy_ssl_server_name on; proxy_ssl_name a.test;', 'a.test'), ('proxy_ssl_server_name on; proxy_ssl_name $arg_n:77;', 'x.test'),
], ids=['off', 'off with a name', 'an address', 'a name', 'a variable'])
def test_server_name(both, inside, name):
    s, up = both(inside)
    assert s.get('/?n=x.test').status == 200
    assert tls_upstream.names(up.tls) == [name]


def test_client_certificate(both):
    s, _ = both('proxy_ssl_certificate client.test.pem; proxy_ssl_certificate_key client.test.key;', context=tls_upstream.context(clients='main'))
    assert s.get('/').text == 'TLSv1.3|False|client.test'


def test_no_client_certificate(both):
    s, _ = both(context=tls_upstream.context(clients='main', verify_mode=ssl.CERT_REQUIRED, maximum_version=ssl.TLSVersion.TLSv1_2))
    assert s.get('/').status == 502
    s.wait_log(r'\[error\] .* SSL_do_handshake\(\) failed \(SSL: error:\w+:SSL routines::\w+ alert handshake failure.*\) while SSL handshaking to upstream')


def test_client_certificate_from_variables(both):
    s, up = both('proxy_ssl_certificate $arg_who.pem; proxy_ssl_certificate_key $arg_who.key; proxy_ssl_session_reuse off;',
                   context=tls_upstream.context(clients='main'))
    assert [s.get(f'/?who={who}.test').text.split('|')[2] for who in ('client', 'other', 'client')] == ['client.test', 'other.test', 'client.test']
    assert s.get('/?who=nobody').status == 500 and len(up.requests) == 3
    s.wait_log(r'\[error\] .* cannot load certificate "%s/conf/nobody.pem": BIO_new_file\(\) failed \(SSL: .*\) while connecting to upstream' % s.prefix)


def test_empty_variable_shows_nothing(secure):
    s, _ = secure('proxy_ssl_certificate $arg_c; proxy_ssl_certificate_key $arg_k; proxy_ssl_session_reuse off;',
                  context=tls_upstream.context(clients='main'))
    assert s.get('/').text == 'TLSv1.3|False|None'
    assert s.get('/?c=client.test.pem&k=client.test.key').text == 'TLSv1.3|False|client.test'


def test_key_of_another_certificate(secure):
    s, _ = secure('proxy_ssl_certificate $arg_c; proxy_ssl_certificate_key $arg_k;')
    assert s.get('/?c=client.test.pem&k=other.test.key').status == 500
    s.wait_log(r'\[error\] .* SSL_use_PrivateKey\("%s/conf/other.test.key"\) failed \(SSL: .*key values mismatch\)' % s.prefix)


def test_certificate_in_the_configuration(secure):
    leaf, key = (FILES[f'conf/client.test.{part}'].decode() for part in ('pem', 'key'))
    s, _ = secure(f'proxy_ssl_certificate "data:{leaf}"; proxy_ssl_certificate_key "data:{key}";', context=tls_upstream.context(clients='main'))
    assert s.get('/').text.endswith('|client.test')


def test_encrypted_key(both):
    key = tls_upstream.encrypted(FILES['conf/client.test.key'], b'second')
    s, _ = both('proxy_ssl_certificate client.test.pem; proxy_ssl_certificate_key locked.key; proxy_ssl_password_file words;',
                  files={'conf/locked.key': key, 'conf/words': 'first\nsecond\n'}, context=tls_upstream.context(clients='main'))
    assert s.get('/').text.endswith('|client.test')


@pytest.mark.sluice_only('proxy_ssl_certificate_cache is of 1.27.4')
def test_cached_certificate_outlives_its_file(secure):
    s, _ = secure('proxy_ssl_certificate $arg_c; proxy_ssl_certificate_key $arg_k; proxy_ssl_certificate_cache max=9 valid=1h;'
                  ' proxy_ssl_session_reuse off;', context=tls_upstream.context(clients='main'))
    ask = '/?c=client.test.pem&k=client.test.key'
    assert s.get(ask).text.endswith('|client.test')
    (s.prefix / 'conf/client.test.key').unlink()
    assert s.get(ask).text.endswith('|client.test')


@pytest.mark.sluice_only('proxy_ssl_certificate_cache is of 1.27.4')
def test_cached_certificate_is_checked(secure):
    s, _ = secure('proxy_ssl_certificate $arg_c; proxy_ssl_certificate_key $arg_k; proxy_ssl_certificate_cache max=9 valid=0;'
                  ' proxy_ssl_session_reuse off;', context=tls_upstream.context(clients='main'))
    ask = '/?c=client.test.pem&k=client.test.key'
    assert s.get(ask).text.endswith('|client.test')
    for part in ('pem', 'key'):
        (s.prefix / f'conf/other.test.{part}').rename(s.prefix / f'conf/client.test.{part}')
    assert s.get(ask).text.endswith('|other.test')


# Versions and ciphers

@pytest.mark.parametrize('version', ['TLSv1.2', 'TLSv1.3'])
def test_protocols(both, version):
    s, _ = both(f'proxy_ssl_protocols {version};')
    assert s.get('/').text.startswith(version + '|')


def test_no_common_version(both):
    s, _ = both('proxy_ssl_protocols TLSv1.3;', context=tls_upstream.context(maximum_version=ssl.TLSVersion.TLSv1_2))
    assert s.get('/').status == 502
    s.wait_log(r'SSL_do_handshake\(\) failed \(SSL: error:\w+:SSL routines::tlsv1 alert protocol version:SSL alert number 70\)')


def test_ciphers(both):
    s, _ = both('proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;')
    assert s.get('/').headers['X-Cipher'] == 'ECDHE-ECDSA-AES128-GCM-SHA256'


def test_conf_command(both):
    s, _ = both('proxy_ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256;')
    assert s.get('/').headers['X-Cipher'] == 'TLS_CHACHA20_POLY1305_SHA256'


# Inheritance

def test_inheritance(secure):
    conf = '''proxy_ssl_protocols TLSv1.2; proxy_ssl_server_name on; server { listen 127.0.0.1:%%main%%; proxy_ssl_name a.test;
        location / { proxy_pass https://127.0.0.1:%%up%%; }
        location /13 { proxy_pass https://127.0.0.1:%%up%%; proxy_ssl_protocols TLSv1.3; proxy_ssl_name b.test; } }'''
    s, up = secure(conf=conf)
    assert s.get('/').text.startswith('TLSv1.2|') and s.get('/13').text.startswith('TLSv1.3|')
    assert tls_upstream.names(up.tls) == ['a.test', 'b.test']


# Sessions

@pytest.mark.parametrize('version', ['TLSv1.2', 'TLSv1.3'])
def test_sessions_are_resumed(both, version):
    s, _ = both(f'proxy_ssl_protocols {version};')
    assert [s.get('/').text for _ in range(3)] == [f'{version}|False|None', f'{version}|True|None', f'{version}|True|None']


def test_session_reuse_off(both):
    s, _ = both('proxy_ssl_session_reuse off;')
    assert [s.get('/').text.split('|')[1] for _ in range(3)] == ['False'] * 3


def test_sessions_of_each_peer(secure, scripted):
    other = scripted(tls_upstream.telling(), tls=tls_upstream.context())
    conf = 'upstream u { server 127.0.0.1:%%up%%; server 127.0.0.1:%%other%%; } server { listen 127.0.0.1:%%main%%; location / { proxy_pass https://u; } }'
    s, _ = secure(conf=conf, other=other.port)
    assert [s.get('/').text.split('|')[1] for _ in range(4)] == ['False', 'False', 'True', 'True']


def test_resumed_sessions_are_verified(secure):
    s, _ = secure(VERIFY + 'proxy_ssl_name a.test;')
    assert [s.get('/').text.split('|')[1] for _ in range(2)] == ['False', 'True']


@pytest.mark.sluice_only('its peers keep one session, whose verification is not done again: what one location refused, others refuse too')
def test_sessions_are_no_way_around_verification(secure):
    conf = '''server { listen 127.0.0.1:%%main%%; location / { proxy_pass https://127.0.0.1:%%up%%; }
        location /checked { proxy_pass https://127.0.0.1:%%up%%; proxy_ssl_name a.test; proxy_ssl_verify on; proxy_ssl_trusted_certificate CA; } }'''
    s, _ = secure(conf=conf.replace('CA', 'other-ca.pem'))
    assert [s.get(target).status for target in ('/', '/', '/checked', '/', '/checked')] == [200, 200, 502, 200, 502]
    s.wait_log('verify error')


@pytest.mark.sluice_only('what a client certificate gave is resumed for whoever comes next')
def test_sessions_of_each_client_certificate(secure):
    s, _ = secure('proxy_ssl_certificate $arg_who.pem; proxy_ssl_certificate_key $arg_who.key;', context=tls_upstream.context(clients='main'))
    told = [s.get(f'/?who={who}.test').text for who in ('client', 'other', 'client', 'other')]
    assert told == ['TLSv1.3|False|client.test', 'TLSv1.3|False|other.test', 'TLSv1.3|True|client.test', 'TLSv1.3|True|other.test']


# Kept connections

KEEP = '''upstream u { server 127.0.0.1:%%up%%; keepalive 4; } server { listen 127.0.0.1:%%main%%; proxy_http_version 1.1; proxy_set_header Connection "";
    location / { proxy_pass https://u; INSIDE } OTHERS }'''


def keeping(inside='', others=''):
    return KEEP.replace('INSIDE', inside).replace('OTHERS', others)


def test_kept_connection(secure):
    s, up = secure(conf=keeping(), script=tls_upstream.telling(close=False))
    assert [s.get('/').status for _ in range(5)] == [200] * 5
    assert up.connections == 1


def test_kept_connection_that_was_closed(secure):
    s, up = secure(conf=keeping(), script=tls_upstream.telling_once())
    for _ in range(4):
        assert s.get('/').status == 200
        wait_for(lambda: up.open == 0, 'end of the connection')
    assert up.connections == 4 and '[error]' not in s.log()


@pytest.mark.sluice_only('it gives a connection to whoever asks for the same address next, whatever name that one has asked for')
def test_kept_connections_by_name(secure):
    s, up = secure(conf=keeping('proxy_ssl_server_name on; proxy_ssl_name $arg_n;'), script=tls_upstream.telling(close=False))
    for name in ('a.test', 'b.test', 'a.test', 'b.test'):
        assert s.get(f'/?n={name}').status == 200
    assert up.connections == 2 and tls_upstream.names(up.tls) == ['a.test', 'b.test']


@pytest.mark.sluice_only('it gives a connection to whoever asks for the same address next, whatever was shown on it')
def test_kept_connections_by_certificate(secure):
    s, up = secure(conf=keeping('proxy_ssl_certificate $arg_who.pem; proxy_ssl_certificate_key $arg_who.key;'),
                   context=tls_upstream.context(clients='main'), script=tls_upstream.telling(close=False))
    told = [s.get(f'/?who={who}.test').text.split('|')[2] for who in ('client', 'other', 'client')]
    assert told == ['client.test', 'other.test', 'client.test'] and up.connections == 2


@pytest.mark.sluice_only('it gives connections of one location to the others')
def test_kept_connections_by_settings(secure):
    others = 'location /checked { proxy_pass https://u; proxy_ssl_name a.test; proxy_ssl_verify on; proxy_ssl_trusted_certificate other-ca.pem; }'
    s, _ = secure(conf=keeping('', others), script=tls_upstream.telling(close=False))
    assert [s.get(target).status for target in ('/', '/checked', '/')] == [200, 502, 200]
    s.wait_log('verify error')


# Addresses

def test_variables_of_the_address(secure):
    s, up = secure(conf='''server { listen 127.0.0.1:%%main%%; add_header X-Host "$proxy_host|$proxy_port" always;
        location / { proxy_pass https://127.0.0.1:%%up%%/base/; } location /default { proxy_pass https://127.0.0.1; } }''')
    assert s.get('/x').headers['X-Host'] == f'127.0.0.1:{up.port}|{up.port}' and up.last.target == '/base/x'
    assert s.get('/default').headers['X-Host'] == '127.0.0.1|443'
    s.wait_log(r'connect\(\) failed \(111: Connection refused\) while connecting to upstream, .* upstream: "https://127.0.0.1:443/default"')


@pytest.mark.parametrize('address', ['https://$arg_a', '$arg_s://$arg_a', 'HTTPS://$arg_a/z'])
def test_address_from_variables(secure, address):
    s, up = secure(conf='server { listen 127.0.0.1:%%main%%; location / { proxy_pass ADDRESS; } }'.replace('ADDRESS', address))
    assert s.get(f'/x?s=https&a=127.0.0.1:{up.port}').status == 200
    assert up.last.target == ('/z' if address.endswith('/z') else f'/x?s=https&a=127.0.0.1:{up.port}')


def test_scheme_from_variables(secure, upstream):
    plain = upstream(reply('plain'))
    s, up = secure(conf='''upstream u { server 127.0.0.1:%%up%%; } upstream p { server 127.0.0.1:%%plain%%; }
        server { listen 127.0.0.1:%%main%%; location / { proxy_pass $arg_s://$arg_a; } }''', plain=plain.port)
    assert s.get('/?s=https&a=u').text.startswith('TLS') and s.get('/?s=http&a=p').text == 'plain'
    assert s.get('/?s=ftp&a=p').status == 500
    s.wait_log(r'\[error\] .* invalid URL prefix in "ftp://p"')


def test_one_group_for_both_schemes(server, upstream, scripted):
    secure_up, plain = scripted(tls_upstream.telling(), tls=tls_upstream.context()), upstream(reply('plain'))
    s = server('''server { listen 127.0.0.1:%%main%%; location / { proxy_pass http://p; } location /s { proxy_pass https://u; } }
        upstream u { server 127.0.0.1:%%up%%; } upstream p { server 127.0.0.1:%%plain%%; }''', ports={'up': secure_up.port, 'plain': plain.port})
    assert s.get('/').text == 'plain' and s.get('/s').text.startswith('TLS')


def test_socket_path(server, scripted, tmp_path):
    scripted(tls_upstream.telling(), path=tmp_path / 'up', tls=tls_upstream.context())
    s = server('server { listen 127.0.0.1:%%main%%; location / { proxy_pass https://unix:PATH:/z; } }'.replace('PATH', str(tmp_path / 'up')))
    assert s.get('/').text.startswith('TLS')


# Redirects and fields

def test_redirects(secure):
    def script(peer, upstream):
        upstream.requests.append(peer.request())
        there = f'https://127.0.0.1:{upstream.port}/base/elsewhere'
        peer.send(reply(status='302 Found', headers=[('Location', there), ('Refresh', f'3; url={there}'), ('Connection', 'close')]))
    s, _ = secure(conf='server { listen 127.0.0.1:%%main%%; location /here/ { proxy_pass https://127.0.0.1:%%up%%/base/; } }', script=script)
    response = s.get('/here/x')
    assert response.headers['Location'] == f'http://localhost:{s.port()}/here/elsewhere' and response.headers['Refresh'] == '3; url=/here/elsewhere'


def test_scheme_of_the_client_is_passed_on(secure):
    s, up = secure('proxy_set_header X-Forwarded-Proto $scheme;')
    assert s.get('/').status == 200 and up.last.headers['X-Forwarded-Proto'] == 'http'


# Configurations

def test_settings_that_nothing_uses(server):
    s = server('''proxy_ssl_verify on; proxy_ssl_ciphers NONSENSE; proxy_ssl_certificate nowhere;
        server { listen 127.0.0.1:%%main%%; location / { return 200 ok; } }''')
    assert s.get('/').text == 'ok'


# Failures and the next server

def test_next_upstream(server, scripted):
    good = scripted(tls_upstream.telling(), tls=tls_upstream.context())
    bad = scripted(tls_upstream.telling(), tls=tls_upstream.context(pem=tls_upstream.expired('a.test')))
    plain = scripted(lambda peer, _: peer.socket.recv(9999) and peer.send(reply('plain')))
    s = server('''log_format v "$upstream_status|$upstream_addr"; access_log logs/v.log v;
        upstream u { server 127.0.0.1:%%plain%%; server 127.0.0.1:%%bad%%; server 127.0.0.1:%%dead%%; server 127.0.0.1:%%good%%; }
        server { listen 127.0.0.1:%%main%%; location / { proxy_pass https://u; proxy_ssl_name a.test; VERIFY } }'''.replace('VERIFY', VERIFY),
               files=FILES, ports={'good': good.port, 'bad': bad.port, 'plain': plain.port, 'dead': free_port()})
    assert s.get('/').text.startswith('TLS')
    addresses = ', '.join(f'127.0.0.1:{s.port(name)}' for name in ('plain', 'bad', 'dead', 'good'))
    assert s.access(1, 'logs/v.log') == [f'502, 502, 502, 200|{addresses}']
    for text in (r'SSL_do_handshake\(\) failed \(SSL: error:\w+:SSL routines::(wrong version number|packet length too long)',
                 'certificate has expired', 'Connection refused'):
        s.wait_log(text)


def test_counts_of_bytes_are_the_users(secure):
    s, up = secure(conf='''log_format v "$upstream_bytes_sent|$upstream_bytes_received|$upstream_response_length"; access_log logs/v.log v;
        server { listen 127.0.0.1:%%main%%; location / { proxy_pass https://127.0.0.1:%%up%%; } }''')
    answer = s.get('/')
    sent, received, length = s.access(1, 'logs/v.log')[0].split('|')
    assert int(sent) == len(up.last.raw) and int(length) == len(answer.body) and 100 < int(received) < 400


def test_connect_time_includes_the_handshake(secure):
    s, _ = secure(conf='''log_format v "$upstream_connect_time"; access_log logs/v.log v;
        server { listen 127.0.0.1:%%main%%; location / { proxy_pass https://127.0.0.1:%%up%%; proxy_ssl_server_name on; proxy_ssl_name a.test; } }''',
                  context=tls_upstream.slow(tls_upstream.context(), 0.3))
    assert s.get('/').status == 200
    assert re.fullmatch(r'0\.[3-9]\d\d', s.access(1, 'logs/v.log')[0])
