"""Certificates: several kinds, encrypted keys, names with variables, servers that show none; and what each name may speak."""
import ssl
import subprocess

import pytest

from lib import tls
from lib.client import request

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def shown(site, name='a.test', **options):
    """Common name of the certificate that a client is shown."""
    context = tls.context(**options)
    context.check_hostname = False
    with tls.connect(site, tls=context, name=name) as c:
        assert c.get('/', host=name or 'a.test').status == 200
        return dict(part[0] for part in c.socket.getpeercert()['subject'])['commonName']


def server_conf(settings, more=''):
    return f'ssl_protocols TLSv1.2 TLSv1.3; server {{ listen 127.0.0.1:%%main%% ssl; server_name a.test; {settings} return 200 "$ssl_cipher"; }} {more}'


def test_two_kinds(server):
    files = tls.files('ec.test')
    files.update({name.replace('rsa.test', 'rsa'): content for name, content in tls.files('rsa.test', rsa=True).items()})
    site = server(server_conf('ssl_certificate ec.test.pem; ssl_certificate_key ec.test.key; ssl_certificate rsa.pem; ssl_certificate_key rsa.key;'),
                  files=files)
    for kind, name in (('ECDSA', 'ec.test'), ('RSA', 'rsa.test')):
        context = tls.context(maximum_version=V12)
        context.check_hostname = False
        context.set_ciphers(f'ECDHE-{kind}-AES128-GCM-SHA256')
        with tls.connect(site, tls=context) as c:
            assert dict(part[0] for part in c.socket.getpeercert()['subject'])['commonName'] == name
            assert c.get('/', host='a.test').text == f'ECDHE-{kind}-AES128-GCM-SHA256'


def test_chain(server):
    text = tls.chain('a.test')
    site = server(server_conf('ssl_certificate chain.pem; ssl_certificate_key chain.pem;'), files={'conf/chain.pem': text})
    assert shown(site) == 'a.test'


def test_encrypted_key(server):
    files = {**tls.files('a.test'), 'conf/locked.key': tls.locked_key('a.test', b'secret'), 'conf/passwords': 'wrong\nsecret\nother\n'}
    site = server(server_conf('ssl_certificate a.test.pem; ssl_certificate_key locked.key; ssl_password_file passwords;'), files=files)
    assert shown(site) == 'a.test'


def test_encrypted_key_without_a_password(server):
    files = {**tls.files('a.test'), 'conf/locked.key': tls.locked_key('a.test', b'secret'), 'conf/passwords': ''}
    with pytest.raises(AssertionError, match=r'\[emerg\] cannot load certificate key "\S+/locked.key": PEM_read_bio_PrivateKey\(\) failed \(SSL: (?!.*UI )'):
        server(server_conf('ssl_certificate a.test.pem; ssl_certificate_key locked.key; ssl_password_file passwords;'), files=files)
    site = server(server_conf('ssl_certificate a.test.pem; ssl_certificate_key a.test.key; ssl_password_file passwords;'), files=files)
    assert shown(site) == 'a.test'


def test_encrypted_key_with_variables_and_without_a_password(server):
    """Nobody is asked at a terminal while a client waits."""
    files = {**tls.files('a.test'), 'conf/a.test.locked': tls.locked_key('a.test', b'secret')}
    site = server(server_conf('ssl_certificate a.test.pem; ssl_certificate_key $ssl_server_name.locked;'), files=files)
    tls.handshake_error(site)
    site.wait_log(r'cannot load certificate key "\S+/conf/a.test.locked": PEM_read_bio_PrivateKey\(\) failed \(SSL: (?!.*UI )')


def test_small_key(server):
    """The security level that stands among the ciphers is that of certificates, too."""
    made = subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-keyout', '-', '-subj', '/CN=a.test', '-days', '2'],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    conf = server_conf('ssl_certificate small.pem; ssl_certificate_key small.pem;')
    with pytest.raises(AssertionError, match=r'SSL_CTX_use_certificate\("\S+/small.pem"\) failed \(SSL: .*ee key too small'):
        server(conf, files={'conf/small.pem': made})
    site = server('ssl_ciphers DEFAULT:@SECLEVEL=1;' + conf, files={'conf/small.pem': made})
    context = tls.context(ca=None)
    context.set_ciphers('DEFAULT:@SECLEVEL=0')
    with tls.connect(site, tls=context) as c:
        assert c.get('/', host='a.test').status == 200


@pytest.mark.parametrize('cache', ['', pytest.param('ssl_certificate_cache max=10;', marks=pytest.mark.sluice_only('since 1.27.4'))])
def test_name_with_variables(server, cache):
    site = server(server_conf(f'ssl_certificate $ssl_server_name.pem; ssl_certificate_key $ssl_server_name.key; {cache}'),
                  files=tls.files('a.test', 'b.test'))
    assert shown(site) == 'a.test'
    assert shown(site, 'b.test') == 'b.test'
    assert shown(site) == 'a.test'
    tls.handshake_error(site, name='c.test')
    site.wait_log(r'cannot load certificate "\S+/conf/c.test.pem": BIO_new_file\(\) failed \(SSL: error:.*No such file.*\) while SSL handshaking, client: ')


def test_file_with_variables_is_replaced(server):
    site = server(server_conf('ssl_certificate $ssl_server_name.pem; ssl_certificate_key $ssl_server_name.key;'), files=tls.files('a.test'))
    assert shown(site) == 'a.test'
    for name, content in zip(('pem', 'key'), tls.pem('b.test')):
        site.write(f'conf/a.test.{name}', content)
    assert shown(site) == 'b.test'


@pytest.mark.sluice_only('since 1.27.4')
def test_cache_holds_what_was_read_as_long_as_it_is_valid(server):
    site = server(server_conf('ssl_certificate $ssl_server_name.pem; ssl_certificate_key $ssl_server_name.key; '
                              'ssl_certificate_cache max=10 valid=1h inactive=1h;'), files=tls.files('a.test'))
    assert shown(site) == 'a.test'
    for name, content in zip(('pem', 'key'), tls.pem('b.test')):
        site.write(f'conf/a.test.{name}', content)
    assert shown(site) == 'a.test'


def test_key_in_a_variable(server):
    certificate, key = (blob.decode() for blob in tls.pem('a.test'))
    site = server(f'map $ssl_server_name $pair {{ default "{certificate}{key}"; }}' + server_conf(
        'ssl_certificate data:$pair; ssl_certificate_key data:$pair;'))
    assert shown(site) == 'a.test'


def test_key_of_another_certificate_in_a_variable(server):
    site = server(server_conf('ssl_certificate a.test.pem; ssl_certificate_key $ssl_server_name.key;'), files=tls.files('a.test', 'b.test'))
    assert shown(site) == 'a.test'
    tls.handshake_error(site, name='b.test')
    site.wait_log(r'\[error\].*: \*\d+ SSL_use_PrivateKey\("\S+/conf/b.test.key"\) failed \(SSL: error:.*key values mismatch\) while SSL handshaking, client: ')


@pytest.mark.sluice_only('it logs the key')
def test_key_in_the_configuration_is_not_logged(server):
    """Not even where it is no key of the certificate."""
    key = tls.pem('b.test')[1].decode()
    site = server(server_conf(f'ssl_certificate a.test.pem; ssl_certificate_key "data:{key}$ssl_server_name";'), files=tls.files('a.test'))
    tls.handshake_error(site)
    site.wait_log(r'\[error\].* SSL_use_PrivateKey\("data:"\) failed')
    assert 'PRIVATE KEY' not in site.log()


def test_rejected_handshake(server):
    site = server('ssl_protocols TLSv1.2 TLSv1.3; server { listen 127.0.0.1:%%main%% ssl default_server; ssl_reject_handshake on; }'
                  'server { listen 127.0.0.1:%%main%% ssl; server_name a.test; ssl_certificate a.test.pem; ssl_certificate_key a.test.key;'
                  ' return 200; }', files=tls.files('a.test'))
    assert shown(site) == 'a.test'
    assert 'UNRECOGNIZED_NAME' in tls.handshake_error(site, name='b.test')
    site.wait_log(r'\[info\].*: \*\d+ handshake rejected while SSL handshaking, client: 127.0.0.1, server: ')
    assert 'SSL_do_handshake' not in site.log()


@pytest.mark.sluice_only('the default server decides for all names: of ssl_protocols until 1.27')
@pytest.mark.parametrize('older, newer', [('ssl_protocols TLSv1.2', 'ssl_protocols TLSv1.3'),
                                          ('ssl_conf_command MaxProtocol TLSv1.2', 'ssl_conf_command MinProtocol TLSv1.3')])
def test_protocols_of_each_name(server, older, newer):
    site = server('ssl_certificate a.test.pem; ssl_certificate_key a.test.key;'
                  f'server {{ listen 127.0.0.1:%%main%% ssl; server_name a.test; {older}; return 200 "$ssl_protocol"; }}'
                  f'server {{ listen 127.0.0.1:%%main%% ssl; server_name b.test; {newer}; return 200 "$ssl_protocol"; }}',
                  files=tls.files('a.test,b.test'))
    for name, version in (('a.test', 'TLSv1.2'), ('b.test', 'TLSv1.3')):
        with tls.connect(site, name=name) as c:
            assert c.get('/', host=name).text == version
    assert 'PROTOCOL_VERSION' in tls.handshake_error(site, name='b.test', tls=tls.context(maximum_version=V12))


def test_commands(server):
    site = server(server_conf('ssl_certificate a.test.pem; ssl_certificate_key a.test.key; ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256;'
                              'ssl_conf_command Options KTLS;'), files=tls.files('a.test'))
    with tls.connect(site) as c:
        assert c.get('/', host='a.test').text == 'TLS_CHACHA20_POLY1305_SHA256'


# A client without hardware for AES lists ChaCha20 first, and gets the server's first all the same.
@pytest.mark.parametrize('second', ['AES256-GCM-SHA384', 'CHACHA20-POLY1305'])
@pytest.mark.parametrize('prefers', ['off', 'on'])
def test_order_of_ciphers(server, prefers, second):
    first = 'AES128-GCM-SHA256'
    site = server(server_conf(f'ssl_certificate a.test.pem; ssl_certificate_key a.test.key; ssl_prefer_server_ciphers {prefers};'
                              f'ssl_ciphers ECDHE-ECDSA-{first}:ECDHE-ECDSA-{second};'), files=tls.files('a.test'))
    context = tls.context(maximum_version=V12)
    context.set_ciphers(f'ECDHE-ECDSA-{second}:ECDHE-ECDSA-{first}')
    with tls.connect(site, tls=context) as c:
        assert c.get('/', host='a.test').text == f'ECDHE-ECDSA-{first if prefers == "on" else second}'


def test_dhe_and_curves(server):
    parameters = subprocess.run(['openssl', 'genpkey', '-genparam', '-algorithm', 'DH', '-pkeyopt', 'group:ffdhe2048', '-outform', 'PEM'],
                                stdout=subprocess.PIPE, check=True).stdout
    parameters = subprocess.run(['openssl', 'dhparam', '-outform', 'PEM'], input=parameters, stdout=subprocess.PIPE, check=True).stdout
    files = {'conf/dh.pem': parameters}
    files.update({name.replace('a.test', 'rsa'): content for name, content in tls.files('a.test', rsa=True).items()})
    site = server(server_conf('ssl_certificate rsa.pem; ssl_certificate_key rsa.key; ssl_dhparam dh.pem; ssl_ecdh_curve secp384r1;'), files=files)
    context = tls.context(maximum_version=V12)
    context.set_ciphers('DHE-RSA-AES128-GCM-SHA256')
    with tls.connect(site, tls=context) as c:
        assert c.get('/', host='a.test').text == 'DHE-RSA-AES128-GCM-SHA256'
    done = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{site.port()}'], input=b'', stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    assert b'ECDH, secp384r1, 384 bits' in done.stdout


def test_record_size(server):
    site = server(server_conf('ssl_certificate a.test.pem; ssl_certificate_key a.test.key; ssl_buffer_size 1000; root html;').replace('return 200 "$ssl_cipher";', ''),
                  files={**tls.files('a.test'), 'html/large': b'x' * 20000})
    done = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{site.port()}', '-msg', '-ign_eof', '-tls1_2'],
                          input=request('GET', '/large', {'Connection': 'close'}, host='a.test'), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    # Records of 1000 bytes: 20 of them, and the head's.
    assert 20 <= done.stdout.count(b'<<< TLS 1.2, RecordHeader [length 0005]\n    17 03 03 04 00') <= 21


@pytest.mark.sluice_only('on a busy machine it loses one in sixty answers to early data')
@pytest.mark.parametrize('version', [V13])
def test_early_data(server, version):
    site = server(server_conf('ssl_certificate a.test.pem; ssl_certificate_key a.test.key; ssl_early_data on; ssl_session_cache shared:s:1m;')
                  .replace('$ssl_cipher', 'early=$ssl_early_data').replace('ssl_early_data on;', 'ssl_early_data on; keepalive_timeout 1s;'),
                  files=tls.files('a.test'))
    # Kept for a moment: the client's end of the handshake comes behind the request, and would reset a closed connection.
    site.write('request', request('GET', '/', host='a.test'))
    command = ['openssl', 's_client', '-connect', f'127.0.0.1:{site.port()}', '-servername', 'a.test', '-ign_eof']
    first = subprocess.run([*command, '-sess_out', str(site.prefix / 'session')], input=(site.prefix / 'request').read_bytes(),
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert b'early=\r\n' in first.stdout or b'early=' in first.stdout and b'early=1' not in first.stdout
    second = subprocess.run([*command, '-sess_in', str(site.prefix / 'session'), '-early_data', str(site.prefix / 'request')], input=b'',
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, check=False)
    assert b'Early data was accepted' in second.stdout
    assert b'early=1' in second.stdout


@pytest.mark.sluice_only('the default server decides for all names')
def test_early_data_of_a_name_that_takes_none(server):
    """A request that can be replayed reaches no server that does not take such."""
    site = server('ssl_certificate a.test.pem; ssl_certificate_key a.test.key; ssl_protocols TLSv1.3;'
                  'server { listen 127.0.0.1:%%main%% ssl; server_name a.test; ssl_early_data on; return 200 a; }'
                  'server { listen 127.0.0.1:%%main%% ssl; server_name b.test; return 200 "early=$ssl_early_data."; }', files=tls.files('a.test,b.test'))
    site.write('request', request('GET', '/', {'Connection': 'close'}, host='b.test'))
    request_file, session = str(site.prefix / 'request'), str(site.prefix / 'session')
    command = ['openssl', 's_client', '-connect', f'127.0.0.1:{site.port()}', '-ign_eof']
    subprocess.run([*command, '-servername', 'b.test', '-sess_out', session], input=(site.prefix / 'request').read_bytes(),
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    done = subprocess.run([*command, '-servername', 'b.test', '-sess_in', session, '-early_data', request_file],
                          input=(site.prefix / 'request').read_bytes(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, check=False)
    assert b'Reused, TLSv1.3' in done.stdout
    assert b'Early data was not sent' in done.stdout
    assert b'early=.' in done.stdout
