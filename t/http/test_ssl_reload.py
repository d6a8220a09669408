"""Certificates over reloads, and renewed ones without a reload: what is parsed, when, and what is refused."""
import os
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
