"""Client certificates: who is let in, what a refused one sees, and what is known of one."""
import re
import ssl
import subprocess
import urllib.parse

import pytest

from lib import tls
from lib.client import request

SERVER = '''
    ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;  ssl_protocols TLSv1.2 TLSv1.3;
    server {
        listen 127.0.0.1:%%main%% ssl;  server_name a.test;
        <settings>
        return 200 "$ssl_client_verify|$ssl_client_s_dn|$ssl_client_i_dn|$ssl_client_serial|$ssl_client_fingerprint";
    }
'''
FILES = {**tls.files('a.test', 'b.test'), 'conf/other.pem': tls.authority('other').cert_pem.bytes()}
VERIFY = 'ssl_client_certificate ca.pem;  ssl_verify_client %s;'


def of(settings=''):
    return SERVER.replace('<settings>', settings)


def answer(site, **options):
    with tls.connect(site, tls=tls.context(**options)) as c:
        return c.get('/', host='a.test')


@pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_required(server, version):
    site = server(of(VERIFY % 'on'), files=FILES)
    options = {'minimum_version': version, 'maximum_version': version}
    verify, subject, issuer, serial, fingerprint = answer(site, client='client', **options).text.split('|')
    assert (verify, subject) == ('SUCCESS', 'CN=client')
    assert 'O=tests of main' in issuer
    certificate = tls.pem('client')[0]
    shown = subprocess.run(['openssl', 'x509', '-noout', '-serial', '-fingerprint'], input=certificate, stdout=subprocess.PIPE, check=True)
    shown = shown.stdout.decode()
    assert f'serial={serial}\n' in shown
    assert fingerprint.upper() in shown.replace(':', '')


def test_required_and_not_shown(server):
    site = server(of(VERIFY % 'on'), files=FILES)
    response = answer(site)
    assert response.status == 400
    assert '<center>No required SSL certificate was sent</center>' in response.text
    site.wait_log(r'\[info\].*client sent no required SSL certificate while reading client request headers, client: ')


def test_of_an_unknown_authority(server):
    site = server(of(VERIFY % 'on'), files=FILES)
    response = answer(site, client='stranger', client_ca='other')
    assert response.status == 400
    assert '<center>The SSL certificate error</center>' in response.text
    site.wait_log(r'\[info\].*client SSL certificate verify error: \(\d+:unable to [\w ]+\) while reading client request headers')


@pytest.mark.parametrize('mode, client, status, verify', [
    ('optional', None, 200, 'NONE'), ('optional', 'main', 200, 'SUCCESS'), ('optional', 'other', 400, None),
    ('optional_no_ca', None, 200, 'NONE'), ('optional_no_ca', 'main', 200, 'SUCCESS'), ('optional_no_ca', 'other', 200, 'FAILED:'),
    ('off', 'main', 200, 'NONE'),
])
def test_modes(server, mode, client, status, verify):
    site = server(of(VERIFY % mode), files=FILES)
    response = answer(site, client='client', client_ca=client) if client else answer(site)
    assert response.status == status
    assert verify is None or response.text.startswith(verify)


def test_error_pages(server):
    pages = """error_page 495 =401 /bad;  error_page 496 =402 /none;
               location = /bad { return 200 bad; }  location = /none { return 200 none; }"""
    site = server(of(VERIFY % 'on' + pages).replace('return 200 "$ssl', 'location / { return 200 "$ssl').replace('fingerprint";', 'fingerprint"; }'),
                  files=FILES)
    assert (answer(site).status, answer(site).text) == (402, 'none')
    assert answer(site, client='stranger', client_ca='other').text == 'bad'


def test_trusted_without_names(server):
    """The names of ssl_client_certificate are sent to clients, those of ssl_trusted_certificate are not; both are trusted."""
    site = server(of('ssl_client_certificate ca.pem; ssl_trusted_certificate other.pem; ssl_verify_client on;'), files=FILES)
    assert answer(site, client='stranger', client_ca='other').status == 200
    names = tls.named_authorities(site)
    assert 'tests of main' in names
    assert 'tests of other' not in names


def test_withdrawn(server):
    crl = tls.crl('client')
    site = server(of(VERIFY % 'on' + 'ssl_crl crl.pem;'), files={**FILES, 'conf/crl.pem': crl})
    assert answer(site, client='client').status == 400
    assert answer(site, client='another').status == 200
    site.wait_log(r'client SSL certificate verify error: \(23:certificate revoked\)')


def test_expired_list(server):
    site = server(of(VERIFY % 'on' + 'ssl_crl crl.pem;'), files={**FILES, 'conf/crl.pem': tls.crl('other', days=-1)})
    assert answer(site, client='client').status == 400
    site.wait_log(r'client SSL certificate verify error: \(12:CRL has expired\)')


def test_depth(server):
    chain = tls.chain('deep')
    for depth, status in (0, 400), (1, 200):
        site = server(of(VERIFY % 'on' + f'ssl_verify_depth {depth};'), files=FILES)
        context = tls.context()
        tls.load_pem(context, chain)
        with tls.connect(site, tls=context) as c:
            assert c.get('/', host='a.test').status == status


def test_another_name_than_the_negotiated(server):
    """What was verified for one server says nothing to another."""
    site = server(of() + '''
        server { listen 127.0.0.1:%%main%% ssl; server_name b.test; ssl_certificate b.test.pem; ssl_certificate_key b.test.key;
                 ssl_client_certificate ca.pem; ssl_verify_client optional; return 200 b; }''', files=FILES)
    with tls.connect(site) as c:
        assert c.get('/', host='a.test').status == 200
        assert c.get('/', host='b.test').status == 421
    site.wait_log('client attempted to request the server name different from the one that was negotiated')
    with tls.connect(site, name='b.test') as c:
        assert c.get('/', host='b.test').text == 'b'
        assert c.get('/', host='a.test').status == 200


def test_resumed_session_is_still_verified(server):
    site = server(of(VERIFY % 'on' + 'ssl_session_cache shared:s:1m;'), files=FILES)
    context = tls.context(client='client', maximum_version=ssl.TLSVersion.TLSv1_2)
    with tls.connect(site, tls=context) as c:
        assert c.get('/', host='a.test').text.startswith('SUCCESS')
        session = c.socket.session
    with tls.connect(site, tls=context, session=session) as c:
        assert c.socket.session_reused
        assert c.get('/', host='a.test').text.startswith('SUCCESS|CN=client|')


def test_other_variables(server):
    site = server(of(VERIFY % 'optional').replace(
        '"$ssl_client_verify', '"$ssl_client_v_start|$ssl_client_v_end|$ssl_client_v_remain|$ssl_client_s_dn_legacy|$ssl_client_i_dn_legacy|'
        '$ssl_client_escaped_cert|$ssl_client_raw_cert|$ssl_client_cert|$ssl_client_verify'), files=FILES)
    begin, end, remain, subject, issuer, escaped, raw, folded = answer(site, client='client').text.split('|')[:8]
    shown = subprocess.run(['openssl', 'x509', '-noout', '-startdate', '-enddate'], input=tls.pem('client')[0], stdout=subprocess.PIPE, check=True)
    assert shown.stdout.decode() == f'notBefore={begin}\nnotAfter={end}\n'
    assert int(remain) in (29, 30)
    assert (subject, 'O=tests of main' in issuer) == ('/CN=client', True)
    assert raw == urllib.parse.unquote(escaped) == tls.pem('client')[0].decode()
    assert folded == raw.rstrip('\n').replace('\n', '\n\t')
    assert not re.search(r'[^A-Za-z0-9._~%-]', escaped)
    assert answer(site).text == '||||||||NONE||||'


def test_plain_http(server):
    site = server(of() + '''server { listen 127.0.0.1:%%main%% ssl; server_name page.test;
                                    error_page 497 =301 https://$host$request_uri; }''', files=FILES)
    response = site.request('GET', '/', host='a.test')
    assert response.status == 400
    assert '<center>The plain HTTP request was sent to HTTPS port</center>' in response.text
    site.wait_log(r'\[info\].*client sent plain HTTP request to HTTPS port while reading client request headers, client: ')
    response = site.request('GET', '/x?y', host='page.test')
    assert (response.status, response.headers['Location']) == (301, 'https://page.test/x?y')
    with site.connect() as c:
        assert c.send(request('GET', '/', host='a.test')).response().status == 400
