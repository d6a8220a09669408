"""OCSP: the server's own certificate stapled, and clients' certificates asked about. `openssl ocsp` is the responder."""
import contextlib
import re
import socket
import subprocess

import pytest

from lib import tls
from lib.ports import free_port
from lib.wait import wait_for

STAPLING = '''
    ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;  ssl_protocols TLSv1.2 TLSv1.3;
    server { listen 127.0.0.1:%%main%% ssl;  server_name a.test;  <settings>  return 200 ok; }
'''
CLIENTS = '''
    ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;  ssl_protocols TLSv1.2 TLSv1.3;
    server { listen 127.0.0.1:%%main%% ssl;  server_name a.test;  ssl_client_certificate ca.pem;  ssl_verify_client on;  <settings>
             error_page 495 /bad;  location = /bad { return 200 "$ssl_client_verify"; }  location / { return 200 "$ssl_client_verify"; } }
'''
FILES = tls.files('a.test')


@contextlib.contextmanager
def responder(folder, port, withdrawn=(), known=('a.test', 'client', 'bad'), signer=None, issuer=None):
    """An `openssl ocsp` that knows some certificates of the authority, or of another `issuer`, and says so as the authority, or as another `signer`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'ca.pem').write_bytes(issuer or tls.own_pem())
    (folder / 'signer.pem').write_bytes(signer or tls.own_pem())
    lines = [f'{"R" if name in withdrawn else "V"}\t400101000000Z\t{"250101000000Z" if name in withdrawn else ""}\t{tls.serial(name)}\tunknown\t/CN={tls.serial(name)}\n'
             for name in known]
    (folder / 'index').write_text(''.join(lines))
    command = ['openssl', 'ocsp', '-index', 'index', '-port', str(port), '-rsigner', 'signer.pem', '-CA', 'ca.pem', '-nmin', '60', '-ignore_err']
    with open(folder / 'log', 'wb') as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process:
        try:
            # It spins for ever once somebody connects and says nothing, so that its log has to tell.
            wait_for(lambda: re.search('ACCEPT|waiting', (folder / 'log').read_text()), lambda: (folder / 'log').read_text())
            yield folder / 'log'
        finally:
            process.kill()


@pytest.fixture
def port():
    return free_port()


def stapled(site, *more):
    done = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{site.port()}', '-servername', 'a.test', '-status', *more], input=b'',
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, check=False)
    text = done.stdout.decode(errors='replace')
    found = re.search(r'Cert Status: (\w+)', text)
    return found[1] if found else None


def of(template, settings):
    return template.replace('<settings>', settings)


@pytest.mark.parametrize('verify', ['off', 'on'])
@pytest.mark.parametrize('version', ['-tls1_2', '-tls1_3'])
def test_stapling(server, tmp_path, port, verify, version):
    site = server(of(STAPLING, f'ssl_stapling on; ssl_stapling_responder http://127.0.0.1:{port}/; ssl_trusted_certificate ca.pem; '
                               f'ssl_stapling_verify {verify};'), files=FILES)
    with responder(tmp_path / 'ocsp', port):
        wait_for(lambda: stapled(site, version) == 'good', lambda: site.log())


def test_stapling_when_withdrawn(server, tmp_path, port):
    site = server(of(STAPLING, f'ssl_stapling on; ssl_stapling_responder http://127.0.0.1:{port}/; ssl_trusted_certificate ca.pem;'), files=FILES)
    with responder(tmp_path / 'ocsp', port, withdrawn=['a.test']):
        assert stapled(site) is None
        site.wait_log(r'certificate status .*in the OCSP response')
        assert stapled(site) is None


def test_stapling_of_another_signer(server, tmp_path, port):
    site = server(of(STAPLING, f'ssl_stapling on; ssl_stapling_responder http://127.0.0.1:{port}/; ssl_trusted_certificate ca.pem; '
                               'ssl_stapling_verify on;'), files=FILES)
    with responder(tmp_path / 'ocsp', port, signer=tls.own_pem('other')):
        assert stapled(site) is None
        site.wait_log(r'OCSP_basic_verify\(\) failed \(SSL: .*\) while requesting certificate status, responder: 127.0.0.1')
        assert stapled(site) is None


def test_stapling_without_a_responder(server, port):
    site = server(of(STAPLING, f'ssl_stapling on; ssl_stapling_responder http://127.0.0.1:{port}/; ssl_trusted_certificate ca.pem;'), files=FILES)
    assert stapled(site) is None
    site.wait_log(r'(connect|recv)\(\) failed \(111: Connection refused\) while requesting certificate status, responder: 127.0.0.1')
    assert tls.connect(site).get('/', host='a.test').text == 'ok'


def test_stapling_file(server, tmp_path, port):
    with responder(tmp_path, port):
        (tmp_path / 'a.test.pem').write_bytes(FILES['conf/a.test.pem'])
        for arguments in (['-issuer', 'ca.pem', '-cert', 'a.test.pem', '-no_nonce', '-reqout', 'question'],
                          ['-index', 'index', '-rsigner', 'ca.pem', '-CA', 'ca.pem', '-nmin', '60', '-reqin', 'question', '-respout', 'answer']):
            subprocess.run(['openssl', 'ocsp', *arguments], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10, check=True)
    site = server(of(STAPLING, 'ssl_stapling on; ssl_stapling_file answer;'), files={**FILES, 'conf/answer': (tmp_path / 'answer').read_bytes()})
    assert stapled(site) == 'good'


def verified(site, client):
    with tls.connect(site, tls=tls.context(client=client)) as c:
        return c.get('/', host='a.test').text


@pytest.mark.parametrize('cache', ['', 'ssl_ocsp_cache shared:o:1m;'])
@pytest.mark.parametrize('mode', ['on', 'leaf'])
def test_clients(server, tmp_path, port, cache, mode):
    site = server(of(CLIENTS, f'ssl_ocsp {mode}; ssl_ocsp_responder http://127.0.0.1:{port}/; {cache}'), files=FILES)
    with responder(tmp_path / 'ocsp', port, withdrawn=['bad']):
        for _ in range(2):
            assert verified(site, 'client') == 'SUCCESS'
            assert verified(site, 'bad') == 'FAILED:certificate revoked'
        assert verified(site, 'stranger').startswith('FAILED:certificate status')
    site.wait_log(r'\[info\].*client SSL certificate verify error: certificate revoked while reading client request headers')
    # What was said is kept, and nobody needs to be asked again.
    if cache:
        assert verified(site, 'client') == 'SUCCESS'
    else:
        assert verified(site, 'client') == 'FAILED:certificate status request failed'


@pytest.mark.parametrize('signer, said', [
    (lambda: b''.join(tls.pem('bad')), 'FAILED:certificate status request failed'), (lambda: b''.join(tls.pem('client')), 'FAILED:certificate status request failed'),
    (lambda: tls.own_pem('other'), 'FAILED:certificate status request failed'), (tls.status_signer, 'SUCCESS'),
], ids=['the one in question', 'another client', 'another authority', 'whom the authority has charged'])
def test_whose_answer_about_clients_counts(server, tmp_path, port, signer, said):
    site = server(of(CLIENTS, f'ssl_ocsp on; ssl_ocsp_responder http://127.0.0.1:{port}/;'), files=FILES)
    with responder(tmp_path / 'ocsp', port, signer=signer()):
        assert verified(site, 'bad') == said
    if said != 'SUCCESS':
        site.wait_log(r'OCSP_basic_verify\(\) failed \(SSL: .*\) while requesting certificate status')


@pytest.mark.parametrize('who, said', [('root', 'FAILED:certificate status request failed'), ('issuer', 'SUCCESS')])
def test_answer_about_the_certificate_of_another_issuer(server, tmp_path, port, who, said):
    """The root does not answer for those that it lets sign certificates."""
    issuer = tls.authority().create_child_ca()
    client = issuer.issue_cert('client', common_name='client')
    site = server(of(CLIENTS, f'ssl_ocsp leaf; ssl_ocsp_responder http://127.0.0.1:{port}/;'), files=FILES)
    context = tls.context()
    tls.load_pem(context, b''.join(blob.bytes() for blob in (*client.cert_chain_pems, client.private_key_pem)))
    own_pem = issuer.cert_pem.bytes() + issuer.private_key_pem.bytes()
    with responder(tmp_path / 'ocsp', port, known=[client.cert_chain_pems[0].bytes()], issuer=own_pem, signer=own_pem if who == 'issuer' else None):
        with tls.connect(site, tls=context) as c:
            assert c.get('/', host='a.test').text == said


def test_stapling_signed_by_the_certificate_itself(server, tmp_path, port):
    site = server(of(STAPLING, f'ssl_stapling on; ssl_stapling_responder http://127.0.0.1:{port}/; ssl_trusted_certificate ca.pem; '
                               'ssl_stapling_verify on;'), files=FILES)
    with responder(tmp_path / 'ocsp', port, signer=b''.join(tls.pem('a.test'))):
        assert stapled(site) is None
        site.wait_log(r'OCSP_basic_verify\(\) failed \(SSL: .*\) while requesting certificate status')
        assert stapled(site) is None


def test_clients_without_a_responder(server):
    site = server(of(CLIENTS, 'ssl_ocsp on;'), files=FILES)
    assert verified(site, 'client').startswith('FAILED:certificate status request failed')
    site.wait_log('no OCSP responder URL in certificate')


@pytest.mark.sluice_only('it shows requests nothing until the handshake is over')
def test_client_that_leaves_while_others_are_asked(server, port):
    site = server(of(CLIENTS, f'ssl_ocsp on; ssl_ocsp_responder http://127.0.0.1:{port}/;'), files=FILES)
    with socket.create_server(('127.0.0.1', port)) as silent:
        with tls.connect(site, tls=tls.context(client='client')) as c:
            c.send(b'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
            asked, _ = silent.accept()
        with asked:
            asked.settimeout(5)
            while asked.recv(1000):
                pass
    site.wait_log('client prematurely closed connection')
