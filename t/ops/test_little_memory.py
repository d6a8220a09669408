"""Memory that runs out while a configuration is read: one sentence, and what runs goes on."""
import re
import resource
import subprocess

import pytest

from lib import binary, processes
from lib.wait import wait_for

NO_MEMORY = r'\[emerg\] .*\(12: Cannot allocate memory\)'
MANY = ''.join(f'location /of/many/{n} {{ return 200 {n}; }}\n' for n in range(4000))

pytestmark = pytest.mark.skipif('-fsanitize' in binary.version_text(binary.path()), reason='a sanitizer takes all addresses')


def limit(pid, spare):
    """Lets the process have so many bytes of addresses more than it has; None lifts the limit."""
    has = int(re.search(rb'^VmSize:\s*(\d+)', processes.read(pid, 'status'), re.M)[1]) * 1024
    most = resource.RLIM_INFINITY if spare is None else has + spare
    resource.prlimit(pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


@pytest.mark.parametrize('spare', [0, 500_000, 1_500_000, 3_000_000])
def test_a_reload_without_memory_changes_nothing(server, conf, spare):
    s = server(conf(server='location / { return 200 first; }'))
    s.excuse(NO_MEMORY)
    before = s.workers()
    s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace('location / {', f'{MANY} location / {{'))
    limit(s.process.pid, spare)
    s.signal('HUP')
    s.wait_log(NO_MEMORY)
    assert s.workers() == before and s.get('/of/many/7').body == b'first'
    limit(s.process.pid, None)
    s.reload()
    assert s.get('/of/many/7').body == b'7'


def test_no_shortage_of_memory_ends_the_master(server, conf):
    """Of all that a reload needs memory for, each is once what lacks it: modules, the trial of io_uring, zones."""
    s = server(conf(http='upstream back { zone back 2m; server 127.0.0.1:1; }', server='location / { return 200 first; }'))
    s.excuse(r'\[(emerg|alert)\]')
    ends = r'\[emerg\]|gracefully shutting down'
    if binary.is_nginx(s.binary):
        ends += r'|\[alert\] .*mmap\('  # it says no more where a zone has no memory
    count = len(s.workers())
    s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace('200 first', '200 second'))
    for spare in range(0, 64_000_000, 400_000):
        limit(s.process.pid, spare)
        seen = len(s.log())
        s.signal('HUP')
        wait_for(lambda: re.search(ends, s.log()[seen:]), lambda: f'an end of the reload:\n{s.log()[seen:]}')
        assert processes.alive(s.process.pid), (spare, s.log()[seen:])
        if s.get('/').body == b'second':
            break
    assert 0 < spare < 60_000_000
    wait_for(lambda: len(s.workers()) == count, 'the end of the old workers')
    limit(s.process.pid, None)
    s.reload()
    assert s.get('/').body == b'second'


def test_a_reload_that_has_just_enough_memory(server, conf):
    """Where memory is limited, what is tried first is not what serves then."""
    s = server(conf(server='location / { return 200 first; }'))
    limit(s.process.pid, 400_000_000)
    s.write('conf/nginx.conf', s.read('conf/nginx.conf').replace('200 first', '200 second'))
    s.reload()
    assert s.get('/').body == b'second'
    s.excuse('unknown directive "nonsense"')
    before = s.workers()
    s.write('conf/nginx.conf', s.read('conf/nginx.conf') + 'nonsense on;\n')
    s.signal('HUP')
    s.wait_log(r'\[emerg\] .*unknown directive "nonsense"')
    assert s.workers() == before and s.log().count('unknown directive') == 1


def test_a_reload_without_memory_and_without_a_master(server, conf):
    s = server(conf(main='master_process off;', server='location / { return 200 first; }'))
    s.excuse(NO_MEMORY)
    good = s.read('conf/nginx.conf')
    s.write('conf/nginx.conf', good.replace('location / {', f'{MANY} location / {{'))
    limit(s.process.pid, 1_500_000)
    s.signal('HUP')
    s.wait_log(NO_MEMORY)
    limit(s.process.pid, None)
    assert s.get('/of/many/7').body == b'first'


def test_a_test_without_memory(tmp_path):
    """Wherever memory ends, there is one sentence and exit code 1."""
    (tmp_path / 'logs').mkdir()
    (tmp_path / 'test.conf').write_text(
        f'error_log logs/error.log;\npid logs/server.pid;\nevents {{}}\nhttp {{ server {{ listen 127.0.0.1:1; {MANY} }} }}\n')
    ends = set()
    for megabytes in range(8, 80, 2):
        done = subprocess.run(['sh', '-c', f'ulimit -v {megabytes * 1024}; exec "$@"', 'sh', binary.path(), '-p', f'{tmp_path}/',
                               '-c', 'test.conf', '-e', 'stderr', '-t'], capture_output=True, text=True, timeout=30, check=False)
        if done.returncode == 127:  # the system has not even loaded it
            continue
        ends.add(done.returncode)
        if done.returncode == 0:
            break
        assert done.returncode == 1, (megabytes, done)
        assert re.search(f'{NO_MEMORY}|\\[emerg\\] .*dlopen\\(\\) ', done.stderr), (megabytes, done.stderr)
        assert done.stderr.endswith('test failed\n'), (megabytes, done.stderr)
    assert ends == {0, 1}
