"""Servers behind one address: which of them answers a handshake, and what it does so with."""
import pytest

from lib import tls

FILES = tls.files('a.test,b.test', 'u1.test', 'c.test')
A, U, C = (f'ssl_certificate {name}.pem; ssl_certificate_key {name}.key;' for name in ('a.test', 'u1.test', 'c.test'))


def of(*servers):
    return 'ssl_protocols TLSv1.2 TLSv1.3;' + ''.join(f'server {{ listen 127.0.0.1:%%main%% ssl; {server} }}' for server in servers)


def ask(site, name, **options):
    """(common name of the certificate that is shown, status, what is said)"""
    context = tls.context(**options)
    context.check_hostname = False
    with tls.connect(site, tls=context, name=name) as c:
        response = c.get('/', host=name)
        return dict(part[0] for part in c.socket.getpeercert()['subject'])['commonName'], response.status, response.text


# --- names that are regexes ---

def test_regex_chooses_the_certificate(server):
    site = server(of(f'server_name a.test; {A} return 200 a;', rf'server_name "~^(?<part>u\d+)\.test$"; {U} return 200 "$part $1";',
                     f'server_name ~^.2; {C} return 200 c;'), files=FILES)
    assert ask(site, 'a.test') == ('a.test', 200, 'a')
    assert ask(site, 'U1.test') == ('u1.test', 200, 'u1 u1')
    assert ask(site, 'u22.test') == ('u1.test', 200, 'u22 u22')  # the first one that matches
    assert ask(site, 'b.test') == ('a.test', 200, 'a')
    assert ask(site, 'x2.test') == ('c.test', 200, 'c')


def test_regex_chooses_the_verification(server):
    site = server(of(f'server_name a.test; {A} return 200 a;',
                     f'server_name ~^u; {U} ssl_verify_client on; ssl_client_certificate ca.pem; return 200 $ssl_client_verify;'), files=FILES)
    assert ask(site, 'u1.test', client='client') == ('u1.test', 200, 'SUCCESS')
    assert ask(site, 'u1.test')[:2] == ('u1.test', 400)
    assert ask(site, 'a.test')[1] == 200


def test_regex_refuses_the_handshake(server):
    site = server(of(f'server_name a.test; {A} return 200 a;', 'server_name ~^u; ssl_reject_handshake on;'), files=FILES)
    assert 'UNRECOGNIZED_NAME' in tls.handshake_error(site, name='u1.test')
    assert ask(site, 'a.test')[1] == 200


def test_regex_beside_a_default_server_that_refuses(server):
    site = server(of('ssl_reject_handshake on;', f'server_name ~^u; {U} return 200 u;'), files=FILES)
    assert ask(site, 'u1.test') == ('u1.test', 200, 'u')
    assert 'UNRECOGNIZED_NAME' in tls.handshake_error(site, name='a.test')


# --- servers without certificates ---

def test_certificate_of_the_default_server(server):
    site = server(of(f'server_name a.test; {A} return 200 a;', 'server_name b.test; return 200 b;', f'server_name c.test; {C} return 200 c;'), files=FILES)
    for name, expected in [('a.test', 'a'), ('b.test', 'b'), ('c.test', 'c'), ('b.test', 'b')]:
        assert ask(site, name) == ('c.test' if name == 'c.test' else 'a.test', 200, expected)


def test_verification_of_the_default_server(server):
    """A server without certificates has no handshake of its own, and asks for nothing in it."""
    verify = 'ssl_verify_client on; ssl_client_certificate ca.pem; return 200 "$server_name $ssl_client_verify";'
    site = server(of(f'server_name a.test; {A} return 200 a;', f'server_name b.test; {verify}'), files=FILES)
    assert ask(site, 'b.test', client='client')[1] == 400
    site.wait_log('client sent no required SSL certificate')
    site = server(of(f'server_name a.test; {A} {verify}', f'server_name b.test; {verify}'), files=FILES)
    assert ask(site, 'b.test', client='client') == ('a.test', 200, 'b.test SUCCESS')
    assert ask(site, 'b.test')[1] == 400


@pytest.mark.sluice_only('it takes a certificate that another server has verified')
def test_verification_of_the_default_server_by_other_authorities(server):
    site = server(of(f'server_name a.test; {A} ssl_verify_client optional; ssl_client_certificate ca.pem; return 200 a;',
                     'server_name b.test; ssl_verify_client on; ssl_client_certificate other.pem; return 200 b;'),
                  files={**FILES, 'conf/other.pem': tls.authority('other').cert_pem.bytes()})
    assert ask(site, 'b.test', client='client')[1] == 421
    assert ask(site, 'b.test')[1] == 400


@pytest.mark.parametrize('servers', [
    (f'server_name a.test; {A} ssl_reject_handshake on;', 'server_name b.test; return 200 b;'),
    ('server_name a.test; ssl_reject_handshake on;', f'server_name b.test; {A} return 200 b;'),
], ids=['the refusing default server has a certificate', 'the other one has'])
def test_beside_a_default_server_that_refuses(server, servers):
    site = server(of(*servers), files=FILES)
    assert ask(site, 'b.test') == ('a.test', 200, 'b')
    assert 'UNRECOGNIZED_NAME' in tls.handshake_error(site, name='a.test')


@pytest.mark.parametrize('servers', [
    ('server_name a.test;', f'server_name b.test; {A}'),
    ('server_name a.test; ssl_reject_handshake on;', 'server_name b.test;'),
    ('server_name a.test; ssl_reject_handshake on;', f'server_name b.test; {A}', 'server_name c.test;'),
])
def test_nobody_has_a_certificate(server, servers):
    with pytest.raises(AssertionError, match=r'no "ssl_certificate" is defined for the "listen \.\.\. ssl" directive in \S+nginx.conf:\d+'):
        server(of(*servers), files=FILES)
