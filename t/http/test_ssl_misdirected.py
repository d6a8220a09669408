"""Requests for another server than the handshake was made with: refused where that one asks for certificates."""
import pytest

from lib import tls
from lib.h2 import Peer

CONF = '''
    ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;  ssl_client_certificate ca.pem;
    server { listen 127.0.0.1:%%main%% ssl http2; server_name open.test;  return 200 open; }
    server { listen 127.0.0.1:%%main%% ssl http2; server_name strict.test;  ssl_verify_client on;  return 200 strict; }
    server { listen 127.0.0.1:%%main%% ssl http2; server_name asking.test;  ssl_verify_client optional;  return 200 "asking $ssl_client_verify"; }
    server { listen 127.0.0.1:%%main%% ssl http2; server_name other.test;  return 200 other; }
'''
FILES = tls.files('a.test,open.test,strict.test,asking.test,other.test')
KINDS = [('http/1.1',), ('h2',)]


def ask(site, name, host, alpn, client=None):
    """(status, what it says) for a host, on a connection made for a name."""
    context = tls.context(alpn=alpn, client=client)
    context.check_hostname = False
    if alpn == ('h2',):
        with Peer(('127.0.0.1', site.port()), wrap=lambda sock: context.wrap_socket(sock, server_hostname=name)) as peer:
            assert peer.socket.selected_alpn_protocol() == 'h2'
            answer = peer.get('/', authority=host)
            return answer.status, answer.text
    with tls.connect(site, tls=context, name=name) as c:
        answer = c.get('/', host=host)
        return answer.status, answer.text


@pytest.mark.parametrize('alpn', KINDS, ids=['h1', 'h2'])
def test_host_of_another_server(server, alpn):
    site = server(CONF, files=FILES)
    for name, client, host, expected in [
            ('open.test', None, 'open.test', (200, 'open')),
            ('open.test', None, 'other.test', (200, 'other')),
            ('open.test', None, 'strict.test', 421),
            ('open.test', 'client', 'strict.test', 421),
            ('open.test', None, 'asking.test', 421),
            ('strict.test', 'client', 'strict.test', (200, 'strict')),
            ('strict.test', None, 'strict.test', 400),
            ('strict.test', 'client', 'open.test', (200, 'open')),
            ('strict.test', 'client', 'asking.test', 421),
            ('asking.test', None, 'asking.test', (200, 'asking NONE')),
            ('asking.test', 'client', 'asking.test', (200, 'asking SUCCESS')),
            ('asking.test', 'client', 'strict.test', 421),
            ('nobody.test', 'client', 'strict.test', 400),
            ('nobody.test', None, 'open.test', (200, 'open'))]:
        status, text = ask(site, name, host, alpn, client)
        assert (status if isinstance(expected, int) else (status, text)) == expected, (name, client, host)


@pytest.mark.parametrize('alpn', KINDS, ids=['h1', 'h2'])
def test_without_a_name(server, alpn):
    site = server(CONF, files=FILES)
    for client, host in [(None, 'open.test'), (None, 'other.test'), ('client', 'open.test')]:
        assert ask(site, None, host, alpn, client)[0] == 200
    for client in (None, 'client'):  # the default server has asked nobody for a certificate
        assert ask(site, None, 'strict.test', alpn, client)[0] == 400
        assert ask(site, None, 'asking.test', alpn, client) == (200, 'asking NONE')


ASKED = CONF.replace('server_name open.test;', 'server_name open.test;  ssl_verify_client optional;')


@pytest.mark.parametrize('alpn', KINDS, ids=['h1', 'h2'])
@pytest.mark.parametrize('name', [None, 'nobody.test'])
def test_certificate_without_a_name(server, alpn, name):
    """The default server's handshake counts for others that trust the same."""
    site = server(ASKED, files=FILES)
    assert ask(site, name, 'strict.test', alpn, 'client') == (200, 'strict')
    assert ask(site, name, 'asking.test', alpn, 'client') == (200, 'asking SUCCESS')
    assert ask(site, name, 'strict.test', alpn)[0] == 400


@pytest.mark.sluice_only('it takes a certificate that another server has verified')
@pytest.mark.parametrize('alpn', KINDS, ids=['h1', 'h2'])
def test_certificate_of_other_authorities(server, alpn):
    site = server(ASKED.replace('server_name strict.test;', 'server_name strict.test;  ssl_client_certificate other.pem;'),
                  files={**FILES, 'conf/other.pem': tls.authority('other').cert_pem.bytes()})
    assert ask(site, None, 'strict.test', alpn, 'client')[0] == 421
    assert ask(site, None, 'strict.test', alpn)[0] == 400
    assert ask(site, None, 'asking.test', alpn, 'client') == (200, 'asking SUCCESS')
