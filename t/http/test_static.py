"""Static files: root, alias, index, try_files, types, methods, directory redirects, caches of open files, ways of reading."""
import os
import re

import pytest

from lib import processes
from lib.wait import wait_for

CONF = r'''
    types { text/html html htm; text/css css; image/png png; application/x-multi a.b; }
    default_type application/octet-stream;
    server {
        listen 127.0.0.1:%%main%%;
        root %%PREFIX%%/html;
        location /alias/ { alias %%PREFIX%%/html/dir/; }
        location /aliasfile { alias %%PREFIX%%/html/a.css; }
        location ~ ^/re/(.*)$ { alias %%PREFIX%%/html/dir/$1; }
        location /root2/ { root %%PREFIX%%/other; }
        location /var/ { root %%PREFIX%%/$arg_d; }
        location /rel/ { root html; }
        location /index/ { index nothing.html second.html index.html; }
        location /indexvar/ { index $arg_i.html /fallback.html; }
        location /noindex/ { index none; }
        location = /fallback.html { return 200 fallback; }
        location /try/ { try_files $uri $uri/ /try/default.txt; }
        location /trycode/ { try_files $uri =410; }
        location /tryargs/ { try_files $uri /echo?u=$uri&$args; }
        location /trynamed/ { try_files $uri @named; }
        location /trydir/ { try_files /dir/ =404; }
        location /tryalias/ { alias %%PREFIX%%/html/dir/; try_files $uri /tryalias/b.txt; }
        location @named { return 200 "named $uri"; }
        location /echo { return 200 "uri=$uri args=$args"; }
        location /types/ { alias %%PREFIX%%/html/; types { text/x-own css; } default_type text/x-other; }
        location /nosendfile/ { alias %%PREFIX%%/html/; sendfile off; }
        location /sendfile/ { alias %%PREFIX%%/html/; sendfile on; tcp_nopush on; sendfile_max_chunk 64k; }
        location /direct/ { alias %%PREFIX%%/html/; directio 4k; }
        location /threads/ { alias %%PREFIX%%/html/; aio threads; }
        location /bigout/ { alias %%PREFIX%%/html/; sendfile off; output_buffers 2 128k; }
        location /etagoff/ { alias %%PREFIX%%/html/; etag off; }
    }
'''
BIG = os.urandom(1 << 20)
FILES = {
    'html/a.css': 'body{}', 'html/dir/b.txt': 'b', 'html/dir/index.html': 'dir index', 'other/root2/x': 'other', 'html/rel/x': 'rel',
    'html/index/second.html': 'second', 'html/index/index.html': 'index', 'html/indexvar/one.html': 'one', 'html/noindex/x': 'x',
    'html/try/f': 'f', 'html/try/default.txt': 'default', 'html/try/d/index.html': 'try dir', 'html/trycode/f': 'f',
    'html/var/x': 'var', 'html/empty': '', 'html/big': BIG, 'html/no-extension': 'n', 'html/UPPER.CSS': 'u', 'html/sp ace.html': 'sp',
    'html/.hidden.css': 'h', 'html/.css': 'c', 'html/two.dots.css': 't', 'html/q?m.html': 'q', 'html/ä.html': 'ae', 'html/dot.': 'd',
}


@pytest.fixture(scope='module')
def site(module_server):
    s = module_server(CONF, files=FILES)
    s.write('html/noread', 'x')
    return s


@pytest.mark.parametrize('target, body', [
    ('/a.css', 'body{}'), ('/dir/', 'dir index'), ('/alias/b.txt', 'b'), ('/alias/', 'dir index'), ('/aliasfile', 'body{}'),
    ('/re/b.txt', 'b'), ('/root2/x', 'other'), ('/var/x?d=html', 'var'), ('/rel/x', 'rel'), ('/index/', 'second'),
    ('/indexvar/?i=one', 'one'), ('/indexvar/?i=two', 'fallback'), ('/try/f', 'f'), ('/try/none', 'default'), ('/try/d/', 'try dir'),
    ('/trycode/f', 'f'), ('/tryargs/x?a=b', 'uri=/echo args=u=/tryargs/x&a=b'), ('/trynamed/x', 'named /trynamed/x'),
    ('/tryalias/b.txt', 'b'), ('/empty', ''), ('/sp%20ace.html', 'sp'), ('/q%3Fm.html', 'q'),
    ('/%C3%A4.html', 'ae'), ('/dir/../a.css', 'body{}'), ('/.hidden.css', 'h'), ('/dot.', 'd'),
])
def test_file(site, target, body):
    r = site.get(target)
    assert (r.status, r.text) == (200, body)
    if 'args' not in body and body not in ('fallback',) and 'named' not in body:
        assert r.headers['Content-Length'] == str(len(r.body)) and r.headers['Accept-Ranges'] == 'bytes'


@pytest.mark.parametrize('target, status', [
    ('/none', 404), ('/noindex/', 403), ('/dir/b.txt/', 404), ('/dir/b.txt/x', 404), ('/trycode/none', 410), ('/a.css%00', 400),
    ('/' + 'x' * 300, 404), ('/alias', 404), ('/try/d/none', 200),
])
def test_status(site, target, status):
    assert site.get(target).status == status


@pytest.mark.parametrize('target, kind', [
    ('/a.css', 'text/css'), ('/no-extension', 'application/octet-stream'), ('/UPPER.CSS', 'text/css'), ('/dir/', 'text/html'),
    ('/types/a.css', 'text/x-own'), ('/types/dir/b.txt', 'text/x-other'), ('/.hidden.css', 'text/css'), ('/two.dots.css', 'text/css'),
    ('/aliasfile', 'application/octet-stream'), ('/dot.', 'application/octet-stream'),
    ('/.css', 'application/octet-stream'),
])
def test_type(site, target, kind):
    assert site.get(target).headers['Content-Type'] == kind


def test_not_found_is_logged(site):
    site.get('/none')
    site.wait_log(r'\[error\] \d+#\d+: \*\d+ open\(\) "' + str(site.prefix) + r'/html/none" failed \(2: No such file or directory\), client: 127.0.0.1, '
                  r'server: , request: "GET /none HTTP/1.1", host: "localhost"')
    site.get('/noindex/')
    site.wait_log(r'directory index of "' + str(site.prefix) + r'/html/noindex/" is forbidden, client: ')


def test_directory_redirect(site):
    r = site.get('/dir?a=b', host='h.example')
    assert (r.status, r.location) == (301, f'http://h.example:{site.port()}/dir/?a=b')
    assert site.get('/trydir/').location == f'http://localhost:{site.port()}/dir/'  # the slash told what to look for, no more
    assert site.get('/try/d').location == f'http://localhost:{site.port()}/try/d/'


@pytest.mark.parametrize('method, status', [('POST', 405), ('PUT', 405), ('DELETE', 405), ('OPTIONS', 405), ('PATCH', 405), ('FOO', 405)])
def test_method(site, method, status):
    assert site.request(method, '/a.css').status == status


def test_trace_is_refused(site):
    assert site.request('TRACE', '/a.css').status == 405


def test_head(site):
    with site.connect() as c:
        head, get = c.request('HEAD', '/a.css'), c.get('/a.css')
    assert head.body == b'' and get.body == b'body{}'
    same = [(name, value) for name, value in get.headers if name != 'Date']
    assert [(name, value) for name, value in head.headers if name != 'Date'] == same


def test_validators(site):
    info = os.stat(site.prefix / 'html/a.css')
    r = site.get('/a.css')
    assert r.headers['ETag'] == f'"{int(info.st_mtime):x}-{info.st_size:x}"'
    assert re.fullmatch(r'\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT', r.headers['Last-Modified'])
    assert 'ETag' not in site.get('/etagoff/a.css').headers


@pytest.mark.parametrize('way', ['', '/nosendfile', '/sendfile', '/direct', '/threads', '/bigout'])
def test_big_file(site, way):
    r = site.get(f'{way}/big')
    assert r.status == 200 and r.body == BIG
    with site.connect() as c:
        for _ in range(3):
            assert c.get(f'{way}/big').body == BIG
        part = c.get(f'{way}/big', {'Range': 'bytes=1000-500999'})
        assert part.status == 206 and part.body == BIG[1000:501000]


def test_slow_reader_gets_everything(site):
    c = site.connect(receive_buffer=4096)
    c.send('GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert c.response().body == BIG and c.is_closed()


def test_client_that_leaves_frees_the_file(site):
    c = site.connect(receive_buffer=4096)
    c.send('GET /big HTTP/1.1\r\nHost: a\r\n\r\n')
    c.wait_readable()
    c.reset()


def test_changed_file_is_seen_at_once(site):
    path = site.write('html/change', 'one')
    assert site.get('/change').text == 'one'
    path.write_text('other')
    assert site.get('/change').text == 'other'
    path.unlink()
    assert site.get('/change').status == 404
    site.write('html/change', 'back')
    assert site.get('/change').text == 'back'


def test_replaced_file_is_seen_at_once(site):
    path = site.write('html/swap', 'old')
    assert site.get('/swap').text == 'old'
    info = path.stat()
    fresh = site.write('html/swap.new', 'new')
    os.utime(fresh, ns=(info.st_atime_ns, info.st_mtime_ns))
    fresh.rename(path)
    assert site.get('/swap').text == 'new'


LARGE = 200_000


def test_replaced_large_file_is_seen_at_once(site):
    """Large files stay open for a moment: another one in their place, or none, is seen all the same."""
    with site.connect() as c:
        for letter in 'abc':
            site.write('html/new', letter * LARGE)
            os.replace(site.prefix / 'html/new', site.prefix / 'html/replaced-large')
            assert c.get('/replaced-large').body == (letter * LARGE).encode()
            assert c.get('/replaced-large').body == (letter * LARGE).encode()
        os.unlink(site.prefix / 'html/replaced-large')
        assert c.get('/replaced-large').status == 404


def test_changed_large_file_is_seen_at_once(site):
    with site.connect() as c:
        for size in (LARGE, LARGE + 1, LARGE - 1):
            site.write('html/changed-large', 'x' * size)
            first, second = c.get('/changed-large'), c.get('/changed-large')
            assert len(first.body) == len(second.body) == size
            assert first.headers['ETag'] == second.headers['ETag']


def test_no_file_stays_open_that_nobody_asks_for(site):
    site.write('html/once', 'x' * LARGE)
    assert len(site.get('/once').body) == LARGE
    wait_for(lambda: not [name for pid in site.workers() for name in processes.descriptors(pid).values() if name.endswith('html/once')],
             'the file closed')


def test_more_large_files_than_stay_open(site):
    names = [f'html/many/{i}' for i in range(100)]
    for name in names:
        site.write(name, name * (LARGE // len(name)))
    with site.connect() as c:
        for name in names + names:
            assert c.get(name.removeprefix('html')).body.startswith(f'{name}{name}'.encode())
        opened = [name for pid in site.workers() for name in processes.descriptors(pid).values() if '/many/' in name]
        assert len(opened) <= 32 * len(site.workers())


def test_unreadable(server):
    s = server('server { listen 127.0.0.1:%%main%%; }', main='user nobody nogroup;', files={'html/x': 'x', 'html/d/y': 'y'})
    (s.prefix / 'html/x').chmod(0)
    (s.prefix / 'html/d').chmod(0)
    assert s.get('/x').status == 403
    s.wait_log(r'open\(\) ".*/html/x" failed \(13: Permission denied\)')
    assert s.get('/d/y').status == 403


def test_special_file_is_refused(site):
    os.mkfifo(site.prefix / 'html/fifo')
    assert site.get('/fifo').status == 404
    site.wait_log(r'/html/fifo" is not a regular file')


def test_log_not_found_off(server):
    s = server('log_not_found off; server { listen 127.0.0.1:%%main%%; location /y { log_not_found on; } }')
    assert s.get('/quiet').status == 404
    assert s.get('/y').status == 404
    s.wait_log('/html/y" failed')
    assert '/html/quiet' not in s.log()


def test_open_file_cache(server):
    s = server('open_file_cache max=10 inactive=60s; open_file_cache_valid 60s; open_file_cache_errors on; open_file_cache_min_uses 1;'
               'server { listen 127.0.0.1:%%main%%; }', files={'html/f': 'first'})
    s.spare_descriptors(3)
    assert s.get('/f').text == 'first'
    fresh = s.write('html/new', 'second')
    fresh.rename(s.prefix / 'html/f')
    assert s.get('/f').text == 'first'
    assert s.get('/none').status == 404
    s.write('html/none', 'now')
    assert s.get('/none').status == 404


def test_open_file_cache_evicts(server):
    s = server('open_file_cache max=2 inactive=60s; open_file_cache_min_uses 1; server { listen 127.0.0.1:%%main%%; }',
               files={f'html/{n}': str(n) for n in range(6)})
    s.spare_descriptors(2)
    for _ in range(2):
        assert [s.get(f'/{n}').text for n in range(6)] == [str(n) for n in range(6)]


@pytest.mark.parametrize('mode, link, file, folder', [
    ('off', 200, 200, 200), ('on', 403, 200, 404), ('if_not_owner', 200, 200, 200), ('on from=$document_root', 403, 200, 404),
])
def test_disable_symlinks(server, mode, link, file, folder):
    s = server('server { listen 127.0.0.1:%%main%%; disable_symlinks ' + mode + '; }', files={'html/d/f': 'f'})
    os.symlink('d/f', s.prefix / 'html/link')
    os.symlink('d', s.prefix / 'html/folder')
    assert [s.get(target).status for target in ('/link', '/d/f', '/folder/f')] == [link, file, folder]


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root to give a file away')
def test_disable_symlinks_of_others(server):
    s = server('server { listen 127.0.0.1:%%main%%; disable_symlinks if_not_owner; }', files={'html/f': 'f', 'html/foreign': 'x'})
    os.symlink('foreign', s.prefix / 'html/link')
    os.chown(s.prefix / 'html/foreign', 65534, 65534)
    assert s.get('/link').status == 403


@pytest.mark.sluice_only('it takes its prefix for the folder then')
def test_a_folder_that_has_no_name(server):
    """Everything below the prefix would be served, its configuration too."""
    s = server('server { listen 127.0.0.1:%%main%%; location / { root $arg_in; } location /of/ { alias $arg_in; } }', files={'html/f': 'f'})
    assert [s.get(target).status for target in ('/f?in=html', '/of/f?in=html/', '/conf/nginx.conf', '/of/conf/nginx.conf')] == [200, 200, 500, 500]
    s.wait_log(r'\[error\] .* "root \$arg_in" has no value here, client: .* request: "GET /conf/nginx\.conf ')
    s.wait_log(r'\[error\] .* "alias \$arg_in" has no value here, client: .* request: "GET /of/conf/nginx\.conf ')
