"""How files get to the client: into memory and out again, past the page cache, in threads; and what becomes of a file or a client that
goes meanwhile."""
import os
import socket
import struct
import subprocess
import tempfile
import time

import pytest

from lib import binary, processes
from lib.client import request
from lib.wait import wait_for

CONF = r'''
    server {
        listen 127.0.0.1:%%main%%;
        root %%PREFIX%%/html;
        location /copied/ { alias %%PREFIX%%/html/; sendfile off; }
        location /one/ { alias %%PREFIX%%/html/; sendfile off; output_buffers 1 4k; }
        location /odd/ { alias %%PREFIX%%/html/; sendfile off; output_buffers 3 1111; }
        location /large/ { alias %%PREFIX%%/html/; sendfile off; output_buffers 2 1m; }
        location /threads/ { alias %%PREFIX%%/html/; sendfile off; aio threads; }
        location /named/ { alias %%PREFIX%%/html/; sendfile off; aio threads=small; output_buffers 4 8k; }
        location /variable/ { alias %%PREFIX%%/html/; sendfile off; aio threads=$arg_pool; }
        location /direct/ { alias %%PREFIX%%/html/; directio 4k; }
        location /directthreads/ { alias %%PREFIX%%/html/; directio 4k; aio threads; }
        location /aligned/ { alias %%PREFIX%%/html/; directio 512; directio_alignment 4k; output_buffers 2 10k; }
        location /sent/ { alias %%PREFIX%%/html/; sendfile on; }
        location /sentthreads/ { alias %%PREFIX%%/html/; sendfile on; aio threads; }
        location /chunks/ { alias %%PREFIX%%/html/; sendfile on; sendfile_max_chunk 64k; read_ahead 1; }
        location /slow/ { alias %%PREFIX%%/html/; sendfile off; limit_rate 1m; limit_rate_after 100k; }
    }
'''
MAIN = 'thread_pool small threads=1 max_queue=16;'
WAYS = ['copied', 'one', 'odd', 'large', 'threads', 'named', 'direct', 'directthreads', 'aligned', 'sent', 'sentthreads', 'chunks', 'slow']
BIG = os.urandom((1 << 20) + 4321)
SIZES = [1, 511, 512, 513, 4095, 4096, 4097, 32768, 32769, 65536, 100_000]
FILES = {'html/big': BIG, **{f'html/{size}': BIG[:size] for size in SIZES}}


@pytest.fixture(scope='module')
def site(module_server):
    return module_server(CONF, main=MAIN, files=FILES)


def cool(path):
    """Takes a file out of the page cache."""
    with open(path, 'rb') as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@pytest.mark.parametrize('way', WAYS)
def test_every_size(site, way):
    for size in SIZES:
        cool(site.prefix / f'html/{size}')
    with site.connect() as c:
        for size in SIZES:
            for _ in range(2):
                assert c.get(f'/{way}/{size}').body == BIG[:size]


@pytest.mark.parametrize('way', WAYS)
def test_ranges(site, way):
    cool(site.prefix / 'html/big')
    with site.connect() as c:
        for first, last in [(0, 0), (1, 1), (511, 513), (4095, 8192), (1000, 500_999), (len(BIG) - 5, len(BIG) - 1), (65_535, 65_537)]:
            part = c.get(f'/{way}/big', {'Range': f'bytes={first}-{last}'})
            assert (part.status, part.body) == (206, BIG[first:last + 1])
        several = c.get(f'/{way}/big', {'Range': 'bytes=5-100000,7-7,900000-900100'})
        for piece in (BIG[5:100_001], BIG[7:8], BIG[900_000:900_101]):
            assert piece in several.body
        assert len(several.body) == int(several.headers['Content-Length'])


@pytest.mark.parametrize('way', WAYS)
def test_head_reads_nothing(site, way):
    with site.connect() as c:
        assert c.request('HEAD', f'/{way}/big').headers['Content-Length'] == str(len(BIG))
        assert c.get(f'/{way}/1').body == BIG[:1]


@pytest.mark.parametrize('way', [way for way in WAYS if way != 'slow'])
def test_slow_reader(site, way):
    cool(site.prefix / 'html/big')
    c = site.connect(receive_buffer=4096)
    c.send(f'GET /{way}/big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert c.response().body == BIG and c.is_closed()


@pytest.mark.parametrize('way', WAYS)
def test_pipelined(site, way):
    with site.connect() as c:
        c.send(f'GET /{way}/big HTTP/1.1\r\nHost: a\r\n\r\n' * 3)
        assert [r.body == BIG for r in c.responses(3)] == [True] * 3


@pytest.mark.parametrize('way', WAYS)
def test_client_that_leaves(site, way):
    """The audit sees descriptors that stay, and a sanitizer memory that was used after its end."""
    for _ in range(10):
        cool(site.prefix / 'html/big')
        c = site.connect(receive_buffer=4096)
        c.send(f'GET /{way}/big HTTP/1.1\r\nHost: a\r\n\r\n')
        c.reset()
    for _ in range(5):
        c = site.connect(receive_buffer=4096)
        c.send(f'GET /{way}/big HTTP/1.1\r\nHost: a\r\n\r\n')
        c.wait_readable()
        c.reset()
    assert site.get(f'/{way}/1').body == BIG[:1]


def test_memory_does_not_grow_with_the_file(server):
    s = server('server { listen 127.0.0.1:%%main%%; sendfile off; }')
    path = s.write('html/huge')
    os.truncate(path, 256 << 20)
    worker, = s.workers()
    with s.connect() as c:
        c.send('GET /huge HTTP/1.1\r\nHost: a\r\n\r\n')
        c.wait_readable()
        before = processes.memory(worker)
        received = 0
        while received < 256 << 20:
            received += len(c.socket.recv(1 << 20))
        assert processes.memory(worker) - before < 16 << 20


def shrink(site, way):
    """A file that loses its end on its way to a client; true where the connection ends with it."""
    path = site.write('html/shrinks')
    os.truncate(path, 64 << 20)
    c = site.connect(receive_buffer=4096)
    c.send(f'GET /{way}/shrinks HTTP/1.1\r\nHost: a\r\n\r\n')
    c.wait_readable()
    os.truncate(path, 1000)
    return len(c.rest()) < 64 << 20


@pytest.mark.parametrize('way', ['copied', 'threads', 'direct'])
def test_file_that_shrinks(site, way):
    """A message that is not complete ends with its connection, and the log tells why."""
    # Ours sends what a read has brought, and fails at the end of the file. Real nginx fails at the read that is short.
    brought = r'\d+' if binary.is_nginx(site.binary) else '0'
    site.excuse('pread.. read only')  # real nginx takes it for an alert
    assert shrink(site, way)
    site.wait_log(rf'pread\(\) read only {brought} of \d+ from ".*/html/shrinks"')


@pytest.mark.parametrize('way', ['sent', 'sentthreads', 'chunks'])
def test_file_that_shrinks_while_the_kernel_sends_it(site, way):
    site.excuse('was truncated at')  # real nginx takes it for an alert
    assert shrink(site, way)
    site.wait_log(r'\[(crit|alert)\].* sendfile\(\) reported that ".*/html/shrinks" was truncated at \d+'
                  rf' while sending response to client, .*"GET /{way}/shrinks')


def test_pool_of_a_variable(site):
    assert site.get('/variable/100000?pool=small').body == BIG[:100_000]
    with site.connect() as c:
        c.send('GET /variable/100000?pool=none HTTP/1.1\r\nHost: a\r\n\r\n')
        assert c.is_closed()
    site.wait_log(r'\[error\] .* thread pool "none" not found')


@pytest.mark.sluice_only('the connection may stay open without another byte')
def test_pool_that_overflows(server):
    """Reads that find no place in the queue fail their request and no other."""
    s = server('server { listen 127.0.0.1:%%main%%; sendfile off; directio 1; aio threads=tiny; }',
               main='thread_pool tiny threads=1 max_queue=0;', files={'html/big': BIG})
    with s.connect() as c:
        c.send('GET /big HTTP/1.1\r\nHost: a\r\n\r\n')
        c.rest()
    s.wait_log(r'\[error\] .*thread pool "tiny" queue overflow: 0 tasks waiting')
    assert s.get('/none').status == 404


def file_system():
    """Type of the one that the servers' folders lie in."""
    kind = subprocess.run(['stat', '-f', '-c', '%T', tempfile.gettempdir()], stdout=subprocess.PIPE, text=True, check=True)
    return kind.stdout.strip()


def threads_of(pid):
    return len(os.listdir(f'/proc/{pid}/task'))


@pytest.mark.skipif(file_system() == 'tmpfs', reason='files of a tmpfs are nowhere but in the page cache')
@pytest.mark.sluice_only('it starts all threads at once')
@pytest.mark.parametrize('name', ['big', '4096'])
def test_what_is_cached_needs_no_thread(server, name):
    s = server('server { listen 127.0.0.1:%%main%%; sendfile off; aio threads; }', files=FILES)
    worker, = s.workers()
    before = threads_of(worker)
    s.write(f'html/{name}', FILES[f'html/{name}'])  # just written: in the page cache, and too young to be kept in memory
    assert s.get(f'/{name}').body == FILES[f'html/{name}']
    assert threads_of(worker) == before

    def takes_a_thread():
        """Now and then the disk is quicker than the question whether it must be waited for."""
        cool(s.prefix / f'html/{name}')
        assert s.get(f'/{name}').body == FILES[f'html/{name}']
        return threads_of(worker) > before
    wait_for(takes_a_thread, 'a read in a thread')


SPILLING = r'''
    proxy_buffers 4 4k; proxy_busy_buffers_size 4k; proxy_buffer_size 4k;
    upstream self { server 127.0.0.1:%%origin%%; }
    server { listen 127.0.0.1:%%origin%%; root %%PREFIX%%/html; sendfile on; }
    server {
        listen 127.0.0.1:%%main%%;
        location / { proxy_pass http://self; aio threads; aio_write on; }
        location /copied/ { proxy_pass http://self/; aio threads=small; aio_write on; sendfile off; }
        location /full/ { proxy_pass http://self/; aio threads=full; aio_write on; }
    }
'''
SPILLED = os.urandom(9 << 20)
FULL_DISK = r'''
    server { listen 127.0.0.1:%%origin%%; root %%PREFIX%%/html; }
    server {
        listen 127.0.0.1:%%main%%; proxy_temp_path small;
        location /plain/ { proxy_pass http://127.0.0.1:%%origin%%/; }
        location /threads/ { proxy_pass http://127.0.0.1:%%origin%%/; aio threads; aio_write on; }
    }
'''


@pytest.fixture(scope='module')
def spilling(module_server):
    s = module_server(SPILLING, main=f'{MAIN} thread_pool full threads=1 max_queue=0;', files={'html/big': SPILLED})
    s.spare_descriptors(8)
    return s


@pytest.mark.parametrize('way', ['', '/copied'])
def test_answers_are_written_to_files_by_threads(spilling, way):
    c = spilling.connect(receive_buffer=65536)
    c.send(f'GET {way}/big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    c.wait_readable()
    spilling.wait_log(f'an upstream response is buffered to a temporary file .* request: "GET {way}/big')
    assert c.response().body == SPILLED and c.is_closed()


@pytest.mark.parametrize('way', ['', '/copied'])
def test_a_client_that_leaves_while_a_thread_writes(spilling, way):
    for _ in range(20):
        c = spilling.connect(receive_buffer=65536)
        c.send(f'GET {way}/big HTTP/1.1\r\nHost: a\r\n\r\n')
        c.wait_readable()
        c.reset()
    assert spilling.get(f'{way}/none').status == 404


def test_a_write_that_finds_no_place_breaks_the_answer(spilling):
    """One thread, and nobody may wait for it: of several answers that are written at once, not all can be."""
    clients = [spilling.connect(receive_buffer=65536) for _ in range(8)]
    for c in clients:
        c.send('GET /full/big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    spilling.wait_log('thread pool "full" queue overflow')
    assert min(len(c.rest()) for c in clients) < len(SPILLED)


@pytest.mark.parametrize('way', ['plain', 'threads'])
def test_a_full_disk_is_named(server, way):
    """The answer breaks, and the log says which file has no room."""
    s = server(FULL_DISK, files={'html/big': SPILLED, 'small/.keep': b''})
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k,mode=777', 'none', s.prefix / 'small'], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip('it takes the right to mount')
    try:
        with s.connect(receive_buffer=65536) as c:
            c.send(f'GET /{way}/big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
            s.wait_log(rf'\[crit\] .* pwritev?\(\) "{s.prefix}/small/\d+" failed \(28: No space left on device\) while (reading upstream|sending to client), client: ')
            assert len(c.rest()) < len(SPILLED)
    finally:
        s.quit()
        subprocess.run(['umount', s.prefix / 'small'], check=True)


TCP_DATA_SEGS_IN = 152  # offset in struct tcp_info
CORKS = '''
    server {
        listen 127.0.0.1:%%main%%; root %%PREFIX%%/html; sendfile on; tcp_nopush on; keepalive_requests 10000;
        location /pushed/ { alias %%PREFIX%%/html/; tcp_nopush off; }
        location /threads/ { alias %%PREFIX%%/html/; aio threads; }
    }
'''


@pytest.fixture(scope='module')
def corking(module_server):
    return module_server(CORKS, files={'html/f': os.urandom(100_000), 'html/small': os.urandom(50_000)})


def received_segments(port, target):
    """Packets with data that a client whose network is narrow gets, and the fewest that would do."""
    with socket.socket() as client:
        client.settimeout(10)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)
        client.connect(('127.0.0.1', port))
        client.sendall(request('GET', target, {'Connection': 'close'}))
        size = 0
        while piece := client.recv(65536):
            size += len(piece)
        assert size > 50_000
        largest = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        count = struct.unpack_from('I', client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), TCP_DATA_SEGS_IN)[0]
        return count, -(-size // largest)


def segments(port, target):
    """The same, without those that TCP sends twice where a client is given no time to acknowledge them."""
    return min(received_segments(port, target) for _ in range(5))


def test_nopush_fills_packets(corking):
    assert segments(corking.port(), '/f')[0] <= segments(corking.port(), '/pushed/f')[0]


@pytest.mark.sluice_only('it sends one packet more than need be')
@pytest.mark.parametrize('target', ['/f', '/threads/f', '/pushed/small'])
def test_packets_are_filled(corking, target):
    count, fewest = segments(corking.port(), target)
    assert count == fewest


@pytest.mark.sluice_only('its heads and ends are packets of their own')
def test_the_head_of_a_large_file_does_not_wait_for_it(corking):
    count, fewest = segments(corking.port(), '/pushed/f')
    assert count == fewest + 1


@pytest.mark.parametrize('target', ['/f', '/threads/f'])
def test_nopush_does_not_hold_back_the_end(corking, target):
    """Where the last packet waited for an acknowledgement that is delayed, each would take 40 ms."""
    with corking.connect() as c:
        start = time.monotonic()
        for _ in range(50):
            assert len(c.get(target).body) == 100_000
        assert time.monotonic() - start < 1
