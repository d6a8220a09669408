"""Servers behind one address: which of them answers a handshake, and what it does so with."""
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
