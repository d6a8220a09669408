"""Certificates over reloads, and renewed ones without a reload: what is parsed, when, and what is refused."""
import os
import re
import signal
import ssl

import pytest

from lib import tls
from lib.wait import wait_for

SITE = ('ssl_certificate a.test.pem; ssl_certificate_key a.test.key; {settings}'
        'server {{ listen 127.0.0.1:%%main%% ssl; server_name a.test; root html; location = / {{ return 200 $ssl_session_reused; }} }}')
WATCHED = SITE.format(settings='ssl_certificate_watch on;')

pytestmark = pytest.mark.sluice_only('nginx keeps certificates over reloads since 1.27.4, and does not watch them')


def shown(site):
    """Common name of the certificate that a new client is shown."""
    context = tls.context()
    context.check_hostname = False
    with tls.connect(site, tls=context) as c:
        return dict(part[0] for part in c.socket.getpeercert()['subject'])['commonName']


def spoil(path):
    """Other bytes in a file that looks the same from outside."""
    before = path.stat()
    path.write_bytes(b'x' * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def renew(site, identity, parts=('pem', 'key'), rsa=False):
    """Replaces a.test's files by those of another identity, as certbot does."""
    for name, content in zip(('pem', 'key'), tls.pem(identity, rsa=rsa)):
        if name in parts:
            site.write(f'conf/new.{name}', content)
            os.rename(site.prefix / f'conf/new.{name}', site.prefix / f'conf/a.test.{name}')


def test_unchanged_files_are_not_parsed_again(server):
    site = server(SITE.format(settings=''), files=tls.files('a.test'))
    for _ in range(2):
        for name in ('a.test.pem', 'a.test.key'):
            spoil(site.prefix / 'conf' / name)
        site.reload()
        assert shown(site) == 'a.test'


@pytest.mark.parametrize('name, reason', [('a.test.pem', r'cannot load certificate "\S+/conf/a.test.pem"'),
                                          ('a.test.key', r'cannot load certificate key "\S+/conf/a.test.key"')])
def test_changed_files_are(server, name, reason):
    site = server(SITE.format(settings=''), files=tls.files('a.test'))
    site.excuse('cannot load certificate')
    spoil(site.prefix / 'conf' / name)
    os.utime(site.prefix / 'conf' / name)
    site.signal('HUP')
    site.wait_log(r'\[emerg\] .*' + reason)
    assert shown(site) == 'a.test'


def test_parsed_again_where_it_is_asked_for(server):
    site = server(SITE.format(settings=''), files=tls.files('a.test'), main='ssl_object_cache_inheritable off;')
    site.excuse('cannot load certificate')
    spoil(site.prefix / 'conf/a.test.pem')
    site.signal('HUP')
    site.wait_log(r'\[emerg\] .*cannot load certificate "\S+/conf/a.test.pem"')


def test_what_no_configuration_uses_is_forgotten(server):
    site = server(SITE.format(settings=''), files=tls.files('a.test', 'b.test'))
    first = site.read('conf/nginx.conf')
    site.write('conf/nginx.conf', first.replace('a.test.pem', 'b.test.pem').replace('a.test.key', 'b.test.key'))
    site.reload()
    assert shown(site) == 'b.test'
    spoil(site.prefix / 'conf/a.test.pem')
    site.write('conf/nginx.conf', first)
    site.excuse('cannot load certificate')
    site.signal('HUP')
    site.wait_log(r'\[emerg\] .*cannot load certificate "\S+/conf/a.test.pem"')


@pytest.mark.parametrize('rsa', [False, True])
def test_renewed_certificate_is_taken_up(server, rsa):
    site = server(WATCHED, files={**tls.files('a.test'), 'html/file': b'x' * 3_000_000})
    before = set(site.workers())
    with tls.connect(site) as kept, tls.connect(site) as busy:
        assert kept.get('/', host='a.test').status == 200
        busy.send(b'GET /file HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
        renew(site, 'b.test', rsa=rsa)
        site.wait_log(r'\[notice\] .*/conf/a.test.pem" has changed and is taken up')
        wait_for(lambda: shown(site) == 'b.test', lambda: f'the new certificate:\n{site.log()}')
        assert kept.get('/', host='a.test').status == 200
        assert len(busy.response().body) == 3_000_000
    wait_for(lambda: site.workers() and not before & set(site.workers()), 'the end of the old workers')
    site._base = {}
    spoil(site.prefix / 'conf/a.test.pem')  # what was taken up is what the next reload finds
    site.reload()
    assert shown(site) == 'b.test'


def test_sessions_of_others_go_on_over_a_renewal(server):
    """A session belongs to the certificate that it was made with; this one stays."""
    site = server(WATCHED + 'server { listen 127.0.0.1:%%other%% ssl; ssl_certificate b.test.pem; ssl_certificate_key b.test.key; return 200 $ssl_session_reused; }',
                  files=tls.files('a.test', 'b.test'))
    context = tls.context()
    with tls.connect(site, 'other', tls=context, name='b.test') as c:
        assert c.get('/', host='b.test').text == '.'
        session = c.socket.session
    before = set(site.workers())
    renew(site, 'c.test,a.test')
    wait_for(lambda: site.workers() and not before & set(site.workers()), lambda: f'new workers:\n{site.log()}')
    site._base = {}
    with tls.connect(site, 'other', tls=context, name='b.test', session=session) as c:
        assert c.get('/', host='b.test').text == 'r'


def test_a_certificate_waits_for_its_key(server):
    site = server(WATCHED, files=tls.files('a.test'))
    renew(site, 'b.test', parts=['pem'])
    site.wait_log(r'\[error\] .*/conf/a.test.pem" has changed and is not taken up, what was read before stays: .*SSL_CTX_use_PrivateKey.*key values mismatch')
    assert shown(site) == 'a.test'
    renew(site, 'b.test', parts=['key'])
    wait_for(lambda: shown(site) == 'b.test', lambda: f'the new certificate:\n{site.log()}')
    assert site.log().count('is not taken up') == 1
    site._base = {}


@pytest.mark.parametrize('spoiler, reason', [
    (lambda site: site.write('conf/a.test.pem', 'nonsense'), r'cannot load certificate "\S+": PEM_read_bio_X509_AUX\(\) failed'),
    (lambda site: os.unlink(site.prefix / 'conf/a.test.pem'), r'cannot load certificate "\S+": BIO_new_file\(\) failed .*No such file'),
    (lambda site: renew(site, 'b.test', parts=['key'], rsa=True), 'a certificate has no key that fits, or has expired'),
], ids=['nonsense', 'gone', 'another kind of key'])
def test_broken_files_are_not_taken_up(server, spoiler, reason):
    site = server(WATCHED, files=tls.files('a.test'))
    before = site.workers()
    spoiler(site)
    site.wait_log(r'\[error\] .*/conf/a.test.\w+" has changed and is not taken up, what was read before stays: .*' + reason)
    assert shown(site) == 'a.test' and site.workers() == before


def test_links_to_other_files(server):
    """What certbot leaves: links in live/ to files in archive/."""
    files = {f'conf/archive/{name}1.{part}': content for name in ('a', 'b') for part, content in zip(('pem', 'key'), tls.pem(f'{name}.test'))}
    site = server(WATCHED.replace('a.test.', 'live.'), files={**tls.files('a.test'), **files, 'conf/live.pem': tls.pem('a.test')[0], 'conf/live.key': tls.pem('a.test')[1]})
    for part in ('pem', 'key'):
        os.symlink(f'archive/b1.{part}', site.prefix / f'conf/fresh.{part}')
        os.rename(site.prefix / f'conf/fresh.{part}', site.prefix / f'conf/live.{part}')
    wait_for(lambda: shown(site) == 'b.test', lambda: f'the new certificate:\n{site.log()}')
    site._base = {}


def test_without_watching_nothing_is_taken_up(server):
    """The neighbour is watched and renewed at the same time: it tells when the master has looked."""
    text = SITE.format(settings='') + (
        'server { listen 127.0.0.1:%%other%% ssl; ssl_certificate b.test.pem; ssl_certificate_key b.test.key; ssl_certificate_watch on; }')
    site = server(text, files=tls.files('a.test', 'b.test'))
    renew(site, 'c.test')
    for name, content in zip(('pem', 'key'), tls.pem('c.test')):
        site.write(f'conf/b.test.{name}', content)
    site.wait_log('b.test.pem" has changed and is taken up')
    wait_for(lambda: tls_name(site, 'other') == 'c.test', 'the new certificate')
    assert shown(site) == 'a.test' and 'a.test.pem" has changed' not in site.log()
    site._base = {}


def tls_name(site, port):
    context = tls.context()
    context.check_hostname = False
    try:
        with tls.connect(site, port, tls=context) as c:
            return dict(part[0] for part in c.socket.getpeercert()['subject'])['commonName']
    except ssl.SSLError:
        return None


# Authorities and lists of withdrawn certificates

AUTHORITIES = '''
    ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;
    server {
        listen 127.0.0.1:%%main%% ssl;  server_name a.test;  ssl_verify_client on;
        ssl_client_certificate both.pem;  ssl_trusted_certificate third.pem;  ssl_crl crl.pem;
        location / { return 200 $ssl_client_verify; }
        location /up { proxy_pass https://127.0.0.1:%%main%%/;  proxy_ssl_name a.test;  proxy_ssl_verify on;  proxy_ssl_trusted_certificate up.pem;
                       proxy_ssl_crl up_crl.pem;  proxy_ssl_certificate client.pem;  proxy_ssl_certificate_key client.key; }
    }'''
AUTHORITY_FILES = {
    **tls.files('a.test', 'client'), 'conf/both.pem': tls.authority('other').cert_pem.bytes() + tls.authority().cert_pem.bytes(),
    'conf/third.pem': tls.authority('third').cert_pem.bytes(), 'conf/up.pem': tls.authority().cert_pem.bytes(),
    'conf/crl.pem': tls.crl('withdrawn'), 'conf/up_crl.pem': tls.crl('withdrawn')}
LOADED_BY = {'both.pem': 'SSL_CTX_load_verify_locations', 'third.pem': 'SSL_CTX_load_verify_locations', 'up.pem': 'SSL_CTX_load_verify_locations',
             'crl.pem': 'X509_LOOKUP_load_file', 'up_crl.pem': 'X509_LOOKUP_load_file'}


def status_of(site, target='/', **options):
    with tls.connect(site, tls=tls.context(**options)) as c:
        return c.get(target, host='a.test').status


def assert_verified(site):
    assert status_of(site, client='client') == 200
    assert status_of(site, '/up', client='client') == 200
    assert status_of(site, client='withdrawn') == 400
    assert status_of(site, client='stranger', client_ca='nobody') == 400


def test_unchanged_authorities_are_not_parsed_again(server):
    site = server(AUTHORITIES, files=AUTHORITY_FILES)
    named = tls.named_authorities(site)
    assert re.findall(r'tests of (\w+)', named) == ['other', 'main']
    assert_verified(site)
    for _ in range(2):
        for name in LOADED_BY:
            spoil(site.prefix / 'conf' / name)
        site.reload()
        assert_verified(site)
        assert tls.named_authorities(site) == named, 'and in their order'


@pytest.mark.parametrize('name', LOADED_BY)
def test_changed_authorities_are(server, name):
    site = server(AUTHORITIES, files=AUTHORITY_FILES)
    reason = rf'{LOADED_BY[name]}\("{site.prefix}/conf/{name}"\) failed \(SSL: .*no certificate or crl found\)'
    site.excuse(reason)
    spoil(site.prefix / 'conf' / name)
    os.utime(site.prefix / 'conf' / name)
    site.signal('HUP')
    site.wait_log(r'\[emerg\] .*' + reason)
    assert_verified(site)


@pytest.mark.parametrize('name', LOADED_BY)
def test_authorities_are_parsed_again_where_it_is_asked_for(server, name):
    site = server(AUTHORITIES, files=AUTHORITY_FILES, main='ssl_object_cache_inheritable off;')
    site.excuse(LOADED_BY[name])
    spoil(site.prefix / 'conf' / name)
    site.signal('HUP')
    site.wait_log(rf'\[emerg\] .*{LOADED_BY[name]}\("{site.prefix}/conf/{name}"\) failed')


def test_a_new_list_is_taken_up_beside_unchanged_authorities(server):
    site = server(AUTHORITIES, files=AUTHORITY_FILES)
    assert status_of(site, client='client') == 200
    spoil(site.prefix / 'conf/both.pem')
    site.write('conf/crl.pem', tls.crl('client'))
    site.reload()
    assert status_of(site, client='client') == 400
    assert status_of(site, client='withdrawn') == 200


def test_a_list_that_is_no_longer_wanted_says_nothing(server):
    """The authorities' file goes on, and what it was used with before is forgotten."""
    site = server(AUTHORITIES, files=AUTHORITY_FILES)
    site.write('conf/nginx.conf', site.read('conf/nginx.conf').replace('ssl_crl crl.pem;', ''))
    site.reload()
    assert status_of(site, client='withdrawn') == 200


# Workers that can't be renewed

@pytest.fixture
def crippled(server):
    """A site whose new workers find no folder to work in; its certificate was renewed meanwhile."""
    site = server(WATCHED, main='working_directory %%PREFIX%%/work; worker_processes 2;', files={**tls.files('a.test'), 'work/file': ''})
    for expected in (r'chdir\("\S+/work"\) failed', 'exited with fatal code 2', 'no new worker could be started'):
        site.excuse(expected)
    wait_for(lambda: len(site.workers()) == 2, 'both workers')
    site.old_workers = set(site.workers())
    os.rename(site.prefix / 'work', site.prefix / 'gone')
    renew(site, 'b.test')
    site.wait_log(r'\[emerg\] .*no new worker could be started, the old ones go on')
    return site


def heal(site):
    os.rename(site.prefix / 'gone', site.prefix / 'work')


def only_shows(site, name, workers):
    return len(site.workers()) == workers and all(shown(site) == name for _ in range(8))


def test_old_workers_go_on_where_no_new_one_starts(crippled):
    assert crippled.old_workers == set(crippled.workers())
    assert only_shows(crippled, 'a.test', 2)


def test_renewing_is_tried_again_until_new_workers_start(crippled):
    heal(crippled)
    wait_for(lambda: len(crippled.workers()) == 2 and not crippled.old_workers & set(crippled.workers()), lambda: f'new workers:\n{crippled.log()}', 30)
    assert only_shows(crippled, 'b.test', 2)
    assert crippled.log().count('has changed and is taken up') == 2


def test_a_reload_settles_what_could_not_be_renewed(crippled):
    heal(crippled)
    crippled.reload()
    wait_for(lambda: len(crippled.workers()) == 2, 'the end of the old workers')
    assert only_shows(crippled, 'b.test', 2)


def test_an_old_worker_that_dies_is_replaced_meanwhile(crippled):
    heal(crippled)
    crippled.excuse('exited on signal 9')
    victim = min(crippled.workers())
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: len(crippled.workers()) == 2 and victim not in crippled.workers(), lambda: f'two workers:\n{crippled.log()}')
