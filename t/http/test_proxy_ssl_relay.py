"""Everything that goes to plain upstreams goes to TLS ones as well: bodies of any size both ways, upgrades, real servers as origins, many at once."""
import contextlib
import hashlib
import random
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from lib import binary, tls, tls_upstream
from lib.client import request
from lib.messages import BrokenOff, reply
from lib.ports import free_port
from lib.traffic import Traffic
from lib.wait import DEADLINE, takes, wait_for

LARGE = random.Random(7).randbytes(3 * 1024 * 1024 + 17)
CONF = '''client_max_body_size 20m;
    server { listen 127.0.0.1:%%main%%; proxy_http_version 1.1; proxy_set_header Connection "";
    location / { proxy_pass https://127.0.0.1:%%up%%; OPTIONS } }'''


@pytest.fixture
def behind(server, scripted):
    """behind(script, options) is a server whose TLS upstream runs the script."""
    def start(script, options=''):
        up = scripted(script, tls=tls_upstream.context())
        return server(CONF.replace('OPTIONS', options), ports={'up': up.port}), up
    return start


def serving(data):
    """A script that answers every request with these bytes."""
    def script(peer, upstream):
        while (asked := peer.request()) is not None:
            upstream.requests.append(asked)
            peer.send(data)
    return script


def chunked(body, size):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
            b''.join(b'%x\r\n%s\r\n' % (len(piece), piece) for piece in pieces) + b'0\r\n\r\n')


@pytest.mark.parametrize('options', ['', 'proxy_buffering off;', 'proxy_max_temp_file_size 0;', 'proxy_buffers 3 4k; proxy_busy_buffers_size 4k;'],
                         ids=['buffered', 'unbuffered', 'no file', 'small buffers'])
@pytest.mark.parametrize('data', [reply(LARGE), chunked(LARGE, 5000)], ids=['length', 'chunks'])
def test_large_answers(behind, options, data):
    s, _ = behind(serving(data), options)
    with s.connect() as c:
        for _ in range(2):
            assert c.get('/').body == LARGE


@pytest.mark.parametrize('options', ['', 'proxy_buffering off;'], ids=['buffered', 'unbuffered'])
def test_slow_client(behind, options):
    s, _ = behind(serving(reply(LARGE)), options)
    c = s.connect(receive_buffer=4096)
    c.send(request('GET', '/'))
    c.wait_readable()
    assert s.get('/').body == LARGE  # another one is served meanwhile
    assert c.response().body == LARGE


@pytest.mark.parametrize('options', ['', 'proxy_request_buffering off;'], ids=['buffered', 'streamed'])
@pytest.mark.parametrize('size', [1, 16384, 16385, len(LARGE)])
def test_request_bodies(behind, options, size):
    s, up = behind(serving(reply('thanks')), options)
    assert s.connect().request('POST', '/', body=LARGE[:size]).text == 'thanks'
    assert up.last.body == LARGE[:size]


def test_streamed_request_body_in_chunks(behind):
    s, up = behind(serving(reply('thanks')), 'proxy_request_buffering off;')
    c = s.connect()
    c.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    for at in range(0, len(LARGE), 100_000):
        piece = LARGE[at:at + 100_000]
        c.send(b'%x\r\n%s\r\n' % (len(piece), piece))
    c.send('0\r\n\r\n')
    assert c.response().text == 'thanks' and up.last.body == LARGE


def test_upstream_that_reads_slowly(behind):
    """The body fills every buffer on the way, and waits."""
    gate = threading.Event()

    def script(peer, upstream):
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        assert gate.wait(DEADLINE)
        upstream.requests.append(peer.request())
        peer.send(reply('thanks'))
    s, up = behind(script)
    c = s.connect()
    c.send(request('POST', '/', body=LARGE))
    wait_for(lambda: up.open == 1, 'the connection to the upstream')
    gate.set()
    assert c.response().text == 'thanks' and up.last.body == LARGE


def test_answer_before_the_body_has_come(behind):
    def script(peer, _):
        peer.request(with_body=False)
        peer.send(reply('no', status='403 Forbidden', headers=[('Connection', 'close')]))
    s, _ = behind(script, 'proxy_request_buffering off;')
    c = s.connect()
    c.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nbegin')
    assert c.response().status == 403


def test_client_that_leaves(behind):
    gone = threading.Event()

    def script(peer, _):
        peer.request()
        with contextlib.suppress(OSError):
            peer.send(b'HTTP/1.1 200 OK\r\n\r\n')
            while not gone.is_set():
                peer.send(b'x' * 10000)
    s, up = behind(script)
    c = s.connect()
    c.send(request('GET', '/'))
    c.wait_readable()
    c.reset()
    wait_for(lambda: up.open == 0, 'the end of the connection to the upstream')
    gone.set()


# Upgrade

def test_tunnel(behind):
    def script(peer, _):
        asked = peer.request()
        assert asked.headers['Upgrade'] == 'echo'
        peer.send(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello')
        left = len(LARGE)
        while left:
            data = peer.socket.recv(65536)
            peer.socket.sendall(data)
            left -= len(data)
    s, up = behind(script, 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;')
    c = s.connect()
    c.send('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n')
    assert c.response().status == 101 and c.reader.take(5) == b'hello'
    sender = threading.Thread(target=lambda: c.socket.sendall(LARGE), daemon=True)
    sender.start()
    assert c.reader.take(len(LARGE)) == LARGE
    sender.join(DEADLINE)
    with takes(0, 5):  # no longer than the upstream's goodbye needs
        assert c.is_closed()
    wait_for(lambda: up.open == 0, 'the end of the upstream')


# Real servers

@contextlib.contextmanager
def running(command, port, **options):
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        def accepts():
            assert process.poll() is None, f'{command[0]} has ended'
            with contextlib.suppress(OSError):
                socket.create_connection(('127.0.0.1', port), DEADLINE).close()
                return True
        wait_for(accepts, f'start of {command[0]}')
        yield process
    finally:
        process.terminate()
        process.wait(DEADLINE)
        process.stdin.close()


@pytest.fixture
def folder(tmp_path):
    for name, content in tls.files('a.test').items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / 'html').mkdir()
    (tmp_path / 'logs').mkdir()
    (tmp_path / 'html/large').write_bytes(LARGE)
    return tmp_path


VERIFIED = 'proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem; proxy_ssl_name a.test; proxy_ssl_server_name on;'


def test_openssl_as_the_origin(server, folder):
    port = free_port()
    command = ['openssl', 's_server', '-accept', f'127.0.0.1:{port}', '-cert', '../conf/a.test.pem', '-key', '../conf/a.test.key', '-WWW', '-quiet']
    with running(command, port, cwd=folder / 'html'):
        s = server(CONF.replace('OPTIONS', VERIFIED), files=tls.files('a.test'), ports={'up': port})
        assert s.get('/large').body == LARGE


@pytest.mark.parametrize('protocols', ['TLSv1.2', 'TLSv1.3'])
def test_nginx_as_the_origin(server, folder, protocols):
    if not shutil.which(binary.NGINX):
        pytest.skip('needs nginx for the origin')
    port = free_port()
    (folder / 'conf/nginx.conf').write_text(f'''daemon off; pid logs/pid; events {{}} http {{ access_log off; client_body_temp_path temp; server {{
        listen 127.0.0.1:{port} ssl; ssl_certificate a.test.pem; ssl_certificate_key a.test.key; ssl_protocols {protocols}; root html;
        location /told {{ return 200 "$ssl_protocol $ssl_session_reused $ssl_server_name $connection_requests"; }} }} }}''')
    (folder / 'html').chmod(0o755)
    folder.chmod(0o755)
    conf = CONF.replace('https://127.0.0.1:%%up%%', 'https://u') + ' upstream u { server 127.0.0.1:%%up%%; keepalive 2; }'
    with running([binary.NGINX, '-p', f'{folder}/', '-c', 'conf/nginx.conf', '-e', 'logs/error.log', '-g', 'user root;'], port):
        s = server(conf.replace('OPTIONS', VERIFIED + f'proxy_ssl_protocols {protocols};'), files=tls.files('a.test'), ports={'up': port})
        assert s.get('/told').text == f'{protocols} . a.test 1'
        assert s.get('/told').text == f'{protocols} . a.test 2'
        assert s.get('/large').body == LARGE
        with contextlib.ExitStack() as stack:  # more connections than are kept: some resume a session
            clients = [stack.enter_context(s.connect()) for _ in range(4)]
            for c in clients:
                c.send(request('GET', '/large'))
            assert all(c.response().body == LARGE for c in clients)


# Many

def test_soak(server, scripted):
    """Clients that ask, post, leave early and stay; an upstream that closes now and then in every way it can."""
    dice = random.Random(11)

    def script(peer, _):
        with contextlib.suppress(ssl.SSLError, BrokenOff):  # the request, or the answer, of a client that has left
            serve(peer)

    def serve(peer):
        while (asked := peer.request()) is not None:
            size = int(asked.headers.get('X-Size', '0'))
            body = LARGE[:size]
            how = dice.random()
            digest = hashlib.sha256(asked.body).hexdigest()
            head = [('X-Digest', digest), *([('Connection', 'close')] if how < 0.1 else [])]
            peer.send(reply(body, headers=head))
            if how < 0.1:
                return
            if how < 0.13:
                peer.socket.close()
                return
    up = scripted(script, tls=tls_upstream.context())
    conf = CONF.replace('https://127.0.0.1:%%up%%', 'https://u') + ' upstream u { server 127.0.0.1:%%up%% max_fails=0; keepalive 4; keepalive_requests 20; }'
    s = server(conf.replace('OPTIONS', 'proxy_next_upstream error timeout non_idempotent;'), ports={'up': up.port})
    problems = []

    def client(number):
        own = random.Random(number)
        try:
            for _ in range(20):
                with s.connect() as c:
                    for _ in range(own.randrange(1, 6)):
                        size = own.choice([0, 1, 1000, 16384, 70000, 400000])
                        body = LARGE[:own.choice([0, 10, 20000, 300000])]
                        c.send(request('POST', '/', [('X-Size', size)], body))
                        if own.random() < 0.1:
                            break
                        answer = c.response('POST')
                        assert answer.status == 200 and answer.body == LARGE[:size]
                        assert answer.headers['X-Digest'] == hashlib.sha256(body).hexdigest()
        except Exception as problem:  # told below: a thread has nobody else
            problems.append(problem)
    threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not problems
    wait_for(lambda: up.open <= 4, 'idle connections only')


@pytest.mark.sluice_only('on a reload it closes idle kept connections under clients that are just sending')
def test_reload_under_traffic(server, scripted):
    """Old workers end what they have begun, kept connections included; new ones shake hands anew."""
    up = scripted(tls_upstream.telling(close=False), tls=tls_upstream.context())
    conf = CONF.replace('https://127.0.0.1:%%up%%', 'https://u') + ' upstream u { server 127.0.0.1:%%up%%; keepalive 8; }'
    s = server(conf.replace('OPTIONS', VERIFIED), files=tls.files('a.test'), ports={'up': up.port})
    with Traffic(s.port(), target='/', expected=200) as traffic:
        for _ in range(3):
            before = traffic.answered
            wait_for(lambda: traffic.answered > before + 20, 'traffic')
            s.reload()
    assert not traffic.failures


def test_reload_with_a_broken_certificate(server, scripted):
    """The old settings go on."""
    up = scripted(tls_upstream.telling(), tls=tls_upstream.context())
    s = server(CONF.replace('OPTIONS', VERIFIED), files=tls.files('a.test'), ports={'up': up.port})
    s.write('conf/ca.pem', 'nonsense')
    s.excuse(r'\[emerg\].*SSL_CTX_load_verify_locations')
    s.signal('HUP')
    s.wait_log(r'\[emerg\] .*SSL_CTX_load_verify_locations\("%s/conf/ca.pem"\) failed \(SSL: .*no certificate or crl found\)' % s.prefix)
    assert s.get('/').status == 200
