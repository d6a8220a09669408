"""open_file_cache: what a worker remembers of files, for how long, and what it looks at again."""
import os

import pytest

from lib import processes
from lib.wait import wait_for

LARGE = 100_000  # so large that no server keeps the bytes themselves


def start(server, directives, files, inner=''):
    s = server(f'{directives} server {{ listen 127.0.0.1:%%main%%; {inner} }}', files=files)
    s.spare_descriptors(20)
    return s


def replace(s, name, content):
    """Another file takes the name."""
    s.write('html/fresh', content).rename(s.prefix / 'html' / name)


def open_files(s):
    worker, = s.workers()
    return sorted(name for name in processes.descriptors(worker).values() if '/html/' in name)


def comes(s, target, body):
    """Waits until the target gives this body."""
    wait_for(lambda: s.get(target).text == body, lambda: f'{target} is still {s.get(target).text[:60]!r}')


@pytest.mark.parametrize('size', [1, LARGE], ids=['small', 'large'])
def test_a_replaced_file_is_seen_when_valid_has_passed(server, size):
    s = start(server, 'open_file_cache max=10; open_file_cache_valid 1s;', {'html/f': 'a' * size})
    assert s.get('/f').text == 'a' * size
    replace(s, 'f', 'b' * size)
    assert s.get('/f').text == 'a' * size
    comes(s, '/f', 'b' * size)


@pytest.mark.parametrize('size', [1, LARGE], ids=['small', 'large'])
def test_a_removed_file_is_served_on(server, size):
    s = start(server, 'open_file_cache max=10; open_file_cache_valid 1s;', {'html/f': 'a' * size})
    assert s.get('/f').text == 'a' * size
    os.unlink(s.prefix / 'html/f')
    assert s.get('/f').text == 'a' * size
    wait_for(lambda: s.get('/f').status == 404, lambda: 'the end of the file')
    s.write('html/f', 'back')
    comes(s, '/f', 'back')


@pytest.mark.parametrize('size', [1, LARGE], ids=['small', 'large'])
def test_a_file_that_grows(server, size):
    """Its length is the one that was seen, for as long as that is valid."""
    s = start(server, 'open_file_cache max=10; open_file_cache_valid 1s;', {'html/f': 'a' * size})
    assert s.get('/f').text == 'a' * size
    with open(s.prefix / 'html/f', 'a', encoding='ascii') as file:
        file.write('more')
    assert s.get('/f').text == 'a' * size
    comes(s, '/f', 'a' * size + 'more')


def test_head_and_validators_come_from_the_cache(server):
    s = start(server, 'open_file_cache max=10;', {'html/f': 'a' * LARGE})
    first = s.get('/f')
    replace(s, 'f', 'b')
    assert s.request('HEAD', '/f').headers['Content-Length'] == str(LARGE)
    assert s.get('/f', {'If-None-Match': first.headers['ETag']}).status == 304
    assert s.get('/f', {'Range': 'bytes=1-2'}).body == b'aa'


def test_errors_are_kept_where_that_is_said(server):
    s = start(server, 'open_file_cache max=10; open_file_cache_valid 1s;', {},
              'location /kept/ { open_file_cache_errors on; } location /fresh/ { }')
    os.makedirs(s.prefix / 'html/kept')
    os.makedirs(s.prefix / 'html/fresh')
    for place in ('kept', 'fresh'):
        assert s.get(f'/{place}/f').status == 404
        s.write(f'html/{place}/f', 'now')
    assert s.get('/fresh/f').text == 'now'
    assert s.get('/kept/f').status == 404
    comes(s, '/kept/f', 'now')


@pytest.mark.parametrize('size', [1, LARGE], ids=['small', 'large'])
def test_fewer_uses_than_min_uses_keep_nothing_open(server, size):
    s = start(server, 'open_file_cache max=10; open_file_cache_min_uses 3;', {'html/f': 'a' * size})
    assert s.get('/f').text == 'a' * size
    assert open_files(s) == []
    replace(s, 'f', 'b' * size)
    assert s.get('/f').text == 'b' * size
    replace(s, 'f', 'c' * size)
    assert s.get('/f').text == 'c' * size  # the third use: from now on it is kept
    replace(s, 'f', 'd' * size)
    assert s.get('/f').text == 'c' * size


def test_inactive_entries_go(server):
    s = start(server, 'open_file_cache max=10 inactive=1s;', {'html/f': 'a' * LARGE, 'html/other': 'x'})
    assert s.get('/f').text == 'a' * LARGE
    assert len(open_files(s)) == 1
    replace(s, 'f', 'b')

    def is_gone():
        s.get('/other')
        return not any('/f' in name for name in open_files(s))
    wait_for(is_gone, lambda: f'the end of the entry: {open_files(s)}')
    assert s.get('/f').text == 'b'


def test_the_least_recently_used_goes_first(server):
    s = start(server, 'open_file_cache max=3;', {f'html/{name}': name * LARGE for name in 'abcd'})
    for name in 'abcabd':  # d takes the place of c
        s.get(f'/{name}')
    names = [os.path.basename(path) for path in open_files(s)]
    assert names == ['a', 'b', 'd']
    for name in 'abcd':
        replace(s, name, 'new')
    assert [s.get(f'/{name}').text[:3] for name in 'abd'] == ['aaa', 'bbb', 'ddd']
    assert s.get('/c').text == 'new'


def test_index(server):
    s = start(server, 'open_file_cache max=10;', {'html/d/index.html': 'one', 'html/d/second.html': 'two'}, 'index index.html second.html;')
    assert s.get('/d/').text == 'one'
    os.unlink(s.prefix / 'html/d/index.html')
    assert s.get('/d/').text == 'one'


def test_try_files(server):
    s = start(server, 'open_file_cache max=10; open_file_cache_errors on;', {'html/f': 'f'},
              'try_files $uri $uri/ =410;')
    assert s.get('/f').text == 'f'
    assert s.get('/none').status == 410
    os.unlink(s.prefix / 'html/f')
    s.write('html/none', 'now')
    assert s.get('/f').text == 'f'
    assert s.get('/none').status == 410


def test_folders_are_kept(server):
    s = start(server, 'open_file_cache max=10;', {})
    os.mkdir(s.prefix / 'html/d')
    assert s.get('/d').status == 301
    os.rmdir(s.prefix / 'html/d')
    assert s.get('/d').status == 301


def test_each_directive_is_a_cache_of_its_own(server):
    s = start(server, 'open_file_cache max=10;', {'html/f': 'old'},
              'location /a/ { alias %%PREFIX%%/html/; } location /b/ { alias %%PREFIX%%/html/; }'
              'location /own/ { alias %%PREFIX%%/html/; open_file_cache max=5; } location /off/ { alias %%PREFIX%%/html/; open_file_cache off; }')
    assert s.get('/a/f').text == 'old'
    replace(s, 'f', 'new')
    assert [s.get(f'/{place}/f').text for place in ('a', 'b', 'own', 'off')] == ['old', 'old', 'new', 'new']


def test_valid_belongs_to_who_asks(server):
    s = start(server, 'open_file_cache max=10;', {'html/f': 'old'},
              'location /long/ { alias %%PREFIX%%/html/; } location /short/ { alias %%PREFIX%%/html/; open_file_cache_valid 0; }')
    assert s.get('/long/f').text == 'old'
    replace(s, 'f', 'new')
    assert s.get('/long/f').text == 'old'
    assert s.get('/short/f').text == 'new'
    assert s.get('/long/f').text == 'new'


@pytest.mark.parametrize('way', ['', 'sendfile on;', 'directio 4k;', 'aio threads;', 'sendfile on; aio threads;'])
def test_a_file_that_leaves_the_cache_is_sent_to_its_end(server, way):
    s = start(server, f'open_file_cache max=1; {way}', {'html/big': os.urandom(4 << 20), 'html/other': 'x' * LARGE})
    content = (s.prefix / 'html/big').read_bytes()
    c = s.connect(receive_buffer=4096)
    c.send('GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    c.wait_readable()
    assert len(s.get('/other').body) == LARGE
    os.unlink(s.prefix / 'html/big')
    assert c.response().body == content
    wait_for(lambda: len(open_files(s)) == 1, lambda: f'only the last stays open: {open_files(s)}')


def test_a_link_is_checked_with_its_own_rules(server):
    s = start(server, 'open_file_cache max=10;', {'html/f': 'f'},
              'location /free/ { alias %%PREFIX%%/html/; } location /strict/ { alias %%PREFIX%%/html/; disable_symlinks on; }')
    os.symlink('f', s.prefix / 'html/link')
    for _ in range(2):
        assert [s.get(f'/{place}/link').status for place in ('free', 'strict', 'free', 'strict')] == [200, 403, 200, 403]


def test_a_reload_forgets(server):
    s = start(server, 'open_file_cache max=10;', {'html/f': 'old'})
    assert s.get('/f').text == 'old'
    replace(s, 'f', 'new')
    assert s.get('/f').text == 'old'
    s.reload()
    assert s.get('/f').text == 'new'
