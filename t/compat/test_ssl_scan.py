"""A site of TLS as most have it, as sslscan sees it: protocols, ciphers, groups, signatures and known weaknesses, the same with both servers."""
import subprocess

import pytest

from lib import tls

CONF = '''
    ssl_certificate api.test.pem;  ssl_certificate_key api.test.key;
    KINDS
    upstream backend { server 127.0.0.1:%%backend%%; }
    server { listen 127.0.0.1:%%backend%%; return 200 $http_x_forwarded_proto; }
    server {
        listen 127.0.0.1:%%main%% ssl http2;   listen [::1]:%%six%% ssl;   server_name api.test;
        ssl_session_cache shared:SSL:10m;  ssl_session_timeout 1d;  ssl_protocols TLSv1.2 TLSv1.3;
        add_header Strict-Transport-Security "max-age=63072000" always;
        location / { proxy_pass http://backend; proxy_set_header X-Forwarded-Proto $scheme; }
    }
    server { listen 127.0.0.1:%%strict%% ssl; ssl_protocols TLSv1.2; ssl_ciphers ECDHE+AESGCM; ssl_prefer_server_ciphers on; return 200 strict; }
'''


@pytest.fixture(scope='module')
def scanned(pair):
    rsa = {name.replace('api.test', 'rsa'): text for name, text in tls.files('api.test', rsa=True).items()}
    return pair(CONF.replace('KINDS', 'ssl_certificate rsa.pem; ssl_certificate_key rsa.key;'), {**tls.files('api.test'), **rsa})


def scan(server, port, *options):
    host = '[::1]' if port == 'six' else '127.0.0.1'
    done = subprocess.run(['sslscan', '--no-colour', '--show-sigs', '--sni-name=api.test', *options, f'{host}:{server.port(port)}'],
                          capture_output=True, text=True, timeout=60, check=True)
    assert 'ERROR' not in done.stdout + done.stderr
    return done.stdout.partition('SSL/TLS Protocols:')[2]


@pytest.mark.parametrize('port', ['main', 'six', 'strict'])
def test_both_servers_offer_the_same(scanned, port):
    ours, theirs = scanned.both(lambda server: scan(server, port))
    assert ours == theirs and 'Accepted' in ours


def test_nothing_weak_is_offered(scanned):
    ours, _ = scanned.both(lambda server: scan(server, 'main'))
    words = [line.split() for line in ours.splitlines()]
    assert [version for version, *rest in filter(None, words) if rest == ['enabled']] == ['TLSv1.2', 'TLSv1.3']
    assert [version for version, *rest in filter(None, words) if rest == ['disabled']] == ['SSLv2', 'SSLv3', 'TLSv1.0', 'TLSv1.1']
    assert 'Session renegotiation not supported' in ours
    assert ours.count('not vulnerable to heartbleed') == 2
    assert not {'RC4', 'DES', 'NULL', 'EXP', 'anon'} & set(ours.replace('-', ' ').split())
