"""What happens at the limits: worker_connections reached, and descriptors that run out."""
import select
import subprocess
import threading
import time

import pytest

from lib import binary, processes
from lib.client import request
from lib.wait import takes, wait_for

GET = request('GET', '/none')
FULL = 'worker_connections are not enough'


def one_worker(**parts):
    return {'main': 'worker_processes 1;', **parts}


def keep(s, count):
    """So many connections, each with an answered request, oldest first."""
    kept = []
    for _ in range(count):
        kept.append(s.connect())
        assert kept[-1].get('/none').status == 404
    return kept


# worker_connections

def test_oldest_idle_connections_make_room(server, conf):
    s = server(conf(**one_worker(events='worker_connections 32;')))
    kept = keep(s, 24)
    for connection in kept[:4]:  # no longer the oldest
        assert connection.get('/none').status == 404
    newer = keep(s, 12)
    s.wait_log(rf'\[warn\] \d+#\d+: (\*\d+ )?32 {FULL}, reusing connections')
    closed = [not connection.is_open() for connection in kept]
    assert closed[4] and not any(closed[:4])
    assert closed[4:] == sorted(closed[4:], reverse=True), 'not the oldest ones were closed'
    for connection in [*newer, *kept[:4]]:
        assert connection.get('/none').status == 404
    assert s.log().count('reusing connections') <= 3


def is_over(connection):
    """Whether the server has closed it; what it has sent before is dropped."""
    connection.socket.setblocking(False)
    try:
        while connection.socket.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        pass
    return True


PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@pytest.mark.parametrize('port, opens', [
    ('main', b''), ('h2', b''), pytest.param('h2', PREFACE, marks=pytest.mark.sluice_only('nginx waits for their first request')),
])
def test_connections_that_ask_for_nothing_make_room(server, conf, port, opens):
    s = server(conf(**one_worker(events='worker_connections 32;', server='listen 127.0.0.1:%%h2%% http2;')))
    silent = [s.connect(port).send(opens) for _ in range(40)]
    s.wait_log(rf'\[warn\] \d+#\d+: (\*\d+ )?32 {FULL}, reusing connections')
    began = time.monotonic()
    assert s.connect().get('/none').status == 404
    assert time.monotonic() - began < 5, 'it waited for client_header_timeout'
    wait_for(lambda: is_over(silent[0]), 'the oldest to be closed')
    assert not is_over(silent[-1])


@pytest.mark.sluice_only('it closes those that come while all others are busy')
def test_a_silent_connection_beside_busy_ones_makes_room(server, conf):
    s = server(conf(**one_worker(events='worker_connections 12;')))
    busy = [s.connect().send(GET[:-2]) for _ in range(11)]
    assert s.get('/none').status == 404  # behind it, the others are known to be busy
    s.connect()
    began = time.monotonic()
    assert s.connect().get('/none').status == 404
    assert time.monotonic() - began < 5
    for connection in busy:
        assert connection.send(b'\r\n').response().status == 404


def test_a_full_worker_leaves_new_connections_to_others(server, conf):
    """The kernel wakes one worker for a connection: one without room must not be woken in vain."""
    s = server(conf(main='worker_processes 2;', events='worker_connections 64;'))
    busy = []
    for _ in range(90):
        connection = s.connect()
        assert connection.get('/none').status == 404
        busy.append(connection.send(GET[:-2]))
    for connection in busy:
        assert connection.send(b'\r\n').response().status == 404


@pytest.mark.sluice_only('it closes those that come meanwhile')
def test_busy_connections_never_make_room(server, conf):
    """Those that come meanwhile wait, and are served as soon as there is room."""
    s = server(conf(**one_worker(events='worker_connections 16;')))
    busy = []
    while FULL not in s.log() and len(busy) < 40:
        busy.append(s.connect().send(GET[:-2]))
        select.select([busy[-1].socket], [], [], 0.02)
    assert FULL in s.log()
    late = s.connect().send(GET)
    answered = 0
    for connection in busy:
        connection.send(b'\r\nX')  # the rest of the request, and the next one's begin: it stays busy
    waiting = list(busy)
    deadline = time.monotonic() + 10
    while answered < len(busy) and time.monotonic() < deadline:
        for readable in select.select([c.socket for c in waiting], [], [], 1)[0]:
            connection = next(c for c in waiting if c.socket is readable)
            assert connection.response().status == 404
            waiting.remove(connection)
            connection.close()
            answered += 1
    assert answered == len(busy) and late.response().status == 404


@pytest.mark.sluice_only('it closes those that come meanwhile')
def test_idle_connections_to_upstreams_make_room(server, conf, scripted):
    all_there = threading.Barrier(14)

    def script(up, _):
        while up.request() is not None:
            all_there.wait(10)
            up.send(b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback')
    back = scripted(script)
    s = server(conf(**one_worker(
        events='worker_connections 32;', http=f'upstream back {{ server 127.0.0.1:{back.port}; keepalive 64; }}',
        server="location /up { proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ''; }")))
    clients = [s.connect().send(request('GET', '/up', {'Connection': 'close'})) for _ in range(14)]
    for client in clients:
        assert client.response().body == b'back' and client.is_closed()
    busy = [s.connect().send(GET[:-2]) for _ in range(25)]
    with takes(0, 5):
        for connection in busy:  # each stays busy with the next one
            assert connection.send(b'\r\nG').response().status == 404


@pytest.mark.parametrize('count, listens', [(1, 1), (2, 2), (1, 2)])
def test_fewer_connections_than_sockets(tmp_path, conf, count, listens):
    (tmp_path / 'logs').mkdir()
    text = conf(events=f'worker_connections {count};', server='listen unix:%%PREFIX%%/b.sock;' if listens == 2 else '')
    text = text.replace('127.0.0.1:%%main%%', 'unix:%%PREFIX%%/a.sock').replace('%%PREFIX%%', str(tmp_path))
    (tmp_path / 'test.conf').write_text(text)
    done = subprocess.run([binary.path(), '-t', '-p', str(tmp_path), '-c', 'test.conf', '-e', 'logs/error.log'],
                          capture_output=True, text=True, timeout=20, check=False)
    wrong = count < listens or count == listens
    assert (done.returncode == 1) == wrong
    assert (f'[emerg] {count} worker_connections are not enough for {listens} listening sockets' in done.stderr) == wrong


# Descriptors

def starve(s, limit, request_without_end=GET[:-2]):
    """Takes connections until the only worker has no descriptor left and has said so."""
    held = []
    while 'Too many open files' not in s.log() and len(held) < 2 * limit:
        held.append(s.connect().send(request_without_end))
        select.select([], [], [], 0.002)
    s.wait_log('Too many open files')
    return held


def starving(start, conf, **parts):
    s = start(conf(**one_worker(main='worker_processes 1; worker_rlimit_nofile 48;', **parts)))
    s.excuse('Too many open files')
    if binary.is_nginx(s.binary):  # a stop while it does not accept
        s.excuse(r'accept4\(\) failed \(9: Bad file descriptor\)')
    return s


def test_out_of_descriptors_the_worker_does_not_spin(server, conf):
    s = starving(server, conf, server='return 204;')
    held = starve(s, 48)
    s.wait_log(r'\[crit\] \d+#\d+: (\*\d+ )?accept4\(\) failed \(24: Too many open files\)')
    waiting = [s.connect().send(GET) for _ in range(4)]
    worker, = s.workers()
    before, start = processes.cpu_seconds(worker), time.monotonic()
    assert not select.select([c.socket for c in waiting], [], [], 1.5)[0]
    used, lines = processes.cpu_seconds(worker) - before, s.log().count('Too many open files')
    assert used < 0.15 * (time.monotonic() - start), f'{used} s of CPU while it could only wait'
    assert lines <= 8, f'{lines} lines about it'
    for connection in held:
        connection.close()
    for connection in waiting:
        assert connection.response().status == 204
    assert s.workers() == [worker]


@pytest.mark.sluice_only('it looks for room only when worker_connections are reached')
def test_out_of_descriptors_idle_connections_make_room(server, conf):
    s = starving(server, conf, server='location /ok { return 204; }')
    kept = []
    while 'Too many open files' not in s.log():
        assert len(kept) < 100
        kept.append(s.connect())
        assert kept[-1].get('/ok').status == 204
    assert kept[0].is_closed() and kept[-1].is_open()
    assert s.get('/none').status == 404 and FULL not in s.log()


@pytest.mark.sluice_only('it looks for room only when worker_connections are reached')
def test_out_of_descriptors_is_said_once_a_second(server, conf):
    s = starving(server, conf, server='location /ok { return 204; }')
    began = time.time()
    for _ in range(150):
        assert s.connect().get('/ok').status == 204  # an older one closes for it
    lines = s.log().count('Too many open files')
    assert 1 <= lines <= int(time.time()) - int(began) + 1


def test_running_requests_go_on_while_descriptors_are_out(server, conf):
    s = starving(server, conf, server='location /ok { return 200 fine; }')
    held = starve(s, 48, request('GET', '/ok')[:-2])
    for _ in range(2):
        assert held[0].send(b'\r\n').response().body == b'fine'
        held[0].send(request('GET', '/ok')[:-2])


def has_worker(pid):
    return any('worker process' in processes.title(child) for child in processes.children(pid))


@pytest.mark.sluice_only('it leaves the sockets, and the pid file')
def test_a_start_without_descriptors_leaves_nothing(tmp_path, conf):
    """Whatever it is that finds none left, the next start finds no file in its way."""
    (tmp_path / 'logs').mkdir()
    listens = ''.join(f'listen unix:{tmp_path}/{n}.sock;' for n in range(12))
    text = conf(server=listens).replace('127.0.0.1:%%main%%', f'unix:{tmp_path}/main.sock')
    (tmp_path / 'test.conf').write_text(f'daemon off;\n{text}')
    command = [binary.path(), '-p', f'{tmp_path}/', '-c', 'test.conf', '-e', 'logs/error.log']
    for count in range(16, 64):
        with subprocess.Popen(['prlimit', f'--nofile={count}', *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            wait_for(lambda: process.poll() is not None or has_worker(process.pid), 'the start, or its end')
            has_started = process.poll() is None
            if has_started:
                process.terminate()
        left = [*tmp_path.glob('*.sock'), *tmp_path.glob('logs/*.pid')]
        assert not left, (count, left)
        if has_started:
            break
    assert has_started and count > 16


def test_files_without_descriptors(server, conf):
    """A file that can't be opened is the request's misfortune only."""
    s = starving(server, conf, server='location /file.txt { root html; }')
    s.write('html/file.txt', 'text')
    kept = s.connect()
    assert kept.get('/file.txt').body == b'text'
    kept.send(b'GET /file.txt HTTP/1.1\r\nHost: a\r\n')
    held = starve(s, 48)
    s.write('html/file.txt', 'other text')
    answer = kept.send(b'\r\n').response()
    assert answer.status in (200, 500)
    for connection in held:
        connection.close()
    wait_for(lambda: s.get('/file.txt').body == b'other text', 'the file again')


def test_upstreams_without_descriptors(server, conf, upstream):
    """No descriptor for the upstream is a 500, as nginx has it, and no fault of the upstream."""
    up = upstream(b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback')
    temp = '' if not binary.is_nginx(binary.path()) else 'fastcgi_temp_path temp/f; uwsgi_temp_path temp/u; scgi_temp_path temp/s;'
    s = starving(server, conf, server=f'location /up {{ proxy_pass http://127.0.0.1:{up.port}; }}', http=f'proxy_temp_path temp/p; {temp}')
    kept = s.connect().send(b'GET /up HTTP/1.1\r\nHost: a\r\n')
    held = starve(s, 48)
    answer = kept.send(b'\r\n').response()
    assert answer.status == 500 and kept.is_closed()
    s.wait_log(r'\[alert\] .*socket\(\) failed \(24: Too many open files\) while connecting to upstream')
    for connection in held:
        connection.close()
    assert s.get('/up').body == b'back'


@pytest.mark.sluice_only('its old worker does not end')
def test_more_files_are_had_by_a_reload(server, conf):
    s = starving(server, conf)
    held = starve(s, 48)
    late = s.connect().send(GET)
    s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace('nofile 48', 'nofile 400'))
    s.signal('HUP')
    assert late.response().status == 404
    for connection in held:
        connection.close()
    wait_for(lambda: len(s.workers()) == 1, 'the end of the old worker')
    s._base = {}
