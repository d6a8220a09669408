"""Sessions of clients that were verified: resumed only where, and as long as, that would be verified alike."""
import ssl

import pytest

from lib import tls

CONF = '''
    ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;  ssl_protocols TLSv1.2 TLSv1.3;  ssl_session_cache shared:s:1m;  <settings>
    server { listen 127.0.0.1:%%main%% ssl;  server_name a.test;  <a>  return 200 $ssl_client_verify; }
    server { listen 127.0.0.1:%%main%% ssl;  server_name b.test;  <b>  return 200 $ssl_client_verify; }
'''
FILES = {**tls.files('a.test,b.test'), 'conf/other.pem': tls.authority('other').cert_pem.bytes(),
         'conf/crl.pem': tls.crl('client'), 'conf/old.pem': tls.crl('another')}
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
KEPT = {'tickets': '', 'ids': 'ssl_session_tickets off;'}
VERIFY = 'ssl_verify_client on; ssl_client_certificate ca.pem;'
DEEP = tls.chain('deep')


def of(a, b, settings=''):
    return CONF.replace('<a>', a).replace('<b>', b).replace('<settings>', settings)


class Client:
    """A client that shows its certificate, and comes back to the last session that it got from a server that let it in."""

    def __init__(self, site, version, pem=None):
        self.site = site
        self.context = tls.context(minimum_version=version, maximum_version=version)
        tls.load_pem(self.context, pem or b''.join(tls.pem('client')))
        self.session = None

    def visit(self, name='a.test'):
        """(whether the session was resumed, status, what was said)"""
        with tls.connect(self.site, tls=self.context, name=name, session=self.session) as c:
            response = c.get('/', host=name)
            if response.status == 200:
                self.session = c.socket.session
            return c.socket.session_reused, response.status, response.text if response.status == 200 else None

    def is_known(self, name='a.test'):
        """Visits twice, and was let in; whether it was known the second time."""
        assert self.visit(name)[1:] == (200, 'SUCCESS')
        return self.visit(name) == (True, 200, 'SUCCESS')


STRICTER = {
    'list of withdrawn ones': (VERIFY, VERIFY + 'ssl_crl crl.pem;', None),
    'other list': (VERIFY + 'ssl_crl old.pem;', VERIFY + 'ssl_crl crl.pem;', None),
    'other authorities': ('ssl_verify_client on; ssl_client_certificate other.pem; ssl_trusted_certificate ca.pem;',
                          'ssl_verify_client on; ssl_client_certificate other.pem;', None),
    'depth': (VERIFY + 'ssl_verify_depth 1;', VERIFY + 'ssl_verify_depth 0;', DEEP),
}


@pytest.mark.sluice_only('it resumes them, as long as the names of the authorities are the same (CVE-2025-23419)')
@pytest.mark.parametrize('version', VERSIONS)
@pytest.mark.parametrize('kept', KEPT.values(), ids=KEPT)
@pytest.mark.parametrize('a, b, pem', STRICTER.values(), ids=STRICTER)
def test_at_a_stricter_server(server, a, b, pem, kept, version):
    client = Client(server(of(a, b, kept), files=FILES), version, pem)
    assert client.is_known()
    assert client.visit('b.test') == (False, 400, None)
    assert client.visit() == (True, 200, 'SUCCESS')


@pytest.mark.sluice_only('it resumes them, or answers 421 (CVE-2025-23419)')
@pytest.mark.parametrize('version', VERSIONS)
@pytest.mark.parametrize('kept', KEPT.values(), ids=KEPT)
@pytest.mark.parametrize('b', [VERIFY, VERIFY.replace('on;', 'optional;'), VERIFY.replace('on;', 'optional_no_ca;')], ids=['same', 'optional', 'optional_no_ca'])
def test_under_another_name(server, b, kept, version):
    client = Client(server(of(VERIFY, b, kept), files=FILES), version)
    assert client.is_known()
    assert client.visit('b.test') == (False, 200, 'SUCCESS')
    assert client.visit('b.test') == (True, 200, 'SUCCESS')


@pytest.mark.sluice_only('it resumes them, or answers 421 (CVE-2025-23419)')
@pytest.mark.parametrize('version', VERSIONS)
def test_of_a_server_that_does_not_ask(server, version):
    client = Client(server(of('', VERIFY), files=FILES), version)
    assert client.visit() == (False, 200, 'NONE')
    assert client.visit() == (True, 200, 'NONE')
    assert client.visit('b.test') == (False, 200, 'SUCCESS')
    assert client.visit() == (False, 200, 'NONE')


@pytest.mark.parametrize('version', VERSIONS)
def test_between_servers_that_do_not_ask(server, version):
    client = Client(server(of('', ''), files=FILES), version)
    client.visit()
    assert client.visit('b.test') == (True, 200, 'NONE')


@pytest.mark.sluice_only('it resumes them, as long as the names of the authorities are the same')
@pytest.mark.parametrize('version', VERSIONS)
@pytest.mark.parametrize('kept', KEPT.values(), ids=KEPT)
@pytest.mark.parametrize('settings, file, content', [
    (VERIFY + 'ssl_crl old.pem;', 'old.pem', FILES['conf/crl.pem']),
    ('ssl_verify_client on; ssl_client_certificate other.pem; ssl_trusted_certificate ca.pem;', 'ca.pem', FILES['conf/other.pem'])], ids=['list', 'authorities'])
def test_after_a_reload_with_other_files(server, settings, file, content, kept, version):
    site = server(of(settings, '', kept), files=FILES)
    client = Client(site, version)
    assert client.is_known()
    site.reload()
    assert client.visit() == (True, 200, 'SUCCESS')
    site.write(f'conf/{file}', content)
    site.reload()
    assert client.visit() == (False, 400, None)
