"""Kernel TLS (`ssl_conf_command Options KTLS`): where the kernel has it, it encrypts what is sent; where it has not, nothing changes.

Each test runs on either kind of kernel, and asks this one's counters which of the two ways was taken."""
import contextlib
import functools
import hashlib
import pathlib
import re
import signal
import socket
import ssl
import subprocess

import pytest

from lib import tls
from lib.client import request
from lib.messages import reply

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
LARGE = bytes(range(256)) * 4096 * 3
CLOSE = {'Connection': 'close'}

CONF = '''
    ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;  ssl_protocols TLSv1.2 TLSv1.3;  ssl_session_cache shared:s:1m;
    <settings>
    log_format sent "$request_uri $body_bytes_sent $bytes_sent $request_completion";
    server {
        listen 127.0.0.1:%%main%% ssl;
        server_name a.test;
        access_log logs/sent.log sent;
        root html;
        location /what { return 200 "$ssl_session_reused|$ssl_cipher"; }
    }
    server { listen 127.0.0.1:%%main%% ssl;  server_name b.test;  ssl_certificate b.test.pem;  ssl_certificate_key b.test.key;
             <other>  root html; }
'''
FILES = {**tls.files('a.test', 'b.test'), 'html/small': 'small', 'html/large': LARGE}


def of(settings='sendfile on;', ktls='ssl_conf_command Options KTLS;', other='ssl_conf_command Options KTLS;'):
    return CONF.replace('<settings>', f'{ktls} {settings}').replace('<other>', other)


@functools.cache
def kernel_has_tls():
    """A connected socket takes the protocol."""
    with socket.create_server(('127.0.0.1', 0)) as listening, socket.create_connection(listening.getsockname()) as client:
        try:
            client.setsockopt(socket.IPPROTO_TCP, 31, b'tls')  # TCP_ULP
        except OSError:
            return False
        return True


def encrypted_connections():
    """How many sockets have been given keys for sending since the kernel has started."""
    with contextlib.suppress(FileNotFoundError):
        return int(re.search(r'TlsTxSw\s+(\d+)', pathlib.Path('/proc/net/tls_stat').read_text(encoding='ascii'))[1])
    return 0


@contextlib.contextmanager
def kernel_encrypts(count=1):
    """The kernel, if it can, encrypts for so many of the connections that are made in the block."""
    before = encrypted_connections()
    yield
    assert encrypted_connections() - before == (count if kernel_has_tls() else 0)


def connect(site, version=V13, name='a.test', **options):
    made = tls.connect(site, tls=tls.context(minimum_version=version, maximum_version=version), name=name, **options)
    made.socket.suppress_ragged_eofs = False  # an end without close_notify is an error
    return made


@pytest.fixture(scope='module')
def site(module_server):
    return module_server(of(), files=FILES)


versions = pytest.mark.parametrize('version', [V12, V13], ids=['TLSv1.2', 'TLSv1.3'])


@versions
def test_files_on_a_kept_connection(site, version):
    with kernel_encrypts(), connect(site, version) as c:
        for _ in range(3):
            assert c.get('/large', host='a.test').body == LARGE
            assert c.get('/small', host='a.test').body == b'small'
            assert c.get('/what', host='a.test').text.startswith('.|')


@versions
def test_pipelined(site, version):
    with kernel_encrypts(), connect(site, version) as c:
        c.send(request('GET', '/large', host='a.test') + request('GET', '/small', host='a.test') + request('GET', '/large', host='a.test'))
        assert [len(response.body) for response in c.responses(3)] == [len(LARGE), 5, len(LARGE)]


def test_http2(server, tmp_path):
    """Frames of both responses, which are many records, leave through the kernel as well."""
    s = server(of().replace('%%main%% ssl;', '%%main%% ssl http2;'), files=FILES)
    urls = [word for name in ('large', 'small') for word in ('-o', tmp_path / name, f'https://a.test:{s.port()}/{name}')]
    with kernel_encrypts():
        done = subprocess.run(['curl', '-sSk', '--http2', '--resolve', f'a.test:{s.port()}:127.0.0.1', '-w', '%{http_version} %{num_connects}\n',
                               *urls], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == '2 1\n2 0\n'
    assert (tmp_path / 'large').read_bytes() == LARGE
    assert (tmp_path / 'small').read_bytes() == b'small'


@versions
def test_end_is_announced(site, version):
    for target, body in (('/small', b'small'), ('/large', LARGE)):
        with kernel_encrypts(), connect(site, version) as c:
            assert c.get(target, CLOSE, host='a.test').body == body
            assert c.is_closed()


@versions
def test_client_closes_properly(site, version):
    with kernel_encrypts(), connect(site, version) as c:
        assert c.get('/small', host='a.test').body == b'small'
        assert c.close_notify().recv(1) == b''


@versions
@pytest.mark.parametrize('size', [4096, 65536])
def test_slow_reader_gets_all_before_the_end(server, version, size):
    """The kernel holds back what it has encrypted while the socket is full, and forgets it when the socket is closed."""
    site = server(of().replace(' ssl;', ' ssl sndbuf=16k;', 1), files=FILES)
    for take in (1000, 5000, 17000):
        with kernel_encrypts(), connect(site, version, receive_buffer=size) as c:
            c.send(request('GET', '/large', CLOSE, host='a.test'))
            received = b''
            while part := c.socket.recv(take):
                received += part
            assert received.endswith(b'\r\n\r\n' + LARGE)


@versions
def test_resumption(site, version):
    context = tls.context(minimum_version=version, maximum_version=version)
    session = None
    for reused in (False, True, True):
        with kernel_encrypts(), tls.connect(site, tls=context, session=session) as c:
            assert c.get('/what', host='a.test').text.startswith('r|' if reused else '.|')
            assert c.get('/large', host='a.test').body == LARGE
            session = c.socket.session


@pytest.mark.parametrize('settings', ['sendfile off;', 'sendfile on; sendfile_max_chunk 100k;', 'sendfile on; tcp_nopush on;',
                                      'sendfile on; aio threads;', 'sendfile on; ssl_buffer_size 4k;',
                                      'sendfile on; limit_rate_after 2m; limit_rate 10m;'])
def test_ways_of_files(server, settings):
    site = server(of(settings), files=FILES)
    with kernel_encrypts(), connect(site) as c:
        for _ in range(2):
            assert c.get('/large', host='a.test').body == LARGE
            assert c.get('/small', host='a.test').body == b'small'


@pytest.mark.parametrize('version, cipher, can', [
    (V12, 'ECDHE-ECDSA-AES128-GCM-SHA256', True), (V12, 'ECDHE-ECDSA-AES256-GCM-SHA384', True), (V12, 'ECDHE-ECDSA-CHACHA20-POLY1305', True),
    (V12, 'ECDHE-ECDSA-AES128-SHA256', False), (V13, 'TLS_AES_128_GCM_SHA256', True), (V13, 'TLS_AES_256_GCM_SHA384', True),
    (V13, 'TLS_CHACHA20_POLY1305_SHA256', True), (V13, 'TLS_AES_128_CCM_SHA256', False)])
def test_ciphers(server, version, cipher, can):
    """CBC is not for the kernel; of CCM with TLS 1.3, OpenSSL thinks the same."""
    kind = f'ssl_ciphers {cipher};' if version == V12 else f'ssl_conf_command Ciphersuites {cipher};'
    site = server(of(f'sendfile on; {kind}'), files=FILES)
    command = ['openssl', 's_client', '-quiet', '-connect', f'127.0.0.1:{site.port()}', '-servername', 'a.test']
    command += ['-ciphersuites', cipher] if version == V13 else ['-tls1_2', '-cipher', cipher]
    with kernel_encrypts(1 if can else 0):
        done = subprocess.run(command, input=request('GET', '/large', CLOSE, host='a.test'), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=60, check=False)
    assert done.stdout.endswith(b'\r\n\r\n' + LARGE)


@pytest.mark.parametrize('ktls, other, counts', [
    ('', 'ssl_conf_command Options KTLS;', {'a.test': 0, 'b.test': 1}),
    ('ssl_conf_command Options KTLS;', 'ssl_conf_command Options -KTLS;', {'a.test': 1, 'b.test': 0})])
@pytest.mark.sluice_only('until 1.27 the default server decides')
def test_server_that_is_named_decides(server, ktls, other, counts):
    site = server(of(ktls=ktls, other=other), files=FILES)
    for name, count in counts.items():
        with kernel_encrypts(count), connect(site, name=name) as c:
            assert c.get('/large', host=name).body == LARGE


def test_early_data(server, tmp_path):
    """s_client forgets what comes before it has looked for an answer, so that the server's log says what was sent."""
    site = server(of('sendfile on; ssl_early_data on;'), files=FILES)
    base = ['openssl', 's_client', '-connect', f'127.0.0.1:{site.port()}', '-servername', 'a.test']
    early = tmp_path / 'early'
    early.write_bytes(request('GET', '/large', CLOSE, host='a.test'))

    def run(*options, data=b''):
        return subprocess.run([*base, *options], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=False).stdout
    with kernel_encrypts(2):
        run('-ign_eof', '-sess_out', str(tmp_path / 'session'), data=request('GET', '/small', CLOSE, host='a.test'))
        # It asks only there, and not again when early data is refused.
        output = run('-quiet', '-sess_in', str(tmp_path / 'session'), '-early_data', str(early))
    head, _, body = output.partition(b'\r\n\r\n')
    assert head.startswith(b'HTTP/1.1 200 OK\r\n') and body and LARGE.startswith(body)
    assert re.fullmatch(rf'/large {len(LARGE)} \d+ OK', site.access(2, 'logs/sent.log')[1])


@pytest.mark.parametrize('letter, survives', [('k', True), ('K', False)], ids=['of the client', 'of both'])
def test_new_keys(site, letter, survives):
    """The kernel can't change keys: a client that wants new ones from the server is told that this is the end."""
    command = ['openssl', 's_client', '-connect', f'127.0.0.1:{site.port()}', '-servername', 'a.test', '-msg', '-tls1_3']
    with kernel_encrypts(), subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
        ask = request('GET', '/small', host='a.test')
        client.stdin.write(ask)
        client.stdin.flush()
        output = b''
        while b'small' not in output.rsplit(b'\r\n\r\n', 1)[-1] or b'HTTP/1.1 200' not in output:
            output += client.stdout.read1()
        client.stdin.write(f'{letter}\n'.encode())
        client.stdin.flush()
        ends = kernel_has_tls() and not survives
        wanted = b'Alert [length 0002], fatal internal_error' if ends else b'KeyUpdate'
        while wanted not in output:
            part = client.stdout.read1()
            assert part, output
            output += part
        if not ends:
            output = b''
            client.stdin.write(request('GET', '/large', CLOSE, host='a.test'))
            client.stdin.flush()
            output += client.stdout.read()
            assert b'HTTP/1.1 200' in output
        client.send_signal(signal.SIGKILL)
    if ends:
        site.wait_log(r'\[info\].*SSL_read\(\) failed \(SSL: .*:unexpected message:KeyUpdate, and the kernel encrypts\)')


def test_bytes_are_counted(server):
    site = server(of(), files=FILES)
    with kernel_encrypts(), connect(site) as c:
        small, large = c.get('/small', host='a.test'), c.get('/large', host='a.test')
    for line, target, response in zip(site.access(2, 'logs/sent.log'), ('/small', '/large'), (small, large)):
        assert line == f'{target} {len(response.body)} {len(response.raw)} OK'


@pytest.mark.parametrize('version', ['TLSv1.2', 'TLSv1.3'])
@pytest.mark.parametrize('buffering', ['on', 'off'])
def test_to_an_upstream(server, upstream, version, buffering):
    """Answers come through the kernel of one server, and bodies of requests leave through that of the other, to whom it is the upstream."""
    last = upstream(lambda r: reply(hashlib.sha256(r.body).hexdigest()))
    site = server(f'''
        ssl_certificate a.test.pem;  ssl_certificate_key a.test.key;  ssl_protocols TLSv1.2 TLSv1.3;  client_max_body_size 10m;
        proxy_request_buffering {buffering};
        server {{ listen 127.0.0.1:%%behind%% ssl;  sendfile on;  ssl_conf_command Options KTLS;  root html;
                  location /upload {{ proxy_pass http://127.0.0.1:{last.port}; }} }}
        server {{ listen 127.0.0.1:%%main%%;  proxy_ssl_protocols {version};  proxy_ssl_conf_command Options KTLS;
                  location / {{ proxy_pass https://127.0.0.1:%%behind%%; }} }}''', files=FILES)
    with kernel_encrypts(2):  # one connection, its two ends
        assert site.request('POST', '/upload', body=LARGE).text == hashlib.sha256(LARGE).hexdigest()
    assert site.get('/large').body == LARGE


@pytest.mark.skipif(not kernel_has_tls(), reason='this kernel has no TLS')
@versions
def test_files_leave_by_sendfile(site, version):
    worker, = site.workers()
    with subprocess.Popen(['strace', '-f', '-qq', '-e', 'trace=sendfile,pread64,setsockopt', '-p', str(worker)], stderr=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, text=True) as tracer:
        with connect(site, version) as c:
            assert c.get('/large', host='a.test').body == LARGE
        with connect(site, version) as c:
            assert c.get('/large', host='a.test').body == LARGE
        tracer.terminate()
        calls = tracer.stderr.read()
    assert re.search(r'setsockopt\(\d+, SOL_TCP, TCP_ULP, .*= 0', calls), calls
    assert re.search(r'setsockopt\(\d+, SOL_TLS, TLS_TX, .*= 0', calls) or re.search(r'setsockopt\(\d+, 0x11a.*= 0', calls), calls
    assert sum(int(size) for size in re.findall(r'sendfile\(.*= (\d+)', calls)) >= len(LARGE), calls
    assert 'pread64' not in calls, calls
